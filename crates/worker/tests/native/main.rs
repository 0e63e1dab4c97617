//! Workers and objects written against this crate, run on a node.
#![expect(clippy::unwrap_used, reason = "all of it is test code")]

mod gates;
#[path = "../../../runtime/tests/support/node.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod harness;
mod logs;
mod requests;
mod sockets;
#[expect(unreachable_pub, reason = "written as a library's root, where its items are public")]
mod source;
mod stubs;
