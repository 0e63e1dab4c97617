// URLPattern: how patterns are written, what they match, and which groups they give.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    making(t);
    await wrongly(t);
    testing(t);
    syntax(t);
    await executing(t);
    bases(t);
    shapes(t);
});

const COMPONENTS = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

/** In one order: an engine may have them in any. */
const groups = (result) => (result ? Object.fromEntries(Object.entries(result.groups).sort()) : null);

const parts = (pattern) => COMPONENTS.map((name) => pattern[name]);

function making(t) {
    t.show("of nothing", parts(new URLPattern()));
    t.show("of an empty object", parts(new URLPattern({})));
    t.show("of a path", parts(new URLPattern({ pathname: "/a/:b" })));
    t.show("of text", parts(new URLPattern("https://example.com/books/:id")));
    t.show("of text with everything", parts(new URLPattern("https://u:p@*.example.com:8080/a/:b?c=:d#:e")));
    t.show("of text with a base", parts(new URLPattern("/books/:id?x=*", "https://example.com:8080/shop/")));
    t.show("of relative text with a base", parts(new URLPattern("books/:id", "https://example.com/shop/now")));
    t.show(
        "of an object with a base",
        parts(new URLPattern({ pathname: "books/:id", baseURL: "https://example.com/shop/now" })),
    );
    t.show(
        "of a path with a base",
        parts(new URLPattern({ pathname: "/books", baseURL: "https://example.com/shop?q#f" })),
    );
    t.show(
        "of everything",
        parts(
            new URLPattern({
                protocol: "http{s}?",
                username: "u",
                password: "p",
                hostname: "h",
                port: "80",
                pathname: "/",
                search: "?q",
                hash: "#f",
            }),
        ),
    );
    t.show("of a default port", parts(new URLPattern({ protocol: "https", port: "443" })));
    t.show("of upper case", parts(new URLPattern({ protocol: "HTTPS", hostname: "EXAMPLE.com", pathname: "/ABC" })));
    t.show(
        "of what is not ASCII",
        parts(new URLPattern({ hostname: "münchen.de", pathname: "/ü/:ü", search: "ü", hash: "ü" })),
    );
    t.show("of dots", parts(new URLPattern({ protocol: "https", pathname: "/a/./b/../c" })));
    t.show("of a host with a port", parts(new URLPattern("https://example.com:*/x")));
    t.show("of IPv6", parts(new URLPattern({ hostname: "[\\:\\:1]" })));
    t.show("of a file", parts(new URLPattern("file:///a/*")));
    t.show("of data", parts(new URLPattern("data\\:text/plain,*")));
    t.show("regular expression groups", [
        new URLPattern({ pathname: "/:a" }).hasRegExpGroups,
        new URLPattern({ pathname: "/:a(\\d+)" }).hasRegExpGroups,
    ]);
}

async function wrongly(t) {
    await t.throws("relative text", () => parts(new URLPattern("/books/:id")));
    await t.throws("invalid base", () => parts(new URLPattern("/x", "nonsense")));
    await t.throws("object with a base as text", () =>
        parts(new URLPattern({ pathname: "/x" }, "https://example.com")),
    );
    await t.throws("unclosed group", () => parts(new URLPattern({ pathname: "/(a" })));
    await t.throws("unclosed brace", () => parts(new URLPattern({ pathname: "/{a" })));
    await t.throws("name twice", () => parts(new URLPattern({ pathname: "/:a/:a" })));
    await t.throws("name without letters", () => parts(new URLPattern({ pathname: "/:" })));
    await t.throws("bad expression", () => parts(new URLPattern({ pathname: "/([)" })));
    await t.throws("expression that captures", () => parts(new URLPattern({ pathname: "/((a)b)" })));
    await t.throws("expression that looks ahead", () =>
        new URLPattern({ pathname: "/(?=a)" }).test({ pathname: "/a" }),
    );
    await t.throws("IPv6 without escapes", () => parts(new URLPattern({ hostname: "[::1]" })));
    await t.throws("bad host", () => parts(new URLPattern({ hostname: "a b" })));
    await t.throws("bad port", () => parts(new URLPattern({ port: "99999" })));
    await t.throws("bad protocol", () => parts(new URLPattern({ protocol: "a b" })));
    await t.throws("a number", () => parts(new URLPattern(5)));
    await t.throws("null", () => parts(new URLPattern(null)));
    await t.throws("a symbol", () => parts(new URLPattern(Symbol("x"))));
    await t.throws("options that are none", () => parts(new URLPattern("https://x/", "https://y/", 5)));
    await t.throws("without new", () => URLPattern({}));
    await t.throws("test of a bad base", () => new URLPattern({}).test("x", "nonsense"));
    await t.throws("test of an object with a base", () => new URLPattern({}).test({ pathname: "/" }, "https://x"));
    await t.throws("exec of an object with a base", () => new URLPattern({}).exec({ pathname: "/" }, "https://x"));
}

