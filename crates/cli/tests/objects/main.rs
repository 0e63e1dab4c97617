//! `dormouse objects`, and the data folder of a server: the real binary, on folders of servers that run and that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../runtime/tests/support/guest.rs"]
#[expect(dead_code, reason = "each test uses a part of it")]
mod guest;

#[path = "../support/http.rs"]
mod http;

mod folder;
mod verbs;
mod world;
