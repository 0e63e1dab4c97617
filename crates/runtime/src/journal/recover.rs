//! What is read of a journal when a node starts, and made true again.
//!
//! Each intact group is done once more: the bytes of a commit are written to where they belong in the write-ahead log of
//! their object. That is idempotent, so a crash in the middle of it costs nothing. What is written is not synced here: the
//! segments stay until the keeper has done that. They themselves are: a process that was killed may have written its last
//! group without a sync, and what is read from now on builds on it.
//!
//! Invariant: what ends the journal is a group that nobody was told is durable. Damage to any other is an error that says
//! where it is; when it is known whose record it hit, only that object is refused.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use dormouse_storage::commit::{Salts, WalRange};
use dormouse_storage::db::{ensure, wal_path};
use dormouse_storage::file::{FileSystem, Open};

use crate::commit_log::{Facts, ObjectKey};
use crate::journal::Start;
use crate::journal::record::{ALIGNMENT, Broken, GROUP_HEADER_LEN, Group, Kind, decode, decode_group};
use crate::journal::segment::{Segment, numbers_of, spare};
use crate::limits::JOURNAL_LEN_KEPT;
use crate::store::folder;

/// What a journal held.
pub(crate) struct Recovered {
    pub(crate) start: Start,
    /// The segments, the oldest first.
    pub(crate) segments: Vec<Segment>,
    /// What the registry must know.
    pub(crate) facts: HashMap<ObjectKey, Facts>,
    /// Objects that were deleted. Their files are gone.
    pub(crate) deleted: HashSet<ObjectKey>,
    /// Objects that cannot be served, and why.
    pub(crate) refused: HashMap<ObjectKey, String>,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The disk failed.
    #[error("cannot read the journal: {0}")]
    Io(#[from] io::Error),
    /// What was durable is not intact.
    #[error(
        "the journal is damaged at byte {at} of {}: {what}. Restore the data folder from a copy; or move the file away, \
         which loses the last writes of the objects in it", .path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// How long a write-ahead log may be: what an operating system can give as an offset. Nothing of ours comes near it.
const LOG_LEN_MAX: u64 = i64::MAX as u64;

/// A group as it was found.
struct Found {
    segment: usize,
    at: usize,
    group: Group,
}

/// What is left to be done for one object.
#[derive(Default)]
struct Redo {
    pieces: Vec<Piece>,
    /// The log that they are of, and how far it goes at least.
    wal: Option<WalRange>,
}

/// Bytes of an object's log in a segment.
struct Piece {
    segment: usize,
    at: usize,
    len: usize,
    offset: u64,
}

/// Reads a journal and does what it says once more.
///
/// # Errors
///
/// When the disk fails, or something that was durable is not intact and it is not known whose it was.
pub(crate) fn recover(files: &dyn FileSystem, data: &Path, folder: &Path) -> Result<Recovered, RecoverError> {
    let mut files_found: Vec<(u64, u64, PathBuf)> = Vec::new();
    for name in files.list(folder)? {
        files_found.extend(numbers_of(&name).map(|(number, group)| (number, group, folder.join(name))));
    }
    files_found.sort();
    let next_segment = files_found.last().map_or(0, |(number, ..)| number + 1);
    // Groups of an earlier life of a segment have lower numbers, as long as the journal has not begun anew.
    files.remove(&spare(folder))?;
    files.remove(&folder.join("spare.new"))?;
    let (first_groups, paths): (Vec<u64>, Vec<PathBuf>) =
        files_found.into_iter().map(|(_, group, path)| (group, path)).unzip();
    let mut scan = Scan::new(files, &paths);
    scan.find_groups(&first_groups)?;
    scan.read_groups()?;
    let Scan { next_group, objects, redo, facts, deleted, mut refused, trimmed, .. } = scan;
    if let Some(last) = paths.last() {
        files.open(last, Open::Existing)?.sync()?;
    }
    for key in &deleted {
        folder::remove_files(files, &folder::path(data, key))?;
    }
    sync_emptied(files, trimmed.iter().map(|key| folder::path(data, key)))?;
    let mut logs = HashMap::new();
    for (key, redo) in redo {
        if refused.contains_key(&key) {
            continue;
        }
        match redo.run(files, &paths, &folder::path(data, &key))? {
            Redone::Log(wal) => drop(logs.insert(key, wal)),
            Redone::Nothing => {}
            Redone::Unfit(why) => drop(refused.insert(key, why)),
        }
    }
    let segments = paths.into_iter().zip(objects).map(|(path, objects)| Segment { path, objects }).collect::<Vec<_>>();
    let start = Start { group: next_group, segment: next_segment, segments: segments.len(), logs };
    Ok(Recovered { start, segments, facts, deleted, refused })
}

struct Scan<'a> {
    files: &'a dyn FileSystem,
    paths: &'a [PathBuf],
    found: Vec<Found>,
    /// What was read of segments, as far as there is memory for it.
    kept: HashMap<usize, Vec<u8>>,
    /// The number of the group that comes next.
    next_group: u64,
    /// The objects of each segment.
    objects: Vec<HashSet<ObjectKey>>,
    redo: HashMap<ObjectKey, Redo>,
    facts: HashMap<ObjectKey, Facts>,
    deleted: HashSet<ObjectKey>,
    refused: HashMap<ObjectKey, String>,
    /// Those whose logs were about to be emptied, and of which it is not known that they were.
    trimmed: HashSet<ObjectKey>,
}

impl<'a> Scan<'a> {
    fn new(files: &'a dyn FileSystem, paths: &'a [PathBuf]) -> Self {
        Self {
            files,
            paths,
            found: Vec::new(),
            kept: HashMap::new(),
            next_group: 0,
            objects: paths.iter().map(|_| HashSet::new()).collect(),
            redo: HashMap::new(),
            facts: HashMap::new(),
            deleted: HashSet::new(),
            refused: HashMap::new(),
            trimmed: HashSet::new(),
        }
    }

