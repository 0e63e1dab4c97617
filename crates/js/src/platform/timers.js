/**
 * Timers: `setTimeout` and its kin (HTML, section 8.6), `setImmediate`, `queueMicrotask` and `scheduler.wait`. A
 * pending timer keeps its object in memory, and what a callback throws ends nothing but that call.
 *
 * With `nodejs_compat` a timer is a `Timeout` object as in Node, which may be used as its number; without it is the
 * number. `ref` and `unref` say nothing here: an object stays for any timer.
 */

import { guest_record, timer_cancel, timer_start } from "dormouse:ops";
import { forgetAborted, isSignal, whenAborted } from "./abort.js";
import { currentFrame, enter, queueJob } from "./async_context.js";
import { isOn } from "./compat.js";
import { finish, isObject, toNumber, wrongArgument, wrongField } from "./idl.js";
import { notFunction } from "./node_errors.js";
import { report } from "./report.js";

/** @type {(record: any, handle: number) => void} */
let fireTimer;
/** @type {(timer: Timeout) => void} */
let stopTimer;
/** @type {(immediate: Immediate) => void} */
let stopImmediate;

class Timeout {
    #callback;
    #args;
    /** Milliseconds. */
    #delay;
    #repeats;
    /** The guest's record. */
    #record;
    #id;
    /** The host's number; -1 when it does not run. */
    #handle = -1;
    #frame = currentFrame();
    #hasRef = true;

    /**
     * @param {Function} callback
     * @param {number} delay
     * @param {unknown[]} args
     * @param {boolean} repeats
     */
    constructor(callback, delay, args, repeats) {
        this.#callback = callback;
        this.#args = args;
        this.#delay = delay;
        this.#repeats = repeats;
        this.#record = guest_record();
        this.#start();
        this.#id = this.#record.lastTimer += 1;
        this.#record.timers.set(this.#id, this);
    }

    refresh() {
        if (this.#handle >= 0 || !this.#record.timers.has(this.#id)) {
            this.#cancel();
            this.#start();
            this.#record.timers.set(this.#id, this);
        }
        return this;
    }

    unref() {
        this.#hasRef = false;
        return this;
    }

    ref() {
        this.#hasRef = true;
        return this;
    }

    hasRef() {
        return this.#hasRef;
    }

    close() {
        stopTimer(this);
        return this;
    }

    [Symbol.toPrimitive]() {
        return this.#id;
    }

    [Symbol.dispose]() {
        stopTimer(this);
    }

