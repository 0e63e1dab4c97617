//! A database whose files are damaged while it is closed: opened again it answers with what was committed, or with an
//! error; never with anything else, and never with a panic. With what the journal knows of its log it is the last commit
//! or an error. What was not damaged badly enough to be noticed can be written on.
//!
//! Damage that was sealed with the right checksums, as nobody but an enemy makes it, may change answers; it must still not
//! bring the process down.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dormouse_storage::commit::WalRange;
use dormouse_storage::db::wal_path;
use dormouse_storage::file::sim::SimDisk;
use dormouse_storage::file::{File, FileSystem, Open};
use dormouse_storage::limits::{PAGE_CHECKSUM_LEN, PAGE_LEN};
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::{Db, End, Error, List, Value, Vfs};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const PATH: &str = "/data/objects/object.sqlite";
const NAME: &str = "lobby";
const FRAME_HEADER_LEN: usize = 24;

/// What an object holds.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    entries: BTreeMap<String, Vec<u8>>,
    alarm: Option<AlarmRow>,
    rows: i64,
}

/// What was done before the damage.
#[derive(Default)]
struct History {
    /// What each commit since the last checkpoint has left, after what the checkpoint has.
    states: Vec<State>,
    /// The log as the journal knows it.
    log: Option<WalRange>,
}

fuzz_target!(|data: &[u8]| {
    // An error means that the script has ended early: there is nothing to look at.
    let _ = run(&mut Unstructured::new(data));
});

fn run(script: &mut Unstructured<'_>) -> Result<()> {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new("/data/objects")).expect("no fault is planned");
    let vfs = Vfs::new(Arc::new(disk.clone())).expect("a file system");
    let history = live(script, &vfs)?;
    let is_known = script.arbitrary()?;
    let is_sealed = script.arbitrary()?;
    for _ in 0..script.int_in_range(1..=4)? {
        damage(script, &disk)?;
    }
    if is_sealed {
        seal_pages(&disk);
        seal_log(&disk);
    }
    if is_lost(&disk) {
        return Ok(());
    }
    let expected = history.log.filter(|_| is_known);
    let opened = Db::open(&vfs, Path::new(PATH), Some(NAME), expected);
    let Ok((mut db, found)) = opened.and_then(|mut db| read(&mut db).map(|found| (db, found))) else { return Ok(()) };
    if !is_sealed {
        let allowed = match expected {
            Some(_) => &history.states[history.states.len() - 1..],
            None => &history.states[..],
        };
        assert!(allowed.contains(&found), "{found:?} is none of {allowed:?}");
    }
    let went_on = go_on(&mut db, found, &vfs);
    // What was not read before may be damaged too, but then that is said.
    assert!(went_on.is_err() || went_on == Ok(true));
    Ok(())
}

/// Writes, commits and checkpoints.
fn live(script: &mut Unstructured<'_>, vfs: &Vfs) -> Result<History> {
    let mut db = Db::open(vfs, Path::new(PATH), Some(NAME), None).expect("a new database");
    let mut state = State::default();
    let mut history = History { states: vec![state.clone()], log: None };
    for _ in 0..script.int_in_range(1..=12)? {
        let key = || format!("key {}", 0);
        match script.int_in_range(0..=7)? {
            0..=2 => {
                let key = format!("key {}", script.int_in_range(0..=9)?);
                let value = vec![script.arbitrary::<u8>()?; usize::from(script.arbitrary::<u16>()?) % 9_000];
                db.kv_put(&key, &value).expect("the disk is well");
                state.entries.insert(key, value);
            }
            3 => {
                let existed = state.entries.remove(&key()).is_some();
                assert_eq!(db.kv_delete(&key()).ok(), Some(existed));
            }
            4 => {
                let at = u64::from(script.arbitrary::<u32>()?);
                state.alarm = Some(AlarmRow { scheduled_ms: at, due_ms: at, failed: 0, attempts: 0 });
                db.set_alarm(state.alarm).expect("the disk is well");
            }
            5 => {
                let sql = "CREATE TABLE IF NOT EXISTS t (x); CREATE INDEX IF NOT EXISTS i ON t (x); \
                    INSERT INTO t VALUES (?), (randomblob(40))";
                db.exec(sql, &[Value::Integer(state.rows)]).expect("the disk is well");
                state.rows += 2;
            }
            6 => {
                commit(&mut db, &state, &mut history);
            }
            _ => {
                commit(&mut db, &state, &mut history);
                db.checkpoint(|| Ok(())).expect("the disk is well");
                history = History { states: vec![state.clone()], log: None };
            }
        }
    }
    commit(&mut db, &state, &mut history);
    assert_eq!(read(&mut db).ok(), Some(state));
    Ok(history)
}

fn commit(db: &mut Db, state: &State, history: &mut History) {
    if db.commit().expect("the disk is well").is_some() {
        history.states.push(state.clone());
        history.log = Some(db.wal());
    }
}

/// All that a database says, by every way.
fn read(db: &mut Db) -> std::result::Result<State, Error> {
    let mut state = State { alarm: db.alarm()?, ..State::default() };
    let name = db.stored_name()?;
    state.entries = db.kv_list(&List::default())?.into_iter().collect();
    for (key, value) in &state.entries {
        assert_eq!(db.kv_get(key)?.as_ref(), Some(value), "{key}");
    }
    let contents = db.contents()?;
    if contents.tables.iter().any(|(table, _)| table == "t") {
        let executed = db.exec("SELECT count(x) FROM t NOT INDEXED", &[])?;
        if let End::Failed(error) = executed.batch.end {
            return Err(error);
        }
        if let [Value::Integer(rows)] = executed.batch.values[..] {
            state.rows = rows;
        }
    }
    // Whatever is written has the name with it.
    let is_blank = state == State::default();
    if !is_blank && name.as_deref() != Some(NAME) {
        state.rows = -1;
    }
    Ok(state)
}

