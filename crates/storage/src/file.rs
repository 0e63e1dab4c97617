//! The file layer: all that SQLite and the journal ask of a disk.
//!
//! Small on purpose, so that a test can put another disk below both: one that loses power, or whose n-th write fails.
//! Reads and writes name their offset; nothing here has a position or a buffer. Invariant that callers rely on: what was
//! written before a [`File::sync`] that succeeded is there after a power loss; a directory entry after
//! [`FileSystem::sync_dir`]. It does not lock files: a node locks its data folder as a whole.

mod disk;
#[cfg(feature = "sim")]
pub mod sim;

use std::io;
use std::path::Path;

pub use self::disk::Disk;

/// Whether a file that is not there is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It is an error.
    Existing,
    /// It is made, empty.
    OrCreate,
}

/// A tree of files.
pub trait FileSystem: Send + Sync + 'static {
    /// Opens a file for reading and writing.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn open(&self, path: &Path, open: Open) -> io::Result<Box<dyn File>>;

    /// Whether there is a file or a folder with this path.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of what had it.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes a folder and those above it; one that is there is no error.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, in any order; none when it is not there.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file. Used by one thread at a time, but for [`File::sync`], which another may call meanwhile.
pub trait File: Send + Sync {
    /// Reads as many bytes as there are from `offset` on, at most the buffer's length; less only at the end.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all bytes. After an error any part of them may have been written.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// How long the file is, in bytes.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or fills it up with zeros.
    ///
    /// # Errors
    ///
    /// As the operating system gives them.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes all that was written so far durable, and the file's length.
    ///
    /// # Errors
    ///
    /// As the operating system gives them. What was written since the last sync that succeeded may then be lost, even if
    /// a later one succeeds.
    fn sync(&self) -> io::Result<()>;
}
