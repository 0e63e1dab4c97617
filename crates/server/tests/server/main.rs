//! A whole server with a scripted guest, seen from the network: bytes on TCP, and a WebSocket client that this
//! project did not write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../runtime/tests/support/guest.rs"]
mod guest;
mod client;
mod world;
mod certificate;
mod multiplex;

mod handshake;
mod heads;
mod requests;
mod frames;
mod deflate;
mod sockets;
mod far;
mod outgoing;
mod outgoing_limit;
mod passed_on;
mod shutdown;
mod tls;
mod http2;
mod control;
