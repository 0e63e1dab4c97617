//! SQL of a guest over a real disk: results, texts of errors, what is refused, where the limits are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dormouse_storage::file::Disk;
use dormouse_storage::limits::{
    ARGUMENTS_MAX, BATCH_BYTES_MAX, BATCH_ROWS_MAX, COLUMNS_MAX, COMPOUND_TERMS_MAX, CURSORS_OPEN_MAX,
    EXPRESSION_DEPTH_MAX, PARAMETERS_MAX, PATTERN_LEN_MAX, SQL_LEN_MAX, TRIGGERS_NESTED_MAX, VALUE_LEN_MAX,
    WRITTEN_ROWS_BYTES_MAX,
};
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::txn::Span;
use dormouse_storage::{Batch, CursorId, Db, End, Error, Value, Vfs};

struct Folder {
    folder: tempfile::TempDir,
    vfs: Vfs,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a test");
        Self { folder, vfs: Vfs::new(Arc::new(Disk)).expect("a file system") }
    }

    fn open(&self) -> Db {
        Db::open(&self.vfs, &self.folder.path().join("object.sqlite"), Some("lobby"), None).expect("it opens")
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// All that a text gives: its values as SQLite would print them, row after row, or the text of its error.
fn say(db: &mut Db, sql: &str, bindings: &[Value]) -> String {
    match db.exec(sql, bindings) {
        Ok(executed) => {
            let columns = executed.columns.len();
            let (mut values, mut end) = (executed.batch.values, executed.batch.end);
            while let End::More(cursor) = end {
                match db.fetch(cursor) {
                    Ok(batch) => {
                        values.extend(batch.values);
                        end = batch.end;
                    }
                    Err(error) => return error.to_string(),
                }
            }
            let rows: Vec<String> =
                values.chunks(columns.max(1)).map(|row| row.iter().map(print).collect::<Vec<_>>().join(",")).collect();
            match end {
                End::Failed(error) => format!("{} then {error}", rows.join(" ")),
                _ => rows.join(" "),
            }
        }
        Err(error) => error.to_string(),
    }
}

fn print(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

/// Each text is run in the database that those before it have left.
fn check(cases: &[(&str, &str)]) {
    let folder = Folder::new();
    let mut db = folder.open();
    for (sql, expected) in cases {
        assert_eq!(say(&mut db, sql, &[]), *expected, "{sql}");
    }
}

fn rows(db: &mut Db, sql: &str) -> String {
    say(db, sql, &[])
}

fn guest_error<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(error @ Error::Guest(_)) => error.to_string(),
        other => panic!("not an error of the guest: {other:?}"),
    }
}

