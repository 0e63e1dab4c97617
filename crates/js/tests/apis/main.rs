//! Every API test of `conformance/apis`, run here and compared with what workerd said.
//!
//! `cargo xtask conformance --record` writes what workerd says; this test needs no workerd. What differs on purpose
//! stands in `conformance/apis/differences.txt` with its reason, and must differ.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../runtime/tests/support/node.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use dormouse_js::{Module, ModuleSource, Worker, application};

use crate::harness::Server;

const LINE_LEN_SHOWN: usize = 400;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/apis")
}

fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let tests = files.filter(|path| path.extension().is_some_and(|ending| ending == "js"));
    let stems = tests.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    stems.filter(|name| name != "transcript").collect()
}

/// Labels that differ on purpose, by test.
fn differences() -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let text = fs::read_to_string(folder().join("differences.txt")).unwrap();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let parts: Vec<&str> = line.splitn(3, " | ").collect();
        let [name, label, reason] = parts[..] else { panic!("no `test | label | reason`: {line}") };
        assert!(reason.len() > 10, "a difference has a reason: {line}");
        all.entry(name.to_owned()).or_default().insert(label.to_owned());
    }
    all
}

/// What a test says here.
fn transcript(name: &str) -> String {
    let script = |file: &str| Module {
        name: file.to_owned(),
        source: ModuleSource::Script(fs::read_to_string(folder().join(file)).unwrap()),
    };
    let mut worker = Worker::new(name, "");
    worker.main = format!("{name}.js");
    worker.modules = vec![script(&worker.main), script("transcript.js")];
    let server = Server::new(application(vec![worker]).unwrap_or_else(|error| panic!("{error}")));
    let (status, text) = server.ask("http://example.com/path?query=1");
    assert_eq!(status, 200, "{name}: {text}");
    text
}

fn lines(text: &str) -> BTreeMap<&str, &str> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let (label, said) = line.split_once(": ").unwrap_or((line, ""));
        assert!(lines.insert(label, said).is_none(), "two lines are called `{label}`");
    }
    lines
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LINE_LEN_SHOWN)]
}

#[test]
fn apis_answer_as_workerd_does() {
    let differences = differences();
    let only = std::env::var("APIS").ok();
    let mut wrong = String::new();
    for name in names() {
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let recorded = fs::read_to_string(folder().join(format!("{name}.txt")))
            .unwrap_or_else(|_| panic!("{name} is not recorded: run `cargo xtask conformance --record {name}`"));
        let (here, there) = (transcript(&name), recorded);
        let (here, there) = (lines(&here), lines(&there));
        let on_purpose = differences.get(&name).cloned().unwrap_or_default();
        let labels: BTreeSet<&str> = here.keys().chain(there.keys()).copied().collect();
        for label in labels {
            let (one, other) = (here.get(label), there.get(label));
            match (one == other, on_purpose.contains(label)) {
                (true, false) | (false, true) => {}
                (true, true) => wrong += &format!("{name}: `{label}` is listed as a difference and is none\n"),
                (false, false) => {
                    let (one, other) =
                        (one.map_or("nothing", |said| cut(said)), other.map_or("nothing", |said| cut(said)));
                    wrong += &format!("{name}: `{label}`\n      here: {one}\n   workerd: {other}\n");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
