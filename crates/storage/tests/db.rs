//! A database on a real disk: what commits add, what survives, what is noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dormouse_storage::db::wal_path;
use dormouse_storage::file::Disk;
use dormouse_storage::limits::PAGE_LEN;
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::txn::Span;
use dormouse_storage::{Db, Error, Vfs};

struct Folder {
    _folder: tempfile::TempDir,
    vfs: Vfs,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a test");
        let path = folder.path().join("some/where/object.sqlite");
        Self { _folder: folder, vfs: Vfs::new(Arc::new(Disk)).expect("a file system"), path }
    }

    fn open(&self) -> Db {
        Db::open(&self.vfs, &self.path, Some("lobby"), None).expect("the database opens")
    }
}

fn alarm(scheduled_ms: u64) -> AlarmRow {
    AlarmRow { scheduled_ms, due_ms: scheduled_ms + 1, failed: 2, attempts: 3 }
}

#[test]
fn what_was_committed_is_there_after_reopening_and_what_was_not_is_not() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.set_alarm(Some(alarm(5))).unwrap();
    db.commit().unwrap().unwrap();
    db.set_alarm(Some(alarm(6))).unwrap();
    drop(db);
    let db = folder.open();
    assert_eq!(db.alarm().unwrap(), Some(alarm(5)));
    assert_eq!(db.stored_name().unwrap().as_deref(), Some("lobby"));
}

#[test]
fn the_bytes_that_commits_added_make_the_same_database_again() {
    let folder = Folder::new();
    let mut db = folder.open();
    let mut log = Vec::new();
    for at in 1..=3 {
        db.set_alarm(Some(alarm(at))).unwrap();
        let range = db.commit().unwrap().unwrap();
        assert_eq!(range.start, log.len() as u64);
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap()];
        db.read_wal(&mut bytes, range.start).unwrap();
        log.extend(bytes);
    }
    assert_eq!(db.commit().unwrap(), None, "nothing was written");
    drop(db);

    fs::write(wal_path(&folder.path), b"").unwrap();
    assert_eq!(folder.open().alarm().unwrap(), None);
    fs::write(wal_path(&folder.path), &log).unwrap();
    assert_eq!(folder.open().alarm().unwrap(), Some(alarm(3)));
}

#[test]
fn a_checkpoint_empties_the_log_and_the_next_one_begins_anew() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.set_alarm(Some(alarm(1))).unwrap();
    let first = db.commit().unwrap().unwrap();
    db.checkpoint(|| Ok(())).unwrap();
    assert_eq!(fs::metadata(wal_path(&folder.path)).unwrap().len(), 0);
    assert_eq!(db.alarm().unwrap(), Some(alarm(1)));
    db.set_alarm(Some(alarm(2))).unwrap();
    let second = db.commit().unwrap().unwrap();
    assert_eq!(second.start, 0);
    assert_ne!(second.salts, first.salts);
    assert_eq!(db.wal(), second);
    drop(db);
    assert_eq!(folder.open().wal(), second);
    assert_eq!(folder.open().alarm().unwrap(), Some(alarm(2)));
}

#[test]
fn a_rolled_back_transaction_inside_leaves_the_rest() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.set_alarm(Some(alarm(1))).unwrap();
    db.begin_nested(Span::Turn).unwrap();
    db.set_alarm(Some(alarm(2))).unwrap();
    db.roll_back_nested().unwrap();
    assert_eq!(db.alarm().unwrap(), Some(alarm(1)));
    db.begin_nested(Span::Turn).unwrap();
    db.set_alarm(Some(alarm(3))).unwrap();
    db.end_nested().unwrap();
    assert!(db.is_dirty());
    assert!(db.commit().unwrap().is_some());
    assert!(!db.is_dirty() && db.is_quiet());
    assert_eq!(db.alarm().unwrap(), Some(alarm(3)));
}

#[test]
fn the_name_is_stored_with_the_first_write_that_is_committed() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.begin_nested(Span::Turn).unwrap();
    db.end_nested().unwrap();
    assert_eq!(db.commit().unwrap(), None, "nothing was written");
    db.set_alarm(Some(alarm(1))).unwrap();
    db.roll_back();
    db.begin_nested(Span::Turn).unwrap();
    db.set_alarm(Some(alarm(2))).unwrap();
    db.roll_back_nested().unwrap();
    assert_eq!(db.stored_name().unwrap(), None);
    db.set_alarm(Some(alarm(3))).unwrap();
    db.commit().unwrap();
    assert_eq!(db.stored_name().unwrap().as_deref(), Some("lobby"));
    drop(db);
    assert_eq!(folder.open().stored_name().unwrap().as_deref(), Some("lobby"));
}

#[test]
fn a_held_transaction_is_committed_when_it_has_ended() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.begin_nested(Span::Held).unwrap();
    db.set_alarm(Some(alarm(1))).unwrap();
    assert!(!db.is_dirty() && !db.is_quiet());
    assert_eq!(db.commit().unwrap(), None);
    db.end_nested().unwrap();
    assert!(db.is_dirty());
    assert!(db.commit().unwrap().is_some());
}

