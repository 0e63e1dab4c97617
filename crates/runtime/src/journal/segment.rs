//! The files of a journal: a row of segments, each with a name that says which it is, and one in reserve.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use dormouse_storage::file::File;

use crate::commit_log::ObjectKey;

/// A segment that is written no more.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// The objects that it has something of.
    pub(crate) objects: HashSet<ObjectKey>,
}

/// Fills a new segment with zeros, so that what is written to it later changes neither its length nor its blocks.
pub(super) fn fill(file: &dyn File, len: u64) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(4 << 20)];
    let mut at = 0;
    while at < len {
        let chunk = zeros.len().min(usize::try_from(len - at).unwrap_or(zeros.len()));
        file.write_at(&zeros[..chunk], at)?;
        at += chunk as u64;
    }
    file.sync()
}

/// The file of a segment. Its name says which group it begins with, whatever becomes of that.
pub(super) fn segment_path(folder: &Path, number: u64, group: u64) -> PathBuf {
    folder.join(format!("{number:010}-{group}.log"))
}

/// No segment and no group has this number or a higher one: one that is written every nanosecond would take centuries
/// to come so far, so a file that says so is not of a journal.
const NUMBER_END: u64 = 1 << 63;

/// The number of a segment, and that of its first group.
pub(super) fn numbers_of(name: &str) -> Option<(u64, u64)> {
    let (segment, group) = name.strip_suffix(".log")?.split_once('-')?;
    let number = |digits: &str| digits.parse().ok().filter(|number| *number < NUMBER_END);
    Some((number(segment)?, number(group)?))
}

/// A segment that waits to be used again.
pub(super) fn spare(folder: &Path) -> PathBuf {
    folder.join("spare")
}
