// WebSockets that a Worker or an object opens itself, to this very server.
import { LOST, attempt, cases, note } from "./cases.js";
import { describe } from "./transcript.js";

/** Where the server of a request is found. */
const at = (request, name, scheme = "ws") => `${scheme}://${new URL(request.url).host}/${name}/`;
/** Resolves when such an event comes, or when it has not come for long. */
const next = (ws, type) =>
    Promise.race([scheduler.wait(1000), new Promise((resolve) => ws.addEventListener(type, resolve, { once: true }))]);
const follow = (ws, lines) => {
    for (const type of ["open", "message", "close", "error"]) {
        ws.addEventListener(type, (event) => {
            const { message, data, code, reason, wasClean } = event;
            if (message === LOST) return;
            const said = { open: [], message: [data], close: [code, reason, wasClean], error: [message] }[type];
            lines.push(`${type} ${describe(said)} ${ws.readyState}`);
        });
    }
};
/** A socket of `fetch` to the case with this name, and what aborts it. */
const abortable = async (request, name) => {
    const controller = new AbortController();
    const headers = { Upgrade: "websocket" };
    const response = await fetch(at(request, name, "http"), { headers, signal: controller.signal });
    return { controller, ws: response.webSocket };
};
/** Names of objects that a client has told to have it aborted. */
const toAbort = new Set();
const tell = (room) => void toAbort.add(room.name);
const told = async (name) => {
    while (!toAbort.has(name)) await scheduler.wait(5);
};
const reported = (run, more = {}) => ({
    async entry(request, stub, env) {
        if (request.headers.has("upgrade")) return stub.fetch(request);
        const lines = [];
        try {
            await run(lines, request, env);
        } catch (error) {
            lines.push(`stops ${describe(error)}`);
        }
        return new Response(lines.map((line, number) => `said ${number + 1}: ${line}\n`).join(""));
    },
    steps: `report x`,
    ...more,
});

