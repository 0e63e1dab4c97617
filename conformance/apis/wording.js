// What the engine says of common mistakes. V8's words are matched where the engine tells enough.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    const o = { a: { b: 5 }, arr: [1] };
    let u;
    const n = null;
    class K {
        #x;
        static get(object) { return object.#x; }
        static set(object) { object.#x = 1; }
    }
    await t.throws("o.f()", () => o.f());
    await t.throws("o.a.b()", () => o.a.b());
    await t.throws("o.a.b.c()", () => o.a.b.c());
    await t.throws("u()", () => u());
    await t.throws("o['f']()", () => o['f']());
    await t.throws("o.arr[0]()", () => o.arr[0]());
    await t.throws("(1)()", () => (1)());
    await t.throws("o.f(1, 2)", () => o.f(1, 2));
    await t.throws("o.a?.f()", () => o.a?.f());
    await t.throws("o.f?.()()", () => o.f?.()());
    await t.throws("u`x`", () => u`x`);
    await t.throws("new u()", () => new u());
    await t.throws("new o.f()", () => new o.f());
    await t.throws("new o.f", () => new o.f);
    await t.throws("[].map(u)", () => [].map(u));
    await t.throws("[1].map(5)", () => [1].map(5));
    await t.throws("multi", () => o
        .a
        .zzz());
    await t.throws("chain", () => o.a.toString().foo());
    await t.throws("await-less", () => o.then());
    await t.throws("const", () => { const c = 1; c = 2; });
    await t.throws("const ++", () => { const c = 1; c++; });
    await t.throws("frozen", () => { const z = Object.freeze({ a: 1 }); z.a = 2; });
    await t.throws("frozen idx", () => { const z = Object.freeze([1]); z[0] = 2; });
    await t.throws("getter only", () => { const z = { get a() { return 1 } }; z.a = 2; });
    await t.throws("add frozen", () => { const z = Object.freeze({}); z.q = 2; });
    await t.throws("read undefined", () => u.x);
    await t.throws("read null", () => n.x);
    await t.throws("read undefined idx", () => u[0]);
    await t.throws("read undefined sym", () => u[Symbol.iterator]);
    await t.throws("read undefined computed", () => { const k = "key"; return u[k]; });
    await t.throws("set undefined", () => { u.x = 1 });
    await t.throws("set null idx", () => { n[0] = 1 });
    await t.throws("call on undefined", () => u.foo());
    await t.throws("destructure undefined", () => { const { a } = u; });
    await t.throws("destructure null", () => { const { a } = n; });
    await t.throws("destructure empty", () => { const { } = n; });
    await t.throws("destructure param", () => { (({ a }) => a)(); });
    await t.throws("destructure arr undefined", () => { const [a] = u; });
    await t.throws("destructure arr obj", () => { const [a] = o; });
    await t.throws("spread undefined", () => [...u]);
    await t.throws("spread obj", () => [...o]);
    await t.throws("spread num call", () => Math.max(...5));
    await t.throws("for of", () => { for (const x of 5) { } });
    await t.throws("for of obj", () => { for (const x of o) { } });
    await t.throws("new Map(5)", () => new Map(5));
    await t.throws("new Map([1])", () => new Map([1]));
    await t.throws("Map()", () => Map());
    await t.throws("K()", () => K());
    await t.throws("tdz", () => { z; let z = 1; });
    await t.throws("undef var", () => nope);
    await t.throws("typeof tdz", () => { typeof z; let z = 1; });
    await t.throws("priv get", () => K.get({}));
    await t.throws("priv set", () => K.set({}));
    await t.throws("sym str", () => `${Symbol("x")}`);
    await t.throws("sym num", () => +Symbol("x"));
    await t.throws("sym concat", () => "" + Symbol("x"));
    await t.throws("big num", () => +1n);
    await t.throws("big mix", () => 1n + 1);
    await t.throws("big json", () => JSON.stringify({ a: 1n }));
    t.show("circ json", firstLine(() => { const a = {}; a.a = a; JSON.stringify(a) }));
    t.show("circ json nested", firstLine(() => { const a = { b: { c: [] } }; a.b.c.push(a); JSON.stringify(a) }));
    await t.throws("BigInt(1.5)", () => BigInt(1.5));
    await t.throws("BigInt('x')", () => BigInt("x"));
    await t.throws("BigInt(undefined)", () => BigInt(undefined));
    await t.throws("div zero", () => 1n / 0n);
    await t.throws("instanceof", () => ({}) instanceof 5);
    await t.throws("instanceof obj", () => ({}) instanceof {});
    await t.throws("in", () => "x" in 5);
    await t.throws("in str", () => "x" in "abc");
    await t.throws("array length", () => new Array(-1));
    await t.throws("set length", () => { [].length = -1 });
    await t.throws("repeat", () => "x".repeat(-1));
    await t.throws("toFixed", () => (1).toFixed(101));
    await t.throws("toPrecision", () => (1).toPrecision(101));
    await t.throws("radix", () => (1).toString(1));
    await t.throws("date iso", () => new Date(NaN).toISOString());
    await t.throws("fromCodePoint", () => String.fromCodePoint(-1));
    await t.throws("normalize", () => "x".normalize("x"));
    await t.throws("regexp", () => new RegExp("("));
    await t.throws("regexp flags", () => new RegExp("a", "zz"));
    await t.throws("json 1", () => JSON.parse(""));
    await t.throws("json 2", () => JSON.parse("{bad"));
    await t.throws("json 3", () => JSON.parse("[1,]"));
    await t.throws("json 4", () => JSON.parse("undefined"));
    await t.throws("json 5", () => JSON.parse("<html>"));
    await t.throws("json 6", () => JSON.parse('{"a":1}x'));
    await t.throws("json 7", () => JSON.parse('{"a'));
    await t.throws("json 8", () => JSON.parse(undefined));
    await t.throws("json 9", () => JSON.parse({}));
    await t.throws("decodeURI", () => decodeURIComponent("%"));
    await t.throws("encodeURI", () => encodeURIComponent("\ud800"));
    await t.throws("stack overflow", () => { const f = () => f() + 1; f() });
    await t.throws("Object.create", () => Object.create(5));
    await t.throws("defineProperty", () => Object.defineProperty(5, "x", {}));
    const frozen = Object.freeze({ a: 1 });
    await t.throws("redefine", () => Object.defineProperty(frozen, "a", { value: 2 }));
    await t.throws("delete", () => { delete Object.freeze({ a: 1 }).a });
    await t.throws("setPrototypeOf", () => { const a = {}; const b = Object.create(a); Object.setPrototypeOf(a, b) });
    await t.throws("reduce", () => [].reduce((a, b) => a));
    await t.throws("super first", () => { class A extends Object { constructor() { this.x = 1 } } new A() });
    await t.throws("super twice", () => { class A extends Object { constructor() { super(); super() } } new A() });
    await t.throws("extends bad", () => { class A extends u { } });
    await t.throws("extends null", () => { class A extends 5 { } });
    await t.throws("Promise()", () => Promise());
    await t.throws("new Promise()", () => new Promise());
    await t.throws("Symbol new", () => new Symbol());
    await t.throws("Object.fromEntries", () => Object.fromEntries(5));
    await t.throws("Object.keys", () => Object.keys(null));
    await t.throws("Object.entries", () => Object.entries(undefined));
    await t.throws("Reflect.ownKeys", () => Reflect.ownKeys(5));
    await t.throws("new WeakMap set", () => new WeakMap().set(5, 1));
    await t.throws("new Proxy", () => new Proxy(5, {}));
    await t.throws("typed length", () => new Uint8Array(-1));
    await t.throws("typed offset", () => new Uint32Array(new ArrayBuffer(8), 1));
    await t.throws("dataview oob", () => new DataView(new ArrayBuffer(1)).getInt16(0));
    await t.throws("buffer neg", () => new ArrayBuffer(-1));
    await t.throws("iterator next", () => { const it = { [Symbol.iterator]: 5 }; for (const x of it) { } });
    const bad = { [Symbol.iterator]() { return 5 } };
    await t.throws("iterator not obj", () => { for (const x of bad) { } });
    await t.throws("generator running", () => { let g; g = (function* () { g.next() })(); g.next() });
    await t.throws("callback", () => [1].forEach());
    await t.throws("sort", () => [1, 2].sort(5));
    await t.throws("replaceAll", () => "a".replaceAll(/a/, ""));
    await t.throws("matchAll", () => "a".matchAll(/a/));
    await t.throws("String.raw", () => String.raw());
    await t.throws("Date.prototype", () => Date.prototype.getTime.call({}));
    await t.throws("Map.prototype", () => Map.prototype.get.call({}));
    await t.throws("toString null", () => String(Object.create(null)));
    await t.throws("prim", () => `${{ toString() { return {} }, valueOf() { return {} } }}`);
    await t.throws("Function.call", () => Function.prototype.call.call(5));
    await t.throws("apply", () => Math.max.apply(null, 5));
    await t.throws("getter call", () => { const z = { get f() { return 5 } }; z.f() });
    await t.throws("async arrow", () => { u.then(() => {}) });
    await t.throws("optional", () => u?.x.y.z ?? n.q);
    await t.throws("assign to fn", () => { o.a.b.c.d = 5 });
    await t.throws("class static", () => K.nope());
    await t.throws("this undefined", () => { (function () { this.x })() });
    await t.throws("fn result", () => o.toString()());
});

/** The first line of what `run` throws. */
function firstLine(run) {
    try {
        return run();
    } catch (error) {
        return `${error.name} ${error.message.split("\n")[0]}`;
    }
}
