// `crypto.DigestStream`: digests of what is written.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function digestOf(algorithm, chunks) {
    const stream = new crypto.DigestStream(algorithm);
    const writer = stream.getWriter();
    for (const chunk of chunks) {
        await writer.write(chunk);
    }
    await writer.close();
    return [hex(await stream.digest), stream.bytesWritten];
}

export default transcript(async (t) => {
    await values(t);
    await shape(t);
    await errors(t);
});

async function values(t) {
    const algorithms = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "crc32", "crc32c", "crc64nvme"];
    for (const algorithm of algorithms) {
        t.show(`${algorithm} of nothing`, await digestOf(algorithm, []));
        t.show(`${algorithm} of chunks`, await digestOf(algorithm, [text("1234"), text("56789")]));
    }
    t.show(
        "kinds of chunks",
        await digestOf({ name: "sha-1" }, [
            "text \u20ac\ud83d\ude00",
            text("abc").buffer,
            new Uint16Array([1, 2]),
            new DataView(text("xxabcxx").buffer, 2, 3),
            "",
            new ArrayBuffer(0),
        ]),
    );
    t.show("checksum in capital letters", await digestOf("CRC32", ["123456789"]));
    t.show("lone surrogate", await digestOf("MD5", ["\ud800"]));
    const source = new ReadableStream({
        start(controller) {
            controller.enqueue(text("12345"));
            controller.enqueue("6789");
            controller.close();
        },
    });
    const piped = new crypto.DigestStream("SHA-256");
    await source.pipeTo(piped);
    t.show("piped", [hex(await piped.digest), piped.bytesWritten]);
    const changing = text("123456789");
    const stream = new crypto.DigestStream("MD5");
    const writer = stream.getWriter();
    const written = writer.write(changing);
    changing.fill(0);
    await written;
    await writer.close();
    t.show("chunks are those of the write", hex(await stream.digest));
}

async function shape(t) {
    const stream = new crypto.DigestStream("MD5");
    t.show("stream", [stream instanceof WritableStream, stream instanceof crypto.DigestStream, String(stream)]);
    t.show("name", [crypto.DigestStream.name, typeof DigestStream, Object.hasOwn(Crypto.prototype, "DigestStream")]);
    t.show("own properties", Object.keys(stream));
    t.show("digest", [stream.digest instanceof Promise, stream.digest === stream.digest, stream.locked]);
    t.show("bytesWritten", [typeof stream.bytesWritten, stream.bytesWritten]);
    t.show("dispose", typeof stream[Symbol.dispose]);
    const writer = stream.getWriter();
    await writer.close();
    t.show("result", (await stream.digest) instanceof ArrayBuffer);
}

async function errors(t) {
    const algorithms = {
        undefined,
        null: null,
        "small letters": "sha-256",
        CRC32: "CRC32",
        unknown: "x",
        object: {},
        number: 1,
        "a name": { name: "crc32" },
    };
    for (const [label, algorithm] of Object.entries(algorithms)) {
        await t.throws(`algorithm ${label}`, () => String(new crypto.DigestStream(algorithm)));
    }
    await t.throws("no algorithm", () => new crypto.DigestStream());
    await t.throws("without new", () => crypto.DigestStream("MD5"));
    for (const [label, chunk] of Object.entries({ number: 1, null: null, undefined, array: [1], object: {} })) {
        const stream = new crypto.DigestStream("MD5");
        const writer = stream.getWriter();
        stream.digest.catch(() => {});
        writer.closed.catch(() => {});
        await t.throws(`write ${label}`, () => writer.write(chunk));
        await t.throws(`write after ${label}`, () => writer.write("x"));
        t.show(`bytes after ${label}`, stream.bytesWritten);
    }
    const aborted = new crypto.DigestStream("MD5");
    const outcome = aborted.digest.catch((error) => error);
    await aborted.abort(new RangeError("mine"));
    t.show("digest of what was aborted", await outcome);
    const closed = new crypto.DigestStream("MD5");
    await closed.close();
    await t.throws("write after close", () => closed.getWriter().write("x"));
    const disposed = new crypto.DigestStream("MD5");
    const reason = disposed.digest.catch((error) => error);
    disposed[Symbol.dispose]();
    t.show("digest of what was disposed", await reason);
    await t.throws("write after dispose", () => disposed.getWriter().write("x"));
    const finished = new crypto.DigestStream("MD5");
    await finished.close();
    finished[Symbol.dispose]();
    t.show("dispose after close", hex(await finished.digest));
}
