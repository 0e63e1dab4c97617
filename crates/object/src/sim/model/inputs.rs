//! What must follow from what happens to an object.

use bytestring::ByteString;

use crate::TaskId;
use crate::failure::{Failure, Kind};
use crate::limits::{REQUESTS_QUEUED_MAX, SOCKET_MESSAGES_QUEUED_MAX};
use crate::mailbox::{Event, RequestId};
use crate::message::Message;
use crate::object::Reading;
use crate::outbox::{After, Close, Out};
use crate::sim::model::alarm::Ended;
use crate::sim::model::sockets::{Farewell, Own, Peer};
use crate::sim::model::{Guest, Model};
use crate::sim::report::Counter;
use crate::sockets::{Mode, SocketId};

const SECTION_TOO_LONG: &str = "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call \
    was canceled and the Durable Object was reset.";
const CODE_UPDATED: &str = "Durable Object reset because its code was updated.";
const EVENT_TOO_LONG: &str = "broken.dropped; Actor exceeded event execution time and was disconnected.";
const VANISHED: &str = "WebSocket disconnected without sending Close frame.";

impl Model {
    /// A request; false when it is refused.
    pub(crate) fn request(&mut self, request: u64) -> bool {
        let waiting = self.mailbox.iter().filter(|event| matches!(event, Event::Fetch(_))).count();
        if waiting >= REQUESTS_QUEUED_MAX {
            self.report.count(Counter::Overloads);
            return false;
        }
        self.report.count(Counter::Requests);
        self.open_requests.push(request);
        self.mailbox.push_back(Event::Fetch(RequestId(request)));
        true
    }

    pub(crate) fn message(&mut self, id: SocketId, message: Message, now: u64) {
        if self.sockets.get(id).is_none_or(|socket| socket.peer != Peer::Open) {
            return;
        }
        if let Message::Text(text) = &message
            && let Some(response) = self.sockets.auto_respond(id, text, now)
        {
            self.report.count(Counter::AutoResponses);
            if self.guest == Guest::None {
                self.report.count(Counter::AutoResponsesAsleep);
            }
            self.outbox.push(Out::Frame { socket: id, message: Message::Text(response) });
            return;
        }
        self.mailbox.push_back(Event::Message { socket: id, message });
    }

    pub(crate) fn reading(&self, id: SocketId) -> Reading {
        let of_socket = |event: &&Event| matches!(event, Event::Message { socket, .. } if *socket == id);
        let waiting = self.mailbox.iter().filter(of_socket).count() as u32;
        match self.sockets.get(id) {
            Some(socket) if socket.mode == Mode::New => Reading::Wait,
            Some(_) if waiting >= SOCKET_MESSAGES_QUEUED_MAX => Reading::Wait,
            _ => Reading::Go,
        }
    }

