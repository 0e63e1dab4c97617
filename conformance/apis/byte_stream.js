// Byte streams: `type: "bytes"`, reading into given buffers, `byobRequest`, and what becomes of the buffers.
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

/** A byte stream, and its controller. */
function controlled(source = {}, strategy) {
    let controller;
    const stream = new ReadableStream({ type: "bytes", start: (c) => void (controller = c), ...source }, strategy);
    return [stream, controller];
}

const bytes = (...numbers) => new Uint8Array(numbers);

const byob = (stream) => stream.getReader({ mode: "byob" });

/** A byte stream of these chunks, closed after them. */
const of = (...chunks) =>
    new ReadableStream({
        type: "bytes",
        start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk);
            controller.close();
        },
    });

const PARTS = [
    classes,
    construction,
    defaultReading,
    enqueueing,
    intoBuffers,
    views,
    minimum,
    requests,
    newViews,
    allocated,
    closing,
    errors,
    releasing,
    teeing,
    piping,
];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function classes(t) {
    const [stream, controller] = controlled();
    const reader = byob(stream);
    t.show(
        "tags",
        [controller, reader].map((value) => Object.prototype.toString.call(value)),
    );
    t.show(
        "enumerable members",
        [controller, reader].map((value) => {
            const names = [];
            for (const name in value) names.push(name);
            return names.sort();
        }),
    );
    await t.throws("controller constructed", () => new ReadableByteStreamController());
    await t.throws("request constructed", () => new ReadableStreamBYOBRequest());
    await t.throws("reader of nothing", () => new ReadableStreamBYOBReader());
    await t.throws("reader constructed", () => new ReadableStreamBYOBReader(of()).constructor.name);
    await t.throws("reader of values", () => new ReadableStreamBYOBReader(new ReadableStream()));
    await t.throws("reader of a locked one", () => new ReadableStreamBYOBReader(stream));
    await t.throws(
        "reader of a closed stream of values",
        () => new ReadableStreamBYOBReader(new ReadableStream({ start: (c) => c.close() })).constructor.name,
    );
}

async function construction(t) {
    t.show("size wanted by default", controlled()[1].desiredSize);
    t.show("size wanted", controlled({}, { highWaterMark: 10 })[1].desiredSize);
    t.show("request at rest", controlled()[1].byobRequest);
    await t.throws("size in the strategy", () => controlled({}, { size: () => 1 })[1].desiredSize);
    await t.throws(
        "strategy of bytes",
        () => controlled({}, new ByteLengthQueuingStrategy({ highWaterMark: 5 }))[1].desiredSize,
    );
    await t.throws("allocate nothing", () => controlled({ autoAllocateChunkSize: 0 }));
    await t.throws("allocate less than nothing", () => controlled({ autoAllocateChunkSize: -1 }));
    await t.throws("allocate no number", () => controlled({ autoAllocateChunkSize: "x" }));
    await t.throws("start throws", () =>
        byob(
            controlled({
                start() {
                    throw new Error("no start");
                },
            })[0],
        ).read(bytes(1)),
    );
    let pulls = 0;
    controlled({
        pull() {
            pulls += 1;
        },
    });
    await tick();
    t.show("no pull without a read", pulls);
    controlled(
        {
            pull() {
                pulls += 1;
            },
        },
        { highWaterMark: 1 },
    );
    await tick();
    t.show("pull for the mark", pulls);
}

async function defaultReading(t) {
    const [stream, controller] = controlled();
    const reader = stream.getReader();
    const read = reader.read();
    controller.enqueue(bytes(1, 2, 3));
    t.show("read that waited", await read);
    controller.enqueue(bytes(4));
    controller.enqueue(bytes(5, 6));
    t.show("wanted with bytes", controller.desiredSize);
    t.show("queued chunks", await reader.read());
    const last = reader.read();
    const further = reader.read();
    controller.enqueue(bytes(7));
    controller.close();
    t.show("last and further", [await state(last), await state(further)]);
    t.show("end without a buffer", [await reader.read(), await reader.closed]);
    const large = controlled();
    large[1].enqueue(new Uint8Array(10000));
    t.show("large chunk", (await large[0].getReader().read()).value.length);
    const waits = controlled();
    const largeRead = waits[0].getReader().read();
    waits[1].enqueue(new Uint8Array(10000));
    t.show("large chunk for a read that waited", (await largeRead).value.length);
    const words = controlled();
    words[1].enqueue(new Uint16Array([1, 2]));
    t.show("words become bytes", (await words[0].getReader().read()).value);
    const part = controlled();
    part[1].enqueue(bytes(1, 2, 3, 4).subarray(1, 3));
    const { value } = await part[0].getReader().read();
    t.show("part of a buffer", value);
    const view = controlled();
    view[1].enqueue(new DataView(bytes(1, 2, 3).buffer, 1));
    t.show("data view", (await view[0].getReader().read()).value);
}

