//! One object whose files are damaged: it is refused by name, for good, and all others are served for as long as they like.

use std::time::Duration;

use dormouse_storage::file::sim::SimDisk;

use crate::rig::{Count, Rig, read};

/// Segments that are filled meanwhile: more than the journal may have when it cannot retire them.
const SEGMENTS: u64 = 20;

#[test]
fn a_damaged_object_is_refused_for_good_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(3);
    let mut rig = Rig::new(disk.clone());
    // Not before it is damaged.
    rig.tuning.checkpoint_delay = Duration::from_secs(3_600);
    let (server, watch) = rig.start(folder.path());
    let damaged = Count::default();
    let mut client = server.connect("/damaged/socket");
    for _ in 0..3 {
        damaged.write(&mut client, 10).unwrap();
    }
    watch.wait_for("stop");
    drop(client);
    // It is closed when another one has been opened, on the same thread, after it had fallen asleep.
    let other = Count::default();
    let mut client = server.connect("/other/socket");
    other.write(&mut client, 10).unwrap();
    let log = disk.paths().into_iter().find(|path| {
        path.to_str().unwrap().ends_with("-wal") && disk.contents(path).is_some_and(|log| log.len() > 20_000)
    });
    disk.flip(&log.expect("the log of the damaged object"), 9_000, 4);
    let last = || disk.paths().iter().filter(|path| path.to_str().unwrap().ends_with(".log")).max().unwrap().clone();
    let before = last();
    let number = |path: std::path::PathBuf| -> u64 {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        name.split('-').next().unwrap().parse().unwrap()
    };
    let until = number(before) + SEGMENTS;
    while number(last()) < until {
        other.write(&mut client, 5_000).unwrap();
    }
    drop(client);
    let refusal = read(&server, "damaged").unwrap_err();
    assert!(refusal.contains("is damaged") && refusal.contains(".sqlite"), "{refusal}");
    assert!(!refusal.contains("is damaged: the database"), "{refusal}");
    drop(server);
    for restart in 0..3 {
        let (server, _watch) = rig.start(folder.path());
        let refusal = read(&server, "damaged").unwrap_err();
        assert!(refusal.contains("is damaged") && refusal.contains(".sqlite"), "restart {restart}: {refusal}");
        other.check(&server, "other", "restart").unwrap();
        // Long enough for the registry to be written.
        let mut client = server.connect("/third/socket");
        let third = Count::default();
        third.set(restart * 10..=restart * 10);
        while disk.contents(&folder.path().join("registry.sqlite-wal")).is_none_or(|log| log.is_empty()) {
            third.write(&mut client, 10).unwrap();
        }
    }
}

#[test]
fn an_object_whose_commit_is_damaged_in_the_journal_is_refused_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(3);
    let mut rig = Rig::new(disk.clone());
    rig.tuning.checkpoint_delay = Duration::from_secs(3_600);
    // Its commit stays in the journal.
    rig.tuning.stop_time = Duration::ZERO;
    let (server, watch) = rig.start(folder.path());
    let damaged = Count::default();
    let mut client = server.connect("/damaged/socket");
    damaged.write(&mut client, 10).unwrap();
    watch.wait_for("stop");
    drop((client, server));
    let segment = disk.paths().into_iter().find(|path| path.to_str().unwrap().ends_with(".log")).unwrap();
    disk.flip(&segment, 2_000, 1);
    for _ in 0..4 {
        let (server, _watch) = rig.start(folder.path());
        let refusal = read(&server, "damaged").unwrap_err();
        assert!(refusal.contains("is damaged") && refusal.contains(".log"), "{refusal}");
        let other = Count::default();
        let mut client = server.connect("/other/socket");
        // Until the journal has forgotten what it knew.
        other.set(1_000..=1_000);
        while disk.paths().contains(&segment) {
            other.write(&mut client, 5_000).unwrap();
        }
        drop(client);
    }
}
