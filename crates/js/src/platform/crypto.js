/**
 * `crypto`: random values, and the door to Web Crypto (Web Cryptography Level 2, section 10), as workerd has it.
 */

import { crypto_random, crypto_uuid } from "dormouse:ops";
import { DigestStream } from "./crypto_digest_stream.js";
import { CryptoKey } from "./crypto_key.js";
import { illegalInvocation } from "./crypto_params.js";
import { SubtleCrypto, newSubtle } from "./crypto_subtle.js";
import { DOMException } from "./errors.js";

export { CryptoKey, SubtleCrypto };

/** What `getRandomValues` fills at most at a time. */
const RANDOM_LEN_MAX = 65536;

const INTERNAL = Symbol("internal");

const typedArrayName = /** @type {() => string | undefined} */ (
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get
);

const integerArrays = new Set([
    "Int8Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "BigInt64Array",
    "BigUint64Array",
]);

export class Crypto {
    #subtle = newSubtle();

    /** @param {symbol} internal */
    constructor(internal) {
        if (internal !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
    }

    get subtle() {
        if (!(#subtle in this)) {
            throw illegalInvocation();
        }
        return this.#subtle;
    }

    /** @param {any[]} args The view to fill. */
    getRandomValues(...args) {
        if (!(#subtle in this)) {
            throw illegalInvocation();
        }
        const [view] = args;
        if (!ArrayBuffer.isView(view)) {
            throw new TypeError(
                "Failed to execute 'getRandomValues' on 'Crypto': parameter 1 is not of type 'ArrayBufferView'.",
            );
        }
        if (!integerArrays.has(typedArrayName.call(view) ?? "")) {
            throw new DOMException(
                "ArrayBufferView argument to getRandomValues() must be an integer-typed view.",
                "TypeMismatchError",
            );
        }
        const { buffer, byteOffset, byteLength } = view;
        if (byteLength > RANDOM_LEN_MAX) {
            throw new DOMException(
                `getRandomValues() only accepts buffers of size <= 64K but provided ${byteLength} bytes.`,
                "QuotaExceededError",
            );
        }
        const random = crypto_random(byteLength);
        if (byteLength > 0) {
            new Uint8Array(buffer, byteOffset, byteLength).set(random);
        }
        return view;
    }

    randomUUID() {
        if (!(#subtle in this)) {
            throw illegalInvocation();
        }
        return crypto_uuid();
    }
}

for (const name of ["subtle", "getRandomValues", "randomUUID"]) {
    Object.defineProperty(Crypto.prototype, name, { enumerable: true });
}
Object.defineProperty(Crypto.prototype, "DigestStream", {
    value: DigestStream,
    writable: true,
    enumerable: true,
    configurable: true,
});
Object.defineProperty(Crypto.prototype, Symbol.toStringTag, { value: "Crypto", configurable: true });

export const crypto = new Crypto(INTERNAL);
