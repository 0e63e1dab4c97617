// `pipeTo` and `pipeThrough`: what goes through, which end hears of what, and abort signals.
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

/** A sink that notes what happens to it. */
const sink = (log, more = {}) =>
    new WritableStream({
        write: (chunk) => void log.push(`write ${describe(chunk)}`),
        close: () => void log.push("close"),
        abort: (reason) => void log.push(`abort ${describe(reason)}`),
        ...more,
    });

const PARTS = [piping, pipingErrors, aborting, through];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function piping(t) {
    const log = [];
    t.show("pipeTo returns", await of(1, 2).pipeTo(sink(log)));
    t.show("pipeTo", log);
    const open = [];
    const target = sink(open);
    await of(1).pipeTo(target, { preventClose: true });
    t.show("preventClose", [open, target.locked]);
    const writer = target.getWriter();
    await writer.write("more");
    await writer.close();
    t.show("then written on", open);
    const source = of(1);
    const dest = sink([]);
    const piped = source.pipeTo(dest);
    t.show("locked while piped", [source.locked, dest.locked]);
    await piped;
    t.show("unlocked after", [source.locked, dest.locked]);
    const order = [];
    let chunk = 0;
    const pulled = new ReadableStream(
        {
            pull(c) {
                order.push(`pull ${chunk}`);
                chunk < 3 ? c.enqueue(chunk++) : c.close();
            },
        },
        { highWaterMark: 0 },
    );
    await pulled.pipeTo(
        new WritableStream(
            {
                async write(value) {
                    order.push(`begin ${value}`);
                    await tick();
                    order.push(`end ${value}`);
                },
            },
            { highWaterMark: 1 },
        ),
    );
    t.show(
        "writes one after another",
        order.filter((line) => !line.startsWith("pull")),
    );
    t.show("pulls", order.filter((line) => line.startsWith("pull")).length);
    let taken = 0;
    const endless = new ReadableStream({ pull: (c) => c.enqueue(taken++) }, { highWaterMark: 0 });
    endless.pipeTo(new WritableStream({ write: () => new Promise(() => {}) }, { highWaterMark: 2 })).catch(() => {});
    await tick();
    t.show("stops at the mark", taken);
    const empty = [];
    await of().pipeTo(sink(empty));
    t.show("empty", empty);
}

async function pipingErrors(t) {
    const broken = () => new ReadableStream({ start: (c) => c.error(new Error("source broke")) });
    let log = [];
    await t.throws("source broke", () => broken().pipeTo(sink(log)));
    t.show("target is aborted", log);
    log = [];
    await t.throws("source broke, preventAbort", () => broken().pipeTo(sink(log), { preventAbort: true }));
    t.show("target is not aborted", log);
    const late = [];
    await t.throws("source breaks later", () =>
        new ReadableStream({
            start: (c) => c.enqueue(1),
            pull() {
                throw new Error("later");
            },
        }).pipeTo(sink(late)),
    );
    t.show("target got", late);
    let cancels = [];
    const source = () =>
        new ReadableStream({ pull: (c) => c.enqueue(1), cancel: (reason) => void cancels.push(describe(reason)) });
    await t.throws("target broke", () =>
        source().pipeTo(
            new WritableStream({
                write() {
                    throw new Error("target broke");
                },
            }),
        ),
    );
    t.show("source is cancelled", cancels);
    cancels = [];
    await t.throws("target broke, preventCancel", () =>
        source().pipeTo(
            new WritableStream({
                write: async () => {
                    throw new Error("target broke");
                },
            }),
            { preventCancel: true },
        ),
    );
    t.show("source is not cancelled", cancels);
    const closed = new WritableStream();
    await closed.getWriter().close();
    const shut = new WritableStream();
    await shut.close();
    cancels = [];
    await t.throws("target is closed", () => source().pipeTo(shut));
    t.show("source of a closed target", cancels);
    await t.throws("target is locked", () => source().pipeTo(closed));
    await t.throws("target is none", () => source().pipeTo({}));
    await t.throws("target is missing", () => source().pipeTo());
    await t.throws("close of the target fails", () =>
        of(1).pipeTo(
            new WritableStream({
                close() {
                    throw new Error("no close");
                },
            }),
        ),
    );
    await t.throws("abort of the target fails", () =>
        broken().pipeTo(
            new WritableStream({
                abort() {
                    throw new Error("no abort");
                },
            }),
        ),
    );
    await t.throws("cancel of the source fails", () =>
        new ReadableStream({
            pull: (c) => c.enqueue(1),
            cancel() {
                throw new Error("no cancel");
            },
        }).pipeTo(
            new WritableStream({
                write() {
                    throw new Error("target broke");
                },
            }),
        ),
    );
    await t.throws("signal is no signal", () => of(1).pipeTo(new WritableStream(), { signal: {} }));
}

