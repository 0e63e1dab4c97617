// AES-GCM, AES-CBC, AES-CTR and AES-KW.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const count = (length, from = 0) => Uint8Array.from({ length }, (_, index) => from + index);
const { subtle } = crypto;
const crypt = ["encrypt", "decrypt"];
const wrap = ["wrapKey", "unwrapKey"];
const load = (name, length = 16) =>
    subtle.importKey("raw", count(length), name, true, name === "AES-KW" ? wrap : [...crypt, ...wrap]);

export default transcript(async (t) => {
    await gcm(t);
    await gcmErrors(t);
    await cbc(t);
    await ctr(t);
    await keyWrap(t);
    await keys(t);
    await uses(t);
});

async function roundTrip(t, label, algorithm, key, data) {
    const encrypted = await subtle.encrypt(algorithm, key, data);
    const decrypted = await subtle.decrypt(algorithm, key, encrypted);
    t.show(label, [hex(encrypted), hex(decrypted) === hex(data)]);
}

async function gcm(t) {
    for (const length of [16, 24, 32]) {
        const key = await load("AES-GCM", length);
        await roundTrip(
            t,
            `GCM ${length * 8}`,
            { name: "AES-GCM", iv: count(12) },
            key,
            text("a message of some length"),
        );
    }
    const key = await load("AES-GCM");
    for (const length of [1, 8, 11, 13, 16, 17, 60, 200]) {
        await roundTrip(t, `GCM IV of ${length}`, { name: "AES-GCM", iv: count(length) }, key, text("abc"));
    }
    for (const tagLength of [32, 64, 96, 104, 112, 120, 128]) {
        await roundTrip(t, `GCM tag of ${tagLength}`, { name: "AES-GCM", iv: count(12), tagLength }, key, text("abc"));
    }
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 129]) {
        await roundTrip(t, `GCM of ${length} bytes`, { name: "AES-GCM", iv: count(12) }, key, count(length));
        const algorithm = { name: "AES-GCM", iv: count(12), additionalData: count(length) };
        await roundTrip(t, `GCM with ${length} more`, algorithm, key, text("abc"));
    }
    await roundTrip(t, "GCM counter wraps", { name: "AES-GCM", iv: new Uint8Array(16).fill(255) }, key, count(64));
    const big = new Uint8Array(100_000).map((_, index) => index);
    const encrypted = await subtle.encrypt({ name: "AES-GCM", iv: count(12) }, key, big);
    t.show("GCM of much", hex(await crypto.subtle.digest("SHA-1", encrypted)));
}

async function gcmErrors(t) {
    const key = await load("AES-GCM");
    const iv = count(12);
    const encrypted = new Uint8Array(await subtle.encrypt({ name: "AES-GCM", iv }, key, text("a message")));
    const decrypt = (algorithm, data = encrypted) => subtle.decrypt({ name: "AES-GCM", iv, ...algorithm }, key, data);
    await t.throws("GCM other IV", () => decrypt({ iv: count(12, 1) }));
    await t.throws("GCM other additional data", () => decrypt({ additionalData: count(1) }));
    await t.throws("GCM shorter tag", () => decrypt({ tagLength: 96 }));
    await t.throws("GCM flipped bit", () => decrypt({}, encrypted.with(0, encrypted[0] ^ 1)));
    await t.throws("GCM flipped bit of the tag", () => decrypt({}, encrypted.with(24, encrypted[24] ^ 1)));
    await t.throws("GCM cut", () => decrypt({}, encrypted.subarray(0, 20)));
    await t.throws("GCM shorter than its tag", () => decrypt({}, encrypted.subarray(0, 15)));
    await t.throws("GCM nothing", () => decrypt({}, new Uint8Array(0)));
    const lengths = {
        undefined,
        null: null,
        0: 0,
        16: 16,
        40: 40,
        127: 127,
        136: 136,
        "-1": -1,
        128.9: 128.9,
        string: "128",
        text: "x",
        true: true,
        huge: 2 ** 31,
        symbol: Symbol("x"),
        bigint: 128n,
    };
    for (const [label, tagLength] of Object.entries(lengths)) {
        await t.throws(
            `GCM tag length ${label}`,
            async () => (await subtle.encrypt({ name: "AES-GCM", iv, tagLength }, key, text("abc"))).byteLength,
        );
    }
    const buffers = {
        undefined,
        null: null,
        string: "abcdefghijkl",
        array: [1, 2],
        number: 1,
        empty: new Uint8Array(0),
        DataView: new DataView(iv.buffer),
        ArrayBuffer: iv.buffer,
        "16 bits": new Uint16Array(6),
    };
    for (const [label, buffer] of Object.entries(buffers)) {
        await t.throws(`GCM IV ${label}`, async () =>
            hex(await subtle.encrypt({ name: "AES-GCM", iv: buffer }, key, text("abc"))),
        );
        await t.throws(`GCM additional data ${label}`, async () =>
            hex(await subtle.encrypt({ name: "AES-GCM", iv, additionalData: buffer }, key, text("abc"))),
        );
        await t.throws(`GCM data ${label}`, async () =>
            hex(await subtle.encrypt({ name: "AES-GCM", iv }, key, buffer)),
        );
    }
    await t.throws("GCM as a string", () => subtle.encrypt("AES-GCM", key, text("abc")));
    const data = text("abc");
    const pending = subtle.encrypt({ name: "AES-GCM", iv }, key, data);
    data.fill(0);
    t.show("GCM data are those of the call", hex(await pending));
}

