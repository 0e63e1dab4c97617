//! How things end: a guest, its tasks, a socket's closing handshake.
//!
//! Invariant: whoever waits for something that ends here is told. A request gets a failure, a peer a Close
//! frame, the alarm its retry.

use bytestring::ByteString;

use crate::alarm::AlarmOutcome;
use crate::failure::Failure;
use crate::lifecycle::{Move, Phase};
use crate::limits::CLOSE_REASON_LEN_MAX;
use crate::mailbox::Event;
use crate::object::Object;
use crate::outbox::{After, Close, Out};
use crate::sockets::{Farewell, Mode, Own, Peer, SocketId};
use crate::tasks::Kind;
use crate::time::Time;

impl Object {
    /// The guest is no more: its tasks end, its own sockets close, and the host is told to drop it. Whoever has reached
    /// this instance shall know how it broke.
    pub(super) fn lose_guest(&mut self, failure: &Failure, alarm: AlarmOutcome, now: Time) {
        let failure = &failure.with_reset();
        self.end_tasks(failure, alarm, now);
        for id in self.sockets.ids() {
            if self.sockets.get(id).is_some_and(|socket| socket.mode != Mode::Hibernatable) {
                self.forget_socket(id, 1012, &failure.text);
            }
        }
        self.forget_events_of_missing_sockets();
        match self.phase {
            Phase::Resident => {
                if !self.served {
                    // The next guest would break down over the same event again, for ever.
                    self.charge_event(failure, now);
                }
                self.go(Move::Stop);
                self.stop_due = true;
                self.broken = Some(failure.clone().into());
            }
            Phase::Starting => self.doomed = Some(failure.clone().into()),
            Phase::Cold | Phase::Stopping | Phase::Hibernated => {}
        }
        self.note_if_emptied();
    }

    /// Takes the event that is next as the price of a guest that broke down before its first one.
    pub(super) fn charge_event(&mut self, failure: &Failure, now: Time) -> Option<Event> {
        let event = self.take_event(now)?;
        match &event {
            Event::Fetch(request) => self.outbox.push(Out::Fail(*request, failure.clone().into())),
            Event::Close { socket, .. } | Event::Error { socket, .. } => self.settle_farewell(*socket),
            Event::Alarm { .. } => self.finish_alarm(AlarmOutcome::HandlerFailed, now),
            Event::Message { .. } => {}
        }
        Some(event)
    }

    /// What the constructor under way sent will not leave.
    pub(super) fn take_back_constructor(&mut self) {
        let closes = self.outbox.take_back(std::mem::take(&mut self.constructed));
        self.reopen(closes);
    }

    /// The writes of the turn under way are lost, and all that hangs on them.
    pub(super) fn roll_back(&mut self, failure: &Failure) {
        let closes = self.outbox.roll_back(failure);
        self.reopen(closes);
        self.restore_alarm();
    }

    /// All writes that are not durable are lost, and all that hangs on them.
    pub(super) fn break_gate(&mut self, failure: &Failure) {
        let closes = self.outbox.break_gate(failure);
        self.reopen(closes);
        self.restore_alarm();
    }

    fn reopen(&mut self, closes: Vec<SocketId>) {
        for id in closes {
            self.sockets.reopen(id);
        }
    }

    /// Notes what the alarm is before a change that is lost if the writes made so far are.
    pub(super) fn remember_alarm(&mut self) {
        let change = self.outbox.position();
        if change > self.outbox.durable() && self.alarms_before.back().is_none_or(|(last, _)| *last < change) {
            self.alarms_before.push_back((change, self.alarm));
        }
    }

    /// The alarm is again what it was before the writes that were lost.
    fn restore_alarm(&mut self) {
        let kept = self.outbox.committed();
        while let Some((_, before)) = self.alarms_before.pop_back_if(|(change, _)| *change > kept) {
            self.alarm = before;
        }
    }

    pub(super) fn end_tasks(&mut self, failure: &Failure, alarm: AlarmOutcome, now: Time) {
        self.running = None;
        self.gate.clear();
        for kind in self.tasks.clear() {
            match kind {
                Kind::Fetch { request, responded: false } => {
                    self.outbox.push(Out::Fail(request, failure.clone().into()))
                }
                Kind::Farewell(socket) => {
                    self.sockets.unlist(socket);
                    self.settle_farewell(socket);
                }
                Kind::Alarm => self.finish_alarm(alarm, now),
                Kind::Fetch { .. } | Kind::Message | Kind::Background | Kind::Section(_) => {}
            }
        }
    }

    pub(super) fn close_sockets(&mut self, code: u16, reason: &str) {
        for id in self.sockets.ids() {
            self.forget_socket(id, code, reason);
        }
        self.forget_events_of_missing_sockets();
        self.note_if_emptied();
    }

    /// Closes a socket whose end the object does not want to hear of.
    pub(super) fn forget_socket(&mut self, id: SocketId, code: u16, reason: &str) {
        if let Some(socket) = self.sockets.get(id).filter(|socket| socket.peer != Peer::Gone) {
            self.dismiss(id, socket.own, Close { code: Some(code), reason: fitting(reason) });
        }
        self.sockets.remove(id);
    }

    /// The last that leaves for a socket: a Close frame, or the end of the connection when one was sent before.
    pub(super) fn dismiss(&mut self, id: SocketId, own: Own, close: Close) {
        self.outbox.push(match own {
            Own::Open => Out::Close { socket: id, close: Box::new(close), after: After::Forget },
            Own::Queued | Own::Sent => Out::Cut(id),
        });
    }

    pub(super) fn forget_events_of_missing_sockets(&mut self) {
        let sockets = &self.sockets;
        self.mailbox.forget_sockets(|id| sockets.get(id).is_none());
    }

    pub(super) fn queue_farewell(&mut self, id: SocketId, event: Event) {
        if let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.farewell == Farewell::None) {
            socket.farewell = Farewell::Queued;
            self.mailbox.push(event);
        }
    }

    /// The handler of a socket's farewell has ended. A Close that it left unanswered is answered now: the
    /// reference runtime leaves its client waiting there (reference 0, 2.5).
    pub(super) fn settle_farewell(&mut self, id: SocketId) {
        self.sockets.unlist(id);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.farewell = Farewell::Settled;
        }
        self.answer_close(id);
        self.sockets.remove_if_over(id);
        self.note_if_emptied();
    }

    /// Answers the peer's Close frame with the same content, if the object has not closed and does not want to.
    pub(super) fn answer_close(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        if socket.answers() {
            let close = socket.answer.as_deref().cloned().unwrap_or_default();
            self.push_close(id, close);
        }
    }

    pub(super) fn push_close(&mut self, id: SocketId, close: Close) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.own = Own::Queued;
        }
        self.outbox.push(Out::Close { socket: id, close: Box::new(close), after: After::KeepReading });
    }

    pub(super) fn finish_alarm(&mut self, outcome: AlarmOutcome, now: Time) {
        // xorshift64: enough to spread retries, and reproducible from the seed.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.alarm.finish(outcome, now, self.random);
    }

    pub(super) fn note_if_emptied(&mut self) {
        if self.phase == Phase::Hibernated && self.sockets.is_empty() {
            self.go(Move::Emptied);
        }
    }
}

/// As much of a reason as fits in a Close frame.
fn fitting(reason: &str) -> ByteString {
    ByteString::from(&reason[..reason.floor_char_boundary(CLOSE_REASON_LEN_MAX)])
}
