/**
 * `crypto.DigestStream`, workerd's own: a `WritableStream` whose result is the digest of what is written.
 *
 * Besides the digests of `SubtleCrypto` it knows three checksums. A digest that is never finished is let go of when its
 * stream has been collected.
 */

import { crypto_digest_drop, crypto_digest_finish, crypto_digest_start, crypto_digest_update } from "dormouse:ops";
import { dictionary, hashNamed } from "./crypto_params.js";
import { WritableStream } from "./streams.js";

const CHECKSUMS = ["crc32", "crc32c", "crc64nvme"];

const registry = new FinalizationRegistry(crypto_digest_drop);

/** @param {string} name */
function normalized(name) {
    const lower = name.toLowerCase();
    return CHECKSUMS.includes(lower) ? lower : hashNamed(name);
}

/** A digest on its way: open, closed, or failed for a reason. */
class Running {
    bytesWritten = 0n;
    /** @type {"open" | "closed" | "failed"} */
    state = "open";
    /** @type {unknown} */
    reason = undefined;

    /** @param {string} name */
    constructor(name) {
        this.number = crypto_digest_start(name);
        registry.register(this, this.number, this);
        const { promise, resolve, reject } = Promise.withResolvers();
        this.promise = promise;
        this.resolve = resolve;
        this.reject = reject;
    }

    /** @param {any} chunk */
    write(chunk) {
        if (this.state === "failed") {
            throw this.reason;
        }
        if (typeof chunk === "string") {
            this.#add(chunk);
        } else if (chunk instanceof ArrayBuffer || ArrayBuffer.isView(chunk)) {
            const isByteView = chunk instanceof ArrayBuffer || chunk instanceof Uint8Array;
            this.#add(isByteView ? chunk : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        } else {
            throw new TypeError(
                "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string type " +
                    "on its writable side.",
            );
        }
    }

    /** @param {string | ArrayBuffer | Uint8Array} data */
    #add(data) {
        if (this.state === "open") {
            this.bytesWritten += BigInt(crypto_digest_update(this.number, data));
        }
    }

    close() {
        if (this.state === "failed") {
            throw this.reason;
        }
        if (this.state === "open") {
            this.state = "closed";
            registry.unregister(this);
            this.resolve(crypto_digest_finish(this.number).buffer);
        }
    }

    /** @param {unknown} reason */
    fail(reason) {
        if (this.state === "open") {
            this.state = "failed";
            this.reason = reason;
            registry.unregister(this);
            crypto_digest_drop(this.number);
            this.reject(reason);
        }
    }
}

export class DigestStream extends WritableStream {
    /** @type {Running} */
    #running;

    /** @param {any[]} args The algorithm. */
    constructor(...args) {
        if (args.length === 0) {
            throw new TypeError(
                "Failed to construct 'DigestStream': constructor parameter 1 is not of type 'string or HashAlgorithm'.",
            );
        }
        const running = new Running(normalized(dictionary("HashAlgorithm", args[0]).name));
        super({
            write: (chunk) => running.write(chunk),
            close: () => running.close(),
            abort: (reason) => running.fail(reason),
        });
        this.#running = running;
    }

    get digest() {
        return this.#running.promise;
    }

    get bytesWritten() {
        return this.#running.bytesWritten;
    }

    [Symbol.dispose]() {
        this.#running.fail(new TypeError("The DigestStream was disposed."));
    }
}

Object.defineProperty(DigestStream.prototype, Symbol.toStringTag, { value: "DigestStream", configurable: true });
