//! Workers and objects written against this crate, run on a node.
#![expect(clippy::unwrap_used, reason = "all of it is test code")]

mod alarms;
mod durability;
mod gates;
#[path = "../../../runtime/tests/support/node.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod harness;
mod kept;
mod keys;
#[expect(unreachable_pub, reason = "written as a library's root, where its items are public")]
mod ledger;
mod logs;
mod outgoing;
mod pairs;
mod requests;
mod rows;
mod sockets;
#[expect(unreachable_pub, reason = "written as a library's root, where its items are public")]
mod source;
mod stubs;
mod transactions;
