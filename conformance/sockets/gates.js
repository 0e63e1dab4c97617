// In which order messages come while a handler waits, and what leaves when.
import { attempt, cases } from "./cases.js";
import { describe } from "./transcript.js";

/** A handler that waits for `wait` when it is told to, and notes when it begins and ends. */
const waiting = (wait, steps) => ({
    async message(room, ws, message) {
        room.note(`begins ${message}`);
        if (message === "slow") {
            await wait(room, ws);
        }
        room.note(`ends ${message}`);
        ws.send(`done ${message}`);
    },
    steps: steps ?? `open a
        send a slow
        send a fast
        recv a 2
        log 4`,
});
const blocking = (callback) => (room) => room.ctx.blockConcurrencyWhile(() => callback(room));

export const { Subject, Hop, worker } = cases({
    nothing: waiting(() => undefined),
    timer: waiting(() => scheduler.wait(30)),
    setTimeout: waiting(() => new Promise((resolve) => setTimeout(resolve, 30))),
    microtasks: waiting(async () => {
        for (let count = 0; count < 50; count++) await null;
    }),
    block: waiting(blocking(() => scheduler.wait(30))),
    blockSync: waiting(blocking(() => undefined)),
    blockNested: waiting(blocking((room) => room.ctx.blockConcurrencyWhile(() => scheduler.wait(30)))),
    blockUnawaited: waiting((room) => void room.ctx.blockConcurrencyWhile(() => scheduler.wait(30))),
    storageGet: waiting((room) => room.ctx.storage.get("key")),
    storagePut: waiting((room) => room.ctx.storage.put("key", 1)),
    storageList: waiting(async (room) => {
        await room.ctx.storage.put({ a: 1, b: 2 });
        await room.ctx.storage.list();
    }),
    transaction: waiting((room) => room.ctx.storage.transaction(async (txn) => {
        await txn.put("key", 1);
        await txn.get("key");
    })),
    transactionWithTimer: waiting((room) => room.ctx.storage.transaction(async (txn) => {
        await txn.put("key", 1);
        await scheduler.wait(30);
        await txn.put("key", 2);
    })),
    sql: waiting((room) => room.ctx.storage.sql.exec("CREATE TABLE t(x); INSERT INTO t VALUES (1)").toArray()),
    otherObject: {
        ...waiting((room) => room.env.SUBJECT.getByName("answering").fetch("http://x/answering/")),
    },
    answering: {
        async fetch() {
            await scheduler.wait(20);
            return new Response("answer");
        },
        steps: `get x`,
    },
    waitUntil: {
        async message(room, ws, message) {
            room.note(`begins ${message}`);
            room.ctx.waitUntil(scheduler.wait(message === "slow" ? 30 : 0).then(() => ws.send(`done ${message}`)));
        },
        steps: `open a
            send a slow
            send a fast
            recv a 2
            log 2`,
    },
    closeWhileWaiting: {
        async message(room, ws) {
            room.note("begins");
            await room.closing;
            room.note(`ends ${ws.readyState}`);
            ws.send("late");
        },
        construct(room) {
            room.closing = new Promise((resolve) => (room.close = resolve));
        },
        closed(room, ws) {
            room.close();
        },
        steps: `open a
            send a x
            close a 1000
            recv a
            log 3`,
    },
    closeInBlock: {
        async message(room, ws) {
            await room.ctx.blockConcurrencyWhile(async () => {
                room.note("blocks");
                await scheduler.wait(30);
                room.note("goes on");
            });
        },
        closed: (_, ws) => ws.close(),
        steps: `open a
            send a x
            close a 1000
            recv a
            log 3`,
    },
    constructorBlocks: {
        construct(room) {
            room.ctx.blockConcurrencyWhile(async () => {
                await scheduler.wait(30);
                room.ready = true;
            });
        },
        fetch(room, request) {
            room.note(`fetch ${room.ready}`);
            return room.accept(request);
        },
        message: (room, ws, message) => ws.send(`${message} ${room.ready}`),
        steps: `open a
            send a x
            recv a
            log 1`,
    },
    sendsInBlock: {
        async message(room, ws) {
            await room.ctx.blockConcurrencyWhile(async () => {
                ws.send("in the block");
                await scheduler.wait(5);
                ws.send("later in the block");
            });
            ws.send("after it");
        },
        steps: `open a
            send a x
            recv a 3`,
    },
    acceptInBlock: {
        async fetch(room, request) {
            return room.ctx.blockConcurrencyWhile(async () => {
                await scheduler.wait(5);
                return room.accept(request);
            });
        },
        message: (_, ws, message) => ws.send(message),
        steps: `open a
            send a x
            recv a`,
    },
    valueOfBlock: {
        fetch(room, request) {
            return room.report(request, async (t) => {
                const { ctx } = room;
                await t.throws("value", () => ctx.blockConcurrencyWhile(async () => 5));
                await t.throws("sync", () => ctx.blockConcurrencyWhile(() => 6));
                await t.throws("is a promise", () => ctx.blockConcurrencyWhile(() => 6) instanceof Promise);
                await t.throws("nothing", () => ctx.blockConcurrencyWhile());
                await t.throws("no function", () => ctx.blockConcurrencyWhile(5));
                const order = [];
                const first = ctx.blockConcurrencyWhile(async () => {
                    order.push("first begins");
                    await scheduler.wait(5);
                    order.push("first ends");
                });
                const second = ctx.blockConcurrencyWhile(async () => order.push("second"));
                await Promise.all([first, second]);
                t.show("two", order);
            });
        },
        steps: `report blocks`,
    },
    writesAndSends: {
        message(room, ws, message) {
            room.ctx.storage.put("count", message);
            ws.send(`one ${message}`);
            room.ctx.storage.kv.put("other", message);
            ws.send(`two ${message}`);
        },
        steps: `open a
            send a 1
            send a 2
            recv a 4`,
    },
    broadcastAfterWrite: {
        async message(room, ws, message) {
            await room.ctx.storage.put("last", message);
            for (const other of room.ctx.getWebSockets()) other.send(`${message} ${await room.ctx.storage.get("last")}`);
        },
        steps: `open a
            open b
            send a x
            recv a
            recv b
            send b y
            recv a
            recv b`,
    },
    unconfirmed: {
        message(room, ws, message) {
            room.ctx.storage.put("key", message, { allowUnconfirmed: true });
            ws.send(`sent ${message}`);
        },
        steps: `open a
            send a x
            recv a`,
    },
    counter: {
        async message(room, ws) {
            const count = (await room.ctx.storage.get("count")) ?? 0;
            await room.ctx.storage.put("count", count + 1);
            ws.send(String(count + 1));
        },
        steps: `open a
            open b
            send a +
            send a +
            send a +
            recv a 3
            send b +
            recv b`,
    },
    writeThatFails: {
        message(room, ws, message) {
            ws.send(attempt(() => room.ctx.storage.sql.exec("no sql")));
            ws.send(`still ${ws.readyState}`);
        },
        steps: `open a
            send a x
            recv a 2`,
    },
    standardBlock: {
        fetch: (room, request) =>
            room.standard((ws) => {
                ws.addEventListener("message", async ({ data }) => {
                    room.note(`begins ${data}`);
                    if (data === "slow") await room.ctx.blockConcurrencyWhile(() => scheduler.wait(30));
                    room.note(`ends ${data}`);
                    ws.send(`done ${data}`);
                });
            }),
        steps: `open a
            send a slow
            send a fast
            recv a 2
            log 4`,
    },
    standardStorage: {
        fetch: (room, request) =>
            room.standard((ws) => {
                ws.addEventListener("message", async ({ data }) => {
                    const count = (await room.ctx.storage.get("count")) ?? 0;
                    await room.ctx.storage.put("count", count + 1);
                    ws.send(`${data} ${count + 1}`);
                });
            }),
        steps: `open a
            send a one
            send a two
            recv a 2`,
    },
    manyMessages: {
        message(room, ws, message) {
            room.count = (room.count ?? 0) + 1;
            if (message === "last") ws.send(String(room.count));
        },
        steps: `open a
            ${"send a x\n".repeat(50)}
            send a last
            recv a`,
    },
});
export { worker as default };
