//! What an operator sees and does, from the outside: of objects in memory and of those that are not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dormouse_runtime::body::Body;
use dormouse_runtime::operator::{Objects, OperatorError, Residence};
use dormouse_runtime::storage::value::Value;
use dormouse_storage::file::sim::{Fault, SimDisk};

use crate::guest::{PATIENCE, Watch, application};
use crate::node::Server;
use crate::rig::SEGMENT_LEN;
use crate::start;

const CREATE: &str = "sql?CREATE+TABLE+log+(text);INSERT+INTO+log+VALUES+('one')";
const COUNT: &str = "SELECT count(*) FROM log";

/// Objects stay in memory.
fn awake(data: &Path) -> (Server, Watch) {
    let (application, watch) = application();
    (Server::with(application, |options| options.storage.data = Some(data.to_owned())), watch)
}

fn on_disk(disk: &SimDisk, data: &Path) -> (Server, Watch) {
    let (application, watch) = application();
    let server = Server::with(application, |options| {
        options.storage.data = Some(data.to_owned());
        options.storage.files = Arc::new(disk.clone());
        options.storage.tuning.segment_len = SEGMENT_LEN;
        options.object.hibernate_after = Some(Duration::ZERO);
    });
    (server, watch)
}

fn objects(server: &Server) -> Objects {
    Objects::of(server.handle()).unwrap()
}

fn ok(server: &Server, path: &str) -> String {
    let (status, text) = server.ask(path);
    assert_eq!(status, 200, "{path}: {text}");
    text
}

fn names(objects: &Objects) -> Vec<String> {
    let listed = objects.list(None, None, 10).unwrap();
    listed.into_iter().map(|object| object.name.unwrap_or(object.id)).collect()
}

fn count(objects: &Objects, name: &str) -> Vec<Value> {
    objects.sql("Room", name, COUNT, false).unwrap().values
}

fn databases(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { databases(&path) } else { vec![path] }).collect()
}

/// Waits until this is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn objects_are_listed_and_shown_whether_they_sleep_or_not() {
    for is_awake in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (server, watch) = if is_awake { awake(folder.path()) } else { start(folder.path()) };
        for name in ["a", "b", "c"] {
            ok(&server, &format!("/{name}/{CREATE}"));
        }
        ok(&server, "/b/set-alarm?99999999999999");
        assert_eq!(ok(&server, "/looks/alarm"), "None");
        let objects = objects(&server);
        let mut all = names(&objects);
        all.sort();
        assert_eq!(all, ["a", "b", "c"]);
        let first = &objects.list(Some("Room"), None, 1).unwrap()[0];
        let rest = objects.list(Some("test-Room"), Some((&first.class, &first.id)), 5).unwrap();
        assert_eq!((rest.len(), rest.contains(first)), (2, false));

        let mut client = server.connect("/b/socket?tag");
        client.send("who");
        client.next();
        let shown = objects.show("Room", "b").unwrap();
        let contents = shown.contents.unwrap();
        assert_eq!((contents.tables, contents.keys), (vec![("log".to_owned(), 1)], 0));
        assert_eq!((shown.listed.class.as_str(), shown.listed.name.as_deref()), ("test-Room", Some("b")));
        assert_eq!(shown.listed.alarm_ms, Some(99_999_999_999_999));
        assert!(shown.listed.bytes >= 8_192);
        assert_eq!(shown.residence.sockets, 1);
        assert!(!is_awake || shown.residence.is_resident);
        assert_eq!(objects.show("Room", &shown.listed.id).unwrap().listed, shown.listed, "by its id");
        // It goes on as before.
        assert_eq!(ok(&server, "/b/sql?SELECT+text+FROM+log"), r#"[Text("one")]"#);
        drop(watch);
    }
}