#[test]
fn a_changed_byte_of_a_page_is_noticed_and_named() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.set_alarm(Some(alarm(1))).unwrap();
    db.commit().unwrap();
    db.checkpoint(|| Ok(())).unwrap();
    drop(db);
    let intact = fs::read(&folder.path).unwrap();
    for at in (0..intact.len()).step_by(61) {
        let mut bytes = intact.clone();
        bytes[at] ^= 4;
        fs::write(&folder.path, &bytes).unwrap();
        let result = Db::open(&folder.vfs, &folder.path, None, None).and_then(|db| db.alarm());
        match result {
            Err(error @ Error::Damaged { .. }) => assert!(error.to_string().contains("object.sqlite"), "{error}"),
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn a_log_that_is_shorter_than_what_was_committed_is_noticed() {
    let folder = Folder::new();
    let mut db = folder.open();
    let mut expected = None;
    for at in 1..=2 {
        db.set_alarm(Some(alarm(at))).unwrap();
        expected = db.commit().unwrap();
    }
    drop(db);
    assert!(Db::open(&folder.vfs, &folder.path, None, expected).is_ok());
    let wal = wal_path(&folder.path);
    let mut bytes = fs::read(&wal).unwrap();
    let last = bytes.len() - 5_000;
    bytes[last] ^= 1;
    fs::write(&wal, &bytes).unwrap();
    assert!(matches!(Db::open(&folder.vfs, &folder.path, None, expected), Err(Error::Damaged { .. })));
}

#[test]
fn an_empty_database_is_read_by_sqlite_itself() {
    let folder = Folder::new();
    drop(folder.open());
    let plain = rusqlite::Connection::open(Path::new(&folder.path)).unwrap();
    let check: String = plain.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

/// Found by the fuzz target: the log knows how many pages there are, so SQLite asked for some that were cut off, and took
/// zeros for them.
#[test]
fn pages_that_were_cut_off_below_a_log_are_damage_and_not_zeros() {
    let folder = Folder::new();
    let mut db = folder.open();
    let value = vec![13; 9_000];
    db.kv_put("long", &value).unwrap();
    db.commit().unwrap();
    db.checkpoint(|| Ok(())).unwrap();
    db.kv_put("short", b"in the log").unwrap();
    db.commit().unwrap();
    drop(db);
    let whole = fs::read(&folder.path).unwrap();
    let mut damaged = 0;
    for pages in 1..=whole.len() / PAGE_LEN {
        fs::write(&folder.path, &whole[..pages * PAGE_LEN]).unwrap();
        match Db::open(&folder.vfs, &folder.path, Some("lobby"), None).and_then(|mut db| db.kv_get("long")) {
            // What is not asked for is not missed.
            Ok(read) => assert!(read.as_ref() == Some(&value), "{pages} pages: another value"),
            Err(Error::Damaged { .. }) => damaged += 1,
            Err(error) => panic!("{pages} pages: {error}"),
        }
    }
    assert!(damaged > 1, "the value is on several pages");
}

/// Pages that were taken and given back at once are in no file; nothing asks for them before they are written.
#[test]
fn pages_that_were_never_written_are_used_like_any_other() {
    let folder = Folder::new();
    let mut db = folder.open();
    for round in 0..6_u8 {
        for key in 0..8_u8 {
            db.kv_put(&format!("gone {key}"), &vec![key; 30_000]).unwrap();
        }
        for key in 0..8_u8 {
            db.kv_delete(&format!("gone {key}")).unwrap();
        }
        db.kv_put(&format!("stays {round}"), &vec![round; 20_000]).unwrap();
        db.commit().unwrap();
        if round % 2 == 1 {
            db.checkpoint(|| Ok(())).unwrap();
        }
        drop(db);
        db = folder.open();
        for have in 0..=round {
            assert_eq!(db.kv_get(&format!("stays {have}")).unwrap(), Some(vec![have; 20_000]));
        }
        db.copy_to(&folder.path.with_extension(format!("copy{round}"))).unwrap();
    }
}

/// Found while the fuzz target was written: the last page was filled up with zeros, and one that was shorter than a page
/// was made anew.
#[test]
fn a_database_that_was_cut_is_damaged_and_not_a_new_one() {
    let folder = Folder::new();
    let mut db = folder.open();
    db.set_alarm(Some(alarm(5))).unwrap();
    db.commit().unwrap();
    db.checkpoint(|| Ok(())).unwrap();
    drop(db);
    let whole = fs::read(&folder.path).unwrap();
    for len in [100, 512, 4_095, 4_096, 4_097, whole.len() - 1] {
        fs::write(&folder.path, &whole[..len]).unwrap();
        let opened = Db::open(&folder.vfs, &folder.path, Some("lobby"), None).and_then(|db| db.alarm());
        assert!(matches!(opened, Err(Error::Damaged { .. })), "{len}: {opened:?}");
        assert_eq!(fs::read(&folder.path).unwrap(), &whole[..len], "what there is of it stays");
    }
}

#[test]
fn an_empty_database_whose_making_was_cut_off_is_made() {
    let folder = Folder::new();
    drop(folder.open());
    let whole = fs::read(&folder.path).unwrap();
    let mut begun = vec![whole[..0].to_vec(), whole[..700].to_vec(), vec![0; 4_095], vec![0; 4_096], whole.clone()];
    begun[4][512..1_024].fill(0);
    begun[4][..512].fill(0);
    for bytes in begun {
        fs::write(&folder.path, &bytes).unwrap();
        let mut db = folder.open();
        assert_eq!(db.alarm().unwrap(), None, "{} bytes", bytes.len());
        db.set_alarm(Some(alarm(1))).unwrap();
        db.commit().unwrap();
        drop(db);
        fs::remove_file(wal_path(&folder.path)).unwrap();
        assert_eq!(fs::read(&folder.path).unwrap(), whole);
    }
}
