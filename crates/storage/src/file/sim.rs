//! A disk in memory that loses power and fails on demand, for tests.
//!
//! [`SimDisk`] keeps beside what is written what is *durable*: what a power loss may not take. It promises what every
//! file system does, and no more, so that code which is right on it is right on any:
//!
//! - A sector of 512 bytes is written whole or not at all. A longer write may be torn between any two sectors, and
//!   unsynced writes reach the disk in any order, or never: each sector by itself, each change of a length too. Bytes
//!   of a file that were never written, or whose write was lost, read as zeros, never as something old of another file.
//! - [`File::sync`] makes the bytes and the length of that file durable, and nothing else: a file
//!   that was made and synced can still be gone, until its folder was synced.
//! - [`FileSystem::sync_dir`] makes the names in that folder durable, and nothing else: not the bytes of the files that
//!   have these names, nor the folder's own name in the folder above it.
//! - A rename happens whole or not at all. It is not ordered with other changes; in particular not after the bytes of
//!   the renamed file.
//! - After a cut, what was written later may be on the disk without the cut.
//! - A sync that fails may lose writes for good, as on Linux: they are read as written until the power goes, later syncs
//!   succeed, and after the power loss they are not there. Lengths and names are not lost by it: file systems keep them
//!   in a journal of their own, and refuse everything once that fails.
//!
//! A write into a part of a sector does not harm the rest of it (SQLite's *powersafe overwrite*). Nothing here depends
//! on time or on chance: the same calls in the same order give the same disk. It does not know permissions, links or
//! open modes.

mod fault;
mod image;
mod log;
mod loss;
mod names;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::fault::Faults;
use self::image::Image;
use self::log::{Log, Op};
use self::loss::Keep;
use self::names::{Names, Node};
use super::{File, FileSystem, Open};
use crate::limits::SECTOR_LEN;

pub use self::fault::Fault;
pub use self::log::Counters;
pub use self::loss::Loss;

/// A disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

struct State {
    names: Names,
    /// By number. A file whose name was removed stays: somebody may have it open, and the removal may get lost.
    files: BTreeMap<u64, Image>,
    /// The number of the last change: changes are told apart and ordered by it.
    changes: u64,
    seed: u64,
    faults: Faults,
    capacity: Option<u64>,
    log: Log,
}

/// The owner, for [`Keep`], of changes of names. Files have numbers from 1 on.
const NAMES: u64 = 0;

