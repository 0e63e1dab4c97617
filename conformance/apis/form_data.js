// FormData: entries, files, and multipart bodies there and back.
import { transcript } from "./transcript.js";

const outcome = (run) => {
    try {
        run();
        return "nothing";
    } catch (error) {
        return error.name;
    }
};
const show = (value) => (value instanceof Blob ? [value.constructor.name, value.name, value.size, value.type] : value);
const list = (form) => [...form].map(([name, value]) => [name, show(value)]);
const boundaryOf = (response) => response.headers.get("content-type").split("boundary=")[1];
/** The multipart text of a form, with `B` for its boundary. */
const written = async (form) => {
    const response = new Response(form);
    return (await response.clone().text()).replaceAll(boundaryOf(response), "B");
};
const parsed = async (body, type = "multipart/form-data; boundary=B") => {
    const form = await new Response(body, { headers: { "content-type": type } }).formData();
    const entries = [];
    for (const [name, value] of form) {
        entries.push(
            [name, show(value), value instanceof Blob ? await value.text() : null].filter((part) => part !== null),
        );
    }
    return entries;
};
const filled = (...entries) => {
    const form = new FormData();
    for (const entry of entries) form.append(...entry);
    return form;
};

export default transcript(async (t) => {
    await entries(t);
    await files(t);
    iteration(t);
    await writing(t);
    await reading(t);
    await faults(t);
    await roundTrips(t);
    await shape(t);
});

async function entries(t) {
    const form = new FormData();
    t.show("empty", list(form));
    t.show("append returns", form.append("a", "1"));
    form.append("b", "2");
    form.append("a", "3");
    t.show("append", list(form));
    t.show("get", [form.get("a"), form.get("b"), form.get("c")]);
    t.show("getAll", [form.getAll("a"), form.getAll("c")]);
    t.show("has", [form.has("a"), form.has("c"), form.has("A")]);
    t.show("set returns", form.set("a", "4"));
    t.show("set keeps the place", list(form));
    form.set("d", "5");
    t.show("set of a new one", list(form));
    t.show("delete returns", form.delete("a"));
    t.show("delete", list(form));
    t.show("delete of none", form.delete("zzz"));
    form.append("x", 1);
    form.append("y", null);
    form.append(5, undefined);
    form.append("o", {});
    form.append("", "");
    t.show("values are texts", list(form).slice(2));
    for (const method of ["append", "set", "get", "getAll", "has", "delete"]) {
        await t.throws(`${method} without arguments`, () => form[method]());
    }
    await t.throws("append with one", () => form.append("a"));
    await t.throws("set with one", () => form.set("a"));
    await t.throws("append of a symbol", () => form.append("a", Symbol("x")));
    await t.throws("append of a name that is a symbol", () => form.append(Symbol("x"), "a"));
    await t.throws("constructor with an argument", () => list(new FormData({})));
    await t.throws("constructor with undefined", () => list(new FormData(undefined)));
    t.show(
        "without new",
        outcome(() => FormData()),
    );
    t.show("lone surrogate", form.append("l", "a\ud800"));
}

async function files(t) {
    const blob = new Blob(["abc"], { type: "a/b" });
    const file = new File(["xy"], "f.txt", { type: "c/d", lastModified: 5 });
    const form = filled(["blob", blob], ["named", blob, "n.bin"], ["file", file], ["renamed", file, "g.txt"]);
    t.show("files", list(form));
    t.show("a blob becomes a file", [
        form.get("blob") instanceof File,
        form.get("blob") === blob,
        form.get("blob") === form.get("blob"),
    ]);
    t.show("a file stays itself", [form.get("file") === file, form.get("renamed") === file]);
    t.show("lastModified", [form.get("file").lastModified, form.get("renamed").lastModified === 5]);
    t.show("text of a file", await form.get("named").text());
    form.set("blob", blob, "set.bin");
    form.set("new", blob);
    t.show("set of files", list(form));
    await t.throws("text with a file name", () => list(filled(["a", "text", "f.txt"])));
    await t.throws("number with a file name", () => list(filled(["a", 5, "f.txt"])));
    await t.throws("set of text with a file name", () => {
        const f = new FormData();
        f.set("a", "text", "f.txt");
        return list(f);
    });
    t.show("file name undefined", list(filled(["a", blob, undefined], ["b", file, undefined])));
    t.show("file name null", list(filled(["a", blob, null])));
    t.show("file name number", list(filled(["a", blob, 5])));
    t.show("empty file name", list(filled(["a", blob, ""])));
}

