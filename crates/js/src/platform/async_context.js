/**
 * The asynchronous context: which values of which `AsyncLocalStorage` the code that runs sees.
 *
 * A *frame* is one set of values and never changes. The code that runs is in one frame; what it starts (a reaction of a
 * promise, a timer, a microtask) runs in the same one later. A turn starts and ends in the empty frame.
 *
 * The engine says when a promise is made and when a thenable is adopted, and nothing of reactions. So, from when the
 * first storage is made and not before:
 *
 * - `Promise.prototype.then` binds its callbacks to the frame in which it is called;
 * - `await` of a promise asks for `promise.constructor`, which here puts a job into the promise's reactions that brings
 *   the frame back, just before the one by which the function goes on;
 * - `await` of anything else makes a promise first, and the engine's word of that puts such a job into the queue, just
 *   before the one that the `await` puts there.
 *
 * Nothing here changes the order of jobs. What is missed: a function that awaits a thenable which is no promise, and
 * which calls its callbacks from elsewhere, goes on in the frame of that call. And a promise whose `constructor` was
 * read by other code than an `await` counts as heard, should it be rejected.
 */

import { context_follow } from "dormouse:ops";

/** Puts a job into the engine's queue. */
export const queueJob = globalThis.queueMicrotask;

/**
 * @typedef {object} Frame
 * @property {Map<object, unknown>} values By their storages.
 * @property {() => void} restore Makes it the current one.
 */

/** @param {Map<object, unknown>} values @returns {Frame} */
function makeFrame(values) {
    const frame = {
        values,
        restore: () => {
            current = frame;
        },
    };
    return frame;
}

const EMPTY = makeFrame(new Map());

/** @type {Frame} */
let current = EMPTY;
/** Whether jobs must bring their frames. */
export let isFollowing = false;
/** Whether the platform itself, or a constructor of promises, asks for `constructor`. */
let isInside = false;
/** Whether a thenable's `then` is being called for a promise that follows it. */
let isAdopting = false;

/** The frame of the code that runs. */
export function currentFrame() {
    return current;
}

/** Where a job begins, which brings its own frame. @param {Frame} frame */
export function enter(frame) {
    current = frame;
}

/** Back to the empty frame. */
export function leave() {
    current = EMPTY;
}

/** The current frame with another value for `storage`. @param {object} storage @param {unknown} value */
export function frameWith(storage, value) {
    return makeFrame(new Map(current.values).set(storage, value));
}

/** The current frame without a value for `storage`. @param {object} storage */
export function frameWithout(storage) {
    const values = new Map(current.values);
    values.delete(storage);
    return makeFrame(values);
}

/**
 * Calls a function in a frame, and comes back.
 *
 * @param {Frame} frame
 * @param {Function} callback
 * @param {unknown} self
 * @param {unknown[]} args
 */
export function callIn(frame, callback, self, args) {
    const before = current;
    current = frame;
    try {
        return Reflect.apply(callback, self, args);
    } finally {
        current = before;
    }
}

/** From now on promises carry their frames. */
export function follow() {
    if (isFollowing) {
        return;
    }
    isFollowing = true;
    const { then } = Promise.prototype;
    followReactions(then);
    followAwaits(then);
    context_follow(tell, () => current.restore, leave);
}

/**
 * What the engine tells: a promise was made (0), a thenable is about to be called (1), and was (2).
 *
 * @param {number} what
 */
function tell(what) {
    if (what === 0) {
        queueJob(current.restore);
    } else {
        isAdopting = what === 1;
    }
}

/** @param {Function} then The engine's own. */
function followReactions(then) {
    const method = {
        /**
         * @param {any} onFulfilled
         * @param {any} onRejected
         */
        then(onFulfilled, onRejected) {
            const before = isInside;
            const bind = isAdopting ? bindAdopted : bindReaction;
            isInside = true;
            try {
                return then.call(this, bind(onFulfilled, current), bind(onRejected, current));
            } finally {
                isInside = before;
            }
        },
    };
    Object.defineProperty(Promise.prototype, "then", { value: method.then, writable: true, configurable: true });
    const { resolve } = Promise;
    const statics = {
        /** @param {any} value */
        resolve(value) {
            const before = isInside;
            isInside = true;
            try {
                return resolve.call(this, value);
            } finally {
                isInside = before;
            }
        },
    };
    Object.defineProperty(Promise, "resolve", { value: statics.resolve, writable: true, configurable: true });
}

/** @param {Function} then The engine's own. */
function followAwaits(then) {
    Object.defineProperty(Promise.prototype, "constructor", {
        get() {
            if (!isInside) {
                isInside = true;
                try {
                    then.call(this, current.restore, current.restore);
                } catch {
                    // It is no promise.
                } finally {
                    isInside = false;
                }
            }
            return Promise;
        },
        /** As if it were a plain property of what inherits it. @param {unknown} value */
        set(value) {
            Object.defineProperty(this, "constructor", { value, writable: true, enumerable: true, configurable: true });
        },
        configurable: true,
    });
}

/**
 * @param {unknown} callback
 * @param {Frame} frame
 */
function bindReaction(callback, frame) {
    if (typeof callback !== "function") {
        return callback;
    }
    return (/** @type {unknown} */ value) => {
        current = frame;
        return callback(value);
    };
}

/**
 * The callback settles a promise that may be awaited: the job that goes on then comes next.
 *
 * @param {unknown} callback
 * @param {Frame} frame
 */
function bindAdopted(callback, frame) {
    if (typeof callback !== "function") {
        return callback;
    }
    return (/** @type {unknown} */ value) => {
        current = frame;
        queueJob(frame.restore);
        return callback(value);
    };
}
