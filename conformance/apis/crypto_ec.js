// ECDSA and ECDH over the curves of NIST, Ed25519 and X25519.
import { transcript } from "./transcript.js";

const text = (string) => Uint8Array.from(string, (character) => character.charCodeAt(0));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const { subtle } = crypto;

/** The bytes of base64url. */
function bytes(string) {
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const result = [];
    let [bits, length] = [0, 0];
    for (const digit of string) {
        bits = ((bits << 6) | digits.indexOf(digit)) & 0xffff;
        length += 6;
        if (length >= 8) {
            length -= 8;
            result.push((bits >> length) & 255);
        }
    }
    return new Uint8Array(result);
}

const KEYS = {
    "P-256": {
        kty: "EC",
        crv: "P-256",
        x: "Yo8UrnCbcF4Ejj13laGSw250yH6OYsOJkgdcEePUxKk",
        y: "6TjbzB7QfKw2GKSvPuCjiiGDPukLWg5utb7p5NgrAEs",
        d: "KjR7b4GJPhuG38ZqP5p-RdZLG7KmiB7t-kMeLxhW6N4",
    },
    "P-384": {
        kty: "EC",
        crv: "P-384",
        x: "JCM5gValOsbS5ujX6bwM6brgE52IW5BfP-5iR9qu_dHdW8GPL6-Se8XU3KTfgYIW",
        y: "AKxtUtV0v1ZWD44zck8j3X8y3nIHW_yHjKlve4XqT2rF9X5pVwbsHoo59Mip_dAR",
        d: "1EJAF3Xy_mO1S6ph2y-RrK8gZnVFplHjKEu39gOCDD3grm8S1Zr4S6TzCaN1x5rF",
    },
    "P-521": {
        kty: "EC",
        crv: "P-521",
        x: ["AbhjBIIQ5WY-B8vIcPhxkbv5mdqzroJlvbBYlgd_WoiT9rQ4O9cv0yuZlVF-IK3MaimMe2tx5DDHdrixAT0S0fwl"].join(""),
        y: ["AVJqsJJS8MQpzZjhMcdsRqjTpwbKoYdjKISEpJm-xPkjhG225ryi0s4FirmZxqzQwvJR3lYPmwV-WJYLG0jS_7S9"].join(""),
        d: ["AQNQe10al9f1l6aTr4_f94qS6y_OG6oSPmJ02q4DyuPwQnVoXWo0XYdN_JjnHVPQTChiopcuGW6jlgqrxkeg8Nuy"].join(""),
    },
};

const PKCS8 = {
    "P-256": [
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKjR7b4GJPhuG38ZqP5p-RdZLG7KmiB7t-kMeLxhW6N6hRANCAARi",
        "jxSucJtwXgSOPXeVoZLDbnTIfo5iw4mSB1wR49TEqek428we0HysNhikrz7go4ohgz7pC1oObrW-6eTYKwBL",
    ].join(""),
    "P-384": [
        "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDUQkAXdfL-Y7VLqmHbL5GsryBmdUWmUeMoS7f2A4IMPeCubxLVmvhL",
        "pPMJo3XHmsWhZANiAAQkIzmBVqU6xtLm6NfpvAzpuuATnYhbkF8_7mJH2q790d1bwY8vr5J7xdTcpN-BghYArG1S1XS_VlYPjjNy",
        "TyPdfzLecgdb_IeMqW97hepPasX1fmlXBuweijn0yKn90BE",
    ].join(""),
    "P-521": [
        "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBA1B7XRqX1_WXppOvj9_3ipLrL84bqhI-YnTargPK4_BCdWhdajRd",
        "h038mOcdU9BMKGKily4ZbqOWCqvGR6Dw27KhgYkDgYYABAG4YwSCEOVmPgfLyHD4cZG7-Znas66CZb2wWJYHf1qIk_a0ODvXL9Mr",
        "mZVRfiCtzGopjHtrceQwx3a4sQE9EtH8JQFSarCSUvDEKc2Y4THHbEao06cGyqGHYyiEhKSZvsT5I4Rttua8otLOBYq5mcas0MLy",
        "Ud5WD5sFfliWCxtI0v-0vQ",
    ].join(""),
    Ed25519: "MC4CAQAwBQYDK2VwBCIEIACH4eMnTCX-93qZ330k42O-plB2gB240MOzhavAvb_Y",
    X25519: "MC4CAQAwBQYDK2VuBCIEIP9gmfFvIRh-maamU5Aw1ahqi2MzjSfpvs52rjhzH--m",
};

