/**
 * `structuredClone` (HTML, section 2.7.10), and what becomes of the platform's own objects in a clone.
 *
 * The work is done in Rust over the engine's values. As in workerd only buffers can be transferred, and an object of a
 * class of the platform is refused unless that class says how it is copied.
 */

import { clone_class, clone_structured } from "dormouse:ops";
import { DOMException } from "./errors.js";

/**
 * Lets instances of a class of the platform be cloned: by a value that can be cloned itself, and back from it. What
 * `encode` throws is what the clone throws.
 *
 * @template T, V
 * @param {{ prototype: T }} Class
 * @param {string} name Stands in stored bytes: it must never change.
 * @param {(object: T) => V} encode
 * @param {(value: V) => T} decode
 */
export function clonable(Class, name, encode, decode) {
    clone_class(Class.prototype, name, encode, decode);
}

/**
 * Refuses to clone instances of these classes, unless they said otherwise before.
 *
 * @param {unknown[]} classes
 */
export function refuse(classes) {
    for (const Class of classes) {
        if (typeof Class === "function" && Class.prototype !== undefined) {
            clone_class(Class.prototype, Class.name);
        }
    }
}

clonable(
    DOMException,
    "DOMException",
    (/** @type {any} */ error) => [error.message, error.name, error.stack],
    ([message, name, stack]) => {
        const error = new DOMException(message, name);
        /** @type {any} */ (error).stack = stack;
        return error;
    },
);

/**
 * @param {[value?: unknown, options?: { transfer?: unknown[] }]} args
 */
export function structuredClone(...args) {
    if (args.length < 1) {
        throw new TypeError(
            "Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Value'.",
        );
    }
    const [value, options] = args;
    return clone_structured(value, options === undefined || options === null ? null : transferOf(options));
}

/** @param {unknown} options */
function transferOf(options) {
    if (typeof options !== "object" && typeof options !== "function") {
        throw new TypeError(
            "Failed to execute 'structuredClone' on 'ServiceWorkerGlobalScope': parameter 2 is not of type " +
                "'StructuredCloneOptions'.",
        );
    }
    const { transfer } = /** @type {{ transfer?: unknown }} */ (options);
    return transfer === undefined ? null : transferList(transfer, "StructuredCloneOptions");
}

/**
 * @param {unknown} transfer
 * @param {string} dictionary
 */
export function transferList(transfer, dictionary) {
    if (!Array.isArray(transfer)) {
        throw new TypeError(
            `Incorrect type for the 'transfer' field on '${dictionary}': the provided value is not of type 'Array'.`,
        );
    }
    return transfer;
}
