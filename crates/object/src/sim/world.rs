//! The world around one object: clients, a host and a guest, all played by one seed.
//!
//! [`World::run`] takes a number of random steps and then lets everything come to rest. Whatever is told to the
//! object is told to the model; whatever the object says is compared with it. After every step the cheap
//! comparisons are made, now and then all of them.

mod peers;
mod host;
mod guest;
mod compare;

use crate::TaskId;
use crate::object::Object;
use crate::sim::Log;
use crate::sim::limits::Full;
use crate::sim::model::{Broken, Guest, Model};
use crate::sim::random::Random;
use crate::sim::report::{Counter, Report};
use crate::sim::swarm::{Action, Swarm};
use crate::sim::world::peers::{Connection, Request};
use crate::time::Time;

/// Rounds after which a schedule must have come to rest.
const ROUNDS_MAX: u32 = 100_000;

/// One schedule under way.
pub(crate) struct World<'a> {
    pub(crate) object: Object,
    pub(crate) model: Model,
    pub(crate) random: Random,
    pub(crate) swarm: Swarm,
    log: &'a mut Log,
    now: u64,
    /// One for each socket that was made, in the order of the model's list.
    connections: Vec<Connection>,
    requests: Vec<Request>,
    /// Some tasks that were made; they may be no more.
    tasks: Vec<TaskId>,
    /// Messages sent by anyone, so that each is unlike the others.
    texts: u64,
    subrequests: u64,
    steps_since_compared: u32,
    /// What the next constructor fills almost to its bound.
    pub(crate) fills: Option<Full>,
    /// No more mischief: everything is to come to rest.
    drains: bool,
}

impl<'a> World<'a> {
    pub(crate) fn new(mut random: Random, log: &'a mut Log) -> Self {
        let swarm = Swarm::new(&mut random);
        Self {
            object: Object::new(swarm.options, random.next()),
            model: Model::new(swarm.options),
            random,
            swarm,
            log,
            now: 1_000_000,
            connections: Vec::new(),
            requests: Vec::new(),
            tasks: Vec::new(),
            texts: 0,
            subrequests: 0,
            steps_since_compared: 0,
            fills: None,
            drains: false,
        }
    }

    /// The whole schedule.
    pub(crate) fn run(&mut self) -> Result<Report, Broken> {
        for _ in 0..self.swarm.steps {
            self.step()?;
        }
        self.drain()?;
        self.model.report.count(Counter::Schedules);
        Ok(self.model.report.clone())
    }

    /// One random thing happens.
    pub(crate) fn step(&mut self) -> Result<(), Broken> {
        let action = self.swarm.action(&mut self.random);
        self.log.step += 1;
        self.model.report.count(Counter::Steps);
        self.act(action)?;
        if self.random.percent(self.swarm.eager) {
            self.do_everything()?;
        }
        self.compare_timeout()?;
        self.steps_since_compared += 1;
        if self.random.below(12) < u64::from(self.steps_since_compared) / 4 {
            self.steps_since_compared = 0;
            self.compare_all()?;
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), Broken> {
        match action {
            Action::Request => self.ask(false),
            Action::Upgrade => self.ask(true),
            Action::PeerText => self.peer_sends_text(),
            Action::PeerPing => self.peer_sends_ping(),
            Action::PeerBinary => self.peer_sends_binary(),
            Action::PeerCloses => self.peer_closes(),
            Action::PeerBreaks => self.peer_breaks(),
            Action::PeerEnds => self.peer_ends(),
            Action::PeerVanishes => self.peer_vanishes(),
            Action::HostReads => self.read(),
            Action::HostPolls => self.poll_some(),
            Action::HostFlushes => self.flush_some(),
            Action::HostConstructs => self.construct(),
            Action::HostDrops => self.drop_guest(),
            Action::HostCollects => self.collect(),
            Action::Confirm => self.confirm_some(),
            Action::GateBreaks => self.break_gate(),
            Action::CrashBetween => self.crash_between(),
            Action::LoseGuest => self.lose_guest(),
            Action::ReplaceCode => self.replace_code(),
            Action::Wake => self.wake_some(),
            Action::Clock => self.pass_time(),
            Action::ClockToTimeout => self.pass_time_to_timeout(),
            Action::Timeout => self.time_out(),
            Action::Everything => self.do_everything(),
            Action::Shutdown => self.shut_down(),
        }
    }

    /// All peers go, all writes become durable, all tasks end, time passes: nothing may be left.
    fn drain(&mut self) -> Result<(), Broken> {
        self.note(|| "everything comes to rest".to_owned());
        self.compare_all()?;
        // Sometimes the peers stay for the end of all tasks, so that it is seen what reaches them.
        if self.random.percent(50) {
            self.settle_down(false)?;
            self.compare_all()?;
        }
        for at in 0..self.connections.len() {
            self.vanish(at)?;
        }
        self.settle_down(true)?;
        self.compare_all()?;
        self.check_rest()
    }

    /// Does all that is to be done until nothing is, and lets time pass if `clock` says so.
    fn settle_down(&mut self, clock: bool) -> Result<(), Broken> {
        self.drains = true;
        let mut rounds = 0;
        loop {
            rounds += 1;
            if rounds > ROUNDS_MAX {
                return Err(Broken("the object never comes to rest".to_owned()));
            }
            self.do_everything()?;
            if self.model.guest == Guest::Starting || self.model.guest == Guest::Leaves {
                self.construct()?;
                self.drop_guest()?;
                continue;
            }
            self.confirm_all()?;
            if self.wake_all()? | self.read_all()? | self.collect_all()?
                || self.object.poll_timeout().is_some_and(|at| at.as_millis() <= self.now)
            {
                continue;
            }
            self.do_everything()?;
            match self.object.poll_timeout() {
                Some(at) if clock => self.set_clock(at.as_millis()),
                Some(_) | None if self.is_busy() => {}
                Some(_) | None => break,
            }
        }
        self.drains = false;
        Ok(())
    }

    fn is_busy(&self) -> bool {
        matches!(self.model.guest, Guest::Starting | Guest::Leaves)
            || !self.model.outbox.is_empty()
            || !self.model.tasks.is_empty()
            || !self.model.mailbox.is_empty()
    }

    fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Writes a line of the trace, when one is kept.
    fn note(&mut self, line: impl FnOnce() -> String) {
        let (step, now) = (self.log.step, self.now);
        if let Some(lines) = &mut self.log.lines {
            lines.push(format!("{step:>4} {now:>8} {}", line()));
        }
    }
}
