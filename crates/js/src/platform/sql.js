/**
 * `ctx.storage.sql` (reference 1.4).
 *
 * Rows come in batches, the first of them with `exec`; a cursor asks for the next one when it has given all that it has.
 */

import { storage_close, storage_exec, storage_fetch, storage_size } from "dormouse:ops";
import { finish, illegalConstructor, illegalInvocation, toNumber, toText, wrongArgument } from "./idl.js";
import { iteratorClass } from "./iterators.js";
import { bytesIn } from "./values.js";

/** @typedef {import("./storage_place.js").Shared} Shared */

/** How the platform makes what user code cannot. */
const INTERNAL = Symbol("internal");

/**
 * The host's cursor for rows that were not read yet.
 *
 * @typedef {{ guest: number, cursor: number | null }} Rest
 */

/** Cursors that nobody can read any more, though they have rows. */
const forgotten = new FinalizationRegistry((/** @type {Rest} */ rest) => {
    if (rest.cursor !== null) {
        storage_close(rest.guest, rest.cursor);
    }
});

/** @type {(cursor: any) => any} */
let nextRow;
/** @type {(cursor: any) => any} */
let nextRaw;

const iterateRows = iteratorClass("RowIterator", (/** @type {any} */ cursor) => nextRow(cursor));
const iterateRaw = iteratorClass("RawIterator", (/** @type {any} */ cursor) => nextRaw(cursor));

class Cursor {
    #shared;
    #epoch;
    #columns;
    /** Row after row. @type {unknown[]} */
    #values = [];
    #at = 0;
    #read = 0;
    #written = 0;
    /** @type {Rest | null} */
    #rest = null;
    /** What the next row is instead of one. @type {string | null} */
    #failure = null;

    /**
     * @param {symbol} key
     * @param {Shared} shared
     * @param {[columns: string[], batch: any[]]} executed
     */
    constructor(key, shared, executed) {
        if (key !== INTERNAL) {
            throw illegalConstructor();
        }
        this.#shared = shared;
        this.#epoch = shared.epoch;
        this.#columns = executed[0];
        this.#take(executed[1]);
    }

    /** @param {any[]} batch */
    #take([values, read, written, cursor, failure]) {
        this.#values = values;
        this.#at = 0;
        this.#read = read;
        this.#written = written;
        this.#failure = failure;
        if (this.#rest !== null) {
            this.#rest.cursor = cursor;
        } else if (cursor !== null) {
            this.#rest = { guest: this.#shared.guest, cursor };
            forgotten.register(this, this.#rest);
        }
    }

    /** Whether there is a row to be read. */
    #has() {
        for (;;) {
            const cursor = this.#rest === null ? null : this.#rest.cursor;
            const hasValues = this.#at < this.#values.length;
            if (!hasValues && cursor === null && this.#failure === null) {
                return false;
            }
            this.#shared.checkEpoch(this.#epoch);
            if (hasValues) {
                return true;
            }
            if (this.#failure !== null) {
                const failure = this.#failure;
                this.#failure = null;
                throw new Error(failure);
            }
            /** @type {Rest} */ (this.#rest).cursor = null;
            this.#take(storage_fetch(this.#shared.guest, cursor));
        }
    }

    #row() {
        /** @type {any} */
        const row = {};
        const values = this.#values;
        for (const column of this.#columns) {
            row[column] = values[this.#at];
            this.#at += 1;
        }
        return row;
    }

    #raw() {
        const start = this.#at;
        this.#at += this.#columns.length;
        return this.#values.slice(start, this.#at);
    }

    /** Forgets the rows that were not read. */
    #drop() {
        this.#values = [];
        this.#failure = null;
        const cursor = this.#rest === null ? null : this.#rest.cursor;
        if (cursor !== null) {
            /** @type {Rest} */ (this.#rest).cursor = null;
            storage_close(this.#shared.guest, cursor);
        }
    }

    /** @param {any} cursor @returns {Cursor} */
    static #of(cursor) {
        if (typeof cursor !== "object" || cursor === null || !(#shared in cursor)) {
            throw illegalInvocation();
        }
        return cursor;
    }

    next() {
        return nextRow(Cursor.#of(this));
    }

    toArray() {
        const cursor = Cursor.#of(this);
        const rows = [];
        while (cursor.#has()) {
            rows.push(cursor.#row());
        }
        return rows;
    }

    one() {
        const cursor = Cursor.#of(this);
        if (!cursor.#has()) {
            throw new Error("Expected exactly one result from SQL query, but got no results.");
        }
        const row = cursor.#row();
        if (cursor.#has()) {
            cursor.#drop();
            throw new Error("Expected exactly one result from SQL query, but got multiple results.");
        }
        return row;
    }

    raw() {
        return iterateRaw(Cursor.#of(this));
    }

    [Symbol.iterator]() {
        return iterateRows(Cursor.#of(this));
    }

    get columnNames() {
        return Cursor.#of(this).#columns;
    }

    get rowsRead() {
        return Cursor.#of(this).#read;
    }

    get rowsWritten() {
        return Cursor.#of(this).#written;
    }

    static {
        nextRow = (cursor) =>
            cursor.#has() ? { done: false, value: cursor.#row() } : { done: true, value: undefined };
        nextRaw = (cursor) =>
            cursor.#has() ? { done: false, value: cursor.#raw() } : { done: true, value: undefined };
    }
}

finish(Cursor);

class Statement {
    constructor() {
        throw illegalConstructor();
    }
}

finish(Statement);

/** What a value is as the parameter of a statement. @param {unknown} value */
function toBinding(value) {
    switch (typeof value) {
        case "string":
        case "number":
        case "undefined":
            return value;
        case "bigint":
            return toNumber(value);
    }
    if (value instanceof SharedArrayBuffer) {
        return new Uint8Array(value);
    }
    const isPlain = value === null || value instanceof ArrayBuffer;
    return isPlain ? value : (bytesIn(value) ?? toText(value));
}

/** @type {(shared: Shared) => SqlStorage} */
export let newSql;

export class SqlStorage {
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

    /** @param {any} sql @returns {Shared} */
    static #of(sql) {
        if (typeof sql !== "object" || sql === null || !(#shared in sql)) {
            throw illegalInvocation();
        }
        return sql.#shared;
    }

    /** @param {any[]} args */
    exec(...args) {
        const shared = SqlStorage.#of(this);
        if (args.length < 1) {
            throw wrongArgument("SqlStorage", "exec", 1, "String");
        }
        args[0] = toText(args[0]);
        for (let at = 1; at < args.length; at += 1) {
            args[at] = toBinding(args[at]);
        }
        return new Cursor(INTERNAL, shared, storage_exec(shared.guest, ...args));
    }

    get databaseSize() {
        return storage_size(SqlStorage.#of(this).guest);
    }

    static {
        newSql = (shared) => new SqlStorage(INTERNAL, shared);
    }
}

for (const Class of [Cursor, Statement]) {
    Object.defineProperty(SqlStorage.prototype, Class.name, { value: Class, writable: true, configurable: true });
}
finish(SqlStorage);

/** Classes that only `sql` shows. */
export const sqlClasses = [Cursor, Statement];
