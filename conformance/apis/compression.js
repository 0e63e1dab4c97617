// `CompressionStream` and `DecompressionStream`. What is compressed is never compared: two compressors need not agree.
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

const FORMATS = ["gzip", "deflate", "deflate-raw"];

const of = (...chunks) =>
    new ReadableStream({
        start(controller) {
            for (const chunk of chunks) controller.enqueue(chunk);
            controller.close();
        },
    });

async function joined(stream) {
    let bytes = new Uint8Array(0);
    for await (const chunk of stream) {
        const longer = new Uint8Array(bytes.length + chunk.length);
        longer.set(bytes);
        longer.set(chunk, bytes.length);
        bytes = longer;
    }
    return bytes;
}

const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);
const fromHex = (hex) => new Uint8Array(hex.match(/../g).map((pair) => parseInt(pair, 16)));

const compress = (format, ...chunks) => joined(of(...chunks).pipeThrough(new CompressionStream(format)));
const decompress = (format, ...chunks) => joined(of(...chunks).pipeThrough(new DecompressionStream(format)));

/** `hello hello hello hello`, compressed elsewhere. */
const HELLO = {
    gzip: fromHex("1f8b0800000000000003cb48cdc9c957c8402701e3513d8d17000000"),
    deflate: fromHex("789ccb48cdc9c957c8402701680308b1"),
    "deflate-raw": fromHex("cb48cdc9c957c8402701"),
};

const PARTS = [
    classes,
    construction,
    roundTrips,
    known,
    chunks,
    faulty,
    trailing,
    incomplete,
    ends,
    backpressure,
    buffers,
    large,
];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function classes(t) {
    const both = [new CompressionStream("gzip"), new DecompressionStream("gzip")];
    t.show(
        "tags",
        both.map((value) => Object.prototype.toString.call(value)),
    );
    t.show(
        "sides",
        both.map((value) => [value.readable.constructor.name, value.writable.constructor.name]),
    );
    t.show(
        "families",
        both.map((value) => value instanceof TransformStream),
    );
    await t.throws("called", () => CompressionStream("gzip"));
}

async function construction(t) {
    for (const Class of [CompressionStream, DecompressionStream]) {
        for (const format of [
            "gzip",
            "deflate",
            "deflate-raw",
            "GZIP",
            "br",
            "brotli",
            "zstd",
            "",
            null,
            5,
            undefined,
        ]) {
            await t.throws(`${Class.name} of ${describe(format)}`, () => new Class(format).constructor.name);
        }
        await t.throws(`${Class.name} of nothing`, () => new Class());
    }
}

async function roundTrips(t) {
    const text = "The quick brown fox jumps over the lazy dog. ".repeat(50);
    for (const format of FORMATS) {
        const small = await compress(format, encode(text));
        t.show(`${format} is smaller`, small.length < text.length / 10);
        t.show(`${format} there and back`, decode(await decompress(format, small)) === text);
        t.show(`${format} of nothing`, decode(await decompress(format, await compress(format))));
        t.show(`${format} of an empty chunk`, decode(await decompress(format, await compress(format, encode("")))));
    }
    const gzip = await compress("gzip", encode("x"));
    t.show("head of gzip", [...gzip.slice(0, 4)]);
    t.show("head of deflate", [...(await compress("deflate", encode("x"))).slice(0, 1)]);
    t.show("tail of gzip", [...gzip.slice(-4)]);
    t.show(
        "in one pipe",
        decode(
            await joined(
                of(encode("a"), encode("b"))
                    .pipeThrough(new CompressionStream("gzip"))
                    .pipeThrough(new DecompressionStream("gzip")),
            ),
        ),
    );
}

async function known(t) {
    for (const format of FORMATS) t.show(`known ${format}`, decode(await decompress(format, HELLO[format])));
    t.show(
        "gzip with a name",
        decode(
            await decompress("gzip", fromHex("1f8b0808000000000003612e74787400cb48cdc9c957c8402701e3513d8d17000000")),
        ),
    );
    t.show("stored block", decode(await decompress("deflate-raw", fromHex("010300fcff616263"))));
}

async function chunks(t) {
    for (const format of FORMATS) {
        const bytes = [...HELLO[format]].map((byte) => new Uint8Array([byte]));
        t.show(`${format} byte by byte`, decode(await decompress(format, ...bytes)));
    }
    for (const [name, chunk] of [
        ["a buffer", encode("ab").buffer],
        ["words", new Uint16Array([0x6261])],
        ["a view", new DataView(encode("xab").buffer, 1)],
        ["text", "ab"],
    ]) {
        await t.throws(`chunk that is ${name}`, async () =>
            decode(await decompress("gzip", await compress("gzip", chunk))),
        );
    }
    for (const [name, chunk] of [
        ["a number", 5],
        ["an object", {}],
        ["null", null],
        ["an array", [97]],
    ]) {
        const stream = new CompressionStream("gzip");
        const writer = stream.writable.getWriter();
        await t.throws(`chunk that is ${name}`, () => writer.write(chunk));
        t.show(`closed after ${name}`, await state(writer.closed));
    }
}

