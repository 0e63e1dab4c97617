// What the storage looks like from outside, and what becomes of writes: errors, aborts, constructors, other requests.
import { ask, objects } from "./sections.js";
import { transcript } from "./transcript.js";

const { Subject: Sections, worker } = objects({ names, descriptors, receivers, classes, bookmarks, syncing });

/** What an object does when the Worker asks for it; each is a request of its own. */
const actions = {
    async look(t, { storage, id }, subject, label) {
        const rows =
            storage.sql.exec("SELECT count(*) AS n FROM sqlite_master WHERE name = 't'").one().n === 0
                ? "no table"
                : storage.sql.exec("SELECT a FROM t ORDER BY a").raw().toArray().flat();
        t.show(label, [Object.fromEntries(await storage.list()), rows, `start ${subject.start}`, id.name]);
    },
    async put(t, { storage }, subject, label) {
        t.show(label, await storage.put("a", "put"));
    },
    async putUnawaited(t, { storage }, subject, label) {
        storage.put("b", "not awaited");
        storage.sql.exec("CREATE TABLE IF NOT EXISTS t (a)");
        storage.sql.exec("INSERT INTO t VALUES (1)");
        t.show(label, "answered");
    },
    throwAfterPut(t, { storage }) {
        storage.put("thrown", "kept");
        throw new RangeError("after put");
    },
    async throwAfterAwaitedPut(t, { storage }) {
        await storage.put("thrown later", "kept");
        throw new RangeError("after awaited put");
    },
    abortAtOnce(t, ctx) {
        ctx.storage.put("aborted", "gone");
        ctx.storage.sql.exec("INSERT INTO t VALUES (2)");
        ctx.abort("on purpose");
    },
    async abortAfterAwaitedPut(t, ctx) {
        await ctx.storage.put("aborted after await", "?");
        ctx.abort("on purpose");
    },
    async abortAfterSync(t, ctx) {
        await ctx.storage.put("aborted after sync", "kept");
        await ctx.storage.sync();
        ctx.storage.put("aborted after sync, then", "gone");
        ctx.abort("on purpose");
    },
    async fill(t, { storage }) {
        await storage.put("filled", 1);
        storage.sql.exec("CREATE TABLE IF NOT EXISTS t (a)");
        storage.sql.exec("INSERT INTO t VALUES (5)");
    },
    deleteAllThenAbort(t, ctx) {
        ctx.storage.deleteAll();
        ctx.abort("after deleteAll");
    },
    deleteAllThenThrow(t, { storage }) {
        storage.put("before deleteAll", 1);
        storage.deleteAll();
        storage.put("after deleteAll", 1);
        throw new RangeError("after deleteAll");
    },
    async deleteAllAndTable(t, { storage }, subject, label) {
        storage.deleteAll();
        storage.sql.exec("CREATE TABLE t (a)");
        storage.sql.exec("INSERT INTO t VALUES (7)");
        t.show(label, "answered");
    },
    abortWithError(t, ctx) {
        ctx.storage.put("aborted with an error", "gone");
        ctx.abort(new RangeError("my own"));
    },
    abortWithNothing(t, ctx) {
        ctx.abort();
    },
    async abortInTransaction(t, ctx) {
        await ctx.storage.transaction(async (txn) => {
            await txn.put("in a transaction", "gone");
            ctx.abort("in a transaction");
        });
    },
    async blockThrows(t, ctx) {
        await ctx.blockConcurrencyWhile(async () => {
            ctx.storage.put("in a block", "?");
            throw new RangeError("in a block");
        });
    },
    async blockThrowsAfterSync(t, ctx) {
        await ctx.blockConcurrencyWhile(async () => {
            await ctx.storage.put("in a block, then sync", "kept");
            await ctx.storage.sync();
            throw new RangeError("in a block");
        });
    },
    async block(t, ctx, subject, label) {
        const order = [];
        const value = await ctx.blockConcurrencyWhile(async () => {
            await ctx.storage.put("n", 1);
            order.push("in the block");
            return ctx.storage.get("n");
        });
        order.push("after the block");
        t.show(label, [value, order]);
    },
    async increment(t, { storage }) {
        const n = (await storage.get("n")) ?? 0;
        await storage.put("n", n + 1);
    },
    async incrementOverTimer(t, { storage }) {
        const n = (await storage.get("n")) ?? 0;
        await new Promise((resolve) => setTimeout(resolve, 30));
        await storage.put("n", n + 1);
    },
    async incrementInTransaction(t, { storage }) {
        await storage.transaction(async (txn) => {
            const n = (await txn.get("n")) ?? 0;
            await new Promise((resolve) => setTimeout(resolve, 5));
            await txn.put("n", n + 1);
        });
    },
    async waitUntil(t, ctx, subject, label) {
        ctx.waitUntil(
            (async () => {
                await new Promise((resolve) => setTimeout(resolve, 10));
                await ctx.storage.put("by waitUntil", 1);
            })(),
        );
        t.show(label, await ctx.storage.get("by waitUntil"));
    },
    async pause(t) {
        await new Promise((resolve) => setTimeout(resolve, 60));
    },
    async rejectedLater(t, { storage }, subject, label) {
        storage.put("x", () => 1).catch(() => {});
        storage.put("beside a refused put", 1);
        t.show(label, "answered");
    },
    async sqlErrorThrown(t, { storage }) {
        storage.sql.exec("INSERT INTO t VALUES (9)");
        storage.sql.exec("SELEC");
    },
};

