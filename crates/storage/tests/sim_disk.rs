//! The simulated disk: that it is a disk, and what it takes and keeps when the power goes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use dormouse_storage::file::sim::{Fault, Loss, SimDisk};
use dormouse_storage::file::{Disk, File, FileSystem, Open};

const FOLDER: &str = "/data";
const SECTOR: usize = 512;

fn disk() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_dir(Path::new(FOLDER)).expect("no fault is planned");
    disk.sync_dir(Path::new("/")).expect("no fault is planned");
    disk
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// A file whose name and bytes are durable.
fn durable(disk: &SimDisk, name: &str, bytes: &[u8]) -> Box<dyn File> {
    let file = disk.open(&path(name), Open::OrCreate).expect("no fault is planned");
    file.write_at(bytes, 0).expect("no fault is planned");
    file.sync().expect("no fault is planned");
    disk.sync_dir(Path::new(FOLDER)).expect("no fault is planned");
    file
}

/// Everything that a file may hold after a power loss, in a number of tries.
fn outcomes(disk: &SimDisk, loss: impl Fn(u64) -> SimDisk, name: &str) -> BTreeSet<Option<Vec<u8>>> {
    assert!(disk.contents(&path(name)).is_some());
    (0..400).map(|seed| loss(seed).contents(&path(name))).collect()
}

fn sectors(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [*byte; SECTOR]).collect()
}

#[test]
fn a_file_needs_its_own_sync_and_that_of_its_folder() {
    let disk = disk();
    let file = disk.open(&path("a"), Open::OrCreate).unwrap();
    file.write_at(b"bytes", 0).unwrap();
    file.sync().unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).contents(&path("a")), None);
    disk.sync_dir(Path::new(FOLDER)).unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).contents(&path("a")), Some(b"bytes".to_vec()));

    let file = disk.open(&path("b"), Open::OrCreate).unwrap();
    file.write_at(b"bytes", 0).unwrap();
    disk.sync_dir(Path::new(FOLDER)).unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).contents(&path("b")), Some(Vec::new()));
    assert_eq!(disk.power_loss_of(Loss::Nothing, 0).contents(&path("b")), Some(b"bytes".to_vec()));
}

#[test]
fn a_folder_is_gone_with_all_that_is_in_it_until_the_one_above_is_synced() {
    let disk = disk();
    disk.create_dir(&path("in/side")).unwrap();
    let file = disk.open(&path("in/side/a"), Open::OrCreate).unwrap();
    file.sync().unwrap();
    disk.sync_dir(&path("in/side")).unwrap();
    disk.sync_dir(&path("in")).unwrap();
    assert!(disk.power_loss_of(Loss::Everything, 0).paths().is_empty());
    disk.sync_dir(Path::new(FOLDER)).unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).paths(), [path("in/side/a")]);
}

#[test]
fn unsynced_sectors_survive_in_any_combination_and_never_in_part() {
    let disk = disk();
    let file = durable(&disk, "a", &sectors(b"000"));
    file.write_at(&sectors(b"111"), 0).unwrap();
    file.write_at(&sectors(b"2"), SECTOR as u64).unwrap();
    let any = outcomes(&disk, |seed| disk.power_loss_of(Loss::Some, seed), "a");
    let expected: BTreeSet<_> = [b"0", b"1"]
        .iter()
        .flat_map(|a| [b"0", b"1", b"2"].map(|b| [b"0", b"1"].map(|c| Some(sectors(&[a[0], b[0], c[0]])))))
        .flatten()
        .collect();
    assert_eq!(any, expected);
    let in_order = outcomes(&disk, |seed| disk.power_loss_of(Loss::Since, seed), "a");
    let expected = [b"000", b"100", b"110", b"111", b"121"].map(|bytes| Some(sectors(bytes)));
    assert_eq!(in_order, BTreeSet::from(expected));
    let either = outcomes(&disk, |seed| disk.power_loss(seed), "a");
    assert_eq!(either, any, "a loss of a kind that is drawn");
}