#[test]
fn what_is_not_there_is_said_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _watch) = awake(folder.path());
    let objects = objects(&server);
    ok(&server, &format!("/a/{CREATE}"));
    for (class, object, says) in [
        ("Rom", "a", "there is no class `Rom`; there are test-Room"),
        ("Room", "nobody", "no object `nobody` of class test-Room stores anything"),
        ("Room", &"0".repeat(64), "not valid for this namespace"),
    ] {
        for error in [
            objects.show(class, object).unwrap_err(),
            objects.sql(class, object, COUNT, true).unwrap_err(),
            objects.export(class, object, &folder.path().join("copy")).unwrap_err(),
            objects.delete(class, object).unwrap_err(),
        ] {
            assert!(error.to_string().contains(says), "{error}");
        }
    }
    // One that is in memory and stores nothing can be shown.
    ok(&server, "/idle/hello");
    let shown = objects.show("Room", "idle").unwrap();
    assert_eq!((shown.contents, shown.residence), (None, Residence { is_resident: true, sockets: 0 }));
    assert!(objects.delete("Room", "idle").is_err());
    assert_eq!(names(&objects), ["a"]);
    let files = databases(&folder.path().join("objects"));
    assert!(files.iter().filter(|path| path.extension() == Some("sqlite".as_ref())).count() == 1, "{files:?}");
}

#[test]
fn sql_writes_only_when_it_may_and_what_it_writes_survives_a_power_loss() {
    for is_awake in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let disk = SimDisk::new(3);
        let (server, watch) = on_disk(&disk, folder.path());
        let mut client = server.connect("/a/socket");
        ok(&server, &format!("/a/{CREATE}"));
        if is_awake {
            // A handler that waits keeps the object in memory.
            client.send("wait");
            watch.wait_for("message waits");
        } else {
            watch.wait_for("stop");
        }
        let objects = objects(&server);
        let insert = "INSERT INTO log VALUES ('two'), ('three') RETURNING text";
        let refused = objects.sql("Room", "a", insert, false).unwrap_err();
        assert!(refused.to_string().contains("writes"), "{refused}");
        assert_eq!(count(&objects, "a"), [Value::Integer(1)]);
        assert!(
            objects.sql("Room", "a", "INSERT INTO log VALUES ('x'); INSERT INTO nowhere VALUES (1)", true).is_err()
        );
        assert_eq!(count(&objects, "a"), [Value::Integer(1)], "a text is written as a whole");
        let outcome = objects.sql("Room", "a", insert, true).unwrap();
        assert_eq!((outcome.rows_written, outcome.values.len()), (2, 2));
        let images: Vec<SimDisk> = (0..8).map(|seed| disk.power_loss(seed)).collect();
        watch.release();
        assert_eq!(ok(&server, "/a/sql?SELECT+count(*)+FROM+log"), "[Integer(3)]", "the object sees it");
        drop(server);
        for image in images {
            let (server, _watch) = on_disk(&image, folder.path());
            assert_eq!(count(&self::objects(&server), "a"), [Value::Integer(3)]);
        }
    }
}

#[test]
fn a_write_that_the_power_cuts_short_is_whole_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1.. {
        let disk = SimDisk::new(n);
        let (server, _watch) = on_disk(&disk, folder.path());
        // Rows on several pages, each in two trees.
        ok(&server, "/a/sql?CREATE+TABLE+log+(text+UNIQUE)");
        for row in 0..6 {
            ok(&server, &format!("/a/sql?INSERT+INTO+log+VALUES+('{row}-'||hex(zeroblob(700)))"));
        }
        let operator = objects(&server);
        disk.fail_at(n, Fault::POWER_OFF);
        let written = operator.sql("Room", "a", "UPDATE log SET text = text || 'x' WHERE rowid > 1", true);
        let has_failed = disk.failed() > 0;
        let image = disk.power_loss(n);
        drop(server);
        let (server, _watch) = on_disk(&image, folder.path());
        let sound = ok(&server, "/a/sql?PRAGMA+quick_check");
        let changed = ok(&server, "/a/sql?SELECT+count(*)+FROM+log+WHERE+text+GLOB+'*x'");
        let case = format!("n {n}: {sound} {changed} {written:?}");
        assert_eq!(sound, r#"[Text("ok")]"#, "{case}");
        assert!(changed == "[Integer(5)]" || changed == "[Integer(0)]" && written.is_err(), "{case}");
        if written.is_ok() && !has_failed {
            assert!(n > 8, "{n} steps are too few");
            return;
        }
    }
}

