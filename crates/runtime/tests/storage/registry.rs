//! The registry is damaged: it is made again from the objects' own files while they are served, and then says what it said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dormouse_runtime::operator::Objects;
use dormouse_storage::file::sim::{Fault, Loss, SimDisk};

use crate::node::Server;
use crate::rig::{Count, LENS, Rig};

/// Enough that the registry has several pages.
const OBJECTS: u64 = 150;
/// Those with an alarm.
const ALARMS: u64 = 50;
const PAGE_LEN: u64 = 4_096;
/// Times of alarms that nobody lives to see.
const NEVER: u64 = 90_000_000_000_000;

fn rig(disk: &SimDisk) -> Rig {
    let mut rig = Rig::new(disk.clone());
    rig.tuning.stop_time = Duration::from_secs(3_600);
    rig
}

fn registry(data: &Path) -> PathBuf {
    data.join("registry.sqlite")
}

/// A disk with objects, and what the registry says of them.
fn disk_with_objects(data: &Path, seed: u64) -> (SimDisk, BTreeSet<Said>) {
    let disk = SimDisk::new(seed);
    let (server, _watch) = rig(&disk).start(data);
    for object in 0..OBJECTS {
        let what = match object {
            0..ALARMS => format!("set-alarm?{}", NEVER + object),
            _ => "do?put+key+value".to_owned(),
        };
        assert_eq!(server.ask(&format!("/o{object}/{what}")).0, 200);
    }
    drop(server);
    let (server, _watch) = rig(&disk).start(data);
    let listed = list(&server).unwrap();
    assert_eq!(listed.len() as u64, OBJECTS);
    assert_eq!(listed.iter().filter(|(_, alarm)| alarm.is_some()).count() as u64, ALARMS);
    (disk, listed)
}

/// The name of an object, and when its alarm is due.
type Said = (Option<String>, Option<u64>);

/// What the registry says of all objects, unless it finds that it is damaged.
fn list(server: &Server) -> Option<BTreeSet<Said>> {
    let listed = Objects::of(server.handle()).unwrap().list(None, None, 1_000).ok()?;
    Some(listed.into_iter().map(|object| (object.name, object.alarm_ms)).collect())
}

/// Waits for something that comes.
fn wait_until(case: &str, mut has_come: impl FnMut() -> bool) {
    let began = Instant::now();
    while !has_come() {
        assert!(began.elapsed() < Duration::from_secs(60), "{case}");
        std::thread::yield_now();
    }
}

#[test]
fn whatever_page_is_damaged_the_registry_says_the_same_soon() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, listed) = disk_with_objects(folder.path(), 1);
    let pages = disk.contents(&registry(folder.path())).unwrap().len() as u64 / PAGE_LEN;
    assert!(pages > 5, "{pages}");
    for page in 0..pages {
        let disk = disk.power_loss_of(Loss::Nothing, page);
        disk.flip(&registry(folder.path()), page * PAGE_LEN + 1_000, 3);
        let (server, _watch) = rig(&disk).start(folder.path());
        wait_until(&format!("page {page}"), || list(&server).as_ref() == Some(&listed));
    }
}

#[test]
fn objects_that_are_in_use_tell_what_a_new_registry_must_know() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, mut listed) = disk_with_objects(folder.path(), 2);
    let mut rig = rig(&disk);
    // They stay in memory, and keep their files open.
    rig.hibernate_after = None;
    // All but what a start reads: the first page, and the roots of the indices of alarms and refusals.
    let pages = disk.contents(&registry(folder.path())).unwrap().len() as u64 / PAGE_LEN;
    (1..pages).filter(|page| ![2, 3].contains(page)).for_each(|page| {
        disk.flip(&registry(folder.path()), page * PAGE_LEN + 1_000, 3);
    });
    let (server, _watch) = rig.start(folder.path());
    for object in [0, 1, OBJECTS - 1] {
        assert_eq!(server.ask(&format!("/o{object}/alarm")).0, 200);
    }
    // Somebody new is entered, which shows the damage at the latest.
    assert_eq!(server.ask("/new/do?put+key+value").0, 200);
    listed.insert((Some("new".to_owned()), None));
    wait_until("all objects are listed", || list(&server).as_ref() == Some(&listed));
    let incomplete = folder.path().join("registry.incomplete");
    wait_until("it is complete", || !disk.paths().contains(&incomplete));
}

#[test]
fn a_new_registry_is_there_after_a_power_loss_when_the_journal_has_forgotten_what_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, mut listed) = disk_with_objects(folder.path(), 4);
    disk.flip(&registry(folder.path()), 1_000, 3);
    let (server, _watch) = rig(&disk).start(folder.path());
    assert_eq!(server.ask(&format!("/new/set-alarm?{NEVER}")).0, 200);
    listed.insert((Some("new".to_owned()), Some(NEVER)));
    let incomplete = folder.path().join("registry.incomplete");
    wait_until("it is complete", || !disk.paths().contains(&incomplete));
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    let segment = disk.paths().into_iter().find(is_segment).unwrap();
    let mut client = server.connect("/o149/socket");
    let count = Count::default();
    wait_until("the segment is gone", || {
        count.write(&mut client, LENS[1]).unwrap();
        !disk.paths().contains(&segment)
    });
    let image = disk.power_loss_of(Loss::Everything, 1);
    drop((client, server));
    let (server, _watch) = rig(&image).start(folder.path());
    listed.retain(|(name, _)| name.as_deref() != Some("o149"));
    wait_until("it says what it said", || {
        let mut now = list(&server).unwrap_or_default();
        now.retain(|(name, _)| name.as_deref() != Some("o149"));
        now == listed
    });
}

#[test]
fn the_power_goes_at_any_operation_of_making_a_registry_again() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, listed) = disk_with_objects(folder.path(), 3);
    let incomplete = folder.path().join("registry.incomplete");
    let mut n = 1;
    loop {
        let case = format!("operation {n}");
        let disk = disk.power_loss_of(Loss::Nothing, n);
        disk.flip(&registry(folder.path()), 1_000, 3);
        disk.fail_at(n, Fault::POWER_OFF);
        if let Ok((server, _watch)) = rig(&disk).try_start(folder.path()) {
            wait_until(&case, || disk.failed() > 0 || !disk.paths().contains(&incomplete));
            drop(server);
        }
        let is_over = disk.failed() == 0;
        let image = disk.power_loss(n);
        let (server, _watch) = rig(&image).start(folder.path());
        wait_until(&case, || list(&server).as_ref() == Some(&listed));
        if is_over {
            break;
        }
        n += 1;
    }
    assert!(n > 10, "only {n} operations");
}