function testing(t) {
    const pattern = new URLPattern({ pathname: "/books/:id" });
    const inputs = [
        "https://example.com/books/1",
        "https://example.com/books/1/2",
        "https://example.com/books/",
        "http://other:81/books/x?q#f",
        "nonsense",
        "",
    ];
    for (const input of inputs) t.show(`test ${JSON.stringify(input)}`, pattern.test(input));
    t.show("test of a URL", pattern.test(new URL("https://example.com/books/1")));
    t.show("test of an object", [
        pattern.test({ pathname: "/books/1" }),
        pattern.test({ pathname: "/x" }),
        pattern.test({}),
    ]);
    t.show("test of nothing", [pattern.test(), new URLPattern().test(), new URLPattern().test({})]);
    t.show("test with a base", [
        pattern.test("/books/1", "https://example.com"),
        pattern.test("1", "https://example.com/books/"),
    ]);
    t.show("test of an object with baseURL", pattern.test({ pathname: "1", baseURL: "https://example.com/books/" }));
    t.show("case", [
        pattern.test({ pathname: "/BOOKS/1" }),
        new URLPattern({ pathname: "/books" }, { ignoreCase: true }).test({ pathname: "/BOOKS" }),
    ]);
    const text = new URLPattern("https://example.com/Books/:id", { ignoreCase: true });
    t.show("case of text", [text.test("https://example.com/BOOKS/1"), text.pathname]);
    t.show(
        "case with a base",
        new URLPattern("/Books", "https://example.com", { ignoreCase: true }).test("https://example.com/BOOKS"),
    );
    t.show("host", [
        new URLPattern({ hostname: "*.example.com" }).test("https://a.b.example.com/"),
        new URLPattern({ hostname: "*.example.com" }).test("https://example.com/"),
    ]);
    t.show("protocol", [
        new URLPattern({ protocol: "http{s}?" }).test("https://x"),
        new URLPattern({ protocol: "http{s}?" }).test("ws://x"),
    ]);
    t.show("port", [
        new URLPattern({ port: "8080" }).test("http://x:8080"),
        new URLPattern({ port: "" }).test("http://x:8080"),
        new URLPattern({ port: "" }).test("http://x:80"),
    ]);
    t.show("search", [
        new URLPattern({ search: "a=:a" }).test("http://x/?a=1"),
        new URLPattern({ search: "a=:a" }).test("http://x/"),
    ]);
    t.show("user", new URLPattern({ username: "me", password: "pw" }).test("http://me:pw@x/"));
    t.show("percent", [
        new URLPattern({ pathname: "/%41" }).test("http://x/A"),
        new URLPattern({ pathname: "/ü" }).test("http://x/%C3%BC"),
    ]);
}

