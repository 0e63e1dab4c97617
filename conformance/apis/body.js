// Bodies: reading them as text, JSON, bytes, blobs and forms; streams; what is used and what is locked.
import { transcript } from "./transcript.js";

const bytes = (text) => new TextEncoder().encode(text);
const stream = (...chunks) =>
    new ReadableStream({
        start(controller) {
            for (const chunk of chunks) controller.enqueue(typeof chunk === "string" ? bytes(chunk) : chunk);
            controller.close();
        },
    });
const show = (value) => (value instanceof Blob ? [value.constructor.name, value.size, value.type] : value);

export default transcript(async (t) => {
    await readers(t);
    await texts(t);
    await jsons(t);
    await inputs(t);
    await used(t);
    await locked(t);
    await streams(t);
    await failing(t);
    await reading(t);
    await blobs(t);
    await forms(t);
    await order(t);
});

async function readers(t) {
    const body = '{"a":1}';
    for (const method of ["text", "json", "arrayBuffer", "bytes", "blob"]) {
        t.show(`${method} of a text`, show(await new Response(body)[method]()));
        t.show(`${method} of bytes`, show(await new Response(bytes(body))[method]()));
        t.show(`${method} of a buffer`, show(await new Response(bytes(body).buffer)[method]()));
        t.show(`${method} of a stream`, show(await new Response(stream('{"a"', ":1}"))[method]()));
        t.show(`${method} of a blob`, show(await new Response(new Blob([body], { type: "t/x" }))[method]()));
        t.show(`${method} of a request`, show(await new Request("http://a/", { method: "POST", body })[method]()));
        t.show(`${method} gives a promise`, new Response(body)[method]() instanceof Promise);
        const response = new Response(body);
        const promise = response[method]();
        t.show(`${method} uses at once`, response.bodyUsed);
        await promise;
        await t.throws(`${method} again`, () => response[method]());
        await t.throws(`${method} of a used body is a rejection`, () =>
            response[method]().then(
                () => 1,
                (error) => `rejected ${error.name}`,
            ),
        );
    }
    for (const method of ["text", "arrayBuffer", "bytes", "blob"]) {
        const response = new Response(null);
        t.show(`${method} of nothing`, [
            show(await response[method]()),
            response.bodyUsed,
            show(await response[method]()),
        ]);
        t.show(`${method} of an empty text`, show(await new Response("")[method]()));
    }
}

async function texts(t) {
    const text = (...numbers) => new Response(new Uint8Array(numbers)).text();
    t.show("text with a mark", await text(0xef, 0xbb, 0xbf, 65));
    t.show("text with two marks", await text(0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 65));
    t.show("text of half a mark", await text(0xef, 0xbb));
    t.show("text that is no UTF-8", await text(65, 0xff, 66, 0xc3));
    t.show("text of overlong bytes", await text(0xc0, 0x80, 65));
    t.show("text of surrogate bytes", await text(0xed, 0xa0, 0x80));
    t.show("text of four bytes", await text(0xf0, 0x9f, 0x98, 0x80));
    t.show("text of cut four bytes", await text(0xf0, 0x9f, 0x98));
    t.show("text with zero", await text(65, 0, 66));
    t.show(
        "text over chunks",
        await new Response(stream(new Uint8Array([0xf0, 0x9f]), new Uint8Array([0x98, 0x80]))).text(),
    );
    t.show(
        "text of a mark over chunks",
        await new Response(stream(new Uint8Array([0xef]), new Uint8Array([0xbb, 0xbf, 65]))).text(),
    );
    t.show(
        "charset is not looked at",
        await new Response(new Uint8Array([0xe4]), {
            headers: { "content-type": "text/plain; charset=latin1" },
        }).text(),
    );
    t.show("text with a lone surrogate", [...(await new Response("a\ud800b").bytes())]);
    t.show("a text with a mark", [...(await new Response("\ufeffa").bytes())]);
    t.show("text of a text with a mark", await new Response("\ufeffa").text());
    t.show("json with a mark", await new Response("\ufeff{}").json().catch((error) => error.name));
    t.show("long text", (await new Response("\u00e4".repeat(100000)).text()).length);
}