#[test]
fn statements_of_one_text_run_in_order_and_the_last_gives_the_rows() {
    check(&[
        ("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2); SELECT x, x + 1 AS y FROM a", "1,2 2,3"),
        ("SELECT x FROM a; DELETE FROM a WHERE x = 2", ""),
        ("SELECT 1; SELECT 2;", "2"),
        ("INSERT INTO a VALUES (8); SELEC 1", "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        ("SELECT 1;\n  SELECT missing", "no such column: missing at offset 7: SQLITE_ERROR"),
        ("SELECT x FROM a", "1 8"),
        ("INSERT INTO a VALUES (9); SELECT * FROM missing", "no such table: missing: SQLITE_ERROR"),
        ("SELECT count(*) FROM a", "3"),
        (";; SELECT 1", "1"),
        ("\n\t SELECT ';' -- end\r\n", ";"),
        ("SELECT 1; -- end", "SQL code did not contain a statement."),
        ("SELECT 1;;; ; ", "SQL code did not contain a statement."),
        ("", "SQL code did not contain a statement."),
        ("/* open", "SQL code did not contain a statement."),
        ("SELECT 1 AS a\0, 2", "SQL code did not contain a statement."),
        ("SELECT 'a\0b'", "unrecognized token: \"'a\" at offset 7: SQLITE_ERROR"),
        ("SELECT 'é☃', missing", "no such column: missing at offset 16: SQLITE_ERROR"),
        ("SELECT \"missing\"", "missing"),
        (
            "SELECT ?; SELECT 1",
            "When executing multiple SQL statements in a single call, only the last statement can have parameters.",
        ),
    ]);
}

#[test]
fn bindings_are_as_many_as_parameters() {
    let folder = Folder::new();
    let mut db = folder.open();
    let wrong = "Wrong number of parameter bindings for SQL query.";
    for (sql, bindings, expected) in [
        ("SELECT ?, ?", vec![Value::Integer(1)], wrong),
        ("SELECT 1", vec![Value::Null], wrong),
        ("SELECT ?2, ?1", vec![text("x"), text("y")], "y,x"),
        ("SELECT ?3", vec![text("x"), text("y"), text("z")], "z"),
        ("SELECT :a, :b, :a", vec![text("x"), text("y")], "x,y,x"),
        ("INSERT INTO missing VALUES (?)", vec![], "no such table: missing: SQLITE_ERROR"),
        ("SELECT typeof(?1), ?1", vec![Value::Real(1.0)], "real,1.0"),
        ("SELECT typeof(?1), ?1", vec![Value::Blob(vec![])], "blob,[]"),
    ] {
        // The second time the statement comes out of the cache.
        for _ in 0..2 {
            assert_eq!(say(&mut db, sql, &bindings), expected, "{sql}");
        }
    }
    assert_eq!(say(&mut db, "SELECT ?", &[text("bound")]), "bound");
    assert_eq!(db.exec("SELECT 1 AS one, 2 AS one", &[]).unwrap().columns, ["one", "one"]);
}

#[test]
fn errors_name_sqlites_codes() {
    check(&[
        ("CREATE TABLE c (id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 1, k CHECK (k > 0))", ""),
        ("INSERT INTO c (id, u) VALUES (1, 'u')", ""),
        (
            "INSERT INTO c (id) VALUES (1)",
            "UNIQUE constraint failed: c.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)",
        ),
        (
            "INSERT INTO c (u) VALUES ('v'), ('u')",
            "UNIQUE constraint failed: c.u: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        ),
        ("INSERT INTO c (id) VALUES ('x')", "datatype mismatch: SQLITE_MISMATCH"),
        ("SELECT count(*) FROM c", "1"),
        ("CREATE TABLE d (c INTEGER REFERENCES c (id))", ""),
        (
            "INSERT INTO d VALUES (5)",
            "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
        ),
        (
            "SELECT 'a' = 'A' COLLATE unicode",
            "no such collation sequence: unicode: SQLITE_ERROR (extended: SQLITE_ERROR_MISSING_COLLSEQ)",
        ),
        ("SELECT json('{')", "malformed JSON: SQLITE_ERROR"),
        ("SELECT json(value) FROM json_each('[\"1\", \"{\", \"2\"]')", "1 then malformed JSON: SQLITE_ERROR"),
        ("SELECT abs(-9223372036854775808)", "integer overflow: SQLITE_ERROR"),
        ("VACUUM", "cannot VACUUM from within a transaction: SQLITE_ERROR"),
    ]);
}

#[test]
fn what_workerd_has_of_sqlite_is_there() {
    check(&[
        ("SELECT sqrt(9), pow(2, 3), log2(8), mod(7, 3)", "3.0,8.0,3.0,1.0"),
        ("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]'), '{\"a\":1}' ->> 'a', typeof(jsonb('{}'))", "2,1,blob"),
        ("SELECT date(0, 'unixepoch'), CURRENT_DATE = date('now')", "1970-01-01,1"),
        ("CREATE VIRTUAL TABLE docs USING fts5(title, body)", ""),
        ("INSERT INTO docs VALUES ('one', 'the quick fox'), ('two', 'lazy dogs')", ""),
        ("SELECT highlight(docs, 1, '<', '>') FROM docs WHERE docs MATCH 'fox' ORDER BY rank", "the quick <fox>"),
        ("CREATE VIEW found AS SELECT highlight(docs, 0, '<', '>') AS h FROM docs('one')", ""),
        ("SELECT h FROM found", "<one>"),
        ("DELETE FROM docs_data", "table docs_data may not be modified: SQLITE_ERROR"),
        ("CREATE VIRTUAL TABLE vocab USING fts5vocab(docs, 'row')", ""),
        ("CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); INSERT INTO boxes VALUES (1, 0, 10)", ""),
        ("SELECT id FROM boxes WHERE x0 < 5", "1"),
        ("DROP VIEW found; ALTER TABLE docs RENAME TO papers; SELECT title FROM papers", "one two"),
        ("CREATE TABLE t (a, b); ALTER TABLE t RENAME COLUMN b TO c; ALTER TABLE t DROP COLUMN a", ""),
        ("ANALYZE; PRAGMA optimize; REINDEX", ""),
        ("DROP TABLE papers; SELECT count(*) FROM sqlite_schema WHERE name LIKE 'papers%'", "0"),
        ("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT sum(x) FROM n", "15"),
    ]);
}

#[test]
fn what_reaches_beyond_the_guests_own_is_refused() {
    let auth = "not authorized: SQLITE_AUTH";
    for sql in [
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "PRAGMA user_version",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA page_size = 8192",
        "PRAGMA recursive_triggers = 2",
        "PRAGMA table_info",
        "PRAGMA table_info(_cf_KV)",
        "PRAGMA quick_check('_CF_kv')",
        "PRAGMA writable_schema = ON",
        "SELECT 1; PRAGMA missing; SELECT 2",
        "SELECT * FROM pragma_user_version",
        "SELECT count(*) FROM _cf_KV",
        "INSERT INTO _CF_kv VALUES ('a', x'00')",
        "DELETE FROM _cf_METADATA",
        "DROP TABLE _cf_KV",
        "ALTER TABLE _cf_KV RENAME TO mine2",
        "ALTER TABLE mine RENAME TO _cf_mine",
        "CREATE TABLE _Cf_mine (a)",
        "CREATE INDEX _cf_i ON mine (a)",
        "CREATE INDEX i ON _cf_KV (value)",
        "CREATE VIEW _cf_v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON _cf_KV BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE _cf_f USING fts5(a)",
        "CREATE VIRTUAL TABLE f USING fts4(a)",
        "CREATE VIRTUAL TABLE temp.f USING fts5(a)",
        "CREATE TEMP TABLE t (a)",
        "CREATE TABLE temp.t (a)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON mine BEGIN SELECT 1; END",
    ] {
        let folder = Folder::new();
        let mut db = folder.open();
        db.kv_put("key", b"value").unwrap();
        db.set_alarm(None).unwrap();
        db.commit().unwrap();
        db.exec("CREATE TABLE mine (a)", &[]).unwrap();
        assert_eq!(rows(&mut db, sql), auth, "{sql}");
        assert_eq!(rows(&mut db, "SELECT name FROM sqlite_schema WHERE name LIKE '%mine'"), "mine", "{sql}");
    }
    check(&[
        ("SELECT load_extension('x')", "not authorized: SQLITE_ERROR"),
        ("SELECT sqlite_version()", "not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR"),
        ("SELECT 1 FROM dbstat", "no such table: dbstat: SQLITE_ERROR"),
        ("DELETE FROM sqlite_master", "table sqlite_master may not be modified: SQLITE_ERROR"),
        ("CREATE TABLE _cf (a); CREATE TABLE my_cf_t (_cf_a); SELECT count(_cf_a) FROM my_cf_t", "0"),
        ("SELECT name FROM temp.sqlite_master", ""),
    ]);
}

#[test]
fn nothing_that_a_guest_made_reaches_our_tables_through_our_own_statements() {
    let folder = Folder::new();
    let mut db = folder.open();
    let alarm = AlarmRow { scheduled_ms: 1, due_ms: 2, failed: 0, attempts: 0 };
    db.set_alarm(Some(alarm)).unwrap();
    db.kv_put("key", b"value").unwrap();
    assert_eq!(rows(&mut db, "SELECT key FROM _cf_KV"), "access to _cf_KV.key is prohibited: SQLITE_AUTH");
    db.exec("CREATE TABLE r (k REFERENCES _cf_KV (key) ON DELETE CASCADE)", &[]).unwrap();
    db.exec("PRAGMA foreign_keys = ON; CREATE TRIGGER t AFTER DELETE ON r BEGIN DELETE FROM _cf_METADATA; END", &[])
        .unwrap();
    assert_eq!(guest_error(db.kv_delete("key")), "not authorized: SQLITE_AUTH");
    assert_eq!(db.alarm().unwrap(), Some(alarm));
    db.delete_all().unwrap();
    assert_eq!(db.alarm().unwrap(), Some(alarm));
}

#[test]
fn transactions_are_refused_with_advice() {
    let folder = Folder::new();
    let mut db = folder.open();
    for sql in ["BEGIN", "END", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "SELECT 1; COMMIT", "EXPLAIN BEGIN"] {
        let said = rows(&mut db, sql);
        assert!(said.starts_with("To execute a transaction, please use the state.storage.transaction()"), "{said}");
        assert!(said.ends_with("with Durable Objects' automatic atomic write coalescing."), "{said}");
    }
    // It is not said of what is refused for another reason.
    assert_eq!(rows(&mut db, "PRAGMA missing"), "not authorized: SQLITE_AUTH");
}

/// Runs a text that is made for a size, at a limit and above it.
fn check_limit(limit: usize, expected: &str, make: impl Fn(usize) -> (String, Vec<Value>)) {
    let folder = Folder::new();
    let mut db = folder.open();
    let (sql, bindings) = make(limit);
    db.exec(&sql, &bindings).unwrap_or_else(|error| panic!("at the limit: {error}"));
    let (sql, bindings) = make(limit + 1);
    let said = guest_error(db.exec(&sql, &bindings));
    assert!(said.starts_with(expected), "{said}");
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn size(limit: i32) -> usize {
    usize::try_from(limit).expect("limits are positive")
}

#[test]
fn each_limit_of_sql_is_where_it_is_said_to_be() {
    let plain = |sql: String| (sql, Vec::new());
    check_limit(size(SQL_LEN_MAX), "statement too long: SQLITE_TOOBIG", |size| {
        plain(format!("SELECT 1{}", " ".repeat(size - 8)))
    });
    check_limit(size(VALUE_LEN_MAX), "string or blob too big: SQLITE_TOOBIG", |size| {
        ("SELECT ?".into(), vec![Value::Blob(vec![0; size])])
    });
    check_limit(size(PARAMETERS_MAX), "too many SQL variables", |size| {
        (format!("SELECT {}", list(size, |_| "?".into())), vec![Value::Null; size])
    });
    check_limit(size(COLUMNS_MAX), "too many columns in result set: SQLITE_ERROR", |size| {
        plain(format!("SELECT {}", list(size, |at| at.to_string())))
    });
    check_limit(size(COLUMNS_MAX), "too many columns on t", |size| {
        plain(format!("CREATE TABLE t{size} ({})", list(size, |at| format!("c{at}"))))
    });
    check_limit(size(EXPRESSION_DEPTH_MAX), "Expression tree is too large (maximum depth 100)", |size| {
        plain(format!("SELECT {}", vec!["1"; size].join(" + ")))
    });
    check_limit(size(COMPOUND_TERMS_MAX), "too many terms in compound SELECT", |size| {
        plain(vec!["SELECT 1"; size].join(" UNION ALL "))
    });
    check_limit(size(ARGUMENTS_MAX), "too many arguments on function max", |size| {
        plain(format!("SELECT max({})", list(size, |at| at.to_string())))
    });
    check_limit(size(PATTERN_LEN_MAX), "LIKE or GLOB pattern too complex", |size| {
        ("SELECT 'a' LIKE ?".into(), vec![text(&"a".repeat(size))])
    });
    let deep = "PRAGMA recursive_triggers = ON; CREATE TABLE IF NOT EXISTS chain (n);
        CREATE TRIGGER IF NOT EXISTS next AFTER INSERT ON chain WHEN new.n > 1
        BEGIN INSERT INTO chain VALUES (new.n - 1); END;";
    // The insert by hand is one of them.
    check_limit(size(TRIGGERS_NESTED_MAX), "too many levels of trigger recursion: SQLITE_ERROR", |size| {
        plain(format!("{deep} INSERT INTO chain VALUES ({size})"))
    });
}

#[test]
fn a_program_that_is_too_long_is_an_error_and_the_database_goes_on() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x); INSERT INTO a VALUES (1)", &[]).unwrap();
    let sum = list(120, |_| "x+x+x+x".into());
    let long = format!("SELECT {}", list(88, |_| format!("max({sum})")));
    let long = format!("{long} FROM a");
    assert!(long.len() < size(SQL_LEN_MAX));
    let said = guest_error(db.exec(&long, &[]));
    assert_eq!(said, "out of memory: SQLITE_NOMEM");
    assert_eq!(rows(&mut db, "SELECT x FROM a"), "1");
}

/// A query of as many rows.
fn count_up(rows: usize) -> String {
    format!("WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {rows}) SELECT x FROM n")
}

fn more(batch: &Batch) -> CursorId {
    match batch.end {
        End::More(cursor) => cursor,
        ref end => panic!("{end:?}"),
    }
}

#[test]
fn small_results_come_at_once_and_large_ones_in_batches() {
    let folder = Folder::new();
    let mut db = folder.open();
    let batch = db.exec(&count_up(BATCH_ROWS_MAX - 1), &[]).unwrap().batch;
    assert!(matches!(batch.end, End::Done) && db.is_quiet());
    assert_eq!(batch.rows, BATCH_ROWS_MAX - 1);

    let batch = db.exec(&count_up(BATCH_ROWS_MAX + 1), &[]).unwrap().batch;
    let cursor = more(&batch);
    assert!(batch.rows == BATCH_ROWS_MAX && !db.is_quiet());
    let batch = db.fetch(cursor).unwrap();
    assert_eq!(batch.values, [Value::Integer(BATCH_ROWS_MAX as i64 + 1)]);
    assert!(matches!(batch.end, End::Done) && db.is_quiet());
    assert!(guest_error(db.fetch(cursor)).starts_with("This SQL cursor was closed"));

    let large = [Value::Blob(vec![7; BATCH_BYTES_MAX])];
    let batch = db.exec("SELECT ?1 UNION ALL SELECT ?1", &large).unwrap().batch;
    assert_eq!(batch.rows, 1);
    db.drop_cursor(more(&batch));
    assert!(db.is_quiet());
}

#[test]
fn cursors_of_one_text_do_not_disturb_one_another() {
    let folder = Folder::new();
    let mut db = folder.open();
    let sql = count_up(BATCH_ROWS_MAX * 3);
    let one = more(&db.exec(&sql, &[]).unwrap().batch);
    db.fetch(one).unwrap();
    let two = more(&db.exec(&sql, &[]).unwrap().batch);
    assert_ne!(one, two);
    assert_eq!(CursorId::from_number(one.get()), one);
    let (after_one, after_two) = (db.fetch(one).unwrap(), db.fetch(two).unwrap());
    assert_eq!(after_one.values[0], Value::Integer(BATCH_ROWS_MAX as i64 * 2 + 1));
    assert_eq!(after_two.values[0], Value::Integer(BATCH_ROWS_MAX as i64 + 1));
}

#[test]
fn the_oldest_cursor_is_closed_when_there_are_too_many() {
    let folder = Folder::new();
    let mut db = folder.open();
    let sql = count_up(BATCH_ROWS_MAX + 1);
    let cursors: Vec<CursorId> = (0..=CURSORS_OPEN_MAX).map(|_| more(&db.exec(&sql, &[]).unwrap().batch)).collect();
    assert!(guest_error(db.fetch(cursors[0])).contains("at most 64 can be open"));
    for cursor in &cursors[1..] {
        assert_eq!(db.fetch(*cursor).unwrap().rows, 1);
    }
}

#[test]
fn a_cursor_sees_changes_and_a_commit_does_not_end_it() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (id INTEGER PRIMARY KEY, x)", &[]).unwrap();
    db.exec(&format!("INSERT INTO a (x) {}", count_up(BATCH_ROWS_MAX + 2)), &[]).unwrap();
    let cursor = more(&db.exec("SELECT id FROM a ORDER BY id", &[]).unwrap().batch);
    db.exec("DELETE FROM a WHERE id = ?", &[Value::Integer(BATCH_ROWS_MAX as i64 + 1)]).unwrap();
    assert!(rows(&mut db, "DROP TABLE a").starts_with("database table is locked"));
    assert!(db.commit().unwrap().is_some());
    db.exec("INSERT INTO a VALUES (1000, 1)", &[]).unwrap();
    let batch = db.fetch(cursor).unwrap();
    assert_eq!(batch.values, [Value::Integer(BATCH_ROWS_MAX as i64 + 2), Value::Integer(1000)]);
}

