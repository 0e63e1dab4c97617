// sql.exec and its cursor: reading, several statements, bindings, errors, what SQLite brings along.
import { ask, objects } from "./sections.js";

const { Subject, worker: sections } = objects({
    cursor,
    one,
    raw,
    counters,
    statements,
    bindings,
    empty,
    syntax,
    constraints,
    conflictRollback,
    conflictRollbackLater,
    types,
    changes,
    partial,
    returning,
    returningUnread,
    returningPartly,
    returningOneUnread,
    returningOneRead,
    returningUnreadThenAgain,
    insertUnread,
    selectUnread,
    returningFinished,
    features,
    json,
    dates,
    fullText,
    errors,
    argumentsOfExec,
    whatIsLeft,
});
export { Subject };

/** Objects whose turn cannot be stored, and which therefore start anew. */
const broken = [
    "conflictRollback",
    "conflictRollbackLater",
    "returningUnread",
    "returningOneUnread",
    "returningUnreadThenAgain",
];

export default {
    async fetch(request, env) {
        let text = await (await sections.fetch(request, env)).text();
        for (const name of broken)
            text += await ask(env.SUBJECT.getByName(name), "whatIsLeft", `what is left in ${name}`);
        return new Response(text);
    },
};

/** A table with three rows. */
function letters(sql) {
    sql.exec("CREATE TABLE letters (id INTEGER PRIMARY KEY, name TEXT)");
    sql.exec("INSERT INTO letters (name) VALUES ('a'), ('b'), ('c')");
}

async function cursor(t, { storage: { sql } }) {
    letters(sql);
    const read = sql.exec("SELECT * FROM letters ORDER BY id");
    t.show("column names", read.columnNames);
    t.show("column names again are equal", read.columnNames === read.columnNames);
    t.show("next", read.next());
    t.show("toArray gives the rest", read.toArray());
    t.show("next after the end", read.next());
    t.show("next after the end again", read.next());
    t.show("toArray after the end", read.toArray());
    t.show("column names after the end", read.columnNames);
    const again = sql.exec("SELECT * FROM letters ORDER BY id");
    t.show(
        "iteration",
        [...again].map((row) => row.name),
    );
    t.show("iteration of a finished cursor", [...again]);
    t.show(
        "a cursor is its own iterator",
        (() => {
            const one = sql.exec("SELECT 1 AS a");
            return one[Symbol.iterator]() === one;
        })(),
    );
    const stopped = sql.exec("SELECT name FROM letters ORDER BY id");
    for (const row of stopped) {
        t.show("first row of a loop that breaks", row);
        break;
    }
    t.show("after a break", stopped.toArray());
    const apart = sql.exec("SELECT name FROM letters ORDER BY id");
    const [first] = apart;
    t.show("destructuring", [first, [...apart]]);
    t.show("spread in a call", Math.max(...sql.exec("SELECT id FROM letters").raw().toArray().flat()));
    t.show("Array.from", Array.from(sql.exec("SELECT id FROM letters ORDER BY id DESC")));
    t.show(
        "iterator helpers",
        (() => {
            const source = sql.exec("SELECT id FROM letters ORDER BY id");
            return [typeof source.map, source instanceof Iterator];
        })(),
    );
    const row = sql.exec("SELECT id, name FROM letters").next().value;
    t.show("row", [Object.keys(row), Object.getPrototypeOf(row) === Object.prototype, Object.isFrozen(row)]);
    t.show(
        "rows are fresh objects",
        (() => {
            const [one, two] = sql.exec("SELECT 1 AS a UNION ALL SELECT 1").toArray();
            return one === two;
        })(),
    );
    t.show("result object of next", Object.keys(sql.exec("SELECT 1 AS a").next()));
    t.show("result object of the end", Object.keys(sql.exec("SELECT 1 AS a WHERE 0").next()));
    t.show("no rows", sql.exec("SELECT * FROM letters WHERE 0").toArray());
    t.show("columns of no rows", sql.exec("SELECT * FROM letters WHERE 0").columnNames);
    t.show("columns of a statement without result", sql.exec("UPDATE letters SET name = name").columnNames);
    t.show("rows of a statement without result", sql.exec("UPDATE letters SET name = name").toArray());
    t.show("rows of CREATE", sql.exec("CREATE TABLE IF NOT EXISTS letters (x)").toArray());
    const twice = sql.exec("SELECT 1 AS a, 2 AS a, 3 AS b");
    t.show("duplicate columns", [twice.columnNames, twice.toArray()]);
    t.show("duplicate columns raw", sql.exec("SELECT 1 AS a, 2 AS a, 3 AS b").raw().toArray());
    t.show("join", sql.exec("SELECT * FROM letters AS l JOIN letters AS r ON l.id = r.id LIMIT 1").toArray());
    t.show("names of expressions", sql.exec("SELECT 1, 1 + 1, 'x', count(*), NULL FROM letters").columnNames);
    t.show("odd column names", sql.exec(`SELECT 1 AS "", 2 AS "a b", 3 AS "☃", 4 AS "1", 5 AS "0"`).toArray());
    t.show(
        "column __proto__",
        (() => {
            const odd = sql.exec(`SELECT 1 AS "__proto__", 2 AS "constructor"`).next().value;
            return [Object.keys(odd), Object.getPrototypeOf(odd) === Object.prototype];
        })(),
    );
    t.show("column toString", sql.exec(`SELECT 1 AS "toString"`).next().value);
}

async function one(t, { storage: { sql } }) {
    await t.throws("one of none", () => sql.exec("SELECT 1 AS a WHERE 0").one());
    await t.throws("one of one", () => sql.exec("SELECT 1 AS a").one());
    await t.throws("one of two", () => sql.exec("SELECT 1 AS a UNION ALL SELECT 2").one());
    await t.throws("one of three", () => sql.exec("SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3").one());
    const two = sql.exec("SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3");
    await t.throws("one fails", () => two.one());
    t.show("and then the rest is", two.toArray());
    const rest = sql.exec("SELECT 1 AS a UNION ALL SELECT 2");
    rest.next();
    await t.throws("one of what is left", () => rest.one());
    await t.throws("one at the end", () => rest.one());
    await t.throws("one of a statement without result", () => sql.exec("CREATE TABLE x (a)").one());
    await t.throws("one of a failing second row", () =>
        sql.exec("SELECT json_extract(value, '$') AS a FROM json_each('[\"1\", \"{\"]')").one(),
    );
}

