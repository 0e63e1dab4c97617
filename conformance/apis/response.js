// Response: construction, status, statics, bodies, rebuilding, cloning, WebSockets.
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
const read = (r) => [r.status, r.statusText, r.ok, [...r.headers], r.body === null];

export default transcript(async (t) => {
    await construction(t);
    await statuses(t);
    await types(t);
    await fields(t);
    await json(t);
    await redirect(t);
    error(t);
    await rebuilt(t);
    await clones(t);
    await sockets(t);
    await shape(t);
});

async function construction(t) {
    t.show("nothing", read(new Response()));
    t.show("null", read(new Response(null)));
    t.show("undefined", read(new Response(undefined)));
    t.show("text", read(new Response("x")));
    t.show("empty text", read(new Response("")));
    t.show("a number", await new Response(5).text());
    t.show("a boolean", await new Response(false).text());
    t.show("an object", await new Response({ a: 1 }).text());
    await t.throws("an array", () => new Response([1, 2]).text());
    await t.throws("an array of bytes", () => new Response([new Uint8Array([65]), new Uint8Array([66])]).text());
    await t.throws("an array of buffers", () => new Response([new Uint8Array([65]).buffer]).text());
    await t.throws("an array of texts", () => new Response(["x"]).text());
    await t.throws("an empty array", () => new Response([]).text());
    t.show("type of an array", new Response([]).headers.get("content-type"));
    t.show("a bigint", await new Response(5n).text());
    t.show("a date", await new Response(new Date(NaN)).text());
    t.show("an object with a text", await new Response({ toString: () => "mine" }).text());
    await t.throws("a symbol", () => new Response(Symbol("x")).text());
    await t.throws("a function", async () => typeof (await new Response(() => 1).text()));
    await t.throws("a map", () => new Response(new Map()).text());
    await t.throws("an async generator", () =>
        new Response(
            (async function* () {
                yield new TextEncoder().encode("gen");
            })(),
        ).text(),
    );
    await t.throws("an async generator of texts", () =>
        new Response(
            (async function* () {
                yield "gen";
            })(),
        ).text(),
    );
    await t.throws("a generator of bytes", () =>
        new Response(
            (function* () {
                yield new Uint8Array([65]);
            })(),
        ).text(),
    );
    await t.throws("a String object", () => new Response(new String("boxed")).text());
    await t.throws("init null", () => read(new Response("x", null)));
    await t.throws("init undefined", () => read(new Response("x", undefined)));
    await t.throws("init text", () => read(new Response("x", "y")));
    await t.throws("init number", () => read(new Response("x", 200)));
    await t.throws("init array", () => read(new Response("x", [])));
    await t.throws("init function", () => read(new Response("x", () => {})));
    t.show(
        "without new",
        outcome(() => Response("x")),
    );
    await t.throws(
        "init getter that throws",
        () =>
            new Response("x", {
                get status() {
                    throw new RangeError("mine");
                },
            }),
    );
    const order = [];
    new Response("x", new Proxy({}, { get: (_, name) => (order.push(name), undefined) }));
    t.show(
        "members of init are read in order",
        order.filter((name) => typeof name === "string"),
    );
    await t.throws("headers null", () => read(new Response("x", { headers: null })));
    await t.throws("headers text", () => read(new Response("x", { headers: "x" })));
    await t.throws("headers undefined", () => read(new Response("x", { headers: undefined })));
    const headers = new Headers({ a: "1" });
    const response = new Response("x", { headers });
    t.show("headers are copied", [
        response.headers === headers,
        headers.has("content-type"),
        response.headers === response.headers,
    ]);
    const locked = stream("x");
    locked.getReader();
    await t.throws("a locked stream", () => new Response(locked).text());
    const used = stream("x");
    const reader = used.getReader();
    await reader.read();
    reader.releaseLock();
    await t.throws("a used stream", () => new Response(used).text());
}

