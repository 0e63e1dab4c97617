// How sockets end: who closes first, with which codes and reasons, politely or not.
import { attempt, cases } from "./cases.js";
import { describe } from "./transcript.js";

/** Closes as it is told: `CODE REASON`, or nothing. */
const closer = {
    message(room, ws, message) {
        const [code, ...reason] = message.split(" ");
        room.note(attempt(() => (code === "" ? ws.close() : ws.close(Number(code), reason.join(" ")))));
    },
};
/** A hibernatable socket that answers a Close as it is told to by `answer`. */
const answering = (answer, steps) => ({ closed: (room, ws, code, reason) => answer(ws, code, reason, room), steps });
const standard = (use, steps, options) => ({ fetch: (room, request) => room.standard((ws) => use(ws, room), options), steps });
/** A standard socket whose events are noted. */
const noted = (steps, options) => standard((ws, room) => room.listen(ws), steps, options);
const telling = (ws, room) => {
    room.listen(ws);
    ws.addEventListener("message", ({ data }) => closer.message(room, ws, data));
};

export const { Subject, Hop, worker } = cases({
    // The object closes a hibernatable socket.
    ours: { ...closer, steps: `open a
        send a 1000 bye
        recv a
        close a 1000 bye
        recv a
        log 2` },
    oursEmpty: { ...closer, steps: `open a
        send a
        recv a
        close a
        recv a
        log 2` },
    oursWithoutReason: { ...closer, steps: `open a
        send a 4000
        recv a
        close a 4000
        log 2` },
    oursAnsweredOtherwise: { ...closer, steps: `open a
        send a 3000 mine
        recv a
        close a 3001 theirs
        recv a
        log 2` },
    oursAndMessages: {
        message(room, ws, message) {
            if (message === "close") ws.close(1000);
            else room.note(`message ${message} ${ws.readyState}`);
        },
        steps: `open a
            send a close
            recv a
            send a late
            send a later
            close a 1000
            log 3`,
    },
    oursThenGone: { ...closer, steps: `open a
        send a 1000
        recv a
        drop a
        log 2` },
    oursFlushed: {
        message(room, ws) {
            ws.send("one");
            ws.send("x".repeat(100_000));
            ws.close(1001, "after these");
        },
        steps: `open a
            send a x
            recv a 3
            close a 1001
            recv a
            log 1`,
    },
    codes: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const close = (...args) => () => {
                    const [, ws] = Object.values(new WebSocketPair());
                    room.ctx.acceptWebSocket(ws);
                    ws.close(...args);
                    return ws.readyState;
                };
                for (const code of [0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1012, 1014, 1015, 1016]) {
                    await t.throws(`code ${code}`, close(code));
                }
                for (const code of [1999, 2000, 2999, 3000, 4999, 5000, 65_535, 65_536, 66_536, -1]) {
                    await t.throws(`code ${code}`, close(code));
                }
                for (const code of [null, "1000", "x", NaN, 1000.9, true, {}, 1000n, Infinity]) {
                    await t.throws(`code ${describe(code)}`, close(code));
                }
                await t.throws("nothing", close());
                await t.throws("undefined", close(undefined));
                await t.throws("undefined twice", close(undefined, undefined));
                await t.throws("reason alone", close(undefined, "why"));
                await t.throws("empty reason alone", close(undefined, ""));
                await t.throws("null and reason", close(null, "why"));
                await t.throws("reason null", close(1000, null));
                await t.throws("reason number", close(1000, 5));
                await t.throws("reason symbol", close(1000, Symbol("x")));
                await t.throws("reason 123", close(1000, "x".repeat(123)));
                await t.throws("reason 124", close(1000, "x".repeat(124)));
                await t.throws("reason wide 61", close(1000, "é".repeat(61)));
                await t.throws("reason wide 62", close(1000, "é".repeat(62)));
                await t.throws("reason emoji 31", close(1000, "😀".repeat(31)));
                await t.throws("wrong code and long reason", close(5, "x".repeat(124)));
                const [client, ws] = Object.values(new WebSocketPair());
                room.ctx.acceptWebSocket(ws);
                await t.throws("first", () => ws.close(4000));
                await t.throws("again wrong", () => ws.close(5));
                await t.throws("again right", () => ws.close(4001));
                await t.throws("again with a long reason", () => ws.close(4001, "x".repeat(124)));
                await t.throws("before accept, wrong", () => new WebSocketPair()[0].close(5));
            });
        },
        steps: `report codes`,
    },
    // What comes over the wire.
    reasonsOnTheWire: { ...closer, steps: `open a
        send a 1000 ünï 😀
        recv a
        close a 1000
        open b
        send b 4999
        recv b
        close b 1000` },
    // The client closes, and the object answers.
    theirs: answering((ws, code, reason) => ws.close(code, reason), `open a
        close a 1000 bye
        recv a 2
        log 1`),
    theirsAnsweredEmpty: answering((ws) => ws.close(), `open a
        close a 1000 bye
        recv a 2
        log 1`),
    theirsAnsweredOtherwise: answering((ws) => ws.close(4321, "mine"), `open a
        close a 1000 bye
        recv a 2
        log 1`),
    theirsAnsweredLater: answering(async (ws) => {
        await scheduler.wait(20);
        ws.send("last words");
        ws.close(1000, "later");
    }, `open a
        close a 1000 bye
        recv a 3
        log 1`),
    theirsUnanswered: answering(() => undefined, `open a
        close a 1000 bye
        log 1
        silent a`),
    theirsWithLastWords: answering((ws, code) => {
        ws.send("one");
        ws.send("two");
        ws.close(code);
    }, `open a
        close a 4000
        recv a 4`),
    theirsEmpty: answering((ws, code, reason, room) => {
        room.note(attempt(() => ws.close(code, reason)));
        ws.close();
    }, `open a
        close a
        recv a 2
        log 2`),
    theirsAfterMessages: {
        message: (room, ws, message) => room.note(`message ${message} ${ws.readyState}`),
        closed: (_, ws) => ws.close(1000),
        steps: `open a
            send a one
            send a two
            close a 1000
            send a after the close
            recv a 2
            log 3`,
    },
    theirsTwice: answering((ws) => ws.close(1000), `open a
        close a 1000 first
        close a 1000 second
        recv a
        log 1`),
    theirCodes: answering((ws) => ws.close(1000), `open a
        close a 1001
        open b
        close b 3999
        open c
        close c 4999
        open d
        close d 2999
        open e
        close e 1014
        recv a
        recv b
        recv c
        recv d
        recv e
        log 5`),
    theirForbiddenCodes: answering((ws) => ws.close(1000), `open a
        close a 1005 never
        recv a
        until 1
        open b
        close b 1006
        recv b
        until 2
        open c
        close c 1015
        recv c
        until 3
        open d
        close d 0
        recv d
        until 4
        open e
        close e 999
        recv e
        until 5
        open f
        close f 65535
        recv f
        log 6`),
    theirCutCode: answering((ws) => ws.close(1000), `open a
        frame a 88 x
        recv a
        log 1`),
    theirReasons: answering((ws) => ws.close(1000), `open a
        close a 1000 ünï 😀
        recv a
        log 1`),
    theirListed: answering(async (ws, _code, _reason, room) => {
        const listed = () => `${room.ctx.getWebSockets().length} ${room.ctx.getWebSockets().includes(ws)}`;
        room.note(`in the handler: ${listed()}`);
        await null;
        room.note(`after a microtask: ${listed()}`);
        await scheduler.wait(5);
        room.note(`after a wait: ${listed()}`);
        ws.close(1000);
    }, `open a
        open b
        close a 1000
        recv a
        log 4`),
    crossing: {
        message(room, ws) {
            ws.close(4001, "ours");
        },
        steps: `open a
            send a x
            close a 4002 theirs
            recv a 2
            log 1`,
    },
    // Clients that vanish.
    gone: { closed: (room, ws) => room.note(`${attempt(() => ws.send("x"))} ${attempt(() => ws.close())}`), steps: `open a
        drop a
        log 2` },
    goneWithCode: { closed: (room, ws, code) => room.note(attempt(() => ws.close(code))), steps: `open a
        drop a
        log 2` },
    halfGone: { closed: (room, ws) => room.note(attempt(() => ws.send("x"))), steps: `open a
        half a
        recv a
        log 2` },
    goneInMessage: { steps: `open a
        raw a 81 85 00 00 00 00 61
        drop a
        log 1` },
    goneInFragments: { steps: `open a
        frame a 01 begun
        drop a
        log 1` },
    goneAfterMessages: { steps: `open a
        send a one
        send a two
        drop a
        log 3` },
    goneWhileBusy: {
        async message(room, ws) {
            room.note("begins");
            await room.gone;
            room.note(`ends ${ws.readyState} ${attempt(() => ws.send("x"))}`);
        },
        construct(room) {
            room.gone = new Promise((resolve) => (room.resolve = resolve));
        },
        closed: (room) => room.resolve(),
        steps: `open a
            send a x
            until 1
            drop a
            log 3`,
    },
    sendToGone: {
        fetch(room, request) {
            if (request.headers.has("upgrade")) return room.accept(request);
            return new Response(room.ctx.getWebSockets().map((ws) => attempt(() => ws.send("x"))).join());
        },
        steps: `open a
            open b
            drop a
            until 1
            get send
            recv b
            log 1`,
    },
    // Standard sockets.
    standardOurs: standard(telling, `open a
        send a 1000 bye
        recv a
        close a 1000 bye
        recv a
        log 3`),
    standardOursEmpty: standard(telling, `open a
        send a
        recv a
        close a
        log 3`),
    standardOursAnsweredOtherwise: standard(telling, `open a
        send a 3000 mine
        recv a
        close a 3001 theirs
        log 3`),
    standardOursThenGone: standard(telling, `open a
        send a 1000
        recv a
        drop a
        log 3`),
    standardOursAndMessages: standard(telling, `open a
        send a 1000
        recv a
        send a 1001
        close a 1000
        log 5`),
    standardTheirs: noted(`open a
        close a 1000 bye
        recv a 2
        log 1`),
    standardTheirsEmpty: noted(`open a
        close a
        recv a 2
        log 1`),
    standardTheirCodes: noted(`open a
        close a 4999 mine
        recv a
        until 1
        open b
        close b 2999
        recv b
        until 2`),
    standardForbiddenCode: noted(`open a
        close a 1006
        recv a
        log 1`),
    standardTheirsThenSend: standard((ws, room) => {
        ws.addEventListener("close", () => {
            room.note(attempt(() => ws.send("x")));
            room.note(attempt(() => ws.close(4000, "mine")));
            room.note(attempt(() => ws.close(5)));
            room.note(String(ws.readyState));
        });
    }, `open a
        close a 1000 bye
        recv a
        log 4`),
    standardHalfOpen: standard((ws, room) => {
        room.listen(ws);
        ws.addEventListener("close", async () => {
            await scheduler.wait(5);
            ws.send("last words");
            ws.close(4000, "mine");
            room.note(`state ${ws.readyState}`);
        });
    }, `open a
        close a 1000 bye
        recv a 3
        log 2`, { allowHalfOpen: true }),
    standardHalfOpenUnanswered: noted(`open a
        close a 1000 bye
        log 1
        silent a`, { allowHalfOpen: true }),
    standardNotHalfOpen: noted(`open a
        close a 1000 bye
        recv a
        log 1`, { allowHalfOpen: false }),
    standardGone: noted(`open a
        drop a
        log 1`),
    standardGoneHalfOpen: noted(`open a
        half a
        recv a
        log 1`, { allowHalfOpen: true }),
    standardGoneThenSend: standard((ws, room) => {
        ws.addEventListener("close", () => {
            room.note(attempt(() => ws.send("x")));
            room.note(attempt(() => ws.close(1000)));
            room.note(String(ws.readyState));
        });
    }, `open a
        drop a
        log 3`),
    standardClosedInAccept: standard((ws, room) => {
        room.listen(ws);
        queueMicrotask(() => ws.close(4003, "at once"));
    }, `open a
        recv a
        close a 4003
        log 1`),
    standardOnceOnly: noted(`open a
        close a 1000 first
        close a 1001 second
        recv a
        log 1`),
    standardReasons: standard((ws, room) => {
        room.note(attempt(() => ws.close(1000)));
        ws.accept();
        room.note(attempt(() => ws.close(1005)));
        room.note(attempt(() => ws.close(1000, "x".repeat(124))));
        room.note(attempt(() => ws.close(undefined, "x")));
        room.note(attempt(() => ws.close(1000, "x".repeat(123))));
        room.note(attempt(() => ws.close(5)));
    }, `open a
        recv a
        log 6`),
});
export { worker as default };
