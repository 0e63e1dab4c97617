//! The database of one object, lent to somebody outside its shard: an operator who looks into it, copies it or deletes it.
//!
//! Whoever wants it asks the object's shard ([`LoanRequest`]). The database of an object in memory is lent between two
//! turns, when all of it is durable, and the object waits until it is back; of any other one the files are lent, and an
//! object that wakes meanwhile waits for them. So the borrower works on its own thread and nobody else is held up.
//!
//! Invariant: a loan comes back when it is dropped, whatever happens. What it wrote is durable by then, or gone
//! ([`Loan::write`]).

use std::sync::mpsc::Sender;

use dormouse_storage::commit::WalRange;
use dormouse_storage::{Db, Error};

use crate::commit_log::{Facts, ObjectKey, Ticket};
use crate::node::Handle;
use crate::signals::Signal;
use crate::store::Store;

/// What a loan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be read or written to.
    Use,
    /// To be deleted. The object is reset.
    Delete,
}

/// Somebody wants the database of an object.
pub(crate) struct LoanRequest {
    pub(crate) key: ObjectKey,
    pub(crate) purpose: Purpose,
    pub(crate) reply: Sender<Lending>,
}

/// What there is of an object in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residence {
    /// Whether its guest is there.
    pub is_resident: bool,
    /// How many sockets it has.
    pub sockets: usize,
}

/// The answer to a request.
pub(crate) enum Lending {
    Lent(Loan, Residence),
    /// The object has no database.
    Nothing(Residence),
    /// Somebody else has the files: it is worth asking again when they are back.
    Again,
    /// Not now, and why.
    Refused(String),
}

/// A database on loan.
pub(crate) struct Loan {
    node: Handle,
    key: ObjectKey,
    files: Files,
}

enum Files {
    /// A host's open database, and who waits for it.
    Open(Box<Db>, Ticket),
    /// Files that nobody has open; so much of their log is known to be there.
    Closed(Option<WalRange>),
    Returned,
}

impl Loan {
    /// A host lends its open database.
    pub(crate) fn open(node: Handle, key: ObjectKey, db: Box<Db>, waiter: Ticket) -> Self {
        Self { node, key, files: Files::Open(db, waiter) }
    }

    /// Works with the database.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut Db) -> T) -> Result<T, Error> {
        let Some(store) = self.node.store() else { return Err(Error::Guest(GIVEN_BACK.to_owned())) };
        match &mut self.files {
            Files::Open(db, _) => Ok(work(db)),
            Files::Closed(wal) => {
                let mut db = store.open_db(&self.key, None, *wal)?;
                let result = work(&mut db);
                *wal = Some(db.wal());
                Ok(result)
            }
            Files::Returned => Err(Error::Guest(GIVEN_BACK.to_owned())),
        }
    }

    /// Lets `work` write to the database, and commits what it wrote, durably.
    ///
    /// # Errors
    ///
    /// What `work` returns: nothing is written then. When the disk fails: the object is reset, and what was written is
    /// gone, as with a turn that fails so.
    pub(crate) fn write<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T, Error>) -> Result<T, Error> {
        let node = self.node.clone();
        let Some(store) = node.store() else { return Err(Error::Guest(GIVEN_BACK.to_owned())) };
        let key = self.key.clone();
        let mut before = None;
        let written = self.with(|db| {
            before = Some(db.wal());
            let result = work(db).and_then(|result| Ok((result, db.commit()?)));
            let (result, range) = result.inspect_err(|_| db.roll_back()).map_err(Failed::Refused)?;
            if range.is_some() {
                make_durable(store, &key, db).map_err(Failed::Lost)?;
            }
            Ok(result)
        })?;
        written.map_err(|failed| match failed {
            Failed::Refused(error) => error,
            Failed::Lost(error) => {
                self.lose(store, before, &error);
                error
            }
        })
    }

    /// What was written last cannot be made durable: it is taken back.
    fn lose(&mut self, store: &Store, before: Option<WalRange>, error: &Error) {
        match std::mem::replace(&mut self.files, Files::Returned) {
            Files::Open(db, waiter) => {
                drop(db);
                waiter.signals.push(Signal::LoanLost(waiter.host, error.to_string()));
            }
            Files::Closed(_) => {
                if let Err(error) = store.cut_log(&self.key, before.map_or(0, |wal| wal.end)) {
                    tracing::error!(%error, "lost writes cannot be cut off");
                }
                store.give_back(&self.key, before);
            }
            Files::Returned => {}
        }
    }

    /// The object is gone, and its files.
    pub(crate) fn settle_deleted(&mut self) {
        self.files = Files::Closed(None);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.files, Files::Returned) {
            Files::Open(db, waiter) => waiter.signals.push(Signal::Checkpointed(waiter.host, db)),
            Files::Closed(wal) => {
                if let Some(store) = self.node.store() {
                    store.give_back(&self.key, wal);
                }
            }
            Files::Returned => {}
        }
    }
}

/// Nobody uses a loan after it has come back.
const GIVEN_BACK: &str = "The database was given back.";

enum Failed {
    Refused(Error),
    Lost(Error),
}

fn make_durable(store: &Store, key: &ObjectKey, db: &mut Db) -> Result<(), Error> {
    let facts = Facts { name: db.stored_name()?.map(Into::into), alarm_due_ms: db.alarm()?.map(|alarm| alarm.due_ms) };
    let error = |error: std::io::Error| Error::Disk { path: store.path(key), what: error.to_string() };
    store.register(key, facts).map_err(error)?;
    store.fold(key, db)
}

/// Lends the files of an object that nobody has open.
pub(crate) fn lend_files(node: &Handle, request: LoanRequest, residence: Residence) {
    let Some(store) = node.store() else { return };
    let LoanRequest { key, purpose, reply } = request;
    let lending = match store.has_files(&key) {
        Err(error) => Lending::Refused(error.to_string()),
        Ok(false) if purpose == Purpose::Use => Lending::Nothing(residence),
        Ok(_) => match store.claims().lend(&key) {
            Some(wal) => Lending::Lent(Loan { node: node.clone(), key, files: Files::Closed(wal) }, residence),
            None => Lending::Again,
        },
    };
    // With nobody there to take it, the loan comes back.
    let _ = reply.send(lending);
}
