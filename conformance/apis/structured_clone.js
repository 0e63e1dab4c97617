// structuredClone: every kind of value, identity, getters, transfers, refusals, and the attachments that use the same.
import { describe, transcript } from "./transcript.js";

export default transcript(async (t) => {
    primitives(t);
    await objects(t);
    collections(t);
    boxes(t);
    identity(t);
    buffers(t);
    await errors(t);
    await domExceptions(t);
    await refusals(t);
    await platformObjects(t);
    await transfers(t);
    await depth(t);
    await attachments(t);
});

const clone = structuredClone;
const names = (object) => Object.getOwnPropertyNames(object).sort();

function primitives(t) {
    t.show("undefined", clone(undefined));
    t.show("null", clone(null));
    t.show("booleans", [clone(true), clone(false)]);
    const numbers = [0, -0, NaN, Infinity, -Infinity, 1.5, -1, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), 2 ** 53, 5e-324];
    t.show(
        "numbers",
        numbers.map((number) => clone(number)),
    );
    t.show(
        "bigints",
        [0n, 1n, -1n, 2n ** 64n - 1n, -(2n ** 64n), 2n ** 70n + 5n, -(2n ** 200n)].map((n) => clone(n)),
    );
    t.show(
        "strings",
        ["", "a", "é", "ÿĀ", "☃", "\u{1f600}", "\0", "a".repeat(300).length].map((text) => clone(text)),
    );
    t.show("lone surrogates", [clone("\ud800x"), clone("x\udc00"), clone("\udc00\ud800"), clone("é\ud800")]);
    t.show("a long string", clone("☃".repeat(100_000)) === "☃".repeat(100_000));
}

async function objects(t) {
    t.show("plain object", clone({ a: 1, b: { c: [1, "x", null] } }));
    t.show("key order", Object.keys(clone({ b: 1, 2: 1, a: 1, 1: 1, "-1": 1, 4294967295: 1 })));
    t.show("odd keys", JSON.stringify(clone({ "": 1, "é☃": 2, "a b": 3, "\ud800": 4, "01": 5 })));
    t.show(
        "non-enumerable and symbol keys",
        clone(Object.defineProperty({ a: 1, [Symbol("s")]: 2 }, "b", { value: 3 })),
    );
    const bare = clone(Object.assign(Object.create(null), { a: 1 }));
    t.show("null prototype", [Object.getPrototypeOf(bare) === Object.prototype, bare]);
    const proto = clone(JSON.parse('{"__proto__": {"x": 1}, "a": 1}'));
    t.show("own __proto__", [Object.keys(proto), Object.getPrototypeOf(proto) === Object.prototype, proto.x]);
    class Point {
        x = 1;
        #y = 2;
        get z() {
            return this.#y;
        }
        get [Symbol.toStringTag]() {
            return "Tag";
        }
    }
    Point.prototype.q = 1;
    const point = clone(new Point());
    t.show("class instance", [Object.getPrototypeOf(point) === Object.prototype, point]);
    const prototypeWithTraps = new Proxy(
        {},
        {
            getPrototypeOf() {
                throw new Error("trap");
            },
        },
    );
    t.show("proxy as prototype", clone(Object.assign(Object.create(prototypeWithTraps), { a: 1 })));
    let calls = 0;
    const withGetter = clone({
        get a() {
            calls += 1;
            return 1;
        },
        set b(value) {},
    });
    t.show("getters", [calls, Object.getOwnPropertyDescriptor(withGetter, "a").value, "b" in withGetter, withGetter.b]);
    const thrown = new RangeError("from the getter");
    const caught = (() => {
        try {
            clone({
                get a() {
                    throw thrown;
                },
            });
        } catch (error) {
            return error;
        }
    })();
    t.show("a getter's error is passed on", caught === thrown);
    await t.throws("a getter throws anything", () =>
        clone({
            get a() {
                throw 5;
            },
        }),
    );
    t.show(
        "getter adds a key",
        clone({
            get a() {
                this.c = 3;
                return 1;
            },
            b: 2,
        }),
    );
    t.show(
        "getter deletes a key",
        clone({
            get a() {
                delete this.b;
                return 1;
            },
            b: 2,
        }),
    );
    t.show(
        "getter hides a key",
        clone({
            get a() {
                Object.defineProperty(this, "b", { enumerable: false });
                return 1;
            },
            b: 2,
        }),
    );
    t.show(
        "getter clones",
        clone({
            get a() {
                return structuredClone({ b: [this.c] });
            },
            c: 2,
        }),
    );
    t.show("frozen", Object.isFrozen(clone(Object.freeze({ a: 1 }))));
    t.show("namespaces of the language", [clone(Math), clone(JSON), clone(Reflect)]);
    t.show("prototypes", [clone(Map.prototype), clone(Date.prototype), clone(Error.prototype), clone(Array.prototype)]);
    t.show("template", clone(((strings) => strings)`a${1}b`));
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`key${at}`, at]));
    t.show(
        "many keys",
        Object.entries(clone(many)).every(([key, value]) => many[key] === value),
    );
}