async function raw(t, { storage: { sql } }) {
    letters(sql);
    t.show("raw", sql.exec("SELECT * FROM letters ORDER BY id").raw().toArray());
    const read = sql.exec("SELECT * FROM letters ORDER BY id").raw();
    t.show("raw next", [read.next(), read.next(), read.next(), read.next(), read.next()]);
    t.show("raw columnNames", sql.exec("SELECT * FROM letters").raw().columnNames);
    t.show("raw iteration", [...sql.exec("SELECT id FROM letters ORDER BY id").raw()]);
    t.show(
        "raw is its own iterator",
        (() => {
            const own = sql.exec("SELECT 1").raw();
            return own[Symbol.iterator]() === own;
        })(),
    );
    const shared = sql.exec("SELECT id FROM letters ORDER BY id");
    const rows = shared.raw();
    t.show("raw shares its place", [shared.next().value, rows.next().value, shared.next().value, rows.next().done]);
    const doubled = sql.exec("SELECT id FROM letters ORDER BY id");
    t.show("raw twice", [doubled.raw().next().value, doubled.raw().next().value, doubled.toArray()]);
    await t.throws("raw has no one", () => sql.exec("SELECT 1").raw().one());
    t.show("raw of the end", sql.exec("SELECT 1 WHERE 0").raw().toArray());
    t.show(
        "keys of the raw iterator",
        (() => {
            const proto = Object.getPrototypeOf(sql.exec("SELECT 1").raw());
            return [Object.getOwnPropertyNames(proto).sort(), proto[Symbol.toStringTag]];
        })(),
    );
}

async function counters(t, { storage: { sql } }) {
    const counts = (query, ...values) => {
        const done = sql.exec(query, ...values);
        const before = [done.rowsRead, done.rowsWritten];
        done.toArray();
        return [before, [done.rowsRead, done.rowsWritten]];
    };
    t.show("count of CREATE TABLE", counts("CREATE TABLE plain (id INTEGER PRIMARY KEY, a INTEGER, b TEXT)"));
    t.show("count of a second table", counts("CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID"));
    t.show("count of a text key", counts("CREATE TABLE texts (k TEXT PRIMARY KEY, v)"));
    t.show("count of one insert", counts("INSERT INTO plain (a, b) VALUES (1, 'x')"));
    t.show("count of three inserts", counts("INSERT INTO plain (a, b) VALUES (2, 'y'), (3, 'z'), (4, 'w')"));
    t.show("count of an insert without rowid", counts("INSERT INTO keyed VALUES ('a', 1), ('b', 2)"));
    t.show("count of an insert with a text key", counts("INSERT INTO texts VALUES ('a', 1), ('b', 2)"));
    t.show("count of SELECT 1", counts("SELECT 1"));
    t.show("count of a scan", counts("SELECT * FROM plain"));
    t.show("count of a lookup by rowid", counts("SELECT * FROM plain WHERE id = 2"));
    t.show("count of a scan with a condition", counts("SELECT * FROM plain WHERE a = 2"));
    t.show("count of CREATE INDEX", counts("CREATE INDEX plain_a ON plain (a)"));
    t.show("count of a lookup by index", counts("SELECT * FROM plain WHERE a = 2"));
    t.show("count of a covering index", counts("SELECT a FROM plain WHERE a > 1"));
    t.show("count of an insert with an index", counts("INSERT INTO plain (a, b) VALUES (5, 'v')"));
    t.show("count of an update of an index", counts("UPDATE plain SET a = 6 WHERE a = 5"));
    t.show("count of an update of no index", counts("UPDATE plain SET b = 'u' WHERE a = 6"));
    t.show("count of an update of nothing", counts("UPDATE plain SET b = 'u' WHERE a = 600"));
    t.show("count of an upsert", counts("INSERT INTO texts VALUES ('a', 9) ON CONFLICT DO UPDATE SET v = excluded.v"));
    t.show("count of a replace", counts("INSERT OR REPLACE INTO texts VALUES ('a', 9)"));
    t.show("count of an ignored insert", counts("INSERT OR IGNORE INTO texts VALUES ('a', 9)"));
    t.show("count of count(*)", counts("SELECT count(*) FROM plain"));
    t.show("count of max of an index", counts("SELECT max(a) FROM plain"));
    t.show("count of ORDER BY with LIMIT", counts("SELECT * FROM plain ORDER BY b LIMIT 1"));
    t.show("count of a join", counts("SELECT * FROM plain JOIN texts"));
    t.show("count of RETURNING", counts("INSERT INTO plain (a, b) VALUES (7, 'r') RETURNING id"));
    t.show("count of a delete", counts("DELETE FROM plain WHERE a = 7"));
    t.show("count of a delete of all", counts("DELETE FROM plain"));
    t.show("count of a failed search", counts("SELECT * FROM plain"));
    t.show("count of two statements", counts("INSERT INTO keyed VALUES ('c', 3); SELECT * FROM keyed"));
    t.show("count of DROP", counts("DROP TABLE keyed"));
    const read = sql.exec("SELECT value FROM json_each('[1,2,3]')");
    t.show("counts of a virtual table", [read.rowsRead, read.toArray().length, read.rowsRead]);
    sql.exec("INSERT INTO plain (a) VALUES (1), (2), (3)");
    const slow = sql.exec("SELECT * FROM plain");
    const steps = [slow.rowsRead];
    while (!slow.next().done) steps.push(slow.rowsRead);
    steps.push(slow.rowsRead);
    t.show("counts row by row", steps);
    const partly = sql.exec("SELECT * FROM plain");
    t.show("counts of a cursor that is not read", [partly.rowsRead, partly.rowsWritten]);
}

