//! The rows of a result, which are read from the database as they are asked for.
//!
//! They come in batches, and the last one's end says whether there are more. All clones of a cursor, and all iterators
//! over it, share one place. When the last of them goes, the database is told that nobody reads on.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::vec;

use serde::de::DeserializeOwned;

use super::row::{Columns, from_row};
use super::{SqlStorageValue, found};
use crate::Result;
use crate::error::Error;
use crate::native::{Batch, End, Executed, Host, Value};

/// The rows that a statement gives.
#[derive(Clone)]
pub struct SqlCursor(Rc<Inner>);

struct Inner {
    host: Host,
    columns: Columns,
    /// Borrowed while a row is taken, never while user code runs.
    rows: RefCell<Rows>,
}

/// What has come of the rows and was not taken yet.
struct Rows {
    values: vec::IntoIter<Value>,
    rows: usize,
    end: End,
    read: u64,
    written: u64,
}

// The texts are the runtime's, in all languages.
const NONE: &str = "Expected exactly one result from SQL query, but got no results.";
const SEVERAL: &str = "Expected exactly one result from SQL query, but got multiple results.";

impl SqlCursor {
    pub(super) fn new(host: Host, executed: Executed) -> Self {
        let Executed { columns, batch } = executed;
        Self(Rc::new(Inner { host, columns: Columns::new(columns), rows: RefCell::new(batch.into()) }))
    }

    /// All rows that were not taken yet.
    ///
    /// # Errors
    /// When one of them is not a `T`, or cannot be read.
    pub fn to_array<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.next().collect()
    }

    /// The one row that there is.
    ///
    /// # Errors
    /// When there is none or more than one, it is not a `T`, or it cannot be read.
    pub fn one<T: DeserializeOwned>(&self) -> Result<T> {
        let row = self.0.row().unwrap_or_else(|| Err(Error::JsError(NONE.to_owned())))?;
        if self.0.row().transpose()?.is_some() {
            self.0.close();
            return Err(Error::JsError(SEVERAL.to_owned()));
        }
        from_row(&self.0.columns, row)
    }

    /// The names of the columns.
    pub fn column_names(&self) -> Vec<String> {
        self.0.columns.names().to_vec()
    }

    /// How many rows the database has read so far, those that it read in advance among them.
    pub fn rows_read(&self) -> usize {
        usize::try_from(self.0.rows.borrow().read).unwrap_or(usize::MAX)
    }

    /// How many rows the statement has written, with their entries in indexes.
    pub fn rows_written(&self) -> usize {
        usize::try_from(self.0.rows.borrow().written).unwrap_or(usize::MAX)
    }

    /// Goes over the rows, each as a `T`. What is not taken is there for the next one.
    pub fn next<T: DeserializeOwned>(&self) -> SqlCursorIterator<T> {
        SqlCursorIterator { cursor: self.clone(), row: PhantomData }
    }

    /// Goes over the rows, each as the values of its columns.
    pub fn raw(&self) -> SqlCursorRawIterator {
        SqlCursorRawIterator { cursor: self.clone() }
    }
}

impl fmt::Debug for SqlCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlCursor").field("columns", &self.0.columns.names()).finish_non_exhaustive()
    }
}

impl Inner {
    /// The next row.
    fn row(&self) -> Option<Result<Vec<Value>>> {
        let mut rows = self.rows.borrow_mut();
        loop {
            if rows.rows > 0 {
                rows.rows -= 1;
                return Some(Ok(rows.values.by_ref().take(self.columns.names().len()).collect()));
            }
            match std::mem::replace(&mut rows.end, End::Done) {
                End::Done => return None,
                End::Failed(error) => return Some(Err(error.into())),
                End::More(cursor) => match self.host.ctx().storage(|db| db.fetch(cursor)) {
                    Ok(batch) => *rows = batch.into(),
                    Err(error) => return Some(Err(error.into())),
                },
            }
        }
    }

    /// Nobody wants the rest.
    fn close(&self) {
        let mut rows = self.rows.borrow_mut();
        rows.rows = 0;
        if let End::More(cursor) = std::mem::replace(&mut rows.end, End::Done) {
            // Fails when the guest has gone, and all its cursors with it.
            let _ = self.host.ctx().storage(|db| {
                db.drop_cursor(cursor);
                Ok(())
            });
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl From<Batch> for Rows {
    fn from(batch: Batch) -> Self {
        let Batch { values, rows, rows_read, rows_written, end } = batch;
        Self { values: values.into_iter(), rows, end, read: rows_read, written: rows_written }
    }
}

/// The rows of a [`SqlCursor`], each as a `T`.
#[derive(Debug)]
pub struct SqlCursorIterator<T> {
    cursor: SqlCursor,
    row: PhantomData<T>,
}

impl<T: DeserializeOwned> Iterator for SqlCursorIterator<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let Inner { columns, .. } = &*self.cursor.0;
        Some(self.cursor.0.row()?.and_then(|row| from_row(columns, row)))
    }
}

/// The rows of a [`SqlCursor`], each as the values of its columns.
#[derive(Debug)]
pub struct SqlCursorRawIterator {
    cursor: SqlCursor,
}

impl Iterator for SqlCursorRawIterator {
    type Item = Result<Vec<SqlStorageValue>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.cursor.0.row()?;
        Some(row.map(|row| row.into_iter().map(found).collect()))
    }
}
