/**
 * One exchange: a request that is sent, the redirects on its way (Fetch, section 4.4), and the response, as workerd
 * does it (src/workerd/api/http.c++). How a request travels is the caller's matter.
 *
 * An abort ends the waiting; the other side goes on with what it has. It also ends a WebSocket that has come, without a
 * Close frame and wherever it is by then.
 */

import { socket_cut, socket_tie, socket_untie, url_normalize } from "dormouse:ops";
import { isSignal, whenAborted } from "./abort.js";
import { errorFromHost } from "./errors.js";
import { valueIn } from "./headers.js";
import { requestToHost } from "./request.js";
import { letGoOfResponse, responseFromHost } from "./response.js";

const REDIRECTS_MAX = 20;

const ONE_TIME =
    "A request with a one-time-use body (it was initialized from a stream, not a buffer) encountered a redirect " +
    "requiring the body to be retransmitted. To avoid this error in the future, construct this request from a " +
    "buffer-like body initializer.";

/**
 * Sends the request that `input` and `init` mean, and makes the response of what comes back.
 *
 * @param {(...request: any[]) => Promise<unknown[]>} send Of method, URL, headers, body and `cf`.
 * @param {any} input
 * @param {any} init
 */
export async function exchange(send, input, init) {
    const request = requestToHost(input, init);
    if (!/^https?:/.test(request.url)) {
        throw new TypeError(`Fetch API cannot load: ${request.url}`);
    }
    const { signal } = request;
    if (signal === null) {
        return followed(send, request);
    }
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    try {
        return await Promise.race([promise, followed(send, request)]);
    } finally {
        signal.removeEventListener("abort", abort);
    }
}

/**
 * @param {(...request: any[]) => Promise<unknown[]>} send
 * @param {ReturnType<typeof requestToHost>} request
 */
async function followed(send, request) {
    let { method, headers, body } = request;
    const urls = [request.url];
    for (;;) {
        const url = urls[urls.length - 1];
        const parts = await send(method, url, headers, body, request.cf);
        if (parts[0] === null) {
            throw errorFromHost(parts);
        }
        const [status, flat] = /** @type {[number, string[]]} */ (parts);
        const location = request.redirect === "follow" && isRedirect(status) ? valueIn(flat, "location") : null;
        if (location === null) {
            const client = parts[3];
            if (typeof client === "number" && isSignal(request.signal)) {
                tie(request.signal, client);
            }
            return responseFromHost(parts, method, url, urls.length > 1);
        }
        letGoOfResponse(parts);
        const next = nextUrl(urls, location);
        if (originOf(next) !== originOf(url)) {
            headers = headers.filter((_, at) => headers[at - (at % 2)] !== "authorization");
        }
        if (status !== 303 && typeof body === "number") {
            throw new TypeError(ONE_TIME);
        }
        if (status === 303 ? method !== "HEAD" : status < 303 && method === "POST") {
            method = "GET";
            body = null;
        }
        urls.push(next);
    }
}

/**
 * What the host knows signals by: one leash for all sockets of a signal, so that one which lives long holds nothing of
 * those that have ended.
 *
 * @type {WeakMap<import("./abort.js").AbortSignal, number>}
 */
const leashes = new WeakMap();

/** Signals that nobody can reach any more. @type {FinalizationRegistry<number>} */
const forgotten = new FinalizationRegistry((leash) => socket_untie(leash));

/**
 * Lets a signal end a socket that has come.
 *
 * @param {import("./abort.js").AbortSignal} signal
 * @param {number} client
 */
function tie(signal, client) {
    const have = leashes.get(signal);
    const leash = socket_tie(client, have ?? null);
    if (have === undefined) {
        leashes.set(signal, leash);
        forgotten.register(signal, leash);
        whenAborted(signal, () => socket_cut(leash));
    }
}

/** @param {number} status */
function isRedirect(status) {
    return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * @param {string[]} urls
 * @param {string} location
 */
function nextUrl(urls, location) {
    const next = url_normalize(location, urls[urls.length - 1]);
    if (next === null) {
        throw new TypeError("Invalid Location header; unable to follow redirect.");
    }
    if (urls.length > REDIRECTS_MAX) {
        throw new TypeError(`Too many redirects.${urls.join(", ")}`);
    }
    return next;
}

/** Scheme, host and port of a URL as the host writes it. @param {string} url */
function originOf(url) {
    return url.replace(/^(\w+:\/\/)(?:[^/?#@]*@)?([^/?#]*).*$/s, "$1$2");
}
