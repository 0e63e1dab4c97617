// Asynchronous keys and values: all methods with their options, what they refuse, and what values become.
import { objects } from "./sections.js";

const { Subject, worker } = objects({
    simple,
    several,
    multiple,
    lists,
    listEdges,
    options,
    wrongArguments,
    keys,
    order,
    coercedKeys,
    values,
    refusedValues,
    aliasing,
    deletingAll,
    promises,
    turns,
    large,
    shape,
});
export { Subject, worker as default };

const fill = (storage, ...keys) => storage.put(Object.fromEntries(keys.map((key) => [key, `value ${key}`])));
const keysOf = async (listed) => [...(await listed).keys()];

async function simple(t, { storage }) {
    t.show("get of nothing", await storage.get("a"));
    t.show("put", await storage.put("a", 1));
    t.show("get", await storage.get("a"));
    t.show("put over it", await storage.put("a", "text"));
    t.show("get again", await storage.get("a"));
    t.show("delete", await storage.delete("a"));
    t.show("delete again", await storage.delete("a"));
    t.show("get after delete", await storage.get("a"));
    t.show("put of null", [await storage.put("n", null), await storage.get("n")]);
    await t.throws("put of undefined", () => storage.put("u", undefined));
    await t.throws("put without a value", () => storage.put("u"));
    t.show("nothing was put", await storage.get("u"));
    storage.put("later", 1);
    t.show("get sees a put that was not awaited", await storage.get("later"));
    storage.delete("later");
    t.show("get sees a delete that was not awaited", await storage.get("later"));
    storage.put("twice", 1);
    storage.put("twice", 2);
    t.show("the last put counts", await storage.get("twice"));
}

async function several(t, { storage }) {
    await fill(storage, "c", "a", "b");
    t.show("get of several", await storage.get(["c", "a", "missing"]));
    t.show("get of several is a Map", (await storage.get(["a"])) instanceof Map);
    t.show("get of none", await storage.get([]));
    t.show("get of one twice", await storage.get(["a", "a"]));
    t.show("get of one in a list", await storage.get(["b"]));
    t.show("get of missing ones", await storage.get(["x", "y"]));
    t.show("get of 200", (await storage.get(Array.from({ length: 200 }, (_, at) => `k${at}`))).size);
    t.show("delete of several", await storage.delete(["a", "missing", "b"]));
    t.show("delete of none", await storage.delete([]));
    t.show("delete of one twice", await storage.delete(["c", "c"]));
    t.show("what is left", await storage.list());
}

async function multiple(t, { storage }) {
    t.show("put of several", await storage.put({ b: 1, a: 2 }));
    t.show("what was put", await storage.list());
    t.show("put of none", await storage.put({}));
    t.show("put with an undefined value", await storage.put({ c: undefined, d: 4, a: undefined }));
    t.show("what was put with it", await storage.list());
    await t.throws("put with a value that cannot be cloned", () => storage.put({ e: 5, f: () => 1 }));
    t.show("nothing of it was put", await keysOf(storage.list()));
    t.show("put of several with options", await storage.put({ g: 1 }, { allowUnconfirmed: true }));
    t.show("put of several with undefined", [await storage.put({ h: 1 }, undefined), await storage.get("h")]);
    t.show("put of several with null", [await storage.put({ h: 2 }, null), await storage.get("h")]);
    await t.throws("put of several with a value", () => storage.put({ h: 1 }, 5));
    await t.throws("put of several with a text", () => storage.put({ h: 1 }, "x"));
    await t.throws("put of several with three arguments", () => storage.put({ h: 1 }, 5, {}));
    await t.throws("put of a list", () => storage.put(["x", "y"]));
    t.show("the keys of a list", await storage.get(["0", "1"]));
    await t.throws("put of a Map", () => storage.put(new Map([["m", 1]])));
    await t.throws("put of a number", () => storage.put(5));
    await t.throws("put of null alone", () => storage.put(null));
    class Entries {
        own = 1;
        get inherited() {
            return 2;
        }
    }
    await storage.deleteAll();
    await storage.put(new Entries());
    t.show("put of an object of a class", await storage.list());
    await storage.put(Object.assign(Object.create({ above: 1 }), { below: 2, [Symbol("s")]: 3 }));
    t.show("put of an object with a prototype", await storage.list());
    await t.throws("put with a getter that throws", () =>
        storage.put({
            get x() {
                throw new RangeError("mine");
            },
        }),
    );
    t.show("put of 200", await storage.put(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`k${at}`, at]))));
    t.show("what was put of 200", (await storage.list({ prefix: "k" })).size);
}

