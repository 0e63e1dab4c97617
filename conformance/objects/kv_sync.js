// storage.kv: keys and values at once, its iterator, and that it shares its keys with the asynchronous methods.
import { objects } from "./sections.js";

const { Subject, worker } = objects({
    simple,
    lists,
    iterators,
    invalidated,
    changed,
    wrongArguments,
    values,
    shared,
    shape,
});
export { Subject, worker as default };

const keysOf = (listed) => Array.from(listed, ([key]) => key);

async function simple(t, { storage: { kv } }) {
    t.show("get of nothing", kv.get("a"));
    t.show("put", kv.put("a", 1));
    t.show("get", kv.get("a"));
    t.show("delete", kv.delete("a"));
    t.show("delete again", kv.delete("a"));
    t.show("delete of what never was", kv.delete("x"));
    t.show("put of null", [kv.put("n", null), kv.get("n")]);
    await t.throws("put of undefined", () => kv.put("u", undefined));
    await t.throws("put without a value", () => kv.put("u"));
    t.show("get after the put of undefined", kv.get("u"));
    await t.throws("put of undefined over a value", () => {
        kv.put("over", 1);
        kv.put("over", undefined);
        return kv.get("over");
    });
    t.show("keys after puts of undefined", keysOf(kv.list()));
    await t.throws("get of a list", () => kv.get(["a", "n"]));
    await t.throws("delete of a list", () => kv.delete(["a", "n"]));
    await t.throws("put of an object", () => kv.put({ a: 1 }));
    await t.throws("put with options", () => kv.put("a", 1, { allowUnconfirmed: true }));
    await t.throws("get with options", () => kv.get("a", { noCache: true }));
}

async function lists(t, { storage: { kv } }) {
    for (const key of ["a", "b", "ba", "bb", "c", "d"]) kv.put(key, `value ${key}`);
    t.show("list", [...kv.list()]);
    const cases = {
        "empty options": {},
        undefined: undefined,
        null: null,
        start: { start: "b" },
        startAfter: { startAfter: "b" },
        end: { end: "bb" },
        prefix: { prefix: "b" },
        limit: { limit: 2 },
        reverse: { reverse: true },
        "start and end": { start: "b", end: "c" },
        "start after end": { start: "c", end: "b" },
        "start and prefix": { start: "ba", prefix: "b" },
        "end and prefix": { end: "bb", prefix: "b" },
        "reverse and limit": { reverse: true, limit: 2 },
        "reverse and start": { reverse: true, start: "bb" },
        "reverse and startAfter": { reverse: true, startAfter: "bb" },
        "reverse and end": { reverse: true, end: "bb" },
        "reverse and prefix and limit": { reverse: true, prefix: "b", limit: 1 },
        "start and startAfter": { start: "a", startAfter: "a" },
        "limit zero": { limit: 0 },
        "limit negative": { limit: -1 },
        "limit of a text": { limit: "x" },
        "unknown option": { whatever: 1, allowConcurrency: true, noCache: true },
        "a number": 5,
        "a text": "a",
    };
    for (const [label, options] of Object.entries(cases)) {
        await t.throws(`list with ${label}`, () => keysOf(kv.list(options)));
    }
    t.show(
        "options that list reads",
        (() => {
            const order = [];
            kv.list(new Proxy({}, { get: (_, name) => void order.push(String(name)) }));
            return order;
        })(),
    );
}

