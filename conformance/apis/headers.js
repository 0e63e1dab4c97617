// Headers: construction, combining, iteration, validation, guards.
import { transcript } from "./transcript.js";

const pairs = (headers) => [...headers];

/** The class of what is thrown: engines word these errors themselves. */
const outcome = (run) => {
    try {
        run();
        return "nothing";
    } catch (error) {
        return error.name;
    }
};

export default transcript(async (t, request) => {
    await construction(t);
    reading(t);
    await writing(t);
    await cookies(t);
    await validation(t);
    iteration(t);
    await guards(t, request);
    await shape(t);
});

async function construction(t) {
    t.show("empty", pairs(new Headers()));
    t.show("undefined", pairs(new Headers(undefined)));
    await t.throws("null", () => pairs(new Headers(null)));
    t.show("record", pairs(new Headers({ b: "2", A: "1" })));
    t.show(
        "record of other values",
        pairs(new Headers({ a: 1, b: true, c: null, d: undefined, e: { toString: () => "t" } })),
    );
    t.show(
        "pairs",
        pairs(
            new Headers([
                ["b", "2"],
                ["a", "1"],
                ["b", "3"],
            ]),
        ),
    );
    t.show(
        "map",
        pairs(
            new Headers(
                new Map([
                    ["x", "1"],
                    ["y", 2],
                ]),
            ),
        ),
    );
    t.show("pairs that are sets", pairs(new Headers([new Set(["a", "b"])])));
    t.show(
        "generator",
        pairs(
            new Headers(
                (function* () {
                    yield ["g", "1"];
                })(),
            ),
        ),
    );
    t.show("headers", pairs(new Headers(new Headers({ a: "1" }))));
    const source = new Headers({ a: "1" });
    const copy = new Headers(source);
    copy.set("a", "2");
    t.show("a copy is independent", [source.get("a"), copy.get("a")]);
    t.show("record with a repeated name in another case", pairs(new Headers({ a: "1", A: "2" })));
    t.show(
        "record has only own enumerable names",
        pairs(new Headers(Object.create({ a: "1" }, { b: { value: "2" } }))),
    );
    t.show("array is empty", pairs(new Headers([])));
    t.show("url search params", pairs(new Headers(new URLSearchParams("a=1&b=2"))));
    await t.throws("pair of one", () => new Headers([["a"]]));
    await t.throws("pair of three", () => new Headers([["a", "b", "c"]]));
    await t.throws("pair of none", () => new Headers([[]]));
    await t.throws("list of texts", () => new Headers(["ab"]));
    await t.throws("list of numbers", () => new Headers([1]));
    await t.throws("number", () => new Headers(1));
    await t.throws("text", () => new Headers("a: b"));
    await t.throws("boolean", () => new Headers(true));
    await t.throws("function", () => pairs(new Headers(() => {})));
    await t.throws("symbol as a value", () => new Headers({ a: Symbol("s") }));
    await t.throws("symbol as a key", () => pairs(new Headers({ [Symbol("s")]: "1", a: "2" })));
    t.show(
        "without new",
        outcome(() => Headers()),
    );
    await t.throws("object without a prototype", () =>
        pairs(new Headers(Object.assign(Object.create(null), { a: "1" }))),
    );
    await t.throws(
        "a getter that throws",
        () =>
            new Headers({
                get a() {
                    throw new RangeError("mine");
                },
            }),
    );
    await t.throws(
        "a value that throws",
        () =>
            new Headers({
                a: {
                    toString() {
                        throw new RangeError("mine");
                    },
                },
            }),
    );
    await t.throws("form data", () => pairs(new Headers(new FormData())));
    await t.throws("request", () => pairs(new Headers(new Request("http://a/"))));
}

function reading(t) {
    const headers = new Headers([
        ["Content-Type", "text/plain"],
        ["accept", "a"],
        ["Accept", "b"],
        ["empty", ""],
    ]);
    t.show("get is blind to case", [
        headers.get("content-type"),
        headers.get("CONTENT-TYPE"),
        headers.get("Content-Type"),
    ]);
    t.show("get of what is not there", headers.get("nothing"));
    t.show("get combines", headers.get("accept"));
    t.show("get of nothing in it", headers.get("empty"));
    t.show("has", [headers.has("accept"), headers.has("ACCEPT"), headers.has("nope"), headers.has("empty")]);
    t.show("get converts its argument", [headers.get({ toString: () => "accept" }), headers.get(1), headers.get(null)]);
    t.show("names of the prototype are not there", [
        headers.get("constructor"),
        headers.get("__proto__"),
        headers.has("toString"),
    ]);
    const odd = new Headers();
    odd.set("__proto__", "1");
    odd.set("constructor", "2");
    t.show("names of the prototype can be set", pairs(odd));
}

