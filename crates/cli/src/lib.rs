//! The command line of Dormouse.
//!
//! A program that links its own classes calls [`run`] and has every flag and variable of the server. Only this
//! crate knows how flags are read.

mod serve;

use std::fmt::Display;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Parser;
use dormouse_server::Application;

use crate::serve::Serve;

/// Reads the command line of the process, serves the application until SIGINT or SIGTERM, and tells how it went.
///
/// `--help` and faulty flags end the process, as usual.
pub fn run<A>(application: A) -> ExitCode
where
    A: TryInto<Application, Error: Display>,
{
    let serve = Serve::parse();
    let application = application.try_into().map_err(|error| anyhow!("the application is faulty: {error}"));
    match application.and_then(|application| serve.run(application)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "an error of the command line is for the person at the terminal")]
fn tell(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
