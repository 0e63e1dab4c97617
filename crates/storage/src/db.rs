//! The open database of one object.
//!
//! It lives on one thread at a time and may move between calls. Nothing here is synced but by [`Db::checkpoint`]: a
//! commit reaches the write-ahead log, and whoever made it decides how what it added ([`WalRange`]) becomes durable.
//! Invariant: the log is emptied only by `checkpoint`, after the database file was synced; so a log always holds
//! everything since then, from its first byte.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::commit::WalRange;
use crate::error::Error;
use crate::file::{File, FileSystem, Open};
use crate::limits::{FOLDERS_ABOVE, PAGE_CACHE_KIB_MAX, PAGE_LEN, SECTOR_LEN, STATEMENTS_CACHED_MAX};
use crate::sql::Sql;
use crate::sqlite::{Vfs, WalMark, empty_page};
use crate::txn::Transactions;

/// The open database of one object.
pub struct Db {
    /// Before the connection, because its statements have to go first.
    pub(crate) sql: Sql,
    pub(crate) connection: Connection,
    wal: WalMark,
    pub(crate) path: PathBuf,
    pub(crate) transactions: Transactions,
    /// The object's name, until it is committed.
    pub(crate) name: Option<String>,
    /// Whether the table of keys and values is known to be there.
    pub(crate) has_kv: bool,
    /// Whether nothing was ever committed to the file.
    is_blank: bool,
    vfs: Vfs,
}

/// What SQLite is told about every database. Commits are not synced by it, temporary files stay in memory.
const PRAGMAS: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; \
    PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON;";

