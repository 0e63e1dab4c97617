//! What somebody wants to know of a database who is not its guest: what it holds, and a copy of it.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::db::Db;
use crate::error::Error;
use crate::limits::COPY_PAGES;

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The guest's tables, and how many rows each has.
    pub tables: Vec<(String, u64)>,
    /// How many keys have values.
    pub keys: u64,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file that is to hold it cannot be made.
    #[error("cannot write {path}: {source}")]
    Target {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be read, or the file not be written.
    #[error("cannot copy the database: {0}")]
    Copy(String),
}

const TABLES: &str = r"SELECT name FROM sqlite_schema WHERE type = 'table'
    AND name NOT LIKE '\_cf\_%' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name";
/// What a guest has made, but for keys and values, which say more by being there.
const MADE: &str = r"SELECT 1 FROM sqlite_schema WHERE type <> 'index'
    AND name NOT IN ('_cf_METADATA', '_cf_KV', 'sqlite_sequence')";

impl Db {
    /// What the database holds. Counts every row.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn contents(&mut self) -> Result<Contents, Error> {
        let names: Vec<String> = self.ask(|connection| {
            let mut statement = connection.prepare(TABLES)?;
            statement.query_map((), |row| row.get(0))?.collect()
        })?;
        let mut tables = Vec::new();
        for name in names {
            let count = self.count(&name)?;
            tables.push((name, count));
        }
        let keys = if self.has_kv()? { self.count("_cf_KV")? } else { 0 };
        Ok(Contents { tables, keys })
    }

    /// Whether the database holds nothing: no table of the guest, no key, no alarm.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn is_bare(&mut self) -> Result<bool, Error> {
        if self.ask(|connection| connection.prepare(MADE)?.exists(()))? || self.alarm()?.is_some() {
            return Ok(false);
        }
        Ok(!self.has_kv()? || !self.ask(|connection| connection.prepare("SELECT 1 FROM _cf_KV")?.exists(()))?)
    }

    /// Writes what is committed into a new file that any SQLite can open.
    ///
    /// # Errors
    ///
    /// When there is such a file, it cannot be written, or the database cannot be read. There is no file then.
    pub fn copy_to(&self, path: &Path) -> Result<(), CopyError> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        made.map_err(|source| CopyError::Target { path: path.display().to_string(), source })?;
        self.try_copy_to(path).map_err(|error| {
            // It was made here, and is worth nothing.
            let _ = fs::remove_file(path);
            CopyError::Copy(error.to_string())
        })
    }

    fn try_copy_to(&self, path: &Path) -> rusqlite::Result<()> {
        let mut copy = Connection::open(path)?;
        Backup::new(&self.connection, &mut copy)?.run_to_completion(COPY_PAGES, Duration::ZERO, None)?;
        // It says of itself that it has a write-ahead log, as the original has.
        copy.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))?;
        copy.close().map_err(|(_, error)| error)
    }

    fn count(&self, table: &str) -> Result<u64, Error> {
        let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let count: i64 = self.ask(|connection| connection.query_row(&sql, (), |row| row.get(0)))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
