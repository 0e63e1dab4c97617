// `TextEncoder`, `TextDecoder` with every label of the standard, and their streams.
import { describe, transcript } from "./transcript.js";

/** Every label of the Encoding standard (section 4.2), by the name of its encoding. */
const LABELS = {
    "utf-8": ["unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "utf-8", "utf8", "x-unicode20utf8"],
    ibm866: ["866", "cp866", "csibm866", "ibm866"],
    "iso-8859-2": [
        "csisolatin2",
        "iso-8859-2",
        "iso-ir-101",
        "iso8859-2",
        "iso88592",
        "iso_8859-2",
        "iso_8859-2:1987",
        "l2",
        "latin2",
    ],
    "iso-8859-3": [
        "csisolatin3",
        "iso-8859-3",
        "iso-ir-109",
        "iso8859-3",
        "iso88593",
        "iso_8859-3",
        "iso_8859-3:1988",
        "l3",
        "latin3",
    ],
    "iso-8859-4": [
        "csisolatin4",
        "iso-8859-4",
        "iso-ir-110",
        "iso8859-4",
        "iso88594",
        "iso_8859-4",
        "iso_8859-4:1988",
        "l4",
        "latin4",
    ],
    "iso-8859-5": [
        "csisolatincyrillic",
        "cyrillic",
        "iso-8859-5",
        "iso-ir-144",
        "iso8859-5",
        "iso88595",
        "iso_8859-5",
        "iso_8859-5:1988",
    ],
    "iso-8859-6": [
        "arabic",
        "asmo-708",
        "csiso88596e",
        "csiso88596i",
        "csisolatinarabic",
        "ecma-114",
        "iso-8859-6",
        "iso-8859-6-e",
        "iso-8859-6-i",
        "iso-ir-127",
        "iso8859-6",
        "iso88596",
        "iso_8859-6",
        "iso_8859-6:1987",
    ],
    "iso-8859-7": [
        "csisolatingreek",
        "ecma-118",
        "elot_928",
        "greek",
        "greek8",
        "iso-8859-7",
        "iso-ir-126",
        "iso8859-7",
        "iso88597",
        "iso_8859-7",
        "iso_8859-7:1987",
        "sun_eu_greek",
    ],
    "iso-8859-8": [
        "csiso88598e",
        "csisolatinhebrew",
        "hebrew",
        "iso-8859-8",
        "iso-8859-8-e",
        "iso-ir-138",
        "iso8859-8",
        "iso88598",
        "iso_8859-8",
        "iso_8859-8:1988",
        "visual",
    ],
    "iso-8859-8-i": ["csiso88598i", "iso-8859-8-i", "logical"],
    "iso-8859-10": ["csisolatin6", "iso-8859-10", "iso-ir-157", "iso8859-10", "iso885910", "l6", "latin6"],
    "iso-8859-13": ["iso-8859-13", "iso8859-13", "iso885913"],
    "iso-8859-14": ["iso-8859-14", "iso8859-14", "iso885914"],
    "iso-8859-15": ["csisolatin9", "iso-8859-15", "iso8859-15", "iso885915", "iso_8859-15", "l9"],
    "iso-8859-16": ["iso-8859-16"],
    "koi8-r": ["cskoi8r", "koi", "koi8", "koi8-r", "koi8_r"],
    "koi8-u": ["koi8-ru", "koi8-u"],
    macintosh: ["csmacintosh", "mac", "macintosh", "x-mac-roman"],
    "windows-874": ["dos-874", "iso-8859-11", "iso8859-11", "iso885911", "tis-620", "windows-874"],
    "windows-1250": ["cp1250", "windows-1250", "x-cp1250"],
    "windows-1251": ["cp1251", "windows-1251", "x-cp1251"],
    "windows-1252": [
        "ansi_x3.4-1968",
        "ascii",
        "cp1252",
        "cp819",
        "csisolatin1",
        "ibm819",
        "iso-8859-1",
        "iso-ir-100",
        "iso8859-1",
        "iso88591",
        "iso_8859-1",
        "iso_8859-1:1987",
        "l1",
        "latin1",
        "us-ascii",
        "windows-1252",
        "x-cp1252",
    ],
    "windows-1253": ["cp1253", "windows-1253", "x-cp1253"],
    "windows-1254": [
        "cp1254",
        "csisolatin5",
        "iso-8859-9",
        "iso-ir-148",
        "iso8859-9",
        "iso88599",
        "iso_8859-9",
        "iso_8859-9:1989",
        "l5",
        "latin5",
        "windows-1254",
        "x-cp1254",
    ],
    "windows-1255": ["cp1255", "windows-1255", "x-cp1255"],
    "windows-1256": ["cp1256", "windows-1256", "x-cp1256"],
    "windows-1257": ["cp1257", "windows-1257", "x-cp1257"],
    "windows-1258": ["cp1258", "windows-1258", "x-cp1258"],
    "x-mac-cyrillic": ["x-mac-cyrillic", "x-mac-ukrainian"],
    gbk: ["chinese", "csgb2312", "csiso58gb231280", "gb2312", "gb_2312", "gb_2312-80", "gbk", "iso-ir-58", "x-gbk"],
    gb18030: ["gb18030"],
    big5: ["big5", "big5-hkscs", "cn-big5", "csbig5", "x-x-big5"],
    "euc-jp": ["cseucpkdfmtjapanese", "euc-jp", "x-euc-jp"],
    "iso-2022-jp": ["csiso2022jp", "iso-2022-jp"],
    shift_jis: ["csshiftjis", "ms932", "ms_kanji", "shift-jis", "shift_jis", "sjis", "windows-31j", "x-sjis"],
    "euc-kr": [
        "cseuckr",
        "csksc56011987",
        "euc-kr",
        "iso-ir-149",
        "korean",
        "ks_c_5601-1987",
        "ks_c_5601-1989",
        "ksc5601",
        "ksc_5601",
        "windows-949",
    ],
    replacement: ["csiso2022kr", "hz-gb-2312", "iso-2022-cn", "iso-2022-cn-ext", "iso-2022-kr", "replacement"],
    "utf-16be": ["unicodefffe", "utf-16be"],
    "utf-16le": ["csunicode", "iso-10646-ucs-2", "ucs-2", "unicode", "unicodefeff", "utf-16", "utf-16le"],
    "x-user-defined": ["x-user-defined"],
};

const bytes = (...numbers) => new Uint8Array(numbers);

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

/** What is thrown, as text without control characters. */
function failure(run) {
    try {
        return run();
    } catch (error) {
        return describe(error);
    }
}

const PARTS = [
    classes,
    encoding,
    encodingInto,
    construction,
    labels,
    decoding,
    faultyBytes,
    strict,
    marks,
    wide,
    legacy,
    pieces,
    inputs,
    encoderStream,
    decoderStream,
];

export default transcript(async (t) => {
    for (const part of PARTS) {
        await part(t);
    }
});

async function classes(t) {
    t.show(
        "tags",
        [new TextEncoder(), new TextDecoder(), new TextEncoderStream(), new TextDecoderStream()].map((value) =>
            Object.prototype.toString.call(value),
        ),
    );
    t.show(
        "enumerable members",
        [new TextEncoder(), new TextDecoder(), new TextEncoderStream(), new TextDecoderStream()].map((value) => {
            const names = [];
            for (const name in value) names.push(name);
            return names.sort();
        }),
    );
    await t.throws("encoder called", () => TextEncoder());
    await t.throws("decoder called", () => TextDecoder());
    await t.throws("foreign this of encode", () => TextEncoder.prototype.encode.call({}, "a"));
    await t.throws("foreign this of decode", () => TextDecoder.prototype.decode.call({}));
    t.show("encoding of an encoder", [new TextEncoder().encoding, new TextEncoder("utf-16").encoding]);
}

async function encoding(t) {
    const encoder = new TextEncoder();
    t.show("encode nothing", [encoder.encode(), encoder.encode(undefined), encoder.encode("")]);
    t.show("encode null and numbers", [encoder.encode(null), encoder.encode(12), encoder.encode(true)]);
    t.show("encode ascii", encoder.encode("Hello\u0000\u007f"));
    t.show("encode two and three bytes", encoder.encode("é߿ࠀ€￿"));
    t.show("encode four bytes", encoder.encode("😀\u{10ffff}"));
    t.show("lone high surrogate", encoder.encode("a\ud800b"));
    t.show("lone low surrogate", encoder.encode("\udc00"));
    t.show("surrogates in the wrong order", encoder.encode("\udc00\ud800"));
    t.show("high surrogate at the end", encoder.encode("x\udbff"));
    t.show("two high surrogates", encoder.encode("\ud800\ud83d\ude00"));
    t.show("byte order mark", encoder.encode("\ufeffa"));
    const result = encoder.encode("abc");
    t.show("own buffer", [result.byteOffset, result.buffer.byteLength >= 3, result.constructor.name]);
    t.show("long text", encoder.encode("ä".repeat(100000)).length);
    await t.throws("encode a symbol", () => encoder.encode(Symbol("x")));
    await t.throws("encode throws", () =>
        encoder.encode({
            toString() {
                throw new Error("no text");
            },
        }),
    );
    t.show("encode an object", new TextDecoder().decode(encoder.encode({ toString: () => "own" })));
}

async function encodingInto(t) {
    const encoder = new TextEncoder();
    const into = (text, size) => {
        const target = new Uint8Array(size);
        return [encoder.encodeInto(text, target), target];
    };
    t.show("fits", into("abc", 5));
    t.show("is exact", into("abc", 3));
    t.show("is cut", into("abcdef", 3));
    t.show("nothing", into("", 2));
    t.show("no room", into("a", 0));
    t.show("no half characters", into("a€b", 3));
    t.show("no half pairs", into("😀", 3));
    t.show("pair", into("a😀", 5));
    t.show("pair counts two", into("😀a", 5)[0]);
    t.show("lone surrogate", into("\ud800x", 4));
    t.show("lone surrogate without room", into("\ud800", 2));
    t.show("lone low surrogate into", into("a\udc00", 9));
    const big = new Uint8Array(8);
    encoder.encodeInto("ab", big.subarray(3, 6));
    t.show("into a part", big);
    t.show("keys", Object.keys(into("a", 1)[0]));
    await t.throws("into a buffer", () => encoder.encodeInto("a", new ArrayBuffer(3)));
    await t.throws("into words", () => encoder.encodeInto("abc", new Uint16Array(3)));
    await t.throws("into signed bytes", () => encoder.encodeInto("abc", new Int8Array(3)));
    await t.throws("into clamped bytes", () => encoder.encodeInto("abc", new Uint8ClampedArray(3)));
    await t.throws("into nothing", () => encoder.encodeInto("a"));
    await t.throws("without arguments", () => encoder.encodeInto());
    await t.throws("number", () => encoder.encodeInto(12, new Uint8Array(3)));
    const detached = new Uint8Array(3);
    detached.buffer.transfer();
    await t.throws("into a taken buffer", () => encoder.encodeInto("a", detached));
}

async function construction(t) {
    const parts = (decoder) => [decoder.encoding, decoder.fatal, decoder.ignoreBOM];
    t.show("by default", parts(new TextDecoder()));
    t.show("undefined", parts(new TextDecoder(undefined)));
    t.show("options", parts(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })));
    t.show("options of other kinds", parts(new TextDecoder("utf-8", { fatal: 1, ignoreBOM: "x" })));
    t.show("other case", [parts(new TextDecoder("UTF-8")), parts(new TextDecoder("Latin1"))]);
    t.show("white space around", parts(new TextDecoder(" \t\n\f\rutf-8 \n")));
    await t.throws("unknown label", () => new TextDecoder("nonsense"));
    await t.throws("empty label", () => new TextDecoder(""));
    await t.throws("white space inside", () => new TextDecoder("utf -8"));
    t.show(
        "other white space",
        failure(() => new TextDecoder("\u000butf-8")),
    );
    t.show(
        "zero byte",
        failure(() => new TextDecoder("utf-8\0")),
    );
    await t.throws("null label", () => new TextDecoder(null));
    await t.throws("number label", () => new TextDecoder(866).encoding);
    await t.throws("options null", () => new TextDecoder("utf-8", null).encoding);
    await t.throws("options a number", () => new TextDecoder("utf-8", 1).encoding);
    await t.throws("utf-7", () => new TextDecoder("utf-7"));
}

