// `crypto` itself: its shape, random values, comparison in constant time, and what may be done outside of a handler.
import { transcript } from "./transcript.js";

const outside = [];

async function atTopLevel(label, run) {
    try {
        outside.push([label, await run()]);
    } catch (error) {
        outside.push([label, error]);
    }
}

const zeros = new Uint8Array(16);
const exponent = new Uint8Array([1, 0, 1]);
await atTopLevel("getRandomValues", () => crypto.getRandomValues(new Uint8Array(2)));
await atTopLevel("randomUUID", () => crypto.randomUUID());
await atTopLevel("digest", () => crypto.subtle.digest("MD5", zeros));
await atTopLevel("importKey", () => crypto.subtle.importKey("raw", zeros, "AES-GCM", true, ["encrypt"]));
await atTopLevel("generate AES", () => crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]));
await atTopLevel("generate HMAC", () => crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, ["sign"]));
await atTopLevel("generate ECDSA", () =>
    crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]),
);
await atTopLevel("generate Ed25519", () => crypto.subtle.generateKey("Ed25519", true, ["sign"]));
await atTopLevel("generate RSA", () =>
    crypto.subtle.generateKey({ name: "RSA-PSS", modulusLength: 512, publicExponent: exponent, hash: "SHA-1" }, true, [
        "sign",
    ]),
);
await atTopLevel("PBKDF2", async () => {
    const key = await crypto.subtle.importKey("raw", zeros, "PBKDF2", false, ["deriveBits"]);
    return crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: zeros, iterations: 20000 }, key, 64);
});
const sharedKey = await crypto.subtle.importKey("raw", zeros, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);

export default transcript(async (t) => {
    for (const [label, value] of outside) {
        t.show(`top level ${label}`, value);
    }
    t.show("key of the top level", await crypto.subtle.sign("HMAC", sharedKey, zeros));
    await shape(t);
    await randomValues(t);
    await uuids(t);
    await equality(t);
    await keys(t);
});

async function shape(t) {
    t.show("globals", [typeof Crypto, typeof SubtleCrypto, typeof CryptoKey, typeof crypto]);
    t.show("names", [Crypto.name, SubtleCrypto.name, CryptoKey.name]);
    t.show("tags", [String(crypto), String(crypto.subtle)]);
    t.show("own properties", [Object.keys(crypto), Object.keys(crypto.subtle)]);
    t.show("methods of SubtleCrypto", Object.keys(SubtleCrypto.prototype));
    t.show(
        "enumerable of Crypto",
        ["subtle", "getRandomValues", "randomUUID"].map(
            (name) => Object.getOwnPropertyDescriptor(Crypto.prototype, name).enumerable,
        ),
    );
    t.show(
        "lengths",
        ["encrypt", "digest", "importKey", "timingSafeEqual"].map((name) => [
            crypto.subtle[name].name,
            crypto.subtle[name].length,
        ]),
    );
    t.show("subtle is one", crypto.subtle === crypto.subtle);
    await t.throws("new Crypto", () => new Crypto());
    await t.throws("new SubtleCrypto", () => new SubtleCrypto());
    await t.throws("new CryptoKey", () => new CryptoKey());
    await t.throws("assign subtle", () => {
        Reflect.set(crypto, "subtle", 1);
        return typeof crypto.subtle;
    });
    await t.throws("foreign getRandomValues", () => Crypto.prototype.getRandomValues.call({}, zeros));
    await t.throws("foreign randomUUID", () => Crypto.prototype.randomUUID.call({}));
    await t.throws("foreign digest", () => SubtleCrypto.prototype.digest.call({}, "MD5", zeros));
    await t.throws("foreign timingSafeEqual", () => SubtleCrypto.prototype.timingSafeEqual.call({}, zeros, zeros));
    t.show(
        "foreign digest throws at once",
        (() => {
            try {
                SubtleCrypto.prototype.digest.call({}, "MD5", zeros).catch(() => {});
                return false;
            } catch {
                return true;
            }
        })(),
    );
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, "crypto");
    t.show("global property", [descriptor.writable, descriptor.configurable]);
}

async function randomValues(t) {
    const arrays = [
        Int8Array,
        Uint8Array,
        Uint8ClampedArray,
        Int16Array,
        Uint16Array,
        Int32Array,
        Uint32Array,
        BigInt64Array,
        BigUint64Array,
    ];
    for (const Type of arrays) {
        await t.throws(`fill ${Type.name}`, () => {
            const array = new Type(32);
            return [crypto.getRandomValues(array) === array, array.some((item) => item !== 0 && item !== 0n)];
        });
    }
    const wrong = {
        Float32Array: new Float32Array(1),
        Float64Array: new Float64Array(1),
        DataView: new DataView(new ArrayBuffer(4)),
        ArrayBuffer: new ArrayBuffer(4),
        array: [1, 2],
        number: 1,
        string: "abc",
        null: null,
        undefined,
        object: { byteLength: 1 },
    };
    for (const [label, value] of Object.entries(wrong)) {
        await t.throws(`fill ${label}`, () => crypto.getRandomValues(value));
    }
    await t.throws("fill nothing", () => crypto.getRandomValues());
    await t.throws("fill 65536 bytes", () => crypto.getRandomValues(new Uint8Array(65536)).length);
    await t.throws("fill 65537 bytes", () => crypto.getRandomValues(new Uint8Array(65537)));
    await t.throws("fill 65538 bytes of 16 bits", () => crypto.getRandomValues(new Uint16Array(32769)));
    await t.throws("fill no bytes", () => crypto.getRandomValues(new Uint8Array(0)).length);
    const part = new Uint8Array(64);
    crypto.getRandomValues(part.subarray(16, 48));
    t.show("fill a part", [part.slice(0, 16), part.slice(48), part.slice(16, 48).some((item) => item !== 0)]);
    const [one, other] = [new Uint8Array(32), new Uint8Array(32)].map((array) => crypto.getRandomValues(array).join());
    t.show("never twice the same", one !== other);
    t.show(
        "code of the quota",
        (() => {
            try {
                crypto.getRandomValues(new Uint8Array(65537));
            } catch (error) {
                return [error.code, error instanceof DOMException];
            }
        })(),
    );
}

