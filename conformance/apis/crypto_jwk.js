// Keys in JSON, and keys that are wrapped and unwrapped.
import { transcript } from "./transcript.js";

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const count = (length, from = 0) => Uint8Array.from({ length }, (_, index) => from + index);
const { subtle } = crypto;

const KEYS = {
    RSA: {
        kty: "RSA",
        d: ["DGRwMv10KdaHNtoiM3Fru8nlItJth6iJJBlGyu6Yb6wXfrVLLsMzup1kgBhV1Qegsye90C_Cg9RXpEyJ9dRQsw"].join(""),
        n: ["ueKS_NnOc5HsNsgBA6VQANRtClRq8uAJHXsl4_ruixcVXA0A-Y6jXAJMMPrrlbMeREeZQRPoQaP9NSzX3-5Hsw"].join(""),
        e: "Aw",
        p: "5l1H0HwgW1z56Q_XlAwnTGtOxct9aG1UBP2GDpE5KWc",
        q: "zpIlyL_-QA_Pf5-2UA4ZZ1mktELKGhre1Zcqs-dEY9U",
        dp: "mZOFNagVkj378LU6YrLE3ZzfLoeo8Ejirf5ZXwt7cO8",
        dq: "ibbD2yqpgAqKVRUkNV67mjvDItcxZryUjmTHIpotl-M",
        qi: "b1_jUVqGcm2UaYE7ufzGFTtyuHqiWtndX1JZ6EIexGw",
    },
    EC: {
        kty: "EC",
        crv: "P-256",
        x: "Yo8UrnCbcF4Ejj13laGSw250yH6OYsOJkgdcEePUxKk",
        y: "6TjbzB7QfKw2GKSvPuCjiiGDPukLWg5utb7p5NgrAEs",
        d: "KjR7b4GJPhuG38ZqP5p-RdZLG7KmiB7t-kMeLxhW6N4",
    },
    ED25519: {
        kty: "OKP",
        crv: "Ed25519",
        x: "s2E0UG87L4ezzc-fkgXkjZDc5tGJUTFzBiGRrFOgRUo",
        d: "AIfh4ydMJf73epnffSTjY76mUHaAHbjQw7OFq8C9v9g",
    },
    X25519: {
        kty: "OKP",
        crv: "X25519",
        x: "UAUCFHWgXXjt3i8OX3ppoaD5gR6ICiv7WRICFdaVRWI",
        d: "_2CZ8W8hGH6ZpqZTkDDVqGqLYzONJ-m-znauOHMf76Y",
    },
};

const RS = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const PS = { name: "RSA-PSS", hash: "SHA-256" };
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" };
const ECDSA = { name: "ECDSA", namedCurve: "P-256" };
const ECDH = { name: "ECDH", namedCurve: "P-256" };
const HMAC = { name: "HMAC", hash: "SHA-256" };
const OCT = { kty: "oct", k: "AAECAwQFBgcICQoLDA0ODw" };
const open = ({ kty, crv, x, y, n, e }) =>
    Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined));

export default transcript(async (t) => {
    await exports(t);
    await symmetric(t);
    await asymmetric(t);
    await numbers(t);
    await wrapping(t);
    await wrappingErrors(t);
});

function show(t, label, key, algorithm, usages, extractable = true) {
    return t.throws(label, async () => {
        const imported = await subtle.importKey("jwk", key, algorithm, extractable, usages);
        return [imported.type, imported.usages, imported.algorithm];
    });
}

