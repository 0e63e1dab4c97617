// Request: construction, fields, bodies, rebuilding, cloning.
import { transcript } from "./transcript.js";

/** The class of what is thrown: engines word these errors themselves. */
const outcome = (run) => {
    try {
        run();
        return "nothing";
    } catch (error) {
        return error.name;
    }
};
const stream = (...chunks) =>
    new ReadableStream({
        start(controller) {
            for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
            controller.close();
        },
    });
const URL_A = "http://example.com/a";

export default transcript(async (t, request) => {
    incoming(t, request);
    await urls(t);
    await methods(t);
    await fields(t);
    await bodies(t);
    await types(t);
    await rebuilt(t);
    await rebuiltBodies(t);
    await upgrade(t);
    await clones(t);
    await shape(t);
});

function incoming(t, request) {
    t.show("incoming method", request.method);
    t.show("incoming url", request.url);
    t.show("incoming body", [request.body, request.bodyUsed]);
    t.show("incoming redirect", request.redirect);
    t.show("incoming is a Request", [request instanceof Request, request.constructor === Request]);
    t.show("incoming header", request.headers.get("Host"));
}

async function urls(t) {
    for (const url of [
        "http://a",
        "http://a/x y",
        "HTTP://EXAMPLE.com:80/../b/./c?q=1 2#frag",
        "https://a:443/",
        "http://a/\u00e4?\u00e4",
        "ws://a/x",
        "data:text/plain,hi",
        "http://user:pw@a/",
        "  http://a/  ",
        "http://a/%zz",
        "http://\u00e4.de/",
        "about:blank",
        "http://a?x",
        "file:///a/b",
        "http://[::1]:8080/",
        "http://1.2/",
        "custom:opaque",
        "http://a/b\tc\nd",
    ]) {
        await t.throws(`url ${JSON.stringify(url)}`, () => new Request(url).url);
    }
    for (const url of ["", "/path", "a", "http://", "http:// a/", "//a/b", "http://a:99999/", "http://a b/", "null"]) {
        await t.throws(`invalid url ${JSON.stringify(url)}`, () => new Request(url).url);
    }
    t.show("URL object", new Request(new URL("http://a/b?c#d")).url);
    t.show("object with a text", new Request({ toString: () => "http://a/t" }).url);
    await t.throws("no argument", () => new Request());
    await t.throws("undefined", () => new Request(undefined));
    await t.throws("null", () => new Request(null));
    await t.throws("number", () => new Request(1));
    await t.throws("object", () => new Request({}));
    await t.throws("symbol", () => new Request(Symbol("x")));
}

async function methods(t) {
    for (const method of [
        "GET",
        "get",
        "Post",
        "put",
        "DELETE",
        "head",
        "options",
        "PATCH",
        "patch",
        "PURGE",
        "purge",
        "TRACE",
        "trace",
        "CONNECT",
        "connect",
        "PROPFIND",
        "propfind",
        "MKCOL",
        "REPORT",
        "LOCK",
        "LINK",
        "QUERY",
        "query",
        "CUSTOM",
        "",
        " ",
        "a b",
        "g\u00e4t",
        "COPY",
        "MOVE",
        "SEARCH",
        "SUBSCRIBE",
        "UNLOCK",
        "ACL",
        "BIND",
        "MERGE",
        "MSEARCH",
        "NOTIFY",
        "PRI",
        "REBIND",
        "UNBIND",
        "UNLINK",
        "BASELINE-CONTROL",
        "CHECKIN",
        "CHECKOUT",
        "LABEL",
        "MERGE",
        "MKACTIVITY",
        "MKCALENDAR",
        "MKREDIRECTREF",
        "MKWORKSPACE",
        "ORDERPATCH",
        "PROPPATCH",
        "UNCHECKOUT",
        "UPDATE",
        "BAN",
        "M-SEARCH",
        "UPDATEREDIRECTREF",
        "VERSION-CONTROL",
        "UNSUBSCRIBE",
    ].filter((m, i, all) => all.indexOf(m) === i)) {
        await t.throws(`method ${JSON.stringify(method)}`, () => new Request(URL_A, { method }).method);
    }
    t.show("default method", new Request(URL_A).method);
    await t.throws("method of other type", () => new Request(URL_A, { method: { toString: () => "PUT" } }).method);
    await t.throws("method undefined", () => new Request(URL_A, { method: undefined }).method);
    await t.throws("method null", () => new Request(URL_A, { method: null }).method);
}

