/**
 * `ByteLengthQueuingStrategy` and `CountQueuingStrategy` (Streams, section 7).
 *
 * As in workerd, a missing mark is no error until a stream is made with it.
 */

import { illegalInvocation, finish, isObject, wrongConstructorArgument } from "./idl.js";

/**
 * @param {any} init
 * @param {string} owner
 */
function readMark(init, owner) {
    if (!isObject(init)) {
        throw wrongConstructorArgument(owner, 1, "QueuingStrategyInit");
    }
    return Number(/** @type {any} */ (init).highWaterMark);
}

export class ByteLengthQueuingStrategy {
    #mark;

    /** @param {{ highWaterMark: number }} init */
    constructor(init) {
        this.#mark = readMark(init, "ByteLengthQueuingStrategy");
    }

    get highWaterMark() {
        if (!(#mark in this)) {
            throw illegalInvocation();
        }
        return this.#mark;
    }

    get size() {
        return (/** @type {any} */ chunk) => chunk?.byteLength;
    }
}

export class CountQueuingStrategy {
    #mark;

    /** @param {{ highWaterMark: number }} init */
    constructor(init) {
        this.#mark = readMark(init, "CountQueuingStrategy");
    }

    get highWaterMark() {
        if (!(#mark in this)) {
            throw illegalInvocation();
        }
        return this.#mark;
    }

    get size() {
        return () => 1;
    }
}

finish(ByteLengthQueuingStrategy);
finish(CountQueuingStrategy);
