/**
 * `WebSocket` and `WebSocketPair` (reference 1.6).
 *
 * The host has the truth about a socket; an object of this class holds a number for it. For one connection there is one
 * `WebSocket` as long as the instance lives, in its record's list. The two ends of a pair are alike until one of them is
 * accepted: that one is the object's end. The other one goes into a response, or is accepted too: then it becomes a
 * socket of its own, which the host joins to the first one. What nobody can reach any more is dropped, and the socket at
 * its other end hears a close (`websocket_claim.js`). A socket of `new WebSocket(url)` is of neither end: it becomes one of
 * its object, accepted, when the server has agreed.
 */

import {
    clone_decode,
    clone_encode,
    guest_record,
    socket_abandon,
    socket_accept,
    socket_accept_standard,
    socket_adopt,
    socket_attach,
    socket_attachment,
    socket_auto_responded,
    socket_check,
    socket_close,
    socket_disconnect,
    socket_forget,
    socket_pair,
    socket_send,
    socket_state,
    socket_tags,
} from "dormouse:ops";
import { isOn } from "./compat.js";
import { TextEncoder } from "./encoding.js";
import { DOMException } from "./errors.js";
import { isObject, toInteger, toText, wrongArgument, wrongConstructorArgument } from "./idl.js";
import { CloseEvent, ErrorEvent, Event, EventTarget, dispatch, emit } from "./events.js";
import { claimOn, letGo } from "./websocket_claim.js";
import { giveUp, outgoing, shakeHands } from "./websocket_client.js";

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
/** Of `new WebSocket(url)`, until the server has answered. */
const OPENING = 5;
const FAILED = 6;