async function statements(t, { storage: { sql } }) {
    await t.throws("three statements", () =>
        sql.exec("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2); SELECT * FROM a").toArray(),
    );
    await t.throws("the last has no result", () => sql.exec("SELECT * FROM a; DELETE FROM a WHERE x = 2").toArray());
    await t.throws("only the last is read", () => sql.exec("SELECT 1 AS one; SELECT 2 AS two").toArray());
    await t.throws("bindings on the last", () =>
        sql.exec("INSERT INTO a VALUES (5); SELECT x, ? AS y FROM a", "y").toArray(),
    );
    await t.throws("bindings on the first", () => sql.exec("INSERT INTO a VALUES (?); SELECT * FROM a", 7));
    await t.throws("bindings on both", () => sql.exec("INSERT INTO a VALUES (?); SELECT ?", 7, 8));
    await t.throws("a parameter on the first, without a value", () => sql.exec("SELECT ?; SELECT 1"));
    await t.throws("nothing of it was done", () => sql.exec("SELECT * FROM a").toArray());
    await t.throws("the second fails in syntax", () => sql.exec("INSERT INTO a VALUES (8); SELEC 1"));
    await t.throws("the first was done", () => sql.exec("SELECT * FROM a").toArray());
    await t.throws("the second fails in running", () => sql.exec("INSERT INTO a VALUES (9); SELECT * FROM missing"));
    await t.throws("the first was done again", () => sql.exec("SELECT * FROM a").toArray());
    await t.throws("the third fails", () =>
        sql.exec("INSERT INTO a VALUES (10); INSERT INTO a VALUES (11); INSERT INTO missing VALUES (1)"),
    );
    await t.throws("two were done", () => sql.exec("SELECT count(*) AS n FROM a").one());
    await t.throws("semicolon at the end", () => sql.exec("SELECT 1 AS a;").toArray());
    await t.throws("several semicolons at the end", () => sql.exec("SELECT 1 AS a;;; ; ").toArray());
    await t.throws("semicolons before", () => sql.exec(";; SELECT 1 AS a").toArray());
    await t.throws("semicolons between", () => sql.exec("SELECT 1 AS a;; ;SELECT 2 AS b").toArray());
    await t.throws("comment at the end", () => sql.exec("SELECT 1 AS a -- end").toArray());
    await t.throws("comment after a semicolon", () => sql.exec("SELECT 1 AS a; -- end").toArray());
    await t.throws("comments of the other kind", () =>
        sql.exec("/* a */ SELECT /* b */ 1 AS a /* c */; /* d */").toArray(),
    );
    await t.throws("open comment at the end", () => sql.exec("SELECT 1 AS a; /* open").toArray());
    await t.throws("comment between", () => sql.exec("SELECT 1 AS a; -- x\nSELECT 2 AS b").toArray());
    await t.throws("spaces and lines", () => sql.exec("\n\t SELECT 1 AS a \r\n").toArray());
    await t.throws("a semicolon in a text", () => sql.exec("SELECT ';' AS a").toArray());
    await t.throws("a trigger has semicolons", () =>
        sql
            .exec(
                "CREATE TABLE log (x); CREATE TRIGGER tr AFTER INSERT ON a BEGIN INSERT INTO log VALUES (new.x); END; INSERT INTO a VALUES (99); SELECT * FROM log",
            )
            .toArray(),
    );
    await t.throws("bindings with a comment after", () => sql.exec("SELECT ? AS a; -- c", "v").toArray());
    await t.throws("bindings with statement after a comment", () =>
        sql.exec("SELECT 1; -- c\n SELECT ? AS a;", "v").toArray(),
    );
}

async function bindings(t, { storage: { sql } }) {
    await t.throws("too few", () => sql.exec("SELECT ?, ?", 1));
    await t.throws("none", () => sql.exec("SELECT ?"));
    await t.throws("too many", () => sql.exec("SELECT ?", 1, 2));
    await t.throws("one for none", () => sql.exec("SELECT 1", 1));
    await t.throws("undefined for none", () => sql.exec("SELECT 1", undefined));
    t.show("numbered", sql.exec("SELECT ?2 AS a, ?1 AS b", "x", "y").toArray());
    t.show("the same twice", sql.exec("SELECT ?1 AS a, ?1 AS b", "x").toArray());
    await t.throws("with a gap", () => sql.exec("SELECT ?3 AS a", "x", "y", "z").toArray());
    await t.throws("with a gap, too few", () => sql.exec("SELECT ?3 AS a", "x").toArray());
    t.show("named by colon", sql.exec("SELECT :a AS a, :b AS b, :a AS c", "x", "y").toArray());
    t.show("named by at", sql.exec("SELECT @a AS a", "x").toArray());
    t.show("named by dollar", sql.exec("SELECT $a AS a", "x").toArray());
    await t.throws("an object for names", () => sql.exec("SELECT :a AS a", { a: 1 }).toArray());
    await t.throws("an array for several", () => sql.exec("SELECT ?, ?", [1, 2]));
    await t.throws("number zero", () => sql.exec("SELECT ?0", 1));
    await t.throws("number too high", () => sql.exec("SELECT ?101", 1));
    await t.throws("a table by binding", () => sql.exec("SELECT * FROM ?", "x"));
    await t.throws("a failing statement with wrong bindings", () => sql.exec("SELECT * FROM missing WHERE a = ?"));
    t.show("not in a text", sql.exec("SELECT '?' AS a").toArray());
    t.show("LIMIT by binding", sql.exec("SELECT value FROM json_each('[1,2,3]') LIMIT ?", 2).toArray());
    await t.throws("LIMIT by a fraction", () => sql.exec("SELECT 1 LIMIT ?", 1.5).toArray());
    await t.throws("LIMIT by a text", () => sql.exec("SELECT 1 LIMIT ?", "x").toArray());
    t.show("LIMIT by a text of digits", sql.exec("SELECT 1 AS a LIMIT ?", "1").toArray());
}

async function empty(t, { storage: { sql } }) {
    for (const [label, text] of Object.entries({
        empty: "",
        spaces: " \n",
        "a semicolon": ";",
        "a comment": "-- nothing",
        "another comment": "/* nothing */",
        "comment and semicolon": "-- nothing\n;",
        NUL: "\0",
    })) {
        await t.throws(`exec of ${label}`, () => sql.exec(text).toArray());
    }
    await t.throws("empty with a binding", () => sql.exec("", 1));
    await t.throws("NUL after a statement", () => sql.exec("SELECT 1 AS a\0").toArray());
    await t.throws("NUL within a statement", () => sql.exec("SELECT 1 AS a\0, 2").toArray());
    await t.throws("NUL in a text", () => sql.exec("SELECT 'a\0b' AS a").toArray());
}

