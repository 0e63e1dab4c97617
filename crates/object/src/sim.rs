//! The simulation: whole schedules of one object, each made from one seed, each checked in every step.
//!
//! A schedule is clients, a host and a guest that do random things to one object (`sim/world`) while a second
//! telling of the rules says what must come of it (`sim/model`). Time is a number, and nothing is random but the
//! seed: the same seed is the same schedule on every machine. [`run`] looks for a broken rule, [`replay`] tells
//! what happened; [`follow`] takes its choices from a fuzzer instead. `docs/simulation.md` lists what is checked, and
//! faults that were seen to be caught.
//!
//! Not here: frames, storage, threads. They have their own checks in the crates that own them.

mod world;
mod model;
mod swarm;
mod limits;
mod report;
mod random;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use report::{Counter, Report};

use crate::sim::model::Broken;
use crate::sim::random::Random;
use crate::sim::world::World;

/// Lines of a trace that a violation shows.
const TRACE_SHOWN_MAX: usize = 80;

/// A rule that was broken in a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The schedule; none when it was made of other choices.
    pub seed: Option<u64>,
    /// The step of the schedule in which it came out.
    pub step: u32,
    /// What was wrong.
    pub what: String,
    /// What had happened until then.
    pub trace: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (in step {})", self.what, self.step)?;
        let hidden = self.trace.len().saturating_sub(TRACE_SHOWN_MAX);
        if hidden > 0 {
            write!(f, "\n  … {hidden} lines before")?;
        }
        self.trace[hidden..].iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Violation {}

/// What is known of a schedule while it runs, and survives a panic in it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) step: u32,
    /// The trace, if one is kept.
    pub(crate) lines: Option<Vec<String>>,
}

/// Runs the schedule of a seed.
///
/// # Errors
///
/// The rule that was broken, with a trace of all that happened before.
pub fn run(seed: u64) -> Result<Report, Violation> {
    match attempt(seed, &mut Log::default()) {
        Ok(report) => Ok(report),
        // Once more, with a trace; it cannot end otherwise.
        Err(_) => replay(seed).1,
    }
}

/// Runs the schedule of a seed and tells what happened, and how it ended.
pub fn replay(seed: u64) -> (Vec<String>, Result<Report, Violation>) {
    let mut log = Log { step: 0, lines: Some(Vec::new()) };
    let outcome = attempt(seed, &mut log);
    let trace = log.lines.take().unwrap_or_default();
    let outcome =
        outcome.map_err(|Broken(what)| Violation { seed: Some(seed), step: log.step, what, trace: trace.clone() });
    (trace, outcome)
}

/// Runs the schedule whose choices are these bytes, from its weights on. When they are used up it goes on by itself, so it
/// always comes to rest.
///
/// # Errors
///
/// The rule that was broken, with a trace of all that happened before.
pub fn follow(choices: &[u8]) -> Result<Report, Violation> {
    let mut log = Log { step: 0, lines: None };
    if let Ok(report) = attempt_with(Random::after(choices, 0), None, &mut log) {
        return Ok(report);
    }
    // Once more, with a trace; it cannot end otherwise.
    log = Log { step: 0, lines: Some(Vec::new()) };
    let outcome = attempt_with(Random::after(choices, 0), None, &mut log);
    let trace = log.lines.take().unwrap_or_default();
    outcome.map_err(|Broken(what)| Violation { seed: None, step: log.step, what, trace })
}

fn attempt(seed: u64, log: &mut Log) -> Result<Report, Broken> {
    attempt_with(Random::new(seed), Some(seed), log)
}

fn attempt_with(random: Random, seed: Option<u64>, log: &mut Log) -> Result<Report, Broken> {
    let schedule = AssertUnwindSafe(|| {
        let mut world = World::new(random, log);
        if let Some(seed) = seed {
            limits::approach(seed, &mut world)?;
        }
        world.run()
    });
    catch_unwind(schedule).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(Broken(format!("a panic: {text}")))
    })
}

#[cfg(test)]
mod tests {
    use super::{Counter, Report, Violation, follow, limits, replay, run};

    fn explore(seeds: impl IntoIterator<Item = u64>) -> Report {
        let mut report = Report::default();
        for seed in seeds {
            match run(seed) {
                Ok(one) => report.merge(&one),
                Err(violation) => panic!("seed {seed}: {violation}"),
            }
        }
        report
    }

    #[test]
    fn schedules_keep_the_rules_and_reach_everything() {
        let near_limits = [
            Counter::Limits,
            Counter::Overloads,
            Counter::SocketsFull,
            Counter::TasksFull,
            Counter::OutboxLenFull,
            Counter::OutboxBytesFull,
            Counter::BroadcastsRefused,
        ];
        let report = explore(0..3_000);
        for counter in Counter::ALL {
            assert!(report.get(*counter) > 0 || near_limits.contains(counter), "{}: never", counter.text());
        }
    }

    #[test]
    fn schedules_near_limits_keep_the_rules_and_meet_the_limits() {
        let report = explore((0..25).map(|number| number * limits::EVERY + limits::EVERY / 2));
        for counter in [Counter::Overloads, Counter::SocketsFull, Counter::TasksFull] {
            assert!(report.get(counter) > 0, "{}: never", counter.text());
        }
        assert!(report.get(Counter::BroadcastsRefused) > 0, "no broadcast is refused");
        assert!(report.get(Counter::OutboxLenFull) > 0 && report.get(Counter::OutboxBytesFull) > 0);
    }

    #[test]
    fn a_seed_is_a_schedule() {
        for seed in [1, 2, 3, u64::MAX] {
            let (trace, outcome) = replay(seed);
            assert_eq!((trace.clone(), outcome.clone()), replay(seed));
            assert_eq!(outcome, run(seed), "a trace changes nothing");
            assert_ne!(trace, replay(seed ^ 1_000).0);
        }
    }

    #[test]
    fn choices_are_a_schedule() {
        let report = follow(&[]).expect("it keeps the rules");
        assert_eq!(report, run(0).expect("it keeps the rules"), "without choices it is that of the seed 0");
        let choices: Vec<u8> = (0..=255).cycle().take(2_000).collect();
        let chosen = follow(&choices).expect("it keeps the rules");
        assert_eq!(chosen, follow(&choices).expect("it keeps the rules"));
        assert_ne!(chosen, report);
    }

    #[test]
    fn a_violation_shows_the_end_of_its_trace() {
        let trace = (0..100).map(|line| format!("line {line}")).collect();
        let violation = Violation { seed: Some(1), step: 7, what: "two guests".to_owned(), trace };
        let text = violation.to_string();
        assert!(text.starts_with("two guests (in step 7)\n  … 20 lines before\n  line 20\n"), "{text}");
        assert!(text.ends_with("line 99"), "{text}");
    }
}
