/**
 * PBKDF2 and HKDF (Web Cryptography Level 2, sections 33 and 34): secrets that keys are derived from.
 *
 * Many iterations of PBKDF2 are done on another thread. workerd alone has no limit for them, its service has one of
 * 100,000; ours is in the host's `limits.rs`.
 */

import { crypto_hkdf, crypto_pbkdf2, crypto_secret } from "dormouse:ops";
import { hold } from "./crypto_key.js";
import { checkUsages, hashNamed, notSupported, operationError, required, syntaxError } from "./crypto_params.js";

/** @typedef {import("./crypto_key.js").Key} Key */

/**
 * @param {string} name
 * @param {string} format
 * @param {any} data
 * @param {any} _algorithm
 * @param {boolean} extractable
 * @param {string[]} asked
 */
function importKey(name, format, data, _algorithm, extractable, asked) {
    const usages = checkUsages(name, "import secret", asked, ["deriveKey", "deriveBits"]);
    if (extractable) {
        throw syntaxError(`${name} key cannot be extractable.`);
    }
    if (format !== "raw") {
        const end = name === "PBKDF2" ? "." : "";
        throw notSupported(`${name} key must be imported in "raw" format (requested "${format}")${end}`);
    }
    return { material: hold(crypto_secret(data)), type: "secret", usages, algorithm: { name } };
}

/**
 * @param {Key} key
 * @param {number | null} length
 */
function byteLength(key, length) {
    if (length === null) {
        throw operationError(`${key.name} cannot derive a key with null length.`);
    }
    if (length % 8 !== 0) {
        throw operationError(
            `${key.name} requires a derived key length that is a multiple of eight (requested ${length}).`,
        );
    }
    return length / 8;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {number | null} length
 */
async function pbkdf2(key, algorithm, length) {
    const hash = hashNamed(required(algorithm.hash, "hash"));
    const salt = required(algorithm.salt, "salt");
    const iterations = required(algorithm.iterations, "iterations");
    const bytes = byteLength(key, length);
    if (iterations <= 0) {
        throw operationError(`PBKDF2 requires a positive iteration count (requested ${iterations}).`);
    }
    return (await crypto_pbkdf2(key.material.number, hash, salt, iterations, bytes)).buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {number | null} length
 */
async function hkdf(key, algorithm, length) {
    const hash = hashNamed(required(algorithm.hash, "hash"));
    const salt = required(algorithm.salt, "salt");
    const info = required(algorithm.info, "info");
    return crypto_hkdf(key.material.number, hash, salt, info, byteLength(key, length)).buffer;
}

export const derivation = {
    importKey,
    /** @type {(key: Key, algorithm: any, length: number | null) => Promise<ArrayBuffer>} */
    deriveBits: (key, algorithm, length) =>
        key.name === "PBKDF2" ? pbkdf2(key, algorithm, length) : hkdf(key, algorithm, length),
};