async function enqueueing(t) {
    const [, controller] = controlled();
    const chunk = bytes(1, 2);
    t.show("enqueue returns", controller.enqueue(chunk));
    t.show("buffer is taken", [chunk.length, chunk.buffer.byteLength]);
    await t.throws("enqueue of the taken one", () => controller.enqueue(chunk));
    await t.throws("enqueue of nothing", () => controller.enqueue());
    await t.throws("enqueue of text", () => controller.enqueue("text"));
    await t.throws("enqueue of an array", () => controller.enqueue([1]));
    await t.throws("enqueue of a buffer", () => controller.enqueue(new ArrayBuffer(2)));
    await t.throws("enqueue of an empty view", () => controller.enqueue(new Uint8Array(0)));
    await t.throws("enqueue of an empty part", () => controller.enqueue(bytes(1, 2).subarray(1, 1)));
    controller.close();
    await t.throws("enqueue while closing", () => controller.enqueue(bytes(1)));
    const [, done] = controlled();
    done.close();
    await t.throws("enqueue after close", () => done.enqueue(bytes(1)));
    await t.throws("close twice", () => done.close());
    t.show("wanted after close", done.desiredSize);
    const [, broken] = controlled();
    broken.error(new Error("broken"));
    await t.throws("enqueue after error", () => broken.enqueue(bytes(1)));
    t.show("wanted after error", broken.desiredSize);
}

async function intoBuffers(t) {
    const reader = byob(of(bytes(1, 2, 3, 4, 5), bytes(6)));
    const given = new Uint8Array(4);
    const first = await reader.read(given);
    t.show("first", first);
    t.show("keys of a result", Object.keys(first));
    t.show("given buffer is taken", [given.length, given.buffer.byteLength, first.value === given]);
    t.show("rest in the next", await reader.read(new Uint8Array(4)));
    const end = await reader.read(new Uint8Array(4));
    t.show("end", [end.done, end.value, end.value?.buffer.byteLength]);
    t.show("closed", await state(reader.closed));
    const [stream, controller] = controlled();
    const waiting = byob(stream);
    const reads = [waiting.read(new Uint8Array(2)), waiting.read(new Uint8Array(2)), waiting.read(new Uint8Array(2))];
    controller.enqueue(bytes(1, 2, 3));
    t.show("reads that waited", await Promise.all(reads.map(state)));
    controller.enqueue(bytes(4));
    t.show("the last of them", await state(reads[2]));
    const many = byob(of(bytes(1), bytes(2), bytes(3)));
    t.show("chunks put together", await many.read(new Uint8Array(10)));
    const [wanted, wanter] = controlled({}, { highWaterMark: 4 });
    wanter.enqueue(bytes(1, 2, 3));
    t.show("wanted before", wanter.desiredSize);
    await byob(wanted).read(new Uint8Array(2));
    t.show("wanted after a partial read", wanter.desiredSize);
    await t.throws("read of nothing", () => byob(of(bytes(1))).read());
    await t.throws("read into a buffer", () => byob(of(bytes(1))).read(new ArrayBuffer(1)));
    await t.throws("read into an empty view", () => byob(of(bytes(1))).read(new Uint8Array(0)));
    const detached = new Uint8Array(4);
    detached.buffer.transfer();
    await t.throws("read into a buffer that was taken", () => byob(of(bytes(1))).read(detached));
    await t.throws("default reader of a byte stream", () => of(bytes(1)).getReader().read());
}