#[test]
fn a_cursor_of_a_rolled_back_schema_is_an_error() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec(&format!("CREATE TABLE a (x); INSERT INTO a {}", count_up(BATCH_ROWS_MAX + 2)), &[]).unwrap();
    let cursor = more(&db.exec("SELECT x FROM a", &[]).unwrap().batch);
    db.roll_back();
    let said = guest_error(db.fetch(cursor));
    assert_eq!(said, "abort due to ROLLBACK: SQLITE_ABORT (extended: SQLITE_ABORT_ROLLBACK)");
    assert!(db.is_quiet());
    assert_eq!(rows(&mut db, "SELECT x FROM a"), "no such table: a: SQLITE_ERROR");
}

#[test]
fn a_changed_schema_gives_the_same_text_other_columns() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x); INSERT INTO a VALUES (1)", &[]).unwrap();
    assert_eq!(db.exec("SELECT * FROM a", &[]).unwrap().columns, ["x"]);
    db.exec("ALTER TABLE a ADD COLUMN y DEFAULT 2", &[]).unwrap();
    let executed = db.exec("SELECT * FROM a", &[]).unwrap();
    assert_eq!((executed.columns.len(), executed.batch.values.len()), (2, 2));
    db.begin_nested(Span::Turn).unwrap();
    db.exec("ALTER TABLE a ADD COLUMN z DEFAULT 3", &[]).unwrap();
    assert_eq!(rows(&mut db, "SELECT * FROM a"), "1,2,3");
    db.roll_back_nested().unwrap();
    assert_eq!(rows(&mut db, "SELECT * FROM a"), "1,2");
}