#[test]
fn a_length_and_the_bytes_behind_it_survive_independently_and_lost_bytes_are_zeros() {
    let disk = disk();
    let file = durable(&disk, "a", b"");
    file.write_at(&sectors(b"12"), 0).unwrap();
    let found = outcomes(&disk, |seed| disk.power_loss_of(Loss::Some, seed), "a");
    let expected = [&b""[..], b"\0\0", b"1\0", b"\x002", b"12"].map(|bytes| Some(sectors(bytes)));
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn a_cut_may_be_lost_without_what_was_written_after_it() {
    let disk = disk();
    let file = durable(&disk, "a", &sectors(b"000"));
    file.set_len(0).unwrap();
    file.write_at(&sectors(b"1"), 0).unwrap();
    let found = outcomes(&disk, |seed| disk.power_loss_of(Loss::Some, seed), "a");
    for expected in [&b"000"[..], b"", b"1", b"100"] {
        assert!(found.contains(&Some(sectors(expected))), "{expected:?}");
    }
    file.sync().unwrap();
    assert_eq!(outcomes(&disk, |seed| disk.power_loss(seed), "a"), BTreeSet::from([Some(sectors(b"1"))]));
}

#[test]
fn a_rename_happens_whole_or_not_and_its_file_may_be_empty() {
    let disk = disk();
    durable(&disk, "old", b"old");
    let file = disk.open(&path("new"), Open::OrCreate).unwrap();
    file.write_at(b"new", 0).unwrap();
    disk.rename(&path("new"), &path("old")).unwrap();
    assert_eq!(disk.contents(&path("old")), Some(b"new".to_vec()));
    assert_eq!(disk.contents(&path("new")), None);
    let found = outcomes(&disk, |seed| disk.power_loss_of(Loss::Some, seed), "old");
    for expected in [&b"old"[..], b"", b"new"] {
        assert!(found.contains(&Some(expected.to_vec())), "{expected:?}");
    }
    for seed in 0..100 {
        let after = disk.power_loss(seed);
        assert!(after.contents(&path("old")).is_some());
        let both = after.paths().len() == 2;
        assert!(!both || after.contents(&path("old")) == Some(b"old".to_vec()), "seed {seed}");
    }
    disk.sync_dir(Path::new(FOLDER)).unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).paths(), [path("old")]);
}

#[test]
fn a_removed_name_may_come_back_until_its_folder_is_synced() {
    let disk = disk();
    durable(&disk, "a", b"bytes");
    disk.remove(&path("a")).unwrap();
    disk.remove(&path("a")).unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).contents(&path("a")), Some(b"bytes".to_vec()));
    disk.sync_dir(Path::new(FOLDER)).unwrap();
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).contents(&path("a")), None);
}

#[test]
fn a_failed_sync_loses_bytes_for_good_that_are_read_until_the_power_goes() {
    let mut lost = 0;
    for seed in 0..50 {
        let disk = SimDisk::new(seed);
        disk.create_dir(Path::new(FOLDER)).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let file = durable(&disk, "a", &sectors(b"0"));
        file.write_at(&sectors(b"11"), 0).unwrap();
        disk.fail_at(1, Fault::IO);
        assert_eq!(file.sync().unwrap_err().to_string(), io::Error::from_raw_os_error(5).to_string());
        assert_eq!(disk.contents(&path("a")), Some(sectors(b"11")));
        file.sync().unwrap();
        let after = disk.power_loss(seed).contents(&path("a")).unwrap();
        assert_eq!(after.len(), 2 * SECTOR, "a length is not lost");
        lost += u32::from(after != sectors(b"11"));
        file.write_at(b"1", 0).unwrap();
        file.write_at(b"1", SECTOR as u64).unwrap();
        file.sync().unwrap();
        assert_eq!(disk.power_loss(seed).contents(&path("a")), Some(sectors(b"11")), "written anew");
    }
    assert!((10..50).contains(&lost), "{lost} of 50");
}

