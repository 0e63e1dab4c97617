// Workers and objects that hold both ends of a pair, or relay between two sockets.
import { LOST, attempt, cases, note } from "./cases.js";
import { describe } from "./transcript.js";

const listen = (t, ws, name) => {
    ws.addEventListener("message", ({ data }) => t.push(`${name} message ${describe(data)}`));
    ws.addEventListener("close", ({ code, reason, wasClean }) => t.push(`${name} close ${code} ${describe(reason)} ${wasClean} ${ws.readyState}`));
    ws.addEventListener("error", ({ message }) => message === LOST || t.push(`${name} error ${message} ${ws.readyState}`));
};
/** Both ends accepted, with what they hear; `run` is given them. */
const both = (run) => ({
    async entry() {
        const heard = [];
        const [one, other] = Object.values(new WebSocketPair());
        listen(heard, one, "one");
        listen(heard, other, "other");
        await run(one, other, heard);
        await scheduler.wait(20);
        return new Response(heard.map((line, number) => `said ${number}: ${line}\n`).join(""));
    },
    steps: `report both`,
});
/** Accepts a client's socket and the object's, and copies between them. */
const relay = async (request, stub) => {
    const response = await stub.fetch(request);
    const upstream = response.webSocket;
    const [client, server] = Object.values(new WebSocketPair());
    for (const [from, to] of [[server, upstream], [upstream, server]]) {
        from.accept();
        from.addEventListener("message", ({ data }) => to.send(typeof data === "string" ? `relayed ${data}` : data));
        from.addEventListener("close", ({ code, reason }) => {
            note(new URL(request.url).pathname.split("/")[1], `relay close ${code} ${describe(reason)}`);
            to.close(code === 1005 || code === 1006 ? 1001 : code, reason);
        });
    }
    upstream.binaryType = server.binaryType = "arraybuffer";
    return new Response(null, { status: 101, webSocket: client, headers: response.headers });
};
const relayed = (steps) => ({
    entry: relay,
    message: (room, ws, message) => (message === "relayed close" ? ws.close(4010, "upstream") : ws.send(message)),
    closed: (_, ws) => ws.close(1000, "answer"),
    steps,
});

