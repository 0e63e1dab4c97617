//! The rules of one durable object.
//!
//! [`object::Object`] is the file to read first. No IO, no clock and no randomness live here: time and random
//! numbers are arguments, and what must happen outside is handed out by `poll_*` methods.

pub mod object;

pub mod lifecycle;
pub mod mailbox;
mod gate;
mod tasks;
pub mod outbox;
pub mod sockets;
pub mod alarm;
pub mod error;
pub mod failure;
pub mod id;
pub mod limits;
pub mod message;
pub mod time;
#[cfg(feature = "sim")]
pub mod sim;

pub use tasks::TaskId;
