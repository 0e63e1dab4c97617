/**
 * `Response` (Fetch, section 5.4), as workerd has it (src/workerd/api/http.c++).
 *
 * A response can carry the client end of a WebSocket pair (reference 1.6). Bodies are sent as they are: a
 * `Content-Encoding` is not carried out.
 */

import { body_drop, url_normalize } from "dormouse:ops";
import { BODY, Body, cloned, flatIn, headersIn } from "./body.js";
import { USED, contentOf, contentOfHost, contentOfJson, give, giveType } from "./content.js";
import { listFrom, valueIn } from "./headers.js";
import { finish, isObject, toText, wrongArgument, wrongConstructorArgument, wrongField } from "./idl.js";
import { jsonCopy, toInt } from "./values.js";
import { WebSocket, clientOf, dropClient, useInResponse } from "./websocket.js";

/** How the platform makes responses. */
const INTERNAL = Symbol("internal");

const DICTIONARY = "InitializerDict";

const CONTROL = /[\0-\x1f]/;

/**
 * @typedef {import("./body.js").Message & {
 *     status: number,
 *     statusText: string,
 *     cf: any,
 *     webSocket: any,
 *     url: string,
 *     isRedirected: boolean,
 * }} ResponseRecord
 */

/** The record of a response; undefined for any other value. @type {(value: any) => ResponseRecord | undefined} */
let recordOf;

export class Response extends Body {
    /** @type {ResponseRecord} */
    #record;

    /**
     * @param {any} [body]
     * @param {any} [init]
     */
    constructor(body = undefined, init = undefined) {
        const record = body === INTERNAL ? init : recordFrom(body, init);
        super(BODY, record);
        this.#record = record;
    }

    static error() {
        return new Response(INTERNAL, { __proto__: PLAIN, flat: [], status: 0 });
    }

    /**
     * @param {unknown} value
     * @param {any} [init]
     */
    static json(value, init) {
        if (arguments.length < 1) {
            throw wrongArgument("Response", "json", 1, "Value");
        }
        // What JSON cannot say becomes the text `undefined`.
        return new Response(INTERNAL, withContent(contentOfJson(String(JSON.stringify(value))), init));
    }

    /**
     * @param {string} url
     * @param {number} [status]
     */
    static redirect(url, status) {
        if (arguments.length < 1) {
            throw wrongArgument("Response", "redirect", 1, "string");
        }
        const [text, code] = [toText(url), status === undefined ? 302 : toInt(status)];
        if (![301, 302, 303, 307, 308].includes(code)) {
            throw new RangeError(
                `${code} is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.`,
            );
        }
        const href = url_normalize(text);
        if (href === null) {
            throw new TypeError(`Unable to parse URL: ${text}`);
        }
        const record = { __proto__: PLAIN, flat: ["location", href], status: code, isImmutable: true };
        return new Response(INTERNAL, record);
    }

    get status() {
        return this.#record.status;
    }

    get statusText() {
        return this.#record.statusText;
    }