async function labels(t) {
    for (const [name, list] of Object.entries(LABELS)) {
        const said = new Set();
        for (const label of list) {
            try {
                said.add(new TextDecoder(label).encoding);
            } catch (error) {
                said.add(`${label}: ${describe(error)}`);
            }
        }
        t.show(`labels of ${name}`, [...said]);
    }
}

async function decoding(t) {
    const decoder = new TextDecoder();
    t.show("decode nothing", [decoder.decode(), decoder.decode(undefined), decoder.decode(bytes())]);
    t.show("decode ascii", decoder.decode(bytes(72, 105, 0, 127)));
    t.show("decode all lengths", decoder.decode(bytes(0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80)));
    t.show("decode a buffer", decoder.decode(bytes(97, 98).buffer));
    t.show("decode a view", decoder.decode(new DataView(bytes(97, 98, 99).buffer, 1)));
    t.show("decode words", decoder.decode(new Uint16Array([0x6261])));
    t.show("decode a part", decoder.decode(bytes(97, 98, 99, 100).subarray(1, 3)));
    t.show("round trip", decoder.decode(new TextEncoder().encode("naïve €5 😀 日本語")));
    t.show("decode much", decoder.decode(new Uint8Array(100000).fill(97)).length);
    t.show("decoder again", [decoder.decode(bytes(97)), decoder.decode(bytes(98))]);
}

