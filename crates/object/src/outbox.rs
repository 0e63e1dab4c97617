//! The output gate: all that leaves an object, in order, each with the write that it waits for.
//!
//! Invariant: items leave in the order in which they came, and none before every write made before it is
//! durable. Write positions only grow, so one queue is enough: whatever stands behind an item waits for the
//! same write or a later one. There is no other way out of an object. What the items mean, and whether the
//! peer still exists, is the host's matter.

use std::collections::VecDeque;

use bytes::Bytes;
use bytestring::ByteString;

use crate::failure::Failure;
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

/// One message for many peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// The sockets, each once.
    pub sockets: Box<[SocketId]>,
    /// What to send.
    pub message: Message,
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
    /// A message for the peers of many sockets.
    Broadcast(Box<Broadcast>),
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
    Fail(RequestId, Box<Failure>),
    /// A request to somebody else, which the host holds.
    Subrequest(SubrequestId),
}

/// The outbox is full; nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Text or bytes that are to become a [`Message`], or are one.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A message that is sent again: its buffer is shared from the start.
    Shared(&'a Message),
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
    /// How many items have left.
    left: usize,
    /// The message sent last, counted with those that have left: the next send of equal content shares its payload.
    last: Option<usize>,
    /// How many things will leave: a broadcast counts for each of its receivers, as if it were sent one by one.
    len: usize,
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
            self.len -= item.len();
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
    pub(crate) fn roll_back(&mut self, failure: &Failure) -> Vec<SocketId> {
        let committed = self.committed;
        self.dirty = false;
        self.forget(committed, failure)
    }

    /// Forgets every write that is not durable and all that waited for one, as above.
    pub(crate) fn break_gate(&mut self, failure: &Failure) -> Vec<SocketId> {
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
        self.push_item(Item { after: self.position(), bytes: 0, out });
    }

    /// Queues a message; one with the content of the last one shares its buffer.
    pub(crate) fn push_message(&mut self, socket: SocketId, payload: Payload<'_>) -> Result<(), Full> {
        let (message, bytes) = self.share(payload, 1)?;
        self.push_item(Item { after: self.position(), bytes, out: Out::Frame { socket, message } });
        Ok(())
    }

    /// Queues a message for several sockets as one item, or for none of them.
    pub(crate) fn push_broadcast(&mut self, sockets: Box<[SocketId]>, payload: Payload<'_>) -> Result<(), Full> {
        let (message, bytes) = self.share(payload, sockets.len())?;
        let out = Out::Broadcast(Box::new(Broadcast { sockets, message }));
        self.push_item(Item { after: self.position(), bytes, out });
        Ok(())
    }

    /// The message of a payload, and the bytes that it adds, if there is room for so many receivers.
    fn share(&mut self, payload: Payload<'_>, receivers: usize) -> Result<(Message, usize), Full> {
        if self.len + receivers > OUTBOX_LEN_MAX {
            return Err(Full);
        }
        match self.last_message() {
            Some(last) if same(last, payload) => Ok((last.clone(), 0)),
            _ if self.bytes + payload.len() > OUTBOX_BYTES_MAX => Err(Full),
            _ => Ok((own(payload), payload.len())),
        }
    }

    /// The message sent last, if it waits still.
    fn last_message(&self) -> Option<&Message> {
        let at = self.last?.checked_sub(self.left)?;
        message_of(&self.items.get(at)?.out)
    }

    fn push_item(&mut self, item: Item) {
        if message_of(&item.out).is_some() {
            self.last = Some(self.left + self.items.len());
        }
        self.len += item.len();
        self.bytes += item.bytes;
        self.items.push_back(item);
    }

    /// The next item whose write is durable.
    pub(crate) fn pop(&mut self) -> Option<Out> {
        if self.items.front()?.after > self.durable {
            return None;
        }
        let item = self.items.pop_front()?;
        self.left += 1;
        self.len -= item.len();
        self.bytes -= item.bytes;
        Some(item.out)
    }

    /// Gives memory back when nothing waits.
    pub(crate) fn shrink(&mut self) {
        if self.items.is_empty() {
            self.items.shrink_to(0);
        }
    }

    fn forget(&mut self, kept: WritePos, failure: &Failure) -> Vec<SocketId> {
        self.last = None;
        let mut closes = Vec::new();
        for mut item in std::mem::take(&mut self.items) {
            if item.after > kept {
                item.after = kept;
                match item.out {
                    Out::Respond(request) | Out::Fail(request, _) => {
                        item.out = Out::Fail(request, failure.clone().into())
                    }
                    // The object has forgotten these sockets: whatever was written, the host must end them.
                    Out::Cut(_) | Out::Close { after: After::Forget, .. } => {}
                    Out::Frame { .. } | Out::Broadcast(_) | Out::Close { .. } | Out::Subrequest(_) => {
                        self.len -= item.len();
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

impl Item {
    /// What it counts for in the outbox.
    fn len(&self) -> usize {
        match &self.out {
            Out::Broadcast(broadcast) => broadcast.sockets.len(),
            _ => 1,
        }
    }
}

fn message_of(out: &Out) -> Option<&Message> {
    match out {
        Out::Frame { message, .. } => Some(message),
        Out::Broadcast(broadcast) => Some(&broadcast.message),
        _ => None,
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
            Payload::Shared(message) => message.len(),
        }
    }
}

fn same(message: &Message, payload: Payload<'_>) -> bool {
    match (message, payload) {
        (Message::Text(have), Payload::Text(text)) => &**have == text,
        (Message::Binary(have), Payload::Binary(bytes)) => have == bytes,
        (have, Payload::Shared(message)) => have.shares(message) || have == message,
        _ => false,
    }
}

fn own(payload: Payload<'_>) -> Message {
    match payload {
        Payload::Text(text) => Message::Text(ByteString::from(text)),
        Payload::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
        Payload::Shared(message) => message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Message, Out, Outbox, Payload, SocketId};
    use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_LEN_MAX, SOCKETS_MAX};

    fn receivers(count: usize) -> Box<[SocketId]> {
        vec![SocketId::default(); count].into()
    }

    #[test]
    fn a_broadcast_counts_for_each_of_its_receivers_and_is_taken_whole_or_not_at_all() {
        let mut outbox = Outbox::default();
        outbox.wrote();
        for _ in 0..OUTBOX_LEN_MAX / SOCKETS_MAX - 1 {
            outbox.push_broadcast(receivers(SOCKETS_MAX), Payload::Text("to all")).unwrap();
        }
        outbox.push_message(SocketId::default(), Payload::Text("to one")).unwrap();
        assert!(outbox.push_broadcast(receivers(SOCKETS_MAX), Payload::Text("no room")).is_err());
        outbox.push_broadcast(receivers(SOCKETS_MAX - 1), Payload::Text("just fits")).unwrap();
        assert!(outbox.push_broadcast(receivers(1), Payload::Text("no room")).is_err());
        assert!(outbox.push_message(SocketId::default(), Payload::Text("no room")).is_err());
        // What leaves, is lost or is taken back makes room.
        let pos = outbox.commit();
        outbox.confirm(pos);
        assert!(matches!(outbox.pop(), Some(Out::Broadcast(broadcast)) if broadcast.sockets.len() == SOCKETS_MAX));
        outbox.push_broadcast(receivers(SOCKETS_MAX), Payload::Text("again")).unwrap();
        outbox.take_back(1);
        outbox.wrote();
        outbox.push_broadcast(receivers(SOCKETS_MAX), Payload::Text("again")).unwrap();
        outbox.roll_back(&Failure::new("on purpose"));
        outbox.push_broadcast(receivers(SOCKETS_MAX), Payload::Text("again")).unwrap();
        assert!(outbox.push_message(SocketId::default(), Payload::Text("no room")).is_err());
        while outbox.pop().is_some() {}
        assert_eq!((outbox.len, outbox.bytes), (0, 0));
    }

    #[test]
    fn equal_payloads_share_a_buffer_and_one_that_is_shared_stays_what_it_is() {
        let mut outbox = Outbox::default();
        let kept = Message::Text("kept".into());
        for payload in [Payload::Shared(&kept), Payload::Text("kept"), Payload::Shared(&kept.clone())] {
            outbox.push_message(SocketId::default(), payload).unwrap();
        }
        outbox.push_broadcast(receivers(2), Payload::Shared(&kept)).unwrap();
        outbox.push_message(SocketId::default(), Payload::Binary(b"kept")).unwrap();
        outbox.push_message(SocketId::default(), Payload::Shared(&kept)).unwrap();
        assert_eq!(outbox.bytes, 3 * kept.len());
        for is_shared in [true, true, true, true, false, true] {
            let message = match outbox.pop() {
                Some(Out::Frame { message, .. }) => message,
                Some(Out::Broadcast(broadcast)) => broadcast.message,
                other => panic!("{other:?}"),
            };
            assert_eq!(message.shares(&kept), is_shared);
        }
    }

    #[test]
    fn the_bytes_of_a_broadcast_count_once() {
        let mut outbox = Outbox::default();
        let bytes = vec![0; OUTBOX_BYTES_MAX];
        assert!(outbox.push_broadcast(receivers(2), Payload::Binary(&vec![0; OUTBOX_BYTES_MAX + 1])).is_err());
        outbox.push_broadcast(receivers(3), Payload::Binary(&bytes)).unwrap();
        outbox.push_broadcast(receivers(3), Payload::Binary(&bytes)).unwrap();
        assert!(outbox.push_broadcast(receivers(1), Payload::Text("x")).is_err());
    }
}
