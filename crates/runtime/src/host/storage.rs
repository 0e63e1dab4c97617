//! The database of one object, as its host holds it: what guests do with it, and what becomes of what a turn wrote.
//!
//! A file is opened at the first use of storage and closed when the guest has gone and every commit is durable. What a
//! turn wrote is committed at its end ([`Host::commit`]); the commit's position goes to the object, its bytes to the
//! commit log, and when the log says that it is durable, what waits for it leaves. Where the file is meanwhile is in
//! [`files`](super::files).
//!
//! When the disk fails, the object loses what was not durable ([`Host::lose_writes`]): the file is cut back to the last
//! durable commit before anybody sees it again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dormouse_object::alarm::{AlarmRecord, AlarmState};
use dormouse_object::object::Reset;
use dormouse_object::outbox::WritePos;
use dormouse_object::time::Time;
use dormouse_storage::commit::WalRange;
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::txn::Span;
use dormouse_storage::{Db, Error};
use tokio::sync::oneshot;

use crate::commit_log::{Appended, Commit, Facts, Ticket};
use crate::host::Host;
use crate::loan::LoanRequest;
use crate::store::Known;

/// What a host knows of its object's database. An object that stores nothing has none.
#[derive(Default)]
pub(crate) struct HostStorage {
    pub(super) file: File,
    /// Commits that are not durable, the oldest first.
    pub(super) pending: VecDeque<Pending>,
    /// What the write-ahead log holds that is durable.
    pub(super) durable: Option<WalRange>,
    /// Counts losses of writes: tickets of an earlier attempt are void.
    pub(super) attempt: u32,
    /// Why the turn under way cannot be committed.
    pub(super) failure: Option<String>,
    /// The alarm that the file holds; unknown until it was opened.
    pub(super) alarm: Option<Option<AlarmRecord>>,
    /// What the alarm was before each open transaction of user code.
    pub(super) transactions: Vec<AlarmState>,
    /// Who waits for what was committed so far.
    pub(super) waiting: Vec<(WritePos, oneshot::Sender<()>)>,
    /// When the guest's call to its database began that is under way.
    pub(super) call_began: Option<Arc<AtomicU64>>,
    /// Whether the registry knows the object.
    pub(super) registered: bool,
    /// Who wants to borrow the database.
    pub(super) loans: VecDeque<LoanRequest>,
}

/// Where the file is.
#[derive(Default)]
pub(super) enum File {
    /// Nobody here has it.
    #[default]
    Free,
    /// It is this host's to open, and this is known of its log.
    Claimed(Known),
    Open(Box<Db>),
    /// Its log is long: it is with the keeper as soon as all is durable, and the object waits meanwhile.
    Leaving(Box<Db>),
    /// The keeper has it.
    Away,
    /// It could not be cut back to what is durable.
    Spoilt(Option<WalRange>),
}

pub(super) struct Pending {
    /// What the commit log will name.
    pub(super) ticket: WritePos,
    /// The last position that is durable with it: commits that changed nothing come with the one before.
    pub(super) pos: WritePos,
    /// What the log holds after it.
    pub(super) wal: WalRange,
}

/// What a guest is told when its host keeps no data.
pub(super) const NO_STORAGE: &str = "This server keeps no data: it was started without a data folder.";

