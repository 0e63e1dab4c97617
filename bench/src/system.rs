//! What a measuring program asks of the system for itself: its cores and its open files.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Pins the calling thread, and the threads and processes it starts from here on, to one core.
///
/// # Errors
/// There is no such core, or this process may not use it.
pub fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

/// Runs `work` while the calling thread is pinned to `cpu`: a process started in there stays pinned.
///
/// # Errors
/// As [`pin`], or the error of `work`.
pub fn pinned<T>(cpu: Option<usize>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(cpu) = cpu else { return work() };
    let before = sched_getaffinity(None)?;
    pin(cpu)?;
    let result = work();
    sched_setaffinity(None, &before)?;
    result
}

/// Allows as many open files as the system lets an ordinary process have, and says how many.
pub fn raise_open_files() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the lower limit, which the first `accept` or `connect` past it reports.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
