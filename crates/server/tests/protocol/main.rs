//! The WebSocket protocol, case by case: what the suite of the Autobahn project asks of a server, in our own words.
//!
//! The sections and the numbers are those of its documentation (<https://github.com/crossbario/autobahn-testsuite>):
//! 1 to 7, 9, 10, 12 and 13. A real server with objects that echo answers on real sockets, and the client is a few
//! lines that write frames by hand. Every case is held to the strict reading: what the suite lets pass as "non-strict"
//! fails here. Cases that a rule spells out are generated from it, and each section counts its own: 517 in all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod bulk;
mod closing;
mod compression;
mod echo;
mod framing;
mod suite;
mod text;
mod wire;
