//! Power loss: at any moment, everything that was answered is on the disk, and nothing is there by half.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dormouse_storage::file::sim::{Loss, SimDisk};

use crate::guest::application;
use crate::node::Server;
use crate::rig::SEGMENT_LEN;

const OBJECTS: usize = 6;
/// Values are times of alarms that nobody lives to see.
const FIRST: u64 = 90_000_000_000_000;

fn start(disk: &SimDisk, data: &Path) -> Server {
    let (application, _watch) = application();
    Server::with(application, |options| {
        options.storage.data = Some(data.to_owned());
        options.storage.files = Arc::new(disk.clone());
        options.storage.tuning.segment_len = SEGMENT_LEN;
        options.object.hibernate_after = Some(Duration::ZERO);
    })
}

/// How far the client of each object has come.
#[derive(Default)]
struct Progress {
    asked: [AtomicU64; OBJECTS],
    answered: [AtomicU64; OBJECTS],
}

impl Progress {
    fn read(counters: &[AtomicU64; OBJECTS]) -> [u64; OBJECTS] {
        std::array::from_fn(|object| counters[object].load(Ordering::SeqCst))
    }
}

/// What `cargo xtask soak` asks for.
fn soak(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}

#[test]
fn what_was_answered_survives_a_power_loss_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let base = soak("DORMOUSE_SOAK_SEED").unwrap_or(1);
    let losses = soak("DORMOUSE_SOAK_LOSSES").unwrap_or(30);
    let disk = SimDisk::new(base);
    let server = start(&disk, folder.path());
    let progress = Progress::default();
    let stops = AtomicBool::new(false);
    let mut images = Vec::new();
    std::thread::scope(|scope| {
        for object in 0..OBJECTS {
            let (server, progress, stops) = (&server, &progress, &stops);
            scope.spawn(move || {
                let mut client = server.connect(&format!("/o{object}/socket"));
                let mut value = FIRST;
                while !stops.load(Ordering::Relaxed) {
                    value += 1;
                    progress.asked[object].store(value, Ordering::SeqCst);
                    client.send(&format!("set {value}"));
                    assert_eq!(client.next(), format!("set {value}"));
                    progress.answered[object].store(value, Ordering::SeqCst);
                }
            });
        }
        for loss in 0..losses {
            // At a moment of its own, and not before there is something to lose.
            let progress_of = |object: usize| progress.answered[object].load(Ordering::SeqCst).saturating_sub(FIRST);
            while (0..OBJECTS).map(progress_of).max().unwrap_or(0) < loss * 7 {
                std::thread::yield_now();
            }
            let answered = Progress::read(&progress.answered);
            let seed = base.wrapping_add(loss);
            // Every other time only the process dies: what nobody was told of is then still there, and is built on.
            let image = match loss % 2 {
                0 => disk.power_loss(seed),
                _ => disk.power_loss_of(Loss::Nothing, seed),
            };
            images.push((seed, image, answered, Progress::read(&progress.asked)));
        }
        stops.store(true, Ordering::Relaxed);
    });
    drop(server);
    for (seed, image, answered, asked) in images {
        let server = start(&image, folder.path());
        for object in 0..OBJECTS {
            let value = read(&server, object);
            let (least, most) = (answered[object], asked[object]);
            assert!((least..=most).contains(&value), "seed {seed}: {value}, not within {least}..={most}");
            assert_eq!(server.ask(&format!("/o{object}/set-alarm?{}", next(most))), (200, "set".into()), "seed {seed}");
        }
        // What comes after a crash is as safe as what came before it.
        let image = image.power_loss_of(Loss::Everything, seed);
        drop(server);
        let server = start(&image, folder.path());
        for (object, most) in asked.into_iter().enumerate() {
            assert_eq!(read(&server, object), next(most), "seed {seed}");
        }
    }
}

/// A value that was not asked for yet.
fn next(most: u64) -> u64 {
    most.max(FIRST) + 1
}

fn read(server: &Server, object: usize) -> u64 {
    let (_, text) = server.ask(&format!("/o{object}/alarm"));
    let value = text.strip_prefix("Some(").and_then(|text| text.strip_suffix(')'));
    value.map_or(0, |value| value.parse().unwrap())
}
