//! Disks that fail: whatever operation it is, what was answered is true, an object that lost writes loses its sockets too,
//! and the node goes on when the disk does.

use std::time::{Duration, Instant};

use dormouse_storage::file::sim::{Fault, SimDisk};

use crate::node::{Client, Server};
use crate::rig::{Count, LENS, Load, Rig};
use crate::seeds::seeds;

const OBJECTS: usize = 3;
const WRITES: usize = 14;

/// An object and a client that comes back when its socket is closed.
struct Talk {
    name: String,
    count: Count,
    client: Option<Client>,
}

impl Talk {
    fn all() -> Vec<Self> {
        let talk = |object| Self { name: Load::name(object), count: Count::default(), client: None };
        (0..OBJECTS).map(talk).collect()
    }

    /// Writes the next number; when that fails, the client has been told so.
    fn write(&mut self, server: &Server, len: usize, case: &str) -> Result<(), String> {
        let client = match &mut self.client {
            Some(client) => client,
            none => {
                none.insert(server.try_connect(&format!("/{}/socket", self.name)).map_err(|error| error.to_string())?)
            }
        };
        let result = self.count.write(client, len);
        if let Err(error) = &result {
            assert!(
                error.starts_with("close 1011") || error.starts_with("failed: "),
                "{case}: {} hears {error:?} instead of what became of its write",
                self.name
            );
            self.client = None;
        }
        result
    }

    /// The disk works again, and so does the object, at the latest when it was asked twice.
    fn recover(&mut self, server: &Server, case: &str) {
        let failures: Vec<_> = (0..3).map_while(|_| self.write(server, LENS[0], case).err()).collect();
        assert!(failures.len() < 3, "{case}: {} does not recover: {failures:?}", self.name);
        if let Err(error) = self.count.check(server, &self.name, case) {
            panic!("{case}: {} is refused: {error}", self.name);
        }
    }
}

/// Lets the keeper do what it has to do. Nothing depends on whether it does.
fn pass_time() {
    let until = Instant::now() + Duration::from_millis(12);
    while Instant::now() < until {
        std::thread::yield_now();
    }
}

/// What is to fail, and how.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Change(Fault),
    Read(Fault),
}

/// Plans, and whether they last: then they may cost more than one write.
const PLANS: [(Plan, bool); 7] = [
    (Plan::Change(Fault::IO), false),
    (Plan::Change(Fault::FULL), false),
    (Plan::Read(Fault::IO), false),
    (Plan::Change(Fault::IO.after_writing(512)), false),
    (Plan::Change(Fault::IO.lasting()), true),
    (Plan::Read(Fault::IO.lasting()), true),
    (Plan::Change(Fault::FULL.lasting()), true),
];

/// Whether the fault has struck at all.
fn fail_at(n: u64, plan: Plan, is_lasting: bool) -> bool {
    let case = format!("operation {n}, {plan:?}");
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(n);
    match plan {
        Plan::Change(fault) => disk.fail_at(n, fault),
        Plan::Read(fault) => disk.fail_read_at(n, fault),
    }
    let rig = Rig::new(disk.clone());
    let mut has_struck = false;
    let (server, _watch) = rig.try_start(folder.path()).unwrap_or_else(|error| {
        let text = error.to_string();
        has_struck = disk.failed() > 0;
        assert!(has_struck && !text.is_empty(), "{case}: {text}");
        disk.heal();
        rig.start(folder.path())
    });
    let mut talks = Talk::all();
    let mut failures = Vec::new();
    for turn in 0..WRITES {
        let talk = &mut talks[turn % OBJECTS];
        failures.extend(talk.write(&server, LENS[turn * 7 / 5 % LENS.len()], &case).err());
        if turn % 5 == 4 {
            pass_time();
        }
    }
    assert!(is_lasting || failures.len() <= 1, "{case}: one failure costs {failures:?}, after\n{disk}");
    has_struck |= disk.failed() > 0;
    disk.heal();
    talks.iter_mut().for_each(|talk| talk.recover(&server, &case));
    let disk = match n % 2 {
        0 => disk.power_loss(n),
        _ => disk,
    };
    // A peer that is silent would hold the stop up.
    talks.iter_mut().for_each(|talk| talk.client = None);
    drop(server);
    let (server, _watch) = rig.on(disk).start(folder.path());
    for talk in talks {
        if let Err(error) = talk.count.check(&server, &talk.name, &case) {
            panic!("{case}: {} is refused after a restart: {error}", talk.name);
        }
    }
    has_struck
}

/// Operations between two that fail: there is no time for all.
const STEP: u64 = 6;

#[test]
fn whatever_operation_fails_what_was_answered_is_true() {
    for seed in seeds(1) {
        let first = 1 + seed % STEP;
        let struck = (first..).step_by(STEP as usize).take_while(|n| {
            let (plan, is_lasting) = PLANS[(seed % 1_000 + n / STEP) as usize % PLANS.len()];
            fail_at(*n, plan, is_lasting)
        });
        assert!(struck.count() > 50, "the disk was hardly used");
    }
}
