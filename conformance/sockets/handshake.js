// How a socket comes to its object: the handshake, and Workers that pass it on, rebuilt or not.
import { attempt, cases, note } from "./cases.js";
import { describe } from "./transcript.js";

/** What the object sees of a handshake. */
const seen = {
    fetch(room, request) {
        const url = new URL(request.url);
        const [upgrade, mine] = [request.headers.get("upgrade"), request.headers.get("x-mine")];
        room.note(`${request.method} ${url.pathname}${url.search} ${request.redirect} ${upgrade} ${mine}`);
        return room.accept(request, { "x-from": "object" });
    },
    message(room, ws, message) {
        ws.send(`echo ${message}`);
    },
};

/** The same with the headers. */
const seenAll = {
    ...seen,
    fetch(room, request) {
        const names = ["upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol"];
        for (const name of [...names, "sec-websocket-extensions"]) {
            room.note(`${name} ${describe(request.headers.get(name))}`);
        }
        return seen.fetch(room, request);
    },
};

const passed = (entry) => ({
    ...seen,
    entry,
    steps: `open a ?q=1 | X-Mine: yes
            send a hello
            recv a
            log 1`,
});

export const { Subject, Hop, worker } = cases({
    plain: {
        ...seenAll,
        steps: `open a some/path?q=1
                send a hello
                recv a
                log 7`,
    },
    offers: {
        ...seenAll,
        steps: `open a ?q=1 | Sec-WebSocket-Protocol: chat, superchat | Sec-WebSocket-Extensions: x-unknown
                log 7`,
    },
    protocolSet: {
        fetch: (room, request) => room.accept(request, { "Sec-WebSocket-Protocol": "chat" }),
        message: (_, ws) => ws.send(`${describe(ws.protocol)} ${describe(ws.extensions)} ${describe(ws.url)}`),
        steps: `open a | Sec-WebSocket-Protocol: chat, superchat
                send a ?
                recv a`,
    },
    headers: {
        fetch(room, request) {
            const response = room.accept(request, { "X-One": "1", "Content-Type": "text/plain", "Sec-WebSocket-Accept": "mine" });
            response.headers.append("Set-Cookie", "a=1");
            response.headers.append("Set-Cookie", "b=2");
            response.headers.set("Upgrade", "mine");
            return response;
        },
        steps: `open a`,
    },
    refused: {
        fetch: () => new Response("not today", { status: 403, headers: { "x-why": "because" } }),
        steps: `open a
                open b`,
    },
    ok: {
        fetch: () => new Response("no socket"),
        steps: `open a`,
    },
    noUpgrade: {
        fetch: (room, request) => room.accept(request),
        steps: `get ws`,
    },
    noUpgradeCaught: {
        fetch: (room, request) => room.accept(request),
        async entry(request, stub) {
            try {
                const response = await stub.fetch(request);
                return new Response(`${response.status} ${describe(response.webSocket)}`);
            } catch (error) {
                return new Response(describe(error));
            }
        },
        steps: `get ws`,
    },
    upgradeOfAnotherKind: {
        fetch: (_, request) => new Response(`upgrade ${request.headers.get("upgrade")}`),
        steps: `open a | Upgrade: h2c`,
    },
    mixedCase: {
        ...seen,
        steps: `open a | Upgrade: WebSocket | Connection: keep-alive, Upgrade`,
    },
    throwing: {
        fetch: () => {
            throw new TypeError("on purpose");
        },
        steps: `open a`,
    },
    dropped: {
        fetch(room, request) {
            room.accept(request);
            return new Response("changed my mind");
        },
        steps: `open a`,
    },
    thrownAfterAccept: {
        fetch(room, request) {
            room.accept(request);
            throw new Error("after the accept");
        },
        steps: `open a`,
    },
    as_is: passed((request, stub) => stub.fetch(request)),
    by_url: passed((request, stub) => stub.fetch("http://elsewhere/by_url/new?q=2", request)),
    by_request: passed((request, stub) => stub.fetch(new Request("http://elsewhere/by_request/new?q=3", request))),
    by_init: passed((request, stub) => stub.fetch(request.url, { headers: request.headers, body: request.body })),
    by_headers: passed((request, stub) => {
        const copy = new Request(request);
        copy.headers.set("X-Mine", "changed");
        return stub.fetch(copy);
    }),
    own_upgrade: passed((_, stub) => stub.fetch("http://x/own_upgrade/", { headers: { Upgrade: "websocket" } })),
    by_service: passed((request, _, env) => env.HOP.fetch(request)),
    by_service_rebuilt: passed((request, _, env) => env.HOP.fetch(new Request(request, { headers: request.headers }))),
    response_rebuilt: passed(async (request, stub) => {
        const response = await stub.fetch(request);
        const copy = new Response(response.body, response);
        copy.headers.set("X-Entry", "1");
        return copy;
    }),
    response_parts: passed(async (request, stub) => {
        const { webSocket, headers } = await stub.fetch(request);
        return new Response(null, { status: 101, webSocket, headers });
    }),
    response_without_headers: passed(async (request, stub) => {
        const { webSocket } = await stub.fetch(request);
        return new Response(null, { status: 101, webSocket });
    }),
    response_edited: {
        ...seen,
        async entry(request, stub) {
            const response = await stub.fetch(request);
            note("response_edited", attempt(() => response.headers.set("x-entry", "1")));
            note("response_edited", attempt(() => response.clone()));
            note("response_edited", `${response.status} ${describe(response.statusText)} ${describe(response.body)}`);
            note("response_edited", `${describe(response.webSocket)} ${response.ok} ${response.bodyUsed}`);
            note("response_edited", `${describe(response.headers.get("upgrade"))} ${describe(response.url)}`);
            return response;
        },
        steps: `open a
                send a hello
                recv a
                log 6`,
    },
    response_texts: {
        async fetch(room, request) {
            const [status, statusText] = new URL(request.url).pathname.split("/").slice(2);
            return new Response(null, { status: Number(status), statusText });
        },
        async entry(request, stub) {
            const said = [];
            for (const path of ["200/", "201/", "204/", "207/", "299/", "302/", "404/", "418/", "422/", "451/", "500/", "599/", "200/Mine"]) {
                const response = await stub.fetch(`http://x/response_texts/${path}`, { redirect: "manual" });
                said.push(`said ${path}: ${response.status} ${describe(response.statusText)}\n`);
            }
            return new Response(said.join(""));
        },
        steps: `report texts`,
    },
    response_swallowed: {
        async entry(request, stub) {
            const response = await stub.fetch(request);
            return new Response(`had ${describe(response.webSocket)}`);
        },
        steps: `open a
                log 1`,
    },
    response_refused_after: {
        async entry(request, stub) {
            const response = await stub.fetch(request);
            response.webSocket.accept();
            response.webSocket.close(4000, "no");
            return new Response("refused", { status: 401 });
        },
        steps: `open a
                log 1`,
    },
    without_socket: {
        entry: () => new Response(null, { status: 101 }),
        steps: `open a`,
    },
    without_upgrade: {
        entry: (request) => new Response(null, { status: 101, webSocket: new WebSocketPair()[0] }),
        steps: `get ws`,
    },
    entry_accepts: {
        entry(request) {
            const [client, server] = Object.values(new WebSocketPair());
            server.accept();
            server.addEventListener("message", ({ data }) => server.send(`entry ${data}`));
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a
                send a one
                send a two
                recv a 2
                close a 1000 done
                recv a`,
    },
    responses: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const pair = () => new WebSocketPair();
                const init = (more) => ({ status: 101, webSocket: pair()[0], ...more });
                const build = (label, body, init) => t.throws(label, () => new Response(body, init).status);
                await build("101 with a socket", null, init());
                await build("101 alone", null, { status: 101 });
                await build("a socket with 200", null, init({ status: 200 }));
                await build("a socket without a status", null, { webSocket: pair()[0] });
                await build("a socket and a body", "text", init());
                await build("a socket that is null", null, { status: 200, webSocket: null });
                await build("a socket that is undefined", null, { status: 200, webSocket: undefined });
                await build("a socket that is none", null, { status: 101, webSocket: {} });
                await build("101 with null", null, { status: 101, webSocket: null });
                const response = new Response(null, init({ statusText: "Mine" }));
                t.show("statusText", response.statusText);
                t.show("webSocket", response.webSocket);
                t.show("same webSocket", response.webSocket === response.webSocket);
                t.show("webSocket of others", new Response("x").webSocket);
                await t.throws("clone", () => response.clone());
                t.show("of its copy", new Response(response.body, response).webSocket === response.webSocket);
                const accepted = pair();
                accepted[1].accept();
                await build("a socket that is accepted", null, { status: 101, webSocket: accepted[1] });
                await build("its other end", null, { status: 101, webSocket: accepted[0] });
                const slept = pair();
                room.ctx.acceptWebSocket(slept[1]);
                await build("a socket that hibernates", null, { status: 101, webSocket: slept[1] });
                const used = pair();
                await build("used once", null, { status: 101, webSocket: used[0] });
                await build("used twice", null, { status: 101, webSocket: used[0] });
                await t.throws("accept after use", () => used[0].accept());
                await t.throws("other end accepts after use", () => used[1].accept());
                for (const end of [accepted[1], slept[1], used[1]]) {
                    try { end.close(); } catch {}
                }
            });
        },
        steps: `report responses`,
    },
    usedTwice: {
        fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            room.ctx.acceptWebSocket(server);
            const first = new Response(null, { status: 101, webSocket: client });
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a`,
    },
    acceptedReturned: {
        fetch(_, request) {
            const [client, server] = Object.values(new WebSocketPair());
            client.accept();
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a`,
    },
    returnedThenUsed: {
        fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            room.ctx.acceptWebSocket(server);
            room.client = client;
            return new Response(null, { status: 101, webSocket: client });
        },
        message(room, ws) {
            ws.send(attempt(() => room.client.send("x")));
            ws.send(attempt(() => room.client.close()));
            ws.send(attempt(() => room.client.accept()));
            ws.send(attempt(() => room.client.readyState));
            ws.send(attempt(() => room.ctx.acceptWebSocket(room.client)));
            ws.send(attempt(() => new Response(null, { status: 101, webSocket: room.client }).status));
        },
        steps: `open a
                send a ?
                recv a 6`,
    },
    sentBeforeResponse: {
        fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            room.ctx.acceptWebSocket(server);
            server.send("early");
            server.send(new Uint8Array([1]));
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a
                recv a 2`,
    },
    closedBeforeResponse: {
        fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            room.ctx.acceptWebSocket(server);
            server.send("early");
            server.close(4001, "sorry");
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a
                recv a 2
                close a 4001 sorry
                log 1`,
    },
    sentLater: {
        async fetch(room, request) {
            const response = room.accept(request);
            room.ctx.getWebSockets()[0].send("before the wait");
            await scheduler.wait(20);
            room.ctx.getWebSockets()[0].send("after the wait");
            return response;
        },
        steps: `open a
                recv a 2`,
    },
    websocketScheme: passed((request, stub) => stub.fetch("ws://elsewhere/websocketScheme/", request)),
    afterwards: {
        async entry(request, stub, env, ctx) {
            const response = await stub.fetch(request);
            ctx.waitUntil(scheduler.wait(1).then(() => note("afterwards", `later ${describe(response.webSocket)}`)));
            return response;
        },
        message: (_, ws, message) => ws.send(message),
        steps: `open a
                until 1
                send a still here
                recv a
                log 1`,
    },
    method: {
        ...seen,
        steps: `open a | Sec-WebSocket-Version: 8
                open b | Sec-WebSocket-Key:
                open c | Connection: close`,
    },
});
export { worker as default };
