// Blob and File.
import { transcript } from "./transcript.js";

const outcome = (run) => {
    try {
        run();
        return "nothing";
    } catch (error) {
        return error.name;
    }
};
const read = async (blob) => [blob.constructor.name, blob.size, blob.type, await blob.text()];

export default transcript(async (t) => {
    await construction(t);
    await types(t);
    await slices(t);
    await reading(t);
    await files(t);
    await shape(t);
});

async function construction(t) {
    t.show("nothing", await read(new Blob()));
    t.show("undefined", await read(new Blob(undefined)));
    t.show("empty", await read(new Blob([])));
    t.show("texts", await read(new Blob(["a", "\u00e4", "\u{1F600}"])));
    t.show(
        "bytes",
        await read(new Blob([new Uint8Array([65, 66]), new Uint8Array([67]).buffer, new DataView(new ArrayBuffer(1))])),
    );
    t.show("a view of a part", await read(new Blob([new Uint8Array([65, 66, 67]).subarray(1, 2)])));
    t.show("blobs", await read(new Blob([new Blob(["a"], { type: "x/y" }), new File(["b"], "f")])));
    t.show("other values", await read(new Blob([1, null, undefined, true, {}, [1, 2]])));
    await t.throws("a set", () => read(new Blob(new Set(["a", "b"]))));
    await t.throws("a generator", () =>
        read(
            new Blob(
                (function* () {
                    yield "g";
                })(),
            ),
        ),
    );
    await t.throws("a boxed text", () => read(new Blob(new String("ab"))));
    t.show("16 bits", await read(new Blob([new Uint16Array([0x4142])])));
    t.show("newlines are kept", await new Blob(["a\r\nb\nc"]).text());
    await t.throws("endings transparent", () => new Blob(["a\nb"], { endings: "transparent" }).text());
    await t.throws("endings undefined", () => new Blob(["a\nb"], { endings: undefined }).text());
    await t.throws("endings of a file", () => new File(["a\nb"], "n", { endings: "native" }));
    await t.throws("endings native", () => new Blob(["a\nb"], { endings: "native" }).text());
    await t.throws("endings of nonsense", () => new Blob(["a\nb"], { endings: "x" }).text());
    await t.throws("null", () => read(new Blob(null)));
    await t.throws("a text", () => read(new Blob("abc")));
    await t.throws("number", () => read(new Blob(5)));
    await t.throws("object", () => read(new Blob({})));
    await t.throws("bytes without a list", () => read(new Blob(new Uint8Array([65, 66]))));
    await t.throws("a symbol in it", () => read(new Blob([Symbol("x")])));
    await t.throws("options null", () => read(new Blob(["a"], null)));
    await t.throws("options text", () => read(new Blob(["a"], "x")));
    await t.throws("options number", () => read(new Blob(["a"], 1)));
    await t.throws("options function", () => read(new Blob(["a"], () => {})));
    t.show(
        "without new",
        outcome(() => Blob()),
    );
    const bytes = new Uint8Array([65]);
    const blob = new Blob([bytes]);
    bytes[0] = 66;
    t.show("bytes are copied", await blob.text());
    t.show("lone surrogate", (await new Blob(["a\ud800"]).text()).length > 1);
    t.show("big", new Blob([new Uint8Array(100000), "x".repeat(1000)]).size);
}

async function types(t) {
    for (const type of [
        "text/plain",
        "TEXT/Plain",
        "a/b;C=D",
        "x",
        " ",
        "a\nb",
        "\u00e4",
        "a\x7fb",
        'a/b; c="d"',
        5,
        null,
        undefined,
    ]) {
        await t.throws(`type ${JSON.stringify(type)}`, () => new Blob([], { type }).type);
    }
    await t.throws("type symbol", () => new Blob([], { type: Symbol("x") }));
    t.show(
        "type cannot be set",
        outcome(() => (new Blob().type = "x")),
    );
}

async function slices(t) {
    const blob = new Blob(["0123456789"], { type: "a/b" });
    const cases = [
        [],
        [2],
        [2, 5],
        [-3],
        [-5, -2],
        [5, 2],
        [0, 100],
        [-100, 3],
        [100],
        [3, 3],
        [1.9, 4.9],
        ["2", "4"],
        [undefined, 3],
        [2, undefined],
        [NaN, 3],
        [null, 4],
        [0, null],
        [true, 5],
        [0, 2 ** 31 - 1],
        [0, 2 ** 31],
        [2 ** 32],
        [-(2 ** 31), 2],
        [0, Infinity],
        [-Infinity, 3],
    ];
    for (const args of cases) {
        await t.throws(`slice ${args.map(String).join(" ")}`, () => read(blob.slice(...args)));
    }
    t.show("slice type", blob.slice(0, 1, "C/D").type);
    t.show("slice type undefined", blob.slice(0, 1, undefined).type);
    t.show("slice of a slice", await blob.slice(2, 8).slice(1, 3).text());
    t.show("slice of a file", await read(new File(["abc"], "n", { type: "x/y" }).slice(1)));
    t.show("original is as it was", await read(blob));
    t.show("slice in unicode", await new Blob(["\u00e4"]).slice(1).text());
}

