//! What the guest's calls must do and return.

use bytes::Bytes;

use crate::TaskId;
use crate::error::SocketError;
use crate::limits::{CLOSE_REASON_LEN_MAX, OUTBOX_LEN_MAX};
use crate::mailbox::RequestId;
use crate::message::Message;
use crate::outbox::{After, Close, Out, SubrequestId};
use crate::sim::model::outbox::Room;
use crate::sim::model::sockets::{Own, Peer};
use crate::sim::model::{Broken, Job, Model, Task};
use crate::sim::report::Counter;
use crate::sockets::{AutoResponse, Mode, SocketId};

impl Model {
    pub(crate) fn new_socket(&mut self, id: SocketId) -> Result<(), Broken> {
        self.report.count(Counter::Sockets);
        if self.sockets.insert(id) {
            Ok(())
        } else {
            Err(Broken(format!("{id:?} was the id of another socket before")))
        }
    }

    /// Checks the outcome of a `send`.
    pub(crate) fn send(&mut self, id: SocketId, message: Message, got: &Result<(), SocketError>) -> Result<(), Broken> {
        let mut queues = false;
        let expected = match self.sockets.get(id) {
            None => Ok(()),
            Some(socket) if socket.mode == Mode::New => Err(SocketError::NotAccepted),
            Some(socket) if socket.peer == Peer::Gone => Ok(()),
            Some(socket) if socket.own != Own::No => Err(SocketError::SendAfterClose),
            Some(_) => match self.outbox.room(&message, 1) {
                Room::Yes => {
                    queues = true;
                    Ok(())
                }
                Room::No => Err(SocketError::OutboxFull),
                Room::Either => {
                    queues = got.is_ok();
                    if queues { Ok(()) } else { Err(SocketError::OutboxFull) }
                }
            },
        };
        if *got != expected {
            return Err(Broken(format!("send on {id:?} returns {got:?}, not {expected:?}")));
        }
        if queues {
            self.outbox.push(Out::Frame { socket: id, message });
        }
        if expected == Err(SocketError::OutboxFull) {
            let by_number = self.outbox.len() >= OUTBOX_LEN_MAX;
            self.report.count(if by_number { Counter::OutboxLenFull } else { Counter::OutboxBytesFull });
        }
        if expected.is_err() {
            self.report.count(Counter::SendErrors);
        }
        Ok(())
    }

    /// Checks the outcome of a broadcast, which leaves as if every receiver were sent to alone, in some order.
    pub(crate) fn broadcast(
        &mut self,
        message: &Message,
        tag: Option<&str>,
        except: &[SocketId],
        got: &Result<usize, SocketError>,
    ) -> Result<(), Broken> {
        let receivers = self.sockets.receivers(tag, except);
        let room = if receivers.is_empty() { Room::Yes } else { self.outbox.room(message, receivers.len()) };
        let queues = room == Room::Yes || room == Room::Either && got.is_ok();
        let expected = if queues { Ok(receivers.len()) } else { Err(SocketError::OutboxFull) };
        if *got != expected {
            return Err(Broken(format!("a broadcast returns {got:?}, not {expected:?}")));
        }
        if queues {
            self.outbox.begin_group();
            for socket in receivers {
                self.outbox.push(Out::Frame { socket, message: message.clone() });
            }
            self.outbox.end_group();
        }
        self.report.count(if queues { Counter::BroadcastsAtOnce } else { Counter::BroadcastsRefused });
        Ok(())
    }

    pub(crate) fn close(&mut self, id: SocketId, close: Close, now: u64) -> Result<(), SocketError> {
        if let Some(code) = close.code {
            let allowed = matches!(code, 1000..=4999) && !matches!(code, 1004 | 1005 | 1006 | 1015);
            if !allowed {
                return Err(SocketError::InvalidCloseCode(code));
            }
        }
        if close.reason.len() > CLOSE_REASON_LEN_MAX {
            return Err(SocketError::CloseReasonTooLong);
        }
        let deadline = now + self.options.close_timeout.as_millis() as u64;
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(()) };
        if socket.mode == Mode::New {
            return Err(SocketError::NotAccepted);
        }
        if socket.own == Own::No && socket.peer != Peer::Gone {
            socket.own = Own::Waits;
            if socket.peer == Peer::Open {
                self.sockets.await_answer(id, deadline);
            }
            self.outbox.push(Out::Close { socket: id, close: Box::new(close), after: After::KeepReading });
        }
        Ok(())
    }

    pub(crate) fn attach(&mut self, id: SocketId, value: Option<Bytes>) -> Result<(), SocketError> {
        self.sockets.attach(id, value)
    }

    pub(crate) fn set_auto_response(&mut self, pair: Option<AutoResponse>) {
        self.sockets.auto_response = pair;
    }

    /// The request that a task answers, if it has one that is not answered.
    pub(crate) fn respond(&mut self, task: TaskId) -> Option<RequestId> {
        match self.tasks.get_mut(&task).map(|task| &mut task.job) {
            Some(Job::Fetch { request, answered: answered @ false }) => {
                *answered = true;
                let request = RequestId(*request);
                self.outbox.push(Out::Respond(request));
                Some(request)
            }
            Some(Job::Fetch { .. }) => {
                self.report.count(Counter::SecondResponses);
                None
            }
            _ => None,
        }
    }

    pub(crate) fn subrequest(&mut self, id: u64) {
        self.outbox.push(Out::Subrequest(SubrequestId(id)));
    }

    pub(crate) fn spawned(&mut self, id: TaskId) -> Result<(), Broken> {
        self.report.count(Counter::Spawns);
        let section = self.section();
        self.new_task(id, Task { job: Job::Background, section, deadline: None })?;
        self.ready.push(id);
        Ok(())
    }

    /// Checks the outcome of `block`: its task, if the section was entered.
    pub(crate) fn blocked(&mut self, got: Option<TaskId>, now: u64) -> Result<(), Broken> {
        let around = self.section();
        let section = self.sections.enter(around, now);
        match (section, got) {
            (Some(section), Some(id)) => {
                self.report.count(if around.is_some() { Counter::SectionsNested } else { Counter::Sections });
                self.new_task(id, Task { job: Job::Section(section), section: Some(section), deadline: None })?;
                self.ready.push(id);
                Ok(())
            }
            (None, None) => {
                self.report.count(Counter::TooDeep);
                Ok(())
            }
            _ => Err(Broken(format!("entering a section gives {got:?}, with {} open or waiting", self.sections.len()))),
        }
    }

    /// The section that the running task belongs to.
    fn section(&self) -> Option<u32> {
        self.tasks.get(&self.running?)?.section
    }

    pub(crate) fn wrote(&mut self) {
        self.report.count(Counter::Writes);
        self.outbox.write();
    }

    pub(crate) fn change_alarm(&mut self, at: Option<u64>) {
        self.alarm.change(at, self.outbox.written());
    }
}
