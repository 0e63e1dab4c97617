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

/// Bytes that may wait for one slow client, unless configured. Beyond that the socket is closed with 1013, or its oldest
/// messages are dropped, as the object has chosen.
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

/// Bytes of a message under which it is not compressed. Of less, a third of 256 bytes at best is saved, which no network
/// notices, for 4 µs each.
pub const DEFLATED_LEN_MIN: usize = 256;

/// The same where a message may refer to earlier ones, of which even a short one becomes a third.
pub const DEFLATED_LEN_MIN_STREAM: usize = 32;

/// Bytes of a message over which it is not compressed: 13 ms of its shard's thread, in which nobody else is served.
pub const DEFLATED_LEN_MAX: usize = 4 << 20;

/// Streams of one compressed message (RFC 7692, section 7.2.3.4). Nobody needs more than two, and each costs as much
/// as a short message.
pub const INFLATED_STREAMS_MAX: usize = 16;

/// Bytes of room for what becomes of a message that a shard keeps; a longer one gets room of its own.
pub const SCRATCH_LEN_KEPT: usize = 64 << 10;

/// Window, in bits, of what we compress with context takeover: what we keep of it for each connection, and what the
/// compressor takes in anew with each message. 4 KiB holds the latest dozen of short messages, and takes 3 µs.
pub const SENT_HISTORY_BITS: u8 = 12;

/// Window, in bits, that a client with context takeover is asked for, if it can be asked: 4 KiB for each connection.
pub const RECEIVED_HISTORY_BITS: u8 = 12;

/// Bytes that the connections of a node with context takeover may take for it, together. Further ones get none: they
/// compress each message by itself.
pub const HISTORIES_LEN_MAX: usize = 64 << 20;

/// Bytes that the pipe between two sockets of this node holds in each direction, as a kernel's buffer would: a message
/// beyond that waits with its sender.
pub const PIPE_LEN: usize = 64 << 10;

/// How often silent clients are pinged, unless configured. An idle client then hears a ping every fifty seconds, which is
/// inside of the minute of silence after which many proxies end a connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);

/// Parts in which the connections of a shard are looked at within one interval of pings, so that a hundred thousand pings
/// do not leave, nor their answers come, all at once.
pub const KEEP_ALIVE_PARTS: u32 = 16;

/// The shortest time from one part to the next; a shorter interval of pings takes as long as its parts together.
pub const KEEP_ALIVE_TICK_MIN: Duration = Duration::from_millis(1);

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

/// Bytes of an object's write-ahead log beyond which it is written into its database: a thousand pages, as SQLite has it.
pub const WAL_LEN_MAX: u64 = 4 << 20;

/// Bytes of an object's write-ahead log beyond which its SQL cursors are closed, which hold up what the limit above asks
/// for.
pub const WAL_LEN_WITH_CURSORS_MAX: u64 = 16 * WAL_LEN_MAX;

/// Bytes of a segment of the journal.
pub const SEGMENT_LEN: u64 = 16 << 20;

/// Bytes of a segment for which none is in reserve, as when a node writes for the first time: a commit waits while it is
/// filled, and by the time that it is full there is one.
pub const FIRST_SEGMENT_LEN: u64 = 256 << 10;

/// Segments of the journal at most; together with [`SEGMENT_LEN`] the disk space that it takes. When there are so many,
/// commits wait until the keeper has caught up.
pub const SEGMENTS_MAX: usize = 8;

/// Segments of the journal at most when the oldest cannot be retired, because the disk fails to take the files of an object
/// or is full: a gigabyte, so that there is time to see to it while everybody else is served. Beyond that commits fail.
pub const SEGMENTS_STUCK_MAX: usize = 64;

/// Segments that wait before the oldest of them is retired: those of objects that are used all the time are then worth
/// the syncs.
pub const SEGMENTS_KEPT: usize = 2;

/// Bytes of an object's write-ahead log in one record of the journal; a longer commit takes several.
pub const RECORD_DATA_LEN_MAX: usize = 1 << 20;

/// Bytes that one commit may bring to the journal. A longer one is written into its database at once, on the thread of
/// its shard: so rare that memory is worth more than its time.
pub const COMMIT_LEN_MAX: u64 = 32 << 20;

/// Bytes of commits that may wait for the disk before further ones fail: the memory that a disk may cost that takes
/// nothing.
pub const JOURNAL_BACKLOG_LEN_MAX: usize = 256 << 20;

/// Bytes of the journal that a start keeps between looking for groups and doing what they say; more is read twice. As much
/// as a few segments, which is what a crash leaves.
pub const JOURNAL_LEN_KEPT: usize = 64 << 20;

/// Bytes of a buffer that the journal keeps for the next commits, after a larger one was needed.
pub const JOURNAL_BUFFER_LEN_KEPT: usize = 4 << 20;

/// How long the journal waits for more before it says on the disk that its last group is durable.
pub const SETTLE_DELAY: Duration = Duration::from_millis(50);

/// How long the keeper lets news of objects gather before it writes them into the registry.
pub const REGISTRY_DELAY: Duration = Duration::from_millis(500);

/// How long a database stays closed before its log is written into it: an object that is soon used again is spared that.
pub const CHECKPOINT_DELAY: Duration = Duration::from_secs(2);

/// How long a node that stops writes logs into databases, before it leaves the rest to the next start: well within the ten
/// seconds after which those who stop a process lose patience.
pub const STOP_TIME: Duration = Duration::from_secs(2);

/// Alarms that the keeper fires at a time before it looks at other work.
pub const ALARMS_AT_ONCE_MAX: usize = 256;

/// How long the keeper saves objects of a segment before it looks at other work: an alarm may be late by that.
pub const KEEPER_STEP_TIME: Duration = Duration::from_millis(20);

/// Objects that the keeper reads at a time, when it makes a registry again, before it looks at other work.
pub const REBUILT_AT_ONCE: usize = 64;

/// Objects that an operator is told of at a time: the keeper looks them up for him, and has alarms to fire.
pub const LISTED_MAX: usize = 1_000;

/// How long a statement of an operator may run: its object waits for it.
pub const OPERATOR_SQL_TIME_MAX: Duration = Duration::from_secs(30);

/// How often an operator asks for a database again that others have, each time after they have given it back.
pub const LOAN_TRIES_MAX: usize = 100;

/// How long one call of a guest to its database may take: as long as its code may compute. Some statements would never end.
pub const STATEMENT_TIME_MAX: Duration = Duration::from_secs(30);
