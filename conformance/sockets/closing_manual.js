// flags: web_socket_manual_reply_to_close no_websocket_close_reason_byte_limit no_websocket_standard_binary_type
// How sockets end without the flags that changed it in 2026.
import { attempt, cases } from "./cases.js";
import { describe } from "./transcript.js";

const standard = (use, steps, options) => ({ fetch: (room, request) => room.standard((ws) => use(ws, room), options), steps });

export const { Subject, Hop, worker } = cases({
    unanswered: standard((ws, room) => room.listen(ws), `open a
        close a 1000 bye
        log 1
        silent a`),
    answered: standard((ws, room) => {
        room.listen(ws);
        ws.addEventListener("close", ({ code, reason }) => {
            ws.send("last words");
            room.note(attempt(() => ws.close(code, reason)));
            room.note(`state ${ws.readyState}`);
        });
    }, `open a
        close a 4000 bye
        recv a 3
        log 3`),
    notHalfOpen: standard((ws, room) => room.listen(ws), `open a
        close a 1000 bye
        recv a 2
        log 1`, { allowHalfOpen: false }),
    empty: standard((ws, room) => {
        room.listen(ws);
        ws.addEventListener("close", ({ code }) => {
            room.note(attempt(() => ws.close(code)));
            ws.close();
        });
    }, `open a
        close a
        recv a 2
        log 2`),
    gone: standard((ws, room) => room.listen(ws), `open a
        drop a
        log 1`),
    ours: standard((ws, room) => {
        room.listen(ws);
        ws.addEventListener("message", () => ws.close(4000, "ours"));
    }, `open a
        send a x
        recv a
        close a 4001 theirs
        log 2`),
    binary: standard((ws, room) => {
        room.note(ws.binaryType);
        ws.addEventListener("message", ({ data }) => room.note(describe(data)));
    }, `open a
        bytes a 01 02
        log 2`),
    hibernatableUnanswered: { steps: `open a
        close a 1000 bye
        log 1
        silent a` },
    reasons: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const close = (reason) => () => {
                    const [, ws] = Object.values(new WebSocketPair());
                    room.ctx.acceptWebSocket(ws);
                    ws.close(1000, reason);
                    return ws.readyState;
                };
                await t.throws("123", close("x".repeat(123)));
                await t.throws("124", close("x".repeat(124)));
            });
        },
        steps: `report reasons`,
    },
});
export { worker as default };
