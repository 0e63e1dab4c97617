/**
 * HMAC (Web Cryptography Level 2, section 32).
 */

import {
    crypto_hmac_sign,
    crypto_hmac_verify,
    crypto_secret,
    crypto_secret_bytes,
    crypto_secret_random,
} from "dormouse:ops";
import { decode, encode, jwk } from "./crypto_jwk.js";
import { hold } from "./crypto_key.js";
import { checkUsages, dataError, hashNamed, notSupported, operationError, required } from "./crypto_params.js";

/** @typedef {import("./crypto_key.js").Key} Key */

const ALLOWED = ["sign", "verify"];

/** Bits of a block of each hash, which is how long a key is unless said otherwise. */
export const BLOCK_BITS = { MD5: 512, "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };

/** What a key's length is read back as: workerd keeps 16 bits of it. */
const LENGTH_MASK = 0xffff;

/**
 * @param {string} name
 * @param {string} format
 * @param {any} data
 * @param {any} algorithm
 * @param {boolean} _extractable
 * @param {string[]} asked
 */
function importKey(name, format, data, algorithm, _extractable, asked) {
    const usages = checkUsages(name, "import secret", asked, ALLOWED);
    const hash = required(algorithm.hash, "hash");
    let bytes;
    if (format === "raw") {
        bytes = data.slice();
    } else if (format === "jwk") {
        bytes = fromJwk(data, hash);
    } else {
        throw notSupported(`Unrecognized key import format "${format}".`);
    }
    const bits = bytes.byteLength * 8;
    const length = algorithm.length ?? bits;
    if (length <= 0 || length > bits || length <= bits - 8) {
        throw dataError(
            `Imported HMAC key length (${length}) must be a non-zero value up to 7 bits less than, and no greater ` +
                `than, the bit length of the raw key data (${bits}).`,
        );
    }
    bytes[bytes.length - 1] &= 0xff << (bits - length);
    const normalized = hashNamed(hash);
    return {
        material: hold(crypto_secret(bytes)),
        type: "secret",
        usages,
        algorithm: { name, hash: { name: normalized }, length: length & LENGTH_MASK },
    };
}

/**
 * @param {any} key
 * @param {string} hash
 */
function fromJwk(key, hash) {
    if (key.kty !== "oct") {
        throw dataError(
            'HMAC "jwk" key import requires a JSON Web Key with Key Type parameter ("kty") equal to "oct" ' +
                `(encountered "${key.kty}").`,
        );
    }
    const bytes = decode(key.k, 'HMAC "jwk" key import requires a base64Url encoding of the key');
    if (key.alg !== undefined) {
        if (!hash.startsWith("SHA-")) {
            throw notSupported(`Unrecognized or unimplemented hash algorithm requested${key.alg}`);
        }
        const expected = `HS${hash.slice(4)}`;
        if (key.alg !== expected) {
            throw dataError(
                'HMAC "jwk" key import specifies "alg" that is incompatible with the hash name (encountered ' +
                    `"${key.alg}", expected "${expected}").`,
            );
        }
    }
    return bytes;
}

/**
 * @param {string} name
 * @param {any} algorithm
 * @param {boolean} _extractable
 * @param {string[]} asked
 */
function generate(name, algorithm, _extractable, asked) {
    const hash = hashNamed(required(algorithm.hash, "hash"));
    const usages = checkUsages(name, "generate", asked, ALLOWED);
    const length = algorithm.length ?? BLOCK_BITS[/** @type {keyof typeof BLOCK_BITS} */ (hash)];
    if (length <= 0) {
        throw operationError(`HMAC key length must be a non-zero unsigned long integer (requested ${length}).`);
    }
    return {
        material: hold(crypto_secret_random(length)),
        type: "secret",
        usages,
        algorithm: { name, hash: { name: hash }, length: length & LENGTH_MASK },
    };
}

/**
 * @param {Key} key
 * @param {string} format
 */
function exportKey(key, format) {
    const hash = key.algorithm.hash.name;
    switch (format) {
        case "raw":
            return crypto_secret_bytes(key.material.number).buffer;
        case "jwk":
            if (!hash.startsWith("SHA-")) {
                throw notSupported(`Unimplemented JWK key export format for key algorithm "${hash}".`);
            }
            return jwk(
                { kty: "oct", k: encode(crypto_secret_bytes(key.material.number)), alg: `HS${hash.slice(4)}` },
                key.usages,
            );
        default:
            throw notSupported(`Unimplemented key export format "${format}".`);
    }
}

export const hmac = {
    importKey,
    generate,
    exportKey,
    /** @type {(key: Key, algorithm: any, data: Uint8Array) => ArrayBuffer} */
    sign: (key, _algorithm, data) => crypto_hmac_sign(key.material.number, key.algorithm.hash.name, data).buffer,
    /** @type {(key: Key, algorithm: any, signature: Uint8Array, data: Uint8Array) => boolean} */
    verify: (key, _algorithm, signature, data) =>
        crypto_hmac_verify(key.material.number, key.algorithm.hash.name, data, signature),
};