async function faultyBytes(t) {
    const decode = (...numbers) => new TextDecoder().decode(bytes(...numbers));
    t.show("lone continuation", decode(0x80, 0x61));
    t.show("cut sequence", decode(0xe2, 0x82));
    t.show("cut sequence and more", decode(0xe2, 0x82, 0x61));
    t.show("overlong", decode(0xc0, 0x80));
    t.show("overlong three", decode(0xe0, 0x80, 0x80));
    t.show("surrogate", decode(0xed, 0xa0, 0x80));
    t.show("too high", decode(0xf4, 0x90, 0x80, 0x80));
    t.show("impossible bytes", decode(0xfe, 0xff, 0xf8));
    t.show("cut four bytes", decode(0xf0, 0x9f, 0x98));
    t.show("cut four bytes and more", decode(0xf0, 0x9f, 0x41));
}

async function strict(t) {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    t.show("valid", decoder.decode(bytes(0xc3, 0xa9)));
    await t.throws("invalid", () => decoder.decode(bytes(0xff)));
    await t.throws("cut", () => decoder.decode(bytes(0xe2, 0x82)));
    t.show("usable after an error", decoder.decode(bytes(97)));
    await t.throws("cut in a stream", () => {
        const strict = new TextDecoder("utf-8", { fatal: true });
        return [strict.decode(bytes(0xe2, 0x82), { stream: true }), strict.decode()];
    });
    await t.throws("strict utf-16", () => new TextDecoder("utf-16le", { fatal: true }).decode(bytes(0, 0xd8)));
    await t.throws("strict utf-16, odd", () => new TextDecoder("utf-16le", { fatal: true }).decode(bytes(97, 0, 98)));
    await t.throws("strict windows-1252", () =>
        new TextDecoder("windows-1252", { fatal: true }).decode(bytes(0x81, 0x80)),
    );
    await t.throws("strict shift_jis", () => new TextDecoder("shift_jis", { fatal: true }).decode(bytes(0x81)));
    await t.throws("strict euc-kr", () => new TextDecoder("euc-kr", { fatal: true }).decode(bytes(0xff)));
}

