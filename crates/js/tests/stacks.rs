//! Stacks of errors in a Worker that was made from other sources.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use dormouse_js::{Error, Module, ModuleSource, Position, SourceMap, Worker, application};
use dormouse_runtime::body::Body;
use dormouse_runtime::node::{Node, Options};

const PATIENCE: Duration = Duration::from_secs(60);

fn answer(worker: Worker) -> String {
    let (reply, answer) = mpsc::channel();
    let reply = Mutex::new(Some(reply));
    let on_shard = move |shard: std::rc::Rc<dormouse_runtime::Shard>| {
        let reply = reply.lock().unwrap().take();
        Box::pin(async move {
            let response = shard.fetch(http::Request::get("http://example.com/").body(Body::empty()).unwrap()).await;
            let bytes = response.unwrap().http.into_body().collect(1 << 20).await.unwrap();
            let _ = reply.unwrap().send(String::from_utf8_lossy(&bytes).into_owned());
        }) as _
    };
    let application = application(vec![worker]).unwrap();
    let node = Node::start(application, Options { shards: 1, ..Options::default() }, Arc::new(on_shard)).unwrap();
    let text = answer.recv_timeout(PATIENCE).expect("an answer");
    node.stop(Duration::ZERO);
    text
}

/// Line n of `worker.js` is line n + 100 of `source.ts`; the second line is of no source.
fn mapped(module: &str, line: u32, column: u32) -> Option<Position> {
    assert_eq!(module, "worker.js");
    (line != 2).then(|| Position { source: "source.ts".to_owned(), line: line + 100, column: column + 1000 })
}

const SOURCE: &str = r#"export default { fetch() {
    const made = [function first() { return new Error("a"); }].map((make) => make())[0];
    Error.prepareStackTrace = (_, sites) => sites.map((site) => `${site.getFileName()} ${site.getLineNumber()}`).join();
    return new Response(`${made.stack}\n${new Error("b").stack}\n${site()}`);
} };
function site() {
    delete Error.prepareStackTrace;
    return new TypeError("c").stack;
}
"#;

#[test]
fn positions_are_those_of_the_sources() {
    let mut worker = Worker::new("mapped", SOURCE);
    worker.source_map = Some(SourceMap::new(mapped));
    // The first one is formatted by the user's function too: it is read after that was set.
    let expected = "worker.js 2,worker.js 2,null null,worker.js 2\n\
                    source.ts 104\n\
                    TypeError: c\n    at site (source.ts:108:1016)\n    at fetch (source.ts:104:1068)";
    assert_eq!(answer(worker), expected);
}

#[test]
fn a_fault_at_the_start_has_its_place() {
    let mut worker = Worker::new("faulty", "");
    worker.modules = vec![
        Module { name: "worker.js".to_owned(), source: ModuleSource::Script("import './part.js';".to_owned()) },
        Module { name: "part.js".to_owned(), source: ModuleSource::Script("\n\nmissing.thing;".to_owned()) },
    ];
    let Err(Error::Faulty { message, .. }) = application(vec![worker]) else { panic!("the Worker is faulty") };
    assert_eq!(message, "ReferenceError: missing is not defined\n    at part.js:3:1");
    let Err(Error::Faulty { message, .. }) = application(vec![Worker::new("faulty", "let 1;")]) else {
        panic!("the Worker is faulty")
    };
    assert!(message.starts_with("SyntaxError: ") && message.contains("worker.js:1:"), "{message}");
}