function collections(t) {
    t.show("array", clone([1, "a", [2], { a: [] }]));
    const holes = clone([1, , 3, undefined]);
    t.show("holes", [holes.length, 1 in holes, 3 in holes, holes]);
    const sparse = [];
    sparse[1_000_000] = 1;
    sparse[5] = 2;
    t.show("sparse", [clone(sparse).length, Object.keys(clone(sparse))]);
    t.show("only length", [clone(new Array(7)).length, Object.keys(clone(new Array(7)))]);
    const extra = Object.assign([1, 2], { name: "x", "-1": 3 });
    t.show("extra properties", [clone(extra).length, Object.entries(clone(extra))]);
    class List extends Array {}
    t.show("subclass of Array", [Array.isArray(clone(List.of(1))), clone(List.of(1)).constructor.name]);
    const growing = [0, 1, 2];
    Object.defineProperty(growing, 0, {
        get() {
            growing.push(9);
            return 5;
        },
        enumerable: true,
    });
    t.show("array that grows", clone(growing));
    const shrinking = [0, 1, 2];
    Object.defineProperty(shrinking, 0, {
        get() {
            shrinking.length = 1;
            return 5;
        },
        enumerable: true,
    });
    t.show("array that shrinks", [clone(shrinking).length, 1 in clone(shrinking)]);
    t.show(
        "map",
        clone(
            new Map([
                [1, "a"],
                ["b", { c: 1 }],
                [NaN, -0],
                [[1], new Map([[1, 2]])],
            ]),
        ),
    );
    t.show("set", clone(new Set([1, "a", NaN, undefined, [1]])));
    t.show("empty", [clone(new Map()), clone(new Set()), clone([]), clone({})]);
    class Table extends Map {
        x = 1;
    }
    t.show("subclass of Map", [clone(new Table([[1, 2]])).constructor.name, Object.keys(clone(new Table()))]);
    const map = new Map();
    map.set(
        {
            get a() {
                map.set("later", 1);
                return 1;
            },
        },
        1,
    ).set("z", 2);
    t.show("map that grows", clone(map));
    const tampered = new Map([[1, 2]]);
    tampered[Symbol.iterator] =
        tampered.forEach =
        tampered.entries =
            () => {
                throw new Error("used");
            };
    t.show("map with other methods", [...Map.prototype.entries.call(clone(tampered))]);
    t.show("order of a map", [
        ...clone(
            new Map([
                ["z", 1],
                ["a", 2],
                [1, 3],
            ]),
        ).keys(),
    ]);
}