async function reading(t) {
    const blob = new Blob(["gr\u00fcn"], { type: "a/b" });
    t.show("text", [await blob.text(), await blob.text()]);
    t.show("arrayBuffer", await blob.arrayBuffer());
    t.show("arrayBuffer is a copy", (await blob.arrayBuffer()) === (await blob.arrayBuffer()));
    t.show("its bytes", await blob.bytes());
    t.show("slice bytes", [
        await blob.slice(1, 3).bytes(),
        (await blob.slice(1, 3).bytes()).byteOffset,
        (await blob.slice(1, 3).arrayBuffer()).byteLength,
    ]);
    t.show("no UTF-8", await new Blob([new Uint8Array([65, 0xff])]).text());
    t.show("mark is kept", (await new Blob([new Uint8Array([0xef, 0xbb, 0xbf, 65])]).text()).length);
    const stream = blob.stream();
    t.show("stream", [stream instanceof ReadableStream, stream.locked, await new Response(stream).text()]);
    t.show("stream again", await new Response(blob.stream()).text());
    const reader = blob.stream().getReader();
    const { value, done } = await reader.read();
    t.show("chunk", [value, done, (await reader.read()).done]);
    t.show("stream of nothing", await new Response(new Blob().stream()).text());
    const byob = new Blob(["abcdef"]).stream().getReader({ mode: "byob" });
    t.show("byob", new TextDecoder().decode((await byob.read(new Uint8Array(3))).value));
    t.show(
        "promises",
        [blob.text(), blob.bytes(), blob.arrayBuffer()].map((promise) => promise instanceof Promise),
    );
    const changed = await blob.bytes();
    changed[0] = 0;
    t.show("bytes are its own", await blob.text());
}

async function files(t) {
    const file = new File(["abc"], "name.txt", { type: "Text/Plain", lastModified: 1234 });
    t.show("file", [...(await read(file)), file.name, file.lastModified]);
    t.show("file is a blob", [file instanceof Blob, file instanceof File, new Blob() instanceof File]);
    t.show("name is text", [
        new File([], 5).name,
        new File([], null).name,
        new File([], undefined).name,
        new File([], "a/b\\c:\u00e4").name,
    ]);
    t.show("name in any text", new File([], "\u{1F600}\n").name);
    await t.throws("no name", () => new File([]));
    await t.throws("file of nothing", () => new File());
    await t.throws("bits undefined", () => read(new File(undefined, "n")));
    await t.throws("bits null", () => read(new File(null, "n")));
    await t.throws("bits text", () => new File("abc", "n"));
    t.show("lastModified of now", typeof new File([], "n").lastModified);
    t.show("lastModified is now", Math.abs(new File([], "n").lastModified - Date.now()) < 1000);
    for (const lastModified of [0, -1, 1.5, "7", "x", NaN, null, undefined, true]) {
        await t.throws(
            `lastModified ${JSON.stringify(lastModified)}${Number.isNaN(lastModified) ? " NaN" : ""}`,
            () => {
                const value = new File([], "n", { lastModified }).lastModified;
                return value > 1e12 ? "now" : value;
            },
        );
    }
    t.show("lastModified of a date", new File([], "n", { lastModified: new Date(5) }).lastModified);
    t.show(
        "name cannot be set",
        outcome(() => (file.name = "x")),
    );
    t.show("file in a response", new Response(file).headers.get("content-type"));
    t.show("webkitRelativePath", [file.webkitRelativePath, "webkitRelativePath" in file]);
}

async function shape(t) {
    const [blob, file] = [new Blob(), new File([], "n")];
    t.show(
        "tags",
        [blob, file].map((value) => Object.prototype.toString.call(value)),
    );
    t.show("names", [Blob.name, File.name]);
    t.show("own keys", [Object.keys(blob), Object.keys(file)]);
    t.show("json", [JSON.stringify(blob), JSON.stringify(file)]);
    t.show(
        "methods",
        ["arrayBuffer", "bytes", "slice", "stream", "text"].map((name) => typeof Blob.prototype[name]),
    );
    t.show(
        "accessors",
        ["size", "type"].map((name) => typeof Object.getOwnPropertyDescriptor(Blob.prototype, name)?.get),
    );
    t.show(
        "file accessors",
        ["name", "lastModified"].map((name) => typeof Object.getOwnPropertyDescriptor(File.prototype, name)?.get),
    );
    t.show(
        "foreign this",
        outcome(() => Object.getOwnPropertyDescriptor(Blob.prototype, "size").get.call({})),
    );
    class Mine extends Blob {}
    t.show("subclass", [new Mine(["a"]).size, new Mine() instanceof Mine, new Mine(["ab"]).slice(1) instanceof Mine]);
}