async function fields(t) {
    const request = new Request(URL_A);
    const read = (r) =>
        [
            "redirect",
            "signal",
            "cf",
            "cache",
            "integrity",
            "keepalive",
            "mode",
            "credentials",
            "referrer",
            "referrerPolicy",
            "destination",
            "duplex",
            "isHistoryNavigation",
            "fetcher",
        ].map(
            (name) =>
                `${name}=${
                    typeof r[name] === "object" && r[name] !== null ? r[name].constructor.name : r[name]
                }${name in r ? "" : " (not there)"}`,
        );
    t.show("defaults", read(request));
    for (const redirect of ["follow", "manual", "error", "FOLLOW", "x", "", undefined, null]) {
        await t.throws(`redirect ${JSON.stringify(redirect)}`, () => new Request(URL_A, { redirect }).redirect);
    }
    for (const cache of [
        "no-store",
        "no-cache",
        "reload",
        "default",
        "force-cache",
        "only-if-cached",
        "x",
        undefined,
        null,
    ]) {
        await t.throws(`cache ${JSON.stringify(cache)}`, () => new Request(URL_A, { cache }).cache);
    }
    for (const [name, value] of [
        ["mode", "cors"],
        ["mode", "x"],
        ["credentials", "include"],
        ["credentials", "x"],
        ["referrer", "http://a/"],
        ["referrerPolicy", "no-referrer"],
        ["integrity", ""],
        ["integrity", "sha256-x"],
        ["keepalive", true],
        ["duplex", "half"],
        ["priority", "high"],
        ["window", null],
        ["window", 1],
        ["fetcher", null],
        ["encodeResponseBody", "manual"],
        ["encodeResponseBody", "x"],
    ]) {
        await t.throws(`init ${name} ${JSON.stringify(value)}`, () => new Request(URL_A, { [name]: value })[name]);
    }
    t.show("cf", new Request(URL_A, { cf: { a: 1, b: { c: [1] } } }).cf);
    const cf = { a: { b: 1 } };
    const cfRequest = new Request(URL_A, { cf });
    cf.a.b = 2;
    t.show("cf is a copy", cfRequest.cf);
    t.show("cf is the same object", cfRequest.cf === cfRequest.cf);
    t.show("cf goes on", new Request(cfRequest).cf);
    t.show("cf is replaced", new Request(cfRequest, { cf: { z: 1 } }).cf);
    t.show("cf of a clone", [cfRequest.clone().cf, cfRequest.clone().cf === cfRequest.cf]);
    await t.throws("cf null", () => new Request(URL_A, { cf: null }).cf);
    await t.throws("cf text", () => new Request(URL_A, { cf: "x" }).cf);
    await t.throws("cf with a function", () => new Request(URL_A, { cf: { f() {} } }).cf);
    t.show("headers of init", [...new Request(URL_A, { headers: [["a", "1"]] }).headers]);
    const headers = new Headers({ a: "1" });
    t.show("headers are copied", new Request(URL_A, { headers }).headers === headers);
    await t.throws("headers null", () => [...new Request(URL_A, { headers: null }).headers]);
    await t.throws("headers of wrong type", () => new Request(URL_A, { headers: 5 }));
    await t.throws("init null", () => new Request(URL_A, null).url);
    await t.throws("init undefined", () => new Request(URL_A, undefined).url);
    await t.throws("init text", () => new Request(URL_A, "x").url);
    await t.throws("init number", () => new Request(URL_A, 5).url);
    await t.throws("init function", () => new Request(URL_A, () => {}).url);
    await t.throws(
        "init getter that throws",
        () =>
            new Request(URL_A, {
                get method() {
                    throw new RangeError("mine");
                },
            }),
    );
    const order = [];
    new Request(URL_A, new Proxy({}, { get: (_, name) => (order.push(name), undefined) }));
    t.show(
        "members of init are read in order",
        order.filter((name) => typeof name === "string"),
    );
}

async function bodies(t) {
    const post = (body, more) => new Request(URL_A, { method: "POST", body, ...more });
    t.show("no body", [post(undefined).body, post(null).body, new Request(URL_A).body]);
    t.show("empty text is a body", post("").body !== null);
    t.show("body is a stream", post("x").body instanceof ReadableStream);
    const one = post("x");
    t.show("body is the same stream", one.body === one.body);
    await t.throws("GET with a body", () => new Request(URL_A, { body: "x" }));
    await t.throws("GET with an empty body", () => new Request(URL_A, { body: "" }));
    await t.throws("HEAD with a body", () => new Request(URL_A, { method: "HEAD", body: "x" }));
    await t.throws("GET with null", () => new Request(URL_A, { body: null }).body);
    await t.throws("GET with undefined", () => new Request(URL_A, { body: undefined }).body);
    await t.throws("DELETE with a body", () => new Request(URL_A, { method: "DELETE", body: "x" }).text());
    await t.throws("OPTIONS with a body", () => new Request(URL_A, { method: "OPTIONS", body: "x" }).text());
    await t.throws("stream without duplex", () => post(stream("a", "b")).text());
    await t.throws("stream with duplex", () => post(stream("a", "b"), { duplex: "half" }).text());
    t.show("text of nothing", await post(null).text());
    t.show("arrayBuffer of nothing", await post(null).arrayBuffer());
    await t.throws("json of nothing", () =>
        post(null)
            .json()
            .catch((error) => error.name),
    );
    t.show(
        "nothing is never used",
        await (async () => {
            const r = post(null);
            await r.text();
            await r.text();
            return r.bodyUsed;
        })(),
    );
}

