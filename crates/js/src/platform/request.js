/**
 * `Request` (Fetch, section 5.3), as workerd has it (src/workerd/api/http.c++).
 *
 * A request's members are a plain record behind one private field; those of a request that came in stay as the host
 * gave them until they are touched. Modes, credentials and referrers mean nothing on a server, and are not there.
 */

import { url_normalize } from "dormouse:ops";
import { BODY, Body, cloned, contentIn, flatIn, headersIn } from "./body.js";
import { RECONSTRUCTED, contentOf, contentOfHost, give, giveType, moved, shared } from "./content.js";
import { listFrom } from "./headers.js";
import { finish, isObject, toText, wrongConstructorArgument, wrongField } from "./idl.js";
import { jsonCopy } from "./values.js";

/** How the platform makes requests. */
const INTERNAL = Symbol("internal");

const DICTIONARY = "RequestInitializerDict";

/** Methods that HTTP servers and clients know there (kj/compat/http.h). */
const METHODS = new Set(
    (
        "GET HEAD POST PUT DELETE PATCH PURGE OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK " +
        "ACL REPORT MKACTIVITY CHECKOUT MERGE MSEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE QUERY BAN"
    ).split(" "),
);

const CACHE_MODES = ["no-store", "no-cache"];

/**
 * @typedef {import("./body.js").Message & {
 *     method: string,
 *     url: string,
 *     redirect: string,
 *     cf: any,
 *     cfText: string | null,
 *     signal: any,
 *     cache: string | undefined,
 *     fetcher: unknown,
 * }} RequestRecord
 */

/** The record of a request; undefined for any other value. @type {(value: any) => RequestRecord | undefined} */
let recordOf;

export class Request extends Body {
    /** @type {RequestRecord} */
    #record;

    /**
     * @param {RequestInfo | URL | symbol} input
     * @param {any} [init]
     */
    constructor(input, init = undefined) {
        const record = input === INTERNAL ? init : recordFrom(input, init, arguments.length);
        super(BODY, record);
        this.#record = record;
    }

    get method() {
        return this.#record.method;
    }

    get url() {
        return this.#record.url;
    }