async function lists(t, { storage }) {
    await fill(storage, "a", "b", "ba", "bb", "c", "d");
    t.show("list", await storage.list());
    t.show("list is a Map", (await storage.list()) instanceof Map);
    const cases = {
        "empty options": {},
        start: { start: "b" },
        "start between": { start: "bab" },
        "start past the end": { start: "z" },
        startAfter: { startAfter: "b" },
        "startAfter between": { startAfter: "bab" },
        end: { end: "bb" },
        "end before all": { end: "a" },
        "end past the end": { end: "zz" },
        prefix: { prefix: "b" },
        "empty prefix": { prefix: "" },
        "prefix of none": { prefix: "x" },
        "prefix of a whole key": { prefix: "bb" },
        limit: { limit: 2 },
        "limit of more": { limit: 100 },
        reverse: { reverse: true },
        "start and end": { start: "b", end: "c" },
        "start after end": { start: "c", end: "b" },
        "start is end": { start: "b", end: "b" },
        "start and prefix": { start: "ba", prefix: "b" },
        "start before prefix": { start: "a", prefix: "b" },
        "start after prefix": { start: "c", prefix: "b" },
        "end and prefix": { end: "bb", prefix: "b" },
        "end after prefix": { end: "d", prefix: "b" },
        "end before prefix": { end: "a", prefix: "b" },
        "startAfter and prefix": { startAfter: "b", prefix: "b" },
        "startAfter and end": { startAfter: "a", end: "bb" },
        "startAfter is end": { startAfter: "b", end: "b" },
        "all but startAfter": { start: "b", end: "bz", prefix: "b", limit: 1 },
        "reverse and limit": { reverse: true, limit: 2 },
        "reverse and start": { reverse: true, start: "bb" },
        "reverse and startAfter": { reverse: true, startAfter: "bb" },
        "reverse and end": { reverse: true, end: "bb" },
        "reverse and prefix": { reverse: true, prefix: "b" },
        "reverse and all": { reverse: true, start: "b", end: "bb", prefix: "b", limit: 1 },
        "start null": { start: null },
        "end undefined": { end: undefined },
        "limit undefined": { limit: undefined },
        "limit null": { limit: null },
        "reverse null": { reverse: null },
        "unknown option": { whatever: 1 },
        "empty start": { start: "" },
        "empty startAfter": { startAfter: "" },
        "empty end": { end: "" },
    };
    for (const [label, options] of Object.entries(cases)) {
        await t.throws(`list with ${label}`, () => keysOf(storage.list(options)));
    }
}

async function listEdges(t, { storage }) {
    await fill(storage, "1", "2", "a", "null", "undefined");
    const cases = {
        "start and startAfter": { start: "a", startAfter: "a" },
        "start undefined and startAfter": { start: undefined, startAfter: "1" },
        "limit zero": { limit: 0 },
        "limit negative": { limit: -1 },
        "limit of a fraction": { limit: 1.9 },
        "limit of less than one": { limit: 0.5 },
        "limit of a text": { limit: "2" },
        "limit of a text that is no number": { limit: "x" },
        "limit NaN": { limit: NaN },
        "limit Infinity": { limit: Infinity },
        "limit 2 ** 31": { limit: 2 ** 31 },
        "limit 2 ** 32 + 1": { limit: 2 ** 32 + 1 },
        "limit true": { limit: true },
        "limit of a bigint": { limit: 2n },
        "limit of an object": { limit: {} },
        "start of a number": { start: 2 },
        "start of an object": { start: {} },
        "start of a symbol": { start: Symbol("x") },
        "prefix of a number": { prefix: 1 },
        "prefix undefined": { prefix: undefined },
        "prefix null": { prefix: null },
        "reverse of a number": { reverse: 1 },
        "reverse of a text": { reverse: "false" },
        "reverse of an empty text": { reverse: "" },
    };
    for (const [label, options] of Object.entries(cases)) {
        await t.throws(`edge, ${label}`, () => keysOf(storage.list(options)));
    }
    for (const [label, options] of Object.entries({
        undefined,
        null: null,
        number: 5,
        text: "a",
        true: true,
        list: [],
        function: () => 1,
    })) {
        await t.throws(`list of the options ${label}`, () => keysOf(storage.list(options)));
    }
    t.show(
        "order in which options are read",
        await (async () => {
            const order = [];
            await storage.list(new Proxy({}, { get: (_, name) => void order.push(String(name)) }));
            return order;
        })(),
    );
    await t.throws("a getter of an option throws", () =>
        storage.list({
            get start() {
                throw new RangeError("mine");
            },
        }),
    );
    t.show("inherited options", await keysOf(storage.list(Object.create({ limit: 1 }))));
}

