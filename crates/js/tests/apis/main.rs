//! Every test of `conformance`, run here and compared with what workerd said.
//!
//! `cargo xtask conformance --record` writes what workerd says; this test needs no workerd.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../runtime/tests/support/node.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod harness;

#[expect(dead_code, reason = "shared with the tests of `server`")]
mod compare;

use dormouse_js::{Binding, Class, ClassStorage, Module, ModuleSource, Worker, application};

use crate::compare::Comparison;
use crate::harness::Server;

/// The folders whose tests are run.
const FOLDERS: [&str; 2] = ["apis", "objects"];
/// What tests import: they are no tests themselves.
const HELPERS: [(&str, &str); 2] = [("transcript.js", "apis"), ("sections.js", "objects")];

/// What a test says here. Those with objects have the class that `cargo xtask conformance` gives them.
fn transcript(folder_name: &str, name: &str) -> String {
    let script = |folder_name: &str, file: &str| Module {
        name: file.to_owned(),
        source: ModuleSource::Script(compare::script(folder_name, file)),
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

#[test]
fn apis_answer_as_workerd_does() {
    let wrong: String = FOLDERS.map(compared).concat();
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What is wrong with the tests of a folder.
fn compared(folder_name: &'static str) -> String {
    let mut comparison = Comparison::new(folder_name);
    for name in compare::names(folder_name, &HELPERS.map(|(file, _)| file)) {
        comparison.take(&name, &transcript(folder_name, &name));
    }
    comparison.wrong()
}
