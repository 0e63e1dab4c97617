/**
 * What `ctx` does with all sockets of an object (reference 1.6): it lists them, sends to many at once, and answers for them
 * while the instance sleeps. What concerns one socket is in `websocket.js`.
 */

import {
    guest_record,
    socket_auto_response,
    socket_broadcast,
    socket_list,
    socket_set_auto_response,
    socket_slow_clients,
} from "dormouse:ops";
import { TextEncoder } from "./encoding.js";
import { isObject, toText, wrongArgument, wrongConstructorArgument, wrongField } from "./idl.js";
import { WebSocket, handlesOf, payload, socketOf } from "./websocket.js";

export class WebSocketRequestResponsePair {
    #request;
    #response;

    /**
     * @param {string} request
     * @param {string} response
     */
    constructor(request, response) {
        if (arguments.length < 1) {
            throw wrongConstructorArgument("WebSocketRequestResponsePair", 1, "string");
        }
        this.#request = toText(request);
        this.#response = toText(response);
        for (const [what, text] of [
            ["Request", this.#request],
            ["Response", this.#response],
        ]) {
            const size = new TextEncoder().encode(text).length;
            if (size > 2048) {
                throw new RangeError(
                    `${what} cannot be larger than 2048 bytes. A ${what.toLowerCase()} of size ${size} was provided.`,
                );
            }
        }
    }

    get request() {
        return this.#request;
    }

    get response() {
        return this.#response;
    }
}

/** @param {string} [tag] */
export function getWebSockets(tag) {
    const record = guest_record();
    return socket_list(tag === undefined ? null : String(tag)).map((/** @type {number} */ number) => socketOf(record, number));
}

/**
 * One message to every open socket, or to those that the options choose; an addition of ours. Nothing is made for a
 * socket, and the text is converted once.
 *
 * @param {unknown} message
 * @param {any} [options]
 * @returns {number}
 */
export function broadcast(message, options) {
    if (options != null && !isObject(options)) {
        throw wrongArgument("DurableObjectState", "broadcast", 2, "BroadcastOptions");
    }
    const { tag, except } = options ?? {};
    if (tag !== undefined && typeof tag !== "string") {
        throw wrongField("BroadcastOptions", "tag", "string");
    }
    const handles = except === undefined ? [] : handlesOf(socketsIn(except));
    const { index } = guest_record();
    // Whoever leaves out another object's socket hears that it is one: the op refuses a guest that does not run.
    const { guest } = handles.find((handle) => handle.guest !== index) ?? { guest: index };
    // A socket that has ended, or is still to be accepted, gets nothing anyhow.
    const numbers = handles.map(({ socket }) => socket).filter((socket) => socket >= 0);
    return socket_broadcast(guest, payload(message), tag ?? null, numbers);
}

/** A socket or several, as a list. @param {any} value @returns {any[]} */
function socketsIn(value) {
    if (value instanceof WebSocket) {
        return [value];
    }
    const list = isObject(value) && Symbol.iterator in value ? Array.from(/** @type {any} */ (value)) : [null];
    if (!list.every((socket) => socket instanceof WebSocket)) {
        throw wrongField("BroadcastOptions", "except", "WebSocket or Iterable<WebSocket>");
    }
    return list;
}

/** What becomes of clients that read too slowly; an addition of ours. @param {unknown} [rule] */
export function setSlowClients(rule) {
    if (rule !== undefined && rule !== "close" && rule !== "drop-oldest") {
        throw new TypeError("setSlowClients() takes 'close', 'drop-oldest', or nothing for what the server is set to.");
    }
    socket_slow_clients(rule === undefined ? null : rule === "drop-oldest");
}

/** @param {WebSocketRequestResponsePair} [pair] */
export function setAutoResponse(pair) {
    if (pair === undefined) {
        socket_set_auto_response(null, "");
    } else if (pair instanceof WebSocketRequestResponsePair) {
        socket_set_auto_response(pair.request, pair.response);
    } else {
        throw wrongArgument("DurableObjectState", "setWebSocketAutoResponse", 1, "WebSocketRequestResponsePair");
    }
}

export function getAutoResponse() {
    const pair = socket_auto_response();
    return pair === null ? null : new WebSocketRequestResponsePair(pair[0], pair[1]);
}
