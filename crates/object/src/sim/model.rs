//! The checker: what an object must do, written down a second time and as plainly as possible.
//!
//! It shares types and limits with the rules and no code. Everything is a list; nothing is cached. The world
//! tells it what it tells the object, and it compares what the object answers. [`Model::step`] and
//! [`Model::leave`] check what the object hands out; the verbs in `verbs.rs` say what a call must return.
//!
//! It does not foretell what the rules leave open: when within its bounds a retry comes, and in which order
//! several things are told that end at the same moment.

mod inputs;
mod verbs;
mod endings;
mod gate;
pub(crate) mod outbox;
pub(crate) mod sockets;
pub(crate) mod alarm;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::TaskId;
use crate::failure::Failure;
use crate::limits::{RESUMES_IN_A_ROW_MAX, TASKS_PENDING_MAX};
use crate::mailbox::Event;
use crate::object::{Options, Step};
use crate::outbox::Out;
use crate::sim::model::alarm::Alarm;
use crate::sim::model::gate::Sections;
use crate::sim::model::outbox::Outbox;
use crate::sim::model::sockets::{Farewell, Own, Sockets};
use crate::sim::report::{Counter, Report};
use crate::sockets::{Mode, SlowClients, SocketId};
use crate::time::Time;

/// A rule that the object broke, in words.
#[derive(Clone, Debug)]
pub(crate) struct Broken(pub(crate) String);

/// Where the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guest {
    None,
    Starting,
    Lives,
    /// The host drops it.
    Leaves,
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Fetch { request: u64, answered: bool },
    Message,
    Farewell(SocketId),
    Alarm,
    Background,
    Section(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) job: Job,
    pub(crate) section: Option<u32>,
    /// When it must have ended.
    pub(crate) deadline: Option<u64>,
}

/// What the object must do next with its guest.
#[derive(Debug)]
enum Next {
    Nothing,
    Start,
    Stop,
    Resume(TaskId),
    Deliver(Event),
}

/// The whole truth about one object.
#[derive(Debug)]
pub(crate) struct Model {
    options: Options,
    pub(crate) guest: Guest,
    /// Why the guest that is being started must go at once.
    doomed: Option<Failure>,
    /// How the last instance broke, if the host has not heard.
    pub(crate) broken: Option<Failure>,
    /// Whether the host has not heard yet that the guest must go.
    stop_due: bool,
    /// Whether the guest has had an event.
    served: bool,
    last_active: u64,
    pub(crate) event_timeout: Option<u64>,
    pub(crate) slow_clients: SlowClients,
    /// When the guest must have gone, since there is new code.
    pub(crate) outdated: Option<u64>,
    pub(crate) mailbox: VecDeque<Event>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// Every task that ever was.
    tasks_ever: BTreeSet<TaskId>,
    /// Woken tasks, in the order of the wakes.
    ready: Vec<TaskId>,
    running: Option<TaskId>,
    resumes: u32,
    pub(crate) sections: Sections,
    pub(crate) outbox: Outbox,
    /// Items in the outbox before the constructor under way ran.
    start_mark: Option<usize>,
    pub(crate) sockets: Sockets,
    pub(crate) alarm: Alarm,
    /// Requests that have not been answered.
    pub(crate) open_requests: Vec<u64>,
    pub(crate) report: Report,
}