async function views(t) {
    const data = () => of(bytes(1, 0, 2, 0, 3, 0, 4, 0));
    t.show("into words", await byob(data()).read(new Uint16Array(3)));
    t.show("into long words", await byob(data()).read(new Uint32Array(1)));
    t.show("into signed bytes", await byob(of(bytes(255, 1))).read(new Int8Array(2)));
    t.show("into clamped bytes", (await byob(of(bytes(255))).read(new Uint8ClampedArray(2))).value);
    t.show("into doubles", await byob(of(new Float64Array([1.5, 2.5]))).read(new Float64Array(4)));
    const view = (await byob(data()).read(new DataView(new ArrayBuffer(8), 2, 4))).value;
    t.show("into a data view", [
        view.constructor.name,
        view.byteOffset,
        view.byteLength,
        view.buffer.byteLength,
        view.getUint8(2),
    ]);
    const part = (await byob(data()).read(new Uint8Array(10).subarray(3, 7))).value;
    t.show("into a part", [part, part.byteOffset, part.buffer.byteLength]);
    const big = (await byob(of(new BigUint64Array([7n]))).read(new BigUint64Array(2))).value;
    t.show("into big integers", big);
    const [odd, controller] = controlled();
    const reader = byob(odd);
    const read = reader.read(new Uint16Array(2));
    controller.enqueue(bytes(1));
    t.show("half a word waits", await state(read));
    controller.enqueue(bytes(0, 9));
    t.show("whole word", await state(read));
    t.show("the odd byte", await reader.read(new Uint8Array(2)));
    const [cut, cutter] = controlled();
    const cutRead = byob(cut).read(new Uint16Array(2));
    cutter.enqueue(bytes(1));
    await t.throws("close in half a word", () => cutter.close());
    t.show("read of half a word", await state(cutRead));
    t.show("queued odd bytes into words", await state(byob(of(bytes(1, 0, 2))).read(new Uint16Array(4))));
}

async function minimum(t) {
    const reader = byob(of(bytes(1), bytes(2, 3), bytes(4)));
    t.show("at least three", await reader.readAtLeast(3, new Uint8Array(10)));
    const [stream, controller] = controlled();
    const waiting = byob(stream);
    const read = waiting.readAtLeast(3, new Uint8Array(4));
    controller.enqueue(bytes(1, 2));
    t.show("waits for the third", await state(read));
    controller.enqueue(bytes(3, 4, 5));
    t.show("has it", await state(read));
    t.show("rest", await waiting.read(new Uint8Array(4)));
    const [cut, cutter] = controlled();
    const cutReader = byob(cut);
    const cutRead = cutReader.readAtLeast(3, new Uint8Array(4));
    cutter.enqueue(bytes(1, 2));
    cutter.close();
    t.show("closed before the minimum", [await state(cutRead), await state(cutReader.read(new Uint8Array(4)))]);
    await t.throws("minimum zero", () => byob(of(bytes(1))).readAtLeast(0, new Uint8Array(2)));
    await t.throws("minimum negative", () => byob(of(bytes(1))).readAtLeast(-1, new Uint8Array(2)));
    await t.throws("minimum above the buffer", () => byob(of(bytes(1))).readAtLeast(3, new Uint8Array(2)));
    await t.throws("minimum of nothing", () => byob(of(bytes(1))).readAtLeast());
    await t.throws("minimum without buffer", () => byob(of(bytes(1))).readAtLeast(1));
    t.show("minimum counts elements", await byob(of(bytes(1, 0, 2, 0, 3, 0))).readAtLeast(2, new Uint16Array(3)));
    t.show("option min", await byob(of(bytes(1), bytes(2), bytes(3))).read(new Uint8Array(5), { min: 2 }));
    const [optional, optionController] = controlled();
    const optionRead = byob(optional).read(new Uint8Array(4), { min: 2 });
    optionController.enqueue(bytes(1));
    t.show("option min waits", await state(optionRead));
    optionController.enqueue(bytes(2));
    t.show("option min is met", await state(optionRead));
    await t.throws("option min zero", () => byob(of(bytes(1))).read(new Uint8Array(2), { min: 0 }));
    await t.throws("option min too large", () => byob(of(bytes(1))).read(new Uint8Array(2), { min: 3 }));
}

