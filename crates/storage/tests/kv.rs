//! Keys and values over a real disk, and deleting everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use dormouse_storage::file::Disk;
use dormouse_storage::limits::{KV_LIST_BYTES_MAX, VALUE_LEN_MAX};
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::txn::Span;
use dormouse_storage::{Db, Error, List, Vfs};
use proptest::prelude::*;

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

fn keys(db: &mut Db, list: List<'_>) -> String {
    db.kv_list(&list).expect("a list").into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_put_is_there_after_reopening() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.kv_put("", b"").unwrap();
    db.kv_put("a\0b", &[0, 255]).unwrap();
    db.kv_put("gone", b"1").unwrap();
    db.kv_put("gone", b"2").unwrap();
    assert!(db.kv_delete("gone").unwrap());
    assert!(!db.kv_delete("gone").unwrap());
    assert!(db.commit().unwrap().is_some());
    drop(db);
    let mut db = folder.open();
    assert_eq!(db.kv_get("").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(db.kv_get("a\0b").unwrap().as_deref(), Some(&[0, 255][..]));
    assert_eq!(db.kv_get("gone").unwrap(), None);
    assert_eq!(db.kv_get("a").unwrap(), None);
}

#[test]
fn reading_where_nothing_was_ever_put_writes_nothing() {
    let folder = Folder::new();
    let mut db = folder.open();
    assert_eq!(db.kv_get("a").unwrap(), None);
    assert!(!db.kv_delete("a").unwrap());
    assert!(db.kv_list(&List::default()).unwrap().is_empty());
    db.delete_all().unwrap();
    assert!(!db.is_dirty());
    assert_eq!(db.commit().unwrap(), None);
}

#[test]
fn a_table_of_keys_that_was_rolled_back_is_made_again() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.begin_nested(Span::Turn).unwrap();
    db.kv_put("a", b"1").unwrap();
    db.roll_back_nested().unwrap();
    assert_eq!(db.kv_get("a").unwrap(), None);
    db.kv_put("a", b"2").unwrap();
    db.roll_back();
    assert_eq!(db.kv_get("a").unwrap(), None);
    db.kv_put("a", b"3").unwrap();
    assert_eq!(db.kv_get("a").unwrap().as_deref(), Some(&b"3"[..]));
}

#[test]
fn a_list_is_in_the_order_of_bytes_and_within_its_bounds() {
    let folder = Folder::new();
    let mut db = folder.open();
    for key in ["", "B", "a", "a\0", "ab", "b", "é", "ﬀ", "😀"] {
        db.kv_put(key, b"").unwrap();
    }
    let list = List::default();
    for (list, expected) in [
        (list, " B a a\0 ab b é ﬀ 😀"),
        (List { reverse: true, limit: Some(2), ..list }, "😀 ﬀ"),
        (List { limit: Some(0), ..list }, ""),
        (List { start: Some("a"), end: Some("b"), ..list }, "a a\0 ab"),
        (List { start_after: Some("a"), end: Some("b"), ..list }, "a\0 ab"),
        (List { start_after: Some("a"), end: Some("b"), reverse: true, limit: Some(1), ..list }, "ab"),
        (List { prefix: Some("a"), ..list }, "a a\0 ab"),
        (List { prefix: Some("a"), start: Some("a\0"), end: Some("zz"), ..list }, "a\0 ab"),
        (List { prefix: Some("a"), start: Some("B"), end: Some("ab"), ..list }, "a a\0"),
        (List { prefix: Some("😀"), ..list }, "😀"),
        (List { prefix: Some(""), start: Some("é"), ..list }, "é ﬀ 😀"),
        (List { start: Some("b"), end: Some("a"), ..list }, ""),
    ] {
        assert_eq!(keys(&mut db, list), expected, "{list:?}");
    }
}

#[test]
fn a_key_with_its_value_has_a_limit() {
    let folder = Folder::new();
    let mut db = folder.open();
    // Besides the key and the value a row has a header of a few bytes.
    let max = usize::try_from(VALUE_LEN_MAX).unwrap();
    db.kv_put("k", &vec![7; max - 16]).unwrap();
    for (key, len) in [("k".to_owned(), max), ("k".repeat(max), 1), ("k".repeat(max / 2), max / 2 + 1)] {
        let error = db.kv_put(&key, &vec![7; len]).unwrap_err();
        assert!(!error.is_fatal());
        assert_eq!(error.to_string(), "string or blob too big: SQLITE_TOOBIG");
    }
    assert_eq!(db.kv_get("k").unwrap().map(|value| value.len()), Some(max - 16));
    assert!(db.commit().unwrap().is_some());
}

#[test]
fn a_list_of_too_many_bytes_is_an_error() {
    let folder = Folder::new();
    let mut db = folder.open();
    let part = KV_LIST_BYTES_MAX / 16;
    // The keys have a byte each.
    let value = vec![0; part - 1];
    for key in 'a'..='p' {
        db.kv_put(&key.to_string(), &value).unwrap();
    }
    assert_eq!(db.kv_list(&List::default()).unwrap().len(), 16);
    db.kv_put("q", b"").unwrap();
    let error = db.kv_list(&List::default()).unwrap_err();
    assert!(matches!(error, Error::Guest(_)) && error.to_string().contains("`limit`"), "{error}");
    assert_eq!(db.kv_list(&List { limit: Some(16), ..List::default() }).unwrap().len(), 16);
}

