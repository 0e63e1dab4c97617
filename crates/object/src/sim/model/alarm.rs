//! What an alarm must do: at least once, with retries at times within known bounds.
//!
//! The exact time of a retry is the implementation's choice; [`Alarm::pin`] takes it after checking its bounds.

use crate::limits::{ALARM_BACKOFF_EXPONENT_MAX, ALARM_RETRIES_MAX, ALARM_RETRY_DELAY};
use crate::sim::model::Broken;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    /// The guest's fault: counted.
    Failed,
    /// Not its fault: repeated without being counted.
    Disturbed,
}

/// One alarm on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) scheduled: u64,
    pub(crate) failed: u32,
    disturbed: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Off,
    Set(u64),
    Runs {
        run: Run,
        next: Option<u64>,
    },
    /// Comes again, not before and not after.
    Again {
        run: Run,
        from: u64,
        to: u64,
    },
}

/// The alarm, with its past as far as a lost write can bring it back.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    pub(crate) state: State,
    /// What it was before each change, with the number of the write that the change belongs to.
    past: Vec<(u64, State)>,
}

impl Alarm {
    /// The guest sets or deletes it, as part of a write.
    pub(crate) fn change(&mut self, at: Option<u64>, write: u64) {
        self.past.push((write, self.state));
        self.state = match (self.state, at) {
            (State::Runs { run, .. }, next) => State::Runs { run, next },
            (_, Some(at)) => State::Set(at),
            (_, None) => State::Off,
        };
    }

    /// What the guest sees.
    pub(crate) fn get(&self) -> Option<u64> {
        match self.state {
            State::Off => None,
            State::Set(at) => Some(at),
            State::Runs { next, .. } => next,
            State::Again { run, .. } => Some(run.scheduled),
        }
    }

    pub(crate) fn due(&self) -> Option<u64> {
        match self.state {
            State::Set(at) | State::Again { from: at, .. } => Some(at),
            State::Off | State::Runs { .. } => None,
        }
    }

    /// What must be found after a restart: when it was set for, and how often it has failed. A run under way is found
    /// again as long as nothing takes its place.
    pub(crate) fn stored(&self) -> Option<(u64, u32)> {
        match self.state {
            State::Off => None,
            State::Set(at) | State::Runs { next: Some(at), .. } => Some((at, 0)),
            State::Runs { run, next: None } | State::Again { run, .. } => Some((run.scheduled, run.failed)),
        }
    }

    /// The run that is due at `now`.
    pub(crate) fn run(&self, now: u64) -> Option<Run> {
        match self.state {
            State::Set(at) if at <= now => Some(Run { scheduled: at, failed: 0, disturbed: 0 }),
            State::Again { run, from, .. } if from <= now => Some(run),
            _ => None,
        }
    }

    pub(crate) fn start(&mut self, run: Run) {
        self.state = State::Runs { run, next: None };
    }

    /// Ends a run; true when it was the last one that failed.
    pub(crate) fn end(&mut self, ended: Ended, now: u64, write: u64) -> bool {
        let State::Runs { mut run, next } = self.state else { return false };
        if ended == Ended::Well {
            // The success counts once the handler's writes are durable.
            self.past.push((write, self.state));
        }
        let delay = ALARM_RETRY_DELAY.as_millis() as u64;
        let delay = delay << (run.failed + run.disturbed).min(ALARM_BACKOFF_EXPONENT_MAX);
        match ended {
            Ended::Well => {}
            Ended::Failed => run.failed += 1,
            Ended::Disturbed => run.disturbed += 1,
        }
        let given_up = run.failed > ALARM_RETRIES_MAX;
        self.state = match next {
            Some(at) => State::Set(at),
            None if ended == Ended::Well || given_up => State::Off,
            None => State::Again { run, from: now + delay, to: now + delay + delay / 4 + 1 },
        };
        given_up && next.is_none()
    }

    /// Writes from `kept` on are lost: what they changed is undone. True when something was.
    pub(crate) fn lose(&mut self, kept: u64) -> bool {
        let Some(at) = self.past.iter().position(|(write, _)| *write > kept) else { return false };
        let changed = std::mem::replace(&mut self.state, self.past[at].1) != self.past[at].1;
        self.past.truncate(at);
        changed
    }

    /// Writes up to `durable` cannot be lost any more.
    pub(crate) fn keep(&mut self, durable: u64) {
        self.past.retain(|(write, _)| *write > durable);
    }

    /// Learns when a retry will be.
    pub(crate) fn pin(&mut self, due: Option<u64>) -> Result<(), Broken> {
        if let State::Again { run, from, to } = self.state
            && from != to
        {
            let Some(at) = due.filter(|at| (from..=to).contains(at)) else {
                return Err(Broken(format!("an alarm comes again at {due:?}, not within {from}..={to}")));
            };
            self.state = State::Again { run, from: at, to: at };
            for (_, past) in &mut self.past {
                if *past == (State::Again { run, from, to }) {
                    *past = self.state;
                }
            }
        }
        Ok(())
    }
}
