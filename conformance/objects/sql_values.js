// Values on their way into SQL and back: what binds as what, and what JavaScript sees of each type of SQLite.
import { objects } from "./sections.js";

const { Subject, worker } = objects({ bound, refused, numbers, texts, blobs, results, stored, big });
export { Subject, worker as default };

/** A binding as SQLite sees it and as it comes back. */
function through(sql, value) {
    const [type, shown, back] = sql.exec("SELECT typeof(?1), quote(?1), ?1", value).raw().next().value;
    return [type, typeof shown === "string" && shown.length > 60 ? shown.length : shown, back, typeof back];
}

async function bound(t, { storage: { sql }, id }) {
    const values = {
        null: null,
        undefined: undefined,
        true: true,
        false: false,
        "empty string": "",
        string: "a'b",
        digits: "12",
        "boxed number": new Number(1),
        "boxed string": new String("x"),
        "boxed boolean": new Boolean(false),
        date: new Date(0),
        "date that is none": new Date(NaN),
        object: {},
        "object with toString": { toString: () => "shown" },
        "object with valueOf": { valueOf: () => 5 },
        "object with toPrimitive": { [Symbol.toPrimitive]: (hint) => hint },
        "object with toJSON": { toJSON: () => "json" },
        array: [1, [2, 3]],
        "empty array": [],
        map: new Map([[1, 2]]),
        set: new Set([1]),
        regexp: /a/g,
        function: function named() {},
        arrow: () => 1,
        error: new TypeError("e"),
        promise: Promise.resolve(1),
        url: new URL("http://example.com/a"),
        blob: new Blob(["x"]),
        headers: new Headers(),
        id: { toString: () => typeof id.toString() },
        global: globalThis,
        math: Math,
        proxy: new Proxy({}, {}),
    };
    for (const [label, value] of Object.entries(values)) {
        await t.throws(`binding of ${label}`, () => through(sql, value));
    }
}

async function refused(t, { storage: { sql } }) {
    const values = {
        bigint: 5n,
        "negative bigint": -5n,
        "large bigint": 2n ** 70n,
        "boxed bigint": Object(5n),
        symbol: Symbol("x"),
        "boxed symbol": Object(Symbol("x")),
        "object without prototype": Object.create(null),
        "object that gives an object": { toString: () => ({}), valueOf: () => ({}) },
        "object that gives a symbol": { toString: () => Symbol("x") },
        "object that gives a bigint": { toString: () => 5n },
        "shared buffer": new SharedArrayBuffer(2),
        "view of a shared buffer": new Uint8Array(new SharedArrayBuffer(2)),
    };
    for (const [label, value] of Object.entries(values)) {
        await t.throws(`refusal of ${label}`, () => through(sql, value));
    }
    await t.throws("refusal of the second binding", () => sql.exec("SELECT ?, ?", 1, Symbol("x")));
    await t.throws("refusal before the query is read", () => sql.exec("SELEC ?", Symbol("x")));
}

async function numbers(t, { storage: { sql } }) {
    const values = [
        0,
        -0,
        1,
        -1,
        1.5,
        0.1,
        255,
        2 ** 31,
        2 ** 32,
        2 ** 53 - 1,
        2 ** 53,
        2 ** 53 + 2,
        2 ** 63,
        -(2 ** 63),
        2 ** 64,
        1e21,
        1e300,
        5e-324,
        1.7976931348623157e308,
        NaN,
        Infinity,
        -Infinity,
        0.30000000000000004,
        1 / 3,
        123456789.123456789,
    ];
    for (const value of values) {
        await t.throws(`number ${Object.is(value, -0) ? "-0" : value}`, () => through(sql, value));
    }
    t.show(
        "number as integer",
        sql.exec("SELECT typeof(CAST(? AS INTEGER)) AS t, ? = 1 AS e, ? + 1 AS s", 5, 1, 1).one(),
    );
    t.show("number as text", sql.exec("SELECT ? || '' AS a, ? || '' AS b, CAST(? AS TEXT) AS c", 1, 1e21, 0.1).one());
    t.show(
        "number as rowid",
        (() => {
            sql.exec("CREATE TABLE ids (id INTEGER PRIMARY KEY)");
            sql.exec("INSERT INTO ids VALUES (?)", 7);
            return sql.exec("SELECT id, typeof(id) AS t FROM ids WHERE id = ?", 7).toArray();
        })(),
    );
    await t.throws("number with a fraction as rowid", () => sql.exec("INSERT INTO ids VALUES (?)", 7.5));
    await t.throws("2 ** 53 as rowid", () => sql.exec("INSERT INTO ids VALUES (?) RETURNING id", 2 ** 53).toArray());
    await t.throws("2 ** 63 as rowid", () => sql.exec("INSERT INTO ids VALUES (?) RETURNING id", 2 ** 63).toArray());
    t.show("number in json", sql.exec("SELECT json_array(?, ?, ?) AS j", 1, 1.5, "x").one());
    t.show("substr by number", sql.exec("SELECT substr('abc', ?, ?) AS s", 2, 1).one());
    t.show("bit operations", sql.exec("SELECT ? | ? AS a, ? << 2 AS b, ~? AS c", 1, 2, 3, 0).one());
}