#[test]
fn the_nth_operation_fails_once_or_from_then_on() {
    let disk = disk();
    let file = durable(&disk, "a", b"");
    disk.fail_at(2, Fault::IO.after_writing(2));
    file.write_at(b"abcd", 0).unwrap();
    assert!(file.write_at(b"efgh", 0).is_err());
    assert_eq!(disk.contents(&path("a")), Some(b"efcd".to_vec()));
    file.write_at(b"i", 0).unwrap();
    assert_eq!(disk.failed(), 1);

    disk.fail_at(1, Fault::FULL.lasting());
    for _ in 0..2 {
        assert_eq!(file.write_at(b"x", 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(disk.rename(&path("a"), &path("b")).is_err());
        assert!(file.set_len(0).is_err());
        assert!(disk.remove(&path("a")).is_err());
        assert!(disk.sync_dir(Path::new(FOLDER)).is_err());
        assert!(disk.open(&path("c"), Open::OrCreate).is_err());
    }
    let mut buffer = [0; 4];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 4);
    assert_eq!(&buffer, b"ifcd", "nothing of it has happened");

    disk.fail_read_at(2, Fault::IO);
    assert_eq!(file.len().unwrap(), 4);
    assert!(file.read_at(&mut buffer, 0).is_err());
    disk.heal();
    file.set_len(1).unwrap();
    assert_eq!(disk.failed(), 0);
    assert_eq!(disk.contents(&path("a")), Some(b"i".to_vec()));
}

#[test]
fn when_the_power_is_off_nothing_changes_any_more_and_what_was_unsynced_may_still_survive() {
    let disk = disk();
    let file = durable(&disk, "a", &sectors(b"0"));
    file.write_at(&sectors(b"1"), 0).unwrap();
    disk.fail_at(1, Fault::POWER_OFF);
    assert!(file.sync().is_err());
    assert!(file.write_at(b"2", 0).is_err());
    assert!(file.len().is_err());
    let expected = [b"0", b"1"].map(|bytes| Some(sectors(bytes)));
    assert_eq!(outcomes(&disk, |seed| disk.power_loss(seed), "a"), BTreeSet::from(expected));
    let after = disk.power_loss(0);
    after.open(&path("a"), Open::Existing).unwrap().write_at(b"2", 0).unwrap();
}

#[test]
fn a_full_disk_takes_what_fits_and_more_when_it_has_grown() {
    let disk = disk();
    let file = durable(&disk, "a", &sectors(b"0"));
    disk.set_capacity(Some(disk.used() + SECTOR as u64));
    file.write_at(&sectors(b"1"), 0).unwrap();
    file.set_len(1 << 40).unwrap();
    file.set_len(SECTOR as u64).unwrap();
    let full = file.write_at(&sectors(b"222"), 0).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(disk.contents(&path("a")), Some(sectors(b"22")));
    disk.set_capacity(Some(disk.used() + SECTOR as u64));
    file.write_at(&sectors(b"333"), 0).unwrap();
    assert!(file.write_at(b"4", 3 * SECTOR as u64).is_err());
    disk.remove(&path("a")).unwrap();
    assert_eq!(disk.used(), 0);
}

#[test]
fn a_flipped_bit_is_read_and_survives() {
    let disk = disk();
    let file = durable(&disk, "a", b"abc");
    file.write_at(b"d", 0).unwrap();
    disk.flip(&path("a"), 1, 0);
    assert_eq!(disk.contents(&path("a")), Some(b"dcc".to_vec()));
    assert_eq!(disk.power_loss_of(Loss::Everything, 0).contents(&path("a")), Some(b"acc".to_vec()));
    assert_eq!(disk.power_loss_of(Loss::Nothing, 0).contents(&path("a")), Some(b"dcc".to_vec()));
}

#[test]
fn what_was_done_is_counted_and_told() {
    let disk = disk();
    let before = disk.counters();
    let file = durable(&disk, "a", b"abc");
    file.read_at(&mut [0], 0).unwrap();
    let counted = disk.counters().since(before);
    assert_eq!((counted.writes, counted.bytes_written, counted.syncs, counted.dir_syncs), (1, 3, 1, 1));
    assert_eq!((counted.changes, counted.reads, counted.questions), (4, 1, 1));
    disk.fail_at(1, Fault::IO);
    file.sync().unwrap_err();
    let log = disk.power_loss(3).to_string();
    let last: Vec<&str> = log.lines().rev().take(3).map(str::trim).collect();
    assert!(last[0].starts_with("power loss") && last[0].ends_with("seed 3"), "{log}");
    assert_eq!(last[1], format!("{} Sync /data/a FAILED", disk.counters().changes));
    assert!(last[2].ends_with("Read /data/a 0+1"), "{log}");
}

/// Does the same with both disks and compares what they say. An error has to be one on both.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, seed: u64, left: io::Result<T>, right: io::Result<T>) -> Option<T> {
    match (left, right) {
        (Ok(left), Ok(right)) => {
            assert_eq!(left, right, "{what}, seed {seed}");
            Some(left)
        }
        (Err(left), Err(right)) => {
            assert_eq!(left.kind(), right.kind(), "{what}, seed {seed}");
            None
        }
        (left, right) => panic!("{what}, seed {seed}: {left:?} and {right:?}"),
    }
}

