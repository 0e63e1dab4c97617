//! How a host lends its database ([`crate::loan`]).
//!
//! Invariant: it is lent only when all of it is durable, no transaction is open, and no turn runs; until it is back, none
//! begins. One that is lent to be deleted has no guest any more.

use std::mem;
use std::rc::Rc;

use dormouse_object::object::{Reset, Step};

use crate::host::Host;
use crate::host::storage::{File, HostStorage};
use crate::loan::{Lending, Loan, LoanRequest, Purpose, Residence, lend_files};
use crate::store::Known;

/// What clients of an object are told that the operator deletes.
const DELETED: &str = "Durable Object reset because its operator deleted it.";
/// What the operator is told.
const IN_TRANSACTION: &str = "the object is in the middle of a transaction; try again";
const SPOILT: &str = "writes of the object were lost, and its files could not be mended yet; try again";

impl Host {
    /// Lends the database as soon as it can be.
    pub(crate) fn lend(self: &Rc<Self>, request: LoanRequest) {
        if request.purpose == Purpose::Delete {
            self.reset_for_good();
        }
        self.lend_or_queue(request);
        self.shard().schedule(self.key());
    }

    /// The object is to be deleted: its guest and its sockets go, and its alarm.
    fn reset_for_good(&self) {
        tracing::warn!(object = self.label(), "the operator deletes the object");
        let now = self.shard().now();
        self.roll_back_storage();
        self.with_object(|object| object.handle_reset(Reset::Aborted(DELETED), now));
        if self.guest.borrow().is_some() {
            let step = self.object.borrow_mut().poll_step(now);
            if matches!(step, Some(Step::Stop)) {
                self.stop_guest();
            }
        }
        self.with_object(|object| object.handle_found(None));
        if let Some(storage) = self.storage.borrow_mut().as_deref_mut() {
            storage.alarm = None;
        }
    }

    fn lend_or_queue(&self, request: LoanRequest) {
        let mut slot = self.storage.borrow_mut();
        let storage = slot.get_or_insert_default();
        let is_for_guest = self.guest.borrow().is_some();
        match mem::take(&mut storage.file) {
            File::Open(db) if db.depth() > 0 => {
                storage.file = File::Open(db);
                refuse(&request, IN_TRANSACTION);
            }
            File::Open(db) => {
                storage.file = File::Leaving(db);
                storage.loans.push_back(request);
                self.leave_if_durable(storage);
            }
            File::Leaving(db) => {
                storage.file = File::Leaving(db);
                storage.loans.push_back(request);
            }
            File::Away => {
                storage.file = File::Away;
                storage.loans.push_back(request);
            }
            file @ (File::Free | File::Claimed(_)) if is_for_guest => {
                storage.file = file;
                drop(slot);
                self.open_and_lend(request);
            }
            File::Spoilt(wal) if request.purpose == Purpose::Use => {
                storage.file = File::Spoilt(wal);
                refuse(&request, SPOILT);
            }
            File::Free => self.lend_closed(request),
            File::Claimed(known) => {
                self.release_files(known);
                self.lend_closed(request);
            }
            File::Spoilt(_) => {
                self.release_files(Known::Nothing);
                self.lend_closed(request);
            }
        }
    }

    /// A guest may open the files at any moment: they are lent open.
    fn open_and_lend(&self, request: LoanRequest) {
        let has_files = match (self.key_on_disk(), self.store()) {
            (Some(key), Some(store)) => store.has_files(&key).map_err(|error| error.to_string()),
            _ => Ok(false),
        };
        let opened = has_files.and_then(|has_files| match has_files {
            true => self.open_storage().map_err(|error| error.to_string()).map(|()| true),
            false => Ok(false),
        });
        match opened {
            Ok(true) => self.lend_or_queue(request),
            // Nobody is left to hear it when this fails.
            Ok(false) => drop(request.reply.send(Lending::Nothing(self.residence()))),
            Err(failure) => refuse(&request, &failure),
        }
    }

    fn lend_closed(&self, request: LoanRequest) {
        lend_files(self.shard().node(), request, self.residence());
    }

    fn release_files(&self, known: Known) {
        if let (Some(key), Some(store)) = (self.key_on_disk(), self.store()) {
            store.release(&key, known, false);
        }
    }

    /// The database is with nobody, and all of it is durable: the next in the queue gets it. False when nobody waits.
    pub(super) fn lend_next(&self, storage: &mut HostStorage) -> bool {
        let Some(request) = storage.loans.pop_front() else { return false };
        let (Some(key), Some(_)) = (self.key_on_disk(), self.store()) else { return false };
        let File::Leaving(db) = mem::replace(&mut storage.file, File::Away) else { return false };
        match request.purpose {
            Purpose::Use => {
                let loan = Loan::open(self.shard().node().clone(), key, db, self.waiter());
                // With nobody there to take it, the loan comes back.
                let _ = request.reply.send(Lending::Lent(loan, self.residence()));
            }
            Purpose::Delete => {
                let wal = db.wal();
                drop(db);
                let loans = mem::take(&mut storage.loans);
                *storage = HostStorage { attempt: storage.attempt, ..HostStorage::default() };
                self.release_files(Known::Log(wal));
                self.lend_closed(request);
                storage.loans = loans;
                storage.send_away();
            }
        }
        true
    }

    /// What was written to a lent database is lost.
    pub(crate) fn handle_loan_lost(&self, failure: &str) {
        if let Some(storage) = self.storage.borrow_mut().as_deref_mut() {
            storage.file = File::Spoilt(storage.durable);
        }
        self.break_gate(failure);
    }

    fn residence(&self) -> Residence {
        Residence { is_resident: self.guest.borrow().is_some(), sockets: self.object.borrow().socket_count() }
    }
}

impl HostStorage {
    /// Those who wait for the file are to ask again.
    pub(super) fn send_away(&mut self) {
        for request in mem::take(&mut self.loans) {
            // Nobody is left to hear it when this fails.
            let _ = request.reply.send(Lending::Again);
        }
    }
}

fn refuse(request: &LoanRequest, why: &str) {
    // Nobody is left to hear it when this fails.
    let _ = request.reply.send(Lending::Refused(why.to_owned()));
}