#[test]
fn what_a_write_returns_is_there_at_once_and_nothing_is_pending() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (id INTEGER PRIMARY KEY, x)", &[]).unwrap();
    let sql = format!("INSERT INTO a (x) {} RETURNING id", count_up(BATCH_ROWS_MAX * 2));
    let batch = db.exec(&sql, &[]).unwrap().batch;
    assert!(matches!(batch.end, End::Done));
    assert_eq!(batch.rows, BATCH_ROWS_MAX * 2);
    assert!(db.commit().unwrap().is_some());
    assert_eq!(rows(&mut db, "SELECT count(*) FROM a"), (BATCH_ROWS_MAX * 2).to_string());
}

#[test]
fn a_write_that_returns_too_much_writes_nothing() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x); INSERT INTO a VALUES (1)", &[]).unwrap();
    let blob = WRITTEN_ROWS_BYTES_MAX / 8 - size_of::<Value>();
    let sql = |rows: usize| format!("INSERT INTO a {} RETURNING zeroblob({blob})", count_up(rows));
    assert_eq!(
        guest_error(db.exec(&sql(9), &[])),
        "A statement that writes may return at most 33554432 bytes of rows."
    );
    assert_eq!(rows(&mut db, "SELECT x FROM a"), "1");
    assert_eq!(db.exec(&sql(8), &[]).unwrap().batch.rows, 8);
    assert_eq!(rows(&mut db, "SELECT count(*) FROM a"), "9");
}