async function iterators(t, { storage: { kv } }) {
    for (const key of ["a", "b", "c"]) kv.put(key, key.toUpperCase());
    const listed = kv.list();
    t.show("next", listed.next());
    t.show("the rest", [...listed]);
    t.show("next after the end", listed.next());
    t.show(
        "iterator of itself",
        (() => {
            const one = kv.list();
            return one[Symbol.iterator]() === one;
        })(),
    );
    t.show("iterator", [
        typeof listed[Symbol.iterator],
        typeof listed.map,
        typeof listed.toArray,
        typeof listed.return,
        listed instanceof Iterator,
        listed.constructor.name,
        Object.prototype.toString.call(listed),
    ]);
    t.show("names of an iterator", Object.getOwnPropertyNames(Object.getPrototypeOf(listed)).sort());
    t.show("Map of a list", new Map(kv.list()));
    t.show("Object.fromEntries of a list", Object.fromEntries(kv.list()));
    t.show(
        "entry",
        (() => {
            const entry = kv.list().next().value;
            return [Array.isArray(entry), entry.length];
        })(),
    );
    for (const [key] of kv.list()) {
        t.show("first key of a loop that breaks", key);
        break;
    }
    t.show("list after a break", keysOf(kv.list()));
    const later = kv.list();
    later.next();
    await null;
    t.show("after a microtask", later.next());
    await new Promise((resolve) => setTimeout(resolve, 1));
    await t.throws("after a task", () => later.next());
    t.show("an empty list", kv.list({ prefix: "x" }).next());
}

async function invalidated(t, { storage, storage: { kv } }) {
    for (const key of ["a", "b", "c"]) kv.put(key, 1);
    const one = kv.list();
    t.show("first of one", one.next());
    const two = kv.list();
    await t.throws("one after two was made", () => one.next());
    await t.throws("one again", () => one.next());
    await t.throws("the loop of one", () => [...one]);
    t.show("two goes on", keysOf(two));
    const finished = kv.list();
    keysOf(finished);
    kv.list();
    await t.throws("a finished one", () => finished.next());
    const fresh = kv.list();
    kv.list();
    await t.throws("one that was not begun", () => fresh.next());
    const listed = kv.list();
    listed.next();
    await t.throws("an asynchronous list between", async () => {
        await storage.list();
        return listed.next();
    });
    const other = kv.list();
    other.next();
    kv.get("a");
    await t.throws("a get between", () => other.next());
    const reversed = kv.list();
    reversed.next();
    kv.list({ reverse: true });
    await t.throws("a list of another kind", () => reversed.next());
    await t.throws("list in its own loop", () => {
        const seen = [];
        for (const [key] of kv.list()) {
            for (const [inner] of kv.list()) seen.push(`${key}${inner}`);
        }
        return seen;
    });
    await t.throws("a list that is refused between", () => {
        const kept = kv.list();
        kept.next();
        try {
            kv.list({ limit: 0 });
        } catch {
            // It is refused.
        }
        return kept.next();
    });
}

async function changed(t, { storage, storage: { kv } }) {
    for (const key of ["a", "b", "c", "d"]) kv.put(key, 1);
    await t.throws("put ahead of the iterator", () => {
        const seen = [];
        for (const [key, value] of kv.list()) {
            seen.push(key + value);
            if (key === "a") kv.put("c", 2);
        }
        return seen;
    });
    await t.throws("a new key ahead of the iterator", () => {
        const seen = [];
        for (const [key] of kv.list()) {
            seen.push(key);
            if (key === "a") kv.put("bb", 2);
        }
        return seen;
    });
    await t.throws("delete ahead of the iterator", () => {
        const seen = [];
        for (const [key] of kv.list()) {
            seen.push(key);
            if (key === "a") kv.delete("c");
        }
        return seen;
    });
    await t.throws("delete of each key in the loop", () => {
        for (const [key] of kv.list()) kv.delete(key);
        return keysOf(kv.list());
    });
    await t.throws("put in each step", () => {
        kv.put("a", 0);
        let steps = 0;
        for (const [key] of kv.list()) {
            steps += 1;
            if (steps < 5) kv.put(`${key}a`, 1);
        }
        return [steps, keysOf(kv.list())];
    });
    await t.throws("deleteAll under the iterator", async () => {
        const listed = kv.list();
        listed.next();
        await storage.deleteAll();
        return listed.next();
    });
    await t.throws("a rollback under the iterator", () => {
        kv.put("a", 1);
        kv.put("b", 1);
        const listed = kv.list();
        listed.next();
        try {
            storage.transactionSync(() => {
                kv.put("c", 1);
                throw new Error("back");
            });
        } catch {
            // It is rolled back.
        }
        return keysOf(listed);
    });
}

