//! Every test of `conformance`, run here and compared with what workerd said.
//!
//! `cargo xtask conformance --record` writes what workerd says; this test needs no workerd. What differs on purpose
//! stands in `differences.txt` of each folder with its reason, and must differ.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../runtime/tests/support/node.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use dormouse_js::{Binding, Class, ClassStorage, Module, ModuleSource, Worker, application};

use crate::harness::Server;

const LINE_LEN_SHOWN: usize = 400;

/// The folders whose tests are run.
const FOLDERS: &[&str] = &["apis", "objects"];
/// What tests import: they are no tests themselves.
const HELPERS: [(&str, &str); 2] = [("transcript.js", "apis"), ("sections.js", "objects")];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance").join(name)
}

fn names(folder_name: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder(folder_name)).unwrap().map(|file| file.unwrap().path());
    let tests = files.filter(|path| path.extension().is_some_and(|ending| ending == "js"));
    let files = tests.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let tests = files.filter(|file| HELPERS.iter().all(|(helper, _)| helper != file));
    tests.map(|file| file.trim_end_matches(".js").to_owned()).collect()
}

/// Labels that differ on purpose, by test.
fn differences(folder_name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let text = fs::read_to_string(folder(folder_name).join("differences.txt")).unwrap();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let parts: Vec<&str> = line.splitn(3, " | ").collect();
        let [name, label, reason] = parts[..] else { panic!("no `test | label | reason`: {line}") };
        assert!(reason.len() > 10, "a difference has a reason: {line}");
        all.entry(name.to_owned()).or_default().insert(label.to_owned());
    }
    all
}

/// What a test says here. Those with objects have the class that `cargo xtask conformance` gives them.
fn transcript(folder_name: &str, name: &str) -> String {
    let script = |folder_name: &str, file: &str| Module {
        name: file.to_owned(),
        source: ModuleSource::Script(fs::read_to_string(folder(folder_name).join(file)).unwrap()),
    };
    let mut worker = Worker::new(name, "");
    worker.main = format!("{name}.js");
    worker.modules = vec![script(folder_name, &worker.main)];
    worker.modules.extend(HELPERS.map(|(file, folder_name)| script(folder_name, file)));
    if folder_name == "objects" {
        worker.classes.push(Class {
            name: "Subject".into(),
            unique_key: format!("{name}-Subject"),
            storage: ClassStorage::Sql,
        });
        let (name, class) = ("SUBJECT".into(), "Subject".into());
        worker.bindings.push(Binding::Namespace { name, class, worker: None });
    }
    let data = tempfile::tempdir().unwrap();
    let application = application(vec![worker]).unwrap_or_else(|error| panic!("{error}"));
    let server = Server::with(application, |options| options.storage.data = Some(data.path().to_owned()));
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
    let wrong: String = FOLDERS.iter().map(|folder_name| compared(folder_name)).collect();
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What the tests of a folder should not have said.
fn compared(folder_name: &str) -> String {
    let differences = differences(folder_name);
    let only = std::env::var("APIS").ok();
    let mut wrong = String::new();
    for name in names(folder_name) {
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let recorded = fs::read_to_string(folder(folder_name).join(format!("{name}.txt")))
            .unwrap_or_else(|_| panic!("{name} is not recorded: run `cargo xtask conformance --record {name}`"));
        let (here, there) = (transcript(folder_name, &name), recorded);
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
    wrong
}
