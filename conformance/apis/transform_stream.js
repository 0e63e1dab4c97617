// `TransformStream`, and workerd's own `IdentityTransformStream` and `FixedLengthStream`, which carry bytes.
import { describe, transcript } from "./transcript.js";

const tick = () => new Promise((resolve) => setTimeout(resolve, 2));

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

const of = (...chunks) =>
    new ReadableStream({
        start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk);
            controller.close();
        },
    });

async function all(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
}

const bytes = (text) => new TextEncoder().encode(text);
const text = (chunk) => (chunk === undefined ? undefined : new TextDecoder().decode(chunk));

const PARTS = [
    classes,
    construction,
    transforming,
    backpressure,
    flushing,
    terminating,
    failing,
    errorBySide,
    cancelling,
    identityOfValues,
    identity,
    identityChunks,
    identityBuffers,
    identityEnds,
    identityMarks,
    fixed,
    fixedArguments,
    chains,
];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function classes(t) {
    let controller;
    const stream = new TransformStream({ start: (c) => void (controller = c) });
    t.show(
        "tags",
        [stream, controller, new IdentityTransformStream(), new FixedLengthStream(1)].map((value) =>
            Object.prototype.toString.call(value),
        ),
    );
    t.show("sides", [stream.readable, stream.writable, stream.readable === stream.readable]);
    t.show(
        "enumerable members",
        [stream, controller].map((value) => {
            const names = [];
            for (const name in value) names.push(name);
            return names.sort();
        }),
    );
    await t.throws("called", () => TransformStream());
    await t.throws("controller constructed", () => new TransformStreamDefaultController());
    await t.throws("foreign this", () => Reflect.get(TransformStream.prototype, "readable", {}));
    t.show("families", [
        new IdentityTransformStream() instanceof TransformStream,
        new FixedLengthStream(1) instanceof IdentityTransformStream,
        new TextEncoderStream() instanceof TransformStream,
        new TextDecoderStream() instanceof TransformStream,
        new CompressionStream("gzip") instanceof TransformStream,
        new DecompressionStream("gzip") instanceof TransformStream,
    ]);
    class Mine extends TransformStream {
        constructor() {
            super({ transform: (chunk, c) => c.enqueue(chunk * 2) });
        }
    }
    t.show("subclass", [new Mine() instanceof Mine, await all(of(1, 2).pipeThrough(new Mine()))]);
}

async function construction(t) {
    const log = [];
    const transformer = {
        start(...args) {
            log.push("start", this === transformer, args.length, args[0].constructor.name, args[0].desiredSize);
        },
        transform(...args) {
            log.push("transform", this === transformer, args.length, args[0], args[1].constructor.name);
        },
        flush(...args) {
            log.push("flush", this === transformer, args.length, args[0].constructor.name);
        },
    };
    await all(of("x").pipeThrough(new TransformStream(transformer)));
    t.show("calls", log);
    await t.throws("transformer is a number", () => new TransformStream(1));
    await t.throws("transformer is null", () => new TransformStream(null).constructor.name);
    await t.throws("transform is no function", () => new TransformStream({ transform: 1 }));
    await t.throws("readable type", () => new TransformStream({ readableType: "bytes" }));
    await t.throws("writable type", () => new TransformStream({ writableType: "bytes" }));
    await t.throws("start throws", () =>
        new TransformStream({
            start() {
                throw new Error("no start");
            },
        }).readable
            .getReader()
            .read(),
    );
    const rejects = new TransformStream({
        start: async () => {
            throw new Error("start rejects");
        },
    });
    t.show("start rejects", [
        await state(rejects.readable.getReader().read()),
        await state(rejects.writable.getWriter().write(1)),
    ]);
    await t.throws("marks", () => {
        let wanted;
        const stream = new TransformStream(
            { start: (c) => void (wanted = c.desiredSize) },
            { highWaterMark: 7 },
            { highWaterMark: 3 },
        );
        return [stream.writable.getWriter().desiredSize, wanted];
    });
    await t.throws("marks by default", () => {
        let wanted;
        const stream = new TransformStream({ start: (c) => void (wanted = c.desiredSize) });
        return [stream.writable.getWriter().desiredSize, wanted];
    });
    await t.throws("negative mark", () => new TransformStream({}, { highWaterMark: -1 }));
    const early = new TransformStream({
        start: (c) => {
            c.enqueue("a");
            c.enqueue("b");
        },
    });
    const reader = early.readable.getReader();
    t.show("enqueued at the start", [await reader.read(), await reader.read()]);
    let go;
    const events = [];
    const slow = new TransformStream({
        start: () => new Promise((resolve) => (go = resolve)),
        transform: (chunk, c) => {
            events.push(chunk);
            c.enqueue(chunk);
        },
    });
    slow.writable.getWriter().write("early");
    slow.readable.getReader().read();
    await tick();
    events.push("started");
    go();
    await tick();
    t.show("transform waits for start", events);
}

