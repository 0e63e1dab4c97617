//! The client end of a WebSocket pair, on its way from the object to a connection.
//!
//! Invariant: it is connected once or, when it is dropped, the object hears that its peer is gone. It may cross
//! threads; the server end never leaves its object.

use std::fmt;
use std::sync::Arc;

use dormouse_object::sockets::SocketId;

use crate::host::HostKey;
use crate::signals::{Signal, Signals};

/// The client end of a pair. [`crate::Shard::connect`] gives it a connection.
pub struct ClientEnd {
    signals: Arc<Signals>,
    /// The shard of the object.
    pub(crate) shard: usize,
    pub(crate) host: HostKey,
    pub(crate) socket: SocketId,
    connected: bool,
}

impl ClientEnd {
    pub(crate) fn new(signals: Arc<Signals>, shard: usize, host: HostKey, socket: SocketId) -> Self {
        Self { signals, shard, host, socket, connected: false }
    }

    /// Notes that it has found its connection.
    pub(crate) fn mark_connected(&mut self) {
        self.connected = true;
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        if !self.connected {
            self.signals.push(Signal::ClientDropped(self.host, self.socket));
        }
    }
}

impl fmt::Debug for ClientEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientEnd({:?})", self.socket)
    }
}
