//! The one alarm of an object, and its retries.
//!
//! Invariant: at least once. An alarm that was set runs until a run succeeds, it is deleted or replaced, or its
//! counted retries are used up (reference 1.5). While the handler runs, what it sets is kept apart, so that a
//! success does not erase it. Persistence is not here: the host stores the [`AlarmRecord`]. That of a run under way is
//! the run itself: whoever finds it after a restart runs it again.

use std::time::Duration;

use crate::limits::{ALARM_BACKOFF_EXPONENT_MAX, ALARM_RETRIES_MAX, ALARM_RETRY_DELAY};
use crate::time::Time;

/// How a run of the alarm handler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlarmOutcome {
    /// It returned.
    Ran,
    /// The handler failed: a counted retry.
    HandlerFailed,
    /// The host failed it: retried without being counted.
    HostFailed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Alarm {
    #[default]
    None,
    Set {
        at: Time,
    },
    Running {
        run: Run,
        /// What the handler has set.
        next: Option<Time>,
    },
    Retrying {
        run: Run,
        at: Time,
    },
}

/// An alarm as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRecord {
    /// When it was set for.
    pub scheduled: Time,
    /// When it has to run next.
    pub due: Time,
    /// Runs that its handler failed.
    pub failed: u32,
    /// Runs that failed for whatever reason.
    pub attempts: u32,
}

/// What the alarm was at some moment, to be brought back with what was written by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmState(pub(crate) Alarm);

/// One alarm on its way through its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) scheduled: Time,
    /// When this run was due.
    due: Time,
    /// Runs that the handler failed.
    pub(crate) failed: u32,
    /// Runs that failed for whatever reason; sets the delay.
    attempts: u32,
}

impl Alarm {
    pub(crate) fn set(&mut self, at: Time) {
        match self {
            Alarm::Running { next, .. } => *next = Some(at),
            _ => *self = Alarm::Set { at },
        }
    }

    pub(crate) fn delete(&mut self) {
        match self {
            Alarm::Running { next, .. } => *next = None,
            _ => *self = Alarm::None,
        }
    }

    pub(crate) fn get(&self) -> Option<Time> {
        match self {
            Alarm::None => None,
            Alarm::Set { at } => Some(*at),
            Alarm::Running { next, .. } => *next,
            Alarm::Retrying { run, .. } => Some(run.scheduled),
        }
    }

    /// When it has to run next.
    pub(crate) fn due(&self) -> Option<Time> {
        match self {
            Alarm::Set { at } | Alarm::Retrying { at, .. } => Some(*at),
            Alarm::None | Alarm::Running { .. } => None,
        }
    }

    /// What is to be stored of it.
    pub(crate) fn record(&self) -> Option<AlarmRecord> {
        let fresh = |at| AlarmRecord { scheduled: at, due: at, failed: 0, attempts: 0 };
        let again =
            |run: Run, due| AlarmRecord { scheduled: run.scheduled, due, failed: run.failed, attempts: run.attempts };
        match *self {
            Alarm::None => None,
            Alarm::Set { at } | Alarm::Running { next: Some(at), .. } => Some(fresh(at)),
            Alarm::Running { run, next: None } => Some(again(run, run.due)),
            Alarm::Retrying { run, at } => Some(again(run, at)),
        }
    }

    /// The alarm that was stored.
    pub(crate) fn from_record(record: Option<AlarmRecord>) -> Self {
        match record {
            None => Alarm::None,
            Some(AlarmRecord { scheduled, due, attempts: 0, .. }) if scheduled == due => Alarm::Set { at: due },
            Some(AlarmRecord { scheduled, due, failed, attempts }) => {
                Alarm::Retrying { run: Run { scheduled, due, failed, attempts }, at: due }
            }
        }
    }

    /// Starts the run that is due, if one is.
    pub(crate) fn start(&mut self, now: Time) -> Option<Run> {
        let run = match *self {
            Alarm::Set { at } if at <= now => Run { scheduled: at, due: at, failed: 0, attempts: 0 },
            Alarm::Retrying { run, at } if at <= now => Run { due: at, ..run },
            _ => return None,
        };
        *self = Alarm::Running { run, next: None };
        Some(run)
    }

    /// Ends the run under way.
    pub(crate) fn finish(&mut self, outcome: AlarmOutcome, now: Time, random: u64) {
        let Alarm::Running { mut run, next } = *self else { return };
        run.failed += u32::from(outcome == AlarmOutcome::HandlerFailed);
        let over = outcome == AlarmOutcome::Ran || run.failed > ALARM_RETRIES_MAX;
        *self = match next {
            Some(at) => Alarm::Set { at },
            None if over => Alarm::None,
            None => {
                let at = now.after(retry_delay(run.attempts, random));
                run.attempts += 1;
                Alarm::Retrying { run, at }
            }
        };
    }
}