#[test]
fn an_object_in_a_transaction_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let (server, watch) = awake(folder.path());
    ok(&server, &format!("/a/{CREATE}"));
    let objects = objects(&server);
    std::thread::scope(|scope| {
        let held = scope.spawn(|| server.ask("/a/hold?INSERT+INTO+log+VALUES+('two')"));
        watch.wait_for("transaction waits");
        for error in [
            objects.sql("Room", "a", COUNT, false).unwrap_err(),
            objects.sql("Room", "a", "DELETE FROM log", true).unwrap_err(),
            objects.export("Room", "a", &folder.path().join("copy")).unwrap_err(),
            objects.show("Room", "a").unwrap_err(),
        ] {
            assert!(matches!(error, OperatorError::Busy(_)), "{error}");
            assert!(error.to_string().contains("in the middle of a transaction; try again"), "{error}");
        }
        watch.release();
        assert_eq!(held.join().unwrap().0, 200);
    });
    assert_eq!(count(&objects, "a"), [Value::Integer(2)]);
}

#[test]
fn a_copy_holds_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _watch) = awake(folder.path());
    ok(&server, &format!("/a/{CREATE}"));
    let copy = folder.path().join("copy.sqlite");
    objects(&server).export("Room", "a", &copy).unwrap();
    let bytes = std::fs::read(&copy).unwrap();
    assert!(bytes.starts_with(b"SQLite format 3\0") && bytes.windows(3).any(|window| window == b"one"));
    let again = objects(&server).export("Room", "a", &copy).unwrap_err();
    assert!(again.to_string().contains("cannot write"), "{again}");
}

#[test]
fn a_deleted_object_is_gone_and_can_come_to_be_again() {
    for is_awake in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (server, watch) = if is_awake { awake(folder.path()) } else { start(folder.path()) };
        let mut client = server.connect("/a/socket");
        client.send("log connected");
        watch.wait_for("connected");
        ok(&server, &format!("/a/{CREATE}"));
        ok(&server, "/a/set-alarm?99999999999999");
        ok(&server, &format!("/b/{CREATE}"));
        let objects = objects(&server);
        objects.delete("Room", "a").unwrap();
        assert_eq!(client.next(), "close 1012 Durable Object reset because its operator deleted it.");
        assert_eq!(names(&objects), ["b"]);
        assert!(objects.delete("Room", "a").is_err());
        assert_eq!(ok(&server, "/a/alarm"), "None");
        assert_eq!(ok(&server, "/a/sql?SELECT+count(*)+FROM+sqlite_schema"), "[Integer(0)]");
        ok(&server, &format!("/a/{CREATE}"));
        assert_eq!(names(&objects).len(), 2);
        objects.delete("Room", "a").unwrap();
        drop(server);
        let (server, _watch) = start(folder.path());
        assert_eq!(names(&self::objects(&server)), ["b"]);
        assert_eq!(ok(&server, "/a/alarm"), "None");
    }
}