async function writing(t) {
    const headers = new Headers();
    t.show("append returns", headers.append("a", "1"));
    headers.append("A", "2");
    t.show("append adds", headers.get("a"));
    t.show("set returns", headers.set("a", "3"));
    t.show("set replaces all", headers.get("a"));
    headers.set("B", "x");
    t.show("names are in lower case", pairs(headers));
    t.show("delete returns", headers.delete("A"));
    t.show("delete", pairs(headers));
    t.show("delete of what is not there", headers.delete("zzz"));
    headers.set("trim", " \t v w \r\n");
    t.show("values are trimmed", headers.get("trim"));
    headers.set("n", 12.5);
    headers.set("u", undefined);
    headers.set("nil", null);
    headers.set("o", {});
    headers.set("l", [1, 2]);
    t.show(
        "values are texts",
        ["n", "u", "nil", "o", "l"].map((name) => headers.get(name)),
    );
    headers.set("utf", "grün 😀");
    t.show("text beyond ASCII", headers.get("utf"));
    headers.set("latin", "\xe9");
    t.show("latin text", headers.get("latin"));
    headers.set("lone", "a\ud800b");
    t.show("lone surrogate", headers.get("lone"));
    headers.append("empties", "");
    headers.append("empties", "");
    t.show("empty values are combined", headers.get("empties"));
    await t.throws("append without arguments", () => headers.append());
    await t.throws("append with one", () => headers.append("a"));
    await t.throws("set without arguments", () => headers.set());
    await t.throws("set with one", () => headers.set("a"));
    await t.throws("get without", () => headers.get());
    await t.throws("has without", () => headers.has());
    await t.throws("delete without", () => headers.delete());
    await t.throws("getAll without", () => headers.getAll());
    await t.throws("symbol", () => headers.set("a", Symbol("x")));
    await t.throws("symbol as name", () => headers.get(Symbol("x")));
}

async function cookies(t) {
    const headers = new Headers([
        ["set-cookie", "a=1"],
        ["x", "y"],
        ["Set-Cookie", "b=2, c"],
    ]);
    t.show("cookies are apart", pairs(headers));
    t.show("keys of cookies", [...headers.keys()]);
    t.show("values of cookies", [...headers.values()]);
    t.show("get of cookies", headers.get("set-cookie"));
    t.show("getSetCookie", headers.getSetCookie());
    t.show("getSetCookie of none", new Headers().getSetCookie());
    t.show("getAll", headers.getAll("Set-Cookie"));
    await t.throws("getAll of another", () => headers.getAll("x"));
    headers.append("set-cookie", "d=3");
    t.show("append of a cookie", headers.getSetCookie());
    const copy = new Headers(headers);
    t.show("a copy keeps cookies apart", copy.getSetCookie());
    t.show("a copy by entries", new Headers([...headers]).getSetCookie());
    headers.set("Set-Cookie", "only=1");
    t.show("set of a cookie", headers.getSetCookie());
    headers.delete("set-cookie");
    t.show("delete of cookies", [headers.getSetCookie(), headers.has("set-cookie")]);
    const list = copy.getSetCookie();
    list.push("x");
    t.show("the list is a copy", copy.getSetCookie().length);
}

async function validation(t) {
    const headers = new Headers();
    for (const name of ["", " ", "a b", "a:b", "ä", "a\n", "a\0", "(", "a/b", "a,b", "[a]", "\u{1F600}"]) {
        await t.throws(`name ${JSON.stringify(name)} set`, () => headers.set(name, "x"));
    }
    for (const name of ["", "a b", "ä"]) {
        await t.throws(`name ${JSON.stringify(name)} get`, () => headers.get(name));
        await t.throws(`name ${JSON.stringify(name)} has`, () => headers.has(name));
        await t.throws(`name ${JSON.stringify(name)} delete`, () => headers.delete(name));
        await t.throws(`name ${JSON.stringify(name)} append`, () => headers.append(name, "x"));
    }
    await t.throws("name in a record", () => new Headers({ "a b": "1" }));
    await t.throws("name of marks", () => {
        headers.set("!#$%&'*+-.^_`|~9", "x");
        return headers.get("!#$%&'*+-.^_`|~9");
    });
    for (const value of ["a\nb", "a\rb", "a\0b", "a\r\nb: c", "a\x01b", "a\x7fb", "a\tb", "\n", "\0"]) {
        await t.throws(`value ${JSON.stringify(value)}`, () => {
            headers.set("v", value);
            return headers.get("v");
        });
    }
    await t.throws("value in a record", () => new Headers({ a: "x\ny" }));
    await t.throws("name before value", () => headers.set("a b", "x\ny"));
}