export class Subject extends Sections {
    constructor(ctx, env) {
        super(ctx, env);
        const { kv } = ctx.storage;
        const { name } = ctx.id;
        if (name === "fails once") {
            const tries = kv.get("tries") ?? 0;
            kv.put("tries", tries + 1);
            if (!failedOnce) {
                failedOnce = true;
                throw new RangeError("constructor");
            }
        }
        if (name === "fails in a block once") {
            ctx.blockConcurrencyWhile(async () => {
                await ctx.storage.put("tries", ((await ctx.storage.get("tries")) ?? 0) + 1);
                if (!failedInBlock) {
                    failedInBlock = true;
                    throw new RangeError("block of the constructor");
                }
            });
        }
        if (name === "counts") {
            kv.put("starts", (kv.get("starts") ?? 0) + 1);
            ctx.blockConcurrencyWhile(async () => {
                await new Promise((resolve) => setTimeout(resolve, 20));
                this.start = await ctx.storage.get("starts");
            });
        }
    }

    fetch(request) {
        const [, action, label] = new URL(request.url).pathname.split("/");
        if (actions[action] === undefined) return super.fetch(request);
        const t = { show: (...all) => void said.push(all) };
        const said = [];
        const run = async () => {
            await actions[action](t, this.ctx, this, decodeURIComponent(label ?? ""));
            return transcript((lines) => said.forEach(([name, value]) => lines.show(name, value)));
        };
        // An error leaves the object as it is, so that the Worker sees what becomes of it.
        return run().then((answer) => answer.fetch(request, this.env, this.ctx));
    }
}

let failedOnce = false;
let failedInBlock = false;

