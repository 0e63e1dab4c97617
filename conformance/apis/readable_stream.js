// `ReadableStream` with values as chunks: construction, reading, cancelling, errors, `tee`, iteration, `from`.
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
function controlled(source = {}, strategy) {
    let controller;
    const stream = new ReadableStream({ start: (c) => void (controller = c), ...source }, strategy);
    return [stream, controller];
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

const PARTS = [
    classes,
    construction,
    reading,
    releasing,
    controllerErrors,
    pulling,
    strategies,
    cancelling,
    teeing,
    iterating,
    from,
];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function classes(t) {
    const stream = new ReadableStream();
    const reader = new ReadableStream().getReader();
    const [, controller] = controlled();
    t.show(
        "tags",
        [stream, reader, controller].map((value) => Object.prototype.toString.call(value)),
    );
    t.show(
        "names",
        [ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController].map((c) => c.name),
    );
    t.show(
        "own keys",
        [stream, reader, controller].map((value) => Reflect.ownKeys(value).length),
    );
    t.show(
        "enumerable members",
        [stream, reader, controller].map((value) => {
            const names = [];
            for (const name in value) names.push(name);
            return names.sort();
        }),
    );
    t.show("iterator is values", typeof ReadableStream.prototype[Symbol.asyncIterator]);
    await t.throws("called", () => ReadableStream());
    await t.throws("controller constructed", () => new ReadableStreamDefaultController());
    await t.throws("reader of nothing", () => new ReadableStreamDefaultReader());
    await t.throws("reader of an object", () => new ReadableStreamDefaultReader({}));
    await t.throws("foreign this", () => ReadableStream.prototype.getReader.call({}));
    await t.throws("foreign this of an accessor", () => Reflect.get(ReadableStream.prototype, "locked", {}));
    t.show("reader constructed", [
        new ReadableStreamDefaultReader(stream) instanceof ReadableStreamDefaultReader,
        stream.locked,
    ]);
    class Mine extends ReadableStream {
        get twice() {
            return 2;
        }
    }
    const mine = new Mine({ start: (c) => c.close() });
    t.show("subclass", [
        mine instanceof Mine,
        mine instanceof ReadableStream,
        mine.twice,
        mine.locked,
        await mine.getReader().read(),
    ]);
}

async function construction(t) {
    const log = [];
    let self;
    const source = {
        start(...args) {
            log.push("start", args.length, args[0].constructor.name, args[0].desiredSize);
            self = this === source;
        },
        pull(...args) {
            log.push("pull", args.length);
        },
    };
    new ReadableStream(source);
    log.push("made");
    await tick();
    t.show("start and pull", log);
    t.show("this of start", self);
    await t.throws("source is null", () => new ReadableStream(null));
    await t.throws("source is a number", () => new ReadableStream(1));
    await t.throws("unknown type", () => new ReadableStream({ type: "other" }));
    await t.throws(
        "type of an object",
        () => new ReadableStream({ type: { toString: () => "bytes" } }).constructor.name,
    );
    await t.throws("start is no function", () => new ReadableStream({ start: 1 }));
    await t.throws("pull is no function", () => new ReadableStream({ pull: {} }));
    await t.throws("cancel is no function", () => new ReadableStream({ cancel: "x" }));
    await t.throws("start is null", () => new ReadableStream({ start: null }).constructor.name);
    await t.throws("negative mark", () => new ReadableStream({}, { highWaterMark: -1 }));
    await t.throws("mark is no number", () => new ReadableStream({}, { highWaterMark: NaN }));
    await t.throws("mark is text", () => controlled({}, { highWaterMark: "7" })[1].desiredSize);
    await t.throws("infinite mark", () => controlled({}, { highWaterMark: Infinity })[1].desiredSize);
    await t.throws("mark with a fraction", () => controlled({}, { highWaterMark: 1.5 })[1].desiredSize);
    await t.throws("size is no function", () => new ReadableStream({}, { size: 1 }));
    await t.throws("strategy is null", () => controlled({}, null)[1].desiredSize);
    await t.throws(
        "start throws",
        () =>
            new ReadableStream({
                start() {
                    throw new Error("no start");
                },
            }).constructor.name,
    );
    const rejected = new ReadableStream({
        start: async () => {
            throw new Error("start rejects");
        },
    });
    await t.throws("start rejects", () => rejected.getReader().read());
    let go;
    const events = [];
    const waiting = new ReadableStream({
        start: () => new Promise((resolve) => (go = resolve)),
        pull: (c) => {
            events.push("pull");
            c.enqueue(1);
        },
    });
    const read = waiting
        .getReader()
        .read()
        .then((result) => events.push(result.value));
    await tick();
    events.push("go");
    go();
    await read;
    t.show("pull waits for start", events);
    t.show(
        "sizes wanted",
        [1, 0, 5].map((highWaterMark) => controlled({}, { highWaterMark })[1].desiredSize),
    );
    t.show("size wanted by default", controlled()[1].desiredSize);
}

async function reading(t) {
    const stream = of("a", { b: 1 }, undefined, null, 7);
    const reader = stream.getReader();
    t.show("locked", stream.locked);
    const results = [];
    for (let i = 0; i < 7; i++) results.push(await reader.read());
    t.show("results", results);
    t.show("keys of a result", Object.keys(results[0]));
    t.show("closed", await reader.closed);
    t.show("closed is one promise", reader.closed === reader.closed);
    const [pending, controller] = controlled();
    const waiting = pending.getReader();
    const reads = [waiting.read(), waiting.read(), waiting.read()];
    t.show("size wanted with reads", controller.desiredSize);
    controller.enqueue(1);
    controller.enqueue(2);
    controller.close();
    t.show("reads in order", await Promise.all(reads));
    const [order, orderer] = controlled();
    const log = [];
    const ordered = order.getReader();
    ordered.closed.then(() => log.push("closed"));
    ordered.read().then(() => log.push("first"));
    ordered.read().then(() => log.push("second"));
    orderer.enqueue(1);
    orderer.close();
    await tick();
    t.show("read and closed", log);
    const chunk = { a: 1 };
    t.show("chunk is itself", (await of(chunk).getReader().read()).value === chunk);
    const thenable = { then: 1 };
    t.show("chunk with then", (await of(thenable).getReader().read()).value === thenable);
    const [late, lateController] = controlled();
    lateController.enqueue("queued");
    lateController.close();
    const lateReader = late.getReader();
    t.show("closed waits for the queue", await state(lateReader.closed));
    t.show("queued after close", [await lateReader.read(), await lateReader.read()]);
    t.show("then closed", await state(lateReader.closed));
    const [broken, breaker] = controlled();
    breaker.enqueue("lost");
    breaker.error(new RangeError("broken"));
    const unlucky = broken.getReader();
    await t.throws("error drops the queue", () => unlucky.read());
    await t.throws("closed is rejected", () => unlucky.closed);
    const [undef, undefController] = controlled();
    await t.throws("error of nothing", () => undefController.error());
    undefController.error(undefined);
    t.show("error without reason", await state(undef.getReader().read()));
    const [wait, waitController] = controlled();
    const waitReader = wait.getReader();
    const both = [waitReader.read(), waitReader.read()];
    waitController.error("reason");
    t.show("reads that waited", await Promise.all(both.map(state)));
}

async function releasing(t) {
    const [stream, controller] = controlled();
    const reader = stream.getReader();
    const read = reader.read();
    reader.releaseLock();
    t.show("locked after release", stream.locked);
    t.show("read that waited", await state(read));
    await t.throws("read after release", () => reader.read());
    await t.throws("closed after release", () => reader.closed);
    await t.throws("cancel after release", () => reader.cancel());
    t.show("release again", reader.releaseLock());
    controller.enqueue("kept");
    t.show("next reader", await stream.getReader().read());
    const done = of().getReader();
    await done.closed;
    done.releaseLock();
    t.show("closed after close and release", await state(done.closed));
    await t.throws("read after close and release", () => done.read());
    const other = new ReadableStream();
    other.getReader();
    await t.throws("second reader", () => other.getReader());
    await t.throws("second reader constructed", () => new ReadableStreamDefaultReader(other));
    await t.throws("tee of a locked one", () => other.tee());
    await t.throws("cancel of a locked one", () => other.cancel());
    await t.throws("values of a locked one", () => other.values());
    await t.throws("pipeTo of a locked one", () => other.pipeTo(new WritableStream()));
    await t.throws("pipeThrough of a locked one", () => other.pipeThrough(new TransformStream()));
    await t.throws("unknown mode", () => new ReadableStream().getReader({ mode: "other" }));
    await t.throws("mode undefined", () => new ReadableStream().getReader({ mode: undefined }).constructor.name);
    await t.throws("options null", () => new ReadableStream().getReader(null).constructor.name);
    await t.throws("byob of values", () => new ReadableStream().getReader({ mode: "byob" }));
    await t.throws("options are a number", () => new ReadableStream().getReader(5).constructor.name);
}

async function controllerErrors(t) {
    const [, closed] = controlled();
    closed.close();
    await t.throws("close twice", () => closed.close());
    await t.throws("enqueue after close", () => closed.enqueue(1));
    t.show("error after close", closed.error(new Error("late")));
    t.show("wanted after close", closed.desiredSize);
    const [, errored] = controlled();
    errored.error(new Error("first"));
    await t.throws("close after error", () => errored.close());
    await t.throws("enqueue after error", () => errored.enqueue(1));
    t.show("error twice", errored.error(new Error("second")));
    t.show("wanted after error", errored.desiredSize);
    const [queued, controller] = controlled();
    controller.enqueue(1);
    controller.close();
    await t.throws("enqueue while closing", () => controller.enqueue(2));
    await t.throws("close while closing", () => controller.close());
    t.show("wanted while closing", controller.desiredSize);
    t.show("what was queued", await all(queued));
    const [cancelled, dropped] = controlled();
    await cancelled.cancel();
    await t.throws("enqueue after cancel", () => dropped.enqueue(1));
    await t.throws("close after cancel", () => dropped.close());
    const [, empty] = controlled();
    t.show("enqueue of nothing", empty.enqueue());
    t.show("enqueue returns", empty.enqueue(1));
    t.show(
        "methods without this",
        (() => {
            try {
                const { enqueue } = empty;
                enqueue(1);
                return "no error";
            } catch (error) {
                return error.constructor.name;
            }
        })(),
    );
}

async function pulling(t) {
    for (const highWaterMark of [0, 1, 3]) {
        let pulls = 0;
        const stream = new ReadableStream({ pull: (c) => c.enqueue(pulls++) }, { highWaterMark });
        await tick();
        const before = pulls;
        const reader = stream.getReader();
        await reader.read();
        await tick();
        t.show(`pulls with mark ${highWaterMark}`, [before, pulls]);
    }
    let calls = 0;
    const lazy = new ReadableStream(
        {
            pull() {
                calls += 1;
            },
        },
        { highWaterMark: 2 },
    );
    await tick();
    t.show("pull that gives nothing", calls);
    lazy.getReader().read();
    await tick();
    t.show("is called again for a read", calls);
    const slow = [];
    const finish = [];
    const patient = new ReadableStream(
        {
            pull: () =>
                new Promise((resolve) => {
                    slow.push("pull");
                    finish.push(resolve);
                }),
        },
        { highWaterMark: 0 },
    );
    const reader = patient.getReader();
    await tick();
    reader.read();
    reader.read();
    await tick();
    t.show("one pull at a time", slow.length);
    finish[0]();
    await tick();
    t.show("next pull when the first is done", slow.length);
    const throwing = new ReadableStream({
        pull() {
            throw new TypeError("no pull");
        },
    });
    await t.throws("pull throws", () => throwing.getReader().read());
    const rejecting = new ReadableStream({ pull: () => Promise.reject(new TypeError("pull rejects")) });
    await t.throws("pull rejects", () => rejecting.getReader().read());
    await t.throws("pull rejects after close", async () => {
        const stream = new ReadableStream({
            pull: (c) => {
                c.close();
                return Promise.reject(new Error("late"));
            },
        });
        return stream.getReader().read();
    });
    const self = [];
    const source = {
        pull(c) {
            self.push(this === source, arguments.length, c.desiredSize);
            c.close();
        },
    };
    await new ReadableStream(source).getReader().read();
    t.show("this of pull", self);
    const chunks = ["a", "b", "c"];
    t.show(
        "pull to the end",
        await all(new ReadableStream({ pull: (c) => (chunks.length ? c.enqueue(chunks.shift()) : c.close()) })),
    );
    const asynchronous = ["x", "y"];
    t.show(
        "async pull",
        await all(
            new ReadableStream({
                async pull(c) {
                    await tick();
                    asynchronous.length ? c.enqueue(asynchronous.shift()) : c.close();
                },
            }),
        ),
    );
    const order = [];
    const ordered = new ReadableStream({
        start(c) {
            order.push("start");
            c.enqueue(1);
        },
        pull(c) {
            order.push("pull");
            c.enqueue(2);
            c.close();
        },
        cancel() {
            order.push("cancel");
        },
    });
    const orderedReader = ordered.getReader();
    order.push("reader");
    for (;;) {
        const { value, done } = await orderedReader.read();
        order.push(done ? "done" : value);
        if (done) break;
    }
    t.show("order of events", order);
}

async function strategies(t) {
    const count = new CountQueuingStrategy({ highWaterMark: 4 });
    const bytes = new ByteLengthQueuingStrategy({ highWaterMark: 1024 });
    t.show("marks", [count.highWaterMark, bytes.highWaterMark]);
    t.show("sizes", [
        count.size({}),
        count.size(),
        bytes.size(new Uint8Array(7)),
        bytes.size(new ArrayBuffer(3)),
        bytes.size(new DataView(new ArrayBuffer(5), 1)),
    ]);
    t.show("tags of strategies", [String(count), String(bytes)]);
    t.show("size is shared", count.size === new CountQueuingStrategy({ highWaterMark: 1 }).size);
    t.show("names of size", [count.size.name, typeof bytes.size]);
    t.show("byte length of what has none", await state((async () => bytes.size({}))()));
    t.show("byte length of an object", await state((async () => bytes.size({ byteLength: 3 }))()));
    await t.throws("byte length of nothing", () => bytes.size());
    await t.throws("without options", () => new CountQueuingStrategy());
    await t.throws("without a mark", () => new CountQueuingStrategy({}));
    await t.throws("mark as text", () => new CountQueuingStrategy({ highWaterMark: "5" }).highWaterMark);
    await t.throws("mark below zero", () => new CountQueuingStrategy({ highWaterMark: -5 }).highWaterMark);
    await t.throws(
        "mark with a fraction kept",
        () => new ByteLengthQueuingStrategy({ highWaterMark: 0.5 }).highWaterMark,
    );
    const [, counted] = controlled({}, count);
    counted.enqueue(1);
    counted.enqueue(2);
    t.show("counted", counted.desiredSize);
    const [measured, measurer] = controlled({}, bytes);
    measurer.enqueue(new Uint8Array(1000));
    measurer.enqueue(new Uint8Array(100));
    t.show("measured", measurer.desiredSize);
    await measured.getReader().read();
    t.show("measured after a read", measurer.desiredSize);
    const seen = [];
    const [, own] = controlled(
        {},
        {
            highWaterMark: 10,
            size(...args) {
                seen.push(this === undefined, ...args);
                return 3;
            },
        },
    );
    own.enqueue("chunk");
    t.show("own size", [seen, own.desiredSize]);
    for (const [name, size] of [
        ["negative", -1],
        ["no number", NaN],
        ["infinite", Infinity],
        ["text", "2"],
        ["undefined", undefined],
    ]) {
        const [stream, controller] = controlled({}, { size: () => size, highWaterMark: 10 });
        await t.throws(`size that is ${name}`, () => controller.enqueue("x"));
        t.show(`stream after a size that is ${name}`, await state(stream.getReader().read()));
    }
    const [thrown, thrower] = controlled(
        {},
        {
            size() {
                throw new Error("no size");
            },
        },
    );
    await t.throws("size throws", () => thrower.enqueue(1));
    t.show("stream after size threw", await state(thrown.getReader().read()));
}

async function cancelling(t) {
    const log = [];
    const source = {
        cancel(...args) {
            log.push(this === source, ...args);
            return "ignored";
        },
    };
    const stream = new ReadableStream(source);
    t.show("cancel returns", await stream.cancel("why"));
    t.show("cancel was called with", log);
    t.show("read after cancel", await stream.getReader().read());
    t.show("cancel again", await new ReadableStream({ start: (c) => c.close() }).cancel());
    const [errored, controller] = controlled();
    controller.error(new Error("broken"));
    await t.throws("cancel of a broken one", () => errored.cancel());
    await t.throws("cancel throws", () =>
        new ReadableStream({
            cancel() {
                throw new Error("cannot");
            },
        }).cancel(),
    );
    await t.throws("cancel rejects", () =>
        new ReadableStream({
            cancel: async () => {
                throw new Error("will not");
            },
        }).cancel(),
    );
    const [waiting] = controlled();
    const reader = waiting.getReader();
    const read = reader.read();
    const cancelled = reader.cancel("no more");
    t.show("read that waited at cancel", await read);
    t.show("cancel by the reader", await cancelled);
    t.show("closed by cancel", await state(reader.closed));
    let finish;
    const slow = new ReadableStream({ cancel: () => new Promise((resolve) => (finish = resolve)) });
    const slowReader = slow.getReader();
    const slowCancel = slowReader.cancel();
    t.show("slow cancel", [await state(slowCancel), await state(slowReader.closed)]);
    finish();
    t.show("slow cancel ends", await state(slowCancel));
    const [full, fuller] = controlled();
    fuller.enqueue(1);
    fuller.enqueue(2);
    await full.cancel();
    t.show("cancel drops the queue", await full.getReader().read());
    const args = [];
    await new ReadableStream({ cancel: (...all) => void args.push(all.length, all[0]) }).cancel();
    t.show("cancel without reason", args);
    let pulled = 0;
    const stopped = new ReadableStream(
        {
            pull() {
                pulled += 1;
            },
        },
        { highWaterMark: 0 },
    );
    await stopped.cancel();
    await tick();
    t.show("no pull after cancel", pulled);
}

async function teeing(t) {
    const chunk = { a: 1 };
    const [one, two] = of(chunk, "b").tee();
    t.show("branches", [one, two]);
    const [first, second] = [await all(one), await all(two)];
    t.show("both get all", [first, second]);
    t.show("chunks are shared", first[0] === second[0]);
    const source = of(1);
    source.tee();
    t.show("locked by tee", source.locked);
    const [errored, controller] = controlled();
    const [left, right] = errored.tee();
    controller.error(new Error("both"));
    t.show("error in both", await Promise.all([state(left.getReader().read()), state(right.getReader().read())]));
    const log = [];
    const [a, b] = new ReadableStream({ cancel: (reason) => void log.push(describe(reason)) }).tee();
    const one_ = a.cancel("one");
    t.show("cancel of one", [await state(one_), log]);
    const two_ = b.cancel("two");
    t.show("cancel of both", [await state(two_), await state(one_), log]);
    const [kept, gone] = of(1, 2, 3).tee();
    gone.cancel();
    t.show("other branch goes on", await all(kept));
    const [x, y] = of(1, 2).tee();
    const xs = x.getReader();
    const ys = y.getReader();
    t.show("in turn", [
        await xs.read(),
        await ys.read(),
        await ys.read(),
        await ys.read(),
        await xs.read(),
        await xs.read(),
    ]);
    let pulls = 0;
    const [fast] = new ReadableStream(
        {
            pull: (c) => {
                pulls += 1;
                c.enqueue(pulls);
            },
        },
        { highWaterMark: 0 },
    ).tee();
    const fastReader = fast.getReader();
    for (let i = 0; i < 3; i++) await fastReader.read();
    await tick();
    t.show("values of a fast branch", (await fastReader.read()).value);
    const [again] = of(1).tee();
    t.show("tee of a tee", await Promise.all(again.tee().map(all)));
    const [cancelFails, alsoFails] = new ReadableStream({
        cancel() {
            throw new Error("no cancel");
        },
    }).tee();
    const failing = [cancelFails.cancel(1), alsoFails.cancel(2)];
    t.show("cancel fails in both", await Promise.all(failing.map(state)));
}

async function iterating(t) {
    t.show("for await", await all(of(1, 2, 3)));
    const log = [];
    const broken = new ReadableStream({
        pull: (c) => c.enqueue(1),
        cancel: (reason) => void log.push(["cancel", reason]),
    });
    for await (const _ of broken) break;
    t.show("break cancels", [log, broken.locked]);
    const kept = of(1, 2);
    for await (const _ of kept.values({ preventCancel: true })) break;
    t.show("break without cancel", [kept.locked, await kept.getReader().read()]);
    const thrown = new ReadableStream({
        pull: (c) => c.enqueue(1),
        cancel: (reason) => void log.push(["after throw", reason]),
    });
    await t.throws("throw in the loop", async () => {
        for await (const _ of thrown) throw new Error("stop");
    });
    t.show("throw cancels", log);
    const finished = of(1);
    await all(finished);
    t.show("unlocked at the end", finished.locked);
    const [errored, controller] = controlled();
    controller.enqueue(1);
    setTimeout(() => controller.error(new Error("in the middle")), 2);
    const seen = [];
    await t.throws("error in the middle", async () => {
        for await (const chunk of errored) seen.push(chunk);
    });
    t.show("seen before", [seen, errored.locked]);
    const iterator = of("a", "b").values();
    t.show("iterator", [
        typeof iterator.next,
        typeof iterator.return,
        typeof iterator.throw,
        iterator[Symbol.asyncIterator]() === iterator,
    ]);
    t.show("next", [await iterator.next(), await iterator.next(), await iterator.next(), await iterator.next()]);
    const returned = of("a", "b");
    const second = returned.values();
    await second.next();
    t.show("return", await second.return("given"));
    t.show("after return", [await second.next(), await second.return("again"), returned.locked]);
    const three = of(1, 2, 3).values();
    t.show("nexts at once", await Promise.all([three.next(), three.next(), three.next(), three.next()]));
    const reasons = [];
    const reasoned = new ReadableStream({ cancel: (reason) => void reasons.push(reason) }).values();
    await reasoned.return("why");
    t.show("return cancels with its value", reasons);
    const after = of(1, 2, 3).values();
    t.show("next and return at once", await Promise.all([after.next(), after.return("r"), after.next()]));
    t.show("spread into an array", await Array.fromAsync(of(1, 2)));
}

async function from(t) {
    t.show("from an array", await all(ReadableStream.from([1, 2, 3])));
    t.show("from a set", await all(ReadableStream.from(new Set(["a", "b"]))));
    t.show("from text", await state((async () => all(ReadableStream.from("ab")))()));
    t.show(
        "from a generator",
        await all(
            ReadableStream.from(
                (function* () {
                    yield 1;
                    yield 2;
                    return 3;
                })(),
            ),
        ),
    );
    t.show(
        "from an async generator",
        await all(
            ReadableStream.from(
                (async function* () {
                    yield 1;
                    yield 2;
                })(),
            ),
        ),
    );
    t.show("from promises", await all(ReadableStream.from([Promise.resolve(1), 2])));
    t.show("from a stream", await all(ReadableStream.from(of(1, 2))));
    await t.throws("from nothing", () => ReadableStream.from());
    await t.throws("from null", () => ReadableStream.from(null));
    await t.throws("from a number", () => ReadableStream.from(5));
    await t.throws("from an object", () => ReadableStream.from({}));
    await t.throws("generator throws", () =>
        all(
            ReadableStream.from(
                (async function* () {
                    yield 1;
                    throw new Error("no more");
                })(),
            ),
        ),
    );
    const log = [];
    const stream = ReadableStream.from(
        (async function* () {
            try {
                yield 1;
                yield 2;
            } finally {
                log.push("finally");
            }
        })(),
    );
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel("why");
    t.show("cancel returns the generator", log);
    let count = 0;
    const lazy = ReadableStream.from(
        (function* () {
            for (;;) yield count++;
        })(),
    );
    await tick();
    t.show("from is lazy", count);
    t.show("from is a stream", [lazy instanceof ReadableStream, (await lazy.getReader().read()).value]);
}
