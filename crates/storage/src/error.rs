//! Whose fault a failure is.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

/// Why something could not be done with a database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be done. The text is for user code, which is told; nothing has changed.
    #[error("{0}")]
    Guest(String),
    /// The file does not hold what was written to it.
    #[error("the database {} is damaged: {what}. Restore it from a copy, or delete the object", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The disk failed. What is in memory of the database can no longer be trusted.
    #[error("the storage of the object failed: {what} ({})", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What failed.
        what: String,
    },
}

impl Error {
    /// Whether the database must be closed, because what is in memory of it may not be what is on the disk.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Error::Guest(_))
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Error::Disk { path: path.into(), what: error.to_string() }
    }

    /// The error of a call that is our own, or of one of the guest's whose text needs nothing else.
    pub(crate) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        match fatal(error) {
            Some(ffi::SQLITE_IOERR_DATA | ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB) => {
                Error::Damaged { path: path.into(), what: error.to_string() }
            }
            Some(_) => Error::Disk { path: path.into(), what: error.to_string() },
            None => Error::Guest(error.to_string()),
        }
    }
}

/// The code of an error after which the database cannot be used: its primary code, but for checksums.
fn fatal(error: &rusqlite::Error) -> Option<i32> {
    let rusqlite::Error::SqliteFailure(ffi::Error { extended_code, .. }, _) = error else { return None };
    match (*extended_code, extended_code & 0xff) {
        (code @ ffi::SQLITE_IOERR_DATA, _) => Some(code),
        (_, code @ (ffi::SQLITE_IOERR | ffi::SQLITE_FULL | ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB)) => Some(code),
        (_, code @ (ffi::SQLITE_CANTOPEN | ffi::SQLITE_NOMEM | ffi::SQLITE_PROTOCOL)) => Some(code),
        _ => None,
    }
}