async function jsons(t) {
    for (const text of ["1", '"x"', "null", "[1,2]", " {} ", "true"]) {
        t.show(`json ${text}`, await new Response(text).json());
    }
    for (const text of ["", "{", "undefined", "{'a':1}", "[1,]"]) {
        t.show(`no json ${JSON.stringify(text)}`, await new Response(text).json().catch((error) => error.name));
    }
}

async function inputs(t) {
    const list = [1, 2, 3, 4];
    t.show("view of a part", await new Response(new Uint8Array(list).subarray(1, 3)).bytes());
    t.show("16 bits", await new Response(new Uint16Array([258])).bytes());
    t.show("data view", await new Response(new DataView(new Uint8Array(list).buffer, 1, 2)).bytes());
    t.show("float", (await new Response(new Float64Array([1])).bytes()).length);
    const given = new Uint8Array([65, 66]);
    const response = new Response(given);
    given[0] = 67;
    t.show("bytes changed afterwards", await response.text());
    const source = new Uint8Array([1, 2]);
    const result = await new Response(source).bytes();
    t.show("bytes are a copy", [result === source, result.buffer === source.buffer]);
    t.show("a buffer is a copy", (await new Response(source.buffer).arrayBuffer()) === source.buffer);
    class Shared extends Uint8Array {
        slice(from, to) {
            return this.subarray(from, to);
        }
    }
    const part = new Shared([1, 2, 3]).subarray(1);
    t.show("bytes of a subclass", await new Response(part).arrayBuffer());
    t.show(
        "search params",
        await new Response(
            new URLSearchParams([
                ["a", "1 2"],
                ["b", "\u00e4&"],
            ]),
        ).text(),
    );
    t.show("empty search params", await new Response(new URLSearchParams()).text());
    t.show("file", await new Response(new File(["file"], "n")).text());
    t.show("slice of a blob", await new Response(new Blob(["abcdef"]).slice(2, 4)).text());
}

async function used(t) {
    const response = new Response("x");
    t.show("unused", response.bodyUsed);
    const { body } = response;
    t.show("unused when touched", [response.bodyUsed, body.locked]);
    const reader = body.getReader();
    t.show("unused when locked", [response.bodyUsed, body.locked]);
    const promise = reader.read();
    t.show("used when read", response.bodyUsed);
    await promise;
    reader.releaseLock();
    t.show("used when released", [response.bodyUsed, body.locked]);
    await t.throws("text after a read", () => response.text());
    const cancelled = new Response("x");
    await cancelled.body.cancel();
    t.show("used when cancelled", cancelled.bodyUsed);
    await t.throws("text after cancel", () => cancelled.text());
    const done = new Response("x");
    await done.text();
    t.show("body after text", [done.body !== null, done.body.locked]);
    await t.throws("reader after text", () => done.body.getReader());
    const streamed = new Response(stream("x"));
    t.show("a stream is unused", streamed.bodyUsed);
    const consumption = streamed.text();
    t.show("a stream is used by text", [streamed.bodyUsed, streamed.body.locked]);
    await consumption;
    t.show("a stream after text", [streamed.bodyUsed, streamed.body.locked]);
    const twice = new Response("x");
    const outcomes = await Promise.allSettled([twice.text(), twice.text()]);
    t.show(
        "two texts at once",
        outcomes.map((outcome) => outcome.status),
    );
    const empty = new Response("");
    await empty.text();
    t.show("an empty body is used", empty.bodyUsed);
    await t.throws("an empty body again", () => empty.text());
    const piped = new Response("piped");
    let collected = "";
    await piped.body.pipeTo(
        new WritableStream({ write: (chunk) => void (collected += new TextDecoder().decode(chunk)) }),
    );
    t.show("pipeTo", [collected, piped.bodyUsed]);
}