async function marks(t) {
    const marked = bytes(0xef, 0xbb, 0xbf, 97);
    t.show("mark is dropped", new TextDecoder().decode(marked));
    t.show("mark is kept", new TextDecoder("utf-8", { ignoreBOM: true }).decode(marked));
    t.show("only the first", new TextDecoder().decode(bytes(0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf)));
    const decoder = new TextDecoder();
    t.show("dropped each time", [decoder.decode(marked), decoder.decode(marked)]);
    const stream = new TextDecoder();
    t.show("mark in pieces", [
        stream.decode(bytes(0xef), { stream: true }),
        stream.decode(bytes(0xbb), { stream: true }),
        stream.decode(bytes(0xbf, 97), { stream: true }),
        stream.decode(marked, { stream: true }),
        stream.decode(),
    ]);
    t.show("half a mark", new TextDecoder().decode(bytes(0xef, 0xbb)));
    t.show("marks of utf-16", [
        new TextDecoder("utf-16le").decode(bytes(0xff, 0xfe, 97, 0)),
        new TextDecoder("utf-16be").decode(bytes(0xfe, 0xff, 0, 97)),
        new TextDecoder("utf-16le", { ignoreBOM: true }).decode(bytes(0xff, 0xfe, 97, 0)),
    ]);
    t.show("mark of the other order", new TextDecoder("utf-16le").decode(bytes(0xfe, 0xff, 97, 0)));
    t.show("mark of utf-8 in utf-16", new TextDecoder("utf-16le").decode(bytes(0xef, 0xbb, 0xbf, 0)));
}

