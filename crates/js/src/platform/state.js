/** `ctx`: what an object, or a Worker's handler, may ask about itself (reference 1.3). */

import {
    object_abort,
    object_event_timeout,
    object_set_event_timeout,
    task_background,
} from "dormouse:ops";
import { acceptHibernatable, getAutoResponseTimestamp, getTags } from "./websocket.js";
import { broadcast, getAutoResponse, getWebSockets, setAutoResponse, setSlowClients } from "./websocket_state.js";
import { toNumber, wrongArgument } from "./idl.js";
import { enterSection } from "./sections.js";
import { newStorage } from "./storage.js";
import { Shared } from "./storage_place.js";
import { settle, watch } from "./tasks.js";

/** More than any timeout may be. */
const UINT32_MAX = 0xffff_ffff;

/** Keeps the object in memory until `promise` is settled. @param {unknown} promise */
export function waitUntil(promise) {
    const call = task_background();
    if (call !== null) {
        watch(Promise.resolve(promise), call);
    }
}

/** @type {(state: DurableObjectState) => any} */
let recordOf;

/** Made when it is asked for: many objects never do. */
const LAZY_STORAGE = {
    /** @this {DurableObjectState} */
    get() {
        const value = newStorage(new Shared(recordOf(this)));
        Object.defineProperty(this, "storage", { value, writable: true, enumerable: true, configurable: true });
        return value;
    },
    enumerable: true,
    configurable: true,
};

export class DurableObjectState {
    /** @type {any} */
    storage;
    #record;

    /**
     * @param {import("./namespace.js").DurableObjectId} id
     * @param {unknown} exports
     * @param {any} record
     */
    constructor(id, exports, record) {
        this.#record = record;
        Object.defineProperty(this, "storage", LAZY_STORAGE);
        this.id = id;
        this.props = {};
        if (exports !== undefined) {
            this.exports = exports;
        }
    }

    static {
        recordOf = (state) => state.#record;
    }

    /** @param {unknown} promise */
    waitUntil(promise) {
        waitUntil(promise);
    }

    /**
     * @template T
     * @param {() => T | Promise<T>} callback
     * @returns {Promise<T>}
     */
    async blockConcurrencyWhile(callback) {
        if (typeof callback !== "function") {
            throw wrongArgument("DurableObjectState", "blockConcurrencyWhile", 1, "function");
        }
        const { promise, resolve } = Promise.withResolvers();
        // When it throws, the object is reset: whoever waits never goes on.
        enterSection(async () => resolve(settle(await callback())));
        return promise.then(({ value }) => value);
    }

    /**
     * @param {WebSocket} socket
     * @param {string[]} [tags]
     */
    acceptWebSocket(socket, tags) {
        acceptHibernatable(socket, tags);
    }

    /** @param {string} [tag] */
    getWebSockets(tag) {
        return getWebSockets(tag);
    }

    /**
     * Ours; workerd has none.
     *
     * @param {string | ArrayBuffer | ArrayBufferView} message
     * @param {{ tag?: string, except?: WebSocket | Iterable<WebSocket> }} [options]
     */
    broadcast(message, options) {
        if (arguments.length < 1) {
            throw wrongArgument("DurableObjectState", "broadcast", 1, "ArrayBuffer or ArrayBufferView or string");
        }
        return broadcast(message, options);
    }

    /** Ours; workerd has none. @param {"close" | "drop-oldest"} [rule] */
    setSlowClients(rule) {
        setSlowClients(rule);
    }

    /** @param {WebSocket} socket */
    getTags(socket) {
        return getTags(socket);
    }

    /** @param {import("./websocket_state.js").WebSocketRequestResponsePair} [pair] */
    setWebSocketAutoResponse(pair) {
        setAutoResponse(pair);
    }

    getWebSocketAutoResponse() {
        return getAutoResponse();
    }

    /** @param {WebSocket} socket */
    getWebSocketAutoResponseTimestamp(socket) {
        return getAutoResponseTimestamp(socket);
    }

    /** @param {number} [timeout] */
    setHibernatableWebSocketEventTimeout(timeout) {
        const ms = timeout == null ? 0 : Math.trunc(toNumber(timeout));
        if (Number.isNaN(ms)) {
            throw new TypeError("The value cannot be converted because it is not an integer.");
        }
        if (ms < 0) {
            throw new TypeError(
                "The value cannot be converted because it is negative and this API expects a positive number.",
            );
        }
        object_set_event_timeout(Math.min(ms, UINT32_MAX));
    }

    getHibernatableWebSocketEventTimeout() {
        return object_event_timeout();
    }

    /** @param {string} [reason] */
    abort(reason) {
        object_abort(reason === undefined ? "Application called abort() to reset Durable Object." : String(reason));
    }
}

/** The `ctx` of one event of a Worker. */
export class ExecutionContext {
    /** @param {unknown} exports */
    constructor(exports) {
        this.props = {};
        if (exports !== undefined) {
            this.exports = exports;
        }
    }

    /** @param {unknown} promise */
    waitUntil(promise) {
        waitUntil(promise);
    }

    passThroughOnException() {}
}

/** What the handler of an alarm is told. */
export class AlarmInvocationInfo {
    /**
     * @param {number} scheduledTime
     * @param {number} retryCount
     */
    constructor(scheduledTime, retryCount) {
        this.isRetry = retryCount > 0;
        this.retryCount = retryCount;
        this.scheduledTime = scheduledTime;
    }
}
