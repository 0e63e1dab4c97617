/**
 * `WebSocket`, `WebSocketPair` and what `ctx` does with them (reference 1.6).
 *
 * The host has the truth about a socket; an object of this class holds a number for it. For one connection there is one
 * `WebSocket` as long as the instance lives, in its record's list. The two ends of a pair are alike until one of them is
 * accepted: that one is the object's end, the other one goes into a response.
 */

import {
    clone_decode,
    clone_encode,
    guest_record,
    socket_accept,
    socket_accept_standard,
    socket_attach,
    socket_attachment,
    socket_auto_responded,
    socket_auto_response,
    socket_check,
    socket_close,
    socket_drop_client,
    socket_forget,
    socket_list,
    socket_pair,
    socket_send,
    socket_set_auto_response,
    socket_state,
    socket_tags,
} from "dormouse:ops";
import { isOn } from "./compat.js";
import { TextEncoder } from "./encoding.js";
import { DOMException } from "./errors.js";
import { isObject, toInteger, toText, wrongArgument, wrongConstructorArgument } from "./idl.js";
import { CloseEvent, ErrorEvent, EventTarget, dispatch, messageEvent } from "./events.js";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** What an end of a pair has become. */
const NEW = 0;
const STANDARD = 1;
const HIBERNATABLE = 2;
const CLIENT = 3;
const RESPONDED = 4;

/** The host has the same for a socket that it knows. */
const ATTACHMENT_LEN_MAX = 16384;
/** Two that are alike count twice here, and once for the host. */
const TAGS_MAX = 10;
/** What fits into a Close frame beside its code. */
const REASON_LEN_MAX = 123;

const NOT_ACCEPTED =
    "You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";

/** How the platform makes a `WebSocket` for a connection. */
const INTERNAL = Symbol("internal");

/** @type {(socket: any, tags?: unknown) => void} */
export let acceptHibernatable;
/** @type {(socket: any) => string[]} */
export let getTags;
/** @type {(socket: any) => Date | null} */
export let getAutoResponseTimestamp;
/** The client end of a `WebSocket`, for the host. @type {(socket: any) => number} */
export let useInResponse;
/** The `WebSocket` of a socket of this guest. @type {(record: any, number: number) => WebSocket} */
export let socketOf;
/** @type {(socket: any) => boolean} */
let isStandard;
/** The socket has ended. @type {(record: any, socket: any) => void} */
let forget;
/** @type {() => [WebSocket, WebSocket]} */
let newPair;
/** The `WebSocket` of a response that came. @type {(client: number) => WebSocket} */
export let clientOf;

export class WebSocket extends EventTarget {
    /** The guest that it belongs to, by its number. */
    #guest = -1;
    /** The socket's number; -1 when it has ended. */
    #socket = -1;
    #mode = NEW;
    /** Whether `close` was called; a socket that wakes up with its object asks the host. */
    #closed = false;
    /** What both ends of a pair know. @type {{ server: number, client: number, taken: boolean } | null} */
    #pair = null;
    #binaryType = "arraybuffer";
    /** What `serializeAttachment` got while the end was no socket of its own, or no more. @type {Uint8Array | null} */
    #attachment = null;

    /**
     * @param {string | URL | symbol} url
     * @param {any} [protocols]
     */
    constructor(url, protocols) {
        super();
        if (url !== INTERNAL) {
            throw new Error("new WebSocket(url) is not supported yet: see docs/compatibility.md");
        }
        if (isOn("websocket_standard_binary_type")) {
            this.#binaryType = "blob";
        }
        this.#guest = protocols.guest;
        this.#socket = protocols.socket;
        this.#pair = protocols.pair;
        this.#mode = protocols.mode;
    }

    get readyState() {
        switch (this.#mode) {
            case STANDARD:
            case HIBERNATABLE:
                return this.#isLive() ? socket_state(this.#guest, this.#socket) : CLOSED;
            default:
                return OPEN;
        }
    }

