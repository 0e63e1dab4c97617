//! A node with a scripted guest, real sockets and a client that this project did not write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../support/guest.rs"]
mod guest;
mod world;

mod broadcast;
mod joined;
mod life;
mod limits;
mod order;
mod peers;
mod stubs;