async function wide(t) {
    const le = (...numbers) => new TextDecoder("utf-16le").decode(bytes(...numbers));
    t.show("utf-16le", le(97, 0, 0xac, 0x20, 0x3d, 0xd8, 0x00, 0xde));
    t.show("utf-16be", new TextDecoder("utf-16be").decode(bytes(0, 97, 0x20, 0xac, 0xd8, 0x3d, 0xde, 0x00)));
    t.show("lone surrogates", [le(0, 0xd8), le(0, 0xdc), le(0, 0xd8, 97, 0), le(0, 0xdc, 0, 0xd8)]);
    t.show("odd number of bytes", [le(97), le(97, 0, 98)]);
    const stream = new TextDecoder("utf-16le");
    t.show("pair in pieces", [
        stream.decode(bytes(0x3d), { stream: true }),
        stream.decode(bytes(0xd8, 0x00), { stream: true }),
        stream.decode(bytes(0xde), { stream: true }),
        stream.decode(),
    ]);
}

async function legacy(t) {
    const decode = (label, ...numbers) => new TextDecoder(label).decode(bytes(...numbers));
    t.show("windows-1252", decode("windows-1252", 0x80, 0x81, 0xa0, 0xe9, 0xff));
    t.show("latin1 is windows-1252", decode("latin1", 0x93, 0x94));
    t.show("iso-8859-2", decode("iso-8859-2", 0xb1, 0xe6));
    t.show("iso-8859-15", decode("iso-8859-15", 0xa4));
    t.show("windows-1251", decode("windows-1251", 0xcf, 0xf0, 0xe8));
    t.show("koi8-r", decode("koi8-r", 0xf0, 0xd2, 0xc9));
    t.show("ibm866", decode("ibm866", 0x8f, 0xe0));
    t.show("macintosh", decode("macintosh", 0x80, 0xca));
    t.show("shift_jis", decode("shift_jis", 0x93, 0xfa, 0x96, 0x7b, 0xb1));
    t.show("euc-jp", decode("euc-jp", 0xc6, 0xfc, 0xcb, 0xdc));
    t.show("iso-2022-jp", decode("iso-2022-jp", 0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42, 0x61));
    t.show("gbk", decode("gbk", 0xc4, 0xe3, 0xba, 0xc3));
    t.show("gb18030", decode("gb18030", 0x81, 0x30, 0x81, 0x30));
    t.show("big5", decode("big5", 0xa7, 0x41, 0xa6, 0x6e));
    t.show("euc-kr", decode("euc-kr", 0xb0, 0xa1));
    t.show("x-user-defined", decode("x-user-defined", 0x61, 0x80, 0xff));
    t.show("shift_jis, invalid", decode("shift_jis", 0x81, 0x20, 0xa0));
    t.show("euc-jp, cut", decode("euc-jp", 0xc6));
    const stream = new TextDecoder("shift_jis");
    t.show("shift_jis in pieces", [
        stream.decode(bytes(0x93), { stream: true }),
        stream.decode(bytes(0xfa), { stream: true }),
        stream.decode(),
    ]);
}

async function pieces(t) {
    const decoder = new TextDecoder();
    const euro = [0xe2, 0x82, 0xac].map((byte) => decoder.decode(bytes(byte), { stream: true }));
    t.show("in pieces", [euro, decoder.decode()]);
    t.show("cut at the end", [decoder.decode(bytes(97, 0xe2, 0x82), { stream: true }), decoder.decode()]);
    t.show("clean afterwards", decoder.decode(bytes(98)));
    t.show("last piece ends the stream", [
        decoder.decode(bytes(0xf0, 0x9f), { stream: true }),
        decoder.decode(bytes(0x98, 0x80)),
    ]);
    t.show("replaced in a later piece", [
        decoder.decode(bytes(0xe2), { stream: true }),
        decoder.decode(bytes(97), { stream: true }),
        decoder.decode(),
    ]);
    t.show("empty piece", [
        decoder.decode(bytes(0xc3), { stream: true }),
        decoder.decode(bytes(), { stream: true }),
        decoder.decode(bytes(0xa9)),
    ]);
    const strict = new TextDecoder("utf-8", { fatal: true });
    t.show("strict in pieces", [
        strict.decode(bytes(0xc3), { stream: true }),
        strict.decode(bytes(0xa9), { stream: true }),
        strict.decode(),
    ]);
    const text = new TextEncoder().encode("añ€😀z");
    let joined = "";
    for (const byte of text) joined += decoder.decode(bytes(byte), { stream: true });
    t.show("byte by byte", joined + decoder.decode());
}

