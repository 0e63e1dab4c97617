// What goes wrong in an object, with sockets open: constructors, sections, aborts; and errors as callers see them.
import { attempt, cases, note } from "./cases.js";
import { describe } from "./transcript.js";

/** An error as a caller has it. */
const told = (error) => {
    const { remote, retryable, overloaded, durableObjectReset } = error;
    return `${describe(error)} ${describe({ remote, retryable, overloaded, durableObjectReset })}`;
};
const answerOf = async (stub, path = "http://x/") => {
    try {
        const response = await stub.fetch(path);
        return `${response.status} ${await response.text()}`;
    } catch (error) {
        return told(error);
    }
};
/** Asks the object several times, by one stub and by a new one. */
const asked = (fetch, more = {}) => ({
    fetch,
    async entry(request, stub, env) {
        const name = new URL(request.url).pathname.split("/")[1];
        const url = `http://x/${name}/`;
        const lines = [await answerOf(stub, url), await answerOf(stub, url), await answerOf(env.SUBJECT.getByName(name), url)];
        return new Response(lines.map((line, number) => `answer ${number + 1}: ${line}\n`).join(""));
    },
    steps: `report x`,
    ...more,
});
/** Asks the object one time. */
const once = (fetch) => ({
    fetch,
    async entry(request, stub) {
        return new Response(await answerOf(stub, request.url));
    },
    steps: `get x`,
});
/** The state of an instance: how many there were so far. */
const born = new Map();
const count = (room) => {
    room.number = (born.get(room.name) ?? 0) + 1;
    born.set(room.name, room.number);
};
/** Sockets of both kinds are open when `fault` is asked for; then a new one is opened. */
const withSockets = (fault, steps) => ({
    construct: count,
    async fetch(room, request) {
        const { searchParams } = new URL(request.url);
        if (searchParams.has("standard")) {
            return room.standard((ws) => {
                room.listen(ws);
                ws.addEventListener("message", ({ data }) => ws.send(`${data} ${room.number}`));
            });
        }
        if (request.headers.has("upgrade")) return room.accept(request);
        return fault(room);
    },
    message: (room, ws, message) => (message === "fault" ? fault(room) : ws.send(`${message} ${room.number}`)),
    steps: steps ?? `open a
        send a hello
        recv a
        get fault
        recv a
        open b
        send b hello
        recv b`,
});