async function statuses(t) {
    for (const status of [
        200,
        201,
        204,
        299,
        301,
        404,
        418,
        599,
        100,
        101,
        103,
        199,
        600,
        0,
        -1,
        1000,
        65736,
        200.9,
        "201",
        "x",
        NaN,
        Infinity,
        2 ** 31,
        undefined,
        true,
    ]) {
        await t.throws(`status ${typeof status === "string" ? JSON.stringify(status) : status}`, () =>
            read(new Response(null, { status })),
        );
    }
    await t.throws("status null", () => read(new Response(null, { status: null })));
    await t.throws("status bigint", () => read(new Response(null, { status: 200n })));
    await t.throws("status object", () => read(new Response(null, { status: { valueOf: () => 202 } })));
    const texts = Array.from({ length: 400 }, (_, at) => new Response(null, { status: 200 + at }).statusText);
    t.show("texts of statuses", [...new Set(texts)]);
    for (const status of [204, 205, 304]) {
        await t.throws(`status ${status} with a text`, () => read(new Response("x", { status })));
        await t.throws(`status ${status} with an empty text`, () => read(new Response("", { status })));
        await t.throws(`status ${status} with empty bytes`, () => read(new Response(new Uint8Array(0), { status })));
        await t.throws(`status ${status} with a stream`, () => read(new Response(stream(), { status })));
        await t.throws(`status ${status} without`, () => read(new Response(null, { status })));
    }
    for (const statusText of ["Fine", "", "a\nb", "a\rb", "a\tb", "a\0b", "\u00e9", "a\x7f", 5, null, undefined]) {
        await t.throws(`statusText ${JSON.stringify(statusText)}`, () => new Response(null, { statusText }).statusText);
    }
}

async function types(t) {
    const type = (body, headers) => new Response(body, { headers }).headers.get("content-type");
    t.show("type of a text", type("x"));
    t.show("type of bytes", type(new Uint8Array(1)));
    t.show("type of a blob", type(new Blob(["x"], { type: "a/b;c=D" })));
    t.show("type of a file", type(new File(["x"], "f.txt", { type: "text/css" })));
    t.show("type of URLSearchParams", type(new URLSearchParams()));
    t.show("type of FormData", type(new FormData()).replace(/[0-9a-f]{32}/, "BOUNDARY"));
    t.show("type of a stream", type(stream()));
    t.show("type of nothing", type(null));
    t.show("type that is set", type("x", { "content-type": "a/b" }));
    t.show("type that is set for FormData", type(new FormData(), { "content-type": "a/b" }));
    t.show("no length is set", new Response("x").headers.get("content-length"));
}

async function fields(t) {
    const response = new Response("x");
    t.show(
        "defaults",
        ["type", "url", "redirected", "webSocket", "cf", "bodyUsed", "encodeBody", "useFinalURL", "trailers"].map(
            (name) => [name, response[name], name in response],
        ),
    );
    for (const [name, value] of [
        ["encodeBody", "manual"],
        ["encodeBody", "automatic"],
        ["encodeBody", "x"],
        ["encodeBody", null],
        ["webSocket", null],
        ["webSocket", undefined],
        ["cf", { a: 1 }],
        ["cf", null],
        ["cf", "x"],
        ["webSocket", {}],
        ["webSocket", "x"],
    ]) {
        await t.throws(`init ${name} ${JSON.stringify(value)}`, () => new Response("x", { [name]: value })[name]);
    }
    const cf = { a: { b: 1 } };
    const copy = new Response(null, { cf });
    cf.a.b = 2;
    t.show("cf is a copy", copy.cf);
}

