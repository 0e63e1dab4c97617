//! The verbs.

use std::io::{Read as _, Write as _};

use crate::world::World;

const CREATE: &str =
    "sql?CREATE+TABLE+log+(text,+at+REAL,+raw+BLOB);INSERT+INTO+log+VALUES+('one',1.0,x'00ff'),(NULL,2,NULL)";

fn filled(data: &std::path::Path) -> World {
    let world = World::new(data);
    for name in ["a", "b"] {
        world.get(&format!("/{name}/{CREATE}"));
    }
    world.get("/a/set-alarm?4102444800000");
    world
}

#[test]
fn a_server_that_runs_and_a_folder_that_rests_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = filled(folder.path());
    let questions: [&[&str]; 7] = [
        &["list", "--json", "--class", "Room", "--limit", "1"],
        &["sql", "Room", "a", "SELECT * FROM log"],
        &["sql", "Room", "a", "SELECT *, text FROM log", "--json"],
        &["sql", "test-Room", "a", "SELECT 1 WHERE 0"],
        &["sql", "Room", "a", "INSERT INTO log VALUES (1, 2, 3)"],
        &["sql", "Room", "nobody", "SELECT 1"],
        &["show", "Rom", "a"],
    ];
    let told = |world: &World| questions.map(|question| crate::world::objects(&world.data, question));
    let running = told(&world);
    let list = world.ask(&["list"]);
    world.stop();
    let mut resting = told(&world);
    let mut page = running[0].clone();
    for page in [&mut page, &mut resting[0]] {
        // What was in a log is in the database now, which takes less room.
        let mut object: serde_json::Value = serde_json::from_str(&page.1).unwrap();
        assert!(object["bytes"].take().as_u64().unwrap() > 0);
        page.1 = object.to_string();
    }
    assert_eq!(resting[0], page);
    assert_eq!(resting[1..], running[1..]);

    let [page, rows, json, none, refused, nobody, no_class] = running;
    assert!(page.1.lines().count() == 1 && page.1.contains(r#""class":"test-Room""#), "{page:?}");
    assert_eq!(rows.1, "text  at   raw\n----  ---  -------\none   1.0  x'00ff'\nNULL  2.0  NULL\n");
    let first = r#"{"text":"one","at":1.0,"raw":{"blob":"00ff"},"text":"one"}"#;
    assert_eq!(json.1, format!("{first}\n{{\"text\":null,\"at\":2.0,\"raw\":null,\"text\":null}}\n"));
    assert_eq!(none.1, "1\n-\n");
    assert_eq!(refused.2, "error: the statement writes; --write lets it\n");
    assert_eq!(nobody.2, "error: no object `nobody` of class test-Room stores anything\n");
    assert_eq!(no_class.2, "error: there is no class `Rom`; there are test-Room\n");
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("CLASS "), "{list}");
    let of_a = lines.iter().find(|line| line.ends_with(" a")).unwrap();
    assert!(of_a.starts_with("test-Room ") && of_a.contains(" KiB 2100-01-01T00:00:00Z "), "{of_a}");
}

#[test]
fn an_object_is_shown_with_what_is_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = filled(folder.path());
    let text = world.ask(&["show", "Room", "a"]);
    for line in
        ["class    test-Room", "name     a", "alarm    2100-01-01T00:00:00Z", "keys     0", "table    log (2 rows)"]
    {
        assert!(text.lines().any(|have| have == line), "{line} is not in {text}");
    }
    assert!(text.contains("state    its code is in memory, 0 sockets"), "{text}");
    world.stop();
    let text = world.ask(&["show", "Room", "a"]);
    assert!(text.contains("state    asleep, 0 sockets"), "{text}");
    let json = world.ask(&["show", "Room", "a", "--json"]);
    assert!(json.contains(r#""tables":{"log":2}"#) && json.contains(r#""alarm":4102444800000"#), "{json}");
}

#[test]
fn what_is_written_is_seen_by_the_object_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = filled(folder.path());
    let written = world.ask(&["sql", "Room", "a", "UPDATE log SET text = 'new'", "--write"]);
    assert_eq!(written, "2 rows written\n");
    assert_eq!(world.get("/a/sql?SELECT+DISTINCT+text+FROM+log"), r#"[Text("new")]"#);
    world.stop();
    assert_eq!(world.ask(&["sql", "Room", "a", "DELETE FROM log", "--write"]), "2 rows written\n");
    let world = World::new(folder.path());
    assert_eq!(world.get("/a/sql?SELECT+count(*)+FROM+log"), "[Integer(0)]");
}

#[test]
fn a_copy_is_for_any_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = filled(folder.path());
    let copies = [folder.path().join("one.sqlite"), folder.path().join("two.sqlite")];
    world.ask(&["export", "Room", "a", copies[0].to_str().unwrap()]);
    let error = world.refusal(&["export", "Room", "a", copies[0].to_str().unwrap()]);
    assert!(error.contains("cannot write") && error.contains("File exists"), "{error}");
    world.stop();
    world.ask(&["export", "Room", "a", copies[1].to_str().unwrap()]);
    for copy in copies {
        let bytes = std::fs::read(copy).unwrap();
        assert!(bytes.starts_with(b"SQLite format 3\0") && bytes[18..20] == [1, 1], "{:?}", &bytes[..20]);
    }
}

#[test]
fn deleting_must_be_meant_and_closes_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = filled(folder.path());
    let mut socket = world.connect();
    let key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    write!(socket, "GET /a/socket HTTP/1.1\r\nHost: test\r\n{key}\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let error = world.refusal(&["delete", "Room", "a"]);
    assert_eq!(error, "error: deleting cannot be undone; --yes says that it is meant\n");
    assert_eq!(world.ask(&["delete", "Room", "a", "--yes"]), "");
    let mut frame = [0; 4];
    socket.read_exact(&mut frame).unwrap();
    assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 1012));
    assert_eq!(world.get("/a/sql?SELECT+count(*)+FROM+sqlite_schema"), "[Integer(0)]");
    world.stop();
    assert_eq!(world.ask(&["delete", "Room", "b", "--yes"]), "");
    assert!(world.refusal(&["delete", "Room", "b", "--yes"]).contains("there is no class `Room`"));
    assert_eq!(world.ask(&["list"]), "");
}

#[test]
fn a_long_list_comes_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    let mut stream = world.connect();
    for object in 0..1_100 {
        // In one piece: the kernel would wait for more.
        let request = format!("GET /o{object}/set-alarm?99999999999999 HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\nset") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            response.push(byte[0]);
        }
    }
    for _ in 0..2 {
        let list = world.ask(&["list", "--json"]);
        let mut lines: Vec<&str> = list.lines().collect();
        lines.dedup();
        assert_eq!(lines.len(), 1_100);
        assert_eq!(world.ask(&["list", "--limit", "1050"]).lines().count(), 1_051);
        world.stop();
    }
}