async function syntax(t, { storage: { sql } }) {
    letters(sql);
    for (const text of [
        "SELEC 1",
        "SELECT",
        "SELECT 1 FROM",
        "SELECT * FROM missing",
        "SELECT missing FROM letters",
        "SELECT letters.missing FROM letters",
        "SELECT x.* FROM letters",
        "INSERT INTO letters VALUES (1)",
        "INSERT INTO letters (id, missing) VALUES (1, 2)",
        "INSERT INTO letters (id) VALUES (1, 2)",
        "SELECT missing(1)",
        "SELECT abs()",
        "SELECT abs(1, 2)",
        "SELECT 'open",
        'SELECT "open',
        'SELECT "missing"',
        "SELECT (1",
        "SELECT 1)",
        "SELECT 1 2",
        "SELECT #",
        "SELECT 1.2.3",
        "SELECT 0x",
        "SELECT x'abc'",
        "CREATE TABLE letters (a)",
        "CREATE TABLE (a)",
        "CREATE TABLE y (a, a)",
        "DROP TABLE missing",
        "DROP INDEX missing",
        "CREATE INDEX i ON missing (a)",
        "ALTER TABLE missing RENAME TO y",
        "ALTER TABLE letters DROP COLUMN id",
        "ALTER TABLE letters ADD COLUMN name TEXT",
        "SELECT * FROM letters ORDER BY 5",
        "SELECT count(*) FROM letters GROUP BY count(*)",
        "SELECT id, sum(count(*)) FROM letters",
        "SELECT 1 UNION SELECT 1, 2",
        "SELECT * FROM letters WHERE name MATCH 'a'",
        "SELECT * FROM letters WHERE name REGEXP 'a'",
        "SELECT ☃",
        "SELECT 'é☃', missing",
        "  SELEC 1",
        "SELECT 1; SELEC 2",
        "SELECT 1;\n  SELECT missing",
        "EXPLAIN SELECT missing",
        "SELECT * FROM letters l, letters r WHERE id = 1",
        "WITH x AS (SELECT 1) SELECT * FROM y",
        "SELECT RAISE(ABORT, 'x')",
        "SELECT (SELECT 1, 2)",
        "INSERT INTO letters SELECT 1",
        "UPDATE letters SET missing = 1",
        "DELETE FROM missing",
    ]) {
        await t.throws(`syntax of ${JSON.stringify(text)}`, () => sql.exec(text).toArray());
    }
}

async function constraints(t, { storage: { sql } }) {
    sql.exec(`CREATE TABLE c (
        id INTEGER PRIMARY KEY, u TEXT UNIQUE, n TEXT NOT NULL DEFAULT 'n', k INTEGER CHECK (k > 0),
        named INTEGER CONSTRAINT small CHECK (named < 10))`);
    sql.exec("CREATE TABLE two (a, b, UNIQUE (a, b)); CREATE TABLE strict (i INTEGER, t TEXT) STRICT");
    sql.exec(
        "CREATE TABLE child (c INTEGER REFERENCES c (id), d INTEGER REFERENCES c (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    sql.exec(
        "CREATE TABLE pair (a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO pair VALUES ('x', 'y')",
    );
    sql.exec("INSERT INTO c (id, u) VALUES (1, 'u'); INSERT INTO two VALUES (1, 2)");
    for (const text of [
        "INSERT INTO c (id) VALUES (1)",
        "INSERT INTO c (u) VALUES ('u')",
        "INSERT INTO c (n) VALUES (NULL)",
        "INSERT INTO c (k) VALUES (0)",
        "INSERT INTO c (named) VALUES (10)",
        "INSERT INTO c (id) VALUES ('x')",
        "INSERT INTO two VALUES (1, 2)",
        "INSERT INTO pair VALUES ('x', 'y')",
        "INSERT INTO pair VALUES ('x', NULL)",
        "INSERT INTO strict VALUES ('x', 'y')",
        "INSERT INTO strict VALUES (1.5, 'y')",
        "INSERT INTO child (c) VALUES (5)",
        "DELETE FROM c WHERE id = 1",
        "INSERT OR FAIL INTO c (id) VALUES (1)",
        "INSERT OR ABORT INTO c (id) VALUES (1)",
        "UPDATE c SET n = NULL",
    ]) {
        await t.throws(`constraint on ${text}`, () => sql.exec(text).toArray());
    }
    t.show("the first is kept", sql.exec("SELECT id, u, n FROM c").toArray());
    await t.throws("the second row fails", () => sql.exec("INSERT INTO two VALUES (5, 6), (1, 2)"));
    t.show("no row is kept", sql.exec("SELECT count(*) AS n FROM two").one());
    await t.throws("the second row fails with OR FAIL", () =>
        sql.exec("INSERT OR FAIL INTO two VALUES (5, 6), (1, 2)"),
    );
    t.show("one row is kept", sql.exec("SELECT count(*) AS n FROM two").one());
    sql.exec("INSERT INTO child (c) VALUES (1)");
    await t.throws("a row with a child", () => sql.exec("DELETE FROM c WHERE id = 1"));
    sql.exec(`CREATE TRIGGER refuse BEFORE INSERT ON pair WHEN new.a = 'no'
        BEGIN SELECT RAISE(ABORT, 'refused by trigger'); END`);
    await t.throws("a trigger raises", () => sql.exec("INSERT INTO pair VALUES ('no', '')"));
    sql.exec("CREATE TRIGGER ignore BEFORE INSERT ON pair WHEN new.a = 'skip' BEGIN SELECT RAISE(IGNORE); END");
    t.show("a trigger ignores", sql.exec("INSERT INTO pair VALUES ('skip', '') RETURNING a").toArray());
}

/** It ends the transaction of the turn behind the runtime's back: what comes of it when nothing else is written? */
async function conflictRollback(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE c (id INTEGER PRIMARY KEY); INSERT INTO c VALUES (1)");
    await t.throws("OR ROLLBACK", () => sql.exec("INSERT OR ROLLBACK INTO c VALUES (1)"));
}

/** The same when the turn has written nothing before. */
async function conflictRollbackLater(t, { storage: { sql }, storage }) {
    sql.exec("CREATE TABLE c (id INTEGER PRIMARY KEY); INSERT INTO c VALUES (1)");
    await storage.sync();
    await t.throws("OR ROLLBACK first in a turn", () => sql.exec("INSERT OR ROLLBACK INTO c VALUES (1)"));
    t.show("OR ROLLBACK in a turn, what is there", sql.exec("SELECT * FROM c").toArray());
}

async function types(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE k (i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC, x)");
    const kinds =
        "SELECT typeof(i) AS i, typeof(r) AS r, typeof(t) AS t, typeof(b) AS b, typeof(n) AS n, typeof(x) AS x FROM k";
    for (const [label, value] of Object.entries({
        1: 1,
        1.5: 1.5,
        "'1'": "1",
        "'x'": "x",
        null: null,
        bytes: new Uint8Array([1]),
        true: true,
        "2 ** 60": 2 ** 60,
    })) {
        sql.exec("DELETE FROM k");
        sql.exec("INSERT INTO k VALUES (?1, ?1, ?1, ?1, ?1, ?1)", value);
        t.show(`stored types of ${label}`, Object.values(sql.exec(kinds).one()));
        t.show(`stored values of ${label}`, Object.values(sql.exec("SELECT * FROM k").one()));
    }
}