    get url() {
        return null;
    }

    get protocol() {
        return "";
    }

    get extensions() {
        return "";
    }

    /** What waits is the host's; like workerd, this tells of nothing. */
    get bufferedAmount() {
        return 0;
    }

    get binaryType() {
        return this.#binaryType;
    }

    set binaryType(type) {
        if (type === "blob" || type === "arraybuffer") {
            this.#binaryType = type;
        }
    }

    /** @param {{ allowHalfOpen?: boolean } | null} [options] */
    accept(options) {
        if (options != null && !isObject(options)) {
            throw wrongArgument("WebSocket", "accept", 1, "AcceptOptions");
        }
        switch (this.#mode) {
            case STANDARD:
                return;
            case HIBERNATABLE:
                throw new TypeError("Can't accept() WebSocket after enabling hibernation.");
            case RESPONDED:
                throw new TypeError("Can't accept() WebSocket that was already used in a response.");
            case CLIENT:
                throw new Error("accept() on both ends of a pair is not supported yet: see docs/compatibility.md");
        }
        this.#take();
        socket_accept_standard(this.#guest, this.#socket);
        this.#mode = STANDARD;
        guest_record().sockets[this.#socket] = this;
        this.#keepAttachment();
    }

    /** @param {string | ArrayBuffer | ArrayBufferView} message */
    send(message) {
        if (arguments.length < 1) {
            throw new TypeError(
                "Failed to execute 'send' on 'WebSocket': parameter 1 is not of type 'ArrayBuffer or ArrayBufferView or string'.",
            );
        }
        const data = payload(message);
        if (this.#mode === RESPONDED) {
            return;
        }
        this.#mustBeAccepted();
        if (this.#closed) {
            throw new TypeError("Can't call WebSocket send() after close().");
        }
        if (this.#isLive()) {
            socket_send(this.#guest, this.#socket, data);
        }
    }

    /**
     * @param {number} [code]
     * @param {string} [reason]
     */
    close(code, reason) {
        const text = reason === undefined ? "" : toText(reason);
        if (code === undefined && reason !== undefined) {
            throw new DOMException(
                "If you specify a WebSocket close reason, you must also specify a code.",
                "InvalidAccessError",
            );
        }
        const number = code === undefined ? null : toInteger(code);
        if (number !== null && !isCode(number)) {
            throw new DOMException(`Invalid WebSocket close code: ${number}.`, "InvalidAccessError");
        }
        if (new TextEncoder().encode(text).length > REASON_LEN_MAX) {
            throw new DOMException(
                `WebSocket close reason must not be longer than ${REASON_LEN_MAX} bytes when UTF-8 encoded.`,
                "SyntaxError",
            );
        }
        if (this.#mode === RESPONDED) {
            return;
        }
        this.#mustBeAccepted();
        this.#closed = true;
        if (this.#isLive()) {
            socket_close(this.#guest, this.#socket, number, text);
        }
    }

    /** Whether the host knows the socket, which it checks the owner of; without a host it is checked here. */
    #isLive() {
        if (this.#socket < 0) {
            socket_check(this.#guest);
            return false;
        }
        return true;
    }

    #mustBeAccepted() {
        if (this.#mode !== HIBERNATABLE && this.#mode !== STANDARD) {
            throw new TypeError(NOT_ACCEPTED);
        }
    }

    /** @param {unknown} value */
    serializeAttachment(value) {
        if (arguments.length < 1) {
            throw new TypeError(
                "Failed to execute 'serializeAttachment' on 'WebSocket': parameter 1 is not of type 'Value'.",
            );
        }
        const bytes = clone_encode(value);
        const live = (this.#mode === HIBERNATABLE || this.#mode === STANDARD) && this.#isLive();
        if (live) {
            socket_attach(this.#guest, this.#socket, bytes);
        } else if (bytes.length > ATTACHMENT_LEN_MAX) {
            throw new Error(
                `A WebSocket 'attachment' cannot be larger than ${ATTACHMENT_LEN_MAX} bytes.` +
                    `'attachment' was ${bytes.length} bytes.`,
            );
        } else {
            this.#attachment = bytes;
        }
    }

    deserializeAttachment() {
        const live = (this.#mode === HIBERNATABLE || this.#mode === STANDARD) && this.#isLive();
        const bytes = live ? socket_attachment(this.#guest, this.#socket) : this.#attachment;
        return bytes === null ? null : clone_decode(bytes);
    }

    /** Becomes the object's end of its pair. */
    #take() {
        const pair = this.#pair;
        if (pair !== null) {
            pair.taken = true;
            this.#socket = pair.server;
        }
    }

    #keepAttachment() {
        if (this.#attachment !== null) {
            socket_attach(this.#guest, this.#socket, this.#attachment);
            this.#attachment = null;
        }
    }

    static {
        acceptHibernatable = (socket, tags) => {
            check(socket, "acceptWebSocket");
            if (tags !== undefined && !Array.isArray(tags)) {
                throw wrongArgument("DurableObjectState", "acceptWebSocket", 2, "Array");
            }
            switch (socket.#mode) {
                case STANDARD:
                case HIBERNATABLE:
                    throw new Error(
                        "Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`",
                    );
                case CLIENT:
                case RESPONDED:
                    throw new Error(
                        "Cannot call `acceptWebSocket()` on this WebSocket because its pair has already been accepted or used in a Response.",
                    );
            }
            if (socket.#pair?.taken) {
                throw new Error(
                    "Cannot call `acceptWebSocket()` on this WebSocket because its pair has already been accepted or used in a Response.",
                );
            }
            const list = tags === undefined ? [] : Array.from(tags, toText);
            if (list.length > TAGS_MAX) {
                throw new Error(`a Hibernatable WebSocket cannot have more than ${TAGS_MAX} tags`);
            }
            socket_accept(socket.#guest, socket.#pair.server, list);
            socket.#take();
            socket.#mode = HIBERNATABLE;
            guest_record().sockets[socket.#socket] = socket;
            socket.#keepAttachment();
        };
        getTags = (socket) => {
            check(socket, "getTags");
            if (socket.#mode === STANDARD) {
                throw new Error("only hibernatable websockets can have tags.");
            }
            if (socket.#mode !== HIBERNATABLE || !socket.#isLive()) {
                throw new Error(
                    "you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.",
                );
            }
            return socket_tags(socket.#guest, socket.#socket);
        };
        getAutoResponseTimestamp = (socket) => {
            check(socket, "getWebSocketAutoResponseTimestamp");
            const isKnown = socket.#mode === HIBERNATABLE && socket.#isLive();
            const at = isKnown ? socket_auto_responded(socket.#guest, socket.#socket) : null;
            return at === null ? null : new Date(at);
        };
        useInResponse = (socket) => {
            if (!(socket instanceof WebSocket)) {
                throw new TypeError("Failed to construct 'Response': 'webSocket' is not of type 'WebSocket'.");
            }
            switch (socket.#mode) {
                case HIBERNATABLE:
                    throw new TypeError("Can't return WebSocket in a Response after calling acceptWebSocket().");
                case STANDARD:
                    throw new TypeError("Can't return WebSocket in a Response after calling accept().");
                case RESPONDED:
                    throw new TypeError("Can't return WebSocket that was already used in a response.");
            }
            const pair = /** @type {{ client: number, taken: boolean }} */ (socket.#pair);
            socket.#mode = RESPONDED;
            pair.taken = true;
            return pair.client;
        };
        socketOf = (record, number) => {
            const have = record.sockets[number];
            if (have !== undefined) {
                return have;
            }
            const state = { guest: record.index, socket: number, pair: null, mode: HIBERNATABLE };
            return (record.sockets[number] = new WebSocket(INTERNAL, state));
        };
        isStandard = (socket) => socket.#mode === STANDARD;
        forget = (record, socket) => {
            if (socket.#socket >= 0) {
                socket.#attachment = socket_attachment(socket.#guest, socket.#socket);
                record.sockets[socket.#socket] = undefined;
                socket_forget(socket.#socket);
                socket.#socket = -1;
            }
        };
        newPair = () => {
            const { index } = guest_record();
            const [server, client] = socket_pair();
            const pair = { server, client, taken: false };
            const end = () => new WebSocket(INTERNAL, { guest: index, socket: -1, pair, mode: NEW });
            return [end(), end()];
        };
        clientOf = (client) => {
            const { index } = guest_record();
            const pair = { server: -1, client, taken: true };
            return new WebSocket(INTERNAL, { guest: index, socket: -1, pair, mode: CLIENT });
        };
    }
}

const constants = { CONNECTING, OPEN, CLOSING, CLOSED };
for (const [name, value] of Object.entries(constants)) {
    for (const key of [name, `READY_STATE_${name}`]) {
        Object.defineProperty(WebSocket, key, { value, enumerable: true });
        Object.defineProperty(WebSocket.prototype, key, { value, enumerable: true });
    }
}
Object.defineProperty(WebSocket.prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
for (const name of ["readyState", "url", "protocol", "extensions", "binaryType", "bufferedAmount"]) {
    Object.defineProperty(WebSocket.prototype, name, { enumerable: true });
}

/**
 * What is sent of an argument of `send`: text, unless it is bytes.
 *
 * @param {unknown} message
 */
function payload(message) {
    if (message instanceof DataView) {
        return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    }
    return ArrayBuffer.isView(message) || message instanceof ArrayBuffer ? message : toText(message);
}

/** Codes that user code may send (reference 1.6). @param {number} code */
function isCode(code) {
    if (isOn("pedantic_wpt")) {
        return code === 1000 || (code >= 3000 && code <= 4999);
    }
    return code >= 1000 && code <= 4999 && code !== 1004 && code !== 1005 && code !== 1006 && code !== 1015;
}

/**
 * @param {unknown} socket
 * @param {string} method
 */
function check(socket, method) {
    if (!(socket instanceof WebSocket)) {
        throw wrongArgument("DurableObjectState", method, 1, "WebSocket");
    }
}

export class WebSocketPair {
    /** @type {WebSocket} */ 0;
    /** @type {WebSocket} */ 1;

    constructor() {
        const [one, other] = newPair();
        this[0] = one;
        this[1] = other;
    }

    *[Symbol.iterator]() {
        yield this[0];
        yield this[1];
    }
}

Object.defineProperty(WebSocketPair.prototype, Symbol.toStringTag, { value: "WebSocketPair", configurable: true });

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
        dispatch(socket, messageEvent(value));
        return undefined;
    }
    const { instance } = record;
    if (typeof instance.webSocketMessage !== "function") {
        return undefined;
    }
    return instance.webSocketMessage(socket, typeof data === "string" ? data : data.buffer);
}

/**
 * @param {WebSocket} socket
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
        dispatch(socket, new CloseEvent("close", { code, reason, wasClean }));
        forget(record, socket);
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
        dispatch(socket, new ErrorEvent("error", { error, message: `Uncaught ${error}` }));
        return undefined;
    }
    return farewell(record, socket, "webSocketError", [socket, error]);
}

/**
 * @param {any} record
 * @param {WebSocket} socket
 * @param {string} handler
 * @param {unknown[]} args
 */
function farewell(record, socket, handler, args) {
    const { instance } = record;
    let result;
    try {
        result = typeof instance[handler] === "function" ? instance[handler](...args) : undefined;
    } finally {
        if (!(result instanceof Promise)) {
            forget(record, socket);
        }
    }
    if (!(result instanceof Promise)) {
        return result;
    }
    return result.finally(() => forget(record, socket));
}

/** Nobody will connect the client end of a response. @param {number} client */
export function dropClient(client) {
    socket_drop_client(client);
}