#[test]
fn rows_are_counted_as_workerd_counts_them() {
    let folder = Folder::new();
    let mut db = folder.open();
    for (sql, read, written) in [
        ("CREATE TABLE plain (id INTEGER PRIMARY KEY, a, b)", 0, 0),
        ("CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID", 0, 0),
        ("CREATE TABLE texts (k TEXT PRIMARY KEY, v)", 0, 0),
        ("SELECT * FROM plain", 1, 0),
        ("INSERT INTO plain (a, b) VALUES (1, 'x')", 0, 1),
        ("INSERT INTO plain (a, b) VALUES (2, 'y'), (3, 'z'), (4, 'w')", 0, 3),
        ("INSERT INTO keyed VALUES ('a', 1), ('b', 2)", 0, 2),
        ("INSERT INTO texts VALUES ('a', 1), ('b', 2)", 0, 4),
        ("SELECT 1", 0, 0),
        ("SELECT * FROM plain", 4, 0),
        ("SELECT * FROM plain WHERE id = 2", 1, 0),
        ("SELECT * FROM plain WHERE id = 99", 1, 0),
        ("SELECT * FROM plain WHERE a = 2", 4, 0),
        ("SELECT sum(a) FROM plain", 4, 0),
        ("SELECT max(id) FROM plain", 1, 0),
        ("SELECT * FROM keyed WHERE k = 'a'", 1, 0),
        ("CREATE INDEX plain_a ON plain (a)", 0, 0),
        ("INSERT INTO plain (a, b) VALUES (5, 'v')", 0, 2),
        ("SELECT a FROM plain WHERE a > 3", 2, 0),
        ("UPDATE plain SET a = 6 WHERE id = 5", 1, 2),
        ("UPDATE plain SET b = 'u' WHERE id = 5", 1, 1),
        ("UPDATE plain SET b = 'u' WHERE id = 99", 1, 0),
        ("INSERT OR REPLACE INTO texts VALUES ('a', 9)", 0, 2),
        ("INSERT INTO plain (a, b) VALUES (7, 'r') RETURNING id", 0, 2),
        ("DELETE FROM plain WHERE id = 6", 1, 1),
        ("DELETE FROM plain", 0, 5),
        ("SELECT value FROM json_each('[1,2,3]')", 3, 0),
        ("CREATE TABLE log (x); CREATE TRIGGER tr AFTER INSERT ON keyed BEGIN INSERT INTO log VALUES (1); END", 0, 0),
        ("INSERT INTO keyed VALUES ('c', 1)", 0, 2),
    ] {
        let batch = db.exec(sql, &[]).unwrap().batch;
        assert_eq!((batch.rows_read, batch.rows_written), (read, written), "{sql}");
    }
    let sql = count_up(BATCH_ROWS_MAX * 2);
    db.exec(&format!("DELETE FROM keyed; INSERT INTO log {sql}"), &[]).unwrap();
    let batch = db.exec("SELECT * FROM log", &[]).unwrap().batch;
    assert_eq!(batch.rows_read, BATCH_ROWS_MAX as u64);
    assert_eq!(db.fetch(more(&batch)).unwrap().rows_read, BATCH_ROWS_MAX as u64 * 2);
}

