/**
 * `SubtleCrypto` (Web Cryptography Level 2, section 14), and workerd's own `timingSafeEqual`.
 *
 * Each family of algorithms has a file of its own, with the operations that it knows; here is which name belongs to
 * which family, and what all operations check. An operation is done when it is called, unless it is known to take long.
 *
 * Left out on purpose: what workerd has behind its flag `webcrypto_modern_algorithms`, and `RSA-RAW`.
 */

import { crypto_digest, crypto_equal, crypto_text } from "dormouse:ops";
import { aes } from "./crypto_aes.js";
import { derivation } from "./crypto_derive.js";
import { ec } from "./crypto_ec.js";
import { BLOCK_BITS, hmac } from "./crypto_hmac.js";
import { newKey } from "./crypto_key.js";
import { okp } from "./crypto_okp.js";
import {
    Arguments,
    dataError,
    dictionary,
    hashNamed,
    illegalInvocation,
    invalidAccess,
    notSupported,
    operationError,
    required,
    syntaxError,
} from "./crypto_params.js";
import { rsa } from "./crypto_rsa.js";

/** @typedef {import("./crypto_key.js").Key} Key */

/** How the platform makes a `SubtleCrypto`. */
const INTERNAL = Symbol("internal");

/** Every algorithm that has keys, by its name in small letters. */
const ALGORITHMS = new Map(
    Object.entries({
        "AES-CTR": aes,
        "AES-CBC": aes,
        "AES-GCM": aes,
        "AES-KW": aes,
        HMAC: hmac,
        PBKDF2: derivation,
        HKDF: derivation,
        "RSASSA-PKCS1-v1_5": rsa,
        "RSA-PSS": rsa,
        "RSA-OAEP": rsa,
        ECDSA: ec,
        ECDH: ec,
        "NODE-ED25519": okp,
        Ed25519: okp,
        X25519: okp,
    }).map(([name, family]) => [name.toLowerCase(), { name, family: /** @type {any} */ (family) }]),
);

const NO_USAGES = "Secret/private CryptoKeys must have at least one usage.";

/** Formats whose data are bytes. */
const BYTE_FORMATS = ["raw", "pkcs8", "spki"];
/** Formats that workerd has behind a flag. */
const MODERN_FORMATS = ["raw-secret", "raw-public", "raw-private", "raw-seed"];

/**
 * That a key is for this operation.
 *
 * @param {Key} key
 * @param {string} name
 * @param {string} usage
 */
function checkUse(key, name, usage) {
    if (name.toLowerCase() !== key.name.toLowerCase()) {
        throw invalidAccess(`Requested algorithm "${name}" does not match this CryptoKey's algorithm "${key.name}".`);
    }
    if (!key.usages.includes(usage)) {
        throw invalidAccess(`Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`);
    }
}

/**
 * An operation of a key's family.
 *
 * @param {Key} key
 * @param {"encrypt" | "decrypt" | "sign" | "verify" | "deriveBits" | "wrap" | "unwrap"} operation
 * @returns {(...args: any[]) => any}
 */
function operationOf(key, operation) {
    const found = key.family[operation];
    if (found !== undefined) {
        return found;
    }
    const name = operation === "wrap" ? "encrypt" : operation === "unwrap" ? "decrypt" : operation;
    const which = operation === "deriveBits" ? "deriveKey and deriveBits operations are" : `${name} operation is`;
    throw notSupported(`The ${which} not implemented for "${key.name}".`);
}

/** @param {string} format */
function checkFormat(format) {
    if (MODERN_FORMATS.includes(format)) {
        throw notSupported(`Key format "${format}" requires the webcrypto_modern_algorithms flag.`);
    }
}

/**
 * @param {string} format
 * @param {any} data
 * @param {any} algorithm
 * @param {boolean} extractable
 * @param {string[]} asked
 */
function importKey(format, data, algorithm, extractable, asked) {
    checkFormat(format);
    if (BYTE_FORMATS.includes(format)) {
        if (!(data instanceof Uint8Array)) {
            throw new TypeError("Import data provided for buffer-based import formats must be a buffer source.");
        }
    } else if (format === "jwk") {
        if (data instanceof Uint8Array) {
            throw new TypeError('Import data provided for "jwk" import format must be a JsonWebKey.');
        }
        if (data.ext === false && extractable) {
            throw dataError(`JWK ext field for "${algorithm.name}" is set to false but extractable is true`);
        }
    } else {
        throw notSupported(`Unrecognized key import format "${format}".`);
    }
    const found = ALGORITHMS.get(algorithm.name.toLowerCase());
    if (found === undefined) {
        throw notSupported(`Unrecognized key import algorithm "${algorithm.name}" requested.`);
    }
    const { name, family } = found;
    const parts = family.importKey(name, format, data, algorithm, extractable, asked);
    if (parts.usages.length === 0 && parts.type !== "public") {
        throw syntaxError(NO_USAGES);
    }
    return newKey({ ...parts, name, family, extractable });
}

