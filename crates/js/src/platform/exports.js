/**
 * What the Worker's main module exports, and `ctx.exports`: the same as a caller sees them.
 *
 * A class of objects is a namespace there. Entrypoints come with method calls between Workers.
 */

import { DurableObjectNamespace } from "./namespace.js";

/** The namespace of the main module. @type {Record<string, any>} */
let main = {};

/** `ctx.exports` @type {Record<string, unknown>} */
export const exports = {};

/**
 * @param {Record<string, any>} namespace
 * @param {string} worker
 * @param {string[]} classes
 */
export function setExports(namespace, worker, classes) {
    main = namespace;
    for (const name of classes) {
        if (typeof main[name] !== "function") {
            throw new TypeError(`The main module exports no class \`${name}\`, which the configuration names.`);
        }
        exports[name] = new DurableObjectNamespace(`${worker}.${name}`);
    }
}

export function exportedAll() {
    return main;
}

/** @param {string} name */
export function exported(name) {
    return main[name];
}