impl Db {
    /// Opens a database; makes it, with the folders above it, when it is not there. `name` is the object's, which a new
    /// database keeps. `expected` is where its write-ahead log has to end at least, when that is known.
    ///
    /// # Errors
    ///
    /// When the disk fails, or the files are not those that were written.
    pub fn open(vfs: &Vfs, path: &Path, name: Option<&str>, expected: Option<WalRange>) -> Result<Self, Error> {
        ensure(&**vfs.files(), path).map_err(|error| Error::io(path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let error = |error: rusqlite::Error| Error::sqlite(path, &error);
        let connection = Connection::open_with_flags_and_vfs(path, flags, vfs.name()).map_err(error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(error)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(error)?;
        connection.execute_batch(PRAGMAS).map_err(error)?;
        connection.pragma_update(None, "cache_size", -PAGE_CACHE_KIB_MAX).map_err(error)?;
        let pages: i64 = connection.query_row("PRAGMA page_count", (), |row| row.get(0)).map_err(error)?;
        let frames: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", (), |row| row.get(1)).map_err(error)?;
        let frames = u64::try_from(frames).unwrap_or(0);
        let wal = WalMark::new(&connection, frames).map_err(|error| Error::io(path, &error))?;
        if let Some(expected) = expected.filter(|expected| expected.end > 0) {
            let have = wal.end();
            if have.salts != expected.salts || have.end < expected.end {
                let what = format!("its write-ahead log ends at byte {}, not at {} or later", have.end, expected.end);
                return Err(Error::Damaged { path: path.into(), what });
            }
        }
        let sql = Sql::new(&connection).map_err(error)?;
        Ok(Self {
            sql,
            connection,
            wal,
            path: path.into(),
            transactions: Transactions::default(),
            name: name.filter(|_| pages <= 1).map(str::to_owned),
            has_kv: false,
            is_blank: pages <= 1 && frames == 0,
            vfs: vfs.clone(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the last commit added to the log, when there was one since this was asked for last and it changed something.
    pub(crate) fn take_range(&mut self) -> Option<WalRange> {
        let range = self.wal.take(&self.connection);
        self.is_blank &= range.is_none();
        range
    }

    /// Whether nothing was ever committed to the file, which is there because somebody looked for something in it.
    pub fn is_blank(&self) -> bool {
        self.is_blank
    }

    /// All that the log holds.
    pub fn wal(&self) -> WalRange {
        self.wal.end()
    }

    /// Reads bytes of the log.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn read_wal(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        self.wal.read(&self.connection, buffer, offset).map_err(|error| Error::io(&self.path, &error))
    }

    /// Whether nothing is under way: no transaction is open and no cursor.
    pub fn is_quiet(&self) -> bool {
        self.connection.is_autocommit() && !self.connection.is_busy()
    }

    /// Writes all that the log holds into the database file, durably, and empties the log. Takes milliseconds: not for a
    /// thread that serves others.
    ///
    /// `told` is called when the log is durable by itself and the database is not yet written to. Whoever could write bytes
    /// of the log back after a crash has to know then that they must not: they may be a part of it only, and over a
    /// database that has more than they say they would be neither the old state nor the new one.
    ///
    /// # Errors
    ///
    /// When the disk fails, and what `told` returns. Until `told` has succeeded, nothing has changed. From then on all is
    /// durable, and the database must be dropped: SQLite could begin the next log over this one, which is still needed.
    /// Opened again it has everything, and the next checkpoint makes up for this one.
    pub fn checkpoint(&mut self, told: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        // First of all: without the database file the log is worth nothing.
        sync_folders(&**self.vfs.files(), &self.path).map_err(|error| Error::io(&self.path, &error))?;
        WalMark::sync(&self.connection).map_err(|error| Error::io(&self.path, &error))?;
        told()?;
        self.run("PRAGMA synchronous = FULL")?;
        let busy: i64 =
            self.ask(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0)))?;
        if busy != 0 {
            let what = "a checkpoint while the database is being used".to_owned();
            return Err(Error::Disk { path: self.path.clone(), what });
        }
        // Frames of the next log must not be read as the continuation of this one.
        WalMark::sync(&self.connection).map_err(|error| Error::io(&self.path, &error))?;
        self.wal.restart();
        self.run("PRAGMA synchronous = OFF")
    }

    /// Writes once more what the log holds: after a sync of it has failed, the disk may have dropped what it was given, and
    /// would not say so the next time.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn rewrite_log(&mut self) -> Result<(), Error> {
        self.wal.rewrite(&self.connection).map_err(|error| Error::io(&self.path, &error))
    }
}

/// The path of the write-ahead log of a database.
pub fn wal_path(path: &Path) -> PathBuf {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}

/// Makes the name of a database durable, and those of the folders that were made for it. Costs next to nothing when they
/// are.
///
/// # Errors
///
/// When the disk fails.
pub fn sync_folders(files: &dyn FileSystem, path: &Path) -> std::io::Result<()> {
    path.ancestors().skip(1).take(FOLDERS_ABOVE).try_for_each(|folder| files.sync_dir(folder))
}

/// Makes sure that there is a database file, with the folders above it: an empty one is a page that says so.
///
/// Nothing syncs that page, so after a power loss it may be there in part. That is mended here; where it matters, the
/// log has another first page.
///
/// # Errors
///
/// When the disk fails.
pub fn ensure(files: &dyn FileSystem, path: &Path) -> std::io::Result<()> {
    let file = match files.open(path, Open::OrCreate) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                files.create_dir(folder)?;
            }
            files.open(path, Open::OrCreate)?
        }
        Err(error) => return Err(error),
    };
    if is_begun_empty_page(&*file)? { file.write_at(&empty_page(), 0) } else { Ok(()) }
}

/// Whether a file has nothing of a database but some of an empty page: what a disk writes at once of it is there, zeros are
/// in place of the rest, or the end is missing. One that holds something else and is too short is a damaged database, as
/// SQLite will say; to make it an empty one would be to lose the rest of it in silence.
fn is_begun_empty_page(file: &dyn File) -> std::io::Result<bool> {
    let len = file.len()?;
    if len > PAGE_LEN as u64 {
        return Ok(false);
    }
    let empty = empty_page();
    let mut page = [0; PAGE_LEN];
    let read = file.read_at(&mut page, 0)?;
    let (sectors, expected) = (page[..read].chunks(SECTOR_LEN), empty.chunks(SECTOR_LEN));
    let mut sectors = sectors.zip(expected);
    let is_begun =
        sectors.all(|(sector, expected)| expected.starts_with(sector) || sector.iter().all(|byte| *byte == 0));
    Ok(is_begun && page[..read] != empty)
}
