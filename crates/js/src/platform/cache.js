/**
 * `caches` (Service Workers, section 5.4, as far as Workers have it): responses by URL, in the memory of one realm.
 *
 * An entry lives as long as its headers say (RFC 9111, section 5.2) and no longer than its realm: it is there to save
 * work, never to keep data. Realms of other shards have their own.
 */

import { Request } from "./request.js";
import { Response } from "./response.js";

/** Bytes of all bodies of one realm; the entries that were put first go first. */
const BYTES_MAX = 16 * 1024 * 1024;
/** Caches that one realm may have. */
const CACHES_MAX = 64;
/** How long an entry lives whose headers do not say. */
const AGE_DEFAULT = 2 * 60 * 60 * 1000;

/** @typedef {{ status: number, statusText: string, headers: [string, string][], body: ArrayBuffer, until: number }} Entry */

let bytes = 0;
/** Where each entry stands, the oldest first. @type {Map<Entry, { cache: Map<string, Entry>, url: string }>} */
const all = new Map();

export class Cache {
    /** @type {Map<string, Entry>} */
    #entries = new Map();

    /**
     * @param {RequestInfo | URL} input
     * @param {Response} response
     */
    async put(input, response) {
        const request = requestOf(input);
        if (request.method !== "GET") {
            throw new TypeError("Cannot cache response to non-GET request.");
        }
        if (response.status === 206) {
            throw new TypeError("Cannot cache response to a range request (206 Partial Content).");
        }
        if ((response.headers.get("vary") ?? "").includes("*")) {
            throw new TypeError("Cannot cache response with 'Vary: *' header.");
        }
        const body = /** @type {ArrayBuffer} */ (await response.arrayBuffer());
        const until = expiry(response.headers);
        this.#drop(request.url);
        if (until <= Date.now() || body.byteLength > BYTES_MAX) {
            return;
        }
        const headers = /** @type {[string, string][]} */ ([...response.headers]).filter(([name]) => name !== "set-cookie");
        const entry = { status: response.status, statusText: response.statusText, headers, body, until };
        this.#entries.set(request.url, entry);
        all.set(entry, { cache: this.#entries, url: request.url });
        bytes += body.byteLength;
        makeRoom();
    }

    /**
     * @param {RequestInfo | URL} input
     * @param {{ ignoreMethod?: boolean }} [options]
     */
    async match(input, options) {
        const request = requestOf(input);
        if (request.method !== "GET" && !options?.ignoreMethod) {
            return undefined;
        }
        const entry = this.#entries.get(request.url);
        if (entry === undefined || entry.until <= Date.now()) {
            this.#drop(request.url);
            return undefined;
        }
        const headers = new Headers([...entry.headers, ["cf-cache-status", "HIT"]]);
        const body = entry.body.byteLength === 0 ? null : entry.body.slice(0);
        return new Response(body, { status: entry.status, statusText: entry.statusText, headers });
    }

    /**
     * @param {RequestInfo | URL} input
     * @param {{ ignoreMethod?: boolean }} [options]
     */
    async delete(input, options) {
        const request = requestOf(input);
        return (request.method === "GET" || Boolean(options?.ignoreMethod)) && this.#drop(request.url);
    }

    /** @param {string} url */
    #drop(url) {
        const entry = this.#entries.get(url);
        if (entry === undefined) {
            return false;
        }
        remove(entry);
        return entry.until > Date.now();
    }
}

export class CacheStorage {
    #default = new Cache();
    /** @type {Map<string, Cache>} */
    #named = new Map();

    get default() {
        return this.#default;
    }

    /** @param {string} name */
    async open(name) {
        const key = String(name);
        let cache = this.#named.get(key);
        if (cache === undefined) {
            if (this.#named.size >= CACHES_MAX) {
                throw new Error(`there are ${CACHES_MAX} caches already`);
            }
            cache = new Cache();
            this.#named.set(key, cache);
        }
        return cache;
    }
}

/** @param {RequestInfo | URL} input */
function requestOf(input) {
    return input instanceof Request ? input : new Request(/** @type {any} */ (input));
}

/**
 * When a response is no longer fresh.
 *
 * @param {Headers} headers
 */
function expiry(headers) {
    const control = (headers.get("cache-control") ?? "").toLowerCase();
    if (/\b(no-store|no-cache|private)\b/.test(control) || headers.has("set-cookie")) {
        return 0;
    }
    const age = /\bs-maxage=(\d+)/.exec(control) ?? /\bmax-age=(\d+)/.exec(control);
    if (age !== null) {
        return Date.now() + Number(age[1]) * 1000;
    }
    const expires = headers.get("expires");
    return expires === null ? Date.now() + AGE_DEFAULT : Date.parse(expires) || 0;
}

function makeRoom() {
    for (const oldest of all.keys()) {
        if (bytes <= BYTES_MAX) {
            return;
        }
        remove(oldest);
    }
}

/** @param {Entry} entry */
function remove(entry) {
    const place = all.get(entry);
    all.delete(entry);
    place?.cache.delete(place.url);
    bytes -= entry.body.byteLength;
}

export const caches = new CacheStorage();
