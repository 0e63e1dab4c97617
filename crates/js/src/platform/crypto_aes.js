/**
 * AES-GCM, AES-CBC, AES-CTR and AES-KW (Web Cryptography Level 2, sections 28 to 31).
 */

import {
    crypto_aes_cbc,
    crypto_aes_ctr,
    crypto_aes_gcm,
    crypto_aes_kw,
    crypto_secret,
    crypto_secret_bytes,
    crypto_secret_random,
} from "dormouse:ops";
import { decode, encode, jwk } from "./crypto_jwk.js";
import { hold } from "./crypto_key.js";
import { checkUsages, dataError, notSupported, operationError, required } from "./crypto_params.js";

const TAG_LENGTHS = [32, 64, 96, 104, 112, 120, 128];
const NO_BYTES = new Uint8Array(0);

/** @typedef {import("./crypto_key.js").Key} Key */

/**
 * @param {string} name
 * @param {"generate" | "import secret"} how
 * @param {string[]} usages
 */
function usagesOf(name, how, usages) {
    const allowed = name === "AES-KW" ? [] : ["encrypt", "decrypt"];
    return checkUsages(name, how, usages, [...allowed, "wrapKey", "unwrapKey"]);
}

/** @param {number} bits */
function isLength(bits) {
    return bits === 128 || bits === 192 || bits === 256;
}

/**
 * @param {string} name
 * @param {string} format
 * @param {any} data
 * @param {any} _algorithm
 * @param {boolean} extractable
 * @param {string[]} asked
 */
function importKey(name, format, data, _algorithm, extractable, asked) {
    const usages = usagesOf(name, "import secret", asked);
    let bytes = data;
    if (format === "jwk") {
        bytes = fromJwk(name, data, extractable, asked);
    } else if (format !== "raw") {
        throw notSupported(`Unrecognized key import format "${format}".`);
    }
    const length = bytes.byteLength * 8;
    if (!isLength(length)) {
        throw wrongLength(length);
    }
    return { material: hold(crypto_secret(bytes)), type: "secret", usages, algorithm: { name, length } };
}

/** @param {number} length */
function wrongLength(length) {
    return dataError(`Imported AES key length must be 128, 192, or 256 bits but provided ${length}.`);
}

/**
 * @param {string} name
 * @param {any} key
 * @param {boolean} extractable
 * @param {string[]} asked
 */