function boxes(t) {
    const kinds = [new Number(-0), new String("x☃"), new Boolean(false), new Boolean(true), Object(-5n)];
    t.show(
        "boxed",
        kinds.map((value) => {
            const copy = clone(value);
            return [typeof copy, copy.constructor.name, copy.valueOf()];
        }),
    );
    t.show("properties of boxes", [
        Object.keys(clone(Object.assign(new Number(1), { a: 1 }))),
        Object.keys(clone(Object.assign(new String("abc"), { a: 1 }))),
        Object.keys(clone(Object.assign(new Date(1), { a: 1 }))),
    ]);
    const lying = new Number(1);
    lying.valueOf = () => 2;
    t.show("a box with another valueOf", clone(lying).valueOf());
    t.show(
        "dates",
        [0, -1, NaN, 8.64e15, 1.5].map((time) => clone(new Date(time))),
    );
    class Day extends Date {}
    t.show("subclass of Date", clone(new Day(5)).constructor.name);
    const pattern = Object.assign(/a\/b/giy, { extra: 1 });
    pattern.lastIndex = 3;
    const copy = clone(pattern);
    t.show("regexp", [copy.source, copy.flags, copy.lastIndex, copy.extra, copy instanceof RegExp]);
    t.show("flags", [
        clone(/x/dgimsuy).flags,
        clone(/x/v).flags,
        clone(new RegExp("")).source,
        clone(/☃\ud83d/).source,
    ]);
}

function identity(t) {
    const shared = { a: 1 };
    const twice = clone({ one: shared, two: shared, list: [shared] });
    t.show("the same object twice", [twice.one === twice.two, twice.one === twice.list[0], twice.one === shared]);
    const cycle = { a: 1, list: [] };
    cycle.self = cycle;
    cycle.list.push(cycle, cycle.list);
    const copy = clone(cycle);
    t.show("cycles", [copy.self === copy, copy.list[0] === copy, copy.list[1] === copy.list, copy === cycle]);
    const map = new Map();
    map.set("map", map).set(map, "key");
    const set = new Set();
    set.add(set);
    const [mapCopy, setCopy] = clone([map, set]);
    t.show("cycles of collections", [mapCopy.get("map") === mapCopy, mapCopy.get(mapCopy), setCopy.has(setCopy)]);
    const things = [new String("x"), new Date(1), /x/, Object(1n), new ArrayBuffer(1), new Error("x"), new Map()];
    const pairs = clone(things.map((thing) => [thing, thing]));
    t.show(
        "any object twice",
        pairs.map(([one, two]) => one === two),
    );
    const [first, second] = clone([{}, {}]);
    t.show("equal objects stay two", first !== second);
}

function buffers(t) {
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    t.show("buffer", clone(bytes.buffer));
    t.show("empty buffer", [clone(new ArrayBuffer(0)).byteLength, clone(new Uint8Array(0)).length]);
    t.show("a copy", clone(bytes.buffer) !== bytes.buffer);
    const types = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
    t.show(
        "views of integers",
        types.map((Type) => clone(new Type([1, 2, 255]))),
    );
    t.show("views of floats", [
        clone(new Float16Array([1.5])),
        clone(new Float32Array([1.5, -0])),
        clone(new Float64Array([0.1, NaN])),
    ]);
    t.show("views of bigints", [clone(new BigInt64Array([-1n])), clone(new BigUint64Array([2n ** 64n - 1n]))]);
    const part = clone(bytes.subarray(2, 5));
    t.show("part of a buffer", [part, part.byteOffset, part.buffer.byteLength]);
    const all = clone({
        one: new Uint8Array(bytes.buffer, 4, 4),
        two: new DataView(bytes.buffer, 2),
        whole: bytes.buffer,
    });
    t.show("views of one buffer", [
        all.one.buffer === all.two.buffer,
        all.one.buffer === all.whole,
        all.one.byteOffset,
        all.two.byteOffset,
        all.two.byteLength,
    ]);
    class Bytes extends Uint8Array {}
    t.show("subclass of a view", clone(new Bytes([5])).constructor.name);
    t.show("properties of buffers", Object.keys(clone(Object.assign(new ArrayBuffer(1), { a: 1 }))));
    t.show("properties of views", Object.keys(clone(Object.assign(new Uint8Array(1), { a: 1 }))));
    const resizable = clone(new ArrayBuffer(4, { maxByteLength: 8 }));
    t.show("resizable", [resizable.resizable, resizable.maxByteLength, resizable.byteLength]);
    const tracking = clone(new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }), 1));
    tracking.buffer.resize(8);
    t.show("a view that grows", tracking.length);
    const fixed = clone(new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 }), 0, 2));
    fixed.buffer.resize(8);
    t.show("a view that does not grow", fixed.length);
    const memory = new SharedArrayBuffer(2);
    const sharing = clone([memory, new Uint8Array(memory)]);
    new Uint8Array(memory)[0] = 7;
    t.show("shared memory stays shared", [
        sharing[0].constructor.name,
        sharing[1][0],
        sharing[1].buffer === sharing[0],
    ]);
}

