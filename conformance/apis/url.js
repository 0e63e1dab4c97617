// URL: parsing, setters, origins, errors. A URL is shown as its components in one list.
import { transcript } from "./transcript.js";

export default transcript(async (t) => {
    parsing(t);
    relative(t);
    hosts(t);
    opaque(t);
    setters(t);
    await params(t);
    await errors(t);
    await statics(t);
    shapes(t);
});

function parts(url) {
    const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = url;
    return [href, origin, protocol, username, password, host, hostname, port, pathname, search, hash];
}

function outcome(text, base) {
    try {
        return new URL(text, base).href;
    } catch (error) {
        return `${error.name}: ${error.message}`;
    }
}

function parsing(t) {
    t.show("all components", parts(new URL("https://user:pass@example.com:8080/a/b/../c?x=1&y=2#hash")));
    t.show("only a host", parts(new URL("http://example.com")));
    t.show("empty query and fragment", parts(new URL("http://example.com/?#")));
    t.show("only a user", parts(new URL("http://user@example.com/")));
    t.show("only a password", parts(new URL("http://:pass@example.com/")));
    t.show("user with odd characters", parts(new URL("http://a:b:c@d@example.com/")));
    t.show("ws", parts(new URL("wss://example.com:443/chat?room=1")));
    t.show("ftp", parts(new URL("ftp://example.com:21/x")));
    t.show("file", parts(new URL("file:///C:/a/../b")));
    t.show("blob", parts(new URL("blob:https://example.com/uuid")));
    t.show("custom scheme", parts(new URL("custom://user@host:80/path?q#f")));
    const texts = [
        "HTTP://EXAMPLE.COM/Path",
        "  https://example.com/  ",
        "https://exa\tmple.com/a\nb",
        "https:example.com/x",
        "https:///example.com/x",
        "https:\\\\example.com\\a\\b",
        "https://example.com:443/",
        "https://example.com:0443/",
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com/a/./b/%2e/c/%2E%2e/d",
        "https://example.com/../../x",
        "https://example.com//a//b//",
        "https://example.com/ a b",
        "https://example.com/ü?ü#ü",
        "https://example.com/%zz?%zz#%zz",
        'https://example.com/"<>`{}|^[]\\',
        "https://example.com/?\"<>`{}|^[]\\'",
        "https://example.com/#\"<>`{}|^[]\\'",
        "https://example.com/\u{1f600}?\u{1f600}#\u{1f600}",
        "https://example.com/\ud800?\udc00",
        "https://us er:pa ss@example.com/",
        "https://%75ser:p%40ss@example.com/",
        "https://example.com?a#b?c",
        "https://example.com#b?c",
        "https://example.com/;a=b,c",
        "https://example.com/a%2Fb",
        "https://example.com/\u0000",
        "https://example.com./",
        "https://user:pass@/",
        "https://",
        "https://@/",
        "http://a b/",
        "http://a<b/",
        "http://a%b/",
        "http://example.com:99999/",
        "http://example.com:8a/",
        "http://example.com:-1/",
        "",
        "/",
        "//x",
        "x",
        "?x",
        ":",
        "1http://x",
        "http:",
        "javascript:alert(1)",
        "data:text/plain,hi there#x y",
        "mailto:a@b.c?subject=x",
        "about:blank",
        "urn:isbn:123",
        "non-special:/..//p",
        "non-special://h/..//p",
        "non-special:\\\\h",
        "web+demo:/.//not-a-host/",
    ];
    for (const text of texts) t.show(`parse ${JSON.stringify(text)}`, outcome(text));
}

function relative(t) {
    const base = "https://user:pw@example.com:8443/a/b/c.html?q=1#f";
    const texts = [
        "",
        "d",
        "./d",
        "../d",
        "../../../d",
        "/d",
        "//other/d",
        "?x",
        "#x",
        "http:d",
        "https:d",
        "https:/d",
        "\\d",
        "d?x#y",
        "a:b",
        "..",
        ".",
        "/..",
        ";x",
        "%2e%2e/d",
    ];
    for (const text of texts) t.show(`relative ${JSON.stringify(text)}`, outcome(text, base));
    t.show("base as URL", outcome("../x", new URL("https://example.com/a/b/c")));
    t.show("absolute with a base", outcome("http://other/", base));
    t.show("base that is opaque", outcome("x", "mailto:a@b"));
    t.show("fragment with an opaque base", outcome("#x", "mailto:a@b"));
    t.show("base that is none", outcome("http://good/", "bad"));
    t.show("base undefined", outcome("x", undefined));
    t.show("base null", outcome("x", null));
    t.show("base empty", outcome("http://good/", ""));
    t.show("file base", outcome("../x", "file:///a/b/c"));
    t.show("file with a drive", outcome("/x", "file:///C:/a"));
    t.show("custom base", outcome("../x", "custom://h/a/b"));
}

