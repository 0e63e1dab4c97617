/**
 * What `new WebSocket(url, protocols)` asks of a server (reference 1.6), as workerd does it (src/workerd/api/web-socket.c++):
 * what may be asked for, and what the answer means. What becomes of the socket is the matter of `websocket.js`.
 *
 * Redirects are not followed. Which protocol the server has chosen is not checked.
 */

import { body_drop, fetch_abort, fetch_abortable, fetch_socket, url_normalize } from "dormouse:ops";
import { DOMException, errorFromHost } from "./errors.js";
import { valueIn } from "./headers.js";
import { toText } from "./idl.js";

/** A token (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * A socket that a server is asked for, and what it has said about it. `token` gives up the asking.
 *
 * @typedef {{
 *     url: string,
 *     address: string,
 *     protocols: string | null,
 *     token: number,
 *     isClosed: boolean,
 *     protocol: string | null,
 *     extensions: string | null,
 * }} Outgoing
 */

/**
 * Reads the arguments of the constructor.
 *
 * @param {unknown} url
 * @param {unknown} protocols
 * @returns {Outgoing}
 */
export function outgoing(url, protocols) {
    const text = toText(url);
    return {
        url: text,
        address: addressOf(text),
        protocols: protocols === undefined ? null : offer(protocols),
        token: fetch_abortable(),
        isClosed: false,
        protocol: "",
        extensions: "",
    };
}

/**
 * Asks the server. Resolves to the client end; what the server has chosen is then in `asked`.
 *
 * @param {Outgoing} asked
 * @returns {Promise<number>}
 */
export async function shakeHands(asked) {
    try {
        const answer = await fetch_socket(asked.address, asked.protocols, asked.token);
        if (answer[0] === null) {
            throw errorFromHost(answer);
        }
        const [status, flat, body, client] = /** @type {[number, string[], any, number | null]} */ (answer);
        if (typeof body === "number") {
            body_drop(body);
        }
        if (client === null) {
            throw new TypeError(
                "Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 " +
                    `(switching protocols), but received ${status} instead.`,
            );
        }
        asked.protocol = valueIn(flat, "sec-websocket-protocol");
        asked.extensions = valueIn(flat, "sec-websocket-extensions");
        return client;
    } catch (error) {
        throw asked.isClosed ? new Error("Network connection lost.") : error;
    } finally {
        fetch_abort(asked.token);
    }
}

/** Nothing more is wanted of the server. @param {Outgoing} asked */
export function giveUp(asked) {
    asked.isClosed = true;
    fetch_abort(asked.token);
}

/** Where a URL of a WebSocket is asked for. @param {string} url */
function addressOf(url) {
    const href = url === url.trim() ? url_normalize(url) : null;
    if (href === null) {
        throw wrong("The url is invalid.");
    }
    if (!/^wss?:/.test(href)) {
        throw wrong("The url scheme must be ws or wss.");
    }
    if (href.includes("#")) {
        throw wrong("The url fragment must be empty.");
    }
    return href.replace(/^ws/, "http");
}

/** What is asked for in `Sec-WebSocket-Protocol`. @param {unknown} protocols */
function offer(protocols) {
    if (!Array.isArray(protocols)) {
        const protocol = toText(protocols);
        if (!TOKEN.test(protocol)) {
            throw wrong("The protocol header token is invalid.");
        }
        return protocol;
    }
    const list = protocols.map(toText);
    if (!list.every((protocol) => TOKEN.test(protocol))) {
        throw wrong("One of the protocol header tokens is invalid.");
    }
    if (new Set(list).size < list.length) {
        throw wrong("The protocols header cannot have repeating values.");
    }
    return list.length === 0 ? null : list.join(", ");
}

/** @param {string} problem */
function wrong(problem) {
    return new DOMException(`WebSocket Constructor: ${problem}`, "SyntaxError");
}
