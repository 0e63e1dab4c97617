// What SQL may not do here, and how large things may be.
import { objects } from "./sections.js";

const { Subject, worker } = objects({
    transactions,
    files,
    pragmas,
    pragmaFunctions,
    reserved,
    schema,
    temporary,
    functions,
    sizes,
    depth,
    triggers,
    foreignKeys,
    databaseSize,
});
export { Subject, worker as default };

async function each(t, sql, texts) {
    for (const text of texts) {
        await t.throws(text, () => sql.exec(text).toArray());
    }
}

async function transactions(t, { storage: { sql } }) {
    await each(t, sql, [
        "BEGIN",
        "BEGIN TRANSACTION",
        "BEGIN IMMEDIATE",
        "begin exclusive",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "ROLLBACK TO a",
        "SELECT 1; BEGIN",
        "EXPLAIN BEGIN",
        "/* x */ BEGIN",
    ]);
}

async function files(t, { storage: { sql } }) {
    await each(t, sql, [
        "ATTACH 'x.db' AS x",
        "ATTACH ':memory:' AS x",
        "ATTACH '' AS x",
        "DETACH main",
        "DETACH x",
        "VACUUM",
        "VACUUM INTO 'x.db'",
        "SELECT load_extension('x')",
        "SELECT readfile('x')",
        "SELECT writefile('x', 'y')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('x')",
        "ANALYZE",
        "REINDEX",
        "SELECT * FROM main.sqlite_master",
        "SELECT * FROM temp.sqlite_master",
        "SELECT * FROM other.x",
    ]);
}

async function pragmas(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT REFERENCES p (id)); CREATE INDEX p_a ON p (a)");
    await each(
        t,
        sql,
        [
            "PRAGMA page_size",
            "PRAGMA case_sensitive_like",
            "PRAGMA foreign_keys",
            "PRAGMA defer_foreign_keys",
            "PRAGMA ignore_check_constraints",
            "PRAGMA legacy_alter_table",
            "PRAGMA recursive_triggers",
            "PRAGMA reverse_unordered_selects",
            "PRAGMA foreign_key_check",
            "PRAGMA foreign_key_check(p)",
            "PRAGMA foreign_key_check(missing)",
            "PRAGMA foreign_key_list(p)",
            "PRAGMA foreign_key_list('p')",
            "PRAGMA foreign_key_list",
            "PRAGMA index_info(p_a)",
            "PRAGMA index_list(p)",
            "PRAGMA index_xinfo(p_a)",
            "PRAGMA quick_check",
            "PRAGMA quick_check(1)",
            "PRAGMA quick_check(p)",
            "PRAGMA optimize",
            "PRAGMA table_info(p)",
            "PRAGMA table_info",
            "PRAGMA table_info(missing)",
            "PRAGMA table_info(_cf_KV)",
            "PRAGMA table_xinfo(p)",
            "PRAGMA table_info = p",
            "PRAGMA main.table_info(p)",
            "PRAGMA case_sensitive_like = ON",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA foreign_keys",
            "PRAGMA foreign_keys = ON",
            "PRAGMA defer_foreign_keys = ON",
            "PRAGMA defer_foreign_keys = OFF",
            "PRAGMA recursive_triggers = 1",
            "PRAGMA recursive_triggers = 2",
            "PRAGMA ignore_check_constraints = true",
            "PRAGMA ignore_check_constraints = no",
            "PRAGMA legacy_alter_table = 0",
            "PRAGMA reverse_unordered_selects = off",
            "PRAGMA case_sensitive_like = off",
            "PRAGMA page_size = 8192",
            "PRAGMA optimize = 1",
            "PRAGMA optimize(-1)",
            "PRAGMA optimize(0x10002)",
            "PRAGMA data_version = 5",
            "PRAGMA user_version",
            "PRAGMA user_version = 5",
            "PRAGMA application_id",
            "PRAGMA journal_mode",
            "PRAGMA journal_mode = DELETE",
            "PRAGMA synchronous",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size",
            "PRAGMA integrity_check",
            "PRAGMA database_list",
            "PRAGMA function_list",
            "PRAGMA pragma_list",
            "PRAGMA module_list",
            "PRAGMA collation_list",
            "PRAGMA compile_options",
            "PRAGMA page_count",
            "PRAGMA freelist_count",
            "PRAGMA encoding",
            "PRAGMA auto_vacuum",
            "PRAGMA incremental_vacuum",
            "PRAGMA wal_checkpoint",
            "PRAGMA writable_schema = ON",
            "PRAGMA trusted_schema",
            "PRAGMA schema_version",
            "PRAGMA temp_store",
            "PRAGMA mmap_size",
            "PRAGMA max_page_count",
            "PRAGMA secure_delete",
            "PRAGMA busy_timeout",
            "PRAGMA query_only",
            "PRAGMA hard_heap_limit",
            "PRAGMA locking_mode",
            "PRAGMA threads",
            "PRAGMA shrink_memory",
            "PRAGMA cell_size_check",
            "PRAGMA missing",
            "pragma TABLE_INFO(p)",
            "PRAGMA foreign_keys(1)",
        ].filter((text, at, all) => all.indexOf(text) === at),
    );
    t.show("PRAGMA data_version is a number", typeof sql.exec("PRAGMA data_version").one().data_version);
    t.show("PRAGMA foreign_keys after it was put off", sql.exec("PRAGMA foreign_keys").one());
    t.show(
        "PRAGMA table_list",
        sql
            .exec("PRAGMA table_list")
            .toArray()
            .filter((row) => row.schema === "main")
            .map((row) => [row.name, row.type, row.ncol])
            .sort(),
    );
    t.show("PRAGMA table_list of one", sql.exec("PRAGMA table_list(p)").toArray());
    t.show("PRAGMA with a statement after", sql.exec("PRAGMA foreign_keys = ON; SELECT 1 AS a").toArray());
    t.show(
        "PRAGMA before a statement with a binding",
        sql.exec("PRAGMA defer_foreign_keys = ON; SELECT ? AS a", 5).toArray(),
    );
}