async function types(t) {
    const type = (body, headers) => new Request(URL_A, { method: "POST", body, headers }).headers.get("content-type");
    t.show("type of a text", type("x"));
    t.show("type of an empty text", type(""));
    t.show("type of bytes", type(new Uint8Array(1)));
    t.show("type of a buffer", type(new ArrayBuffer(1)));
    t.show("type of a blob", type(new Blob(["x"], { type: "image/PNG" })));
    t.show("type of a blob without one", type(new Blob(["x"])));
    t.show("type of URLSearchParams", type(new URLSearchParams("a=1")));
    t.show("type of FormData", /^multipart\/form-data; boundary="?[0-9a-f]{32}"?$/.test(type(new FormData())));
    t.show("type of FormData has quotes", type(new FormData()).includes('"'));
    t.show("type of a stream", type(stream("x")));
    t.show("type of a number", type(5));
    t.show("type of an object", type({}));
    t.show("type that is set", type("x", { "Content-Type": "a/b" }));
    t.show("type that is set empty", type("x", { "content-type": "" }));
}

async function rebuilt(t) {
    const original = new Request(URL_A, {
        method: "PUT",
        headers: { a: "1", upgrade: "websocket" },
        redirect: "manual",
        cf: { x: 1 },
        cache: "no-store",
    });
    const read = (r) => [r.url, r.method, [...r.headers], r.redirect, r.cf, r.cache];
    t.show("from a request", read(new Request(original)));
    t.show("from a request with init", read(new Request(original, { method: "POST", headers: { b: "2" } })));
    t.show("from a url and a request", read(new Request("http://b/c", original)));
    t.show("from a url and a request with others", read(new Request("http://b/c", { ...original })));
    t.show(
        "from parts",
        read(new Request("http://b/c", { method: original.method, headers: original.headers, body: original.body })),
    );
    t.show(
        "init with undefined members",
        read(new Request(original, { method: undefined, headers: undefined, redirect: undefined })),
    );
    t.show("init is empty", read(new Request(original, {})));
    t.show(
        "from a request and a request",
        read(new Request(original, new Request("http://c/", { headers: { c: "3" } }))),
    );
    t.show("original is as it was", read(original));
    t.show("headers are its own", new Request(original).headers === original.headers);
}

async function rebuiltBodies(t) {
    const post = (body) => new Request(URL_A, { method: "POST", body });
    const first = post("one");
    const second = new Request(first);
    t.show("body moves", [first.bodyUsed, second.bodyUsed, await second.text(), second.bodyUsed]);
    await t.throws("the first one's body is gone", () => first.text());
    await t.throws("rebuilding it again", () => new Request(first));
    await t.throws("rebuilding with another body", () => new Request(first, { body: "new" }).text());
    await t.throws("rebuilding with body null", () => new Request(first, { body: null }).body);
    await t.throws("rebuilding with body undefined", () => new Request(first, { body: undefined }).body);
    const third = post("three");
    const fourth = new Request("http://b/", third);
    t.show("body of an init request is shared", [third.bodyUsed, fourth.bodyUsed]);
    t.show("its text", [await fourth.text(), third.bodyUsed, fourth.bodyUsed]);
    await t.throws("the other's text", () => third.text());
    await t.throws("init with a used body", () => new Request("http://b/", third));
    const fifth = post("five");
    const sixth = new Request("http://b/", { method: "POST", body: fifth.body });
    t.show("the stream of another's body", [await sixth.text(), fifth.bodyUsed]);
    t.show("type of the stream of another's body", [sixth.headers.get("content-type")]);
    const seventh = post("seven");
    t.show(
        "POST to GET with its body",
        await (async () => {
            try {
                return new Request(seventh, { method: "GET" }).method;
            } catch (e) {
                return e.message;
            }
        })(),
    );
    const eighth = post("eight");
    eighth.body.getReader();
    await t.throws("a locked body is rebuilt", () => new Request(eighth).text());
    const ninth = post("nine");
    ninth.body.getReader();
    await t.throws("text of a locked body", () => ninth.text());
    t.show("bodyUsed of a locked body", ninth.bodyUsed);
    const tenth = post(stream("s1", "s2"));
    t.show("stream body moves", [await new Request(tenth).text(), tenth.bodyUsed]);
    const used = stream("x");
    const reader = used.getReader();
    await reader.read();
    reader.releaseLock();
    await t.throws("used stream as a body", () => post(used));
    const locked = stream("x");
    locked.getReader();
    await t.throws("locked stream as a body", () => post(locked).bodyUsed);
    const eleventh = post("eleven");
    await eleventh.text();
    await t.throws("used body in init", () => post(eleventh.body));
}

