//! Every bound of an isolate and of what a guest holds in it, with its reason.

use std::time::Duration;

/// Bytes that the engine of one shard and Worker may hold, unless configured: what the original allows.
pub const MEMORY_MAX: usize = 128 << 20;

/// How long one turn may compute, unless configured: what the original allows an event.
pub const CPU_TIME_MAX: Duration = Duration::from_secs(30);

/// Bytes of stack for JavaScript. Well below the 2 MiB of a shard's thread, because an op that the deepest call
/// makes still has to run.
pub const STACK_MAX: usize = 1 << 20;

/// Bytes that the engine allocates before it first looks for cycles. A collection costs time in proportion to all
/// that is alive, so it must not come often while little is.
pub const GC_THRESHOLD: usize = 4 << 20;

/// Chunks of a body that user code writes that may wait for their reader.
pub const BODY_CHUNKS_MAX: usize = 16;

/// Unread bodies of one guest at which the engine first looks for those that code cannot reach any more: its own
/// measure, bytes on its heap, does not see what a body holds outside.
pub const BODIES_UNREAD_MAX: usize = 64;

/// Client ends of pairs, one guest's, that nobody has used yet, at which the engine first looks for those that code
/// cannot reach any more: each holds a socket of an object.
pub const CLIENTS_UNUSED_MAX: usize = 64;

/// Bytes of a body that code reads as a whole: what an engine may hold by default. More would not fit, and a client
/// must not be able to make the host hold it all before that is found out.
pub const BODY_LEN_MAX: usize = MEMORY_MAX;

/// Bytes of compressed or unpacked data that one call of the host makes.
pub const COMPRESSION_CHUNK_LEN: usize = 64 << 10;

/// Bytes of a text from which on it is kept until the turn ends, so that it is converted once however many sockets it is
/// sent to. To convert a shorter one costs no more than to keep it.
pub const TEXT_KEPT_LEN_MIN: usize = 256;

/// Compression streams of an isolate that are open at once; each has a quarter of a mebibyte of tables outside of the
/// engine's heap.
pub const COMPRESSORS_MAX: usize = 512;

/// Open compression streams at which the engine first looks for those that code cannot reach any more: it does not see
/// what they hold outside of its heap.
pub const COMPRESSORS_OPEN_MAX: usize = 64;

/// Decoders of an isolate that stand in the middle of a text; each is some hundred bytes outside of the engine's heap.
pub const DECODERS_MAX: usize = 64 << 10;

/// Bytes of a text in a log line or an error of user code; the rest is cut.
pub const TEXT_LEN_MAX: usize = 64 << 10;

/// Threads that one shard and Worker may use at a time for cryptography that takes long: what more waits, so that one
/// Worker does not take all that the runtime has for blocking work.
pub const CRYPTO_THREADS_MAX: usize = 4;

/// Rounds of HMAC that one derivation by PBKDF2 may ask for: some seconds on a thread that nothing can stop. workerd
/// has no such limit of its own; the service around it allows 100,000.
pub const PBKDF2_ROUNDS_MAX: usize = 10_000_000;

/// Bits of the smallest modulus of RSA that is imported: what BoringSSL allows.
pub const RSA_BITS_MIN: usize = 512;

/// Bits of the largest modulus of RSA: what the original allows.
pub const RSA_BITS_MAX: usize = 16 << 10;

/// How deep a value that is cloned may be. The original ends between 2,417 objects and 3,358 arrays, where its stack
/// does.
pub const CLONE_DEPTH_MAX: usize = 2400;

/// Bytes of a value that is cloned: no isolate holds more.
pub const CLONE_LEN_MAX: usize = MEMORY_MAX;

/// Bytes of what code threw that its callers are told; of more they hear class and message alone. An error that needs more
/// carries data, which belongs into a response; and the stubs of an instance that broke keep its error.
pub const THROWN_LEN_MAX: usize = 256 << 10;

const _: () = assert!(STACK_MAX <= 1 << 20, "the thread of a shard has 2 MiB");
