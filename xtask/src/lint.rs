//! `cargo xtask lint`: formatting, clippy, documentation and the dependency policy, warnings counted as errors.

use anyhow::Result;

use crate::shell;
use crate::steps::{self, Outcome, Step};

const FMT: &str = "cargo fmt --all --check";
const CLIPPY: &str = "cargo clippy --workspace --all-targets -- -D warnings";
const DOC: &str = "cargo doc --workspace --no-deps";
const DENY: &str = "cargo deny check";

const STEPS: &[Step] = &[
    Step { name: "formatting", alone: FMT, run: fmt },
    Step { name: "clippy", alone: CLIPPY, run: clippy },
    Step { name: "documentation", alone: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps", run: doc },
    Step { name: "dependency policy", alone: DENY, run: deny },
];

pub(crate) fn run() -> Result<()> {
    steps::run("lint", STEPS)
}

fn fmt() -> Result<Outcome> {
    shell::run(FMT).map(|()| Outcome::Passed)
}

fn clippy() -> Result<Outcome> {
    shell::run(CLIPPY).map(|()| Outcome::Passed)
}

fn doc() -> Result<Outcome> {
    shell::run_in(shell::root(), DOC, &[("RUSTDOCFLAGS", "-D warnings")])?;
    Ok(Outcome::Passed)
}

fn deny() -> Result<Outcome> {
    if !shell::succeeds("cargo deny --version") {
        return Ok(Outcome::Skipped("cargo-deny is not installed; `cargo install cargo-deny` adds it".to_owned()));
    }
    shell::run(DENY).map(|()| Outcome::Passed)
}
