//! Any SQL of a guest: it gives rows, or an error that is the guest's. It never touches what is the host's (the name, the
//! alarm, keys and values), never makes the database a damaged one or a failing one, never leaves it so that it cannot be
//! committed, written to its file, opened again and emptied; and an operator who may only read changes nothing.

#![no_main]

use std::path::Path;
use std::sync::Arc;

use dormouse_storage::file::FileSystem;
use dormouse_storage::file::sim::SimDisk;
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::txn::Span;
use dormouse_storage::{Db, End, Error, List, Value, Vfs};
use libfuzzer_sys::fuzz_target;

const PATH: &str = "/data/object.sqlite";
const ALARM: AlarmRow = AlarmRow { scheduled_ms: 5, due_ms: 6, failed: 1, attempts: 2 };
/// What comes between two calls: no text has it.
const CALL: u8 = 0xff;
/// How many times ten thousand instructions one call may take.
const PATIENCE: u32 = 10;
/// Texts of more bytes say nothing new, and take their time.
const LEN_MAX: usize = 4_096;
const BINDINGS: [Value; 2] = [Value::Integer(3), Value::Null];

fuzz_target!(|data: &[u8]| {
    if data.len() > LEN_MAX {
        return;
    }
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new("/data")).expect("no fault is planned");
    let vfs = Vfs::new(Arc::new(disk)).expect("a file system");
    let mut db = open(&vfs);
    db.set_alarm(Some(ALARM)).expect("the disk is well");
    db.kv_put("key", b"value").expect("the disk is well");
    db.commit().expect("the disk is well");
    for call in data.split(|byte| *byte == CALL) {
        let Some((kind, sql)) = call.split_first() else { continue };
        step(&mut db, *kind, &String::from_utf8_lossy(sql));
    }
    while db.depth() > 0 {
        must(db.end_nested());
    }
    must(db.commit());
    db.close_cursors();
    check(&mut db);
    must(db.checkpoint(|| Ok(())));
    drop(db);
    let mut db = open(&vfs);
    check(&mut db);
    must(db.delete_all());
    must(db.commit());
    must(db.set_alarm(None));
    must(db.commit());
    assert!(must(db.is_bare()).is_some_and(|is_bare| is_bare), "something is left");
});

fn open(vfs: &Vfs) -> Db {
    let mut db = Db::open(vfs, Path::new(PATH), Some("lobby"), None).expect("the disk is well");
    let mut patience = 0;
    // The limit of a call is made up for by the number of calls, which is small.
    db.set_interrupt(Some(Box::new(move || {
        patience += 1;
        patience > PATIENCE * 20
    })))
    .expect("it is open");
    db
}

/// What a call of the host gives; nothing when the guest's SQL is why it fails.
fn must<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Error::Guest(_) | Error::RolledBack(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

fn step(db: &mut Db, kind: u8, sql: &str) {
    match kind % 12 {
        0 => drop(must(db.begin_nested(Span::Turn))),
        1 => drop(must(db.end_nested())),
        2 => drop(must(db.roll_back_nested())),
        3 => drop(must(db.commit())),
        4 => db.close_cursors(),
        5 => {
            must(db.commit());
            let before = db.wal();
            must(db.query(sql));
            assert_eq!(must(db.commit()).flatten(), None, "reading wrote something");
            assert_eq!(db.wal(), before);
        }
        kind => {
            let bindings = if kind == 6 { &BINDINGS[..] } else { &[] };
            let Some(executed) = must(db.exec(sql, bindings)) else { return };
            let columns = executed.columns.len();
            assert_eq!(executed.batch.values.len(), executed.batch.rows * columns);
            let mut end = executed.batch.end;
            // Some are left open, so that what comes next finds them.
            for _ in 0..kind - 6 {
                let End::More(cursor) = end else { break };
                let Some(batch) = must(db.fetch(cursor)) else { return };
                assert_eq!(batch.values.len(), batch.rows * columns);
                end = batch.end;
            }
            if let End::Failed(error) = end {
                must::<()>(Err(error));
            }
        }
    }
}

/// What is the host's is as it was.
fn check(db: &mut Db) {
    assert_eq!(must(db.alarm()), Some(Some(ALARM)));
    assert_eq!(must(db.stored_name()), Some(Some("lobby".to_owned())));
    let entries = must(db.kv_list(&List::default()));
    assert_eq!(entries, Some(vec![("key".to_owned(), b"value".to_vec())]));
    let ours = db.query(r"SELECT type, tbl_name FROM sqlite_schema WHERE name LIKE '\_cf\_%' ESCAPE '\' ORDER BY name");
    let text = |text: &str| Value::Text(text.into());
    let expected = vec![text("table"), text("_cf_KV"), text("table"), text("_cf_METADATA")];
    assert_eq!(must(ours).map(|rows| rows.values), Some(expected));
    must(db.contents());
}
