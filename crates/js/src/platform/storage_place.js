/**
 * Where an operation on storage is called: on `ctx.storage` or on a transaction; and what all parts of one object's
 * storage know together.
 */

import { isObject, wrongArgument } from "./idl.js";

/** What has become of a transaction. */
export const OPEN = 0;
export const COMMITTED = 1;
export const ROLLED_BACK = 2;

/** Times that workerd can hold: nanoseconds in 64 bits. */
const TIME_MAX = 2 ** 63 / 1e6;

/** What `ctx.storage`, `sql`, `kv` and transactions of one guest share. */
export class Shared {
    /** Why cursors that were opened before are void. @type {string} */
    why = "";
    /** Counts the times that open cursors became void. */
    epoch = 0;
    /** Counts what changes keys, for iterators that go on. */
    changes = 0;
    /** The one iterator of `kv.list()` that may go on. @type {object | null} */
    iterator = null;
    /** Transactions that are open, the innermost last. @type {Place[]} */
    open = [];
    /** How many `transactionSync` are under way. */
    synchronous = 0;

    /** @param {any} record */
    constructor(record) {
        this.guest = record.index;
        this.record = record;
        this.hasSql = record.hasSql;
    }

    /**
     * Makes cursors void that are open.
     *
     * @param {string} why
     */
    cancel(why) {
        this.epoch += 1;
        this.changes += 1;
        this.why = why;
    }

    /** @param {number} epoch of the one who asks */
    checkEpoch(epoch) {
        if (epoch !== this.epoch) {
            throw new Error(this.why);
        }
    }

    /** Whether the class has a handler for alarms; unknown while its constructor runs. */
    takesAlarms() {
        const { instance } = this.record;
        return instance === null || typeof instance.alarm === "function";
    }
}

/** `ctx.storage` or one transaction. */
export class Place {
    fate = OPEN;
    /** Of a transaction: is resolved when it has ended. @type {Promise<unknown> | null} */
    ended = null;

    /**
     * @param {Shared} shared
     * @param {string} name of the class that has the operations
     */
    constructor(shared, name) {
        this.shared = shared;
        this.name = name;
    }

    /** Refuses an operation on a transaction that has ended. @param {string} operation */
    admit(operation) {
        if (this.fate === ROLLED_BACK) {
            throw new Error(`Cannot ${operation}() on rolled back transaction`);
        }
        if (this.fate === COMMITTED) {
            throw new Error(
                `Cannot call ${operation}() on transaction that has already committed: did you move \`txn\` outside ` +
                    "of the closure?",
            );
        }
    }

    /** The innermost transaction inside of this one, if one is open. */
    inner() {
        const { open } = this.shared;
        const at = open.indexOf(this);
        return at >= 0 && at < open.length - 1 ? open[open.length - 1] : null;
    }

    /** @param {number} fate */
    leave(fate) {
        const { open } = this.shared;
        this.fate = fate;
        open.splice(open.indexOf(this), 1);
        this.shared.changes += 1;
    }
}

/**
 * Reads options that change nothing here, as workerd does.
 *
 * @param {string} className
 * @param {string} method
 * @param {number} index
 * @param {any} options
 * @param {string} type
 * @param {string[]} fields
 */
export function checkOptions(className, method, index, options, type, fields) {
    if (options === undefined || options === null) {
        return;
    }
    if (!isObject(options)) {
        throw wrongArgument(className, method, index, type);
    }
    for (const field of fields) {
        void (/** @type {any} */ (options)[field]);
    }
}

/**
 * Milliseconds since 1970, without a fraction.
 *
 * @param {string} className
 * @param {string} method
 * @param {unknown} value
 */
export function toTime(className, method, value) {
    const time = value instanceof Date ? value.getTime() : value;
    if (typeof time !== "number") {
        throw wrongArgument(className, method, 1, "date");
    }
    if (!Number.isFinite(time)) {
        throw new TypeError("The value cannot be converted because it is not a valid Date.");
    }
    if (time >= TIME_MAX) {
        throw new TypeError("This API doesn't support dates after 2189.");
    }
    if (time <= -TIME_MAX) {
        throw new TypeError("This API doesn't support dates before 1687.");
    }
    return Math.trunc(time);
}
