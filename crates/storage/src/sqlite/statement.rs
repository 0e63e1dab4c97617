//! A prepared statement that outlives the call that made it: `rusqlite`'s borrow their connection.
//!
//! It must be dropped before its connection, or SQLite keeps the connection open. Values are copied on their way in and
//! out.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::{self, NonNull};
use std::slice;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ffi};

use crate::value::Value;

/// What SQLite says of a call that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Its extended code.
    pub(crate) code: c_int,
    pub(crate) text: String,
    /// Where in the SQL text, in bytes, when SQLite knows.
    pub(crate) offset: Option<c_int>,
}

/// A prepared statement.
pub(crate) struct Statement(NonNull<ffi::sqlite3_stmt>);

// SAFETY: SQLite lets a statement move between threads as long as it and its connection are used by one at a time. Both
// are fields of a `Db`, which is not `Sync` and moves as a whole.
unsafe impl Send for Statement {}

/// What a statement has done, as SQLite counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {
    /// Steps from one row to the next in the scan of a whole table.
    ScanSteps,
    /// Instructions of its program.
    Instructions,
}

impl Statement {
    /// Prepares the first statement of a text; tells how many bytes it has. None when there is no statement up to there.
    pub(crate) fn prepare(connection: &Connection, sql: &str) -> Result<(Option<Self>, usize), Failure> {
        let start = sql.as_ptr().cast::<c_char>();
        let (mut raw, mut tail) = (ptr::null_mut(), start);
        let len = c_int::try_from(sql.len()).unwrap_or(c_int::MAX);
        // SAFETY: the connection is open; the text has `len` bytes, which SQLite reads before it returns.
        unsafe {
            let db = connection.handle();
            let flags = ffi::SQLITE_PREPARE_PERSISTENT;
            let code = ffi::sqlite3_prepare_v3(db, start, len, flags, &raw mut raw, &raw mut tail);
            if code != ffi::SQLITE_OK {
                return Err(failure(db, code));
            }
        }
        let end = (tail as usize).saturating_sub(start as usize).min(sql.len());
        Ok((NonNull::new(raw).map(Self), end))
    }

    /// How many parameters it has.
    pub(crate) fn parameters(&self) -> usize {
        // SAFETY: the statement is not finalized before it is dropped; so below.
        usize::try_from(unsafe { ffi::sqlite3_bind_parameter_count(self.0.as_ptr()) }).unwrap_or(0)
    }

    /// Whether it leaves the database file as it is.
    pub(crate) fn is_readonly(&self) -> bool {
        // SAFETY: as in `parameters`.
        unsafe { ffi::sqlite3_stmt_readonly(self.0.as_ptr()) != 0 }
    }

    /// How many columns its rows have; none when it gives no rows.
    pub(crate) fn columns(&self) -> usize {
        // SAFETY: as in `parameters`.
        usize::try_from(unsafe { ffi::sqlite3_column_count(self.0.as_ptr()) }).unwrap_or(0)
    }

    /// The names of its columns.
    pub(crate) fn column_names(&self) -> Vec<String> {
        let name = |at| {
            // SAFETY: as in `parameters`; the name is a terminated string, or null without memory, and is copied before
            // the next call.
            unsafe {
                let name = ffi::sqlite3_column_name(self.0.as_ptr(), at);
                if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
            }
        };
        (0..c_int::try_from(self.columns()).unwrap_or(0)).map(name).collect()
    }

    /// Gives its parameters their values, from the first on.
    pub(crate) fn bind(&mut self, values: &[Value]) -> Result<(), Failure> {
        for (at, value) in (1..).zip(values) {
            let raw = self.0.as_ptr();
            // SAFETY: as in `parameters`; SQLite copies texts and blobs (`SQLITE_TRANSIENT`) before it returns.
            let code = unsafe {
                match value {
                    Value::Null => ffi::sqlite3_bind_null(raw, at),
                    Value::Integer(integer) => ffi::sqlite3_bind_int64(raw, at, *integer),
                    Value::Real(real) => ffi::sqlite3_bind_double(raw, at, *real),
                    Value::Text(text) => ffi::sqlite3_bind_text64(
                        raw,
                        at,
                        text.as_ptr().cast(),
                        text.len() as u64,
                        ffi::SQLITE_TRANSIENT(),
                        ffi::SQLITE_UTF8 as u8,
                    ),
                    // No bytes at a null pointer would be NULL; a vector's pointer never is one.
                    Value::Blob(bytes) => ffi::sqlite3_bind_blob64(
                        raw,
                        at,
                        bytes.as_ptr().cast(),
                        bytes.len() as u64,
                        ffi::SQLITE_TRANSIENT(),
                    ),
                }
            };
            self.check(code)?;
        }
        Ok(())
    }

