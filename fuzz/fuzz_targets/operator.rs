//! Questions of an operator, as they come over the control socket, to a node with a few objects: each is answered or
//! refused with a text, the answer survives its way through JSON, and what only looks changes nothing.
//!
//! Copies of databases are left out: they would be written where the input says.

#![no_main]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dormouse_runtime::ctx::Ctx;
use dormouse_runtime::fuzz::database_of;
use dormouse_runtime::guest::{Guest, GuestError, GuestFactory};
use dormouse_runtime::node::{Application, Node, Options, WorkerSource};
use dormouse_runtime::object::id::NamespaceKey;
use dormouse_runtime::operator::Objects;
use dormouse_runtime::storage::file::FileSystem;
use dormouse_runtime::storage::file::sim::SimDisk;
use dormouse_runtime::storage::{Db, Vfs};
use dormouse_server::admin::{Answer, Ask};
use dormouse_server::fuzz::answer;
use libfuzzer_sys::fuzz_target;

const CLASS: &str = "app-Room";
const NAMES: [&str; 3] = ["a", "b", "c"];

/// A node that nobody has changed yet.
struct World {
    node: Option<Node>,
    objects: Objects,
    disk: SimDisk,
}

thread_local! {
    /// Not stopped with the thread: nothing of a thread works then.
    static WORLD: RefCell<Option<ManuallyDrop<World>>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let asks: Vec<Ask> =
        data.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let asks: Vec<Ask> = asks.into_iter().filter(|ask| !matches!(ask, Ask::Export { .. })).collect();
    if asks.is_empty() {
        return;
    }
    WORLD.with_borrow_mut(|place| {
        let world = place.get_or_insert_with(|| ManuallyDrop::new(World::new()));
        let changes = asks.iter().filter(|ask| world.ask(ask)).count();
        if changes > 0 {
            drop(place.take().map(ManuallyDrop::into_inner));
        }
    });
});

impl World {
    fn new() -> Self {
        let data = std::env::temp_dir().join(format!("dormouse-fuzz-{}", std::process::id()));
        let disk = SimDisk::new(1);
        let vfs = Vfs::new(Arc::new(disk.clone())).expect("a file system");
        for name in NAMES {
            let id = *NamespaceKey::new(CLASS).id_from_name(name).as_bytes();
            let path = database_of(&data, CLASS, id);
            disk.create_dir(path.parent().expect("a path of a file")).expect("no fault is planned");
            let mut db = Db::open(&vfs, &path, Some(name), None).expect("a new database");
            db.kv_put("key", b"value").expect("the disk is well");
            db.exec("CREATE TABLE t (x); INSERT INTO t VALUES (1), ('two'), (x'03'), (4.5), (1e999)", &[])
                .expect("SQL");
            db.commit().expect("the disk is well");
            db.checkpoint(|| Ok(())).expect("the disk is well");
        }
        let mut options = Options { shards: 1, ..Options::default() };
        options.storage.data = Some(data);
        options.storage.files = Arc::new(disk.clone());
        let worker = WorkerSource { name: "nobody".into(), factory: Arc::new(Nobody) };
        let application = Application { workers: vec![worker], classes: Vec::new() };
        let node = Node::start(application, options, Arc::new(|_| Box::pin(async {}))).expect("it starts");
        let objects = Objects::of(node.handle()).expect("it keeps data");
        Self { node: Some(node), objects, disk }
    }

    /// Asks, and tells whether something has changed.
    fn ask(&self, ask: &Ask) -> bool {
        let may_change = matches!(ask, Ask::Delete { .. } | Ask::Sql { write: true, .. });
        let before = self.files();
        let mut is_changed = false;
        match answer(&self.objects, ask) {
            Ok(answer) => {
                is_changed = may_change;
                let json = serde_json::to_vec(&answer).expect("an answer is JSON");
                assert_eq!(serde_json::from_slice::<Answer>(&json).expect("an answer is JSON"), answer);
                if let (Answer::Objects(objects), Ask::List { limit, .. }) = (&answer, ask) {
                    assert!(objects.len() <= *limit);
                }
            }
            Err(text) => assert!(!text.is_empty()),
        }
        assert!(may_change || self.files() == before, "{ask:?} made or removed files");
        is_changed
    }

    fn files(&self) -> BTreeSet<PathBuf> {
        let is_of_object = |path: &PathBuf| path.components().any(|part| part.as_os_str() == Path::new("objects"));
        let is_log = |path: &PathBuf| path.to_string_lossy().ends_with("-wal");
        self.disk.paths().into_iter().filter(|path| is_of_object(path) && !is_log(path)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop(Duration::ZERO);
        }
    }
}

/// Nobody asks these objects anything.
struct Nobody;

impl GuestFactory for Nobody {
    fn build(&self, _ctx: Ctx) -> Result<Box<dyn Guest>, GuestError> {
        Err(GuestError::new("there is no code here"))
    }
}
