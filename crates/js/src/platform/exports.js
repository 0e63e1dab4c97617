/**
 * What the Worker's main module exports, and `ctx.exports`: the same as a caller sees them.
 *
 * A class of objects is a namespace there, the default export and every entrypoint a service.
 */

import { DurableObjectNamespace, Fetcher } from "./namespace.js";

/** The namespace of the main module. @type {Record<string, any>} */
let main = {};

/** `ctx.exports` @type {Record<string, unknown>} */
export const exports = {};

/**
 * @param {Record<string, any>} namespace
 * @param {string} worker
 * @param {string[]} classes
 * @param {[name: string, index: number][]} doors
 */
export function setExports(namespace, worker, classes, doors) {
    main = namespace;
    for (const [name, index] of doors) {
        if (main[name] !== undefined) {
            exports[name] = new Fetcher(index);
        }
    }
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