    /// Finds the groups that count: each number once, the newest.
    fn find_groups(&mut self, first_groups: &[u64]) -> Result<(), RecoverError> {
        self.next_group = first_groups.first().copied().unwrap_or(0);
        for (segment, first) in first_groups.iter().copied().enumerate() {
            if first > self.next_group {
                return Err(self.damaged(segment, 0, "groups of commits before it cannot be read"));
            }
            // Those from its first on were given up.
            self.found.retain(|found| found.group.number < first);
            self.next_group = first;
            let bytes = read(self.files, &self.paths[segment])?;
            let mut at = 0;
            while let Some(group) = group_at(&bytes, at).filter(|group| group.number == self.next_group) {
                self.next_group += 1;
                self.found.push(Found { segment, at, group });
                at += length(group);
            }
            let is_damaged = {
                let later = (at..bytes.len()).step_by(ALIGNMENT).filter_map(|at| group_at(&bytes, at));
                later.filter(|group| group.number > self.next_group).any(|group| group.synced > self.next_group)
            };
            if is_damaged {
                return Err(self.damaged(segment, at, "a group of commits cannot be read"));
            }
            if self.kept.values().map(Vec::len).sum::<usize>() + bytes.len() <= JOURNAL_LEN_KEPT {
                self.kept.insert(segment, bytes);
            }
        }
        Ok(())
    }

    /// Reads the records of the groups, and what they come to for each object.
    fn read_groups(&mut self) -> Result<(), RecoverError> {
        let synced = self.found.iter().map(|found| found.group.synced).max().unwrap_or(0);
        let found = std::mem::take(&mut self.found);
        let mut bytes = Vec::new();
        let mut loaded = None;
        for Found { segment, at, group } in found {
            if loaded.replace(segment) != Some(segment) {
                bytes = match self.kept.remove(&segment) {
                    Some(bytes) => bytes,
                    None => read(self.files, &self.paths[segment])?,
                };
            }
            let start = at + GROUP_HEADER_LEN;
            let end = usize::try_from(group.len).ok().and_then(|len| start.checked_add(len));
            let broken = match end.and_then(|end| bytes.get(start..end)) {
                Some(records) if group.number >= synced && !are_intact(records, group.records) => Some(start),
                Some(_) => self.read_records(&bytes, segment, start, group).err(),
                None => Some(start),
            };
            match broken {
                None => {}
                // Nobody was told that it is durable; nothing after it was either.
                Some(_) if group.number >= synced => {
                    self.next_group = group.number;
                    return Ok(());
                }
                Some(at) => return Err(self.damaged(segment, at, "the header of a commit cannot be read")),
            }
        }
        Ok(())
    }

