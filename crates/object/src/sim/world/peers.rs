//! Clients: they ask, open sockets, talk, close, break the protocol and vanish.
//!
//! What a peer sends stands on its wire until the host reads it; what reaches it is checked against RFC 6455:
//! one Close frame at most, nothing after it, nothing after the end of the connection.

use std::collections::VecDeque;

use bytes::Bytes;
use bytestring::ByteString;

use crate::mailbox::RequestId;
use crate::message::Message;
use crate::object::{Overloaded, Reading};
use crate::outbox::{After, Close, Out};
use crate::sim::model::Broken;
use crate::sim::world::World;
use crate::sockets::{Mode, SocketId};

/// What a peer puts on the wire.
#[derive(Clone, Debug)]
enum Sent {
    Message(Message),
    Close(Close),
    Garbage,
    End,
}

/// One socket's connection to its peer.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: SocketId,
    /// Whether the peer has the response that opens it.
    pub(crate) open: bool,
    /// Whether a response carries it, or will.
    pub(crate) attached: bool,
    /// What was sent and not read.
    wire: VecDeque<Sent>,
    /// Whether the peer has sent its Close frame, or will send nothing more for another reason.
    silent: bool,
    /// Whether its Close frame has been read.
    close_read: bool,
    /// Whether the host has told the object that it is gone, or needs not.
    pub(crate) gone: bool,
    /// Whether a Close frame has left for the peer.
    close_left: bool,
    /// Whether the host is to end it alone.
    pub(crate) released: bool,
    /// Whether it was cut.
    cut: bool,
}

impl Connection {
    pub(crate) fn new(socket: SocketId) -> Self {
        Self {
            socket,
            open: false,
            attached: false,
            wire: VecDeque::new(),
            silent: false,
            close_read: false,
            gone: false,
            close_left: false,
            released: false,
            cut: false,
        }
    }

    /// Whether the host has all that it needs to end it, or has ended it.
    pub(crate) fn is_over(&self) -> bool {
        self.gone || self.released || self.cut || (self.close_left && self.close_read)
    }
}

/// A request that somebody made.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) upgrade: bool,
    /// The socket that its response carries.
    pub(crate) socket: Option<SocketId>,
}

pub(crate) const PING: &str = "ping";