async function transforming(t) {
    t.show(
        "upper case",
        await all(
            of("a", "b").pipeThrough(new TransformStream({ transform: (chunk, c) => c.enqueue(chunk.toUpperCase()) })),
        ),
    );
    t.show(
        "one to many",
        await all(
            of("ab", "c").pipeThrough(
                new TransformStream({
                    transform(chunk, c) {
                        for (const letter of chunk) c.enqueue(letter);
                    },
                }),
            ),
        ),
    );
    t.show(
        "many to one",
        await all(
            of(1, 2, 3).pipeThrough(
                new TransformStream({
                    sum: 0,
                    transform(chunk) {
                        this.sum += chunk;
                    },
                    flush(c) {
                        c.enqueue(this.sum);
                    },
                }),
            ),
        ),
    );
    t.show(
        "async",
        await all(
            of(1, 2).pipeThrough(
                new TransformStream({
                    async transform(chunk, c) {
                        await tick();
                        c.enqueue(chunk);
                        await tick();
                        c.enqueue(-chunk);
                    },
                }),
            ),
        ),
    );
    t.show("no output", await all(of(1, 2).pipeThrough(new TransformStream({ transform() {} }))));
    const order = [];
    const stream = new TransformStream({
        start: () => void order.push("start"),
        transform(chunk, c) {
            order.push(`transform ${chunk}`);
            c.enqueue(chunk);
        },
        flush: () => void order.push("flush"),
    });
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    const writes = ["a", "b"].map((chunk) => writer.write(chunk).then(() => order.push(`written ${chunk}`)));
    const close = writer.close().then(() => order.push("closed"));
    await tick();
    order.push("read");
    for (;;) {
        const { value, done } = await reader.read();
        order.push(done ? "done" : `got ${value}`);
        if (done) break;
        await tick();
    }
    await Promise.all([...writes, close]);
    t.show("order of events", order);
}

async function backpressure(t) {
    const stream = new TransformStream();
    const writer = stream.writable.getWriter();
    const first = writer.write("a");
    t.show("without a reader", [await state(first), writer.desiredSize]);
    t.show("ready without a reader", await state(writer.ready));
    const reader = stream.readable.getReader();
    t.show("with one", [await reader.read(), await state(first), writer.desiredSize]);
    const buffered = new TransformStream({}, { highWaterMark: 1 }, { highWaterMark: 2 });
    const buffers = buffered.writable.getWriter();
    const writes = [buffers.write(1), buffers.write(2), buffers.write(3)];
    t.show("buffered", [await state(writes[0]), await state(writes[1]), await state(writes[2]), buffers.desiredSize]);
    let controller;
    const own = new TransformStream({ start: (c) => void (controller = c) }, undefined, { highWaterMark: 3 });
    controller.enqueue(1);
    controller.enqueue(2);
    t.show("size wanted with two queued", controller.desiredSize);
    await own.readable.getReader().read();
    t.show("size wanted after a read", controller.desiredSize);
}

async function flushing(t) {
    t.show("flush adds", await all(of("a").pipeThrough(new TransformStream({ flush: (c) => c.enqueue("end") }))));
    t.show(
        "async flush",
        await all(
            of("a").pipeThrough(
                new TransformStream({
                    async flush(c) {
                        await tick();
                        c.enqueue("late");
                    },
                }),
            ),
        ),
    );
    await t.throws("flush throws", () =>
        all(
            of("a").pipeThrough(
                new TransformStream({
                    flush() {
                        throw new Error("no flush");
                    },
                }),
            ),
        ),
    );
    const failing = new TransformStream({
        flush: async () => {
            throw new Error("flush rejects");
        },
    });
    const close = failing.writable.getWriter().close();
    t.show("flush rejects", [await state(close), await state(failing.readable.getReader().read())]);
    t.show("flush closes", await all(of("a").pipeThrough(new TransformStream({ flush: (c) => c.terminate() }))));
    const empty = new TransformStream();
    const closed = empty.writable.close();
    t.show("close without chunks", [await state(closed), await state(empty.readable.getReader().read())]);
}

