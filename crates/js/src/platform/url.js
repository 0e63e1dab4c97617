/**
 * `URL` (URL Standard, section 6.1). The host parses; a `URL` holds the text and the places where its parts begin and
 * end, and cuts a part out when it is asked for.
 *
 * Left out: object URLs, as in workerd.
 */

import { url_can_parse, url_parse, url_set } from "dormouse:ops";
import { finish, toText, wrongArgument, wrongConstructorArgument } from "./idl.js";
import { paramsOf, replaceParams, setQuerySetter } from "./url_search_params.js";

/** Where in a list of parts the text and each place is; the order of `parts` in `ops/url.rs`. */
const TEXT = 0;
const AFTER_SCHEME = 1;
const BEFORE_USERNAME = 2;
const AFTER_USERNAME = 3;
const BEFORE_PASSWORD = 4;
const AFTER_PASSWORD = 5;
const BEFORE_HOST = 6;
const AFTER_HOST = 7;
const BEFORE_PORT = 8;
const AFTER_PORT = 9;
const BEFORE_PATH = 10;
const AFTER_PATH = 11;
const AFTER_QUERY = 12;

/** @typedef {[string, ...number[]]} Parts */

/** Schemes whose origin is more than itself (URL Standard, section 4.7). */
const TUPLE_ORIGINS = ["http:", "https:", "ws:", "wss:", "ftp:"];

/** How the platform makes a `URL` of parts. */
const INTERNAL = Symbol("internal");

export class URL {
    /** @type {Parts} */
    #parts;
    /** @type {import("./url_search_params.js").URLSearchParams | null} */
    #params = null;

    /**
     * @param {string | URL | symbol} url
     * @param {any} [base]
     */
    constructor(url, base) {
        if (url === INTERNAL) {
            this.#parts = base;
            return;
        }
        if (arguments.length < 1) {
            throw wrongConstructorArgument("URL", 1, "USVString");
        }
        const parts = url_parse(toText(url), baseOf(base));
        if (parts === null) {
            throw new TypeError("Invalid URL string.");
        }
        this.#parts = parts;
    }

    /**
     * @param {string | URL} url
     * @param {string | URL} [base]
     */
    static canParse(url, base) {
        if (arguments.length < 1) {
            throw wrongArgument("URL", "canParse", 1, "USVString");
        }
        return url_can_parse(toText(url), baseOf(base));
    }

    /**
     * @param {string | URL} url
     * @param {string | URL} [base]
     * @returns {URL | null}
     */
    static parse(url, base) {
        if (arguments.length < 1) {
            throw wrongArgument("URL", "parse", 1, "USVString");
        }
        const parts = url_parse(toText(url), baseOf(base));
        return parts === null ? null : new URL(INTERNAL, parts);
    }

    static createObjectURL() {
        throw new Error("URL.createObjectURL() is not implemented");
    }

    static revokeObjectURL() {
        throw new Error("URL.revokeObjectURL() is not implemented");
    }

    /** @returns {string} */
    get origin() {
        const { protocol } = this;
        if (TUPLE_ORIGINS.includes(protocol)) {
            return `${protocol}//${this.host}`;
        }
        if (protocol === "blob:") {
            const inner = URL.parse(this.pathname);
            return inner !== null && /^https?:$/.test(inner.protocol) ? inner.origin : "null";
        }
        return "null";
    }

    get href() {
        return this.#parts[TEXT];
    }

    set href(value) {
        const parts = url_parse(toText(value), null);
        if (parts === null) {
            throw new TypeError(
                "Failed to set the 'href' property on 'URL': the provided value is not of type 'valid URL string'.",
            );
        }
        this.#parts = parts;
        this.#tellParams();
    }

    get protocol() {
        return this.#parts[TEXT].slice(0, this.#parts[AFTER_SCHEME] + 1);
    }

    set protocol(value) {
        this.#set("protocol", value);
    }

    get username() {
        return this.#cut(BEFORE_USERNAME, AFTER_USERNAME);
    }

    set username(value) {
        this.#set("username", value);
    }

    get password() {
        return this.#cut(BEFORE_PASSWORD, AFTER_PASSWORD);
    }

    set password(value) {
        this.#set("password", value);
    }

    get host() {
        return this.#cut(BEFORE_HOST, AFTER_PORT);
    }

    set host(value) {
        this.#set("host", value);
    }

    get hostname() {
        return this.#cut(BEFORE_HOST, AFTER_HOST);
    }

    set hostname(value) {
        this.#set("hostname", value);
    }

    get port() {
        return this.#cut(BEFORE_PORT, AFTER_PORT);
    }

    set port(value) {
        this.#set("port", value);
    }

    get pathname() {
        return this.#cut(BEFORE_PATH, AFTER_PATH);
    }

    set pathname(value) {
        this.#set("pathname", value);
    }

    /** With its `?`, unless nothing follows it. */
    get search() {
        const search = this.#cut(AFTER_PATH, AFTER_QUERY);
        return search.length === 1 ? "" : search;
    }

    set search(value) {
        this.#set("search", value);
        this.#tellParams();
    }

    /** With its `#`, unless nothing follows it. */
    get hash() {
        const hash = this.#parts[TEXT].slice(this.#parts[AFTER_QUERY]);
        return hash.length === 1 ? "" : hash;
    }

    set hash(value) {
        this.#set("hash", value);
    }

    get searchParams() {
        if (this.#params === null) {
            this.#params = paramsOf(this);
            this.#tellParams();
        }
        return this.#params;
    }

    toString() {
        return this.href;
    }

    toJSON() {
        return this.href;
    }

    /**
     * @param {number} from
     * @param {number} to
     */
    #cut(from, to) {
        const parts = this.#parts;
        return parts[TEXT].slice(/** @type {number} */ (parts[from]), /** @type {number} */ (parts[to]));
    }

    /**
     * @param {string} part
     * @param {unknown} value
     */
    #set(part, value) {
        const parts = url_set(this.#parts[TEXT], part, toText(value));
        if (parts !== null) {
            this.#parts = parts;
        }
    }

    #tellParams() {
        if (this.#params !== null) {
            replaceParams(this.#params, this.search.slice(1));
        }
    }

    static {
        setQuerySetter((url, query) => url.#set("search", query));
    }
}

finish(URL);

/** @param {unknown} base */
function baseOf(base) {
    return base === undefined ? null : toText(base);
}
