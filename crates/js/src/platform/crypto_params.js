/**
 * How the arguments of `SubtleCrypto` become values (Web IDL, section 3.2): what workerd's dictionaries take, and the
 * errors that it throws for what they do not.
 *
 * Buffers are not copied here: an op that goes on after it returned copies what it needs, and nothing of user code runs
 * before that.
 */

import { keyOf } from "./crypto_key.js";
import { DOMException } from "./errors.js";

const INT32_MIN = -2147483648;
const INT32_MAX = 2147483647;

export function illegalInvocation() {
    return new TypeError(
        "Illegal invocation: function called with incorrect `this` reference. See " +
            "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
    );
}

/** @param {string} message */
export const notSupported = (message) => new DOMException(message, "NotSupportedError");
/** @param {string} message */
export const invalidAccess = (message) => new DOMException(message, "InvalidAccessError");
/** @param {string} message */
export const dataError = (message) => new DOMException(message, "DataError");
/** @param {string} message */
export const operationError = (message) => new DOMException(message, "OperationError");
/** @param {string} message */
export const syntaxError = (message) => new DOMException(message, "SyntaxError");

/**
 * A field of a dictionary that an algorithm cannot do without.
 *
 * @template T
 * @param {T | undefined} value
 * @param {string} name
 * @param {string} [where]
 * @returns {T}
 */
export function required(value, name, where = "algorithm") {
    if (value === undefined) {
        throw new TypeError(`Missing field "${name}" in "${where}".`);
    }
    return value;
}

/** @param {unknown} value */
function text(value) {
    if (typeof value === "symbol") {
        throw new TypeError("Cannot convert a Symbol value to a string");
    }
    return String(value);
}

/** @param {unknown} value */
function number(value) {
    if (typeof value === "symbol" || typeof value === "bigint") {
        const kind = typeof value === "symbol" ? "Symbol" : "BigInt";
        throw new TypeError(`Cannot convert a ${kind} value to a number`);
    }
    const result = Number(value);
    return Number.isFinite(result) ? Math.trunc(result) : 0;
}

/** @param {unknown} value */
export function integer(value) {
    const result = number(value);
    if (result < INT32_MIN || result > INT32_MAX) {
        throw new TypeError(`Value out of range. Must be between ${INT32_MIN} and ${INT32_MAX} (inclusive).`);
    }
    return result;
}

/** @param {unknown} value */
function tagLength(value) {
    const result = number(value);
    if (result < INT32_MIN || result > INT32_MAX) {
        throw new TypeError("AES-GCM tagLength is outside the integer range.");
    }
    return result;
}

