//! `cargo xtask test`: everything that must pass before a change is merged, in the order of how soon it answers.
//!
//! What the runners print passes through as it is. Nothing is left out in silence: a step that cannot run on this
//! machine says why, and on a build machine (`CI=true`) that is a failure.

use anyhow::{Result, bail};

use crate::steps::{self, Outcome, Step};
use crate::{conformance, shell, sim, tidy};

const NEXTEST: &str = "cargo nextest run --workspace";
/// Without the documentation, whose tests are a step of their own.
const CARGO_TEST: &str = "cargo test --workspace --lib --bins --tests --examples";
const DOC_TESTS: &str = "cargo test --workspace --doc";
const BINARIES: &str = "cargo build --workspace --bins";
/// The example in TypeScript, which must do all that the one in Rust does.
const TYPESCRIPT_EXAMPLE: &str = "examples/client-socket";
/// The platform, and the examples.
const TSC: [&str; 2] = ["tsconfig.json", "tsconfig.examples.json"];
const FUZZ: &str = "cargo build --manifest-path fuzz/Cargo.toml";
const NPM: &str = "npm ci --no-audit --no-fund";
const NODE_TEST: &str = "node --test";
const NODE_TEST_TWIN: &str = "node --test client-socket.test.mjs browser.test.mjs";
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
const TYPES: Step = Step { name: "types", alone: "cargo xtask test --only types", run: run_types };
const CONFORMANCE: Step = Step { name: "workerd as recorded", alone: "cargo xtask conformance", run: run_conformance };
const FUZZ_BUILD: Step = Step { name: "fuzz targets build", alone: FUZZ, run: run_fuzz };

/// The steps of `--quick`: what answers within a minute after a build.
const QUICK: &[Step] = &[TIDY, TESTS, SIMULATION];
const ALL: &[Step] = &[TIDY, TESTS, DOCS, SIMULATION, TYPES, CONFORMANCE, E2E, FUZZ_BUILD];

pub(crate) fn run(options: &[&str]) -> Result<()> {
    match options {
        [] => steps::run("test", ALL),
        ["--quick"] => steps::run("test", QUICK),
        ["--only", "tests"] => steps::run("test", &[TESTS]),
        ["--only", "types"] => steps::run("test", &[TYPES]),
        ["--only", "e2e"] => steps::run("test", &[E2E]),
        _ => bail!("usage: cargo xtask test [--quick | --only tests | --only types | --only e2e]"),
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

/// The platform and the examples, against the public types of the platform that they are for.
fn run_types() -> Result<Outcome> {
    if let Some(skipped) = without_node()? {
        return Ok(skipped);
    }
    let platform = shell::root().join("crates/js");
    shell::run_in(&platform, NPM, &[])?;
    for project in TSC {
        shell::run_in(&platform, &format!("node node_modules/typescript/bin/tsc -p {project}"), &[])?;
    }
    Ok(Outcome::Passed)
}

fn run_conformance() -> Result<Outcome> {
    if let Some(skipped) = without_node()? {
        return Ok(skipped);
    }
    conformance::run(&[]).map(|()| Outcome::Passed)
}

/// What becomes of a step that needs node on a machine without it.
fn without_node() -> Result<Option<Outcome>> {
    if shell::succeeds("node --version") {
        return Ok(None);
    }
    let reason = "node is not on this machine";
    if is_build_machine() {
        bail!("{reason}");
    }
    Ok(Some(Outcome::Skipped(reason.to_owned())))
}

fn run_e2e() -> Result<Outcome> {
    if let Some(skipped) = without_node()? {
        return Ok(skipped);
    }
    install_browser()?;
    shell::run(BINARIES)?;
    let e2e = shell::root().join("e2e");
    shell::run_in(&e2e, NPM, &[])?;
    shell::run_in(&e2e.join("packages"), NPM, &[])?;
    shell::run_in(&e2e, NODE_TEST, &[])?;
    // The twin of the Rust example passes the same tests.
    let dormouse = shell::target().join("debug/dormouse");
    let example = shell::root().join(TYPESCRIPT_EXAMPLE);
    let twin = format!("{} serve {}", dormouse.display(), example.display());
    shell::run_in(&e2e, NODE_TEST_TWIN, &[("DORMOUSE_E2E_SERVER", &twin)])?;
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
