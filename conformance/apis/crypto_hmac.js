// HMAC: codes, keys and their lengths.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const { subtle } = crypto;
const both = ["sign", "verify"];
const load = (bytes, hash, more = {}) => subtle.importKey("raw", bytes, { name: "HMAC", hash, ...more }, true, both);
const hashes = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"];

export default transcript(async (t) => {
    await codes(t);
    await lengths(t);
    await generated(t);
    await imports(t);
    await uses(t);
});

async function codes(t) {
    const keys = {
        short: text("key"),
        "as long as a block": new Uint8Array(64).fill(0xaa),
        long: new Uint8Array(200).fill(7),
    };
    for (const hash of hashes) {
        for (const [label, bytes] of Object.entries(keys)) {
            const key = await load(bytes, hash);
            t.show(`${hash} with a ${label} key`, hex(await subtle.sign("HMAC", key, text("what do ya want"))));
        }
        const key = await load(keys.short, hash);
        t.show(`${hash} of nothing`, hex(await subtle.sign({ name: "hmac" }, key, new ArrayBuffer(0))));
    }
    const key = await load(text("key"), "SHA-256");
    const code = new Uint8Array(await subtle.sign("HMAC", key, text("data")));
    t.show("right", await subtle.verify("HMAC", key, code, text("data")));
    t.show("other data", await subtle.verify("HMAC", key, code, text("dato")));
    t.show("too short", await subtle.verify("HMAC", key, code.subarray(1), text("data")));
    t.show("empty", await subtle.verify("HMAC", key, new Uint8Array(0), text("data")));
    code[31] ^= 1;
    t.show("one bit wrong", await subtle.verify("HMAC", key, code, text("data")));
}

async function lengths(t) {
    const values = {
        undefined,
        null: null,
        zero: 0,
        one: 1,
        120: 120,
        121: 121,
        127: 127,
        128: 128,
        129: 129,
        "-1": -1,
        3.7: 3.7,
        NaN,
        Infinity,
        string: "128",
        huge: 2 ** 31,
        object: {},
        symbol: Symbol("x"),
        bigint: 128n,
    };
    for (const [label, length] of Object.entries(values)) {
        await t.throws(`import length ${label}`, async () => {
            const key = await load(new Uint8Array(16).fill(255), "SHA-1", { length });
            return [key.algorithm, hex(await subtle.exportKey("raw", key))];
        });
        await t.throws(`generate length ${label}`, async () => {
            const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-1", length }, true, both);
            return [key.algorithm, (await subtle.exportKey("raw", key)).byteLength];
        });
    }
    await t.throws("import no bytes", () => load(new Uint8Array(0), "SHA-1"));
    await t.throws("import many bytes", async () => (await load(new Uint8Array(10000), "SHA-1")).algorithm);
    const key = await load(new Uint8Array([255, 255]), "SHA-1", { length: 9 });
    t.show("bits beyond the length", hex(await subtle.exportKey("raw", key)));
    t.show("code of such a key", hex(await subtle.sign("HMAC", key, text("abc"))));
    const odd = await subtle.generateKey({ name: "HMAC", hash: "SHA-1", length: 9 }, true, both);
    t.show("generated bits beyond the length", new Uint8Array(await subtle.exportKey("raw", odd))[1] & 0x7f);
}

