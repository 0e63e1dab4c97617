//! What is measured: arguments of `load`, and which of its figures to compare.

use anyhow::{Result, ensure};

/// One kind of work.
#[derive(Debug)]
pub(super) struct Scenario {
    /// Short name, for the command line.
    pub(super) name: &'static str,
    /// What it is, for the reader of the table.
    pub(super) title: &'static str,
    /// What the server runs.
    pub(super) worker: Worker,
    /// What is in its storage at the start.
    pub(super) before: Before,
    /// What is measured of it.
    pub(super) work: Work,
    /// The figures to compare, the one that ratios are made of first.
    pub(super) figures: &'static [&'static str],
    /// Whether a run waits for hibernation.
    pub(super) slow: bool,
}

/// What a server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    /// Sockets and messages: the protocol of the floors.
    Relay,
    /// Objects with a database each: `storage/worker.js`.
    Storage,
}

/// What is in a server's storage when it is started.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before {
    /// Nothing: a new folder for each run.
    Nothing,
    /// What `load` has written to a server that was then asked to stop. Made once per contender, as it may take
    /// minutes, and used by all rounds: their runs read it, or add no more than a row, and end with a clean stop.
    Prepared {
        /// Mode and options of `load`.
        load: &'static str,
        /// Whether the kernel still has the files in memory.
        cache: Cache,
    },
}