    get headers() {
        return headersIn(this.#record);
    }

    get redirect() {
        return this.#record.redirect;
    }

    get fetcher() {
        return this.#record.fetcher;
    }

    get signal() {
        const record = this.#record;
        // One that nobody ever aborts, when none was given.
        record.signal ??= new /** @type {any} */ (globalThis).AbortController().signal;
        return record.signal;
    }

    get cf() {
        return cfIn(this.#record);
    }

    get integrity() {
        return "";
    }

    get keepalive() {
        return false;
    }

    get cache() {
        return this.#record.cache;
    }

    clone() {
        const record = this.#record;
        const cf = jsonCopy(cfIn(record));
        return new Request(INTERNAL, { __proto__: PLAIN, ...cloned(record), cf });
    }

    static {
        recordOf = (value) => (isObject(value) && #record in value ? value.#record : undefined);
    }
}

finish(Request);

/** @param {RequestRecord} record */
function cfIn(record) {
    if (record.cfText !== null) {
        record.cf = JSON.parse(record.cfText);
        record.cfText = null;
    }
    return record.cf;
}

/**
 * What the constructor was given.
 *
 * @param {any} input
 * @param {any} init
 * @param {number} count
 * @returns {RequestRecord}
 */
function recordFrom(input, init, count) {
    if (count < 1) {
        throw wrongConstructorArgument("Request", 1, "Request or string");
    }
    if (init !== undefined && init !== null && !isObject(init)) {
        throw wrongConstructorArgument("Request", 2, `${DICTIONARY} or Request`);
    }
    const other = recordOf(input);
    const url = other === undefined ? toText(input) : other.url;
    const like = recordOf(init);
    const members = like === undefined && isObject(init) ? membersOf(init) : null;
    const isRebodied = like !== undefined || (members !== null && members.body !== undefined);
    const record = other === undefined ? freshRecord(normalized(url)) : copied(other, isRebodied);
    if (like !== undefined) {
        // Taken as if it were a dictionary: its body is shared, not moved.
        const content = contentIn(like);
        const own = { url: record.url, content: content === null ? null : shared(content) };
        return /** @type {any} */ ({ __proto__: PLAIN, ...copied(like, true), ...own });
    }
    if (members !== null) {
        apply(record, members);
    }
    return record;
}

/** @param {string} url */
function normalized(url) {
    const href = url_normalize(url);
    if (href === null) {
        throw new TypeError(`Invalid URL: ${url}`);
    }
    return href;
}

/** What most requests are: a record that has only what is special about it is made in half the time. */
const PLAIN = {
    content: null,
    headers: null,
    isImmutable: false,
    method: "GET",
    redirect: "follow",
    cf: undefined,
    cfText: null,
    signal: null,
    cache: undefined,
    fetcher: null,
};

/**
 * @param {string} url
 * @returns {RequestRecord}
 */
function freshRecord(url) {
    return /** @type {any} */ ({ __proto__: PLAIN, url, flat: [] });
}

/**
 * @param {RequestRecord} record
 * @param {boolean} isRebodied Whether its body stays where it is.
 * @returns {RequestRecord}
 */
function copied(record, isRebodied) {
    return /** @type {any} */ ({
        __proto__: PLAIN,
        ...record,
        content: isRebodied ? null : moved(contentIn(record)),
        flat: flatIn(record).slice(),
        headers: null,
        isImmutable: false,
        cf: record.cfText === null ? jsonCopy(record.cf) : undefined,
    });
}

/**
 * The members of a dictionary, read and converted in the order that workerd reads them in.
 *
 * @param {any} init
 */
function membersOf(init) {
    const method = init.method === undefined ? undefined : toText(init.method);
    const { headers } = init;
    if (headers !== undefined && !isObject(headers)) {
        throw wrongField(DICTIONARY, "headers", "Headers or Sequence or object");
    }
    const flat = headers === undefined ? undefined : listFrom(headers);
    const { body, redirect, fetcher, cf, cache, integrity, signal, encodeResponseBody } = init;
    if (cf !== undefined && !isObject(cf)) {
        throw wrongField(DICTIONARY, "cf", "Object");
    }
    if (cache !== undefined && !CACHE_MODES.includes(toText(cache))) {
        throw new TypeError(`Unsupported cache mode: ${cache}`);
    }
    if (signal !== undefined && signal !== null && signal[Symbol.toStringTag] !== "AbortSignal") {
        throw wrongField(DICTIONARY, "signal", "AbortSignal");
    }
    if (encodeResponseBody !== undefined && !["automatic", "manual"].includes(toText(encodeResponseBody))) {
        throw new TypeError(`encodeResponseBody: unexpected value: ${encodeResponseBody}`);
    }
    return { method, flat, body, redirect, fetcher, cf, cache, integrity, signal };
}

/**
 * @param {RequestRecord} record
 * @param {ReturnType<typeof membersOf>} members
 */
function apply(record, members) {
    const { method, flat, body, redirect, fetcher, cf, cache, integrity, signal } = members;
    if (integrity !== undefined && toText(integrity) !== "") {
        throw new TypeError(
            "Subrequest integrity checking is not implemented. " +
                "The integrity option must be either undefined or an empty string.",
        );
    }
    if (method !== undefined) {
        record.method = knownMethod(method);
    }
    record.flat = flat ?? record.flat;
    record.fetcher = fetcher === undefined ? record.fetcher : fetcher;
    record.signal = signal === undefined ? record.signal : signal;
    if (cf !== undefined) {
        record.cf = jsonCopy(cf);
        record.cfText = null;
    }
    if (body !== undefined && body !== null) {
        record.content = contentOf(body);
    }
    if ((method !== undefined || body !== undefined) && record.content !== null && isBodiless(record.method)) {
        throw new TypeError("Request with a GET or HEAD method cannot have a body.");
    }
    if (record.content !== null && record.content !== undefined) {
        giveType(record.content, record.flat);
    }
    if (redirect !== undefined) {
        record.redirect = knownRedirect(toText(redirect));
    }
    record.cache = cache === undefined ? record.cache : toText(cache);
}

/** @param {string} method */
function isBodiless(method) {
    return method === "GET" || method === "HEAD";
}

/** @param {string} method */
function knownMethod(method) {
    const upper = method.toUpperCase();
    if (!METHODS.has(upper)) {
        throw new TypeError(`Invalid HTTP method string: ${method}`);
    }
    return upper;
}

/** @param {string} redirect */
function knownRedirect(redirect) {
    const lower = redirect.toLowerCase();
    if (lower !== "follow" && lower !== "manual") {
        throw new TypeError(
            'Invalid redirect value, must be one of "follow" or "manual" ("error" won\'t be implemented since it ' +
                'does not make sense at the edge; use "manual" and check the response status code).',
        );
    }
    return lower;
}

/**
 * A request that came.
 *
 * @param {string} method
 * @param {string} url
 * @param {string[]} flat
 * @param {Uint8Array | number | null} body
 * @param {string | null} cfText
 */
export function requestFromHost(method, url, flat, body, cfText) {
    const content = body === null ? undefined : contentOfHost(body);
    const record = { __proto__: PLAIN, content, flat, isImmutable: true, method, url, redirect: "manual", cfText };
    return new Request(INTERNAL, record);
}

/**
 * A request that is to be sent, as the host takes it. Its body is used thereby.
 *
 * @param {any} input What `fetch` was given.
 * @param {any} init
 */
export function requestToHost(input, init) {
    const given = init === undefined ? recordOf(input) : undefined;
    const record = given ?? recordFrom(input, init, 2);
    const { method, url, redirect, signal, cf, cfText } = record;
    const { body } = give(contentIn(record), RECONSTRUCTED);
    const extra = cf === undefined ? cfText : JSON.stringify(cf);
    return { method, url, headers: flatIn(record), body, cf: extra, redirect, signal };
}