function hosts(t) {
    const names = [
        "EXAMPLE.com",
        "münchen.de",
        "xn--mnchen-3ya.de",
        "日本語.jp",
        "faß.de",
        "a%62c.com",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "017700000001",
        "2130706433",
        "256.1.1.1",
        "1.2.3.4.5",
        "1.2.3.4.",
        "09.1",
        "[::1]",
        "[1:2:0:0:5:0:0:8]",
        "[::ffff:1.2.3.4]",
        "[1::2::3]",
        "[::1",
        "[::1%25en0]",
        "a..b",
        "-a-",
        "a_b",
        "a\u00adb.com",
        "\uff0e",
        "xn--a",
        "ex\u2003ample.com",
        "a,b",
        "a;b",
        "a!b",
        "a$b",
        "a~b",
        "a*b",
        "a^b",
        "a|b",
        "%00",
        "a".repeat(64),
    ];
    for (const name of names) t.show(`host ${JSON.stringify(name)}`, outcome(`http://${name}/`));
    t.show("opaque host", outcome("x://EXAMPLE%41.com/"));
    t.show("opaque host with a space", outcome("x://a b/"));
    t.show("opaque host, not ASCII", outcome("x://ü/"));
    t.show("empty opaque host", outcome("x:///a"));
}

function opaque(t) {
    t.show("opaque path", parts(new URL("mailto:a b@c?d e#f g")));
    t.show("data", parts(new URL("data:text/html,<b>x</b>")));
    const url = new URL("mailto:a@b");
    url.pathname = "/x";
    url.host = "h";
    url.hostname = "h";
    url.port = "1";
    url.username = "u";
    t.show("setters of an opaque path", url.href);
    url.search = "s";
    url.hash = "h";
    t.show("query of an opaque path", url.href);
    const spaces = new URL("data:x  #f");
    spaces.hash = "";
    t.show("trailing spaces", spaces.href);
}

function setters(t) {
    const cases = [
        ["href", "http://other/x?y#z"],
        ["protocol", "http"],
        ["protocol", "http:"],
        ["protocol", "ws:ignored"],
        ["protocol", "custom"],
        ["protocol", "1x"],
        ["protocol", "file"],
        ["protocol", ""],
        ["username", "me"],
        ["username", "m e:@/"],
        ["username", ""],
        ["password", "p:@/ü"],
        ["password", ""],
        ["host", "other"],
        ["host", "other:1"],
        ["host", "other:"],
        ["host", "other:443"],
        ["host", "other/x?y#z"],
        ["host", "[::1]:5"],
        ["host", ""],
        ["host", "a b"],
        ["host", "ü.de:9"],
        ["host", "x@y"],
        ["host", "other:99999"],
        ["hostname", "other"],
        ["hostname", "other:1"],
        ["hostname", "127.1"],
        ["hostname", ""],
        ["hostname", "a/b"],
        ["port", "9"],
        ["port", "443"],
        ["port", "9a"],
        ["port", "a9"],
        ["port", ""],
        ["port", "65536"],
        ["port", "-1"],
        ["port", " 9"],
        ["port", 9],
        ["pathname", "x"],
        ["pathname", "/x/../y"],
        ["pathname", "a?b#c"],
        ["pathname", "\\x"],
        ["pathname", ""],
        ["pathname", "ü %41"],
        ["search", "x=1"],
        ["search", "?x=1"],
        ["search", "??"],
        ["search", "?"],
        ["search", ""],
        ["search", "a#b ü'"],
        ["hash", "x"],
        ["hash", "#x"],
        ["hash", "##"],
        ["hash", "#"],
        ["hash", ""],
        ["hash", "a b`ü"],
    ];
    for (const [name, value] of cases) {
        const url = new URL("https://user:pass@example.com:8080/path?query#frag");
        url[name] = value;
        t.show(`set ${name} to ${JSON.stringify(value)}`, url.href);
    }
    const file = new URL("file:///a");
    file.host = "h";
    file.port = "1";
    file.username = "u";
    t.show("setters of a file", file.href);
    file.protocol = "http";
    t.show("protocol of a file", file.href);
    const custom = new URL("custom:/a");
    custom.host = "h";
    t.show("host of a custom scheme", custom.href);
    custom.host = "";
    t.show("empty host of a custom scheme", custom.href);
    const slashes = new URL("custom:/a");
    slashes.pathname = "//b";
    t.show("path with two slashes", slashes.href);
    const port = new URL("https://example.com:80/");
    port.protocol = "http";
    t.show("port becomes the default", [port.href, port.port]);
    const url = new URL("https://example.com/");
    try {
        url.origin = "http://x";
    } catch (error) {
        t.show("set origin", [error.name, url.href]);
    }
}