impl World<'_> {
    pub(crate) fn ask(&mut self, upgrade: bool) -> Result<(), Broken> {
        let number = self.requests.len() as u64;
        self.requests.push(Request { upgrade, socket: None });
        let got = self.object.handle_request(RequestId(number));
        self.note(|| format!("request {number}, upgrade {upgrade}: {got:?}"));
        let expected = if self.model.request(number) { Ok(()) } else { Err(Overloaded) };
        self.agree("a request", &got, &expected)
    }

    /// A connection whose peer can still send.
    fn talker(&mut self) -> Option<usize> {
        let len = self.connections.len();
        let start = self.random.index(len)?;
        (0..len.min(8)).map(|offset| (start + offset) % len).find(|at| {
            let connection = &self.connections[*at];
            connection.open && !connection.silent && !connection.gone
        })
    }

    pub(super) fn new_text(&mut self) -> ByteString {
        self.texts += 1;
        ByteString::from(format!("m{}", self.texts))
    }

    fn put(&mut self, at: usize, sent: Sent) {
        self.note(|| format!("peer {at} sends {sent:?}"));
        self.connections[at].wire.push_back(sent);
    }

    pub(super) fn peer_sends_text(&mut self) -> Result<(), Broken> {
        let Some(at) = self.talker() else { return Ok(()) };
        let text = self.new_text();
        self.put(at, Sent::Message(Message::Text(text)));
        Ok(())
    }

    pub(super) fn peer_sends_ping(&mut self) -> Result<(), Broken> {
        let Some(at) = self.talker() else { return Ok(()) };
        self.put(at, Sent::Message(Message::Text(ByteString::from_static(PING))));
        Ok(())
    }

    pub(super) fn peer_sends_binary(&mut self) -> Result<(), Broken> {
        let Some(at) = self.talker() else { return Ok(()) };
        // The bytes of an auto-response's request are none: only text is answered.
        let bytes =
            if self.random.percent(50) { Bytes::from_static(PING.as_bytes()) } else { self.new_text().into_bytes() };
        self.put(at, Sent::Message(Message::Binary(bytes)));
        Ok(())
    }

    pub(super) fn peer_closes(&mut self) -> Result<(), Broken> {
        let Some(at) = self.talker() else { return Ok(()) };
        let code = self.random.pick([None, Some(1000), Some(1001), Some(3000), Some(4999)]);
        let reason = if code.is_some() && self.random.percent(50) { self.new_text() } else { ByteString::new() };
        self.connections[at].silent = true;
        self.put(at, Sent::Close(Close { code, reason }));
        Ok(())
    }

    /// A peer breaks the protocol, or reads so slowly that the host has enough of it.
    pub(super) fn peer_breaks(&mut self) -> Result<(), Broken> {
        if self.random.percent(70) {
            if let Some(at) = self.talker() {
                self.put(at, Sent::Garbage);
            }
            return Ok(());
        }
        let Some(at) = self.random.index(self.connections.len()) else { return Ok(()) };
        let id = self.connections[at].socket;
        let accepted = self.model.sockets.get(id).is_some_and(|socket| socket.mode != Mode::New);
        if accepted { self.protocol_error(at) } else { Ok(()) }
    }

    fn protocol_error(&mut self, at: usize) -> Result<(), Broken> {
        let connection = &mut self.connections[at];
        connection.silent = true;
        connection.wire.clear();
        let id = connection.socket;
        let close = Close { code: Some(self.random.pick([1002, 1007, 1009, 1013])), reason: self.new_text() };
        self.note(|| format!("connection {at} is ended with {close:?}"));
        self.object.handle_protocol_error(id, close.clone());
        self.model.protocol_error(id, close);
        Ok(())
    }

    /// A peer ends its connection; what it sent before is read first.
    pub(super) fn peer_ends(&mut self) -> Result<(), Broken> {
        let len = self.connections.len();
        let Some(at) = self.random.index(len).filter(|at| self.connections[*at].open) else { return Ok(()) };
        self.connections[at].silent = true;
        self.put(at, Sent::End);
        Ok(())
    }

    /// A connection breaks: what was not read is lost.
    pub(super) fn peer_vanishes(&mut self) -> Result<(), Broken> {
        let len = self.connections.len();
        let Some(at) = self.random.index(len) else { return Ok(()) };
        if self.connections[at].open { self.vanish(at) } else { Ok(()) }
    }

    pub(super) fn vanish(&mut self, at: usize) -> Result<(), Broken> {
        let connection = &mut self.connections[at];
        if connection.gone {
            return Ok(());
        }
        connection.gone = true;
        connection.silent = true;
        connection.wire.clear();
        let id = connection.socket;
        self.note(|| format!("peer {at} is gone"));
        self.object.handle_gone(id);
        self.model.gone(id);
        Ok(())
    }

    /// The host reads some frames of one connection, if the object lets it.
    pub(super) fn read(&mut self) -> Result<(), Broken> {
        let len = self.connections.len();
        let Some(start) = self.random.index(len) else { return Ok(()) };
        for offset in 0..len.min(8) {
            let at = (start + offset) % len;
            if !self.connections[at].wire.is_empty() {
                let most = 1 + self.random.below(3);
                for _ in 0..most {
                    if !self.read_one(at)? {
                        break;
                    }
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads all that may be read; true when something was.
    pub(super) fn read_all(&mut self) -> Result<bool, Broken> {
        let mut any = false;
        for at in 0..self.connections.len() {
            while !self.connections[at].wire.is_empty() && self.read_one(at)? {
                any = true;
            }
        }
        Ok(any)
    }

    fn read_one(&mut self, at: usize) -> Result<bool, Broken> {
        let connection = &mut self.connections[at];
        let id = connection.socket;
        if connection.gone || connection.released || connection.cut {
            connection.wire.clear();
            return Ok(false);
        }
        let (got, expected) = (self.object.reading(id), self.model.reading(id));
        self.agree("reading", &got, &expected)?;
        if got == Reading::Wait {
            return Ok(false);
        }
        let connection = &mut self.connections[at];
        let Some(sent) = connection.wire.pop_front() else { return Ok(false) };
        self.note(|| format!("host reads {sent:?} of peer {at}"));
        match sent {
            // After a Close frame a peer has nothing to say.
            Sent::Message(_) | Sent::Garbage | Sent::Close(_) if self.connections[at].close_read => {}
            Sent::Message(message) => {
                self.object.handle_message(id, message.clone(), self.time());
                self.model.message(id, message, self.now);
            }
            Sent::Close(close) => {
                self.connections[at].close_read = true;
                self.object.handle_close(id, close.clone());
                self.model.close_came(id, close);
            }
            Sent::Garbage => self.protocol_error(at)?,
            Sent::End => self.vanish(at)?,
        }
        Ok(true)
    }

    /// Something of the object reaches a peer.
    pub(super) fn arrives(&mut self, out: &Out) -> Result<(), Broken> {
        let (Out::Frame { socket: id, .. } | Out::Close { socket: id, .. } | Out::Cut(id)) = out else { return Ok(()) };
        let Some(at) = self.model.sockets.at(*id) else {
            return Err(Broken(format!("{out:?} is for a socket that never was")));
        };
        let connection = &mut self.connections[at];
        if connection.cut {
            return Err(Broken(format!("{out:?} comes after the connection was cut")));
        }
        match out {
            Out::Frame { .. } if connection.close_left => {
                return Err(Broken(format!("{out:?} comes after a Close frame")));
            }
            Out::Close { .. } if connection.close_left => {
                return Err(Broken(format!("{out:?} is a second Close frame")));
            }
            Out::Close { after, .. } => {
                connection.close_left = true;
                connection.released |= *after == After::Forget;
            }
            Out::Cut(_) => connection.cut = true,
            _ => {}
        }
        let answers = matches!(out, Out::Close { .. }) && !connection.silent && connection.open && !connection.gone;
        if answers && self.random.percent(self.swarm.answers) {
            self.connections[at].silent = true;
            let code = self.random.pick([None, Some(1000)]);
            self.put(at, Sent::Close(Close { code, reason: ByteString::new() }));
        }
        Ok(())
    }

    /// A response or failure reaches whoever asked; a socket that it carried opens, or never will.
    pub(super) fn answered(&mut self, request: RequestId, opened: bool) -> Result<(), Broken> {
        let carried = self.requests[request.0 as usize].socket;
        let Some(at) = carried.and_then(|id| self.model.sockets.at(id)) else { return Ok(()) };
        if opened {
            self.connections[at].open = true;
            Ok(())
        } else {
            self.vanish(at)
        }
    }

    /// A pair whose other end nobody has is no use to anyone.
    pub(super) fn collect(&mut self) -> Result<(), Broken> {
        let len = self.connections.len();
        match self.random.index(len) {
            Some(at) if !self.connections[at].attached => self.vanish(at),
            _ => Ok(()),
        }
    }

    /// The same for all such pairs; true when there was one.
    pub(super) fn collect_all(&mut self) -> Result<bool, Broken> {
        let mut any = false;
        for at in 0..self.connections.len() {
            if !self.connections[at].attached && !self.connections[at].gone {
                any = true;
                self.vanish(at)?;
            }
        }
        Ok(any)
    }
}