async function exports(t) {
    const cases = {
        "AES-GCM": [OCT, "AES-GCM", ["decrypt", "encrypt"]],
        "AES-CBC": [OCT, "AES-CBC", ["wrapKey"]],
        "AES-CTR": [OCT, "AES-CTR", ["encrypt"]],
        "AES-KW": [OCT, "AES-KW", ["unwrapKey", "wrapKey"]],
        "HMAC SHA-1": [OCT, { ...HMAC, hash: "SHA-1" }, ["verify", "sign"]],
        "HMAC SHA-512": [OCT, { ...HMAC, hash: "SHA-512" }, ["sign"]],
        "HMAC MD5": [OCT, { ...HMAC, hash: "MD5" }, ["sign"]],
        RS256: [KEYS.RSA, RS, ["sign"]],
        "RS256 public": [open(KEYS.RSA), RS, ["verify"]],
        RS1: [open(KEYS.RSA), { ...RS, hash: "SHA-1" }, []],
        RS384: [open(KEYS.RSA), { ...RS, hash: "SHA-384" }, []],
        "RS MD5": [open(KEYS.RSA), { ...RS, hash: "MD5" }, []],
        PS256: [KEYS.RSA, PS, ["sign"]],
        PS512: [open(KEYS.RSA), { ...PS, hash: "SHA-512" }, ["verify"]],
        "RSA-OAEP": [open(KEYS.RSA), { ...OAEP, hash: "SHA-1" }, ["wrapKey", "encrypt"]],
        "RSA-OAEP-256": [KEYS.RSA, OAEP, ["unwrapKey", "decrypt"]],
        ECDSA: [KEYS.EC, ECDSA, ["sign"]],
        "ECDSA public": [open(KEYS.EC), ECDSA, ["verify"]],
        ECDH: [KEYS.EC, ECDH, ["deriveBits", "deriveKey"]],
        Ed25519: [KEYS.ED25519, "Ed25519", ["sign"]],
        "NODE-ED25519": [KEYS.ED25519, { name: "NODE-ED25519", namedCurve: "NODE-ED25519" }, ["sign"]],
        X25519: [KEYS.X25519, "X25519", ["deriveKey"]],
    };
    for (const [label, [key, algorithm, usages]] of Object.entries(cases)) {
        await t.throws(`export ${label}`, async () => {
            const imported = await subtle.importKey("jwk", key, algorithm, true, usages);
            return JSON.stringify(await subtle.exportKey("jwk", imported));
        });
    }
    const key = await subtle.importKey("jwk", OCT, "AES-GCM", true, ["encrypt"]);
    t.show("members of an export", Object.keys(await subtle.exportKey("jwk", key)));
    const exported = await subtle.exportKey("jwk", key);
    exported.key_ops.push("paint");
    t.show("an export is a copy", (await subtle.exportKey("jwk", key)).key_ops);
}

async function symmetric(t) {
    const variants = {
        plain: {},
        alg: { alg: "A128GCM" },
        "other alg": { alg: "A128CBC" },
        "other length": { alg: "A256GCM" },
        "use enc": { use: "enc" },
        "use sig": { use: "sig" },
        key_ops: { key_ops: ["encrypt", "decrypt", "paint"] },
        "too few key_ops": { key_ops: ["decrypt"] },
        "key_ops twice": { key_ops: ["encrypt", "encrypt"] },
        "no key_ops": { key_ops: [] },
        "key_ops of text": { key_ops: "encrypt" },
        "ext false": { ext: false },
        "ext true": { ext: true },
        "ext of text": { ext: "" },
        "no kty": { kty: undefined },
        "kty RSA": { kty: "RSA" },
        "kty OCT": { kty: "OCT" },
        "no k": { k: undefined },
        "null k": { k: null },
        "empty k": { k: "" },
        "k with padding": { k: "AAECAwQFBgcICQoLDA0ODw==" },
        "k of base64": { k: "//8CAwQFBgcICQoLDA0ODw" },
        "k of base64url": { k: "__8CAwQFBgcICQoLDA0ODw" },
        "short k": { k: "AAEC" },
        "k with odd bits": { k: "AAECAwQFBgcICQoLDA0ODx" },
        more: { foo: 1, d: "AA" },
        number: { kty: 5 },
    };
    for (const [label, changes] of Object.entries(variants)) {
        await show(t, `AES ${label}`, { ...OCT, ...changes }, "AES-GCM", ["encrypt"]);
        await show(t, `AES secret ${label}`, { ...OCT, ...changes }, "AES-GCM", ["encrypt"], false);
    }
    const macs = {
        plain: {},
        alg: { alg: "HS256" },
        "other alg": { alg: "HS1" },
        "use sig": { use: "sig" },
        "use enc": { use: "enc" },
        "too few key_ops": { key_ops: ["verify"] },
        "ext false": { ext: false },
        "kty EC": { kty: "EC" },
        "no k": { k: undefined },
        "empty k": { k: "" },
        "bad k": { k: "!!!!" },
        "space in k": { k: "AAEC AwQF" },
        "short k": { k: "A" },
    };
    for (const [label, changes] of Object.entries(macs)) {
        await show(t, `HMAC ${label}`, { ...OCT, ...changes }, HMAC, ["sign"]);
    }
    await show(t, "HMAC small letters with alg", { ...OCT, alg: "HS256" }, { name: "HMAC", hash: "sha-256" }, ["sign"]);
    await show(t, "HMAC MD5 with alg", { ...OCT, alg: "HS256" }, { name: "HMAC", hash: "MD5" }, ["sign"]);
    await show(t, "HMAC length", OCT, { ...HMAC, length: 123 }, ["sign"]);
    const data = {
        undefined,
        null: null,
        text: "{}",
        number: 1,
        bytes: count(16),
        buffer: new ArrayBuffer(16),
        array: [],
        function: () => 1,
        symbol: Symbol("x"),
    };
    for (const [label, value] of Object.entries(data)) {
        await show(t, `JSON that is ${label}`, value, "AES-GCM", ["encrypt"]);
    }
    await t.throws("raw that is JSON", () => subtle.importKey("raw", OCT, "AES-GCM", true, ["encrypt"]));
    await t.throws("JSON whose member throws", () =>
        subtle.importKey(
            "jwk",
            {
                kty: "oct",
                get k() {
                    throw new RangeError("mine");
                },
            },
            "AES-GCM",
            true,
            ["encrypt"],
        ),
    );
}