/// For guests.
impl Host {
    /// Lets a guest use its database.
    pub(crate) fn with_storage<T>(&self, ask: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Error> {
        self.open_for_guest()?;
        let mut storage = self.storage.borrow_mut();
        let Some(HostStorage { file: File::Open(db) | File::Leaving(db), failure, call_began, .. }) =
            storage.as_deref_mut()
        else {
            return Err(Error::Guest(NO_STORAGE.to_owned()));
        };
        if let Some(failure) = failure {
            return Err(Error::Guest(failure.clone()));
        }
        if let Some(began) = call_began {
            began.store(self.shard().node().now_ms(), Ordering::Relaxed);
        }
        let result = ask(db);
        if let Err(error) = &result
            && error.is_fatal()
        {
            tracing::error!(object = self.label(), %error, "storage failed, the object is reset");
            *failure = Some(error.to_string());
        }
        if db.is_dirty() {
            self.object.borrow_mut().wrote();
        }
        result
    }

    /// Opens the file for a guest. When the disk fails, whatever the guest makes of that, it does not count.
    fn open_for_guest(&self) -> Result<(), Error> {
        self.open_storage().inspect_err(|error| {
            if let (Error::Disk { .. }, Some(storage)) = (error, self.storage.borrow_mut().as_deref_mut()) {
                storage.failure = Some(error.to_string());
            }
        })
    }

    /// When the alarm is set for.
    pub(crate) fn alarm(&self) -> Result<Option<Time>, Error> {
        self.open_for_guest()?;
        Ok(self.object.borrow().alarm())
    }

    /// Sets the alarm or takes it away, as part of the turn's writes. A time that has passed is now.
    pub(crate) fn set_alarm(&self, at: Option<Time>) -> Result<(), Error> {
        self.open_for_guest()?;
        let at = at.map(|at| at.max(self.shard().now()));
        let is_held = self.storage.borrow().as_deref().is_some_and(HostStorage::is_held);
        {
            let mut object = self.object.borrow_mut();
            if !is_held {
                object.wrote();
            }
            match at {
                Some(at) => object.set_alarm(at),
                None => object.delete_alarm(),
            }
        }
        self.write_alarm()
    }

    /// Opens a transaction of user code; what the turn wrote before one that may span turns is committed first.
    pub(crate) fn begin_transaction(&self, span: Span) -> Result<(), Error> {
        if span == Span::Held {
            self.open_for_guest()?;
            self.commit().map_err(Error::Guest)?;
        }
        self.with_storage(|db| db.begin_nested(span))?;
        let before = self.object.borrow().alarm_state();
        if let Some(storage) = self.storage.borrow_mut().as_deref_mut() {
            storage.transactions.push(before);
        }
        Ok(())
    }

    /// Ends the innermost transaction of user code and keeps what it wrote.
    pub(crate) fn end_transaction(&self) -> Result<(), Error> {
        let was_dirty = self.object.borrow().is_dirty();
        let before = self.pop_transaction();
        // `with_storage` notes the write; what the alarm was before a held transaction is noted with it.
        let is_dirty = {
            let mut storage = self.storage.borrow_mut();
            let Some(HostStorage { file: File::Open(db) | File::Leaving(db), .. }) = storage.as_deref_mut() else {
                return Ok(());
            };
            db.end_nested()?;
            db.is_dirty()
        };
        if let Some(before) = before.filter(|_| is_dirty && !was_dirty) {
            self.object.borrow_mut().wrote_transaction(before);
        }
        Ok(())
    }

    /// Ends the innermost transaction of user code and forgets what it wrote.
    pub(crate) fn roll_back_transaction(&self) -> Result<(), Error> {
        let before = self.pop_transaction();
        self.with_storage(Db::roll_back_nested)?;
        if let Some(before) = before {
            self.object.borrow_mut().restore_alarm_state(before);
        }
        self.reread_alarm()
    }

    fn pop_transaction(&self) -> Option<AlarmState> {
        self.storage.borrow_mut().as_deref_mut()?.transactions.pop()
    }

    /// Resolves when all that was committed so far, and what the turn under way has written, is durable.
    pub(crate) fn synced(&self) -> oneshot::Receiver<()> {
        let (tx, rx) = oneshot::channel();
        let (committed, durable) = self.object.borrow().positions();
        let waits_for = WritePos(committed.0 + u64::from(self.object.borrow().is_dirty()));
        match self.storage.borrow_mut().as_deref_mut().filter(|_| waits_for > durable) {
            Some(storage) => storage.waiting.push((waits_for, tx)),
            // Nobody is left to hear it when this fails.
            None => drop(tx.send(())),
        }
        rx
    }
}

/// Turns.
impl Host {
    /// Commits what the turn under way has written, with its alarm.
    ///
    /// # Errors
    ///
    /// When something failed for which the object must be reset; the text says what.
    pub(crate) fn commit(&self) -> Result<(), String> {
        if self.storage.borrow().is_none() && !self.object.borrow().is_dirty() {
            return Ok(());
        }
        self.write_alarm().map_err(|error| error.to_string())?;
        let mut storage = self.storage.borrow_mut();
        let Some(storage) = storage.as_deref_mut() else { return Ok(()) };
        if let Some(failure) = storage.failure.take() {
            return Err(failure);
        }
        if !self.object.borrow().is_dirty() {
            return Ok(());
        }
        let range = match &mut storage.file {
            File::Open(db) | File::Leaving(db) => db.commit().map_err(|error| error.to_string())?,
            File::Free | File::Claimed(_) | File::Away | File::Spoilt(_) => None,
        };
        let pos = self.object.borrow_mut().handle_commit();
        self.append(storage, pos, range)
    }

