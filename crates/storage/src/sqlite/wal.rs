//! How far the write-ahead log of an open database has grown: what a commit added to it.
//!
//! SQLite tells the number of frames after each commit; the file below tells when the log began anew. Bytes are read
//! back from the file: a commit's frames may be written more than once before it ends.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::ptr;

use rusqlite::{Connection, ffi};

use super::vfs::OpenFile;
use crate::commit::{Salts, WalRange};
use crate::limits::PAGE_LEN;

/// Bytes of the log's header.
pub(crate) const HEADER_LEN: u64 = 32;
/// Bytes of a frame: its header and a page.
pub(crate) const FRAME_LEN: u64 = 24 + PAGE_LEN as u64;

/// What was committed to the log of one database. Must be dropped after its connection was closed.
pub(crate) struct WalMark {
    /// Boxed, because SQLite points to it.
    frames: Box<Cell<Option<c_int>>>,
    /// Where the last commit ended.
    end: u64,
    salts: Salts,
}

// SAFETY: the cell is written by SQLite only inside calls on the connection, which is used by one thread at a time and
// moves together with the mark.
unsafe impl Send for WalMark {}

impl WalMark {
    /// Follows the log of a database whose log holds `frames` frames now.
    ///
    /// # Errors
    ///
    /// When the log's header cannot be read.
    pub(crate) fn new(connection: &Connection, frames: u64) -> io::Result<Self> {
        let cell = Box::new(Cell::new(None));
        // SAFETY: the cell stays where it is until the mark is dropped, after the connection.
        unsafe {
            ffi::sqlite3_wal_hook(connection.handle(), Some(committed), (&raw const *cell).cast_mut().cast());
        }
        let mut mark = Self { frames: cell, end: 0, salts: [0; 8] };
        if frames > 0 {
            let mut header = [0; 32];
            mark.read(connection, &mut header, 0)?;
            mark.salts = salts(&header);
            mark.end = HEADER_LEN + frames * FRAME_LEN;
        }
        Ok(mark)
    }

    /// What the commit that has just been made added, if anything.
    pub(crate) fn take(&mut self, connection: &Connection) -> Option<WalRange> {
        let frames = self.frames.take()?;
        let mut start = self.end;
        if let Some(header) = with_wal(connection, |file| file.header_written.take()).flatten() {
            self.salts = salts(&header);
            start = 0;
        }
        self.end = HEADER_LEN + u64::try_from(frames).unwrap_or(0) * FRAME_LEN;
        (self.end > start).then_some(WalRange { salts: self.salts, start, end: self.end })
    }

    /// Where the last commit ended; 0 when the log is empty.
    pub(crate) fn end(&self) -> WalRange {
        WalRange { salts: self.salts, start: 0, end: self.end }
    }

    /// The log is empty: all of it is in the database file.
    pub(crate) fn restart(&mut self) {
        self.frames.take();
        self.end = 0;
    }

    /// Reads bytes of the log.
    ///
    /// # Errors
    ///
    /// When they are not there, or the disk fails.
    pub(crate) fn read(&self, connection: &Connection, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let read = with_wal(connection, |file| file.file.read_at(buffer, offset));
        match read.unwrap_or(Ok(0))? {
            read if read == buffer.len() => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the write-ahead log is shorter than what was committed",
            )),
        }
    }

    /// Writes all of the log once more, as it is read.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn rewrite(&self, connection: &Connection) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < self.end {
            let len = usize::try_from(self.end - at).unwrap_or(usize::MAX).min(buffer.len());
            self.read(connection, &mut buffer[..len], at)?;
            with_wal(connection, |file| file.file.write_at(&buffer[..len], at)).unwrap_or(Ok(()))?;
            at += len as u64;
        }
        Ok(())
    }

    /// Makes the log durable.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(crate) fn sync(connection: &Connection) -> io::Result<()> {
        with_wal(connection, |file| file.file.sync()).unwrap_or(Ok(()))
    }
}

fn salts(header: &[u8; 32]) -> Salts {
    let mut salts = [0; 8];
    salts.copy_from_slice(&header[16..24]);
    salts
}

/// The file of the log, when SQLite has it open.
fn with_wal<T>(connection: &Connection, ask: impl FnOnce(&mut OpenFile) -> T) -> Option<T> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the answer is SQLite's pointer to the file of the log, or of a journal that this VFS opened too, which
    // stays open for as long as the connection is not used. Nobody else uses it: the connection is borrowed.
    unsafe {
        let code = ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_JOURNAL_POINTER,
            (&raw mut file).cast::<c_void>(),
        );
        if code != ffi::SQLITE_OK || file.is_null() || (*file).pMethods.is_null() {
            return None;
        }
        Some(ask(&mut *file.cast::<OpenFile>()))
    }
}

unsafe extern "C" fn committed(
    cell: *mut c_void,
    _db: *mut ffi::sqlite3,
    _name: *const c_char,
    frames: c_int,
) -> c_int {
    // SAFETY: the pointer is the one that `WalMark::new` registered.
    unsafe { (*cell.cast::<Cell<Option<c_int>>>()).set(Some(frames)) };
    ffi::SQLITE_OK
}
