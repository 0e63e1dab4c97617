/** `ctx.storage` and the `txn` of `transaction()` (reference 1.4). */

import { core_now, storage_begin, storage_end, storage_roll_back, storage_sync } from "dormouse:ops";
import { finish, illegalConstructor, illegalInvocation, wrongArgument } from "./idl.js";
import { COMMITTED, OPEN, Place, ROLLED_BACK, Shared, checkOptions, toTime } from "./storage_place.js";
import { enterSection } from "./sections.js";
import { newSql } from "./sql.js";
import {
    deleteAlarm,
    deleteAll,
    deleteKeys,
    get,
    getAlarm,
    list,
    put,
    setAlarm,
} from "./storage_operations.js";
import { newSyncKv } from "./sync_kv.js";
import { settle } from "./tasks.js";

/** How the platform makes what user code cannot. */
const INTERNAL = Symbol("internal");

const NO_RECOVERY = "This Durable Object's storage back-end does not implement point-in-time recovery.";

/** The texts are workerd's, which say how to enable SQL. */
const ENABLE =
    "within the 'migrations' field in your wrangler.jsonc or wrangler.toml file. If using workerd directly,";
const NO_SQL =
    "SQL is not enabled for this Durable Object class. To enable it, change `new_classes` to `new_sqlite_classes` " +
    `${ENABLE}set \`enableSql = true\` in your workerd config for the class. Note that this change cannot be made ` +
    "after the class is already deployed to production.";
const NO_KV =
    "The storage.kv (synchronous KV) API is only available for SQLite-backed Durable Objects, but this object's " +
    "namespace is not declared to use SQLite. You can use the older, asyncronous interface via methods of `storage` " +
    "itself (e.g. `storage.get()`). Alternatively, to enable SQLite, change `new_classes` to `new_sqlite_classes` " +
    `${ENABLE} set \`enableSql = true\` in your workerd config for the class. Note that this change cannot be made ` +
    "after the class is already deployed to production.";

/** Counts bookmarks of one moment. */
let bookmarks = 0;

/** @type {(shared: Shared) => DurableObjectStorage} */
export let newStorage;

export class DurableObjectStorage {
    #place;