/// Twice as long each time, and up to a quarter more, so that alarms that failed together come back apart.
fn retry_delay(attempts: u32, random: u64) -> Duration {
    let delay = ALARM_RETRY_DELAY * (1 << attempts.min(ALARM_BACKOFF_EXPONENT_MAX));
    let jitter = delay / 4;
    delay + jitter.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::{Alarm, AlarmOutcome};
    use crate::limits::ALARM_RETRIES_MAX;
    use crate::time::Time;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn retries_double_their_delay_and_end() {
        let mut alarm = Alarm::default();
        alarm.set(at(1_000));
        assert_eq!(alarm.start(at(999)), None);
        let mut now = at(1_000);
        let mut delays = Vec::new();
        for failed in 0..=ALARM_RETRIES_MAX {
            let run = alarm.start(now).unwrap();
            assert_eq!((run.scheduled, run.failed), (at(1_000), failed));
            assert_eq!(alarm.get(), None, "hidden while its handler runs");
            alarm.finish(AlarmOutcome::HandlerFailed, now, 0);
            let Some(due) = alarm.due() else { break };
            assert_eq!(alarm.get(), Some(at(1_000)));
            delays.push(due.since(now).as_secs());
            now = due;
        }
        assert_eq!(delays, [2, 4, 8, 16, 32, 64]);
        assert_eq!((alarm.get(), alarm.due()), (None, None));
    }

    #[test]
    fn jitter_adds_at_most_a_quarter() {
        for (random, most) in [(0, 2_000), (u64::MAX, 2_500)] {
            let mut alarm = Alarm::default();
            alarm.set(at(1));
            alarm.start(at(1));
            alarm.finish(AlarmOutcome::HandlerFailed, at(1), random);
            assert_eq!(alarm.due().unwrap().since(at(1)).as_millis(), most);
        }
    }

    #[test]
    fn failures_of_the_host_are_not_counted_and_their_delay_stops_growing() {
        let mut alarm = Alarm::default();
        alarm.set(at(1));
        let mut now = at(1);
        for _ in 0..40 {
            assert_eq!(alarm.start(now).unwrap().failed, 0);
            alarm.finish(AlarmOutcome::HostFailed, now, 0);
            let due = alarm.due().unwrap();
            assert!(due.since(now).as_secs() <= 1_024);
            now = due;
        }
    }

    #[test]
    fn what_the_handler_sets_replaces_a_retry_and_survives_a_success() {
        for outcome in [AlarmOutcome::Ran, AlarmOutcome::HandlerFailed, AlarmOutcome::HostFailed] {
            let mut alarm = Alarm::default();
            alarm.set(at(5));
            alarm.start(at(5));
            alarm.set(at(77));
            assert_eq!(alarm.get(), Some(at(77)));
            alarm.finish(outcome, at(6), 0);
            assert_eq!(alarm.due(), Some(at(77)), "{outcome:?}");
        }
    }

    #[test]
    fn a_stored_alarm_goes_on_where_it_was() {
        let mut alarm = Alarm::default();
        assert_eq!(Alarm::from_record(alarm.record()), alarm);
        alarm.set(at(5));
        assert_eq!(Alarm::from_record(alarm.record()), alarm);
        alarm.start(at(6));
        assert_eq!(Alarm::from_record(alarm.record()).due(), Some(at(5)), "a run under way is run again");
        alarm.finish(AlarmOutcome::HandlerFailed, at(6), 0);
        assert_eq!(Alarm::from_record(alarm.record()).due(), Some(at(2_006)));
        alarm.start(at(3_000));
        alarm.set(at(9_000));
        assert_eq!(Alarm::from_record(alarm.record()).due(), Some(at(9_000)), "the new one replaces a retry");
        alarm.delete();
        let mut again = Alarm::from_record(alarm.record());
        let run = again.start(at(3_000)).unwrap();
        assert_eq!((run.scheduled, run.failed), (at(5), 1));
    }

    #[test]
    fn deleting_inside_the_handler_does_not_end_the_run() {
        let mut alarm = Alarm::default();
        alarm.set(at(5));
        alarm.start(at(5));
        alarm.delete();
        alarm.finish(AlarmOutcome::HandlerFailed, at(6), 0);
        assert_eq!(alarm.due(), Some(at(2_006)));
        alarm.delete();
        assert_eq!(alarm.due(), None);
    }
}
