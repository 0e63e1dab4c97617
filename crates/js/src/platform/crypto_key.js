/**
 * `CryptoKey` (Web Cryptography Level 2, section 13).
 *
 * The key itself is the host's; what stands here is its number. The properties that user code sees are copies: what it
 * does to them changes nothing about the key. Left out on purpose: structured clone of keys.
 */

import { crypto_forget } from "dormouse:ops";

/** How the platform makes a `CryptoKey`. */
const INTERNAL = Symbol("internal");

const registry = new FinalizationRegistry(crypto_forget);

/**
 * A key of the host, let go of when nothing here holds it. An op's number is held at once, so that no error on the way
 * to a `CryptoKey` keeps the key alive.
 */
class Material {
    /** @param {number} number */
    constructor(number) {
        this.number = number;
        registry.register(this, number);
    }
}

/**
 * @param {number} number
 * @returns {Material}
 */
export function hold(number) {
    return new Material(number);
}

/**
 * What the platform knows of a key.
 *
 * @typedef {object} Key
 * @property {Material} material
 * @property {any} family What may be done with it: see `crypto_subtle.js`.
 * @property {string} name Of its algorithm, as the specification writes it.
 * @property {"secret" | "public" | "private"} type
 * @property {boolean} extractable
 * @property {string[]} usages
 * @property {any} algorithm What `algorithm` is made of.
 */

/** @type {(value: any) => Key | null} */
export let keyOf;

export class CryptoKey {
    /** @type {Key} */
    #key;

    /**
     * @param {symbol} internal
     * @param {Key} key
     */
    constructor(internal, key) {
        if (internal !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
        this.#key = key;
        show(this, "usages", [...key.usages]);
        show(this, "algorithm", copy(key.algorithm));
        show(this, "extractable", key.extractable);
        show(this, "type", key.type);
    }

    static {
        keyOf = (value) => (typeof value === "object" && value !== null && #key in value ? value.#key : null);
    }
}

Object.defineProperty(CryptoKey.prototype, Symbol.toStringTag, { value: "CryptoKey", configurable: true });

/**
 * @param {Key} key
 * @returns {CryptoKey}
 */
export function newKey(key) {
    return new CryptoKey(INTERNAL, key);
}

/**
 * @param {object} key
 * @param {string} name
 * @param {unknown} value
 */
function show(key, name, value) {
    Object.defineProperty(key, name, { value, enumerable: true, configurable: true });
}

/**
 * A copy of a key's algorithm for user code, which may change it.
 *
 * @param {any} algorithm
 */
function copy(algorithm) {
    const result = { ...algorithm };
    if (result.hash !== undefined) {
        result.hash = { ...result.hash };
    }
    if (result.publicExponent !== undefined) {
        result.publicExponent = result.publicExponent.slice();
    }
    return result;
}
