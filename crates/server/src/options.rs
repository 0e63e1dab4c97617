//! What can be set for a server, and how it is started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use dormouse_runtime::node;
use dormouse_runtime::object::sockets::SlowClients;
use dormouse_runtime::store::Durability;

use crate::error::Error;
use crate::limits::{HEAD_TIMEOUT, OUTBOUND_SOCKETS_MAX, STOP_GRACE, TLS_LOOK_INTERVAL};
use crate::server::{Handle, Running};
use crate::shutdown::Signals;
use crate::tls::Files;
use crate::upgrade::Compression;

/// The address that a server listens on, unless told otherwise.
const LISTEN: &str = "127.0.0.1:8787";

/// Sets up a server.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(crate) listen: String,
    pub(crate) node: node::Options,
    pub(crate) head_timeout: Duration,
    pub(crate) compression: Compression,
    pub(crate) outgoing_sockets_max: usize,
    pub(crate) stop_grace: Duration,
    pub(crate) tls: Option<Files>,
    pub(crate) tls_look_interval: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: LISTEN.into(),
            node: node::Options::default(),
            head_timeout: HEAD_TIMEOUT,
            compression: Compression::default(),
            outgoing_sockets_max: OUTBOUND_SOCKETS_MAX,
            stop_grace: STOP_GRACE,
            tls: None,
            tls_look_interval: TLS_LOOK_INTERVAL,
        }
    }
}

impl Builder {
    /// The address to listen on, `IP:PORT`; port 0 takes a free one. Default 127.0.0.1:8787.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// Serves HTTPS instead of HTTP, with the chain of certificates and the private key in these PEM files. When they
    /// are replaced, new connections get the new ones, within [`crate::limits::TLS_LOOK_INTERVAL`].
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some(Files { certificate: certificate.into(), key: key.into() });
        self
    }

    /// How often the files of [`Builder::tls`] are looked at. Default 10 seconds.
    pub fn tls_look_interval(mut self, interval: Duration) -> Self {
        self.tls_look_interval = interval;
        self
    }

    /// How many threads serve objects. Default: one per core.
    pub fn shards(mut self, shards: usize) -> Self {
        self.node.shards = shards;
        self
    }

    /// How long an object stays in memory after its last activity. Default 10 seconds.
    pub fn hibernate_after(mut self, after: Duration) -> Self {
        self.node.object.hibernate_after = Some(after);
        self
    }

    /// How long a client may leave a Close frame unanswered. Default 10 seconds.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.node.object.close_timeout = timeout;
        self
    }

    /// Bytes of a received message at most; a longer one ends its socket with 1009. Default 32 MiB.
    pub fn message_len_max(mut self, len: usize) -> Self {
        self.node.message_len_max = len;
        self
    }

    /// Bytes that may wait for one slow client before [`Builder::slow_clients`] says what becomes of it. Default 16 MiB.
    pub fn send_queue_bytes_max(mut self, bytes: usize) -> Self {
        self.node.send_queue_bytes_max = bytes;
        self
    }

    /// How messages of sockets are compressed, where the client offers it. Default: each by itself.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How many WebSockets to servers outside there may be at a time, those that are being opened included; a further
    /// one fails. Default 16,384.
    pub fn outgoing_sockets_max(mut self, sockets: usize) -> Self {
        self.outgoing_sockets_max = sockets;
        self
    }

    /// What becomes of clients that read too slowly, unless their object asks for something else. Default: their
    /// sockets are closed with 1013.
    pub fn slow_clients(mut self, rule: SlowClients) -> Self {
        self.node.object.slow_clients = rule;
        self
    }

    /// How often silent clients are pinged; one that gives no sign of life until the next time is taken for vanished,
    /// between two and three of these after the last one. Default: 25 seconds; `None` never.
    pub fn ping_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.node.ping_interval = interval.into();
        self
    }

    /// How long a client may take to send the head of a request, and how long a connection may be without one. Default
    /// 15 seconds.
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// How long events that are under way may take when the server stops. Default 5 seconds.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace;
        self
    }

    /// The folder for what objects store; made when it is not there. Without one, objects have no storage.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.node.storage.data = Some(folder.into());
        self
    }

    /// When a write counts as safe. Default: when it survives a power loss.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.node.storage.durability = durability;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// When the address cannot be listened on, the certificate cannot be used, or threads cannot be made.
    pub fn start(self, application: node::Application) -> Result<Running, Error> {
        let address: SocketAddr =
            self.listen.parse().map_err(|_| Error::BadAddress { address: self.listen.clone() })?;
        Running::start(self, address, application)
    }

    /// Starts the server, runs it until the process is asked to stop (SIGINT or SIGTERM), then stops it.
    ///
    /// # Errors
    ///
    /// As [`Builder::start`], or when signals cannot be listened for.
    pub fn run(self, application: node::Application) -> Result<(), Error> {
        self.run_with(application, |_| {})
    }

    /// As [`Builder::run`]; `started` gets a handle by which the server can be given new code.
    ///
    /// # Errors
    ///
    /// As [`Builder::run`].
    pub fn run_with(self, application: node::Application, started: impl FnOnce(Handle)) -> Result<(), Error> {
        // Before anybody can connect: from then on a signal must not cut clients off.
        let signals = Signals::listen().map_err(Error::Signals)?;
        let grace = self.stop_grace;
        let running = self.start(application)?;
        started(running.handle());
        let signal = signals.wait();
        tracing::info!(signal, ?grace, "stopping");
        running.stop();
        tracing::info!("stopped");
        Ok(())
    }
}