function fromJwk(name, key, extractable, asked) {
    if (key.kty !== "oct") {
        throw dataError(
            'Symmetric "jwk" key import requires a JSON Web Key with Key Type parameter "kty" equal to "oct" ' +
                `(encountered "${key.kty}").`,
        );
    }
    const bytes = decode(key.k, 'Symmetric "jwk" key import requires a base64Url encoding of the key.');
    const length = bytes.length * 8;
    if (!isLength(length)) {
        throw wrongLength(length);
    }
    const expected = `A${length}${name.slice(4)}`;
    if (key.alg !== undefined && key.alg !== expected) {
        throw dataError(`Symmetric "jwk" key contains invalid "alg" value "${key.alg}", expected "${expected}".`);
    }
    if (asked.length > 0 && key.use !== undefined && key.use !== "enc") {
        throw dataError(`Symmetric "jwk" key must have a "use" of "enc", not "${key.use}".`);
    }
    if (key.key_ops !== undefined) {
        const sorted = [...key.key_ops].sort();
        const twice = sorted.find((operation, index) => operation === sorted[index + 1]);
        if (twice !== undefined) {
            throw dataError(`Symmetric "jwk" key contains duplicate value "${twice}", in "key_op".`);
        }
        const missing = asked.find((usage) => !sorted.includes(usage));
        if (missing !== undefined) {
            throw dataError(`"jwk" key missing usage "${missing}", in "key_ops".`);
        }
    }
    if (key.ext === false && extractable) {
        throw dataError(
            '"jwk" key has value "false", for "ext" that is incompatible with import extractability value "true".',
        );
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
    const usages = usagesOf(name, "generate", asked);
    const length = required(algorithm.length, "length");
    if (!isLength(length)) {
        throw operationError(`Generated AES key length must be 128, 192, or 256 bits but requested ${length}.`);
    }
    return { material: hold(crypto_secret_random(length)), type: "secret", usages, algorithm: { name, length } };
}

/**
 * @param {Key} key
 * @param {string} format
 */
function exportKey(key, format) {
    const bytes = () => crypto_secret_bytes(key.material.number);
    switch (format) {
        case "raw":
            return bytes().buffer;
        case "jwk":
            return jwk(
                { kty: "oct", k: encode(bytes()), alg: `A${key.algorithm.length}${key.name.slice(4)}` },
                key.usages,
            );
        default:
            throw notSupported(`${key.name} key only supports exporting "raw", "raw-secret" & "jwk", not "${format}".`);
    }
}

/**
 * @param {string} name
 * @param {number} input
 * @param {number} output
 */
function decryptionFailed(name, input, output) {
    return operationError(
        "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect " +
            `CryptoKey, or another algorithm-specific reason. Input length was ${input}, output length ` +
            `expected to be ${output} for ${name}`,
    );
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 * @param {boolean} encrypts
 */
function gcm(key, algorithm, data, encrypts) {
    const iv = required(algorithm.iv, "iv");
    if (iv.byteLength === 0) {
        throw operationError("AES-GCM IV must not be empty.");
    }
    const tagLength = algorithm.tagLength ?? 128;
    if (!TAG_LENGTHS.includes(tagLength)) {
        throw operationError(`Invalid AES-GCM tag length ${tagLength}.`);
    }
    if (!encrypts && data.byteLength * 8 < tagLength) {
        throw operationError(
            `Ciphertext length of ${data.byteLength * 8} bits must be greater than or equal to the size of the ` +
                `AES-GCM tag length of ${tagLength} bits.`,
        );
    }
    const more = algorithm.additionalData ?? NO_BYTES;
    const result = crypto_aes_gcm(key.material.number, encrypts, iv, more, tagLength / 8, data);
    if (result === null) {
        const length = data.byteLength - tagLength / 8;
        throw decryptionFailed(key.name, length, length);
    }
    return result.buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 * @param {boolean} encrypts
 */
function cbc(key, algorithm, data, encrypts) {
    const iv = required(algorithm.iv, "iv");
    if (iv.byteLength !== 16) {
        const unit = encrypts ? " bytes" : "";
        throw operationError(`AES-CBC IV must be 16 bytes long (provided ${iv.byteLength}${unit}).`);
    }
    const result = crypto_aes_cbc(key.material.number, encrypts, iv, data);
    if (result === null) {
        // The last block is held back until its padding is known.
        const { byteLength } = data;
        const output = byteLength === 0 ? 0 : byteLength - (byteLength % 16 || 16);
        throw decryptionFailed(key.name, byteLength, output);
    }
    return result.buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
function ctr(key, algorithm, data) {
    const { counter, length } = algorithm;
    if (counter === undefined) {
        throw new TypeError('Missing "counter" member in "algorithm".');
    }
    if (counter.byteLength !== 16) {
        throw operationError(`Counter must have length of 16 bytes (provided ${counter.byteLength}).`);
    }
    if (length === undefined) {
        throw new TypeError('Missing "length" member in "algorithm".');
    }
    if (length <= 0 || length > 128) {
        throw operationError(`Invalid counter of ${length} bits length provided.`);
    }
    return crypto_aes_ctr(key.material.number, counter, length, data).buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 * @param {boolean} encrypts
 */
function cipher(key, algorithm, data, encrypts) {
    switch (key.name) {
        case "AES-GCM":
            return gcm(key, algorithm, data, encrypts);
        case "AES-CBC":
            return cbc(key, algorithm, data, encrypts);
        case "AES-CTR":
            return ctr(key, algorithm, data);
        default:
            throw notSupported(
                `The ${encrypts ? "encrypt" : "decrypt"} operation is not implemented for "${key.name}".`,
            );
    }
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
function wrap(key, algorithm, data) {
    if (key.name !== "AES-KW") {
        return cipher(key, algorithm, data, true);
    }
    const { byteLength } = data;
    if (byteLength % 8 !== 0) {
        throw operationError(
            "Unwrapped key bit length must be a multiple of 64 bits but unwrapped key has a length of " +
                `${byteLength * 8} bits.`,
        );
    }
    if (byteLength < 16) {
        throw operationError(
            `Unwrapped key has length ${byteLength} bytes but it should be greater than or equal to 16 and less ` +
                "than or equal to 18446744073709551607",
        );
    }
    const wrapped = crypto_aes_kw(key.material.number, true, data);
    if (wrapped === null) {
        throw operationError("AES-KW key wrapping failed.");
    }
    return wrapped.buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
function unwrap(key, algorithm, data) {
    if (key.name !== "AES-KW") {
        return cipher(key, algorithm, data, false);
    }
    const bits = data.byteLength * 8;
    if (bits % 64 !== 0) {
        throw operationError(
            `Provided a wrapped key to unwrap that is ${bits} bits which isn't a multiple of 64 bits.`,
        );
    }
    if (bits < 192) {
        throw operationError(
            `Provided a wrapped key to unwrap this is ${bits} bits that is less than the minimal length of 192 bits.`,
        );
    }
    const unwrapped = crypto_aes_kw(key.material.number, false, data);
    if (unwrapped === null) {
        throw operationError("AES-KW key unwrapping failed.");
    }
    return unwrapped.buffer;
}

export const aes = {
    importKey,
    generate,
    exportKey,
    /** @type {(key: Key, algorithm: any, data: Uint8Array) => ArrayBuffer} */
    encrypt: (key, algorithm, data) => cipher(key, algorithm, data, true),
    /** @type {(key: Key, algorithm: any, data: Uint8Array) => ArrayBuffer} */
    decrypt: (key, algorithm, data) => cipher(key, algorithm, data, false),
    wrap,
    unwrap,
};