    get headers() {
        return headersIn(this.#record);
    }

    get ok() {
        const { status } = this.#record;
        return status >= 200 && status < 300;
    }

    get redirected() {
        return this.#record.isRedirected;
    }

    get url() {
        return this.#record.url;
    }

    get webSocket() {
        return this.#record.webSocket;
    }

    get cf() {
        return this.#record.cf;
    }

    get type() {
        return this.#record.status === 0 ? "error" : "default";
    }

    clone() {
        const record = this.#record;
        if (record.webSocket !== null) {
            throw new TypeError("Cannot clone a response to a WebSocket handshake.");
        }
        return new Response(INTERNAL, { __proto__: PLAIN, ...cloned(record), cf: jsonCopy(record.cf) });
    }

    static {
        recordOf = (value) => (isObject(value) && #record in value ? value.#record : undefined);
    }
}

finish(Response);

/** What most responses are: a record that has only what is special about it is made in half the time. */
const PLAIN = {
    content: null,
    headers: null,
    isImmutable: false,
    status: 200,
    statusText: "",
    cf: undefined,
    webSocket: null,
    url: "",
    isRedirected: false,
};

/** @returns {ResponseRecord} */
function freshRecord() {
    return /** @type {any} */ ({ __proto__: PLAIN, flat: [] });
}

/**
 * @param {any} body
 * @param {any} init
 * @returns {ResponseRecord}
 */
function recordFrom(body, init) {
    const record = init === undefined ? freshRecord() : recordLike(init);
    return withBody(record, body === undefined || body === null ? null : contentOf(body));
}

/**
 * @param {import("./content.js").Content} content
 * @param {any} init
 */
function withContent(content, init) {
    return withBody(init === undefined ? freshRecord() : recordLike(init), content);
}

/**
 * @param {any} init
 * @returns {ResponseRecord}
 */
function recordLike(init) {
    const record = freshRecord();
    const like = recordOf(init);
    if (like !== undefined) {
        const { status, statusText, webSocket } = like;
        Object.assign(record, { status, statusText, webSocket, flat: flatIn(like).slice(), cf: jsonCopy(like.cf) });
    } else if (isObject(init)) {
        readInto(record, init);
    } else if (init !== null) {
        throw wrongConstructorArgument("Response", 2, `${DICTIONARY} or Response`);
    }
    checkStatus(record);
    return record;
}

/**
 * The members of a dictionary, read in the order that workerd reads them in.
 *
 * @param {ResponseRecord} record
 * @param {any} init
 */
function readInto(record, init) {
    const status = init.status;
    if (status !== undefined) {
        record.status = toInt(status);
    }
    const statusText = init.statusText;
    if (statusText !== undefined) {
        record.statusText = toText(statusText);
    }
    const headers = init.headers;
    if (headers !== undefined) {
        if (!isObject(headers)) {
            throw wrongField(DICTIONARY, "headers", "Headers or Sequence or object");
        }
        record.flat = listFrom(headers);
    }
    const { cf, webSocket, encodeBody } = init;
    if (cf !== undefined) {
        if (!isObject(cf)) {
            throw wrongField(DICTIONARY, "cf", "Object");
        }
        record.cf = jsonCopy(cf);
    }
    if (webSocket !== undefined && webSocket !== null) {
        if (!(webSocket instanceof WebSocket)) {
            throw wrongField(DICTIONARY, "webSocket", "WebSocket");
        }
        record.webSocket = webSocket;
    }
    if (encodeBody !== undefined && !["automatic", "manual"].includes(toText(encodeBody))) {
        throw new TypeError(`encodeBody: unexpected value: ${encodeBody}`);
    }
}

/** @param {ResponseRecord} record */
function checkStatus({ status, statusText, webSocket }) {
    if (webSocket !== null) {
        if (status !== 101) {
            throw new RangeError("Responses with a WebSocket must have status code 101.");
        }
    } else if (status < 200 || status > 599) {
        throw new RangeError("Responses may only be constructed with status codes in the range 200 to 599, inclusive.");
    }
    if (statusText !== "" && CONTROL.test(statusText)) {
        throw new TypeError("Invalid statusText");
    }
}

/** A status of responses that have no body (Fetch, section 2.2.3). @param {number} status */
function isBodiless(status) {
    return status === 101 || status === 204 || status === 205 || status === 304;
}

/**
 * @param {ResponseRecord} record
 * @param {import("./content.js").Content | null} content
 */
function withBody(record, content) {
    if (content === null) {
        return record;
    }
    if (isBodiless(record.status)) {
        // Nothing at all may stand for no body.
        if (content.data === null || content.data.length > 0) {
            throw new TypeError("Response with null body status (101, 204, 205, or 304) cannot have a body.");
        }
        return record;
    }
    record.content = content;
    giveType(content, record.flat);
    return record;
}

/**
 * A response that came: status, headers, body and client end.
 *
 * @param {unknown[]} parts
 * @param {string} method What was asked with.
 * @param {string} url Where it came from.
 * @param {boolean} isRedirected
 */
export function responseFromHost(parts, method, url, isRedirected) {
    const [status, flat, body, client, text] = /** @type {[number, string[], any, number | null, string | null]} */ (
        parts
    );
    const isEmpty = method === "HEAD" || isBodiless(status);
    return new Response(INTERNAL, {
        __proto__: PLAIN,
        // Nothing is a body too, where there could be one.
        content: isEmpty ? null : contentOfHost(body ?? new Uint8Array(0)),
        flat,
        isImmutable: true,
        status,
        // As in workerd, which knows the usual text of no other one.
        statusText: text ?? (status === 101 ? "Switching Protocols" : ""),
        webSocket: client === null ? null : clientOf(client),
        url: url.split("#", 1)[0],
        isRedirected,
    });
}

/** Nobody will see a response that came. @param {unknown[]} parts */
export function letGoOfResponse(parts) {
    const [, , body, client] = parts;
    if (typeof body === "number") {
        body_drop(body);
    }
    if (typeof client === "number") {
        dropClient(client);
    }
}

/**
 * A response that a handler has returned, as the host takes it. Its body and its WebSocket are used thereby. If user
 * code writes the body, `sent` is kept when it has done so.
 *
 * @param {any} response
 * @param {string[]} requested The headers of the request.
 */
export function responseToHost(response, requested) {
    const record = recordOf(response);
    if (record === undefined) {
        throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
    }
    const { status, statusText, webSocket, content } = record;
    if (status === 0) {
        throw new TypeError("Return value from serve handler must not be an error response (like Response.error())");
    }
    if (webSocket !== null && valueIn(requested, "upgrade")?.toLowerCase() !== "websocket") {
        throw new TypeError(
            "Worker tried to return a WebSocket in a response to a request which did not contain the header " +
                '"Upgrade: websocket".',
        );
    }
    const { body, sent } = give(content ?? null, USED);
    const client = webSocket === null ? null : useInResponse(webSocket);
    return { status, statusText, headers: flatIn(record), body, client, sent };
}
