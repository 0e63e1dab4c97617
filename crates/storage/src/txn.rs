//! Transactions of one object: one for all that a turn writes, and those that its code asks for inside.
//!
//! The first write of a turn opens a transaction, [`Db::commit`] at its end closes it. A transaction of user code is a
//! savepoint inside. One that is *held* (`transaction()` with its asynchronous closure) may span turns: nothing is
//! committed before the outermost held one has ended.

use crate::commit::WalRange;
use crate::db::Db;
use crate::error::Error;
use crate::limits::TRANSACTIONS_NESTED_MAX;

/// Whether a transaction of user code ends in the turn in which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// `transactionSync`.
    Turn,
    /// `transaction`.
    Held,
}

/// What is open of transactions.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    /// Whether something was written since the last commit.
    wrote: bool,
    /// Whether the object's name was, and not rolled back.
    named: bool,
    nested: Vec<Span>,
}

/// The text is user code's to see.
const TOO_DEEP: &str = "Transactions are nested too deeply.";

impl Db {
    /// Whether something was written that is neither committed nor rolled back nor part of a held transaction.
    pub fn is_dirty(&self) -> bool {
        self.transactions.wrote && !self.is_held()
    }

    /// Whether a transaction is open that may span turns.
    pub fn is_held(&self) -> bool {
        self.transactions.nested.contains(&Span::Held)
    }

    /// How many transactions of user code are open.
    pub fn depth(&self) -> usize {
        self.transactions.nested.len()
    }

    /// Comes before everything that may write.
    pub(crate) fn begin_write(&mut self) -> Result<(), Error> {
        self.begin()?;
        self.transactions.wrote = true;
        if let Some(name) = self.name.as_deref().filter(|_| !self.transactions.named) {
            self.store_name(name)?;
            self.transactions.named = true;
        }
        Ok(())
    }

    /// Commits what the turn has written. `None` when that was nothing, or a transaction is held.
    ///
    /// # Errors
    ///
    /// When the disk fails; nothing of it is committed then.
    pub fn commit(&mut self) -> Result<Option<WalRange>, Error> {
        if self.is_held() {
            return Ok(None);
        }
        let ended = std::mem::take(&mut self.transactions);
        if self.connection.is_autocommit() {
            return Ok(None);
        }
        if let Err(error) = self.run("COMMIT") {
            // Where a violated constraint is deferred to the commit, the transaction is still open.
            self.roll_back();
            return Err(error);
        }
        if ended.named {
            self.name = None;
        }
        Ok(self.take_range())
    }

    /// Forgets everything that is not committed.
    pub fn roll_back(&mut self) {
        self.transactions = Transactions::default();
        if !self.connection.is_autocommit()
            && let Err(error) = self.run("ROLLBACK")
        {
            // SQLite rolls back by itself when it fails so badly.
            tracing::warn!(%error, "a transaction could not be rolled back");
        }
    }

    /// Opens a transaction of user code inside of what is open. Before a held one, the host commits what is dirty.
    ///
    /// # Errors
    ///
    /// When too many are open, or the disk fails.
    pub fn begin_nested(&mut self, span: Span) -> Result<(), Error> {
        let depth = self.transactions.nested.len();
        if depth >= TRANSACTIONS_NESTED_MAX {
            return Err(Error::Guest(TOO_DEEP.to_owned()));
        }
        self.begin()?;
        self.run(&format!("SAVEPOINT _cf_savepoint_{depth}"))?;
        self.transactions.nested.push(span);
        Ok(())
    }

    /// Ends the innermost transaction of user code and keeps what it wrote.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn end_nested(&mut self) -> Result<(), Error> {
        let Some(_) = self.transactions.nested.pop() else { return Ok(()) };
        self.run(&format!("RELEASE _cf_savepoint_{}", self.transactions.nested.len()))
    }

    /// Ends the innermost transaction of user code and forgets what it wrote.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn roll_back_nested(&mut self) -> Result<(), Error> {
        let Some(_) = self.transactions.nested.pop() else { return Ok(()) };
        // It may have been written in what is rolled back. Writing it twice does no harm.
        self.transactions.named = false;
        let depth = self.transactions.nested.len();
        self.run(&format!("ROLLBACK TO _cf_savepoint_{depth}; RELEASE _cf_savepoint_{depth}"))
    }

    fn begin(&mut self) -> Result<(), Error> {
        if !self.connection.is_autocommit() {
            return Ok(());
        }
        self.transactions.named = false;
        self.run("BEGIN")
    }

    /// Runs a statement of our own.
    pub(crate) fn run(&self, sql: &str) -> Result<(), Error> {
        self.connection.execute_batch(sql).map_err(|error| Error::sqlite(&self.path, &error))
    }
}
