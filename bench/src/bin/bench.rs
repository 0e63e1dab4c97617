//! The driver as a program: compares servers in interleaved rounds.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use dormouse_bench::driver::{self, Options};

/// Compares WebSocket servers side by side.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run contenders in interleaved rounds; print medians and ratios.
    Run(Options),
    /// Show scenarios, and contenders with what is missing to run them.
    List(Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &Verb) -> Result<()> {
    match verb {
        Verb::Run(options) => driver::run(options),
        Verb::List(options) => {
            print!("{}", driver::list(options)?);
            Ok(())
        }
    }
}
