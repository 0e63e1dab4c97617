//! The thread of a journal: it writes what has gathered as one group, syncs it, and tells everybody.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use dormouse_storage::file::{File, Open};

use super::record::{ALIGNMENT, GROUP_HEADER_LEN, Group, encode_group};
use super::segment::{Segment, fill, segment_path, spare};
use super::{Batch, Shared};
use crate::commit_log::{ObjectKey, Ticket};
use crate::limits::{FIRST_SEGMENT_LEN, JOURNAL_BUFFER_LEN_KEPT};
use crate::signals::Signal;
use crate::store::Durability;

/// The thread that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// The number of the next group.
    group: u64,
    /// Groups before this one are durable.
    synced: u64,
    next_segment: u64,
    open: Option<OpenSegment>,
    /// Whether it can be told from the disk that the last group is durable.
    is_settled: bool,
    /// A buffer to be used again.
    spent: Vec<u8>,
}

/// Tells that the thread has ended, however that came: nobody waits for it in vain.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().has_ended = true;
        self.0.advanced.notify_all();
    }
}

/// What the thread does next.
enum Next {
    Batch,
    Pause,
    End,
}

/// The segment that is written.
struct OpenSegment {
    file: Box<dyn File>,
    path: PathBuf,
    len: u64,
    /// Where the next group goes.
    at: u64,
    objects: HashSet<ObjectKey>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, group: u64, next_segment: u64) -> Self {
        Self { shared, group, synced: group, next_segment, open: None, is_settled: true, spent: Vec::new() }
    }

    pub(super) fn run(mut self) {
        let _ended = Ended(self.shared.clone());
        loop {
            match self.next() {
                Next::Batch => self.write_next(),
                Next::Pause => self.settle(),
                Next::End => {
                    self.settle();
                    return self.seal();
                }
            }
        }
    }

    /// Writes what has gathered, and tells what became of it.
    pub(super) fn write_next(&mut self) {
        let (mut batch, number) = self.take_batch();
        let result = self.write(&mut batch);
        self.is_settled = self.shared.durability == Durability::Relaxed;
        self.tell(&mut batch, number, result);
        batch.bytes.clear();
        batch.bytes.shrink_to(JOURNAL_BUFFER_LEN_KEPT);
        self.spent = batch.bytes;
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

    /// All that waits to be written.
    fn take_batch(&mut self) -> (Batch, u64) {
        let mut state = self.shared.lock();
        let next = Batch { bytes: std::mem::take(&mut self.spent), ..Batch::default() };
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
        if let Some(open) = self.open.as_ref().filter(|open| open.at + len > open.len) {
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
        batch.is_given_up.store(true, Ordering::Relaxed);
        if state.next.objects.iter().any(|key| batch.objects.contains(key)) {
            let mut next = std::mem::take(&mut state.next);
            next.is_given_up.store(true, Ordering::Relaxed);
            lost.append(&mut next.tickets);
            last = state.batch;
            state.batch += 1;
        }
        state.done = last + 1;
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
        // The journal begins, and somebody waits for it: one in reserve is made meanwhile.
        false => {
            let file = files.open(&path, Open::OrCreate)?;
            fill(&*file, shared.tuning.segment_len.min(FIRST_SEGMENT_LEN))?;
            file
        }
    };
    let len = file.len()?;
    files.sync_dir(&shared.folder)?;
    *next += 1;
    shared.lock().segments += 1;
    shared.keeper.want_spare();
    Ok(OpenSegment { file, path, len, at: 0, objects: HashSet::new() })
}
