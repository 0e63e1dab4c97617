//! Every bound of an object, with its reason.
//!
//! A limit that user code can meet is part of the documented behaviour (`docs/limits.md`); one that only this
//! crate meets says here what it protects.

use std::time::Duration;

/// Hibernatable sockets that one object may hold. Reference 1.6.
pub const SOCKETS_MAX: usize = 32_768;

/// Tags on one socket. Reference 1.6.
pub const TAGS_MAX: usize = 10;

/// Bytes of one tag. Reference 1.6.
pub const TAG_LEN_MAX: usize = 256;

/// Bytes of one serialized attachment. Reference 1.6.
pub const ATTACHMENT_LEN_MAX: usize = 16_384;

/// Bytes of the request and of the response of an auto-response. Reference 1.3.
pub const AUTO_RESPONSE_LEN_MAX: usize = 2_048;

/// Bytes of a received message. Reference 1.6.
pub const MESSAGE_LEN_MAX: usize = 32 << 20;

/// Bytes of a close reason: what a control frame of 125 bytes holds after the code (RFC 6455, section 5.5).
pub const CLOSE_REASON_LEN_MAX: usize = 123;

/// Requests that may wait for one object. A further one fails at once with `overloaded`, so that a stuck
/// object costs its callers an error and not the node's memory.
pub const REQUESTS_QUEUED_MAX: usize = 4_096;

/// Messages of one socket that may wait for its object. The socket is not read beyond that, and TCP slows its
/// peer down: the reference runtime's loop too takes one message at a time (reference 2.4).
pub const SOCKET_MESSAGES_QUEUED_MAX: u32 = 1;

/// Handlers and background tasks of one object that may be waiting for something. No event is delivered while
/// there are more.
pub const TASKS_PENDING_MAX: usize = 10_000;

/// Items that may wait in one object's outbox: thirty-two broadcasts to every socket that it can hold.
pub const OUTBOX_LEN_MAX: usize = 32 * SOCKETS_MAX;

/// Bytes of payload that may wait in one object's outbox; a payload shared by many sockets counts once.
pub const OUTBOX_BYTES_MAX: usize = 256 << 20;

/// How deep critical sections may nest. Reference 1.3.
pub const SECTIONS_NESTED_MAX: usize = 64;

/// The longest event timeout of an object's sockets: seven days, as in the reference, 1.3.
pub const EVENT_TIMEOUT_MAX: Duration = Duration::from_millis(604_800_000);

/// How long a critical section may take before the object is reset. Reference 1.3.
pub const SECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a peer may leave a Close frame of ours unanswered. The reference runtime waits for ever; a peer
/// that never answers would hold its place in the socket table for ever too.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an object stays in memory after its last activity, unless configured. Reference 2.6.
pub const HIBERNATE_AFTER: Duration = Duration::from_secs(10);

/// Bytes of an object's name that are kept with its id. Reference 1.2.
pub const NAME_LEN_MAX: usize = 1_024;

/// Retries of an alarm whose handler failed. Reference 1.5.
pub const ALARM_RETRIES_MAX: u32 = 6;

/// Delay before the first retry of an alarm; it doubles with each further one. Reference 1.5.
pub const ALARM_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Doublings of the retry delay at most, for failures that do not count as retries. Reference 1.5.
pub const ALARM_BACKOFF_EXPONENT_MAX: u32 = 9;

/// Tasks resumed in a row before a waiting event gets its turn, so that a task that always wakes itself cannot
/// starve the mailbox.
pub const RESUMES_IN_A_ROW_MAX: u32 = 64;

const _: () = assert!(OUTBOX_LEN_MAX >= SOCKETS_MAX, "a broadcast to every socket fits");
const _: () = assert!(OUTBOX_BYTES_MAX >= 2 * MESSAGE_LEN_MAX, "a received message can be sent on");
const _: () = assert!(ALARM_RETRIES_MAX <= ALARM_BACKOFF_EXPONENT_MAX, "the exponent covers all counted retries");
