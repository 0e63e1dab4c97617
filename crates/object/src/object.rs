//! One durable object: all its state, and every rule about what happens to it next.
//!
//! The host tells it what happened (`handle_*`), the guest asks through plain verbs (`send`, `accept_…`,
//! `spawn`), and the host learns what to do from `poll_step` (towards the guest), `poll_out` (towards the
//! world) and `poll_timeout`. After every `handle_*` the host polls both until they have nothing more.
//!
//! Invariants: one live guest; events are delivered in the order of their arrival; nothing leaves before the
//! writes made before it are durable; a socket's one farewell (close or error) is delivered once; no event is
//! lost or repeated, whatever happens to the guest between its deliveries.
//!
//! No IO, no clock, no randomness and no threads are here. Requests and responses are numbers that the host
//! gives out.

mod endings;
mod verbs;

use std::collections::VecDeque;
use std::time::Duration;

use bytestring::ByteString;

use crate::alarm::{Alarm, AlarmOutcome, AlarmRecord};
use crate::failure::{Failure, Kind as FailureKind};
use crate::gate::Gate;
use crate::lifecycle::{Move, Phase, Sockets};
use crate::limits::{
    CLOSE_TIMEOUT, HIBERNATE_AFTER, RESUMES_IN_A_ROW_MAX, SOCKET_MESSAGES_QUEUED_MAX, TASKS_PENDING_MAX,
};
use crate::mailbox::{Event, Mailbox, RequestId};
use crate::message::Message;
use crate::outbox::{Close, Out, Outbox, WritePos};
use crate::sockets::{Farewell, Mode, Own, Peer, SlowClients, SocketId, SocketTable};
use crate::tasks::{Kind, TaskId, Tasks};
use crate::time::Time;

/// What an operator can set for the objects of a class.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long an object stays in memory after its last activity; `None` keeps it for good.
    pub hibernate_after: Option<Duration>,
    /// How long a peer may leave a Close frame unanswered.
    pub close_timeout: Duration,
    /// What becomes of clients that read too slowly, unless the object has asked for something else.
    pub slow_clients: SlowClients,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hibernate_after: Some(HIBERNATE_AFTER),
            close_timeout: CLOSE_TIMEOUT,
            slow_clients: SlowClients::default(),
        }
    }
}

/// What the host does next with the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Build the guest, then call [`Object::handle_started`] or [`Object::handle_start_failed`]. Anything may
    /// happen to the object meanwhile, but not between the first call of the constructor and the one that ends it.
    Start,
    /// Run a handler's synchronous part, then call [`Object::handle_turn_end`] or [`Object::handle_crash`].
    Deliver(TaskId, Event),
    /// Let a task go on, then call the same.
    Resume(TaskId),
    /// Drop the guest, then call [`Object::handle_stopped`].
    Stop,
}

/// How a turn left the task that it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// It waits for something.
    Pending,
    /// It ended; with an error when its code threw.
    Done(Result<(), &'a Failure>),
}

/// Why an object loses its guest and its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset<'a> {
    /// The guest asked for it (`ctx.abort`); the text is its reason.
    Aborted(&'a str),
    /// A write could not be made durable.
    GateBroken(&'a str),
}

/// Whether a connection may be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It may.
    Go,
    /// Not before the object has taken what waits.
    Wait,
}

/// The object has as many requests waiting as it may. Text: reference 2.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Durable Object is overloaded. Too many requests queued.")]
pub struct Overloaded;

/// The failure text of a handler that ended without an answer.
const NO_RESPONSE: &str = "The fetch() handler ended without returning a Response.";
/// The failure text of a critical section that took too long. Reference 1.3.
const SECTION_TIMED_OUT: &str = "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was \
    canceled and the Durable Object was reset.";

/// The failure text when a handler of a socket's event took too long. Reference 1.3.
const EVENT_TIMED_OUT: &str = "broken.dropped; Actor exceeded event execution time and was disconnected.";
/// The failure text of what was under way in a guest whose code was replaced. Reference 2.7.
const CODE_UPDATED: &str = "Durable Object reset because its code was updated.";