/** @param {unknown} value */
function isBytes(value) {
    return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/**
 * The bytes of an `ArrayBuffer` or of a view, where they are.
 *
 * @param {any} value
 */
function bytes(value) {
    if (value instanceof Uint8Array) {
        return value;
    }
    if (ArrayBuffer.isView(value)) {
        const { buffer, byteOffset, byteLength } = value;
        return byteLength === 0 ? new Uint8Array(0) : new Uint8Array(buffer, byteOffset, byteLength);
    }
    return value.byteLength === 0 ? new Uint8Array(0) : new Uint8Array(value);
}

/** What a field of a dictionary may be: a conversion, or a test of its type and what that is called. */
const BYTES = { is: isBytes, as: bytes, type: "BufferSource" };
const KEY = { is: (/** @type {any} */ value) => keyOf(value) !== null, as: keyOf, type: "CryptoKey" };
const LIST = { is: Array.isArray, as: (/** @type {any[]} */ value) => value.map(text), type: "Array" };
/** @param {unknown} value */
const hash = (value) => dictionary("HashAlgorithm", value).name;

/** The dictionaries, with their fields in the order in which they are read. */
const DICTIONARIES = {
    HashAlgorithm: {},
    EncryptAlgorithm: {
        iv: BYTES,
        additionalData: BYTES,
        tagLength,
        counter: BYTES,
        length: integer,
        label: BYTES,
    },
    SignAlgorithm: { hash, dataLength: integer, saltLength: integer },
    GenerateKeyAlgorithm: {
        hash,
        modulusLength: integer,
        publicExponent: BYTES,
        length: integer,
        namedCurve: text,
    },
    ImportKeyAlgorithm: { hash, length: integer, namedCurve: text, compressed: Boolean },
    DeriveKeyAlgorithm: { salt: BYTES, iterations: integer, hash, public: KEY, info: BYTES },
    JsonWebKey: {
        use: text,
        key_ops: LIST,
        alg: text,
        ext: Boolean,
        crv: text,
        x: text,
        y: text,
        d: text,
        n: text,
        e: text,
        p: text,
        q: text,
        dp: text,
        dq: text,
        qi: text,
        oth: LIST,
        k: text,
    },
};

/**
 * A dictionary whose only required member is a name; a string stands for that alone.
 *
 * @param {keyof typeof DICTIONARIES} type
 * @param {any} value
 * @returns {any}
 */
export function dictionary(type, value) {
    if (value === undefined || value === null) {
        const mangled = `N7workerd3api12SubtleCrypto${type.length}${type}E`;
        throw new TypeError(`Cannot initialize ${mangled} with required members from an undefined or null value.`);
    }
    const nameOf = type === "JsonWebKey" ? "kty" : "name";
    if (typeof value !== "object" && typeof value !== "function") {
        return { [nameOf]: text(value) };
    }
    /** @type {Record<string, any>} */
    const result = { [nameOf]: text(value[nameOf]) };
    for (const [name, read] of Object.entries(DICTIONARIES[type])) {
        const field = value[name];
        if (field === undefined) {
            continue;
        }
        if (typeof read === "function") {
            result[name] = read(field);
        } else if (read.is(field)) {
            result[name] = read.as(field);
        } else {
            throw new TypeError(
                `Incorrect type for the '${name}' field on '${type}': ` +
                    `the provided value is not of type '${read.type}'.`,
            );
        }
    }
    return result;
}

/**
 * The arguments of one call of a method of `SubtleCrypto`.
 */
export class Arguments {
    /**
     * @param {string} method
     * @param {any[]} args
     */
    constructor(method, args) {
        this.method = method;
        this.args = args;
    }

    /**
     * @param {number} index
     * @param {string} type
     */
    #wrong(index, type) {
        const what = `parameter ${index + 1} is not of type '${type}'.`;
        return new TypeError(`Failed to execute '${this.method}' on 'SubtleCrypto': ${what}`);
    }

    /**
     * @param {number} index
     * @param {string} type
     */
    #given(index, type) {
        if (index >= this.args.length) {
            throw this.#wrong(index, type);
        }
        return this.args[index];
    }

    /** @param {number} index */
    text(index) {
        return text(this.#given(index, "string"));
    }

    /** @param {number} index */
    flag(index) {
        return Boolean(this.#given(index, "boolean"));
    }

    /**
     * @param {number} index
     * @param {keyof typeof DICTIONARIES} type
     */
    algorithm(index, type) {
        return dictionary(type, this.#given(index, `string or ${type}`));
    }

    /** @param {number} index */
    bytes(index) {
        return this.#of(index, BYTES);
    }

    /** @param {number} index */
    key(index) {
        return this.#of(index, KEY);
    }

    /** @param {number} index */
    usages(index) {
        return this.#of(index, LIST);
    }

    /**
     * @param {number} index
     * @param {{ is: (value: any) => boolean, as: (value: any) => any, type: string }} type
     */
    #of(index, type) {
        const value = this.args[index];
        if (!type.is(value)) {
            throw this.#wrong(index, type.type);
        }
        return type.as(value);
    }

    /**
     * Bytes of a key, or a key in JSON.
     *
     * @param {number} index
     */
    keyData(index) {
        const type = "BufferSource or JsonWebKey";
        const value = this.#given(index, type);
        if (isBytes(value)) {
            return bytes(value);
        }
        if (value !== undefined && value !== null && typeof value !== "object" && typeof value !== "function") {
            throw this.#wrong(index, type);
        }
        return dictionary("JsonWebKey", value);
    }

    /**
     * A number that need not be given.
     *
     * @param {number} index
     */
    length(index) {
        const value = this.args[index];
        return value === undefined || value === null ? null : integer(value);
    }
}

/** Digests, by their names in small letters. */
const HASHES = new Map(["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"].map((name) => [name.toLowerCase(), name]));

/**
 * The name of a digest as the specification writes it.
 *
 * @param {string} name
 * @returns {string}
 */
export function hashNamed(name) {
    const found = HASHES.get(name.toLowerCase());
    if (found === undefined) {
        throw notSupported("Unrecognized or unimplemented digest algorithm requested.");
    }
    return found;
}

/** What a key may be used for, in the order of the specification. */
const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

/** What only a public key and only a private key may be used for. */
const PUBLIC = ["encrypt", "verify", "wrapKey"];
const PRIVATE = ["decrypt", "sign", "unwrapKey", "deriveKey", "deriveBits"];

/**
 * Usages that were asked for, each once and in order.
 *
 * @param {string} name
 * @param {"generate" | "import secret" | "import public" | "import private"} how
 * @param {string[]} usages
 * @param {string[]} allowed
 */
export function checkUsages(name, how, usages, allowed) {
    for (const usage of usages) {
        if (!allowed.includes(usage)) {
            throw syntaxError(`Attempt to ${how} ${name} key with invalid usage "${usage}".`);
        }
    }
    return USAGES.filter((usage) => usages.includes(usage));
}

/** @param {string[]} usages */
export const publicUsages = (usages) => usages.filter((usage) => PUBLIC.includes(usage));
/** @param {string[]} usages */
export const privateUsages = (usages) => usages.filter((usage) => PRIVATE.includes(usage));