/**
 * @param {Key} key
 * @param {string} format
 */
function exportKey(key, format) {
    if (!key.extractable) {
        throw invalidAccess(`Attempt to export non-extractable ${key.name} key.`);
    }
    checkFormat(format);
    if (key.family.exportKey === undefined) {
        throw notSupported(`Unrecognized or unsupported export of "${key.name}" requested.`);
    }
    return key.family.exportKey(key, format);
}

/**
 * How many bits a key of an algorithm is made of, or null for as many as there are.
 *
 * @param {any} algorithm
 * @returns {number | null}
 */
function lengthFor(algorithm) {
    const name = ALGORITHMS.get(algorithm.name.toLowerCase())?.name;
    switch (name) {
        case "AES-CTR":
        case "AES-CBC":
        case "AES-GCM":
        case "AES-KW": {
            const length = required(algorithm.length, "length", "derivedKeyParams");
            if (length !== 128 && length !== 192 && length !== 256) {
                throw operationError(`Derived AES key must be 128, 192, or 256 bits in length but provided ${length}.`);
            }
            return length;
        }
        case "HMAC": {
            if (algorithm.length === undefined) {
                const hash = hashNamed(required(algorithm.hash, "hash", "derivedKeyParams"));
                return BLOCK_BITS[/** @type {keyof typeof BLOCK_BITS} */ (hash)];
            }
            if (algorithm.length <= 0) {
                throw new TypeError("HMAC key length must be a non-zero unsigned long integer.");
            }
            return algorithm.length;
        }
        case "HKDF":
        case "PBKDF2":
            return null;
        default:
            throw notSupported(`Unrecognized derived key type "${algorithm.name}" requested.`);
    }
}

/**
 * The operations, by the names of their methods: each takes what was given and comes to a result or to a promise
 * of one.
 *
 * @type {Record<string, (args: Arguments) => any>}
 */