const SPKI = {
    "P-256": [
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYo8UrnCbcF4Ejj13laGSw250yH6OYsOJkgdcEePUxKnpONvMHtB8rDYYpK8-4KOK",
        "IYM-6QtaDm61vunk2CsASw",
    ].join(""),
    "P-384": [
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEJCM5gValOsbS5ujX6bwM6brgE52IW5BfP-5iR9qu_dHdW8GPL6-Se8XU3KTfgYIWAKxt",
        "UtV0v1ZWD44zck8j3X8y3nIHW_yHjKlve4XqT2rF9X5pVwbsHoo59Mip_dAR",
    ].join(""),
    "P-521": [
        "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBuGMEghDlZj4Hy8hw-HGRu_mZ2rOugmW9sFiWB39aiJP2tDg71y_TK5mVUX4grcxq",
        "KYx7a3HkMMd2uLEBPRLR_CUBUmqwklLwxCnNmOExx2xGqNOnBsqhh2MohISkmb7E-SOEbbbmvKLSzgWKuZnGrNDC8lHeVg-bBX5Y",
        "lgsbSNL_tL0",
    ].join(""),
    Ed25519: "MCowBQYDK2VwAyEAs2E0UG87L4ezzc-fkgXkjZDc5tGJUTFzBiGRrFOgRUo",
    X25519: "MCowBQYDK2VuAyEAUAUCFHWgXXjt3i8OX3ppoaD5gR6ICiv7WRICFdaVRWI",
};

/** A private key of P-256 alone. */
const SEC1 = [
    "MGsCAQEEICo0e2-BiT4bht_Gaj-afkXWSxuypoge7fpDHi8YVujeoUQDQgAEYo8UrnCbcF4Ejj13laGSw250yH6OYsOJkgdcEePUxKnp",
    "ONvMHtB8rDYYpK8-4KOKIYM-6QtaDm61vunk2CsASw",
].join("");

/** Public keys of others. */
const PEERS = {
    "P-256": ["BOB8_NLnTmubeeKgF-ES3RkjFOnTAQXWJDF4SejSL66LblpSZ4NhKOLJDZJSjJqkjGlZbv08hEUDkRqUKI2r1ds"].join(""),
    "P-384": [
        "BKvOjQqLXYuAp4SCz0QnpBVBu6ig0kmIt0m-roT0Tg5YVzet8UmU5EBj2UbQeAXP2M0V8ZLC_JV_ZGoXNbheh3FEMvZrxYQvfHyJ",
        "cbUsC2ymUEvlW-rRxP2t-9sXDURW1g",
    ].join(""),
    "P-521": [
        "BABJjv1gTGJXdm3cjV3jNQ0niwIqBIV9YYXTDRt8wBjbKg-xK5tp4n4Qi1TZf4hViFxAkgwFmN3uQsR5UayRyrs1OQBNrWNIDi4C",
        "193VXqo030v5QuoAPmxzs2vVKbL1S7aw-Sl3S6HyiJ7zYTghUQiLQ8rZVDT7SCM8f5y_o9KxwknGbA",
    ].join(""),
};