impl SimDisk {
    /// An empty disk. From the seed follows what a failing sync loses.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            names: Names::default(),
            files: BTreeMap::new(),
            changes: 0,
            seed,
            faults: Faults::default(),
            capacity: None,
            log: Log::default(),
        })))
    }

    /// The disk as it may be after a power loss now: another one, without faults, on which everything is durable. This
    /// one is left as it is, so that one moment can be tried with many seeds.
    #[must_use]
    pub fn power_loss(&self, seed: u64) -> Self {
        self.power_loss_of(Loss::drawn(seed), seed)
    }

    /// The same, with the kind of loss chosen.
    #[must_use]
    pub fn power_loss_of(&self, loss: Loss, seed: u64) -> Self {
        let state = self.state();
        let pending = state.files.values().flat_map(Image::pending).chain(state.names.pending());
        let keep = Keep::new(loss, seed, pending);
        let names = state.names.after_loss(|change| keep.keeps(NAMES, change));
        let files = names.files().filter_map(|file| {
            let image = state.files.get(&file)?;
            Some((file, image.after_loss(|change| keep.keeps(file, change))))
        });
        let files = files.collect();
        let mut log = state.log.after_loss();
        log.note(format!("power loss: {loss:?}, seed {seed}"));
        Self(Arc::new(Mutex::new(State {
            names,
            files,
            changes: state.changes,
            seed: loss::mixed(state.seed, seed),
            faults: Faults::default(),
            capacity: state.capacity,
            log,
        })))
    }

    /// Lets the `n`-th change from now on fail, counted from 1: of bytes, lengths and names, and syncs. Takes the place of
    /// what was asked for before.
    pub fn fail_at(&self, n: u64, fault: Fault) {
        self.state().faults.plan_change(n, fault);
    }

    /// Lets the `n`-th question from now on fail, counted from 1: a read, or an opening, a length, a list of names. Takes
    /// the place of what was asked for before.
    pub fn fail_read_at(&self, n: u64, fault: Fault) {
        self.state().faults.plan_read(n, fault);
    }

    /// Ends every fault, also those that were to come. The capacity stays.
    pub fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// How many operations have failed by what was asked for since the last [`heal`](Self::heal).
    pub fn failed(&self) -> u64 {
        self.state().faults.struck()
    }

    /// How many bytes fit on the disk; `None` is any number. Whole sectors are counted, holes are not.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.state().capacity = capacity;
    }

    /// How many bytes are taken.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// Changes a bit of a file, as a bad disk does: in what is written and in what is durable.
    ///
    /// # Panics
    ///
    /// When there is no such file, or it is shorter: the test is wrong.
    pub fn flip(&self, path: &Path, offset: u64, bit: u32) {
        let mut state = self.state();
        let file = state.file_at(path).unwrap_or_else(|| panic!("there is no file {}", path.display()));
        let flipped = state.files.get_mut(&file).is_some_and(|image| image.flip(offset, bit));
        assert!(flipped, "{} has no byte {offset}", path.display());
        state.log.note(format!("flip bit {bit} of byte {offset} of {}", path.display()));
    }

    /// What a file holds, as it is read; `None` when there is none.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        state.files.get(&state.file_at(path)?).map(Image::contents)
    }

    /// The paths of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().names.paths()
    }

    /// What was done so far, or since the power loss that this disk came from.
    pub fn counters(&self) -> Counters {
        self.state().log.counters()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed with the lock held has said so already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last operations, for the message of a test that fails.
impl fmt::Display for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().log.fmt(f)
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("paths", &self.paths()).field("counters", &self.counters()).finish()
    }
}