#[test]
fn all_is_deleted_but_the_alarm_and_the_name() {
    let folder = Folder::new();
    let mut db = folder.open();
    let alarm = AlarmRow { scheduled_ms: 1, due_ms: 2, failed: 0, attempts: 0 };
    db.set_alarm(Some(alarm)).unwrap();
    db.kv_put("a", b"1").unwrap();
    for sql in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO parent VALUES (1), (2)",
        "CREATE TABLE child (p REFERENCES parent (id) ON DELETE RESTRICT); INSERT INTO child VALUES (1)",
        "CREATE TABLE own (id INTEGER PRIMARY KEY, up REFERENCES own (id)); INSERT INTO own VALUES (1, 1)",
        "CREATE TABLE \"odd \"\" name\" (a UNIQUE)",
        "CREATE VIEW v AS SELECT * FROM child; CREATE VIEW w AS SELECT * FROM v",
        "CREATE TRIGGER no BEFORE DELETE ON child BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE VIRTUAL TABLE docs USING fts5(a); CREATE VIRTUAL TABLE vocab USING fts5vocab(docs, 'row')",
        "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1); ANALYZE",
    ] {
        db.exec(sql, &[]).unwrap();
    }
    db.commit().unwrap();
    // Violations that wait for the commit, and such that never were checked.
    db.exec("PRAGMA foreign_keys = OFF; SELECT 1", &[]).unwrap();
    db.exec("INSERT INTO child VALUES (77)", &[]).unwrap();
    db.commit().unwrap();
    db.exec("PRAGMA foreign_keys = ON", &[]).unwrap();
    db.exec("INSERT INTO parent VALUES (5); PRAGMA defer_foreign_keys = ON; INSERT INTO child VALUES (99)", &[])
        .unwrap();

    db.begin_nested(Span::Turn).unwrap();
    db.delete_all().unwrap();
    assert_eq!(db.kv_get("a").unwrap(), None);
    db.roll_back_nested().unwrap();
    assert_eq!(db.kv_get("a").unwrap().as_deref(), Some(&b"1"[..]));

    db.delete_all().unwrap();
    db.kv_put("b", b"2").unwrap();
    assert!(db.commit().unwrap().is_some());
    drop(db);
    let mut db = folder.open();
    let left = db.exec("SELECT name FROM sqlite_schema WHERE name NOT LIKE '%autoindex%' ORDER BY 1", &[]).unwrap();
    let left: Vec<_> = left.batch.values.into_iter().map(|name| format!("{name:?}")).collect();
    assert_eq!(left, ["Text(\"_cf_KV\")", "Text(\"_cf_METADATA\")", "Text(\"sqlite_sequence\")"]);
    assert_eq!(keys(&mut db, List::default()), "b");
    assert_eq!(db.alarm().unwrap(), Some(alarm));
    assert_eq!(db.stored_name().unwrap().as_deref(), Some("lobby"));
    db.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO parent DEFAULT VALUES", &[])
        .unwrap();
    let first = db.exec("SELECT id FROM parent", &[]).unwrap().batch.values;
    assert_eq!(first, [dormouse_storage::Value::Integer(1)]);
}

#[test]
fn deleting_all_closes_cursors() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.exec("CREATE TABLE a (x)", &[]).unwrap();
    for at in 0..300 {
        db.exec("INSERT INTO a VALUES (?)", &[dormouse_storage::Value::Integer(at)]).unwrap();
    }
    let dormouse_storage::End::More(cursor) = db.exec("SELECT x FROM a", &[]).unwrap().batch.end else {
        panic!("all at once");
    };
    db.delete_all().unwrap();
    assert!(db.fetch(cursor).unwrap_err().to_string().contains("none survives deleteAll()"));
    assert!(db.commit().unwrap().is_some());
}

/// Keys that share beginnings, from bytes at the borders of UTF-8.
fn key() -> impl Strategy<Value = String> {
    let letter = prop::sample::select(vec!['\0', 'a', 'b', '\u{7f}', '\u{80}', '\u{7ff}', '\u{ffff}', '\u{10ffff}']);
    prop::collection::vec(letter, 0..4).prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_those_of_a_model(
        stored in prop::collection::btree_map(key(), prop::collection::vec(any::<u8>(), 0..3), 0..40),
        queries in prop::collection::vec(
            (prop::option::of(key()), prop::option::of(key()), prop::option::of(key()), prop::option::of(key()),
                any::<bool>(), prop::option::of(0_u32..10)),
            20,
        ),
    ) {
        let folder = Folder::new();
        let mut db = folder.open();
        for (key, value) in &stored {
            db.kv_put(key, value).unwrap();
        }
        for (start, start_after, end, prefix, reverse, limit) in queries {
            let list = List {
                start: start.as_deref(),
                start_after: start_after.as_deref(),
                end: end.as_deref(),
                prefix: prefix.as_deref(),
                reverse,
                limit,
            };
            prop_assert_eq!(db.kv_list(&list).unwrap(), model(&stored, &list), "{:?}", list);
        }
    }
}

fn model(stored: &BTreeMap<String, Vec<u8>>, list: &List<'_>) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = stored
        .iter()
        .filter(|(key, _)| list.start.is_none_or(|start| key.as_str() >= start))
        .filter(|(key, _)| list.start_after.is_none_or(|after| key.as_str() > after))
        .filter(|(key, _)| list.end.is_none_or(|end| key.as_str() < end))
        .filter(|(key, _)| list.prefix.is_none_or(|prefix| key.starts_with(prefix)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if list.reverse {
        found.reverse();
    }
    found.truncate(list.limit.map_or(usize::MAX, |limit| limit as usize));
    found
}