async function pragmaFunctions(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT)");
    await each(t, sql, [
        "SELECT name FROM pragma_table_info('p')",
        "SELECT name FROM pragma_table_info('_cf_KV')",
        "SELECT name FROM pragma_index_list('p')",
        "SELECT * FROM pragma_foreign_keys",
        "SELECT * FROM pragma_user_version",
        "SELECT * FROM pragma_function_list",
        "SELECT count(*) > 0 FROM pragma_table_list",
        "SELECT * FROM pragma_database_list",
    ]);
}

async function reserved(t, { storage }) {
    const { sql } = storage;
    storage.kv.put("key", 1);
    sql.exec("CREATE TABLE mine (a)");
    await each(t, sql, [
        "SELECT * FROM _cf_KV",
        "SELECT * FROM _CF_kv",
        "SELECT * FROM main._cf_KV",
        'SELECT count(*) FROM "_cf_KV"',
        "SELECT * FROM _cf_METADATA",
        "SELECT * FROM _cf_missing",
        "SELECT key FROM _cf_KV",
        "INSERT INTO _cf_KV VALUES ('a', x'00')",
        "UPDATE _cf_KV SET value = x'00'",
        "DELETE FROM _cf_KV",
        "DROP TABLE _cf_KV",
        "ALTER TABLE _cf_KV RENAME TO mykv",
        "ALTER TABLE _cf_KV ADD COLUMN x",
        "CREATE TABLE _cf_mine (a)",
        "CREATE TABLE _CF_mine (a)",
        "CREATE TABLE _Cf_mine (a)",
        "CREATE TABLE IF NOT EXISTS _cf_KV (a)",
        "CREATE TABLE _cf (a)",
        "CREATE TABLE _cfx (a)",
        "CREATE TABLE my_cf_table (a)",
        "CREATE TABLE columns (_cf_a)",
        "SELECT _cf_a FROM columns",
        "CREATE INDEX _cf_i ON mine (a)",
        "CREATE VIEW _cf_v AS SELECT 1",
        "CREATE VIEW v AS SELECT * FROM _cf_KV",
        "SELECT * FROM v",
        "CREATE TRIGGER _cf_t AFTER INSERT ON mine BEGIN SELECT 1; END",
        "CREATE TRIGGER t AFTER INSERT ON mine BEGIN DELETE FROM _cf_KV; END",
        "INSERT INTO mine VALUES (1)",
        "DROP TRIGGER t",
        "CREATE TRIGGER u AFTER INSERT ON _cf_KV BEGIN SELECT 1; END",
        "CREATE INDEX on_kv ON _cf_KV (value)",
        "ALTER TABLE mine RENAME TO _cf_mine",
        "CREATE TABLE r (a REFERENCES _cf_KV (key))",
        "CREATE TABLE copied AS SELECT * FROM _cf_KV",
        "SELECT 1 AS _cf_x",
        "WITH _cf_c AS (SELECT 1 AS a) SELECT a FROM _cf_c",
        "SELECT a FROM mine AS _cf_m",
        "SELECT '_cf_KV' AS a",
        "CREATE VIRTUAL TABLE _cf_f USING fts5(a)",
        "CREATE TEMP TABLE _cf_temp (a)",
        "SELECT (SELECT count(*) FROM _cf_KV) AS a",
        "ALTER TABLE mine ADD COLUMN _cf_b",
        "ALTER TABLE mine RENAME COLUMN a TO _cf_c",
        "DROP INDEX _cf_i",
        "EXPLAIN SELECT * FROM _cf_KV",
        "CREATE TABLE sqlite_mine (a)",
    ]);
    t.show("the key is still there", storage.kv.get("key"));
}