async function options(t, { storage }) {
    const all = { allowConcurrency: true, allowUnconfirmed: true, noCache: true };
    t.show("put with options", await storage.put("a", 1, all));
    t.show("get with options", await storage.get("a", all));
    t.show("get of several with options", await storage.get(["a"], all));
    t.show("list with options", await storage.list(all));
    t.show("delete with options", await storage.delete("a", all));
    t.show("delete of several with options", await storage.delete(["a"], all));
    t.show("deleteAll with options", await storage.deleteAll(all));
    await t.throws("get with null", () => storage.get("a", null));
    await t.throws("get with a number", () => storage.get("a", 5));
    await t.throws("put with a number", () => storage.put("a", 1, 5));
    await t.throws("delete with a text", () => storage.delete("a", "x"));
    await t.throws("options of other types", () =>
        storage.put("a", 1, { allowConcurrency: "x", allowUnconfirmed: 0, noCache: null }),
    );
    t.show("put with a function as options", await storage.put("a", 1, () => 1));
    for (const [name, run] of Object.entries({
        get: (o) => storage.get("a", o),
        put: (o) => storage.put("a", 1, o),
        delete: (o) => storage.delete("a", o),
        deleteAll: (o) => storage.deleteAll(o),
    })) {
        const order = [];
        await run(new Proxy({}, { get: (_, key) => void order.push(String(key)) }));
        t.show(`options that ${name} reads`, order);
    }
}

async function wrongArguments(t, { storage }) {
    await t.throws("get without arguments", () => storage.get());
    await t.throws("put without arguments", () => storage.put());
    await t.throws("delete without arguments", () => storage.delete());
    for (const [label, value] of Object.entries({
        undefined,
        null: null,
        number: 5,
        true: true,
        object: {},
        set: new Set(["a"]),
        bigint: 5n,
        symbol: Symbol("x"),
        "list of numbers": [1, 2],
        "list with undefined": [undefined],
        "list of lists": [["a"]],
        "list with a symbol": [Symbol("x")],
        date: new Date(0),
        "text as an object": new String("a"),
        function: () => 1,
    })) {
        await t.throws(`get of the value ${label}`, () => storage.get(value));
        await t.throws(`delete of the value ${label}`, () => storage.delete(value));
        if (label !== "object" && label !== "set" && label !== "date" && label !== "function") {
            await t.throws(`put to the value ${label}`, () => storage.put(value, 1));
        }
    }
    await t.throws("put to an object, with a value", () => storage.put({}, "x"));
    await t.throws("put to a function", () => storage.put(() => 1, 1));
    t.show("what was put to odd keys", await storage.list());
    t.show(
        "errors come by the promise",
        (() => {
            try {
                const promise = storage.get();
                promise.catch(() => {});
                return promise.constructor.name;
            } catch (error) {
                return ["thrown", error.message];
            }
        })(),
    );
    t.show(
        "errors of values come by the promise",
        (() => {
            try {
                const promise = storage.put("a", () => 1);
                promise.catch(() => {});
                return promise.constructor.name;
            } catch (error) {
                return ["thrown", error.message];
            }
        })(),
    );
}