function iteration(t) {
    const form = filled(["b", "1"], ["a", "2"], ["b", "3"]);
    t.show("in order", list(form));
    t.show("entries", [...form.entries()]);
    t.show("keys", [...form.keys()]);
    t.show("values", [...form.values()]);
    const seen = [];
    t.show("forEach", [form.forEach((value, name, all) => seen.push([name, value, all === form])), seen]);
    form.forEach(function () {
        seen.push(this === t);
    }, t);
    t.show("forEach with this", seen.slice(-1));
    t.show("iterator is entries", FormData.prototype[Symbol.iterator] === FormData.prototype.entries);
    const iterator = form.keys();
    t.show("next", [iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    const during = form.keys();
    during.next();
    form.append("c", "4");
    t.show("appended while iterating", [...during]);
    const removing = form.keys();
    removing.next();
    form.delete("b");
    t.show("deleted while iterating", [...removing]);
    t.show("from entries", Object.fromEntries(form));
    t.show("tag of an iterator", Object.prototype.toString.call(form.entries()));
    t.show("search params of it", new URLSearchParams(form).toString());
}

async function writing(t) {
    t.show("written empty", await written(new FormData()));
    t.show("written text", await written(filled(["a", "1"], ["b", "x\r\ny"])));
    t.show("written file", await written(filled(["f", new File(["body"], "n.txt", { type: "text/css" })])));
    t.show("written blob", await written(filled(["f", new Blob(["body"])])));
    t.show(
        "written escapes",
        await written(filled(['a"b', "1"], ["a\nb", "2"], ["a\r\nb", "3"], ["a\\b", "4"], ["\u00e4", "\u00e4"])),
    );
    t.show(
        "written file name escapes",
        await written(
            filled(["f", new File([], 'q".txt')], ["g", new File([], "n\nn.txt")], ["h", new File([], "b\\b")]),
        ),
    );
    await t.throws("name ends with a backslash", () => written(filled(["a\\", "1"])));
    await t.throws("file name ends with a backslash", () => written(filled(["a", new File([], "n\\")])));
    t.show("written value is as it is", await written(filled(["a", "x\ny\rz"])));
    const one = new Response(filled(["a", "1"]));
    const other = new Response(filled(["a", "1"]));
    t.show("boundaries differ", boundaryOf(one) !== boundaryOf(other));
    const form = filled(["a", "1"]);
    const response = new Response(form);
    form.append("b", "2");
    t.show("changed afterwards", list(await response.formData()));
    t.show(
        "bytes of a file",
        await new Response(filled(["f", new File([new Uint8Array([0, 255, 13, 10])], "n")]))
            .arrayBuffer()
            .then((buffer) => {
                const all = [...new Uint8Array(buffer)];
                return all.slice(all.indexOf(0), all.indexOf(0) + 4);
            }),
    );
}

async function reading(t) {
    const part = (head, body) => `--B\r\n${head}\r\n\r\n${body}\r\n`;
    const file = (name) => `Content-Disposition: form-data; name="f"; filename="${name}"`;
    const field = (name, body) => part(`Content-Disposition: form-data; name="${name}"`, body);
    t.show("one", await parsed(`${field("a", "1")}--B--`));
    t.show("two", await parsed(`${field("a", "1")}${field("a", "2")}--B--\r\n`));
    t.show("file", await parsed(`${part(`${file("n.txt")}\r\nContent-Type: text/css`, "body")}--B--`));
    t.show(
        "file without a type",
        await parsed(`${part('Content-Disposition: form-data; name="f"; filename="n"', "body")}--B--`),
    );
    t.show(
        "file with an empty name",
        await parsed(`${part('Content-Disposition: form-data; name="f"; filename=""', "body")}--B--`).catch(
            (error) => error.name,
        ),
    );
    t.show(
        "a type without a file name",
        await parsed(`${part('Content-Disposition: form-data; name="f"\r\nContent-Type: text/css', "body")}--B--`),
    );
    t.show("preamble and epilogue", await parsed(`before\r\n${field("a", "1")}--B--\r\nafter`));
    t.show(
        "header names in another case",
        await parsed(`${part('content-disposition: form-data; NAME="x"; name="a"', "1")}--B--`).catch((e) => e.name),
    );
    t.show(
        "line feeds only",
        await parsed('--B\nContent-Disposition: form-data; name="a"\n\n1\n--B--').catch((error) => error.name),
    );
    t.show("empty value", await parsed(`${field("a", "")}--B--`));
    t.show("newlines in a value", await parsed(`${field("a", "\r\n\r\n")}--B--`));
    t.show(
        "dashes in a value",
        await parsed(`${field("a", "--B x\r\n--C--\r\n--")}--B--`).catch((error) => error.name),
    );
    t.show("UTF-8", await parsed(`${field("\u00e4", "\u{1F600}")}--B--`));
    t.show("escaped quote in a name", await parsed(`${field('a\\"b', "1")}--B--`));
    t.show("escaped letters in a name", await parsed(`${field("a\\nb", "1")}--B--`));
    t.show("percent in a name", await parsed(`${field("a%22b%0Ac", "1")}--B--`));
    t.show("quoted boundary", await parsed(`${field("a", "1")}--B--`, 'multipart/form-data; boundary="B"'));
    t.show(
        "boundary of a longer name",
        await parsed(
            `${field("a", "1").replaceAll("--B", "--longer.1")}--longer.1--`,
            "multipart/form-data; boundary=longer.1",
        ),
    );
    t.show(
        "type in another case",
        await parsed(`${field("a", "1")}--B--`, "Multipart/FORM-Data; Boundary=B").catch((error) => error.name),
    );
    t.show(
        "more headers",
        await parsed(`${part('X-A: 1\r\nContent-Disposition: form-data; name="a"\r\nX-B: 2', "1")}--B--`),
    );
    t.show(
        "type with parameters",
        await parsed(`${part(`${file("n")}\r\nContent-Type: Text/Plain; charset=X`, "b")}--B--`),
    );
    const form = await new Response(`${part('Content-Disposition: form-data; name="f"; filename="n"', "b")}--B--`, {
        headers: { "content-type": "multipart/form-data; boundary=B" },
    }).formData();
    t.show("a file is of now", [
        form.get("f") instanceof File,
        Math.abs(form.get("f").lastModified - Date.now()) < 5000,
    ]);
    const request = new Request("http://a/", { method: "POST", body: filled(["a", "1"]) });
    t.show("of a request", list(await request.formData()));
    t.show(
        "of a stream",
        list(
            await new Response(new Response(filled(["a", "1"])).body, {
                headers: { "content-type": "multipart/form-data; boundary=x" },
            })
                .formData()
                .catch((error) => [["error", error.name]]),
        ),
    );
}

async function faults(t) {
    const part = (head, body) => `--B\r\n${head}\r\n\r\n${body}\r\n`;
    await t.throws("nothing", () => parsed(""));
    await t.throws("null body", () => parsed(null));
    await t.throws("no boundary in it", () => parsed("text"));
    await t.throws("only the end", () => parsed("--B--"));
    await t.throws("no end", () => parsed(part('Content-Disposition: form-data; name="a"', "1")));
    await t.throws("no disposition", () => parsed(`${part("X: y", "1")}--B--`));
    await t.throws("no name", () => parsed(`${part("Content-Disposition: form-data", "1")}--B--`));
    await t.throws("another disposition", () =>
        parsed(`${part('Content-Disposition: attachment; name="a"', "1")}--B--`),
    );
    await t.throws("name without quotes", () => parsed(`${part("Content-Disposition: form-data; name=a", "1")}--B--`));
    await t.throws("head without an end", () => parsed('--B\r\nContent-Disposition: form-data; name="a"'));
    await t.throws("boundary with rest", () =>
        parsed('--Bx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--'),
    );
    await t.throws("invalid header", () =>
        parsed(`${part('Content-Disposition: form-data; name="a"\r\nno colon', "1")}--B--`),
    );
    await t.throws("empty boundary", () => parsed("x", "multipart/form-data; boundary="));
    await t.throws("empty name", () => parsed(`${part('Content-Disposition: form-data; name=""', "1")}--B--`));
}

async function roundTrips(t) {
    const bytes = new Uint8Array(256).map((_, at) => at);
    const back = await new Response(filled(["f", new File([bytes], "all.bin", { type: "x/y" })])).formData();
    const file = back.get("f");
    t.show("a file comes back", [show(file), (await file.bytes()).every((byte, at) => byte === at)]);
    const texts = [
        ["a", "1"],
        ["a", "2"],
        ["\u00e4 b", "x\r\ny"],
        ['q"q', "--"],
        ["s\\s", ""],
        ["l\nl", "\n"],
    ];
    t.show("texts come back", list(await new Response(filled(...texts)).formData()));
    t.show(
        "names of files come back",
        list(await new Response(filled(["f", new File(["x"], 'a"b\\c \u00e4;=.txt')])).formData()),
    );
    t.show(
        "an empty form comes back",
        await new Response(new FormData()).formData().then(list, (error) => error.message),
    );
    const big = "x".repeat(100000);
    t.show(
        "big ones come back",
        (await new Response(filled(["big", big], ["f", new Blob([big])])).formData()).get("big").length,
    );
    const blob = await new Response(filled(["a", "1"])).blob();
    t.show("by a blob", list(await new Response(blob).formData()));
    t.show("by a clone", list(await new Response(filled(["a", "1"])).clone().formData()));
}

async function shape(t) {
    const form = new FormData();
    t.show("tag", Object.prototype.toString.call(form));
    t.show("name", [FormData.name, FormData.length]);
    t.show("own keys", Object.keys(filled(["a", "1"])));
    const names = ["append", "delete", "entries", "forEach", "get", "getAll", "has", "keys", "set", "values"];
    t.show(
        "methods",
        names.map((name) => typeof FormData.prototype[name]),
    );
    t.show(
        "foreign this",
        outcome(() => FormData.prototype.get.call({}, "a")),
    );
    await t.throws("forEach without a function", () => form.forEach());
    await t.throws("forEach that throws", () =>
        filled(["a", "1"]).forEach(() => {
            throw new RangeError("mine");
        }),
    );
    class Mine extends FormData {}
    const mine = new Mine();
    mine.append("a", "1");
    t.show("subclass", [mine instanceof FormData, list(await new Response(mine).formData())]);
}
