//! The guest: code that does anything that a guest can do, in any order, and much that it should not.
//!
//! Every verb goes to the object and to the model, and their answers are compared.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;

use crate::TaskId;
use crate::error::SocketError;
use crate::limits::{ATTACHMENT_LEN_MAX, AUTO_RESPONSE_LEN_MAX, CLOSE_REASON_LEN_MAX, EVENT_TIMEOUT_MAX, TAG_LEN_MAX};
use crate::mailbox::Event;
use crate::message::Message;
use crate::outbox::{Close, Payload, SubrequestId};
use crate::sim::model::{Broken, Job};
use crate::sim::report::Counter;
use crate::sim::swarm::Verb;
use crate::sim::world::World;
use crate::sim::world::peers::{Connection, PING};
use crate::sockets::{AutoResponse, SlowClients, SocketId};
use crate::time::Time;

/// Tags that sockets get.
pub(super) const TAGS: [&str; 4] = ["red", "green", "blue", "all"];
/// Sections that the guest has at most.
const SECTIONS_MAX: usize = 100;
/// More bytes than anything short may have.
const LONG: &[u8] = &[b'x'; ATTACHMENT_LEN_MAX + 1];

impl World<'_> {
    /// Some verbs, of a task or of a constructor.
    pub(super) fn act_as_guest(&mut self, turn: Option<(TaskId, Option<&Event>)>) -> Result<(), Broken> {
        let task = turn.map(|(task, _)| task);
        if let Some((task, Some(Event::Fetch(request)))) = turn {
            let upgrade = self.requests[request.0 as usize].upgrade;
            if self.random.percent(if upgrade { 85 } else { 50 }) {
                if upgrade {
                    self.pair()?;
                }
                self.respond(task)?;
            }
        }
        for _ in 0..self.random.below(4) {
            let verb = self.swarm.verb(&mut self.random);
            self.verb(verb, task)?;
        }
        Ok(())
    }

    /// The shortest way to the end of a task.
    pub(super) fn act_well(&mut self, task: TaskId, job: Job) -> Result<(), Broken> {
        match job {
            Job::Fetch { answered: false, .. } => self.respond(task),
            _ => Ok(()),
        }
    }

    fn verb(&mut self, verb: Verb, task: Option<TaskId>) -> Result<(), Broken> {
        match verb {
            Verb::Write => self.write(),
            Verb::Send => {
                let text = if self.random.percent(20) { ByteString::from_static("same") } else { self.new_text() };
                let Some(id) = self.some_socket() else { return Ok(()) };
                self.send_some(id, &text)
            }
            Verb::Broadcast => self.broadcast(),
            Verb::BroadcastAtOnce => self.broadcast_at_once(),
            Verb::Close => self.close(),
            Verb::Attach => self.attach(),
            Verb::Pair => self.pair(),
            Verb::Accept => match self.some_socket() {
                Some(id) => self.accept(id),
                None => Ok(()),
            },
            Verb::Query => self.compare_all(),
            Verb::AutoResponse => self.auto_response(),
            Verb::EventTimeout => self.event_timeout(),
            Verb::SlowClients => self.slow_clients(),
            Verb::Disconnect => self.disconnect(),
            Verb::SetAlarm => {
                let at = (self.now + self.random.below(5_000)).saturating_sub(self.random.pick([0, 0, 3_000]));
                self.change_alarm(Some(at))
            }
            Verb::DeleteAlarm => self.change_alarm(None),
            Verb::Spawn => self.spawn(),
            // A list of thousands would only take time.
            Verb::Block if self.model.sections.len() < SECTIONS_MAX => self.block(),
            Verb::Block => Ok(()),
            Verb::Respond => match task {
                Some(task) => self.respond(task),
                None => Ok(()),
            },
            Verb::RespondOther => match self.some_task() {
                Some(task) => self.respond(task),
                None => Ok(()),
            },
            Verb::Subrequest => {
                self.subrequests += 1;
                let number = self.subrequests;
                self.note(|| format!("subrequest {number}"));
                self.object.request(SubrequestId(number));
                self.model.subrequest(number);
                Ok(())
            }
            Verb::Wake => self.wake_some(),
        }
    }

    /// A socket that was made at some time, more likely a young one.
    fn some_socket(&mut self) -> Option<SocketId> {
        let len = self.connections.len();
        let young = if self.random.percent(70) { len.min(4) } else { len };
        let at = len - young + self.random.index(young)?;
        let id = self.connections[at].socket;
        if self.model.sockets.get(id).is_none() {
            self.model.report.count(Counter::StaleSockets);
        }
        Some(id)
    }

    pub(crate) fn write(&mut self) -> Result<(), Broken> {
        self.note(|| "write".to_owned());
        self.object.wrote();
        self.model.wrote();
        Ok(())
    }

    fn send_some(&mut self, id: SocketId, text: &ByteString) -> Result<(), Broken> {
        let binary = self.random.percent(15);
        self.send(id, if binary { Message::Binary(text.as_bytes().clone()) } else { Message::Text(text.clone()) })
    }

    pub(crate) fn send(&mut self, id: SocketId, message: Message) -> Result<(), Broken> {
        let got = self.object.send(
            id,
            match &message {
                Message::Text(text) => Payload::Text(text),
                Message::Binary(bytes) => Payload::Binary(bytes),
            },
        );
        self.note(|| format!("send {} bytes on {id:?}: {got:?}", message.len()));
        self.model.send(id, message, &got)
    }

    pub(crate) fn spawn(&mut self) -> Result<(), Broken> {
        let id = self.object.spawn();
        self.note(|| format!("spawn: {id:?}"));
        self.tasks.push(id);
        self.model.spawned(id)
    }

    /// A hibernatable socket whose peer is there.
    pub(crate) fn open_socket(&mut self) -> Result<SocketId, Broken> {
        let id = self.object.new_socket();
        self.model.new_socket(id)?;
        let mut connection = Connection::new(id);
        connection.open = true;
        connection.attached = true;
        self.connections.push(connection);
        let (got, expected) =
            (self.object.accept_hibernatable(id, &[]), self.model.sockets.accept_hibernatable(id, &[]));
        self.agree("acceptWebSocket", &got, &expected)?;
        Ok(id)
    }

    fn broadcast(&mut self) -> Result<(), Broken> {
        self.model.report.count(Counter::Broadcasts);
        let tag = if self.random.percent(50) { None } else { Some(self.random.pick(TAGS)) };
        let (got, expected) = (self.object.sockets(tag), self.model.sockets.list(tag));
        self.agree("the list of sockets", &got, &expected)?;
        let text = self.new_text();
        got.into_iter().try_for_each(|id| self.send_some(id, &text))
    }

    fn broadcast_at_once(&mut self) -> Result<(), Broken> {
        let tag = if self.random.percent(50) { None } else { Some(self.random.pick(TAGS)) };
        let except: Vec<_> = (0..self.random.below(3)).filter_map(|_| self.some_socket()).collect();
        let text = if self.random.percent(20) { ByteString::from_static("same") } else { self.new_text() };
        let got = self.object.broadcast(Payload::Text(&text), tag, &except);
        self.note(|| format!("broadcast {text:?} to {tag:?} except {except:?}: {got:?}"));
        self.model.broadcast(&Message::Text(text), tag, &except, &got)
    }

    fn slow_clients(&mut self) -> Result<(), Broken> {
        let rule = self.random.pick([None, Some(SlowClients::Close), Some(SlowClients::DropOldest)]);
        self.note(|| format!("slow clients: {rule:?}"));
        self.object.set_slow_clients(rule);
        self.model.slow_clients = rule.unwrap_or(self.swarm.options.slow_clients);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Broken> {
        let Some(id) = self.some_socket() else { return Ok(()) };
        let good = [None, Some(1000), Some(1001), Some(3000), Some(4999), Some(1003), Some(1014), Some(1016)];
        let bad = [Some(0), Some(999), Some(1004), Some(1005), Some(1006), Some(1015), Some(5000), Some(u16::MAX)];
        let code = if self.random.percent(80) { self.random.pick(good) } else { self.random.pick(bad) };
        let reason = match self.random.below(8) {
            0 if code.is_some() => "x".repeat(CLOSE_REASON_LEN_MAX).into(),
            1 if code.is_some() => "x".repeat(CLOSE_REASON_LEN_MAX + 1).into(),
            2 if code.is_some() => self.new_text(),
            _ => ByteString::new(),
        };
        let close = Close { code, reason };
        let got = self.object.close(id, close.clone(), self.time());
        self.note(|| format!("close {id:?} with {close:?}: {got:?}"));
        let expected = self.model.close(id, close, self.now);
        if got.is_err() {
            self.model.report.count(Counter::CloseErrors);
        }
        self.agree("close", &got, &expected)
    }

    fn attach(&mut self) -> Result<(), Broken> {
        let Some(id) = self.some_socket() else { return Ok(()) };
        let value = match self.random.below(8) {
            0 => None,
            1 => Some(Bytes::from_static(LONG)),
            2 => Some(Bytes::from_static(&LONG[1..])),
            _ => Some(self.new_text().into_bytes()),
        };
        let got = self.object.set_attachment(id, value.clone());
        if got.is_err() {
            self.model.report.count(Counter::AttachErrors);
        }
        let expected = self.model.attach(id, value);
        self.agree("set_attachment", &got, &expected)
    }

    /// A new pair, which mostly is accepted at once.
    fn pair(&mut self) -> Result<(), Broken> {
        let id = self.object.new_socket();
        self.note(|| format!("new socket {id:?}"));
        self.model.new_socket(id)?;
        self.connections.push(Connection::new(id));
        if self.random.percent(90) { self.accept(id) } else { Ok(()) }
    }

    fn accept(&mut self, id: SocketId) -> Result<(), Broken> {
        if self.random.percent(self.swarm.standard) {
            let half_open = self.random.percent(self.swarm.half_open);
            let got = self.object.accept_standard(id, half_open);
            self.note(|| format!("accept {id:?}, half-open {half_open}: {got:?}"));
            let expected = self.model.sockets.accept_standard(id, half_open);
            self.model.report.count(if got.is_ok() { Counter::AcceptsStandard } else { Counter::AcceptErrors });
            return self.agree("accept", &got, &expected);
        }
        let long = "t".repeat(TAG_LEN_MAX + 1);
        let many = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "10"];
        let (one, other) = (self.random.pick(TAGS), self.random.pick(TAGS));
        let few = [one, other, "all"];
        let tags = match self.random.below(24) {
            0 => &many[..],
            1 => &many[..11],
            2 => &[one, &long][..],
            3 => &[&long[1..]][..],
            number => &few[..number as usize % 4],
        };
        let got = self.object.accept_hibernatable(id, tags);
        self.note(|| format!("acceptWebSocket {id:?} with {} tags: {got:?}", tags.len()));
        let expected = self.model.sockets.accept_hibernatable(id, tags);
        if expected == Err(SocketError::TooManySockets) {
            self.model.report.count(Counter::SocketsFull);
        }
        self.model.report.count(if got.is_ok() { Counter::Accepts } else { Counter::AcceptErrors });
        self.agree("acceptWebSocket", &got, &expected)
    }

    fn auto_response(&mut self) -> Result<(), Broken> {
        let long = std::str::from_utf8(&LONG[..=AUTO_RESPONSE_LEN_MAX]).unwrap_or_default();
        let pair = match self.random.below(8) {
            0 => None,
            1 => match AutoResponse::new(PING, long) {
                Ok(_) => return Err(Broken("an auto-response that is too long was taken".to_owned())),
                Err(_) => return Ok(()),
            },
            2 => AutoResponse::new(PING, &long[1..]).ok(),
            _ => AutoResponse::new(PING, &self.new_text()).ok(),
        };
        self.note(|| format!("auto-response {:?}", pair.as_ref().map(|pair| pair.response.len())));
        self.object.set_auto_response(pair.clone());
        self.model.set_auto_response(pair);
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), Broken> {
        let Some(id) = self.some_socket() else { return Ok(()) };
        if self.random.percent(30) {
            self.note(|| format!("forsake {id:?}"));
            self.object.forsake(id);
            self.model.forsake(id);
        } else {
            self.note(|| format!("disconnect {id:?}"));
            self.object.disconnect(id);
            self.model.disconnect(id);
        }
        Ok(())
    }

    fn event_timeout(&mut self) -> Result<(), Broken> {
        let max = EVENT_TIMEOUT_MAX.as_millis() as u64;
        let timeout = self.random.pick([None, Some(0), Some(1), Some(500), Some(3_000), Some(max), Some(max + 1)]);
        self.note(|| format!("event timeout {timeout:?}"));
        let taken = self.object.set_event_timeout(timeout.map(Duration::from_millis)).is_ok();
        if taken {
            self.model.event_timeout = timeout.filter(|timeout| *timeout > 0);
        }
        self.agree("whether an event timeout is taken", &taken, &timeout.is_none_or(|timeout| timeout <= max))?;
        let got = self.object.event_timeout().map(|timeout| timeout.as_millis() as u64);
        self.agree("event timeout", &got, &self.model.event_timeout)
    }

    /// An alarm is kept with the object's data: to change it is to write.
    fn change_alarm(&mut self, at: Option<u64>) -> Result<(), Broken> {
        self.write()?;
        self.note(|| format!("alarm: {at:?}"));
        match at {
            Some(at) => self.object.set_alarm(Time::from_millis(at)),
            None => self.object.delete_alarm(),
        }
        self.model.change_alarm(at);
        self.agree("alarm", &self.object.alarm().map(Time::as_millis), &self.model.alarm.get())
    }

    pub(super) fn block(&mut self) -> Result<(), Broken> {
        let got = self.object.block(self.time()).ok();
        self.note(|| format!("block: {got:?}"));
        self.tasks.extend(got);
        self.model.blocked(got, self.now)
    }

    fn respond(&mut self, task: TaskId) -> Result<(), Broken> {
        if let Some(Job::Fetch { request, answered: false }) = self.model.tasks.get(&task).map(|task| task.job) {
            self.attach_socket(request);
        }
        let got = self.object.respond(task);
        self.note(|| format!("respond for {task:?}: {got:?}"));
        let expected = self.model.respond(task);
        self.agree("respond", &got, &expected)
    }

    /// A response to an upgrade carries a socket that no other one carries: the youngest.
    fn attach_socket(&mut self, request: u64) {
        let request = &mut self.requests[request as usize];
        if request.upgrade
            && let Some(connection) = self.connections.last_mut().filter(|have| !have.attached && !have.gone)
        {
            connection.attached = true;
            request.socket = Some(connection.socket);
        }
    }
}
