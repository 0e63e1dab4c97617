// `WritableStream`: construction, writing, backpressure, closing, aborting, and the writer that locks it.
import { describe, transcript } from "./transcript.js";

const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

/** How a promise stands after everything has run that can. */
async function state(promise) {
    let said = "pending";
    promise.then(
        (value) => (said = `fulfilled ${describe(value)}`),
        (error) => (said = `rejected ${describe(error)}`),
    );
    await tick();
    return said;
}

/** A stream, and its controller. */
function controlled(sink = {}, strategy) {
    let controller;
    const stream = new WritableStream({ start: (c) => void (controller = c), ...sink }, strategy);
    return [stream, controller];
}

/** Promises that are settled by hand, in the order in which they were asked for. */
function gate() {
    const waiting = [];
    return {
        wait: () => new Promise((resolve, reject) => waiting.push({ resolve, reject })),
        open: async () => {
            waiting.shift()?.resolve();
            await tick();
        },
        fail: async (error) => {
            waiting.shift()?.reject(error);
            await tick();
        },
    };
}

const PARTS = [
    classes,
    construction,
    writing,
    backpressure,
    sizes,
    closing,
    failing,
    controllerErrors,
    abortBefore,
    abortDuring,
    abortSignal,
    releasing,
    locking,
    released,
    order,
];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function classes(t) {
    const [stream, controller] = controlled();
    const writer = stream.getWriter();
    t.show(
        "tags",
        [stream, writer, controller].map((value) => Object.prototype.toString.call(value)),
    );
    t.show(
        "names",
        [WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController].map((c) => c.name),
    );
    t.show(
        "enumerable members",
        [stream, writer, controller].map((value) => {
            const names = [];
            for (const name in value) names.push(name);
            return names.sort();
        }),
    );
    await t.throws("called", () => WritableStream());
    await t.throws("controller constructed", () => new WritableStreamDefaultController());
    await t.throws("writer of nothing", () => new WritableStreamDefaultWriter());
    await t.throws("writer of an object", () => new WritableStreamDefaultWriter({}));
    await t.throws("foreign this", () => WritableStream.prototype.getWriter.call({}));
    const other = new WritableStream();
    t.show("writer constructed", [new WritableStreamDefaultWriter(other).constructor.name, other.locked]);
    class Mine extends WritableStream {}
    t.show("subclass", [new Mine() instanceof WritableStream, new Mine().constructor.name]);
}

async function construction(t) {
    const log = [];
    const sink = {
        start(...args) {
            log.push("start", this === sink, args.length, args[0].constructor.name);
        },
        write(...args) {
            log.push("write", this === sink, args.length, args[0], args[1].constructor.name);
        },
        close(...args) {
            log.push("close", this === sink, args.length);
        },
    };
    const writer = new WritableStream(sink).getWriter();
    log.push("made");
    await writer.write("chunk");
    await writer.close();
    t.show("calls", log);
    await t.throws("sink is null", () => new WritableStream(null).constructor.name);
    await t.throws("sink is a number", () => new WritableStream(1));
    await t.throws("type", () => new WritableStream({ type: "bytes" }).constructor.name);
    await t.throws("write is no function", () => new WritableStream({ write: 1 }));
    await t.throws("start throws", () =>
        new WritableStream({
            start() {
                throw new Error("no start");
            },
        })
            .getWriter()
            .write(1),
    );
    await t.throws("start rejects", () =>
        new WritableStream({
            start: async () => {
                throw new Error("start rejects");
            },
        })
            .getWriter()
            .write(1),
    );
    await t.throws("negative mark", () => new WritableStream({}, { highWaterMark: -1 }));
    await t.throws("mark is no number", () => new WritableStream({}, { highWaterMark: "x" }));
    t.show(
        "sizes wanted",
        [undefined, 0, 1, 5].map((highWaterMark) => new WritableStream({}, { highWaterMark }).getWriter().desiredSize),
    );
    const starting = gate();
    const events = [];
    const slow = new WritableStream({
        start: () => starting.wait(),
        write: (chunk) => void events.push(chunk),
    }).getWriter();
    slow.write("early");
    await tick();
    events.push("started");
    await starting.open();
    t.show("write waits for start", events);
}