async function locked(t) {
    for (const method of ["text", "json", "arrayBuffer", "bytes", "blob", "formData"]) {
        const response = new Response("x", { headers: { "content-type": "application/x-www-form-urlencoded" } });
        response.body.getReader();
        await t.throws(`${method} of a locked body`, () => response[method]());
        const streamed = new Response(stream("x"), {
            headers: { "content-type": "application/x-www-form-urlencoded" },
        });
        streamed.body.getReader();
        await t.throws(`${method} of a locked stream`, () => streamed[method]());
    }
}

async function streams(t) {
    t.show("stream of text chunks as bytes", await new Response(stream("a", "b", "c")).text());
    t.show("stream of buffers", await new Response(stream(bytes("a").buffer, new DataView(bytes("b").buffer))).text());
    t.show("stream of empty chunks", await new Response(stream("", "a", "")).text());
    t.show("empty stream", await new Response(stream()).text());
    let pulls = 0;
    const lazy = new ReadableStream(
        {
            pull(controller) {
                pulls += 1;
                controller.enqueue(bytes(String(pulls)));
                if (pulls === 3) controller.close();
            },
        },
        { highWaterMark: 0 },
    );
    const response = new Response(lazy);
    t.show("not pulled before it is read", pulls);
    t.show("pulled", [await response.text(), pulls]);
    const byob = new ReadableStream({
        type: "bytes",
        start(controller) {
            controller.enqueue(bytes("bytes"));
            controller.close();
        },
    });
    t.show("stream of type bytes", await new Response(byob).text());
    const own = stream("own");
    t.show("body is the stream itself", new Response(own).body === own);
    const transform = new TransformStream();
    const writer = transform.writable.getWriter();
    const result = new Response(transform.readable).text();
    await writer.write(bytes("through"));
    await writer.close();
    t.show("transform stream", await result);
    const { readable, writable } = new IdentityTransformStream();
    const other = new Response(readable).text();
    const identity = writable.getWriter();
    await identity.write(bytes("identity"));
    await identity.close();
    t.show("identity transform stream", await other);
    t.show("from async iteration", await collect(new Response("iterated").body));
}

async function collect(body) {
    let text = "";
    for await (const chunk of body) {
        text += new TextDecoder().decode(chunk);
    }
    return text;
}

async function failing(t) {
    const failing = () =>
        new ReadableStream({
            start(controller) {
                controller.enqueue(bytes("a"));
                controller.error(new RangeError("broken"));
            },
        });
    const pulling = () =>
        new ReadableStream({
            pull() {
                throw new RangeError("broken pull");
            },
        });
    for (const method of ["text", "json", "arrayBuffer", "bytes", "blob"]) {
        await t.throws(`${method} of a failed stream`, () => new Response(failing())[method]());
        await t.throws(`${method} of a failing pull`, () => new Response(pulling())[method]());
        await t.throws(`${method} of a stream of texts`, () => new Response(stream2("text"))[method]());
        await t.throws(`${method} of a stream of numbers`, () => new Response(stream2(5))[method]());
    }
}

const stream2 = (chunk) =>
    new ReadableStream({
        start(controller) {
            controller.enqueue(chunk);
            controller.close();
        },
    });

async function reading(t) {
    const reader = new Response("chunk").body.getReader();
    const first = await reader.read();
    t.show("first read", [first.done, first.value instanceof Uint8Array, new TextDecoder().decode(first.value)]);
    t.show("second read", await reader.read());
    t.show("closed", await reader.closed);
    const byob = new Response("0123456789").body.getReader({ mode: "byob" });
    const part = await byob.read(new Uint8Array(4));
    t.show("byob read", [part.done, new TextDecoder().decode(part.value)]);
    const rest = await byob.read(new Uint8Array(20));
    t.show("byob rest", [rest.done, new TextDecoder().decode(rest.value)]);
    const end = await byob.read(new Uint8Array(5));
    t.show("byob end", [end.done, end.value?.length]);
    const [one, two] = new Response("tee").body.tee();
    t.show("tee", [await new Response(one).text(), await new Response(two).text()]);
    const half = new Response("half");
    const [left] = half.body.tee();
    t.show("tee locks", [half.body.locked, half.bodyUsed, await new Response(left).text(), half.bodyUsed]);
    t.show("cancel returns", await new Response("x").body.cancel("why"));
    const big = new Uint8Array(200000).fill(65);
    t.show("a big body", (await new Response(new Response(big).body).text()).length);
}

