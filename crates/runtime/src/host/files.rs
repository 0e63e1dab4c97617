//! Where the database of an object is: nobody's, open with its host, or with the keeper.
//!
//! Invariant: it is open only while the host holds the claim on it ([`crate::store::Store::claim`]), so the keeper never
//! touches it meanwhile; and it is closed only when nothing of it is to become durable.

use std::mem;

use dormouse_object::outbox::WritePos;
use dormouse_storage::{Db, Error};

use crate::commit_log::{ObjectKey, Ticket};
use crate::host::storage::{File, HostStorage, NO_STORAGE, facts, record};
use crate::host::{Host, Identity};
use crate::store::{Claim, Known, Store};

/// What a Worker is told, which is no object.
const NO_OBJECT: &str = "Only a Durable Object has storage.";

/// The file.
impl Host {
    pub(super) fn store(&self) -> Option<&Store> {
        self.shard().store()
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.id()?.name()
    }

    pub(crate) fn key_on_disk(&self) -> Option<ObjectKey> {
        match self.identity() {
            Identity::Worker(_) => None,
            Identity::Object(class, id) => Some(ObjectKey { class: class.unique_key.clone(), id: *id.as_bytes() }),
        }
    }

    /// Claims the file before a guest is built, which may use it at any time. False when the keeper has it: then the host
    /// is woken when it is free.
    pub(crate) fn claim_storage(&self) -> bool {
        let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) else { return true };
        let mut storage = self.storage.borrow_mut();
        match storage.as_deref_mut() {
            Some(HostStorage { file: File::Free, .. }) | None => match store.claims().claim(&key, &self.waiter()) {
                Claim::Busy => false,
                // The usual case: it may never be used.
                Claim::Yours(Known::Nothing) => true,
                Claim::Yours(known) => {
                    storage.get_or_insert_default().file = File::Claimed(known);
                    true
                }
            },
            Some(storage @ HostStorage { file: File::Spoilt(_), .. }) => {
                storage.mend(&key, store);
                true
            }
            Some(_) => true,
        }
    }

    pub(super) fn waiter(&self) -> Ticket {
        Ticket { signals: self.shard().signals().clone(), host: self.key(), attempt: 0, pos: WritePos::default() }
    }

    /// Opens the file if it is not open, and learns the alarm.
    pub(super) fn open_storage(&self) -> Result<(), Error> {
        if let Some(HostStorage { file: File::Open(_) | File::Leaving(_), .. }) = self.storage.borrow().as_deref() {
            return Ok(());
        }
        let key = self.key_on_disk().ok_or_else(|| Error::Guest(NO_OBJECT.to_owned()))?;
        let store = self.store().ok_or_else(|| Error::Guest(NO_STORAGE.to_owned()))?;
        let mut slot = self.storage.borrow_mut();
        let storage = slot.get_or_insert_default();
        let known = match storage.file {
            File::Claimed(known) => known,
            File::Free => store.claims().claim_and_wait(&key, self.waiter()),
            File::Spoilt(_) => {
                let what = "lost writes could not be cut off".to_owned();
                return Err(Error::Disk { path: store.path(&key), what });
            }
            File::Open(_) | File::Leaving(_) | File::Away => return Err(Error::Guest(NO_STORAGE.to_owned())),
        };
        let mut known = known;
        let opened = store.open_db(&key, self.name(), &mut known);
        storage.file = File::Claimed(known);
        let mut db =
            opened.inspect_err(|error| tracing::error!(object = self.label(), %error, "storage cannot be opened"))?;
        let alarm = db.alarm()?.map(record);
        storage.call_began = Some(store.limit_statements(&mut db, self.shard().node())?);
        storage.durable = Some(db.wal());
        storage.file = File::Open(Box::new(db));
        if storage.alarm.is_none() {
            storage.registered = true;
            self.object.borrow_mut().handle_found(alarm);
        }
        storage.alarm = Some(alarm);
        Ok(())
    }

    /// The files are free that the host wanted: for a guest, or for its alarm.
    pub(crate) fn handle_files_free(&self) {
        if !self.start_waits.get() {
            self.find_alarm();
        }
    }

    /// Learns the alarm from the file, for the registry says that it is due.
    pub(crate) fn find_alarm(&self) {
        let is_known = self.storage.borrow().as_deref().is_some_and(|storage| storage.alarm.is_some());
        let has_files = match (self.key_on_disk(), self.store()) {
            // A disk that fails is told of when the file is opened.
            (Some(key), Some(store)) => store.has_files(&key).unwrap_or(true),
            _ => false,
        };
        // One that was deleted meanwhile has no alarm.
        if is_known || !has_files || !self.claim_storage() {
            return;
        }
        if let Err(error) = self.open_storage() {
            tracing::error!(object = self.label(), %error, "an alarm is due, and its object cannot be opened");
            if let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) {
                store.fire_again(&key);
            }
        } else if let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) {
            // What the registry said may have been out of date.
            let alarm = self.storage.borrow().as_deref().and_then(|storage| storage.alarm);
            store.note(&key, facts(alarm, self.name()));
        }
        self.close_storage();
    }

    /// Closes the file when no guest can use it and nothing of it is to become durable.
    pub(crate) fn close_storage(&self) {
        if self.guest.borrow().is_some() {
            return;
        }
        let mut slot = self.storage.borrow_mut();
        let Some(storage) = slot.as_deref_mut() else { return };
        if !storage.pending.is_empty() {
            return;
        }
        let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) else { return };
        let (known, is_blank) = match &storage.file {
            File::Open(db) | File::Leaving(db) => (Known::Log(db.wal()), db.is_blank()),
            File::Claimed(known) => (*known, false),
            File::Free | File::Away | File::Spoilt(_) => return,
        };
        // Closed before anybody else may open it.
        storage.file = File::Free;
        store.release(&key, known, is_blank);
    }

    /// Whether turns must wait, because the keeper has the file or is about to get it.
    pub(crate) fn storage_is_away(&self) -> bool {
        matches!(self.storage.borrow().as_deref(), Some(HostStorage { file: File::Leaving(_) | File::Away, .. }))
    }

    /// Whether the host must stay for the sake of its file.
    pub(crate) fn storage_is_busy(&self) -> bool {
        match self.storage.borrow().as_deref() {
            Some(storage) => !matches!(storage.file, File::Free) || !storage.pending.is_empty(),
            None => false,
        }
    }

    pub(super) fn leave_if_durable(&self, storage: &mut HostStorage) {
        if !storage.pending.is_empty() || !matches!(storage.file, File::Leaving(_)) {
            return;
        }
        if self.lend_next(storage) {
            return;
        }
        let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) else { return };
        if let File::Leaving(db) = mem::replace(&mut storage.file, File::Away) {
            store.checkpoint(key, db, self.waiter());
        }
    }

    /// The keeper asks for the file. It asks again when it does not get it.
    pub(crate) fn handle_tidy(&self) {
        if let Some(storage) = self.storage.borrow_mut().as_deref_mut() {
            self.leave_if_longer(storage, 0);
        }
    }

    /// The keeper has lost what it knew of the object. It asks again when it hears nothing.
    pub(crate) fn handle_tell(&self) {
        let is_dirty = self.object.borrow().is_dirty();
        let alarm = match self.storage.borrow_mut().as_deref_mut() {
            Some(storage) => {
                // Whatever comes next says it.
                storage.registered = false;
                // What is not durable is nobody's to know, and what has nothing is no object yet.
                let is_blank = matches!(&storage.file, File::Open(db) | File::Leaving(db) if db.is_blank());
                if is_dirty || is_blank || storage.is_held() || !storage.pending.is_empty() {
                    return;
                }
                storage.alarm
            }
            None => None,
        };
        match (self.key_on_disk(), self.store()) {
            (Some(key), Some(store)) if alarm.is_some() => store.note(&key, facts(alarm, self.name())),
            _ => self.find_alarm(),
        }
    }

    /// The keeper has written the log into the database, or could not, or a loan is back. One that must be closed is opened
    /// again when it is used.
    pub(crate) fn handle_checkpointed(&self, db: Box<Db>, result: Result<(), Known>) {
        let mut storage = self.storage.borrow_mut();
        let Some(storage) = storage.as_deref_mut() else { return };
        if let Err(known) = result {
            drop(db);
            storage.file = File::Claimed(known);
            return HostStorage::send_away(storage);
        }
        storage.durable = Some(db.wal());
        if storage.loans.is_empty() {
            storage.file = File::Open(db);
        } else {
            storage.file = File::Leaving(db);
            self.leave_if_durable(storage);
        }
    }
}

