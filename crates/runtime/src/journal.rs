//! The commit log of one machine: a file that takes the commits of all objects, and makes them durable together.
//!
//! Shards append what each commit added to its object's write-ahead log; one thread writes all that has come since it
//! looked last, as one *group*, with one sync. So the writes of a thousand objects share a sync, and while it lasts the
//! next group gathers. The file is a row of *segments* of fixed length, filled with zeros in advance, so that a sync has
//! no length to write. When the keeper has made sure that all of a segment is in the files of its objects, the segment
//! goes ([`Journal::retire`]), and is used again.
//!
//! The last group is the only one of which a reader cannot tell whether it was damaged or never finished. So when nothing
//! comes for a moment, an empty group is written, which says that the one before it was durable.
//!
//! Invariant: groups are numbered without gaps; one that could not be synced is given up, and its number is given to the
//! next, in a new segment, which takes its place when the journal is read. What follows a commit that was given up is given
//! up too, until its object has said where its log ends now. What the bytes are is in [`record`]; how they
//! are read after a crash in [`recover`].
//!
//! In relaxed mode only what the registry must know is written, and nothing is synced: a commit is in its object's own
//! write-ahead log, which outlives the process.

pub(crate) mod record;
pub(crate) mod recover;
mod segment;
mod writer;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use dormouse_storage::Error;
use dormouse_storage::commit::WalRange;
use dormouse_storage::file::{FileSystem, Open};

use crate::commit_log::{Appended, Commit, CommitLog, Facts, ObjectKey, Ticket};
use crate::journal::record::{GROUP_HEADER_LEN, Kind, Record, encode};
pub(crate) use crate::journal::segment::Segment;
use crate::journal::segment::{fill, spare};
use crate::journal::writer::Writer;
use crate::keeper::KeeperInbox;
use crate::limits::JOURNAL_BACKLOG_LEN_MAX;
use crate::store::{Durability, Tuning};

/// The journal of a node.
pub(crate) struct Journal(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Something waits to be written, or the journal is to stop.
    filled: Condvar,
    /// A group has become durable or was given up; a segment is gone.
    advanced: Condvar,
    files: Arc<dyn FileSystem>,
    folder: PathBuf,
    durability: Durability,
    tuning: Tuning,
    keeper: Arc<KeeperInbox>,
}

#[derive(Default)]
struct State {
    next: Batch,
    /// Counts batches: the one that gathers now.
    batch: u64,
    /// Batches before this one are durable, or were given up.
    done: u64,
    /// What the log of each object holds that is not in its database, as far as commits of it are on their way.
    logs: HashMap<ObjectKey, WalRange>,
    /// Objects of which a commit was given up, and which have not said [`CommitLog::cut`] since: what comes of them until
    /// then would follow what is not there.
    broken: HashSet<ObjectKey>,
    /// Objects of which a file could not be synced: the disk may have dropped what it was given, and a later sync would
    /// not say so. What their logs hold is safe only when it is in the database.
    doubtful: HashSet<ObjectKey>,
    /// Segments that are not retired, the open one included.
    segments: usize,
    /// Whether the oldest could not be retired when that was tried last.
    is_stuck: bool,
    /// How many wait for the disk in [`Journal::wait`]. The keeper does, in order to retire a segment: so no limit on
    /// segments holds the journal up meanwhile.
    waiting: usize,
    stops: bool,
    has_ended: bool,
}

/// What is written as one group.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    records: u32,
    tickets: Vec<(ObjectKey, Ticket)>,
    facts: Vec<(ObjectKey, Facts)>,
    objects: HashSet<ObjectKey>,
    /// Whether it has to be durable in relaxed mode too.
    must_sync: bool,
    /// Set when it is given up, for those who wait for it.
    is_given_up: Arc<AtomicBool>,
}

/// A batch that somebody waits for. Those after it may have come to another end before he looks.
struct Awaited {
    batch: u64,
    is_given_up: Arc<AtomicBool>,
}

