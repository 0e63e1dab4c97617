/**
 * What the host says of sockets: a message, a close, an error. A standard socket hears it as an event, of a hibernatable
 * one the instance's handler is called. Each end of a socket is told once, and then the socket is forgotten.
 */

import { CloseEvent, ErrorEvent, dispatch, emit, messageEvent } from "./events.js";
import { fail, forget, isStandard, leave, part, socketOf } from "./websocket.js";

/**
 * A message came. Text is a string, bytes are a `Uint8Array` over a buffer of their own.
 *
 * @param {any} record
 * @param {number} number
 * @param {string | Uint8Array} data
 */
export function deliverMessage(record, number, data) {
    const socket = socketOf(record, number);
    if (isStandard(socket)) {
        const value = typeof data === "string" ? data : binary(socket, data);
        try {
            dispatch(socket, messageEvent(value));
        } catch (error) {
            fail(record, socket, error);
        }
        return undefined;
    }
    const { instance } = record;
    if (typeof instance.webSocketMessage !== "function") {
        return undefined;
    }
    return instance.webSocketMessage(socket, typeof data === "string" ? data : data.buffer);
}

/**
 * @param {import("./websocket.js").WebSocket} socket
 * @param {Uint8Array} data
 */
function binary(socket, data) {
    return socket.binaryType === "blob" ? new Blob([data]) : data.buffer;
}

/**
 * The peer has closed, or is gone. The socket stays usable until the handler has settled.
 *
 * @param {any} record
 * @param {number} number
 * @param {number} code
 * @param {string} reason
 * @param {boolean} wasClean
 */
export function deliverClose(record, number, code, reason, wasClean) {
    const socket = socketOf(record, number);
    if (isStandard(socket)) {
        emit(socket, new CloseEvent("close", { code, reason, wasClean }));
        leave(record, socket, wasClean);
        return undefined;
    }
    return farewell(record, socket, "webSocketClose", [socket, code, reason, wasClean]);
}

/**
 * The peer broke the protocol or a limit.
 *
 * @param {any} record
 * @param {number} number
 * @param {string} message
 */
export function deliverError(record, number, message) {
    const socket = socketOf(record, number);
    const error = new Error(message);
    if (isStandard(socket)) {
        forget(record, socket);
        emit(socket, new ErrorEvent("error", { error, message: `Uncaught ${error}` }));
        return undefined;
    }
    return farewell(record, socket, "webSocketError", [socket, error]);
}

/**
 * @param {any} record
 * @param {import("./websocket.js").WebSocket} socket
 * @param {string} handler
 * @param {unknown[]} args
 */
function farewell(record, socket, handler, args) {
    const { instance } = record;
    let result;
    try {
        result = typeof instance[handler] === "function" ? instance[handler](...args) : undefined;
    } finally {
        part(socket);
        if (!(result instanceof Promise)) {
            forget(record, socket);
        }
    }
    if (!(result instanceof Promise)) {
        return result;
    }
    return result.finally(() => forget(record, socket));
}
