//! Developer commands: `cargo xtask <verb>`. Each verb is one file; this one is the list of them.
#![expect(clippy::print_stdout, reason = "a command line tool answers on stdout")]

mod conformance;
mod fuzz;
mod lint;
mod shell;
mod sim;
mod soak;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["test", options @ ..] => test::run(options),
        ["tidy"] => tidy::run(),
        ["lint"] => lint::run(),
        ["conformance", options @ ..] => conformance::run(options),
        ["sim", options @ ..] => sim::run(options),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["soak", options @ ..] => soak::run(options),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    if let Err(error) = &result {
        eprintln!("xtask: {error:#}");
    }
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const USAGE: &str = "usage: cargo xtask VERB
  test [--quick]   everything that must pass before a change is merged
  tidy             the rules of the house: crate edges, sizes, forbidden text, dead links
  lint             formatting, clippy, documentation, dependency policy
  conformance [--record] [NAME]
                   the API tests on workerd, compared with their record
  sim [SEED] [--schedules N] [--seconds S]
                   seeded schedules of a whole object; a seed alone replays one
  fuzz [TARGET] [--seconds N]
                   the fuzz targets, a minute each or as long as you say
  soak [--minutes N]
                   power loss, failing disks and killed processes, for longer";