export const { Subject, Hop, worker } = cases({
    error: once(() => { throw new Error("on purpose"); }),
    typeError: once(() => { throw new TypeError("on purpose"); }),
    rangeError: once(() => { throw new RangeError("on purpose"); }),
    domException: once(() => { throw new DOMException("on purpose", "AbortError"); }),
    ownError: once(() => {
        class Mine extends Error {
            name = "Mine";
            code = 5;
        }
        throw new Mine("on purpose");
    }),
    withProperties: {
        fetch: () => { throw Object.assign(new Error("on purpose"), { code: "E_MINE", details: { a: 1 } }); },
        async entry(request, stub) {
            try {
                await stub.fetch("http://x/withProperties/");
            } catch (error) {
                return new Response(`${describe(error.code)} ${describe(error.details)} ${Object.keys(error).sort()}`);
            }
        },
        steps: `get x`,
    },
    withCause: {
        fetch: () => { throw new Error("on purpose", { cause: new TypeError("below") }); },
        async entry(request, stub) {
            try {
                await stub.fetch("http://x/withCause/");
            } catch (error) {
                return new Response(`${describe(error)} ${describe(error.cause)}`);
            }
        },
        steps: `get x`,
    },
    aggregate: once(() => { throw new AggregateError([new Error("one")], "on purpose"); }),
    text: once(() => { throw "a text"; }),
    nothing: once(() => { throw undefined; }),
    plainObject: once(() => { throw { message: "mine" }; }),
    rejection: once(() => Promise.reject(new TypeError("on purpose"))),
    later: once(async () => { await scheduler.wait(1); throw new TypeError("on purpose"); }),
    noResponse: once(() => undefined),
    notAResponse: once(() => "text"),
    noFetch: {
        construct: (room) => (room.fetch = undefined),
        async entry(request, stub) {
            return new Response(await answerOf(stub));
        },
        steps: `get x`,
    },
    relative: {
        async entry(request, stub) {
            const lines = [];
            for (const url of ["/x", "", "x", "no url", 5]) lines.push(await answerOf(stub, url));
            return new Response(lines.map((line, number) => `${number}: ${line}\n`).join(""));
        },
        steps: `report x`,
    },
    unhandled: {
        fetch() {
            Promise.reject(new Error("nobody cares"));
            return new Response("fine");
        },
        steps: `get x
            get x`,
    },
    constructorFails: asked(() => new Response("never"), { construct() { throw new TypeError("in the constructor"); } }),
    constructorFailsOnce: asked((room) => new Response(`number ${room.number}`), {
        construct(room) {
            count(room);
            if (room.number === 1) throw new TypeError("in the constructor");
        },
    }),
    constructorBlockFails: asked((room) => new Response(`number ${room.number}`), {
        construct(room) {
            count(room);
            room.ctx.blockConcurrencyWhile(async () => {
                await null;
                if (room.number === 1) throw new TypeError("in the block");
            });
        },
    }),
    blockFails: asked(
        async (room) => {
            if (room.number > 1) return new Response(`number ${room.number}`);
            try {
                await room.ctx.blockConcurrencyWhile(() => { throw new TypeError("in the block"); });
            } catch (error) {
                room.note(`caught ${describe(error)}`);
            }
            return new Response("went on");
        },
        { construct: count },
    ),
    blockFailsInTimer: asked(
        async (room) => {
            if (room.number > 1) return new Response(`number ${room.number}`);
            await room.ctx.blockConcurrencyWhile(async () => { await scheduler.wait(1); throw new RangeError("in the block"); });
            return new Response("went on");
        },
        { construct: count },
    ),
    abort: asked(
        (room) => {
            if (room.number > 1) return new Response(`number ${room.number}`);
            room.ctx.abort("on purpose");
        },
        { construct: count },
    ),
    abortWithoutReason: asked(
        (room) => {
            if (room.number > 1) return new Response(`number ${room.number}`);
            room.ctx.abort();
        },
        { construct: count },
    ),
    abortWithError: asked(
        (room) => {
            if (room.number > 1) return new Response(`number ${room.number}`);
            room.ctx.abort(new TypeError("on purpose"));
        },
        { construct: count },
    ),
    abortUncatchable: asked(
        (room) => {
            if (room.number > 1) return new Response(`number ${room.number}`);
            try {
                room.ctx.abort("on purpose");
                room.note("goes on");
            } catch {
                room.note("caught");
            } finally {
                room.note("finally");
            }
            return new Response("went on");
        },
        { construct: count, steps: `report x
            log 0` },
    ),
    abortLosesMemory: asked(
        (room) => {
            room.calls = (room.calls ?? 0) + 1;
            if (room.number === 1 && room.calls === 2) room.ctx.abort("on purpose");
            return new Response(`number ${room.number}, call ${room.calls}`);
        },
        { construct: count },
    ),
    abortOthersWaiting: {
        construct: count,
        async fetch(room, request) {
            if (new URL(request.url).searchParams.has("abort")) room.ctx.abort("on purpose");
            await scheduler.wait(10_000);
            return new Response("late");
        },
        async entry(request, stub, env) {
            const waiting = answerOf(stub, "http://x/abortOthersWaiting/");
            await scheduler.wait(10);
            const aborting = answerOf(env.SUBJECT.getByName("abortOthersWaiting"), "http://x/abortOthersWaiting/?abort");
            return new Response(`waiting: ${await waiting}\naborting: ${await aborting}\n`);
        },
        steps: `report x`,
    },
    openAndThrows: withSockets(() => { throw new TypeError("on purpose"); }, `open a
        send a hello
        recv a
        get fault
        send a still
        recv a`),
    openAndBlockFails: withSockets((room) => room.ctx.blockConcurrencyWhile(() => { throw new TypeError("on purpose"); })),
    openAndAborts: withSockets((room) => room.ctx.abort("on purpose")),
    openAndAbortsInMessage: withSockets((room) => room.ctx.abort("on purpose"), `open a
        open b
        send a fault
        recv a
        recv b
        open c
        send c hello
        recv c`),
    openAndBlockFailsInMessage: withSockets((room) => room.ctx.blockConcurrencyWhile(() => { throw new TypeError("on purpose"); }), `open a
        open b
        send a fault
        recv a
        recv b
        open c
        send c hello
        recv c`),
    standardAndAborts: withSockets((room) => room.ctx.abort("on purpose"), `open a ?standard
        send a hello
        recv a
        get fault
        recv a
        open b ?standard
        send b hello
        recv b
        log 2`),
    sentAndAborts: withSockets((room) => {
        for (const ws of room.ctx.getWebSockets()) ws.send("last words");
        room.ctx.abort("on purpose");
    }, `open a
        get fault
        recv a`),
    storedAndAborts: withSockets((room) => {
        room.ctx.storage.kv.put("key", "lost");
        for (const ws of room.ctx.getWebSockets()) ws.send("never");
        room.ctx.abort("on purpose");
    }, `open a
        get fault
        recv a`),
    constructorFailsWithUpgrade: {
        construct() {
            throw new Error("in the constructor");
        },
        steps: `open a
            open b`,
    },
    pathsOfEntry: {
        entry() {
            throw new Error("in the entry");
        },
        steps: `get x
            open a`,
    },
    nullFromEntry: {
        entry: () => null,
        steps: `get x`,
    },
    foreignSocket: {
        async fetch(room, request) {
            if (request.headers.has("upgrade")) {
                const response = room.accept(request);
                globalThis.foreign = room.ctx.getWebSockets()[0];
                return response;
            }
            const other = room.env.SUBJECT.getByName("foreignUser");
            return other.fetch("http://x/foreignUser/");
        },
        steps: `open a
            get use`,
    },
    foreignUser: {
        fetch: () => new Response(`${attempt(() => globalThis.foreign.send("x"))}; ${attempt(() => globalThis.foreign.readyState)}`),
        steps: `get x`,
    },
});
export { worker as default };