async function inputs(t) {
    const decoder = new TextDecoder();
    await t.throws("decode text", () => decoder.decode("abc"));
    await t.throws("decode null", () => decoder.decode(null));
    await t.throws("decode an array", () => decoder.decode([97]));
    await t.throws("decode a number", () => decoder.decode(5));
    await t.throws("decode options null", () => decoder.decode(bytes(97), null));
    await t.throws("decode options a number", () => decoder.decode(bytes(97), 1));
    const detached = bytes(1, 2);
    detached.buffer.transfer();
    await t.throws("decode a taken buffer", () => decoder.decode(detached));
    await t.throws("decode shared bytes", () => decoder.decode(new Uint8Array(new SharedArrayBuffer(2)).fill(97)));
}

async function encoderStream(t) {
    const stream = new TextEncoderStream();
    t.show("encoder stream", [stream.encoding, stream.readable.constructor.name, stream.writable.constructor.name]);
    t.show("encodes", await all(of("a", "é", "😀").pipeThrough(new TextEncoderStream())));
    t.show("pair across chunks", await all(of("\ud83d", "\ude00").pipeThrough(new TextEncoderStream())));
    t.show("lone surrogate across chunks", await all(of("\ud83d", "x").pipeThrough(new TextEncoderStream())));
    t.show("surrogate at the end", await all(of("a\ud83d").pipeThrough(new TextEncoderStream())));
    t.show("surrogates only", await all(of("\ud83d", "\ud83d", "\udc00").pipeThrough(new TextEncoderStream())));
    t.show("empty texts", await all(of("", "a", "").pipeThrough(new TextEncoderStream())));
    t.show(
        "other values",
        (await all(of(1, null, undefined, true, {}).pipeThrough(new TextEncoderStream()))).map((chunk) =>
            new TextDecoder().decode(chunk),
        ),
    );
    await t.throws("symbol", () => all(of(Symbol("x")).pipeThrough(new TextEncoderStream())));
    t.show("backpressure", [
        new TextEncoderStream().writable.getWriter().desiredSize,
        new TextDecoderStream().writable.getWriter().desiredSize,
    ]);
}

async function decoderStream(t) {
    const parts = (stream) => [stream.encoding, stream.fatal, stream.ignoreBOM];
    t.show("decoder stream", [
        parts(new TextDecoderStream()),
        parts(new TextDecoderStream("latin1", { fatal: true, ignoreBOM: true })),
        parts(new TextDecoderStream("utf-8", {})),
    ]);
    t.show("decodes", await all(of(bytes(97), bytes(0xc3, 0xa9)).pipeThrough(new TextDecoderStream())));
    t.show(
        "character across chunks",
        await all(of(bytes(0xe2), bytes(0x82), bytes(0xac, 97)).pipeThrough(new TextDecoderStream())),
    );
    t.show("cut at the end of a stream", await all(of(bytes(97, 0xe2)).pipeThrough(new TextDecoderStream())));
    t.show(
        "mark is dropped from a stream",
        await all(of(bytes(0xef, 0xbb), bytes(0xbf, 97)).pipeThrough(new TextDecoderStream())),
    );
    t.show(
        "buffers and views",
        await all(
            of(bytes(97).buffer, new DataView(bytes(98).buffer), new Uint16Array([0x6463])).pipeThrough(
                new TextDecoderStream(),
            ),
        ),
    );
    await t.throws("strict stream", () =>
        all(of(bytes(0xff)).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))),
    );
    await t.throws("strict stream, cut", () =>
        all(of(bytes(0xe2)).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))),
    );
    await t.throws("text into a decoder", () => all(of("text").pipeThrough(new TextDecoderStream())));
    await t.throws("number into a decoder", () => all(of(5).pipeThrough(new TextDecoderStream())));
    await t.throws("null into a decoder", () => all(of(null).pipeThrough(new TextDecoderStream())));
    await t.throws("unknown label of a stream", () => new TextDecoderStream("nonsense"));
    t.show(
        "utf-16 across chunks",
        await all(of(bytes(0x3d), bytes(0xd8, 0x00), bytes(0xde)).pipeThrough(new TextDecoderStream("utf-16le"))),
    );
    t.show(
        "there and back",
        await all(of("a€", "😀").pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())),
    );
}