export const { Subject, Hop, worker } = cases({
    talk: both(async (one, other) => {
        one.accept();
        other.accept();
        one.send("to other");
        other.send("to one");
        one.send(new Uint8Array([1]));
        await scheduler.wait(5);
    }),
    bytes: both(async (one, other) => {
        other.binaryType = "arraybuffer";
        one.accept();
        other.accept();
        one.send(new Uint8Array([1, 2]));
        await scheduler.wait(5);
    }),
    acceptedLater: both(async (one, other) => {
        one.accept();
        one.send("early");
        await scheduler.wait(5);
        other.accept();
        other.send("back");
        await scheduler.wait(5);
    }),
    closeOne: both(async (one, other, heard) => {
        one.accept();
        other.accept();
        one.close(4000, "done");
        heard.push(`states ${one.readyState} ${other.readyState}`);
        await scheduler.wait(10);
        heard.push(`states ${one.readyState} ${other.readyState}`);
        heard.push(attempt(() => other.send("x")));
        heard.push(attempt(() => other.close(1000)));
    }),
    closeBoth: both(async (one, other, heard) => {
        one.accept();
        other.accept();
        one.close(4000, "one");
        other.close(4001, "other");
        await scheduler.wait(10);
        heard.push(`states ${one.readyState} ${other.readyState}`);
    }),
    closeHalfOpen: both(async (one, other, heard) => {
        one.accept({ allowHalfOpen: true });
        other.accept({ allowHalfOpen: true });
        one.close(4000, "one");
        await scheduler.wait(10);
        heard.push(`states ${one.readyState} ${other.readyState}`);
        other.send("last words");
        other.close(4001, "other");
        await scheduler.wait(10);
        heard.push(`states ${one.readyState} ${other.readyState}`);
    }),
    closeEmpty: both(async (one, other) => {
        one.accept();
        other.accept();
        one.close();
        await scheduler.wait(5);
    }),
    throwing: both(async (one, other, heard) => {
        one.accept();
        other.accept();
        other.addEventListener("message", () => {
            throw new Error("on purpose");
        });
        one.send("x");
        await scheduler.wait(10);
        heard.push(`states ${one.readyState} ${other.readyState}`);
    }),
    returnAccepted: {
        entry() {
            const [client, server] = Object.values(new WebSocketPair());
            client.accept();
            server.accept();
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a`,
    },
    fromObject: {
        message(room, ws, message) {
            ws.send(`object heard ${message}`);
        },
        closed: (_, ws) => ws.close(1000, "answer"),
        async entry(request, stub) {
            const response = await stub.fetch("http://x/fromObject/", { headers: { Upgrade: "websocket" } });
            const ws = response.webSocket;
            const heard = [`${response.status} ${ws.readyState} ${ws.url} ${describe(ws.protocol)}`];
            heard.push(attempt(() => ws.send("before accept")));
            listen(heard, ws, "entry");
            ws.accept();
            heard.push(attempt(() => ws.accept()));
            ws.send("one");
            ws.send("two");
            await scheduler.wait(20);
            ws.close(4000, "enough");
            heard.push(`state ${ws.readyState}`);
            await scheduler.wait(20);
            heard.push(`state ${ws.readyState}`);
            return new Response(heard.map((line, number) => `said ${number}: ${line}\n`).join(""));
        },
        steps: `report talk
            log 1`,
    },
    betweenObjects: {
        async fetch(room, request) {
            if (request.headers.has("upgrade")) return room.accept(request);
            const other = room.env.SUBJECT.getByName("fromObject");
            const { webSocket } = await other.fetch("http://x/fromObject/", { headers: { Upgrade: "websocket" } });
            const answer = new Promise((resolve) => webSocket.addEventListener("message", ({ data }) => resolve(data)));
            webSocket.accept();
            webSocket.send("from an object");
            const data = await answer;
            webSocket.close(1000);
            return new Response(data);
        },
        steps: `get talk`,
    },
    hibernatableClient: {
        async fetch(room, request) {
            const other = room.env.SUBJECT.getByName("fromObject");
            const { webSocket } = await other.fetch("http://x/fromObject/", { headers: { Upgrade: "websocket" } });
            return new Response(attempt(() => room.ctx.acceptWebSocket(webSocket)));
        },
        steps: `get accept`,
    },
    bothHibernatable: {
        fetch(room) {
            const [one, other] = Object.values(new WebSocketPair());
            room.ctx.acceptWebSocket(one, ["one"]);
            return new Response(attempt(() => room.ctx.acceptWebSocket(other, ["other"])));
        },
        steps: `get accept`,
    },
    standardAndHibernatable: {
        async fetch(room) {
            const [one, other] = Object.values(new WebSocketPair());
            room.ctx.acceptWebSocket(one);
            const said = [attempt(() => other.accept())];
            listen(said, other, "other");
            said.push(attempt(() => other.send("x")));
            await scheduler.wait(10);
            return new Response(said.map((line, number) => `said ${number}: ${line}\n`).join(""));
        },
        message: (_, ws, message) => ws.send(`heard ${message}`),
        steps: `report accept`,
    },
    relayText: relayed(`open a
        send a one
        send a two
        bytes a 01 02
        recv a 3`),
    relayClientCloses: relayed(`open a
        send a one
        recv a
        close a 4000 leaving
        recv a
        log 2`),
    relayObjectCloses: relayed(`open a
        send a close
        recv a
        close a 4010
        until 1`),
    relayClientVanishes: relayed(`open a
        send a one
        recv a
        drop a
        log 2`),
    relayEmptyClose: relayed(`open a
        close a
        recv a
        log 2`),
});
export { worker as default };
