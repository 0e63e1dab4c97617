//! What the host keeps with an object, in a table that user code cannot reach: its alarm and its name.
//!
//! Both are written in the turn's transaction, so that an alarm is there exactly when the data is that was written with
//! it. What an alarm means is not known here.

use rusqlite::OptionalExtension as _;

use crate::db::Db;
use crate::error::Error;

/// The alarm of an object, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRow {
    /// When it was set for.
    pub scheduled_ms: u64,
    /// When it is due next: later than `scheduled_ms` after a failed run.
    pub due_ms: u64,
    /// Runs that its handler failed.
    pub failed: u32,
    /// Runs that failed for whatever reason.
    pub attempts: u32,
}

const ALARM: i64 = 1;
const NAME: i64 = 2;

/// The spelling is workerd's (`src/workerd/util/sqlite-metadata.c++`), since user code sees it in `sqlite_schema`.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS _cf_METADATA (
        key INTEGER PRIMARY KEY,
        value BLOB
      )";
const HAS: &str = "SELECT 1 FROM sqlite_schema WHERE name = '_cf_METADATA'";

impl Db {
    /// The alarm.
    ///
    /// # Errors
    ///
    /// When the disk fails, or what is stored is no alarm.
    pub fn alarm(&self) -> Result<Option<AlarmRow>, Error> {
        let Some(bytes) = self.meta(ALARM)? else { return Ok(None) };
        match AlarmRow::decode(&bytes) {
            Some(alarm) => Ok(Some(alarm)),
            None => Err(Error::Damaged { path: self.path.clone(), what: "what it keeps as its alarm is none".into() }),
        }
    }

    /// Writes the alarm, or that there is none.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn set_alarm(&mut self, alarm: Option<AlarmRow>) -> Result<(), Error> {
        self.begin_write()?;
        match alarm {
            Some(alarm) => self.put_meta(ALARM, &alarm.encode()),
            None => self.take_meta(ALARM),
        }
    }

    /// The name of the object, if it had one when it was made.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn stored_name(&self) -> Result<Option<String>, Error> {
        Ok(self.meta(NAME)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    pub(crate) fn store_name(&self, name: &str) -> Result<(), Error> {
        self.put_meta(NAME, name.as_bytes())
    }

    pub(crate) fn has_meta(&self) -> Result<bool, Error> {
        self.ask(|connection| connection.prepare_cached(HAS)?.exists(()))
    }

    fn meta(&self, key: i64) -> Result<Option<Vec<u8>>, Error> {
        if !self.has_meta()? {
            return Ok(None);
        }
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM _cf_METADATA WHERE key = ?1")?;
            statement.query_row([key], |row| row.get(0)).optional()
        })
    }

    fn put_meta(&self, key: i64, value: &[u8]) -> Result<(), Error> {
        self.ask(|connection| {
            connection.execute(CREATE, ())?;
            let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO _cf_METADATA VALUES (?1, ?2)")?;
            statement.execute((key, value))
        })?;
        Ok(())
    }

    fn take_meta(&self, key: i64) -> Result<(), Error> {
        if self.has_meta()? {
            self.ask(|connection| {
                connection.prepare_cached("DELETE FROM _cf_METADATA WHERE key = ?1")?.execute([key])
            })?;
        }
        Ok(())
    }

    /// A call of our own.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        ask(&self.connection).map_err(|error| Error::sqlite(&self.path, &error))
    }
}

impl AlarmRow {
    fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.scheduled_ms.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.due_ms.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.failed.to_le_bytes());
        bytes[20..].copy_from_slice(&self.attempts.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 24] = bytes.try_into().ok()?;
        let (words, halves) = bytes.split_at(16);
        let word = |at: usize| Some(u64::from_le_bytes(words.get(at..at + 8)?.try_into().ok()?));
        let half = |at: usize| Some(u32::from_le_bytes(halves.get(at..at + 4)?.try_into().ok()?));
        Some(Self { scheduled_ms: word(0)?, due_ms: word(8)?, failed: half(0)?, attempts: half(4)? })
    }
}
