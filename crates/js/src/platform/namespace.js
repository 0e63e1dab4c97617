/**
 * Objects and Workers as their callers see them: namespaces, ids, stubs and service bindings (reference 1.2).
 *
 * A stub does not contact its object; the first `fetch` does.
 */

import { fetch_object, fetch_worker, id_from_name, id_from_string, id_unique, stub_drop, stub_new } from "dormouse:ops";
import { isOn } from "./compat.js";
import { DOMException } from "./errors.js";
import { exchange } from "./exchange.js";
import { wrongArgument } from "./idl.js";
import { clonable } from "./structured_clone.js";

/** How the platform makes things that user code cannot. */
const INTERNAL = Symbol("internal");

/** @param {unknown} key */
function guard(key) {
    if (key !== INTERNAL) {
        throw new TypeError("Illegal constructor");
    }
}

/** The class whose id it is. @type {(id: DurableObjectId) => string} */
let classOf;

export class DurableObjectId {
    #hex;
    #className;

    /**
     * @param {symbol} key
     * @param {string} className
     * @param {string} hex
     * @param {string | undefined} name
     */
    constructor(key, className, hex, name) {
        guard(key);
        this.#className = className;
        this.#hex = hex;
        this.jurisdiction = undefined;
        this.name = name;
    }

    toString() {
        return this.#hex;
    }

    /** @param {DurableObjectId} other */
    equals(other) {
        if (!(other instanceof DurableObjectId)) {
            throw wrongArgument("DurableObjectId", "equals", 1, "DurableObjectId");
        }
        return this.#hex === other.#hex;
    }

    static {
        classOf = (id) => id.#className;
    }
}

Object.defineProperty(DurableObjectId.prototype, Symbol.toStringTag, { value: "DurableObjectId", configurable: true });

/**
 * The id of the object whose code runs.
 *
 * @param {string} className
 * @param {string} hex
 * @param {string | null} name
 */
export function ownId(className, hex, name) {
    return new DurableObjectId(INTERNAL, className, hex, name ?? undefined);
}

/** @param {RequestInfo | URL} input */
function whole(input) {
    if (typeof input === "string" && input.startsWith("/") && !isOn("durable_object_fetch_requires_full_url")) {
        return `https://fake-host${input}`;
    }
    return input;
}

/** @param {number} count */
function checkCount(count) {
    if (count < 1) {
        throw wrongArgument("Fetcher", "fetch", 1, "Request or string");
    }
}

/** A Worker, as a service binding has it. */
export class Fetcher {
    #worker;

    /** @param {number} worker */
    constructor(worker) {
        this.#worker = worker;
    }

    /**
     * @param {RequestInfo | URL} input
     * @param {RequestInit} [init]
     */
    async fetch(input, init) {
        checkCount(arguments.length);
        return exchange((...request) => fetch_worker(this.#worker, ...request), whole(input), init);
    }
}

/** Numbers of stubs whose objects are gone. */
const forgotten = new FinalizationRegistry(stub_drop);

/** What workerd calls it too, so that code which asks a stub for its class sees the same name. */
export const DurableObjectStub = class DurableObject {
    #id;
    /** The stub at the host, which knows the instance that it has reached; none before it has sent anything. */
    #handle = -1;

    /**
     * @param {symbol} key
     * @param {DurableObjectId} id
     */
    constructor(key, id) {
        guard(key);
        this.#id = id;
        Object.defineProperty(this, "id", { value: id, enumerable: true, configurable: true });
        Object.defineProperty(this, "name", { value: id.name, enumerable: true, configurable: true });
    }

    /**
     * @param {RequestInfo | URL} input
     * @param {RequestInit} [init]
     */
    async fetch(input, init) {
        checkCount(arguments.length);
        return exchange((...request) => fetch_object(this.#open(), ...request), whole(input), init);
    }

    #open() {
        if (this.#handle < 0) {
            const id = this.#id;
            this.#handle = stub_new(classOf(id), id.toString(), id.name ?? null);
            forgotten.register(this, this.#handle);
        }
        return this.#handle;
    }
};

Object.defineProperty(DurableObjectStub.prototype, Symbol.toStringTag, { value: "DurableObject", configurable: true });

/** As in workerd a stub can be copied nowhere yet: that comes with method calls. @returns {any} */
function refused() {
    throw new DOMException("ServiceStub cannot be serialized in this context.", "DataCloneError");
}

clonable(Fetcher, "ServiceStub", refused, refused);
clonable(DurableObjectStub, "ServiceStub", refused, refused);

const LOCAL = "Jurisdiction restrictions are not implemented in workerd.";

export class DurableObjectNamespace {
    #className;

    /** @param {string} className */
    constructor(className) {
        this.#className = className;
    }

    /** @param {string} name */
    idFromName(name) {
        if (arguments.length < 1) {
            throw new TypeError(missing("idFromName", "DurableObjectNamespace", "string"));
        }
        const text = String(name);
        return new DurableObjectId(INTERNAL, this.#className, id_from_name(this.#className, text), text);
    }

    /** @param {string} hex */
    idFromString(hex) {
        if (arguments.length < 1) {
            throw new TypeError(missing("idFromString", "DurableObjectNamespace", "string"));
        }
        return new DurableObjectId(INTERNAL, this.#className, id_from_string(this.#className, String(hex)), undefined);
    }

    /** @param {{ jurisdiction?: string | null }} [options] */
    newUniqueId(options) {
        if (options?.jurisdiction != null) {
            throw new Error(LOCAL);
        }
        return new DurableObjectId(INTERNAL, this.#className, id_unique(this.#className), undefined);
    }

    /**
     * @param {string} name
     * @param {object} [options]
     */
    getByName(name, options) {
        if (arguments.length < 1) {
            throw new TypeError(missing("getByName", "DurableObjectNamespace", "string"));
        }
        return this.get(this.idFromName(name), options);
    }

    /**
     * @param {DurableObjectId} id
     * @param {{ locationHint?: string, routingMode?: string }} [options]
     */
    get(id, options) {
        if (!(id instanceof DurableObjectId)) {
            throw new TypeError(missing("get", "DurableObjectNamespace", "DurableObjectId"));
        }
        const mode = options?.routingMode;
        if (mode !== undefined && mode !== "primary-only") {
            throw new RangeError(`unknown routingMode: ${mode}`);
        }
        // An id of another namespace is found out when it is used: its class comes with the stub's namespace.
        const own = classOf(id) === this.#className ? id : foreign(this.#className, id);
        return new DurableObjectStub(INTERNAL, own);
    }

    /** @param {string | null} [jurisdiction] */
    jurisdiction(jurisdiction) {
        if (jurisdiction != null) {
            throw new Error(LOCAL);
        }
        return this;
    }
}

Object.defineProperty(DurableObjectNamespace.prototype, Symbol.toStringTag, {
    value: "DurableObjectNamespace",
    configurable: true,
});

/**
 * @param {string} className
 * @param {DurableObjectId} id
 */
function foreign(className, id) {
    return new DurableObjectId(INTERNAL, className, id.toString(), undefined);
}

/**
 * @param {string} method
 * @param {string} className
 * @param {string} type
 */
function missing(method, className, type) {
    return `Failed to execute '${method}' on '${className}': parameter 1 is not of type '${type}'.`;
}
