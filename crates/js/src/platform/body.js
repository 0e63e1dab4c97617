/**
 * What requests and responses have in common: headers and a body (Fetch, section 5.2), as workerd has them
 * (src/workerd/api/http.c++).
 */

import { media_type } from "dormouse:ops";
import { blobOf } from "./blob.js";
import { USED, allBytes, allText, contentOfData, doubled, isUsed, opened } from "./content.js";
import { parsed } from "./form_data.js";
import { flatOf, headersOver, valueIn } from "./headers.js";
import { finish } from "./idl.js";

/** @typedef {import("./content.js").Content} Content */

/**
 * What Request and Response have in common. Headers are a list of names and values until they are touched.
 *
 * @typedef {object} Message
 * @property {Content | null | undefined} content Undefined while nobody has asked whether there is none.
 * @property {string[]} flat
 * @property {import("./headers.js").Headers | null} headers
 * @property {boolean} isImmutable
 */

/** What Request and Response give to the constructor that they share. */
export const BODY = Symbol("body");

/** The content of a message. @param {Message} message */
export function contentIn(message) {
    if (message.content === undefined) {
        // There was a body if something was said about its length (RFC 9112, section 6.3).
        const { flat } = message;
        const has = valueIn(flat, "content-length") !== null || valueIn(flat, "transfer-encoding") !== null;
        message.content = has ? contentOfData("", null, false) : null;
    }
    return message.content;
}

/** The headers of a message. @param {Message} message */
export function headersIn(message) {
    message.headers ??= headersOver(message.flat, message.isImmutable);
    return message.headers;
}

/** The list of headers of a message, not to be changed. @param {Message} message @returns {string[]} */
export function flatIn(message) {
    return message.headers === null ? message.flat : flatOf(message.headers);
}

/**
 * A copy of a message, whose body both then have.
 *
 * @template {Message} T
 * @param {T} message
 * @returns {T}
 */
export function cloned(message) {
    const [mine, theirs] = doubled(contentIn(message));
    message.content = mine;
    return { ...message, content: theirs, flat: flatIn(message).slice(), headers: null };
}

/** The members of a body that Request and Response share. */
export class Body {
    /** @type {Message} */
    #message;

    /**
     * @param {symbol} key
     * @param {Message} message
     */
    constructor(key, message) {
        if (key !== BODY) {
            throw new TypeError("Illegal constructor");
        }
        this.#message = message;
    }

    get body() {
        const content = contentIn(this.#message);
        return content === null ? null : opened(content);
    }

    get bodyUsed() {
        const content = contentIn(this.#message);
        return content !== null && isUsed(content);
    }

    async arrayBuffer() {
        const content = contentIn(this.#message);
        return content === null ? new ArrayBuffer(0) : (await allBytes(content, true)).buffer;
    }

    async bytes() {
        const content = contentIn(this.#message);
        return content === null ? new Uint8Array(0) : allBytes(content, true);
    }

    async text() {
        const content = contentIn(this.#message);
        return content === null ? "" : allText(content);
    }

    async json() {
        const content = contentIn(this.#message);
        return JSON.parse(content === null ? "" : await allText(content));
    }

    async blob() {
        const content = contentIn(this.#message);
        const bytes = content === null ? new Uint8Array(0) : await allBytes(content, false);
        const type = valueIn(flatIn(this.#message), "content-type");
        return blobOf(bytes, type === null ? "" : media_type(type));
    }

    async formData() {
        const content = contentIn(this.#message);
        if (content !== null && isUsed(content)) {
            throw new TypeError(USED);
        }
        const type = valueIn(flatIn(this.#message), "content-type");
        if (type === null) {
            throw new TypeError("Parsing a Body as FormData requires a Content-Type header.");
        }
        return parsed(content === null ? new Uint8Array(0) : await allBytes(content, false), type);
    }
}

finish(Body);
