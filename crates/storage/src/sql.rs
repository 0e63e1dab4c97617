//! SQL of a guest: `exec` and its cursors.
//!
//! A text may have several statements; each but the last runs to its end before the next is prepared. The rows of the
//! last come in batches: the first with [`Db::exec`], so that a small result leaves nothing open, the rest when it is
//! asked for. A statement that writes runs to its end at once, because no transaction commits while one is under way;
//! its rows are all in the first batch. What SQL may do is in `rules.rs`. Conversions are the guest's matter.

mod cache;
mod codes;
mod counts;
mod operator;
mod rules;

use std::sync::Arc;

use rusqlite::{Connection, ffi};

pub(crate) use self::codes::describe;
pub use self::operator::{Interrupter, Rows};

use self::cache::{Cache, Cursors, Prepared};
use self::counts::Effect;
use self::rules::Rules;
use crate::db::Db;
use crate::error::Error;
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_ROWS_MAX, CURSORS_OPEN_MAX, INTERRUPT_INSTRUCTIONS, PAGE_LEN, SQL_LIMITS,
    WRITTEN_ROWS_BYTES_MAX,
};
use crate::sqlite::{Failure, Statement};
use crate::value::Value;

/// Names an open cursor of one [`Db`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorId(u32);

impl CursorId {
    /// As a number, for a guest to keep.
    pub fn get(self) -> u32 {
        self.0
    }

    /// From the number that [`CursorId::get`] gave. Another one names no cursor.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// What a text has given.
#[derive(Debug)]
pub struct Executed {
    /// Names of the columns of the last statement; none when it gives no rows.
    pub columns: Vec<String>,
    /// The first rows.
    pub batch: Batch,
}

/// Some rows of a result.
#[derive(Debug)]
pub struct Batch {
    /// Row after row, each as long as there are columns.
    pub values: Vec<Value>,
    /// How many rows.
    pub rows: usize,
    /// Rows that the statement has read so far.
    pub rows_read: u64,
    /// Rows that it has written so far, with their entries in indexes.
    pub rows_written: u64,
    /// What comes after.
    pub end: End,
}

/// What comes after the rows of a batch.
#[derive(Debug)]
pub enum End {
    /// There may be more.
    More(CursorId),
    /// Nothing.
    Done,
    /// The next row is an error.
    Failed(Error),
}

/// What may stop a statement: asked now and then while one runs, and answers whether it has to end.
pub type Interrupt = Box<dyn FnMut() -> bool + Send>;

/// What a database has for the SQL of its guest. Must be dropped before the connection.
pub(crate) struct Sql {
    cache: Cache,
    cursors: Cursors,
    rules: Arc<Rules>,
}

impl Sql {
    /// Makes a connection fit for SQL of a guest.
    pub(crate) fn new(connection: &Connection) -> rusqlite::Result<Self> {
        for (limit, bound) in SQL_LIMITS {
            connection.set_limit(*limit, *bound)?;
        }
        let rules = Arc::new(Rules::default());
        let asked = Arc::clone(&rules);
        connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| asked.answer(context)))?;
        Ok(Self { cache: Cache::default(), cursors: Cursors::default(), rules })
    }

    /// Forgets statements that were prepared for a schema that may be gone.
    pub(crate) fn forget_statements(&mut self) {
        self.cache.clear();
    }

    /// Closes every cursor, so that tables can be dropped, and forgets all statements.
    pub(crate) fn close_all(&mut self) {
        self.cursors.clear();
        self.cache.clear();
    }
}

// The texts are user code's to see; they are workerd's.
const NO_STATEMENT: &str = "SQL code did not contain a statement.";
const WRONG_BINDINGS: &str = "Wrong number of parameter bindings for SQL query.";
const ONLY_LAST: &str =
    "When executing multiple SQL statements in a single call, only the last statement can have parameters.";
const TRANSACTION: &str = "To execute a transaction, please use the state.storage.transaction() or \
    state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript \
    API is safer because it will automatically roll back on exceptions, and because it interacts correctly with \
    Durable Objects' automatic atomic write coalescing.";

/// As SQLite skips them between statements.
const SPACES: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];

/// What has been read of a statement.
#[derive(Default)]
struct Read {
    values: Vec<Value>,
    rows: usize,
    outcome: Option<Result<(), Failure>>,
}

impl Db {
    /// Runs the statements of a text. The bindings are the last one's.
    ///
    /// # Errors
    ///
    /// When a statement cannot be prepared, fails before its first row, or may not be run; what those before it wrote
    /// stays. When the disk fails.
    pub fn exec(&mut self, sql: &str, bindings: &[Value]) -> Result<Executed, Error> {
        let mut rest = sql;
        loop {
            let (prepared, next) = self.prepare(rest)?;
            if next.is_empty() {
                return self.exec_last(prepared, bindings);
            }
            if prepared.statement.parameters() > 0 {
                return Err(Error::Guest(ONLY_LAST.to_owned()));
            }
            if prepared.statement.is_readonly() {
                self.read_through(prepared)?;
            } else {
                self.write(prepared)?;
            }
            rest = next;
        }
    }