async function writing(t) {
    const log = [];
    const gates = gate();
    const writer = new WritableStream({
        write(chunk) {
            log.push(`begin ${chunk}`);
            return gates.wait().then(() => void log.push(`end ${chunk}`));
        },
        close: () => void log.push("close"),
    }).getWriter();
    const writes = ["a", "b", "c"].map((chunk) =>
        writer.write(chunk).then((value) => void log.push(`written ${chunk} ${value}`)),
    );
    const close = writer.close().then(() => void log.push("closed"));
    await tick();
    for (let i = 0; i < 3; i++) await gates.open();
    await Promise.all([...writes, close]);
    t.show("one after another", log);
    const chunks = [];
    const open = new WritableStream({ write: (chunk) => void chunks.push(chunk) }).getWriter();
    await open.write();
    await open.write(null);
    const object = {};
    await open.write(object);
    t.show("chunks as they are", [chunks.length, chunks[0], chunks[1], chunks[2] === object]);
    t.show("write returns", await open.write(1));
    const plain = new WritableStream().getWriter();
    t.show("sink without write", [await plain.write("x"), await plain.close(), await plain.closed]);
}

async function backpressure(t) {
    const gates = gate();
    const writer = new WritableStream({ write: () => gates.wait() }, { highWaterMark: 2 }).getWriter();
    const first = writer.ready;
    t.show("at first", [await state(first), writer.desiredSize]);
    writer.write(1);
    t.show("one written", [writer.desiredSize, writer.ready === first]);
    writer.write(2);
    t.show("two written", [writer.desiredSize, writer.ready === first, await state(writer.ready)]);
    writer.write(3);
    t.show("three written", writer.desiredSize);
    const waiting = writer.ready;
    await gates.open();
    t.show("one done", [writer.desiredSize, await state(waiting)]);
    await gates.open();
    t.show("two done", [writer.desiredSize, await state(waiting), writer.ready === waiting]);
    const none = new WritableStream({}, { highWaterMark: 0 }).getWriter();
    t.show("mark zero", [none.desiredSize, await state(none.ready)]);
    const fraction = new WritableStream({}, { highWaterMark: 2.5 }).getWriter();
    t.show("mark with a fraction", fraction.desiredSize);
}

async function sizes(t) {
    const seen = [];
    const writer = new WritableStream(
        { write: () => new Promise(() => {}) },
        {
            highWaterMark: 10,
            size(...args) {
                seen.push(this === undefined, ...args);
                return args[0].length;
            },
        },
    ).getWriter();
    writer.write("abc");
    t.show("own size", [seen, writer.desiredSize]);
    const bytes = new WritableStream(
        { write: () => new Promise(() => {}) },
        new ByteLengthQueuingStrategy({ highWaterMark: 10 }),
    ).getWriter();
    bytes.write(new Uint8Array(4));
    bytes.write(new Uint8Array(9));
    t.show("bytes", bytes.desiredSize);
    for (const [name, size] of [
        [
            "throws",
            () => {
                throw new Error("no size");
            },
        ],
        ["is negative", () => -1],
        ["is no number", () => NaN],
    ]) {
        const broken = new WritableStream({}, { size, highWaterMark: 5 }).getWriter();
        await t.throws(`size ${name}`, () => broken.write("x"));
        t.show(`stream when size ${name}`, await state(broken.closed));
    }
    await t.throws("size is no function", () => new WritableStream({}, { size: "x" }));
}

async function closing(t) {
    const gates = gate();
    const [stream] = controlled({ close: () => gates.wait() });
    const writer = stream.getWriter();
    const close = writer.close();
    t.show("while closing", [await state(close), await state(writer.closed), writer.desiredSize]);
    await t.throws("write while closing", () => writer.write(1));
    await t.throws("close while closing", () => writer.close());
    await gates.open();
    t.show("after closing", [await state(close), await state(writer.closed), writer.desiredSize]);
    await t.throws("write after close", () => writer.write(1));
    await t.throws("close after close", () => writer.close());
    t.show("abort after close", await state(writer.abort("late")));
    t.show("ready after close", await state(writer.ready));
    const direct = new WritableStream();
    t.show("close of the stream", await direct.close());
    await t.throws("close of the stream again", () => direct.close());
    const next = direct.getWriter();
    t.show("writer of a closed one", [await state(next.closed), await state(next.ready), next.desiredSize]);
    await t.throws("close fails", () =>
        new WritableStream({
            close() {
                throw new Error("no close");
            },
        }).close(),
    );
    const failing = new WritableStream({
        close: async () => {
            throw new Error("close rejects");
        },
    }).getWriter();
    await t.throws("close rejects", () => failing.close());
    t.show("closed when close rejects", await state(failing.closed));
    const pending = new WritableStream({ write: () => new Promise(() => {}) }).getWriter();
    pending.write(1);
    t.show("close waits for writes", await state(pending.close()));
}

