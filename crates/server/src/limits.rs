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
/// accept queue. A connection of HTTP/2 counts until it carries its first socket: it is a socket's connection then.
pub const HTTP_CONNECTIONS_MAX: usize = 16_384;

/// Bytes that are read of a connection to find out what it speaks: room for the head of most requests, which then
/// need no second call of the system.
pub(crate) const FIRST_READ_LEN: usize = 1_024;

/// How long the handshake of TLS may take. A client needs two or three round trips; one that takes longer sends
/// nothing.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes of TLS that are under way on one shard at a time. Each is a signature, some tenths of a millisecond: as
/// many as a shard makes in about half a second. Further connections wait in the kernel's accept queue.
pub const TLS_HANDSHAKES_MAX: usize = 1_024;

/// How often a server looks whether its certificate was replaced, unless configured. Whoever replaces one does it
/// weeks before the old one ends.
pub const TLS_LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes of a certificate's or a key's file: a chain has some thousand.
pub const TLS_FILE_LEN_MAX: u64 = 1 << 20;

/// Streams that a client may have open at a time on one connection of HTTP/2, sockets included; a further one is
/// refused, and the client may try it again. As much as other servers offer.
pub const HTTP2_STREAMS_MAX: u32 = 128;

/// Bytes that a client may send on one stream before they are read. It bounds what a connection is worth to a sender
/// far away: 64 KiB and a round trip of 50 ms are 1.3 MB a second, so it is twice that.
pub const HTTP2_STREAM_WINDOW: u32 = 128 << 10;

/// The same for a whole connection: all its streams may be full without one holding up the others.
pub const HTTP2_CONNECTION_WINDOW: u32 = HTTP2_STREAMS_MAX * HTTP2_STREAM_WINDOW;

/// Bytes of a response that wait on one stream for a slow client; its body is not read on until they are less.
pub const HTTP2_SEND_BUFFER_LEN_MAX: usize = 64 << 10;

/// Bytes that a socket hands to its HTTP/2 connection at once. Three such pieces may be on their way, beside what
/// waits in the socket's own queue.
pub(crate) const HTTP2_WRITE_LEN_MAX: usize = 32 << 10;

/// Streams that a client may reset before they were looked at; with one more the connection is closed. What `h2`
/// takes for enough.
pub const HTTP2_RESETS_UNSEEN_MAX: usize = 20;

/// Faults of a client on single streams that are answered with a reset; with one more the connection is closed.
pub const HTTP2_FAULTS_MAX: usize = 128;

/// Requests that a client may take back before they are answered, less those that it waited for; with one more the
/// connection is closed. Each costs it nothing and has an object do its work. A page that is left takes back as many
/// as there are streams.
pub const HTTP2_CANCELLED_MAX: u32 = 2 * HTTP2_STREAMS_MAX;

/// Connections that the kernel keeps for a listener that is busy.
pub const ACCEPT_QUEUE_LEN: u32 = 4_096;

/// How long a shard waits before it accepts again after the system had no more descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection may be silent before its peer's kernel is asked whether it is still there: TCP keep-alive, for
/// connections of clients that are no sockets yet, those to the outside, and sockets without pings.
pub const TCP_KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long the next such question waits when there was no answer.
pub const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Questions without an answer after which the connection has ended: two minutes after the last sign of life.
pub const TCP_KEEPALIVE_RETRIES: u32 = 4;

/// How long a peer may leave unanswered what was sent to it, on a socket to the outside and on one of a client that such
/// a socket is passed on to: as long as keep-alive takes for a silent one. The kernel alone waits for a quarter of an
/// hour while something is on its way, and for ever for a peer that only takes nothing.
pub const TCP_UNANSWERED_MAX: Duration = Duration::from_secs(120);

/// How long events that are under way may take when the server stops, unless configured.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long a connection to the outside may take to be made; TLS is not counted.
pub const OUTBOUND_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a WebSocket to the outside may take until the server has answered: its connection, TLS and the handshake.
pub const OUTBOUND_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

/// WebSockets to the outside that one shard opens at a time; further ones wait for a place within their time.
pub const OUTBOUND_HANDSHAKES_MAX: usize = 1_024;

/// WebSockets to the outside that a node has at a time, those that it is opening included, unless configured; a further
/// one fails. Each takes a descriptor, and Linux has no more than 28,000 ports for connections to one address. It is as
/// many as a shard serves HTTP connections.
pub const OUTBOUND_SOCKETS_MAX: usize = 16_384;

/// How long an idle connection to the outside is kept for the next request.
pub const OUTBOUND_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Idle connections that one shard keeps to one host.
pub const OUTBOUND_IDLE_PER_HOST_MAX: usize = 32;

/// Bytes of what an operator asks: SQL may be long, and more than SQLite takes is no use.
pub const ASK_LEN_MAX: usize = 1 << 20;

/// Operators that are answered at a time; further ones wait.
pub const OPERATORS_MAX: usize = 16;
