//! Alarms: one that was answered runs, whatever happened between, and without anybody asking for its object.

use std::collections::BTreeSet;
use std::time::Duration;

use dormouse_runtime::store::Durability;
use dormouse_storage::file::sim::{Fault, Loss, SimDisk};

use crate::process::Process;
use crate::rig::Rig;

const OBJECTS: [&str; 3] = ["o0", "o1", "o2"];

#[test]
fn alarms_ring_after_a_power_loss_and_after_a_kill() {
    for (durability, loss) in [
        (Durability::Strict, Some(Loss::Everything)),
        (Durability::Strict, Some(Loss::Some)),
        (Durability::Strict, None),
        (Durability::Relaxed, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new(3);
        let process = Process::new(&disk);
        let mut rig = Rig::new(process.clone());
        rig.durability = durability;
        let (server, before) = rig.start(folder.path());
        for name in OBJECTS {
            assert_eq!(server.ask(&format!("/{name}/do?ring+400")), (200, "ring 400".into()));
        }
        let image = loss.map(|loss| disk.power_loss_of(loss, 9));
        process.kill();
        drop(server);
        let (_server, watch) = rig.on(image.unwrap_or(disk)).start(folder.path());
        // On a busy machine some may have rung before the end; that is as good.
        let mut rung: BTreeSet<String> =
            before.reported().into_iter().filter(|line| line.starts_with("ring ")).collect();
        while rung.len() < OBJECTS.len() {
            rung.extend(Some(watch.next()).filter(|line| line.starts_with("ring ")));
        }
        assert_eq!(rung, OBJECTS.map(|name| format!("ring {name}")).into());
    }
}

#[test]
fn an_alarm_rings_that_was_found_after_a_kill_and_had_not_been_answered() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new(3);
        let process = Process::new(&disk);
        let mut rig = Rig::new(process.clone());
        rig.durability = durability;
        let (server, _watch) = rig.start(folder.path());
        let mut client = server.connect("/o0/socket");
        process.hold_writes_to("/journal/");
        client.send("ring 400");
        // It is in the object's own file, and nowhere else.
        process.wait_until_held();
        process.kill();
        drop((client, server));
        let process = Process::new(&disk);
        let (server, _watch) = rig.on(process.clone()).start(folder.path());
        assert_eq!(server.ask("/o0/do?get+ring"), (200, "set".into()));
        process.kill();
        drop(server);
        // What was seen is true from now on, the alarm too: in strict mode also after a power loss.
        let disk = if durability == Durability::Strict { disk.power_loss_of(Loss::Everything, 1) } else { disk };
        let (server, watch) = rig.on(disk).start(folder.path());
        watch.wait_for("ring o0");
        assert_eq!(server.ask("/o0/do?get+ring"), (200, "rung".into()));
    }
}

#[test]
fn an_alarm_whose_run_was_lost_runs_again_when_the_disk_works() {
    // The second needs its object's file, which is closed; the first does not sleep meanwhile.
    for hibernate_after in [None, Some(Duration::ZERO)] {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new(3);
        let mut rig = Rig::new(disk.clone());
        rig.hibernate_after = hibernate_after;
        let (server, watch) = rig.start(folder.path());
        assert_eq!(server.ask("/o0/do?ring+100"), (200, "ring 100".into()));
        disk.fail_at(1, Fault::IO.lasting());
        watch.wait_for("ring o0");
        // The object is reset: its run could not be committed.
        watch.wait_for("stop");
        disk.heal();
        watch.wait_for("ring o0");
        assert_eq!(server.ask("/o0/do?get+ring"), (200, "rung".into()));
        // The object sends what depends on it, too.
        assert_eq!(server.ask("/o0/do?put+key+value"), (200, "put key value".into()));
    }
}

#[test]
fn an_alarm_whose_object_could_not_be_opened_runs_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(3);
    let rig = Rig::new(disk.clone());
    let (server, watch) = rig.start(folder.path());
    assert_eq!(server.ask("/o0/do?ring+100"), (200, "ring 100".into()));
    watch.wait_for("stop");
    disk.fail_read_at(1, Fault::IO.lasting());
    while disk.failed() < 3 {
        std::thread::yield_now();
    }
    disk.heal();
    watch.wait_for("ring o0");
    assert_eq!(server.ask("/o0/do?get+ring"), (200, "rung".into()));
}
