//! Which objects a node has, and when their alarms are due: a database of its own, so that neither costs memory or time
//! when a node starts.
//!
//! It is an index. The truth about an object is in its own file; this may know of one that is gone, or of an alarm that
//! is no more, and never the other way round, which is its caller's care.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row};

use crate::db::ensure;
use crate::error::Error;
use crate::sqlite::Vfs;

/// What the registry knows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The unique key of its class.
    pub class: String,
    /// Its id.
    pub id: [u8; 32],
    /// Its name, if it has one.
    pub name: Option<String>,
    /// When its alarm is due, in milliseconds since 1970.
    pub alarm_due_ms: Option<u64>,
    /// Why it cannot be served.
    pub refused: Option<String>,
}

/// Which objects, and when.
pub struct Registry {
    connection: Connection,
    path: PathBuf,
    is_damaged: Cell<bool>,
    /// Kept for the connection, which uses it.
    _vfs: Vfs,
}

const SETTINGS: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;";
const SCHEMA: &str = "\
    CREATE TABLE IF NOT EXISTS objects (class TEXT, id BLOB, name TEXT, alarm INTEGER, refused TEXT, \
        PRIMARY KEY (class, id)) WITHOUT ROWID; \
    CREATE INDEX IF NOT EXISTS alarms ON objects (alarm) WHERE alarm IS NOT NULL; \
    CREATE INDEX IF NOT EXISTS refusals ON objects (class, id) WHERE refused IS NOT NULL;";
/// The `user_version` of one in which all objects were entered.
const COMPLETE: i64 = 1;
const COLUMNS: &str = "class, id, name, alarm, refused";

impl Registry {
    /// Opens a registry, or makes it.
    ///
    /// # Errors
    ///
    /// When the disk fails, or the file is damaged.
    pub fn open(vfs: &Vfs, path: &Path) -> Result<Self, Error> {
        ensure(&**vfs.files(), path).map_err(|error| Error::io(path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags_and_vfs(path, flags, vfs.name())?;
            // Another one may have its name by then.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            connection.execute_batch(SETTINGS)?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        };
        let connection = open().map_err(|error| Error::sqlite(path, &error))?;
        Ok(Self { connection, path: path.into(), is_damaged: Cell::new(false), _vfs: vfs.clone() })
    }

    /// Whether a damaged page was met since it was opened. Nothing that is in it is to be relied on any more.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.get()
    }

    /// Whether all objects were entered that there were when it was made.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn is_complete(&self) -> Result<bool, Error> {
        let version: i64 = self.ask(|connection| connection.query_row("PRAGMA user_version", (), |row| row.get(0)))?;
        Ok(version == COMPLETE)
    }

    /// Notes that they are.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn set_complete(&mut self) -> Result<(), Error> {
        self.change(|connection| connection.pragma_update(None, "user_version", COMPLETE))
    }

    /// Writes entries, in place of those that were there.
    ///
    /// # Errors
    ///
    /// When the disk fails; none is written then.
    pub fn put(&mut self, entries: impl IntoIterator<Item = Entry>) -> Result<(), Error> {
        self.change(|connection| {
            let mut statement =
                connection.prepare_cached("INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for Entry { class, id, name, alarm_due_ms, refused } in entries {
                let alarm = alarm_due_ms.map(|at| i64::try_from(at).unwrap_or(i64::MAX));
                statement.execute((class, id, name, alarm, refused))?;
            }
            Ok(())
        })
    }

    /// Forgets an object.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn remove(&mut self, class: &str, id: &[u8; 32]) -> Result<(), Error> {
        self.change(|connection| {
            connection.prepare_cached("DELETE FROM objects WHERE class = ?1 AND id = ?2")?.execute((class, id))?;
            Ok(())
        })
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.ask(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())))
    }

    /// An object, if it is known.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn get(&self, class: &str, id: &[u8; 32]) -> Result<Option<Entry>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM objects WHERE class = ?1 AND id = ?2");
        self.ask(|connection| connection.prepare_cached(&sql)?.query_row((class, id), entry).optional())
    }

    /// The objects whose alarms are due, the one that has waited longest first; at most `limit`.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn due(&self, now_ms: u64, limit: usize) -> Result<Vec<Entry>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM objects WHERE alarm <= ?1 ORDER BY alarm LIMIT ?2");
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        self.list_by(&sql, (now, i64::try_from(limit).unwrap_or(i64::MAX)))
    }

    /// Objects of a class, or of all, in the order of class and id, those after `after`; at most `limit`.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn list(
        &self,
        class: Option<&str>,
        after: Option<(&str, &[u8; 32])>,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM objects WHERE (?1 IS NULL OR class = ?1) AND (class, id) > (?2, ?3) \
             ORDER BY class, id LIMIT ?4"
        );
        let (after_class, after_id) = after.map_or(("", &[][..]), |(class, id)| (class, id));
        self.list_by(&sql, (class, after_class, after_id, i64::try_from(limit).unwrap_or(i64::MAX)))
    }

    /// The unique keys of the classes that have objects.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn classes(&self) -> Result<Vec<String>, Error> {
        // From one class to the next, not through all objects.
        self.ask(|connection| {
            let mut next =
                connection.prepare_cached("SELECT class FROM objects WHERE class > ?1 ORDER BY class LIMIT 1")?;
            let mut classes: Vec<String> = Vec::new();
            loop {
                let last = classes.last().map_or("", String::as_str);
                match next.query_row([last], |row| row.get(0)).optional()? {
                    Some(class) => classes.push(class),
                    None => return Ok(classes),
                }
            }
        })
    }

    /// Objects that cannot be served.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn refused(&self) -> Result<Vec<Entry>, Error> {
        self.list_by(&format!("SELECT {COLUMNS} FROM objects WHERE refused IS NOT NULL"), ())
    }

    fn list_by(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<Entry>, Error> {
        self.ask(|connection| connection.prepare_cached(sql)?.query_map(parameters, entry)?.collect())
    }

    fn change(&mut self, change: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), Error> {
        let changed = self.connection.transaction().and_then(|transaction| {
            change(&transaction)?;
            transaction.commit()
        });
        changed.map_err(|error| self.error(&error))
    }

    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        ask(&self.connection).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &rusqlite::Error) -> Error {
        let error = Error::sqlite(&self.path, error);
        self.is_damaged.set(self.is_damaged.get() || matches!(error, Error::Damaged { .. }));
        error
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let alarm: Option<i64> = row.get(3)?;
    Ok(Entry {
        class: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        alarm_due_ms: alarm.and_then(|at| u64::try_from(at).ok()),
        refused: row.get(4)?,
    })
}
