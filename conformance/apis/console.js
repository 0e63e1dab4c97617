// console, as far as code can see it: its members, what they return, and what of a value they touch.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    const names = Object.keys(console).sort();
    t.show(
        "members",
        names.filter((name) => name !== "context"),
    );
    t.show("as text", Object.prototype.toString.call(console));
    t.show("own property of the global object", Object.hasOwn(globalThis, "console"));
    t.show(
        "prototype",
        Object.getPrototypeOf(Object.getPrototypeOf(console)) === Object.prototype ||
            Object.getPrototypeOf(console) === Object.prototype,
    );
    returns(t, names);
    await oddValues(t);
    touching(t);
    await labels(t);
    t.show("method without this", (({ log }) => log("detached"))(console));
    const { log } = console;
    console.log = () => "replaced";
    t.show("method can be replaced", console.log());
    console.log = log;
    t.show(
        "names",
        ["log", "group", "timeEnd"].map((name) => [console[name].name, typeof console[name]]),
    );
});

function returns(t, names) {
    for (const name of names.filter((name) => name !== "context" && !name.startsWith("profile"))) {
        t.show(`${name} returns`, console[name]("label"));
    }
    console.groupEnd();
    console.groupEnd();
}

async function oddValues(t) {
    const circle = { list: [] };
    circle.self = circle;
    circle.list.push(circle, [circle]);
    const deep = {};
    for (let at = 0, inner = deep; at < 10_000; at += 1) inner = inner.next = {};
    const revocable = Proxy.revocable({}, {});
    revocable.revoke();
    const sparse = [];
    sparse.length = 2 ** 32 - 1;
    sparse[5] = 1;
    const values = {
        circle,
        deep,
        sparse,
        "a long list": new Array(100_000).fill(1),
        "a long text": "x".repeat(1_000_000),
        "many keys": Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`key${at}`, at])),
        "null prototype": Object.create(null),
        "revoked proxy": revocable.proxy,
        "error without stack": Object.defineProperty(new Error("x"), "stack", { value: undefined }),
        "error with an odd stack": Object.defineProperty(new Error("x"), "stack", { value: 5 }),
        "error with an odd name": Object.assign(new Error("x"), { name: Symbol("x") }),
        "error that is its own cause": (() => {
            const error = new Error("x");
            error.cause = error;
            return error;
        })(),
        "constructor that throws": {
            get constructor() {
                throw new Error("x");
            },
        },
        "tag that throws": {
            get [Symbol.toStringTag]() {
                throw new Error("x");
            },
        },
        "class of null": class extends null {},
        "invalid date": new Date(NaN),
        "detached buffer": (() => {
            const bytes = new Uint8Array(8);
            bytes.buffer.transfer();
            return [bytes, bytes.buffer];
        })(),
        promise: new Promise(() => {}),
        "rejected promise": (() => {
            const promise = Promise.reject(new Error("x"));
            promise.catch(() => {});
            return promise;
        })(),
        symbol: Symbol(),
        bigint: 2n ** 200n,
        "global object": globalThis,
        module: await import("./transcript.js"),
        arguments: (function () {
            return arguments;
        })(1, 2),
        generator: (function* () {})(),
        "weak things": [new WeakMap(), new WeakSet(), new WeakRef({})],
        event: new Event("x"),
        url: new URL("https://example.com/?a=1"),
        "lone surrogates": "\ud800 \udc00",
        "control characters": ["\u0000\u001b[31m\n"],
    };
    for (const [name, value] of Object.entries(values)) {
        await t.throws(`log of ${name}`, () => console.log(value, { value }, [value]));
    }
}

function touching(t) {
    const seen = [];
    console.log({
        get a() {
            seen.push("getter");
            return 1;
        },
        set b(_) {
            seen.push("setter");
        },
    });
    console.log([
        Object.defineProperty([], 0, {
            get() {
                seen.push("item");
                return 1;
            },
            enumerable: true,
        }),
    ]);
    t.show("getters are not called", seen.splice(0));
    const handler = {};
    for (const name of ["get", "has", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf"]) {
        handler[name] = (...args) => {
            seen.push(name);
            return Reflect[name](...args);
        };
    }
    console.log(new Proxy({ a: 1 }, handler), { inside: new Proxy([], handler) });
    t.show("traps of a proxy", [...new Set(seen.splice(0))].length);
    console.log({
        toString() {
            seen.push("toString");
            return "x";
        },
        valueOf() {
            seen.push("valueOf");
        },
        toJSON() {
            seen.push("toJSON");
        },
    });
    t.show("methods of a value", seen.splice(0));
    console.log("%s", {
        toString() {
            seen.push("toString");
            return "x";
        },
    });
    t.show("text of a value", [...new Set(seen.splice(0))]);
    console.log("%j", {
        toJSON() {
            seen.push("toJSON");
            return "x";
        },
    });
    t.show("JSON of a value", seen.splice(0));
    console.log(
        new (class {
            get attribute() {
                seen.push("attribute");
                return 1;
            }
        })(),
    );
    t.show("getters of a class", seen.splice(0));
    console.log({
        [Symbol.for("nodejs.util.inspect.custom")]() {
            seen.push("custom");
            return "shown";
        },
    });
    t.show("custom text of a value", seen.splice(0));
    const promise = Promise.reject(1);
    console.log(promise);
    promise.catch(() => {});
    const iterator = [1, 2, 3].values();
    console.log(iterator);
    t.show("iterators are not moved", iterator.next().value);
    const map = new Map([
        [
            1,
            {
                get x() {
                    seen.push("in a map");
                },
            },
        ],
    ]);
    console.log(map, new Set([map]));
    t.show("getters in a map", seen.splice(0));
    console.assert(true, {
        get x() {
            seen.push("asserted");
        },
    });
    t.show("assertion that holds", seen.splice(0));
    const frozen = Object.freeze([Object.freeze({ a: 1 })]);
    console.table(frozen);
    t.show("table leaves its rows", frozen);
}

async function labels(t) {
    for (const name of ["count", "countReset", "time", "timeLog", "timeEnd"]) {
        await t.throws(`${name} without label`, () => console[name]());
        await t.throws(`${name} with an object`, () => console[name]({}));
    }
    await t.throws("assert of nothing", () => console.assert());
    await t.throws("dir with options", () => console.dir({ a: { b: {} } }, { depth: 0 }));
    await t.throws("dir with null", () => console.dir({}, null));
    await t.throws("table of nothing", () => console.table());
    await t.throws("table of rows", () => console.table([[1, 2], { a: 1 }, 5, null, new Map([[1, 2]])]));
    await t.throws("table with columns", () => console.table([{ a: 1, b: 2 }], ["b"]));
    await t.throws("more ends than groups", () => {
        for (let at = 0; at < 5; at += 1) console.groupEnd();
    });
    await t.throws("trace", () => console.trace("here", { a: 1 }));
    await t.throws("formats", () => console.log("%s %d %i %f %j %o %O %c %% %x %", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    await t.throws("formats of symbols", () =>
        console.log("%s %d %i %f %j %o %O", Symbol(), Symbol(), Symbol(), Symbol(), Symbol(), Symbol(), Symbol()),
    );
    await t.throws("formats of bigints", () => console.log("%s %d %i %f %o", 1n, 1n, 1n, 1n, 1n));
    await t.throws("formats without values", () => console.log("%s %d %j"));
}