async function asymmetric(t) {
    const subjects = {
        RS: [KEYS.RSA, RS, ["sign"], ["verify"], "sig", "RS256"],
        OAEP: [KEYS.RSA, OAEP, ["decrypt"], ["encrypt"], "enc", "RSA-OAEP-256"],
        ECDSA: [KEYS.EC, ECDSA, ["sign"], ["verify"], "sig", "ES256"],
        ECDH: [KEYS.EC, ECDH, ["deriveBits"], [], "enc", "ECDH-ES"],
        Ed25519: [KEYS.ED25519, "Ed25519", ["sign"], ["verify"], "sig", "EdDSA"],
        X25519: [KEYS.X25519, "X25519", ["deriveKey"], [], "enc", "x"],
    };
    for (const [name, [key, algorithm, privateUsages, publicUsages, use, alg]] of Object.entries(subjects)) {
        const variants = {
            plain: {},
            "right use": { use },
            "wrong use": { use: use === "sig" ? "enc" : "sig" },
            alg: { alg },
            "other alg": { alg: "none" },
            key_ops: { key_ops: [...privateUsages, ...publicUsages] },
            "no key_ops": { key_ops: [] },
            "other key_ops": { key_ops: ["paint"] },
            "key_ops twice": { key_ops: ["sign", "sign"] },
            "use and key_ops": { use, key_ops: [...privateUsages] },
            "use and other key_ops": { use, key_ops: ["paint", "sign"] },
            "ext false": { ext: false },
            "kty oct": { kty: "oct" },
            "no kty": { kty: undefined },
        };
        for (const [label, changes] of Object.entries(variants)) {
            await show(t, `${name} ${label}`, { ...key, ...changes }, algorithm, privateUsages);
            await show(t, `${name} public ${label}`, { ...open(key), ...changes }, algorithm, publicUsages);
        }
        await show(t, `${name} ext false and secret`, { ...key, ext: false }, algorithm, privateUsages, false);
        await show(t, `${name} private without usages`, key, algorithm, []);
        await show(t, `${name} public without usages`, open(key), algorithm, []);
        await show(t, `${name} private to paint`, key, algorithm, ["paint"]);
        await show(t, `${name} public like a private one`, open(key), algorithm, privateUsages);
    }
    for (const alg of ["ES256", "ES384", "ES512"]) {
        await show(t, `ECDSA ${alg}`, { ...KEYS.EC, alg }, ECDSA, ["sign"]);
    }
    for (const alg of ["RS1", "RS256", "RS512", "PS256", "RSA-OAEP"]) {
        await show(t, `RSA ${alg}`, { ...KEYS.RSA, alg }, RS, ["sign"]);
    }
    for (const alg of ["RS1", "RS256", "PS256", "PS512", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-1"]) {
        await show(t, `PSS ${alg}`, { ...KEYS.RSA, alg }, PS, ["sign"]);
        await show(t, `OAEP ${alg}`, { ...KEYS.RSA, alg }, OAEP, ["decrypt"]);
    }
    await show(t, "more primes", { ...KEYS.RSA, oth: [] }, RS, ["sign"]);
}

async function numbers(t) {
    for (const member of ["n", "e", "d", "p", "q", "dp", "dq", "qi"]) {
        await show(t, `RSA without ${member}`, { ...KEYS.RSA, [member]: undefined }, RS, [
            member === "d" ? "verify" : "sign",
        ]);
        await show(t, `RSA with bad ${member}`, { ...KEYS.RSA, [member]: "!!" }, RS, ["sign"]);
    }
    await show(t, "RSA with zeros before n", { ...open(KEYS.RSA), n: `AAAA${KEYS.RSA.n}` }, RS, ["verify"]);
    for (const member of ["x", "y", "d"]) {
        await show(t, `EC without ${member}`, { ...KEYS.EC, [member]: undefined }, ECDSA, [
            member === "d" ? "verify" : "sign",
        ]);
        await show(t, `EC with bad ${member}`, { ...KEYS.EC, [member]: "!!" }, ECDSA, ["sign"]);
        await show(t, `EC with other ${member}`, { ...KEYS.EC, [member]: "AQ" }, ECDSA, ["sign"]);
    }
    await show(t, "EC of another curve", KEYS.EC, { name: "ECDSA", namedCurve: "P-384" }, ["sign"]);
    await show(t, "EC without crv", { ...KEYS.EC, crv: undefined }, ECDSA, ["sign"]);
    await show(t, "EC of another crv", { ...KEYS.EC, crv: "P-384" }, ECDSA, ["sign"]);
    for (const [name, key, usage] of [
        ["Ed25519", KEYS.ED25519, "sign"],
        ["X25519", KEYS.X25519, "deriveBits"],
    ]) {
        const publicUsages = name === "Ed25519" ? ["verify"] : [];
        for (const member of ["x", "d"]) {
            for (const [label, value] of [
                ["no", undefined],
                ["bad", "!!"],
                ["short", "AQ"],
            ]) {
                const usages = member === "d" && value === undefined ? publicUsages : [usage];
                await show(t, `${name} with ${label} ${member}`, { ...key, [member]: value }, name, usages);
            }
        }
        await show(t, `${name} with another x`, { ...key, x: KEYS.EC.x }, name, [usage]);
        await show(t, `${name} without crv`, { ...key, crv: undefined }, name, [usage]);
        await show(t, `${name} with another crv`, { ...key, crv: "Ed448" }, name, [usage]);
    }
}

async function wrapping(t) {
    const wrappers = {
        "AES-GCM": [
            await subtle.importKey("raw", count(16), "AES-GCM", true, ["wrapKey", "unwrapKey"]),
            { name: "AES-GCM", iv: count(12) },
        ],
        "AES-CBC": [
            await subtle.importKey("raw", count(16), "AES-CBC", true, ["wrapKey", "unwrapKey"]),
            { name: "AES-CBC", iv: count(16) },
        ],
        "AES-CTR": [
            await subtle.importKey("raw", count(16), "AES-CTR", true, ["wrapKey", "unwrapKey"]),
            { name: "AES-CTR", counter: count(16), length: 64 },
        ],
    };
    const aes = await subtle.importKey("raw", count(32), "AES-GCM", true, ["encrypt", "decrypt"]);
    const ed = await subtle.importKey("jwk", KEYS.ED25519, "Ed25519", true, ["sign"]);
    const ec = await subtle.importKey("jwk", open(KEYS.EC), ECDSA, true, ["verify"]);
    const subjects = {
        AES: [aes, "AES-GCM", ["encrypt", "decrypt"], ["raw", "jwk"]],
        Ed25519: [ed, "Ed25519", ["sign"], ["pkcs8", "jwk"]],
        EC: [ec, ECDSA, ["verify"], ["raw", "spki", "jwk"]],
    };
    for (const [wrapperName, [wrapper, algorithm]] of Object.entries(wrappers)) {
        for (const [name, [key, target, usages, formats]] of Object.entries(subjects)) {
            for (const format of formats) {
                await t.throws(`${wrapperName} wraps ${name} as ${format}`, async () => {
                    const wrapped = await subtle.wrapKey(format, key, wrapper, algorithm);
                    const again = await subtle.unwrapKey(format, wrapped, wrapper, algorithm, target, true, usages);
                    const same =
                        JSON.stringify(await subtle.exportKey("jwk", again)) ===
                        JSON.stringify(await subtle.exportKey("jwk", key));
                    return [
                        hex(await subtle.digest("SHA-1", wrapped)),
                        wrapped instanceof ArrayBuffer,
                        again.type,
                        same,
                    ];
                });
            }
        }
    }
    const kw = await subtle.importKey("raw", count(16), "AES-KW", true, ["wrapKey", "unwrapKey"]);
    for (const format of ["raw", "jwk"]) {
        await t.throws(`AES-KW wraps AES as ${format}`, async () =>
            hex(await subtle.wrapKey(format, aes, kw, "AES-KW")),
        );
    }
    const pair = await subtle.generateKey(
        { ...OAEP, modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
        true,
        ["wrapKey", "unwrapKey"],
    );
    const wrapped = await subtle.wrapKey("raw", aes, pair.publicKey, "RSA-OAEP");
    const again = await subtle.unwrapKey("raw", wrapped, pair.privateKey, "RSA-OAEP", "AES-CBC", true, ["encrypt"]);
    t.show("RSA-OAEP wraps AES", [again.algorithm, hex(await subtle.exportKey("raw", again))]);
    await t.throws("RSA-OAEP wraps what is too long", () => subtle.wrapKey("jwk", aes, pair.publicKey, "RSA-OAEP"));
}

async function wrappingErrors(t) {
    const gcm = { name: "AES-GCM", iv: count(12) };
    const wrapper = await subtle.importKey("raw", count(16), "AES-GCM", true, ["wrapKey", "unwrapKey", "encrypt"]);
    const plain = await subtle.importKey("raw", count(16), "AES-GCM", true, ["encrypt", "decrypt"]);
    const secret = await subtle.importKey("raw", count(16), "AES-GCM", false, ["encrypt"]);
    await t.throws("wrap a secret key", () => subtle.wrapKey("raw", secret, wrapper, gcm));
    await t.throws("wrap with a key for something else", () => subtle.wrapKey("raw", plain, plain, gcm));
    await t.throws("wrap as another algorithm", () => subtle.wrapKey("raw", plain, wrapper, "AES-KW"));
    await t.throws("wrap without an IV", () => subtle.wrapKey("raw", plain, wrapper, "AES-GCM"));
    for (const format of ["pkcs8", "spki", "x", "raw-secret", undefined]) {
        await t.throws(`wrap as ${format}`, () => subtle.wrapKey(format, plain, wrapper, gcm));
    }
    const wrapped = await subtle.wrapKey("raw", plain, wrapper, gcm);
    const unwrap = (changes) => {
        const [format, bytes, key, algorithm, target, extractable, usages] = Object.values({
            format: "raw",
            bytes: wrapped,
            key: wrapper,
            algorithm: gcm,
            target: "AES-GCM",
            extractable: true,
            usages: ["encrypt"],
            ...changes,
        });
        return subtle.unwrapKey(format, bytes, key, algorithm, target, extractable, usages);
    };
    t.show("unwrap", (await unwrap({})).usages);
    await t.throws("unwrap without usages", () => unwrap({ usages: [] }));
    await t.throws("unwrap to sign", () => unwrap({ usages: ["sign"] }));
    await t.throws("unwrap for another algorithm", () => unwrap({ target: "Ed25519", usages: ["verify"] }));
    await t.throws("unwrap for no algorithm", () => unwrap({ target: "x" }));
    await t.throws("unwrap for null", () => unwrap({ target: null }));
    await t.throws("unwrap as pkcs8", () => unwrap({ format: "pkcs8" }));
    await t.throws("unwrap as x", () => unwrap({ format: "x" }));
    await t.throws("unwrap as raw-secret", () => unwrap({ format: "raw-secret" }));
    await t.throws("unwrap garbage", () => unwrap({ bytes: new Uint8Array(40) }));
    await t.throws("unwrap with a key for something else", () => unwrap({ key: plain }));
    await t.throws("unwrap text", () => unwrap({ bytes: "text" }));
    await t.throws("unwrap what is not extractable", async () => (await unwrap({ extractable: false })).extractable);
    const json = async (text) =>
        subtle.encrypt(
            gcm,
            wrapper,
            Uint8Array.from(text, (character) => character.charCodeAt(0)),
        );
    const texts = {
        key: JSON.stringify(OCT),
        null: "null",
        number: "5",
        text: '"x"',
        array: "[]",
        empty: "{}",
        "a key of RSA": JSON.stringify(KEYS.RSA),
        "not extractable": JSON.stringify({ ...OCT, ext: false }),
    };
    for (const [label, text] of Object.entries(texts)) {
        await t.throws(
            `unwrap JSON that is ${label}`,
            async () => (await unwrap({ format: "jwk", bytes: await json(text) })).algorithm,
        );
    }
    await t.throws("unwrap no JSON", async () => {
        try {
            return await unwrap({ format: "jwk", bytes: wrapped });
        } catch (error) {
            return error.name;
        }
    });
}