    fn append(&self, storage: &mut HostStorage, pos: WritePos, range: Option<WalRange>) -> Result<(), String> {
        let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) else { return Ok(()) };
        let (File::Open(db) | File::Leaving(db)) = &mut storage.file else { return Ok(()) };
        // The first commit to an empty log may be the first ever.
        let is_known =
            std::mem::replace(&mut storage.registered, true) && storage.durable.is_some_and(|wal| wal.end > 0);
        let mut facts = (!is_known).then(|| facts(storage.alarm, self.name()));
        if range.is_some_and(|range| range.end - range.start > store.tuning().commit_len_max) {
            if let Some(facts) = facts.take() {
                store.log().note(&key, facts).map_err(|error| error.to_string())?;
            }
            db.close_cursors();
            let is_folded = store.fold(&key, db).map_err(|error| error.to_string())?;
            storage.pending.clear();
            storage.durable = is_folded.then(|| db.wal());
            if !is_folded {
                // All is durable; the rest is made up for when the file is opened again.
                storage.file = File::Claimed(Known::Unfinished);
                self.confirm(storage, pos);
                return Ok(());
            }
        }
        let wal = db.wal();
        let range = range.filter(|_| wal.end > 0);
        let appended = match range {
            None if facts.is_none() => Appended::Durable,
            range => {
                let ticket =
                    Ticket { signals: self.shard().signals().clone(), host: self.key(), attempt: storage.attempt, pos };
                let read = |buffer: &mut [u8], offset| db.read_wal(buffer, offset);
                let commit = Commit { object: &key, range, read: &read, facts, ticket };
                store.log().append(commit).map_err(|error| error.to_string())?
            }
        };
        match appended {
            Appended::Durable => match storage.pending.back_mut() {
                Some(last) => *last = Pending { ticket: last.ticket, pos, wal },
                None => {
                    storage.durable = Some(wal);
                    self.confirm(storage, pos);
                }
            },
            Appended::Later => storage.pending.push_back(Pending { ticket: pos, pos, wal }),
        }
        self.leave_if_longer(storage, store.tuning().wal_len_max);
        Ok(())
    }

    /// Sends the database to the keeper when its log has become longer than that.
    pub(super) fn leave_if_longer(&self, storage: &mut HostStorage, len: u64) {
        let (File::Open(db), Some(store)) = (&mut storage.file, self.store()) else { return };
        let wal = db.wal();
        if wal.end > store.tuning().wal_len_with_cursors_max {
            db.close_cursors();
        }
        if wal.end > len
            && db.is_quiet()
            && let File::Open(db) = std::mem::take(&mut storage.file)
        {
            storage.file = File::Leaving(db);
            self.leave_if_durable(storage);
        }
    }

    /// Forgets what the turn under way has written. Comes before the object is told that the turn has failed.
    pub(crate) fn roll_back_storage(&self) {
        let mut storage = self.storage.borrow_mut();
        let Some(storage) = storage.as_deref_mut() else { return };
        storage.failure = None;
        if let Some(before) = std::mem::take(&mut storage.transactions).into_iter().next() {
            self.object.borrow_mut().restore_alarm_state(before);
        }
        if let File::Open(db) | File::Leaving(db) = &mut storage.file {
            db.close_cursors();
            db.roll_back();
            // What cannot be read now will not be there at the next opening either, which says so.
            storage.alarm = db.alarm().ok().map(|row| row.map(record));
        }
    }

