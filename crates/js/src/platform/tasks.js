/** Promises that the host waits for. */

import { guest_record, task_settled } from "dormouse:ops";

/**
 * Tells the host when `promise` is settled. It may be while another object's code runs, so its owner is named.
 *
 * @param {Promise<unknown>} promise
 * @param {number} call
 */
export function watch(promise, call) {
    const { index } = guest_record();
    promise.then(
        () => task_settled(index, call, false),
        (error) => task_settled(index, call, true, error),
    );
}

/**
 * Hands a value through a promise as it is, even when it looks like a promise.
 *
 * @template T
 * @param {T} value
 */
export function settle(value) {
    return { value };
}

/**
 * What a handler returned, as a promise if it is any kind of one.
 *
 * @param {any} result
 */
export function promised(result) {
    if (typeof result !== "object" || result === null || result instanceof Promise) {
        return result;
    }
    return typeof result.then === "function" ? Promise.resolve(result) : undefined;
}
