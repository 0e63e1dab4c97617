//! Every test of `conformance/sockets` on a whole server, with the client that workerd was asked with, compared with what
//! workerd said.
//!
//! `cargo xtask conformance --record` writes what workerd says; this test needs no workerd.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../../../../xtask/src/conformance/client.rs"]
mod client;
#[path = "../../../js/tests/apis/compare.rs"]
mod compare;
#[path = "../../../../xtask/src/conformance/script.rs"]
mod script;

use std::collections::BTreeSet;
use std::time::Duration;

use dormouse_server::Server;
use dormouse_server::js::{Binding, Class, ClassStorage, Module, ModuleSource, Worker, application};

use crate::compare::Comparison;
use crate::script::Place;

/// What tests import: they are no tests themselves.
const HELPERS: [(&str, &str); 2] = [("transcript.js", "apis"), ("cases.js", "sockets")];
/// How a test begins that needs flags.
const FLAGS: &str = "// flags: ";
/// How long frames are waited for that do not come. Some that workerd sends do not come here on purpose, so every run
/// takes the shorter one; on a busy machine a test may need the longer one.
const PATIENCE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(60)];
/// The test whose objects shall fall asleep as soon as they may.
const SLEEPY: &str = "hibernation";

#[test]
fn sockets_do_as_workerd_does() {
    let names: BTreeSet<String> = compare::names("sockets", &HELPERS.map(|(file, _)| file));
    let mut comparison = Comparison::new("sockets");
    std::thread::scope(|scope| {
        let running = names.iter().map(|name| {
            (
                name,
                scope.spawn(|| {
                    let [shorter, longer] = PATIENCE;
                    let said = transcript(name, shorter);
                    if Comparison::is_right("sockets", name, &said) { said } else { transcript(name, longer) }
                }),
            )
        });
        for (name, said) in running.collect::<Vec<_>>() {
            comparison.take(name, &said.join().unwrap());
        }
    });
    let wrong = comparison.wrong();
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What a test says here.
fn transcript(name: &str, patience: Duration) -> String {
    let module = |folder_name: &str, file: &str| Module {
        name: file.to_owned(),
        source: ModuleSource::Script(compare::script(folder_name, file)),
    };
    let mut worker = Worker::new(name, "");
    worker.main = format!("{name}.js");
    worker.modules = vec![module("sockets", &worker.main)];
    worker.modules.extend(HELPERS.map(|(file, folder_name)| module(folder_name, file)));
    let script = compare::script("sockets", &worker.main);
    let flags = script.lines().next().and_then(|line| line.strip_prefix(FLAGS)).unwrap_or_default();
    worker.compatibility_flags = flags.split_whitespace().map(str::to_owned).collect();
    let unique_key = format!("{name}-Subject");
    worker.classes.push(Class { name: "Subject".into(), unique_key, storage: ClassStorage::Sql });
    worker.bindings = vec![
        Binding::Namespace { name: "SUBJECT".into(), class: "Subject".into(), worker: None },
        Binding::Service { name: "HOP".into(), service: name.into(), entrypoint: Some("Hop".into()) },
    ];
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::builder().listen("127.0.0.1:0").shards(1).data(data.path()).stop_grace(Duration::ZERO);
    if name == SLEEPY {
        server = server.hibernate_after(Duration::ZERO);
    }
    let running = server.start(application(vec![worker]).unwrap_or_else(|error| panic!("{error}"))).unwrap();
    let place = Place { address: running.local_addr().to_string(), sleep: Duration::ZERO, patience };
    let said = script::run(&place).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    running.stop();
    said
}
