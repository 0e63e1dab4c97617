//! `cargo xtask tidy`: the rules of the house that a compiler does not know, as data at the top of this file.
//!
//! It reads manifests, Rust sources and Markdown, and changes nothing. It runs as a test too, so no change passes
//! without it. It is no parser: a rule that needs types belongs to clippy.

mod links;
mod packages;
mod size;
mod source;
mod text;

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use self::packages::{Ban, Edges, Home, Tests};
use self::size::{Limits, LongFunction};
use self::source::Source;
use self::text::{Exception, Rule, Scope};
use crate::shell;

/// Which of our packages may use which: the direction of dependencies.
const EDGES: &[Edges] = &[
    Edges { package: "dormouse-object", uses: &[], tests_use: &[] },
    Edges { package: "dormouse-storage", uses: &[], tests_use: &[] },
    Edges { package: "dormouse-runtime", uses: &["dormouse-object", "dormouse-storage"], tests_use: &[] },
    Edges { package: "dormouse-worker-macros", uses: &[], tests_use: &[] },
    Edges { package: "dormouse-worker", uses: &["dormouse-runtime", "dormouse-worker-macros"], tests_use: &[] },
    Edges { package: "dormouse-bundle", uses: &[], tests_use: &[] },
    Edges { package: "dormouse-js", uses: &["dormouse-runtime", "dormouse-bundle"], tests_use: &[] },
    Edges { package: "dormouse-server", uses: &["dormouse-js", "dormouse-runtime"], tests_use: &[] },
    Edges {
        package: "dormouse-cli",
        uses: &["dormouse-server", "dormouse-bundle"],
        tests_use: &["dormouse-runtime", "dormouse-worker"],
    },
    Edges { package: "examples/", uses: &["dormouse-worker", "dormouse-server", "dormouse-cli"], tests_use: &[] },
    Edges { package: "xtask", uses: &["dormouse-object"], tests_use: &[] },
];

/// Each foreign system has one home.
const HOMES: &[Home] = &[
    Home { crates: &["rusqlite", "libsqlite3-sys"], only_in: &["dormouse-storage"], in_tests: Tests::Bound },
    Home { crates: &["rquickjs*"], only_in: &["dormouse-js"], in_tests: Tests::Bound },
    Home { crates: &["hyper", "hyper-util"], only_in: &["dormouse-server"], in_tests: Tests::Bound },
    Home { crates: &["rolldown*"], only_in: &["dormouse-bundle"], in_tests: Tests::Bound },
    Home { crates: &["clap"], only_in: &["dormouse-cli", "xtask"], in_tests: Tests::Bound },
    Home { crates: &["anyhow"], only_in: &["dormouse-cli", "xtask", "examples/"], in_tests: Tests::Bound },
    Home { crates: &["tungstenite", "tokio-tungstenite"], only_in: &[], in_tests: Tests::Free },
];

/// What a package must do without.
const BANS: &[Ban] = &[
    Ban {
        package: "dormouse-object",
        crates: &["tokio*"],
        reason: "the rules of an object do no IO and have no clock",
    },
    Ban { package: "dormouse-storage", crates: &["tokio*"], reason: "storage works on the thread that calls it" },
];

const LIMITS: Limits = Limits { module_len_warn: 500, module_len_max: 800, function_len_max: 70 };

/// Functions over the limit. An entry may only shrink, and goes when its function fits.
const RATCHET: &[LongFunction] = &[];

const RULES: &[Rule] = &[
    Rule {
        name: "glob-of-parent",
        needles: &["use super::*"],
        scope: Scope::OutsideTests,
        instead: "import what is used by name",
    },
    Rule {
        name: "ignored-test",
        needles: &["#[ignore"],
        scope: Scope::Everywhere,
        instead: "mend the test, or assert the known wrong result with a FIXME",
    },
    Rule {
        name: "should-panic",
        needles: &["#[should_panic"],
        scope: Scope::Everywhere,
        instead: "return an error and assert on it",
    },
    Rule {
        name: "unfinished",
        needles: &["todo!", "unimplemented!", "dbg!"],
        scope: Scope::Everywhere,
        instead: "finish it or take it out",
    },
    Rule {
        name: "unwrap",
        needles: &[".unwrap()"],
        scope: Scope::OutsideTests,
        instead: "return the error, or write `expect` with why it cannot fail",
    },
    Rule {
        name: "sleeping-test",
        needles: &["thread::sleep", "time::sleep"],
        scope: Scope::TestsOnRealTime,
        instead: "wait for what should happen, or pause the clock",
    },
    Rule {
        name: "static-mut",
        needles: &["static mut"],
        scope: Scope::Everywhere,
        instead: "pass the value as an argument or keep it in a field",
    },
    Rule {
        name: "once-lock",
        needles: &["OnceLock", "LazyLock"],
        scope: Scope::OutsideTests,
        instead: "pass the value as an argument or keep it in a field",
    },
    Rule {
        name: "unsafe-code",
        needles: &["unsafe_code"],
        scope: Scope::OutsideTests,
        instead: "ask the adapter of the engine, or do without",
    },
    Rule {
        name: "thread-local",
        needles: &["thread_local!"],
        scope: Scope::OutsideTests,
        instead: "pass the value as an argument or keep it in a field",
    },
];