async function cbc(t) {
    for (const length of [16, 24, 32]) {
        await roundTrip(
            t,
            `CBC ${length * 8}`,
            { name: "AES-CBC", iv: count(16) },
            await load("AES-CBC", length),
            text("abc"),
        );
    }
    const key = await load("AES-CBC");
    for (const length of [0, 1, 15, 16, 17, 32, 100]) {
        await roundTrip(t, `CBC of ${length} bytes`, { name: "AES-CBC", iv: count(16) }, key, count(length));
    }
    for (const length of [0, 1, 12, 15, 17, 32]) {
        const algorithm = { name: "AES-CBC", iv: count(length) };
        await t.throws(`CBC IV of ${length}`, () => subtle.encrypt(algorithm, key, text("abc")));
        await t.throws(`CBC IV of ${length} to decrypt`, () => subtle.decrypt(algorithm, key, count(16)));
    }
    await t.throws("CBC without IV", () => subtle.encrypt("AES-CBC", key, text("abc")));
    for (const length of [0, 1, 15, 16, 17, 32, 33, 48]) {
        await t.throws(`CBC garbage of ${length}`, () =>
            subtle.decrypt({ name: "AES-CBC", iv: count(16) }, key, count(length, 100)),
        );
    }
}

async function ctr(t) {
    for (const length of [16, 24, 32]) {
        const algorithm = { name: "AES-CTR", counter: count(16), length: 64 };
        await roundTrip(t, `CTR ${length * 8}`, algorithm, await load("AES-CTR", length), text("a message"));
    }
    const key = await load("AES-CTR");
    for (const length of [0, 1, 16, 17, 100]) {
        await roundTrip(
            t,
            `CTR of ${length} bytes`,
            { name: "AES-CTR", counter: count(16), length: 32 },
            key,
            count(length),
        );
    }
    const full = new Uint8Array(16).fill(255);
    for (const length of [3, 7, 8, 9, 12, 16, 31, 32, 63, 64, 65, 100, 127, 128]) {
        await roundTrip(t, `CTR wraps at ${length} bits`, { name: "AES-CTR", counter: full, length }, key, count(50));
    }
    const counter = count(16);
    for (const [length, bytes] of [
        [1, 32],
        [1, 33],
        [2, 64],
        [2, 65],
        [3, 129],
        [4, 256],
        [4, 257],
        [8, 4097],
    ]) {
        await t.throws(
            `CTR ${bytes} bytes by ${length} bits`,
            async () =>
                (await subtle.encrypt({ name: "AES-CTR", counter, length }, key, new Uint8Array(bytes))).byteLength,
        );
    }
    const lengths = {
        undefined,
        null: null,
        0: 0,
        129: 129,
        256: 256,
        "-1": -1,
        1.9: 1.9,
        string: "64",
        NaN,
        huge: 2 ** 31,
        symbol: Symbol("x"),
    };
    for (const [label, length] of Object.entries(lengths)) {
        await t.throws(`CTR length ${label}`, async () =>
            hex(await subtle.encrypt({ name: "AES-CTR", counter, length }, key, text("abc"))),
        );
    }
    const counters = { undefined, null: null, 0: count(0), 15: count(15), 17: count(17), string: "abcdefghijklmnop" };
    for (const [label, block] of Object.entries(counters)) {
        await t.throws(`CTR counter ${label}`, () =>
            subtle.encrypt({ name: "AES-CTR", counter: block, length: 64 }, key, text("abc")),
        );
    }
    const block = count(16);
    await subtle.encrypt({ name: "AES-CTR", counter: block, length: 9 }, key, count(40));
    t.show("CTR leaves the counter alone", hex(block));
}

async function keyWrap(t) {
    for (const length of [16, 24, 32]) {
        const wrapper = await load("AES-KW", length);
        for (const wrapped of [16, 24, 32]) {
            const key = await subtle.importKey("raw", count(wrapped, 50), "AES-CBC", true, crypt);
            const bytes = await subtle.wrapKey("raw", key, wrapper, "AES-KW");
            const again = await subtle.unwrapKey("raw", bytes, wrapper, "AES-KW", "AES-CBC", true, crypt);
            t.show(`KW ${length * 8} of ${wrapped * 8}`, [hex(bytes), hex(await subtle.exportKey("raw", again))]);
        }
    }
    const wrapper = await load("AES-KW");
    const hmac = { name: "HMAC", hash: "SHA-1" };
    for (const length of [8, 12, 16, 20, 64, 72]) {
        const key = await subtle.importKey("raw", count(length), hmac, true, ["sign"]);
        await t.throws(`KW of ${length} bytes`, async () => hex(await subtle.wrapKey("raw", key, wrapper, "AES-KW")));
    }
    for (const length of [0, 8, 16, 20, 24, 32]) {
        await t.throws(`KW garbage of ${length}`, () =>
            subtle.unwrapKey("raw", count(length), wrapper, "AES-KW", hmac, true, ["sign"]),
        );
    }
    await t.throws("KW encrypt", () => subtle.encrypt("AES-KW", wrapper, count(16)));
    await t.throws("KW with encrypt", () => subtle.importKey("raw", count(16), "AES-KW", true, ["encrypt"]));
}

