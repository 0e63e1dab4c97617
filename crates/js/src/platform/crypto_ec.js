/**
 * ECDSA and ECDH over P-256, P-384 and P-521 (Web Cryptography Level 2, sections 23 and 24).
 */

import {
    crypto_ec_derive,
    crypto_ec_generate,
    crypto_ec_key,
    crypto_ec_point,
    crypto_ec_raw,
    crypto_ec_sign,
    crypto_ec_verify,
    crypto_parts,
} from "dormouse:ops";
import {
    checkSigns,
    checkVerifies,
    exportAsymmetric,
    firstBits,
    importAsymmetric,
    pair,
    peer,
} from "./crypto_asymmetric.js";
import { decode, encode, jwk } from "./crypto_jwk.js";
import { hold } from "./crypto_key.js";
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

const CURVES = new Map(["P-256", "P-384", "P-521"].map((name) => [name.toLowerCase(), name]));

/** What `alg` says in JSON of each curve. */
const ALG = new Map([
    ["ES256", "P-256"],
    ["ES384", "P-384"],
    ["ES512", "P-521"],
]);

/** @param {any} algorithm */
function curveOf(algorithm) {
    const name = required(algorithm.namedCurve, "namedCurve");
    const curve = CURVES.get(name.toLowerCase());
    if (curve === undefined) {
        throw notSupported(`Unrecognized or unimplemented EC curve "${name}" requested.`);
    }
    return curve;
}

/** @param {string} name */
function allowedUsages(name) {
    return name === "ECDSA" ? ["sign", "verify"] : ["deriveKey", "deriveBits"];
}

/**
 * @param {string} name
 * @param {any} algorithm
 * @param {boolean} _extractable
 * @param {string[]} asked
 */
function generate(name, algorithm, _extractable, asked) {
    const usages = checkUsages(name, "generate", asked, allowedUsages(name));
    const namedCurve = curveOf(algorithm);
    return pair(crypto_ec_generate(namedCurve), usages, { name, namedCurve });
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
    const namedCurve = curveOf(algorithm);
    if (format === "raw") {
        const usages = checkUsages(name, "import public", asked, name === "ECDSA" ? ["verify"] : []);
        const number = crypto_ec_point(namedCurve, data);
        if (number === null) {
            throw dataError(`Failed to import raw EC key data${pointError(namedCurve, data)}.`);
        }
        return { material: hold(number), type: "public", usages, algorithm: { name, namedCurve } };
    }
    const allowed = allowedUsages(name);
    const read = (/** @type {any} */ key) => ({ number: fromJwk(name, key, namedCurve), kind: namedCurve });
    const { material, type, usages, kind } = importAsymmetric(name, format, data, extractable, asked, allowed, read);
    if (!CURVES.has(kind.toLowerCase())) {
        throw dataError(`Input was not an EC ${name === "ECDSA" ? "key" : "public key nor a DH key"}.`);
    }
    if (kind !== namedCurve) {
        const comma = name === "ECDSA" ? "" : ",";
        throw dataError(
            `"algorithm.namedCurve" "${algorithm.namedCurve}"${comma} does not match the curve specified by the ` +
                "input key data.",
        );
    }
    return { material, type, usages, algorithm: { name, namedCurve } };
}

/**
 * What BoringSSL says of bytes that are no point.
 *
 * @param {string} curve
 * @param {Uint8Array} data
 */
function pointError(curve, data) {
    const length = Math.ceil(Number(curve.slice(2)) / 8);
    const [first] = data;
    if (data.length === 0) {
        return "";
    }
    if (first === 4 && data.length === 1 + 2 * length) {
        return ": Point is not on curve.";
    }
    if ((first === 2 || first === 3) && data.length === 1 + length) {
        return ": Invalid compressed point.";
    }
    return ": Invalid point encoding.";
}

/**
 * @param {string} name
 * @param {any} key
 * @param {string} curve
 */