async function terminating(t) {
    let controller;
    const stream = new TransformStream({ start: (c) => void (controller = c) });
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    controller.enqueue("last");
    t.show("terminate returns", controller.terminate());
    t.show("reads after terminate", [await reader.read(), await reader.read()]);
    t.show("write", [await state(writer.write(1)), await state(writer.closed)]);
    t.show("size wanted after terminate", controller.desiredSize);
    await t.throws("enqueue after terminate", () => controller.enqueue(1));
    t.show("terminate twice", await state((async () => controller.terminate())()));
    t.show(
        "terminate in transform",
        await all(
            of(1, 2, 3).pipeThrough(
                new TransformStream({
                    transform(chunk, c) {
                        c.enqueue(chunk);
                        if (chunk === 2) c.terminate();
                    },
                }),
            ),
        ).catch(describe),
    );
}

async function failing(t) {
    const stream = new TransformStream({
        transform() {
            throw new RangeError("no transform");
        },
    });
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    const [write, read] = [writer.write(1), reader.read()];
    t.show("transform throws", [
        await state(write),
        await state(read),
        await state(writer.closed),
        await state(reader.closed),
        await state(writer.ready),
    ]);
    const rejecting = new TransformStream({
        transform: async () => {
            throw new Error("transform rejects");
        },
    });
    const rejected = rejecting.writable.getWriter().write(1);
    t.show("transform rejects", [await state(rejecting.readable.getReader().read()), await state(rejected)]);
    let controller;
    const errored = new TransformStream({ start: (c) => void (controller = c) });
    t.show("error returns", controller.error(new Error("broken")));
    t.show("error breaks both", [
        await state(errored.readable.getReader().read()),
        await state(errored.writable.getWriter().write(1)),
        describe(controller.desiredSize),
    ]);
    await t.throws("enqueue after error", () => controller.enqueue(1));
    t.show("error twice", await state((async () => controller.error(new Error("again")))()));
    t.show(
        "error in transform",
        await state(
            of(1)
                .pipeThrough(new TransformStream({ transform: (_, c) => c.error("by hand") }))
                .getReader()
                .read(),
        ),
    );
}

async function errorBySide(t) {
    const stream = new TransformStream();
    const reader = stream.readable.getReader();
    const read = reader.read();
    await stream.writable.abort(new Error("aborted"));
    t.show("abort breaks the readable side", [await state(read), await state(reader.closed)]);
    const cancelled = new TransformStream();
    const writer = cancelled.writable.getWriter();
    await cancelled.readable.cancel(new Error("cancelled"));
    t.show("cancel breaks the writable side", [await state(writer.write(1)), await state(writer.closed)]);
}

async function cancelling(t) {
    const log = [];
    const transformer = {
        cancel(...args) {
            log.push(this === transformer, ...args.map(describe));
        },
    };
    await new TransformStream(transformer).readable.cancel("by the reader");
    await new TransformStream(transformer).writable.abort("by the writer");
    t.show("cancel", log);
    await t.throws("cancel throws", () =>
        new TransformStream({
            cancel() {
                throw new Error("no cancel");
            },
        }).readable.cancel("x"),
    );
    await t.throws("abort and cancel throws", () =>
        new TransformStream({
            cancel() {
                throw new Error("no cancel");
            },
        }).writable.abort("x"),
    );
    const flushes = [];
    const flushed = new TransformStream({
        flush: () => void flushes.push("flush"),
        cancel: () => void flushes.push("cancel"),
    });
    await Promise.all([flushed.writable.close(), all(flushed.readable)]);
    t.show("no cancel after flush", flushes);
}

async function identityOfValues(t) {
    const object = {};
    const [value] = await all(of(object).pipeThrough(new TransformStream()));
    t.show("values go through as they are", value === object);
    t.show("kinds", await all(of(1, "a", null, undefined, [1]).pipeThrough(new TransformStream())));
    await t.throws("no byob", () => new TransformStream().readable.getReader({ mode: "byob" }));
}

