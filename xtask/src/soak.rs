//! `cargo xtask soak`: the durability tests over and over, on other seeds each time, and more killed processes.
//!
//! Power loss and failing disks are simulated below a whole node, in an optimised build; then the real program is killed at
//! random moments while it writes to the real disk. It ends with the first violation, and says with which seed.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

const USAGE: &str = "usage: cargo xtask soak [--minutes N]";
/// Minutes of a run that is not told how many.
const MINUTES: u64 = 10;
/// Kills of one round.
const KILLS: &str = "40";

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let minutes = match args {
        [] => MINUTES,
        ["--minutes", minutes] => minutes.parse().context(USAGE)?,
        _ => bail!("{USAGE}"),
    };
    shell::run("cargo build --quiet -p dormouse-cli")?;
    let e2e = shell::root().join("e2e");
    shell::run_in(&e2e, "npm ci --no-audit --no-fund", &[])?;
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let mut rounds = 0;
    while Instant::now() < until {
        let seed = (RandomState::new().hash_one(rounds) >> 1).to_string();
        let env = [("DORMOUSE_SOAK_SEED", seed.as_str())];
        let tests = "cargo test --quiet --release -p dormouse-runtime -p dormouse-storage --test storage --test faults";
        shell::run_in(shell::root(), tests, &env)?;
        shell::run_in(&e2e, "node --test storage.test.mjs", &[("DORMOUSE_SOAK_KILLS", KILLS)])?;
        rounds += 1;
    }
    println!("soak: {rounds} rounds, no violation");
    Ok(())
}
