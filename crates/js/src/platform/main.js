/**
 * The door of the host: what it calls, in the order of a guest's life.
 *
 * A *record* is what the platform keeps of one guest. The host holds it while the guest lives, and nothing here does
 * for longer.
 */

import { body_neuter, guest_adopt, object_respond } from "dormouse:ops";
import "./errors.js";
import { setFlags, isOn } from "./compat.js";
import { bind, env } from "./env.js";
import { exported, exportedAll, exports, setExports } from "./exports.js";
import { install } from "./install.js";
import { ownId } from "./namespace.js";
import { requestFromHost } from "./request.js";
import { responseToHost } from "./response.js";
import { mapPositions } from "./stack.js";
import { section as runSection } from "./sections.js";
import { AlarmInvocationInfo, DurableObjectState, ExecutionContext } from "./state.js";
import { unhandled } from "./report.js";
import { promised, watch as watchPromise } from "./tasks.js";
import { fire } from "./timers.js";
import { deliverClose, deliverError, deliverMessage } from "./websocket_events.js";
import { DurableObject, WorkerEntrypoint } from "./workers.js";

/**
 * What the host says of the Worker.
 *
 * @type {{ name: string, flags: string[], bindings: any[], classes: string[], classesWithoutSql: string[],
 *     doors: [string, number][], hasSourceMap: boolean }}
 */
let worker;

/** Before any code of the user. @param {string} description */
export function start(description) {
    worker = JSON.parse(description);
    setFlags(worker.flags);
    if (worker.hasSourceMap) {
        mapPositions();
    }
    install(globalThis);
    bind(worker.bindings);
}

/** After the main module has run. @param {Record<string, any>} namespace */
export function adopt(namespace) {
    setExports(namespace, worker.name, worker.classes, worker.doors);
}

/** What the main module exports, by name and kind, as JSON. */
export function inspect() {
    return JSON.stringify(Object.entries(exportedAll()).map(([name, value]) => [name, kindOf(value)]));
}

/** @param {any} value */
function kindOf(value) {
    if (typeof value !== "function") {
        return typeof value === "object" && value !== null ? "handlers" : "other";
    }
    if (value.prototype instanceof DurableObject) {
        return "object";
    }
    return value.prototype instanceof WorkerEntrypoint ? "entrypoint" : "other";
}

/**
 * Makes a guest: an instance of a class of objects, or the handlers of a Worker.
 *
 * @param {"class" | "entry"} kind
 * @param {string} name
 * @param {number} index
 * @param {string | null} id
 * @param {string | null} idName
 */
export function construct(kind, name, index, id, idName) {
    const record = {
        index,
        /** @type {any} */ instance: null,
        isObject: kind === "class",
        hasSql: !worker.classesWithoutSql.includes(name),
        /** @type {any} */ entrypoint: null,
        /** By their numbers. @type {any[]} */ sockets: [],
        /** Sockets whose peer has closed and that wait for their own close. @type {Set<any>} */ halfOpen: new Set(),
        halfOpenMax: 0,
        timers: new Map(),
        fires: new Map(),
        lastTimer: 0,
    };
    guest_adopt(record);
    const Export = exported(name);
    if (kind === "class") {
        const own = ownId(`${worker.name}.${name}`, /** @type {string} */ (id), idName);
        const state = new DurableObjectState(own, ownExports(), record);
        record.instance = new Export(state, env);
    } else if (typeof Export === "function" && Export.prototype instanceof WorkerEntrypoint) {
        record.entrypoint = Export;
    } else {
        record.instance = Export ?? {};
    }
    return record;
}

function ownExports() {
    return isOn("enable_ctx_exports") ? exports : undefined;
}

/**
 * @param {any} record
 * @param {number} call
 * @param {string} method
 * @param {string} url
 * @param {string[]} headers
 * @param {Uint8Array | number | null} body
 * @param {string | null} cf
 */
export async function fetch(record, call, method, url, headers, body, cf) {
    let sent = null;
    try {
        const response = await handle(record, requestFromHost(method, url, headers, body, cf));
        const parts = responseToHost(response, headers);
        ({ sent } = parts);
        object_respond(call, parts.status, parts.headers, parts.body, parts.client, parts.statusText);
    } finally {
        if (typeof body === "number") {
            // A body is there as long as its request is being answered, whoever still holds it.
            Promise.resolve(sent).then(() => body_neuter(record.index, body));
        }
    }
}

/**
 * @param {any} record
 * @param {import("./request.js").Request} request
 */
function handle(record, request) {
    const { instance, entrypoint } = record;
    if (entrypoint !== null) {
        const handlers = new entrypoint(new ExecutionContext(ownExports()), env);
        return callFetch(handlers, [request]);
    }
    if (record.isObject) {
        return callFetch(instance, [request]);
    }
    return callFetch(instance, [request, env, new ExecutionContext(ownExports())]);
}

/**
 * @param {any} handlers
 * @param {unknown[]} args
 */
function callFetch(handlers, args) {
    if (typeof handlers.fetch !== "function") {
        throw new Error("Handler does not export a fetch() function.");
    }
    return handlers.fetch(...args);
}

/**
 * @param {any} record
 * @param {number} socket
 * @param {string | Uint8Array} data
 */
export function message(record, socket, data) {
    return promised(deliverMessage(record, socket, data));
}

/**
 * @param {any} record
 * @param {number} socket
 * @param {number} code
 * @param {string} reason
 * @param {boolean} wasClean
 */
export function close(record, socket, code, reason, wasClean) {
    return promised(deliverClose(record, socket, code, reason, wasClean));
}

/**
 * @param {any} record
 * @param {number} socket
 * @param {string} text
 */
export function error(record, socket, text) {
    return promised(deliverError(record, socket, text));
}

/**
 * @param {any} record
 * @param {number} scheduledTime
 * @param {number} retryCount
 */
export function alarm(record, scheduledTime, retryCount) {
    const { instance } = record;
    if (typeof instance.alarm !== "function") {
        return undefined;
    }
    return promised(instance.alarm(new AlarmInvocationInfo(scheduledTime, retryCount)));
}

/** @param {number} call */
export function section(call) {
    return runSection(call);
}

/**
 * @param {any} record
 * @param {number} handle
 */
export function timer(record, handle) {
    fire(record, handle);
}

/**
 * @param {Promise<unknown>} promise
 * @param {unknown} reason
 */
export function rejection(promise, reason) {
    unhandled(promise, reason);
}

/**
 * @param {Promise<unknown>} promise
 * @param {number} call
 */
export function watch(promise, call) {
    watchPromise(promise, call);
}