/// Where a journal begins: after what was read of the one before.
pub(crate) struct Start {
    /// The number of the first group.
    pub(crate) group: u64,
    /// The number of the first segment.
    pub(crate) segment: u64,
    /// Segments that are there and will be retired.
    pub(crate) segments: usize,
    /// What the logs of objects hold.
    pub(crate) logs: HashMap<ObjectKey, WalRange>,
}

impl Journal {
    /// Starts the thread of a journal. Its files are made when the first commit comes.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn start(
        files: Arc<dyn FileSystem>,
        folder: PathBuf,
        durability: Durability,
        tuning: Tuning,
        keeper: Arc<KeeperInbox>,
        start: Start,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let Start { group, segment, segments, logs } = start;
        let state = Mutex::new(State { segments, logs, ..State::default() });
        let (filled, advanced) = Default::default();
        let shared = Arc::new(Shared { state, filled, advanced, files, folder, durability, tuning, keeper });
        let writer = Writer::new(shared.clone(), group, segment);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run())?;
        Ok((Self(shared), thread))
    }

    /// Writes what has come, ends the thread, and waits for that.
    pub(crate) fn end(&self) {
        self.stop();
        let mut state = self.0.lock();
        while !state.has_ended {
            state = self.0.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes what has come, and ends the thread.
    pub(crate) fn stop(&self) {
        self.0.lock().stops = true;
        self.0.filled.notify_one();
        self.0.advanced.notify_all();
    }

    /// What the log of an object held when this was asked.
    pub(crate) fn log_of(&self, key: &ObjectKey) -> Option<WalRange> {
        self.0.lock().logs.get(key).copied()
    }

    /// A sync of an object's files has failed, or may have.
    pub(crate) fn doubt(&self, key: &ObjectKey) {
        self.0.lock().doubtful.insert(key.clone());
    }

    /// Whether one has, and its log was not written into its database since.
    pub(crate) fn doubts(&self, key: &ObjectKey) -> bool {
        self.0.lock().doubtful.contains(key)
    }

    /// Notes that the log of an object is durable up to where it ended at some time before, and waits for that.
    ///
    /// # Errors
    ///
    /// When that cannot be written down, or some of it was given up meanwhile.
    pub(crate) fn note_synced(&self, key: &ObjectKey, wal: WalRange) -> io::Result<()> {
        let mut state = self.0.lock();
        let is_there = |log: &WalRange| log.salts == wal.salts && log.end >= wal.end;
        if state.broken.contains(key) || state.doubtful.contains(key) || !state.logs.get(key).is_some_and(is_there) {
            return Err(io::Error::other("its log was cut meanwhile, or could not be synced once"));
        }
        state.next.push(&mark(Kind::Synced, key, Some(wal), None));
        self.wait_for_next(state)
    }

    /// Waits until what was pushed last is durable, with all before it.
    fn wait_for_next(&self, state: MutexGuard<'_, State>) -> io::Result<()> {
        self.0.filled.notify_one();
        let awaited = Awaited { batch: state.batch, is_given_up: state.next.is_given_up.clone() };
        self.wait_for(&awaited, state)
    }

    fn wait_for(&self, awaited: &Awaited, mut state: MutexGuard<'_, State>) -> io::Result<()> {
        state.waiting += 1;
        self.0.advanced.notify_all();
        while state.done <= awaited.batch && !state.has_ended {
            state = self.0.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        match awaited.is_given_up.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the journal could not be written")),
            false if state.done <= awaited.batch => Err(io::Error::other("the journal has ended")),
            false => Ok(()),
        }
    }

    /// The log of an object is empty, durably, after [`CommitLog::trim`]. That is written down with whatever comes next: a
    /// start that does not know it makes sure of it again.
    pub(crate) fn note_emptied(&self, key: &ObjectKey) {
        if self.0.durability == Durability::Strict {
            self.0.lock().next.push(&mark(Kind::Emptied, key, None, None));
        }
    }

    /// Makes the segment that is used next, so that the journal does not have to when it needs it.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn make_spare(&self) -> io::Result<()> {
        let Shared { files, folder, tuning, .. } = &*self.0;
        if files.exists(&spare(folder))? {
            return Ok(());
        }
        let unfinished = folder.join("spare.new");
        fill(&*files.open(&unfinished, Open::OrCreate)?, tuning.segment_len)?;
        files.rename(&unfinished, &spare(folder))
    }

    /// A segment is needed no more.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn retire(&self, segment: &Segment) -> io::Result<()> {
        let Shared { files, folder, tuning, .. } = &*self.0;
        let spare = spare(folder);
        // It may have its new name, of which only the sync failed.
        if files.exists(&segment.path)? {
            let is_short = files.open(&segment.path, Open::Existing)?.len()? < tuning.segment_len;
            match is_short || files.exists(&spare)? {
                true => files.remove(&segment.path)?,
                false => files.rename(&segment.path, &spare)?,
            }
        }
        files.sync_dir(folder)?;
        let mut state = self.0.lock();
        state.segments -= 1;
        state.is_stuck = false;
        drop(state);
        self.0.advanced.notify_all();
        Ok(())
    }

    /// Nothing is written any more: none is needed in reserve.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn remove_spare(&self) -> io::Result<()> {
        self.0.files.remove(&spare(&self.0.folder))
    }

    /// The oldest segment cannot be retired now: no commit shall wait for that.
    pub(crate) fn note_stuck(&self) {
        self.0.lock().is_stuck = true;
        self.0.advanced.notify_all();
    }
}