#[test]
fn a_deletion_that_the_power_cuts_short_is_whole_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1.. {
        let disk = SimDisk::new(n);
        let (server, _watch) = on_disk(&disk, folder.path());
        ok(&server, &format!("/a/{CREATE}"));
        ok(&server, "/a/set-alarm?99999999999999");
        let operator = objects(&server);
        disk.fail_at(n, Fault::POWER_OFF);
        let deleted = operator.delete("Room", "a");
        let has_failed = disk.failed() > 0;
        drop(server);
        for seed in [n, n + 1] {
            let image = disk.power_loss(seed);
            let (server, _watch) = on_disk(&image, folder.path());
            let alarm = ok(&server, "/a/alarm");
            let tables = ok(&server, "/a/sql?SELECT+count(*)+FROM+sqlite_schema+WHERE+name='log'");
            let case = format!("n {n}, seed {seed}: {alarm} {tables} {deleted:?}");
            let listed = names(&objects(&server));
            match alarm.as_str() {
                "None" => assert!(tables == "[Integer(0)]" && listed.is_empty(), "{case} {listed:?}"),
                _ => assert!(tables == "[Integer(1)]" && listed == ["a"] && deleted.is_err(), "{case} {listed:?}"),
            }
        }
        if deleted.is_ok() && !has_failed {
            assert!(n > 4, "{n} steps are too few");
            return;
        }
    }
}

#[test]
fn an_object_whose_commits_are_damaged_can_be_deleted_and_serves_again() {
    let folder = tempfile::tempdir().unwrap();
    // Commits stay in the journal when it stops.
    let server = Server::with(application().0, |options| {
        options.storage.data = Some(folder.path().to_owned());
        options.storage.tuning.stop_time = Duration::ZERO;
    });
    ok(&server, &format!("/a/{CREATE}"));
    ok(&server, &format!("/b/{CREATE}"));
    let id = objects(&server).show("Room", "a").unwrap().listed.id;
    drop(server);
    damage_journal(&folder.path().join("journal"), &id);

    let (server, _watch) = start(folder.path());
    let request = http::Request::builder().uri("/a/alarm").body(Body::empty()).unwrap();
    assert!(server.fetch(request).is_err_and(|error| error.to_string().contains("is damaged")));
    ok(&server, "/b/alarm");
    let operator = objects(&server);
    let shown = operator.show("Room", "a").unwrap();
    assert!(shown.listed.refused.is_some(), "{shown:?}");
    assert!(shown.unreadable.unwrap().contains("is damaged"));
    assert!(operator.sql("Room", "a", COUNT, false).unwrap_err().to_string().contains("is damaged"));
    operator.delete("Room", "a").unwrap();
    assert_eq!(ok(&server, "/a/sql?SELECT+count(*)+FROM+sqlite_schema"), "[Integer(0)]");
    ok(&server, &format!("/a/{CREATE}"));
    drop(server);
    let (server, _watch) = start(folder.path());
    assert_eq!(ok(&server, "/a/sql?SELECT+text+FROM+log"), r#"[Text("one")]"#);
}

/// Changes a byte in the data of the first record of an object.
fn damage_journal(folder: &Path, id: &str) {
    let id: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap()).collect();
    let paths = databases(folder);
    let path = paths.iter().find(|path| path.extension() == Some("log".as_ref())).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.windows(32).position(|window| window == id).unwrap();
    bytes[at + 100] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_object_that_has_deleted_everything_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _watch) = start(folder.path());
    ok(&server, &format!("/a/{CREATE}"));
    ok(&server, "/a/set-alarm?99999999999999");
    ok(&server, &format!("/stays/{CREATE}"));
    // One that only looks.
    assert_eq!(ok(&server, "/looks/alarm"), "None");
    assert_eq!(ok(&server, "/a/delete-all"), "deleted");
    let operator = objects(&server);
    let stored = || databases(&folder.path().join("objects"));
    until("files are left", || stored().iter().filter(|path| path.extension() == Some("sqlite".as_ref())).count() == 1);
    assert_eq!(names(&operator), ["stays"]);
    ok(&server, &format!("/a/{CREATE}"));
    drop(server);
    let (server, _watch) = start(folder.path());
    let mut listed = names(&objects(&server));
    listed.sort();
    assert_eq!(listed, ["a", "stays"]);
    assert_eq!(ok(&server, "/a/sql?SELECT+text+FROM+log"), r#"[Text("one")]"#);
}