    pub(crate) fn close_came(&mut self, id: SocketId, close: Close) {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.peer == Peer::Open) else { return };
        socket.peer = Peer::SaidClose;
        socket.answer = close.clone();
        let code = close.code.unwrap_or(1005);
        self.queue_farewell(id, Event::Close { socket: id, code, reason: close.reason, was_clean: true });
    }

    pub(crate) fn gone(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.peer = Peer::Gone;
        if socket.mode != Mode::New {
            let reason = ByteString::from_static(VANISHED);
            self.queue_farewell(id, Event::Close { socket: id, code: 1006, reason, was_clean: false });
        }
        self.sockets.drop_if_over(id);
    }

    pub(crate) fn protocol_error(&mut self, id: SocketId, close: Close) {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.peer != Peer::Gone) else { return };
        socket.peer = Peer::Gone;
        let own = socket.own;
        self.dismiss(id, own, close.clone());
        self.queue_farewell(id, Event::Error { socket: id, error: close.reason });
        self.sockets.drop_if_over(id);
    }

    /// The last that the peer of a socket hears: a Close frame, unless it has had one.
    pub(super) fn dismiss(&mut self, id: SocketId, own: Own, close: Close) {
        self.outbox.push(match own {
            Own::No => Out::Close { socket: id, close: Box::new(close), after: After::Forget },
            Own::Waits | Own::Left => Out::Cut(id),
        });
    }

    fn queue_farewell(&mut self, id: SocketId, event: Event) {
        if let Some(socket) = self.sockets.get_mut(id)
            && socket.farewell == Farewell::No
        {
            socket.farewell = Farewell::Waits;
            self.mailbox.push_back(event);
        }
    }

    pub(crate) fn wake(&mut self, task: TaskId) {
        if !self.tasks.contains_key(&task) {
            self.report.count(Counter::StaleWakes);
        } else if !self.ready.contains(&task) {
            self.ready.push(task);
        }
    }

    pub(crate) fn time_passed(&mut self, now: u64) {
        while let Some((_, id)) = self.sockets.first_unanswered().filter(|(deadline, _)| *deadline <= now) {
            self.report.count(Counter::CloseTimeouts);
            self.outbox.push(Out::Cut(id));
            self.gone(id);
        }
        if self.sections.deadline().is_some_and(|deadline| deadline <= now) {
            self.report.count(Counter::SectionTimeouts);
            self.lose_guest(&Failure::new(SECTION_TOO_LONG).of_kind(Kind::Overloaded), Ended::Failed, now);
        }
        if self.tasks.values().any(|task| task.deadline.is_some_and(|deadline| deadline <= now)) {
            self.report.count(Counter::EventTimeouts);
            self.lose_guest(&Failure::new(EVENT_TOO_LONG).of_kind(Kind::Disconnected), Ended::Failed, now);
        }
        if self.outdated.is_some_and(|at| at <= now) && self.guest == Guest::Lives {
            self.report.count(Counter::ReplacementsForced);
            self.lost(&Failure::new(CODE_UPDATED).of_kind(Kind::Disconnected), now);
        }
    }

    pub(crate) fn committed(&mut self) -> u64 {
        self.report.count(Counter::Commits);
        self.outbox.commit()
    }

    pub(crate) fn durable(&mut self, pos: u64) {
        self.report.count(Counter::Confirmations);
        self.outbox.confirm(pos);
        self.alarm.keep(self.outbox.durable_write());
    }

    /// The constructor is about to run.
    pub(crate) fn constructs(&mut self) {
        self.start_mark = Some(self.outbox.len());
    }

    pub(crate) fn started(&mut self, now: u64) {
        self.report.count(Counter::Starts);
        self.guest = Guest::Lives;
        self.start_mark = None;
        self.last_active = now;
        if let Some(failure) = self.doomed.take() {
            // It read what is no more; no event is to blame.
            self.report.count(Counter::StartInterrupted);
            self.served = true;
            self.lose_guest(&failure, Ended::Disturbed, now);
        }
    }

    /// The constructor failed: returns the event that it costs.
    pub(crate) fn start_failed(&mut self, failure: &Failure, now: u64) -> Option<Event> {
        let failure = &failure.with_reset();
        self.report.count(Counter::StartFailures);
        self.take_back_constructor();
        self.alarm.lose(self.outbox.committed_write());
        self.outbox.begin_group();
        self.end_tasks(failure, Ended::Failed, now);
        self.drop_bound_sockets(failure);
        let event = self.charge(failure, now);
        self.outbox.end_group();
        self.doomed = None;
        self.outdated = None;
        self.guest = Guest::None;
        self.broken = Some(failure.clone());
        event
    }

    pub(crate) fn new_code(&mut self, by: u64) {
        if matches!(self.guest, Guest::Lives | Guest::Starting) {
            self.outdated = Some(self.outdated.map_or(by, |at| at.min(by)));
        }
    }

    pub(crate) fn stopped(&mut self) {
        self.outdated = None;
        self.guest = Guest::None;
    }

    pub(crate) fn shutdown(&mut self) {
        self.report.count(Counter::Shutdowns);
        self.outbox.begin_group();
        self.close_sockets(1001, "The server is shutting down.");
        self.outbox.end_group();
    }
}
