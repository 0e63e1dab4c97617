/** `env`: what the configuration binds, by name. One object for all handlers of a realm. */

import { DurableObjectNamespace, Fetcher } from "./namespace.js";

/** @type {Record<string, unknown>} */
export const env = {};

/**
 * @param {Array<{ kind: string, name: string, value: unknown, class: string, worker: number }>} bindings What each kind
 *     has: the others are undefined.
 */
export function bind(bindings) {
    for (const { kind, name, value, class: className, worker } of bindings) {
        switch (kind) {
            case "var":
                env[name] = value;
                break;
            case "namespace":
                env[name] = new DurableObjectNamespace(className);
                break;
            case "service":
                env[name] = new Fetcher(worker);
                break;
        }
    }
}
