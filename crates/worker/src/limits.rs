//! Every bound of this crate. The bounds of sockets, tags and attachments are the runtime's.

/// Bytes that `text`, `json`, `bytes` and `form_data` gather: the memory that a Worker has on Cloudflare. A
/// stream has no bound.
pub(crate) const BODY_BYTES_MAX: usize = 128 << 20;

/// Chunks of a response stream that wait for a slow client. Small, so that the client's pace is the stream's
/// pace.
pub(crate) const STREAM_CHUNKS_MAX: usize = 4;

/// Events of a standard socket that no `EventStream` has taken yet. A stream that is never read must not grow
/// without end.
pub(crate) const SOCKET_EVENTS_MAX: usize = 65_536;

/// Values inside each other when a value is kept or read: serde uses the thread's stack for each. JSON in Rust has the
/// same bound.
pub(crate) const CLONE_DEPTH_MAX: usize = 128;

/// Bytes of one stored value that may be read more than once, because objects occur in it several times, and holes of
/// arrays, which have no bytes. Some hundred bytes could otherwise stand for more than a machine holds.
pub(crate) const CLONE_AGAIN_MAX: usize = 4 << 20;

/// Integers of at most this magnitude are numbers in JavaScript without loss (`Number.MAX_SAFE_INTEGER`).
pub(crate) const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Milliseconds since 1970 that the time of an alarm is below: the year 2190, where workerd's dates end.
pub(crate) const ALARM_MILLIS_MAX: u64 = 6_942_672_000_000;

/// Causes below each other that an error keeps on its way to another object, as in the `worker` crate.
pub(crate) const CAUSES_MAX: usize = 16;

const _: () = assert!(STREAM_CHUNKS_MAX > 0);

/// Redirects that are followed to a WebSocket, as many as in JavaScript.
pub(crate) const REDIRECTS_MAX: usize = 20;
