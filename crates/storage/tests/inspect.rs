//! What is told of a database to somebody who is not its guest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::path::Path;
use std::sync::Arc;

use dormouse_storage::file::Disk;
use dormouse_storage::inspect::{Contents, CopyError};
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::value::Value;
use dormouse_storage::{Db, Error, Vfs};

fn open(folder: &Path) -> Db {
    let vfs = Vfs::new(Arc::new(Disk)).unwrap();
    Db::open(&vfs, &folder.join("object.sqlite"), Some("lobby"), None).unwrap()
}

fn filled(folder: &Path) -> Db {
    let mut db = open(folder);
    db.exec("CREATE TABLE log (text TEXT); CREATE TABLE empty (x); INSERT INTO log VALUES ('one'), ('two')", &[])
        .unwrap();
    db.kv_put("key", b"value").unwrap();
    db.commit().unwrap();
    db
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Guest(text)) => text,
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn contents_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = open(folder.path());
    assert_eq!(db.contents().unwrap(), Contents::default());
    drop(db);
    let mut db = filled(folder.path());
    let tables = vec![("empty".to_owned(), 0), ("log".to_owned(), 2)];
    assert_eq!(db.contents().unwrap(), Contents { tables, keys: 1 });
}

#[test]
fn a_database_is_bare_when_all_was_deleted_and_no_alarm_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = open(folder.path());
    assert!(db.is_blank() && db.is_bare().unwrap());
    drop(db);
    let mut db = filled(folder.path());
    assert!(!db.is_blank() && !db.is_bare().unwrap());
    db.kv_delete("key").unwrap();
    assert!(!db.is_bare().unwrap());
    db.exec("DROP TABLE log; DROP TABLE empty", &[]).unwrap();
    assert!(db.is_bare().unwrap());
    db.set_alarm(Some(AlarmRow { scheduled_ms: 1, due_ms: 1, failed: 0, attempts: 0 })).unwrap();
    assert!(!db.is_bare().unwrap());
    db.set_alarm(None).unwrap();
    db.kv_put("key", b"value").unwrap();
    assert!(!db.is_bare().unwrap());
    db.delete_all().unwrap();
    db.commit().unwrap();
    assert!(db.is_bare().unwrap());
    drop(db);
    assert!(!open(folder.path()).is_blank());
}

#[test]
fn a_copy_is_what_any_sqlite_opens() {
    let folder = tempfile::tempdir().unwrap();
    let db = filled(folder.path());
    let path = folder.path().join("copy.sqlite");
    db.copy_to(&path).unwrap();
    drop(db);
    let copy = rusqlite::Connection::open(&path).unwrap();
    let ask = |sql: &str| copy.query_row(sql, (), |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(ask("PRAGMA integrity_check"), "ok");
    assert_eq!(ask("PRAGMA journal_mode"), "delete");
    assert_eq!(ask("SELECT group_concat(text) FROM log"), "one,two");
    assert_eq!(ask("SELECT CAST(value AS TEXT) FROM _cf_KV WHERE key = 'key'"), "value");
    copy.execute("INSERT INTO log VALUES ('three')", ()).unwrap();
}

#[test]
fn a_copy_takes_no_files_place() {
    let folder = tempfile::tempdir().unwrap();
    let db = filled(folder.path());
    let path = folder.path().join("precious");
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(db.copy_to(&path), Err(CopyError::Target { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_query_reads_everything_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = filled(folder.path());
    let rows = db.query("SELECT text FROM log ORDER BY text; SELECT key, value, 1.5, NULL, 7 FROM _cf_KV;").unwrap();
    assert_eq!(rows.columns, ["key", "value", "1.5", "NULL", "7"]);
    let (key, value) = (Value::Text("key".into()), Value::Blob(b"value".into()));
    assert_eq!(rows.values, [key, value, Value::Real(1.5), Value::Null, Value::Integer(7)]);
    for (sql, says) in [
        ("INSERT INTO log VALUES ('x')", "writes"),
        ("SELECT 1; DROP TABLE log", "writes"),
        ("WITH x AS (SELECT 1) DELETE FROM log", "writes"),
        ("INSERT INTO _cf_KV VALUES ('x', 'y')", "not authorized"),
        ("PRAGMA foreign_keys = OFF", "not authorized"),
        ("PRAGMA case_sensitive_like(1)", "not authorized"),
        ("PRAGMA wal_checkpoint(TRUNCATE)", "not authorized"),
        ("PRAGMA journal_mode = DELETE", "not authorized"),
        ("PRAGMA locking_mode = NORMAL", "not authorized"),
        ("BEGIN", "not authorized"),
        ("ATTACH ':memory:' AS other", "not authorized"),
        ("SELECT ?", "parameters"),
        ("SELECT * FROM nowhere", "no such table"),
        ("", "did not contain a statement"),
    ] {
        let text = refusal(db.query(sql));
        assert!(text.contains(says), "{sql}: {text}");
        assert!(!db.is_dirty() && db.is_quiet(), "{sql}");
    }
    assert_eq!(db.contents().unwrap().tables[1], ("log".to_owned(), 2));
    // What the guest may do is as before.
    assert!(refusal(db.exec("SELECT * FROM _cf_KV", &[])).contains("prohibited"));
    db.exec("PRAGMA foreign_keys = OFF", &[]).unwrap();
}

#[test]
fn a_query_that_does_not_end_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let mut db = filled(folder.path());
    let interrupter = db.interrupter();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let text = std::thread::scope(|scope| {
        scope.spawn(move || {
            while let Err(std::sync::mpsc::TryRecvError::Empty) = stopped.try_recv() {
                interrupter.interrupt();
                std::thread::yield_now();
            }
        });
        let text =
            refusal(db.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"));
        drop(stop);
        text
    });
    assert!(text.contains("interrupt"), "{text}");
    assert_eq!(db.query("SELECT count(*) FROM log").unwrap().values, [Value::Integer(2)]);
}