/** The host has the same for a socket that it knows. */
const ATTACHMENT_LEN_MAX = 16384;
/** Two that are alike count twice here, and once for the host. */
const TAGS_MAX = 10;
/** Half-open sockets of a guest at which those whose peer has gone are looked for first. */
const HALF_OPEN_MAX = 64;
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
export let isStandard;
/** The guests and numbers of sockets. @type {(sockets: any[]) => { guest: number, socket: number }[]} */
export let handlesOf;
/** The socket has ended. @type {(record: any, socket: any) => void} */
export let forget;
/** The close event of a standard socket was dispatched. @type {(record: any, socket: any, wasClean: boolean) => void} */
export let leave;
/** A listener of a standard socket has thrown. @type {(record: any, socket: any, error: unknown) => void} */
export let fail;
/** The close or error event of a hibernatable socket was delivered. @type {(socket: any) => void} */
export let part;
/** @type {() => [WebSocket, WebSocket]} */
let newPair;
/** Asks a server for the socket. @type {(socket: any) => Promise<void>} */
let open;
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
    /** Whether its close or error event was delivered: it is not the object's any more. */
    #isOver = false;
    /** What a listener threw, which ended it. @type {{ error: unknown } | null} */
    #failure = null;
    /** What both ends of a pair know. @type {import("./websocket_claim.js").Pair | null} */
    #pair = null;
    /** What `new WebSocket(url)` asks for. @type {import("./websocket_client.js").Outgoing | null} */
    #outgoing = null;
    /** Reached by this end alone, until it is used. @type {import("./websocket_claim.js").Claim | null} */
    #claim = null;
    #binaryType = "arraybuffer";
    /** What `serializeAttachment` got while the end was no socket of its own, or no more. @type {Uint8Array | null} */
    #attachment = null;

    /**
     * @param {string | URL | symbol} [url]
     * @param {any} [protocols]
     */
    constructor(url = undefined, protocols = undefined) {
        super();
        if (isOn("websocket_standard_binary_type")) {
            this.#binaryType = "blob";
        }
        if (url !== INTERNAL) {
            if (arguments.length < 1) {
                throw wrongConstructorArgument("WebSocket", 1, "string");
            }
            this.#guest = guest_record().index;
            this.#outgoing = outgoing(url, protocols);
            this.#mode = OPENING;
            open(this);
            return;
        }
        this.#guest = protocols.guest;
        this.#socket = protocols.socket;
        this.#mode = protocols.mode;
        if (protocols.pair !== null) {
            this.#pair = protocols.pair;
            this.#claim = claimOn(protocols.pair);
        }
    }

    get readyState() {
        if (this.#failure !== null) {
            return CLOSED;
        }
        switch (this.#mode) {
            case STANDARD:
            case HIBERNATABLE:
                return this.#isLive() ? socket_state(this.#guest, this.#socket) : CLOSED;
            case OPENING:
                return this.#outgoing?.isClosed ? CLOSING : CONNECTING;
            case FAILED:
                return CLOSED;
            default:
                return OPEN;
        }
    }

    get url() {
        return this.#outgoing === null ? null : this.#outgoing.url;
    }

    get protocol() {
        return this.#outgoing === null ? "" : this.#outgoing.protocol;
    }

    get extensions() {
        return this.#outgoing === null ? "" : this.#outgoing.extensions;
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
        const { allowHalfOpen } = options ?? {};
        const isHalfOpen = allowHalfOpen === undefined ? isHalfOpenByDefault() : Boolean(allowHalfOpen);
        if (this.#outgoing !== null) {
            throw new TypeError("Websockets obtained from the 'new WebSocket()' constructor cannot call accept");
        }
        const mode = this.#mode;
        if (mode === RESPONDED || this.#isReleased()) {
            throw new TypeError("Can't accept() WebSocket that was already used in a response.");
        }
        if (mode === HIBERNATABLE) {
            throw new TypeError("Can't accept() WebSocket after enabling hibernation.");
        }
        if (mode === STANDARD) {
            return;
        }
        const pair = /** @type {import("./websocket_claim.js").Pair} */ (this.#pair);
        if (pair.isServerUsed) {
            this.#socket = socket_adopt(this.#guest, pair.client);
            pair.isClientUsed = true;
        } else {
            this.#socket = pair.server;
            pair.isServerUsed = true;
        }
        socket_accept_standard(this.#guest, this.#socket, isHalfOpen, pair.client);
        this.#mode = STANDARD;
        guest_record().sockets[this.#socket] = this;
        this.#settle();
    }

    /** @param {string | ArrayBuffer | ArrayBufferView} message */
    send(message) {
        if (arguments.length < 1) {
            throw new TypeError(
                "Failed to execute 'send' on 'WebSocket': parameter 1 is not of type 'ArrayBuffer or ArrayBufferView or string'.",
            );
        }
        const data = payload(message);
        if (this.#mode === RESPONDED || this.#mode === FAILED) {
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
        if (this.#mode === RESPONDED || this.#mode === FAILED) {
            return;
        }
        if (this.#mode === OPENING) {
            return giveUp(/** @type {any} */ (this.#outgoing));
        }
        this.#mustBeAccepted();
        if (this.#failure !== null) {
            throw this.#failure.error;
        }
        this.#closed = true;
        if (this.#isLive()) {
            socket_close(this.#guest, this.#socket, number, text);
            if (this.#mode === STANDARD && this.#isOver) {
                forget(guest_record(), this);
            }
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

    /** Whether it was a socket of its object. */
    #isReleased() {
        return (this.#mode === HIBERNATABLE && this.#isOver) || (this.#mode === STANDARD && this.#socket < 0);
    }

    /** It has become a socket of its object. */
    #settle() {
        if (this.#pair !== null) {
            this.#release();
        }
        if (this.#attachment !== null) {
            socket_attach(this.#guest, this.#socket, this.#attachment);
            this.#attachment = null;
        }
    }

    /** It was used: that nobody can reach it any more means nothing from now on. */
    #release() {
        const claim = /** @type {import("./websocket_claim.js").Claim} */ (this.#claim);
        claim.held.isUsed = true;
        this.#claim = null;
        const pair = /** @type {import("./websocket_claim.js").Pair} */ (this.#pair);
        if (pair.isForsaken) {
            letGo(pair);
        }
    }

    static {
        acceptHibernatable = (socket, tags) => {
            check(socket, "acceptWebSocket");
            if (tags !== undefined && !Array.isArray(tags)) {
                throw wrongArgument("DurableObjectState", "acceptWebSocket", 2, "Array");
            }
            const mode = socket.#mode;
            if ((mode === STANDARD || mode === HIBERNATABLE) && !socket.#isReleased()) {
                throw new Error("Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`");
            }
            const pair = socket.#pair;
            if (mode !== NEW || pair.isServerUsed || pair.isClientUsed) {
                throw new Error(
                    "Cannot call `acceptWebSocket()` on this WebSocket because its pair has already been accepted or used in a Response.",
                );
            }
            const list = tags === undefined ? [] : Array.from(tags, toText);
            if (list.length > TAGS_MAX) {
                throw new Error(`a Hibernatable WebSocket cannot have more than ${TAGS_MAX} tags`);
            }
            socket_accept(socket.#guest, pair.server, list, pair.client);
            pair.isServerUsed = true;
            socket.#socket = pair.server;
            socket.#mode = HIBERNATABLE;
            guest_record().sockets[socket.#socket] = socket;
            socket.#settle();
        };
        getTags = (socket) => {
            check(socket, "getTags");
            if (socket.#mode === STANDARD) {
                throw new Error("only hibernatable websockets can have tags.");
            }
            if (socket.#mode !== HIBERNATABLE || !socket.#isLive() || socket.#isOver) {
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
                case OPENING:
                case FAILED:
                    throw new TypeError("Can't return WebSocket in a Response if it was created with `new WebSocket()`");
            }
            const pair = /** @type {import("./websocket_claim.js").Pair} */ (socket.#pair);
            socket.#mode = RESPONDED;
            pair.isClientUsed = true;
            socket.#release();
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
        handlesOf = (sockets) => sockets.map((socket) => ({ guest: socket.#guest, socket: socket.#socket }));
        isStandard = (socket) => socket.#mode === STANDARD;
        forget = (record, socket) => {
            record.halfOpen.delete(socket);
            if (socket.#socket >= 0) {
                socket.#attachment = socket_attachment(socket.#guest, socket.#socket);
                record.sockets[socket.#socket] = undefined;
                socket_forget(socket.#socket);
                socket.#socket = -1;
            }
        };
        leave = (record, socket, wasClean) => {
            socket.#isOver = true;
            if (socket.#socket >= 0 && socket_state(socket.#guest, socket.#socket) !== CLOSED) {
                return waitForClose(record, socket);
            }
            // A Close was answered, if not by the code then for it.
            socket.#closed ||= wasClean;
            forget(record, socket);
        };
        fail = (record, socket, thrown) => {
            const error = thrown instanceof Error ? thrown : new Error(String(thrown));
            socket.#failure = { error };
            emit(socket, new ErrorEvent("error", { error, message: `Uncaught ${error}` }));
            socket_disconnect(socket.#guest, socket.#socket);
            forget(record, socket);
            socket.#failure = null;
        };
        part = (socket) => {
            socket.#isOver = true;
        };
        open = async (socket) => {
            try {
                const client = await shakeHands(socket.#outgoing);
                const number = socket_adopt(socket.#guest, client);
                socket_accept_standard(socket.#guest, number, isHalfOpenByDefault(), client);
                socket.#socket = number;
                socket.#mode = STANDARD;
                guest_record().sockets[number] = socket;
                socket.#settle();
                dispatch(socket, new Event("open"));
            } catch (thrown) {
                if (socket.#socket >= 0) {
                    socket_disconnect(socket.#guest, socket.#socket);
                    forget(guest_record(), socket);
                }
                socket.#mode = FAILED;
                const error = thrown instanceof Error ? thrown : new Error(String(thrown));
                emit(socket, new ErrorEvent("error", { error, message: `Uncaught ${error}` }));
                const reason = "Failed to establish websocket connection";
                emit(socket, new CloseEvent("close", { code: 1006, reason, wasClean: false }));
            }
        };
        newPair = () => {
            const { index } = guest_record();
            const [server, client] = socket_pair();
            const pair = { guest: index, server, client, isServerUsed: false, isClientUsed: false, isForsaken: false };
            const end = () => new WebSocket(INTERNAL, { guest: index, socket: -1, pair, mode: NEW });
            return [end(), end()];
        };
        clientOf = (client) => {
            const { index } = guest_record();
            const pair = { guest: index, server: -1, client, isServerUsed: true, isClientUsed: false, isForsaken: false };
            return new WebSocket(INTERNAL, { guest: index, socket: -1, pair, mode: CLIENT });
        };
    }
}

/**
 * A half-open socket whose peer has closed waits for its own close. If the peer goes before, no event will tell.
 *
 * @param {any} record
 * @param {WebSocket} socket
 */
function waitForClose(record, socket) {
    const { halfOpen } = record;
    if (halfOpen.size >= record.halfOpenMax) {
        for (const one of halfOpen) {
            if (one.readyState === CLOSED) {
                forget(record, one);
            }
        }
        record.halfOpenMax = Math.max(HALF_OPEN_MAX, 2 * halfOpen.size);
    }
    halfOpen.add(socket);
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
export function payload(message) {
    if (typeof message === "string") {
        return message;
    }
    if (message instanceof DataView) {
        return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    }
    return ArrayBuffer.isView(message) || message instanceof ArrayBuffer ? message : toText(message);
}

/** Whether a socket stays open when its peer closes, unless it is said. */
function isHalfOpenByDefault() {
    return !isOn("web_socket_auto_reply_to_close");
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

/** Nobody will connect the client end of a response. @param {number} client */
export function dropClient(client) {
    socket_abandon(guest_record().index, client);
}