async function schema(t, { storage }) {
    const { sql } = storage;
    t.show("schema of a fresh object", sql.exec("SELECT type, name, tbl_name, sql FROM sqlite_master").toArray());
    storage.kv.put("a", 1);
    t.show("schema with a key", sql.exec("SELECT type, name, tbl_name, sql FROM sqlite_master").toArray());
    await storage.setAlarm(Date.now() + 3_600_000).catch((error) => t.show("an alarm without a handler", error));
    t.show("schema with an alarm", sql.exec("SELECT name FROM sqlite_master").toArray());
    sql.exec("CREATE TABLE mine (a, b TEXT); CREATE INDEX i ON mine (b)");
    await each(t, sql, [
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'mine'",
        "SELECT name FROM sqlite_schema WHERE name = 'i'",
        "SELECT name FROM main.sqlite_master WHERE name = 'i'",
        "SELECT rootpage > 0 AS a FROM sqlite_master WHERE name = 'i'",
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 5, '')",
        "UPDATE sqlite_master SET sql = ''",
        "DELETE FROM sqlite_master",
        "DROP TABLE sqlite_master",
        "SELECT name FROM sqlite_temp_master",
        "SELECT name FROM sqlite_temp_schema",
        "SELECT * FROM sqlite_stat1",
        "SELECT * FROM sqlite_sequence",
    ]);
}

async function temporary(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE mine (a)");
    await each(t, sql, [
        "CREATE TEMP TABLE temporary (a)",
        "CREATE TEMPORARY TABLE temporary2 (a)",
        "CREATE TABLE temp.other (a)",
        "CREATE TEMP VIEW tv AS SELECT 1",
        "CREATE TEMP TRIGGER tt AFTER INSERT ON mine BEGIN SELECT 1; END",
        "CREATE TEMP TABLE copied AS SELECT 1",
        "SELECT * FROM temporary",
        "CREATE VIRTUAL TABLE temp.f USING fts5(a)",
    ]);
}

