//! Every bound of a shard and of a connection, with its reason.
//!
//! Bounds of one object are in `dormouse_object::limits`.

use std::time::Duration;

use dormouse_object::limits::MESSAGE_LEN_MAX;

/// Messages that may wait for a shard from other threads. A request beyond that fails as overloaded.
pub const INBOX_LEN_MAX: usize = 4_096;

/// Bytes read from one connection at a time, into a buffer that all connections of a shard share: as large as
/// what a socket's receive queue usually holds, so that one call empties it.
pub const READ_LEN_MAX: usize = 64 << 10;

/// Bytes that may wait for one slow client, unless configured. Beyond that the socket is closed with 1013.
pub const SEND_QUEUE_BYTES_MAX: usize = 16 << 20;

/// Frames that may wait for one slow client: each costs a few words even when its payload is shared.
pub const SEND_QUEUE_LEN_MAX: usize = 65_536;

/// Frames handed to the kernel in one call; more would not make the call cheaper.
pub const WRITE_FRAMES_MAX: usize = 64;

/// Several frames of together at most so many bytes are copied into one buffer before they are written: for
/// small ones that is cheaper than telling the kernel of each.
pub const WRITE_COPY_LEN_MAX: usize = 4 << 10;

/// Frames that may wait for the rest of the read that they answer; a broadcast in answer to each of many small
/// messages would otherwise pile up.
pub const CORKED_FRAMES_MAX: usize = 1_024;

/// How long a connection may take to end once nothing more is to be said on it: to take what is still queued
/// and to answer a Close frame.
pub const LINGER: Duration = Duration::from_secs(10);

/// Steps of one object in a row before other objects and connections of its shard get their turn.
pub const STEPS_IN_A_ROW_MAX: usize = 128;

/// Objects run in a row before the shard looks at its connections again.
pub const OBJECTS_IN_A_ROW_MAX: usize = 32;

/// How long a guest whose code was replaced may go on with what is under way.
pub const RELOAD_GRACE: Duration = Duration::from_secs(5);

/// How long the sockets of a stopping node may take for their closing handshakes.
pub const SHUTDOWN_LINGER: Duration = Duration::from_secs(2);

const _: () = assert!(SEND_QUEUE_BYTES_MAX < MESSAGE_LEN_MAX, "so one message is always taken, whatever its size");
const _: () = assert!(OBJECTS_IN_A_ROW_MAX > 1, "objects that talk to each other make progress");