async function changes(t, { storage: { sql } }) {
    letters(sql);
    const added = sql.exec("SELECT id, name FROM letters ORDER BY id");
    t.show("before a change", added.next().value);
    sql.exec("INSERT INTO letters (name) VALUES ('d')");
    t.show("an insert while a cursor is open", added.toArray());
    const deleted = sql.exec("SELECT id, name FROM letters ORDER BY id");
    deleted.next();
    sql.exec("DELETE FROM letters WHERE id = 3");
    t.show("a delete while a cursor is open", deleted.toArray());
    const updated = sql.exec("SELECT id, name FROM letters ORDER BY id");
    updated.next();
    sql.exec("UPDATE letters SET name = name || '!'");
    t.show("an update while a cursor is open", updated.toArray());
    const dropped = sql.exec("SELECT id, name FROM letters ORDER BY id");
    dropped.next();
    await t.throws("a drop while a cursor is open", () => sql.exec("DROP TABLE letters"));
    await t.throws("the cursor of a dropped table", () => dropped.toArray());
    await t.throws("a drop after it", () => sql.exec("DROP TABLE IF EXISTS letters"));
    letters(sql);
    const altered = sql.exec("SELECT * FROM letters ORDER BY id");
    altered.next();
    await t.throws("ALTER while a cursor is open", () =>
        sql.exec("ALTER TABLE letters ADD COLUMN more DEFAULT 5").toArray(),
    );
    await t.throws("the cursor of an altered table", () => altered.toArray());
    t.show("the same query after ALTER", sql.exec("SELECT * FROM letters ORDER BY id LIMIT 1").toArray());
    const indexed = sql.exec("SELECT id FROM letters ORDER BY id");
    indexed.next();
    await t.throws("CREATE INDEX while a cursor is open", () => sql.exec("CREATE INDEX n ON letters (name)").toArray());
    await t.throws("the cursor under a new index", () => indexed.toArray());
}

async function partial(t, { storage: { sql } }) {
    letters(sql);
    const query = "SELECT name FROM letters ORDER BY id";
    const one = sql.exec(query);
    one.next();
    const two = sql.exec(query);
    t.show("the same text twice, second", two.next());
    await t.throws("the same text twice, first", () => one.next());
    await t.throws("the same text twice, first again", () => one.toArray());
    await t.throws("the same text twice, second again", () => two.toArray());
    const three = sql.exec(query);
    const four = sql.exec(`${query} `);
    t.show("texts that differ, interleaved", [
        three.next().value,
        four.next().value,
        three.next().value,
        four.next().value,
    ]);
    t.show("texts that differ, the rest", [three.toArray(), four.toArray()]);
    const unread = sql.exec(query);
    const read = sql.exec(query).toArray();
    await t.throws("the same text while the first was not read", () => unread.toArray());
    t.show("the same text was read", read.length);
    const bound = "SELECT ? AS a UNION ALL SELECT ?";
    const five = sql.exec(bound, 1, 2);
    five.next();
    sql.exec(bound, 3, 4).toArray();
    await t.throws("other bindings of the same text", () => five.toArray());
    const recursive = [];
    for (const row of sql.exec("SELECT id FROM letters ORDER BY id")) {
        recursive.push([row.id, sql.exec("SELECT count(*) AS n FROM letters WHERE id < ?", row.id).one().n]);
    }
    t.show("queries in a loop", recursive);
    let inner = "none";
    try {
        for (const row of sql.exec(query)) {
            for (const other of sql.exec(query)) {
                inner = [row.name, other.name];
            }
        }
        inner = ["finished", inner];
    } catch (error) {
        inner = [error.message, inner];
    }
    t.show("the same query in its own loop", inner);
    const later = sql.exec(query);
    later.next();
    await null;
    t.show("after a microtask", later.next());
    await new Promise((resolve) => setTimeout(resolve, 1));
    await t.throws("after a task", () => later.next());
}

async function returning(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    t.show("INSERT RETURNING", sql.exec("INSERT INTO r (a) VALUES ('x'), ('y') RETURNING id, a").toArray());
    t.show("UPDATE RETURNING", sql.exec("UPDATE r SET a = a || '2' RETURNING *").toArray());
    await t.throws("one of a RETURNING with two rows", () =>
        sql.exec("INSERT INTO r (a) VALUES ('s'), ('t') RETURNING id").one(),
    );
    t.show("they are stored", sql.exec("SELECT count(*) AS n FROM r").one());
    t.show("DELETE RETURNING", sql.exec("DELETE FROM r WHERE id < 3 RETURNING id").toArray());
    t.show(
        "upsert RETURNING",
        sql
            .exec(
                "INSERT INTO r VALUES (3, 'new'), (50, 'new') ON CONFLICT (id) DO UPDATE SET a = 'old' RETURNING id, a",
            )
            .toArray(),
    );
    t.show(
        "last_insert_rowid",
        sql.exec("SELECT last_insert_rowid() AS id, changes() AS c, total_changes() > 5 AS t").one(),
    );
    t.show(
        "an exec that is not read writes",
        (() => {
            sql.exec("INSERT INTO r (a) VALUES ('unread')");
            return sql.exec("SELECT count(*) AS n FROM r WHERE a = 'unread'").one().n;
        })(),
    );
    t.show(
        "a SELECT that is not read is begun",
        (() => {
            const begun = sql.exec("SELECT * FROM r");
            return begun.rowsRead;
        })(),
    );
    await t.throws("a SELECT that fails in its first row fails at once", () => sql.exec("SELECT json('{')"));
    await t.throws("a SELECT that fails in its second row", () => {
        const read = sql.exec('SELECT json(value) AS j FROM json_each(\'["1", "{", "2"]\')');
        t.show("its first row", read.next());
        return read.next();
    });
}

/** A write that is under way at the end of the turn. */
async function returningUnread(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    sql.exec("INSERT INTO r (a) VALUES ('z'), ('w') RETURNING id");
    t.show("RETURNING that is not read", sql.exec("SELECT count(*) AS n FROM r").one());
}

async function returningPartly(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    const partly = sql.exec("INSERT INTO r (a) VALUES ('p'), ('q') RETURNING id");
    partly.next();
    t.show("RETURNING that is read partly", sql.exec("SELECT count(*) AS n FROM r").one());
}

async function returningOneUnread(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    sql.exec("INSERT INTO r (a) VALUES ('z') RETURNING id");
    t.show("RETURNING of one row that is not read", sql.exec("SELECT count(*) AS n FROM r").one());
}

