//! Stops in peace and the starts after them: what was written is in the databases, and the next start finds nothing to do;
//! when a stop is cut off at any moment, nothing is lost.

use std::path::PathBuf;
use std::time::Duration;

use dormouse_runtime::operator::Objects;
use dormouse_runtime::store::Durability;
use dormouse_storage::file::sim::{Fault, Loss, SimDisk};

use crate::node::Server;
use crate::process::Process;
use crate::rig::{LENS, Load, Rig, SEGMENT_LEN};

const OBJECTS: usize = 3;

/// Names of files of the journal, and of logs that hold something.
fn left_to_do(disk: &SimDisk) -> Vec<PathBuf> {
    let is_left = |path: &PathBuf| {
        let path_text = path.to_str().unwrap();
        let is_empty = disk.contents(path).is_none_or(|contents| contents.is_empty());
        path_text.contains("/journal/") || (path_text.ends_with("-wal") && !is_empty)
    };
    disk.paths().into_iter().filter(is_left).collect()
}

/// Every object is written to, too little for anybody to tidy up before the stop.
fn write_a_little(server: &Server, load: &Load) {
    for (object, count) in load.counts.iter().enumerate() {
        let mut client = server.connect(&format!("/{}/socket", Load::name(object)));
        count.write(&mut client, LENS[0]).unwrap();
    }
}

/// A rig whose stops have all the time that they need, or none.
fn rig(disk: &SimDisk, durability: Durability, stop_time: Duration) -> Rig {
    let mut rig = Rig::new(disk.clone());
    rig.durability = durability;
    rig.tuning.stop_time = stop_time;
    // Nothing is tidied up before.
    rig.tuning.checkpoint_delay = Duration::from_secs(3_600);
    rig
}

const ENOUGH: Duration = Duration::from_secs(3_600);

#[test]
fn a_stop_in_peace_leaves_databases_and_nothing_else() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new(5);
        let load = Load::new(OBJECTS);
        for _ in 0..3 {
            let (server, watch) = rig(&disk, durability, ENOUGH).start(folder.path());
            load.check(&server, "after a stop");
            load.run(&server, &LENS, || load.wait_for(40));
            drop(server);
            assert!(watch.is_forgotten());
            assert!(left_to_do(&disk).is_empty(), "{:?}", left_to_do(&disk));
        }
        let (server, _watch) = Rig::new(disk.power_loss_of(Loss::Everything, 1)).start(folder.path());
        load.check(&server, "after a power loss");
        // What the journal has forgotten the registry knows.
        let listed = Objects::of(server.handle()).unwrap().list(None, None, 10).unwrap();
        assert_eq!(listed.iter().filter(|object| object.alarm_ms.is_some()).count(), OBJECTS, "{listed:?}");
    }
}

#[test]
fn a_stop_without_time_leaves_the_rest_to_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(5);
    let load = Load::new(OBJECTS);
    let (server, _watch) = rig(&disk, Durability::Strict, Duration::ZERO).start(folder.path());
    write_a_little(&server, &load);
    drop(server);
    assert!(left_to_do(&disk).iter().any(|path| path.to_str().unwrap().ends_with(".log")));
    for loss in [Loss::Everything, Loss::Nothing] {
        let (server, _watch) = Rig::new(disk.power_loss_of(loss, 1)).start(folder.path());
        load.check(&server, "after the next start");
    }
}

#[test]
fn a_start_after_a_kill_does_not_sync_what_is_known_to_be_empty() {
    const MANY: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(5);
    let process = Process::new(&disk);
    let mut rig = Rig::new(process.clone());
    // All that is said of them stays in the journal.
    rig.tuning.segment_len = SEGMENT_LEN;
    let (server, _watch) = rig.start(folder.path());
    let load = Load::new(MANY);
    write_a_little(&server, &load);
    let is_log_with_something = |path: &PathBuf| {
        path.to_str().unwrap().contains("/objects/")
            && path.to_str().unwrap().ends_with("-wal")
            && disk.contents(path).is_some_and(|contents| !contents.is_empty())
    };
    while disk.paths().iter().any(is_log_with_something) {
        std::thread::yield_now();
    }
    // Twice: the last may be in the database before it is said to be.
    for name in ["one", "more"] {
        assert_eq!(server.ask(&format!("/{name}/do?put+key+value")).0, 200);
    }
    process.kill();
    drop(server);
    let before = disk.counters();
    let (server, _watch) = rig.on(disk.clone()).start(folder.path());
    let syncs = disk.counters().since(before).syncs;
    assert!(syncs < MANY as u64 / 2, "{syncs} syncs at the start");
    load.check(&server, "after the kill");
}

#[test]
fn the_power_goes_at_any_operation_of_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut n = 1;
    loop {
        let disk = SimDisk::new(n);
        let load = Load::new(OBJECTS);
        let (server, _watch) = rig(&disk, Durability::Strict, ENOUGH).start(folder.path());
        write_a_little(&server, &load);
        disk.fail_at(n, Fault::POWER_OFF);
        drop(server);
        let is_over = disk.failed() == 0;
        let image = disk.power_loss(n);
        let (server, _watch) = Rig::new(image).start(folder.path());
        load.check(&server, &format!("operation {n} of the stop"));
        if is_over {
            break;
        }
        n += 1;
    }
    assert!(n > 20, "only {n} operations");
}
