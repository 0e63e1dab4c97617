/**
 * Ed25519 and X25519 (Web Cryptography Level 2, sections 25 and 26), and `NODE-ED25519`,
 * workerd's older name of the first.
 */

import {
    crypto_okp_derive,
    crypto_okp_generate,
    crypto_okp_private,
    crypto_okp_public,
    crypto_okp_sign,
    crypto_okp_verify,
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
import { checkUsages, dataError, invalidAccess, notSupported, operationError, required } from "./crypto_params.js";

/** @typedef {import("./crypto_key.js").Key} Key */

const SIGNATURE_LEN = 64;
const SECRET_BITS = 256;

/** @param {string} name */
function curveOf(name) {
    return name === "X25519" ? "X25519" : "Ed25519";
}

/** @param {string} name */
function allowedUsages(name) {
    return name === "X25519" ? ["deriveKey", "deriveBits"] : ["sign", "verify"];
}

/**
 * @param {string} name
 * @param {any} algorithm
 */
function publicAlgorithm(name, algorithm) {
    if (name !== "NODE-ED25519") {
        return { name };
    }
    const namedCurve = required(algorithm.namedCurve, "namedCurve");
    if (namedCurve !== name) {
        throw notSupported(`EDDSA curve "${namedCurve}" isn't supported.`);
    }
    return { name, namedCurve };
}

/**
 * @param {string} name
 * @param {any} algorithm
 * @param {boolean} _extractable
 * @param {string[]} asked
 */
function generate(name, algorithm, _extractable, asked) {
    const usages = checkUsages(name, "generate", asked, allowedUsages(name));
    const shown = publicAlgorithm(name, algorithm);
    return pair(crypto_okp_generate(curveOf(name)), usages, shown);
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
    const shown = publicAlgorithm(name, algorithm);
    const curve = curveOf(name);
    if (format === "raw") {
        const usages = checkUsages(name, "import public", asked, name === "X25519" ? [] : ["verify"]);
        if (data.byteLength !== 32) {
            throw dataError(`${curve} raw keys must be exactly 32-bytes (provided ${data.byteLength}).`);
        }
        return { material: hold(crypto_okp_public(curve, data)), type: "public", usages, algorithm: shown };
    }
    const allowed = allowedUsages(name);
    const read = (/** @type {any} */ key) => ({ number: fromJwk(curve, key), kind: curve });
    const { material, type, usages, kind } = importAsymmetric(name, format, data, extractable, asked, allowed, read);
    if (kind !== curve) {
        throw dataError(`Input was not an ${curve} key.`);
    }
    return { material, type, usages, algorithm: shown };
}

/**
 * @param {string} curve
 * @param {any} key
 */
function fromJwk(curve, key) {
    if (key.kty !== "OKP") {
        throw dataError(
            `${curve} "jwk" key imports requires a JSON Web Key with Key Type parameter "kty" ("${key.kty}") equal ` +
                'to "OKP".',
        );
    }
    if (key.crv === undefined) {
        throw dataError(`Missing field "crv" for ${curve} key.`);
    }
    if (key.crv !== curve) {
        throw notSupported(`Only ${curve} is supported but "${key.crv}" was requested.`);
    }
    if (key.alg !== undefined && curve === "Ed25519" && key.alg !== "EdDSA") {
        throw dataError(
            `JSON Web Key Algorithm parameter "alg" ("${key.alg}") does not match requested Ed25519 curve.`,
        );
    }
    const x = decode(key.x, `Invalid ${key.crv} key in JSON WebKey; missing or invalid public key component ("x").`);
    if (x.length !== 32) {
        throw dataError(`Invalid length ${x.length} for public key`);
    }
    if (key.d === undefined) {
        return crypto_okp_public(curve, x);
    }
    const d = decode(key.d, `Invalid ${curve} key in JSON Web Key; missing or invalid private key component ("d").`);
    if (d.length !== 32) {
        throw dataError(`Invalid length ${d.length} for private key`);
    }
    return crypto_okp_private(curve, d);
}

/**
 * @param {Key} key
 * @param {string} format
 */
function exportKey(key, format) {
    const toJwk = () => {
        const [x, d] = crypto_parts(key.material.number).map(encode);
        const alg = key.name === "Ed25519" ? "EdDSA" : undefined;
        return jwk({ kty: "OKP", crv: curveOf(key.name), x, d, alg }, key.usages);
    };
    const toRaw = () => {
        if (key.type !== "public") {
            throw invalidAccess(`Raw export of ${key.name} keys is only allowed for public keys.`);
        }
        return crypto_parts(key.material.number)[0].buffer;
    };
    return exportAsymmetric(key, format, toJwk, toRaw);
}

/** @param {Key} key */
function checkIsForSignatures(key) {
    if (key.name === "X25519") {
        throw operationError('Not implemented for algorithm "X25519".');
    }
}

/**
 * @param {Key} key
 * @param {any} _algorithm
 * @param {Uint8Array} data
 */
function sign(key, _algorithm, data) {
    checkSigns(key);
    checkIsForSignatures(key);
    return crypto_okp_sign(key.material.number, data).buffer;
}

/**
 * @param {Key} key
 * @param {any} _algorithm
 * @param {Uint8Array} signature
 * @param {Uint8Array} data
 */
function verify(key, _algorithm, signature, data) {
    checkVerifies(key);
    checkIsForSignatures(key);
    if (signature.byteLength !== SIGNATURE_LEN) {
        throw operationError(`Invalid ${key.name} signature length ${signature.byteLength}`);
    }
    return crypto_okp_verify(key.material.number, data, signature);
}

/**
 * @param {Key} key
 * @param {any} algorithm
 * @param {number | null} length
 */
function deriveBits(key, algorithm, length) {
    if (key.name !== "X25519") {
        throw notSupported(`The deriveBits operation is not implemented for "${key.name}".`);
    }
    const other = peer(key, algorithm);
    const bits = length ?? SECRET_BITS;
    if (bits > SECRET_BITS) {
        throw operationError(`Derived key length (${bits} bits) is too long (should be at most ${SECRET_BITS} bits).`);
    }
    return firstBits(crypto_okp_derive(key.material.number, other.material.number), bits);
}

export const okp = { importKey, generate, exportKey, sign, verify, deriveBits };
