/**
 * Keys in JSON (RFC 7517 and 7518): what all families share.
 *
 * An exported key has every member that workerd's dictionary has, in its order; those that it does not need are
 * `undefined`.
 */

import { crypto_base64url_decode, crypto_base64url_encode } from "dormouse:ops";
import { checkUsages, dataError, notSupported, privateUsages, publicUsages } from "./crypto_params.js";

const MEMBERS = [
    ...["kty", "use", "key_ops", "alg", "ext", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "oth", "k"],
    ...["pub", "priv"],
];

/**
 * @param {Record<string, unknown>} members
 * @param {string[]} usages
 */
export function jwk(members, usages) {
    /** @type {Record<string, unknown>} */
    const all = { ...members, key_ops: [...usages], ext: true };
    return Object.fromEntries(MEMBERS.map((name) => [name, all[name]]));
}

/** @param {Uint8Array} bytes */
export function encode(bytes) {
    return crypto_base64url_encode(bytes);
}

/**
 * The bytes of a member.
 *
 * @param {string | undefined} text
 * @param {string} error What is wrong when it is missing or no base64url.
 * @returns {Uint8Array}
 */
export function decode(text, error) {
    const bytes = text === undefined ? null : crypto_base64url_decode(text);
    if (bytes === null) {
        throw dataError(error);
    }
    return bytes;
}

/**
 * What the members `use` and `key_ops` of a public or private key allow.
 *
 * @param {string} name
 * @param {any} key
 * @param {boolean} extractable
 * @param {string[]} asked
 * @param {string[]} allowed
 * @returns {string[]}
 */
export function checkAsymmetric(name, key, extractable, asked, allowed) {
    const isPrivate = key.d !== undefined;
    const some = isPrivate ? privateUsages(allowed) : name === "ECDH" ? [] : publicUsages(allowed);
    const usages = checkUsages(name, isPrivate ? "import private" : "import public", asked, some);
    if (isPrivate && key.oth !== undefined) {
        throw notSupported("Multi-prime private keys not supported.");
    }
    const [use, ...operations] = purpose(name);
    if (asked.length > 0 && key.use !== undefined && key.use !== use) {
        throw dataError(
            'Asymmetric "jwk" key import with usages requires a JSON Web Key with Public Key Use parameter "use" ' +
                `("${key.use}") equal to "sig".`,
        );
    }
    if (key.key_ops !== undefined) {
        checkOperations(name, key, asked, use, operations);
    }
    if (key.ext === false && extractable) {
        throw dataError("Cannot create an extractable CryptoKey from an unextractable JSON Web Key.");
    }
    return usages;
}

/** @param {string} name */
function purpose(name) {
    switch (name) {
        case "RSA-OAEP":
            return ["enc", "encrypt", "wrapKey"];
        case "ECDH":
        case "X25519":
            return ["enc", "unused", "unused"];
        default:
            return ["sig", "sign", "verify"];
    }
}

/**
 * @param {string} name
 * @param {any} key
 * @param {string[]} asked
 * @param {string} use
 * @param {string[]} operations
 */
function checkOperations(name, key, asked, use, operations) {
    if (new Set(key.key_ops).size < key.key_ops.length) {
        throw dataError(`A JSON Web Key's Key Operations parameter ("key_ops") must not contain duplicates.`);
    }
    if (key.use !== undefined && key.use !== use) {
        throw dataError(
            `Asymmetric "jwk" import requires a JSON Web Key with Public Key Use "use" ("${key.use}") equal to ` +
                `"${use}".`,
        );
    }
    const either =
        'A JSON Web Key should have either a Public Key Use parameter ("use") or a Key Operations parameter ' +
        '("key_ops"); otherwise, the parameters must be consistent with each other. ';
    const [first, second] = operations;
    for (const operation of key.use === undefined ? [] : [...key.key_ops].sort()) {
        if (name === "ECDH" || name === "X25519") {
            throw dataError(
                `${either}For public ${name} keys, there are no valid usages,so keys with a non-empty "key_ops" ` +
                    "parameter are not allowed.",
            );
        }
        if (!operations.includes(operation)) {
            throw dataError(
                `${either}A Public Key Use for ${name} would allow a Key Operations array with only "${first}" ` +
                    `and/or "${second}" values (not "${operation}").`,
            );
        }
    }
    if (asked.some((usage) => !key.key_ops.includes(usage))) {
        throw dataError(
            `All specified key usages must be present in the JSON Web Key's Key Operations parameter ("key_ops").`,
        );
    }
}
