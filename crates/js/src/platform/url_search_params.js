/**
 * `URLSearchParams` (URL Standard, section 6.2): names and values in order, and when they belong to a `URL`, its query.
 */

import { form_decode, form_encode } from "dormouse:ops";
import { finish, isObject, toText, wrongArgument } from "./idl.js";

/** The parameters of a URL. @type {(url: { search: string }) => URLSearchParams} */
export let paramsOf;
/** Changes the query of a URL, and not its parameters; set by url.js. @type {(url: any, query: string) => void} */
let setQuery;

/** @param {typeof setQuery} set */
export function setQuerySetter(set) {
    setQuery = set;
}

/** The URL has another query. @type {(params: URLSearchParams, query: string) => void} */
export let replaceParams;

/** @type {(params: URLSearchParams) => string[]} */
let flatOf;

export class URLSearchParams {
    /** Names and values in turn. @type {string[]} */
    #flat = [];
    /** The URL that they belong to. Weak: it has them, and a circle would have to be looked for. */
    /** @type {WeakRef<{ search: string }> | null} */
    #url = null;

    /** @param {unknown} [init] */
    constructor(init) {
        if (init === undefined) {
            return;
        }
        if (!isObject(init)) {
            const text = toText(init);
            this.#flat = form_decode(text.startsWith("?") ? text.slice(1) : text);
        } else if (typeof (/** @type {any} */ (init)[Symbol.iterator]) === "function") {
            this.#readPairs(/** @type {any} */ (init));
        } else {
            for (const name of Object.keys(init)) {
                this.#flat.push(name.toWellFormed(), toUSV(/** @type {any} */ (init)[name]));
            }
        }
    }

