/**
 * `Blob` and `File` (File API, sections 3 and 4), as workerd has them (src/workerd/api/blob.c++).
 *
 * A blob's bytes are in memory, are never changed, and are shared with its slices. Line endings are not converted.
 */

import { body_encode, body_text } from "dormouse:ops";
import { finish, isObject, toNumber, toText, wrongConstructorArgument } from "./idl.js";
import { ReadableStream } from "./streams.js";
import { bytesIn, toInt } from "./values.js";

/** How the platform makes blobs and files of bytes. */
const INTERNAL = Symbol("internal");

/** A type with such a character is none. */
const NO_TYPE = /[^\x20-\x7f]/;

/** The bytes of a blob, which nobody may change. @type {(blob: any) => Uint8Array} */
export let bytesOf;

/**
 * One run of bytes of texts and bytes. What comes out is nobody else's.
 *
 * @param {Array<string | Uint8Array>} parts
 * @returns {Uint8Array}
 */
export function joined(parts) {
    const all = parts.map((part) => (typeof part === "string" ? body_encode(part) : part));
    const size = all.reduce((sum, part) => sum + part.byteLength, 0);
    const whole = new Uint8Array(size);
    let at = 0;
    for (const part of all) {
        whole.set(part, at);
        at += part.byteLength;
    }
    return whole;
}

/** @param {string} type */
function normalized(type) {
    return NO_TYPE.test(type) ? "" : type.toLowerCase();
}

/**
 * @param {string} className
 * @param {unknown} bits
 */
function bytesOfBits(className, bits) {
    if (bits === undefined) {
        return new Uint8Array(0);
    }
    if (!Array.isArray(bits)) {
        throw wrongConstructorArgument(className, 1, "Array");
    }
    const parts = Array.from(bits, (part) => (isBlob(part) ? bytesOf(part) : (bytesIn(part) ?? toText(part))));
    return joined(parts);
}

/**
 * @param {string} className
 * @param {number} index
 * @param {any} options
 */
function readOptions(className, index, options) {
    if (options === undefined || options === null) {
        return { type: "", lastModified: undefined };
    }
    if (!isObject(options)) {
        throw wrongConstructorArgument(className, index, "Options");
    }
    const { type, lastModified, endings } = /** @type {any} */ (options);
    if (endings !== undefined) {
        throw new Error("The 'endings' field on 'Options' is not implemented.");
    }
    return { type: type === undefined ? "" : normalized(toText(type)), lastModified };
}

/**
 * A place in a blob of `size` bytes.
 *
 * @param {unknown} value
 * @param {number} size
 */
function place(value, size) {
    const at = toInt(value);
    return at < 0 ? Math.max(size + at, 0) : Math.min(at, size);
}

export class Blob {
    /** @type {Uint8Array} */
    #bytes;
    #type;

    /**
     * @param {any} [bits]
     * @param {any} [options]
     */
    constructor(bits = undefined, options = undefined) {
        if (bits === INTERNAL) {
            this.#bytes = options.bytes;
            this.#type = options.type;
            return;
        }
        const bytes = bytesOfBits("Blob", bits);
        this.#type = readOptions("Blob", 2, options).type;
        this.#bytes = bytes;
    }

    get size() {
        return this.#bytes.byteLength;
    }

    get type() {
        return this.#type;
    }

    /**
     * @param {number} [start]
     * @param {number} [end]
     * @param {string} [type]
     */
    slice(start, end, type) {
        const size = this.#bytes.byteLength;
        const from = start === undefined ? 0 : place(start, size);
        const to = end === undefined ? size : place(end, size);
        const name = type === undefined ? "" : normalized(toText(type));
        return blobOf(this.#bytes.subarray(from, Math.max(from, to)), name);
    }

    async arrayBuffer() {
        return this.#bytes.slice().buffer;
    }

    async bytes() {
        return this.#bytes.slice();
    }

    async text() {
        return body_text(this.#bytes, false);
    }

    stream() {
        const bytes = this.#bytes;
        return new ReadableStream(
            {
                type: "bytes",
                pull(/** @type {any} */ controller) {
                    if (bytes.byteLength > 0) {
                        controller.enqueue(bytes.slice());
                    }
                    controller.close();
                    controller.byobRequest?.respond(0);
                },
            },
            { highWaterMark: 0 },
        );
    }

    static {
        bytesOf = (blob) => blob.#bytes;
    }
}

export class File extends Blob {
    #name;
    #lastModified;

    /**
     * @param {any} bits
     * @param {any} name
     * @param {any} [options]
     */
    constructor(bits, name, options = undefined) {
        if (bits === INTERNAL) {
            super(INTERNAL, options);
            this.#name = name;
            this.#lastModified = Date.now();
            return;
        }
        if (arguments.length < 2) {
            throw wrongConstructorArgument("File", 2, "string");
        }
        const bytes = bytesOfBits("File", bits);
        const text = toText(name);
        const { type, lastModified } = readOptions("File", 3, options);
        super(INTERNAL, { bytes, type });
        this.#name = text;
        this.#lastModified = lastModified === undefined ? Date.now() : toNumber(lastModified) || 0;
    }

    get name() {
        return this.#name;
    }

    get lastModified() {
        return this.#lastModified;
    }
}

finish(Blob);
finish(File);

/** @param {unknown} value @returns {value is Blob} */
export function isBlob(value) {
    return value instanceof Blob;
}

/**
 * A blob of bytes that nobody will change.
 *
 * @param {Uint8Array} bytes
 * @param {string} type
 */
export function blobOf(bytes, type) {
    return new Blob(INTERNAL, { bytes, type });
}

/**
 * A file of bytes that nobody will change, of now.
 *
 * @param {Uint8Array} bytes
 * @param {string} name
 * @param {string} type
 */
export function fileOf(bytes, name, type) {
    return new File(INTERNAL, name, { bytes, type });
}
