/**
 * `ctx.storage.kv` (reference 1.4): keys and values at once.
 *
 * An iterator reads some entries ahead, and reads them again when keys have changed meanwhile: so it sees changes of what
 * it has not passed.
 */

import { storage_delete, storage_get, storage_list, storage_put } from "dormouse:ops";
import { finish, illegalConstructor, illegalInvocation, toText, wrongArgument } from "./idl.js";
import { iteratorClass } from "./iterators.js";
import { checkRange, rangeOf } from "./storage_operations.js";

/** @typedef {import("./storage_place.js").Shared} Shared */

/** How the platform makes what user code cannot. */
const INTERNAL = Symbol("internal");

const NAME = "SyncKvStorage";

/** How many entries are read ahead: even the largest values fit into an isolate's memory. */
const ENTRIES_AHEAD = 8;

const INVALIDATED =
    "kv.list() iterator was invalidated because a new call to kv.list() was started. Only one kv.list() iterator can " +
    "exist at a time.";

/** Goes over keys that are in a range. */
class Walk {
    /** Keys and values that were read ahead. @type {any[]} */
    #entries = [];
    #at = 0;
    /** What was counted of changes when they were read; none were. */
    #changes = -1;
    #isOver = false;
    /** @type {string | null} */
    #last = null;

    /**
     * @param {Shared} shared
     * @param {ReturnType<typeof rangeOf>} range
     */
    constructor(shared, range) {
        this.shared = shared;
        this.epoch = shared.epoch;
        this.range = range;
        this.left = range.limit ?? Infinity;
        shared.iterator = this;
    }

    /** @returns {IteratorResult<[string, unknown], undefined>} */
    next() {
        if (this.#isOver) {
            return { done: true, value: undefined };
        }
        if (this.shared.iterator !== this) {
            throw new Error(INVALIDATED);
        }
        this.shared.checkEpoch(this.epoch);
        if (this.#at >= this.#entries.length || this.#changes !== this.shared.changes) {
            this.#fill();
        }
        if (this.#entries.length === 0) {
            this.#isOver = true;
            return { done: true, value: undefined };
        }
        const [key, value] = [this.#entries[this.#at], this.#entries[this.#at + 1]];
        this.#at += 2;
        this.left -= 1;
        this.#last = key;
        return { done: false, value: [key, value] };
    }

    #fill() {
        const count = Math.min(this.left, ENTRIES_AHEAD);
        let { start, startAfter, end } = this.range;
        const { prefix, reverse } = this.range;
        if (this.#last !== null && reverse) {
            end = this.#last;
        } else if (this.#last !== null) {
            [start, startAfter] = [null, this.#last];
        }
        this.#at = 0;
        this.#changes = this.shared.changes;
        this.#entries =
            count === 0 ? [] : storage_list(this.shared.guest, start, startAfter, end, prefix, reverse, count);
    }
}

const iterate = iteratorClass("ListIterator", (/** @type {Walk} */ walk) => walk.next());

/** @type {(shared: Shared) => SyncKvStorage} */
export let newSyncKv;

export class SyncKvStorage {
    #shared;

    /**
     * @param {symbol} key
     * @param {Shared} shared
     */
    constructor(key, shared) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#shared = shared;
    }

    /** @param {any} kv @returns {Shared} */
    static #of(kv) {
        if (typeof kv !== "object" || kv === null || !(#shared in kv)) {
            throw illegalInvocation();
        }
        return kv.#shared;
    }

    /** @param {any[]} args */
    get(...args) {
        return storage_get(SyncKvStorage.#of(this).guest, keyOf("get", args));
    }

    /** @param {any[]} args */
    put(...args) {
        const shared = SyncKvStorage.#of(this);
        const key = keyOf("put", args);
        if (args.length < 2) {
            throw wrongArgument(NAME, "put", 2, "Value");
        }
        shared.changes += 1;
        storage_put(shared.guest, key, args[1]);
    }

    /** @param {any[]} args */
    delete(...args) {
        const shared = SyncKvStorage.#of(this);
        const key = keyOf("delete", args);
        shared.changes += 1;
        return storage_delete(shared.guest, key);
    }

    /** @param {any[]} args */
    list(...args) {
        const shared = SyncKvStorage.#of(this);
        const range = rangeOf(NAME, args[0]);
        checkRange(range);
        return iterate(new Walk(shared, range));
    }

    static {
        newSyncKv = (shared) => new SyncKvStorage(INTERNAL, shared);
    }
}

finish(SyncKvStorage);

/**
 * @param {string} method
 * @param {any[]} args
 */
function keyOf(method, args) {
    if (args.length < 1) {
        throw wrongArgument(NAME, method, 1, "string");
    }
    return toText(args[0]);
}
