//! `cargo xtask test`: everything that must pass before a change is merged, in the order of how soon it answers.
//!
//! What the runners print passes through as it is. Nothing is left out in silence: a step that cannot run on this
//! machine says why, and on a build machine (`CI=true`) that is a failure.

use anyhow::{Result, bail};

use crate::steps::{self, Outcome, Step};
use crate::{shell, sim, tidy};

const NEXTEST: &str = "cargo nextest run --workspace";
/// Without the documentation, whose tests are a step of their own.
const CARGO_TEST: &str = "cargo test --workspace --lib --bins --tests --examples";
const DOC_TESTS: &str = "cargo test --workspace --doc";
const BINARIES: &str = "cargo build --workspace --bins";
const FUZZ: &str = "cargo build --manifest-path fuzz/Cargo.toml";
const NPM: &str = "npm ci --no-audit --no-fund";
const NODE_TEST: &str = "node --test";
const INSTALL_CHROMIUM: &str = "env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
                                -o DPkg::Lock::Timeout=300 --no-install-recommends chromium";

/// Schedules of the simulation, once from a fixed seed and once from a random one.
const SCHEDULES: u64 = 5_000;
const FIXED_SEED: u64 = 1;

const TIDY: Step = Step { name: "tidy", alone: "cargo xtask tidy", run: run_tidy };
const TESTS: Step = Step { name: "unit and integration tests", alone: "cargo xtask test --only tests", run: run_tests };
const SIMULATION: Step = Step { name: "simulation", alone: "cargo xtask sim", run: run_simulation };
const DOCS: Step = Step { name: "documentation tests", alone: DOC_TESTS, run: run_doc_tests };
const E2E: Step = Step { name: "end to end", alone: "cargo xtask test --only e2e", run: run_e2e };
const FUZZ_BUILD: Step = Step { name: "fuzz targets build", alone: FUZZ, run: run_fuzz };

/// The steps of `--quick`: what answers within a minute after a build.
const QUICK: &[Step] = &[TIDY, TESTS, SIMULATION];
const ALL: &[Step] = &[TIDY, TESTS, DOCS, SIMULATION, E2E, FUZZ_BUILD];

pub(crate) fn run(options: &[&str]) -> Result<()> {
    match options {
        [] => steps::run("test", ALL),
        ["--quick"] => steps::run("test", QUICK),
        ["--only", "tests"] => steps::run("test", &[TESTS]),
        ["--only", "e2e"] => steps::run("test", &[E2E]),
        _ => bail!("usage: cargo xtask test [--quick | --only tests | --only e2e]"),
    }
}

fn run_tidy() -> Result<Outcome> {
    tidy::run().map(|()| Outcome::Passed)
}

fn run_tests() -> Result<Outcome> {
    let has_nextest = shell::succeeds("cargo nextest --version");
    shell::run(if has_nextest { NEXTEST } else { CARGO_TEST }).map(|()| Outcome::Passed)
}

fn run_doc_tests() -> Result<Outcome> {
    shell::run(DOC_TESTS).map(|()| Outcome::Passed)
}

fn run_simulation() -> Result<Outcome> {
    sim::explore(FIXED_SEED, SCHEDULES)?;
    sim::explore(sim::random_seed(), SCHEDULES)?;
    Ok(Outcome::Passed)
}

fn run_fuzz() -> Result<Outcome> {
    shell::run(FUZZ).map(|()| Outcome::Passed)
}

fn run_e2e() -> Result<Outcome> {
    if !shell::succeeds("node --version") {
        let reason = "node is not on this machine, and the end-to-end tests are node scripts";
        if is_build_machine() {
            bail!("{reason}");
        }
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    install_browser()?;
    shell::run(BINARIES)?;
    let e2e = shell::root().join("e2e");
    shell::run_in(&e2e, NPM, &[])?;
    shell::run_in(&e2e, NODE_TEST, &[])?;
    Ok(Outcome::Passed)
}

/// Debian's Chromium, through its package manager, where there is none and we may install it.
fn install_browser() -> Result<()> {
    if shell::find_program(&["chromium", "chromium-browser", "google-chrome"]).is_some() {
        return Ok(());
    }
    let is_root = shell::output("id -u").is_ok_and(|id| id.trim() == "0");
    if !is_root || shell::find_program(&["apt-get"]).is_none() {
        bail!("the end-to-end tests need a browser; install the package `chromium`");
    }
    println!("installing chromium");
    shell::output("apt-get update -qq")?;
    shell::output(INSTALL_CHROMIUM)?;
    Ok(())
}

fn is_build_machine() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
