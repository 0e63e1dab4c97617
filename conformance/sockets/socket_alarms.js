// Alarms of objects that have sockets.
import { attempt, cases } from "./cases.js";
import { describe } from "./transcript.js";

const broadcast = (room, text) => {
    for (const ws of room.ctx.getWebSockets()) ws.send(text);
};

export const { Subject, Hop, worker } = cases({
    fromMessage: {
        async message(room, ws, message) {
            await room.ctx.storage.setAlarm(Date.now() + 10);
            ws.send(`set ${typeof (await room.ctx.storage.getAlarm())}`);
        },
        async alarm(room, info) {
            broadcast(room, `alarm ${info.retryCount} ${info.isRetry} ${await room.ctx.storage.getAlarm()}`);
        },
        steps: `open a
            open b
            send a x
            recv a 2
            recv b`,
    },
    chained: {
        async message(room) {
            room.count = 0;
            await room.ctx.storage.setAlarm(Date.now());
        },
        async alarm(room) {
            broadcast(room, `alarm ${++room.count}`);
            if (room.count < 3) await room.ctx.storage.setAlarm(Date.now() + 1);
            else for (const ws of room.ctx.getWebSockets()) ws.close(1000, "enough");
        },
        steps: `open a
            send a x
            recv a 4
            close a 1000
            log 1`,
    },
    replaced: {
        async message(room, ws) {
            await room.ctx.storage.setAlarm(Date.now() + 60_000);
            await room.ctx.storage.setAlarm(Date.now() + 5);
        },
        alarm: (room) => broadcast(room, "alarm"),
        steps: `open a
            send a x
            recv a`,
    },
    deleted: {
        async message(room, ws) {
            await room.ctx.storage.setAlarm(Date.now() + 60_000);
            await room.ctx.storage.deleteAlarm();
            ws.send(describe(await room.ctx.storage.getAlarm()));
        },
        steps: `open a
            send a x
            recv a`,
    },
    whileWaiting: {
        async message(room, ws) {
            await room.ctx.storage.setAlarm(Date.now() + 1);
            ws.send("waits");
            await new Promise((resolve) => (room.resolve = resolve));
            ws.send("goes on");
        },
        alarm(room) {
            broadcast(room, "alarm");
            room.resolve();
        },
        steps: `open a
            send a x
            recv a 3`,
    },
    messagesDuring: {
        async message(room, ws, message) {
            if (message === "set") await room.ctx.storage.setAlarm(Date.now());
            else {
                ws.send(`heard ${message}`);
                room.resolve?.();
            }
        },
        async alarm(room) {
            broadcast(room, "alarm begins");
            await new Promise((resolve) => (room.resolve = resolve));
            broadcast(room, "alarm ends");
        },
        steps: `open a
            send a set
            recv a
            send a now
            recv a 2`,
    },
    failsWithSockets: {
        async message(room) {
            await room.ctx.storage.setAlarm(Date.now());
        },
        alarm(room, info) {
            broadcast(room, `alarm ${info.retryCount}`);
            if (!info.isRetry) throw new Error("on purpose");
        },
        steps: `open a
            send a x
            recv a 2`,
    },
    closesInAlarm: {
        async fetch(room, request) {
            await room.ctx.storage.setAlarm(Date.now() + 5);
            return room.accept(request);
        },
        alarm(room) {
            for (const ws of room.ctx.getWebSockets()) ws.close(4000, "time is up");
        },
        steps: `open a
            recv a
            close a 4000
            log 1`,
    },
    standard: {
        async fetch(room, request) {
            await room.ctx.storage.setAlarm(Date.now() + 5);
            return room.standard((ws) => (room.ws = ws));
        },
        alarm: (room) => room.ws.send("alarm"),
        steps: `open a
            recv a`,
    },
});
export { worker as default };