    /// The guest is gone, and with it whoever could end its transactions or read its cursors.
    pub(crate) fn abandon_storage(&self) {
        let mut storage = self.storage.borrow_mut();
        let Some(storage) = storage.as_deref_mut() else { return };
        let was_open = !std::mem::take(&mut storage.transactions).is_empty();
        let (File::Open(db) | File::Leaving(db)) = &mut storage.file else { return };
        db.close_cursors();
        if was_open {
            db.roll_back();
            if let Ok(alarm) = db.alarm() {
                storage.alarm = Some(alarm.map(record));
                self.object.borrow_mut().handle_found(alarm.map(record));
            }
        }
    }

    /// Forgets every write that is not durable. Comes before the object is told so.
    pub(crate) fn lose_writes(&self) {
        self.roll_back_storage();
        let mut storage = self.storage.borrow_mut();
        let Some(storage) = storage.as_deref_mut() else { return };
        storage.attempt = storage.attempt.wrapping_add(1);
        storage.pending.clear();
        storage.waiting.clear();
        storage.loans.clear();
        storage.alarm = None;
        storage.file = match std::mem::take(&mut storage.file) {
            File::Open(db) | File::Leaving(db) => {
                drop(db);
                File::Spoilt(storage.durable)
            }
            file => file,
        };
        if let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) {
            storage.mend(&key, store);
        }
    }

    /// The alarm has changed in a way that is no part of a turn, such as for a retry: it is stored now.
    pub(crate) fn store_alarm(&self) {
        let is_known = self.storage.borrow().as_deref().is_some_and(|storage| storage.alarm.is_some());
        if !is_known || self.storage_is_away() {
            return;
        }
        if let Err(failure) = self.write_alarm().map_err(|error| error.to_string()).and_then(|()| self.commit()) {
            self.break_gate(&failure);
        }
    }

    /// What was written is lost: the guest and the sockets go.
    pub(crate) fn break_gate(&self, failure: &str) {
        tracing::error!(object = self.label(), error = failure, "writes are lost, the object is reset");
        self.lose_writes();
        let now = self.shard().now();
        self.with_object(|object| {
            object.handle_reset(Reset::GateBroken(failure), now);
            // What it knows of its alarm may be lost too. The file has it, and the keeper knows when it is due.
            object.handle_found(None);
        });
        if let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) {
            store.fire_again(&key);
        }
    }

    /// Writes the alarm if the file holds another one.
    fn write_alarm(&self) -> Result<(), Error> {
        let record = self.object.borrow().alarm_record();
        let stored = self.storage.borrow().as_deref().and_then(|storage| storage.alarm);
        if stored.is_none_or(|stored| stored == record) {
            return Ok(());
        }
        self.with_storage(|db| db.set_alarm(record.map(row)))?;
        if let Some(storage) = self.storage.borrow_mut().as_deref_mut() {
            storage.alarm = Some(record);
            storage.registered = false;
        }
        Ok(())
    }

    fn reread_alarm(&self) -> Result<(), Error> {
        let alarm = self.with_storage(|db| db.alarm())?;
        if let Some(storage) = self.storage.borrow_mut().as_deref_mut() {
            storage.alarm = Some(alarm.map(record));
            storage.registered = false;
        }
        Ok(())
    }
}

impl HostStorage {
    pub(super) fn is_held(&self) -> bool {
        matches!(&self.file, File::Open(db) | File::Leaving(db) if db.is_held())
    }
}

/// What the registry is to know of an object.
pub(super) fn facts(alarm: Option<Option<AlarmRecord>>, name: Option<&str>) -> Facts {
    Facts { name: name.map(Into::into), alarm_due_ms: alarm.flatten().map(|alarm| alarm.due.as_millis()) }
}

pub(super) fn record(row: AlarmRow) -> AlarmRecord {
    AlarmRecord {
        scheduled: Time::from_millis(row.scheduled_ms),
        due: Time::from_millis(row.due_ms),
        failed: row.failed,
        attempts: row.attempts,
    }
}

fn row(record: AlarmRecord) -> AlarmRow {
    AlarmRow {
        scheduled_ms: record.scheduled.as_millis(),
        due_ms: record.due.as_millis(),
        failed: record.failed,
        attempts: record.attempts,
    }
}