async function generated(t) {
    for (const hash of hashes) {
        const key = await subtle.generateKey({ name: "HMAC", hash }, false, ["verify", "sign"]);
        t.show(`generated ${hash}`, [key.type, key.extractable, key.algorithm, key.usages]);
        const code = await subtle.sign("HMAC", key, text("x"));
        t.show(`round trip ${hash}`, [code.byteLength, await subtle.verify("HMAC", key, code, text("x"))]);
    }
    const hash = "SHA-1";
    await t.throws("generate without usages", () => subtle.generateKey({ name: "HMAC", hash }, true, []));
    await t.throws("generate with a wrong usage", () => subtle.generateKey({ name: "HMAC", hash }, true, ["encrypt"]));
    await t.throws("generate without a hash", () => subtle.generateKey("HMAC", true, both));
    await t.throws("generate with a wrong hash", () => subtle.generateKey({ name: "HMAC", hash: "SHA-3" }, true, both));
    await t.throws("generate with a null hash", () => subtle.generateKey({ name: "HMAC", hash: null }, true, both));
    await t.throws(
        "generate with an object",
        async () => (await subtle.generateKey({ name: "hmac", hash: { name: "sha-384" } }, true, both)).algorithm,
    );
    const [one, other] = await Promise.all(
        [1, 2].map(async () =>
            hex(await subtle.exportKey("raw", await subtle.generateKey({ name: "HMAC", hash }, true, both))),
        ),
    );
    t.show("never twice the same", one !== other);
}

async function imports(t) {
    const bytes = text("a secret");
    await t.throws("import without a hash", () => subtle.importKey("raw", bytes, "HMAC", true, both));
    await t.throws("import with a wrong hash", () => load(bytes, "x"));
    await t.throws("import with a wrong usage", () =>
        subtle.importKey("raw", bytes, { name: "HMAC", hash: "MD5" }, true, ["encrypt"]),
    );
    await t.throws("import without usages", () =>
        subtle.importKey("raw", bytes, { name: "HMAC", hash: "MD5" }, true, []),
    );
    for (const format of ["spki", "pkcs8", "raw-secret", "RAW", "", undefined]) {
        await t.throws(`import as ${format}`, () =>
            subtle.importKey(format, bytes, { name: "HMAC", hash: "MD5" }, true, both),
        );
    }
    const key = await load(bytes, "sha-512");
    t.show("imported", [key.type, key.algorithm, key.usages]);
    t.show("exported", hex(await subtle.exportKey("raw", key)));
    bytes.fill(0);
    t.show("exported after the bytes changed", hex(await subtle.exportKey("raw", key)));
    const exported = new Uint8Array(await subtle.exportKey("raw", key));
    exported.fill(0);
    t.show("an export is a copy", hex(await subtle.exportKey("raw", key)));
    for (const format of ["spki", "pkcs8", "raw-secret", "x"]) {
        await t.throws(`export as ${format}`, () => subtle.exportKey(format, key));
    }
    const secret = await subtle.importKey("raw", exported, { name: "HMAC", hash: "MD5" }, false, both);
    await t.throws("export of what is no one's business", () => subtle.exportKey("raw", secret));
    await t.throws("its export as JSON", () => subtle.exportKey("jwk", secret));
}

async function uses(t) {
    const bytes = text("key");
    const signer = await subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-1" }, true, ["sign"]);
    const verifier = await subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-1" }, true, ["verify"]);
    const code = await subtle.sign("HMAC", signer, bytes);
    t.show("verified by another key", await subtle.verify("HMAC", verifier, code, bytes));
    await t.throws("verify with a key that signs", () => subtle.verify("HMAC", signer, code, bytes));
    await t.throws("sign with a key that verifies", () => subtle.sign("HMAC", verifier, bytes));
    await t.throws("encrypt with it", () => subtle.encrypt("HMAC", signer, bytes));
    await t.throws("derive with it", () => subtle.deriveBits("HMAC", signer, 8));
    await t.throws("wrap with it", () => subtle.wrapKey("raw", signer, signer, "HMAC"));
    await t.throws("sign as another algorithm", () => subtle.sign("AES-GCM", signer, bytes));
    await t.throws("sign as nothing", () => subtle.sign(undefined, signer, bytes));
    await t.throws("a hash of the call is not looked at", async () =>
        hex(await subtle.sign({ name: "HMAC", hash: "SHA-512" }, signer, bytes)),
    );
    await t.throws("sign text", () => subtle.sign("HMAC", signer, "text"));
    await t.throws("verify text", () => subtle.verify("HMAC", verifier, "text", bytes));
}
