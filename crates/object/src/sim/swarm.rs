//! What one schedule is like: how often each thing happens in it.
//!
//! Swarm testing: every schedule draws its own weights, many of them zero. A schedule that does a few things
//! often reaches states that an even mix never does.

use std::time::Duration;

use crate::object::Options;
use crate::sim::random::Random;
use crate::sockets::SlowClients;

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($choice:ident = $weight:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($choice,)* }

        impl $name {
            const ALL: &[$name] = &[$($name::$choice,)*];
            const WEIGHTS: &[u32] = &[$($weight,)*];
        }
    };
}

choices! {
    /// One step of the world.
    Action {
        Request = 6, Upgrade = 10,
        PeerText = 30, PeerPing = 8, PeerBinary = 3, PeerCloses = 8, PeerBreaks = 3, PeerEnds = 2, PeerVanishes = 2,
        HostReads = 30, HostPolls = 20, HostFlushes = 14, HostConstructs = 12, HostDrops = 12, HostCollects = 2,
        Confirm = 10, GateBreaks = 1, CrashBetween = 1, LoseGuest = 1, ReplaceCode = 1, Wake = 12, Clock = 8,
        ClockToTimeout = 5, Timeout = 6,
        Everything = 10, Shutdown = 1,
    }
}

choices! {
    /// One thing that a guest does in a turn.
    Verb {
        Write = 12, Send = 16, Broadcast = 6, BroadcastAtOnce = 6, Close = 6, Attach = 4, Pair = 3, Accept = 3, Query = 3,
        AutoResponse = 4, EventTimeout = 1, SlowClients = 1, Disconnect = 2,
        SetAlarm = 6, DeleteAlarm = 2, Spawn = 4, Block = 5, Respond = 4, RespondOther = 3, Subrequest = 3, Wake = 3,
    }
}

choices! {
    /// How a turn ends.
    End {
        Done = 40, Pending = 20, Spin = 2, Failed = 5, Crash = 2, Abort = 1,
    }
}

/// The character of one schedule.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    pub(crate) options: Options,
    pub(crate) steps: u32,
    /// Percentage of inputs after which the host at once does all that there is to do.
    pub(crate) eager: u32,
    /// Percentage of constructors that fail.
    pub(crate) start_fails: u32,
    /// Percentage of constructors that do something.
    pub(crate) start_acts: u32,
    /// Percentage of commits that fail.
    pub(crate) commit_fails: u32,
    /// Percentage of sections whose task fails.
    pub(crate) section_fails: u32,
    /// Percentage of alarm handlers that fail.
    pub(crate) alarm_fails: u32,
    /// Percentage of accepted sockets that are standard ones.
    pub(crate) standard: u32,
    /// Percentage of those that are half-open.
    pub(crate) half_open: u32,
    /// Percentage of Close frames that a peer answers at once.
    pub(crate) answers: u32,
    actions: Vec<u32>,
    verbs: Vec<u32>,
    ends: Vec<u32>,
}

impl Swarm {
    pub(crate) fn new(random: &mut Random) -> Self {
        let hibernate_after = match random.below(8) {
            0 => None,
            1 => Some(0),
            2 | 3 => Some(100),
            _ => Some(10_000),
        };
        let close_timeout = Duration::from_millis(random.pick([1_000, 10_000]));
        let often = [0, 0, 2, 10, 40];
        let mut swarm = Self {
            options: Options {
                hibernate_after: hibernate_after.map(Duration::from_millis),
                close_timeout,
                slow_clients: random.pick([SlowClients::Close, SlowClients::DropOldest]),
            },
            steps: 40 + random.below(160) as u32,
            eager: random.pick([0, 20, 60, 95]),
            start_fails: random.pick(often) / 2,
            start_acts: random.pick([0, 20, 80]),
            commit_fails: random.pick([0, 0, 0, 2, 10]),
            section_fails: random.pick(often),
            alarm_fails: random.pick([0, 20, 60, 100]),
            standard: random.pick([0, 0, 15, 50]),
            half_open: random.pick([0, 50, 100]),
            answers: random.pick([0, 50, 100]),
            actions: draw(Action::WEIGHTS, random),
            verbs: draw(Verb::WEIGHTS, random),
            ends: draw(End::WEIGHTS, random),
        };
        // A few schedules know almost nothing but tasks that never rest, or sections in sections.
        let extreme = random.below(64);
        if extreme < 2 {
            swarm.eager = 95;
            swarm.steps = 30;
            swarm.ends[End::Spin as usize] = 2_000;
        }
        if extreme == 1 {
            swarm.section_fails = 0;
            swarm.verbs[Verb::Block as usize] = 500;
        }
        // Without these nothing would ever happen.
        for needed in [Action::Upgrade, Action::HostPolls, Action::HostFlushes, Action::HostReads] {
            let weight = &mut swarm.actions[needed as usize];
            *weight = (*weight).max(6);
        }
        swarm.ends[End::Done as usize] = swarm.ends[End::Done as usize].max(5);
        swarm
    }

    /// Makes some things happen more often than all others, and nothing that would empty the object.
    pub(crate) fn favour(&mut self, action: Action, verb: Verb, end: End) {
        for rude in [
            Action::Confirm,
            Action::GateBreaks,
            Action::CrashBetween,
            Action::LoseGuest,
            Action::Shutdown,
            Action::Everything,
        ] {
            self.actions[rude as usize] = 0;
        }
        self.ends[End::Crash as usize] = 0;
        self.ends[End::Abort as usize] = 0;
        (self.commit_fails, self.section_fails, self.eager, self.steps) = (0, 0, 0, 200);
        self.actions[action as usize] += 100;
        self.verbs[verb as usize] += 100;
        self.verbs[Verb::Block as usize] = 0;
        self.ends[end as usize] += 100;
    }

    pub(crate) fn action(&self, random: &mut Random) -> Action {
        Action::ALL[random.weighted(&self.actions)]
    }

    pub(crate) fn verb(&self, random: &mut Random) -> Verb {
        Verb::ALL[random.weighted(&self.verbs)]
    }

    pub(crate) fn end(&self, random: &mut Random) -> End {
        End::ALL[random.weighted(&self.ends)]
    }
}

fn draw(base: &[u32], random: &mut Random) -> Vec<u32> {
    base.iter().map(|weight| weight * random.pick([0, 1, 1, 2, 8])).collect()
}
