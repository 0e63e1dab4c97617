//! What must follow when a turn, a task, a socket or a guest ends.

use bytestring::ByteString;

use crate::TaskId;
use crate::failure::Failure;
use crate::limits::CLOSE_REASON_LEN_MAX;
use crate::mailbox::{Event, RequestId};
use crate::object::{Progress, Reset};
use crate::outbox::{After, Close, Out};
use crate::sim::model::alarm::Ended;
use crate::sim::model::outbox::TakenBack;
use crate::sim::model::sockets::{Farewell, Own, Peer};
use crate::sim::model::{Guest, Job, Model};
use crate::sim::report::Counter;
use crate::sockets::{Mode, SocketId};

const NO_RESPONSE: &str = "The fetch() handler ended without returning a Response.";

impl Model {
    pub(crate) fn turn_end(&mut self, id: TaskId, progress: Progress<'_>, now: u64) {
        self.report.count(Counter::Turns);
        self.running = None;
        self.last_active = now;
        let Some(task) = self.tasks.get(&id).copied() else { return };
        if let Job::Farewell(socket) = task.job {
            self.sockets.unlist(socket);
        }
        let Progress::Done(outcome) = progress else { return };
        self.tasks.remove(&id);
        self.ready.retain(|ready| *ready != id);
        match (task.job, outcome) {
            (Job::Fetch { request, answered: false }, outcome) => {
                let failure = outcome.err().cloned().unwrap_or_else(|| Failure::new(NO_RESPONSE));
                self.outbox.push(Out::Fail(RequestId(request), failure.into()));
            }
            (Job::Farewell(socket), _) => self.settle(socket),
            (Job::Alarm, Err(_)) => self.end_alarm(Ended::Failed, now),
            (Job::Section(section), Ok(())) => {
                let around = self.sections.leave(section, now);
                for task in self.tasks.values_mut().filter(|task| task.section == Some(section)) {
                    task.section = around;
                }
            }
            (Job::Section(_), Err(failure)) => {
                self.report.count(Counter::SectionFailures);
                self.lose_guest(failure, Ended::Failed, now);
            }
            (Job::Alarm, Ok(())) | (Job::Fetch { .. } | Job::Message | Job::Background, _) => {}
        }
    }

    /// A run of the alarm that ends well is a write of its turn.
    pub(crate) fn ran(&mut self, job: Job, now: u64) {
        if job == Job::Alarm {
            self.wrote();
            self.end_alarm(Ended::Well, now);
        }
    }

    pub(crate) fn crash(&mut self, failure: &Failure, now: u64) {
        let failure = &failure.with_reset();
        self.roll_back(failure);
        self.lose_guest(failure, Ended::Failed, now);
    }

    pub(crate) fn lost(&mut self, failure: &Failure, now: u64) {
        self.served = true;
        self.lose_guest(failure, Ended::Disturbed, now);
    }

    pub(crate) fn reset(&mut self, reset: Reset<'_>, now: u64) {
        let (code, reason) = match reset {
            Reset::Aborted(reason) => (1012, reason),
            Reset::GateBroken(reason) => (1011, reason),
        };
        let failure = &Failure::new(reason).with_reset();
        self.take_back_constructor();
        if let Reset::Aborted(_) = reset {
            self.report.count(Counter::Aborts);
            self.roll_back(failure);
        } else {
            self.report.count(Counter::GateBreaks);
            let taken = self.outbox.break_gate(failure);
            self.taken_back(taken);
            if self.alarm.lose(self.outbox.durable_write()) {
                self.report.count(Counter::AlarmsRestored);
            }
        }
        self.outbox.begin_group();
        self.lose_guest(failure, Ended::Disturbed, now);
        // A run that ended well comes back with its lost writes.
        self.end_alarm(Ended::Disturbed, now);
        self.close_sockets(code, reason);
        self.outbox.end_group();
    }

    /// What the constructor under way sent and wrote is as if it had never been.
    pub(super) fn take_back_constructor(&mut self) {
        if let Some(mark) = self.start_mark.take() {
            let taken = self.outbox.truncate(mark);
            self.taken_back(taken);
        }
    }

    fn roll_back(&mut self, failure: &Failure) {
        let taken = self.outbox.roll_back(failure);
        self.taken_back(taken);
        if self.alarm.lose(self.outbox.committed_write()) {
            self.report.count(Counter::AlarmsRestored);
        }
    }

    pub(super) fn taken_back(&mut self, taken: TakenBack) {
        for _ in 0..taken.items {
            self.report.count(Counter::TakenBack);
        }
        for id in taken.closes {
            self.report.count(Counter::ClosesTakenBack);
            self.sockets.reopen(id);
        }
    }