impl Model {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            guest: Guest::None,
            doomed: None,
            broken: None,
            stop_due: false,
            served: false,
            last_active: 0,
            event_timeout: None,
            slow_clients: options.slow_clients,
            outdated: None,
            mailbox: VecDeque::new(),
            tasks: BTreeMap::new(),
            tasks_ever: BTreeSet::new(),
            ready: Vec::new(),
            running: None,
            resumes: 0,
            sections: Sections::default(),
            outbox: Outbox::default(),
            start_mark: None,
            sockets: Sockets::default(),
            alarm: Alarm::default(),
            open_requests: Vec::new(),
            report: Report::default(),
        }
    }

    /// Checks a step that the object handed out, and takes it.
    pub(crate) fn step(&mut self, got: Option<&Step>, now: u64) -> Result<(), Broken> {
        let next = self.next(now);
        match (&next, got) {
            (Next::Nothing, None) => {
                if self.guest == Guest::Lives {
                    self.resumes = 0;
                }
                Ok(())
            }
            (Next::Start, Some(Step::Start)) => {
                self.guest = Guest::Starting;
                self.served = false;
                Ok(())
            }
            (Next::Stop, Some(Step::Stop)) => {
                if std::mem::take(&mut self.stop_due) {
                    // Counted where it was lost.
                } else if self.outdated.is_some() {
                    self.report.count(Counter::Replacements);
                } else {
                    let kept = self.sockets.all.iter().any(|socket| socket.here);
                    self.report.count(if kept { Counter::Hibernations } else { Counter::Evictions });
                }
                self.guest = Guest::Leaves;
                Ok(())
            }
            (Next::Resume(task), Some(Step::Resume(got))) if task == got => {
                self.ready.retain(|ready| ready != task);
                self.running = Some(*task);
                self.resumes += 1;
                if self.resumes > RESUMES_IN_A_ROW_MAX && self.tasks.len() >= TASKS_PENDING_MAX {
                    self.report.count(Counter::TasksFull);
                }
                self.report.count(Counter::Resumes);
                Ok(())
            }
            (Next::Deliver(event), Some(Step::Deliver(task, got))) if event == got => self.deliver(*task, got, now),
            _ => Err(Broken(format!("the next step is {got:?}, not {next:?}"))),
        }
    }

    fn next(&self, now: u64) -> Next {
        if self.stop_due {
            return Next::Stop;
        }
        match self.guest {
            Guest::Starting | Guest::Leaves => Next::Nothing,
            Guest::None if self.front(now).is_some() => Next::Start,
            Guest::None => Next::Nothing,
            Guest::Lives => {
                let ready = self.first_ready();
                let event = if self.takes_events() { self.front(now) } else { None };
                if self.is_replaceable() {
                    return Next::Stop;
                }
                match (ready, event) {
                    (Some(_), Some(event)) if self.resumes >= RESUMES_IN_A_ROW_MAX => Next::Deliver(event),
                    (Some(task), _) => Next::Resume(task),
                    (None, Some(event)) => Next::Deliver(event),
                    (None, None) if self.sleeps_at().is_some_and(|at| at <= now) => Next::Stop,
                    (None, None) => Next::Nothing,
                }
            }
        }
    }

    /// Whether the host has yet to hear that the guest must go.
    pub(crate) fn stop_is_due(&self) -> bool {
        self.stop_due
    }

    fn deliver(&mut self, task: TaskId, event: &Event, now: u64) -> Result<(), Broken> {
        if self.first_ready().is_some() {
            self.report.count(Counter::Fair);
        }
        self.take_front(now);
        self.served = true;
        self.resumes = 0;
        let (job, counter) = match event {
            Event::Fetch(request) => (Job::Fetch { request: request.0, answered: false }, Counter::Fetches),
            Event::Message { .. } => (Job::Message, Counter::Messages),
            Event::Close { socket, was_clean: true, .. } => (Job::Farewell(*socket), Counter::Closes),
            Event::Close { socket, .. } => (Job::Farewell(*socket), Counter::Vanishes),
            Event::Error { socket, .. } => (Job::Farewell(*socket), Counter::Errors),
            Event::Alarm { retry_count: 0, .. } => (Job::Alarm, Counter::Alarms),
            Event::Alarm { .. } => (Job::Alarm, Counter::AlarmRetries),
        };
        if let Job::Farewell(id) = job
            && let Some(at) = self.sockets.at(id)
        {
            let socket = &mut self.sockets.all[at];
            socket.farewells_delivered += 1;
            if socket.farewells_delivered > 1 || socket.dismissed {
                return Err(Broken(format!("{id:?} says farewell again, or after it was dismissed")));
            }
        }
        self.report.count(counter);
        let limited = matches!(job, Job::Message | Job::Farewell(_));
        let deadline = self.event_timeout.filter(|_| limited).map(|timeout| now + timeout);
        self.new_task(task, Task { job, section: None, deadline })?;
        self.running = Some(task);
        Ok(())
    }

    /// Notes a task that was made.
    pub(crate) fn new_task(&mut self, id: TaskId, task: Task) -> Result<(), Broken> {
        if !self.tasks_ever.insert(id) {
            return Err(Broken(format!("{id:?} was the id of another task before")));
        }
        self.tasks.insert(id, task);
        Ok(())
    }

    /// The woken task that may run first: any one, or with sections one of the innermost.
    fn first_ready(&self) -> Option<TaskId> {
        let inner = self.sections.innermost();
        let admitted = |id: &&TaskId| inner.is_none() || self.tasks.get(id).is_some_and(|task| task.section == inner);
        self.ready.iter().find(admitted).copied()
    }

    pub(crate) fn takes_events(&self) -> bool {
        self.sections.is_empty() && self.tasks.len() < TASKS_PENDING_MAX
    }

    /// The event that is to be delivered next: a due alarm, else the oldest one.
    pub(crate) fn front(&self, now: u64) -> Option<Event> {
        match self.alarm.run(now) {
            Some(run) => Some(Event::Alarm { scheduled: Time::from_millis(run.scheduled), retry_count: run.failed }),
            None => self.mailbox.front().cloned(),
        }
    }

    fn take_front(&mut self, now: u64) -> Option<Event> {
        let event = self.front(now)?;
        if let Some(run) = self.alarm.run(now) {
            self.alarm.start(run);
            return Some(event);
        }
        self.mailbox.pop_front();
        if let Event::Close { socket: id, .. } | Event::Error { socket: id, .. } = &event
            && let Some(socket) = self.sockets.get_mut(*id)
        {
            socket.farewell = Farewell::Handled;
            if socket.mode == Mode::Standard {
                self.answer_close(*id);
            }
        }
        Some(event)
    }

    /// Whether a guest of old code may be dropped now: nothing of it is under way, whatever waits for the next one.
    fn is_replaceable(&self) -> bool {
        let busy = !self.tasks.is_empty() || !self.outbox.is_empty() || !self.sections.is_empty();
        self.outdated.is_some() && !busy && !self.sockets.bind()
    }

    /// When the guest is to be dropped for idleness, if nothing happens before.
    fn sleeps_at(&self) -> Option<u64> {
        let after = self.options.hibernate_after?.as_millis() as u64;
        let idle = self.guest == Guest::Lives && self.is_quiet() && self.sections.is_empty() && !self.sockets.bind();
        idle.then_some(self.last_active + after)
    }

    /// When the object must be polled next, if nothing else happens.
    pub(crate) fn timeout(&mut self) -> Option<u64> {
        let alarm = match self.guest {
            Guest::None | Guest::Lives if self.takes_events() => self.alarm.due(),
            _ => None,
        };
        let unanswered = self.sockets.first_unanswered().map(|(deadline, _)| deadline);
        let outdated = self.outdated.filter(|_| self.guest == Guest::Lives);
        let late = self.tasks.values().filter_map(|task| task.deadline).min();
        [alarm, self.sleeps_at(), outdated, late, self.sections.deadline(), unanswered].into_iter().flatten().min()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.mailbox.is_empty() && self.tasks.is_empty() && self.outbox.is_empty()
    }

    /// Checks what left the object, or that nothing did.
    pub(crate) fn leave(&mut self, got: Option<&Out>) -> Result<(), Broken> {
        self.outbox.leave(got)?;
        match got {
            Some(Out::Close { socket: id, .. }) => {
                if let Some(socket) = self.sockets.get_mut(*id) {
                    socket.own = Own::Left;
                }
                self.sockets.drop_if_over(*id);
            }
            Some(Out::Respond(request) | Out::Fail(request, _)) => {
                let Some(at) = self.open_requests.iter().position(|open| *open == request.0) else {
                    return Err(Broken(format!("{request:?} is answered twice")));
                };
                self.open_requests.swap_remove(at);
            }
            _ => {}
        }
        Ok(())
    }
}
