//! Any journal, honest or not, damaged or not: recovery never panics, changes no file but those of objects that it speaks
//! of, and done twice is as good as done once. Of an honest and intact one it makes what the records say.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dormouse_runtime::fuzz::{ALIGNMENT, JournalGroup, JournalRecord, Recovered, database_of, recover_journal};
use dormouse_storage::db::wal_path;
use dormouse_storage::file::sim::SimDisk;
use dormouse_storage::file::{FileSystem, Open};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const DATA: &str = "/data";
const JOURNAL: &str = "/data/journal";
/// Files that recovery has no business with.
const OTHERS: [&str; 4] = ["/data/registry.sqlite", "/data/lock", "/data/objects/note", "/etc/passwd"];
const CLASSES: [&str; 6] = ["app-Room", "-", "..", "../../etc", "a/b", "\0"];
const SEGMENT_LEN_MAX: usize = 64 * 1024;

fuzz_target!(|data: &[u8]| {
    // An error means that the script has ended early: there is nothing to look at.
    let _ = run(&mut Unstructured::new(data));
});

fn run(script: &mut Unstructured<'_>) -> Result<()> {
    let journal = Journal::draw(script)?;
    let disk = SimDisk::new(1);
    for folder in [JOURNAL, "/data/objects", "/etc"] {
        disk.create_dir(Path::new(folder)).expect("no fault is planned");
    }
    OTHERS.iter().for_each(|path| write(&disk, Path::new(path), b"as it was"));
    journal.logs.iter().for_each(|(path, bytes)| write(&disk, path, bytes));
    journal.segments.iter().for_each(|(name, bytes)| write(&disk, &Path::new(JOURNAL).join(name), bytes));
    let before = contents(&disk);

    let outcome = recover_journal(&disk, Path::new(DATA), Path::new(JOURNAL));
    let after = contents(&disk);
    for path in before.keys().chain(after.keys()) {
        if before.get(path) != after.get(path) {
            assert!(journal.may_change(path), "{} was changed", path.display());
        }
    }
    match outcome {
        Err(error) => {
            assert!(error.starts_with("the journal is damaged at byte"), "{error}");
            assert!(!journal.is_honest, "{error}");
        }
        Ok(recovered) => {
            let again = recover_journal(&disk, Path::new(DATA), Path::new(JOURNAL)).expect("it could be read before");
            assert_eq!((&again, contents(&disk)), (&recovered, after), "done twice");
            if journal.is_honest {
                journal.check(&recovered, &disk);
            }
        }
    }
    Ok(())
}

/// A journal, and the logs that there are beside it.
struct Journal {
    segments: Vec<(String, Vec<u8>)>,
    logs: Vec<(PathBuf, Vec<u8>)>,
    /// In their order.
    records: Vec<JournalRecord>,
    /// Whether it is what a journal could have written, and intact.
    is_honest: bool,
}

impl Journal {
    fn draw(script: &mut Unstructured<'_>) -> Result<Self> {
        let is_honest = script.arbitrary()?;
        let mut journal = Self { segments: Vec::new(), logs: Vec::new(), records: Vec::new(), is_honest };
        let mut number = u64::from(script.arbitrary::<u8>()?);
        for segment in 0..script.int_in_range(0..=3)? {
            let mut bytes = Vec::new();
            let name = match is_honest || script.arbitrary()? {
                true => format!("{segment:020}-{number:020}.log"),
                false => format!("{}-{}.log", script.arbitrary::<u64>()?, number.wrapping_add(script.arbitrary()?)),
            };
            for _ in 0..script.int_in_range(0..=4)? {
                journal.group(script, &mut bytes, number)?;
                number = number.wrapping_add(1);
            }
            if script.arbitrary()? {
                // What it was before, or what it is filled with.
                bytes.extend_from_slice(if is_honest { &[0; 700] } else { script.arbitrary()? });
            }
            if !is_honest {
                damage(script, &mut bytes)?;
            }
            bytes.truncate(SEGMENT_LEN_MAX);
            journal.segments.push((name, bytes));
        }
        if !is_honest {
            for _ in 0..script.int_in_range(0..=2)? {
                let path = database_of(Path::new(DATA), class(script)?, id(script)?);
                journal.logs.push((wal_path(&path), script.arbitrary::<&[u8]>()?.to_vec()));
            }
        }
        Ok(journal)
    }