    /// The guest must go.
    pub(super) fn lose_guest(&mut self, failure: &Failure, alarm: Ended, now: u64) {
        let failure = &failure.with_reset();
        let grouped = self.outbox.is_grouped();
        if !grouped {
            self.outbox.begin_group();
        }
        self.end_tasks(failure, alarm, now);
        self.drop_bound_sockets(failure);
        match self.guest {
            Guest::Lives => {
                if !self.served {
                    // It is as if the constructor had failed: an event must pay, or it would be tried for ever.
                    self.report.count(Counter::StartCharges);
                    self.charge(failure, now);
                }
                self.guest = Guest::Leaves;
                self.stop_due = true;
                self.broken = Some(failure.clone());
            }
            Guest::Starting => self.doomed = Some(failure.clone()),
            Guest::None | Guest::Leaves => {}
        }
        if !grouped {
            self.outbox.end_group();
        }
    }

    pub(super) fn end_tasks(&mut self, failure: &Failure, alarm: Ended, now: u64) {
        self.running = None;
        self.ready.clear();
        self.sections.clear();
        for (_, task) in std::mem::take(&mut self.tasks) {
            match task.job {
                Job::Fetch { request, answered: false } => {
                    self.outbox.push(Out::Fail(RequestId(request), failure.clone().into()));
                }
                Job::Farewell(socket) => self.settle(socket),
                Job::Alarm => self.end_alarm(alarm, now),
                Job::Fetch { .. } | Job::Message | Job::Background | Job::Section(_) => {}
            }
        }
    }

    pub(super) fn end_alarm(&mut self, ended: Ended, now: u64) {
        if self.alarm.end(ended, now, self.outbox.written()) {
            self.report.count(Counter::AlarmsGivenUp);
        }
    }

    /// The event that a guest costs that broke down before its first one.
    pub(super) fn charge(&mut self, failure: &Failure, now: u64) -> Option<Event> {
        let event = self.take_front(now)?;
        match &event {
            Event::Fetch(request) => self.outbox.push(Out::Fail(*request, failure.clone().into())),
            Event::Close { socket, .. } | Event::Error { socket, .. } => {
                if let Some(socket) = self.sockets.get_mut(*socket) {
                    socket.farewell_charged = true;
                }
                self.settle(*socket);
            }
            Event::Alarm { .. } => self.end_alarm(Ended::Failed, now),
            Event::Message { .. } => {}
        }
        Some(event)
    }

    /// The close or error event of a socket has been handled.
    fn settle(&mut self, id: SocketId) {
        self.sockets.unlist(id);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.farewell = Farewell::Over;
        }
        self.answer_close(id);
        self.sockets.drop_if_over(id);
    }

    pub(super) fn answer_close(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.peer == Peer::SaidClose && socket.own == Own::No {
            if socket.half_open {
                self.report.count(Counter::HalfOpens);
                return;
            }
            socket.own = Own::Waits;
            let close = Box::new(socket.answer.clone());
            self.outbox.push(Out::Close { socket: id, close, after: After::KeepReading });
        }
    }

    /// Sockets that die with the guest.
    pub(super) fn drop_bound_sockets(&mut self, failure: &Failure) {
        for id in self.sockets.here() {
            if self.sockets.get(id).is_some_and(|socket| socket.mode != Mode::Hibernatable) {
                self.close_for_good(id, 1012, &failure.text);
            }
        }
    }

    pub(super) fn close_sockets(&mut self, code: u16, reason: &str) {
        for id in self.sockets.here() {
            self.close_for_good(id, code, reason);
        }
    }

    fn close_for_good(&mut self, id: SocketId, code: u16, reason: &str) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.dismissed = true;
        let (peer, own) = (socket.peer, socket.own);
        if peer != Peer::Gone {
            self.dismiss(id, own, Close { code: Some(code), reason: cut(reason) });
        }
        self.forget(id);
    }

    /// The guest breaks a socket off that is not hibernatable.
    pub(crate) fn disconnect(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.mode != Mode::Hibernatable) else { return };
        self.report.count(Counter::Disconnects);
        socket.dismissed = true;
        if socket.peer != Peer::Gone {
            self.outbox.push(Out::Cut(id));
        }
        self.forget(id);
    }

    /// Nobody is left who could accept a socket.
    pub(crate) fn forsake(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        match socket.mode {
            Mode::New => {
                self.report.count(Counter::Forsaken);
                self.disconnect(id);
            }
            Mode::Standard | Mode::Hibernatable => {}
        }
    }

    fn forget(&mut self, id: SocketId) {
        self.sockets.drop(id);
        self.mailbox.retain(|event| match event {
            Event::Message { socket, .. } | Event::Close { socket, .. } | Event::Error { socket, .. } => *socket != id,
            Event::Fetch(_) | Event::Alarm { .. } => true,
        });
    }
}

/// As many characters as fit.
fn cut(reason: &str) -> ByteString {
    let mut kept = String::new();
    for char in reason.chars() {
        if kept.len() + char.len_utf8() > CLOSE_REASON_LEN_MAX {
            break;
        }
        kept.push(char);
    }
    kept.into()
}