impl FileSystem for SimDisk {
    fn open(&self, path: &Path, open: Open) -> io::Result<Box<dyn File>> {
        let file = self.state().open(path, open)?;
        Ok(Box::new(SimFile { disk: self.clone(), file, path: path.into() }))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.state();
        state.ask(Op::Exists, path, 0, 0)?;
        Ok(state.names.get(path).is_some())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Op::Remove, path, 0, 0)?;
        match state.names.get(path) {
            Some(Node::File(_)) => state.rename([(path.into(), None)].into()),
            Some(Node::Folder) => return Err(io::ErrorKind::IsADirectory.into()),
            None => {}
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Op::Rename, from, 0, 0)?;
        state.log.note(format!("  to {}", to.display()));
        state.check_folder_of(to)?;
        match (state.names.get(from), state.names.get(to)) {
            (None, _) => Err(io::ErrorKind::NotFound.into()),
            (Some(Node::Folder), _) => Err(io::Error::new(io::ErrorKind::Unsupported, "folders are not renamed here")),
            (_, Some(Node::Folder)) => Err(io::ErrorKind::IsADirectory.into()),
            (Some(_), _) if from == to => Ok(()),
            (Some(node), _) => {
                state.rename([(from.into(), None), (to.into(), Some(node))].into());
                Ok(())
            }
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Op::CreateDir, path, 0, 0)?;
        let mut folders: Vec<_> = path.ancestors().collect();
        folders.reverse();
        for folder in folders {
            match state.names.get(folder) {
                Some(Node::Folder) => {}
                Some(Node::File(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
                None => state.rename([(folder.into(), Some(Node::Folder))].into()),
            }
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.ask(Op::List, path, 0, 0)?;
        Ok(state.names.list(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change(Op::SyncDir, path, 0, 0)?;
        if state.names.get(path) != Some(Node::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.names.sync(path);
        Ok(())
    }
}

struct SimFile {
    disk: SimDisk,
    file: u64,
    path: Box<Path>,
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.ask(Op::Read, &self.path, offset, buffer.len())?;
        Ok(state.image(self.file).read(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.state().write(self, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.ask(Op::Len, &self.path, 0, 0)?;
        Ok(state.image(self.file).len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change(Op::SetLen, &self.path, len, 0)?;
        state.changes += 1;
        let change = state.changes;
        state.image(self.file).set_len(change, len);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.change(Op::Sync, &self.path, 0, 0) {
            Ok(()) => state.image(self.file).sync(),
            Err(error) if state.faults.is_off() => return Err(error),
            Err(error) => {
                state.changes += 1;
                let keep = Keep::some(loss::mixed(state.seed, state.changes));
                let file = self.file;
                state.image(file).fail_sync(|change| keep.keeps(file, change));
                return Err(error);
            }
        }
        Ok(())
    }
}

impl State {
    fn open(&mut self, path: &Path, open: Open) -> io::Result<u64> {
        match self.names.get(path) {
            None if open == Open::OrCreate => {
                self.change(Op::Create, path, 0, 0)?;
                self.check_folder_of(path)?;
                let file = self.files.keys().next_back().map_or(NAMES, |last| *last) + 1;
                self.files.insert(file, Image::default());
                self.rename([(path.into(), Some(Node::File(file)))].into());
                Ok(file)
            }
            node => {
                self.ask(Op::Open, path, 0, 0)?;
                match node {
                    Some(Node::File(file)) => Ok(file),
                    Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
                    None => Err(io::ErrorKind::NotFound.into()),
                }
            }
        }
    }

    fn write(&mut self, file: &SimFile, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (fits, result) = match self.faults.change() {
            Some(fault) => (fault.written(bytes.len()), Err(fault.error())),
            None => match self.room_for(file.file, offset, bytes.len()) {
                fits if fits < bytes.len() => (fits, Err(Fault::FULL.error())),
                fits => (fits, Ok(())),
            },
        };
        self.log.push(Op::Write, &file.path, offset, bytes.len(), &result);
        if result.is_err() {
            self.log.note(format!("  of which {fits} bytes were written"));
        }
        if let Some(image) = self.files.get_mut(&file.file) {
            self.changes = image.write(self.changes, &bytes[..fits], offset);
        }
        result
    }

    /// How many of some bytes the disk has room for.
    fn room_for(&mut self, file: u64, offset: u64, len: usize) -> usize {
        let Some(capacity) = self.capacity else { return len };
        let mut room = capacity.saturating_sub(self.used());
        let image = self.image(file);
        let mut fits = 0;
        while fits < len {
            let at = offset + fits as u64;
            if !image.has_sector(at) {
                match room.checked_sub(SECTOR_LEN as u64) {
                    Some(rest) => room = rest,
                    None => return fits,
                }
            }
            fits += SECTOR_LEN - (at % SECTOR_LEN as u64) as usize;
        }
        len
    }

    fn used(&self) -> u64 {
        let images = self.names.files().filter_map(|file| self.files.get(&file));
        images.map(Image::allocated).sum()
    }

    /// A file that somebody has open.
    fn image(&mut self, file: u64) -> &mut Image {
        self.files.entry(file).or_default()
    }

    fn file_at(&self, path: &Path) -> Option<u64> {
        match self.names.get(path)? {
            Node::File(file) => Some(file),
            Node::Folder => None,
        }
    }

    fn check_folder_of(&self, path: &Path) -> io::Result<()> {
        match path.parent().and_then(|folder| self.names.get(folder)) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Gives names, or takes them, all at once.
    fn rename(&mut self, set: Vec<(PathBuf, Option<Node>)>) {
        self.changes += 1;
        self.names.set(self.changes, set);
    }

    /// Counts a change, and says whether it fails.
    fn change(&mut self, op: Op, path: &Path, offset: u64, len: usize) -> io::Result<()> {
        let result = self.faults.change().map_or(Ok(()), |fault| Err(fault.error()));
        self.log.push(op, path, offset, len, &result);
        result
    }

    /// Counts a question, and says whether it fails.
    fn ask(&mut self, op: Op, path: &Path, offset: u64, len: usize) -> io::Result<()> {
        let result = self.faults.read().map_or(Ok(()), |fault| Err(fault.error()));
        self.log.push(op, path, offset, len, &result);
        result
    }
}
