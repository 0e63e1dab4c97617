//! SQL of the operator, who looks at an object from outside.
//!
//! It only reads, and may read the tables that are ours as well; what it cannot do is change the database, or what is set
//! for the guest on the connection that both use.

use std::sync::Arc;

use rusqlite::InterruptHandle;

use super::{NO_STATEMENT, Read, SPACES};
use crate::db::Db;
use crate::error::Error;
use crate::limits::WRITTEN_ROWS_BYTES_MAX;
use crate::sqlite::Statement;
use crate::value::Value;

/// All rows of a result.
#[derive(Debug, Default, PartialEq)]
pub struct Rows {
    /// Names of the columns; none when the statement gives no rows.
    pub columns: Vec<String>,
    /// Row after row, each as long as there are columns.
    pub values: Vec<Value>,
}

/// Stops what a database is busy with, from another thread.
pub struct Interrupter(InterruptHandle);

impl Interrupter {
    /// The statement that runs now fails. Nothing happens when none does.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

const WRITES: &str = "the statement writes, and only reading is asked for";
const PARAMETERS: &str = "a statement with parameters cannot be run from here";

impl Db {
    /// Runs the statements of a text that only reads, and gives the rows of the last one.
    ///
    /// # Errors
    ///
    /// When one of them cannot be run, fails or writes; when the rows are more than [`WRITTEN_ROWS_BYTES_MAX`] bytes; when
    /// the disk fails.
    pub fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        let rules = Arc::clone(&self.sql.rules);
        let mut rest = sql;
        loop {
            let prepared = rules.operator(|| Statement::prepare(&self.connection, rest));
            let (statement, len) = prepared.map_err(|failure| self.failed(failure, false))?;
            let mut statement = statement.ok_or_else(|| Error::Guest(NO_STATEMENT.to_owned()))?;
            rest = rest.get(len..).unwrap_or_default().trim_start_matches(SPACES);
            if !statement.is_readonly() {
                return Err(Error::Guest(WRITES.to_owned()));
            }
            if statement.parameters() > 0 {
                return Err(Error::Guest(PARAMETERS.to_owned()));
            }
            let read = rules.operator(|| Read::all(&mut statement));
            let columns = statement.column_names();
            drop(statement);
            let Some(Read { values, .. }) = read.map_err(|failure| self.failed(failure, false))? else {
                return Err(Error::Guest(format!("more than {WRITTEN_ROWS_BYTES_MAX} bytes of rows; ask for less")));
            };
            if rest.is_empty() {
                return Ok(Rows { columns, values });
            }
        }
    }

    /// What stops a statement that takes too long.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.connection.get_interrupt_handle())
    }
}
