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

use crate::commit_log::{ObjectKey, Ticket};
use crate::node::Handle;
use crate::signals::Signal;
use crate::store::{Known, Store, note_found};

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
    /// A host's open database, who waits for it, and what is known of it if it must be closed.
    Open(Box<Db>, Ticket, Result<(), Known>),
    /// Files that nobody has open, and what is known of their log.
    Closed(Known),
    Returned,
}

impl Loan {
    /// A host lends its open database.
    pub(crate) fn open(node: Handle, key: ObjectKey, db: Box<Db>, waiter: Ticket) -> Self {
        Self { node, key, files: Files::Open(db, waiter, Ok(())) }
    }

    /// Works with the database.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut Db) -> T) -> Result<T, Error> {
        let Some(store) = self.node.store() else { return Err(Error::Guest(GIVEN_BACK.to_owned())) };
        match &mut self.files {
            Files::Open(db, ..) => Ok(work(db)),
            Files::Closed(known) => {
                let mut db = store.open_db(&self.key, None, known)?;
                let result = work(&mut db);
                *known = Known::Log(db.wal());
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
        let (mut before, mut is_finished) = (None, true);
        let written = self.with(|db| {
            before = Some(db.wal());
            let result = work(db).and_then(|result| Ok((result, db.commit()?)));
            let (result, range) = result.inspect_err(|_| db.roll_back()).map_err(Failed::Refused)?;
            if range.is_some() {
                is_finished = make_durable(store, &key, db).map_err(Failed::Lost)?;
            }
            Ok(result)
        })?;
        if !is_finished {
            self.note_unfinished();
        }
        written.map_err(|failed| match failed {
            Failed::Refused(error) => error,
            Failed::Lost(error) => {
                self.lose(store, before, &error);
                error
            }
        })
    }

    /// All is durable, and the database must be closed.
    fn note_unfinished(&mut self) {
        match &mut self.files {
            Files::Open(_, _, result) => *result = Err(Known::Unfinished),
            Files::Closed(known) => *known = Known::Unfinished,
            Files::Returned => {}
        }
    }

    /// What was written last cannot be made durable: it is taken back.
    fn lose(&mut self, store: &Store, before: Option<WalRange>, error: &Error) {
        match std::mem::replace(&mut self.files, Files::Returned) {
            Files::Open(db, waiter, _) => {
                drop(db);
                waiter.signals.push(Signal::LoanLost(waiter.host, error.to_string()));
            }
            Files::Closed(_) => {
                let cut = store.cut_log(&self.key, before.map_or(0, |wal| wal.end));
                if let Err(error) = cut.and_then(|()| store.log().cut(&self.key, before)) {
                    tracing::error!(%error, "lost writes cannot be cut off");
                }
                store.give_back(&self.key, before.map_or(Known::Nothing, Known::Log));
            }
            Files::Returned => {}
        }
    }

    /// The object is gone, and its files.
    pub(crate) fn settle_deleted(&mut self) {
        self.files = Files::Closed(Known::Nothing);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.files, Files::Returned) {
            Files::Open(db, waiter, result) => waiter.signals.push(Signal::Checkpointed(waiter.host, db, result)),
            Files::Closed(known) => {
                if let Some(store) = self.node.store() {
                    store.give_back(&self.key, known);
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

/// False when the database must be closed; all is durable even so.
fn make_durable(store: &Store, key: &ObjectKey, db: &mut Db) -> Result<bool, Error> {
    note_found(store.log(), key, db)?;
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
            Some(known) => Lending::Lent(Loan { node: node.clone(), key, files: Files::Closed(known) }, residence),
            None => Lending::Again,
        },
    };
    // With nobody there to take it, the loan comes back.
    let _ = reply.send(lending);
}
