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

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use dormouse_storage::Error;
use dormouse_storage::commit::WalRange;
use dormouse_storage::file::{File, FileSystem, Open};

use crate::commit_log::{Appended, Commit, CommitLog, Facts, ObjectKey, Ticket};
use crate::journal::record::{ALIGNMENT, GROUP_HEADER_LEN, Group, Kind, Record, encode, encode_group};
use crate::keeper::KeeperInbox;
use crate::limits::JOURNAL_BACKLOG_LEN_MAX;
use crate::signals::Signal;
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
    /// The last batch that was given up.
    given_up: Option<u64>,
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
}

/// A segment that is written no more.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// The objects that it has something of.
    pub(crate) objects: HashSet<ObjectKey>,
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
        let writer = Writer {
            shared: shared.clone(),
            group,
            synced: group,
            next_segment: segment,
            open: None,
            is_settled: true,
        };
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run())?;
        Ok((Self(shared), thread))
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
    fn wait_for_next(&self, mut state: MutexGuard<'_, State>) -> io::Result<()> {
        self.0.filled.notify_one();
        let wanted = state.batch;
        state.waiting += 1;
        self.0.advanced.notify_all();
        while state.done <= wanted && !state.has_ended {
            state = self.0.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        match state.given_up {
            Some(batch) if batch >= wanted => Err(io::Error::other("the journal could not be written")),
            _ if state.done <= wanted => Err(io::Error::other("the journal has ended")),
            _ => Ok(()),
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
        let spare = spare(&self.0.folder);
        // It may have its new name, of which only the sync failed.
        if self.0.files.exists(&segment.path)? {
            match self.0.files.exists(&spare)? {
                true => self.0.files.remove(&segment.path)?,
                false => self.0.files.rename(&segment.path, &spare)?,
            }
        }
        self.0.files.sync_dir(&self.0.folder)?;
        let mut state = self.0.lock();
        state.segments -= 1;
        state.is_stuck = false;
        drop(state);
        self.0.advanced.notify_all();
        Ok(())
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

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    /// The number of the next group.
    group: u64,
    /// Groups before this one are durable.
    synced: u64,
    next_segment: u64,
    open: Option<OpenSegment>,
    /// Whether it can be told from the disk that the last group is durable.
    is_settled: bool,
}

/// What the thread does next.
enum Next {
    Batch,
    Pause,
    End,
}

struct OpenSegment {
    file: Box<dyn File>,
    path: PathBuf,
    /// Where the next group goes.
    at: u64,
    objects: HashSet<ObjectKey>,
}

impl Writer {
    fn run(mut self) {
        let mut spent = Vec::new();
        loop {
            match self.next() {
                Next::Batch => {}
                Next::Pause => {
                    self.settle();
                    continue;
                }
                Next::End => {
                    self.settle();
                    self.seal();
                    self.shared.lock().has_ended = true;
                    return self.shared.advanced.notify_all();
                }
            }
            let (mut batch, number) = self.take_batch(std::mem::take(&mut spent));
            let result = self.write(&mut batch);
            self.is_settled = self.shared.durability == Durability::Relaxed;
            self.tell(&mut batch, number, result);
            batch.bytes.clear();
            spent = batch.bytes;
        }
    }

    /// Waits for what is to be done next.
    fn next(&self) -> Next {
        let mut state = self.shared.lock();
        loop {
            if state.next.records > 0 {
                return Next::Batch;
            }
            if state.stops {
                return Next::End;
            }
            let filled = &self.shared.filled;
            if self.is_settled {
                state = filled.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (after, waited) =
                filled.wait_timeout(state, self.shared.tuning.settle_delay).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if waited.timed_out() && state.next.records == 0 {
                return Next::Pause;
            }
        }
    }

    /// All that waits to be written. `spent` is a buffer to be used again.
    fn take_batch(&self, spent: Vec<u8>) -> (Batch, u64) {
        let mut state = self.shared.lock();
        let next = Batch { bytes: spent, ..Batch::default() };
        let batch = std::mem::replace(&mut state.next, next);
        state.batch += 1;
        (batch, state.batch - 1)
    }

    /// Says on the disk that the last group was durable.
    fn settle(&mut self) {
        if !std::mem::replace(&mut self.is_settled, true) {
            let mut empty = Batch { bytes: vec![0; GROUP_HEADER_LEN], ..Batch::default() };
            if let Err(error) = self.write(&mut empty) {
                tracing::warn!(%error, folder = %self.shared.folder.display(), "the journal cannot be written");
                self.seal();
            }
        }
    }

    fn write(&mut self, batch: &mut Batch) -> io::Result<()> {
        let len = batch.bytes.len();
        let group = Group {
            number: self.group,
            synced: self.synced,
            records: batch.records,
            len: (len - GROUP_HEADER_LEN) as u64,
        };
        batch.bytes[..GROUP_HEADER_LEN].copy_from_slice(&encode_group(group));
        batch.bytes.resize(len.next_multiple_of(ALIGNMENT), 0);
        let len = batch.bytes.len() as u64;
        if let Some(open) = self.open.as_ref().filter(|open| open.at + len > self.shared.tuning.segment_len) {
            if self.shared.durability == Durability::Relaxed {
                // So that what is durable of the next one is not behind a gap.
                open.file.sync()?;
            }
            self.seal();
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(open_segment(&self.shared, &mut self.next_segment, self.group)?),
        };
        open.file.write_at(&batch.bytes, open.at)?;
        let is_durable = self.shared.durability == Durability::Strict || batch.must_sync;
        if is_durable {
            open.file.sync()?;
        }
        open.objects.extend(batch.objects.drain());
        open.at += len;
        self.group += 1;
        if is_durable {
            self.synced = self.group;
        }
        Ok(())
    }

    /// The open segment is written no more: it is the keeper's.
    fn seal(&mut self) {
        if let Some(OpenSegment { path, objects, .. }) = self.open.take() {
            self.shared.keeper.sealed(Segment { path, objects });
        }
    }

    /// Tells what became of a batch.
    fn tell(&mut self, batch: &mut Batch, number: u64, result: io::Result<()>) {
        if let Err(error) = result {
            return self.give_up(batch, number, &error);
        }
        // Before anybody hears that these are durable, the keeper knows what hangs on them.
        self.shared.keeper.note_all(batch.facts.drain(..));
        self.shared.lock().done = number + 1;
        self.shared.advanced.notify_all();
        for (_, Ticket { signals, host, attempt, pos }) in batch.tickets.drain(..) {
            signals.push(Signal::Durable(host, attempt, pos));
        }
    }

    /// A batch could not be written. What has gathered meanwhile goes with it if it has something of the same objects: it
    /// would follow what is not there.
    fn give_up(&mut self, batch: &mut Batch, number: u64, error: &io::Error) {
        tracing::error!(%error, folder = %self.shared.folder.display(), "the journal cannot be written");
        // What is on the disk of this segment's last group is not known: the next goes elsewhere.
        self.seal();
        let failure: Arc<str> = format!("The write could not be made durable: {error}").into();
        let mut lost = std::mem::take(&mut batch.tickets);
        let mut state = self.shared.lock();
        let mut last = number;
        if state.next.objects.iter().any(|key| batch.objects.contains(key)) {
            lost.append(&mut std::mem::take(&mut state.next).tickets);
            last = state.batch;
            state.batch += 1;
        }
        (state.done, state.given_up) = (last + 1, Some(last));
        state.broken.extend(lost.iter().map(|(key, _)| key.clone()));
        drop(state);
        self.shared.advanced.notify_all();
        for (_, Ticket { signals, host, attempt, .. }) in lost {
            signals.push(Signal::NotDurable(host, attempt, failure.clone()));
        }
    }
}

/// Opens the next segment, as soon as there are not too many that the keeper has yet to retire.
fn open_segment(shared: &Shared, next: &mut u64, group: u64) -> io::Result<OpenSegment> {
    let mut state = shared.lock();
    while state.segments >= shared.tuning.segments_max && state.waiting == 0 && !state.stops {
        if state.is_stuck && state.segments >= shared.tuning.segments_stuck_max {
            return Err(io::Error::other("the journal is full, and its oldest segment cannot be retired"));
        }
        if state.is_stuck {
            break;
        }
        state = shared.advanced.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    drop(state);
    let files = &shared.files;
    files.create_dir(&shared.folder)?;
    if let Some(data) = shared.folder.parent() {
        files.sync_dir(data)?;
    }
    let path = segment_path(&shared.folder, *next, group);
    let spare = spare(&shared.folder);
    let file = match files.exists(&spare)? {
        true => {
            files.rename(&spare, &path)?;
            files.open(&path, Open::Existing)?
        }
        false => {
            let file = files.open(&path, Open::OrCreate)?;
            fill(&*file, shared.tuning.segment_len)?;
            file
        }
    };
    files.sync_dir(&shared.folder)?;
    *next += 1;
    shared.lock().segments += 1;
    shared.keeper.want_spare();
    Ok(OpenSegment { file, path, at: 0, objects: HashSet::new() })
}

/// Fills a new segment with zeros, so that what is written to it later changes neither its length nor its blocks.
fn fill(file: &dyn File, len: u64) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(4 << 20)];
    let mut at = 0;
    while at < len {
        let chunk = zeros.len().min(usize::try_from(len - at).unwrap_or(zeros.len()));
        file.write_at(&zeros[..chunk], at)?;
        at += chunk as u64;
    }
    file.sync()
}

/// The file of a segment. Its name says which group it begins with, whatever becomes of that.
fn segment_path(folder: &Path, number: u64, group: u64) -> PathBuf {
    folder.join(format!("{number:010}-{group}.log"))
}

/// No segment and no group has this number or a higher one: one that is written every nanosecond would take centuries
/// to come so far, so a file that says so is not of a journal.
const NUMBER_END: u64 = 1 << 63;

/// The number of a segment, and that of its first group.
fn numbers_of(name: &str) -> Option<(u64, u64)> {
    let (segment, group) = name.strip_suffix(".log")?.split_once('-')?;
    let number = |digits: &str| digits.parse().ok().filter(|number| *number < NUMBER_END);
    Some((number(segment)?, number(group)?))
}

/// A segment that waits to be used again.
fn spare(folder: &Path) -> PathBuf {
    folder.join("spare")
}