async function errors(t) {
    const kinds = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
    t.show(
        "errors",
        kinds.map((Kind) => clone(new Kind("m"))),
    );
    const error = Object.assign(new TypeError("m", { cause: { a: 1 } }), { code: "E", info: [1] });
    const copy = clone(error);
    t.show("own properties", [names(copy), copy.cause, copy.code, copy.info]);
    t.show("the stack", [copy.stack === error.stack, copy instanceof TypeError, copy === error]);
    const described = Object.getOwnPropertyDescriptors(copy);
    t.show(
        "enumerability",
        names(copy).map((name) => [name, described[name].enumerable, described[name].writable]),
    );
    const aggregate = clone(new AggregateError([1, new Error("x")], "m"));
    t.show("aggregate", [aggregate, aggregate.errors, names(aggregate)]);
    const suppressed = clone(new SuppressedError(1, 2, "m"));
    t.show("suppressed", [suppressed, suppressed.error, suppressed.suppressed, names(suppressed)]);
    class Custom extends RangeError {
        field = 1;
    }
    const custom = clone(new Custom("m"));
    t.show("subclass", [custom.constructor.name, custom.name, custom.field, names(custom)]);
    class Named extends Error {
        constructor(message) {
            super(message);
            this.name = "Named";
        }
    }
    const named = clone(new Named("m"));
    t.show("own name", [named.constructor.name, named.name, named.stack.split("\n")[0], names(named)]);
    t.show("the name decides", clone(Object.assign(new Error("m"), { name: "RangeError" })).constructor.name);
    t.show("the name of a DOMException", clone(Object.assign(new Error("m"), { name: "AbortError" })).constructor.name);
    const odd = (values, base = new Error("m")) => clone(Object.assign(base, values));
    t.show("a name that is no string", [
        odd({ name: 5 }).name,
        odd({ name: undefined }).name,
        odd({ name: null }).name,
    ]);
    t.show("no message", [clone(new Error()).message, names(clone(new Error()))]);
    await t.throws("a message that is no string", () => odd({ message: 5 }));
    const getter = Object.defineProperty(new Error(), "message", {
        get() {
            return "got";
        },
    });
    t.show("message by a getter", [clone(getter).message, names(clone(getter))]);
    const hidden = Object.defineProperty(new Error("m"), "hidden", { value: 1 });
    t.show("non-enumerable property", Object.getOwnPropertyDescriptor(clone(hidden), "hidden").enumerable);
    t.show(
        "symbol and index keys",
        Reflect.ownKeys(odd({ [Symbol("s")]: () => 1, 5: 5 }))
            .sort()
            .join(),
    );
    t.show("custom stack", [odd({ stack: "custom" }).stack, odd({ stack: 5 }).stack]);
    await t.throws("a property that cannot be cloned", () => odd({ callback: () => 1 }));
    await t.throws("a cause that cannot be cloned", () => clone(new Error("m", { cause: () => 1 })));
    await t.throws("a property that throws", () =>
        clone(
            Object.defineProperty(new Error("m"), "a", {
                get() {
                    throw new RangeError("a");
                },
            }),
        ),
    );
    const holder = {};
    holder.error = new Error("m", { cause: holder });
    t.show("an error in a cycle", clone(holder).error.cause === clone(holder));
    const around = clone(holder);
    t.show("the cycle is kept", around.error.cause === around);
    const own = new Error("m");
    own.cause = own;
    t.show(
        "its own cause",
        (() => {
            try {
                const c = clone(own);
                return c.cause === c;
            } catch (e) {
                return describe(e);
            }
        })(),
    );
    t.show("no prototype", clone(Object.setPrototypeOf(new Error("m"), null)).message);
    t.show("what inherits from an error", clone(Object.assign(Object.create(new Error("m")), { x: 1 })));
}