function iteration(t) {
    const headers = new Headers([
        ["b", "2"],
        ["a", "1"],
        ["C", "3"],
        ["a", "4"],
    ]);
    t.show("sorted", pairs(headers));
    t.show("entries", [...headers.entries()]);
    t.show("keys", [...headers.keys()]);
    t.show("values", [...headers.values()]);
    const seen = [];
    const result = headers.forEach((value, name, all) => seen.push([name, value, all === headers]));
    t.show("forEach", [seen, result]);
    const self = { me: 1 };
    headers.forEach(function () {
        seen.push(this === self);
    }, self);
    t.show("forEach with this", seen.slice(-1));
    t.show("iterator is entries", Headers.prototype[Symbol.iterator] === Headers.prototype.entries);
    const iterator = headers.entries();
    t.show("next", [iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    t.show("an iterator is iterable", headers.keys()[Symbol.iterator]().next());
    const during = headers.keys();
    during.next();
    headers.set("z", "1");
    headers.delete("b");
    t.show("changes while iterating are not seen", [...during]);
    t.show("from entries", Object.fromEntries(headers));
    t.show("order of common and other names", [
        ...new Headers({ zz: "1", "content-type": "2", aa: "3", accept: "4", "x-y": "5" }).keys(),
    ]);
    t.show("sort is by code unit", [...new Headers({ "a-b": "1", ab: "2", a_b: "3", a: "4", a1: "5" }).keys()]);
}

async function guards(t, request) {
    await t.throws("incoming set", () => request.headers.set("a", "1"));
    await t.throws("incoming append", () => request.headers.append("a", "1"));
    await t.throws("incoming delete", () => request.headers.delete("a"));
    await t.throws("incoming set of an invalid name", () => request.headers.set("a b", "1"));
    t.show("incoming is readable", [request.headers.get("host"), request.headers.has("HOST")]);
    const copy = new Headers(request.headers);
    copy.set("a", "1");
    t.show("a copy of incoming can be changed", copy.get("a"));
    const remade = new Request(request);
    remade.headers.set("a", "1");
    t.show("a request made of it can be changed", remade.headers.get("a"));
    await t.throws("a clone cannot", () => request.clone().headers.set("a", "1"));
    await t.throws("redirect", () => Response.redirect("http://a/").headers.set("a", "1"));
    await t.throws("error", () => {
        const h = Response.error().headers;
        h.set("a", "1");
        return pairs(h);
    });
    await t.throws("request.headers is the same object", () => request.headers === request.headers);
    t.show(
        "request.headers cannot be replaced",
        outcome(() => (request.headers = new Headers())),
    );
    const forbidden = new Request("http://a/", {
        headers: { host: "x", cookie: "a=b", "content-length": "7", connection: "close" },
    });
    t.show("no name is forbidden", pairs(forbidden.headers));
}

async function shape(t) {
    t.show("tag", Object.prototype.toString.call(new Headers()));
    t.show("name", [Headers.name, Headers.length]);
    t.show("text of headers", String(new Headers()));
    t.show("own keys", Object.keys(new Headers({ a: "1" })));
    t.show("json", JSON.stringify(new Headers({ a: "1" })));
    const names = [
        "append",
        "delete",
        "entries",
        "forEach",
        "get",
        "getAll",
        "getSetCookie",
        "has",
        "keys",
        "set",
        "values",
    ];
    t.show(
        "methods",
        names.map((name) => typeof Headers.prototype[name]),
    );
    t.show("iterator tag", Object.prototype.toString.call(new Headers().entries()));
    t.show("iterator next of the prototype", typeof Object.getPrototypeOf(new Headers().entries()).next);
    class Mine extends Headers {
        get twice() {
            return this.get("a") + this.get("a");
        }
    }
    const mine = new Mine({ a: "1" });
    t.show("subclass", [mine.twice, mine instanceof Headers, pairs(new Headers(mine))]);
    t.show(
        "foreign this",
        outcome(() => Headers.prototype.get.call({}, "a")),
    );
    await t.throws("forEach without a function", () => new Headers({ a: "1" }).forEach());
    await t.throws("forEach that throws", () =>
        new Headers({ a: "1" }).forEach(() => {
            throw new RangeError("mine");
        }),
    );
}
