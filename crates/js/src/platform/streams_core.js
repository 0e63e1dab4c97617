/**
 * What all kinds of streams stand on: queues, promises that are made only when asked for, and reactions that cost no
 * promise when there is nothing to wait for.
 *
 * In this engine a `then` costs twenty times as much as a microtask. So whatever user code returns that is no promise
 * is reacted to in a microtask, which runs at the same time as the reaction of a resolved promise would.
 */

import { currentFrame, enter, isFollowing, queueJob } from "./async_context.js";
import { functionField, isObject, toCount, wrongConstructorArgument } from "./idl.js";

/** How the platform makes objects that user code makes otherwise, or cannot make. */
export const INTERNAL = Symbol("internal");

/** What an internal source or sink returns when it will tell by itself that it is done. */
export const WAIT = Symbol("wait");

export function noop() {}

/** Items in the order of their arrival; taking the first one costs the same for any length. */
export class Queue {
    /** @type {any[]} */
    #items = [];
    #head = 0;

    get length() {
        return this.#items.length - this.#head;
    }

    /** @param {any} item */
    push(item) {
        this.#items.push(item);
    }

    /** The first item. @returns {any} */
    peek() {
        return this.#items[this.#head];
    }

    /** Takes the first item. @returns {any} */
    shift() {
        const items = this.#items;
        const item = items[this.#head];
        items[this.#head] = undefined;
        this.#head += 1;
        if (this.#head === items.length) {
            items.length = 0;
            this.#head = 0;
        } else if (this.#head === 1024) {
            items.splice(0, 1024);
            this.#head = 0;
        }
        return item;
    }

    /** Puts another item in the place of the first one. @param {any} item */
    replace(item) {
        this.#items[this.#head] = item;
    }

    clear() {
        this.#items = [];
        this.#head = 0;
    }

    /** Takes all items. @returns {any[]} */
    drain() {
        const items = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
        this.clear();
        return items;
    }
}

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

/** A promise of nothing that is made when somebody asks for it; nobody need handle its rejection. */
export class LazyPromise {
    #state = PENDING;
    /** @type {unknown} */
    #error = undefined;
    /** @type {{ promise: Promise<void>, resolve?: Function, reject?: Function } | null} */
    #made = null;

    get isPending() {
        return this.#state === PENDING;
    }

    /** @returns {Promise<void>} */
    get promise() {
        if (this.#made === null) {
            if (this.#state === PENDING) {
                this.#made = Promise.withResolvers();
            } else if (this.#state === RESOLVED) {
                this.#made = { promise: Promise.resolve() };
            } else {
                this.#made = { promise: handled(Promise.reject(this.#error)) };
            }
        }
        return this.#made.promise;
    }

    resolve() {
        if (this.#state === PENDING) {
            this.#state = RESOLVED;
            this.#made?.resolve?.();
        }
    }

    /** @param {unknown} error */
    reject(error) {
        if (this.#state === PENDING) {
            this.#state = REJECTED;
            this.#error = error;
            if (this.#made !== null) {
                handled(this.#made.promise);
                this.#made.reject?.(error);
            }
        }
    }

    /** A pending promise in the place of this one. */
    renewed() {
        if (this.#made !== null) {
            return new LazyPromise();
        }
        this.#state = PENDING;
        this.#error = undefined;
        return this;
    }
}

/**
 * Says that a rejection of this promise is nobody's fault.
 *
 * @template {Promise<any>} P
 * @param {P} promise
 */
export function handled(promise) {
    promise.then(undefined, noop);
    return promise;
}

/**
 * Goes on when what user code returned is settled, never at once.
 *
 * @param {unknown} result
 * @param {(value?: any) => void} done
 * @param {(error: unknown) => void} failed
 */
export function react(result, done, failed) {
    if (isObject(result)) {
        Promise.resolve(result).then(done, failed);
    } else {
        soon(done);
    }
}

/** Runs something in a microtask, in the context of the code that runs. @param {() => void} run */
export function soon(run) {
    if (!isFollowing) {
        queueJob(run);
        return;
    }
    const frame = currentFrame();
    queueJob(() => {
        enter(frame);
        run();
    });
}

/**
 * What a queuing strategy says (Streams, section 7.4).
 *
 * @param {any} strategy
 * @param {number} mark the high water mark if it says none
 * @param {string} owner
 * @param {number} index
 * @returns {{ mark: number, size: Function | undefined }}
 */
export function readStrategy(strategy, mark, owner, index) {
    if (strategy === undefined || strategy === null) {
        return { mark, size: undefined };
    }
    if (!isObject(strategy)) {
        throw wrongConstructorArgument(owner, index, "StreamQueuingStrategy");
    }
    const { highWaterMark } = /** @type {any} */ (strategy);
    const size = functionField(strategy, "size", "StreamQueuingStrategy");
    return { mark: highWaterMark === undefined ? mark : toCount(highWaterMark), size };
}