    /// Reads the records of one group. The error is where one has no header.
    fn read_records(&mut self, bytes: &[u8], segment: usize, start: usize, group: Group) -> Result<(), usize> {
        let mut rest = &bytes[start..];
        for _ in 0..group.records {
            let at = bytes.len() - rest.len();
            let record = match decode(rest) {
                Ok((record, behind)) => {
                    rest = behind;
                    record
                }
                Err(Broken::Body(key, len)) => {
                    let path = self.paths[segment].display();
                    self.objects[segment].insert(key.clone());
                    self.deleted.remove(&key);
                    self.refused.insert(key, format!("a commit of it at byte {at} of {path} is damaged"));
                    rest = &rest[len..];
                    continue;
                }
                Err(Broken::Header) => return Err(at),
            };
            let behind = bytes.len() - rest.len();
            self.objects[segment].insert(record.key.clone());
            if record.kind == Kind::Deleted {
                self.forget(record.key);
                continue;
            }
            // It has come to be again.
            self.deleted.remove(&record.key);
            let redo = self.redo.entry(record.key.clone()).or_default();
            match record.kind {
                Kind::Bytes if !record.data.is_empty() => {
                    let len = record.data.len();
                    let piece = Piece { segment, at: behind - size_of::<u64>() - len, len, offset: record.offset };
                    if !redo.add(piece, record.salts) {
                        let path = self.paths[segment].display();
                        let why = format!("a commit of it at byte {at} of {path} belongs where no file has bytes");
                        self.refused.insert(record.key.clone(), why);
                    }
                }
                Kind::Bytes | Kind::Deleted => {}
                Kind::Trimmed => {
                    *redo = Redo::default();
                    self.trimmed.insert(record.key.clone());
                }
                Kind::Emptied => drop(self.trimmed.remove(&record.key)),
                Kind::Synced => redo.extend(record.salts, record.offset),
                Kind::Cut => redo.cut(record.salts, record.offset),
            }
            if let Some(facts) = record.facts {
                self.facts.insert(record.key, facts);
            }
        }
        Ok(())
    }

    /// An object was deleted: what was read of it counts no more.
    fn forget(&mut self, key: ObjectKey) {
        self.redo.remove(&key);
        self.facts.remove(&key);
        self.refused.remove(&key);
        self.deleted.insert(key);
    }

