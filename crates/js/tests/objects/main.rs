//! Workers and objects in JavaScript, run on a node: what the reference says of sockets, hibernation, tasks and limits.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../runtime/tests/support/node.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod harness;
mod support;

mod broadcast;
mod caches;
mod ends;
mod errors;
mod limits;
mod outside;
mod reload;
mod sockets;
mod storage;
mod tasks;
mod upgrade;