#[test]
fn without_faults_it_does_what_a_real_disk_does() {
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let sim = SimDisk::new(seed);
        sim.create_dir(root).unwrap();
        let mut state = seed;
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut open: Vec<(Box<dyn File>, Box<dyn File>)> = Vec::new();
        for step in 0..300 {
            let mut name = || root.join(["a", "b", "c", "in/a", "in/b"][draw(5) as usize]);
            let (from, to) = (name(), name());
            match draw(12) {
                0 | 1 => {
                    let mode = if draw(3) == 0 { Open::Existing } else { Open::OrCreate };
                    match (sim.open(&from, mode), Disk.open(&from, mode)) {
                        (Ok(left), Ok(right)) => open.push((left, right)),
                        (left, right) => _ = same("open", seed, left.map(drop), right.map(drop)),
                    }
                }
                2 => _ = same("exists", seed, sim.exists(&from), Disk.exists(&from)),
                3 => _ = same("remove", seed, sim.remove(&from), Disk.remove(&from)),
                4 => _ = same("rename", seed, sim.rename(&from, &to), Disk.rename(&from, &to)),
                5 if step > 50 => {
                    _ = same("folder", seed, sim.create_dir(&root.join("in")), Disk.create_dir(&root.join("in")))
                }
                6 => {
                    let sorted = |names: io::Result<Vec<String>>| names.map(BTreeSet::from_iter);
                    same("list", seed, sorted(sim.list(root)), sorted(Disk.list(root)));
                }
                7 => _ = same("sync", seed, sim.sync_dir(root), Disk.sync_dir(root)),
                _ if open.is_empty() => {}
                what => {
                    let at = draw(open.len() as u64) as usize;
                    let (left, right) = &open[at];
                    let bytes = vec![step as u8; draw(1_300) as usize];
                    let offset = draw(3_000);
                    match what {
                        8 => _ = same("cut", seed, left.set_len(offset), right.set_len(offset)),
                        9 => _ = same("sync", seed, left.sync(), right.sync()),
                        _ => _ = same("write", seed, left.write_at(&bytes, offset), right.write_at(&bytes, offset)),
                    }
                    let read = |file: &dyn File| {
                        let mut buffer = vec![9; bytes.len()];
                        file.read_at(&mut buffer, offset / 2).map(|read| (read, buffer, file.len().ok()))
                    };
                    same("read", seed, read(&**left), read(&**right));
                }
            }
        }
        let kept = sim.power_loss_of(Loss::Nothing, seed);
        for path in sim.paths() {
            assert_eq!(sim.contents(&path).unwrap(), std::fs::read(&path).unwrap(), "seed {seed}");
            assert_eq!(kept.contents(&path), sim.contents(&path), "seed {seed}");
        }
        assert_eq!(kept.paths(), sim.paths());
    }
}
