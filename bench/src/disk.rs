//! What a write costs the disk, seen from outside of the server.
//!
//! Two counts, as neither says all. The log of `strace` has every system call that asks for durability, whether the
//! disk had anything to do or not; it needs a server that was started under it. The block device counts the flushes of
//! its cache, by whatever means they were asked for and by whomever: on a quiet machine that is the server and the
//! journal of its file system.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise, major, minor, statfs, syncfs};

/// System calls that ask for durability, as `strace -e trace=` takes them. A write to a file that was opened with
/// `O_DSYNC` is none of them and shows in the flushes only.
pub const SYNC_CALLS: &str = "fsync,fdatasync,sync_file_range,msync,syncfs,sync";

/// Field of a device's `stat` that counts flushes, from 0; Linux has it since 5.5.
const FLUSHES_FIELD: usize = 15;
/// File systems that are memory: tmpfs and ramfs.
const MEMORY_FILE_SYSTEMS: [u32; 2] = [0x0102_1994, 0x8584_58f6];

/// How many calls a log of `strace -f -e trace=…` has.
///
/// # Errors
/// The file cannot be read.
pub fn count_syncs(log: &Path) -> io::Result<u64> {
    let mut count = 0;
    for line in BufReader::new(File::open(log)?).lines() {
        count += u64::from(is_call(&line?));
    }
    Ok(count)
}

/// A call that another thread interrupts has two lines, of which the second starts with `<... fsync resumed>`.
fn is_call(line: &str) -> bool {
    let call = line.trim_start_matches(|char: char| char.is_ascii_digit() || char == ' ');
    call.split_once('(').is_some_and(|(name, _)| SYNC_CALLS.split(',').any(|sync| sync == name))
}

/// How often the cache of the device under `folder` was flushed so far; `None` if that device does not say.
pub fn flushes(folder: &Path) -> Option<u64> {
    let device = fs::metadata(folder).ok()?.dev();
    let mut path = PathBuf::from(format!("/sys/dev/block/{}:{}", major(device), minor(device)));
    if path.join("partition").exists() {
        // Flushes are counted for whole disks only, and a partition is a folder within its disk's.
        path = fs::canonicalize(path).ok()?.parent()?.to_owned();
    }
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    stat.split_whitespace().nth(FLUSHES_FIELD)?.parse().ok()
}

/// Whether a folder is in memory, where durability means nothing.
///
/// # Errors
/// There is no such folder.
pub fn is_memory(folder: &Path) -> io::Result<bool> {
    let kind = statfs(folder)?.f_type as u32;
    Ok(MEMORY_FILE_SYSTEMS.contains(&kind))
}

/// Writes to the disk what the kernel still has to write of the file system under `folder`.
///
/// # Errors
/// There is no such folder, or the disk has failed.
pub fn write_out(folder: &Path) -> io::Result<()> {
    Ok(syncfs(File::open(folder)?)?)
}

/// Makes the kernel forget what it keeps in memory of the files under `folder`. What is not on the disk yet stays.
///
/// # Errors
/// A file cannot be opened.
pub fn evict(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            evict(&entry.path())?;
        } else {
            fadvise(File::open(entry.path())?, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_once() {
        assert!(is_call("10899 fsync(17)                         = 0"));
        assert!(is_call("fdatasync(17 <unfinished ...>"));
        assert!(!is_call("10899 <... fsync resumed>) = 0"));
        assert!(!is_call("10899 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=10891, si_uid=0} ---"));
        assert!(!is_call("10906 +++ exited with 0 +++"));
    }

    #[test]
    fn memory_is_known() {
        assert!(is_memory(Path::new("/dev/shm")).unwrap());
        assert!(!is_memory(Path::new("/proc/self")).unwrap());
        assert!(is_memory(Path::new("/does/not/exist")).is_err());
    }

    #[test]
    fn what_is_evicted_is_still_there() {
        let folder = std::env::temp_dir().join(format!("dormouse-bench-evict-{}", std::process::id()));
        let file = folder.join("below/file");
        fs::create_dir_all(folder.join("below")).unwrap();
        fs::write(&file, "text").unwrap();
        write_out(&folder).unwrap();
        evict(&folder).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
        fs::remove_dir_all(&folder).unwrap();
    }
}