export default {
    async fetch(request, env) {
        let text = await (await worker.fetch(request, env)).text();
        const step = async (name, action) => {
            const label = `${name}, ${action}`;
            const said = await ask(env.SUBJECT.getByName(name), `${action}/${encodeURIComponent(label)}`, label);
            return said === "\n" ? "" : said;
        };
        const steps = async (name, ...all) => {
            for (const [at, action] of all.entries()) {
                text += (await step(name, action)).replace(
                    /^(.*?)(:| fails)/,
                    (_, label, end) => `${label} (${at})${end}`,
                );
            }
        };
        await steps(
            "writes",
            "look",
            "put",
            "look",
            "putUnawaited",
            "look",
            "rejectedLater",
            "look",
            "waitUntil",
            "pause",
            "look",
        );
        await steps("throws", "putUnawaited", "throwAfterPut", "throwAfterAwaitedPut", "sqlErrorThrown", "look");
        await steps(
            "counts",
            "look",
            "putUnawaited",
            "abortAtOnce",
            "look",
            "abortAfterAwaitedPut",
            "look",
            "abortAfterSync",
            "look",
            "abortWithError",
            "abortWithNothing",
            "look",
            "abortInTransaction",
            "look",
        );
        await steps(
            "deletes",
            "fill",
            "look",
            "deleteAllThenAbort",
            "look",
            "fill",
            "deleteAllThenThrow",
            "look",
            "deleteAllAndTable",
            "look",
        );
        await steps("blocks", "block", "look", "blockThrows", "look", "blockThrowsAfterSync", "look");
        await steps("fails once", "look", "look");
        await steps("fails in a block once", "look", "look");
        for (const action of ["increment", "incrementOverTimer", "incrementInTransaction"]) {
            const stub = env.SUBJECT.getByName(`ten times ${action}`);
            await Promise.all(Array.from({ length: 10 }, () => ask(stub, action)));
            await steps(`ten times ${action}`, "look");
        }
        const stub = env.SUBJECT.getByName("counts");
        const old = await ask(stub, "abortAtOnce", "the stub of an object that aborts");
        text += old + (await ask(stub, "look/x", "the same stub again"));
        await steps("counts", "pause", "look");
        return new Response(text);
    },
};

const own = (object) => Object.getOwnPropertyNames(object).sort();
const all = (object) => {
    const found = [];
    for (let at = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) found.push(own(at));
    return found;
};

async function names(t, { storage }) {
    t.show("names of storage", all(storage));
    t.show("names of sql", all(storage.sql));
    t.show("names of kv", all(storage.kv));
    t.show("names of a cursor", all(storage.sql.exec("SELECT 1")));
    t.show("names of a raw iterator", all(storage.sql.exec("SELECT 1").raw()).slice(0, 2));
    t.show("names of a cursor's iterator", all(storage.sql.exec("SELECT 1")[Symbol.iterator]()).slice(0, 2));
    t.show("names of a list of kv", all(storage.kv.list()).slice(0, 2));
    t.show("keys", [
        Object.keys(storage),
        Object.keys(storage.sql),
        Object.keys(storage.kv),
        Object.keys(storage.sql.exec("SELECT 1")),
    ]);
    t.show(
        "what else is there",
        ["primary", "replica", "snapshot", "waitForBookmark", "ensureReplicas", "getCurrentBookmark", "prepare"].map(
            (name) => `${name} ${typeof storage[name]}`,
        ),
    );
    t.show(
        "what else sql has",
        ["prepare", "ingest", "Cursor", "Statement", "setMaxPageCountForTest", "databaseSize"].map(
            (name) => `${name} ${typeof storage.sql[name]}`,
        ),
    );
}

async function descriptors(t, { storage }) {
    const shape = (object, name) => {
        const found = Object.getOwnPropertyDescriptor(object, name);
        if (found === undefined) return "none";
        return [
            found.get ? "get" : typeof found.value,
            found.set ? "set" : "",
            found.writable,
            found.enumerable,
            found.configurable,
        ];
    };
    const proto = Object.getPrototypeOf(storage);
    for (const name of ["get", "transaction", "sql", "kv"]) {
        t.show(`descriptor of ${name}`, [shape(storage, name), shape(proto, name)]);
    }
    const sqlProto = Object.getPrototypeOf(storage.sql);
    for (const name of ["exec", "databaseSize", "Cursor", "Statement"]) {
        t.show(`descriptor of sql.${name}`, [shape(storage.sql, name), shape(sqlProto, name)]);
    }
    const cursor = storage.sql.exec("SELECT 1 AS a");
    for (const name of ["next", "toArray", "columnNames", "rowsRead", "rowsWritten", "constructor"]) {
        t.show(`descriptor of cursor.${name}`, [shape(cursor, name), shape(Object.getPrototypeOf(cursor), name)]);
    }
    t.show("the same objects", [storage.sql === storage.sql, storage.kv === storage.kv, storage.get === storage.get]);
    storage.extra = 1;
    t.show("storage takes properties", [storage.extra, delete storage.extra, storage.extra]);
}