/// What peers are told when the node stops, with 1001.
pub const SHUTDOWN_REASON: &str = "The server is shutting down.";

/// One durable object.
#[derive(Debug)]
pub struct Object {
    options: Options,
    phase: Phase,
    /// Whether the host has yet to hear that the guest must go.
    stop_due: bool,
    mailbox: Mailbox,
    gate: Gate,
    tasks: Tasks,
    /// The task whose turn is under way.
    running: Option<TaskId>,
    outbox: Outbox,
    /// Items that the constructor under way put into the outbox: when it fails they are taken back.
    constructed: usize,
    /// Why the guest that is being started must go at once, when that became clear before it was built.
    doomed: Option<Box<Failure>>,
    /// How the last instance broke, until the host has taken note of it.
    broken: Option<Box<Failure>>,
    /// Whether the guest has had an event.
    served: bool,
    sockets: SocketTable,
    alarm: Alarm,
    /// What the alarm was before each change that can be lost with a write, and that write; oldest first.
    alarms_before: VecDeque<(WritePos, Alarm)>,
    last_active: Time,
    /// How long a handler of a socket's event may take.
    event_timeout: Option<Duration>,
    /// What the guest has asked for, instead of the operator's choice.
    slow_clients: Option<SlowClients>,
    /// Since there is new code: when the guest of the old one must have gone.
    retires_at: Option<Time>,
    resumes_in_a_row: u32,
    /// State of the generator that spreads alarm retries.
    random: u64,
}

/// What happens to the object.
impl Object {
    /// A cold object. `seed` spreads its alarm retries.
    pub fn new(options: Options, seed: u64) -> Self {
        Self {
            options,
            phase: Phase::Cold,
            stop_due: false,
            mailbox: Mailbox::default(),
            gate: Gate::default(),
            tasks: Tasks::default(),
            running: None,
            outbox: Outbox::default(),
            constructed: 0,
            doomed: None,
            broken: None,
            served: false,
            sockets: SocketTable::default(),
            alarm: Alarm::default(),
            alarms_before: VecDeque::new(),
            last_active: Time::default(),
            event_timeout: None,
            slow_clients: None,
            retires_at: None,
            resumes_in_a_row: 0,
            random: seed | 1,
        }
    }

    /// A request came.
    ///
    /// # Errors
    ///
    /// When too many wait already.
    pub fn handle_request(&mut self, request: RequestId) -> Result<(), Overloaded> {
        if !self.mailbox.takes_requests() {
            return Err(Overloaded);
        }
        self.mailbox.push(Event::Fetch(request));
        Ok(())
    }