async function aborting(t) {
    const log = [];
    const source = new ReadableStream(
        { pull: (c) => c.enqueue(1), cancel: (reason) => void log.push(`cancel ${describe(reason)}`) },
        { highWaterMark: 0 },
    );
    await t.throws("signal aborted before", () =>
        source.pipeTo(sink(log), { signal: AbortSignal.abort(new Error("early")) }),
    );
    t.show("both ends hear of it", log.sort());
    const controller = new AbortController();
    const later = [];
    const [quiet, held] = controlled({ cancel: (reason) => void later.push(`cancel ${describe(reason)}`) });
    const piped = quiet.pipeTo(sink(later), { signal: controller.signal });
    await tick();
    controller.abort(new Error("later"));
    await tick();
    t.show("heard at once", later.length);
    if (later.length === 0) held.enqueue(1);
    await t.throws("signal aborted later", () => piped);
    t.show("both ends hear of it later", later.sort());
    const prevented = [];
    const [other] = controlled({ cancel: (reason) => void prevented.push(`cancel ${describe(reason)}`) });
    await t.throws("signal with all prevented", () =>
        other.pipeTo(sink(prevented), { signal: AbortSignal.abort("r"), preventCancel: true, preventAbort: true }),
    );
    t.show("nobody hears of it", [prevented, other.locked]);
    await t.throws("abort without reason", () =>
        controlled()[0].pipeTo(new WritableStream(), { signal: AbortSignal.abort() }),
    );
    const finished = new AbortController();
    t.show("signal unused", await of(1).pipeTo(new WritableStream(), { signal: finished.signal }));
    finished.abort();
}

async function through(t) {
    const upper = () => new TransformStream({ transform: (chunk, c) => c.enqueue(chunk.toUpperCase()) });
    const stream = of("a", "b");
    const result = stream.pipeThrough(upper());
    t.show("pipeThrough", [result, stream.locked, await all(result)]);
    t.show("twice", await all(of("x").pipeThrough(upper()).pipeThrough(new TransformStream())));
    const pair = { readable: new ReadableStream({ start: (c) => c.close() }), writable: new WritableStream() };
    t.show("any pair", of(1).pipeThrough(pair) === pair.readable);
    await t.throws("no pair", () => of(1).pipeThrough({}));
    await t.throws("nothing", () => of(1).pipeThrough());
    await t.throws("no readable", () => of(1).pipeThrough({ writable: new WritableStream() }));
    const locked = new TransformStream();
    locked.writable.getWriter();
    await t.throws("writable is locked", () => of(1).pipeThrough(locked));
    const broken = new ReadableStream({ start: (c) => c.error(new Error("upstream")) }).pipeThrough(upper());
    await t.throws("error goes through", () => broken.getReader().read());
    const failing = of("a").pipeThrough(
        new TransformStream({
            transform() {
                throw new Error("transform failed");
            },
        }),
    );
    await t.throws("transform fails", () => failing.getReader().read());
    const cancels = [];
    const upstream = new ReadableStream({
        pull: (c) => c.enqueue("a"),
        cancel: (reason) => void cancels.push(describe(reason)),
    });
    const reader = upstream.pipeThrough(upper()).getReader();
    await reader.read();
    await reader.cancel("downstream");
    await tick();
    t.show("cancel goes up", cancels);
}