async function keys(t) {
    for (const length of [0, 8, 15, 16, 17, 24, 32, 33, 64]) {
        await t.throws(
            `import ${length} bytes`,
            async () => (await subtle.importKey("raw", count(length), "AES-GCM", true, crypt)).algorithm,
        );
    }
    for (const name of ["AES-GCM", "AES-CBC", "AES-CTR", "AES-KW"]) {
        const usages = name === "AES-KW" ? wrap : crypt;
        for (const length of [128, 192, 256]) {
            const key = await subtle.generateKey({ name: name.toLowerCase(), length }, true, usages);
            t.show(`generate ${name} ${length}`, [
                key.type,
                key.algorithm,
                key.usages,
                (await subtle.exportKey("raw", key)).byteLength,
            ]);
        }
        await t.throws(`generate ${name} without usages`, () => subtle.generateKey({ name, length: 128 }, true, []));
        await t.throws(`generate ${name} to sign`, () => subtle.generateKey({ name, length: 128 }, true, ["sign"]));
        await t.throws(`import ${name} to sign`, () => subtle.importKey("raw", count(16), name, true, ["sign"]));
        const key = await load(name);
        for (const format of ["pkcs8", "spki", "raw-secret", "x"]) {
            await t.throws(`export ${name} as ${format}`, () => subtle.exportKey(format, key));
            await t.throws(`import ${name} as ${format}`, () =>
                subtle.importKey(format, count(16), name, true, usages),
            );
        }
    }
    const lengths = {
        undefined,
        null: null,
        0: 0,
        64: 64,
        129: 129,
        512: 512,
        "-128": -128,
        128.5: 128.5,
        string: "256",
        NaN,
        huge: 2 ** 32,
        object: {},
        symbol: Symbol("x"),
    };
    for (const [label, length] of Object.entries(lengths)) {
        await t.throws(
            `generate of length ${label}`,
            async () => (await subtle.generateKey({ name: "AES-GCM", length }, true, crypt)).algorithm,
        );
    }
    for (const name of ["AES", "AES-ECB", "AES-CFB", "", undefined, null, 5]) {
        await t.throws(`generate ${name}`, () => subtle.generateKey({ name, length: 128 }, true, crypt));
        await t.throws(`import ${name}`, () => subtle.importKey("raw", count(16), name, true, crypt));
    }
    const key = await load("AES-GCM");
    t.show("export", hex(await subtle.exportKey("raw", key)));
    const secret = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["decrypt", "encrypt"]);
    t.show("not extractable", [secret.extractable, secret.usages]);
    await t.throws("export a secret one", () => subtle.exportKey("raw", secret));
    await t.throws("wrap a secret one", () => subtle.wrapKey("raw", secret, key, { name: "AES-GCM", iv: count(12) }));
}

async function uses(t) {
    const algorithm = { name: "AES-GCM", iv: count(12) };
    const encrypter = await subtle.importKey("raw", count(16), "AES-GCM", false, ["encrypt"]);
    const decrypter = await subtle.importKey("raw", count(16), "AES-GCM", false, ["decrypt"]);
    const encrypted = await subtle.encrypt(algorithm, encrypter, text("abc"));
    t.show("decrypted by another key", hex(await subtle.decrypt(algorithm, decrypter, encrypted)));
    await t.throws("decrypt with a key that encrypts", () => subtle.decrypt(algorithm, encrypter, encrypted));
    await t.throws("encrypt with a key that decrypts", () => subtle.encrypt(algorithm, decrypter, encrypted));
    await t.throws("wrap with a key that encrypts", () => subtle.wrapKey("raw", encrypter, encrypter, algorithm));
    await t.throws("sign with it", () => subtle.sign(algorithm, encrypter, text("abc")));
    await t.throws("derive with it", () => subtle.deriveKey(algorithm, encrypter, "AES-GCM", true, crypt));
    await t.throws("another mode", () => subtle.encrypt({ name: "AES-CBC", iv: count(16) }, encrypter, text("abc")));
    await t.throws("no name", () => subtle.encrypt({ iv: count(12) }, encrypter, text("abc")));
    t.show("small letters", hex(await subtle.encrypt({ ...algorithm, name: "aes-gcm" }, encrypter, text("abc"))));
}