    fn group(&mut self, script: &mut Unstructured<'_>, out: &mut Vec<u8>, number: u64) -> Result<()> {
        let mut records = Vec::new();
        let count = script.int_in_range(0..=3)?;
        for _ in 0..count {
            let record = self.record(script)?;
            records.extend(record.encode());
            self.records.push(record);
        }
        let mut group = JournalGroup { number, synced: number, records: count, len: records.len() as u64 };
        if !self.is_honest && script.arbitrary()? {
            group.synced = group.synced.wrapping_add(script.arbitrary::<i8>()? as u64);
            group.number = group.number.wrapping_add(script.arbitrary::<i8>()? as u64);
            group.records = group.records.wrapping_add(script.arbitrary()?);
            group.len = if script.arbitrary()? { script.arbitrary()? } else { group.len };
        }
        out.extend(group.encode());
        out.extend(records);
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        Ok(())
    }

    fn record(&self, script: &mut Unstructured<'_>) -> Result<JournalRecord> {
        let facts = if script.arbitrary()? { Some((script.arbitrary()?, script.arbitrary()?)) } else { None };
        let facts = facts.map(|(name, alarm): (Option<String>, Option<u64>)| (name, alarm.filter(|at| *at < u64::MAX)));
        let data: &[u8] = script.arbitrary()?;
        let offset = match script.arbitrary::<u8>()? {
            0 => 0,
            // Nearly all that a number can be: on no disk is there such a place.
            offset @ 1..20 if !self.is_honest => u64::MAX - u64::from(offset),
            offset => u64::from(offset) * 7,
        };
        let kind = script.int_in_range(0..=5)?;
        let (class, id, salts) = (class(script)?.to_owned(), id(script)?, [script.int_in_range(0..=2)?; 8]);
        Ok(JournalRecord { kind, class, id, salts, offset, facts, data: data.to_vec() })
    }

    /// Whether a file is one of an object that the journal speaks of, or a segment that waits to be used again.
    fn may_change(&self, path: &Path) -> bool {
        let spares = ["spare", "spare.new"].map(|name| Path::new(JOURNAL).join(name));
        spares.contains(&path.to_owned())
            || self.records.iter().any(|record| {
                let database = database_of(Path::new(DATA), &record.class, record.id);
                let depth = database.strip_prefix("/data/objects").map(|path| path.components().count());
                assert_eq!(depth, Ok(3), "{}", database.display());
                path == database || path == wal_path(&database)
            })
    }

    /// What the records of an honest journal come to.
    fn check(&self, recovered: &Recovered, disk: &SimDisk) {
        let (mut facts, mut deleted) = (BTreeMap::new(), BTreeSet::new());
        for record in &self.records {
            let path = database_of(Path::new(DATA), &record.class, record.id);
            if record.kind == 3 {
                facts.remove(&path);
                deleted.insert(path);
                continue;
            }
            deleted.remove(&path);
            if let Some(said) = &record.facts {
                facts.insert(path, said.clone());
            }
        }
        let facts: Vec<_> = facts.into_iter().map(|(path, (name, alarm))| (path, name, alarm)).collect();
        assert_eq!(recovered.facts, facts);
        assert_eq!(recovered.deleted, deleted.iter().cloned().collect::<Vec<_>>());
        for path in &deleted {
            assert!(disk.contents(path).is_none() && disk.contents(&wal_path(path)).is_none(), "{}", path.display());
        }
        for (path, why) in &recovered.refused {
            // The script knows nothing of where logs go on.
            assert!(why.ends_with("is not the log that was written"), "{}: {why}", path.display());
        }
    }
}

fn class<'a>(script: &mut Unstructured<'a>) -> Result<&'a str> {
    // No class is without a name.
    let drawn = if script.ratio(1, 8)? { script.arbitrary()? } else { "" };
    // Nor does one have the name of the file beside them.
    if drawn.is_empty() || drawn == "note" { Ok(script.choose(&CLASSES)?) } else { Ok(drawn) }
}

fn id(script: &mut Unstructured<'_>) -> Result<[u8; 32]> {
    Ok([script.int_in_range(0..=2)?; 32])
}

fn damage(script: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    for _ in 0..script.int_in_range(0..=2)? {
        let at = usize::from(script.arbitrary::<u16>()?);
        let with: u8 = script.arbitrary()?;
        match bytes.get_mut(at) {
            Some(byte) => *byte ^= with,
            None => bytes.truncate(at / 2),
        }
    }
    Ok(())
}

fn write(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    disk.create_dir(path.parent().expect("a path of a file")).expect("no fault is planned");
    let file = disk.open(path, Open::OrCreate).expect("no fault is planned");
    file.write_at(bytes, 0).expect("no fault is planned");
}

fn contents(disk: &SimDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    disk.paths().into_iter().filter_map(|path| Some((path.clone(), disk.contents(&path)?))).collect()
}