impl CommitLog for Journal {
    fn append(&self, commit: Commit<'_>) -> Result<Appended, Error> {
        let is_strict = self.0.durability == Durability::Strict;
        let range = commit.range.filter(|_| is_strict);
        if range.is_none() && commit.facts.is_none() && !is_strict {
            return Ok(Appended::Durable);
        }
        let mut state = self.0.lock();
        let refused = |what: &str| Error::Disk { path: self.0.folder.clone(), what: what.to_owned() };
        if state.broken.contains(commit.object) {
            return Err(refused("an earlier write could not be made durable"));
        }
        if state.next.bytes.len() > JOURNAL_BACKLOG_LEN_MAX {
            return Err(refused("the disk takes commits too slowly"));
        }
        let (start, end, salts) = range.map_or((0, 0, [0; 8]), |range| (range.start, range.end, range.salts));
        let mut facts = commit.facts.clone();
        let mut offset = start;
        let (bytes, records) = (state.next.bytes.len(), state.next.records);
        loop {
            let len = usize::try_from(end - offset).unwrap_or(usize::MAX).min(self.0.tuning.record_data_len_max);
            let key = commit.object.clone();
            let record = Record { kind: Kind::Bytes, key, salts, offset, facts: facts.take(), data: &[] };
            if let Err(error) = state.next.push_with(&record, len, |room| (commit.read)(room, offset)) {
                // Half of a commit is none.
                state.next.bytes.truncate(bytes);
                state.next.records = records;
                return Err(error);
            }
            offset += len as u64;
            if offset >= end {
                break;
            }
        }
        if let Some(range) = range {
            state.logs.insert(commit.object.clone(), WalRange { start: 0, ..range });
        }
        state.next.facts.extend(commit.facts.map(|facts| (commit.object.clone(), facts)));
        state.next.tickets.push((commit.object.clone(), commit.ticket));
        drop(state);
        self.0.filled.notify_one();
        Ok(Appended::Later)
    }

    fn note(&self, key: &ObjectKey, facts: Facts) -> io::Result<()> {
        let mut state = self.0.lock();
        state.next.facts.push((key.clone(), facts.clone()));
        state.next.push(&mark(Kind::Bytes, key, None, Some(facts)));
        self.wait_for_next(state)
    }