async function requests(t) {
    const log = [];
    const [stream] = controlled({
        pull(controller) {
            const request = controller.byobRequest;
            log.push(
                request.constructor.name,
                request.view.constructor.name,
                request.view.byteLength,
                request.view.byteOffset,
                request.atLeast,
            );
            log.push(controller.byobRequest === request);
            request.view[0] = 42;
            log.push(request.respond(1), request.view);
            log.push(controller.byobRequest);
        },
    });
    t.show("answered", await byob(stream).read(new Uint8Array(8).subarray(2, 6)));
    t.show("request", log);
    let request;
    const [manual, controller] = controlled({
        pull(c) {
            request = c.byobRequest;
        },
    });
    const reader = byob(manual);
    const read = reader.read(new Uint8Array(4));
    await tick();
    await t.throws("respond with nothing", () => request.respond(0));
    await t.throws("respond with too much", () => request.respond(5));
    await t.throws("respond without a number", () => request.respond());
    await t.throws("respond with a negative number", () => request.respond(-1));
    await t.throws("respond with text", () => request.respond("x"));
    request.view.set([1, 2]);
    request.respond(2);
    t.show("manual", await read);
    await t.throws("respond twice", () => request.respond(1));
    t.show("view after", request.view);
    const again = reader.read(new Uint8Array(4));
    await tick();
    const held = controller.byobRequest;
    controller.enqueue(bytes(7, 8));
    t.show("enqueue instead of respond", await again);
    t.show("request is void", [held.view, controller.byobRequest]);
    await t.throws("respond to the void one", () => held.respond(1));
    const [words, wordController] = controlled();
    const word = byob(words).read(new Uint16Array(2));
    await tick();
    t.show("view for words", [wordController.byobRequest.view, wordController.byobRequest.atLeast]);
    wordController.byobRequest.view[0] = 5;
    wordController.byobRequest.respond(1);
    t.show("half a word", await state(word));
    t.show("view for the rest", [
        wordController.byobRequest.view.byteOffset,
        wordController.byobRequest.view.byteLength,
    ]);
    wordController.byobRequest.respond(1);
    t.show("whole word by requests", await state(word));
    const [least, leastController] = controlled();
    const atLeast = byob(least).readAtLeast(3, new Uint8Array(6));
    await tick();
    t.show("at least in the request", leastController.byobRequest.atLeast);
    leastController.byobRequest.respond(2);
    t.show("not yet", [
        await state(atLeast),
        leastController.byobRequest.atLeast,
        leastController.byobRequest.view.byteOffset,
    ]);
    leastController.byobRequest.respond(1);
    t.show("enough", await state(atLeast));
}

async function newViews(t) {
    const ask = async (answer, size = 4) => {
        const [stream] = controlled({
            pull(controller) {
                return answer(controller.byobRequest);
            },
        });
        return byob(stream).read(new Uint8Array(size));
    };
    t.show(
        "same buffer",
        await ask((request) => {
            request.view.set([1, 2, 3]);
            request.respondWithNewView(request.view.subarray(0, 2));
        }),
    );
    t.show(
        "buffer that was moved",
        await ask((request) => {
            const view = new Uint8Array(request.view.buffer.transfer());
            view.set([9, 8]);
            request.respondWithNewView(view.subarray(0, 2));
        }),
    );
    await t.throws("other offset", () => ask((request) => request.respondWithNewView(request.view.subarray(1, 3))));
    await t.throws("other size", () => ask((request) => request.respondWithNewView(new Uint8Array(8))));
    await t.throws("longer buffer", () =>
        ask((request) => request.respondWithNewView(new Uint8Array(8).subarray(0, 2))),
    );
    await t.throws("empty view", () => ask((request) => request.respondWithNewView(request.view.subarray(0, 0))));
    await t.throws("no view", () => ask((request) => request.respondWithNewView("x")));
    await t.throws("nothing", () => ask((request) => request.respondWithNewView()));
}

async function allocated(t) {
    const log = [];
    const [stream, controller] = controlled({
        autoAllocateChunkSize: 4,
        pull(c) {
            const { view } = c.byobRequest;
            log.push(view.constructor.name, view.byteLength, c.byobRequest.atLeast);
            view[0] = 1;
            view[1] = 2;
            c.byobRequest.respond(2);
        },
    });
    const { value } = await stream.getReader().read();
    t.show("allocated", [value, value.buffer.byteLength]);
    t.show("allocated request", log);
    t.show("no request at rest", controller.byobRequest);
    const without = [];
    const [plain] = controlled({
        pull(c) {
            without.push(c.byobRequest);
            c.enqueue(bytes(5));
        },
    });
    t.show("without allocation", [await plain.getReader().read(), without]);
    const [enqueues] = controlled({
        autoAllocateChunkSize: 8,
        pull(c) {
            c.enqueue(bytes(6, 7));
        },
    });
    t.show("allocated but enqueued", await enqueues.getReader().read());
    const [closes] = controlled({
        autoAllocateChunkSize: 8,
        pull(c) {
            c.close();
            c.byobRequest?.respond(0);
        },
    });
    t.show("allocated but closed", await closes.getReader().read());
}

