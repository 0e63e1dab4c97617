// PBKDF2 and HKDF, and what keys are derived for.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const { subtle } = crypto;
const load = (name, secret = text("password"), usages = ["deriveBits", "deriveKey"]) =>
    subtle.importKey("raw", secret, name, false, usages);
const hashes = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const salt = text("NaCl");

export default transcript(async (t) => {
    await pbkdf2(t);
    await hkdf(t);
    await imports(t);
    await parameters(t);
    await derivedKeys(t);
});

async function pbkdf2(t) {
    const key = await load("PBKDF2");
    for (const hash of hashes) {
        for (const [iterations, bits] of [
            [1, 256],
            [2, 8],
            [1000, 160],
            [3000, 520],
        ]) {
            const bytes = await subtle.deriveBits({ name: "PBKDF2", hash, salt, iterations }, key, bits);
            t.show(`PBKDF2 ${hash} ${iterations} ${bits}`, hex(bytes));
        }
    }
    const longSalt = new Uint8Array(500).fill(3);
    t.show(
        "PBKDF2 long salt",
        hex(
            await subtle.deriveBits(
                { name: "pbkdf2", hash: { name: "sha-256" }, salt: longSalt, iterations: 5 },
                key,
                128,
            ),
        ),
    );
    const emptySalt = await subtle.deriveBits(
        { name: "PBKDF2", hash: "SHA-256", salt: new ArrayBuffer(0), iterations: 5 },
        key,
        128,
    );
    t.show("PBKDF2 no salt", hex(emptySalt));
    const empty = await load("PBKDF2", new Uint8Array(0));
    const ofEmpty = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt, iterations: 5 }, empty, 128);
    t.show("PBKDF2 empty password", hex(ofEmpty));
    const iterations = {
        undefined,
        null: null,
        0: 0,
        "-1": -1,
        2.9: 2.9,
        string: "3",
        NaN,
        huge: 2 ** 31,
        symbol: Symbol("x"),
        bigint: 5n,
    };
    for (const [label, value] of Object.entries(iterations)) {
        await t.throws(`iterations ${label}`, async () =>
            hex(await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt, iterations: value }, key, 64)),
        );
    }
    const many = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 100_000 };
    await t.throws("many iterations", async () => hex(await subtle.deriveBits(many, key, 256)));
    await t.throws("more iterations", async () =>
        hex(await subtle.deriveBits({ ...many, iterations: 100_001 }, key, 256)),
    );
    const several = await Promise.all(
        [1, 2, 3].map((n) => subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt, iterations: n * 4000 }, key, 64)),
    );
    t.show("several at a time", several.map(hex));
    const changing = text("NaCl");
    const pending = subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: changing, iterations: 4000 }, key, 64);
    changing.fill(0);
    t.show("salt is that of the call", hex(await pending) === hex(several[0]));
}

async function hkdf(t) {
    const key = await load("HKDF", text("input keying material"));
    for (const hash of hashes) {
        for (const [info, bits] of [
            ["", 256],
            ["context", 8],
            ["context", 2048],
        ]) {
            const bytes = await subtle.deriveBits({ name: "HKDF", hash, salt, info: text(info) }, key, bits);
            t.show(`HKDF ${hash} ${bits} for '${info}'`, hex(bytes));
        }
    }
    const none = new Uint8Array(0);
    const bare = await subtle.deriveBits({ name: "hkdf", hash: "SHA-256", salt: none, info: none }, key, 256);
    t.show("HKDF no salt", hex(bare));
    const longest = { "SHA-1": 255 * 160, "SHA-256": 255 * 256, "SHA-512": 255 * 512 };
    for (const [hash, bits] of Object.entries(longest)) {
        const algorithm = { name: "HKDF", hash, salt, info: none };
        await t.throws(`HKDF ${hash} longest`, async () => (await subtle.deriveBits(algorithm, key, bits)).byteLength);
        await t.throws(`HKDF ${hash} too long`, () => subtle.deriveBits(algorithm, key, bits + 8));
    }
}

async function imports(t) {
    for (const name of ["PBKDF2", "HKDF"]) {
        const key = await load(name);
        t.show(`${name} key`, [key.type, key.extractable, key.algorithm, key.usages]);
        await t.throws(`${name} extractable`, () => subtle.importKey("raw", salt, name, true, ["deriveBits"]));
        await t.throws(`${name} without usages`, () => load(name, salt, []));
        await t.throws(`${name} to sign`, () => load(name, salt, ["sign"]));
        await t.throws(`${name} empty`, async () => (await load(name, new Uint8Array(0))).type);
        await t.throws(`${name} of JSON`, () =>
            subtle.importKey("jwk", { kty: "oct", k: "AAAA" }, name, false, ["deriveBits"]),
        );
        await t.throws(`${name} of PKCS #8`, () => subtle.importKey("pkcs8", salt, name, false, ["deriveBits"]));
        await t.throws(`${name} of text`, () => subtle.importKey("raw", "text", name, false, ["deriveBits"]));
        await t.throws(`${name} exported`, () => subtle.exportKey("raw", key));
        await t.throws(`${name} generated`, () => subtle.generateKey({ name, length: 128 }, false, ["deriveBits"]));
        await t.throws(`${name} signs`, () => subtle.sign(name, key, salt));
    }
}