async function faulty(t) {
    for (const format of FORMATS) {
        await t.throws(`${format} of garbage`, () => decompress(format, encode("this is not compressed")));
    }
    await t.throws("deflate as gzip", () => decompress("gzip", HELLO.deflate));
    await t.throws("gzip as deflate", () => decompress("deflate", HELLO.gzip));
    const sum = HELLO.gzip.slice();
    sum[sum.length - 8] ^= 1;
    await t.throws("wrong checksum of gzip", () => decompress("gzip", sum));
    const size = HELLO.gzip.slice();
    size[size.length - 1] ^= 1;
    await t.throws("wrong size of gzip", () => decompress("gzip", size));
    const adler = HELLO.deflate.slice();
    adler[adler.length - 1] ^= 1;
    await t.throws("wrong checksum of deflate", () => decompress("deflate", adler));
    const stream = new DecompressionStream("gzip");
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    const read = reader.read();
    const write = writer.write(encode("garbage garbage"));
    t.show("both sides", [
        await state(write),
        await state(read),
        await state(writer.closed),
        await state(reader.closed),
    ]);
    await t.throws("write after", () => writer.write(encode("x")));
    await t.throws("read after", () => reader.read());
}

async function trailing(t) {
    for (const format of FORMATS) {
        await t.throws(`${format} and more in the same chunk`, () =>
            decompress(format, new Uint8Array([...HELLO[format], 1, 2, 3])),
        );
        await t.throws(`${format} and more in the next chunk`, () =>
            decompress(format, HELLO[format], new Uint8Array([1, 2, 3])),
        );
        await t.throws(`${format} and an empty chunk`, async () =>
            decode(await decompress(format, HELLO[format], new Uint8Array(0))),
        );
    }
    await t.throws("two gzip members", () => decompress("gzip", new Uint8Array([...HELLO.gzip, ...HELLO.gzip])));
}

async function incomplete(t) {
    for (const format of FORMATS) {
        await t.throws(`nothing as ${format}`, () => decompress(format));
        await t.throws(`${format} without its end`, () => decompress(format, HELLO[format].slice(0, -2)));
        await t.throws(`half of ${format}`, () => decompress(format, HELLO[format].slice(0, 4)));
    }
}

async function ends(t) {
    const stream = new CompressionStream("gzip");
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    t.show("abort", [
        await state(writer.abort(new RangeError("aborted"))),
        await state(reader.read()),
        await state(writer.closed),
    ]);
    await t.throws("write after abort", () => writer.write(encode("x")));
    const cancelled = new CompressionStream("gzip");
    const cancelWriter = cancelled.writable.getWriter();
    t.show("cancel", await state(cancelled.readable.cancel(new RangeError("cancelled"))));
    t.show("write after cancel", await state(cancelWriter.write(encode("x"))));
    const closed = new CompressionStream("deflate");
    const closeWriter = closed.writable.getWriter();
    t.show("close", [await state(closeWriter.close()), await state(closeWriter.closed)]);
    await t.throws("write after close", () => closeWriter.write(encode("x")));
    await t.throws("close after close", () => closeWriter.close());
    t.show("read after close", (await joined(closed.readable)).length > 0);
}

async function backpressure(t) {
    const stream = new CompressionStream("gzip");
    const writer = stream.writable.getWriter();
    t.show("size wanted", writer.desiredSize);
    const writes = [];
    for (let i = 0; i < 5; i++) writes.push(writer.write(encode("some text")));
    t.show("writes without a read", await Promise.all(writes.map(state)));
    t.show("size wanted after", writer.desiredSize);
    t.show("close without a read", await state(writer.close()));
    t.show("read afterwards", decode(await decompress("gzip", await joined(stream.readable))).length);
    const waiting = new DecompressionStream("gzip");
    const waitingReader = waiting.readable.getReader();
    const read = waitingReader.read();
    t.show("second read at once", await state(waitingReader.read()));
    const waitingWriter = waiting.writable.getWriter();
    waitingWriter.write(HELLO.gzip);
    waitingWriter.close();
    t.show("read that waited", decode((await read).value));
    t.show("its end", await waitingReader.read());
}

async function buffers(t) {
    const stream = new DecompressionStream("gzip");
    const writer = stream.writable.getWriter();
    writer.write(HELLO.gzip);
    writer.close();
    const reader = stream.readable.getReader({ mode: "byob" });
    const given = new Uint8Array(5);
    t.show("into a buffer", [decode((await reader.read(given)).value), given.byteLength]);
    t.show("at least", decode((await reader.readAtLeast(10, new Uint8Array(10))).value));
    t.show("rest", decode((await reader.read(new Uint8Array(100))).value));
    t.show("end", await reader.read(new Uint8Array(4)));
}

async function large(t) {
    const size = 3_000_000;
    const zeros = new Uint8Array(size);
    for (const format of FORMATS) {
        const small = await compress(format, zeros);
        t.show(`${format} of zeros is small`, small.length < 20_000);
        let total = 0;
        let pieces = 0;
        for await (const chunk of of(small).pipeThrough(new DecompressionStream(format))) {
            total += chunk.length;
            pieces += 1;
        }
        t.show(`${format} of zeros comes back`, [total, pieces > 1]);
    }
    const noise = new Uint8Array(200_000);
    let seed = 1;
    for (let i = 0; i < noise.length; i++) {
        seed = (seed * 1103515245 + 12345) & 0x7fffffff;
        noise[i] = seed >> 16;
    }
    const back = await decompress("deflate", await compress("deflate", noise));
    t.show("noise comes back", back.length === noise.length && back.every((byte, at) => byte === noise[at]));
}