#[test]
fn rows_are_counted_anew_when_the_schema_has_changed() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x)", &[]).unwrap();
    let insert = |db: &mut Db| db.exec("INSERT INTO a VALUES (1)", &[]).unwrap().batch.rows_written;
    for _ in 0..2 {
        assert_eq!(insert(&mut db), 1);
        db.begin_nested(Span::Turn).unwrap();
        db.exec("CREATE INDEX i ON a (x)", &[]).unwrap();
        assert_eq!(insert(&mut db), 2);
        db.roll_back_nested().unwrap();
    }
}

#[test]
fn the_size_is_that_of_what_is_stored() {
    let folder = Folder::new();
    let mut db = folder.open();
    assert_eq!(db.database_size().unwrap(), 4_096);
    db.exec("CREATE TABLE a (x)", &[]).unwrap();
    assert_eq!(db.database_size().unwrap(), 8_192);
    db.commit().unwrap();
    assert_eq!(db.database_size().unwrap(), 8_192, "the name of the object is not the guest's");
    db.exec("INSERT INTO a VALUES (?)", &[text(&"x".repeat(100_000))]).unwrap();
    assert_eq!(db.database_size().unwrap(), 106_496);
    db.exec("DELETE FROM a", &[]).unwrap();
    assert_eq!(db.database_size().unwrap(), 8_192);
    db.kv_put("a", b"1").unwrap();
    assert_eq!(db.database_size().unwrap(), 12_288);
    db.delete_all().unwrap();
    assert_eq!(db.database_size().unwrap(), 4_096);
}

