//! Every bound of the HTTP side, with its reason.

use std::time::Duration;

/// Bytes of a request's line and headers. A head that is not complete by then is answered with 431; one that
/// comes in a single piece may be up to twice as long.
pub const HEAD_LEN_MAX: usize = 32 << 10;

/// Headers of a request; more are answered with 431.
pub const HEADERS_MAX: usize = 100;

/// How long a client may take to send the head of its next request, unless configured. A client that opens
/// connections and sends nothing, or one byte at a time, holds each for no longer.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// HTTP connections that one shard serves at a time, sockets not counted. Further ones wait in the kernel's
/// accept queue.
pub const HTTP_CONNECTIONS_MAX: usize = 16_384;

/// Connections that the kernel keeps for a listener that is busy.
pub const ACCEPT_QUEUE_LEN: u32 = 4_096;

/// How long a shard waits before it accepts again after the system had no more descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client's connection may be silent before its kernel is asked whether it is still there: TCP keep-alive, for
/// connections that are no sockets yet and for sockets without pings.
pub const TCP_KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long the next such question waits when there was no answer.
pub const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Questions without an answer after which the connection has ended: two minutes after the last sign of life.
pub const TCP_KEEPALIVE_RETRIES: u32 = 4;

/// How long events that are under way may take when the server stops, unless configured.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long a connection to the outside may take to be made; TLS is not counted.
pub const OUTBOUND_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an idle connection to the outside is kept for the next request.
pub const OUTBOUND_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Idle connections that one shard keeps to one host.
pub const OUTBOUND_IDLE_PER_HOST_MAX: usize = 32;

/// Bytes of what an operator asks: SQL may be long, and more than SQLite takes is no use.
pub const ASK_LEN_MAX: usize = 1 << 20;

/// Operators that are answered at a time; further ones wait.
pub const OPERATORS_MAX: usize = 16;