    /// The next rows of a cursor. It is closed when none come after them.
    ///
    /// # Errors
    ///
    /// When the cursor is closed, when its next row is an error, when the disk fails.
    pub fn fetch(&mut self, cursor: CursorId) -> Result<Batch, Error> {
        let rules = Arc::clone(&self.sql.rules);
        let Some(open) = self.sql.cursors.get(cursor) else {
            let text = format!(
                "This SQL cursor was closed before its rows were read: at most {CURSORS_OPEN_MAX} can be open, and \
                 none survives deleteAll()."
            );
            return Err(Error::Guest(text));
        };
        let read = rules.guest(|| Read::batch(&mut open.prepared.statement));
        open.rows += read.rows as u64;
        let rows_read = open.prepared.effect.rows_read(&open.prepared.statement, open.rows);
        let end = match read.outcome {
            None => End::More(cursor),
            Some(outcome) => {
                let outcome = outcome.map_err(|failure| self.failed(failure, self.was_writing()));
                if let Some(prepared) = self.sql.cursors.close(cursor) {
                    self.sql.cache.put(prepared);
                }
                match outcome {
                    Ok(()) => End::Done,
                    Err(error) if read.rows == 0 => return Err(error),
                    Err(error) => End::Failed(error),
                }
            }
        };
        Ok(Batch { values: read.values, rows: read.rows, rows_read, rows_written: 0, end })
    }

    /// Closes a cursor, if it is open.
    pub fn drop_cursor(&mut self, cursor: CursorId) {
        if let Some(prepared) = self.sql.cursors.close(cursor) {
            self.sql.cache.put(prepared);
        }
    }