    /// A whole message came on a socket. It is answered at once, or queued for the guest.
    pub fn handle_message(&mut self, id: SocketId, message: Message, now: Time) {
        if !self.sockets.get(id).is_some_and(|socket| socket.peer == Peer::Open) {
            return;
        }
        if let Message::Text(text) = &message
            && let Some(response) = self.sockets.auto_respond(id, text, now)
        {
            self.outbox.push(Out::Frame { socket: id, message: Message::Text(response) });
            return;
        }
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.queued += 1;
        }
        self.mailbox.push(Event::Message { socket: id, message });
    }

    /// Whether the connection of a socket may be read.
    pub fn reading(&self, id: SocketId) -> Reading {
        match self.sockets.get(id) {
            Some(socket) if socket.mode == Mode::New || socket.queued >= SOCKET_MESSAGES_QUEUED_MAX => Reading::Wait,
            _ => Reading::Go,
        }
    }

    /// The peer of a socket sent a Close frame. An empty one is code 1005 (RFC 6455, section 7.1.5).
    pub fn handle_close(&mut self, id: SocketId, close: Close) {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.peer == Peer::Open) else { return };
        socket.peer = Peer::Closed;
        socket.answer = Some(Box::new(close.clone()));
        let code = close.code.unwrap_or(1005);
        self.queue_farewell(id, Event::Close { socket: id, code, reason: close.reason, was_clean: true });
    }

    /// The connection of a socket has ended, or will never be made.
    pub fn handle_gone(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.peer = Peer::Gone;
        if socket.mode != Mode::New {
            let reason = ByteString::from_static("WebSocket disconnected without sending Close frame.");
            self.queue_farewell(id, Event::Close { socket: id, code: 1006, reason, was_clean: false });
        }
        self.sockets.remove_if_over(id);
        self.note_if_emptied();
    }

    /// The peer of a socket broke the protocol or a limit: it is told so with `close`, after what was sent to
    /// it before, and the connection ends.
    pub fn handle_protocol_error(&mut self, id: SocketId, close: Close) {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.peer != Peer::Gone) else { return };
        socket.peer = Peer::Gone;
        let own = socket.own;
        let error = close.reason.clone();
        self.dismiss(id, own, close);
        self.queue_farewell(id, Event::Error { socket: id, error });
        self.sockets.remove_if_over(id);
        self.note_if_emptied();
    }

    /// A task of the guest can go on.
    pub fn handle_wake(&mut self, task: TaskId) {
        self.tasks.wake(task);
    }

    /// Time has passed: what was due by now happens.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(id) = self.sockets.expire(now) {
            self.outbox.push(Out::Cut(id));
            self.handle_gone(id);
        }
        if self.gate.deadline().is_some_and(|deadline| deadline <= now) {
            self.lose_guest(&section_timed_out(), AlarmOutcome::HandlerFailed, now);
        }
        if self.tasks.deadline().is_some_and(|deadline| deadline <= now) {
            self.lose_guest(&event_timed_out(), AlarmOutcome::HandlerFailed, now);
        }
        if self.retires_at.is_some_and(|at| at <= now) && self.phase == Phase::Resident {
            self.handle_lost(&code_updated(), now);
        }
    }

    /// There is new code: the guest goes at the first quiet moment, and by then in any case; the next event wakes one of
    /// the new code. Hibernatable sockets stay.
    pub fn handle_new_code(&mut self, by: Time) {
        if matches!(self.phase, Phase::Resident | Phase::Starting) {
            self.retires_at = Some(self.retires_at.map_or(by, |at| at.min(by)));
        }
    }

    /// The guest was built; what its constructor wrote, if anything, is committed.
    pub fn handle_started(&mut self, now: Time) {
        assert!(!self.outbox.is_dirty(), "the host commits before it says that a guest was built");
        self.go(Move::Started);
        self.constructed = 0;
        self.last_active = now;
        if let Some(failure) = self.doomed.take() {
            // What it read while it was built may be lost. No event is to blame.
            self.served = true;
            self.lose_guest(&failure, AlarmOutcome::HostFailed, now);
        }
    }

    /// The guest could not be built. What it wrote is rolled back, what it sent is taken back. Costs the event
    /// that is next, which is returned; the others wait for the next attempt.
    pub fn handle_start_failed(&mut self, failure: &Failure, now: Time) -> Option<Event> {
        let failure = &failure.with_reset();
        self.take_back_constructor();
        self.roll_back(failure);
        self.lose_guest(failure, AlarmOutcome::HandlerFailed, now);
        self.doomed = None;
        let event = self.charge_event(failure, now);
        self.retires_at = None;
        self.broken = Some(failure.clone().into());
        self.go(Move::StartFailed);
        event
    }

    /// The turn of a task has ended; its writes, if any, are committed.
    pub fn handle_turn_end(&mut self, id: TaskId, progress: Progress<'_>, now: Time) {
        assert!(!self.outbox.is_dirty(), "the host commits before it ends a turn");
        self.running = None;
        self.last_active = now;
        if let Some(Kind::Farewell(socket)) = self.tasks.get_mut(id).map(|task| task.kind) {
            self.sockets.unlist(socket);
        }
        let Progress::Done(outcome) = progress else { return };
        let Some(task) = self.tasks.remove(id) else { return };
        match (task.kind, outcome) {
            (Kind::Fetch { request, responded: false }, outcome) => {
                let failure = outcome.err().cloned().unwrap_or_else(|| Failure::new(NO_RESPONSE));
                self.outbox.push(Out::Fail(request, failure.into()));
            }
            (Kind::Farewell(socket), _) => self.settle_farewell(socket),
            (Kind::Alarm, Err(_)) => self.finish_alarm(AlarmOutcome::HandlerFailed, now),
            (Kind::Section(section), Ok(())) => {
                let around = self.gate.leave(section, now);
                self.tasks.leave_section(section, around);
            }
            (Kind::Section(_), Err(failure)) => self.lose_guest(failure, AlarmOutcome::HandlerFailed, now),
            (Kind::Alarm, Ok(())) | (Kind::Fetch { .. } | Kind::Message | Kind::Background, _) => {}
        }
    }

    /// Whether the object loses its guest when the task fails: then what its last turn wrote is to be rolled back, by
    /// [`Object::handle_crash`].
    pub fn is_critical(&mut self, id: TaskId) -> bool {
        self.tasks.get_mut(id).is_some_and(|task| matches!(task.kind, Kind::Section(_)))
    }

    /// A task has ended well, in the turn under way: said before its writes are committed and the turn ends. For a run of
    /// the alarm that it has run is a write like the handler's own, and lost with them; for other tasks it is nothing.
    pub fn handle_ran(&mut self, id: TaskId, now: Time) {
        if self.tasks.get_mut(id).is_some_and(|task| task.kind == Kind::Alarm) {
            self.wrote();
            self.remember_alarm();
            self.finish_alarm(AlarmOutcome::Ran, now);
        }
    }

    /// The alarm that was stored with the object, or none, when the object is found again.
    pub fn handle_found(&mut self, record: Option<AlarmRecord>) {
        self.alarm = Alarm::from_record(record);
    }

    /// The guest broke down in a turn: it must go, its hibernatable sockets stay. What the turn wrote is rolled
    /// back, and so is what it sent after its first write. A guest that breaks down before its first event costs
    /// that event, like one that could not be built.
    pub fn handle_crash(&mut self, failure: &Failure, now: Time) {
        self.roll_back(&failure.with_reset());
        self.lose_guest(failure, AlarmOutcome::HandlerFailed, now);
    }

    /// The guest was lost between turns and by no fault of its own, such as with the engine that it shared with
    /// others: it must go, its hibernatable sockets stay, and no event is to blame.
    pub fn handle_lost(&mut self, failure: &Failure, now: Time) {
        self.served = true;
        self.lose_guest(failure, AlarmOutcome::HostFailed, now);
    }

    /// The object must lose its guest and all its sockets.
    pub fn handle_reset(&mut self, reset: Reset<'_>, now: Time) {
        let (code, reason) = match reset {
            Reset::Aborted(reason) => (1012, reason),
            Reset::GateBroken(reason) => (1011, reason),
        };
        let failure = &Failure::new(reason).with_reset();
        self.take_back_constructor();
        match reset {
            Reset::Aborted(_) => self.roll_back(failure),
            Reset::GateBroken(_) => self.break_gate(failure),
        }
        self.lose_guest(failure, AlarmOutcome::HostFailed, now);
        // A run of the alarm that had ended well comes back with its lost writes.
        self.finish_alarm(AlarmOutcome::HostFailed, now);
        self.close_sockets(code, reason);
    }

    /// The host has dropped the guest.
    pub fn handle_stopped(&mut self) {
        self.go(Move::Stopped);
        self.retires_at = None;
        self.mailbox.shrink();
        self.outbox.shrink();
        self.tasks.clear();
    }

    /// The node stops: all sockets are closed, and the object hears no more of them.
    pub fn handle_shutdown(&mut self) {
        self.close_sockets(1001, SHUTDOWN_REASON);
    }

    /// All commits up to `pos` are durable.
    pub fn handle_durable(&mut self, pos: WritePos) {
        self.outbox.confirm(pos);
        while self.alarms_before.pop_front_if(|(change, _)| *change <= pos).is_some() {}
    }

    /// The writes of the turn under way were committed; their position must become durable before what follows
    /// them leaves.
    pub fn handle_commit(&mut self) -> WritePos {
        self.outbox.commit()
    }
}

