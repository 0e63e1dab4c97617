//! Whose fault a failure is.

use std::ffi::c_int;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

use crate::sql::describe;

/// Why something could not be done with a database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was asked for cannot be done. The text is for user code, which is told; nothing has changed.
    #[error("{0}")]
    Guest(String),
    /// A statement of user code failed in a way that ended the whole transaction: what the turn had written is lost.
    #[error("{0}. What was written before in the same turn is lost with it, so the object was reset")]
    RolledBack(String),
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
        let rusqlite::Error::SqliteFailure(ffi::Error { extended_code: code, .. }, text) = error else {
            return Error::Guest(error.to_string());
        };
        let what = match text {
            Some(text) => describe(text, None, *code),
            None => describe(&error.to_string(), None, *code),
        };
        match *code & 0xff {
            // The transaction is gone, or SQLite could not do what it must be able to do.
            ffi::SQLITE_FULL | ffi::SQLITE_NOMEM | ffi::SQLITE_INTERRUPT => Error::Disk { path: path.into(), what },
            _ => Self::of_guest(path, *code, what),
        }
    }

    /// The error of a statement of a guest, with its text. What a guest can cause by itself is its own: that no memory or
    /// no room is left may mean that a value was too large, or that there are no more row ids.
    pub(crate) fn of_guest(path: &Path, code: c_int, what: String) -> Self {
        match (code, code & 0xff) {
            // A virtual table that the guest has filled with what does not go together.
            (ffi::SQLITE_CORRUPT_VTAB, _) => Error::Guest(what),
            (ffi::SQLITE_IOERR_DATA, _) | (_, ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB) => {
                Error::Damaged { path: path.into(), what }
            }
            (_, ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PROTOCOL) => {
                Error::Disk { path: path.into(), what }
            }
            _ => Error::Guest(what),
        }
    }
}
