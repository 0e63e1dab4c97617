//! The load generator as a program: drives a server, checks every delivery, prints one line.

use std::process::ExitCode;

use clap::Parser;
use dormouse_bench::load::{self, Mode, Target};

/// Drives a WebSocket server, checks every delivery and measures the server from outside.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    mode: Mode,
}

fn main() -> ExitCode {
    let Arguments { target, mode } = Arguments::parse();
    let report = match load::run(&target, &mode) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    if target.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.text());
    }
    if report.failures() > 0.0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