async function keys(t, { storage }) {
    const odd = {
        empty: "",
        NUL: "a\0b",
        space: " ",
        newline: "a\nb",
        slash: "a/b",
        percent: "%_",
        quote: "'\"",
        accent: "é",
        emoji: "😀",
        "lone surrogate": "\ud800",
        "other lone surrogate": "\udfff",
        "2,048 bytes": "k".repeat(2048),
        "2,049 bytes": "k".repeat(2049),
        "100,000 bytes": "k".repeat(100_000),
        ["__proto__"]: "__proto__",
        _cf_KV: "_cf_KV",
    };
    for (const [label, key] of Object.entries(odd)) {
        await t.throws(`key ${label}`, async () => [
            await storage.put(key, label),
            await storage.get(key),
            await storage.delete(key),
        ]);
    }
    await t.throws("a key with a lone surrogate comes back", async () => {
        await storage.put("\ud800", 1);
        return [
            await keysOf(storage.list()),
            await storage.get("\ufffd"),
            await storage.get(["\ud800"]),
            await storage.delete("\ud800"),
        ];
    });
    await t.throws("the key __proto__ of several", async () => {
        await storage.put(JSON.parse('{"__proto__": 1, "b": 2}'));
        return keysOf(storage.list());
    });
}

async function order(t, { storage }) {
    await fill(storage, "b", "B", "a", "é", "", "😀", "ﬀ", "\uffff", "Z", "_", "10", "2", "aa", "a\0", "a b", "ab");
    t.show("order of keys", await keysOf(storage.list()));
    t.show("order of keys in reverse", await keysOf(storage.list({ reverse: true })));
    t.show("order of a get of several", await keysOf(storage.get(["b", "", "a", "😀", "\uffff", "2", "10"])));
    t.show("start with a letter of two bytes", await keysOf(storage.list({ start: "é" })));
    t.show("prefix of the highest letter", await keysOf(storage.list({ prefix: "\uffff" })));
    await storage.put("\u{10ffff}", 1);
    await storage.put("\u{10ffff}\u{10ffff}", 1);
    t.show("prefix of the highest of all", (await storage.list({ prefix: "\u{10ffff}" })).size);
    t.show("prefix of a NUL", await keysOf(storage.list({ prefix: "a\0" })));
}

async function coercedKeys(t, { storage }) {
    await t.throws("keys that are no texts", async () => {
        await storage.put(5, "five");
        await storage.put(true, "true");
        await storage.put(-0, "zero");
        await storage.put(1e21, "much");
        return storage.list();
    });
    await t.throws("get of them", async () => [
        await storage.get(5),
        await storage.get("true"),
        await storage.get([5, true]),
    ]);
    await t.throws("delete of them", async () => [await storage.delete(5), await storage.delete([true])]);
    await t.throws("a key with toString", () => storage.put({ toString: () => "shown" }, 1));
    await t.throws("keys with toString in a list", () => storage.get([{ toString: () => "0" }]));
}

