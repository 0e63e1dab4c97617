// `crypto.subtle.digest`: values, names of algorithms, kinds of data.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const digest = (algorithm, data) => crypto.subtle.digest(algorithm, data);

export default transcript(async (t) => {
    const inputs = { empty: "", abc: "abc", "two blocks": "a".repeat(56), long: "0123456789".repeat(1000) };
    for (const algorithm of ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
        for (const [label, input] of Object.entries(inputs)) {
            t.show(`${algorithm} of ${label}`, hex(await digest(algorithm, text(input))));
        }
    }
    const result = await digest("MD5", text("abc"));
    t.show("result", [result instanceof ArrayBuffer, result.byteLength]);
    await names(t);
    await data(t);
    await timing(t);
});

async function names(t) {
    const algorithms = {
        "small letters": "sha-256",
        "mixed letters": { name: "sHa-256" },
        "more members": { name: "MD5", length: 5, hash: null },
        "no hyphen": "SHA256",
        "SHA-224": "SHA-224",
        "SHA-512/256": "SHA-512/256",
        "SHA3-256": "SHA3-256",
        "with a space": " SHA-1",
        empty: "",
        number: 1,
        null: null,
        undefined,
        object: {},
        "name undefined": { name: undefined },
        "name number": { name: 5 },
        array: ["SHA-1"],
        function: () => "SHA-1",
        "String object": new String("SHA-1"),
        "with toString": { toString: () => "SHA-1" },
        "key algorithm": "HMAC",
        symbol: Symbol("x"),
        bigint: 1n,
    };
    for (const [label, algorithm] of Object.entries(algorithms)) {
        await t.throws(`algorithm ${label}`, async () => hex(await digest(algorithm, text("abc"))));
    }
    await t.throws("algorithm whose name throws", () =>
        digest(
            {
                get name() {
                    throw new RangeError("mine");
                },
            },
            text("abc"),
        ),
    );
}

async function data(t) {
    const buffer = text("xxabcxx").buffer;
    const kinds = {
        ArrayBuffer: text("abc").buffer,
        "part of a buffer": new Uint8Array(buffer, 2, 3),
        DataView: new DataView(buffer, 2, 3),
        "16 bits": new Uint16Array(text("abcd").buffer),
        "64 bits": new Float64Array(1),
        bigints: new BigUint64Array(1),
        "empty buffer": new ArrayBuffer(0),
        string: "abc",
        array: [97, 98, 99],
        number: 1,
        null: null,
        undefined,
        object: {},
        symbol: Symbol("x"),
    };
    for (const [label, value] of Object.entries(kinds)) {
        await t.throws(`data ${label}`, async () => hex(await digest("MD5", value)));
    }
    await t.throws("no data", () => digest("MD5"));
    await t.throws("no arguments", () => crypto.subtle.digest());
}

async function timing(t) {
    const bytes = text("abc");
    const promise = digest("MD5", bytes);
    bytes.fill(0);
    t.show("data are those of the call", hex(await promise));
    const outcomes = [];
    for (const args of [[], ["MD5"], ["x", bytes], [null, bytes]]) {
        const pending = crypto.subtle.digest(...args);
        outcomes.push(pending instanceof Promise);
        pending.catch(() => {});
    }
    t.show("errors are rejections", outcomes);
    const order = [];
    const done = digest("SHA-1", bytes).then(() => order.push("digest"));
    Promise.resolve()
        .then(() => order.push("first"))
        .then(() => order.push("second"));
    order.push("sync");
    await done;
    t.show("comes after the call", order[0]);
    const many = await Promise.all(Array.from({ length: 20 }, (_, index) => digest("SHA-256", new Uint8Array(index))));
    t.show(
        "many at a time",
        hex(await digest("SHA-1", Uint8Array.from(many.flatMap((one) => [...new Uint8Array(one)])))),
    );
}