async function params(t) {
    const url = new URL("https://example.com/?a=1&b=2#h");
    t.show("params are the same", url.searchParams === url.searchParams);
    url.searchParams.append("c", "3 4");
    t.show("append changes the URL", [url.href, url.search]);
    url.searchParams.delete("a");
    t.show("delete changes the URL", url.href);
    url.searchParams.set("b", "ü&");
    t.show("set changes the URL", url.href);
    const { searchParams } = url;
    url.search = "?x=1&y=2";
    t.show("search changes the params", [[...searchParams], searchParams === url.searchParams]);
    url.href = "https://other/?z=9";
    t.show("href changes the params", [...searchParams]);
    url.searchParams.delete("z");
    t.show("no params left", [url.href, url.search]);
    url.search = "?b=1&a=2&b=0";
    url.searchParams.sort();
    t.show("sort changes the URL", url.href);
    const raw = new URL("https://example.com/?a=~'()*!&b=%7e+%20");
    t.show("query before a change", raw.search);
    raw.searchParams.append("c", "~'()*!");
    t.show("query after a change", raw.search);
    const untouched = new URL("https://example.com/?a=b c");
    t.show("params do not change the query", [untouched.searchParams.get("a"), untouched.search]);
    const empty = new URL("https://example.com/?");
    empty.searchParams.delete("nothing");
    t.show("delete of nothing", empty.href);
    await t.throws("set searchParams", () => {
        "use strict";
        url.searchParams = new URLSearchParams("q=1");
        return url.href;
    });
    const hash = new URL("https://example.com/?a=1#h");
    hash.searchParams.set("a", "2");
    t.show("fragment stays", hash.href);
}

async function errors(t) {
    await t.throws("no argument", () => new URL());
    await t.throws("invalid", () => new URL("nonsense"));
    await t.throws("invalid with a base", () => new URL("http://[", "http://x"));
    await t.throws("invalid base", () => new URL("x", "nonsense"));
    await t.throws("undefined", () => new URL(undefined));
    await t.throws("null", () => new URL(null));
    await t.throws("number", () => new URL(5));
    await t.throws("symbol", () => new URL(Symbol("x")));
    await t.throws("object with text", () => new URL({ toString: () => "http://x/y" }).href);
    await t.throws(
        "object that throws",
        () =>
            new URL({
                toString() {
                    throw new RangeError("no text");
                },
            }),
    );
    await t.throws("URL of a URL", () => new URL(new URL("http://x/y")).href);
    await t.throws("set an invalid href", () => {
        new URL("http://x").href = "nonsense";
    });
    await t.throws("without new", () => URL("http://x"));
    const kept = new URL("http://x/y");
    try {
        kept.href = "nonsense";
    } catch {}
    t.show("href stays after an error", kept.href);
}

async function statics(t) {
    t.show("can parse", [
        URL.canParse("http://x"),
        URL.canParse("x"),
        URL.canParse("x", "http://y"),
        URL.canParse("x", "y"),
    ]);
    t.show("can parse nothing", [URL.canParse(undefined), URL.canParse(null)]);
    await t.throws("can parse without argument", () => URL.canParse());
    t.show("parse", [
        URL.parse("http://x/y")?.href,
        URL.parse("x"),
        URL.parse("x", "http://y")?.href,
        URL.parse("x", "y"),
    ]);
    t.show("parse gives a URL", URL.parse("http://x") instanceof URL);
    await t.throws("parse without argument", () => URL.parse());
    const url = new URL("http://x/y?z");
    t.show("as text", [String(url), url.toString(), url.toJSON(), JSON.stringify({ url })]);
    t.show("as tag", Object.prototype.toString.call(url));
    t.show("object URLs", [typeof URL.createObjectURL, typeof URL.revokeObjectURL]);
    await t.throws("revoke an object URL", () => URL.revokeObjectURL("blob:x"));
}

function shapes(t) {
    t.show("shape", Object.getOwnPropertyNames(URL.prototype).sort());
    t.show("statics", Object.getOwnPropertyNames(URL).sort());
    const href = Object.getOwnPropertyDescriptor(URL.prototype, "href");
    t.show("href", [typeof href.get, typeof href.set, href.enumerable, href.configurable]);
    const origin = Object.getOwnPropertyDescriptor(URL.prototype, "origin");
    t.show("origin", [typeof origin.get, typeof origin.set]);
    t.show("own keys", Reflect.ownKeys(new URL("http://x")));
    t.show("equal URLs", new URL("http://x").href === new URL("http://x/").href);
}