    /**
     * @param {symbol} key
     * @param {Shared} shared
     */
    constructor(key, shared) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#place = new Place(shared, "DurableObjectStorage");
        if (shared.hasSql) {
            this.kv = newSyncKv(shared);
            this.sql = newSql(shared);
        } else {
            refuseProperty(this, "kv", NO_KV);
            refuseProperty(this, "sql", NO_SQL);
        }
    }

    /** @param {any} storage */
    static #of(storage) {
        if (typeof storage !== "object" || storage === null || !(#place in storage)) {
            throw illegalInvocation();
        }
        return storage.#place;
    }

    /** @param {any[]} args */
    async get(...args) {
        return get(DurableObjectStorage.#of(this), args);
    }

    /** @param {any[]} args */
    async put(...args) {
        return put(DurableObjectStorage.#of(this), args);
    }

    /** @param {any[]} args */
    async delete(...args) {
        return deleteKeys(DurableObjectStorage.#of(this), args);
    }

    /** @param {any[]} args */
    async list(...args) {
        return list(DurableObjectStorage.#of(this), args);
    }

    /** @param {any[]} args */
    async deleteAll(...args) {
        return deleteAll(DurableObjectStorage.#of(this), args);
    }

    /** @param {any[]} args */
    async getAlarm(...args) {
        const at = getAlarm(DurableObjectStorage.#of(this), args);
        await null;
        return at;
    }

    /** @param {any[]} args */
    async setAlarm(...args) {
        return setAlarm(DurableObjectStorage.#of(this), args);
    }

    /** @param {any[]} args */
    async deleteAlarm(...args) {
        return deleteAlarm(DurableObjectStorage.#of(this), args);
    }

    async sync() {
        return storage_sync(DurableObjectStorage.#of(this).shared.guest);
    }

    /** @param {any[]} args */
    async transaction(...args) {
        const { name, shared } = DurableObjectStorage.#of(this);
        const [callback, options] = args;
        if (typeof callback !== "function") {
            throw wrongArgument(name, "transaction", 1, "function");
        }
        checkOptions(name, "transaction", 2, options, "TransactionOptions", []);
        const { promise, resolve, reject } = Promise.withResolvers();
        enterSection(async () => {
            try {
                resolve(settle(await transact(shared, callback)));
            } catch (error) {
                reject(error);
            }
        });
        return promise.then(({ value }) => value);
    }

    /** @param {any[]} args */
    transactionSync(...args) {
        const { name, shared } = DurableObjectStorage.#of(this);
        const [callback] = args;
        if (typeof callback !== "function") {
            throw wrongArgument(name, "transactionSync", 1, "function");
        }
        if (!shared.hasSql) {
            throw new Error("Durable Object is not backed by SQL.");
        }
        storage_begin(shared.guest, false);
        shared.synchronous += 1;
        let value;
        try {
            value = callback.call(globalThis);
        } catch (error) {
            shared.synchronous -= 1;
            storage_roll_back(shared.guest);
            shared.cancel("abort due to ROLLBACK: SQLITE_ABORT (extended: SQLITE_ABORT_ROLLBACK)");
            throw error;
        }
        shared.synchronous -= 1;
        storage_end(shared.guest);
        return value;
    }

    async getCurrentBookmark() {
        DurableObjectStorage.#of(this);
        bookmarks += 1;
        const micros = Math.trunc(core_now() * 1000);
        const hex = [Math.trunc(micros / 2 ** 32), micros % 2 ** 32, bookmarks % 2 ** 32];
        return [...hex.map((number) => number.toString(16).padStart(8, "0")), "0".repeat(32)].join("-");
    }

    /** @param {any[]} args */
    async getBookmarkForTime(...args) {
        const { name } = DurableObjectStorage.#of(this);
        toTime(name, "getBookmarkForTime", args[0]);
        throw new Error(NO_RECOVERY);
    }

    /** @param {any[]} args */
    async onNextSessionRestoreBookmark(...args) {
        const { name } = DurableObjectStorage.#of(this);
        if (args.length < 1) {
            throw wrongArgument(name, "onNextSessionRestoreBookmark", 1, "string");
        }
        throw new Error(NO_RECOVERY);
    }

    static {
        newStorage = (shared) => new DurableObjectStorage(INTERNAL, shared);
    }
}

finish(DurableObjectStorage);

/**
 * A property that says why it is not there.
 *
 * @param {object} object
 * @param {string} name
 * @param {string} why
 */
function refuseProperty(object, name, why) {
    const get = () => {
        throw new Error(why);
    };
    Object.defineProperty(object, name, { get, enumerable: true, configurable: true });
}

/**
 * Runs user code in a transaction, within a critical section.
 *
 * @param {Shared} shared
 * @param {Function} callback
 */
async function transact(shared, callback) {
    storage_begin(shared.guest, true);
    const place = new Place(shared, "DurableObjectTransaction");
    const { promise, resolve } = Promise.withResolvers();
    place.ended = promise;
    shared.open.push(place);
    try {
        const value = await callback.call(globalThis, new DurableObjectTransaction(INTERNAL, place));
        await innerOf(place);
        if (place.fate === OPEN) {
            storage_end(shared.guest);
            place.leave(COMMITTED);
        }
        return value;
    } catch (error) {
        await innerOf(place);
        if (place.fate === OPEN) {
            place.leave(ROLLED_BACK);
            storage_roll_back(shared.guest);
        }
        throw error;
    } finally {
        resolve(undefined);
    }
}

/** Waits until the transactions inside of this one have ended, which user code may not have waited for. @param {Place} place */
async function innerOf(place) {
    for (let last = place.inner(); last !== null; last = place.inner()) {
        await last.ended;
    }
}

export class DurableObjectTransaction {
    #place;

    /**
     * @param {symbol} key
     * @param {Place} place
     */
    constructor(key, place) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#place = place;
    }

    /** @param {any} txn */
    static #of(txn) {
        if (typeof txn !== "object" || txn === null || !(#place in txn)) {
            throw illegalInvocation();
        }
        return txn.#place;
    }

    /** @param {any[]} args */
    async get(...args) {
        return get(DurableObjectTransaction.#of(this), args);
    }

    /** @param {any[]} args */
    async put(...args) {
        return put(DurableObjectTransaction.#of(this), args);
    }

    /** @param {any[]} args */
    async delete(...args) {
        return deleteKeys(DurableObjectTransaction.#of(this), args);
    }

    /** @param {any[]} args */
    async list(...args) {
        return list(DurableObjectTransaction.#of(this), args);
    }

    async deleteAll() {
        DurableObjectTransaction.#of(this);
        throw new Error("Cannot call deleteAll() within a transaction");
    }

    /** @param {any[]} args */
    async getAlarm(...args) {
        const at = getAlarm(DurableObjectTransaction.#of(this), args);
        await null;
        return at;
    }

    /** @param {any[]} args */
    async setAlarm(...args) {
        return setAlarm(DurableObjectTransaction.#of(this), args);
    }

    /** @param {any[]} args */
    async deleteAlarm(...args) {
        return deleteAlarm(DurableObjectTransaction.#of(this), args);
    }

    rollback() {
        const place = DurableObjectTransaction.#of(this);
        if (place.fate === ROLLED_BACK) {
            return;
        }
        place.admit("rollback");
        if (place.inner() !== null || place.shared.synchronous > 0) {
            throw new Error("Cannot roll back an outer transaction while a nested transaction is still running.");
        }
        place.leave(ROLLED_BACK);
        storage_roll_back(place.shared.guest);
    }
}

finish(DurableObjectTransaction);
