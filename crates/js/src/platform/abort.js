/**
 * `AbortController` and `AbortSignal` (DOM, section 3). A pending `AbortSignal.timeout` keeps its object in memory, as
 * its timer does.
 *
 * A signal that follows others is held by them only while somebody listens to it: many may follow one that lives long.
 */

import { leave } from "./async_context.js";
import { DOMException } from "./errors.js";
import { Event, EventTarget, emit, setAttribute, setSignals } from "./events.js";
import { finish, isObject, toNumber, wrongArgument } from "./idl.js";
import { startTimer } from "./timers.js";

/** How the platform makes signals. */
const INTERNAL = Symbol("internal");

/** How many followers a signal gets before it looks for those that are gone. */
const FOLLOWERS_MIN = 16;

/** What a signal is bound to until it is aborted. */
class Links {
    /** What is run first. @type {Set<() => void>} */
    steps = new Set();
    /** Signals that follow this one. @type {WeakRef<AbortSignal>[]} */
    followers = [];
    followersMax = FOLLOWERS_MIN;
    /** Those of them that somebody listens to. @type {Set<AbortSignal>} */
    heard = new Set();
    /** Signals that this one follows, none of which follows another. @type {AbortSignal[]} */
    sources = [];
}

/** @type {() => AbortSignal} */
const newSignal = () => new AbortSignal(INTERNAL);
/** Whether a value is a signal. @type {(value: unknown) => value is AbortSignal} */
export let isSignal;
/** Aborts a signal, once. @type {(signal: AbortSignal, reason: unknown) => void} */
let abort;
/** Lets a signal be aborted when one of the others is. @type {(signal: AbortSignal, sources: AbortSignal[]) => void} */
let follow;
/**
 * Runs something when a signal is aborted, before its event. Its caller has looked whether it is aborted.
 *
 * @type {(signal: AbortSignal, run: () => void) => void}
 */
export let whenAborted;
/** Somebody listens to a signal. @type {(signal: AbortSignal) => void} */
let heard;
/** Forgets what would be run. @type {(signal: AbortSignal, run: () => void) => void} */
export let forgetAborted;

export class AbortSignal extends EventTarget {
    #aborted = false;
    /** @type {unknown} */ #reason = undefined;
    /** @type {unknown} */ #onabort = null;
    /** Most signals have none. @type {Links | undefined} */
    #links;

    /** @param {symbol} key */
    constructor(key) {
        if (key !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
        super();
    }

    /** @param {unknown} [reason] */
    static abort(reason) {
        const signal = newSignal();
        abort(signal, reason);
        return signal;
    }

    /** @param {number} delay */
    static timeout(delay) {
        if (arguments.length < 1) {
            throw wrongArgument("AbortSignal", "timeout", 1, "number");
        }
        const signal = newSignal();
        startTimer(() => {
            // Nobody's code aborts it.
            leave();
            abort(signal, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
        }, toNumber(delay));
        return signal;
    }

    /** @param {AbortSignal[]} signals */
    static any(signals) {
        if (!Array.isArray(signals)) {
            throw wrongArgument("AbortSignal", "any", 1, "Array");
        }
        for (const [at, source] of signals.entries()) {
            if (!isSignal(source)) {
                throw new TypeError(
                    `Incorrect type for array element ${at}: the provided value is not of type 'AbortSignal'.`,
                );
            }
        }
        const signal = newSignal();
        const aborted = signals.find((source) => source.aborted);
        if (aborted !== undefined) {
            abort(signal, aborted.reason);
        } else {
            follow(signal, signals);
        }
        return signal;
    }

    get aborted() {
        return this.#aborted;
    }

    get reason() {
        return this.#reason;
    }

    get onabort() {
        return this.#onabort;
    }

    set onabort(handler) {
        this.#onabort = isObject(handler) ? handler : null;
        setAttribute(this, "abort", typeof handler === "function" ? handler : null);
    }

    throwIfAborted() {
        if (this.#aborted) {
            throw this.#reason;
        }
    }

    /** Somebody listens: this signal must not go before those that it follows. */
    #pin() {
        for (const source of this.#links?.sources ?? []) {
            source.#linked().heard.add(this);
        }
    }

    #linked() {
        return (this.#links ??= new Links());
    }

    /** @param {AbortSignal} signal */
    #addFollower(signal) {
        const links = this.#linked();
        if (links.followers.length >= links.followersMax) {
            links.followers = links.followers.filter((follower) => follower.deref() !== undefined);
            links.followersMax = Math.max(FOLLOWERS_MIN, 2 * links.followers.length);
        }
        links.followers.push(new WeakRef(signal));
    }

    /** @param {unknown} reason */
    #mark(reason) {
        this.#aborted = true;
        this.#reason = reason;
    }

    #tell() {
        const steps = this.#links?.steps ?? [];
        this.#links = undefined;
        for (const step of steps) {
            step();
        }
        emit(this, new Event("abort"));
    }

    static {
        isSignal = (value) => isObject(value) && #aborted in value;
        abort = (signal, given) => {
            if (signal.#aborted) {
                return;
            }
            const reason = given === undefined ? new DOMException("The operation was aborted", "AbortError") : given;
            /** @type {AbortSignal[]} */
            const followers = [];
            for (const weak of signal.#links?.followers ?? []) {
                const follower = weak.deref();
                if (follower !== undefined && !follower.#aborted) {
                    followers.push(follower);
                }
            }
            signal.#mark(reason);
            // All of them are aborted before anybody hears of it.
            for (const follower of followers) {
                follower.#mark(reason);
            }
            signal.#tell();
            for (const follower of followers) {
                follower.#tell();
            }
        };
        follow = (signal, sources) => {
            const rootsOf = (/** @type {AbortSignal} */ source) => {
                const roots = source.#links?.sources ?? [];
                return roots.length > 0 ? roots : [source];
            };
            const roots = new Set(sources.flatMap(rootsOf));
            signal.#linked().sources = [...roots];
            for (const root of roots) {
                root.#addFollower(signal);
            }
        };
        heard = (signal) => signal.#pin();
        whenAborted = (signal, run) => {
            signal.#linked().steps.add(run);
            signal.#pin();
        };
        forgetAborted = (signal, run) => {
            signal.#links?.steps.delete(run);
        };
    }
}

finish(AbortSignal);
setSignals({ is: isSignal, aborted: (signal) => signal.aborted, follow: whenAborted, heard });

export class AbortController {
    #signal = newSignal();

    get signal() {
        return this.#signal;
    }

    /** @param {unknown} [reason] */
    abort(reason) {
        abort(this.#signal, reason);
    }
}

finish(AbortController);