async function returningOneRead(t, { storage }) {
    const { sql } = storage;
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    t.show("RETURNING of one row, next", sql.exec("INSERT INTO r (a) VALUES ('z') RETURNING id").next().value);
    await storage.sync();
    t.show("RETURNING of one row is stored", sql.exec("SELECT count(*) AS n FROM r").one());
}

/** The same text again takes the statement of the first over. */
async function returningUnreadThenAgain(t, { storage }) {
    const { sql } = storage;
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    const text = "INSERT INTO r (a) VALUES ('z') RETURNING id";
    sql.exec(text);
    t.show("RETURNING that is read the second time", sql.exec(text).toArray());
    await storage.sync();
    t.show("RETURNING twice is stored", sql.exec("SELECT count(*) AS n FROM r").one());
}

async function insertUnread(t, { storage }) {
    const { sql } = storage;
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    sql.exec("INSERT INTO r (a) VALUES ('z'), ('w')");
    await storage.sync();
    t.show("an insert that is not read is stored", sql.exec("SELECT count(*) AS n FROM r").one());
}

/** A read that is under way does not keep a turn from being stored. */
async function selectUnread(t, { storage }) {
    const { sql } = storage;
    letters(sql);
    const open = sql.exec("SELECT name FROM letters ORDER BY id");
    open.next();
    sql.exec("INSERT INTO letters (name) VALUES ('d')");
    await storage.sync();
    t.show("a cursor goes on after the turn is stored", open.toArray());
}

async function returningFinished(t, { storage }) {
    const { sql } = storage;
    sql.exec("CREATE TABLE r (id INTEGER PRIMARY KEY, a)");
    const partly = sql.exec("INSERT INTO r (a) VALUES ('p'), ('q') RETURNING id");
    t.show("RETURNING, the first row", partly.next());
    t.show("RETURNING, the second row", partly.next());
    t.show("RETURNING, the end", partly.next());
    await storage.sync();
    t.show("RETURNING that was read is stored", sql.exec("SELECT count(*) AS n FROM r").one());
}

async function features(t, { storage: { sql } }) {
    letters(sql);
    const rows = (query, ...values) =>
        sql
            .exec(query, ...values)
            .raw()
            .toArray();
    await t.throws("CTE", () =>
        rows("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT sum(x) FROM n"),
    );
    await t.throws("CTE with insert", () =>
        rows("WITH d AS (SELECT 'd' AS n) INSERT INTO letters (name) SELECT n FROM d RETURNING name"),
    );
    await t.throws("window", () =>
        rows(
            "SELECT name, row_number() OVER (ORDER BY name DESC), lag(name) OVER (ORDER BY id), sum(id) OVER (ORDER BY id ROWS 1 PRECEDING) FROM letters ORDER BY id",
        ),
    );
    await t.throws("more windows", () =>
        rows(
            "SELECT rank() OVER w, dense_rank() OVER w, ntile(2) OVER w, first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w, percent_rank() OVER w, cume_dist() OVER w FROM letters WINDOW w AS (ORDER BY id) ORDER BY id",
        ),
    );
    await t.throws("aggregates", () =>
        rows(
            "SELECT count(*), sum(id), total(id), avg(id), min(name), max(name), group_concat(name), string_agg(name, '-') FROM letters",
        ),
    );
    await t.throws("FILTER", () => rows("SELECT count(*) FILTER (WHERE id > 1) FROM letters"));
    await t.throws("core functions", () =>
        rows(
            "SELECT abs(-1), char(65), coalesce(NULL, 1), format('%d-%s', 1, 'x'), printf('%05.1f', 2.25), hex('a'), unhex('61'), ifnull(NULL, 2), iif(1, 'a', 'b'), instr('abc', 'c'), length('☃'), octet_length('☃'), lower('AÉ'), ltrim(' a'), max(1, 2), min(1, 2), nullif(1, 1), quote('a''b'), replace('aa', 'a', 'b'), round(2.5), sign(-2), substr('abc', 2, 1), trim(' a '), typeof(1), unicode('☃'), upper('aé'), zeroblob(2), concat('a', 1), concat_ws('-', 1, 2)",
        ),
    );
    await t.throws("glob and like", () =>
        rows(
            "SELECT 'abc' LIKE 'A%', 'abc' GLOB 'A*', 'é' LIKE 'É', like('a%', 'abc'), 'a_c' LIKE 'a\\_c' ESCAPE '\\'",
        ),
    );
    await t.throws("math", () =>
        rows(
            "SELECT sqrt(9), pow(2, 3), pi() > 3, ceil(1.2), floor(1.8), mod(7, 3), ln(1), log10(100), log2(8), trunc(1.9), sin(0), degrees(0)",
        ),
    );
    await t.throws("division", () => rows("SELECT 5 / 2, 5 / 2.0, 5 % 3, 1 / 0, -5 / 2"));
    await t.throws("upsert", () =>
        rows("INSERT INTO letters VALUES (1, 'z') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *"),
    );
    await t.throws("generated columns", () =>
        rows("CREATE TABLE g (a, b AS (a * 2) STORED, c AS (a * 3)); INSERT INTO g (a) VALUES (2); SELECT * FROM g"),
    );
    await t.throws("partial index", () =>
        rows("CREATE INDEX part ON letters (name) WHERE id > 2; SELECT count(*) FROM letters"),
    );
    await t.throws("view", () => rows("CREATE VIEW v AS SELECT name AS n FROM letters; SELECT * FROM v LIMIT 1"));
    await t.throws("trigger", () =>
        rows(
            "CREATE TRIGGER up AFTER UPDATE ON letters BEGIN UPDATE letters SET name = upper(new.name) WHERE id = new.id; END; UPDATE letters SET name = 'q' WHERE id = 1; SELECT name FROM letters WHERE id = 1",
        ),
    );
    await t.throws("collations", () =>
        rows("SELECT 'a' = 'A' COLLATE NOCASE, 'a ' = 'a' COLLATE RTRIM, 'a' = 'A' COLLATE BINARY"),
    );
    await t.throws("a missing collation", () => rows("SELECT 'a' = 'A' COLLATE unicode"));
    await t.throws("full join", () =>
        rows(
            "SELECT l.id, r.id FROM letters l FULL JOIN (SELECT 3 AS id UNION SELECT 100) r ON l.id = r.id ORDER BY 1, 2",
        ),
    );
    await t.throws("values", () => rows("VALUES (1, 'a'), (2, 'b')"));
    await t.throws("boolean words", () =>
        rows("SELECT TRUE, FALSE, 1 IS TRUE, NULL IS NULL, 1 IS NOT DISTINCT FROM 1"),
    );
    await t.throws("row values", () => rows("SELECT (1, 2) < (1, 3)"));
    await t.throws("blob literal", () => rows("SELECT x'0102', typeof(x'')"));
    await t.throws("rowid", () => rows("SELECT rowid, _rowid_, oid FROM letters LIMIT 1"));
    await t.throws("AUTOINCREMENT", () =>
        rows(
            "CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO auto DEFAULT VALUES; SELECT * FROM sqlite_sequence",
        ),
    );
    await t.throws("EXPLAIN QUERY PLAN", () =>
        sql
            .exec("EXPLAIN QUERY PLAN SELECT * FROM letters WHERE id = 1")
            .toArray()
            .map((row) => row.detail),
    );
    await t.throws("REINDEX", () => rows("REINDEX"));
    await t.throws("ANALYZE", () => rows("ANALYZE"));
    await t.throws("random", () => typeof rows("SELECT random()")[0][0]);
    await t.throws("randomblob", () => rows("SELECT length(randomblob(4))"));
    await t.throws("sqlite_version", () => typeof rows("SELECT sqlite_version()")[0][0]);
    await t.throws("generate_series", () => rows("SELECT value FROM generate_series(1, 3)"));
    await t.throws("decimal", () => rows("SELECT decimal('1')"));
    await t.throws("soundex", () => rows("SELECT soundex('a')"));
    await t.throws("ORDER BY in UPDATE", () => rows("UPDATE letters SET name = name ORDER BY id LIMIT 1"));
    await t.throws("ORDER BY in an aggregate", () => rows("SELECT group_concat(name ORDER BY id DESC) FROM letters"));
    await t.throws("double-quoted text", () => rows('SELECT * FROM letters WHERE name = "z"'));
    await t.throws("median", () => rows("SELECT median(id) FROM letters"));
    await t.throws("unistr", () => rows("SELECT unistr('\\2603')"));
    await t.throws("if", () => rows("SELECT if(1, 'a', 'b')"));
}

