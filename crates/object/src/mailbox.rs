//! What waits to be delivered to the guest, in the order in which it arrived.
//!
//! Invariant: first in, first out, over all kinds of events, and bounded: requests by
//! [`REQUESTS_QUEUED_MAX`], messages by one a socket (the connection is not read while one waits), closes and
//! errors by one a socket, alarms by one. The mailbox outlives the guest: what waits in it is delivered to the
//! next one.

use std::collections::VecDeque;

use bytestring::ByteString;

use crate::limits::REQUESTS_QUEUED_MAX;
use crate::message::Message;
use crate::sockets::SocketId;
use crate::time::Time;

/// The host's number for a request that it holds; unique while the object lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Something that a guest can be told. Here a request is the number of one that the host holds; on its way to
/// the guest the host puts the request itself in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<R = RequestId> {
    /// A request for `fetch`.
    Fetch(R),
    /// A message came on a socket.
    Message {
        /// The socket.
        socket: SocketId,
        /// What came.
        message: Message,
    },
    /// A socket's peer closed, or vanished (code 1006).
    Close {
        /// The socket.
        socket: SocketId,
        /// The close code; 1005 when the peer sent none, 1006 when it sent no Close frame.
        code: u16,
        /// The reason that the peer gave.
        reason: ByteString,
        /// Whether a Close frame came.
        was_clean: bool,
    },
    /// A socket failed: its peer broke the protocol or a limit.
    Error {
        /// The socket.
        socket: SocketId,
        /// What was wrong.
        error: ByteString,
    },
    /// The alarm is due.
    Alarm {
        /// When it was set for.
        scheduled: Time,
        /// How many runs of this alarm have failed.
        retry_count: u32,
    },
}

impl<R> Event<R> {
    /// The same event with what `exchange` makes of its request.
    pub fn exchange_request<S>(self, exchange: impl FnOnce(R) -> S) -> Event<S> {
        match self {
            Event::Fetch(request) => Event::Fetch(exchange(request)),
            Event::Message { socket, message } => Event::Message { socket, message },
            Event::Close { socket, code, reason, was_clean } => Event::Close { socket, code, reason, was_clean },
            Event::Error { socket, error } => Event::Error { socket, error },
            Event::Alarm { scheduled, retry_count } => Event::Alarm { scheduled, retry_count },
        }
    }
}

/// The bounded queue of events.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    events: VecDeque<Event>,
    requests: usize,
}

impl Mailbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether one more request may wait.
    pub(crate) fn takes_requests(&self) -> bool {
        self.requests < REQUESTS_QUEUED_MAX
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.requests += usize::from(matches!(event, Event::Fetch(_)));
        self.events.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.requests -= usize::from(matches!(event, Event::Fetch(_)));
        Some(event)
    }

    /// Takes out all that concerns a socket that no longer is.
    pub(crate) fn forget_sockets(&mut self, gone: impl Fn(SocketId) -> bool) {
        self.events.retain(|event| match event {
            Event::Message { socket, .. } | Event::Close { socket, .. } | Event::Error { socket, .. } => !gone(*socket),
            Event::Fetch(_) | Event::Alarm { .. } => true,
        });
    }

    /// Gives memory back when nothing waits.
    pub(crate) fn shrink(&mut self) {
        if self.events.is_empty() {
            self.events.shrink_to(0);
        }
    }
}