/// What the host does next.
impl Object {
    /// How an instance broke, told once for each that did: those who reached it shall hear so from now on, whatever they
    /// ask. One that hibernates, or makes place for new code without loss, does not break.
    pub fn poll_broken(&mut self) -> Option<Box<Failure>> {
        self.broken.take()
    }

    /// What to do next with the guest, if anything.
    pub fn poll_step(&mut self, now: Time) -> Option<Step> {
        if std::mem::take(&mut self.stop_due) {
            return Some(Step::Stop);
        }
        match self.phase {
            Phase::Cold | Phase::Hibernated if self.has_event(now) => {
                self.go(Move::Wake);
                self.constructed = 0;
                self.served = false;
                Some(Step::Start)
            }
            Phase::Resident if self.can_retire() => {
                self.go(Move::Stop);
                Some(Step::Stop)
            }
            Phase::Resident => self.next_turn(now).or_else(|| self.fall_asleep(now)),
            Phase::Cold | Phase::Hibernated | Phase::Starting | Phase::Stopping => None,
        }
    }

    /// The next thing that may leave, if any.
    pub fn poll_out(&mut self) -> Option<Out> {
        let out = self.outbox.pop()?;
        if let Out::Close { socket: id, .. } = &out
            && let Some(socket) = self.sockets.get_mut(*id)
        {
            socket.own = Own::Sent;
            self.sockets.remove_if_over(*id);
            self.note_if_emptied();
        }
        Some(out)
    }