function fromJwk(name, key, curve) {
    if (key.kty !== "EC") {
        throw dataError(
            'Elliptic curve "jwk" key import requires a JSON Web Key with Key Type parameter "kty" ' +
                `("${key.kty}") equal to "EC".`,
        );
    }
    if (name === "ECDSA" && key.alg !== undefined) {
        const expected = ALG.get(key.alg);
        if (expected === undefined) {
            throw notSupported(
                `Unrecognized or unimplemented algorithm "${key.alg}" listed in JSON Web Key Algorithm parameter.`,
            );
        }
        if (expected !== curve) {
            throw dataError(`JSON Web Key Algorithm parameter "alg" ("${key.alg}") does not match requested curve.`);
        }
    }
    const x = decode(key.x, 'Invalid EC key in JSON Web Key; missing "x".');
    const y = decode(key.y, 'Invalid EC key in JSON Web Key; missing "y".');
    if (key.d === undefined) {
        return crypto_ec_key(curve, x, y);
    }
    const d = decode(key.d, 'Invalid EC key in JSON Web Key; missing or invalid private key component ("d").');
    return crypto_ec_key(curve, x, y, d);
}

/**
 * @param {Key} key
 * @param {string} format
 */
function exportKey(key, format) {
    const toJwk = () => {
        const [x, y, d] = crypto_parts(key.material.number).map(encode);
        return jwk({ kty: "EC", crv: key.algorithm.namedCurve, x, y, d }, key.usages);
    };
    const toRaw = () => {
        if (key.type !== "public") {
            throw invalidAccess("Raw export of elliptic curve keys is only allowed for public keys.");
        }
        return crypto_ec_raw(key.material.number).buffer;
    };
    return exportAsymmetric(key, format, toJwk, toRaw);
}

/**
 * @param {Key} key
 * @param {any} algorithm
 */
function hashOf(key, algorithm) {
    if (key.name !== "ECDSA") {
        throw notSupported(`The sign and verify operations are not implemented for "${key.name}".`);
    }
    if (algorithm.hash === undefined) {
        throw new TypeError(
            'Missing "hash" in AlgorithmIdentifier. (ECDSA requires that the hash algorithm be specified at call ' +
                "time rather than on the key. This differs from other WebCrypto algorithms for historical reasons.)",
        );
    }
    const hash = hashNamed(algorithm.hash);
    if (hash === "MD5") {
        // BoringSSL does not sign that; workerd calls it an internal error.
        throw notSupported("Unrecognized or unimplemented digest algorithm requested.");
    }
    return hash;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} data
 */
function sign(key, algorithm, data) {
    checkSigns(key);
    return crypto_ec_sign(key.material.number, hashOf(key, algorithm), data).buffer;
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {Uint8Array} signature
 * @param {Uint8Array} data
 */
function verify(key, algorithm, signature, data) {
    checkVerifies(key);
    return crypto_ec_verify(key.material.number, hashOf(key, algorithm), data, signature);
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {number | null} length
 */
function deriveBits(key, algorithm, length) {
    if (key.name !== "ECDH") {
        throw notSupported(`The deriveBits operation is not implemented for "${key.name}".`);
    }
    const other = peer(key, algorithm);
    const { namedCurve } = key.algorithm;
    if (other.algorithm.namedCurve !== namedCurve) {
        throw invalidAccess(
            `Private key for derivation is using curve "${namedCurve}" while public key is using ` +
                `"${other.algorithm.namedCurve}".`,
        );
    }
    const secret = crypto_ec_derive(key.material.number, other.material.number);
    const bits = length ?? secret.length * 8;
    if (bits > secret.length * 8) {
        throw operationError(
            `Derived key length (${bits} bits) is too long (should be at most ${secret.length * 8} bits).`,
        );
    }
    return firstBits(secret, bits);
}

export const ec = { importKey, generate, exportKey, sign, verify, deriveBits };
