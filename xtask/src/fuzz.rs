//! `cargo xtask fuzz`: the fuzz targets, one after the other, for so many seconds each.
//!
//! It needs what the other commands do not: `cargo-fuzz` and a nightly compiler. What is missing is said, with the command
//! that brings it. What is found stays in `fuzz/artifacts`, and the inputs that reached something new in `fuzz/corpus`, from
//! where the next run goes on. docs/fuzzing.md says what each target checks.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::shell;

const USAGE: &str = "usage: cargo xtask fuzz [TARGET] [--seconds N]";
/// Seconds of a target that is not told how many.
const SECONDS: u64 = 60;
/// Megabytes that a target may take: several times what any of them needs with the sanitizer.
const MEMORY_MB_MAX: u64 = 3_000;
/// Seconds of one input, after which it counts as one that never ends: some schedules of `object_schedule` take ten with
/// the sanitizer, and busy machines are slow.
const INPUT_SECONDS_MAX: u64 = 180;
/// Targets whose input is a script. A short one does next to nothing, so these begin with long ones.
const SCRIPTS: [&str; 6] = ["deflate", "http2", "journal_recover", "object_schedule", "operator", "storage_damage"];
const SCRIPT_LEN_MAX: u64 = 2_048;
/// Targets that start threads. What a thread is just being started with looks like a leak.
const THREADED: [&str; 2] = ["http2", "operator"];
/// What a run needs: how to see whether it is there, and how to get it.
const NEEDS: [(&str, &str, &str); 2] = [
    ("a nightly compiler", "rustc +nightly --version", "rustup toolchain install nightly --profile minimal"),
    ("cargo-fuzz", "cargo fuzz --version", "cargo install cargo-fuzz --locked"),
];

#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: Option<String>,
    seconds: u64,
}

pub(crate) fn run(args: &[&str]) -> Result<()> {
    let options = Options::parse(args)?;
    let targets = targets(&shell::root().join("fuzz/fuzz_targets"))?;
    let chosen = match &options.target {
        None => targets,
        Some(target) if targets.contains(target) => vec![target.clone()],
        Some(target) => bail!("there is no fuzz target `{target}`; there are {}", targets.join(", ")),
    };
    look_for_needs(shell::succeeds)?;
    for target in &chosen {
        shell::run(&command(target, options.seconds, shell::root()))?;
    }
    println!("fuzz: {} targets, {} seconds each, nothing found", chosen.len(), options.seconds);
    Ok(())
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self { target: None, seconds: SECONDS };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--seconds" => options.seconds = args.next().context(USAGE)?.parse().context(USAGE)?,
                target if !target.starts_with('-') && options.target.is_none() => options.target = Some(target.into()),
                _ => bail!("{USAGE}"),
            }
        }
        Ok(options)
    }
}

/// The names of all targets, in order.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            targets.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    targets.sort();
    Ok(targets)
}

fn look_for_needs(is_there: impl Fn(&str) -> bool) -> Result<()> {
    let missing: Vec<String> = NEEDS
        .iter()
        .filter(|(_, look, _)| !is_there(look))
        .map(|(name, _, get)| format!("{name} is not on this machine; get it with `{get}`"))
        .collect();
    if missing.is_empty() { Ok(()) } else { bail!("cannot fuzz: {}", missing.join("; and ")) }
}

fn command(target: &str, seconds: u64, root: &Path) -> String {
    // The first folder is the fuzzer's to write to, so it comes before the seeds, which are in the repository.
    let mut line = format!("cargo +nightly fuzz run {target} fuzz/corpus/{target}");
    let seeds = format!("fuzz/seeds/{target}");
    if root.join(&seeds).is_dir() {
        line += &format!(" {seeds}");
    }
    line += &format!(
        " -- -max_total_time={seconds} -rss_limit_mb={MEMORY_MB_MAX} -timeout={INPUT_SECONDS_MAX} -print_final_stats=1"
    );
    let words = format!("fuzz/dictionaries/{target}.dict");
    if root.join(&words).is_file() {
        line += &format!(" -dict={words}");
    }
    if SCRIPTS.contains(&target) {
        line += &format!(" -len_control=0 -max_len={SCRIPT_LEN_MAX}");
    }
    if THREADED.contains(&target) {
        line += " -detect_leaks=0";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read() {
        let parsed = |args: &[&str]| Options::parse(args).map_err(|error| error.to_string());
        let options = |target: Option<&str>, seconds| Ok(Options { target: target.map(str::to_owned), seconds });
        assert_eq!(parsed(&[]), options(None, SECONDS));
        assert_eq!(parsed(&["sql", "--seconds", "9"]), options(Some("sql"), 9));
        for args in [&["--seconds"][..], &["--seconds", "x"], &["one", "two"], &["--all"]] {
            assert_eq!(parsed(args), Err(USAGE.to_owned()), "{args:?}");
        }
    }

    #[test]
    fn each_target_is_one_that_cargo_knows() {
        let targets = targets(&shell::root().join("fuzz/fuzz_targets")).unwrap();
        let manifest = std::fs::read_to_string(shell::root().join("fuzz/Cargo.toml")).unwrap();
        for target in &targets {
            assert!(
                manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")),
                "{target} is not in the manifest"
            );
        }
        assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
        for target in SCRIPTS.iter().chain(&THREADED) {
            assert!(targets.iter().any(|known| known == target), "{target}");
        }
        let page = std::fs::read_to_string(shell::root().join("docs/fuzzing.md")).unwrap();
        for target in &targets {
            assert!(page.contains(&format!("| `{target}` |")), "docs/fuzzing.md has nothing of {target}");
        }
    }

    #[test]
    fn what_is_missing_is_said_with_what_brings_it() {
        assert!(look_for_needs(|_| true).is_ok());
        let error = look_for_needs(|look| !look.contains("nightly")).unwrap_err().to_string();
        assert!(error.contains("rustup toolchain install nightly") && !error.contains("cargo install"), "{error}");
        let error = look_for_needs(|_| false).unwrap_err().to_string();
        assert!(error.contains("nightly") && error.contains("cargo install cargo-fuzz"), "{error}");
    }

    #[test]
    fn a_script_begins_long_and_seeds_are_not_written_to() {
        let line = command("object_schedule", 9, shell::root());
        assert!(line.contains("-max_total_time=9") && line.contains("-len_control=0"), "{line}");
        let line = command("sql", 9, shell::root());
        assert!(
            line.contains("fuzz/corpus/sql fuzz/seeds/sql -- ") && line.contains("-dict=fuzz/dictionaries/sql.dict")
        );
        assert!(!line.contains("-len_control=0"), "{line}");
    }
}
