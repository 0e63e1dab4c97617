//! Keys and values of an object, in a table that user code cannot reach by SQL.
//!
//! Keys are texts in the order of their bytes, values are bytes whose meaning is the guest's matter. The table is made
//! with the first write: reading a database without it finds nothing and writes nothing.

use rusqlite::OptionalExtension as _;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::db::Db;
use crate::error::Error;
use crate::limits::KV_LIST_BYTES_MAX;

/// Which keys are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct List<'a> {
    /// The first key that may be.
    pub start: Option<&'a str>,
    /// Keys come after this one.
    pub start_after: Option<&'a str>,
    /// Keys come before this one.
    pub end: Option<&'a str>,
    /// How keys begin.
    pub prefix: Option<&'a str>,
    /// From the last to the first.
    pub reverse: bool,
    /// How many at most.
    pub limit: Option<u32>,
}

/// The spelling is workerd's (`src/workerd/util/sqlite-kv.c++`), since user code sees it in `sqlite_schema`.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS _cf_KV (
        key TEXT PRIMARY KEY,
        value BLOB
      ) WITHOUT ROWID";
const HAS: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_cf_KV'";
const FORWARD: &str = "SELECT key, value FROM _cf_KV WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
const BACKWARD: &str = "SELECT key, value FROM _cf_KV WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3";

impl Db {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn kv_get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        if !self.has_kv()? {
            return Ok(None);
        }
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM _cf_KV WHERE key = ?1")?;
            statement.query_row([key], |row| row.get(0)).optional()
        })
    }

    /// Gives a key a value.
    ///
    /// # Errors
    ///
    /// When both together are longer than [`VALUE_LEN_MAX`](crate::limits::VALUE_LEN_MAX), or the disk fails.
    pub fn kv_put(&mut self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.begin_write()?;
        if !self.has_kv()? {
            self.run(CREATE)?;
            self.has_kv = true;
        }
        self.ask(|connection| {
            let sql = "INSERT INTO _cf_KV VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
            connection.prepare_cached(sql)?.execute((key, value))
        })?;
        Ok(())
    }

    /// Removes a key; tells whether it was there.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn kv_delete(&mut self, key: &str) -> Result<bool, Error> {
        if !self.has_kv()? {
            return Ok(false);
        }
        self.begin_write()?;
        self.ask(|connection| Ok(connection.prepare_cached("DELETE FROM _cf_KV WHERE key = ?1")?.execute([key])? > 0))
    }

    /// Keys and their values, in the order of the keys' bytes.
    ///
    /// # Errors
    ///
    /// When they have too many bytes, or the disk fails.
    pub fn kv_list(&mut self, list: &List<'_>) -> Result<Vec<(String, Vec<u8>)>, Error> {
        if !self.has_kv()? {
            return Ok(Vec::new());
        }
        let (start, end) = (list.first(), list.past());
        let limit = list.limit.map_or(-1, i64::from);
        let listed = self.ask(|connection| {
            let mut statement = connection.prepare_cached(if list.reverse { BACKWARD } else { FORWARD })?;
            let mut rows =
                statement.query((Bound::text(&start), end.as_deref().map_or(Bound::ABOVE, Bound::text), limit))?;
            let (mut listed, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let entry: (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
                bytes += entry.0.len() + entry.1.len();
                if bytes > KV_LIST_BYTES_MAX {
                    return Ok(None);
                }
                listed.push(entry);
            }
            Ok(Some(listed))
        })?;
        listed.ok_or_else(|| {
            Error::Guest(format!("list() would return more than {KV_LIST_BYTES_MAX} bytes; use its option `limit`."))
        })
    }

    /// Whether the table is there.
    pub(crate) fn has_kv(&mut self) -> Result<bool, Error> {
        if !self.has_kv {
            self.has_kv = self.ask(|connection| connection.prepare_cached(HAS)?.exists(()))?;
        }
        Ok(self.has_kv)
    }
}

impl List<'_> {
    /// The first key that may be listed.
    fn first(&self) -> Vec<u8> {
        let start = self.start.unwrap_or_default().as_bytes().to_vec();
        // No text is between one and the same with a NUL after it.
        let after = self.start_after.map(|key| [key.as_bytes(), b"\0"].concat()).unwrap_or_default();
        let prefix = self.prefix.unwrap_or_default().as_bytes().to_vec();
        start.max(after).max(prefix)
    }

    /// What all listed keys are below; nothing when there is no bound.
    fn past(&self) -> Option<Vec<u8>> {
        let end = self.end.map(|end| end.as_bytes().to_vec());
        let past_prefix = self.prefix.and_then(|prefix| {
            let mut past = prefix.as_bytes().to_vec();
            // No byte of UTF-8 is 255.
            *past.last_mut()? += 1;
            Some(past)
        });
        match (end, past_prefix) {
            (Some(end), Some(past)) => Some(end.min(past)),
            (end, past) => end.or(past),
        }
    }
}

/// A bound of keys. It need not be UTF-8, for SQLite compares bytes.
#[derive(Clone, Copy)]
struct Bound<'a>(ValueRef<'a>);

impl<'a> Bound<'a> {
    /// Above all keys: for SQLite every blob is above every text.
    const ABOVE: Self = Self(ValueRef::Blob(&[]));

    fn text(bytes: &'a [u8]) -> Self {
        Self(ValueRef::Text(bytes))
    }
}

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}