#[test]
fn a_failed_statement_leaves_what_the_turn_wrote_before() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1)", &[]).unwrap();
    guest_error(db.exec("INSERT INTO a VALUES (2), (1)", &[]));
    guest_error(db.exec("INSERT INTO a VALUES (3), (1) RETURNING x", &[]));
    guest_error(db.exec("INSERT OR FAIL INTO a VALUES (4), (1)", &[]));
    guest_error(db.exec("INSERT OR FAIL INTO a VALUES (5), (1) RETURNING x", &[]));
    assert!(db.is_dirty() && db.commit().unwrap().is_some());
    drop(db);
    let mut db = folder.open();
    assert_eq!(rows(&mut db, "SELECT x FROM a"), "1 4 5");
    assert_eq!(db.stored_name().unwrap().as_deref(), Some("lobby"));
}

#[test]
fn a_statement_that_ends_the_transaction_says_so_when_something_is_lost() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1)", &[]).unwrap();
    db.commit().unwrap();
    let rollback = "INSERT OR ROLLBACK INTO a VALUES (1)";
    assert!(guest_error(db.exec(rollback, &[])).starts_with("UNIQUE constraint failed"));
    assert!(!db.is_dirty() && db.is_quiet(), "nothing was lost");

    db.exec("INSERT INTO a VALUES (2)", &[]).unwrap();
    let error = db.exec(rollback, &[]).unwrap_err();
    assert!(error.is_fatal() && matches!(error, Error::RolledBack(_)), "{error:?}");
    assert_eq!(rows(&mut db, "SELECT x FROM a"), "1");

    db.begin_nested(Span::Held).unwrap();
    assert!(db.exec(rollback, &[]).unwrap_err().is_fatal(), "the transaction of the guest is gone");
}

