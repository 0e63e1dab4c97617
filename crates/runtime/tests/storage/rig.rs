//! A node over a disk of the test's, what its clients were told, and whether it is true.
//!
//! Each object keeps one number in three places, written in one turn; clients count it up. So an answer that is lost
//! shows as a number that is too small, half a transaction as three numbers that differ.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dormouse_runtime::node::Options;
use dormouse_runtime::store::{Durability, Tuning};
use dormouse_storage::file::FileSystem;

use crate::guest::{Watch, application};
use crate::node::{Client, Server};

/// Bytes that go with a number, beside itself: a page, several, and too many for the journal.
pub(crate) const LENS: [usize; 3] = [10, 5_000, 40_000];

/// Bytes of a segment of the journal where it does not matter: a disk in memory is slow to fill a real one.
pub(crate) const SEGMENT_LEN: u64 = 1 << 20;

/// Everything happens soon: logs are long after a few commits, segments full after a few groups.
pub(crate) const TINY: Tuning = Tuning {
    wal_len_max: 60_000,
    wal_len_with_cursors_max: 200_000,
    commit_len_max: 70_000,
    record_data_len_max: 5_000,
    segment_len: 50_000,
    segments_max: 4,
    segments_stuck_max: 12,
    segments_kept: 1,
    settle_delay: Duration::from_millis(2),
    registry_delay: Duration::from_millis(4),
    checkpoint_delay: Duration::from_millis(3),
    stop_time: Duration::from_millis(20),
};

/// How a node is started.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) files: Arc<dyn FileSystem>,
    pub(crate) durability: Durability,
    pub(crate) tuning: Tuning,
    pub(crate) hibernate_after: Option<Duration>,
}

impl Rig {
    /// Objects that sleep as soon as they can, on a disk.
    pub(crate) fn new(files: impl FileSystem) -> Self {
        Self {
            files: Arc::new(files),
            durability: Durability::Strict,
            tuning: TINY,
            hibernate_after: Some(Duration::ZERO),
        }
    }

    /// The same on another disk.
    pub(crate) fn on(&self, files: impl FileSystem) -> Self {
        Self { files: Arc::new(files), ..self.clone() }
    }

    pub(crate) fn start(&self, data: &Path) -> (Server, Watch) {
        self.try_start(data).unwrap()
    }

    pub(crate) fn try_start(&self, data: &Path) -> std::io::Result<(Server, Watch)> {
        let (application, watch) = application();
        let server = Server::try_with(application, |options: &mut Options| {
            options.storage.data = Some(data.to_owned());
            options.storage.files = self.files.clone();
            options.storage.durability = self.durability;
            options.storage.tuning = self.tuning;
            options.object.hibernate_after = self.hibernate_after;
        })?;
        Ok((server, watch))
    }
}

/// What an object was asked to write, and what somebody was told that it has.
#[derive(Debug, Default)]
pub(crate) struct Count {
    asked: AtomicU64,
    told: AtomicU64,
}

impl Count {
    pub(crate) fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Only this is known from now on.
    pub(crate) fn set(&self, range: RangeInclusive<u64>) {
        self.told.store(*range.start(), Ordering::SeqCst);
        self.asked.store(*range.end(), Ordering::SeqCst);
    }

    /// The number that is written next.
    fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Writes the next number by way of a socket. When that was not answered: what came instead.
    pub(crate) fn write(&self, client: &mut Client, len: usize) -> Result<(), String> {
        let number = self.ask();
        let text = format!("trio {number} {len}");
        if !client.try_send(&text) {
            return Err("broken off".to_owned());
        }
        match client.try_next() {
            Ok(answer) if answer == text => {
                self.told.store(number, Ordering::SeqCst);
                Ok(())
            }
            Ok(other) => Err(other),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads the number: it is what it must be, and known from now on. When it cannot be read: why.
    pub(crate) fn check(&self, server: &Server, name: &str, case: &str) -> Result<u64, String> {
        let text = read(server, name)?;
        let numbers: Vec<u64> = text.split(' ').map(|number| number.parse().unwrap_or(0)).collect();
        let [a, b, alarm] = *numbers else { panic!("{case}: {name} answers {text:?}") };
        assert!(a == b && b == alarm, "{case}: {name} has half of a transaction: {text}");
        let (told, asked) = (self.told(), self.asked());
        assert!((told..=asked).contains(&a), "{case}: {name} has {a}, not one of {told}..={asked}");
        self.set(a..=a);
        Ok(a)
    }
}

/// What an object answers that is asked for its number.
pub(crate) fn read(server: &Server, name: &str) -> Result<String, String> {
    let request = http::Request::builder().uri(format!("/{name}/do?trio")).header("host", "example.com");
    let answer = server.fetch(request.body(dormouse_runtime::body::Body::empty()).unwrap());
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.head.status.as_u16() {
        200 => Ok(answer.text()),
        _ => Err(answer.text()),
    }
}

/// The objects of a node under load, and their clients.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) counts: Vec<Count>,
    stops: AtomicBool,
    answers: AtomicU64,
}

impl Load {
    pub(crate) fn new(objects: usize) -> Self {
        let counts = (0..objects).map(|_| Count::default()).collect();
        Self { counts, stops: AtomicBool::new(false), answers: AtomicU64::new(0) }
    }

    pub(crate) fn name(object: usize) -> String {
        format!("o{object}")
    }

    /// Lets a client for each object write as fast as it can, while `watch` looks on.
    pub(crate) fn run<T>(&self, server: &Server, lens: &[usize], watch: impl FnOnce() -> T) -> T {
        self.stops.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for object in 0..self.counts.len() {
                scope.spawn(move || self.write(server, object, lens));
            }
            let result = watch();
            self.stop();
            result
        })
    }

    fn write(&self, server: &Server, object: usize, lens: &[usize]) {
        let mut client = server.connect(&format!("/{}/socket", Self::name(object)));
        for turn in object.. {
            if self.stops.load(Ordering::SeqCst) {
                return;
            }
            match self.counts[object].write(&mut client, lens[turn * 7 / 5 % lens.len()]) {
                Ok(()) => {}
                // The process was killed.
                Err(_) if self.stops.load(Ordering::SeqCst) => return,
                Err(error) => panic!("a write failed on a disk that did not: {error}"),
            }
            self.answers.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits for more answers.
    pub(crate) fn wait_for(&self, more: u64) {
        let wanted = self.answers.load(Ordering::SeqCst) + more;
        while self.answers.load(Ordering::SeqCst) < wanted && !self.stops.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    /// Ends the load; clients that hear of errors from now on do not mind.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::SeqCst);
    }

    /// What must be there at least of what is on the disk at this moment.
    pub(crate) fn told(&self) -> Vec<u64> {
        self.counts.iter().map(Count::told).collect()
    }

    /// What can be there at most of what was on the disk before.
    pub(crate) fn asked(&self) -> Vec<u64> {
        self.counts.iter().map(Count::asked).collect()
    }

    pub(crate) fn set(&self, told: &[u64], asked: &[u64]) {
        for ((count, told), asked) in self.counts.iter().zip(told).zip(asked) {
            count.set(*told..=*asked);
        }
    }

    /// Reads all objects: none may be refused.
    pub(crate) fn check(&self, server: &Server, case: &str) {
        for (object, count) in self.counts.iter().enumerate() {
            let name = Self::name(object);
            if let Err(error) = count.check(server, &name, case) {
                panic!("{case}: {name} is refused: {error}");
            }
        }
    }
}

/// Numbers that follow from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below a bound (splitmix64).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}
