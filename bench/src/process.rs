//! What the kernel says of another process.
//!
//! CPU time comes from `/proc/PID/task/*/schedstat`, in nanoseconds, summed over threads. A thread that ends takes its
//! figure along, so the ticks of `/proc/PID/stat`, which keep the dead, are read too and reported beside it.

use std::fs;
use std::io;
use std::ops::Sub;

/// CPU time that a process has used so far, or between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    /// Of the threads alive, in nanoseconds.
    pub exact_ns: u64,
    /// User and system time with all dead threads, in nanoseconds, no finer than a tick (10 ms).
    pub ticks_ns: u64,
}

impl Sub for Cpu {
    type Output = Cpu;

    fn sub(self, earlier: Cpu) -> Cpu {
        Cpu {
            exact_ns: self.exact_ns.saturating_sub(earlier.exact_ns),
            ticks_ns: self.ticks_ns.saturating_sub(earlier.ticks_ns),
        }
    }
}

/// Reads the CPU time of a process.
///
/// # Errors
/// The process is gone or not ours to look at.
pub fn cpu(pid: u32) -> io::Result<Cpu> {
    let mut exact_ns = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading.
        if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
            exact_ns += number(text.split(' ').next())?;
        }
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name in brackets, which may hold anything, blanks and brackets too.
    let (_, fields) = stat.rsplit_once(") ").ok_or_else(malformed)?;
    let mut fields = fields.split(' ').skip(11);
    let ticks = number(fields.next())? + number(fields.next())?;
    Ok(Cpu { exact_ns, ticks_ns: ticks * tick_ns() })
}

/// CPU time that the whole machine has spent on anything, stolen time included, over all cores, in nanoseconds.
///
/// # Errors
/// `/proc/stat` is not what it should be.
pub fn machine_ns() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    // The first line sums all cores: user, nice, system, idle, iowait, irq, softirq, steal; the guests are in user.
    let line = text.lines().next().and_then(|line| line.strip_prefix("cpu ")).ok_or_else(malformed)?;
    let ticks: Vec<u64> =
        line.split_whitespace().take(8).map(|field| number(Some(field))).collect::<io::Result<_>>()?;
    let busy: u64 = ticks.iter().enumerate().filter(|(field, _)| !matches!(field, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Ok(busy * tick_ns())
}

/// User memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident pages.
    pub rss: u64,
    /// Resident pages, shared ones divided among their users.
    pub pss: u64,
    /// Pages that only this process has, and has written: what it would take to start a further one.
    pub private_dirty: u64,
}

/// Reads `/proc/PID/smaps_rollup`.
///
/// # Errors
/// The process is gone or not ours to look at.
pub fn memory(pid: u32) -> io::Result<Memory> {
    Ok(parse_rollup(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?))
}

fn parse_rollup(text: &str) -> Memory {
    let mut memory = Memory::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let bytes =
            value.trim().strip_suffix(" kB").and_then(|value| value.parse::<u64>().ok()).map(|value| value * 1024);
        match (key, bytes) {
            ("Rss", Some(bytes)) => memory.rss = bytes,
            ("Pss", Some(bytes)) => memory.pss = bytes,
            ("Private_Dirty", Some(bytes)) => memory.private_dirty = bytes,
            _ => {}
        }
    }
    memory
}

fn tick_ns() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second()
}

fn number(text: Option<&str>) -> io::Result<u64> {
    text.and_then(|text| text.trim().parse().ok()).ok_or_else(malformed)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "unexpected text under /proc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_cpu_time_grows_with_work() {
        let pid = std::process::id();
        let before = cpu(pid).unwrap();
        let mut sum = 0_u64;
        while (cpu(pid).unwrap() - before).exact_ns < 1_000_000 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0 && machine_ns().unwrap() > 0);
    }

    #[test]
    fn rollup_is_read() {
        let text = "5645-7ffc ---p 00000000 00:00 0    [rollup]\nRss:      1604 kB\nPss:   361 kB\n\
                    Pss_Dirty: 116 kB\nPrivate_Dirty:   116 kB\n";
        let kb = |n: u64| n * 1024;
        assert_eq!(parse_rollup(text), Memory { rss: kb(1604), pss: kb(361), private_dirty: kb(116) });
        assert!(memory(std::process::id()).unwrap().rss > 0);
    }
}
