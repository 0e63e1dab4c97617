//! `cargo xtask sim`: seeded schedules of a whole object, thousands a second, until one breaks a rule.
//!
//! A seed is the whole schedule: `cargo xtask sim SEED` replays one exactly, and prints what happened in it.

use std::fmt::Display;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZero;
use std::ops::AddAssign;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use dormouse_object::sim::{self, Report};

use crate::shell;

const USAGE: &str = "usage: cargo xtask sim [SEED] [--schedules N] [--seconds S]";

/// Schedules of a run that is not told how many.
const SCHEDULES: u64 = 10_000;
/// More schedules than this are worth an optimised build.
const SCHEDULES_DEBUG_MAX: u64 = 20_000;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    seed: Option<u64>,
    schedules: Option<u64>,
    seconds: Option<u64>,
}

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let options = Options::parse(args)?;
    if options.is_long() && cfg!(debug_assertions) {
        return shell::run(&format!("cargo run --quiet --release --package xtask -- sim {}", args.join(" ")));
    }
    match options {
        Options { seed: Some(seed), schedules: None, seconds: None } => replay(seed),
        Options { seed, schedules, seconds } => {
            let count = schedules.unwrap_or(if seconds.is_some() { u64::MAX } else { SCHEDULES });
            let time = seconds.map_or(Duration::MAX, Duration::from_secs);
            let base = seed.unwrap_or_else(random_seed);
            search(Bounds { base, count, time }, schedule)
        }
    }
}

/// Runs `count` schedules, those of `base` and of the seeds that follow it.
///
/// # Errors
///
/// A schedule that breaks a rule; the error holds its seed and the command that replays it.
pub(crate) fn explore(base: u64, count: u64) -> Result<()> {
    search(Bounds { base, count, time: Duration::MAX }, schedule)
}

/// A seed that no run has had before.
pub(crate) fn random_seed() -> u64 {
    // Short enough to be read out.
    RandomState::new().hash_one(std::process::id()) >> 16
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (place, number) = match *arg {
                "--schedules" => (&mut options.schedules, args.next().context(USAGE)?),
                "--seconds" => (&mut options.seconds, args.next().context(USAGE)?),
                _ => (&mut options.seed, arg),
            };
            *place = Some(number.parse().with_context(|| format!("`{number}` is not a number; {USAGE}"))?);
        }
        Ok(options)
    }

    fn is_long(&self) -> bool {
        self.seconds.is_some() || self.schedules.is_some_and(|count| count > SCHEDULES_DEBUG_MAX)
    }
}

fn schedule(seed: u64) -> Result<Report, String> {
    sim::run(seed).map_err(|violation| violation.to_string())
}

fn replay(seed: u64) -> Result<()> {
    let (trace, outcome) = sim::replay(seed);
    for line in trace {
        println!("{line}");
    }
    let report = outcome
        .map_err(|violation| anyhow!("seed {seed} breaks a rule in step {}: {}", violation.step, violation.what))?;
    println!("{report}");
    println!("sim: seed {seed} keeps the rules");
    Ok(())
}

fn broken(seed: u64, violation: &str) -> anyhow::Error {
    anyhow!("seed {seed} breaks a rule: {violation}\nreplay it: cargo xtask sim {seed}")
}

/// What a search is given.
#[derive(Clone, Copy)]
struct Bounds {
    /// The first seed; the others follow it.
    base: u64,
    /// How many schedules to run.
    count: u64,
    /// When to stop even so.
    time: Duration,
}

/// Runs schedules on every core until the bounds are met or one breaks a rule.
fn search<R>(bounds: Bounds, schedule: impl Fn(u64) -> Result<R, String> + Sync) -> Result<()>
where
    R: Default + AddAssign + Display + Send,
{
    println!("sim: from seed {}", bounds.base);
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let violation = Mutex::new(None);
    let work = || {
        let (mut ran, mut report) = (0, R::default());
        while started.elapsed() < bounds.time {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= bounds.count {
                break;
            }
            let seed = bounds.base.wrapping_add(index);
            match schedule(seed) {
                Ok(one) => report += one,
                Err(text) => {
                    // The other threads find nothing left to do.
                    next.store(bounds.count, Ordering::Relaxed);
                    *violation.lock().expect("no thread panics with the lock") = Some((seed, text));
                    break;
                }
            }
            ran += 1;
        }
        (ran, report)
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let parts: Vec<(u64, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a schedule that panics is caught")).collect()
    });
    let (mut ran, mut report) = (0, R::default());
    for (part_ran, part) in parts {
        ran += part_ran;
        report += part;
    }
    println!("{report}");
    let per_second = ran as f64 / started.elapsed().as_secs_f64();
    println!("sim: {ran} schedules on {cores} threads, {per_second:.0} a second");
    match violation.into_inner().expect("no thread panics with the lock") {
        Some((seed, text)) => Err(broken(seed, &text)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { base: 100, count: 50, time: Duration::MAX };

    #[test]
    fn every_seed_runs_once() {
        let seen = Mutex::new(Vec::new());
        search(BOUNDS, |seed| {
            seen.lock().unwrap().push(seed);
            Ok(1_u64)
        })
        .unwrap();
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (100..150).collect::<Vec<_>>());
    }

    #[test]
    fn a_violation_is_reported_with_the_command_that_replays_it() {
        let schedule = |seed| if seed == 117 { Err("two guests at once".to_owned()) } else { Ok(1_u64) };
        let error = search(BOUNDS, schedule).unwrap_err().to_string();
        assert_eq!(error, "seed 117 breaks a rule: two guests at once\nreplay it: cargo xtask sim 117");
    }

    #[test]
    fn arguments_are_read() {
        let parsed = |args: &[&str]| Options::parse(args).map_err(|error| error.to_string());
        let options = |seed, schedules, seconds| Ok(Options { seed, schedules, seconds });
        assert_eq!(parsed(&[]), options(None, None, None));
        assert_eq!(parsed(&["7"]), options(Some(7), None, None));
        assert_eq!(parsed(&["--schedules", "5", "7", "--seconds", "9"]), options(Some(7), Some(5), Some(9)));
        assert_eq!(parsed(&["--seconds"]), Err(USAGE.to_owned()));
        assert_eq!(parsed(&["x"]), Err(format!("`x` is not a number; {USAGE}")));
    }
}