    fn cut(&self, key: &ObjectKey, wal: Option<WalRange>) -> io::Result<()> {
        let mut state = self.0.lock();
        let wal = wal.filter(|wal| wal.end > 0);
        let was_broken = state.broken.remove(key);
        let known = match wal {
            Some(wal) => state.logs.insert(key.clone(), wal),
            None => state.logs.remove(key),
        };
        let has_nothing = known == wal || self.0.durability == Durability::Relaxed;
        if has_nothing && !was_broken {
            return Ok(());
        }
        state.next.push(&mark(Kind::Cut, key, wal, None));
        let result = self.wait_for_next(state);
        if result.is_err() {
            self.0.lock().broken.insert(key.clone());
        }
        result
    }

    fn trim(&self, key: &ObjectKey) -> io::Result<()> {
        let mut state = self.0.lock();
        // At once: from here on nothing must be noted of this log.
        let Some(log) = state.logs.remove(key) else {
            state.doubtful.remove(key);
            return Ok(());
        };
        state.next.push(&mark(Kind::Trimmed, key, None, None));
        state.next.must_sync = true;
        let result = self.wait_for_next(state);
        let mut state = self.0.lock();
        match result {
            // What was given up is in the database with all else.
            Ok(()) => {
                state.broken.remove(key);
                state.doubtful.remove(key);
            }
            Err(_) => drop(state.logs.insert(key.clone(), log)),
        }
        result
    }

    fn delete(&self, key: &ObjectKey) -> io::Result<()> {
        let mut state = self.0.lock();
        state.logs.remove(key);
        state.broken.remove(key);
        state.doubtful.remove(key);
        state.next.push(&mark(Kind::Deleted, key, None, None));
        state.next.must_sync = true;
        self.wait_for_next(state)
    }
}

/// A record without data.
fn mark(kind: Kind, key: &ObjectKey, wal: Option<WalRange>, facts: Option<Facts>) -> Record<'static> {
    let (salts, offset) = wal.map_or(([0; 8], 0), |wal| (wal.salts, wal.end));
    Record { kind, key: key.clone(), salts, offset, facts, data: &[] }
}

impl Shared {
    /// Held for a copy, never while the disk is waited for.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// A record without data.
    fn push(&mut self, record: &Record<'_>) {
        // Nothing is filled in, so nothing can fail.
        let _ = self.push_with(record, 0, |_| Ok::<_, std::convert::Infallible>(()));
    }

    fn push_with<E>(
        &mut self,
        record: &Record<'_>,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.bytes.is_empty() {
            // The header, which is known when the group is written.
            self.bytes.resize(GROUP_HEADER_LEN, 0);
        }
        encode(&mut self.bytes, record, len, fill)?;
        self.records += 1;
        self.objects.insert(record.key.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use dormouse_storage::file::sim::{Fault, SimDisk};

    use super::*;

    #[test]
    fn whoever_waits_hears_what_became_of_his_own_batch_whatever_comes_after_it() {
        let disk = SimDisk::new(1);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            advanced: Condvar::new(),
            files: Arc::new(disk.clone()),
            folder: "data/journal".into(),
            durability: Durability::Strict,
            tuning: Tuning::default(),
            keeper: Arc::default(),
        });
        let (journal, mut writer) = (Journal(shared.clone()), Writer::new(shared, 0, 0));
        let push = |id: u8| {
            let mut state = journal.0.lock();
            let key = ObjectKey { class: "app-Room".into(), id: [id; 32] };
            state.next.push(&mark(Kind::Deleted, &key, None, None));
            Awaited { batch: state.batch, is_given_up: state.next.is_given_up.clone() }
        };
        let safe = push(1);
        writer.write_next();
        disk.fail_at(1, Fault::IO);
        let lost = push(2);
        writer.write_next();
        let after = push(3);
        writer.write_next();
        let result = |awaited| journal.wait_for(&awaited, journal.0.lock()).map_err(|error| error.to_string());
        assert_eq!(result(safe), Ok(()));
        assert_eq!(result(lost), Err("the journal could not be written".to_owned()));
        assert_eq!(result(after), Ok(()));
    }
}