async function failing(t) {
    const log = [];
    const writer = new WritableStream({
        write(chunk) {
            log.push(chunk);
            throw new RangeError("no write");
        },
        close: () => void log.push("close"),
        abort: () => void log.push("abort"),
    }).getWriter();
    const [first, second, close] = [writer.write(1), writer.write(2), writer.close()];
    t.show("writes", [await state(first), await state(second), await state(close)]);
    t.show("writer", [await state(writer.closed), await state(writer.ready), describe(writer.desiredSize)]);
    t.show("calls of a failing sink", log);
    await t.throws("write again", () => writer.write(3));
    await t.throws("close again", () => writer.close());
    t.show("abort of a failed one", await state(writer.abort("x")));
    const rejecting = new WritableStream({
        write: async () => {
            throw new Error("write rejects");
        },
    }).getWriter();
    await t.throws("write rejects", () => rejecting.write(1));
    t.show(
        "writer of another failing sink",
        await state(
            (rejecting.releaseLock(),
            new WritableStream({
                write: async () => {
                    throw new Error("x");
                },
            })
                .getWriter()
                .write(1)),
        ),
    );
    const thenable = new WritableStream({
        write: () => ({ then: (_, reject) => reject(new Error("thenable")) }),
    }).getWriter();
    await t.throws("thenable rejects", () => thenable.write(1));
}

async function controllerErrors(t) {
    const [stream, controller] = controlled();
    await tick();
    t.show("error returns", controller.error(new Error("broken")));
    const writer = stream.getWriter();
    await t.throws("write", () => writer.write(1));
    await t.throws("closed", () => writer.closed);
    await t.throws("ready", () => writer.ready);
    t.show("size wanted", writer.desiredSize);
    t.show("error twice", controller.error(new Error("again")));
    await t.throws("first reason stays", () => writer.closed);
    const [bare, bareController] = controlled();
    await tick();
    bareController.error();
    t.show("error without reason", await state(bare.getWriter().closed));
    const [done, doneController] = controlled();
    await done.close();
    doneController.error(new Error("late"));
    t.show("error after close", await state(done.getWriter().closed));
    const gates = gate();
    const [busy, busyController] = controlled({ write: () => gates.wait() });
    const busyWriter = busy.getWriter();
    const writes = [busyWriter.write(1), busyWriter.write(2)];
    await tick();
    busyController.error(new Error("in a write"));
    t.show("during a write", [await state(writes[0]), await state(writes[1]), await state(busyWriter.closed)]);
    await gates.open();
    t.show("when the write is done", [await state(writes[0]), await state(writes[1]), await state(busyWriter.closed)]);
}

async function abortBefore(t) {
    const log = [];
    const [stream] = controlled({
        abort(...args) {
            log.push(args.length, ...args);
            return "ignored";
        },
    });
    t.show("abort returns", await stream.abort("why"));
    t.show("abort was called with", log);
    const writer = stream.getWriter();
    t.show("after abort", [
        await state(writer.closed),
        await state(writer.ready),
        await state(writer.write(1)),
        describe(writer.desiredSize),
    ]);
    t.show("abort again", await state(writer.abort("again")));
    await t.throws("close after abort", () => writer.close());
    await t.throws("abort throws", () =>
        new WritableStream({
            abort() {
                throw new Error("no abort");
            },
        }).abort("x"),
    );
    await t.throws("abort rejects", () =>
        new WritableStream({
            abort: async () => {
                throw new Error("abort rejects");
            },
        }).abort("x"),
    );
    const none = [];
    await new WritableStream({ abort: (...args) => void none.push(args.length, args[0]) }).abort();
    t.show("abort without reason", none);
    t.show("abort without sink", await state(new WritableStream().abort()));
    const [broken, controller] = controlled({ abort: () => void log.push("abort of a broken one") });
    await tick();
    controller.error(new Error("broken"));
    t.show("abort of a broken one", [await state(broken.abort("x")), log.length]);
}

