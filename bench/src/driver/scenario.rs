//! What is measured: arguments of `load`, and which of its figures to compare.

use anyhow::{Context as _, Result};

/// One kind of work.
#[derive(Debug)]
pub(super) struct Scenario {
    /// Short name, for the command line.
    pub(super) name: &'static str,
    /// What it is, for the reader of the table.
    pub(super) title: &'static str,
    /// Mode and options of `load`.
    load: &'static str,
    /// The figures to compare, the one that ratios are made of first.
    pub(super) figures: &'static [&'static str],
    /// Whether a run waits for hibernation.
    pub(super) slow: bool,
}

const STEADY: &[&str] = &["server_us", "per_s", "p50_us", "p99_us", "server_busy", "load_busy", "others_busy"];
const MEMORY: &[&str] = &["idle_dirty_b", "idle_rss_b", "idle_pss_b", "open_dirty_b", "base_rss_kb"];

/// All of them, in the order in which they run.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "echo",
        title: "echo: 64 sockets of one object, window 4, 64 bytes",
        load: "echo --sockets 64 --window 4",
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "echo-one",
        title: "echo: one socket, one message in flight, 64 bytes",
        load: "echo --sockets 1 --window 1",
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "echo-objects",
        title: "echo: 64 sockets of 64 objects, window 4, 64 bytes",
        load: "echo --sockets 64 --objects 64 --window 4",
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "relay",
        title: "relay: one object, 1,000 sockets, one sender, one message in flight",
        load: "relay --sockets 1000",
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "rooms",
        title: "relay: 100 objects of 10 sockets, one sender each, one message in flight",
        load: "relay --objects 100 --sockets 10",
        figures: STEADY,
        slow: false,
    },
    Scenario {
        name: "open",
        title: "open: a socket to a new object, one after the other",
        load: "open --count 500",
        figures: &["server_us", "p50_us", "p99_us", "max_us", "per_s"],
        slow: false,
    },
    Scenario {
        name: "idle",
        title: "idle: 5,000 sockets of one object, bytes of user memory per socket",
        load: "idle --sockets 5000 --touch",
        figures: MEMORY,
        slow: true,
    },
    Scenario {
        name: "idle-objects",
        title: "idle: 2,000 objects with one socket each, bytes of user memory per socket",
        load: "idle --sockets 2000 --objects 2000 --touch",
        figures: MEMORY,
        slow: true,
    },
    Scenario {
        name: "wake",
        title: "wake: first answer of an object that has slept, 200 objects in turn",
        load: "wake --objects 200",
        figures: &["wake_p50_us", "wake_p99_us", "wake_server_us", "awake_p50_us", "awake_p99_us", "awake_server_us"],
        slow: true,
    },
];

/// The scenarios with these names; all if there are none.
pub(super) fn select(names: &[String]) -> Result<Vec<&'static Scenario>> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
            found.with_context(|| format!("there is no scenario {name}; `bench list` shows them"))
        })
        .collect()
}

impl Scenario {
    /// The command line for `load`.
    pub(super) fn arguments(&self, seconds: f64, settle: f64) -> Vec<String> {
        let mut arguments: Vec<String> = self.load.split(' ').map(str::to_owned).collect();
        let length = match arguments[0].as_str() {
            "echo" | "relay" => Some(("--seconds", seconds)),
            "idle" => Some(("--settle", settle)),
            "wake" => Some(("--sleep", settle)),
            _ => None,
        };
        if let Some((flag, length)) = length {
            arguments.extend([flag.to_owned(), length.to_string()]);
        }
        arguments
    }
}
