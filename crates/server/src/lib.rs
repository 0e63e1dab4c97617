//! Dormouse as a library.
//!
//! A program that links its own classes builds a [`Server`] and runs it; the binary `dormouse` does the same.
//! Everything that speaks HTTP is here, and nothing that knows the rules of objects or a language.
//!
//! ```no_run
//! # fn application() -> dormouse_runtime::node::Application { std::process::exit(0) }
//! use std::time::Duration;
//!
//! use dormouse_server::Server;
//!
//! # fn main() -> Result<(), dormouse_server::Error> {
//! Server::builder()
//!     .listen("127.0.0.1:8787")
//!     .hibernate_after(Duration::from_secs(10))
//!     .run(application())
//! # }
//! ```

mod server;
mod options;
mod tls;
mod wire;
mod http;
mod upgrade;
mod outbound;
pub mod admin;
mod shutdown;
mod logging;
mod error;
#[cfg(feature = "javascript")]
pub mod config;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
pub mod limits;

/// Workers in JavaScript, for [`Application`]s of them.
#[cfg(feature = "javascript")]
pub use dormouse_js as js;
pub use dormouse_runtime::node::Application;
pub use dormouse_runtime::object::sockets::SlowClients;
pub use dormouse_runtime::store::Durability;
pub use error::Error;
pub use logging::{LogFormat, init_logging};
pub use options::Builder;
pub use server::{Handle, Running, Server};
pub use upgrade::Compression;