#[test]
fn the_name_is_kept_though_the_first_write_was_rolled_back() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x UNIQUE)", &[]).unwrap();
    db.roll_back();
    db.begin_nested(Span::Turn).unwrap();
    db.exec("CREATE TABLE b (x)", &[]).unwrap();
    db.roll_back_nested().unwrap();
    db.commit().unwrap();
    db.exec("CREATE TABLE c (x)", &[]).unwrap();
    db.commit().unwrap();
    drop(db);
    assert_eq!(folder.open().stored_name().unwrap().as_deref(), Some("lobby"));
}

#[test]
fn a_violated_deferred_constraint_fails_the_commit() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE p (id PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id))", &[]).unwrap();
    db.commit().unwrap();
    db.exec("PRAGMA defer_foreign_keys = ON", &[]).unwrap();
    db.exec("INSERT INTO p VALUES (1); PRAGMA defer_foreign_keys = ON; INSERT INTO c VALUES (2)", &[]).unwrap();
    let said = guest_error(db.commit());
    assert_eq!(said, "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)");
    assert_eq!(rows(&mut db, "SELECT count(*) FROM p"), "0");
}

#[test]
fn what_a_guest_breaks_by_itself_is_its_own_error() {
    check(&[
        ("CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT)", ""),
        ("INSERT INTO auto VALUES (9223372036854775807)", ""),
    ]);
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE src (id INTEGER PRIMARY KEY, b); INSERT INTO src VALUES (1, 'one')", &[]).unwrap();
    db.exec("CREATE VIRTUAL TABLE ext USING fts5(b, content = 'src', content_rowid = 'id')", &[]).unwrap();
    let said = guest_error(db.exec("INSERT INTO ext (ext, rank) VALUES ('integrity-check', 1)", &[]));
    assert!(said.contains("SQLITE_CORRUPT_VTAB"), "{said}");
    assert_eq!(rows(&mut db, "SELECT b FROM src"), "one");
}

#[test]
fn a_statement_without_an_end_can_be_stopped() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x); INSERT INTO a VALUES (1)", &[]).unwrap();
    db.commit().unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    db.set_interrupt(Some(Box::new(move || count.fetch_add(1, Ordering::Relaxed) >= 3))).unwrap();
    let endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)";
    let read = format!("{endless} SELECT count(*) FROM n");
    assert_eq!(guest_error(db.exec(&read, &[])), "interrupted: SQLITE_INTERRUPT");
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    // A write that is stopped ends its transaction.
    assert_eq!(
        guest_error(db.exec(&format!("{endless} INSERT INTO a SELECT x FROM n"), &[])),
        "interrupted: SQLITE_INTERRUPT"
    );
    db.exec("INSERT INTO a VALUES (2)", &[]).unwrap();
    let error = db.exec(&format!("{endless} INSERT INTO a SELECT x FROM n"), &[]).unwrap_err();
    assert!(matches!(error, Error::RolledBack(_)), "{error:?}");
    db.set_interrupt(None).unwrap();
    assert_eq!(rows(&mut db, &format!("SELECT count(*) FROM ({}); SELECT x FROM a", count_up(100_000))), "1");
}

#[test]
fn commits_and_keys_are_not_stopped() {
    let folder = Folder::new();
    let mut db = folder.open();
    for at in 0..20_000 {
        db.kv_put(&format!("{at}"), b"").unwrap();
    }
    db.set_interrupt(Some(Box::new(|| true))).unwrap();
    assert_eq!(db.kv_list(&dormouse_storage::List::default()).unwrap().len(), 20_000);
    assert!(db.commit().unwrap().is_some());
}

#[test]
fn a_database_whose_cursors_were_closed_goes_on() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x)", &[]).unwrap();
    db.kv_put("a", b"1").unwrap();
    let sql = count_up(BATCH_ROWS_MAX + 1);
    let cursor = more(&db.exec(&sql, &[]).unwrap().batch);
    db.close_cursors();
    assert!(db.fetch(cursor).unwrap_err().to_string().contains("was closed"));
    assert_eq!(db.kv_get("a").unwrap().unwrap(), b"1");
    assert_eq!(rows(&mut db, "INSERT INTO a VALUES (1); SELECT x FROM a"), "1");
}

#[test]
fn a_database_with_an_open_cursor_moves_to_another_thread() {
    let folder = Folder::new();
    let mut db = folder.open();
    let cursor = more(&db.exec(&count_up(BATCH_ROWS_MAX + 1), &[]).unwrap().batch);
    let batch = std::thread::spawn(move || db.fetch(cursor)).join().unwrap().unwrap();
    assert_eq!(batch.rows, 1);
}
