//! `cargo xtask conformance`: what workerd says to the tests in `conformance`, compared with what is recorded.
//!
//! The record is what Dormouse is held against by `crates/js/tests/apis` and `crates/server/tests/conformance`; this
//! command makes sure that the record is true. It refuses to pass when workerd is not there. Nothing is left behind:
//! neither the configuration nor what the objects stored.

mod client;
mod script;
mod workerd;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// What tests import: they are no tests themselves.
const HELPERS: [&str; 3] = ["transcript", "sections", "cases"];

/// What a test consists of. Each has its folder in `conformance`.
#[derive(Clone, Copy)]
enum Kind {
    /// A Worker without state.
    Api,
    /// A Worker with the class `Subject`, whose objects store in SQLite on a disk; bound as `SUBJECT`.
    Object,
    /// The same, whose default export says steps for clients: see `script`.
    Socket,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Api, Self::Object, Self::Socket];

    fn folder(self) -> &'static str {
        match self {
            Self::Api => "apis",
            Self::Object => "objects",
            Self::Socket => "sockets",
        }
    }
}

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (record, only) = match options {
        [] => (false, None),
        ["--record"] => (true, None),
        ["--record", name] => (true, Some(*name)),
        [name] if !name.starts_with('-') => (false, Some(*name)),
        _ => bail!("usage: cargo xtask conformance [--record] [NAME]"),
    };
    let folder = shell::root().join("conformance");
    shell::run_in(&folder, "npm ci --no-audit --no-fund --silent", &[])?;
    let (mut equal, mut different) = (0, Vec::new());
    let mut found = false;
    for (kind, name) in tests(&folder)? {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        found = true;
        let said = workerd::ask(&folder, kind, &name).with_context(|| format!("test {name} on workerd"))?;
        let path = folder.join(format!("{}/{name}.txt", kind.folder()));
        if record {
            fs::write(&path, &said)?;
            check(&said).with_context(|| format!("the transcript of {name}"))?;
            equal += said.lines().count();
            continue;
        }
        let recorded = fs::read_to_string(&path).with_context(|| format!("{name} was never recorded"))?;
        if recorded == said {
            equal += said.lines().count();
        } else {
            different.push(name);
        }
    }
    if !found {
        bail!("no test is called {}", only.unwrap_or("anything"));
    }
    println!("conformance: {equal} observations of workerd {}", if record { "recorded" } else { "as recorded" });
    if !different.is_empty() {
        bail!("workerd says something else to: {}; look at it with `--record`", different.join(", "));
    }
    Ok(())
}

fn tests(conformance: &Path) -> Result<Vec<(Kind, String)>> {
    let mut tests = Vec::new();
    for kind in Kind::ALL {
        let mut names = Vec::new();
        for file in fs::read_dir(conformance.join(kind.folder()))? {
            let path = file?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|ending| ending == "js") && !HELPERS.contains(&stem) {
                names.push(stem.to_owned());
            }
        }
        names.sort();
        tests.extend(names.into_iter().map(|name| (kind, name)));
    }
    Ok(tests)
}

/// Fails unless a transcript can be compared line by line: the test ran to its end, and no two lines share a label.
fn check(said: &str) -> Result<()> {
    let mut labels = BTreeSet::new();
    for line in said.lines() {
        let (label, rest) = line.split_once(": ").with_context(|| format!("a line without a label: {line}"))?;
        if label.starts_with("STOPPED") {
            bail!("it stopped: {rest}");
        }
        if !labels.insert(label) {
            bail!("two lines are called `{label}`");
        }
    }
    Ok(())
}
