//! The command line of Dormouse.
//!
//! The binary `dormouse` is [`main`]. A program that links its own classes calls [`run`] and has every flag and variable
//! of the server. Only this crate knows how flags are read.

#[cfg(feature = "javascript")]
mod command;
#[cfg(feature = "javascript")]
mod serve;
#[cfg(feature = "javascript")]
mod dev;
#[cfg(feature = "javascript")]
mod check;
#[cfg(feature = "javascript")]
mod project;
#[cfg(feature = "javascript")]
mod usage;
#[cfg(feature = "javascript")]
mod objects;
mod flags;

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Parser;
use dormouse_server::{Application, LogFormat};

use crate::flags::ServerFlags;

#[cfg(feature = "javascript")]
pub use command::main;

/// Serves a Worker and its durable objects.
#[derive(Debug, Parser)]
#[command(version)]
struct Linked {
    #[command(flatten)]
    server: ServerFlags,
}

/// Reads the command line of the process, serves the application until SIGINT or SIGTERM, and tells how it went.
///
/// `--help` and faulty flags end the process, as usual.
pub fn run<A>(application: A) -> ExitCode
where
    A: TryInto<Application, Error: Display>,
{
    let flags = Linked::parse().server;
    let application = application.try_into().map_err(|error| anyhow!("the application is faulty: {error}"));
    finish(application.and_then(|application| {
        flags.init_logging(LogFormat::Compact)?;
        Ok(flags.builder(Path::new("")).run(application)?)
    }))
}

/// Tells the person at the terminal what went wrong.
fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "what is for the person at the terminal goes to standard error")]
fn tell(text: &str) {
    eprintln!("{text}");
}
