//! The program as it is: a process, its flags, its log, and clients on TCP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod process;

mod flags;
mod relay;
mod requests;
mod stop;