async function functions(t, { storage: { sql } }) {
    const allowed = [];
    const refused = [];
    const odd = [];
    for (const name of [
        "abs",
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "avg",
        "bm25",
        "ceil",
        "ceiling",
        "changes",
        "char",
        "coalesce",
        "concat",
        "concat_ws",
        "cos",
        "cosh",
        "count",
        "cume_dist",
        "current_date",
        "current_time",
        "current_timestamp",
        "date",
        "datetime",
        "degrees",
        "dense_rank",
        "exp",
        "first_value",
        "floor",
        "format",
        "fts5",
        "fts5_decode",
        "fts5_source_id",
        "fts5_locale",
        "fts5_get_locale",
        "fts5_insttoken",
        "glob",
        "group_concat",
        "hex",
        "highlight",
        "if",
        "ifnull",
        "iif",
        "instr",
        "json",
        "json_array",
        "json_array_length",
        "json_error_position",
        "json_extract",
        "json_group_array",
        "json_group_object",
        "json_insert",
        "json_object",
        "json_patch",
        "json_pretty",
        "json_quote",
        "json_remove",
        "json_replace",
        "json_set",
        "json_type",
        "json_valid",
        "json_array_insert",
        "jsonb",
        "jsonb_array",
        "jsonb_extract",
        "jsonb_group_array",
        "jsonb_group_object",
        "jsonb_insert",
        "jsonb_object",
        "jsonb_patch",
        "jsonb_remove",
        "jsonb_replace",
        "jsonb_set",
        "julianday",
        "lag",
        "last_insert_rowid",
        "last_value",
        "lead",
        "length",
        "like",
        "likelihood",
        "likely",
        "ln",
        "load_extension",
        "log",
        "log10",
        "log2",
        "lower",
        "ltrim",
        "match",
        "max",
        "median",
        "min",
        "mod",
        "nth_value",
        "ntile",
        "nullif",
        "octet_length",
        "percent_rank",
        "percentile",
        "pi",
        "pow",
        "power",
        "printf",
        "quote",
        "radians",
        "random",
        "randomblob",
        "rank",
        "replace",
        "round",
        "row_number",
        "rtreecheck",
        "rtreedepth",
        "rtreenode",
        "rtrim",
        "sign",
        "sin",
        "sinh",
        "snippet",
        "soundex",
        "sqlite_compileoption_get",
        "sqlite_compileoption_used",
        "sqlite_log",
        "sqlite_offset",
        "sqlite_source_id",
        "sqlite_version",
        "sqrt",
        "strftime",
        "string_agg",
        "subtype",
        "subtypes",
        "substr",
        "substring",
        "sum",
        "tan",
        "tanh",
        "time",
        "timediff",
        "total",
        "total_changes",
        "trim",
        "trunc",
        "typeof",
        "unhex",
        "unicode",
        "unistr",
        "unistr_quote",
        "unixepoch",
        "unlikely",
        "upper",
        "zeroblob",
        "geopoly_area",
        "regexp",
        "regexpi",
        "uuid",
        "sha1",
        "crc32",
        "_cf_x",
        "json_each",
        "sqlite_rename_column",
        "sqlite_rename_table",
        "sqlite_drop_column",
        "sqlite_fail",
        "sqlite_add_constraint",
        "sqlite_find_constraint",
    ]) {
        // A wrong number of arguments is noticed after the name was looked up, and before it is allowed.
        for (const text of [
            `SELECT ${name}()`,
            `SELECT ${name}(1)`,
            `SELECT ${name}('a', 'b')`,
            `SELECT ${name}('a', 1, 1)`,
            `SELECT ${name}(1) OVER ()`,
            `SELECT ${name}(1, '$', 1, 1)`,
        ]) {
            try {
                sql.exec(text).toArray();
                allowed.push(name);
                break;
            } catch ({ message }) {
                if (message.startsWith("not authorized")) {
                    refused.push(name);
                    break;
                }
                if (message.includes("no such function")) {
                    odd.push(name);
                    break;
                }
                if (!/wrong number of arguments|may not be used as a window function|syntax error/.test(message)) {
                    allowed.push(name);
                    break;
                }
            }
        }
    }
    t.show("functions that are allowed", allowed.join(" "));
    t.show("functions that are refused", refused.join(" "));
    t.show("functions that are not there", odd.join(" "));
    await each(t, sql, [
        "SELECT load_extension()",
        "SELECT load_extension('a', 'b')",
        "SELECT sqlite_version()",
        "SELECT sqlite_source_id()",
        "SELECT missing_function()",
        "SELECT log10(100)",
        "SELECT json_error_position('{')",
        "SELECT soundex('a')",
        "SELECT randomblob(2) IS NOT NULL",
        "SELECT zeroblob(10) IS NOT NULL",
    ]);
}