async function abortDuring(t) {
    const log = [];
    const gates = gate();
    const writer = new WritableStream({
        write(chunk) {
            log.push(`write ${chunk}`);
            return gates.wait();
        },
        close: () => void log.push("close"),
        abort: (reason) => void log.push(`abort ${reason}`),
    }).getWriter();
    const writes = [writer.write(1), writer.write(2)];
    const close = writer.close();
    await tick();
    const abort = writer.abort("stop");
    t.show("abort during a write", [
        await state(abort),
        await state(writes[0]),
        await state(writes[1]),
        await state(close),
        await state(writer.closed),
        log,
    ]);
    await t.throws("write during an abort", () => writer.write(3));
    await gates.open();
    t.show("after the write", [
        await state(abort),
        await state(writes[0]),
        await state(writes[1]),
        await state(close),
        await state(writer.closed),
        log,
    ]);
    const other = gate();
    const second = [];
    const failing = new WritableStream({
        write: () => other.wait(),
        abort: () => void second.push("abort"),
    }).getWriter();
    const write = failing.write(1);
    await tick();
    const twice = [failing.abort("one"), failing.abort("two")];
    await other.fail(new Error("write failed"));
    t.show("write fails during an abort", [
        await state(write),
        await state(twice[0]),
        await state(twice[1]),
        await state(failing.closed),
        second,
    ]);
    const closing = gate();
    const third = [];
    const closer = new WritableStream({
        close: () => closing.wait(),
        abort: () => void third.push("abort"),
    }).getWriter();
    const closePromise = closer.close();
    await tick();
    const late = closer.abort("late");
    await closing.open();
    t.show("abort during close", [await state(closePromise), await state(late), await state(closer.closed), third]);
}

async function abortSignal(t) {
    const gates = gate();
    const [stream, controller] = controlled({ write: () => gates.wait() });
    t.show("signal", [
        controller.signal.constructor.name,
        controller.signal.aborted,
        controller.signal === controller.signal,
    ]);
    const writer = stream.getWriter();
    writer.write(1).catch(() => {});
    await tick();
    const heard = [];
    controller.signal.addEventListener("abort", () => heard.push(controller.signal.reason));
    const abort = writer.abort("reason");
    t.show("aborted at once", [controller.signal.aborted, heard]);
    await gates.open();
    t.show("abort ends", await state(abort));
    const [late, lateController] = controlled();
    late.abort("earlier");
    t.show("asked for afterwards", [lateController.signal.aborted, lateController.signal.reason]);
    const [closed, closedController] = controlled();
    await closed.close();
    t.show("not aborted by close", closedController.signal.aborted);
}

async function releasing(t) {
    const stream = new WritableStream();
    const writer = stream.getWriter();
    const { ready, closed } = writer;
    t.show("release returns", [writer.releaseLock(), stream.locked]);
    await t.throws("write after release", () => writer.write(1));
    await t.throws("close after release", () => writer.close());
    await t.throws("abort after release", () => writer.abort());
    await t.throws("size wanted after release", () => writer.desiredSize);
    await t.throws("closed after release", () => writer.closed);
    t.show("promises from before", [await state(closed), await state(ready)]);
    t.show("ready after release", await state(writer.ready));
    t.show("release again", writer.releaseLock());
    const next = stream.getWriter();
    t.show("next writer", [stream.locked, await next.write(1), await next.close()]);
}

async function locking(t) {
    const stream = new WritableStream();
    t.show("unlocked", stream.locked);
    const writer = stream.getWriter();
    await t.throws("second writer", () => stream.getWriter());
    await t.throws("second writer constructed", () => new WritableStreamDefaultWriter(stream));
    await t.throws("abort of a locked one", () => stream.abort());
    await t.throws("close of a locked one", () => stream.close());
    t.show("still works", await writer.write(1));
}

async function released(t) {
    const gates = gate();
    const log = [];
    const stream = new WritableStream({
        write: (chunk) => {
            log.push(chunk);
            return gates.wait();
        },
    });
    const writer = stream.getWriter();
    const write = writer.write(1);
    const queued = writer.write(2);
    await tick();
    writer.releaseLock();
    const next = stream.getWriter();
    await gates.open();
    await gates.open();
    t.show("writes go on", [await state(write), await state(queued), log]);
    t.show("next writer is ready", await state(next.ready));
}

async function order(t) {
    const log = [];
    const writer = new WritableStream(
        {
            start: () => void log.push("start"),
            write: (chunk) => void log.push(`write ${chunk}`),
            close: () => void log.push("close"),
        },
        { highWaterMark: 3 },
    ).getWriter();
    log.push("writer");
    writer.ready.then(() => log.push("ready"));
    writer.write("a").then(() => log.push("a written"));
    log.push("asked");
    await tick();
    writer.write("b").then(() => log.push("b written"));
    writer.write("c").then(() => log.push("c written"));
    log.push("asked again");
    writer.closed.then(() => log.push("closed"));
    writer.close().then(() => log.push("close done"));
    await tick();
    t.show("order of events", log);
}
