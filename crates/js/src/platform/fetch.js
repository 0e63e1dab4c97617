/**
 * `fetch` as a client (Fetch, section 5.6): what a handler asks of the world outside.
 *
 * The exchange, with its redirects, is that of every other fetch. What an abort gives up here is given up by the host
 * too. Nothing is decoded: without an `Accept-Encoding` of user code's own, servers send bodies as they are.
 */

import { fetch_abort, fetch_abortable, fetch_outside } from "dormouse:ops";
import { exchange } from "./exchange.js";

/**
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function fetch(input, init) {
    if (arguments.length < 1) {
        throw new TypeError("Failed to execute 'fetch': parameter 1 is not of type 'Request or string'.");
    }
    const token = fetch_abortable();
    try {
        return await exchange((...request) => fetch_outside(...request, token), input, init);
    } finally {
        fetch_abort(token);
    }
}
