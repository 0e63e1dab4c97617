//! A disk that fails: at any of its operations, once or from then on, or because it is full. What was answered is true, a
//! lost write resets its object and closes its sockets with 1011, and the node goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dormouse_storage::file::FileSystem as _;
use dormouse_storage::file::sim::{Fault, Loss, SimDisk};

use crate::guest::application;
use crate::node::{Client, Server};
use crate::rig::SEGMENT_LEN;

const OBJECTS: [&str; 2] = ["one", "two"];
/// Values are times of alarms that nobody lives to see.
const FIRST: u64 = 90_000_000_000_000;
/// Writes of each object while the disk may fail.
const WRITES: u64 = 3;

fn start(disk: &SimDisk, data: &Path) -> std::io::Result<Server> {
    let (application, _watch) = application();
    Server::try_with(application, |options| {
        options.storage.data = Some(data.to_owned());
        options.storage.files = Arc::new(disk.clone());
        options.storage.tuning.segment_len = SEGMENT_LEN;
        options.object.hibernate_after = Some(Duration::ZERO);
    })
}

/// What the client of one object knows.
#[derive(Clone, Copy)]
struct Known {
    answered: u64,
    asked: u64,
}

/// A node on a disk, and what its clients know.
struct World {
    case: String,
    disk: SimDisk,
    folder: tempfile::TempDir,
    known: [Known; OBJECTS.len()],
}

impl World {
    fn new(case: String) -> Self {
        let known = [Known { answered: 0, asked: 0 }; OBJECTS.len()];
        let (disk, folder) = (SimDisk::new(7), tempfile::tempdir().unwrap());
        // What is above the data folder is not the node's to make.
        let above = folder.path().parent().unwrap();
        disk.create_dir(above).unwrap();
        above.ancestors().for_each(|folder| disk.sync_dir(folder).unwrap());
        Self { case, disk, folder, known }
    }

    fn start(&self) -> std::io::Result<Server> {
        start(&self.disk, self.folder.path())
    }

    /// Starts on a disk that does not fail.
    fn must_start(&self) -> Server {
        self.start().unwrap_or_else(|error| panic!("{}: {error}\n{}", self.case, self.disk))
    }

    /// Each object writes, and answers when that is safe; one over a request and one over its socket.
    fn write(&mut self, server: &Server) {
        let mut socket: Option<Client> = None;
        for _ in 0..WRITES {
            for (object, name) in OBJECTS.iter().enumerate() {
                let known = &mut self.known[object];
                known.asked = known.asked.max(FIRST) + 1;
                let value = known.asked;
                let is_safe = match object {
                    0 => server.try_get(&format!("/{name}/set-alarm?{value}")).is_ok_and(|answer| answer.is_ok()),
                    _ => {
                        let client = socket.get_or_insert_with(|| server.connect(&format!("/{name}/socket")));
                        client.send(&format!("set {value}"));
                        let said = client.try_next();
                        let said = said.unwrap_or_else(|error| panic!("{}: {error}\n{}", self.case, self.disk));
                        let is_set = said == format!("set {value}");
                        if !is_set {
                            assert!(said.starts_with("close 1011 "), "{}: {said}", self.case);
                            socket = None;
                        }
                        is_set
                    }
                };
                if is_safe {
                    known.answered = value;
                }
            }
        }
    }

    /// Every object has what was answered last: whose writes were said to be lost finds what it had before.
    fn check_told(&mut self, server: &Server) {
        let known = self.known;
        self.known = known.map(|known| Known { asked: known.answered, ..known });
        self.check(server);
        self.known = known;
    }

    /// Every object has what was answered last, or something that was asked for since.
    fn check(&mut self, server: &Server) {
        for (object, name) in OBJECTS.iter().enumerate() {
            let (status, text) = server.ask(&format!("/{name}/alarm"));
            let value = text.strip_prefix("Some(").and_then(|text| text.strip_suffix(')'));
            let value: u64 = value.map_or(0, |value| value.parse().unwrap());
            let Known { answered, asked } = self.known[object];
            let is_true = status == 200 && (answered..=asked).contains(&value);
            assert!(is_true, "{}: {status} {text}, not within {answered}..={asked}\n{}", self.case, self.disk);
            // What was seen is not taken back.
            self.known[object].answered = value;
        }
    }

    /// All that happens: a start, writes, a restart, and both again with the power going off.
    fn live(mut self, fault: impl FnOnce(&SimDisk)) -> u64 {
        fault(&self.disk);
        let server = self.start().or_else(|_| self.start());
        let mut failed = self.disk.failed();
        if let Ok(server) = server {
            self.write(&server);
            failed = self.disk.failed();
            self.disk.heal();
            self.disk.set_capacity(None);
            self.check_told(&server);
            self.write(&server);
            self.check(&server);
        }
        self.disk.heal();
        self.disk.set_capacity(None);
        let image = self.disk.power_loss_of(Loss::Everything, 3);
        let server = self.must_start();
        self.check(&server);
        drop(server);
        let known = self.known;
        self.disk = image;
        let server = self.must_start();
        self.check(&server);
        assert!(known.iter().all(|known| known.answered > FIRST) || known[0].asked == 0 || failed > 0, "{}", self.case);
        failed
    }
}

#[test]
fn an_operation_that_fails_once_costs_no_more_than_what_depends_on_it() {
    // Each of the first operations, by which files are made, then every few: a test runs through some thousand of them.
    let mut n = 1;
    while World::new(format!("operation {n} fails")).live(|disk| disk.fail_at(n, Fault::IO)) > 0 {
        n += 1;
    }
    assert!(n > 40, "only {n} operations");
}

#[test]
fn an_operation_that_fails_after_a_part_is_no_different() {
    let mut n = 1;
    while World::new(format!("operation {n} fails half way")).live(|disk| disk.fail_at(n, Fault::IO.after_writing(700)))
        > 0
    {
        n += 3;
    }
}

#[test]
fn a_disk_that_fails_for_a_while_takes_writes_again_afterwards() {
    let mut n = 1;
    while World::new(format!("all fails from operation {n} on")).live(|disk| disk.fail_at(n, Fault::IO.lasting())) > 0 {
        n += 2;
    }
}

#[test]
fn a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room() {
    // From no room at all to enough for everything: the journal is by far the largest.
    for room in
        [0, 512, 4_096, 20_000, SEGMENT_LEN, (SEGMENT_LEN) + 5_000, (SEGMENT_LEN) + 40_000, (SEGMENT_LEN) + 90_000]
    {
        World::new(format!("room for {room} bytes")).live(|disk| disk.set_capacity(Some(room)));
    }
}
