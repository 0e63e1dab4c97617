/**
 * `Headers` (Fetch, section 5.1), as workerd has them (src/workerd/api/headers.c++).
 *
 * Headers are a flat list of names in lower case and values, in the order in which they came, as the host gives and
 * takes them; reading goes through the list, which is short. No name is forbidden. Values are texts, written as UTF-8.
 * Names that are empty or beyond ASCII are let in, as there; the host refuses them when they are sent.
 */

import { finish, isObject, toText, wrongArgument, wrongConstructorArgument } from "./idl.js";
import { pairIterators } from "./iterators.js";

/** How the platform makes headers. */
const INTERNAL = Symbol("internal");

const SET_COOKIE = "set-cookie";

/** What a token may not hold (RFC 9110, section 5.6.2). */
const NO_TOKEN = /[\0-\x20"(),/:;<=>?@[\\\]{}\x7f]/;

/** What makes a value another one, or none: white space around it, half a character, the end of a line. */
const ODD_VALUE = /^[\t\n\r ]|[\t\n\r ]$|[\0\n\r\ud800-\udfff]/;
const AROUND = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const NO_VALUE = /[\0\n\r]/;
const LONE = /\p{Surrogate}/gu;

/**
 * Names as they were given, and in lower case; and values that are as they should be. Most are always the same, and
 * looking is quicker than reading. Bounds keep both small.
 */
const names = new Map();
const values = new Set();
const KNOWN_MAX = 512;
const KNOWN_LEN_MAX = 64;

const iterators = pairIterators();

/** The list of headers, which changes with them. @type {(headers: any) => string[]} */
export let flatOf;
/** @type {(value: any) => value is Headers} */
let isHeaders;

/**
 * @param {unknown} name
 * @returns {string}
 */
function nameOf(name) {
    const text = toText(name);
    const known = names.get(text);
    if (known !== undefined) {
        return known;
    }
    if (NO_TOKEN.test(text)) {
        throw new TypeError("Invalid header name.");
    }
    const lower = text.toLowerCase();
    if (names.size < KNOWN_MAX && text.length <= KNOWN_LEN_MAX) {
        names.set(text, lower);
    }
    return lower;
}

/** @param {string} value */
function normalized(value) {
    if (values.has(value)) {
        return value;
    }
    if (!ODD_VALUE.test(value)) {
        if (values.size < KNOWN_MAX && value.length <= KNOWN_LEN_MAX) {
            values.add(value);
        }
        return value;
    }
    const inner = value.replace(AROUND, "");
    if (NO_VALUE.test(inner)) {
        throw new TypeError("Invalid header value.");
    }
    // Half a character is three bytes there, none of which is UTF-8.
    return inner.isWellFormed() ? inner : inner.replace(LONE, "\ufffd\ufffd\ufffd");
}

export class Headers {
    /** @type {string[]} */
    #flat;
    #isImmutable = false;

    /**
     * @param {HeadersInit | symbol} [init]
     * @param {string[]} [flat] Given by the platform only: then `init` says so.
     * @param {boolean} [isImmutable]
     */
    constructor(init = undefined, flat = undefined, isImmutable = false) {
        if (init === INTERNAL) {
            this.#flat = /** @type {string[]} */ (flat);
            this.#isImmutable = isImmutable === true;
            return;
        }
        this.#flat = init === undefined ? [] : listFrom(init);
    }

    #change() {
        if (this.#isImmutable) {
            throw new TypeError("Can't modify immutable headers.");
        }
    }

    /** @param {string} name */
    get(name) {
        if (arguments.length < 1) {
            throw wrongArgument("Headers", "get", 1, "string");
        }
        return valueIn(this.#flat, nameOf(name));
    }

    /** Every value of `Set-Cookie`: the way before `getSetCookie`. @param {string} name */
    getAll(name) {
        if (arguments.length < 1) {
            throw wrongArgument("Headers", "getAll", 1, "string");
        }
        if (toText(name).toLowerCase() !== SET_COOKIE) {
            throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
        }
        return this.getSetCookie();
    }

    getSetCookie() {
        const flat = this.#flat;
        return flat.filter((_, at) => at % 2 === 1 && flat[at - 1] === SET_COOKIE);
    }

    /** @param {string} name */
    has(name) {
        if (arguments.length < 1) {
            throw wrongArgument("Headers", "has", 1, "string");
        }
        return placeIn(this.#flat, nameOf(name)) >= 0;
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    set(name, value) {
        if (arguments.length < 2) {
            throw wrongArgument("Headers", "set", arguments.length + 1, "string");
        }
        const given = toText(name);
        const text = this.#checked(toText(value));
        const key = nameOf(given);
        const flat = this.#flat;
        const first = placeIn(flat, key);
        if (first < 0) {
            flat.push(key, text);
        } else {
            flat[first + 1] = text;
            removeFrom(flat, key, first + 2);
        }
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    append(name, value) {
        if (arguments.length < 2) {
            throw wrongArgument("Headers", "append", arguments.length + 1, "string");
        }
        const given = toText(name);
        const text = this.#checked(toText(value));
        this.#flat.push(nameOf(given), text);
    }

    /** A value for a change, if changes are allowed. @param {string} value */
    #checked(value) {
        this.#change();
        return normalized(value);
    }

    /** @param {string} name */
    delete(name) {
        if (arguments.length < 1) {
            throw wrongArgument("Headers", "delete", 1, "string");
        }
        const text = toText(name);
        this.#change();
        removeFrom(this.#flat, nameOf(text), 0);
    }

    /**
     * @param {(value: string, name: string, headers: Headers) => void} callback
     * @param {any} [self]
     */
    forEach(callback, self) {
        if (typeof callback !== "function") {
            throw wrongArgument("Headers", "forEach", 1, "function");
        }
        for (const [name, value] of this.#sorted()) {
            callback.call(self, value, name, this);
        }
    }

    entries() {
        return iterators.entries(this.#sorted());
    }

    keys() {
        return iterators.keys(this.#sorted());
    }

    values() {
        return iterators.values(this.#sorted());
    }

    [Symbol.iterator]() {
        return iterators.entries(this.#sorted());
    }

    /** Pairs in the order of their names; values of one name are combined, but those of cookies are not. */
    #sorted() {
        const flat = this.#flat;
        /** @type {Map<string, string | string[]>} */
        const byName = new Map();
        for (let at = 0; at < flat.length; at += 2) {
            const name = flat[at];
            const value = flat[at + 1];
            const have = byName.get(name);
            if (name === SET_COOKIE) {
                byName.set(name, have === undefined ? [value] : [...have, value]);
            } else {
                byName.set(name, have === undefined ? value : `${have}, ${value}`);
            }
        }
        /** @type {Array<[string, string]>} */
        const pairs = [];
        for (const name of Array.from(byName.keys()).sort()) {
            const value = /** @type {string | string[]} */ (byName.get(name));
            if (typeof value === "string") {
                pairs.push([name, value]);
            } else {
                value.forEach((cookie) => pairs.push([name, cookie]));
            }
        }
        return pairs;
    }

    static {
        flatOf = (headers) => headers.#flat;
        isHeaders = /** @type {any} */ ((/** @type {any} */ value) => #flat in value);
    }
}

finish(Headers);

/**
 * A list of the headers that user code gives. It is nobody else's.
 *
 * @param {any} init
 * @returns {string[]}
 */
export function listFrom(init) {
    if (!isObject(init)) {
        throw wrongConstructorArgument("Headers", 1, "Headers or Sequence or object");
    }
    if (isHeaders(init)) {
        return flatOf(init).slice();
    }
    /** @type {string[]} */
    const flat = [];
    if (typeof (/** @type {any} */ (init)[Symbol.iterator]) === "function") {
        for (const pair of pairsOf(/** @type {any} */ (init))) {
            const value = normalized(pair[1]);
            flat.push(nameOf(pair[0]), value);
        }
        return flat;
    }
    for (const name of Object.keys(init)) {
        const value = normalized(toText(/** @type {any} */ (init)[name]));
        flat.push(nameOf(name), value);
    }
    return flat;
}

/**
 * Headers over a list, which becomes theirs.
 *
 * @param {string[]} flat
 * @param {boolean} isImmutable
 */
export function headersOver(flat, isImmutable) {
    return new Headers(INTERNAL, flat, isImmutable);
}

/**
 * The value of a name in a list; the name is in lower case.
 *
 * @param {string[]} flat
 * @param {string} name
 * @returns {string | null}
 */
export function valueIn(flat, name) {
    let found = null;
    for (let at = 0; at < flat.length; at += 2) {
        if (flat[at] === name) {
            found = found === null ? flat[at + 1] : `${found}, ${flat[at + 1]}`;
        }
    }
    return found;
}

/**
 * The first place of a name in a list, or -1.
 *
 * @param {string[]} flat
 * @param {string} name
 */
function placeIn(flat, name) {
    for (let at = 0; at < flat.length; at += 2) {
        if (flat[at] === name) {
            return at;
        }
    }
    return -1;
}

/**
 * @param {string[]} flat
 * @param {string} name
 * @param {number} from
 */
function removeFrom(flat, name, from) {
    for (let at = flat.length - 2; at >= from; at -= 2) {
        if (flat[at] === name) {
            flat.splice(at, 2);
        }
    }
}

/**
 * Pairs of names and values. All are read before one is looked at.
 *
 * @param {Iterable<unknown>} init
 * @returns {string[][]}
 */
function pairsOf(init) {
    const pairs = Array.from(init, (pair) => {
        if (!isObject(pair) || typeof (/** @type {any} */ (pair)[Symbol.iterator]) !== "function") {
            throw new TypeError("Incorrect type: the provided value is not of type 'Sequence'.");
        }
        return Array.from(/** @type {Iterable<unknown>} */ (/** @type {unknown} */ (pair)), toText);
    });
    if (pairs.some((pair) => pair.length !== 2)) {
        throw new TypeError(
            "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
        );
    }
    return pairs;
}