async function texts(t, { storage: { sql } }) {
    const values = {
        ascii: "abc",
        latin: "é",
        snowman: "☃",
        emoji: "😀",
        NUL: "a\0b",
        "NUL alone": "\0",
        "high surrogate": "\ud800",
        "low surrogate": "\udc00x",
        "surrogates the wrong way": "\udc00\ud800",
        "mark of byte order": "\ufeffa",
        "not normal": "e\u0301",
        newline: "a\nb\r\n",
    };
    for (const [label, value] of Object.entries(values)) {
        const row = sql
            .exec("SELECT ?1 AS back, length(?1) AS chars, octet_length(?1) AS bytes, hex(?1) AS hex", value)
            .one();
        t.show(`text ${label}`, [row.back, row.chars, row.bytes, row.hex, row.back === value]);
    }
    t.show("text from a blob", sql.exec("SELECT CAST(x'C3A9' AS TEXT) AS a").one());
    t.show("text that is no UTF-8", sql.exec("SELECT CAST(x'61FF62' AS TEXT) AS a").one());
    t.show("text of a cut character", sql.exec("SELECT CAST(x'E298' AS TEXT) AS a").one());
    t.show("text of surrogates in UTF-8", sql.exec("SELECT CAST(x'EDA080' AS TEXT) AS a").one());
    t.show("text with NUL from SQL", sql.exec("SELECT 'a' || char(0) || 'b' AS a").one());
    t.show("equality of texts", sql.exec("SELECT ? = 'é' AS a, ? = x'C3A9' AS b", "é", "é").one());
    t.show(
        "order of texts",
        sql
            .exec("SELECT value FROM json_each(?) ORDER BY value", '["b","a","B","é","","😀","ﬀ"]')
            .raw()
            .toArray()
            .flat(),
    );
}

async function blobs(t, { storage: { sql } }) {
    const buffer = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer;
    const values = {
        ArrayBuffer: buffer,
        "empty ArrayBuffer": new ArrayBuffer(0),
        Uint8Array: new Uint8Array(buffer, 2, 3),
        "empty Uint8Array": new Uint8Array(),
        Uint8ClampedArray: new Uint8ClampedArray([300]),
        Int8Array: new Int8Array([-1]),
        Uint16Array: new Uint16Array([1, 258]),
        Int32Array: new Int32Array([-2]),
        Float32Array: new Float32Array([1.5]),
        Float64Array: new Float64Array([1.5]),
        BigInt64Array: new BigInt64Array([-1n]),
        DataView: new DataView(buffer, 1, 2),
        "resizable ArrayBuffer": new ArrayBuffer(2, { maxByteLength: 8 }),
    };
    for (const [label, value] of Object.entries(values)) {
        await t.throws(`blob of ${label}`, () => through(sql, value));
    }
    await t.throws("blob of a detached buffer", () => {
        const gone = new ArrayBuffer(2);
        gone.transfer();
        return through(sql, gone);
    });
    const source = new Uint8Array([1, 2]);
    const lazy = sql.exec("SELECT ? AS a UNION ALL SELECT ?", source, source);
    source[0] = 9;
    t.show("bytes are copied at once", lazy.toArray());
    const [one, two] =
        sql.exec("SELECT x'01' AS a, x'01' AS b").raw().one?.() ?? sql.exec("SELECT x'01', x'01'").raw().next().value;
    t.show("blobs are buffers of their own", [one === two, one.constructor.name, one.byteLength, one.resizable]);
    t.show("empty blob", sql.exec("SELECT x'' AS a, zeroblob(0) AS b, zeroblob(3) AS c").one());
    t.show(
        "blob functions",
        sql
            .exec("SELECT hex(?1) AS h, length(?1) AS l, ?1 = x'0102' AS e, ?1 || '' AS c", new Uint8Array([1, 2]))
            .one(),
    );
}