async function json(t) {
    const response = Response.json({ a: [1, "x", null] });
    t.show("json", [read(response), await response.text()]);
    for (const value of [null, 5, "x", true, [], NaN]) {
        t.show(
            `json of ${value === "x" ? "text" : Array.isArray(value) ? "list" : value}`,
            await Response.json(value).text(),
        );
    }
    await t.throws("json of undefined", () => Response.json(undefined).text());
    await t.throws("json of nothing", () => Response.json().text());
    await t.throws("json of a function", () => Response.json(() => {}).text());
    await t.throws("json of a symbol", () => Response.json(Symbol("x")).text());
    t.show(
        "json of a bigint",
        outcome(() => Response.json(5n)),
    );
    await t.throws("json of toJSON", () => Response.json({ toJSON: () => ({ b: 1 }) }).text());
    await t.throws("json of toJSON that throws", () =>
        Response.json({
            toJSON() {
                throw new RangeError("mine");
            },
        }),
    );
    t.show(
        "json of a circle",
        outcome(() => {
            const a = {};
            a.a = a;
            Response.json(a);
        }),
    );
    t.show("json with init", read(Response.json({}, { status: 201, statusText: "Made", headers: { x: "1" } })));
    t.show("json with a type", read(Response.json({}, { headers: { "Content-Type": "application/problem+json" } })));
    t.show("json with a response", read(Response.json({}, new Response("x", { status: 202, headers: { y: "2" } }))));
    await t.throws("json with status 204", () => read(Response.json({}, { status: 204 })));
    await t.throws("json with status 99", () => read(Response.json({}, { status: 99 })));
    t.show(
        "json headers can be changed",
        (() => {
            const r = Response.json({});
            r.headers.set("a", "1");
            return r.headers.get("a");
        })(),
    );
}

async function redirect(t) {
    t.show("redirect", read(Response.redirect("http://a/b?c#d")));
    for (const status of [301, 302, 303, 307, 308, 200, 304, 300, 0]) {
        await t.throws(`redirect ${status}`, () => Response.redirect("http://a", status).status);
    }
    for (const url of ["http://a/x y", "/path", "", "a", "http://a/\r\nb", "http://a/\u00e4", "HTTP://A"]) {
        await t.throws(`redirect to ${JSON.stringify(url)}`, () => Response.redirect(url).headers.get("location"));
    }
    t.show("redirect to a URL", Response.redirect(new URL("http://a/u")).headers.get("location"));
    await t.throws("redirect without", () => Response.redirect());
    await t.throws("redirect status undefined", () => Response.redirect("http://a", undefined).status);
}

function error(t) {
    const response = Response.error();
    t.show("error", [read(response), response.type, response.url]);
}

async function rebuilt(t) {
    const original = new Response("body", { status: 201, statusText: "Mine", headers: { a: "1" }, cf: { x: 1 } });
    const copy = new Response(original.body, original);
    t.show("from a body and a response", [read(copy), copy.cf]);
    t.show("before reading", [original.bodyUsed, copy.bodyUsed, original.body === copy.body]);
    t.show("its text", [await copy.text(), original.bodyUsed, copy.bodyUsed]);
    await t.throws("the original's text", () => original.text());
    copy.headers.set("a", "2");
    t.show("headers are its own", [original.headers.get("a"), copy.headers.get("a")]);
    t.show("with another body", await new Response("new", original).text());
    t.show(
        "type comes from the response",
        new Response("{}", new Response("x", { headers: { "content-type": "a/b" } })).headers.get("content-type"),
    );
    t.show(
        "from an immutable one",
        (() => {
            const r = new Response(null, Response.redirect("http://a/"));
            r.headers.set("x", "1");
            return read(r);
        })(),
    );
    await t.throws("from an error", () => new Response(null, Response.error()));
    t.show("by spreading", read(new Response("x", { ...original })));
    t.show("by members", read(new Response("x", { status: original.status, headers: original.headers })));
    const teed = new Response("tee");
    const [one, two] = teed.body.tee();
    t.show("tee", [await new Response(one).text(), await new Response(two).text(), teed.bodyUsed]);
    await t.throws("text after tee", () => teed.text());
    t.show("a default text is not kept", new Response(null, new Response(null, { status: 404 })).statusText);
    const piped = new Response(stream("a", "b"));
    t.show("a stream of a stream", await new Response(new Response(piped.body).body).text());
}