async function blobs(t) {
    const type = async (headers, body = "x") => (await new Response(body, { headers }).blob()).type;
    t.show("blob type of a text", await type({}));
    t.show("blob type of a header", await type({ "content-type": "IMAGE/png; A=B" }));
    t.show("blob type of no header", await type({}, new Uint8Array(1)));
    t.show("blob type that is no type", await type({ "content-type": "nonsense" }));
    t.show("blob type with a quoted parameter", await type({ "content-type": 'a/b; c="d e"; f=g' }));
    t.show(
        "blob type of several",
        await type([
            ["content-type", "a/b"],
            ["content-type", "c/d"],
        ]),
    );
    t.show("blob type of nothing", (await new Response(null).blob()).type);
    t.show("blob text", await (await new Response("text").blob()).text());
}

async function forms(t) {
    const form = (body, type) =>
        new Response(body, type === undefined ? {} : { headers: { "content-type": type } }).formData();
    const entries = async (body, type) => [...(await form(body, type))].map(([name, value]) => [name, show(value)]);
    t.show("urlencoded", await entries("a=1&b=2+3&c=%C3%A4&a=x&=y&z&&", "application/x-www-form-urlencoded"));
    t.show("urlencoded with charset", await entries("a=1", "application/x-www-form-urlencoded;charset=UTF-8"));
    t.show("urlencoded in another case", await entries("a=1", "Application/X-WWW-Form-Urlencoded"));
    await t.throws("urlencoded with another charset", () =>
        entries("a=1", "application/x-www-form-urlencoded; charset=latin1"),
    );
    t.show("urlencoded of nothing", await entries("", "application/x-www-form-urlencoded"));
    t.show("urlencoded of null", await entries(null, "application/x-www-form-urlencoded"));
    t.show("urlencoded of bad escapes", await entries("a=%zz&b=%&c=%ff&%61=1=2", "application/x-www-form-urlencoded"));
    t.show("urlencoded of search params", await entries(new URLSearchParams({ q: "a b&c" })));
    await t.throws("no type", () => form(new Uint8Array(1)));
    await t.throws("text type", () => form("x"));
    await t.throws("invalid type", () => form("x", "x"));
    await t.throws("json type", () => form("{}", "application/json"));
    await t.throws("multipart without a boundary", () => form("x", "multipart/form-data"));
    await t.throws("multipart of another kind", () => form("x", "multipart/mixed; boundary=b"));
    const used = new Response("a=1", { headers: { "content-type": "application/x-www-form-urlencoded" } });
    await used.formData();
    await t.throws("form twice", () => used.formData());
    t.show("form uses the body", used.bodyUsed);
}

async function order(t) {
    const seen = [];
    const response = new Response("x");
    const promise = response.text().then(() => seen.push("text"));
    Promise.resolve().then(() => seen.push("job"));
    seen.push("sync");
    await promise;
    t.show("text comes later", seen[0]);
    t.show(
        "subclass of Response",
        await new (class extends Response {
            async text() {
                return `my ${await super.text()}`;
            }
        })("x").text(),
    );
    const names = ["text", "json", "arrayBuffer", "bytes", "blob", "formData"];
    t.show(
        "same functions of Request and Response",
        names.map((name) => Request.prototype[name] === Response.prototype[name]),
    );
    t.show("Body is a class of its own", [
        typeof globalThis.Body,
        Object.getPrototypeOf(Request.prototype).constructor.name,
    ]);
    t.show(
        "Request and Response are Bodies",
        [Request, Response].map((made) => Object.getPrototypeOf(made.prototype).constructor.name),
    );
    t.show(
        "methods of Body",
        names.map((name) => Object.hasOwn(Object.getPrototypeOf(Request.prototype), name)),
    );
}
