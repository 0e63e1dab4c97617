//! SQL on an object's own database.
//!
//! ```
//! use serde::Deserialize;
//! use worker::*;
//!
//! #[derive(Deserialize)]
//! struct Message {
//!     id: i64,
//!     text: String,
//! }
//!
//! fn latest(state: &State) -> Result<Vec<Message>> {
//!     let sql = state.storage().sql();
//!     sql.exec("CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, text TEXT)", None)?;
//!     sql.exec("INSERT INTO messages (text) VALUES (?)", vec!["hello".into()])?;
//!     sql.exec("SELECT id, text FROM messages ORDER BY id DESC LIMIT 10", None)?.to_array()
//! }
//! ```
//!
//! What SQL may do, and its limits, are the runtime's for all languages. Transactions are
//! [`Storage::transaction`](crate::Storage::transaction), not `BEGIN`.

mod cursor;
mod row;

pub use self::cursor::{SqlCursor, SqlCursorIterator, SqlCursorRawIterator};

use crate::Result;
use crate::error::Error;
use crate::limits::SAFE_INTEGER_MAX;
use crate::native::{Host, Value};

/// A value of SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlStorageValue {
    /// `NULL`.
    Null,
    /// Stored as the text `true` or `false`, as a boolean of JavaScript is. Never comes back as this.
    Boolean(bool),
    /// An integer. Up to 2^53 it is bound as a number of JavaScript is, as a real: a column of integers makes an integer of
    /// it again, but `? / 2` has a fraction, and a column of text has `1.0`. `CAST(? AS INTEGER)` helps.
    Integer(i64),
    /// A number that is no integer. A number of SQL that is a whole one comes back as an [`Integer`](Self::Integer), also
    /// from a column of reals.
    Float(f64),
    /// Text.
    String(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl SqlStorageValue {
    /// An integer that a number of JavaScript can be.
    ///
    /// # Errors
    /// When its magnitude is 2^53 or more.
    pub fn try_from_i64(value: i64) -> Result<Self> {
        match value.unsigned_abs() {
            ..=SAFE_INTEGER_MAX => Ok(Self::Integer(value)),
            _ => Err(Error::from("Value outside JavaScript safe integer range")),
        }
    }
}

impl From<bool> for SqlStorageValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for SqlStorageValue {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for SqlStorageValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for SqlStorageValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<String> for SqlStorageValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<&str> for SqlStorageValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<Vec<u8>> for SqlStorageValue {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<SqlStorageValue>> From<Option<T>> for SqlStorageValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// To the database, as JavaScript binds it: a class in either language finds what the other has stored.
fn bind(value: SqlStorageValue) -> Value {
    match value {
        SqlStorageValue::Null => Value::Null,
        SqlStorageValue::Boolean(value) => Value::Text(value.to_string()),
        #[expect(clippy::cast_precision_loss, reason = "so small an integer has its own f64")]
        SqlStorageValue::Integer(value) if value.unsigned_abs() <= SAFE_INTEGER_MAX => Value::Real(value as f64),
        SqlStorageValue::Integer(value) => Value::Integer(value),
        SqlStorageValue::Float(value) => Value::Real(value),
        SqlStorageValue::String(value) => Value::Text(value),
        SqlStorageValue::Blob(value) => Value::Blob(value),
    }
}

/// From the database.
fn found(value: Value) -> SqlStorageValue {
    match value {
        Value::Null => SqlStorageValue::Null,
        Value::Integer(value) => SqlStorageValue::Integer(value),
        Value::Real(value) => whole(value).map_or(SqlStorageValue::Float(value), SqlStorageValue::Integer),
        Value::Text(value) => SqlStorageValue::String(value),
        Value::Blob(value) => SqlStorageValue::Blob(value),
    }
}

/// The integer that a number is, if it is one that JavaScript counts as such: there is but one type of numbers there, and
/// what is read does not tell how it was stored.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "the bound is the largest that has none")]
    let is_whole = value.trunc() == value && value.abs() <= SAFE_INTEGER_MAX as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bounds")]
    is_whole.then_some(value as i64)
}

/// The SQL of an object.
#[derive(Clone, Debug)]
pub struct SqlStorage {
    host: Host,
}

impl SqlStorage {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }

    /// The bytes that the data takes on the disk.
    ///
    /// When the storage fails it is 0, and the handler that called this ends in that error; see
    /// [`try_database_size`](Self::try_database_size).
    pub fn database_size(&self) -> usize {
        self.try_database_size().unwrap_or_else(|error| {
            self.host.fail(Err(error));
            0
        })
    }

    /// Like [`database_size`](Self::database_size).
    ///
    /// # Errors
    /// When the storage fails.
    pub fn try_database_size(&self) -> Result<usize> {
        let size = self.host.ctx().storage(|db| db.database_size())?;
        Ok(usize::try_from(size).unwrap_or(usize::MAX))
    }

    /// Runs one or more statements. The bindings are the last one's, for its `?` in their order, and the cursor goes over
    /// its rows.
    ///
    /// # Errors
    /// When a statement is wrong, may not be run, or fails before its first row. What those before it wrote stays.
    pub fn exec(&self, query: &str, bindings: impl Into<Option<Vec<SqlStorageValue>>>) -> Result<SqlCursor> {
        let bindings: Vec<Value> = bindings.into().unwrap_or_default().into_iter().map(bind).collect();
        let executed = self.host.ctx().storage(|db| db.exec(query, &bindings))?;
        Ok(SqlCursor::new(self.host.clone(), executed))
    }
}