async function domExceptions(t) {
    const error = Object.assign(new DOMException("m", "AbortError"), { extra: 1 });
    const copy = clone(error);
    t.show("DOMException", [copy.constructor.name, copy.name, copy.message, copy.code, names(copy)]);
    t.show("its stack", copy.stack === error.stack);
    t.show("as a cause", clone(new Error("x", { cause: error })).cause.name);
    class Special extends DOMException {
        field = 1;
    }
    t.show("subclass of DOMException", [
        clone(new Special("m", "X")).constructor.name,
        clone(new Special("m", "X")).name,
    ]);
    const [one, two] = clone([error, error]);
    t.show("the same DOMException", one === two);
}

async function refusals(t) {
    // prettier-ignore
    const refused = {
        "arrow function": () => 1,
        "function": function named(a) { return a; },
        "class": class A {},
        "method": { method() { return 1; } }.method,
        "async generator function": async function* generate() { yield 1; },
        "getter function": Object.getOwnPropertyDescriptor({ get x() { return 1; } }, "x").get,
        "native function": Math.max,
        "bound function": function named() {}.bind(null),
        "symbol": Symbol("x"),
        "symbol without text": Symbol(),
        "well-known symbol": Symbol.iterator,
        "boxed symbol": Object(Symbol("x")),
        "promise": Promise.resolve(1),
        "subclass of promise": new (class Later extends Promise {})(() => {}),
        "weak map": new WeakMap(),
        "weak set": new WeakSet(),
        "weak ref": new WeakRef({}),
        "finalization registry": new FinalizationRegistry(() => {}),
        "proxy": new Proxy({ a: 1 }, {}),
        "proxy of an array": new Proxy([1], {}),
        "proxy of a function": new Proxy(() => 1, {}),
        "revoked proxy": (({ proxy, revoke }) => (revoke(), proxy))(Proxy.revocable({}, {})),
        "generator": (function* () {})(),
        "async generator": (async function* () {})(),
        "array iterator": [1].values(),
        "map iterator": new Map().entries(),
        "set iterator": new Set().values(),
        "regexp string iterator": "a".matchAll(/a/g),
        "iterator helper": [1].values().map((x) => x),
        "arguments": (function () { return arguments; })(1, 2),
        "global object": globalThis,
        "disposable stack": new DisposableStack(),
        "module": await import("./transcript.js"),
        "with another toString": Object.assign(new WeakMap(), { toString() { return "never called"; } }),
        "with another constructor": Object.assign(new WeakMap(), { constructor: function Zed() {} }),
        "with no constructor": Object.assign(new WeakMap(), { constructor: 5 }),
        "without prototype": Object.setPrototypeOf(new WeakMap(), null),
        "view out of bounds": outOfBounds(),
        "detached buffer": detached(),
        "view of a detached buffer": detachedView(),
    };
    for (const [label, value] of Object.entries(refused)) {
        await t.throws(`refuses ${label}`, () => clone(value));
    }
    await t.throws("refuses what is inside", () => clone({ a: [new Map([["b", { c: () => 1 }]])] }));
    await t.throws("refuses a key", () => clone(new Map([[Symbol("key"), 1]])));
    // prettier-ignore
    const overLines = (a,
        b) => a + b;
    await t.throws("several lines", () => clone(overLines));
    const error = (() => {
        try {
            clone(() => 1);
        } catch (e) {
            return e;
        }
    })();
    t.show("the error", [error.constructor.name, error.name, error.code, error instanceof Error]);
}