/// What the commit log says.
impl Host {
    /// A commit is durable, and all before it.
    pub(crate) fn handle_durable(&self, attempt: u32, ticket: WritePos) {
        let mut storage = self.storage.borrow_mut();
        let Some(storage) = storage.as_deref_mut().filter(|storage| storage.attempt == attempt) else { return };
        let mut last = None;
        while let Some(pending) = storage.pending.pop_front_if(|pending| pending.ticket <= ticket) {
            storage.durable = Some(pending.wal);
            last = Some(pending.pos);
        }
        if let Some(pos) = last {
            self.confirm(storage, pos);
        }
        self.leave_if_durable(storage);
    }

    pub(super) fn confirm(&self, storage: &mut HostStorage, pos: WritePos) {
        self.with_object(|object| object.handle_durable(pos));
        for (_, waiter) in storage.waiting.extract_if(.., |(waits_for, _)| *waits_for <= pos) {
            // Nobody is left to hear it when this fails.
            let _ = waiter.send(());
        }
    }

    /// A commit will never be durable.
    pub(crate) fn handle_not_durable(&self, attempt: u32, failure: &str) {
        let is_current = self.storage.borrow().as_deref().is_some_and(|storage| storage.attempt == attempt);
        if is_current {
            self.break_gate(failure);
        }
    }
}

impl HostStorage {
    /// Cuts the file back to what is durable, after writes were lost.
    pub(super) fn mend(&mut self, key: &ObjectKey, store: &Store) {
        let File::Spoilt(durable) = self.file else { return };
        let cut = store.cut_log(key, durable.map_or(0, |wal| wal.end)).and_then(|()| store.log().cut(key, durable));
        match cut {
            Ok(()) => self.file = File::Claimed(durable.map_or(Known::Nothing, Known::Log)),
            Err(error) => tracing::error!(path = %store.path(key).display(), %error, "lost writes cannot be cut off"),
        }
    }
}
