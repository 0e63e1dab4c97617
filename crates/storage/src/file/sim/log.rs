//! What was done with a simulated disk: how often, and what last.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Operations that are kept for the message of a failing test: those of a few commits and a checkpoint.
const LINES_MAX: usize = 256;

/// How often what was done. Operations that failed are counted too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What may change the disk: writes, lengths, names and syncs.
    pub changes: u64,
    /// Questions: reads, openings, lengths, names.
    pub questions: u64,
    /// Reads of bytes.
    pub reads: u64,
    /// Writes of bytes.
    pub writes: u64,
    /// Bytes of all writes.
    pub bytes_written: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of folders.
    pub dir_syncs: u64,
}

impl Counters {
    /// What was done after an earlier moment.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            changes: self.changes - earlier.changes,
            questions: self.questions - earlier.questions,
            reads: self.reads - earlier.reads,
            writes: self.writes - earlier.writes,
            bytes_written: self.bytes_written - earlier.bytes_written,
            syncs: self.syncs - earlier.syncs,
            dir_syncs: self.dir_syncs - earlier.dir_syncs,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Create,
    CreateDir,
    Write,
    SetLen,
    Rename,
    Remove,
    Sync,
    SyncDir,
    Open,
    Read,
    Len,
    Exists,
    List,
}

#[derive(Clone)]
enum Line {
    /// With the operation's number among changes or among questions, where it is to be let fail.
    Op {
        op: Op,
        number: u64,
        path: PathBuf,
        offset: u64,
        len: usize,
        failed: bool,
    },
    Note(String),
}

/// The last operations, and counters of all.
#[derive(Default)]
pub(super) struct Log {
    lines: VecDeque<Line>,
    counters: Counters,
}

impl Log {
    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    pub(super) fn push<T>(&mut self, op: Op, path: &Path, offset: u64, len: usize, result: &io::Result<T>) {
        let counters = &mut self.counters;
        match op {
            Op::Write => {
                counters.writes += 1;
                counters.bytes_written += len as u64;
            }
            Op::Sync => counters.syncs += 1,
            Op::SyncDir => counters.dir_syncs += 1,
            Op::Read => counters.reads += 1,
            _ => {}
        }
        let counter = match op {
            Op::Open | Op::Read | Op::Len | Op::Exists | Op::List => &mut counters.questions,
            _ => &mut counters.changes,
        };
        *counter += 1;
        let number = *counter;
        self.line(Line::Op { op, number, path: path.into(), offset, len, failed: result.is_err() });
    }

    pub(super) fn note(&mut self, note: String) {
        self.line(Line::Note(note));
    }

    /// The log of the disk after a power loss: what happened before is told, but not counted.
    pub(super) fn after_loss(&self) -> Self {
        Self { lines: self.lines.clone(), counters: Counters::default() }
    }

    fn line(&mut self, line: Line) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, number, path, offset, len, failed) = match self {
            Line::Op { op, number, path, offset, len, failed } => (op, number, path, offset, len, failed),
            Line::Note(note) => return f.write_str(note),
        };
        write!(f, "{number:>5} {op:?} {}", path.display())?;
        match op {
            Op::Read | Op::Write => write!(f, " {offset}+{len}")?,
            Op::SetLen => write!(f, " {offset}")?,
            _ => {}
        }
        f.write_str(if *failed { " FAILED" } else { "" })
    }
}