async function clones(t) {
    const original = new Response("x", { status: 201, headers: { a: "1" } });
    const clone = original.clone();
    t.show("clone", [read(clone), clone.headers === original.headers]);
    t.show("both", [await original.text(), await clone.text()]);
    await t.throws("clone of a used one", () => original.clone());
    t.show("clone of none", new Response(null, { status: 204 }).clone().body);
    const streamed = new Response(stream("a", "b"));
    const copy = streamed.clone();
    t.show("clone of a stream", [await copy.text(), await streamed.text()]);
    const twice = new Response("x");
    const second = twice.clone();
    const third = twice.clone();
    t.show("clones", [await twice.text(), await second.text(), await third.text()]);
    await t.throws("clone keeps the guard", () => Response.redirect("http://a/").clone().headers.set("a", "1"));
    const cancelled = new Response(stream("a", "b"));
    const other = cancelled.clone();
    await cancelled.body.cancel();
    t.show("one is cancelled", await other.text());
}

async function sockets(t) {
    const pair = () => new WebSocketPair();
    const [client, server] = Object.values(pair());
    const response = new Response(null, {
        status: 101,
        webSocket: client,
        headers: { "Sec-WebSocket-Protocol": "chat" },
    });
    t.show("with a WebSocket", [
        response.status,
        response.statusText,
        response.webSocket === client,
        response.body,
        [...response.headers],
    ]);
    await t.throws("clone of it", () => response.clone());
    const copy = new Response(response.body, response);
    t.show("a copy keeps it", [copy.status, copy.webSocket === client, copy.headers.get("sec-websocket-protocol")]);
    copy.headers.set("x", "1");
    t.show("a copy's headers can be changed", copy.headers.get("x"));
    t.show(
        "a socket by members",
        new Response(null, { status: 101, webSocket: response.webSocket, headers: response.headers }).webSocket ===
            client,
    );
    await t.throws("without status", () => new Response(null, { webSocket: server }));
    await t.throws("with status 200", () => new Response(null, { status: 200, webSocket: server }));
    await t.throws("status 101 without one", () => new Response(null, { status: 101 }));
    await t.throws("status 101 with null", () => new Response(null, { status: 101, webSocket: null }));
    await t.throws("with a body", () => new Response("x", { status: 101, webSocket: server }));
    await t.throws("with an empty body", () => new Response("", { status: 101, webSocket: server }).body);
    await t.throws("the pair itself", () => new Response(null, { status: 101, webSocket: pair() }));
    const accepted = pair()[0];
    accepted.accept();
    await t.throws(
        "an accepted one",
        () => new Response(null, { status: 101, webSocket: accepted }).webSocket === accepted,
    );
    t.show("twice the same", new Response(null, { status: 101, webSocket: client }).webSocket === client);
    t.show("text of it", await response.text());
}

async function shape(t) {
    const response = new Response("x");
    t.show("tag", Object.prototype.toString.call(response));
    t.show("name", Response.name);
    t.show("own keys", Object.keys(response));
    t.show("json of it", JSON.stringify(response));
    t.show("accessors are on the prototype", typeof Object.getOwnPropertyDescriptor(Response.prototype, "status")?.get);
    t.show(
        "status cannot be set",
        outcome(() => (response.status = 500)),
    );
    t.show(
        "foreign this",
        outcome(() => Object.getOwnPropertyDescriptor(Response.prototype, "status").get.call({})),
    );
    t.show(
        "statics",
        ["error", "json", "redirect"].map((name) => typeof Response[name]),
    );
    class Mine extends Response {
        get twice() {
            return this.status * 2;
        }
    }
    const mine = new Mine("x");
    t.show("subclass", [mine.twice, mine instanceof Response, await mine.text()]);
    response.extra = 1;
    t.show("can be extended", response.extra);
}