function detached() {
    const buffer = new ArrayBuffer(4);
    buffer.transfer();
    return buffer;
}

function detachedView() {
    const view = new Uint8Array(4);
    view.buffer.transfer();
    return view;
}

function outOfBounds() {
    const buffer = new ArrayBuffer(4, { maxByteLength: 8 });
    const view = new Uint8Array(buffer, 2, 2);
    buffer.resize(1);
    return view;
}

async function platformObjects(t) {
    const refused = {
        WebSocketPair: () => new WebSocketPair(),
        WebSocket: () => new WebSocketPair()[0],
        Event: () => new Event("x"),
        EventTarget: () => new EventTarget(),
        subclass: () => new (class Mine extends EventTarget {})(),
        "nameless subclass": () => new (class extends EventTarget {})(),
        "another constructor": () => Object.assign(new EventTarget(), { constructor: class Other {} }),
        MessageChannel: () => new MessageChannel(),
        MessagePort: () => new MessageChannel().port1,
    };
    for (const [label, make] of Object.entries(refused)) {
        await t.throws(`platform object ${label}`, () => clone(make()));
    }
    await t.throws("platform object inside", () => clone({ list: [new EventTarget()] }));
}

async function transfers(t) {
    const buffer = new Uint8Array([1, 2]).buffer;
    const moved = clone({ buffer, again: buffer }, { transfer: [buffer] });
    t.show("transfer", [buffer.detached, buffer.byteLength, moved.buffer, moved.buffer === moved.again]);
    const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    const seen = clone({ view }, { transfer: [view.buffer] });
    t.show("a view of what is transferred", [
        view.length,
        seen.view,
        seen.view.byteOffset,
        seen.view.buffer.byteLength,
    ]);
    const other = new ArrayBuffer(1);
    t.show("what the value does not hold", [clone(1, { transfer: [other] }), other.detached]);
    const twice = new ArrayBuffer(1);
    t.show("named twice", [clone(twice, { transfer: [twice, twice] }), twice.detached]);
    const byView = new Uint8Array([5]);
    t.show("named by a view", [clone(byView, { transfer: [byView] }), byView.buffer.detached]);
    const byDataView = new DataView(new ArrayBuffer(2));
    t.show("named by a DataView", [clone(byDataView, { transfer: [byDataView] }), byDataView.buffer.detached]);
    const resizable = new ArrayBuffer(1, { maxByteLength: 8 });
    const resized = clone(resizable, { transfer: [resizable] });
    t.show("a resizable one", [resizable.detached, resized.resizable, resized.maxByteLength]);
    t.show("detached before", clone(1, { transfer: [detached()] }));
    const kept = new ArrayBuffer(1);
    await t.throws("a value that cannot be cloned", () => clone([kept, () => 1], { transfer: [kept] }));
    t.show("then nothing is moved", kept.detached);
    const log = [];
    const late = new ArrayBuffer(1);
    clone(
        {
            get x() {
                log.push(`value ${late.detached}`);
                return 1;
            },
        },
        {
            get transfer() {
                log.push("list");
                return [late];
            },
        },
    );
    t.show("order", [log, late.detached]);
    for (const [label, item] of [
        ["object", {}],
        ["number", 5],
        ["null", null],
        ["shared", new SharedArrayBuffer(1)],
    ]) {
        await t.throws(`not transferable, ${label}`, () => clone(1, { transfer: [item] }));
    }
    await t.throws("not transferable, port", () => {
        const { port1 } = new MessageChannel();
        clone(port1, { transfer: [port1] });
    });
    await t.throws("not transferable, hole", () => clone(1, { transfer: [,] }));
    await t.throws("no argument", () => clone());
    t.show("options that say nothing", [
        clone(1, undefined),
        clone(1, null),
        clone(1, {}),
        clone(1, () => 1),
        clone(1, { transfer: [] }),
    ]);
    t.show(
        "a list instead of options",
        (() => {
            const b = new ArrayBuffer(1);
            clone(b, [b]);
            return b.detached;
        })(),
    );
    await t.throws("options of a wrong type", () => clone(1, 5));
    for (const [label, transfer] of [
        ["null", null],
        ["number", 5],
        ["string", "ab"],
        ["set", new Set()],
    ]) {
        await t.throws(`a list of a wrong type, ${label}`, () => clone(1, { transfer }));
    }
    t.show("the function", [clone.name, clone.length, typeof clone.call(undefined, 1)]);
}