    fn damaged(&self, segment: usize, at: usize, what: &'static str) -> RecoverError {
        RecoverError::Damaged { path: self.paths[segment].clone(), at, what }
    }
}

/// Bytes of a group with its header and what fills up its last sector.
fn length(group: Group) -> usize {
    let len = usize::try_from(group.len).unwrap_or(usize::MAX / 2).min(usize::MAX / 2);
    (GROUP_HEADER_LEN + len).next_multiple_of(ALIGNMENT)
}

fn group_at(bytes: &[u8], at: usize) -> Option<Group> {
    decode_group(bytes.get(at..)?)
}

fn are_intact(mut records: &[u8], count: u32) -> bool {
    (0..count).all(|_| match decode(records) {
        Ok((_, rest)) => {
            records = rest;
            true
        }
        Err(_) => false,
    })
}

/// Makes it durable that logs are empty: a process that was killed may have emptied them without the sync, and then the
/// next log must not begin over what a power loss would bring back.
fn sync_emptied(files: &dyn FileSystem, databases: impl Iterator<Item = PathBuf>) -> io::Result<()> {
    for path in databases.map(|path| wal_path(&path)) {
        if files.exists(&path)? {
            files.open(&path, Open::Existing)?.sync()?;
        }
    }
    Ok(())
}

fn read(files: &dyn FileSystem, path: &Path) -> io::Result<Vec<u8>> {
    let file = files.open(path, Open::Existing)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// How it went with one object.
enum Redone {
    /// Its log holds this.
    Log(WalRange),
    /// All of it is in the database.
    Nothing,
    /// Its log is not the one that the journal goes on with.
    Unfit(String),
}

impl Redo {
    /// False when no log is so long that the bytes could be of it.
    #[must_use]
    fn add(&mut self, piece: Piece, salts: Salts) -> bool {
        let Some(end) = piece.offset.checked_add(piece.len as u64).filter(|end| *end <= LOG_LEN_MAX) else {
            return false;
        };
        // A new log: the one before is in the database, or it would not have begun.
        if self.wal.is_some_and(|wal| wal.salts != salts) {
            *self = Self::default();
        }
        self.pieces.push(piece);
        // The last word on where it ends: what was written behind it and is not told of again was given up.
        self.wal = Some(WalRange { salts, start: 0, end });
        true
    }

    fn extend(&mut self, salts: Salts, end: u64) {
        match &mut self.wal {
            Some(wal) if wal.salts == salts => wal.end = wal.end.max(end),
            // Of a log that is no more.
            Some(_) => {}
            wal => *wal = Some(WalRange { salts, start: 0, end }),
        }
    }

    fn cut(&mut self, salts: Salts, end: u64) {
        if end == 0 {
            *self = Self::default();
        } else if let Some(wal) = self.wal.as_mut().filter(|wal| wal.salts == salts) {
            wal.end = wal.end.min(end);
            self.pieces.retain(|piece| piece.offset < end);
        }
    }

    fn run(self, files: &dyn FileSystem, segments: &[PathBuf], path: &Path) -> io::Result<Redone> {
        let Some(wal) = self.wal else { return Ok(Redone::Nothing) };
        ensure(files, path)?;
        let file = files.open(&wal_path(path), Open::OrCreate)?;
        if self.pieces.first().is_none_or(|piece| piece.offset > 0) {
            let mut header = [0; 32];
            // It is emptied only after the journal was told.
            if file.read_at(&mut header, 0)? < header.len() || header[16..24] != wal.salts {
                let path = wal_path(path);
                return Ok(Redone::Unfit(format!("{} is not the log that was written", path.display())));
            }
        }
        let mut loaded: Option<(usize, Box<dyn dormouse_storage::file::File>)> = None;
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            let segment = match &mut loaded {
                Some((segment, file)) if *segment == piece.segment => file,
                loaded => &mut loaded.insert((piece.segment, files.open(&segments[piece.segment], Open::Existing)?)).1,
            };
            bytes.resize(piece.len, 0);
            segment.read_at(&mut bytes, piece.at as u64)?;
            file.write_at(&bytes, piece.offset)?;
        }
        Ok(Redone::Log(wal))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dormouse_storage::file::sim::SimDisk;
    use dormouse_storage::file::{FileSystem, Open};

    use super::{Recovered, recover};
    use crate::commit_log::ObjectKey;
    use crate::journal::record::{Group, Kind, Record, encode, encode_group};
    use crate::store::folder;

    fn key(id: u8) -> ObjectKey {
        ObjectKey { class: "app-Room".into(), id: [id; 32] }
    }

    /// What comes of a segment of this name with one group of one commit for each of these offsets.
    fn recovered(name: &str, number: u64, offsets: &[u64]) -> (SimDisk, Recovered) {
        let mut records = Vec::new();
        for (id, offset) in (0..).zip(offsets) {
            let record = Record {
                kind: Kind::Bytes,
                key: key(id),
                salts: [0; 8],
                offset: *offset,
                facts: None,
                data: b"frames",
            };
            let Ok(()) = encode(&mut records, &record, record.data.len(), |room| {
                room.copy_from_slice(record.data);
                Ok::<_, std::convert::Infallible>(())
            });
        }
        let group = Group { number, synced: number, records: offsets.len() as u32, len: records.len() as u64 };
        let disk = SimDisk::new(1);
        let folder = Path::new("/data/journal");
        disk.create_dir(folder).unwrap();
        let file = disk.open(&folder.join(name), Open::OrCreate).unwrap();
        file.write_at(&[&encode_group(group)[..], &records].concat(), 0).unwrap();
        let recovered = recover(&disk, Path::new("/data"), folder).unwrap();
        (disk, recovered)
    }

    /// Found by the fuzzer: it was a panic.
    #[test]
    fn a_commit_beyond_every_file_costs_its_object_and_no_other() {
        for offset in [u64::MAX, u64::MAX - 6, i64::MAX as u64 - 5] {
            let (disk, recovered) = recovered("0-0.log", 0, &[0, offset]);
            assert_eq!(recovered.refused.keys().collect::<Vec<_>>(), [&key(1)], "{offset}");
            assert!(recovered.refused[&key(1)].contains("belongs where no file has bytes"));
            assert!(recovered.start.logs.contains_key(&key(0)));
            let database = folder::path(Path::new("/data"), &key(1));
            assert!(disk.contents(&database).is_none(), "nothing was made for it");
        }
    }

    #[test]
    fn a_file_with_a_number_that_no_journal_reaches_is_none_of_its_segments() {
        for name in ["18446744073709551615-0.log", "0-18446744073709551615.log"] {
            let (_, recovered) = recovered(name, u64::MAX, &[0]);
            assert_eq!((recovered.start.segment, recovered.segments.len()), (0, 0), "{name}");
        }
    }
}