async function identity(t) {
    const stream = new IdentityTransformStream();
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    t.show("size wanted", writer.desiredSize);
    const write = writer.write(bytes("hello"));
    t.show("waits for a read", await state(write));
    t.show("read", text((await reader.read()).value));
    t.show("written", await state(write));
    const read = reader.read();
    t.show("second read at once", await state(reader.read()));
    await t.throws("release with a read", () => reader.releaseLock());
    const chunk = bytes("abc");
    await writer.write(chunk);
    t.show("first read", [text((await read).value), chunk.length]);
    const close = writer.close();
    t.show("closed", [await reader.read(), await state(close), await state(reader.closed), await state(writer.closed)]);
    t.show("read again", await reader.read());
    await t.throws("write after close", () => writer.write(bytes("x")));
    await t.throws("close after close", () => writer.close());
    const copy = new IdentityTransformStream();
    const mine = bytes("abc");
    copy.writable.getWriter().write(mine.subarray(1));
    const got = (await copy.readable.getReader().read()).value;
    got[0] = 120;
    t.show("copied", [text(got), text(mine), got.byteOffset]);
}

async function identityChunks(t) {
    for (const [name, chunk] of [
        ["text", "héllo"],
        ["a buffer", bytes("ab").buffer],
        ["words", new Uint16Array([1, 2])],
        ["a view", new DataView(bytes("abc").buffer, 1)],
        ["a number", 5],
        ["an object", {}],
        ["null", null],
        ["an array", [1]],
    ]) {
        const stream = new IdentityTransformStream();
        const writer = stream.writable.getWriter();
        const read = stream.readable.getReader().read();
        const write = writer.write(chunk);
        t.show(`writing ${name}`, [await state(write), await state(read)]);
    }
    for (const [name, chunk] of [
        ["empty bytes", bytes("")],
        ["empty text", ""],
        ["undefined", undefined],
    ]) {
        const stream = new IdentityTransformStream();
        const writer = stream.writable.getWriter();
        const reader = stream.readable.getReader();
        const read = reader.read();
        t.show(`writing ${name}`, await state(writer.write(chunk)));
        writer.write(bytes("next"));
        t.show(`read after ${name}`, text((await read).value));
    }
}

async function identityBuffers(t) {
    const stream = new IdentityTransformStream();
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader({ mode: "byob" });
    const given = new Uint8Array(3);
    const read = reader.read(given);
    t.show("given buffer is taken", given.byteLength);
    const write = writer.write(bytes("abcde"));
    t.show("part", [await state(read), await state(write)]);
    const rest = await reader.read(new Uint8Array(10).subarray(2));
    t.show("rest", [rest, rest.value.byteOffset, rest.value.buffer.byteLength, await state(write)]);
    const least = reader.readAtLeast(4, new Uint8Array(8));
    await writer.write(bytes("12"));
    t.show("at least four", await state(least));
    await writer.write(bytes("345"));
    t.show("has them", text((await least).value));
    await t.throws("empty view", () => reader.read(new Uint8Array(0)));
    await t.throws("no view", () => reader.read("x"));
    await t.throws("too many", () => reader.readAtLeast(5, new Uint8Array(2)));
    const last = reader.read(new Uint8Array(4));
    writer.close();
    t.show("end", [await state(last), await state(reader.read(new Uint8Array(4)))]);
    const short = new IdentityTransformStream();
    const shortWriter = short.writable.getWriter();
    const shortRead = short.readable.getReader({ mode: "byob" }).readAtLeast(4, new Uint8Array(4));
    await shortWriter.write(bytes("ab"));
    shortWriter.close();
    t.show("end before enough", await state(shortRead));
}

async function identityEnds(t) {
    const ends = () => {
        const stream = new IdentityTransformStream();
        return { stream, writer: stream.writable.getWriter(), reader: stream.readable.getReader() };
    };
    let { writer, reader } = ends();
    let read = reader.read();
    t.show("abort", [
        await state(writer.abort(new RangeError("aborted"))),
        await state(read),
        await state(reader.closed),
        await state(writer.closed),
    ]);
    await t.throws("write after abort", () => writer.write(bytes("x")));
    ({ writer, reader } = ends());
    read = reader.read();
    t.show("abort with text", [await state(writer.abort("text")), await state(read), await state(writer.closed)]);
    ({ writer, reader } = ends());
    const write = writer.write(bytes("x"));
    t.show("cancel of an identity", [
        await state(reader.cancel(new RangeError("cancelled"))),
        await state(write),
        await state(reader.read()),
        await state(reader.closed),
        await state(writer.closed),
    ]);
    await t.throws("write after cancel", () => writer.write(bytes("x")));
    ({ writer, reader } = ends());
    await reader.cancel("text");
    t.show("cancel before a write", [
        await state(writer.closed),
        await state(writer.write(bytes("x"))),
        await state(writer.closed),
    ]);
    const unread = new IdentityTransformStream();
    t.show("close without a read", await state(unread.writable.close()));
    t.show("read of the closed", await unread.readable.getReader().read());
}