async function depth(t) {
    const nested = (count) => {
        let value = {};
        for (let at = 0; at < count; at += 1) value = { value };
        return value;
    };
    t.show("deep enough", typeof clone(nested(2000)));
    await t.throws("too deep", () => clone(nested(5000)));
    await t.throws("much too deep", () => clone(nested(100_000)));
    await t.throws("arrays too deep", () => {
        let value = [];
        for (let at = 0; at < 5000; at += 1) value = [value];
        clone(value);
    });
}

async function attachments(t) {
    const socket = new WebSocketPair()[1];
    const back = (value) => {
        socket.serializeAttachment(value);
        return socket.deserializeAttachment();
    };
    t.show("attachment", back({ name: "a", at: new Date(5), tags: new Set(["x"]), bytes: new Uint8Array([1]) }));
    t.show("attachment of nothing", [back(undefined), back(null)]);
    t.show("attachment is a copy each time", socket.deserializeAttachment() === socket.deserializeAttachment());
    await t.throws("attachment of a function", () => back(() => 1));
    await t.throws("attachment with a getter that throws", () =>
        back({
            get a() {
                throw new RangeError("a");
            },
        }),
    );
    await t.throws("attachment without a value", () => socket.serializeAttachment());
    back("kept");
    await t.throws("attachment that is too large", () => back("x".repeat(16384)));
    t.show("the last one is kept", socket.deserializeAttachment());
    t.show("the largest attachment", back("x".repeat(16384 - 6)).length);
    const range = (count) => Array.from({ length: count }, (_, at) => at);
    const large = {
        "Latin-1 text": "é".repeat(20_000),
        "other text": "☃".repeat(20_000),
        integers: range(20_000),
        numbers: range(5000).map((at) => at + 0.5),
        keys: Object.fromEntries(range(5000).map((at) => [`key${at}`, at])),
        "index keys": Object.fromEntries(range(5000).map((at) => [at * 3, at])),
        map: new Map(range(5000).map((at) => [`key${at}`, 1.5])),
        set: new Set(range(10_000)),
        records: range(5000).map((at) => ({ at, text: "x", yes: true, no: false, none: null, nothing: undefined })),
        bytes: new Uint8Array(20_000),
        views: range(3000).map(() => new Uint8Array(2)),
        dates: range(5000).map((at) => new Date(at)),
        "one object often": ((one) => range(10_000).map(() => one))({ a: 1 }),
        bigint: 2n ** 200_000n,
        bigints: range(5000).map((at) => BigInt(at)),
        regexps: range(5000).map(() => /abc/g),
        boxes: range(5000).map((at) => Object(at)),
    };
    for (const [label, value] of Object.entries(large)) {
        await t.throws(`size of ${label}`, () => back(value));
    }
}