    /// When [`Object::handle_timeout`] and [`Object::poll_step`] must be called next, if nothing else happens.
    pub fn poll_timeout(&mut self) -> Option<Time> {
        let takes_events =
            self.takes_events() && matches!(self.phase, Phase::Cold | Phase::Hibernated | Phase::Resident);
        let alarm = self.alarm.due().filter(|_| takes_events);
        let sleep = self.options.hibernate_after.filter(|_| self.is_idle()).map(|after| self.last_active.after(after));
        let retires = self.retires_at.filter(|_| self.phase == Phase::Resident);
        let (section, event) = (self.gate.deadline(), self.tasks.deadline());
        let deadlines = [sleep, retires, section, event, self.sockets.deadline()];
        deadlines.into_iter().fold(alarm, earlier)
    }

    /// Whether nothing of the object needs memory: it can be forgotten, provided that its alarm is stored.
    pub fn is_evictable(&self) -> bool {
        self.phase == Phase::Cold && self.is_quiet() && self.sockets.is_empty()
    }

    /// Whether nothing is under way: no event waits, no task runs, nothing is about to leave.
    pub fn is_quiet(&self) -> bool {
        self.mailbox.is_empty() && self.tasks.is_empty() && self.outbox.is_empty()
    }

    /// Where the object is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many sockets it holds, of whatever kind and state.
    pub fn socket_count(&self) -> usize {
        self.sockets.len()
    }

    /// Whether the turn under way has written something that is not committed.
    pub fn is_dirty(&self) -> bool {
        self.outbox.is_dirty()
    }

    /// The last commit, and the last one that is known to be durable.
    pub fn positions(&self) -> (WritePos, WritePos) {
        (self.outbox.committed(), self.outbox.durable())
    }

    /// When the alarm runs next. How retries are spread is nothing that a model could foretell.
    #[cfg(feature = "sim")]
    pub(crate) fn alarm_due(&self) -> Option<Time> {
        self.alarm.due()
    }

    /// How many events wait.
    pub fn mailbox_len(&self) -> usize {
        self.mailbox.len()
    }
}

