//! What happened in schedules, counted: the proof that a simulation exercises what it says.
//!
//! A counter that stays at zero is a blind spot; the tests at the foot of `sim.rs` fail on one.

use std::fmt;
use std::ops::AddAssign;

macro_rules! counters {
    ($($name:ident = $text:literal,)*) => {
        /// One thing that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter {
            $(#[doc = $text] $name,)*
        }

        impl Counter {
            /// Every counter, in the order of the report.
            pub const ALL: &[Counter] = &[$(Counter::$name,)*];

            /// What is counted, in words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Counter::$name => $text,)*
                }
            }
        }
    };
}

counters! {
    Schedules = "schedules",
    Steps = "steps",
    Requests = "requests",
    Overloads = "requests refused as overloaded",
    Sockets = "sockets made",
    Accepts = "sockets accepted as hibernatable",
    AcceptsStandard = "sockets accepted as standard",
    HalfOpens = "closes that were left to the guest to answer",
    Disconnects = "sockets broken off by the guest",
    Forsaken = "sockets that nobody could accept any more",
    Starts = "guests started",
    StartFailures = "constructors failed",
    StartCharges = "guests lost before their first event",
    StartInterrupted = "resets during a start",
    Hibernations = "guests dropped for idleness, sockets kept",
    Evictions = "guests dropped for idleness, no sockets",
    Turns = "turns",
    Fetches = "events: fetch",
    Messages = "events: message",
    Closes = "events: close, clean",
    Vanishes = "events: close, vanished",
    Errors = "events: error",
    Alarms = "events: alarm, first run",
    AlarmRetries = "events: alarm, retry",
    AlarmsGivenUp = "alarms given up",
    AlarmsRestored = "alarms restored with lost writes",
    Resumes = "tasks resumed",
    Fair = "events delivered ahead of a task that never rests",
    Spawns = "background tasks",
    StaleWakes = "wakes of tasks that are no more",
    Sections = "critical sections",
    SectionsNested = "critical sections, nested",
    SectionFailures = "critical sections failed",
    EventTimeouts = "handlers of socket events timed out",
    SectionTimeouts = "critical sections timed out",
    TooDeep = "critical sections refused: too deep",
    Crashes = "guests crashed in a turn",
    CrashesBetween = "guests crashed between turns",
    Broken = "instances that broke, as their stubs hear",
    Losses = "guests lost by no fault of theirs",
    Replacements = "guests replaced by new code",
    ReplacementsForced = "guests lost to new code that they kept waiting",
    Aborts = "resets asked for",
    GateBreaks = "resets for a broken gate",
    CommitFailures = "commits failed",
    Shutdowns = "shutdowns",
    Writes = "writes",
    Commits = "commits",
    Confirmations = "confirmations",
    Held = "polls of a shut output gate",
    Frames = "out: frames",
    FramesOfBroadcasts = "out: frames of broadcasts",
    CloseFrames = "out: Close frames, reading on",
    CloseFramesForget = "out: Close frames, forgetting",
    Cuts = "out: connections cut",
    Responses = "out: responses",
    Failures = "out: failed requests",
    Subrequests = "out: subrequests",
    TakenBack = "out: taken back with a lost write",
    ClosesTakenBack = "out: Close frames taken back with a lost write",
    AutoResponses = "auto-responses",
    AutoResponsesAsleep = "auto-responses of a sleeping object",
    CloseTimeouts = "Close frames left unanswered",
    Broadcasts = "broadcasts, one send after the other",
    BroadcastsAtOnce = "broadcasts, in one call",
    BroadcastsRefused = "broadcasts refused for want of room",
    SendErrors = "sends refused",
    CloseErrors = "closes refused",
    AcceptErrors = "accepts refused",
    AttachErrors = "attachments refused",
    StaleSockets = "verbs about sockets that are no more",
    SecondResponses = "second responses refused",
    Limits = "schedules near a limit",
    SocketsFull = "accepts refused for want of room",
    TasksFull = "tasks resumed because there are too many for events",
    OutboxLenFull = "sends refused for want of room, by number",
    OutboxBytesFull = "sends refused for want of room, by bytes",
}

/// Counts of one schedule or of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    counts: [u64; Counter::ALL.len()],
}

impl Default for Report {
    fn default() -> Self {
        Self { counts: [0; Counter::ALL.len()] }
    }
}

impl Report {
    /// How often something happened.
    pub fn get(&self, counter: Counter) -> u64 {
        self.counts[counter as usize]
    }

    /// Adds the counts of another report.
    pub fn merge(&mut self, other: &Report) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.counts[counter as usize] += 1;
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.merge(&other);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, counter) in Counter::ALL.iter().enumerate() {
            let end = if index + 1 == Counter::ALL.len() { "" } else { "\n" };
            write!(f, "{:>12} {}{end}", self.get(*counter), counter.text())?;
        }
        Ok(())
    }
}
