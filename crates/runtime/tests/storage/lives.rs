//! Processes that are killed and machines that lose power: at any moment, everything that was answered is on the disk, and
//! nothing is there by half.

use std::path::Path;
use std::time::{Duration, Instant};

use dormouse_runtime::store::{Durability, Tuning};
use dormouse_storage::file::sim::{Fault, SimDisk};

use crate::process::Process;
use crate::rig::{LENS, Load, Random, Rig, SEGMENT_LEN};
use crate::seeds::seeds;

const OBJECTS: usize = 4;
const GENERATIONS: u64 = 10;

/// What a life of a node ends with.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    PowerLoss,
    Stop,
}

#[test]
fn what_was_answered_survives_power_losses_and_kills_at_any_moment() {
    for seed in seeds(8) {
        lives(seed, Durability::Strict, &[End::Kill, End::PowerLoss, End::PowerLoss, End::Stop]);
    }
}

#[test]
fn what_was_answered_in_relaxed_mode_survives_kills_at_any_moment() {
    for seed in seeds(4) {
        lives(seed, Durability::Relaxed, &[End::Kill, End::Kill, End::Stop]);
    }
}

/// One node after the other, each on what has become of the disk of the one before.
fn lives(seed: u64, durability: Durability, ends: &[End]) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let mut disk = SimDisk::new(seed);
    let load = Load::new(OBJECTS);
    let mut case = format!("seed {seed}");
    for _ in 0..GENERATIONS {
        if durability == Durability::Strict && random.below(4) == 0 {
            // The power goes once more, while the node starts or soon after.
            let n = 1 + random.below(60);
            disk.fail_at(n, Fault::POWER_OFF);
            drop(Rig::new(disk.clone()).try_start(folder.path()));
            disk = disk.power_loss(random.below(u64::MAX));
            case += &format!(", off at {n}");
        }
        let end = random.one_of(ends);
        case += &format!(", {end:?}");
        disk = live(&disk, folder.path(), &load, &mut random, durability, end, &case);
    }
    let mut rig = Rig::new(disk);
    rig.durability = durability;
    let (server, _watch) = rig.start(folder.path());
    load.check(&server, &case);
}

/// One life of a node; what is left of the disk.
fn live(
    disk: &SimDisk,
    folder: &Path,
    load: &Load,
    random: &mut Random,
    durability: Durability,
    end: End,
    case: &str,
) -> SimDisk {
    let process = Process::new(disk);
    let mut rig = Rig::new(process.clone());
    rig.durability = durability;
    rig.hibernate_after = random.one_of(&[Some(Duration::ZERO), Some(Duration::from_millis(5)), None]);
    if random.below(4) == 0 {
        // The sizes and times that nobody makes tiny.
        rig.tuning = Tuning { segment_len: SEGMENT_LEN, ..Tuning::default() };
    }
    let lens = random.one_of(&[&LENS[..1], &LENS[1..2], &LENS[..2], &LENS[..]]);
    let (server, _watch) = rig.start(folder);
    if random.below(2) == 0 {
        load.check(&server, case);
    }
    let (answers, micros, loss) = (random.below(80), random.below(3_000), random.below(u64::MAX));
    let image = load.run(&server, lens, || {
        load.wait_for(answers);
        let moment = Instant::now() + Duration::from_micros(micros);
        while Instant::now() < moment {
            std::thread::yield_now();
        }
        match end {
            End::Stop => None,
            End::Kill => {
                load.stop();
                process.kill();
                None
            }
            End::PowerLoss => {
                let told = load.told();
                Some((disk.power_loss(loss), told, load.asked()))
            }
        }
    });
    drop(server);
    match image {
        None => disk.clone(),
        Some((image, told, asked)) => {
            load.set(&told, &asked);
            image
        }
    }
}
