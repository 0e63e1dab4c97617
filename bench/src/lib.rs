//! Measuring tools for Dormouse: what a relay must cost at least, what it costs, and how to compare.
//!
//! Three programs share this library. `floor` is a WebSocket server without objects and without checks, the lower
//! bound. `load` drives any server that speaks the protocol below and measures it from outside. `bench` runs several
//! servers side by side and prints medians and ratios.
//!
//! The protocol: `GET /client-socket` with the header `account-id: NAME` opens a WebSocket to the object NAME. A text
//! message that starts with `echo:` is answered to its sender with what follows the prefix; any other message goes to
//! every other socket of the account. What the storage scenarios ask for besides is in `storage/worker.js`.

/// Frames of RFC 6455, as far as a benchmark needs them.
pub mod frame;
/// The opening handshake, both sides.
pub mod handshake;
/// Plain requests to objects.
pub mod http;

/// The lower bound: servers that only move bytes.
pub mod floor;

/// The load generator.
pub mod load;

/// The driver that compares servers.
pub mod driver;

/// What the kernel says of a process: CPU time and memory.
pub mod process;
/// What writing costs the disk.
pub mod disk;
/// Medians, percentiles and latency records.
pub mod stats;
/// Pinning to cores and raising the limit of open files.
pub mod system;
