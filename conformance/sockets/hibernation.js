// What is left after an object has hibernated, and what wakes it.
import { cases } from "./cases.js";
import { describe } from "./transcript.js";

const order = (room, tag) => room.ctx.getWebSockets(tag).map((ws) => room.ctx.getTags(ws).join("+")).join(" ");

export const { Subject, Hop, worker } = cases({
    survives: {
        fetch(room, request) {
            const response = room.accept(request, { "Sec-WebSocket-Protocol": "chat" });
            const [ws] = room.ctx.getWebSockets();
            ws.serializeAttachment({ tags: room.ctx.getTags(ws), at: new Date(5) });
            ws.mark = "mine";
            room.mark = "mine";
            room.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
            room.ctx.setHibernatableWebSocketEventTimeout(5000);
            return response;
        },
        message(room, ws, message) {
            ws.send(message);
            ws.send(describe([room.mark, ws.mark, ws.readyState, ws.url, ws.protocol]));
            ws.send(describe(ws.deserializeAttachment()));
            ws.send(order(room));
            ws.send(order(room, "red"));
            ws.send(describe([room.ctx.getWebSockets().includes(ws), room.ctx.id.name]));
            const pair = room.ctx.getWebSocketAutoResponse();
            ws.send(describe([pair?.request, pair?.response, room.ctx.getHibernatableWebSocketEventTimeout()]));
        },
        steps: `open a ?tag=a&tag=red
            open b ?tag=b
            open c ?tag=c&tag=red
            hibernate
            send a awake
            recv a 7
            send b awake
            recv b 7`,
    },
    close: {
        fetch(room, request) {
            const response = room.accept(request);
            room.ctx.getWebSockets()[0].serializeAttachment("kept");
            return response;
        },
        closed(room, ws, code) {
            room.note(`${ws.deserializeAttachment()} ${room.ctx.getWebSockets().length}`);
            ws.close(code);
        },
        steps: `open a
            open b
            hibernate
            close a 4000 bye
            recv a
            log 2`,
    },
    vanish: {
        closed: (room, ws) => room.note(String(room.ctx.getWebSockets().length)),
        steps: `open a
            hibernate
            drop a
            log 2`,
    },
    fault: {
        failed: (room, ws) => room.note(String(room.ctx.getWebSockets().length)),
        steps: `open a
            hibernate
            frame a 83
            recv a
            log 2`,
    },
    fetched: {
        fetch(room, request) {
            if (request.headers.has("upgrade")) {
                room.mark = "mine";
                return room.accept(request);
            }
            for (const ws of room.ctx.getWebSockets()) ws.send(`from a fetch, ${room.mark}`);
            return new Response(`${room.ctx.getWebSockets().length} ${room.mark}`);
        },
        steps: `open a
            hibernate
            get wake
            recv a`,
    },
    autoResponse: {
        construct: (room) => room.note("constructed"),
        fetch(room, request) {
            room.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
            return room.accept(request);
        },
        message(room, ws, message) {
            ws.send(`${message} ${room.ctx.getWebSocketAutoResponseTimestamp(ws) instanceof Date}`);
        },
        steps: `open a
            until 1
            hibernate
            send a ping
            recv a
            ping a beat
            recv a
            send a wake
            recv a`,
    },
    twice: {
        message(room, ws, message) {
            const before = ws.deserializeAttachment() ?? 0;
            ws.serializeAttachment(before + 1);
            ws.send(`${before} ${room.mark}`);
            room.mark = "mine";
        },
        steps: `open a
            send a x
            recv a
            hibernate
            send a y
            recv a`,
    },
    closedBefore: {
        fetch(room, request) {
            const response = room.accept(request);
            room.ctx.getWebSockets()[0].close(4000, "ours");
            return response;
        },
        closed: (room, ws) => room.note(String(room.ctx.getWebSockets().length)),
        steps: `open a
            recv a
            hibernate
            close a 4000
            log 2`,
    },
    stored: {
        async fetch(room, request) {
            await room.ctx.storage.put("key", "stored");
            return room.accept(request);
        },
        async message(room, ws) {
            ws.send(await room.ctx.storage.get("key"));
        },
        steps: `open a
            hibernate
            send a x
            recv a`,
    },
    constructorFails: {
        construct(room) {
            const wakes = (globalThis.wakes = (globalThis.wakes ?? 0) + 1);
            if (wakes === 2) throw new Error("in the constructor");
        },
        message: (_, ws, message) => ws.send(message),
        steps: `open a
            hibernate
            send a x
            recv a`,
    },
});
export { worker as default };
