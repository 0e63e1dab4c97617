/**
 * `Event`, its kinds, and `EventTarget` (DOM, section 2), as workerd has them (src/workerd/api/basics.c++).
 *
 * There is no tree: a target is its own path, capturing is refused, and nothing bubbles. A property `on<type>` of any
 * target is called before its listeners. A listener that throws is reported, and the others are called all the same.
 * A target costs nothing before it has a listener: each `WebSocket` is one.
 */

import { DOMException } from "./errors.js";
import {
    defineConstants,
    finish,
    isObject,
    toInteger,
    toText,
    wrongArgument,
    wrongConstructorArgument,
    wrongField,
} from "./idl.js";

/** What an event's number of flags says. */
const BUBBLES = 1;
const CANCELABLE = 2;
const COMPOSED = 4;
const TRUSTED = 8;
const DISPATCHING = 16;
const STOPPED = 32;
const STOPPED_NOW = 64;
const PREVENTED = 128;
const PASSIVE = 256;

/** Instead of a listener: what a class of the platform calls for its attribute `on<type>`, in its place among them. */
const ATTRIBUTE = Symbol("attribute");

/** How the platform makes events that user code cannot. */
const INTERNAL = Symbol("internal");

/**
 * @typedef {object} Listener
 * @property {string} type
 * @property {unknown} listener What was added, by which it is found again.
 * @property {Function} callback
 * @property {any} self What `this` is in it; null for the target.
 * @property {boolean} once
 * @property {boolean} passive
 * @property {boolean} removed
 */

/**
 * What events need of abort.js, which needs events: whether a value is a signal, whether it is aborted, to hear of it,
 * and to tell that somebody listens to one.
 *
 * @typedef {object} Signals
 * @property {(value: unknown) => boolean} is
 * @property {(signal: any) => boolean} aborted
 * @property {(signal: any, run: () => void) => void} follow
 * @property {(signal: any) => void} heard
 */

/** @type {Signals} */
let signals;

/** @param {Signals} access */
export function setSignals(access) {
    signals = access;
}

/** What becomes of an error that a listener throws. @type {(error: unknown) => void} */
let report = () => {};

/** @param {(error: unknown) => void} run */
export function setReport(run) {
    report = run;
}

/**
 * Dispatches an event of the platform; the event becomes trusted.
 *
 * When listeners throw, each error is reported and all of them are called; then the first error is thrown, because it
 * ends some targets.
 *
 * @param {any} target
 * @param {Event} event
 * @returns {boolean} Whether nobody has prevented the default.
 */
export function dispatch(target, event) {
    dispatchFor(target, target, event, true);
    return !isPrevented(event);
}

/**
 * The same where an error ends nothing.
 *
 * @param {any} target
 * @param {Event} event
 */
export function emit(target, event) {
    try {
        dispatchFor(target, target, event, true);
    } catch {
        // It was reported.
    }
}

/**
 * `dispatchEvent` of `target`, whose listeners are those of `holder`.
 *
 * @param {any} holder
 * @param {any} target
 * @param {any} event
 */
export function dispatchByUser(holder, target, event) {
    checkEvent(event);
    try {
        dispatchFor(holder, target, event, false);
    } catch {
        // It was reported.
    }
    return !isPrevented(event);
}

/**
 * Dispatches an event to the listeners of `holder` in the name of `target`: they differ for the global object, which is
 * a target without being an `EventTarget`.
 *
 * @type {(holder: any, target: any, event: Event, isTrusted: boolean) => void}
 */
export let dispatchFor;
/** Throws unless a value is an event that can be dispatched. @type {(event: any) => void} */
let checkEvent;
/** @type {(event: Event) => boolean} */
let isPrevented;
/** @type {(holder: any) => Listener[]} */
let listenersOf;
/** @type {(holder: any, listener: Listener) => void} */
let addListener;
/** @type {(holder: any, listener: Listener) => void} */
let removeListener;
/**
 * Sets what an attribute `on<type>` calls. It keeps the place that it has among the listeners.
 *
 * @type {(target: any, type: string, handler: Function | null) => void}
 */
export let setAttribute;

export class Event {
    /** @type {string} */ #type;
    #flags = 0;
    /** @type {any} */ #target;

    /**
     * @param {string} type
     * @param {EventInit} [options]
     */
    constructor(type, options) {
        if (typeof type !== "string") {
            this.#type = typeOf("Event", type);
        } else {
            this.#type = type;
        }
        if (options !== undefined && options !== null) {
            this.#flags = flagsOf(options);
        }
    }

