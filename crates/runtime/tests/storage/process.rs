//! A disk as one process sees it: when that is killed, nothing more of it reaches the disk, and what it had written is
//! there, synced or not.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use dormouse_storage::file::sim::SimDisk;
use dormouse_storage::file::{File, FileSystem, Open};

/// A disk as one process sees it. Clones are the same process.
#[derive(Clone)]
pub(crate) struct Process {
    disk: SimDisk,
    /// Read by every operation while it lasts.
    lives: Arc<RwLock<bool>>,
    /// Held back: writes to files whose paths contain this.
    held: Arc<Mutex<Option<&'static str>>>,
    /// Whether one is.
    holds: Arc<AtomicBool>,
}

impl Process {
    pub(crate) fn new(disk: &SimDisk) -> Self {
        Self { disk: disk.clone(), lives: Arc::new(RwLock::new(true)), held: Arc::default(), holds: Arc::default() }
    }

    /// Nothing that it does reaches the disk any more.
    pub(crate) fn kill(&self) {
        *self.lives.write().unwrap() = false;
    }

    /// Holds the process up at the next write to a file whose path contains this, until it is killed.
    pub(crate) fn hold_writes_to(&self, part: &'static str) {
        *self.held.lock().unwrap() = Some(part);
    }

    /// Waits until it is held up.
    pub(crate) fn wait_until_held(&self) {
        while !self.holds.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    fn run<T>(&self, run: impl FnOnce(&SimDisk) -> io::Result<T>) -> io::Result<T> {
        let lives = self.lives.read().unwrap();
        if *lives { run(&self.disk) } else { Err(io::Error::other("the process was killed")) }
    }

    fn wait_if_held(&self, path: &Path) {
        let is_held = || self.held.lock().unwrap().is_some_and(|part| path.to_str().unwrap().contains(part));
        while is_held() && *self.lives.read().unwrap() {
            self.holds.store(true, Ordering::SeqCst);
            std::thread::yield_now();
        }
    }
}

impl FileSystem for Process {
    fn open(&self, path: &Path, open: Open) -> io::Result<Box<dyn File>> {
        let file = self.run(|disk| disk.open(path, open))?;
        Ok(Box::new(ProcessFile { process: self.clone(), path: path.into(), file }))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.run(|disk| disk.exists(path))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(|disk| disk.remove(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(|disk| disk.rename(from, to))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|disk| disk.create_dir(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.run(|disk| disk.list(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run(|disk| disk.sync_dir(path))
    }
}

struct ProcessFile {
    process: Process,
    path: Box<Path>,
    file: Box<dyn File>,
}

impl File for ProcessFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.process.run(|_| self.file.read_at(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.process.wait_if_held(&self.path);
        self.process.run(|_| self.file.write_at(bytes, offset))
    }

    fn len(&self) -> io::Result<u64> {
        self.process.run(|_| self.file.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.process.run(|_| self.file.set_len(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.process.run(|_| self.file.sync())
    }
}