async function receivers(t, { storage }) {
    const cursor = storage.sql.exec("SELECT 1 AS a");
    const proto = Object.getPrototypeOf(cursor);
    await t.throws("exec without this", () => (0, storage.sql.exec)("SELECT 1"));
    await t.throws("exec on storage", () => storage.sql.exec.call(storage, "SELECT 1"));
    await t.throws("next without this", () => (0, cursor.next)());
    await t.throws("columnNames of the prototype", () => proto.columnNames);
    await t.throws("iteration of the prototype", () => [...proto]);
    await t.throws("databaseSize of the prototype", () => Object.getPrototypeOf(storage.sql).databaseSize);
    await t.throws("transaction without this", () => (0, storage.transaction)(() => 1));
    await t.throws("transactionSync without this", () => (0, storage.transactionSync)(() => 1));
    await t.throws("sync without this", () => (0, storage.sync)());
    await t.throws("list without this", () => (0, storage.list)());
    await t.throws("setAlarm without this", () => (0, storage.setAlarm)(1));
    t.show("a method that is bound", await storage.get.bind(storage)("a"));
    await t.throws("a proxy of storage", () => new Proxy(storage, {}).get("a"));
    await t.throws("an heir of storage", () => Object.create(storage).get("a"));
}

async function classes(t, { storage }) {
    const { sql } = storage;
    const cursor = sql.exec("SELECT 1 AS a");
    t.show(
        "classes",
        [storage, sql, storage.kv, cursor, cursor.raw(), cursor[Symbol.iterator]()].map((object) => [
            object.constructor.name,
            object[Symbol.toStringTag],
            String(object),
        ]),
    );
    t.show(
        "globals",
        ["DurableObjectStorage", "SqlStorage", "SyncKvStorage", "DurableObjectTransaction", "SqlStorageCursor"].map(
            (name) => typeof globalThis[name],
        ),
    );
    t.show("a cursor is a Cursor", [cursor instanceof sql.Cursor, sql.Cursor.name, typeof sql.Statement]);
    await t.throws("new Cursor", () => new sql.Cursor());
    await t.throws("call of Cursor", () => sql.Cursor());
    await t.throws("new of the class of storage", () => new storage.constructor());
    t.show("JSON of them", JSON.stringify([storage, sql, storage.kv, cursor]));
    await t.throws("a clone of storage", () => structuredClone(storage));
    await t.throws("a clone of sql", () => structuredClone(sql));
    await t.throws("a clone of a cursor", () => structuredClone(cursor));
}

async function bookmarks(t, { storage }) {
    const first = await storage.getCurrentBookmark();
    t.show("a bookmark", [typeof first, first.replace(/[0-9a-f]/g, "0")]);
    t.show("the same bookmark without a write", first === (await storage.getCurrentBookmark()));
    await storage.put("a", 1);
    await storage.sync();
    const second = await storage.getCurrentBookmark();
    t.show("a later bookmark is greater", second > first);
    await t.throws("getBookmarkForTime", async () => typeof (await storage.getBookmarkForTime(Date.now() - 1000)));
    await t.throws("onNextSessionRestoreBookmark of what is none", () => storage.onNextSessionRestoreBookmark("x"));
    await t.throws("getBookmarkForTime without a time", () => storage.getBookmarkForTime());
}

async function syncing(t, { storage }) {
    t.show("sync without a write", await storage.sync());
    storage.put("a", 1);
    t.show("sync after a put", await storage.sync());
    t.show("sync twice", await Promise.all([storage.sync(), storage.sync()]));
    storage.sql.exec("CREATE TABLE s (a)");
    t.show("sync after SQL", await storage.sync());
    const order = [];
    const put = storage.put("b", 1).then(() => order.push("put"));
    const sync = storage.sync().then(() => order.push("sync"));
    await Promise.all([put, sync]);
    t.show("order of put and sync", order);
    await t.throws("sync with an argument", () => storage.sync(5));
}