async function parameters(t) {
    const algorithms = {
        PBKDF2: { name: "PBKDF2", hash: "SHA-256", salt, iterations: 10 },
        HKDF: { name: "HKDF", hash: "SHA-256", salt, info: text("info") },
    };
    for (const [name, algorithm] of Object.entries(algorithms)) {
        const key = await load(name);
        const derive = async (changes, length = 64) =>
            hex(await subtle.deriveBits({ ...algorithm, ...changes }, key, length));
        for (const field of Object.keys(algorithm).filter((field) => field !== "name")) {
            await t.throws(`${name} without ${field}`, () => derive({ [field]: undefined }));
            await t.throws(`${name} with null as ${field}`, () => derive({ [field]: null }));
            await t.throws(`${name} with text as ${field}`, () => derive({ [field]: "text" }));
        }
        const lengths = {
            null: null,
            0: 0,
            1: 1,
            7: 7,
            8: 8,
            12: 12,
            "-8": -8,
            8.5: 8.5,
            string: "16",
            true: true,
            NaN,
            huge: 2 ** 31,
            symbol: Symbol("x"),
            bigint: 8n,
            object: {},
        };
        for (const [label, length] of Object.entries(lengths)) {
            await t.throws(`${name} length ${label}`, () => derive({}, length));
        }
        await t.throws(`${name} length undefined`, () => subtle.deriveBits(algorithm, key, undefined));
        await t.throws(`${name} no length`, () => subtle.deriveBits(algorithm, key));
        const bitsOnly = await load(name, salt, ["deriveBits"]);
        const keyOnly = await load(name, salt, ["deriveKey"]);
        await t.throws(`${name} key for bits`, () =>
            subtle.deriveKey(algorithm, bitsOnly, { name: "AES-GCM", length: 128 }, true, ["encrypt"]),
        );
        await t.throws(`${name} bits for keys`, () => subtle.deriveBits(algorithm, keyOnly, 64));
    }
    await t.throws("another algorithm", async () => subtle.deriveBits(algorithms.HKDF, await load("PBKDF2"), 64));
    await t.throws("no algorithm", async () => subtle.deriveBits({}, await load("PBKDF2"), 64));
}

async function derivedKeys(t) {
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 10 };
    const key = await load("PBKDF2");
    const targets = {
        "AES-GCM 128": [{ name: "AES-GCM", length: 128 }, ["encrypt"]],
        "AES-CBC 192": [{ name: "aes-cbc", length: 192 }, ["decrypt"]],
        "AES-CTR 256": [{ name: "AES-CTR", length: 256 }, ["encrypt", "decrypt"]],
        "AES-KW 256": [{ name: "AES-KW", length: 256 }, ["wrapKey"]],
        "HMAC SHA-1": [{ name: "HMAC", hash: "SHA-1" }, ["sign"]],
        "HMAC SHA-256": [{ name: "HMAC", hash: "SHA-256" }, ["sign"]],
        "HMAC SHA-512": [{ name: "HMAC", hash: "SHA-512" }, ["verify"]],
        "HMAC 40": [{ name: "HMAC", hash: "SHA-512", length: 40 }, ["sign"]],
        "HMAC 41": [{ name: "HMAC", hash: "SHA-512", length: 41 }, ["sign"]],
        "HMAC 0": [{ name: "HMAC", hash: "SHA-512", length: 0 }, ["sign"]],
        "HMAC without hash": [{ name: "HMAC" }, ["sign"]],
        "HMAC of a wrong hash": [{ name: "HMAC", hash: "x" }, ["sign"]],
        "AES-GCM 100": [{ name: "AES-GCM", length: 100 }, ["encrypt"]],
        "AES-GCM without length": ["AES-GCM", ["encrypt"]],
        "AES-GCM to sign": [{ name: "AES-GCM", length: 128 }, ["sign"]],
        "AES-GCM without usages": [{ name: "AES-GCM", length: 128 }, []],
        HKDF: ["HKDF", ["deriveBits"]],
        ECDSA: [{ name: "ECDSA", namedCurve: "P-256" }, ["sign"]],
        nothing: [undefined, ["sign"]],
        unknown: ["AES", ["encrypt"]],
    };
    for (const [label, [target, usages]] of Object.entries(targets)) {
        await t.throws(`derive ${label}`, async () => {
            const derived = await subtle.deriveKey(algorithm, key, target, true, usages);
            return [derived.type, derived.algorithm, derived.usages, hex(await subtle.exportKey("raw", derived))];
        });
    }
    const secret = await subtle.deriveKey(algorithm, key, { name: "AES-GCM", length: 128 }, false, ["encrypt"]);
    await t.throws("derived and not extractable", () => subtle.exportKey("raw", secret));
}