/** Signatures of workerd. */
const SIGNATURES = {
    "P-256": {
        "SHA-1": ["6_d36kIoG1s1q9JdQ8FLZ4Q2-e_KJ76312jOFluB3_-EiYv3ak6wjzL43Tl-BA9CssvD7DA9FzWlNNScX1m5Qg"].join(""),
        "SHA-256": ["zhc1Rae0s0awH3YHAJA6mw7A8xYVSQXc9X_uWeXmnVpOY80SFNbgeliu6z05n2dZnLvDQTDM6bNptuJlusYh0w"].join(""),
        "SHA-384": ["3QgxZDK-sqJfzF_htaHJoMgvzKiFu2BgWkH1U0PP7NaPvNVfEKQUAW5KJ_QdVzoxkSklTYfsnNVeFK7pLHPYkA"].join(""),
        "SHA-512": ["pTGKlbQ1RXewRPIiDZLCqwY6iVWyWn4nVH20wdNPPYGmYV83A7CB2oikMehVcmGulNJb2ZDl22RqzbzHhwBX-w"].join(""),
    },
    "P-384": {
        "SHA-1": [
            "Q8xsCIH6deavxY5oQyW2M7jib8C69T3zyTpvdWbqnLOo7GM6G9S8N6fS5-sf9G2YmbBj3fAoz2Q9JRBFxZLs4YplbQAFAMVY",
            "1rQY0o1RvKiFJ10jucJBYGgz9uJ6BafG",
        ].join(""),
        "SHA-256": [
            "Ps3ERWgRZS0o-4fqr6CZ-Si9yTgLsl51eMzdZxhsUbtrRqIeoHhP7Xnncdp3iJyUPFhZZ90KA41MOSKPMZ2Qo981eYjAh7ER",
            "6RfwsbJu1YSLz0kMKk0f6k1shDjO5l_N",
        ].join(""),
        "SHA-384": [
            "wHnl_o1L_MP9bSueIgg3qmPwM8lJQxjdJXzYHq5de8iJVHk1Q7nqpE7fbz5C-mQz1KFDD_ViincDr1iVgP6t4pV5C3p1Ww7l",
            "8uB4gJqytuPq2FpMHx0LOSD_ADupACvK",
        ].join(""),
        "SHA-512": [
            "uGW8GL0yMvuEKosbia5hHF4v683ksu8teqE2kvMYp9YVBucF2Vpz0PPZ2BxDT1AOKKXh3QtBhS2oKtzujWnCA1sH9TG8_2sS",
            "j9I0gOL3NzNhcw76R59lKZobr3dIsCr-",
        ].join(""),
    },
    "P-521": {
        "SHA-1": [
            "ABNdzHjM5a6z6rPex9hbX6sIMfbnM1_QgpNzrL2m-d1fR8j6_W0ywTrhYpemj1Ga2FCxkMxM40oQ-FmRwxT3-P_2AW2MNTtX",
            "xQXaoXhmjLe8yE4PHNiFe-Yl74WPv-M5390fy5WitvEwXormXqfGE-ltdEptpNEG1iXGaltWVfvCmVhy",
        ].join(""),
        "SHA-256": [
            "ABr_EY5jYMhtw-fkTVzLA3xhWkPFzdOnjBzC2z7bfNma-5u1gcB2zLtv891agPSQXZJvOhD0s1f57Nf4cYEDUKHnAVkcximC",
            "0Perhfc_amzL91KBsD4flACzSNzN1wztbx4C7-yr4lI912MGl9_wfAwTEoRC3rFPff0TDzidXH1Tk4tP",
        ].join(""),
        "SHA-384": [
            "APrNKDUNo13bzAKsMkV6PR5n1YrH1rHZiI-tZgCNPz2a4Iu_yCX6hUnpsbNmd0kqT4isSFHKtDJj2QCXdqyd6-gWASo-BnBv",
            "D7xZi8l1LUoPqGpyuxEBV47cRD5PByZGcLAAaxiY4gyeda1g0Hrb9rJZ_ax3X4lJ_907uc2EXoSlrh1o",
        ].join(""),
        "SHA-512": [
            "ATXFRsa40iAwX7HtZ_JTv_5Lt0FuWxMzDq0GKbN813yaT4jkmY28SqAP1O6CDbA8BhvTI3_JEj6xmPfhP4j5xOoCAbrVzrdF",
            "F5-E6oTT9jmQnY3Qhl3warzMX84_xVpTvhuPYKc-p6R4p2LH2L-W6HklOrl9fxt5plbr7EBYREnMXDZj",
        ].join(""),
    },
};

const ED25519 = {
    kty: "OKP",
    crv: "Ed25519",
    x: "s2E0UG87L4ezzc-fkgXkjZDc5tGJUTFzBiGRrFOgRUo",
    d: "AIfh4ydMJf73epnffSTjY76mUHaAHbjQw7OFq8C9v9g",
};

const X25519 = {
    kty: "OKP",
    crv: "X25519",
    x: "UAUCFHWgXXjt3i8OX3ppoaD5gR6ICiv7WRICFdaVRWI",
    d: "_2CZ8W8hGH6ZpqZTkDDVqGqLYzONJ-m-znauOHMf76Y",
};

