// URLSearchParams: how it is made, changed, sorted, iterated and written.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    await making(t);
    decoding(t);
    encoding(t);
    reading(t);
    changing(t);
    sorting(t);
    await iterating(t);
    await errors(t);
    shapes(t);
});

async function making(t) {
    const of = (...args) => [...new URLSearchParams(...args)];
    t.show("of nothing", [of(), of(undefined), of("")]);
    t.show("of text", of("a=1&b=2"));
    t.show("of text with ?", [of("?a=1"), of("??a=1")]);
    t.show("of an object", of({ a: 1, b: "x y", c: null, d: undefined }));
    t.show(
        "of a list",
        of([
            ["a", "1"],
            ["b", 2],
        ]),
    );
    t.show("of a map", of(new Map([["a", "1"]])));
    t.show("of params", of(new URLSearchParams("a=1&a=2")));
    t.show(
        "of a generator",
        of(
            (function* () {
                yield ["a", "1"];
                yield new Set(["b", "2"]);
            })(),
        ),
    );
    t.show("of null", of(null));
    t.show("of a number", of(5));
    t.show("of true", of(true));
    t.show("of a URL", of(new URL("http://x/?a=1")));
    t.show(
        "of an object with a prototype",
        of(Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })),
    );
    t.show(
        "copy is apart",
        (() => {
            const a = new URLSearchParams("a=1");
            const b = new URLSearchParams(a);
            b.append("b", 1);
            return [a.size, b.size];
        })(),
    );
    await t.throws("of a list of three", () => of([["a", "b", "c"]]));
    await t.throws("of a list of one", () => of([["a"]]));
    await t.throws("of a list of text", () => of(["ab"]));
    await t.throws("of a list of numbers", () => of([1]));
    await t.throws("of an empty list", () => of([]));
    await t.throws("of a symbol", () => of(Symbol("x")));
    await t.throws("of a function", () => of(() => {}));
    await t.throws("of an object with a symbol", () => of({ a: Symbol("x") }));
}

function decoding(t) {
    const texts = [
        "a",
        "a=",
        "=a",
        "=",
        "&",
        "a&&b",
        "a=1=2",
        "a+b=c+d",
        "a%20b=%2B",
        "%zz=%",
        "%e4=%C3%A4",
        "a=%00",
        "\ud800=1",
        "ü=ü",
        "a=%F0%9F%98%80",
        "a=%ff%fe",
        "a;b=1",
        "a[]=1&a[]=2",
        "__proto__=1",
    ];
    for (const text of texts) t.show(`decode ${JSON.stringify(text)}`, [...new URLSearchParams(text)]);
    t.show(
        "byte order mark",
        [...new URLSearchParams("a=%EF%BB%BFb&%EF%BB%BFc=1")].map((pair) => pair.map((text) => text.length)),
    );
}

function encoding(t) {
    const texts = [
        "a b",
        "a+b",
        "ü",
        "\u{1f600}",
        "\ud800",
        "~'()*!",
        "-._*",
        '"<>`{}|^[]\\',
        "&=?#/:;@,$%",
        "\u0000\t\n\r",
        "%41",
        "\u007f\u0080",
    ];
    for (const text of texts) t.show(`encode ${JSON.stringify(text)}`, new URLSearchParams([[text, text]]).toString());
    t.show("encode empty", [new URLSearchParams([["", ""]]).toString(), new URLSearchParams([["a", ""]]).toString()]);
    t.show("empty as text", String(new URLSearchParams()));
}

function reading(t) {
    const params = new URLSearchParams("a=1&b=2&a=3&c");
    t.show("get", [params.get("a"), params.get("c"), params.get("x")]);
    t.show("get all", [params.getAll("a"), params.getAll("x")]);
    t.show("has", [params.has("a"), params.has("x")]);
    t.show("has with a value", [
        params.has("a", "3"),
        params.has("a", "2"),
        params.has("a", undefined),
        params.has("a", null),
    ]);
    t.show("size", [params.size, new URLSearchParams().size]);
    t.show("names are coerced", new URLSearchParams("5=x&null=y").get(5));
    t.show("as JSON", JSON.stringify(params));
}

function changing(t) {
    const params = new URLSearchParams("a=1&b=2&a=3");
    t.show("append", [params.append("d", 4), String(params)]);
    t.show("set first and drop others", [params.set("a", "x"), String(params)]);
    t.show("set a new one", [params.set("e", undefined), String(params)]);
    t.show("delete", [params.delete("b"), String(params)]);
    t.show("delete of nothing", [params.delete("zzz"), String(params)]);
    const pairs = new URLSearchParams("a=1&a=2&a=1");
    pairs.delete("a", "1");
    t.show("delete with a value", String(pairs));
    pairs.append("a", "undefined");
    pairs.delete("a", undefined);
    t.show("delete with undefined", String(pairs));
}

function sorting(t) {
    const sorted = (text) => {
        const params = new URLSearchParams(text);
        params.sort();
        return String(params);
    };
    t.show("sort", sorted("c=1&a=2&b=3"));
    t.show("sort is stable", sorted("b=2&a=2&b=1&a=1"));
    t.show("sort by code units", sorted("\u{1f600}=1&\uffff=2&a=3&A=4&%C3%A9=5"));
    t.show("sort prefixes", sorted("ab=1&a=2&=3&abc=4"));
}

async function iterating(t) {
    const params = new URLSearchParams("a=1&b=2");
    t.show("entries", [...params.entries()]);
    t.show("keys", [...params.keys()]);
    t.show("values", [...params.values()]);
    const iterator = params.entries();
    t.show("iterator", [iterator[Symbol.iterator]() === iterator, iterator.next(), typeof iterator.map]);
    t.show("iterator as text", Object.prototype.toString.call(iterator));
    const seen = [];
    const self = {};
    params.forEach(function (value, name, all) {
        seen.push(value, name, all === params, this === self);
    }, self);
    t.show("for each", seen.splice(0));
    const growing = new URLSearchParams("a=1");
    for (const [name] of growing) {
        seen.push(name);
        if (growing.size < 3) growing.append(`n${growing.size}`, "x");
    }
    t.show("grows while it is read", seen.splice(0));
    const shrinking = new URLSearchParams("a=1&b=2&c=3&d=4");
    for (const [name] of shrinking) {
        seen.push(name);
        shrinking.delete(name);
    }
    t.show("shrinks while it is read", seen.splice(0));
    t.show("as an object", Object.fromEntries(params));
    await t.throws("for each without function", () => params.forEach());
    await t.throws("for each that throws", () =>
        params.forEach(() => {
            throw new Error("stop");
        }),
    );
}

async function errors(t) {
    const params = new URLSearchParams();
    for (const name of ["append", "delete", "get", "getAll", "has", "set"]) {
        await t.throws(`${name} without arguments`, () => params[name]());
    }
    await t.throws("append with one argument", () => params.append("a"));
    await t.throws("set with one argument", () => params.set("a"));
    await t.throws("append of a symbol", () => params.append("a", Symbol("x")));
}

function shapes(t) {
    t.show("shape", Object.getOwnPropertyNames(URLSearchParams.prototype).sort());
    t.show("as tag", Object.prototype.toString.call(new URLSearchParams()));
    t.show("own keys", Reflect.ownKeys(new URLSearchParams("a=1")));
}