async function sizes(t, { storage: { sql } }) {
    const outcome = (run) => {
        const result = run();
        return typeof result === "object" ? JSON.stringify(result).length : result;
    };
    const list = (count, item) => Array.from({ length: count }, (_, at) => item(at)).join(", ");
    const sized = async (label, sizes, run) => {
        for (const size of sizes) {
            await t.throws(`${label} ${size}`, () => outcome(() => run(size)));
        }
    };
    await sized("length of SQL", [99_999, 100_000, 100_001], (size) =>
        sql.exec(`SELECT 1 AS a${" ".repeat(size - 13)}`).toArray(),
    );
    await sized("length of SQL that is a comment", [100_001], (size) =>
        sql.exec(`/*${" ".repeat(size - 4)}*/`).toArray(),
    );
    await sized("length of several statements", [100_001], (size) =>
        sql.exec(`SELECT 1 AS a;${" ".repeat(size - 27)}SELECT 2 AS b`).toArray(),
    );
    await sized("bindings", [100, 101], (size) =>
        sql.exec(`SELECT ${list(size, () => "?")}`, ...Array(size).fill(1)).toArray(),
    );
    await sized("bindings in a list", [100, 101], (size) =>
        sql.exec(`SELECT 1 WHERE 1 IN (${list(size, () => "?")})`, ...Array(size).fill(1)).toArray(),
    );
    await sized("columns of a result", [100, 101], (size) =>
        sql.exec(`SELECT ${list(size, (at) => `1 AS c${at}`)}`).toArray(),
    );
    await sized("columns of a table", [100, 101], (size) =>
        sql.exec(`CREATE TABLE c${size} (${list(size, (at) => `c${at}`)})`).toArray(),
    );
    await sized("values in a list", [1000], (size) =>
        sql.exec(`SELECT 1 WHERE 1 IN (${list(size, (at) => at)})`).toArray(),
    );
    await sized(
        "rows of VALUES",
        [4, 5, 6, 500],
        (size) => sql.exec(`VALUES ${list(size, () => "(1)")}`).toArray().length,
    );
    await sized(
        "UNION of",
        [5, 6],
        (size) => sql.exec(Array(size).fill("SELECT 1").join(" UNION ALL ")).toArray().length,
    );
    await sized("LIKE pattern of", [50, 51], (size) => sql.exec("SELECT 'a' LIKE ?", "a".repeat(size)).toArray());
    await sized("GLOB pattern of", [50, 51], (size) => sql.exec("SELECT 'a' GLOB ?", "a".repeat(size)).toArray());
    await sized("LIKE pattern of two-byte letters", [25, 26], (size) =>
        sql.exec("SELECT 'a' LIKE ?", "é".repeat(size)).toArray(),
    );
    await sized("arguments of a function", [32, 33, 100, 127, 128], (size) =>
        sql.exec(`SELECT max(${list(size, (at) => at)}) AS a`).toArray(),
    );
    await sized("joined tables", [64, 65], (size) => {
        sql.exec("CREATE TABLE IF NOT EXISTS small (a)");
        return sql.exec(`SELECT 1 FROM ${list(size, (at) => `small AS s${at}`)}`).toArray();
    });
    // workerd's limit is 8 MiB and 34 bytes.
    const limits = [2 ** 22, 2 ** 23, 8_388_642, 8_388_643, 2 ** 24];
    await sized("text of", limits, (size) => sql.exec("SELECT ? AS a", "x".repeat(size)).one().a.length);
    await sized("blob of", limits, (size) => sql.exec("SELECT ? AS a", new Uint8Array(size)).one().a.byteLength);
    await sized("zeroblob of", limits, (size) => sql.exec("SELECT length(zeroblob(?)) AS a", size).one().a);
    await sized(
        "text made of two",
        [4_194_321, 4_194_322],
        (size) => sql.exec("SELECT length(?1 || ?1) AS a", "x".repeat(size)).one().a,
    );
    await sized(
        "text of two-byte letters",
        [4_194_321, 4_194_322],
        (size) => sql.exec("SELECT ? AS a", "é".repeat(size)).one().a.length,
    );
    sql.exec("CREATE TABLE large (a, b)");
    await sized(
        "stored text of",
        [2 ** 22, 8_388_636, 8_388_637],
        (size) => sql.exec("INSERT INTO large (a) VALUES (?)", "x".repeat(size)).rowsWritten,
    );
    await sized(
        "stored row of two texts of",
        [4_194_316, 4_194_317],
        (size) => sql.exec("INSERT INTO large VALUES (?1, ?1)", "x".repeat(size)).rowsWritten,
    );
}