async function json(t, { storage: { sql } }) {
    const rows = (query, ...values) =>
        sql
            .exec(query, ...values)
            .raw()
            .toArray();
    await t.throws("json", () =>
        rows("SELECT json(' {\"a\" : 1} '), json_array(1, 'x', NULL), json_object('a', 1), json_quote('x')"),
    );
    await t.throws("json_extract", () =>
        rows("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]'), '{\"a\":{\"b\":1}}' -> 'a', '{\"a\":1}' ->> '$.a'"),
    );
    await t.throws("json types", () =>
        rows(
            "SELECT json_extract(j, '$[0]'), json_extract(j, '$[1]'), json_extract(j, '$[2]'), json_extract(j, '$[3]') FROM (SELECT '[true,null,1.5,{}]' AS j)",
        ),
    );
    await t.throws("json changes", () =>
        rows(
            "SELECT json_set('{}', '$.a', 1), json_insert('[1]', '$[#]', 2), json_replace('{\"a\":1}', '$.a', 2), json_remove('[1,2]', '$[0]'), json_patch('{\"a\":1}', '{\"b\":2}')",
        ),
    );
    await t.throws("json_each", () => rows('SELECT key, value, type FROM json_each(\'{"a":1,"b":"x"}\')'));
    await t.throws("json_tree", () => rows("SELECT fullkey, atom FROM json_tree('{\"a\":[1]}')"));
    await t.throws("json aggregates", () =>
        rows('SELECT json_group_array(value), json_group_object(key, value) FROM json_each(\'{"a":1,"b":2}\')'),
    );
    await t.throws("json questions", () =>
        rows(
            "SELECT json_valid('{'), json_valid('{}'), json_type('[]'), json_array_length('[1,2]'), json_error_position('{')",
        ),
    );
    await t.throws("json5", () => rows("SELECT json('{a:1,}')"));
    await t.throws("jsonb", () => rows("SELECT typeof(jsonb('{}')), json(jsonb('{\"a\":1}')), hex(jsonb('[1]'))"));
    await t.throws("json_pretty", () => rows("SELECT json_pretty('[1]')"));
    await t.throws("malformed JSON", () => rows("SELECT json('{')"));
    await t.throws("bad JSON path", () => rows("SELECT json_extract('{}', 'a')"));
    await t.throws("JSON of a blob", () => rows("SELECT json_array(x'00')"));
}

async function dates(t, { storage: { sql } }) {
    const rows = (query, ...values) =>
        sql
            .exec(query, ...values)
            .raw()
            .toArray();
    await t.throws("dates", () =>
        rows(
            "SELECT date(0, 'unixepoch'), time('12:34:56'), datetime('2024-02-29', '+1 year'), julianday('2000-01-01'), unixepoch('2000-01-01'), strftime('%Y/%m', '2000-01-01'), timediff('2000-01-02', '2000-01-01')",
        ),
    );
    await t.throws("modifiers", () =>
        rows(
            "SELECT date('2024-01-31', '+1 month'), date('2024-01-31', 'start of month', '-1 day'), date('2024-01-01', 'weekday 0'), datetime(1.7e9, 'auto')",
        ),
    );
    await t.throws("a date that is none", () => rows("SELECT date('x'), date(NULL)"));
    await t.throws("the current time", () =>
        rows("SELECT typeof(CURRENT_TIMESTAMP), length(CURRENT_DATE), typeof(date()), date('now') = CURRENT_DATE"),
    );
    await t.throws("a zone", () =>
        rows("SELECT datetime('2000-01-01 00:00:00', 'localtime'), datetime('2000-01-01T00:00:00+02:00')"),
    );
}

