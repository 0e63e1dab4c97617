//! Shards that drive durable objects.
//!
//! A [`node::Node`] is a set of threads, the *shards*. An object lives on one of them for its whole life on the
//! node, with its guest, its sockets and their connections, so that a frame never crosses a thread. The rules
//! are in `dormouse-object`; here are the threads, the sockets, the timers and the turns that carry them out.
//! HTTP, configuration and languages are other crates' matter.

pub mod node;

mod code;
mod shard;
mod host;
mod turn;
mod cork;
pub mod guest;
pub mod ctx;
pub mod request;
pub mod stub;
pub mod body;
pub mod clone;
pub mod pair;
pub mod sockets;
mod signals;
mod timers;
pub mod store;
mod commit_log;
mod journal;
mod keeper;
mod loan;
pub mod operator;
#[cfg(feature = "sim")]
#[doc(hidden)]
pub mod fuzz;
pub mod limits;

/// The rules, whose vocabulary of sockets, ids and limits every guest speaks.
pub use dormouse_object as object;
pub use dormouse_object::TaskId;
/// Databases, whose vocabulary of values, cursors and errors every guest speaks.
pub use dormouse_storage as storage;
pub use shard::{Counted, Shard};
