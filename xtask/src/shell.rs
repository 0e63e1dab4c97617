//! Running other programs: always from the root of the repository, always with their output passed through as it is.
//!
//! A child inherits stdout and stderr, so the closing lines of a test runner reach the reader, or a machine that
//! counts tests, unchanged.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// The root of the repository, which is the parent of this package.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is a folder in the repository")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs `line`, a program and its arguments separated by spaces, and fails when it fails.
pub(crate) fn run(line: &str) -> Result<()> {
    run_in(root(), line, &[])
}

/// As [`run`], in the folder `dir` and with `env` added to the environment.
pub(crate) fn run_in(dir: &Path, line: &str, env: &[(&str, &str)]) -> Result<()> {
    println!("$ {line}");
    let mut command = command(line)?;
    command.current_dir(dir).envs(env.iter().copied());
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// What `line` prints on stdout; fails when it fails.
pub(crate) fn output(line: &str) -> Result<String> {
    let mut command = command(line)?;
    let output = command.current_dir(root()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether `line` can be started and succeeds; its output is dropped.
pub(crate) fn succeeds(line: &str) -> bool {
    let Ok(mut command) = command(line) else { return false };
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The first of `names` that is a file in a folder of `PATH`.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name))).find(|file| file.is_file())
}

fn command(line: &str) -> Result<Command> {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().context("an empty command line")?);
    command.args(words);
    Ok(command)
}