async function fullText(t, { storage: { sql } }) {
    const rows = (query, ...values) =>
        sql
            .exec(query, ...values)
            .raw()
            .toArray();
    await t.throws("CREATE fts5", () => rows("CREATE VIRTUAL TABLE docs USING fts5(title, body)"));
    await t.throws("INSERT into fts5", () =>
        rows("INSERT INTO docs VALUES ('one', 'the quick fox'), ('two', 'lazy dogs')"),
    );
    await t.throws("MATCH", () => rows("SELECT title FROM docs WHERE docs MATCH 'quick'"));
    await t.throws("MATCH of a column", () =>
        rows("SELECT title FROM docs WHERE docs MATCH 'body: dog*' ORDER BY rank"),
    );
    await t.throws("snippet", () =>
        rows(
            "SELECT snippet(docs, 1, '[', ']', '…', 3), highlight(docs, 1, '<', '>') FROM docs WHERE docs MATCH 'fox'",
        ),
    );
    await t.throws("bm25", () => rows("SELECT typeof(bm25(docs)) FROM docs WHERE docs MATCH 'fox'"));
    await t.throws("a bad MATCH", () => rows("SELECT title FROM docs WHERE docs MATCH '\"'"));
    await t.throws("porter", () =>
        rows(
            "CREATE VIRTUAL TABLE stems USING fts5(body, tokenize = 'porter unicode61'); INSERT INTO stems VALUES ('running'); SELECT * FROM stems('run')",
        ),
    );
    await t.throws("trigram", () =>
        rows(
            "CREATE VIRTUAL TABLE tri USING fts5(body, tokenize = 'trigram'); INSERT INTO tri VALUES ('abcdef'); SELECT * FROM tri WHERE body LIKE '%cde%'",
        ),
    );
    await t.throws("fts5vocab", () => rows("CREATE VIRTUAL TABLE vocab USING fts5vocab(docs, 'row')"));
    await t.throws("external content", () =>
        rows(
            "CREATE TABLE src (id INTEGER PRIMARY KEY, b); CREATE VIRTUAL TABLE ext USING fts5(b, content = 'src', content_rowid = 'id')",
        ),
    );
    await t.throws("optimize", () => rows("INSERT INTO docs (docs) VALUES ('optimize')"));
    await t.throws("integrity check", () => rows("INSERT INTO docs (docs) VALUES ('integrity-check')"));
    await t.throws("shadow tables", () => rows("SELECT name FROM sqlite_master WHERE name LIKE 'docs%' ORDER BY name"));
    await t.throws("writing a shadow table", () => rows("DELETE FROM docs_data"));
    await t.throws("drop of fts5", () => rows("DROP TABLE docs"));
    await t.throws("fts4", () => rows("CREATE VIRTUAL TABLE old USING fts4(a)"));
    await t.throws("rtree", () => rows("CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)"));
    await t.throws("rtree rows", () => rows("INSERT INTO boxes VALUES (1, 0, 10); SELECT id FROM boxes WHERE x0 < 5"));
    await t.throws("rtree_i32", () => rows("CREATE VIRTUAL TABLE whole USING rtree_i32(id, x0, x1)"));
    await t.throws("geopoly", () => rows("CREATE VIRTUAL TABLE poly USING geopoly(a)"));
    await t.throws("another module", () => rows("CREATE VIRTUAL TABLE nothing USING missing(a)"));
    await t.throws("dbstat", () => rows("SELECT * FROM dbstat"));
    await t.throws("bytecode", () => rows("SELECT * FROM bytecode('SELECT 1')"));
    await t.throws("sqlite_stmt", () => rows("SELECT * FROM sqlite_stmt"));
}

async function errors(t, { storage: { sql } }) {
    const caught = (run) => {
        try {
            run();
        } catch (error) {
            return error;
        }
    };
    const shape = (error) => [
        error?.constructor.name,
        error?.name,
        error instanceof Error,
        Object.keys(error),
        Object.getOwnPropertyNames(error).sort(),
        error.code,
        error.remote,
        error.retryable,
    ];
    t.show("shape of a syntax error", shape(caught(() => sql.exec("SELEC"))));
    t.show("shape of an empty statement", shape(caught(() => sql.exec(""))));
    t.show("shape of wrong bindings", shape(caught(() => sql.exec("SELECT ?"))));
    t.show("shape of one", shape(caught(() => sql.exec("SELECT 1 WHERE 0").one())));
    t.show("shape of a refused statement", shape(caught(() => sql.exec("BEGIN"))));
    t.show("shape of a refused PRAGMA", shape(caught(() => sql.exec("PRAGMA user_version"))));
    sql.exec("CREATE TABLE u (a UNIQUE); INSERT INTO u VALUES (1)");
    t.show("shape of a constraint", shape(caught(() => sql.exec("INSERT INTO u VALUES (1)"))));
    t.show("the object goes on after errors", sql.exec("SELECT * FROM u").toArray());
    t.show("integer overflow", caught(() => sql.exec("SELECT abs(-9223372036854775808)").toArray())?.message);
    t.show(
        "sum overflow",
        caught(() => sql.exec("SELECT sum(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1)").toArray())
            ?.message,
    );
}

async function argumentsOfExec(t, { storage: { sql } }) {
    await t.throws("exec without arguments", () => sql.exec());
    for (const [label, value] of Object.entries({
        undefined: undefined,
        null: null,
        number: 5,
        object: {},
        bytes: new Uint8Array([1]),
    })) {
        await t.throws(`exec of the value ${label}`, () => sql.exec(value));
    }
    t.show("exec of an object with toString", sql.exec({ toString: () => "SELECT 1 AS a" }).toArray());
    t.show("exec of a String", sql.exec(new String("SELECT 1 AS a")).toArray());
    await t.throws("exec of a Symbol", () => sql.exec(Symbol("x")));
    await t.throws("exec of an object whose toString throws", () =>
        sql.exec({
            toString() {
                throw new RangeError("mine");
            },
        }),
    );
    t.show(
        "order of conversions",
        (() => {
            const order = [];
            const note = (name, value) => ({
                toString() {
                    order.push(name);
                    return value;
                },
            });
            sql.exec(note("query", "SELECT ?, ?"), note("one", "1"), note("two", "2"));
            return order;
        })(),
    );
    await t.throws("a binding whose toString throws", () =>
        sql.exec("SELECT ?", {
            toString() {
                throw new RangeError("mine");
            },
        }),
    );
    await t.throws("a binding that runs SQL", () =>
        sql.exec("SELECT ? AS a", { toString: () => sql.exec("SELECT 'inner' AS a").one().a }).toArray(),
    );
    t.show("exec length and name", [sql.exec.length, sql.exec.name]);
    await t.throws("a query with a lone surrogate", () => sql.exec("SELECT '\ud800' AS a").toArray());
    t.show("a query with other letters", sql.exec("SELECT 'é☃😀' AS a").toArray());
}

async function whatIsLeft(t, { storage: { sql }, id }) {
    const tables = sql.exec("SELECT name FROM sqlite_master").raw().toArray().flat();
    const rows = tables.map((name) => [name, sql.exec(`SELECT count(*) AS n FROM ${name}`).one().n]);
    t.show(`what is left in ${id.name}`, rows);
}