const data = text("The quick brown fox");
const curves = ["P-256", "P-384", "P-521"];
const hashes = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const open = ({ d, ...key }) => key;
const loadPrivate = (name, namedCurve, usages, key = KEYS[namedCurve]) =>
    subtle.importKey("jwk", key, { name, namedCurve }, true, usages);
const loadPublic = (name, namedCurve, usages) => loadPrivate(name, namedCurve, usages, open(KEYS[namedCurve]));

export default transcript(async (t) => {
    await ecdsa(t);
    await ecdh(t);
    await containers(t);
    await points(t);
    await generation(t);
    await ed25519(t);
    await x25519(t);
    await uses(t);
});

async function ecdsa(t) {
    for (const curve of curves) {
        const signer = await loadPrivate("ECDSA", curve, ["sign"]);
        const verifier = await loadPublic("ECDSA", curve, ["verify"]);
        for (const hash of hashes) {
            const algorithm = { name: "ECDSA", hash };
            const known = bytes(SIGNATURES[curve][hash]);
            t.show(`ECDSA ${curve} ${hash}`, [
                await subtle.verify(algorithm, verifier, known, data),
                await subtle.verify(algorithm, verifier, known, text("The quick brown fax")),
                await subtle.verify(algorithm, verifier, known.with(5, known[5] ^ 1), data),
            ]);
            const signature = await subtle.sign(algorithm, signer, data);
            t.show(`ECDSA ${curve} ${hash} round trip`, [
                signature.byteLength,
                await subtle.verify(algorithm, verifier, signature, data),
            ]);
        }
        const algorithm = { name: "ECDSA", hash: "SHA-256" };
        const { length } = bytes(SIGNATURES[curve]["SHA-256"]);
        for (const [label, wrong] of [
            ["empty", 0],
            ["short", length - 1],
            ["long", length + 1],
            ["zeros", length],
        ]) {
            await t.throws(`ECDSA ${curve} ${label}`, () =>
                subtle.verify(algorithm, verifier, new Uint8Array(wrong), data),
            );
        }
        const ones = new Uint8Array(length).fill(255);
        await t.throws(`ECDSA ${curve} ones`, () => subtle.verify(algorithm, verifier, ones, data));
    }
    const signer = await loadPrivate("ECDSA", "P-256", ["sign"]);
    for (const [label, hash] of Object.entries({
        undefined,
        null: null,
        x: "x",
        object: {},
        small: { name: "sha-1" },
    })) {
        await t.throws(
            `ECDSA with hash ${label}`,
            async () => (await subtle.sign({ name: "ECDSA", hash }, signer, data)).byteLength,
        );
    }
    await t.throws("ECDSA as a string", () => subtle.sign("ECDSA", signer, data));
}