    /// Goes on to the next row; false at the end.
    pub(crate) fn step(&mut self) -> Result<bool, Failure> {
        // SAFETY: as in `parameters`.
        match unsafe { ffi::sqlite3_step(self.0.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(self.failure(code)),
        }
    }

    /// Appends the values of the row that the last step came to; tells how many bytes they have in memory.
    pub(crate) fn read(&self, values: &mut Vec<Value>) -> usize {
        let start = values.len();
        // A statement that was prepared anew because the schema changed may have other columns than before.
        values.extend((0..c_int::try_from(self.columns()).unwrap_or(0)).map(|at| Value::from(self.column(at))));
        values[start..].iter().map(Value::size).sum()
    }

    fn column(&self, at: c_int) -> ValueRef<'_> {
        let raw = self.0.as_ptr();
        // SAFETY: the statement stands on a row and the column exists. What is lent is read before the next call, since
        // every caller copies it at once, and its length is asked for after its bytes, as SQLite wants it.
        unsafe {
            let lent = |bytes: *const u8| match usize::try_from(ffi::sqlite3_column_bytes(raw, at)) {
                Ok(len) if !bytes.is_null() => slice::from_raw_parts(bytes, len),
                _ => &[],
            };
            match ffi::sqlite3_column_type(raw, at) {
                ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_column_int64(raw, at)),
                ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_column_double(raw, at)),
                ffi::SQLITE_TEXT => ValueRef::Text(lent(ffi::sqlite3_column_text(raw, at))),
                ffi::SQLITE_BLOB => ValueRef::Blob(lent(ffi::sqlite3_column_blob(raw, at).cast())),
                _ => ValueRef::Null,
            }
        }
    }

    /// What it has done since it was reset.
    pub(crate) fn count(&self, counter: Counter) -> u64 {
        let counter = match counter {
            Counter::ScanSteps => ffi::SQLITE_STMTSTATUS_FULLSCAN_STEP,
            Counter::Instructions => ffi::SQLITE_STMTSTATUS_VM_STEP,
        };
        // SAFETY: as in `parameters`.
        let count = unsafe { ffi::sqlite3_stmt_status(self.0.as_ptr(), counter, 0) };
        // It is 32 bits wide and goes round.
        u64::from(count.cast_unsigned())
    }

    /// Makes it as it was after it was prepared.
    pub(crate) fn reset(&mut self) {
        // SAFETY: as in `parameters`. The codes repeat what the last step has said.
        unsafe {
            let raw = self.0.as_ptr();
            ffi::sqlite3_reset(raw);
            ffi::sqlite3_clear_bindings(raw);
            ffi::sqlite3_stmt_status(raw, ffi::SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
            ffi::sqlite3_stmt_status(raw, ffi::SQLITE_STMTSTATUS_VM_STEP, 1);
        }
    }

    fn check(&self, code: c_int) -> Result<(), Failure> {
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(self.failure(code)) }
    }

    fn failure(&self, code: c_int) -> Failure {
        // SAFETY: as in `parameters`; the connection is open, since SQLite does not close one that has statements.
        unsafe { failure(ffi::sqlite3_db_handle(self.0.as_ptr()), code) }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: it is finalized once, here, and not used after.
        unsafe { ffi::sqlite3_finalize(self.0.as_ptr()) };
    }
}

/// What the connection says of the call that has just failed with `code`.
///
/// # Safety
///
/// The connection is open.
unsafe fn failure(db: *mut ffi::sqlite3, code: c_int) -> Failure {
    // SAFETY: the text is a terminated string that is copied before the next call.
    unsafe {
        let text = CStr::from_ptr(ffi::sqlite3_errmsg(db)).to_string_lossy().into_owned();
        let offset = ffi::sqlite3_error_offset(db);
        Failure { code, text, offset: (offset >= 0).then_some(offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str, bindings: &[Value]) -> Vec<Value> {
        let connection = Connection::open_in_memory().unwrap();
        let (statement, _) = Statement::prepare(&connection, sql).unwrap();
        let mut statement = statement.unwrap();
        statement.bind(bindings).unwrap();
        let mut values = Vec::new();
        while statement.step().unwrap() {
            statement.read(&mut values);
        }
        values
    }

    #[test]
    fn values_come_back_as_they_went_in() {
        let values = [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Real(0.1),
            Value::Real(f64::INFINITY),
            Value::Text(String::new()),
            Value::Text("a\0☃".into()),
            Value::Blob(Vec::new()),
            Value::Blob(vec![0, 255]),
        ];
        for value in values {
            assert_eq!(read("SELECT ?", std::slice::from_ref(&value)), [value]);
        }
        assert_eq!(read("SELECT ?", &[Value::Real(f64::NAN)]), [Value::Null]);
        assert_eq!(read("SELECT CAST(x'61ff62' AS TEXT)", &[]), [Value::Text("a\u{fffd}b".into())]);
    }

    #[test]
    fn a_statement_may_outlive_its_connection() {
        let connection = Connection::open_in_memory().unwrap();
        let mut statement = Statement::prepare(&connection, "SELECT 1").unwrap().0.unwrap();
        drop(connection);
        assert!(statement.step().unwrap());
    }
}