async function closing(t) {
    const [stream, controller] = controlled();
    const reader = byob(stream);
    const read = reader.read(new Uint8Array(3));
    await tick();
    controller.close();
    t.show("read waits for the answer", await state(read));
    controller.byobRequest?.respond(0);
    t.show("answered with nothing", await state(read));
    t.show("closed at last", await state(reader.closed));
    t.show("next read", await reader.read(new Uint16Array(2)));
    const [cancelled] = controlled({ cancel: (reason) => void log.push(reason) });
    const log = [];
    const cancelReader = byob(cancelled);
    const pending = cancelReader.read(new Uint8Array(3));
    t.show("cancel", await state(cancelReader.cancel("why")));
    t.show("read at cancel", [await state(pending), log]);
    const [responds, responder] = controlled();
    byob(responds).read(new Uint8Array(3));
    await tick();
    const held = responder.byobRequest;
    responder.close();
    t.show("respond after close", await state((async () => held.respond(0))()));
    const queued = controlled();
    queued[1].enqueue(bytes(1, 2));
    queued[1].close();
    const queuedReader = byob(queued[0]);
    t.show("queue before the end", [
        await queuedReader.read(new Uint8Array(1)),
        await queuedReader.read(new Uint8Array(9)),
        await queuedReader.read(new Uint8Array(9)),
    ]);
}

async function errors(t) {
    const [stream, controller] = controlled();
    const reader = byob(stream);
    const read = reader.read(new Uint8Array(3));
    controller.error(new RangeError("broken"));
    t.show("read that waited for an error", await state(read));
    t.show("closed by an error", await state(reader.closed));
    await t.throws("read after", () => reader.read(new Uint8Array(3)));
    await t.throws("pull throws", () =>
        byob(
            controlled({
                pull() {
                    throw new Error("no pull");
                },
            })[0],
        ).read(new Uint8Array(1)),
    );
    await t.throws("pull rejects", () =>
        byob(
            controlled({
                pull: async () => {
                    throw new Error("pull rejects");
                },
            })[0],
        ).read(new Uint8Array(1)),
    );
    await t.throws("cancel fails", () =>
        controlled({
            cancel() {
                throw new Error("no cancel");
            },
        })[0].cancel(),
    );
}

async function releasing(t) {
    const [stream, controller] = controlled();
    const reader = byob(stream);
    const read = reader.read(new Uint8Array(3));
    await tick();
    reader.releaseLock();
    t.show("read at release", await state(read));
    await t.throws("read after release", () => reader.read(new Uint8Array(3)));
    await t.throws("readAtLeast after release", () => reader.readAtLeast(1, new Uint8Array(3)));
    controller.enqueue(bytes(1, 2));
    t.show("kept for the next", await state(byob(stream).read(new Uint8Array(3))));
    const [both, controller2] = controlled();
    const first = both.getReader();
    const firstRead = first.read();
    first.releaseLock();
    const second = byob(both);
    const secondRead = second.read(new Uint8Array(2));
    controller2.enqueue(bytes(5));
    t.show("default then byob", [await state(firstRead), await state(secondRead)]);
}

async function teeing(t) {
    const [one, two] = of(bytes(1, 2, 3), bytes(4)).tee();
    t.show("branches of bytes", [await byob(one).read(new Uint8Array(9)), await byob(two).read(new Uint8Array(2))]);
    const [a, b] = of(bytes(1, 2)).tee();
    const [x, y] = [(await a.getReader().read()).value, (await b.getReader().read()).value];
    t.show("copies", [x, y, x.buffer === y.buffer]);
    const log = [];
    const [left, right] = controlled({ cancel: (reason) => void log.push(reason) })[0].tee();
    const cancels = [left.cancel("l"), right.cancel("r")];
    t.show("cancel both", [await Promise.all(cancels.map(state)), log]);
    const [errored, controller] = controlled();
    const branches = errored.tee();
    controller.error(new Error("both"));
    t.show("error in both", await Promise.all(branches.map((branch) => state(branch.getReader().read()))));
}

async function piping(t) {
    const chunks = [];
    await of(bytes(1, 2), bytes(3)).pipeTo(new WritableStream({ write: (chunk) => void chunks.push(chunk) }));
    t.show("pipeTo", chunks);
    const seen = [];
    for await (const chunk of of(bytes(1), bytes(2, 3))) seen.push(chunk);
    t.show("iteration", seen);
    const [pulled] = controlled({
        pull(c) {
            c.enqueue(bytes((this.n = (this.n ?? 0) + 1)));
            if (this.n === 3) c.close();
        },
        autoAllocateChunkSize: 16,
    });
    const got = [];
    for await (const chunk of pulled) got.push(chunk);
    t.show("pulled to the end", got);
}