async function upgrade(t) {
    const original = new Request("http://a/ws?x=1", {
        headers: { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Key": "k" },
    });
    const read = (r) => [r.headers.get("Upgrade"), r.headers.get("connection"), r.headers.get("sec-websocket-key")];
    t.show("upgrade is kept", read(original));
    t.show("upgrade by request", read(new Request(original)));
    t.show("upgrade by url and request", read(new Request("http://b/", original)));
    t.show("upgrade by parts", read(new Request(original.url, { headers: original.headers, body: original.body })));
    t.show("upgrade by clone", read(original.clone()));
    t.show("upgrade by headers", read(new Request("http://b/", { headers: new Headers(original.headers) })));
    t.show("upgrade by object", read(new Request("http://b/", { headers: Object.fromEntries(original.headers) })));
}

async function clones(t) {
    const original = new Request(URL_A, { method: "POST", body: "body", headers: { a: "1" } });
    const clone = original.clone();
    t.show("clone", [clone.url, clone.method, [...clone.headers], clone instanceof Request]);
    t.show("clone's headers are its own", clone.headers === original.headers);
    t.show("clone's body is its own", clone.body === original.body);
    t.show("both bodies", [await original.text(), await clone.text()]);
    await t.throws("clone of a used one", () => original.clone());
    t.show("clone without a body", new Request(URL_A).clone().body);
    const locked = new Request(URL_A, { method: "POST", body: "x" });
    locked.body.getReader();
    await t.throws("clone of a locked one", () => locked.clone());
    const streamed = new Request(URL_A, { method: "POST", body: stream("a", "b") });
    const copy = streamed.clone();
    t.show("clone of a stream", [await streamed.text(), await copy.text()]);
    const before = new Request(URL_A, { method: "POST", body: "x" });
    const body = before.body;
    const after = before.clone();
    t.show("clone replaces the body", [before.body === body, body.locked, await before.text(), await after.text()]);
}

async function shape(t) {
    const request = new Request(URL_A);
    t.show("tag", Object.prototype.toString.call(request));
    t.show("name", Request.name);
    t.show("own keys", Object.keys(request));
    t.show("json", JSON.stringify(request));
    t.show(
        "in",
        ["body", "bodyUsed", "cf", "headers", "method", "redirect", "signal", "url", "clone", "text", "bytes"].map(
            (name) => name in request,
        ),
    );
    t.show("accessors are on the prototype", typeof Object.getOwnPropertyDescriptor(Request.prototype, "url")?.get);
    t.show(
        "methods of the prototype",
        ["arrayBuffer", "blob", "bytes", "clone", "formData", "json", "text"].map((name) => typeof request[name]),
    );
    t.show(
        "url cannot be set",
        outcome(() => (request.url = "http://b/")),
    );
    t.show(
        "method cannot be set",
        outcome(() => (request.method = "PUT")),
    );
    t.show(
        "foreign this",
        outcome(() => Object.getOwnPropertyDescriptor(Request.prototype, "url").get.call({})),
    );
    t.show(
        "without new",
        outcome(() => Request(URL_A)),
    );
    class Mine extends Request {
        constructor(input, init) {
            super(input, init);
            this.extra = 1;
        }
    }
    const mine = new Mine(URL_A);
    t.show("subclass", [mine.url, mine.extra, mine instanceof Request, mine.clone() instanceof Mine]);
    request.extra = 5;
    t.show("can be extended", request.extra);
    const signal = new AbortController().signal;
    t.show("signal", [
        new Request(URL_A, { signal }).signal === signal,
        new Request(URL_A, { signal: null }).signal === null,
    ]);
    t.show("signal goes on", new Request(new Request(URL_A, { signal })).signal === signal);
    t.show("signal of none", [request.signal === request.signal, request.signal?.aborted]);
    await t.throws("signal of wrong type", () => new Request(URL_A, { signal: {} }));
}