function syntax(t) {
    const cases = [
        ["/a/*", ["/a/", "/a/b", "/a/b/c", "/a"]],
        ["/a/:b?", ["/a", "/a/", "/a/b", "/a/b/c"]],
        ["/a/:b+", ["/a", "/a/b", "/a/b/c"]],
        ["/a/:b*", ["/a", "/a/b", "/a/b/c"]],
        ["/a{/b}?", ["/a", "/a/b"]],
        ["/a{/:b}*", ["/a", "/a/x/y"]],
        ["/:a(\\d+)", ["/12", "/x"]],
        ["/(\\d+)", ["/12", "/x"]],
        ["/(a|b)/c", ["/a/c", "/b/c", "/c/c"]],
        ["/:a-:b", ["/x-y", "/x"]],
        ["/:a.:b", ["/x.y", "/x"]],
        ["/a\\:b", ["/a:b", "/ax"]],
        ["/*.png", ["/x.png", "/x/y.png", "/x.jpg"]],
        ["/a/*/c/*", ["/a/b/c/d", "/a/c/d"]],
        ["*", ["/", "/x/y"]],
        ["/:a(.*)", ["/", "/x/y"]],
        ["/{:a-}?b", ["/b", "/x-b"]],
        ["/a{.:ext}+", ["/a.b", "/a.b.c"]],
        ["/:日本", ["/x"]],
        ["/a.b", ["/a.b", "/axb"]],
        ["/a+b$c", ["/aab$c", "/a+b$c"]],
        ["/([a-z]+)(\\d*)", ["/ab12", "/12"]],
        ["/(?<x>a)", ["/a"]],
        ["/:a(x{2})", ["/xx", "/x"]],
    ];
    for (const [pathname, inputs] of cases) {
        let shown;
        try {
            const pattern = new URLPattern({ pathname });
            shown = [pattern.pathname, ...inputs.map((input) => groups(pattern.exec({ pathname: input })?.pathname))];
        } catch (error) {
            shown = `${error.name}: ${error.message}`;
        }
        t.show(`pattern ${JSON.stringify(pathname)}`, shown);
    }
}

async function executing(t) {
    const pattern = new URLPattern("https://:sub.example.com/books/:id\\?q=:query#:part");
    const result = pattern.exec("https://shop.example.com/books/12?q=x%20y#top");
    t.show("keys of a result", Object.keys(result).sort());
    t.show("inputs", result.inputs);
    for (const name of COMPONENTS)
        t.show(`result of ${name}`, [result[name].input, groups(result[name]), Object.keys(result[name]).sort()]);
    t.show("no match", pattern.exec("https://example.com/"));
    t.show("not a URL", pattern.exec("nonsense"));
    t.show("inputs of nothing", new URLPattern().exec()?.inputs);
    t.show("inputs with a base", new URLPattern({}).exec("/x", "https://example.com/")?.inputs);
    t.show("inputs of an object", new URLPattern({}).exec({ pathname: "/x", extra: 1 })?.inputs);
    t.show("inputs of a URL", new URLPattern({}).exec(new URL("https://example.com/"))?.inputs);
    t.show("missing groups", groups(new URLPattern({ pathname: "/:a?/(x)?" }).exec({ pathname: "/1/" })?.pathname));
    t.show("unnamed groups", groups(new URLPattern({ pathname: "/*/(a)/*" }).exec({ pathname: "/1/a/2" })?.pathname));
    t.show("prototype of groups", Object.getPrototypeOf(result.pathname.groups) === Object.prototype);
    t.show(
        "odd name",
        Object.keys(new URLPattern({ pathname: "/:constructor" }).exec({ pathname: "/x" }).pathname.groups),
    );
    t.show("same pattern twice", [
        pattern.test("https://a.example.com/books/1?q=2#3"),
        pattern.test("https://a.example.com/books/1?q=2#3"),
    ]);
}

function bases(t) {
    const cases = [
        ["/x", "https://example.com/a/b?c#d"],
        ["x", "https://example.com/a/b?c#d"],
        ["?x", "https://example.com/a/b?c#d"],
        ["#x", "https://example.com/a/b?c#d"],
        ["//other/x", "https://example.com/a"],
        ["https://other/x", "https://example.com/a"],
        ["", "https://example.com/a/b?c#d"],
        ["/x", "https://user:pass@example.com:81/"],
    ];
    for (const [text, base] of cases) {
        let shown;
        try {
            shown = parts(new URLPattern(text, base));
        } catch (error) {
            shown = `${error.name}: ${error.message}`;
        }
        t.show(`base ${JSON.stringify([text, base])}`, shown);
    }
}

function shapes(t) {
    t.show("shape", Object.getOwnPropertyNames(URLPattern.prototype).sort());
    t.show("as text", String(new URLPattern()));
    t.show("own keys", Reflect.ownKeys(new URLPattern()));
}