impl Object {
    fn next_turn(&mut self, now: Time) -> Option<Step> {
        let event_first = self.resumes_in_a_row >= RESUMES_IN_A_ROW_MAX && self.takes_events() && self.has_event(now);
        if !event_first && let Some(task) = self.tasks.next_ready(&self.gate) {
            self.resumes_in_a_row += 1;
            self.running = Some(task);
            return Some(Step::Resume(task));
        }
        self.resumes_in_a_row = 0;
        if !self.takes_events() {
            return None;
        }
        let event = self.take_event(now)?;
        let kind = match &event {
            Event::Fetch(request) => Kind::Fetch { request: *request, responded: false },
            Event::Message { .. } => Kind::Message,
            Event::Close { socket, .. } | Event::Error { socket, .. } => Kind::Farewell(*socket),
            Event::Alarm { .. } => Kind::Alarm,
        };
        self.served = true;
        let task = self.tasks.insert(kind, None);
        if let (Some(timeout), Kind::Message | Kind::Farewell(_)) = (self.event_timeout, kind) {
            self.tasks.limit(task, now.after(timeout));
        }
        self.running = Some(task);
        Some(Step::Deliver(task, event))
    }

    fn takes_events(&self) -> bool {
        self.gate.is_open() && self.tasks.len() < TASKS_PENDING_MAX
    }

    fn has_event(&self, now: Time) -> bool {
        !self.mailbox.is_empty() || self.alarm.due().is_some_and(|due| due <= now)
    }

    /// The next event: an alarm that is due, else the oldest in the mailbox.
    pub(super) fn take_event(&mut self, now: Time) -> Option<Event> {
        if let Some(run) = self.alarm.start(now) {
            return Some(Event::Alarm { scheduled: run.scheduled, retry_count: run.failed });
        }
        let event = self.mailbox.pop()?;
        match &event {
            Event::Message { socket, .. } => {
                if let Some(socket) = self.sockets.get_mut(*socket) {
                    socket.queued -= 1;
                }
            }
            Event::Close { socket: id, .. } | Event::Error { socket: id, .. } => {
                if let Some(socket) = self.sockets.get_mut(*id) {
                    socket.farewell = Farewell::Delivered;
                    if socket.mode == Mode::Standard {
                        // A standard socket answers before its close event (reference 2.5).
                        self.answer_close(*id);
                    }
                }
            }
            Event::Fetch(_) | Event::Alarm { .. } => {}
        }
        Some(event)
    }

    fn fall_asleep(&mut self, now: Time) -> Option<Step> {
        let after = self.options.hibernate_after?;
        if !self.is_idle() || now < self.last_active.after(after) {
            return None;
        }
        self.go(Move::Stop);
        Some(Step::Stop)
    }

    /// Whether the guest of old code can go without loss: events that wait are for the new code.
    fn can_retire(&self) -> bool {
        let is_free = self.tasks.is_empty() && self.outbox.is_empty() && self.gate.is_open();
        self.retires_at.is_some() && is_free && !self.sockets.bind_guest()
    }

    fn is_idle(&self) -> bool {
        self.phase == Phase::Resident && self.is_quiet() && self.gate.is_open() && !self.sockets.bind_guest()
    }

    fn go(&mut self, step: Move) {
        let sockets = if self.sockets.is_empty() { Sockets::None } else { Sockets::Some };
        match self.phase.after(step, sockets) {
            Some(phase) => self.phase = phase,
            None => panic!("{step:?} is no move of an object that is {:?}", self.phase),
        }
    }
}

fn section_timed_out() -> Failure {
    Failure::new(SECTION_TIMED_OUT).of_kind(FailureKind::Overloaded)
}

fn event_timed_out() -> Failure {
    Failure::new(EVENT_TIMED_OUT).of_kind(FailureKind::Disconnected)
}

fn code_updated() -> Failure {
    Failure::new(CODE_UPDATED).of_kind(FailureKind::Disconnected)
}

/// The earlier of two points in time, where never is the latest.
fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
