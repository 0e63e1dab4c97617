//! What the `worker` crate does not have: one message to all sockets of an object, and a choice for slow clients.
//!
//! Everything here is an addition of ours, and a Worker that uses it runs only here. What it does is the runtime's; here
//! are the types that its arguments are made of.

use crate::Result;
use crate::durable::WebSocketIncomingMessage;
use crate::native::{self, Host, Outgoing, SocketId};
use crate::websocket::WebSocket;

/// What [`State::broadcast`](crate::State::broadcast) sends. Made from text, bytes, or a message that came.
///
/// Ours: the `worker` crate has no such type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroadcastMessage<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// Whom [`State::broadcast`](crate::State::broadcast) sends to. The default is every open socket of the object.
///
/// Ours: the `worker` crate has no such type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct BroadcastOptions<'a> {
    tag: Option<&'a str>,
    except: Vec<&'a WebSocket>,
}

/// What becomes of a client that reads more slowly than it is sent to, once as much waits for it as may.
///
/// Ours: the `worker` crate has no such type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowClients {
    /// Its socket is closed with 1013, and what waited for it is dropped.
    Close,
    /// It stays, and the messages that have waited longest are dropped.
    DropOldest,
}

impl<'a> BroadcastOptions<'a> {
    /// To every open socket of the object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only to sockets with this tag.
    pub fn tag(mut self, tag: &'a str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Not to this socket. Can be called for several.
    pub fn except(mut self, ws: &'a WebSocket) -> Self {
        self.except.push(ws);
        self
    }

    pub(crate) fn parts(&self, host: &Host) -> Result<(Option<&'a str>, Vec<SocketId>)> {
        // A client end that was not accepted gets nothing anyhow.
        let except = self.except.iter().filter_map(|ws| ws.known_id_of(host).transpose()).collect::<Result<_>>()?;
        Ok((self.tag, except))
    }
}

impl<'a> BroadcastMessage<'a> {
    pub(crate) fn as_outgoing(&self) -> Outgoing<'a> {
        match *self {
            Self::Text(text) => Outgoing::Text(text),
            Self::Binary(bytes) => Outgoing::Binary(bytes),
        }
    }
}

impl<'a> From<&'a str> for BroadcastMessage<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for BroadcastMessage<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for BroadcastMessage<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for BroadcastMessage<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a WebSocketIncomingMessage> for BroadcastMessage<'a> {
    fn from(message: &'a WebSocketIncomingMessage) -> Self {
        match message {
            WebSocketIncomingMessage::String(text) => Self::Text(text),
            WebSocketIncomingMessage::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<SlowClients> for native::SlowClients {
    fn from(rule: SlowClients) -> Self {
        match rule {
            SlowClients::Close => Self::Close,
            SlowClients::DropOldest => Self::DropOldest,
        }
    }
}
