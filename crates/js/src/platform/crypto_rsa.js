/**
 * RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP (Web Cryptography Level 2, sections 20 to 22).
 *
 * Left out on purpose: workerd's own `RSA-RAW`, and keys of more than two primes, which workerd refuses too.
 */

import {
    crypto_parts,
    crypto_rsa_decrypt,
    crypto_rsa_encrypt,
    crypto_rsa_generate,
    crypto_rsa_key,
    crypto_rsa_sign,
    crypto_rsa_verify,
} from "dormouse:ops";
import { checkSigns, checkVerifies, exportAsymmetric, importAsymmetric, pair } from "./crypto_asymmetric.js";
import { decode, encode, jwk } from "./crypto_jwk.js";
import {
    checkUsages,
    dataError,
    hashNamed,
    invalidAccess,
    notSupported,
    operationError,
    required,
} from "./crypto_params.js";

/** @typedef {import("./crypto_key.js").Key} Key */

/** Bits of modulus that are generated at least: BoringSSL's. */
const GENERATED_BITS_MIN = 512;
const NO_BYTES = new Uint8Array(0);

/** Bytes of each digest. */
const DIGEST_LEN = { MD5: 16, "SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 };

/** What `alg` is called in JSON, by hash. */
const ALG = {
    "RSASSA-PKCS1-v1_5": { "SHA-1": "RS1", "SHA-256": "RS256", "SHA-384": "RS384", "SHA-512": "RS512" },
    "RSA-PSS": { "SHA-1": "PS1", "SHA-256": "PS256", "SHA-384": "PS384", "SHA-512": "PS512" },
    "RSA-OAEP": {
        "SHA-1": "RSA-OAEP",
        "SHA-256": "RSA-OAEP-256",
        "SHA-384": "RSA-OAEP-384",
        "SHA-512": "RSA-OAEP-512",
    },
};

/** @param {string} name */
function allowedUsages(name) {
    return name === "RSA-OAEP" ? ["encrypt", "decrypt", "wrapKey", "unwrapKey"] : ["sign", "verify"];
}

/**
 * @param {number} length
 * @param {Uint8Array} exponent
 * @param {number[]} allowed
 * @param {(value: number) => string} message
 */
function checkParameters(length, exponent, allowed, message) {
    if (length % 8 !== 0 || length < 256 || length > 16384) {
        throw operationError(
            `The modulus length must be a multiple of 8 and between 256 and 16k, but ${length} was requested.`,
        );
    }
    const value = exponent.reduce((sum, byte) => sum * 256 + byte, 0);
    if (value > 0xffffffff) {
        throw operationError('The "publicExponent" must be either 3 or 65537, but got a number larger than 2^32.');
    }
    if (!allowed.includes(value)) {
        throw operationError(message(value));
    }
    return value;
}

/**
 * @param {string} name
 * @param {any} algorithm
 * @param {boolean} _extractable
 * @param {string[]} asked
 */
async function generate(name, algorithm, _extractable, asked) {
    const publicExponent = required(algorithm.publicExponent, "publicExponent").slice();
    const hash = required(algorithm.hash, "hash");
    const modulusLength = required(algorithm.modulusLength, "modulusLength");
    if (modulusLength <= 0) {
        throw operationError(`modulusLength must be greater than zero (requested ${modulusLength}).`);
    }
    const normalized = hashNamed(hash);
    const usages = checkUsages(name, "generate", asked, allowedUsages(name));
    const exponent = checkParameters(
        modulusLength,
        publicExponent,
        [3, 65537],
        (value) => `The "publicExponent" must be either 3 or 65537, but got ${value}.`,
    );
    if (modulusLength % 128 !== 0) {
        throw operationError("Can't generate key: RSA key size is required to be a multiple of 128");
    }
    if (modulusLength < GENERATED_BITS_MIN) {
        throw operationError("RSA key size is too small.");
    }
    const numbers = await crypto_rsa_generate(modulusLength, exponent);
    return pair(numbers, usages, { name, modulusLength, publicExponent, hash: { name: normalized } });
}

/**
 * @param {string} name
 * @param {string} format
 * @param {any} data
 * @param {any} algorithm
 * @param {boolean} extractable
 * @param {string[]} asked
 */
function importKey(name, format, data, algorithm, extractable, asked) {
    const hash = hashNamed(required(algorithm.hash, "hash"));
    const allowed = allowedUsages(name);
    const read = (/** @type {any} */ key) => ({ number: fromJwk(key, hash), kind: "RSA" });
    const { material, type, usages, kind } = importAsymmetric(name, format, data, extractable, asked, allowed, read);
    if (kind !== "RSA") {
        throw dataError("Input was not an RSA key.");
    }
    const [modulus, publicExponent] = crypto_parts(material.number);
    const modulusLength = modulus.length * 8;
    checkImported(modulusLength, publicExponent);
    return { material, type, usages, algorithm: { name, modulusLength, publicExponent, hash: { name: hash } } };
}

/**
 * @param {number} modulusLength
 * @param {Uint8Array} exponent
 */
function checkImported(modulusLength, exponent) {
    const message = (/** @type {number} */ value) => `Imported RSA key has invalid publicExponent ${value}.`;
    checkParameters(modulusLength, exponent, [3, 17, 37, 65537], message);
}

/** @param {Uint8Array} number */
function lengthOf(number) {
    const start = number.findIndex((byte) => byte !== 0);
    return start < 0 ? 0 : (number.length - start) * 8;
}

/**
 * @param {any} key
 * @param {string} hash
 */
function fromJwk(key, hash) {
    if (key.kty !== "RSA") {
        throw dataError(
            'RSASSA-PKCS1-v1_5 "jwk" key import requires a JSON Web Key with Key Type parameter "kty" ' +
                `("${key.kty}") equal to "RSA".`,
        );
    }
    if (key.alg !== undefined) {
        // As in workerd, the name of another variant of RSA will do: only its hash is compared.
        const names = Object.values(ALG).flatMap((byHash) => Object.entries(byHash));
        const [found] = names.find(([, alg]) => alg === key.alg) ?? [];
        if (found === undefined) {
            throw notSupported(
                `Unrecognized or unimplemented algorithm "${key.alg}" listed in JSON Web Key Algorithm parameter.`,
            );
        }
        if (found !== hash) {
            throw dataError(
                `JSON Web Key Algorithm parameter "alg" ("${key.alg}") does not match requested hash algorithm ` +
                    `"${key.alg}".`,
            );
        }
    }
    const missing = "Invalid RSA key in JSON Web Key; missing or invalid ";
    const n = decode(key.n, `${missing}Modulus parameter ("n").`);
    const e = decode(key.e, `${missing}Exponent parameter ("e").`);
    checkImported(lengthOf(n), e);
    if (key.d === undefined) {
        return crypto_rsa_key(n, e);
    }
    const d = decode(key.d, `${missing}Private Exponent parameter ("d").`);
    const rest = [key.p, key.q, key.dp, key.dq, key.qi].filter((member) => member !== undefined);
    if (rest.length === 0) {
        return crypto_rsa_key(n, e, d);
    }
    if (rest.length < 5) {
        throw dataError(
            "Invalid RSA private key in JSON Web Key; if one Prime Factor or CRT Exponent/Coefficient parameter is " +
                'present, then they must all be present ("p", "q", "dp", "dq", "qi").',
        );
    }
    const invalid = "Invalid RSA key in JSON Web Key; invalid ";
    const p = decode(key.p, `${invalid}First Prime Factor parameter ("p").`);
    const q = decode(key.q, `${invalid}Second Prime Factor parameter ("q").`);
    decode(key.dp, `${invalid}First Factor CRT Exponent parameter ("dp").`);
    decode(key.dq, `${invalid}Second Factor CRT Exponent parameter ("dq").`);
    decode(key.qi, `${invalid}First CRT Coefficient parameter ("qi").`);
    return crypto_rsa_key(n, e, d, p, q);
}

/** @param {Key} key */
function toJwk(key) {
    const hash = key.algorithm.hash.name;
    /** @type {Record<string, string>} */
    const names = ALG[/** @type {keyof typeof ALG} */ (key.name)];
    if (names[hash] === undefined) {
        throw notSupported(`JWK export not supported for hash algorithm "${hash}".`);
    }
    const [n, e, d, p, q, dp, dq, qi] = crypto_parts(key.material.number).map(encode);
    return jwk({ kty: "RSA", alg: names[hash], n, e, d, p, q, dp, dq, qi }, key.usages);
}

/**
 * @param {Key} key
 * @param {string} format
 */
function exportKey(key, format) {
    const toRaw = () => {
        throw invalidAccess(`Cannot export "${key.name}" in "raw" format.`);
    };
    return exportAsymmetric(key, format, () => toJwk(key), toRaw);
}

/** @param {Key} key */
function checkIsForSignatures(key) {
    if (key.name === "RSA-OAEP") {
        throw notSupported(`The sign and verify operations are not implemented for "${key.name}".`);
    }
}

/** @param {number} salt */
function checkSalt(salt) {
    if (salt < 0) {
        throw dataError(`SaltLength for RSA-PSS must be non-negative (provided ${salt}).`);
    }
    return salt;
}

const NO_SALT = "Failed to provide salt for RSA-PSS key operation which requires a salt";

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
async function sign(key, algorithm, data) {
    checkSigns(key);
    checkIsForSignatures(key);
    const hash = key.algorithm.hash.name;
    const digestLen = DIGEST_LEN[/** @type {keyof typeof DIGEST_LEN} */ (hash)];
    const size = key.algorithm.modulusLength / 8;
    let salt = null;
    if (key.name === "RSA-PSS") {
        if (algorithm.saltLength === undefined) {
            throw dataError(NO_SALT);
        }
        salt = checkSalt(algorithm.saltLength);
        if (digestLen + 2 > size) {
            throw operationError("key too small for signing with given digest");
        }
        if (salt > size - digestLen - 2) {
            throw operationError("key too small for signing with given digest and salt length");
        }
    } else if (digestLen + 32 > size) {
        throw operationError(`key too small for signing with given digest, need at least ${8 * (digestLen + 32)}bits.`);
    }
    return (await crypto_rsa_sign(key.material.number, hash, salt, data)).buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} signature
 * @param {Uint8Array} data
 */
function verify(key, algorithm, signature, data) {
    checkVerifies(key);
    checkIsForSignatures(key);
    let salt = null;
    if (key.name === "RSA-PSS") {
        if (algorithm.saltLength === undefined) {
            throw new TypeError(NO_SALT);
        }
        salt = checkSalt(algorithm.saltLength);
    }
    return crypto_rsa_verify(key.material.number, key.algorithm.hash.name, salt, data, signature);
}

/**
 * @param {Key} key
 * @param {"encrypt" | "decrypt"} what
 */
function checkIsForEncryption(key, what) {
    if (key.name !== "RSA-OAEP") {
        throw notSupported(`The ${what} operation is not implemented for "${key.name}".`);
    }
    if (key.type !== (what === "encrypt" ? "public" : "private")) {
        throw invalidAccess(
            what === "encrypt"
                ? `Encryption/key wrapping only works with public keys, not "${key.type}".`
                : `Decryption/key unwrapping only works with private keys, not "${key.type}".`,
        );
    }
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
function encrypt(key, algorithm, data) {
    checkIsForEncryption(key, "encrypt");
    const label = algorithm.label ?? NO_BYTES;
    return crypto_rsa_encrypt(key.material.number, key.algorithm.hash.name, label, data).buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
async function decrypt(key, algorithm, data) {
    checkIsForEncryption(key, "decrypt");
    if (data.byteLength !== key.algorithm.modulusLength / 8) {
        throw operationError("RSA-OAEP failed encrypt/decrypt: Invalid RSA signature..");
    }
    const label = algorithm.label ?? NO_BYTES;
    return (await crypto_rsa_decrypt(key.material.number, key.algorithm.hash.name, label, data)).buffer;
}

export const rsa = { importKey, generate, exportKey, sign, verify, encrypt, decrypt, wrap: encrypt, unwrap: decrypt };
