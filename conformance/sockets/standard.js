// Sockets with `accept()`: events, their fields, listeners that throw, and what is kept until they are accepted.
import { attempt, cases } from "./cases.js";
import { describe } from "./transcript.js";

/** A room that gives each socket to `use` before it accepts it. */
const standard = (use, steps, more = {}) => ({
    fetch: (room, request) =>
        request.headers.has("upgrade")
            ? room.standard((ws) => use(room, ws), more.options)
            : new Response(String(room.seen)),
    steps,
    ...more,
});

export const { Subject, Hop, worker } = cases({
    events: standard(
        (room, ws) => room.listen(ws),
        `open a
         send a hello
         send a
         bytes a 01 02
         frame a 01 one
         frame a 80 two
         close a 1000 bye
         recv a 2
         log 5`,
    ),
    eventFields: standard(
        (room, ws) => {
            for (const type of ["message", "close", "error", "open"]) {
                ws.addEventListener(type, function (event) {
                    const { target, currentTarget, cancelable, bubbles, composed, isTrusted, eventPhase, defaultPrevented } = event;
                    room.note(`${event.constructor.name} ${event.type} ${target === ws} ${currentTarget === ws} ${this === ws}`);
                    room.note(describe({ cancelable, bubbles, composed, isTrusted, eventPhase, defaultPrevented }));
                    room.note(describe([event.origin, event.lastEventId, event.source, event.ports]));
                    room.note(describe([event.data, event.code, event.reason, event.wasClean]));
                });
            }
        },
        `open a
         send a hello
         close a
         log 8`,
    ),
    onProperties: standard(
        (room, ws) => {
            ws.addEventListener("message", () => room.note("listener"));
            ws.onmessage = function (event) {
                room.note(`onmessage ${event.data} ${this === ws}`);
            };
            ws.onclose = (event) => room.note(`onclose ${event.code}`);
            room.note(`${typeof ws.onmessage} ${ws.onerror}`);
        },
        `open a
         send a hello
         close a 1000
         log 4`,
    ),
    onPropertyValues: standard(
        (room, ws) => {
            ws.onmessage = () => room.note("first");
            ws.onmessage = () => room.note("second");
            ws.onclose = "no function";
            room.note(describe(ws.onclose));
            ws.addEventListener("message", { handleEvent: () => room.note("handleEvent") });
            ws.addEventListener("message", () => room.note("once"), { once: true });
            const removed = () => room.note("removed");
            ws.addEventListener("message", removed);
            ws.removeEventListener("message", removed);
        },
        `open a
         send a one
         send a two
         close a 1000
         recv a
         log 6`,
    ),
    order: standard(
        (room, ws) => {
            ws.addEventListener("message", ({ data }) => {
                room.note(`one ${data}`);
                queueMicrotask(() => room.note(`microtask ${data}`));
            });
            ws.addEventListener("message", async ({ data }) => {
                await scheduler.wait(data === "slow" ? 30 : 0);
                ws.send(`done ${data}`);
            });
        },
        `open a
         send a slow
         send a fast
         recv a 2
         log 4`,
    ),
    blobs: standard(
        (room, ws) => {
            room.note(ws.binaryType);
            for (const type of ["arraybuffer", "none", null, "blob", "ArrayBuffer"]) {
                room.note(`${attempt(() => (ws.binaryType = type))} ${ws.binaryType}`);
            }
            ws.addEventListener("message", async ({ data }) => {
                room.note(`${describe(data)} ${data.size} ${describe(data.type)}`);
                room.note(describe(data instanceof Blob ? await data.arrayBuffer() : data));
                ws.binaryType = "arraybuffer";
                ws.send("next");
            });
        },
        `open a
         bytes a 01 02
         recv a
         bytes a 03
         recv a
         log 10`,
    ),
    echoed: standard(
        (room, ws) => {
            ws.binaryType = "arraybuffer";
            ws.addEventListener("message", ({ data }) => ws.send(data));
        },
        `open a
         send a text
         bytes a 00 ff
         bytes a 00
         long a 200000
         recv a 4`,
    ),
    throwing: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("message", ({ data }) => {
                if (data === "throw") throw new TypeError("on purpose");
                ws.send(`heard ${data}`);
            });
        },
        `open a
         send a one
         recv a
         send a throw
         recv a
         log 3`,
    ),
    throwingSecond: standard(
        (room, ws) => {
            ws.addEventListener("message", () => {
                throw new TypeError("first");
            });
            ws.addEventListener("message", () => room.note("second"));
            ws.addEventListener("error", ({ message }) => {
                room.note(`error ${message} ${ws.readyState} ${attempt(() => ws.send("x"))} ${attempt(() => ws.close())}`);
            });
        },
        `open a
         send a one
         recv a
         log 2`,
    ),
    throwingLater: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("message", async ({ data }) => {
                if (data === "throw") throw new TypeError("on purpose");
                ws.send(`heard ${data}`);
            });
        },
        `open a
         send a throw
         send a two
         recv a
         log 2`,
    ),
    throwingInClose: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("close", () => {
                throw new TypeError("on purpose");
            });
        },
        `open a
         close a 1000 bye
         recv a
         log 1`,
    ),
    throwingThenUsed: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("message", () => {
                throw new TypeError("on purpose");
            });
            ws.addEventListener("error", async () => {
                await scheduler.wait(5);
                const { readyState } = ws;
                room.note(`later ${readyState} ${attempt(() => ws.send("x"))} ${attempt(() => ws.close())}`);
                room.note(`later ${attempt(() => ws.accept())} ${ws.readyState}`);
            });
        },
        `open a
         send a one
         recv a
         log 4`,
    ),
    throwingNoError: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("message", () => {
                throw 5;
            });
        },
        `open a
         send a one
         recv a
         log 2`,
    ),
    throwingOnError: standard(
        (room, ws) => {
            ws.addEventListener("message", () => {
                throw new TypeError("on purpose");
            });
            ws.addEventListener("error", ({ message }) => {
                room.note(message);
                throw new TypeError("again");
            });
        },
        `open a
         send a one
         recv a
         log 1`,
    ),
    throwingAfterClose: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("message", () => {
                ws.close(4000, "mine");
                throw new TypeError("on purpose");
            });
        },
        `open a
         send a one
         recv a 2
         log 2`,
    ),
    throwingInCloseNoted: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("close", () => {
                throw new TypeError("on purpose");
            });
        },
        `open a
         close a 1000 bye
         recv a 2
         log 1+`,
    ),
    throwingInCloseHalfOpen: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("close", async () => {
                setTimeout(() => room.note(`later ${ws.readyState} ${attempt(() => ws.close(4000))}`), 5);
            });
            ws.addEventListener("close", () => {
                throw new TypeError("on purpose");
            });
        },
        `open a
         close a 1000 bye
         recv a 2
         log 2+`,
        { options: { allowHalfOpen: true } },
    ),
    halfOpenThrows: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("close", async () => {
                await scheduler.wait(5);
                throw new TypeError("later");
            });
            ws.addEventListener("close", () => setTimeout(() => ws.close(4000, "mine"), 10));
        },
        `open a
         close a 1000 bye
         recv a 2
         log 1`,
        { options: { allowHalfOpen: true } },
    ),
    usedAfterClose: standard(
        (room, ws) => {
            room.listen(ws);
            const use = (when) => {
                room.note(`${when} ${attempt(() => ws.send("x"))} ${attempt(() => ws.close())} ${ws.readyState}`);
                room.note(`${when} ${attempt(() => ws.accept())} ${attempt(() => room.ctx.acceptWebSocket(ws))}`);
            };
            ws.addEventListener("close", () => {
                use("at once");
                setTimeout(() => use("later"), 5);
            });
        },
        `open a
         close a 1000 bye
         recv a 2
         log 5`,
    ),
    usedAfterVanishing: standard(
        (room, ws) => {
            const use = (when) => {
                room.note(`${when} ${attempt(() => ws.send("x"))} ${attempt(() => ws.close())}`);
                room.note(`${when} ${attempt(() => ws.accept())} ${attempt(() => room.ctx.acceptWebSocket(ws))}`);
            };
            ws.addEventListener("close", () => {
                use("at once");
                setTimeout(() => use("later"), 5);
            });
        },
        `open a
         drop a
         log 4`,
    ),
    throwingMessagesLeft: standard(
        (room, ws) => {
            ws.addEventListener("message", ({ data }) => {
                room.note(data);
                throw new TypeError("on purpose");
            });
            ws.addEventListener("error", ({ message }) => setTimeout(() => room.note(message), 5));
        },
        `open a
         send a one
         send a two
         recv a
         log 2`,
    ),
    reported: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("message", () => {
                reportError(new Error("told"));
                ws.send("after");
            });
        },
        `open a
         send a x
         recv a
         log 1`,
    ),
    beforeAccept: {
        async fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            room.listen(server);
            room.ctx.waitUntil(
                scheduler.wait(30).then(() => {
                    room.note("accepts");
                    server.accept();
                    server.send("accepted");
                }),
            );
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a
                send a early
                send a earlier
                recv a
                log 3`,
    },
    listenerAfterAccept: {
        fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            server.accept();
            queueMicrotask(() => room.listen(server));
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a
                send a early
                log 1`,
    },
    neverAccepted: {
        fetch(room, request) {
            const [client, server] = Object.values(new WebSocketPair());
            room.kept = server;
            return new Response(null, { status: 101, webSocket: client });
        },
        steps: `open a
                send a early
                silent a`,
    },
    states: standard(
        (room, ws) => {
            const say = (when) => room.note(`${when}: ${ws.readyState}`);
            const tries = (when) => {
                say(when);
                room.note(`${when} send: ${attempt(() => ws.send("x"))}`);
                room.note(`${when} close: ${attempt(() => ws.close(4001, "mine"))}`);
                say(`${when} after`);
            };
            say("new");
            room.note(`new send: ${attempt(() => ws.send("x"))}`);
            room.note(`new close: ${attempt(() => ws.close(4000))}`);
            ws.addEventListener("message", () => {
                say("open");
                tries("open");
                tries("closing");
                room.note(`accept: ${attempt(() => ws.accept())}`);
            });
            ws.addEventListener("close", (event) => {
                room.note(`close event ${event.code} ${describe(event.reason)} ${event.wasClean}`);
                tries("closed");
            });
        },
        `open a
         send a x
         recv a 2
         close a 4001 mine
         log 18`,
    ),
    acceptTwice: standard(
        (room, ws) => {
            ws.accept();
            room.note(attempt(() => ws.accept({ allowHalfOpen: true })));
            room.note(attempt(() => room.ctx.acceptWebSocket(ws)));
            room.note(attempt(() => room.ctx.getTags(ws)));
            room.note(attempt(() => room.ctx.getWebSockets().length));
            ws.serializeAttachment("mine");
            room.note(attempt(() => ws.deserializeAttachment()));
            room.note(attempt(() => room.ctx.getWebSocketAutoResponseTimestamp(ws)));
        },
        `open a
         log 6`,
    ),
    acceptOptions: standard(
        (room, ws) => {
            const [one, two, three, four] = Array.from({ length: 4 }, () => new WebSocketPair()[0]);
            room.note(attempt(() => one.accept(null)));
            room.note(attempt(() => two.accept({ allowHalfOpen: "yes" })));
            room.note(attempt(() => three.accept("text")));
            room.note(attempt(() => four.accept({ other: 1 })));
        },
        `open a
         log 4`,
    ),
    dispatched: standard(
        (room, ws) => {
            room.listen(ws);
            room.note(attempt(() => ws.dispatchEvent(new MessageEvent("message", { data: "mine" }))));
            room.note(attempt(() => ws.dispatchEvent(new Event("other"))));
        },
        `open a
         log 3`,
    ),
    prevented: standard(
        (room, ws) => {
            ws.addEventListener("message", (event) => {
                event.preventDefault();
                event.stopImmediatePropagation();
                room.note(`first ${event.defaultPrevented}`);
            });
            ws.addEventListener("message", () => room.note("second"));
        },
        `open a
         send a x
         ping a x
         recv a
         log 1`,
    ),
    vanished: standard(
        (room, ws) => room.listen(ws),
        `open a
         send a x
         drop a
         log 2`,
    ),
    halfClosed: standard(
        (room, ws) => room.listen(ws),
        `open a
         send a x
         half a
         recv a
         log 2`,
    ),
    broken: standard(
        (room, ws) => {
            room.listen(ws);
            ws.addEventListener("error", () => room.note(`${attempt(() => ws.send("x"))} ${attempt(() => ws.close())}`));
        },
        `open a
         raw a f1 80 00 00 00 00
         recv a 2
         log 2`,
    ),
    standardAndHibernatable: {
        fetch(room, request) {
            if (new URL(request.url).searchParams.has("standard")) {
                return room.standard((ws) => {
                    room.ws = ws;
                    ws.addEventListener("message", ({ data }) => {
                        for (const other of room.ctx.getWebSockets()) other.send(`from standard ${data}`);
                    });
                });
            }
            return room.accept(request);
        },
        message: (room, ws, message) => room.ws.send(`from hibernatable ${message} ${room.ctx.getWebSockets().length}`),
        steps: `open a ?standard
                open b
                send a one
                recv b
                send b two
                recv a`,
    },
    timers: standard(
        (room, ws) => {
            let count = 0;
            const timer = setInterval(() => {
                ws.send(`tick ${++count}`);
                if (count === 3) {
                    clearInterval(timer);
                    ws.close(1000, "enough");
                }
            }, 2);
        },
        `open a
         recv a 4`,
    ),
});
export { worker as default };