async function depth(t, { storage: { sql } }) {
    const nested = (size) => `SELECT ${"(".repeat(size)}1${")".repeat(size)} AS a`;
    for (const size of [50, 98, 99, 100, 101, 200]) {
        await t.throws(`sum of ${size}`, () => sql.exec(`SELECT ${Array(size).fill("1").join(" + ")} AS a`).toArray());
        await t.throws(`parentheses ${size}`, () => sql.exec(nested(size)).toArray());
        await t.throws(`calls ${size}`, () =>
            sql.exec(`SELECT ${"abs(".repeat(size)}1${")".repeat(size)} AS a`).toArray(),
        );
    }
    sql.exec("CREATE TABLE long (a)");
    await t.throws(
        "a long program",
        () => sql.exec(`INSERT INTO long VALUES ${Array(20_000).fill("(1)").join(",")}`).rowsWritten,
    );
}

async function triggers(t, { storage: { sql } }) {
    sql.exec("CREATE TABLE chain (n INTEGER)");
    sql.exec(
        "CREATE TRIGGER next AFTER INSERT ON chain WHEN new.n > 0 BEGIN INSERT INTO chain VALUES (new.n - 1); END",
    );
    t.show(
        "triggers are not recursive at first",
        (() => {
            sql.exec("INSERT INTO chain VALUES (3)");
            return sql.exec("SELECT count(*) AS n FROM chain").one();
        })(),
    );
    sql.exec("PRAGMA recursive_triggers = ON; DELETE FROM chain");
    for (const depth of [8, 9, 10, 11]) {
        await t.throws(`triggers ${depth} deep`, () => sql.exec("INSERT INTO chain VALUES (?)", depth).toArray());
    }
    t.show("rows of triggers", sql.exec("SELECT count(*) AS n FROM chain").one());
}

async function foreignKeys(t, { storage }) {
    const { sql } = storage;
    sql.exec(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (p INTEGER REFERENCES parent (id) ON DELETE CASCADE)",
    );
    t.show("foreign keys", sql.exec("PRAGMA foreign_keys").one());
    await t.throws("a child without a parent", () => sql.exec("INSERT INTO child VALUES (1)"));
    sql.exec("INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1); DELETE FROM parent");
    t.show("a delete goes on to children", sql.exec("SELECT count(*) AS n FROM child").one());
    sql.exec("PRAGMA foreign_keys = OFF");
    await t.throws("a child without a parent after OFF in a transaction", () =>
        sql.exec("INSERT INTO child VALUES (2)"),
    );
    await storage.sync();
    sql.exec("PRAGMA foreign_keys = OFF");
    await t.throws("a child without a parent after OFF in a fresh turn", () =>
        sql.exec("INSERT INTO child VALUES (3)"),
    );
    t.show("foreign keys afterwards", sql.exec("PRAGMA foreign_keys").one());
    await storage.sync();
    await t.throws("deferred", () => {
        sql.exec("PRAGMA defer_foreign_keys = ON");
        sql.exec("INSERT INTO child VALUES (7)");
        sql.exec("INSERT INTO parent VALUES (7)");
        return sql.exec("SELECT count(*) AS n FROM child").one();
    });
    await storage.sync();
    await t.throws("deferred in transactionSync, resolved", () =>
        storage.transactionSync(() => {
            sql.exec("PRAGMA defer_foreign_keys = ON");
            sql.exec("INSERT INTO child VALUES (8)");
            sql.exec("INSERT INTO parent VALUES (8)");
        }),
    );
    await t.throws("deferred is over", () => sql.exec("PRAGMA defer_foreign_keys").one());
}

async function databaseSize(t, { storage }) {
    const { sql } = storage;
    t.show("size of an empty database", sql.databaseSize);
    t.show("size again", sql.databaseSize);
    sql.exec("CREATE TABLE a (x)");
    t.show("size with a table", sql.databaseSize);
    sql.exec("INSERT INTO a VALUES (?)", "x".repeat(100_000));
    t.show("size with a long text", sql.databaseSize);
    sql.exec("DELETE FROM a");
    t.show("size after a delete", sql.databaseSize);
    storage.kv.put("a", 1);
    t.show("size with a key", sql.databaseSize);
    await storage.deleteAll();
    t.show("size after deleteAll", sql.databaseSize);
    t.show("size is no own property", Object.keys(sql));
    await t.throws("size is not written", () => {
        "use strict";
        sql.databaseSize = 5;
        return sql.databaseSize > 5;
    });
}