async function uuids(t) {
    const uuid = crypto.randomUUID();
    t.show("uuid", [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid), uuid.length]);
    const many = new Set(Array.from({ length: 100 }, () => crypto.randomUUID()));
    t.show("uuids are different", many.size);
    t.show("uuid variants", [...new Set([...many].map((text) => text[19]))].sort());
    t.show("uuid version", [...new Set([...many].map((text) => text[14]))]);
}

async function equality(t) {
    const { subtle } = crypto;
    const bytes = (...items) => new Uint8Array(items);
    t.show("equal", subtle.timingSafeEqual(bytes(1, 2, 3), bytes(1, 2, 3)));
    t.show("not equal", subtle.timingSafeEqual(bytes(1, 2, 3), bytes(1, 2, 4)));
    t.show("equal of several kinds", [
        subtle.timingSafeEqual(new Uint8Array(4), new ArrayBuffer(4)),
        subtle.timingSafeEqual(new Uint16Array([258, 772]), new DataView(bytes(2, 1, 4, 3).buffer)),
        subtle.timingSafeEqual(bytes(9, 1, 2, 9).subarray(1, 3), bytes(1, 2)),
    ]);
    t.show("equal and empty", subtle.timingSafeEqual(bytes(), bytes()));
    await t.throws("of different lengths", () => subtle.timingSafeEqual(bytes(1), bytes(1, 2)));
    await t.throws("first is no buffer", () => subtle.timingSafeEqual("a", bytes(1)));
    await t.throws("second is no buffer", () => subtle.timingSafeEqual(bytes(1), [1]));
    await t.throws("second is missing", () => subtle.timingSafeEqual(bytes(1)));
    await t.throws("both are missing", () => subtle.timingSafeEqual());
}

async function keys(t) {
    const asked = ["decrypt", "encrypt", "encrypt"];
    const key = await crypto.subtle.importKey("raw", zeros, "aes-gcm", true, asked);
    t.show("key", [key.type, key.extractable, key.algorithm, key.usages, String(key)]);
    t.show("key's properties", Object.keys(key));
    t.show(
        "key's own",
        ["type", "usages"].map((name) => Object.hasOwn(key, name)),
    );
    t.show("key's values are the same ones", [key.algorithm === key.algorithm, key.usages === key.usages]);
    t.show("key keeps its type", (Reflect.set(key, "type", "public"), key.type));
    key.usages.length = 0;
    key.algorithm.name = "HMAC";
    t.show("key shows what was done to it", [key.usages, key.algorithm]);
    const iv = new Uint8Array(12);
    const encrypted = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, zeros);
    t.show("key is as it was", encrypted.byteLength);
    const fakes = { object: {}, null: null, prototype: Object.create(CryptoKey.prototype), string: "key", undefined };
    for (const [label, fake] of Object.entries(fakes)) {
        await t.throws(`key that is ${label}`, () => crypto.subtle.encrypt({ name: "AES-GCM", iv }, fake, zeros));
    }
    const flags = { undefined, null: null, zero: 0, one: 1, string: "x", object: {}, nan: NaN };
    for (const [label, flag] of Object.entries(flags)) {
        await t.throws(
            `extractable ${label}`,
            async () => (await crypto.subtle.importKey("raw", zeros, "AES-GCM", flag, ["encrypt"])).extractable,
        );
    }
    const usages = {
        undefined,
        null: null,
        string: "encrypt",
        object: { 0: "encrypt", length: 1 },
        number: [1],
        empty: [],
        unknown: ["encrypt", "paint"],
        other: ["sign"],
        set: new Set(["encrypt"]),
    };
    for (const [label, list] of Object.entries(usages)) {
        await t.throws(
            `usages ${label}`,
            async () => (await crypto.subtle.importKey("raw", zeros, "AES-GCM", true, list)).usages,
        );
    }
    await arity(t, key);
}

async function arity(t, key) {
    const needed = {
        encrypt: 3,
        decrypt: 3,
        sign: 3,
        verify: 4,
        digest: 2,
        generateKey: 3,
        deriveKey: 5,
        deriveBits: 2,
        importKey: 5,
        exportKey: 2,
        wrapKey: 4,
        unwrapKey: 3,
    };
    const args = ["raw", key, key, "AES-GCM", true, []];
    for (const [method, count] of Object.entries(needed)) {
        for (let given = 0; given < count; given += 1) {
            await t.throws(`${method} of ${given}`, () => crypto.subtle[method](...args.slice(0, given)));
        }
    }
}
