// The language itself, as far as user code leans on it beyond its standard library.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    t.show("class fields", new (class { a = 1; #b = 2; get b() { return this.#b; } })().b);
    t.show("optional chaining", [null?.a, undefined?.[0], { a: { b: 1 } }?.a?.b]);
    t.show("nullish", [null ?? 1, 0 ?? 1, undefined ?? 2]);
    t.show("array methods", [[3, 1, 2].toSorted(), [1, 2, 3].at(-1), [1, [2, [3]]].flat(Infinity), [1, 2].with(0, 9)]);
    t.show("object", [Object.fromEntries([["a", 1]]), Object.groupBy([1, 2, 3], (n) => (n % 2 ? "odd" : "even"))]);
    t.show("strings", ["a-b-a".replaceAll("a", "c"), "abc".at(-1), "x".padStart(3, "-"), "\ud800".isWellFormed()]);
    t.show("regexp", ["2026-11-24".match(/(?<y>\d+)-(?<m>\d+)/).groups.m, "aBc".replace(/b/i, (m) => `[${m}]`)]);
    t.show("bigint", [2n ** 64n, BigInt.asUintN(8, 257n), typeof 1n]);
    t.show("destructuring", (({ a = 1, ...rest }) => [a, rest])({ b: 2, c: 3 }));
    const seen = [];
    async function* count() { yield 1; yield 2; }
    for await (const n of count()) seen.push(n);
    t.show("async iteration", seen);
    t.show("microtask order", await order());
    t.show("promises", [await Promise.allSettled([1, Promise.reject(new Error("x"))]), await Promise.any([Promise.reject(1), 2])]);
    await t.throws("null property", () => null.x);
    await t.throws("undefined call", () => undefined());
    await t.throws("not defined", () => notDefined);
    await t.throws("not a function", () => { const o = {}; o.f(); });
    await t.throws("const", () => { const c = 1; c = 2; });
    await t.throws("json", () => JSON.parse("{bad"));
    await t.throws("array length", () => new Array(-1));
    await t.throws("cause", () => { throw new Error("a", { cause: 1 }); });
    await t.throws("aggregate", () => Promise.any([Promise.reject(1)]));
    t.show("weak", [new WeakRef({}).deref() !== undefined, typeof FinalizationRegistry]);
    t.show("structured types", [new Uint8Array([1, 2]), new Float64Array([1.5]), new DataView(new ArrayBuffer(1))]);
    t.show("proxy", new Proxy({}, { get: (_, key) => key }).abc);
    t.show("tagged", ((s, ...v) => [s.raw[0], v])`a\n${1}`);
    t.show("eval is refused", evalOutcome());
    t.show("error stack is text", typeof new Error("x").stack);
    t.show("error stack begins with the message", new TypeError("oh no").stack.split("\n")[0]);
});

async function order() {
    const seen = [];
    queueMicrotask(() => seen.push("microtask"));
    Promise.resolve().then(() => seen.push("then"));
    setTimeout(() => seen.push("timeout"), 0);
    seen.push("sync");
    await new Promise((resolve) => setTimeout(resolve, 5));
    return seen;
}

function evalOutcome() {
    try {
        return new Function("return 1")();
    } catch (error) {
        return error.name;
    }
}
