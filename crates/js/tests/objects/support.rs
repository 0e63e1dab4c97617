//! Workers from source, with what a test wants bound.

use dormouse_js::{Binding, Class, ClassStorage, Worker, application};
use dormouse_runtime::node::Application;

/// A Worker called `main` whose class `Room` is bound as `ROOM`. Its entry passes every request on to the object that
/// the first part of the path names.
pub(crate) fn room(class: &str) -> Worker {
    let source = format!(
        r#"import {{ DurableObject, waitUntil, env as importedEnv }} from "cloudflare:workers";
        export {class}
        export default {{
            fetch(request, env) {{
                const [, name] = new URL(request.url).pathname.split("/");
                return env.ROOM.get(env.ROOM.idFromName(name)).fetch(request);
            }}
        }};"#
    );
    with_room("main", &source)
}

/// A Worker with the class `Room`, bound as `ROOM`.
pub(crate) fn with_room(name: &str, source: &str) -> Worker {
    let mut worker = Worker::new(name, source);
    worker.classes.push(Class { name: "Room".into(), unique_key: format!("{name}-Room"), storage: ClassStorage::Sql });
    worker.bindings.push(Binding::Namespace { name: "ROOM".into(), class: "Room".into(), worker: None });
    worker
}

pub(crate) fn run(worker: Worker) -> Application {
    application(vec![worker]).unwrap_or_else(|error| panic!("{error}"))
}
