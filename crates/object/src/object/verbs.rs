//! What a guest asks of its object.
//!
//! Plain verbs: each takes effect at once in the object's state, and what it causes outside leaves by way of
//! the outbox. A verb about a socket that has ended does nothing, as in the reference runtime.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::alarm::{AlarmRecord, AlarmState};
use crate::error::{EventTimeoutTooLong, NestedTooDeeply, SocketError};
use crate::lifecycle::Phase;
use crate::limits::{CLOSE_REASON_LEN_MAX, EVENT_TIMEOUT_MAX};
use crate::mailbox::RequestId;
use crate::object::Object;
use crate::outbox::{Close, Out, Payload, SubrequestId};
use crate::sockets::{AutoResponse, Mode, Own, Peer, ReadyState, SlowClients, SocketId};
use crate::tasks::{Kind, TaskId};
use crate::time::Time;

impl Object {
    /// The server end of a new pair.
    pub fn new_socket(&mut self) -> SocketId {
        self.sockets.insert()
    }

    /// `acceptWebSocket`: the socket's events go to the handlers, and it outlives the guest.
    ///
    /// # Errors
    ///
    /// When the socket was accepted before, or a limit is met.
    pub fn accept_hibernatable(&mut self, id: SocketId, tags: &[&str]) -> Result<(), SocketError> {
        self.sockets.accept_hibernatable(id, tags)
    }

    /// `accept()`: the socket lives and dies with the guest. A `half_open` one is open in one direction when its peer
    /// has closed, until the guest closes it too; any other one is answered for before the guest hears of the close. A
    /// second call changes nothing.
    ///
    /// # Errors
    ///
    /// When it is hibernatable, or has ended.
    pub fn accept_standard(&mut self, id: SocketId, half_open: bool) -> Result<(), SocketError> {
        self.sockets.accept_standard(id, half_open)
    }