export const { Subject, Hop, worker } = cases({
    echo: {
        fetch(room, request) {
            const protocol = request.headers.get("sec-websocket-protocol");
            room.note(`${request.method} ${describe(protocol)} ${describe(request.headers.get("sec-websocket-version"))}`);
            return request.headers.has("upgrade")
                ? room.accept(request, protocol ? { "Sec-WebSocket-Protocol": protocol.split(",")[0] } : {})
                : new Response("no upgrade", { status: 400 });
        },
        message: (_, ws, message) => (message === "close" ? ws.close(4001, "asked") : ws.send(message)),
        closed: (_, ws, code) => ws.close(1000, "answer"),
        steps: `get x`,
    },
    talk: reported(async (lines, request) => {
        const ws = new WebSocket(at(request, "echo"));
        lines.push(`${ws.readyState} ${ws.url === at(request, "echo")} ${describe(ws.protocol)} ${ws.binaryType}`);
        follow(ws, lines);
        await next(ws, "open");
        ws.send("hello");
        await next(ws, "message");
        ws.send(new Uint8Array([1, 2]));
        await next(ws, "message");
        ws.close(1000, "bye");
        lines.push(`state ${ws.readyState}`);
        await next(ws, "close");
    }),
    closedByServer: reported(async (lines, request) => {
        const ws = new WebSocket(at(request, "echo"));
        follow(ws, lines);
        await next(ws, "open");
        ws.send("close");
        await next(ws, "close");
        lines.push(attempt(() => ws.send("x")));
    }),
    sendTooEarly: reported(async (lines, request) => {
        const ws = new WebSocket(at(request, "echo"));
        lines.push(attempt(() => ws.send("early")));
        lines.push(attempt(() => ws.accept()));
        follow(ws, lines);
        await next(ws, "message");
        ws.close();
    }),
    closeTooEarly: reported(async (lines, request) => {
        const ws = new WebSocket(at(request, "echo"));
        follow(ws, lines);
        lines.push(attempt(() => ws.close(1000)));
        await next(ws, "close");
    }),
    protocols: reported(async (lines, request) => {
        for (const protocols of ["chat", ["chat", "other"], []]) {
            const ws = new WebSocket(at(request, "echo"), protocols);
            await next(ws, "open");
            lines.push(`${describe(ws.protocol)} ${describe(ws.extensions)}`);
            ws.close();
        }
    }),
    wrong: reported(async (lines, request) => {
        const make = (...args) => attempt(() => new WebSocket(...args).readyState);
        lines.push(make());
        lines.push(make("no url"));
        lines.push(make("/relative"));
        lines.push(make("ftp://x/"));
        lines.push(make("ws://x/#fragment"));
        lines.push(make("ws://x/", "a b"));
        lines.push(make("ws://x/", ["a", "a"]));
        lines.push(make("ws://x/", ["a", "b c"]));
        lines.push(make("ws://x/", [""]));
        lines.push(attempt(() => WebSocket("ws://x/")));
    }),
    refused: reported(async (lines, request) => {
        const ws = new WebSocket(at(request, "refusing"));
        follow(ws, lines);
        await next(ws, "close");
    }),
    refusing: {
        fetch: () => new Response("no", { status: 403 }),
        steps: `open a`,
    },
    nobody: reported(async (lines) => {
        const ws = new WebSocket("ws://127.0.0.1:1/");
        follow(ws, lines);
        await next(ws, "close");
    }),
    fetched: reported(async (lines, request) => {
        const response = await fetch(at(request, "echo", "http"), { headers: { Upgrade: "websocket" } });
        const ws = response.webSocket;
        lines.push(`${response.status} ${describe(ws)} ${ws?.readyState} ${describe(ws?.url)}`);
        lines.push(attempt(() => ws.send("before accept")));
        follow(ws, lines);
        ws.accept();
        ws.send("hello");
        await next(ws, "message");
        ws.close(1000, "bye");
        await next(ws, "close");
    }),
    fetchRefused: reported(async (lines, request) => {
        const response = await fetch(at(request, "refusing", "http"), { headers: { Upgrade: "websocket" } });
        lines.push(`${response.status} ${describe(response.webSocket)} ${await response.text()}`);
    }),
    fetchWithoutUpgrade: reported(async (lines, request) => {
        const response = await fetch(at(request, "echo", "http"));
        lines.push(`${response.status} ${describe(response.webSocket)} ${await response.text()}`);
    }),
    fetchScheme: reported(async (lines, request) => {
        try {
            await fetch("ws://x/", { headers: { Upgrade: "websocket" } });
        } catch (error) {
            lines.push(describe(error));
        }
    }),
    passedOn: {
        entry: (request) => fetch(at(request, "echo", "http"), request),
        steps: `open a
            send a through
            recv a
            close a 1000 bye
            recv a`,
    },
    fromObject: {
        async fetch(room, request) {
            const ws = new WebSocket(at(request, "echo"));
            const lines = [];
            follow(ws, lines);
            await next(ws, "open");
            ws.send("from an object");
            await next(ws, "message");
            ws.close(1000);
            await next(ws, "close");
            return new Response(lines.map((line, number) => `said ${number + 1}: ${line}\n`).join(""));
        },
        steps: `report x`,
    },
    notHibernatable: {
        async fetch(room, request) {
            const ws = new WebSocket(at(request, "echo"));
            const said = attempt(() => room.ctx.acceptWebSocket(ws));
            const returned = attempt(() => new Response(null, { status: 101, webSocket: ws }).status);
            return new Response(`${said}; ${returned}`);
        },
        steps: `get x`,
    },
    returned: {
        entry: (request) => new Response(null, { status: 101, webSocket: new WebSocket(at(request, "echo")) }),
        steps: `open a`,
    },
    fetchAborted: reported(async (lines, request) => {
        const { controller, ws } = await abortable(request, "heardAborted");
        follow(ws, lines);
        ws.accept();
        ws.send("hello");
        await next(ws, "message");
        controller.abort(new Error("mine"));
        lines.push(`state ${ws.readyState}`);
        lines.push(attempt(() => ws.send("x")));
        await next(ws, "close");
        lines.push(`state ${ws.readyState}`);
        lines.push(attempt(() => ws.send("x")));
        lines.push(attempt(() => ws.close(1000)));
    }),
    heardAborted: {
        message: (_, ws, message) => ws.send(message),
        steps: `until 1
            log 1`,
    },
    fetchAbortedThenClosed: reported(async (lines, request) => {
        const { controller, ws } = await abortable(request, "echo");
        follow(ws, lines);
        ws.accept();
        controller.abort();
        lines.push(attempt(() => ws.close(1000)));
        await next(ws, "close");
        lines.push(`state ${ws.readyState}`);
    }),
    fetchAbortedUnused: reported(async (lines, request) => {
        const { controller, ws } = await abortable(request, "heardUnused");
        follow(ws, lines);
        controller.abort();
        lines.push(attempt(() => ws.accept()));
        lines.push(attempt(() => ws.send("x")));
        await next(ws, "close");
        lines.push(`state ${ws.readyState}`);
    }),
    heardUnused: {
        steps: `until 1
            log 1`,
    },
    fetchAbortedReturned: {
        async entry(request, stub, env, ctx) {
            const controller = new AbortController();
            const init = new Request(request, { signal: controller.signal });
            const response = await fetch(at(request, "heardReturned", "http"), init);
            ctx.waitUntil(told("heardReturned").then(() => controller.abort()));
            return response;
        },
        steps: `open a
            send a through
            recv a
            send a abort
            recv a`,
    },
    heardReturned: {
        message: (room, ws, message) => (message === "abort" ? tell(room) : ws.send(message)),
        steps: `until 1
            log 1`,
    },
    fetchAbortedLate: reported(async (lines, request) => {
        const { controller, ws } = await abortable(request, "echo");
        follow(ws, lines);
        ws.accept();
        ws.close(1000);
        await next(ws, "close");
        controller.abort();
        await scheduler.wait(200);
        lines.push(`state ${ws.readyState}`);
    }),
    stubAborted: reported(async (lines, request, env) => {
        const controller = new AbortController();
        const headers = { Upgrade: "websocket" };
        const stub = env.SUBJECT.getByName("heardStubAborted");
        const response = await stub.fetch("http://x/heardStubAborted/", { headers, signal: controller.signal });
        const ws = response.webSocket;
        follow(ws, lines);
        ws.accept();
        ws.send("hello");
        await next(ws, "message");
        controller.abort();
        lines.push(`state ${ws.readyState}`);
        await next(ws, "close");
        lines.push(`state ${ws.readyState}`);
    }),
    heardStubAborted: {
        message: (_, ws, message) => ws.send(message),
        steps: `until 1
            log 1`,
    },
    stubAbortedReturned: {
        async entry(request, stub, env, ctx) {
            const controller = new AbortController();
            const response = await stub.fetch(new Request(request, { signal: controller.signal }));
            ctx.waitUntil(told("stubAbortedReturned").then(() => controller.abort()));
            return response;
        },
        message: (room, ws, message) => (message === "abort" ? tell(room) : ws.send(message)),
        steps: `open a
            send a through
            recv a
            send a abort
            recv a
            until 1
            log 1`,
    },
    fetchOffers: reported(async (lines, request) => {
        for (const offer of [null, "permessage-deflate", "x-other, permessage-deflate; client_max_window_bits", "x-other"]) {
            const headers = { Upgrade: "websocket", ...(offer === null ? {} : { "Sec-WebSocket-Extensions": offer }) };
            const response = await fetch(at(request, "echo", "http"), { headers });
            const ws = response.webSocket;
            lines.push(`${describe(response.headers.get("sec-websocket-extensions"))} ${describe(ws.extensions)}`);
            follow(ws, lines);
            ws.accept();
            ws.send("hello ".repeat(50));
            await next(ws, "message");
            ws.close(1000);
            await next(ws, "close");
        }
    }),
    passedOnCompressed: {
        entry: (request) => fetch(at(request, "heardOffers", "http"), request),
        steps: `open a | Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
            send a through
            recv a
            open b | Sec-WebSocket-Extensions: x-other
            send b through
            recv b
            open c
            send c through
            recv c`,
    },
    heardOffers: {
        fetch(room, request) {
            room.note(`offered ${describe(request.headers.get("sec-websocket-extensions"))}`);
            return room.accept(request);
        },
        message: (_, ws, message) => ws.send(message),
        steps: `log 3`,
    },
});
export { worker as default };