async function values(t, { storage }) {
    const cyclic = { name: "c" };
    cyclic.self = cyclic;
    const shared = { x: 1 };
    const kinds = {
        true: true,
        zero: 0,
        "minus zero": -0,
        NaN: NaN,
        Infinity: Infinity,
        fraction: 1.5,
        "2 ** 53": 2 ** 53,
        bigint: 2n ** 70n,
        text: "é☃😀\0",
        "lone surrogate": "\ud800",
        date: new Date(5),
        "date that is none": new Date(NaN),
        map: new Map([
            ["a", { b: 1 }],
            [1, 2],
        ]),
        set: new Set([1, "a"]),
        regexp: /a\/b/gi,
        array: [1, , 3, undefined],
        object: { a: undefined, b: { c: [null] } },
        error: new TypeError("bad"),
        "error with a cause": new Error("outer", { cause: "inner" }),
        "boxed number": new Number(5),
        "boxed text": new String("x"),
        buffer: new Uint8Array([1, 2]).buffer,
        bytes: new Uint8Array([1, 2]),
        floats: new Float64Array([1.5]),
        bigints: new BigInt64Array([-1n]),
        view: new DataView(new ArrayBuffer(2)),
        "part of a buffer": new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
        "null prototype": Object.assign(Object.create(null), { a: 1 }),
        "object of a class": new (class Point {
            x = 1;
            get y() {
                return 2;
            }
        })(),
        "subclass of Error": new (class Mine extends RangeError {
            extra = 1;
        })("mine"),
        holes: new Array(3),
        cyclic,
        "the same twice": [shared, shared],
        "URL parts": { ...new URL("http://example.com") },
        "empty text": "",
        "empty object": {},
        "empty array": [],
    };
    for (const [label, value] of Object.entries(kinds)) {
        await t.throws(`value ${label}`, async () => {
            await storage.put("v", value);
            return storage.get("v");
        });
    }
    const back = await (storage.put("v", cyclic), storage.get("v"));
    t.show("a cycle comes back as one", back?.self === back);
    await storage.put("v", [shared, shared]);
    const [one, two] = await storage.get("v");
    t.show("identity within a value", one === two);
    await storage.put("v", new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
    const part = await storage.get("v");
    t.show("the buffer of a part", [part.byteOffset, part.buffer.byteLength]);
    await storage.put(
        "v",
        new (class Mine extends RangeError {
            extra = 1;
        })("mine"),
    );
    const error = await storage.get("v");
    t.show("an error that comes back", [
        error.constructor.name,
        error.name,
        error.message,
        Object.keys(error),
        error.extra,
        typeof error.stack,
    ]);
}

async function refusedValues(t, { storage }) {
    const refused = {
        function: () => 1,
        symbol: Symbol("x"),
        promise: Promise.resolve(1),
        "weak map": new WeakMap(),
        proxy: new Proxy({}, {}),
        "function inside": { a: [() => 1] },
        class: class A {},
        generator: (function* () {})(),
        Request: new Request("http://example.com"),
        Response: new Response("x"),
        Headers: new Headers(),
        URL: new URL("http://example.com"),
        Blob: new Blob(["x"]),
        ReadableStream: new ReadableStream(),
        AbortSignal: new AbortController().signal,
        WebSocketPair: new WebSocketPair(),
        DOMException: new DOMException("m", "DataError"),
        storage,
        global: globalThis,
        FormData: new FormData(),
        CryptoKey: await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]),
    };
    await storage.put("r", "before");
    for (const [label, value] of Object.entries(refused)) {
        await t.throws(`put of ${label}`, async () => {
            await storage.put("r", value);
            return storage.get("r");
        });
    }
    await storage.put("r", "before");
    await t.throws("a getter throws", () =>
        storage.put("r", {
            get a() {
                throw new RangeError("mine");
            },
        }),
    );
    await t.throws("a getter throws a text", () =>
        storage.put("r", {
            get a() {
                throw "mine";
            },
        }),
    );
    t.show("the value before stays", await storage.get("r"));
    const caught = await storage.put("r", () => 1).catch((error) => error);
    t.show("the error of a refused value", [
        caught.constructor.name,
        caught.name,
        caught.code,
        caught instanceof Error,
    ]);
    await t.throws("too deep", () => {
        let value = {};
        for (let at = 0; at < 100_000; at += 1) value = { value };
        return storage.put("r", value);
    });
}

async function aliasing(t, { storage }) {
    const value = { n: 1, bytes: new Uint8Array([1]) };
    const putting = storage.put("v", value);
    value.n = 2;
    value.bytes[0] = 2;
    await putting;
    t.show("a value is copied at once", await storage.get("v"));
    const [one, two] = [await storage.get("v"), await storage.get("v")];
    t.show("each get is a copy", one === two);
    one.n = 9;
    t.show("a change of a copy is not stored", (await storage.get("v")).n);
    const buffer = new ArrayBuffer(2);
    await storage.put("b", buffer);
    t.show("a buffer is not moved", buffer.detached);
}

