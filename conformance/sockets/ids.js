// Names, ids and stubs.
import { cases } from "./cases.js";
import { describe, transcript } from "./transcript.js";

const hex = "0123456789abcdef";
const reported = (run) => ({
    async entry(request, stub, env, ctx) {
        return transcript((t) => run(t, env.SUBJECT, env)).fetch(request, env, ctx);
    },
    steps: `report x`,
});

export const { Subject, Hop, worker } = cases({
    ids: reported(async (t, ns) => {
        const id = ns.idFromName("one");
        t.show("text", [typeof id.toString(), id.toString().length, /^[0-9a-f]{64}$/.test(id.toString())]);
        t.show("the id of a name", id.toString());
        t.show("the id of an empty name", ns.idFromName("").toString());
        t.show("the id of a wide name", ns.idFromName("ünï 😀").toString());
        t.show("own keys", Object.keys(id).sort());
        t.show("tag", Object.prototype.toString.call(id));
        t.show("class", id.constructor.name);
        t.show("name", id.name);
        t.show("jurisdiction", id.jurisdiction);
        t.show("again", ns.idFromName("one").equals(id));
        t.show("same object", ns.idFromName("one") === id);
        t.show("other", ns.idFromName("two").equals(id));
        t.show("json", JSON.stringify(id) === JSON.stringify({ name: "one" }));
        const read = ns.idFromString(id.toString());
        t.show("read", [read.equals(id), read.name, read.toString() === id.toString()]);
        const fresh = ns.newUniqueId();
        t.show("fresh", [fresh.name, fresh.toString().length, fresh.equals(ns.newUniqueId())]);
        t.show("fresh read", ns.idFromString(fresh.toString()).equals(fresh));
        await t.throws("upper case", () => ns.idFromString(id.toString().toUpperCase()).toString() === id.toString());
        for (const [label, text] of [["empty", ""], ["short", "abc"], ["63", hex.repeat(4).slice(1)], ["65", `${hex.repeat(4)}0`]]) {
            await t.throws(`string ${label}`, () => ns.idFromString(text));
        }
        await t.throws("string of no digits", () => ns.idFromString("z".repeat(64)));
        await t.throws("string of another namespace", () => ns.idFromString(hex.repeat(4)));
        await t.throws("string of nothing", () => ns.idFromString());
        await t.throws("equals nothing", () => id.equals());
        await t.throws("equals text", () => id.equals(id.toString()));
        await t.throws("equals null", () => id.equals(null));
        await t.throws("name of a number", () => ns.idFromName(5).name);
        await t.throws("name of undefined", () => ns.idFromName(undefined).name);
        await t.throws("name of nothing", () => ns.idFromName());
        await t.throws("name of null", () => ns.idFromName(null).name);
        await t.throws("clone", () => structuredClone(id));
        await t.throws("new", () => new id.constructor());
        await t.throws("jurisdiction eu", () => ns.newUniqueId({ jurisdiction: "eu" }));
        await t.throws("jurisdiction null", () => typeof ns.newUniqueId({ jurisdiction: null }).toString());
        await t.throws("jurisdiction undefined", () => typeof ns.newUniqueId({ jurisdiction: undefined }).toString());
        await t.throws("subnamespace", () => ns.jurisdiction("eu"));
        t.show("long name", ns.idFromName("x".repeat(1025)).name?.length);
    }),
    stubs: reported(async (t, ns) => {
        const id = ns.idFromName("answers");
        const stub = ns.get(id);
        t.show("own keys", Object.keys(stub).sort());
        t.show("name", stub.name);
        t.show("id", [stub.id.equals(id), stub.id === id]);
        t.show("tag", Object.prototype.toString.call(stub));
        t.show("class", stub.constructor.name);
        t.show("instanceof Object", stub instanceof Object);
        t.show("fetch", typeof stub.fetch);
        t.show("then", typeof stub.then);
        t.show("is not the same", ns.get(id) === stub);
        stub.mine = 1;
        t.show("extended", stub.mine);
        t.show("unique name", ns.get(ns.newUniqueId()).name);
        t.show("by name", ns.getByName("answers").id.equals(id));
        await t.throws("get nothing", () => ns.get());
        await t.throws("get a text", () => ns.get("answers"));
        await t.throws("get null", () => ns.get(null));
        await t.throws("get with a hint", () => ns.get(id, { locationHint: "weur" }).name);
        await t.throws("get with a wrong hint", () => ns.get(id, { locationHint: "nowhere" }).name);
        await t.throws("get with a mode", () => ns.get(id, { routingMode: "primary-only" }).name);
        await t.throws("get with a wrong mode", () => ns.get(id, { routingMode: "other" }).name);
        await t.throws("by name of nothing", () => ns.getByName());
        await t.throws("by name of a number", () => ns.getByName(5).name);
        t.show("namespace keys", Object.keys(ns));
        t.show("namespace class", ns.constructor.name);
        t.show("namespace tag", Object.prototype.toString.call(ns));
    }),
    fetches: reported(async (t, ns) => {
        const stub = ns.getByName("answers");
        const text = async (...args) => (await stub.fetch(...args)).text();
        await t.throws("url", () => text("http://any.host/answers/?x=1"));
        await t.throws("URL", () => text(new URL("https://any.host:81/answers/")));
        await t.throws("request", () => text(new Request("http://x/answers/", { method: "POST", body: "hello" })));
        await t.throws("init", () => text("http://x/answers/", { method: "PUT", body: "hello", headers: { "x-mine": "1" } }));
        await t.throws("request and init", () => text(new Request("http://x/answers/"), { method: "DELETE" }));
        await t.throws("fragment", () => text("http://x/answers/#part"));
        await t.throws("password", () => text("http://user:pass@x/answers/"));
        await t.throws("nothing", () => stub.fetch());
        await t.throws("other scheme", () => text("ftp://x/answers/"));
        await t.throws("own header", async () => (await stub.fetch("http://x/answers/")).headers.get("x-answer"));
        await t.throws("url of the response", async () => (await stub.fetch("http://x/answers/?y")).url);
        await t.throws("redirected", async () => (await stub.fetch("http://x/answers/?redirect")).status);
        await t.throws("followed", async () => (await stub.fetch("http://x/answers/?redirect", { redirect: "manual" })).status);
        await t.throws("status 599", async () => (await stub.fetch("http://x/answers/?status=599")).status);
        await t.throws("aborted", () => stub.fetch("http://x/answers/", { signal: AbortSignal.abort() }));
        await t.throws("get with a body", () => text("http://x/answers/", { body: "x" }));
    }),
    answers: {
        async fetch(room, request) {
            const url = new URL(request.url);
            if (url.searchParams.has("redirect")) return Response.redirect("http://x/answers/?after", 302);
            const status = Number(url.searchParams.get("status") ?? 200);
            const { method, redirect, headers, cf } = request;
            const text = `${method} ${request.url} ${await request.text()} ${headers.get("x-mine")} ${headers.get("content-type")} ${redirect}`;
            return new Response(text, { status, headers: { "x-answer": "yes" } });
        },
        steps: `get x?q`,
    },
    inside: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const { id } = room.ctx;
                t.show("name", id.name);
                t.show("same as outside", id.equals(room.env.SUBJECT.idFromName("inside")));
                t.show("same object", room.ctx.id === room.ctx.id);
                t.show("text", id.toString() === room.env.SUBJECT.idFromName("inside").toString());
                t.show("keys of ctx", Object.keys(room.ctx).filter((key) => ["id", "storage", "props", "exports"].includes(key)).sort());
                t.show("class of ctx", room.ctx.constructor.name);
                t.show("class", room.constructor.name);
                t.show("instanceof", Object.getPrototypeOf(Object.getPrototypeOf(room)).constructor.name);
                t.show("env", room.env === room.env);
                t.show("props", room.ctx.props);
            });
        },
        steps: `report x`,
    },
    order: {
        fetch(room, request) {
            room.note(new URL(request.url).search);
            return new Response("x");
        },
        async entry(request, stub) {
            await Promise.all([1, 2, 3, 4, 5].map((number) => stub.fetch(`http://x/order/?${number}`)));
            return new Response("done");
        },
        steps: `get x
            log 5`,
    },
    oneInstance: {
        fetch(room) {
            room.calls = (room.calls ?? 0) + 1;
            return new Response(String(room.calls));
        },
        async entry(request, stub, env) {
            const ns = env.SUBJECT;
            const id = ns.idFromName("oneInstance");
            const answers = [];
            for (const one of [stub, ns.get(id), ns.get(ns.idFromString(id.toString())), ns.getByName("oneInstance")]) {
                answers.push(await (await one.fetch("http://x/oneInstance/")).text());
            }
            return new Response(answers.join(" "));
        },
        steps: `get x`,
    },
    lazy: {
        construct: (room) => room.note("constructed"),
        entry: (request, stub) => new Response(stub.name),
        steps: `get x
            log 0`,
    },
    longName: {
        async entry(request, stub, env) {
            const name = "x".repeat(2000);
            const ids = [env.SUBJECT.idFromName(name), env.SUBJECT.idFromName(name)];
            return new Response(describe([ids[0].equals(ids[1]), ids[0].name?.length]));
        },
        steps: `get x`,
    },
});
export { worker as default };
