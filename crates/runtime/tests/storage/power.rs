//! Power loss: at any moment, everything that was answered is on the disk, and nothing is there by half.

use std::time::{Duration, Instant};

use dormouse_storage::file::sim::{Fault, SimDisk};

use crate::rig::{LENS, Load, Random, Rig};
use crate::seeds::seeds;

const OBJECTS: usize = 4;
const GENERATIONS: u64 = 8;

#[test]
fn what_was_answered_survives_power_losses_at_any_moment() {
    for seed in seeds(8) {
        generations(seed);
    }
}

/// One node after the other, each on what a power loss has left of the disk of the one before.
fn generations(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let mut disk = SimDisk::new(seed);
    let load = Load::new(OBJECTS);
    for generation in 0..GENERATIONS {
        let case = format!("seed {seed}, generation {generation}");
        let mut rig = Rig::new(disk.clone());
        rig.hibernate_after = random.one_of(&[Some(Duration::ZERO), Some(Duration::from_millis(5)), None]);
        let lens = random.one_of(&[&LENS[..1], &LENS[1..2], &LENS[..2], &LENS[..]]);
        if random.below(3) == 0 {
            // The power goes once more, while the node starts or soon after.
            disk.fail_at(1 + random.below(60), Fault::POWER_OFF);
            drop(rig.try_start(folder.path()));
            disk = disk.power_loss(random.below(u64::MAX));
            rig = rig.on(disk.clone());
        }
        let (server, _watch) = rig.start(folder.path());
        if random.below(2) == 0 {
            load.check(&server, &case);
        }
        let (image, told, asked) = load.run(&server, lens, || {
            load.wait_for(random.below(80));
            let moment = Instant::now() + Duration::from_micros(random.below(3_000));
            while Instant::now() < moment {
                std::thread::yield_now();
            }
            let told = load.told();
            (disk.power_loss(random.below(u64::MAX)), told, load.asked())
        });
        drop(server);
        load.set(&told, &asked);
        disk = image;
    }
    let (server, _watch) = Rig::new(disk).start(folder.path());
    load.check(&server, &format!("seed {seed}, at the end"));
}
