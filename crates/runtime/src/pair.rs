//! The end of a WebSocket that has no owner yet, on its way to one: to a client's connection, or to an object.
//!
//! It is the client end of a pair, whose server end never leaves its object, or the connection to a server outside that
//! agreed to a WebSocket. Both may cross threads.
//!
//! What bears on the connection, wherever it comes to, goes with it: its ties.
//!
//! Invariant: it is used once or, when it is dropped, the other end hears that its peer is gone. A place that was taken
//! for a connection is given back when the connection has ended, and not before.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dormouse_object::sockets::SocketId;
use tokio::sync::OwnedSemaphorePermit;

use crate::host::HostKey;
use crate::signals::{Signal, Signals};
use crate::sockets::conn::Wire;
use crate::sockets::frame::Role;
use crate::sockets::frame::agreement::Agreement;
use crate::sockets::stream::{Stream, Travelling};

/// The end of a WebSocket that has no owner yet. [`crate::Shard::connect`] gives it a connection,
/// [`crate::ctx::Ctx::adopt`] an object.
#[derive(Debug)]
pub enum ClientEnd {
    /// The client end of a pair.
    Pair(PairEnd),
    /// The client's end of a connection to a server outside.
    Remote(Remote),
}

/// The client end of a pair.
pub struct PairEnd {
    signals: Arc<Signals>,
    /// The shard of the object.
    pub(crate) shard: usize,
    pub(crate) host: HostKey,
    pub(crate) socket: SocketId,
    connected: bool,
}

impl PairEnd {
    pub(crate) fn new(signals: Arc<Signals>, shard: usize, host: HostKey, socket: SocketId) -> Self {
        Self { signals, shard, host, socket, connected: false }
    }

    /// Notes that it has found its connection.
    pub(crate) fn mark_connected(&mut self) {
        self.connected = true;
    }
}

impl Drop for PairEnd {
    fn drop(&mut self) {
        if !self.connected {
            self.signals.push(Signal::ClientDropped(self.host, self.socket));
        }
    }
}

impl fmt::Debug for PairEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairEnd({:?})", self.socket)
    }
}

/// A connection to a server outside, after its handshake. It belongs to no thread until it is used.
pub struct Remote {
    stream: Travelling,
    read_ahead: Bytes,
    deflate: Option<Agreement>,
    ties: Ties,
}

/// What bears on a connection for as long as it lasts. Most connections have none.
#[derive(Debug, Default)]
pub(crate) struct Ties(Option<Box<Tied>>);

#[derive(Debug, Default)]
struct Tied {
    /// The place of the connection among those that there may be at a time, which is given back when it is dropped.
    place: Option<OwnedSemaphorePermit>,
}

impl Remote {
    /// Takes a connection away from this thread. `read_ahead` was read from it already; `deflate` says how messages are
    /// compressed.
    ///
    /// # Errors
    ///
    /// When it cannot leave this thread's reactor; it is then dropped.
    pub fn new(stream: impl Into<Stream>, read_ahead: Bytes, deflate: Option<Agreement>) -> io::Result<Self> {
        Ok(Self { stream: stream.into().leave()?, read_ahead, deflate, ties: Ties::default() })
    }

    /// Holds a place among the connections that there may be at a time until this one has ended.
    #[must_use]
    pub fn holding(mut self, place: OwnedSemaphorePermit) -> Self {
        self.ties.0.get_or_insert_default().place = Some(place);
        self
    }

    /// Makes it a connection of this thread.
    pub(crate) fn arrive(self) -> io::Result<Wire> {
        let stream = self.stream.arrive()?;
        Ok(Wire { stream, role: Role::Client, read_ahead: self.read_ahead, deflate: self.deflate, ties: self.ties })
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remote")
    }
}
