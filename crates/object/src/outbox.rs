//! The output gate: all that leaves an object, in order, each with the write that it waits for.
//!
//! Invariant: items leave in the order in which they came, and none before every write made before it is
//! durable. Write positions only grow, so one queue is enough: whatever stands behind an item waits for the
//! same write or a later one. There is no other way out of an object. What the items mean, and whether the
//! peer still exists, is the host's matter.

use std::collections::VecDeque;

use bytes::Bytes;
use bytestring::ByteString;

use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_LEN_MAX};
use crate::mailbox::RequestId;
use crate::message::Message;
use crate::sockets::SocketId;

/// How many commits an object has made; the position of its last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WritePos(pub u64);

/// The host's number for a request of the object to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubrequestId(pub u64);

/// The content of a Close frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The code; `None` is an empty frame, which its receiver sees as 1005.
    pub code: Option<u16>,
    /// The reason, at most [`crate::limits::CLOSE_REASON_LEN_MAX`] bytes.
    pub reason: ByteString,
}

/// What the host does with a socket after a Close frame of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Goes on: the peer's answer is an event for the object.
    KeepReading,
    /// The object has forgotten the socket: the host ends the closing handshake alone.
    Forget,
}

/// One thing that leaves the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// A message for a socket's peer.
    Frame {
        /// The socket.
        socket: SocketId,
        /// What to send.
        message: Message,
    },
    /// A Close frame for a socket's peer.
    Close {
        /// The socket.
        socket: SocketId,
        /// The frame.
        close: Box<Close>,
        /// Whether the object still wants to hear of the socket.
        after: After,
    },
    /// The connection is to be ended without a Close frame: its peer left one unanswered, or the guest broke it off.
    Cut(SocketId),
    /// The response to a request, which the host holds.
    Respond(RequestId),
    /// A request will get no response.
    Fail(RequestId, Box<str>),
    /// A request to somebody else, which the host holds.
    Subrequest(SubrequestId),
}

/// The outbox is full; nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Text or bytes that are not yet a [`Message`].
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

#[derive(Debug)]
struct Item {
    /// The write that it waits for.
    after: WritePos,
    /// Bytes that it brought: none when it shares the payload of an item before it.
    bytes: usize,
    out: Out,
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    items: VecDeque<Item>,
    /// The payload sent last: the next send of equal content shares it.
    last: Option<Message>,
    /// Bytes of payload in `items`, each shared one once: the sum of their `bytes`.
    bytes: usize,
    /// The last commit.
    committed: WritePos,
    /// The last commit that is known to be durable.
    durable: WritePos,
    /// Whether the turn under way has written something that is not committed yet.
    dirty: bool,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes back the newest `len` items, but for ends of connections. Returns the sockets whose Close frames were among
    /// them.
    pub(crate) fn take_back(&mut self, len: usize) -> Vec<SocketId> {
        self.last = None;
        let from = self.items.len().saturating_sub(len);
        let mut closes = Vec::new();
        for item in self.items.split_off(from) {
            if let Out::Cut(_) = item.out {
                self.items.push_back(item);
                continue;
            }
            self.bytes -= item.bytes;
            closes.extend(close_of(&item.out));
        }
        closes
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub(crate) fn committed(&self) -> WritePos {
        self.committed
    }

    pub(crate) fn durable(&self) -> WritePos {
        self.durable
    }

    /// The turn under way has written: all that leaves from here on waits for its commit.
    pub(crate) fn wrote(&mut self) {
        self.dirty = true;
    }

    /// The turn's writes were committed.
    pub(crate) fn commit(&mut self) -> WritePos {
        assert!(self.dirty, "a commit follows a write");
        self.dirty = false;
        self.committed.0 += 1;
        self.committed
    }

    /// All commits up to `pos` are durable.
    pub(crate) fn confirm(&mut self, pos: WritePos) {
        assert!(pos <= self.committed, "only what was committed can become durable");
        self.durable = self.durable.max(pos);
    }

    /// Forgets the writes of the turn under way and all that was to leave after the first of them. Responses
    /// among it become failures. Returns the sockets whose Close frames were among it.
    pub(crate) fn roll_back(&mut self, failure: &str) -> Vec<SocketId> {
        let committed = self.committed;
        self.dirty = false;
        self.forget(committed, failure)
    }

    /// Forgets every write that is not durable and all that waited for one, as above.
    pub(crate) fn break_gate(&mut self, failure: &str) -> Vec<SocketId> {
        self.dirty = false;
        self.committed = self.durable;
        self.forget(self.durable, failure)
    }

    /// The position of the writes made so far.
    pub(crate) fn position(&self) -> WritePos {
        WritePos(self.committed.0 + u64::from(self.dirty))
    }

    /// Queues something that depends on the writes made so far.
    pub(crate) fn push(&mut self, out: Out) {
        self.items.push_back(Item { after: self.position(), bytes: 0, out });
    }

    /// Queues a message; one with the content of the last one shares its buffer.
    pub(crate) fn push_message(&mut self, socket: SocketId, payload: Payload<'_>) -> Result<(), Full> {
        if self.items.len() >= OUTBOX_LEN_MAX {
            return Err(Full);
        }
        let (message, bytes) = match &self.last {
            Some(last) if same(last, payload) => (last.clone(), 0),
            _ => {
                let message = own(payload);
                if self.bytes + message.len() > OUTBOX_BYTES_MAX {
                    return Err(Full);
                }
                (self.last.insert(message).clone(), payload.len())
            }
        };
        self.bytes += bytes;
        self.items.push_back(Item { after: self.position(), bytes, out: Out::Frame { socket, message } });
        Ok(())
    }

    /// The next item whose write is durable.
    pub(crate) fn pop(&mut self) -> Option<Out> {
        if self.items.front()?.after > self.durable {
            return None;
        }
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes;
        if self.items.is_empty() {
            self.last = None;
        }
        Some(item.out)
    }

    /// Gives memory back when nothing waits.
    pub(crate) fn shrink(&mut self) {
        if self.items.is_empty() {
            self.items.shrink_to(0);
        }
    }

    fn forget(&mut self, kept: WritePos, failure: &str) -> Vec<SocketId> {
        self.last = None;
        let mut closes = Vec::new();
        for mut item in std::mem::take(&mut self.items) {
            if item.after > kept {
                item.after = kept;
                match item.out {
                    Out::Respond(request) | Out::Fail(request, _) => item.out = Out::Fail(request, failure.into()),
                    // The object has forgotten these sockets: whatever was written, the host must end them.
                    Out::Cut(_) | Out::Close { after: After::Forget, .. } => {}
                    Out::Frame { .. } | Out::Close { .. } | Out::Subrequest(_) => {
                        self.bytes -= item.bytes;
                        closes.extend(close_of(&item.out));
                        continue;
                    }
                }
            }
            self.items.push_back(item);
        }
        closes
    }
}

fn close_of(out: &Out) -> Option<SocketId> {
    match out {
        Out::Close { socket, .. } => Some(*socket),
        _ => None,
    }
}

impl Payload<'_> {
    fn len(&self) -> usize {
        match self {
            Payload::Text(text) => text.len(),
            Payload::Binary(bytes) => bytes.len(),
        }
    }
}

fn same(message: &Message, payload: Payload<'_>) -> bool {
    match (message, payload) {
        (Message::Text(have), Payload::Text(text)) => &**have == text,
        (Message::Binary(have), Payload::Binary(bytes)) => have == bytes,
        _ => false,
    }
}

fn own(payload: Payload<'_>) -> Message {
    match payload {
        Payload::Text(text) => Message::Text(ByteString::from(text)),
        Payload::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
    }
}
