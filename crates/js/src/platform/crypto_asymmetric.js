/**
 * What RSA, elliptic curves, Ed25519 and X25519 share: containers in DER, pairs, and who may do what.
 */

import { crypto_from_pkcs8, crypto_from_spki, crypto_to_der } from "dormouse:ops";
import { checkAsymmetric } from "./crypto_jwk.js";
import { hold } from "./crypto_key.js";
import { checkUsages, invalidAccess, notSupported, privateUsages, publicUsages } from "./crypto_params.js";

/** @typedef {import("./crypto_key.js").Key} Key */

/**
 * A key that was read, before its family has looked at it.
 *
 * @typedef {{ material: { number: number }, type: "public" | "private", usages: string[], kind: string }} Imported
 */

/**
 * @param {string} name
 * @param {string} format
 * @param {any} data
 * @param {boolean} extractable
 * @param {string[]} asked
 * @param {string[]} allowed
 * @param {(key: any) => { number: number, kind: string }} readJwk
 * @returns {Imported}
 */
export function importAsymmetric(name, format, data, extractable, asked, allowed, readJwk) {
    switch (format) {
        case "jwk": {
            const usages = checkAsymmetric(name, data, extractable, asked, allowed);
            const { number, kind } = readJwk(data);
            return { material: hold(number), type: data.d === undefined ? "public" : "private", usages, kind };
        }
        case "spki": {
            const [number, kind] = crypto_from_spki(data);
            const material = hold(number);
            const some = name === "ECDH" ? [] : publicUsages(allowed);
            return { material, type: "public", usages: checkUsages(name, "import public", asked, some), kind };
        }
        case "pkcs8": {
            const [number, kind] = crypto_from_pkcs8(data);
            const material = hold(number);
            const usages = checkUsages(name, "import private", asked, privateUsages(allowed));
            return { material, type: "private", usages, kind };
        }
        default:
            throw notSupported(`Unrecognized key import format "${format}".`);
    }
}

/**
 * Both keys of a pair that was generated.
 *
 * @param {[number, number]} numbers Of the private and of the public key.
 * @param {string[]} usages
 * @param {any} algorithm
 */
export function pair([privateNumber, publicNumber], usages, algorithm) {
    return {
        publicKey: { material: hold(publicNumber), type: "public", usages: publicUsages(usages), algorithm },
        privateKey: { material: hold(privateNumber), type: "private", usages: privateUsages(usages), algorithm },
    };
}

/**
 * @param {Key} key
 * @param {string} format
 * @param {() => any} toJwk
 * @param {() => ArrayBuffer} toRaw
 */
export function exportAsymmetric(key, format, toJwk, toRaw) {
    switch (format) {
        case "pkcs8":
            if (key.type !== "private") {
                throw invalidAccess(`Asymmetric pkcs8 export requires private key (not "${key.type}").`);
            }
            return crypto_to_der(key.material.number).buffer;
        case "spki":
            if (key.type !== "public") {
                throw invalidAccess(`Asymmetric spki export requires public key (not "${key.type}").`);
            }
            return crypto_to_der(key.material.number).buffer;
        case "jwk":
            return toJwk();
        case "raw":
            return toRaw();
        default:
            throw invalidAccess(`Cannot export "${key.name}" in "${format}" format.`);
    }
}

/** @param {Key} key */
export function checkSigns(key) {
    if (key.type !== "private") {
        throw invalidAccess("Asymmetric signing requires a private key.");
    }
}

/** @param {Key} key */
export function checkVerifies(key) {
    if (key.type !== "public") {
        throw invalidAccess("Asymmetric verification requires a public key.");
    }
}

/**
 * The public key that a secret is derived with.
 *
 * @param {Key} key
 * @param {any} algorithm
 * @returns {Key}
 */
export function peer(key, algorithm) {
    if (key.type !== "private") {
        throw invalidAccess(`The deriveBits operation is only valid for a private key, not "${key.type}".`);
    }
    const other = algorithm.public;
    if (other === undefined) {
        throw new TypeError('Missing field "public" in "derivedKeyParams".');
    }
    if (other.type !== "public") {
        throw invalidAccess(`The provided key has type "${other.type}", not "public"`);
    }
    if (Object.keys(key.algorithm).join() !== Object.keys(other.algorithm).join()) {
        throw invalidAccess(
            `Base ${key.name} private key cannot be used to derive a key from a peer ${other.name} public key`,
        );
    }
    if (key.name !== other.name) {
        throw invalidAccess(
            `Private key for derivation is using "${key.name}" while public key is using "${other.name}".`,
        );
    }
    return other;
}

/**
 * The first bits of a shared secret, filled up with zeros to whole bytes.
 *
 * @param {Uint8Array} secret
 * @param {number} bits
 */
export function firstBits(secret, bits) {
    const result = secret.slice(0, Math.ceil(bits / 8));
    if (bits % 8 !== 0) {
        result[result.length - 1] &= 0xff << (8 - (bits % 8));
    }
    return result.buffer;
}