async function wrongArguments(t, { storage: { kv } }) {
    await t.throws("get without arguments", () => kv.get());
    await t.throws("put without arguments", () => kv.put());
    await t.throws("delete without arguments", () => kv.delete());
    for (const [label, value] of Object.entries({
        undefined,
        null: null,
        number: 5,
        true: true,
        object: {},
        symbol: Symbol("x"),
        bigint: 5n,
    })) {
        await t.throws(`get of the value ${label}`, () => kv.get(value));
        await t.throws(`put to the value ${label}`, () => kv.put(value, 1));
        await t.throws(`delete of the value ${label}`, () => kv.delete(value));
    }
    t.show("what was put", [...kv.list()]);
    await t.throws("put of a function", () => kv.put("f", () => 1));
    await t.throws("put of a Symbol", () => kv.put("f", Symbol("x")));
    await t.throws("put with a getter that throws", () =>
        kv.put("f", {
            get a() {
                throw new RangeError("mine");
            },
        }),
    );
    await t.throws("put of a value that is too large", () => kv.put("f", new Uint8Array(8_388_642)));
    await t.throws("a large value", () => kv.put("f", new Uint8Array(8_388_600)));
    await t.throws("an empty key", () => [kv.put("", 1), kv.get(""), kv.delete("")]);
    await t.throws("a long key", () => [kv.put("k".repeat(100_000), 1), kv.get("k".repeat(100_000))]);
    await t.throws("another this", () => kv.get.call({}, "a"));
}

async function values(t, { storage: { kv } }) {
    for (const [label, value] of Object.entries({
        true: true,
        "minus zero": -0,
        NaN: NaN,
        bigint: 5n,
        text: "é☃\0",
        date: new Date(5),
        map: new Map([[1, 2]]),
        set: new Set([1]),
        regexp: /a/g,
        array: [1, , 2],
        error: new TypeError("e"),
        bytes: new Uint8Array([1]),
        object: { a: undefined },
    })) {
        kv.put("v", value);
        t.show(`value ${label}`, kv.get("v"));
    }
    const value = { n: 1 };
    kv.put("v", value);
    value.n = 2;
    t.show("a value is copied", [kv.get("v").n, kv.get("v") === kv.get("v")]);
}

async function shared(t, { storage, storage: { kv, sql } }) {
    kv.put("a", { by: "kv" });
    t.show("get of what kv put", await storage.get("a"));
    storage.put("b", { by: "storage" });
    t.show("kv gets what put put, at once", kv.get("b"));
    storage.delete("b");
    t.show("kv gets what was deleted, at once", kv.get("b"));
    await storage.put({ c: 1, d: 2 });
    t.show("kv lists all", [...kv.list()]);
    t.show("list lists all", await storage.list());
    t.show("delete of what the other put", [await storage.delete("a"), kv.delete("c"), kv.delete("a")]);
    await storage.deleteAll();
    t.show("kv after deleteAll", [...kv.list()]);
    kv.put("e", 1);
    t.show("the table of keys", sql.exec("SELECT name FROM sqlite_master").toArray());
    t.show("a key that is written does not count for changes()", sql.exec("SELECT changes() AS c").one());
}

async function shape(t, { storage }) {
    t.show("kv is one object", storage.kv === storage.kv);
    t.show("class", [storage.kv.constructor.name, Object.prototype.toString.call(storage.kv)]);
    t.show("names", Object.getOwnPropertyNames(Object.getPrototypeOf(storage.kv)).sort());
    t.show("lengths", [storage.kv.get.length, storage.kv.put.length, storage.kv.delete.length, storage.kv.list.length]);
    await t.throws("kv is read only", () => {
        "use strict";
        storage.kv = 5;
        return typeof storage.kv;
    });
}
