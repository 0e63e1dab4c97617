//! Transactions that user code asks for.
//!
//! Each is a savepoint inside of what is open. One with an asynchronous closure runs in a critical section, so that
//! nothing else of the object writes meanwhile; that also keeps the savepoints in order, because whoever entered a
//! section inside of another goes on only when it has ended. Invariant: a transaction that was begun here is ended
//! here, whatever becomes of its closure.

use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::NOT_IN_TRANSACTION;
use super::kv::{ListOptions, SyncKvStorage};
use super::map::StorageMap;
use crate::Result;
use crate::clone::from_bytes;
use crate::error::Error;
use crate::native::{Host, Span};
use crate::state::critical_section;

/// A transaction under way: what the closure of [`Storage::transaction`](super::Storage::transaction) gets. Other ways
/// to the storage write into it as well.
#[derive(Debug)]
pub struct Transaction {
    host: Host,
    fate: Rc<Cell<Fate>>,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    /// With so many open, itself and those around it.
    Open {
        depth: usize,
    },
    Committed,
    RolledBack,
}

/// The text is the runtime's, in all languages.
const OUTER: &str = "Cannot roll back an outer transaction while a nested transaction is still running.";

/// Runs `closure` as a transaction in a critical section.
pub(super) async fn run<F, Fut>(host: &Host, closure: F) -> Result<()>
where
    F: FnOnce(Transaction) -> Fut + 'static,
    Fut: Future<Output = Result<()>> + 'static,
{
    let inside = host.clone();
    // An error ends the transaction and not the object, so to the section it is a value.
    let section = critical_section(host, async move {
        let run = async {
            let open = Open::begin(&inside, Span::Held)?;
            closure(open.0.handle()).await?;
            open.commit()
        };
        Ok(run.await)
    });
    section.await?
}

/// Runs `closure` as a transaction that ends in the same turn.
pub(super) fn run_sync<T>(host: &Host, closure: impl FnOnce() -> Result<T>) -> Result<T> {
    let open = Open::begin(host, Span::Turn)?;
    let value = closure()?;
    open.commit()?;
    Ok(value)
}

/// Whoever has to end a transaction. One that is not committed is rolled back.
struct Open(Transaction);

impl Open {
    fn begin(host: &Host, span: Span) -> Result<Self> {
        host.ctx().begin_transaction(span)?;
        let depth = host.ctx().storage(|db| Ok(db.depth()))?;
        Ok(Self(Transaction { host: host.clone(), fate: Rc::new(Cell::new(Fate::Open { depth })) }))
    }

    fn commit(self) -> Result<()> {
        if let Fate::Open { .. } = self.0.fate.get() {
            self.0.host.ctx().end_transaction()?;
            self.0.fate.set(Fate::Committed);
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Fate::Open { .. } = self.0.fate.get() {
            // Fails when the guest has gone, whose writes went with it, and when the disk does, which resets the object.
            let _ = self.0.rollback();
        }
    }
}

impl Transaction {
    fn handle(&self) -> Self {
        Self { host: self.host.clone(), fate: self.fate.clone() }
    }

    /// The keys and values, if the transaction is open for `call`, a method by its name in JavaScript.
    fn kv(&self, call: &str) -> Result<SyncKvStorage> {
        match self.fate.get() {
            Fate::Open { .. } => Ok(SyncKvStorage::new(self.host.clone())),
            Fate::RolledBack => Err(Error::JsError(format!("Cannot {call}() on rolled back transaction"))),
            Fate::Committed => Err(committed(call)),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When there is no such key, its value is not a `T`, or the transaction has ended.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let bytes = self.kv("get")?.read(key)?;
        from_bytes(&bytes.ok_or_else(|| Error::JsError("No such value in storage.".to_owned()))?)
    }

    /// Those of the keys that are there, with their values, in the order of the keys.
    ///
    /// # Errors
    /// When the transaction has ended.
    pub async fn get_multiple(&self, keys: Vec<impl Deref<Target = str>>) -> Result<StorageMap> {
        self.kv("get")?.get_multiple(&keys)
    }

    /// Gives a key a value.
    ///
    /// # Errors
    /// When the value cannot be stored, or the transaction has ended.
    pub async fn put<T: Serialize>(&self, key: &str, value: T) -> Result<()> {
        self.kv("put")?.put(key, value)
    }

    /// Like [`Storage::put_multiple`](super::Storage::put_multiple).
    ///
    /// # Errors
    /// When one of the values cannot be stored, or the transaction has ended.
    pub async fn put_multiple<T: Serialize>(&self, values: T) -> Result<()> {
        self.kv("put")?.put_multiple(&values)
    }

    /// Removes a key; tells whether it was there.
    ///
    /// # Errors
    /// When the transaction has ended.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        self.kv("delete")?.delete(key)
    }

    /// Removes keys; tells how many of them were there.
    ///
    /// # Errors
    /// When the transaction has ended.
    pub async fn delete_multiple(&self, keys: Vec<impl Deref<Target = str>>) -> Result<usize> {
        self.kv("delete")?.delete_multiple(&keys)
    }

    /// Always an error: not everything can be deleted in a transaction.
    ///
    /// # Errors
    /// Always.
    pub async fn delete_all(&self) -> Result<()> {
        Err(Error::JsError(NOT_IN_TRANSACTION.to_owned()))
    }

    /// All keys with their values, in the order of the keys' bytes.
    ///
    /// # Errors
    /// When they are too many, or the transaction has ended.
    pub async fn list(&self) -> Result<StorageMap> {
        self.kv("list")?.list()
    }

    /// Those keys that the options let through, with their values, in the order of the keys' bytes.
    ///
    /// # Errors
    /// As with [`list`](Self::list), and when the options contradict each other.
    pub async fn list_with_options(&self, opts: ListOptions<'_>) -> Result<StorageMap> {
        self.kv("list")?.list_with_options(opts)
    }

    /// Forgets what was written since the transaction began, and ends it. Its closure goes on, and what that writes from
    /// here on by other ways is kept.
    ///
    /// # Errors
    /// When the transaction was committed, or one inside of it is still open.
    pub fn rollback(&self) -> Result<()> {
        let depth = match self.fate.get() {
            Fate::Open { depth } => depth,
            Fate::RolledBack => return Ok(()),
            Fate::Committed => return Err(committed("rollback")),
        };
        let ctx = self.host.ctx();
        if ctx.storage(|db| Ok(db.depth()))? > depth {
            return Err(Error::JsError(OUTER.to_owned()));
        }
        self.fate.set(Fate::RolledBack);
        Ok(ctx.roll_back_transaction()?)
    }
}

fn committed(call: &str) -> Error {
    Error::JsError(format!(
        "Cannot call {call}() on transaction that has already committed: did you move `txn` outside of the closure?"
    ))
}