const operations = {
    encrypt(args) {
        const [algorithm, key, data] = [args.algorithm(0, "EncryptAlgorithm"), args.key(1), args.bytes(2)];
        checkUse(key, algorithm.name, "encrypt");
        return operationOf(key, "encrypt")(key, algorithm, data);
    },

    decrypt(args) {
        const [algorithm, key, data] = [args.algorithm(0, "EncryptAlgorithm"), args.key(1), args.bytes(2)];
        checkUse(key, algorithm.name, "decrypt");
        return operationOf(key, "decrypt")(key, algorithm, data);
    },

    sign(args) {
        const [algorithm, key, data] = [args.algorithm(0, "SignAlgorithm"), args.key(1), args.bytes(2)];
        checkUse(key, algorithm.name, "sign");
        return operationOf(key, "sign")(key, algorithm, data);
    },

    verify(args) {
        const [algorithm, key] = [args.algorithm(0, "SignAlgorithm"), args.key(1)];
        const [signature, data] = [args.bytes(2), args.bytes(3)];
        checkUse(key, algorithm.name, "verify");
        return operationOf(key, "verify")(key, algorithm, signature, data);
    },

    digest(args) {
        const [algorithm, data] = [args.algorithm(0, "HashAlgorithm"), args.bytes(1)];
        return crypto_digest(hashNamed(algorithm.name), data).buffer;
    },

    async generateKey(args) {
        const algorithm = args.algorithm(0, "GenerateKeyAlgorithm");
        const [extractable, asked] = [args.flag(1), args.usages(2)];
        const found = ALGORITHMS.get(algorithm.name.toLowerCase());
        if (found?.family.generate === undefined) {
            throw notSupported(`Unrecognized key generation algorithm "${algorithm.name}" requested.`);
        }
        const { name, family } = found;
        const made = await family.generate(name, algorithm, extractable, asked);
        if (made.privateKey === undefined) {
            if (asked.length === 0) {
                throw syntaxError(NO_USAGES);
            }
            return newKey({ ...made, name, family, extractable });
        }
        const { publicKey, privateKey } = made;
        if (privateKey.usages.length === 0) {
            throw syntaxError("Attempt to generate asymmetric keys with no valid private key usages.");
        }
        return {
            publicKey: newKey({ ...publicKey, name, family, extractable: true }),
            privateKey: newKey({ ...privateKey, name, family, extractable }),
        };
    },

    async deriveKey(args) {
        const [algorithm, key] = [args.algorithm(0, "DeriveKeyAlgorithm"), args.key(1)];
        const derived = args.algorithm(2, "ImportKeyAlgorithm");
        const [extractable, usages] = [args.flag(3), args.usages(4)];
        checkUse(key, algorithm.name, "deriveKey");
        const length = lengthFor(derived);
        const secret = await operationOf(key, "deriveBits")(key, algorithm, length);
        return importKey("raw", new Uint8Array(secret), derived, extractable, usages);
    },

    deriveBits(args) {
        const [algorithm, key] = [args.algorithm(0, "DeriveKeyAlgorithm"), args.key(1)];
        const length = args.length(2);
        if (length !== null && length < 0) {
            throw new TypeError("deriveBits length must be an unsigned long integer.");
        }
        checkUse(key, algorithm.name, "deriveBits");
        return operationOf(key, "deriveBits")(key, algorithm, length);
    },

    importKey(args) {
        const [format, data] = [args.text(0), args.keyData(1)];
        const algorithm = args.algorithm(2, "ImportKeyAlgorithm");
        return importKey(format, data, algorithm, args.flag(3), args.usages(4));
    },

    exportKey(args) {
        const [format, key] = [args.text(0), args.key(1)];
        return exportKey(key, format);
    },

    wrapKey(args) {
        const [format, key, wrappingKey] = [args.text(0), args.key(1), args.key(2)];
        const algorithm = args.algorithm(3, "EncryptAlgorithm");
        checkUse(wrappingKey, algorithm.name, "wrapKey");
        const exported = exportKey(key, format);
        const data = exported instanceof ArrayBuffer ? new Uint8Array(exported) : utf8(JSON.stringify(exported));
        return operationOf(wrappingKey, "wrap")(wrappingKey, algorithm, data);
    },

    async unwrapKey(args) {
        const [format, data, unwrappingKey] = [args.text(0), args.bytes(1), args.key(2)];
        const algorithm = args.algorithm(3, "EncryptAlgorithm");
        const unwrapped = args.algorithm(4, "ImportKeyAlgorithm");
        const [extractable, usages] = [args.flag(5), args.usages(6)];
        checkUse(unwrappingKey, algorithm.name, "unwrapKey");
        const bytes = new Uint8Array(await operationOf(unwrappingKey, "unwrap")(unwrappingKey, algorithm, data));
        const keyData = format === "jwk" ? fromJson(crypto_text(bytes)) : bytes;
        return importKey(format, keyData, unwrapped, extractable, usages);
    },
};

/** @param {string} text */
function fromJson(text) {
    const value = JSON.parse(text);
    if (value !== null && typeof value !== "object") {
        throw dataError('Missing "kty" field or corrupt JSON unwrapping key?');
    }
    return dictionary("JsonWebKey", value);
}

/**
 * JSON of a key has no character that is not ASCII.
 *
 * @param {string} text
 */
function utf8(text) {
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** @type {() => SubtleCrypto} */
export let newSubtle;

/** @type {(value: object) => boolean} */
let isSubtle;

export class SubtleCrypto {
    #brand = true;

    /** @param {symbol} internal */
    constructor(internal) {
        if (internal !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
    }

    static {
        newSubtle = () => new SubtleCrypto(INTERNAL);
        isSubtle = (value) => typeof value === "object" && value !== null && #brand in value;
    }
}

for (const [method, run] of Object.entries(operations)) {
    const start = async (/** @type {any[]} */ args) => run(new Arguments(method, args));
    const value = {
        /** @param {any[]} args */
        [method](...args) {
            if (!isSubtle(this)) {
                throw illegalInvocation();
            }
            return start(args);
        },
    }[method];
    Object.defineProperty(SubtleCrypto.prototype, method, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
    });
}

Object.defineProperty(SubtleCrypto.prototype, "timingSafeEqual", {
    value: {
        /** @param {any[]} given */
        timingSafeEqual(...given) {
            if (!isSubtle(this)) {
                throw illegalInvocation();
            }
            const args = new Arguments("timingSafeEqual", given);
            const [one, other] = [args.bytes(0), args.bytes(1)];
            if (one.byteLength !== other.byteLength) {
                throw new TypeError("Input buffers must have the same byte length.");
            }
            return crypto_equal(one, other);
        },
    }.timingSafeEqual,
    writable: true,
    enumerable: true,
    configurable: true,
});

Object.defineProperty(SubtleCrypto.prototype, Symbol.toStringTag, { value: "SubtleCrypto", configurable: true });