async function identityMarks(t) {
    for (const options of [{ highWaterMark: 0 }, { highWaterMark: 5 }, null, {}]) {
        const stream = new IdentityTransformStream(options);
        const writer = stream.writable.getWriter();
        const seen = [writer.desiredSize, await state(writer.ready)];
        writer.write(bytes("abc"));
        seen.push(writer.desiredSize, await state(writer.ready));
        writer.write(bytes("def"));
        seen.push(writer.desiredSize, await state(writer.ready));
        await stream.readable.getReader().read();
        await tick();
        seen.push(writer.desiredSize);
        t.show(`mark ${JSON.stringify(options).replace(":", " ")}`, seen);
    }
    await t.throws("mark below zero", () => new IdentityTransformStream({ highWaterMark: -1 }));
    await t.throws("mark that is text", () => new IdentityTransformStream({ highWaterMark: "x" }));
    await t.throws("strategy is a number", () => new IdentityTransformStream(5));
}

async function fixed(t) {
    for (const [length, ...chunks] of [
        [5, "hello"],
        [5, "hel", "lo"],
        [5, "hell"],
        [5, "hello!"],
        [5, "hel", "lo!"],
        [0],
        [5],
        [0, "x"],
    ]) {
        const { readable, writable } = new FixedLengthStream(length);
        const writer = writable.getWriter();
        const reader = readable.getReader();
        const writes = chunks.map((chunk) => state(writer.write(bytes(chunk))));
        const close = state(writer.close());
        const got = [];
        try {
            for (let next = await reader.read(); !next.done; next = await reader.read()) got.push(text(next.value));
        } catch (error) {
            got.push(describe(error));
        }
        t.show(`${length} bytes of ${chunks.join(" and ") || "nothing"}`, [
            got,
            await Promise.all(writes),
            await close,
        ]);
        t.show(`ends of ${length} bytes of ${chunks.join(" and ") || "nothing"}`, [
            await state(writer.closed),
            await state(reader.closed),
        ]);
    }
}

async function fixedArguments(t) {
    for (const length of [-1, 1.5, NaN, "5", 5n, 2 ** 53, 2 ** 53 - 1, Infinity, null, undefined, {}, "x"]) {
        await t.throws(`length ${describe(length)}`, () => new FixedLengthStream(length).constructor.name);
    }
    await t.throws("no length", () => new FixedLengthStream());
    t.show(
        "mark is at most the length",
        new FixedLengthStream(3, { highWaterMark: 10 }).writable.getWriter().desiredSize,
    );
}

async function chains(t) {
    t.show(
        "bytes through identity",
        (await all(of(bytes("ab"), bytes("cd")).pipeThrough(new IdentityTransformStream()))).map(text),
    );
    await t.throws("error through identity", () =>
        all(
            new ReadableStream({ start: (c) => c.error(new Error("upstream")) }).pipeThrough(
                new IdentityTransformStream(),
            ),
        ),
    );
    const cancels = [];
    const source = new ReadableStream({
        pull: (c) => c.enqueue(bytes("x")),
        cancel: (reason) => void cancels.push(describe(reason)),
    });
    const reader = source.pipeThrough(new IdentityTransformStream()).getReader();
    await reader.read();
    await reader.cancel(new Error("downstream"));
    await tick();
    t.show("cancel through identity", cancels);
    t.show(
        "three in a row",
        await all(
            of(1, 2, 3)
                .pipeThrough(new TransformStream({ transform: (chunk, c) => c.enqueue(chunk + 1) }))
                .pipeThrough(new TransformStream())
                .pipeThrough(new TransformStream({ transform: (chunk, c) => c.enqueue(chunk * 10) })),
        ),
    );
    const { readable, writable } = new TransformStream({ transform: (chunk, c) => c.enqueue(`<${chunk}>`) });
    const collected = all(readable);
    const writer = writable.getWriter();
    for (const chunk of ["a", "b", "c"]) {
        await writer.ready;
        writer.write(chunk);
    }
    await writer.close();
    t.show("written by hand", await collected);
    const [one, two] = of("a", "b").pipeThrough(new TransformStream()).tee();
    t.show("tee of a transform", await Promise.all([all(one), all(two)]));
}
