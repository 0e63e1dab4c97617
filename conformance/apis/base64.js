// `btoa` and `atob`, which forgives as https://infra.spec.whatwg.org/#forgiving-base64-decode says.
import { transcript } from "./transcript.js";

const codes = (text) => Array.from(text, (letter) => letter.charCodeAt(0));

export default transcript(async (t) => {
    t.show(
        "encode lengths",
        ["", "a", "ab", "abc", "abcd"].map((text) => btoa(text)),
    );
    t.show("encode high bytes", btoa("\u0000\u007f\u0080\u00ff"));
    t.show("encode plus and slash", btoa("\u00fb\u00ff\u00fe"));
    t.show("encode other values", [
        btoa(12),
        btoa(null),
        btoa(undefined),
        btoa(true),
        btoa({ toString: () => "own" }),
        btoa([1, 2]),
    ]);
    t.show("encode much", btoa("x".repeat(100000)).length);
    for (const [name, text] of [
        ["beyond latin1", "\u0100"],
        ["an emoji", "a😀"],
        ["a lone surrogate", "\ud800"],
    ]) {
        await t.throws(`encode ${name}`, () => btoa(text));
        t.show(
            `code for ${name}`,
            failure(() => btoa(text)),
        );
    }
    await t.throws("encode nothing", () => btoa());
    await t.throws("encode a symbol", () => btoa(Symbol("x")));
    t.show(
        "decode lengths",
        ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="].map((text) => atob(text)),
    );
    t.show(
        "decode without padding",
        ["YQ", "YWI", "YWJjZA"].map((text) => atob(text)),
    );
    t.show("decode all letters", codes(atob("AP+/gIH/")));
    t.show("decode white space", atob(" Y\tW\nJ\f j\r "));
    t.show("decode space and padding", [atob("YQ= ="), atob("YQ==  "), atob("  ")]);
    t.show("decode stray bits", [codes(atob("YR==")), codes(atob("YWJ="))]);
    t.show("decode other values", [codes(atob(null)), codes(atob(1234)), codes(atob(true))]);
    const faulty = [
        "a",
        "abcde",
        "YQ=",
        "YWI==",
        "YWJj=",
        "YWJj==",
        "=",
        "==",
        "===",
        "====",
        "Y=Q=",
        "=YQ=",
        "YQ==YQ==",
        "YQ===",
        "YQ=====",
        "a-_b",
        "YWJ*",
        "YW\u000bJj",
        "YW\u00a0Jj",
        "\u00e9",
        "\ud83d\ude00",
        "\ud800",
        "YQ\0==",
        "{}",
        "YWJj\ufeff",
    ];
    for (const text of faulty) {
        await t.throws(
            `decode ${codes(text)
                .map((code) => code.toString(16))
                .join(" ")}`,
            () => codes(atob(text)),
        );
    }
    t.show(
        "what a failed decoding throws",
        failure(() => atob("*")),
    );
    await t.throws("decode nothing", () => atob());
    await t.throws("decode undefined", () => codes(atob(undefined)));
    await t.throws("decode a symbol", () => atob(Symbol("x")));
    const every = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code));
    t.show("every byte there and back", atob(btoa(every)) === every);
    t.show("without this", [(0, btoa)("a"), (0, atob)("YQ==")]);
    t.show("functions", [typeof btoa, btoa.name, typeof atob, atob.name]);
    await t.throws("constructed", () => new btoa("a"));
});

function failure(run) {
    try {
        return run();
    } catch (error) {
        return [error.constructor.name, error.name, error.code, error instanceof Error];
    }
}