async function ecdh(t) {
    for (const namedCurve of curves) {
        const key = await loadPrivate("ECDH", namedCurve, ["deriveBits", "deriveKey"]);
        const peer = await subtle.importKey("raw", bytes(PEERS[namedCurve]), { name: "ECDH", namedCurve }, true, []);
        const algorithm = { name: "ECDH", public: peer };
        t.show(`ECDH ${namedCurve}`, hex(await subtle.deriveBits(algorithm, key)));
        for (const length of [null, undefined, 0, 1, 8, 9, 255, 256, 257, 384, 521, 528, 529, 1000, -8, "16"]) {
            await t.throws(`ECDH ${namedCurve} ${length}`, async () =>
                hex(await subtle.deriveBits(algorithm, key, length)),
            );
        }
        const aes = await subtle.deriveKey(algorithm, key, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
        t.show(`ECDH ${namedCurve} for AES`, hex(await subtle.exportKey("raw", aes)));
        const hkdf = await subtle.deriveKey(algorithm, key, "HKDF", false, ["deriveBits"]);
        const derived = { name: "HKDF", hash: "SHA-256", salt: data, info: data };
        t.show(`ECDH ${namedCurve} for HKDF`, hex(await subtle.deriveBits(derived, hkdf, 64)));
    }
    const key = await loadPrivate("ECDH", "P-256", ["deriveBits"]);
    const peers = {
        undefined,
        null: null,
        object: {},
        itself: key,
        "of another curve": await loadPublic("ECDH", "P-384", []),
        "for signatures": await loadPublic("ECDSA", "P-256", ["verify"]),
        X25519: await subtle.importKey("jwk", open(X25519), "X25519", true, []),
        secret: await subtle.importKey("raw", data, { name: "HMAC", hash: "MD5" }, true, ["sign"]),
    };
    for (const [label, peer] of Object.entries(peers)) {
        await t.throws(`ECDH with ${label}`, () => subtle.deriveBits({ name: "ECDH", public: peer }, key, 64));
    }
    await t.throws("ECDH as a string", () => subtle.deriveBits("ECDH", key, 64));
    await t.throws("ECDH keys with a key for bits", () =>
        subtle.deriveKey({ name: "ECDH", public: peers["of another curve"] }, key, "HKDF", false, ["deriveBits"]),
    );
}

async function containers(t) {
    for (const namedCurve of curves) {
        const algorithm = { name: "ECDSA", namedCurve };
        const key = await subtle.importKey("pkcs8", bytes(PKCS8[namedCurve]), algorithm, true, ["sign"]);
        const other = await subtle.importKey("spki", bytes(SPKI[namedCurve]), algorithm, true, ["verify"]);
        t.show(`PKCS #8 ${namedCurve}`, [key.type, key.algorithm, key.usages]);
        t.show(`SPKI ${namedCurve}`, [other.type, other.algorithm, other.usages]);
        t.show(`containers ${namedCurve} again`, [
            hex(await subtle.exportKey("pkcs8", key)) === hex(bytes(PKCS8[namedCurve])),
            hex(await subtle.exportKey("spki", other)) === hex(bytes(SPKI[namedCurve])),
        ]);
        t.show(`raw ${namedCurve}`, hex(await subtle.exportKey("raw", other)));
        t.show(`JSON ${namedCurve}`, [
            JSON.stringify(await subtle.exportKey("jwk", key)),
            JSON.stringify(await subtle.exportKey("jwk", other)),
        ]);
        const wrongCurve = { name: "ECDSA", namedCurve: namedCurve === "P-256" ? "P-384" : "P-256" };
        await t.throws(`PKCS #8 ${namedCurve} for another curve`, () =>
            subtle.importKey("pkcs8", bytes(PKCS8[namedCurve]), wrongCurve, true, ["sign"]),
        );
        await t.throws(`SPKI ${namedCurve} for another curve`, () =>
            subtle.importKey("spki", bytes(SPKI[namedCurve]), { ...wrongCurve, name: "ECDH" }, true, []),
        );
        for (const format of ["raw", "spki", "x"]) {
            await t.throws(`export private ${namedCurve} as ${format}`, () => subtle.exportKey(format, key));
        }
        await t.throws(`export public ${namedCurve} as PKCS #8`, () => subtle.exportKey("pkcs8", other));
    }
    const p256 = { name: "ECDSA", namedCurve: "P-256" };
    await t.throws("SEC 1", async () => (await subtle.importKey("pkcs8", bytes(SEC1), p256, true, ["sign"])).type);
    await t.throws("PKCS #8 cut", () =>
        subtle.importKey("pkcs8", bytes(PKCS8["P-256"]).subarray(1), p256, true, ["sign"]),
    );
    await t.throws("SPKI with more behind", () =>
        subtle.importKey("spki", new Uint8Array([...bytes(SPKI["P-256"]), 0]), p256, true, ["verify"]),
    );
    await t.throws("SPKI to sign", () => subtle.importKey("spki", bytes(SPKI["P-256"]), p256, true, ["sign"]));
    await t.throws("PKCS #8 to verify", () => subtle.importKey("pkcs8", bytes(PKCS8["P-256"]), p256, true, ["verify"]));
    await t.throws("PKCS #8 of Ed25519", () => subtle.importKey("pkcs8", bytes(PKCS8.Ed25519), p256, true, ["sign"]));
    const ecdh = { name: "ECDH", namedCurve: "P-256" };
    await t.throws("ECDH SPKI to derive", () =>
        subtle.importKey("spki", bytes(SPKI["P-256"]), ecdh, true, ["deriveBits"]),
    );
    await t.throws(
        "ECDH SPKI",
        async () => (await subtle.importKey("spki", bytes(SPKI["P-256"]), ecdh, true, [])).usages,
    );
    await t.throws("ECDH PKCS #8 without usages", () =>
        subtle.importKey("pkcs8", bytes(PKCS8["P-256"]), ecdh, true, []),
    );
}

async function points(t) {
    const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
    const point = bytes(PEERS["P-256"]);
    const compressed = new Uint8Array([2 + (point[64] & 1), ...point.subarray(1, 33)]);
    const raws = {
        point,
        compressed,
        empty: [],
        zero: [0],
        short: point.subarray(0, 64),
        long: [...point, 0],
        "off the curve": point.with(64, point[64] ^ 1),
        "wrong first byte": point.with(0, 5),
        "of another curve": bytes(PEERS["P-384"]),
        hybrid: point.with(0, 6 + (point[64] & 1)),
    };
    for (const [label, raw] of Object.entries(raws)) {
        await t.throws(`raw ${label}`, async () => {
            const key = await subtle.importKey("raw", new Uint8Array(raw), ecdsa, true, ["verify"]);
            return [key.type, hex(await subtle.exportKey("raw", key)) === hex(point)];
        });
    }
    await t.throws("raw to sign", () => subtle.importKey("raw", point, ecdsa, true, ["sign"]));
    await t.throws("raw ECDH to derive", () =>
        subtle.importKey("raw", point, { ...ecdsa, name: "ECDH" }, true, ["deriveBits"]),
    );
    await t.throws("raw without usages", async () => (await subtle.importKey("raw", point, ecdsa, true, [])).usages);
    const names = {
        undefined,
        null: null,
        P256: "P256",
        "small letters": "p-256",
        secp256k1: "secp256k1",
        empty: "",
        Ed25519: "Ed25519",
    };
    for (const [label, namedCurve] of Object.entries(names)) {
        await t.throws(
            `raw of curve ${label}`,
            async () =>
                (await subtle.importKey("raw", point, { name: "ecdsa", namedCurve }, true, ["verify"])).algorithm,
        );
        await t.throws(
            `generate of curve ${label}`,
            async () =>
                (await subtle.generateKey({ name: "ecdh", namedCurve }, true, ["deriveBits"])).publicKey.algorithm,
        );
    }
}

async function generation(t) {
    for (const namedCurve of curves) {
        const pair = await subtle.generateKey({ name: "ECDSA", namedCurve }, false, ["sign", "verify"]);
        t.show(`generate ECDSA ${namedCurve}`, [
            pair.publicKey.type,
            pair.publicKey.extractable,
            pair.publicKey.usages,
            pair.publicKey.algorithm,
            pair.privateKey.type,
            pair.privateKey.extractable,
            pair.privateKey.usages,
        ]);
        const algorithm = { name: "ECDSA", hash: "SHA-512" };
        const signature = await subtle.sign(algorithm, pair.privateKey, data);
        t.show(`generated ${namedCurve} signs`, await subtle.verify(algorithm, pair.publicKey, signature, data));
        await t.throws(`generated ${namedCurve} is secret`, () => subtle.exportKey("pkcs8", pair.privateKey));
        const [one, other] = await Promise.all(
            [1, 2].map(() => subtle.generateKey({ name: "ECDH", namedCurve }, true, ["deriveBits", "deriveKey"])),
        );
        t.show(`generate ECDH ${namedCurve}`, [one.publicKey.usages, one.privateKey.usages, one.privateKey.algorithm]);
        const [here, there] = await Promise.all(
            [
                [one, other],
                [other, one],
            ].map(([mine, yours]) => subtle.deriveBits({ name: "ECDH", public: yours.publicKey }, mine.privateKey)),
        );
        t.show(`both sides of ${namedCurve}`, [here.byteLength, hex(here) === hex(there)]);
    }
    const p256 = { name: "ECDSA", namedCurve: "P-256" };
    await t.throws("generate without usages", () => subtle.generateKey(p256, true, []));
    await t.throws("generate to verify", () => subtle.generateKey(p256, true, ["verify"]));
    await t.throws("generate to derive", () => subtle.generateKey(p256, true, ["deriveBits"]));
    await t.throws("generate ECDH to sign", () => subtle.generateKey({ ...p256, name: "ECDH" }, true, ["sign"]));
    await t.throws("generate as a string", () => subtle.generateKey("ECDSA", true, ["sign"]));
}

async function ed25519(t) {
    const key = await subtle.importKey("jwk", ED25519, "Ed25519", true, ["sign"]);
    const other = await subtle.importKey("jwk", open(ED25519), "ed25519", true, ["verify"]);
    t.show("Ed25519 keys", [key.type, key.algorithm, key.usages, other.type, other.usages]);
    for (const message of ["", "abc", "a".repeat(1000)]) {
        const signature = await subtle.sign("Ed25519", key, text(message));
        t.show(`Ed25519 of ${message.length}`, hex(signature));
        t.show(`Ed25519 of ${message.length} verified`, [
            await subtle.verify("Ed25519", other, signature, text(message)),
            await subtle.verify("Ed25519", other, signature, text(`${message}x`)),
            await subtle.verify("Ed25519", other, new Uint8Array(signature).with(40, 1), text(message)),
        ]);
    }
    for (const length of [0, 63, 64, 65]) {
        await t.throws(`Ed25519 signature of ${length}`, () =>
            subtle.verify("Ed25519", other, new Uint8Array(length).fill(255), data),
        );
    }
    const zero = await subtle.importKey("raw", new Uint8Array(32).fill(255), "Ed25519", true, ["verify"]);
    await t.throws("Ed25519 key that is no point", () => subtle.verify("Ed25519", zero, new Uint8Array(64), data));
    await okpContainers(t, "Ed25519", ED25519, key, other, ["sign"], ["verify"]);
    const node = { name: "NODE-ED25519", namedCurve: "NODE-ED25519" };
    const pair = await subtle.generateKey(node, true, ["sign", "verify"]);
    t.show("NODE-ED25519", [pair.publicKey.algorithm, pair.privateKey.usages]);
    const signature = await subtle.sign("NODE-ED25519", pair.privateKey, data);
    t.show("NODE-ED25519 round trip", await subtle.verify("NODE-ED25519", pair.publicKey, signature, data));
    await t.throws("NODE-ED25519 without a curve", () => subtle.generateKey("NODE-ED25519", true, ["sign"]));
    await t.throws("NODE-ED25519 of a curve", () => subtle.generateKey({ ...node, namedCurve: "x" }, true, ["sign"]));
}

async function okpContainers(t, name, jwk, key, other, privateUsages, publicUsages) {
    t.show(`${name} PKCS #8`, hex(await subtle.exportKey("pkcs8", key)));
    t.show(`${name} SPKI`, hex(await subtle.exportKey("spki", other)));
    t.show(`${name} raw`, hex(await subtle.exportKey("raw", other)));
    t.show(`${name} JSON`, [
        JSON.stringify(await subtle.exportKey("jwk", key)),
        JSON.stringify(await subtle.exportKey("jwk", other)),
    ]);
    const fromPkcs8 = await subtle.importKey("pkcs8", bytes(PKCS8[name]), name, true, privateUsages);
    const fromSpki = await subtle.importKey("spki", bytes(SPKI[name]), name, true, publicUsages);
    t.show(`${name} containers`, [fromPkcs8.type, fromPkcs8.usages, fromSpki.type, fromSpki.usages]);
    t.show(`${name} numbers`, [
        (await subtle.exportKey("jwk", fromPkcs8)).d === jwk.d,
        (await subtle.exportKey("jwk", fromSpki)).x === jwk.x,
    ]);
    for (const length of [0, 31, 33, 64]) {
        await t.throws(`${name} raw of ${length}`, () =>
            subtle.importKey("raw", new Uint8Array(length), name, true, publicUsages),
        );
    }
    await t.throws(`${name} raw to do more`, () => subtle.importKey("raw", bytes(jwk.x), name, true, privateUsages));
    await t.throws(`${name} private as raw`, () => subtle.exportKey("raw", key));
    await t.throws(`${name} public as PKCS #8`, () => subtle.exportKey("pkcs8", other));
    await t.throws(`${name} private as SPKI`, () => subtle.exportKey("spki", key));
    await t.throws(`${name} as x`, () => subtle.exportKey("x", key));
    await t.throws(`${name} PKCS #8 with more behind`, () =>
        subtle.importKey("pkcs8", new Uint8Array([...bytes(PKCS8[name]), 0]), name, true, privateUsages),
    );
    await t.throws(`${name} PKCS #8 cut`, () =>
        subtle.importKey("pkcs8", bytes(PKCS8[name]).subarray(0, 40), name, true, privateUsages),
    );
    await t.throws(`${name} generated without usages`, () => subtle.generateKey(name, true, []));
    await t.throws(`${name} generated to encrypt`, () => subtle.generateKey(name, true, ["encrypt"]));
    const pair = await subtle.generateKey({ name: name.toLowerCase() }, false, [...privateUsages, ...publicUsages]);
    t.show(`${name} generated`, [
        pair.publicKey.algorithm,
        pair.publicKey.usages,
        pair.publicKey.extractable,
        pair.privateKey.usages,
        pair.privateKey.extractable,
    ]);
}

async function x25519(t) {
    const key = await subtle.importKey("jwk", X25519, "X25519", true, ["deriveBits", "deriveKey"]);
    const other = await subtle.importKey("jwk", open(X25519), "X25519", true, []);
    t.show("X25519 keys", [key.type, key.algorithm, key.usages, other.type, other.usages]);
    const peer = await subtle.importKey("raw", new Uint8Array(32).fill(9), "X25519", true, []);
    const algorithm = { name: "X25519", public: peer };
    t.show("X25519", hex(await subtle.deriveBits(algorithm, key)));
    for (const length of [null, 0, 1, 8, 129, 255, 256, 257, 264, -8]) {
        await t.throws(`X25519 ${length}`, async () => hex(await subtle.deriveBits(algorithm, key, length)));
    }
    const aes = await subtle.deriveKey(algorithm, key, { name: "AES-KW", length: 128 }, true, ["wrapKey"]);
    t.show("X25519 for AES", hex(await subtle.exportKey("raw", aes)));
    for (const [label, fill] of [
        ["zero", 0],
        ["one", 1],
    ]) {
        const raw = new Uint8Array(32).with(0, fill);
        const small = await subtle.importKey("raw", raw, "X25519", true, []);
        await t.throws(`X25519 with ${label}`, () => subtle.deriveBits({ name: "X25519", public: small }, key, 64));
    }
    const peers = {
        undefined,
        itself: key,
        Ed25519: await subtle.importKey("jwk", open(ED25519), "Ed25519", true, []),
        ECDH: await loadPublic("ECDH", "P-256", []),
    };
    for (const [label, value] of Object.entries(peers)) {
        await t.throws(`X25519 with ${label}`, () => subtle.deriveBits({ name: "X25519", public: value }, key, 64));
    }
    await okpContainers(t, "X25519", X25519, key, other, ["deriveBits"], []);
}

async function uses(t) {
    const signer = await loadPrivate("ECDSA", "P-256", ["sign"]);
    const verifier = await loadPublic("ECDSA", "P-256", ["verify"]);
    const deriver = await loadPrivate("ECDH", "P-256", ["deriveBits"]);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    await t.throws("sign with a public key", () => subtle.sign(algorithm, verifier, data));
    await t.throws("verify with a private key", () => subtle.verify(algorithm, signer, data, data));
    await t.throws("derive with a key to sign", () =>
        subtle.deriveBits({ name: "ECDSA", public: verifier }, signer, 64),
    );
    await t.throws("sign with a key to derive", () => subtle.sign({ ...algorithm, name: "ECDH" }, deriver, data));
    await t.throws("encrypt", () => subtle.encrypt("ECDSA", verifier, data));
    const edSigner = await subtle.importKey("jwk", ED25519, "Ed25519", false, ["sign"]);
    await t.throws("Ed25519 export", () => subtle.exportKey("jwk", edSigner));
    await t.throws("Ed25519 derive", () => subtle.deriveBits({ name: "Ed25519", public: verifier }, edSigner, 8));
    await t.throws("Ed25519 encrypt", () => subtle.encrypt("Ed25519", edSigner, data));
    await t.throws("Ed25519 as ECDSA", () => subtle.sign(algorithm, edSigner, data));
}
