/**
 * `navigator`, and the classes of the global object (HTML, sections 8.9 and 10.2).
 */

import { fetch } from "./fetch.js";
import { finish, toText, wrongArgument } from "./idl.js";
import { waitUntil } from "./state.js";

/** How the platform makes its one object. */
const INTERNAL = Symbol("internal");

export class Navigator {
    /** @param {symbol} key */
    constructor(key) {
        if (key !== INTERNAL) {
            throw new TypeError("Illegal constructor");
        }
        const values = {
            userAgent: "Cloudflare-Workers",
            platform: "",
            hardwareConcurrency: 1,
            language: "en",
            languages: Object.freeze(["en"]),
        };
        for (const [name, value] of Object.entries(values)) {
            Object.defineProperty(this, name, { value, enumerable: true, configurable: true });
        }
    }

    /**
     * Sends a request whose response nobody waits for.
     *
     * @param {string | URL} url
     * @param {BodyInit} [body]
     */
    sendBeacon(url, body) {
        if (arguments.length < 1) {
            throw wrongArgument("Navigator", "sendBeacon", 1, "string");
        }
        const sent = fetch(toText(url), { method: "POST", body });
        waitUntil(sent.catch(() => {}));
        return true;
    }
}

finish(Navigator);

export const navigator = new Navigator(INTERNAL);

export class WorkerGlobalScope {
    constructor() {
        throw new TypeError("Illegal constructor");
    }
}

finish(WorkerGlobalScope);

export class ServiceWorkerGlobalScope extends WorkerGlobalScope {}

finish(ServiceWorkerGlobalScope);