    /// Ends a socket without a Close frame, because a listener failed (reference 2.7), or because it was not accepted and
    /// never will be: what was sent before still leaves, and the guest hears no more of it. Does nothing to a
    /// hibernatable one.
    pub fn disconnect(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id).filter(|socket| socket.mode != Mode::Hibernatable) else { return };
        if socket.peer != Peer::Gone {
            self.outbox.push(Out::Cut(id));
            self.note_constructed();
        }
        self.sockets.remove(id);
        self.forget_events_of_missing_sockets();
    }

    /// [`Object::disconnect`] for a socket that was not accepted, because the guest can do so no more. Does nothing to any
    /// other.
    pub fn forsake(&mut self, id: SocketId) {
        if self.sockets.get(id).is_some_and(|socket| socket.mode == Mode::New) {
            self.disconnect(id);
        }
    }

    /// Sends a message. A socket whose peer has gone takes it silently.
    ///
    /// # Errors
    ///
    /// Before the socket was accepted, after its own close, or when too much waits to leave.
    pub fn send(&mut self, id: SocketId, payload: Payload<'_>) -> Result<(), SocketError> {
        let Some(socket) = self.sockets.get(id) else { return Ok(()) };
        match (socket.mode, socket.own, socket.peer) {
            (Mode::New, ..) => Err(SocketError::NotAccepted),
            (_, _, Peer::Gone) => Ok(()),
            (_, Own::Queued | Own::Sent, _) => Err(SocketError::SendAfterClose),
            (_, Own::Open, _) => {
                self.outbox.push_message(id, payload).map_err(|_| SocketError::OutboxFull)?;
                self.note_constructed();
                Ok(())
            }
        }
    }

    /// Sends a message to every open socket, or to those with a tag, but for some; to all of them or to none. Returns to
    /// how many. It leaves like as many sends one after the other. Our own: the reference has no such call.
    ///
    /// # Errors
    ///
    /// When too much waits to leave.
    pub fn broadcast(
        &mut self,
        payload: Payload<'_>,
        tag: Option<&str>,
        except: &[SocketId],
    ) -> Result<usize, SocketError> {
        let sockets = self.sockets.receivers(tag, except);
        let count = sockets.len();
        if count > 0 {
            self.outbox.push_broadcast(sockets, payload).map_err(|_| SocketError::OutboxFull)?;
            self.note_constructed();
        }
        Ok(count)
    }

    /// What becomes of clients that read too slowly, from now on; it outlives the guest. Nothing is what the operator
    /// has set.
    pub fn set_slow_clients(&mut self, rule: Option<SlowClients>) {
        self.slow_clients = rule;
    }

    /// What becomes of clients that read too slowly.
    pub fn slow_clients(&self) -> SlowClients {
        self.slow_clients.unwrap_or(self.options.slow_clients)
    }

    /// Closes a socket. A second close, and one of a socket whose peer has gone, do nothing.
    ///
    /// # Errors
    ///
    /// When the socket was not accepted, or the code or reason may not be sent.
    pub fn close(&mut self, id: SocketId, close: Close, now: Time) -> Result<(), SocketError> {
        check_close(&close)?;
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
        if socket.mode == Mode::New {
            return Err(SocketError::NotAccepted);
        }
        if socket.own != Own::Open || socket.peer == Peer::Gone {
            return Ok(());
        }
        if socket.peer == Peer::Open {
            self.sockets.await_answer(id, now.after(self.options.close_timeout));
        }
        self.push_close(id, close);
        self.note_constructed();
        Ok(())
    }

    /// `readyState` of a socket; one that has ended is closed.
    pub fn ready_state(&self, id: SocketId) -> ReadyState {
        self.sockets.get(id).map_or(ReadyState::Closed, |socket| socket.ready_state())
    }

    /// How the object took a socket, if it is still there.
    pub fn mode(&self, id: SocketId) -> Option<Mode> {
        self.sockets.get(id).map(|socket| socket.mode)
    }

    /// `getWebSockets`: newest first; with a tag, in the order of acceptance.
    pub fn sockets(&self, tag: Option<&str>) -> Vec<SocketId> {
        self.sockets.list(tag)
    }

    /// `getTags`.
    ///
    /// # Errors
    ///
    /// When the socket is not a hibernatable one of this object.
    pub fn tags(&self, id: SocketId) -> Result<Vec<Rc<str>>, SocketError> {
        self.sockets.tags(id)
    }

    /// Keeps bytes with a socket, or takes them away.
    ///
    /// # Errors
    ///
    /// When they are too many.
    pub fn set_attachment(&mut self, id: SocketId, value: Option<Bytes>) -> Result<(), SocketError> {
        self.sockets.set_attachment(id, value)
    }

    /// The bytes kept with a socket.
    pub fn attachment(&self, id: SocketId) -> Option<Bytes> {
        self.sockets.attachment(id)
    }

    /// Sets or takes away the text that the host answers by itself on every hibernatable socket.
    pub fn set_auto_response(&mut self, pair: Option<AutoResponse>) {
        self.sockets.set_auto_response(pair);
    }

    /// `setHibernatableWebSocketEventTimeout`: how long a handler of a socket's event may take from now on; the guest
    /// of one that takes longer is dropped. It outlives the guest. Nothing, or no time at all, lifts the limit.
    ///
    /// # Errors
    ///
    /// When it is longer than [`EVENT_TIMEOUT_MAX`].
    pub fn set_event_timeout(&mut self, timeout: Option<Duration>) -> Result<(), EventTimeoutTooLong> {
        if timeout.is_some_and(|timeout| timeout > EVENT_TIMEOUT_MAX) {
            return Err(EventTimeoutTooLong);
        }
        self.event_timeout = timeout.filter(|timeout| !timeout.is_zero());
        Ok(())
    }

    /// How long a handler of a socket's event may take.
    pub fn event_timeout(&self) -> Option<Duration> {
        self.event_timeout
    }

    /// The text that the host answers by itself.
    pub fn auto_response(&self) -> Option<&AutoResponse> {
        self.sockets.auto_response()
    }

    /// When the host last answered by itself on a socket.
    pub fn auto_responded(&self, id: SocketId) -> Option<Time> {
        self.sockets.auto_responded(id)
    }

    /// The response to the request of a `fetch` task is ready, and leaves when the writes before it are
    /// durable. `None` when the task has no request, or has responded; else its request.
    pub fn respond(&mut self, id: TaskId) -> Option<RequestId> {
        let Kind::Fetch { request, responded: responded @ false } = &mut self.tasks.get_mut(id)?.kind else {
            return None;
        };
        *responded = true;
        self.outbox.push(Out::Respond(*request));
        Some(*request)
    }

    /// A request to somebody else, which leaves when the writes before it are durable.
    pub fn request(&mut self, id: SubrequestId) {
        self.outbox.push(Out::Subrequest(id));
        self.note_constructed();
    }

    /// A further task of the guest, due at once. The object stays in memory until it has ended.
    pub fn spawn(&mut self) -> TaskId {
        let section = self.tasks.section_of(self.running);
        let id = self.tasks.insert(Kind::Background, section);
        self.tasks.wake(id);
        id
    }

    /// `blockConcurrencyWhile`: shuts the input gate now, for all but the returned task, which is due as soon as
    /// the sections before it have ended. When that task fails, the guest must go.
    ///
    /// # Errors
    ///
    /// When sections are nested too deeply.
    pub fn block(&mut self, now: Time) -> Result<TaskId, NestedTooDeeply> {
        let parent = self.tasks.section_of(self.running);
        let section = self.gate.enter(parent, now).map_err(|_| NestedTooDeeply)?;
        let id = self.tasks.insert(Kind::Section(section), Some(section));
        self.tasks.wake(id);
        Ok(id)
    }

    /// The guest has written to its storage: all that leaves from here on waits for the turn's commit.
    pub fn wrote(&mut self) {
        self.outbox.wrote();
    }

    /// Sets the alarm. The host stores it with the guest's other writes and says so with [`Object::wrote`] first:
    /// when they are lost, so is this.
    pub fn set_alarm(&mut self, at: Time) {
        self.remember_alarm();
        self.alarm.set(at);
    }

    /// Takes the alarm away, as a write like the above. A run under way goes on.
    pub fn delete_alarm(&mut self) {
        self.remember_alarm();
        self.alarm.delete();
    }

    /// When the alarm is set for.
    pub fn alarm(&self) -> Option<Time> {
        self.alarm.get()
    }

    /// What is to be stored of the alarm, whenever it differs from what is stored.
    pub fn alarm_record(&self) -> Option<AlarmRecord> {
        self.alarm.record()
    }

    /// What the alarm is at this moment: before a transaction, which may be rolled back.
    pub fn alarm_state(&self) -> AlarmState {
        AlarmState(self.alarm)
    }

    /// The transaction before which the alarm was like this is rolled back.
    pub fn restore_alarm_state(&mut self, before: AlarmState) {
        self.alarm = before.0;
    }

    /// A transaction that was kept apart from the writes of its turns has ended well, and is a write of this turn. When
    /// that is lost, the alarm is again what it was before it.
    pub fn wrote_transaction(&mut self, before: AlarmState) {
        let after = std::mem::replace(&mut self.alarm, before.0);
        self.wrote();
        self.remember_alarm();
        self.alarm = after;
    }

    fn note_constructed(&mut self) {
        self.constructed += usize::from(self.phase == Phase::Starting);
    }
}

/// Codes that an endpoint may send: RFC 6455, section 7.4, and reference 1.6.
fn check_close(close: &Close) -> Result<(), SocketError> {
    match close.code {
        Some(code @ (0..=999 | 1004..=1006 | 1015 | 5000..)) => Err(SocketError::InvalidCloseCode(code)),
        _ if close.reason.len() > CLOSE_REASON_LEN_MAX => Err(SocketError::CloseReasonTooLong),
        _ => Ok(()),
    }
}
