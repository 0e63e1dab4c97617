/**
 * `MessageChannel` and `MessagePort` (HTML, section 9.4), as workerd has them (`src/workerd/api/messagechannel.c++`).
 *
 * A port holds its messages back until somebody listens, by `onmessage`, `addEventListener` or `start()`, and delivers
 * each in a microtask of its own. What cannot be cloned throws where it is posted. Left out, as there: transfer lists,
 * sending ports, and `close` when a port is collected.
 */

import { clone_structured } from "dormouse:ops";
import { Event, EventTarget, MessageEvent, dispatch, setAttribute } from "./events.js";
import { refuse, transferList } from "./structured_clone.js";

const PENDING = 0;
const STARTED = 1;
const CLOSED = 2;

/** How the platform makes a port. */
const INTERNAL = Symbol("internal");

/** @type {(one: MessagePort, other: MessagePort) => void} */
let entangle;
/** Somebody listens for messages. @type {(port: any) => void} */
let begin;
/** Somebody does not any more. @type {(port: any) => void} */
let pause;

/** A target that tells a port who listens for messages. Whom `once` or a signal removes stays counted. */
class PortTarget extends EventTarget {
    /** @type {Set<unknown>} */
    #listeners = new Set();

    /**
     * @param {string} type
     * @param {any} listener
     * @param {any} [options]
     */
    addEventListener(type, listener, options) {
        super.addEventListener(type, listener, options);
        if (type === "message" && listener !== null && listener !== undefined) {
            this.#listeners.add(listener);
            begin(this);
        }
    }

    /**
     * @param {string} type
     * @param {any} listener
     * @param {any} [options]
     */
    removeEventListener(type, listener, options) {
        super.removeEventListener(type, listener, options);
        if (type === "message") {
            this.#listeners.delete(listener);
            pause(this);
        }
    }

    /** @param {PortTarget} port */
    static hasListeners(port) {
        return port.#listeners.size > 0;
    }
}

const { hasListeners } = PortTarget;

export class MessagePort extends PortTarget {
    /** @type {MessagePort | null} */
    #other = null;
    #state = PENDING;
    /** Messages that nobody listens for yet. @type {unknown[]} */
    #waiting = [];
    /** @type {unknown} */
    #onmessage = null;

    /** @param {symbol[]} keys */
    constructor(...keys) {
        if (keys[0] !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
        super();
    }

    /**
     * @param {unknown} [data]
     * @param {unknown[] | { transfer?: unknown[] } | null} [options]
     */
    postMessage(data, options) {
        const other = this.#other;
        if (listOf(options).length > 0) {
            throw new Error("Transfer list is not supported");
        }
        const copy = clone_structured(data, null);
        if (other !== null && other !== undefined) {
            other.#deliver(copy);
        }
    }

    close() {
        if (this.#state === CLOSED) {
            return;
        }
        this.#state = CLOSED;
        this.#waiting = [];
        const other = this.#other;
        this.#other = null;
        other?.close();
        dispatch(this, new Event("close"));
    }

    start() {
        if (this.#state !== PENDING) {
            return;
        }
        this.#state = STARTED;
        const waiting = this.#waiting;
        this.#waiting = [];
        queueMicrotask(() => {
            for (const data of waiting) {
                this.#dispatch(data);
            }
        });
    }

    get onmessage() {
        return this.#onmessage;
    }

    set onmessage(handler) {
        const isFunction = typeof handler === "function";
        this.#onmessage = isFunction || (typeof handler === "object" && handler !== null) ? handler : null;
        setAttribute(this, "message", isFunction ? handler : null);
        if (this.#onmessage === null) {
            pause(this);
        } else {
            this.start();
        }
    }

    /** @param {unknown} data */
    #deliver(data) {
        if (this.#state === PENDING) {
            this.#waiting.push(data);
        } else if (this.#state === STARTED) {
            queueMicrotask(() => this.#dispatch(data));
        }
    }

    /** @param {unknown} data */
    #dispatch(data) {
        try {
            dispatch(this, messageEvent("message", data, this));
        } catch (error) {
            dispatch(this, messageEvent("messageerror", error, this));
        }
    }

    static {
        entangle = (one, other) => {
            one.#other = other;
            other.#other = one;
        };
        begin = (port) => port.start();
        pause = (port) => {
            if (port.#state === STARTED && port.#onmessage === null && !hasListeners(port)) {
                port.#state = PENDING;
            }
        };
    }
}

/**
 * As workerd makes it for a port: without an origin, and with what was sent, even nothing.
 *
 * @param {string} type
 * @param {unknown} data
 * @param {MessagePort} port
 */
function messageEvent(type, data, port) {
    const event = new MessageEvent(type, { data, source: port });
    Object.defineProperty(event, "origin", { value: null, configurable: true });
    if (data === undefined) {
        Object.defineProperty(event, "data", { value: data, writable: true, enumerable: true, configurable: true });
    }
    return event;
}

export class MessageChannel {
    constructor() {
        const [port1, port2] = [new MessagePort(INTERNAL), new MessagePort(INTERNAL)];
        entangle(port1, port2);
        Object.defineProperty(this, "port2", { value: port2, enumerable: true, configurable: true });
        Object.defineProperty(this, "port1", { value: port1, enumerable: true, configurable: true });
    }
}

for (const Class of [MessageChannel, MessagePort]) {
    const tag = { value: Class.name, writable: true, configurable: true };
    Object.defineProperty(Class.prototype, Symbol.toStringTag, tag);
}
for (const name of ["postMessage", "close", "start", "onmessage"]) {
    Object.defineProperty(MessagePort.prototype, name, { enumerable: true });
}
refuse([MessageChannel, MessagePort]);

/**
 * @param {unknown} options
 * @returns {unknown[]}
 */
function listOf(options) {
    if (options === undefined || options === null) {
        return [];
    }
    if (Array.isArray(options)) {
        return options;
    }
    if (typeof options !== "object" && typeof options !== "function") {
        throw new TypeError(
            "Failed to execute 'postMessage' on 'MessagePort': parameter 2 is not of type " +
                "'Array or PostMessageOptions'.",
        );
    }
    const { transfer } = /** @type {{ transfer?: unknown }} */ (options);
    return transfer === undefined ? [] : transferList(transfer, "PostMessageOptions");
}