    /** @param {Iterable<any>} pairs */
    #readPairs(pairs) {
        for (const pair of pairs) {
            if (!isObject(pair) || typeof (/** @type {any} */ (pair)[Symbol.iterator]) !== "function") {
                throw new TypeError("Incorrect type: the provided value is not of type 'Sequence'.");
            }
            const parts = Array.from(/** @type {any} */ (pair), toUSV);
            if (parts.length !== 2) {
                throw new TypeError("Invalid URL search params sequence.");
            }
            this.#flat.push(parts[0], parts[1]);
        }
    }

    get size() {
        return this.#flat.length / 2;
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    append(name, value) {
        demand("append", 2, arguments.length);
        this.#flat.push(toUSV(name), toUSV(value));
        this.#update();
    }

    /**
     * @param {string} name
     * @param {string} [value]
     */
    delete(name, value) {
        demand("delete", 1, arguments.length);
        const key = toUSV(name);
        const only = value === undefined ? undefined : toUSV(value);
        this.#keep((have, text) => have !== key || (only !== undefined && text !== only));
        this.#update();
    }

    /** @param {string} name */
    get(name) {
        demand("get", 1, arguments.length);
        const at = this.#find(toUSV(name));
        return at < 0 ? null : this.#flat[at + 1];
    }

    /** @param {string} name */
    getAll(name) {
        demand("getAll", 1, arguments.length);
        const key = toUSV(name);
        return this.#flat.filter((_, at) => at % 2 === 1 && this.#flat[at - 1] === key);
    }

    /**
     * @param {string} name
     * @param {string} [value]
     */
    has(name, value) {
        demand("has", 1, arguments.length);
        const key = toUSV(name);
        if (value === undefined) {
            return this.#find(key) >= 0;
        }
        const text = toUSV(value);
        return this.#flat.some((have, at) => at % 2 === 0 && have === key && this.#flat[at + 1] === text);
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    set(name, value) {
        demand("set", 2, arguments.length);
        const key = toUSV(name);
        const text = toUSV(value);
        const first = this.#find(key);
        if (first < 0) {
            this.#flat.push(key, text);
        } else {
            this.#flat[first + 1] = text;
            this.#keep((have, _, at) => have !== key || at === first);
        }
        this.#update();
    }

    sort() {
        const pairs = Array.from({ length: this.size }, (_, at) => [this.#flat[2 * at], this.#flat[2 * at + 1]]);
        // By UTF-16 code units, as the operator compares.
        pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
        this.#flat = pairs.flat();
        this.#update();
    }

    entries() {
        return iterate("Entry", this, (name, value) => [name, value]);
    }

    keys() {
        return iterate("Key", this, (name) => name);
    }

    values() {
        return iterate("Value", this, (_, value) => value);
    }

    /**
     * @param {(value: string, name: string, params: URLSearchParams) => void} callback
     * @param {unknown} [self]
     */
    forEach(callback, self) {
        if (typeof callback !== "function") {
            throw wrongArgument("URLSearchParams", "forEach", 1, "function");
        }
        for (let at = 0; at < this.#flat.length; at += 2) {
            callback.call(self, this.#flat[at + 1], this.#flat[at], this);
        }
    }

    toString() {
        return form_encode(this.#flat);
    }

    /** @param {string} key */
    #find(key) {
        for (let at = 0; at < this.#flat.length; at += 2) {
            if (this.#flat[at] === key) {
                return at;
            }
        }
        return -1;
    }

    /** @param {(name: string, value: string, at: number) => boolean} keeps */
    #keep(keeps) {
        const kept = [];
        for (let at = 0; at < this.#flat.length; at += 2) {
            if (keeps(this.#flat[at], this.#flat[at + 1], at)) {
                kept.push(this.#flat[at], this.#flat[at + 1]);
            }
        }
        this.#flat = kept;
    }

    #update() {
        const url = this.#url?.deref();
        if (url !== undefined) {
            setQuery(url, form_encode(this.#flat));
        }
    }

    static {
        flatOf = (params) => params.#flat;
        paramsOf = (url) => {
            const params = new URLSearchParams();
            params.#url = new WeakRef(url);
            return params;
        };
        replaceParams = (params, query) => {
            params.#flat = form_decode(query);
        };
    }
}

finish(URLSearchParams);
Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
    value: URLSearchParams.prototype.entries,
    writable: true,
    configurable: true,
});

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

/** What each kind of iterator inherits from (Web IDL, section 3.7.10). */
const iterators = Object.fromEntries(["Entry", "Key", "Value"].map((kind) => [kind, iteratorPrototype(kind)]));

/** What an iterator has come to. @type {WeakMap<object, { params: URLSearchParams, at: number, pick: Function }>} */
const positions = new WeakMap();

/** @param {string} kind */
function iteratorPrototype(kind) {
    const proto = {
        __proto__: IteratorPrototype,
        /** @this {object} */
        next() {
            const position = positions.get(this);
            if (position === undefined) {
                throw new TypeError("Illegal invocation: function called with incorrect `this` reference.");
            }
            // The list may have changed since the last step.
            const flat = flatOf(position.params);
            if (position.at >= flat.length) {
                return { done: true, value: undefined };
            }
            position.at += 2;
            return { done: false, value: position.pick(flat[position.at - 2], flat[position.at - 1]) };
        },
    };
    Object.defineProperty(proto, Symbol.toStringTag, { value: `${kind}Iterator`, configurable: true });
    return proto;
}

/**
 * @param {string} kind
 * @param {URLSearchParams} params
 * @param {(name: string, value: string) => unknown} pick
 */
function iterate(kind, params, pick) {
    const iterator = Object.create(iterators[kind]);
    positions.set(iterator, { params, at: 0, pick });
    return iterator;
}

/** Text without lone surrogates. @param {unknown} value */
function toUSV(value) {
    return toText(value).toWellFormed();
}

/**
 * @param {string} method
 * @param {number} needed
 * @param {number} given
 */
function demand(method, needed, given) {
    if (given < needed) {
        throw wrongArgument("URLSearchParams", method, given + 1, "USVString");
    }
}