    get type() {
        return this.#type;
    }

    get eventPhase() {
        return (this.#flags & DISPATCHING) !== 0 ? 2 : 0;
    }

    get composed() {
        return (this.#flags & COMPOSED) !== 0;
    }

    get bubbles() {
        return (this.#flags & BUBBLES) !== 0;
    }

    get cancelable() {
        return (this.#flags & CANCELABLE) !== 0;
    }

    get defaultPrevented() {
        return (this.#flags & (CANCELABLE | PREVENTED)) === (CANCELABLE | PREVENTED);
    }

    get returnValue() {
        return !this.defaultPrevented;
    }

    /** As in workerd, it stays after the dispatch. */
    get currentTarget() {
        return this.#target;
    }

    get target() {
        return this.#target;
    }

    get srcElement() {
        return this.#target;
    }

    /** As in workerd, where no time passes while code runs. */
    get timeStamp() {
        return 0;
    }

    get isTrusted() {
        return (this.#flags & TRUSTED) !== 0;
    }

    get cancelBubble() {
        return (this.#flags & STOPPED) !== 0;
    }

    set cancelBubble(stopped) {
        this.#flags = stopped ? this.#flags | STOPPED : this.#flags & ~STOPPED;
    }

    stopImmediatePropagation() {
        this.#flags |= STOPPED_NOW;
    }

    preventDefault() {
        if ((this.#flags & PASSIVE) === 0) {
            this.#flags |= PREVENTED;
        }
    }

    stopPropagation() {
        this.#flags |= STOPPED;
    }

    composedPath() {
        return (this.#flags & DISPATCHING) !== 0 ? [this.#target] : [];
    }

    static {
        checkEvent = (event) => {
            if (!isObject(event) || !(#type in event)) {
                throw wrongArgument("EventTarget", "dispatchEvent", 1, "Event");
            }
            if ((event.#flags & DISPATCHING) !== 0) {
                throw new DOMException("The event is already being dispatched.", "InvalidStateError");
            }
        };
        // Of an event that is not cancelable too: workerd's `dispatchEvent` answers so.
        isPrevented = (event) => (event.#flags & PREVENTED) !== 0;
        dispatchFor = (holder, target, event, isTrusted) => {
            event.#flags |= isTrusted ? DISPATCHING | TRUSTED : DISPATCHING;
            event.#target = target;
            const type = event.#type;
            /** @type {{ error: unknown } | undefined} */
            let failure;
            const list = listenersOf(holder);
            const handler = target[`on${type}`];
            if (typeof handler === "function" && !hasAttribute(list, type)) {
                try {
                    handler.call(globalThis, event);
                } catch (error) {
                    failure = failed(error, failure);
                }
            }
            // Listeners that are added from here on are not called; those that are removed say so.
            for (let at = 0, end = list.length; at < end && (event.#flags & STOPPED_NOW) === 0; at += 1) {
                const listener = list[at];
                if (listener.type !== type || listener.removed) {
                    continue;
                }
                if (listener.once) {
                    removeListener(holder, listener);
                }
                if (listener.passive) {
                    event.#flags |= PASSIVE;
                }
                try {
                    listener.callback.call(listener.self ?? target, event);
                } catch (error) {
                    failure = failed(error, failure);
                }
                if (listener.passive) {
                    event.#flags &= ~PASSIVE;
                }
            }
            event.#flags &= ~DISPATCHING;
            if (failure !== undefined) {
                throw failure.error;
            }
        };
    }
}

defineConstants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });
finish(Event);

/**
 * Whether what `on<type>` calls is among the listeners.
 *
 * @param {Listener[]} list
 * @param {string} type
 */
function hasAttribute(list, type) {
    for (const have of list) {
        if (have.listener === ATTRIBUTE && have.type === type) {
            return true;
        }
    }
    return false;
}

/**
 * The type of an event from what is no text. One that was not given counts as `undefined` was: to tell the two apart
 * costs every event more than it is worth.
 *
 * @param {string} className
 * @param {unknown} type
 */
function typeOf(className, type) {
    if (type === undefined) {
        throw wrongConstructorArgument(className, 1, "string");
    }
    return toText(type);
}

/** @param {any} options */
function flagsOf(options) {
    if (!isObject(options)) {
        throw wrongConstructorArgument("Event", 2, "Init");
    }
    const { bubbles, cancelable, composed } = /** @type {any} */ (options);
    return (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0) | (composed ? COMPOSED : 0);
}

/**
 * Reports what a listener threw, and keeps the first one.
 *
 * @param {unknown} error
 * @param {{ error: unknown } | undefined} first
 */
function failed(error, first) {
    report(error);
    return first ?? { error };
}

/** Of a target that nobody listens to. @type {Listener[]} */
const NOBODY = [];

/** It has no private methods: they would cost every target a place. */
export class EventTarget {
    /** In the order in which they were added; absent until there is one. @type {Listener[] | undefined} */
    #listeners;

    /**
     * @param {string} type
     * @param {Function | { handleEvent: Function } | null} listener
     * @param {boolean | { once?: boolean, passive?: boolean, capture?: boolean, signal?: AbortSignal }} [options]
     */
    addEventListener(type, listener, options) {
        if (arguments.length < 1) {
            throw wrongArgument("EventTarget", "addEventListener", 1, "string");
        }
        const name = toText(type);
        if (arguments.length < 2 || (listener !== undefined && listener !== null && !isObject(listener))) {
            throw wrongArgument("EventTarget", "addEventListener", 2, "function or HandlerObject");
        }
        if (listener === undefined || listener === null) {
            return;
        }
        const isFunction = typeof listener === "function";
        const callback = isFunction ? listener : listener.handleEvent;
        if (typeof callback !== "function") {
            throw wrongField("HandlerObject", "handleEvent", "function");
        }
        const { once, passive, signal } = readOptions("addEventListener", options);
        if (signal !== undefined && !signals.is(signal)) {
            throw wrongField("AddEventListenerOptions", "signal", "AbortSignal");
        }
        if (findListener(this, name, listener) !== undefined || (signal !== undefined && signals.aborted(signal))) {
            return;
        }
        const self = isFunction ? null : listener;
        const added = { type: name, listener, callback, self, once, passive, removed: false };
        addListener(this, added);
        if (signal !== undefined) {
            signals.follow(signal, () => removeListener(this, added));
        }
    }

    /**
     * @param {string} type
     * @param {Function | { handleEvent: Function } | null} listener
     * @param {boolean | { capture?: boolean }} [options]
     */
    removeEventListener(type, listener, options) {
        if (arguments.length < 1) {
            throw wrongArgument("EventTarget", "removeEventListener", 1, "string");
        }
        const name = toText(type);
        if (arguments.length < 2 || (listener !== undefined && listener !== null && !isObject(listener))) {
            throw wrongArgument("EventTarget", "removeEventListener", 2, "Object");
        }
        readOptions("removeEventListener", options);
        const found = findListener(this, name, listener);
        if (found !== undefined) {
            removeListener(this, found);
        }
    }

    /** @param {Event} event */
    dispatchEvent(event) {
        return dispatchByUser(this, this, event);
    }

    static {
        setAttribute = (target, type, handler) => {
            const have = findListener(target, type, ATTRIBUTE);
            if (have === undefined && handler !== null) {
                const call = { callback: handler, self: globalThis, once: false, passive: false, removed: false };
                addListener(target, { type, listener: ATTRIBUTE, ...call });
            } else if (have !== undefined && handler !== null) {
                have.callback = handler;
            } else if (have !== undefined) {
                removeListener(target, have);
            }
        };
        listenersOf = (holder) => holder.#listeners ?? NOBODY;
        addListener = (holder, listener) => {
            (holder.#listeners ??= []).push(listener);
            if (signals.is(holder)) {
                signals.heard(holder);
            }
        };
        removeListener = (holder, listener) => {
            listener.removed = true;
            // A new list: the old one may be in the middle of a dispatch.
            holder.#listeners = holder.#listeners.filter((/** @type {Listener} */ have) => have !== listener);
        };
    }
}

finish(EventTarget);

/**
 * @param {any} holder
 * @param {string} type
 * @param {unknown} listener
 */
function findListener(holder, type, listener) {
    return listenersOf(holder).find((have) => have.listener === listener && have.type === type);
}

/**
 * Whether an event of that type would be heard.
 *
 * @param {any} holder
 * @param {any} target
 * @param {string} type
 */
export function hasListeners(holder, target, type) {
    return typeof target[`on${type}`] === "function" || listenersOf(holder).some((have) => have.type === type);
}

/**
 * @param {string} method
 * @param {any} options
 * @returns {{ once: boolean, passive: boolean, signal: any }}
 */
function readOptions(method, options) {
    if (!isObject(options)) {
        if (options) {
            throw new TypeError(`${method}(): useCapture must be false.`);
        }
        return { once: false, passive: false, signal: undefined };
    }
    const { capture, once, passive, signal } = /** @type {any} */ (options);
    if (capture) {
        throw new TypeError(`${method}(): options.capture must be false.`);
    }
    return { once: Boolean(once), passive: Boolean(passive), signal };
}

/**
 * The options of an event of a kind, whose constructor has checked nothing yet.
 *
 * @param {string} className
 * @param {string} dictionary
 * @param {unknown} type
 * @param {any} options
 * @returns {any}
 */
function initOf(className, dictionary, type, options) {
    if (typeof type !== "string") {
        typeOf(className, type);
    }
    if (options === undefined || options === null) {
        return NOTHING;
    }
    if (!isObject(options)) {
        throw wrongConstructorArgument(className, 2, dictionary);
    }
    return options;
}

const NOTHING = Object.freeze({});

export class CustomEvent extends Event {
    #detail;

    /**
     * @param {string} type
     * @param {EventInit & { detail?: unknown }} [options]
     */
    constructor(type, options) {
        const init = initOf("CustomEvent", "CustomEventInit", type, options);
        super(type, init);
        this.#detail = init.detail;
    }

    get detail() {
        return this.#detail;
    }
}

finish(CustomEvent);

/** Its data is an own property, as in workerd; the rest is not, for each message makes one. */
export class MessageEvent extends Event {
    /** @type {{ origin: string | null, lastEventId: string, source: any, ports: any[] } | undefined} */
    #origin;

    /**
     * @param {string | symbol} type
     * @param {any} [options]
     */
    constructor(type, options) {
        if (type === INTERNAL) {
            super("message");
            this.data = options;
            return;
        }
        const init = initOf("MessageEvent", "Initializer", type, options);
        super(/** @type {string} */ (type), init);
        const { data = null, origin = "", lastEventId = "", source = null, ports } = init;
        if (ports !== undefined && !Array.isArray(ports)) {
            throw wrongField("Initializer", "ports", "Array");
        }
        this.data = data;
        this.#origin = { origin: toText(origin), lastEventId: toText(lastEventId), source, ports: [...(ports ?? [])] };
    }

    /** A message of a socket has none. */
    get origin() {
        return this.#origin === undefined ? null : this.#origin.origin;
    }

    get lastEventId() {
        return this.#origin?.lastEventId ?? "";
    }

    get source() {
        return this.#origin?.source ?? null;
    }

    get ports() {
        this.#origin ??= { origin: null, lastEventId: "", source: null, ports: [] };
        return this.#origin.ports;
    }
}

finish(MessageEvent);

/** A message that came. @param {unknown} data */
export function messageEvent(data) {
    return new MessageEvent(INTERNAL, data);
}

/** Its members are own properties, as in workerd. */
export class CloseEvent extends Event {
    /**
     * @param {string} type
     * @param {CloseEventInit} [options]
     */
    constructor(type, options) {
        const init = initOf("CloseEvent", "Initializer", type, options);
        super(type, init);
        const { code = 0, reason = "", wasClean = false } = init;
        this.code = toInteger(code);
        this.reason = toText(reason);
        this.wasClean = Boolean(wasClean);
    }
}

finish(CloseEvent);

export class ErrorEvent extends Event {
    #init;

    /**
     * @param {string} type
     * @param {any} [options]
     */
    constructor(type, options) {
        const init = initOf("ErrorEvent", "ErrorEventInit", type, options);
        super(type, init);
        const { message = "", filename = "", lineno = 0, colno = 0, error } = init;
        this.#init = {
            message: toText(message),
            filename: toText(filename),
            lineno: toInteger(lineno),
            colno: toInteger(colno),
            error,
        };
    }

    get filename() {
        return this.#init.filename;
    }

    get message() {
        return this.#init.message;
    }

    get lineno() {
        return this.#init.lineno;
    }

    get colno() {
        return this.#init.colno;
    }

    get error() {
        return this.#init.error;
    }
}

finish(ErrorEvent);

/** Of a promise that nobody listens to, or listens to at last. */
export class PromiseRejectionEvent extends Event {
    /**
     * @param {symbol} key
     * @param {string} type
     * @param {Promise<unknown>} promise
     * @param {unknown} reason
     */
    constructor(key, type, promise, reason) {
        if (key !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
        super(type);
        this.reason = reason;
        this.promise = promise;
    }
}

finish(PromiseRejectionEvent);

/**
 * @param {string} type
 * @param {Promise<unknown>} promise
 * @param {unknown} reason
 */
export function rejectionEvent(type, promise, reason) {
    return new PromiseRejectionEvent(INTERNAL, type, promise, reason);
}