const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "thread-local",
        path: "crates/worker/src/native.rs",
        reason: "the signatures of the `worker` crate have no context argument",
    },
    Exception {
        rule: "thread-local",
        path: "fuzz/fuzz_targets/client_handshake.rs",
        reason: "the fuzzer calls a function of the input alone, and codecs take longer than an input",
    },
    Exception {
        rule: "thread-local",
        path: "fuzz/fuzz_targets/clone_js.rs",
        reason: "the fuzzer calls a function of the input alone, and an engine takes longer than an input",
    },
    Exception {
        rule: "thread-local",
        path: "fuzz/fuzz_targets/deflate.rs",
        reason: "the fuzzer calls a function of the input alone, and codecs take longer than an input",
    },
    Exception {
        rule: "thread-local",
        path: "fuzz/fuzz_targets/http2.rs",
        reason: "the fuzzer calls a function of the input alone, and a server takes longer than an input",
    },
    Exception {
        rule: "thread-local",
        path: "fuzz/fuzz_targets/operator.rs",
        reason: "the fuzzer calls a function of the input alone, and a node takes longer than an input",
    },
    Exception {
        rule: "unsafe-code",
        path: "crates/js/src/quickjs.rs",
        reason: "the engine is C; this file and its parts are its only home",
    },
    Exception {
        rule: "unsafe-code",
        path: "crates/storage/src/sqlite.rs",
        reason: "SQLite is C, and rusqlite has no interface to its file systems and its logs",
    },
];

/// Folders that hold nothing of ours: what is built, fetched or generated.
const SKIPPED: &[&str] = &["target", "node_modules", "corpus", "artifacts"];

const METADATA: &str = "cargo metadata --no-deps --format-version 1";

/// Something that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    level: Level,
    message: String,
}

/// Whether a finding fails the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
}

impl Finding {
    fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, level: Level::Error, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.level == Level::Warning { "warning: " } else { "" };
        write!(f, "{}:{}: {level}{}", self.path, self.line, self.message)
    }
}

/// Prints what is wrong, and fails when a finding is more than a warning.
pub(crate) fn run() -> Result<()> {
    let findings = check(shell::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    if errors > 0 {
        bail!("tidy: {errors} to mend");
    }
    println!("tidy: all in order");
    Ok(())
}

fn check(root: &Path) -> Result<Vec<Finding>> {
    let packages = packages::parse(&shell::output(METADATA)?, root)?;
    let mut findings = packages::edges(&packages, EDGES);
    findings.extend(packages::foreign(&packages, HOMES, BANS));
    findings.extend(packages.iter().flat_map(packages::inheritance));

    let mut sources = Vec::new();
    for path in files(root)? {
        let read = || std::fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {path}"));
        if path.ends_with(".rs") {
            sources.push(Source::new(&path, &read()?));
        } else if path.ends_with(".md") {
            findings.extend(links::dead(&path, &read()?, |target| root.join(target).exists()));
        }
    }
    findings.extend(sources.iter().flat_map(check_source));
    findings.extend(size::idle_ratchet(&sources, &LIMITS, RATCHET));
    findings.extend(text::idle_exceptions(&sources, RULES, EXCEPTIONS));
    Ok(findings)
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = text::module_form(source);
    findings.extend(text::forbidden(source, RULES, EXCEPTIONS));
    findings.extend(text::silenced_lints(source));
    findings.extend(text::global_state(source));
    findings.extend(size::module(source, &LIMITS));
    findings.extend(size::functions(source, &LIMITS, RATCHET));
    findings
}

/// Every file of the repository, relative to its root, in the order of its name.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root.join(&folder)).with_context(|| format!("cannot read {folder}"))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let findings = check(shell::root()).unwrap();
        let errors: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Error).collect();
        let list: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "\n{}\n", list.join("\n"));
    }

    #[test]
    fn a_bad_file_is_found_by_every_check() {
        let text = format!(
            "use super::*;\n#[allow(dead_code)]\nstatic A: Mutex<u8> = Mutex::new(0);\nfn long() {{\n{}}}\n",
            "    x();\n".repeat(800)
        );
        let found = check_source(&Source::new("crates/object/src/bad/mod.rs", &text));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 1, 1, 2, 3, 1, 4]);
    }
}