    /// Bytes that the guest's data takes in the database file, without what was freed in it.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn database_size(&mut self) -> Result<u64, Error> {
        let pages = |pragma| self.ask(|connection| connection.prepare_cached(pragma)?.query_row((), |row| row.get(0)));
        let (all, free): (i64, i64) = (pages("PRAGMA page_count")?, pages("PRAGMA freelist_count")?);
        // The table of our own is a page.
        let used = all - free - i64::from(self.has_meta()?);
        Ok(u64::try_from(used).unwrap_or(0).max(1) * PAGE_LEN as u64)
    }

    /// What may stop the statements of the guest, of which some never end by themselves. workerd leaves that to the
    /// limit of its isolates.
    ///
    /// # Errors
    ///
    /// None but those of a database that is closed.
    pub fn set_interrupt(&mut self, interrupt: Option<Interrupt>) -> Result<(), Error> {
        let rules = Arc::clone(&self.sql.rules);
        // Our own statements, and commits above all, run to their end.
        let handler = interrupt.map(|mut interrupt| move || rules.is_guest() && interrupt());
        self.ask(|connection| connection.progress_handler(INTERRUPT_INSTRUCTIONS, handler))
    }

    /// Closes all cursors: one that nobody reads to its end holds up every checkpoint.
    pub fn close_cursors(&mut self) {
        self.sql.close_all();
    }

    fn prepare<'a>(&mut self, sql: &'a str) -> Result<(Prepared, &'a str), Error> {
        if let Some(prepared) = self.sql.cache.take(sql) {
            return Ok((prepared, ""));
        }
        let rules = Arc::clone(&self.sql.rules);
        rules.take_noted();
        let (statement, len) = match rules.guest(|| Statement::prepare(&self.connection, sql)) {
            Ok(prepared) => prepared,
            Err(failure) if failure.code & 0xff == ffi::SQLITE_AUTH && rules.take_noted().transaction => {
                return Err(Error::Guest(TRANSACTION.to_owned()));
            }
            Err(failure) => return Err(self.failed(failure, self.was_writing())),
        };
        let statement = statement.ok_or_else(|| Error::Guest(NO_STATEMENT.to_owned()))?;
        let next = sql.get(len..).unwrap_or_default().trim_start_matches(SPACES);
        let effect = Effect::new(&self.connection, &rules.take_noted(), statement.is_readonly());
        // A changed schema makes all statements void, and this one is seldom run again.
        let text = if next.is_empty() && !effect.schema { sql } else { "" };
        Ok((Prepared { statement, text: text.into(), effect }, next))
    }

    fn exec_last(&mut self, mut prepared: Prepared, bindings: &[Value]) -> Result<Executed, Error> {
        let bound = match prepared.statement.parameters() == bindings.len() {
            true => prepared.statement.bind(bindings).map_err(|failure| self.failed(failure, self.was_writing())),
            false => Err(Error::Guest(WRONG_BINDINGS.to_owned())),
        };
        if let Err(error) = bound {
            self.sql.cache.put(prepared);
            return Err(error);
        }
        if !prepared.statement.is_readonly() {
            return self.write(prepared);
        }
        let rules = Arc::clone(&self.sql.rules);
        let read = rules.guest(|| Read::batch(&mut prepared.statement));
        // Only now SQLite may have noticed that the schema is another one than when the statement was prepared.
        let columns = prepared.statement.column_names();
        let rows_read = prepared.effect.rows_read(&prepared.statement, read.rows as u64);
        let end = match read.outcome {
            None => End::More(self.sql.cursors.open(prepared, read.rows as u64)),
            Some(outcome) => {
                let outcome = outcome.map_err(|failure| self.failed(failure, self.was_writing()));
                self.sql.cache.put(prepared);
                match outcome {
                    Ok(()) => End::Done,
                    Err(error) if read.rows == 0 => return Err(error),
                    Err(error) => End::Failed(error),
                }
            }
        };
        Ok(Executed { columns, batch: Batch { values: read.values, rows: read.rows, rows_read, rows_written: 0, end } })
    }

    fn read_through(&mut self, mut prepared: Prepared) -> Result<(), Error> {
        let rules = Arc::clone(&self.sql.rules);
        let read = rules.guest(|| {
            while prepared.statement.step()? {}
            Ok(())
        });
        read.map_err(|failure| self.failed(failure, self.was_writing()))
    }

    /// Runs a statement that writes to its end.
    fn write(&mut self, mut prepared: Prepared) -> Result<Executed, Error> {
        let was_writing = self.was_writing();
        self.begin_write()?;
        let Effect { schema, alters, .. } = prepared.effect;
        let columns = prepared.statement.column_names();
        // What can be refused after it was run needs something to go back to.
        let guarded = alters || !columns.is_empty();
        if guarded {
            self.ask(|connection| connection.prepare_cached("SAVEPOINT _cf_statement")?.execute(()))?;
        }
        let reserved = if alters { self.reserved_tables()? } else { 0 };
        let before = self.connection.total_changes();
        let rules = Arc::clone(&self.sql.rules);
        let result = rules.guest(|| Read::all(&mut prepared.statement));
        let all = self.connection.total_changes() - before;
        let direct = self.connection.changes().min(all);
        let rows_read = prepared.effect.rows_read(&prepared.statement, direct);
        let rows_written = prepared.effect.rows_written(direct, all);
        self.sql.cache.put(prepared);
        if schema {
            self.sql.forget_statements();
        }
        let refused = match result {
            Ok(None) => {
                Some(format!("A statement that writes may return at most {WRITTEN_ROWS_BYTES_MAX} bytes of rows."))
            }
            Ok(_) if alters && self.reserved_tables()? != reserved => {
                Some(describe("not authorized", None, ffi::SQLITE_AUTH))
            }
            _ => None,
        };
        let result = result.map_err(|failure| self.failed(failure, was_writing));
        if guarded && !self.connection.is_autocommit() {
            // What SQLite itself refuses has undone itself as far as it was told to.
            if refused.is_some() {
                self.run("ROLLBACK TO _cf_statement")?;
            }
            self.ask(|connection| connection.prepare_cached("RELEASE _cf_statement")?.execute(()))?;
        }
        match (result?, refused) {
            (Some(Read { values, rows, .. }), None) => {
                Ok(Executed { columns, batch: Batch { values, rows, rows_read, rows_written, end: End::Done } })
            }
            (_, refused) => Err(Error::Guest(refused.unwrap_or_default())),
        }
    }

    /// How many tables have names that guests may not use. `ALTER TABLE` does not tell the rules what the new name is.
    fn reserved_tables(&self) -> Result<i64, Error> {
        let sql = r"SELECT count(*) FROM sqlite_schema WHERE name LIKE '\_cf\_%' ESCAPE '\'";
        self.ask(|connection| connection.prepare_cached(sql)?.query_row((), |row| row.get(0)))
    }

    /// Whether a transaction is open that would be missed.
    fn was_writing(&self) -> bool {
        self.is_dirty() || self.depth() > 0
    }

    /// What a failed call of a guest is to it. Some failures roll the whole transaction back.
    fn failed(&mut self, failure: Failure, was_writing: bool) -> Error {
        let Failure { code, text, offset } = failure;
        let error = Error::of_guest(&self.path, code, describe(&text, offset, code));
        if self.depth() == 0 && !self.is_dirty() || !self.connection.is_autocommit() {
            return error;
        }
        self.roll_back();
        match error {
            Error::Guest(text) if was_writing => Error::RolledBack(text),
            error => error,
        }
    }
}

impl Read {
    /// As many rows as one call gives.
    fn batch(statement: &mut Statement) -> Self {
        let (mut read, mut bytes) = (Self::default(), 0);
        while read.rows < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX {
            match statement.step() {
                Ok(true) => {
                    bytes += statement.read(&mut read.values);
                    read.rows += 1;
                }
                end => {
                    read.outcome = Some(end.map(|_| ()));
                    break;
                }
            }
        }
        read
    }

    /// All rows; none when they are too many.
    fn all(statement: &mut Statement) -> Result<Option<Self>, Failure> {
        let (mut read, mut bytes) = (Self::default(), 0);
        while statement.step()? {
            bytes += statement.read(&mut read.values);
            read.rows += 1;
            if bytes > WRITTEN_ROWS_BYTES_MAX {
                return Ok(None);
            }
        }
        Ok(Some(read))
    }
}