/// What the kernel has in memory of the files written before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cache {
    /// Whatever it has kept.
    Warm,
    /// Nothing: each run reads from the disk.
    Cold,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// `load` drives it with this mode and these options.
    Load(&'static str),
    /// The same; and once more under `strace`, if there is one, for the number of syncs alone.
    LoadAndSyncs(&'static str),
    /// From its start to its first answer.
    Boot,
}

/// First part of the names of objects that one run of `load` makes and another one uses.
pub(super) const ACCOUNT: &str = "bench";

const STEADY: &[&str] = &["server_us", "per_s", "p50_us", "p99_us", "server_busy", "load_busy", "others_busy"];
const MEMORY: &[&str] = &["idle_dirty_b", "idle_rss_b", "idle_pss_b", "open_dirty_b", "base_rss_kb"];

const WRITE: &[&str] =
    &["per_s", "p50_us", "p99_us", "server_us", "syncs", "flushes", "server_busy", "load_busy", "others_busy"];
const COLD: &[&str] = &["first_us", "next_p50_us", "next_max_us", "again_p50_us"];
const BOOT: &[&str] = &["boot_ms", "listen_ms", "server_ms", "rss_kb"];

/// All of them, in the order in which they run.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "echo",
        title: "echo: 64 sockets of one object, window 4, 64 bytes",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("echo --sockets 64 --window 4"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "echo-one",
        title: "echo: one socket, one message in flight, 64 bytes",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("echo --sockets 1 --window 1"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "echo-objects",
        title: "echo: 64 sockets of 64 objects, window 4, 64 bytes",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("echo --sockets 64 --objects 64 --window 4"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "relay",
        title: "relay: one object, 1,000 sockets, one sender, one message in flight",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("relay --sockets 1000"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "rooms",
        title: "relay: 100 objects of 10 sockets, one sender each, one message in flight",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("relay --objects 100 --sockets 10"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "open",
        title: "open: a socket to a new object, one after the other",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("open --count 500"),
        figures: &["server_us", "p50_us", "p99_us", "max_us", "per_s"],
        slow: false,
    },
    Scenario {
        name: "idle",
        title: "idle: 5,000 sockets of one object, bytes of user memory per socket",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("idle --sockets 5000 --touch"),
        figures: MEMORY,
        slow: true,
    },
    Scenario {
        name: "idle-objects",
        title: "idle: 2,000 objects with one socket each, bytes of user memory per socket",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("idle --sockets 2000 --objects 2000 --touch"),
        figures: MEMORY,
        slow: true,
    },
    Scenario {
        name: "wake",
        title: "wake: first answer of an object that has slept, 200 objects in turn",
        worker: Worker::Relay,
        before: Before::Nothing,
        work: Work::Load("wake --objects 200"),
        figures: &["wake_p50_us", "wake_p99_us", "wake_server_us", "awake_p50_us", "awake_p99_us", "awake_server_us"],
        slow: true,
    },
    write("write-1", "durable writes: one object, one row per message", "write --objects 1"),
    write("write-16", "durable writes: 16 objects with one socket each", "write --objects 16"),
    write("write-256", "durable writes: 256 objects with one socket each", "write --objects 256"),
    write("write-1000", "durable writes: 1,000 objects with one socket each", "write --objects 1000"),
    Scenario {
        name: "read-1",
        title: "read: one object, one row by key per message",
        worker: Worker::Storage,
        before: Before::Prepared { load: "prepare --objects 1 --megabytes 1", cache: Cache::Warm },
        work: Work::Load("read --objects 1"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "read-64",
        title: "read: 64 objects with one socket each, one row by key per message",
        worker: Worker::Storage,
        before: Before::Prepared { load: "prepare --objects 64 --megabytes 1", cache: Cache::Warm },
        work: Work::Load("read --objects 64"),
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "cold",
        title: "cold: first byte from objects with 10 MB each, fresh process, files in the kernel's memory",
        worker: Worker::Storage,
        before: Before::Prepared { load: "prepare --objects 16 --megabytes 10", cache: Cache::Warm },
        work: Work::Load("cold --objects 16"),
        figures: COLD,
        slow: false,
    },
    Scenario {
        name: "cold-disk",
        title: "cold: first byte from objects with 10 MB each, fresh process, files on the disk only",
        worker: Worker::Storage,
        before: Before::Prepared { load: "prepare --objects 16 --megabytes 10", cache: Cache::Cold },
        work: Work::Load("cold --objects 16"),
        figures: COLD,
        slow: false,
    },
    Scenario {
        name: "databases",
        title: "databases: 1,000 objects with a socket and a row each, in memory, bytes per object",
        worker: Worker::Storage,
        before: Before::Nothing,
        work: Work::Load("databases --objects 1000"),
        figures: &["written_dirty_b", "written_rss_b", "silent_dirty_b", "silent_rss_b", "base_rss_kb"],
        slow: true,
    },
    Scenario {
        name: "boot-empty",
        title: "boot: from the start of a server without data to its first answer",
        worker: Worker::Storage,
        before: Before::Nothing,
        work: Work::Boot,
        figures: BOOT,
        slow: false,
    },
    Scenario {
        name: "boot",
        title: "boot: the same with 100,000 objects and 10,000 pending alarms",
        worker: Worker::Storage,
        before: Before::Prepared { load: "prepare --objects 100000 --alarms 10000", cache: Cache::Warm },
        work: Work::Boot,
        figures: BOOT,
        slow: true,
    },
];

/// Durable writes by some number of objects.
const fn write(name: &'static str, title: &'static str, load: &'static str) -> Scenario {
    Scenario {
        name,
        title,
        worker: Worker::Storage,
        before: Before::Nothing,
        work: Work::LoadAndSyncs(load),
        figures: WRITE,
        slow: false,
    }
}

/// The scenarios with these names, or of these groups: `relay-all` and `storage-all`; all if there are none.
pub(super) fn select(names: &[String]) -> Result<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let mut selected = Vec::new();
    for name in names {
        let fits = |scenario: &&Scenario| scenario.name == name || scenario.worker.group() == name;
        let found: Vec<_> = SCENARIOS.iter().filter(fits).collect();
        ensure!(!found.is_empty(), "there is no scenario {name}; `bench list` shows them");
        selected.extend(found);
    }
    Ok(selected)
}

impl Worker {
    /// All scenarios with it, as a name for the command line.
    pub(super) fn group(self) -> &'static str {
        match self {
            Worker::Relay => "relay-all",
            Worker::Storage => "storage-all",
        }
    }

    /// The contender that others are divided by unless another is asked for.
    pub(super) fn base(self) -> &'static str {
        match self {
            Worker::Relay => "floor",
            Worker::Storage => "workerd-disk",
        }
    }
}

/// The command line for `load`.
pub(super) fn arguments(load: &str, seconds: f64, settle: f64) -> Vec<String> {
    let mut arguments: Vec<String> = load.split(' ').map(str::to_owned).collect();
    let length = match arguments[0].as_str() {
        "echo" | "relay" | "write" | "read" => Some(("--seconds", seconds)),
        "idle" => Some(("--settle", settle)),
        "wake" => Some(("--sleep", settle)),
        _ => None,
    };
    if let Some((flag, length)) = length {
        arguments.extend([flag.to_owned(), length.to_string()]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    #[test]
    fn scenarios_are_selected_by_name_and_group() {
        let select = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Ok::<_, anyhow::Error>(super::select(&names)?.iter().map(|scenario| scenario.name).collect::<Vec<_>>())
        };
        assert_eq!(select(&["wake", "echo"]).unwrap(), ["wake", "echo"]);
        let [relay, storage] = ["relay-all", "storage-all"].map(|group| select(&[group]).unwrap());
        assert!(relay.contains(&"echo") && storage.contains(&"write-1000"));
        assert_eq!([relay, storage].concat(), select(&[]).unwrap());
        assert!(select(&["echo", "none"]).is_err());
    }
}