    #start() {
        this.#handle = timer_start(this.#delay);
        this.#record.fires.set(this.#handle, this);
    }

    #cancel() {
        if (this.#handle >= 0) {
            this.#record.fires.delete(this.#handle);
            timer_cancel(this.#handle);
            this.#handle = -1;
        }
    }

    static {
        stopTimer = (timer) => {
            timer.#cancel();
            timer.#record.timers.delete(timer.#id);
        };
        fireTimer = (record, handle) => {
            const timer = record.fires.get(handle);
            if (timer === undefined) {
                return;
            }
            record.fires.delete(handle);
            if (timer.#repeats) {
                timer.#start();
            } else {
                timer.#handle = -1;
                record.timers.delete(timer.#id);
            }
            enter(timer.#frame);
            timer.#callback.apply(globalThis, timer.#args);
        };
    }
}

/** What Node gives for `setImmediate`. */
class Immediate {
    /** @type {Timeout} */
    #timer;

    /**
     * @param {Function} callback
     * @param {unknown[]} args
     */
    constructor(callback, args) {
        this.#timer = new Timeout(callback, 0, args, false);
    }

    ref() {}

    unref() {}

    hasRef() {
        return false;
    }

    [Symbol.dispose]() {
        stopTimer(this.#timer);
    }

    static {
        stopImmediate = (immediate) => stopTimer(immediate.#timer);
    }
}

/** The host's timer `handle` of a guest has passed. @param {any} record @param {number} handle */
export function fire(record, handle) {
    fireTimer(record, handle);
}

/**
 * A timer of the platform.
 *
 * @param {() => void} run
 * @param {number} delay
 */
export function startTimer(run, delay) {
    return new Timeout(run, milliseconds(delay), [], false);
}

/** @param {number} delay */
function milliseconds(delay) {
    return delay > 0 ? Math.trunc(delay) : 0;
}

/**
 * @param {"setTimeout" | "setInterval"} name
 * @param {Function} callback
 * @param {unknown} delay
 * @param {unknown[]} args
 */
function start(name, callback, delay, args) {
    const isNode = isOn("nodejs_compat");
    if (typeof callback !== "function") {
        throw isNode
            ? notFunction("callback", callback)
            : wrongArgument("ServiceWorkerGlobalScope", name, 1, "function");
    }
    if (isNode && typeof delay === "bigint") {
        throw new TypeError("Cannot mix BigInt and other types, use explicit conversions");
    }
    const ms = milliseconds(toNumber(delay));
    const repeats = name === "setInterval";
    // One that repeats without a delay would leave no time for anything else.
    const timer = new Timeout(callback, repeats ? Math.max(ms, 1) : ms, args, repeats);
    return isNode ? timer : Number(timer);
}

/** @param {any} id */
function stop(id) {
    // Node's functions take no text.
    const isId = typeof id === "number" || (typeof id === "string" && !isOn("nodejs_compat"));
    const timer = isId ? guest_record().timers.get(Number(id)) : id;
    if (timer instanceof Timeout) {
        stopTimer(timer);
    }
}

/**
 * @param {Function} callback
 * @param {number} [delay]
 * @param {...unknown} args
 */
export function setTimeout(callback, delay, ...args) {
    return start("setTimeout", callback, delay, args);
}

/**
 * @param {Function} callback
 * @param {number} [delay]
 * @param {...unknown} args
 */
export function setInterval(callback, delay, ...args) {
    return start("setInterval", callback, delay, args);
}

/** @param {unknown} [id] */
export function clearTimeout(id) {
    stop(id);
}

/** @param {unknown} [id] */
export function clearInterval(id) {
    stop(id);
}

/**
 * @param {Function} callback
 * @param {...unknown} args
 */
export function setImmediate(callback, ...args) {
    demandFunction("setImmediate", callback);
    return new Immediate(callback, args);
}

/** @param {unknown} [immediate] */
export function clearImmediate(immediate) {
    if (immediate instanceof Immediate) {
        stopImmediate(immediate);
    } else if (arguments.length < 1 || immediate !== undefined) {
        throw wrongArgument("ServiceWorkerGlobalScope", "clearImmediate", 1, "Immediate");
    }
}

/** @param {Function} callback */
export function queueMicrotask(callback) {
    demandFunction("queueMicrotask", callback);
    const frame = currentFrame();
    queueJob(() => {
        enter(frame);
        try {
            callback.call(globalThis);
        } catch (error) {
            report(error);
        }
    });
}

/**
 * @param {string} name
 * @param {unknown} callback
 */
function demandFunction(name, callback) {
    if (typeof callback !== "function") {
        throw wrongArgument("ServiceWorkerGlobalScope", name, 1, "function");
    }
}

class Scheduler {
    /**
     * @param {number} delay
     * @param {{ signal?: AbortSignal }} [options]
     */
    async wait(delay, options) {
        if (arguments.length < 1) {
            throw wrongArgument("Scheduler", "wait", 1, "number");
        }
        const ms = toNumber(delay);
        if (options !== undefined && options !== null && !isObject(options)) {
            throw wrongArgument("Scheduler", "wait", 2, "WaitOptions");
        }
        const signal = options?.signal;
        if (signal !== undefined && !isSignal(signal)) {
            throw wrongField("WaitOptions", "signal", "AbortSignal");
        }
        if (signal?.aborted) {
            throw asError(signal.reason);
        }
        const { promise, resolve, reject } = Promise.withResolvers();
        const timer = startTimer(() => resolve(undefined), ms);
        if (signal === undefined) {
            return promise;
        }
        const abort = () => {
            stopTimer(timer);
            reject(asError(signal.reason));
        };
        whenAborted(signal, abort);
        await promise;
        forgetAborted(signal, abort);
    }
}

finish(Scheduler);

export const scheduler = new Scheduler();

/** The host's promises are rejected with errors only. @param {unknown} reason */
function asError(reason) {
    return reason instanceof Error ? reason : new Error(String(reason));
}
