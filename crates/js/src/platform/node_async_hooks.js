/**
 * The module `node:async_hooks`, as workerd has it: `AsyncLocalStorage` and `AsyncResource`, and of the rest what says
 * nothing. There are no hooks: `createHook` makes one that is never called.
 */

import { callIn, currentFrame, follow, frameWith, frameWithout } from "./async_context.js";
import { finish, wrongArgument } from "./idl.js";

export class AsyncLocalStorage {
    #name;
    #defaultValue;

    /** @param {{ defaultValue?: unknown, name?: string }} [options] */
    constructor(options) {
        follow();
        this.#name = options?.name === undefined ? "" : String(options.name);
        this.#defaultValue = options?.defaultValue;
    }

    /** @param {Function} callback */
    static bind(callback) {
        if (typeof callback !== "function") {
            throw wrongArgument("AsyncLocalStorage", "bind", 1, "Function");
        }
        return bound(callback);
    }

    /** A function that calls others in the frame in which it was made. */
    static snapshot() {
        const frame = currentFrame();
        return (/** @type {Function} */ callback, /** @type {unknown[]} */ ...args) => {
            return callIn(frame, callback, globalThis, args);
        };
    }

    /**
     * @param {unknown} store
     * @param {Function} callback
     * @param {...unknown} args
     */
    run(store, callback, ...args) {
        if (arguments.length < 1) {
            throw wrongArgument("AsyncLocalStorage", "run", 1, "Value");
        }
        demand("AsyncLocalStorage", "run", 2, callback);
        return callIn(frameWith(this, store), callback, globalThis, args);
    }

    /**
     * @param {Function} callback
     * @param {...unknown} args
     */
    exit(callback, ...args) {
        demand("AsyncLocalStorage", "exit", 1, callback);
        return callIn(frameWithout(this), callback, globalThis, args);
    }

    getStore() {
        const { values } = currentFrame();
        return values.has(this) ? values.get(this) : this.#defaultValue;
    }

    enterWith() {
        throw new Error("asyncLocalStorage.enterWith() is not implemented");
    }

    disable() {
        throw new Error("asyncLocalStorage.disable() is not implemented");
    }

    get name() {
        return this.#name;
    }
}

finish(AsyncLocalStorage);

export class AsyncResource {
    #frame = currentFrame();

    /** @param {Function} callback */
    static bind(callback) {
        if (typeof callback !== "function") {
            throw wrongArgument("AsyncResource", "bind", 1, "Function");
        }
        return bound(callback);
    }

    asyncId() {
        return 0;
    }

    triggerAsyncId() {
        return 0;
    }

    /**
     * @param {Function} callback
     * @param {unknown} [self]
     */
    bind(callback, self) {
        if (typeof callback !== "function") {
            throw wrongArgument("AsyncResource", "bind", 1, "Function");
        }
        return bound(callback, this.#frame, self);
    }

    /**
     * @param {Function} callback
     * @param {unknown} [self]
     * @param {...unknown} args
     */
    runInAsyncScope(callback, self, ...args) {
        demand("AsyncResource", "runInAsyncScope", 1, callback);
        return callIn(this.#frame, callback, self ?? globalThis, args);
    }

    emitDestroy() {}
}

finish(AsyncResource);

/**
 * @param {Function} callback
 * @param {import("./async_context.js").Frame} [frame]
 * @param {unknown} [self]
 */
function bound(callback, frame = currentFrame(), self = undefined) {
    /** @this {unknown} */
    return function (/** @type {unknown[]} */ ...args) {
        return callIn(frame, callback, self ?? this ?? globalThis, args);
    };
}

/**
 * @param {string} className
 * @param {string} method
 * @param {number} index
 * @param {unknown} callback
 */
function demand(className, method, index, callback) {
    if (typeof callback !== "function") {
        throw wrongArgument(className, method, index, "function");
    }
}

class AsyncHook {
    enable() {
        return this;
    }

    disable() {
        return this;
    }
}

export function createHook() {
    return new AsyncHook();
}

export function executionAsyncId() {
    return 0;
}

export function triggerAsyncId() {
    return 0;
}

export function executionAsyncResource() {
    return Object.create(null);
}

export const asyncWrapProviders = Object.freeze({ __proto__: null });

export default {
    AsyncLocalStorage,
    AsyncResource,
    asyncWrapProviders,
    createHook,
    executionAsyncId,
    executionAsyncResource,
    triggerAsyncId,
};