/// The object is used on: what is written now is there when it is opened again.
fn go_on(db: &mut Db, mut state: State, vfs: &Vfs) -> std::result::Result<bool, String> {
    let text = |error: Error| error.to_string();
    let value = vec![7; 5_000];
    db.kv_put("after", &value).map_err(text)?;
    db.commit().map_err(text)?;
    state.entries.insert("after".into(), value);
    let before = read(db).map_err(text)?;
    db.checkpoint(|| Ok(())).map_err(text)?;
    let mut again = Db::open(vfs, Path::new(PATH), Some(NAME), None).map_err(text)?;
    let after = read(&mut again).map_err(text)?;
    Ok(before.entries == after.entries && before.alarm == after.alarm && after.entries == state.entries)
}

fn open(disk: &SimDisk, path: &Path) -> Option<Box<dyn File>> {
    disk.open(path, Open::Existing).ok()
}

/// Changes bytes of one of the files.
fn damage(script: &mut Unstructured<'_>, disk: &SimDisk) -> Result<()> {
    let path = if script.arbitrary()? { Path::new(PATH).to_owned() } else { wal_path(Path::new(PATH)) };
    let Some(file) = open(disk, &path) else { return Ok(()) };
    let len = usize::try_from(file.len().expect("no fault is planned")).expect("a short file");
    if len == 0 {
        return Ok(());
    }
    let at = usize::try_from(script.arbitrary::<u32>()?).expect("a short file") % len;
    let page = at / PAGE_LEN * PAGE_LEN;
    let mut bytes = disk.contents(&path).expect("it is there");
    match script.int_in_range(0..=5)? {
        0 => bytes[at] ^= script.arbitrary::<u8>()?,
        1 => {
            let with: &[u8] = script.arbitrary()?;
            let end = (at + with.len()).min(len);
            bytes[at..end].copy_from_slice(&with[..end - at]);
        }
        2 => bytes.truncate(at),
        3 => bytes.extend_from_slice(script.arbitrary()?),
        4 => bytes[page..(page + PAGE_LEN).min(len)].fill(0),
        _ => {
            let from = usize::from(script.arbitrary::<u8>()?) * PAGE_LEN;
            if from + PAGE_LEN <= len && page + PAGE_LEN <= len {
                bytes.copy_within(from..from + PAGE_LEN, page);
            }
        }
    }
    replace(&*file, &bytes);
    Ok(())
}

/// Whether there is so little of the database that it looks like one which was never written to: no checksum says otherwise.
fn is_lost(disk: &SimDisk) -> bool {
    const HEADER_LEN: usize = 100;
    let bytes = disk.contents(Path::new(PATH)).unwrap_or_default();
    bytes.len() < HEADER_LEN || bytes.len() <= PAGE_LEN && bytes.iter().all(|byte| *byte == 0)
}

fn replace(file: &dyn File, bytes: &[u8]) {
    file.set_len(bytes.len() as u64).expect("no fault is planned");
    file.write_at(bytes, 0).expect("no fault is planned");
}

/// Gives each page of the database the checksum that it should have.
fn seal_pages(disk: &SimDisk) {
    let (Some(file), Some(mut bytes)) = (open(disk, Path::new(PATH)), disk.contents(Path::new(PATH))) else { return };
    for (number, page) in bytes.chunks_exact_mut(PAGE_LEN).enumerate() {
        seal(page, number);
    }
    replace(&*file, &bytes);
}

fn seal(page: &mut [u8], number: usize) {
    let (content, checksum) = page.split_at_mut(PAGE_LEN - PAGE_CHECKSUM_LEN);
    checksum.copy_from_slice(&xxh3_64_with_seed(content, (number * PAGE_LEN) as u64).to_le_bytes());
}

/// The same for the frames of the log (SQLite's file format, section 4.1).
fn seal_log(disk: &SimDisk) {
    let path = wal_path(Path::new(PATH));
    let (Some(file), Some(mut bytes)) = (open(disk, &path), disk.contents(&path)) else { return };
    let Some((header, frames)) = bytes.split_at_mut_checked(32) else { return };
    let is_big_endian = header[3] & 1 == 1;
    let mut sums = [0, 0];
    add(&mut sums, &header[..24], is_big_endian);
    put(&mut header[24..], sums);
    let mut salts = [0; 8];
    salts.copy_from_slice(&header[16..24]);
    for frame in frames.chunks_exact_mut(FRAME_HEADER_LEN + PAGE_LEN) {
        let (head, page) = frame.split_at_mut(FRAME_HEADER_LEN);
        head[8..16].copy_from_slice(&salts);
        add(&mut sums, &head[..8], is_big_endian);
        add(&mut sums, page, is_big_endian);
        put(&mut head[16..], sums);
    }
    replace(&*file, &bytes);
}

fn add(sums: &mut [u32; 2], bytes: &[u8], is_big_endian: bool) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let word = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if is_big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
        };
        sums[0] = sums[0].wrapping_add(word(0)).wrapping_add(sums[1]);
        sums[1] = sums[1].wrapping_add(word(4)).wrapping_add(sums[0]);
    }
}

fn put(out: &mut [u8], sums: [u32; 2]) {
    out[..4].copy_from_slice(&sums[0].to_be_bytes());
    out[4..8].copy_from_slice(&sums[1].to_be_bytes());
}
