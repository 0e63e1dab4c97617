// Sockets that hibernate: what can be asked of them and of `ctx`, in every state.
import { attempt, cases } from "./cases.js";
import { describe } from "./transcript.js";

const echo = { message: (_, ws, message) => ws.send(`echo ${message}`) };
/** What a socket says of itself. */
const about = (room, ws) => {
    const tags = attempt(() => room.ctx.getTags(ws));
    return `state ${ws.readyState}, ${attempt(() => ws.deserializeAttachment())}, tags ${tags}`;
};
const order = (room, tag) => room.ctx.getWebSockets(tag).map((ws) => room.ctx.getTags(ws).join("+")).join(" ");
/** What still works. */
const tries = (room, ws) => [
    about(room, ws),
    attempt(() => ws.send("x")),
    attempt(() => ws.close(4002, "again")),
    `listed ${room.ctx.getWebSockets().includes(ws)}`,
    attempt(() => ws.serializeAttachment(2)),
    about(room, ws),
    attempt(() => ws.accept()),
    attempt(() => room.ctx.acceptWebSocket(ws)),
    attempt(() => room.ctx.getWebSocketAutoResponseTimestamp(ws)),
];

export const { Subject, Hop, worker } = cases({
    kinds: {
        message(room, ws, message) {
            room.note(`${typeof message} ${describe(message)}`);
            ws.send(message);
            if (typeof message !== "string") {
                ws.send(new Uint8Array(message, 1));
                ws.send(new Uint16Array([513]));
                ws.send(new DataView(message, 0, 1));
                ws.send(new ArrayBuffer(0));
            }
        },
        steps: `open a
                send a hello
                send a
                send a ünï 😀
                recv a 3
                bytes a 01 02 ff
                recv a 5
                long a 70000
                long a 126
                recv a 2
                frame a 01 one
                frame a 00 two
                frame a 80 three
                recv a
                frame a 02 one
                frame a 80
                recv a 5`,
    },
    coerced: {
        message(room, ws) {
            for (const value of [5, null, undefined, true, {}, [1, 2], 1n, new Date(NaN), { toString: () => "mine" }]) {
                ws.send(value);
            }
            ws.send(attempt(() => ws.send()));
            ws.send(attempt(() => ws.send(Symbol("x"))));
            ws.send(attempt(() => ws.send({ toString() { throw new Error("no text"); } })));
            ws.send("\ud800 lone");
            ws.send(new Blob(["x"]));
            ws.send("one", "two");
        },
        steps: `open a
                send a ?
                recv a 15`,
    },
    copied: {
        message(room, ws) {
            const bytes = new Uint8Array([1, 2, 3]);
            ws.send(bytes);
            bytes[0] = 9;
            ws.send(bytes);
        },
        steps: `open a
                send a ?
                recv a 2`,
    },
    order: {
        message(room, ws, message) {
            ws.send(order(room));
            ws.send(order(room, "red"));
            ws.send(order(room, "nobody"));
            ws.send(attempt(() => room.ctx.getWebSockets(undefined).length));
            ws.send(attempt(() => room.ctx.getWebSockets(null).length));
            ws.send(attempt(() => room.ctx.getWebSockets("").length));
            ws.send(attempt(() => room.ctx.getWebSockets(5).length));
        },
        steps: `open a ?tag=a&tag=red
                open b ?tag=b
                open c ?tag=c&tag=red
                open d ?tag=red&tag=d
                send a ?
                recv a 7
                close b 1000
                recv b
                until 1
                send a ?
                recv a 7`,
        closed: (_, ws) => ws.close(),
    },
    tags: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const accept = (tags) => {
                    const [, ws] = Object.values(new WebSocketPair());
                    room.ctx.acceptWebSocket(ws, tags);
                    return room.ctx.getTags(ws);
                };
                const list = (count) => Array.from({ length: count }, (_, number) => `t${number}`);
                await t.throws("none", () => accept());
                await t.throws("undefined", () => accept(undefined));
                await t.throws("null", () => accept(null));
                await t.throws("text", () => accept("abc"));
                await t.throws("empty list", () => accept([]));
                await t.throws("twice", () => accept(["a", "b", "a"]));
                await t.throws("empty tag", () => accept([""]));
                await t.throws("numbers", () => accept([1, null, undefined, {}]));
                await t.throws("ten", () => accept(list(10)));
                await t.throws("eleven", () => accept(list(11)));
                await t.throws("eleven, two alike", () => accept([...list(10), "t0"]));
                await t.throws("256", () => accept(["x".repeat(256)]).map((tag) => tag.length));
                await t.throws("257", () => accept(["x".repeat(257)]));
                await t.throws("wide 128", () => accept(["é".repeat(128)]).map((tag) => tag.length));
                await t.throws("wide 129", () => accept(["é".repeat(129)]));
                await t.throws("a set", () => accept(new Set(["s"])));
                await t.throws("a number", () => accept(5));
                await t.throws("no socket", () => room.ctx.acceptWebSocket());
                await t.throws("an object", () => room.ctx.acceptWebSocket({}));
                await t.throws("tags of an object", () => room.ctx.getTags({}));
                await t.throws("tags of nothing", () => room.ctx.getTags());
                await t.throws("tags of a new one", () => room.ctx.getTags(new WebSocketPair()[0]));
                const [, standard] = Object.values(new WebSocketPair());
                standard.accept();
                await t.throws("tags of a standard one", () => room.ctx.getTags(standard));
                await t.throws("accept a standard one", () => room.ctx.acceptWebSocket(standard));
                const [one, other] = Object.values(new WebSocketPair());
                room.ctx.acceptWebSocket(other, ["other"]);
                await t.throws("accept twice", () => room.ctx.acceptWebSocket(other));
                await t.throws("accept after", () => other.accept());
                await t.throws("accept the other end", () => room.ctx.acceptWebSocket(one));
                const [client, server] = Object.values(new WebSocketPair());
                room.ctx.acceptWebSocket(client, ["client"]);
                await t.throws("either end", () => room.ctx.getTags(client));
                const list2 = room.ctx.getTags(other);
                list2.push("mine");
                t.show("a copy", room.ctx.getTags(other));
                t.show("listed", room.ctx.getWebSockets("other")[0] === other);
                t.show("array", Array.isArray(room.ctx.getWebSockets()));
            });
        },
        steps: `report tags`,
    },
    attachments: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const [client, ws] = Object.values(new WebSocketPair());
                t.show("before", ws.deserializeAttachment());
                ws.serializeAttachment("early");
                t.show("before accept", ws.deserializeAttachment());
                t.show("other end", client.deserializeAttachment());
                room.ctx.acceptWebSocket(ws);
                t.show("after accept", ws.deserializeAttachment());
                const value = { list: [1, "two", new Date(0)], map: new Map([[1, new Set([2])]]), bytes: new Uint8Array(2) };
                ws.serializeAttachment(value);
                value.list.push("later");
                t.show("object", ws.deserializeAttachment());
                t.show("fresh", ws.deserializeAttachment() === ws.deserializeAttachment());
                ws.serializeAttachment(undefined);
                t.show("undefined", ws.deserializeAttachment());
                ws.serializeAttachment(null);
                t.show("null", ws.deserializeAttachment());
                ws.serializeAttachment(0);
                t.show("0", ws.deserializeAttachment());
                await t.throws("no argument", () => ws.serializeAttachment());
                await t.throws("function", () => ws.serializeAttachment(() => 1));
                await t.throws("symbol", () => ws.serializeAttachment(Symbol("x")));
                await t.throws("socket", () => ws.serializeAttachment(ws));
                t.show("kept", ws.deserializeAttachment());
                for (const length of [16_379, 16_380, 16_381, 16_384, 20_000]) {
                    await t.throws(`${length}`, () => ws.serializeAttachment("x".repeat(length)));
                    t.show(`has after ${length}`, String(ws.deserializeAttachment()).length);
                }
                const [, fresh] = Object.values(new WebSocketPair());
                await t.throws("too large on a new one", () => fresh.serializeAttachment("x".repeat(20_000)));
                t.show("nothing there", fresh.deserializeAttachment());
            });
        },
        steps: `report attachments`,
    },
    identity: {
        message(room, ws, message) {
            if (message === "mark") {
                ws.mark = "marked";
                room.known = new WeakSet([ws]);
                Object.defineProperty(ws, "readyState", { value: "mine" });
            }
            const [listed] = room.ctx.getWebSockets();
            ws.send(`${ws.mark} ${room.known.has(ws)} ${listed === ws} ${listed.mark} ${ws.readyState}`);
        },
        closed(room, ws) {
            room.note(`${ws.mark} ${room.known.has(ws)} ${room.ctx.getWebSockets()[0] === ws}`);
            ws.close();
        },
        steps: `open a
                send a mark
                send a ?
                recv a 2
                close a 1000
                recv a
                log 2`,
    },
    states: {
        fetch(room, request) {
            const [client, ws] = Object.values(new WebSocketPair());
            room.note(`new: ${about(room, ws)}`);
            room.note(`send: ${attempt(() => ws.send("x"))}`);
            room.note(`close: ${attempt(() => ws.close())}`);
            room.ctx.acceptWebSocket(ws);
            room.ws = ws;
            room.note(`accepted: ${about(room, ws)}`);
            room.note(`accept: ${attempt(() => ws.accept())}`);
            return new Response(null, { status: 101, webSocket: client });
        },
        message(room, ws, message) {
            room.note(`open: ${about(room, ws)}`);
            ws.close(4000, "mine");
            for (const line of tries(room, ws)) {
                room.note(`closing: ${line}`);
            }
        },
        closed(room, ws) {
            for (const line of tries(room, ws)) {
                room.note(`closed: ${line}`);
            }
        },
        entry(request, stub) {
            return stub.fetch(request);
        },
        steps: `open a
                send a ?
                recv a
                close a 4000 theirs
                log 25`,
    },
    statesAfterTheirs: {
        fetch(room, request) {
            if (!request.headers.has("upgrade")) {
                return new Response(tries(room, room.ws).join("\n"));
            }
            const response = room.accept(request);
            [room.ws] = room.ctx.getWebSockets();
            return response;
        },
        async closed(room, ws) {
            for (const line of tries(room, ws)) {
                room.note(`at once: ${line}`);
            }
            await scheduler.wait(5);
            for (const line of tries(room, ws)) {
                room.note(`later: ${line}`);
            }
        },
        steps: `open a
                close a 1001 leaving
                recv a 2
                log 19
                get again`,
    },
    constants: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const pair = new WebSocketPair();
                t.show("pair keys", Object.keys(pair));
                t.show("pair spread", [...pair].length);
                t.show("pair values", Object.values(pair).every((end) => end instanceof WebSocket));
                t.show("pair name", pair.constructor.name);
                t.show("pair tag", Object.prototype.toString.call(pair));
                t.show("pair length", pair.length);
                t.show("pair first is 0", [...pair][0] === pair[0]);
                await t.throws("pair without new", () => WebSocketPair());
                t.show("pair with arguments", Object.keys(new WebSocketPair(1, 2)));
                const ws = pair[1];
                t.show("tag", Object.prototype.toString.call(ws));
                t.show("own keys", Object.getOwnPropertyNames(ws));
                t.show("keys", Object.keys(ws));
                t.show("is an EventTarget", ws instanceof EventTarget);
                for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]) {
                    t.show(name, [WebSocket[name], ws[name], WebSocket[`READY_STATE_${name}`], ws[`READY_STATE_${name}`]]);
                }
                for (const name of ["readyState", "url", "protocol", "extensions", "binaryType", "bufferedAmount"]) {
                    t.show(name, ws[name]);
                    const where = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
                    t.show(`${name} is`, where === undefined ? "not there" : [typeof where.get, typeof where.set, where.enumerable]);
                }
                t.show("onmessage", [ws.onmessage, ws.onclose, ws.onerror, ws.onopen]);
                t.show("has onmessage", "onmessage" in ws);
                t.show("lengths", [WebSocket.length, ws.send.length, ws.close.length, ws.accept.length]);
                t.show("ping", typeof ws.ping);
                await t.throws("readyState set", () => { ws.readyState = 5; return ws.readyState; });
                await t.throws("foreign this", () => WebSocket.prototype.send.call({}, "x"));
                await t.throws("foreign getter", () => Object.getOwnPropertyDescriptor(WebSocket.prototype, "readyState").get.call({}));
                await t.throws("structuredClone", () => structuredClone(ws));
                t.show("json", JSON.stringify(ws));
            });
        },
        steps: `report constants`,
    },
    autoResponse: {
        fetch(room, request) {
            if (request.headers.has("upgrade")) {
                return room.accept(request);
            }
            return room.report(request, async (t) => {
                const { ctx } = room;
                const pair = (request, response) => new WebSocketRequestResponsePair(request, response);
                t.show("none", ctx.getWebSocketAutoResponse());
                const made = pair("ping", "pong");
                t.show("pair", [made.request, made.response, Object.keys(made)]);
                ctx.setWebSocketAutoResponse(made);
                const got = ctx.getWebSocketAutoResponse();
                t.show("got", [got.request, got.response, got === made]);
                await t.throws("a plain object", () => ctx.setWebSocketAutoResponse({ request: "a", response: "b" }));
                await t.throws("text", () => ctx.setWebSocketAutoResponse("ping"));
                t.show("kept", ctx.getWebSocketAutoResponse().request);
                ctx.setWebSocketAutoResponse();
                t.show("cleared", ctx.getWebSocketAutoResponse());
                await t.throws("null", () => ctx.setWebSocketAutoResponse(null));
                await t.throws("2048", () => pair("x".repeat(2048), "x".repeat(2048)).request.length);
                await t.throws("2049 request", () => ctx.setWebSocketAutoResponse(pair("x".repeat(2049), "")));
                await t.throws("2049 response", () => ctx.setWebSocketAutoResponse(pair("", "x".repeat(2049))));
                await t.throws("wide 1025", () => ctx.setWebSocketAutoResponse(pair("é".repeat(1025), "")));
                await t.throws("one argument", () => pair("x").response);
                await t.throws("no arguments", () => new WebSocketRequestResponsePair());
                await t.throws("numbers", () => [pair(1, 2).request, pair(1, null).response]);
                await t.throws("without new", () => WebSocketRequestResponsePair("a", "b"));
                await t.throws("timestamp of an object", () => ctx.getWebSocketAutoResponseTimestamp({}));
                const fresh = new WebSocketPair()[0];
                await t.throws("timestamp of a new one", () => ctx.getWebSocketAutoResponseTimestamp(fresh));
                await t.throws("empty", () => { ctx.setWebSocketAutoResponse(pair("", "")); return ctx.getWebSocketAutoResponse().request; });
                ctx.setWebSocketAutoResponse(pair("ping", "pong"));
            });
        },
        message(room, ws, message) {
            const at = room.ctx.getWebSocketAutoResponseTimestamp(ws);
            ws.send(`${describe(message)} ${at instanceof Date} ${at === null}`);
            if (message === "close") {
                ws.close(1000);
            }
        },
        steps: `open a
                send a ping
                recv a
                report auto
                send a ping
                recv a
                send a ping
                recv a
                send a ping 
                recv a
                send a PING
                recv a
                bytes a 70 69 6e 67
                recv a
                frame a 01 pi
                frame a 80 ng
                recv a
                send a close
                recv a 2
                send a ping
                send a more
                close a 1000
                log 1`,
    },
    autoOfStandard: {
        fetch(room, request) {
            room.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
            return room.standard((ws) => ws.addEventListener("message", ({ data }) => ws.send(`heard ${data}`)));
        },
        steps: `open a
                send a ping
                recv a`,
    },
    eventTimeout: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const { ctx } = room;
                const set = (value) => () => { ctx.setHibernatableWebSocketEventTimeout(value); return ctx.getHibernatableWebSocketEventTimeout(); };
                t.show("none", ctx.getHibernatableWebSocketEventTimeout());
                await t.throws("1000", set(1000));
                await t.throws("1.5", set(1.5));
                await t.throws("text", set("20"));
                await t.throws("7 days", set(604_800_000));
                await t.throws("more", set(604_800_001));
                await t.throws("negative", set(-1));
                await t.throws("NaN", set(NaN));
                await t.throws("0", set(0));
                await t.throws("5 again", set(5000));
                await t.throws("undefined", set(undefined));
                await t.throws("null", set(null));
                await t.throws("nothing", () => ctx.setHibernatableWebSocketEventTimeout());
            });
        },
        steps: `report timeout`,
    },
    throwing: {
        message(_, ws, message) {
            if (message === "sync") throw new Error("on purpose");
            if (message === "async") return Promise.reject(new Error("on purpose"));
            if (message === "later") return scheduler.wait(1).then(() => { throw new Error("on purpose"); });
            ws.send(`still ${ws.readyState}`);
        },
        closed() {
            throw new Error("in close");
        },
        steps: `open a
                send a sync
                send a async
                send a later
                send a ?
                recv a
                close a 1000 bye
                log 1
                open b
                send b ?
                recv b`,
    },
    plainHandlers: {
        construct(room) {
            room.webSocketMessage = (ws, message) => ws.send(`own ${message}`);
        },
        steps: `open a
                send a hello
                recv a`,
    },
    noHandlers: {
        construct(room) {
            room.webSocketMessage = room.webSocketClose = undefined;
        },
        fetch: (room, request) => request.headers.has("upgrade") ? room.accept(request) : new Response(String(room.ctx.getWebSockets().length)),
        steps: `open a
                send a hello
                get count`,
    },
    listeners: {
        fetch(room, request) {
            const response = room.accept(request);
            const [ws] = room.ctx.getWebSockets();
            room.note(attempt(() => ws.addEventListener("message", () => room.note("listener"))));
            ws.onmessage = () => room.note("onmessage");
            return response;
        },
        steps: `open a
                send a hello
                log 2`,
    },
    handlerArguments: {
        construct(room) {
            room.webSocketMessage = function (...args) {
                args[0].send(`${args.length} ${this === room} ${args[0] instanceof WebSocket} ${typeof args[1]}`);
            };
            room.webSocketClose = function (...args) {
                room.note(`${args.length} ${this === room} ${args.slice(1).map((value) => describe(value))}`);
                args[0].close();
            };
        },
        steps: `open a
                send a hello
                recv a
                close a
                recv a
                log 1`,
    },
    many: {
        message(room, _, message) {
            for (const ws of room.ctx.getWebSockets()) {
                ws.send(`all ${message}`);
            }
        },
        steps: `open a
                open b
                open c
                send b one
                send b two
                recv a 2
                recv b 2
                recv c 2
                drop b
                until 1
                send a three
                recv a
                recv c
                log 1`,
    },
    noneOfAnotherObject: {
        async fetch(room, request) {
            const other = room.env.SUBJECT.getByName("many");
            await other.fetch("http://x/many/", { headers: { Upgrade: "websocket" } });
            return new Response(String(room.ctx.getWebSockets().length));
        },
        steps: `get count`,
    },
    entryHasNoState: {
        async entry(request, stub, env, ctx) {
            return new Response(describe([typeof ctx.acceptWebSocket, typeof ctx.getWebSockets, typeof ctx.storage]));
        },
        steps: `get ?`,
    },
    ping: {
        ...echo,
        steps: `open a
                ping a beat
                recv a
                ping a
                recv a
                frame a 8a unasked
                send a after
                recv a
                frame a 01 first
                ping a between
                recv a
                frame a 80 last
                recv a`,
    },
});
export { worker as default };