async function deletingAll(t, { storage }) {
    t.show("deleteAll of nothing", await storage.deleteAll());
    await fill(storage, "a", "b");
    storage.sql.exec("CREATE TABLE t (a)");
    t.show("deleteAll", await storage.deleteAll());
    t.show("keys after deleteAll", await storage.list());
    t.show("tables after deleteAll", storage.sql.exec("SELECT name FROM sqlite_master").toArray());
    await storage.put("c", 1);
    t.show("put after deleteAll", await storage.list());
    storage.put("d", 1);
    storage.deleteAll();
    storage.put("e", 1);
    t.show("deleteAll between puts", await storage.list());
    const open = storage.sql.exec("SELECT value FROM json_each('[1,2,3]')");
    open.next();
    await t.throws("deleteAll while a cursor is open", () => storage.deleteAll());
    await t.throws("the cursor after deleteAll", () => open.toArray());
    storage.sql.exec("CREATE TABLE u (a); INSERT INTO u VALUES (1), (2), (3)");
    const table = storage.sql.exec("SELECT a FROM u");
    table.next();
    await t.throws("deleteAll while a cursor of a table is open", () => storage.deleteAll());
    await t.throws("the cursor of a table after deleteAll", () => table.toArray());
    await t.throws("deleteAll with a number", () => storage.deleteAll(5));
}

async function promises(t, { storage }) {
    for (const [name, run] of Object.entries({
        get: () => storage.get("a"),
        put: () => storage.put("a", 1),
        delete: () => storage.delete("a"),
        list: () => storage.list(),
        deleteAll: () => storage.deleteAll(),
        sync: () => storage.sync(),
        getAlarm: () => storage.getAlarm(),
        deleteAlarm: () => storage.deleteAlarm(),
    })) {
        const result = run();
        t.show(`${name} gives`, [result.constructor.name, await result]);
    }
}

/** What is seen first: a storage promise, or what else was waiting. */
async function turns(t, { storage }) {
    const race = async (label, run) => {
        const order = [];
        const done = run().then(() => order.push("storage"));
        Promise.resolve()
            .then(() => order.push("microtask 1"))
            .then(() => order.push("microtask 2"))
            .then(() => order.push("microtask 3"))
            .then(() => order.push("microtask 4"));
        await done;
        t.show(`order of ${label}`, order);
        await null;
    };
    await race("put", () => storage.put("a", 1));
    await race("put with allowUnconfirmed", () => storage.put("a", 1, { allowUnconfirmed: true }));
    await race("get", () => storage.get("a"));
    await race("get of nothing", () => storage.get("missing"));
    await race("get of several", () => storage.get(["a"]));
    await race("list", () => storage.list());
    await race("delete", () => storage.delete("a"));
    await race("getAlarm", () => storage.getAlarm());
    const order = [];
    await Promise.all([
        storage.put("a", 1).then(() => order.push("put a")),
        storage.get("a").then((value) => order.push(`get a ${value}`)),
        storage.put("a", 2).then(() => order.push("put a again")),
        storage.list().then((all) => order.push(`list ${all.get("a")}`)),
        storage.delete("a").then((was) => order.push(`delete a ${was}`)),
        storage.get("a").then((value) => order.push(`get a ${value}`)),
    ]);
    t.show("order of several operations", order);
    const timed = [];
    const timer = new Promise((resolve) => setTimeout(() => resolve(timed.push("timer")), 0));
    await storage.put("b", 1);
    timed.push("put");
    await timer;
    t.show("put and a timer of zero", timed);
}

async function large(t, { storage }) {
    for (const size of [
        128 * 1024,
        128 * 1024 + 1,
        2 ** 21,
        2 ** 21 + 1,
        2 ** 22,
        2 ** 23,
        8_388_600,
        8_388_642,
        2 ** 24,
    ]) {
        await t.throws(`value of ${size} bytes`, async () => {
            await storage.put("v", new Uint8Array(size));
            return (await storage.get("v")).byteLength;
        });
    }
}

async function shape(t, { storage }) {
    for (const name of [
        "get",
        "put",
        "delete",
        "list",
        "deleteAll",
        "transaction",
        "transactionSync",
        "getAlarm",
        "setAlarm",
        "deleteAlarm",
        "sync",
    ]) {
        t.show(`function ${name}`, [storage[name].name, storage[name].length]);
    }
    await t.throws("get without this", () => (0, storage.get)("a"));
    await t.throws("get with another this", () => storage.get.call({}, "a"));
    await t.throws("put with another this", () => storage.put.call(storage.sql, "a", 1));
}