async function results(t, { storage: { sql } }) {
    const back = (expression) => {
        const value = sql.exec(`SELECT ${expression} AS a`).one().a;
        return [value, typeof value];
    };
    for (const expression of [
        "NULL",
        "1",
        "-1",
        "0",
        "1.0",
        "-0.0",
        "1.5",
        "'x'",
        "x'01'",
        "2147483648",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1e400",
        "-1e400",
        "1e-400",
        "0x7fffffffffffffff",
        "0xffffffffffffffff",
        "TRUE",
        "1 = 1",
        "1 = NULL",
        "count(*)",
        "sum(1)",
        "avg(1)",
        "total(1)",
        "9007199254740993 + 0.0",
        "CAST('12abc' AS INTEGER)",
        "CAST('x' AS REAL)",
        "CAST(1e300 AS INTEGER)",
        "json('[1]')",
        "'12' + 1",
        "'x' + 1",
        "5 / 2",
        "0.0 / 0.0",
        "round(2.0)",
        "last_insert_rowid()",
        "changes()",
        "max(1, 2.5)",
        "group_concat(1)",
        "0.1 + 0.2",
        "100000000000000000000",
        "1e15",
        "123456789012345.6",
        "random() BETWEEN -9223372036854775808 AND 9223372036854775807",
    ]) {
        await t.throws(`result of ${expression}`, () => back(expression));
    }
    t.show("results in raw", sql.exec("SELECT NULL, 1, 1.5, 'x', x'01', 9007199254740993").raw().next().value);
    t.show("results by next", sql.exec("SELECT NULL AS a, x'' AS b").next());
}

async function stored(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE v (i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC, bool BOOLEAN, d DATE, any)");
    const values = {
        1: 1,
        1.5: 1.5,
        "-0": -0,
        "'1'": "1",
        "'1.0'": "1.0",
        "'1e3'": "1e3",
        true: true,
        null: null,
        bytes: new Uint8Array([49]),
        "2 ** 53": 2 ** 53,
        NaN: NaN,
        Infinity: Infinity,
    };
    for (const [label, value] of Object.entries(values)) {
        const row = sql.exec("INSERT INTO v VALUES (?1, ?1, ?1, ?1, ?1, ?1, ?1, ?1) RETURNING *", value).toArray()[0];
        t.show(`row of ${label}`, row);
    }
    sql.exec("CREATE TABLE s (i INT, a ANY) STRICT");
    await t.throws("strict integer", () =>
        sql.exec("INSERT INTO s VALUES (?, ?) RETURNING i, a, typeof(i) AS ti, typeof(a) AS ta", 1, 1).toArray(),
    );
    await t.throws("strict integer of a fraction", () => sql.exec("INSERT INTO s VALUES (?, 1)", 1.5));
    await t.throws("strict integer of true", () => sql.exec("INSERT INTO s VALUES (?, 1)", true));
    sql.exec("CREATE TABLE keys (k PRIMARY KEY) WITHOUT ROWID");
    sql.exec("INSERT INTO keys VALUES (?)", 1);
    await t.throws("the number 1 is the integer 1 as a key", () => sql.exec("INSERT INTO keys VALUES (1)"));
    t.show(
        "a comparison with a column of text",
        (() => {
            sql.exec("CREATE TABLE words (w TEXT)");
            sql.exec("INSERT INTO words VALUES ('1'), ('1.0')");
            return sql.exec("SELECT w FROM words WHERE w = ?", 1).toArray();
        })(),
    );
}

async function big(t, { storage: { sql } }) {
    const size = 1_000_000;
    t.show("a large text", sql.exec("SELECT ? AS a", "x".repeat(size)).one().a.length);
    t.show("a large blob", sql.exec("SELECT ? AS a", new Uint8Array(size)).one().a.byteLength);
    t.show(
        "many rows",
        sql
            .exec("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000) SELECT x FROM n")
            .toArray().length,
    );
}
