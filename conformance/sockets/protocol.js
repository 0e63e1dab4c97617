// Clients that break the protocol or its limits.
import { attempt, cases } from "./cases.js";

const broken = (steps, more = {}) => ({
    failed: (room, ws) => room.note(`${attempt(() => ws.send("x"))} ${attempt(() => ws.close(1000))} ${room.ctx.getWebSockets().length}`),
    steps: `open a
        ${steps}
        recv a
        log 2`,
    ...more,
});

export const { Subject, Hop, worker } = cases({
    rsv1: broken(`raw a c1 80 00 00 00 00`),
    rsv2: broken(`raw a a1 80 00 00 00 00`),
    rsv3: broken(`raw a 91 80 00 00 00 00`),
    opcode3: broken(`frame a 83 x`),
    opcode11: broken(`frame a 8b x`),
    opcode15: broken(`frame a 8f`),
    strayContinuation: broken(`frame a 80 x`),
    strayUnfinished: broken(`frame a 00 x`),
    interrupted: broken(`frame a 01 one
        frame a 81 two`),
    interruptedByBytes: broken(`frame a 01 one
        frame a 82 two`),
    fragmentedPing: broken(`frame a 09 x`),
    fragmentedClose: broken(`frame a 08`),
    afterMessages: broken(`send a one
        send a two
        frame a 83`, { steps: `open a
        send a one
        send a two
        frame a 83
        recv a
        log 4` }),
    afterOurClose: {
        message: (_, ws) => ws.close(1000, "ours"),
        steps: `open a
            send a x
            recv a
            frame a 83
            log 1`,
    },
    standardBroken: {
        fetch: (room, request) => room.standard((ws) => room.listen(ws)),
        steps: `open a
            frame a 80 x
            recv a
            log 1`,
    },
    unmasked: {
        message: (room, ws, message) => ws.send(`heard ${message}`),
        steps: `open a
            raw a 81 02 68 69
            recv a`,
    },
    longPing: {
        message: (room, ws, message) => ws.send(`heard ${message}`),
        steps: `open a
            ping a ${"x".repeat(125)}
            recv a
            ping a ${"x".repeat(126)}
            recv a`,
    },
    noText: {
        message: (room, ws, message) => ws.send(`heard ${JSON.stringify(message)}`),
        steps: `open a
            raw a 81 82 00 00 00 00 c3 28
            recv a`,
    },
    noTextInClose: {
        closed: (_, ws) => ws.close(1000),
        steps: `open a
            raw a 88 84 00 00 00 00 03 e8 c3 28
            recv a
            log 1`,
    },
    large: {
        message: (room, ws, message) => ws.send(`heard ${message.length}`),
        steps: `open a
            long a 1048576
            recv a
            long a 33554432
            recv a`,
    },
    tooLarge: broken(`long a 33554433`),
    tooLargeInParts: broken(`frame a 01 ${"x".repeat(100)}
        raw a 80 ff 00 00 00 00 02 00 00 00 00 00 00 00`),
    announcedTooLarge: broken(`raw a 82 ff 00 00 00 10 00 00 00 00 00 00 00 00`),
});
export { worker as default };
