//! The socket on which a server answers operators.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use dormouse_server::admin::{Admin, Answer, Ask, Object};
use dormouse_server::limits::{ASK_LEN_MAX, OPERATORS_MAX};

use crate::guest::PATIENCE;
use crate::world::World;

fn with_data(data: &Path) -> World {
    World::with(|server| server.data(data))
}

fn connect(data: &Path) -> UnixStream {
    let stream = UnixStream::connect(data.join("control.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn send(stream: &mut UnixStream, method: &str, path: &str, body: &str) {
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n");
    // A server that has read enough does not wait for the rest.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// Status and body.
fn response(stream: &mut UnixStream) -> (u16, String) {
    let mut response = Vec::new();
    // The end may come as a reset, when not all was read.
    let _ = stream.read_to_end(&mut response);
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn what_is_no_question_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _world = with_data(folder.path());
    let sql = |len: usize| {
        let [start, end] = [r#"{"Sql":{"class":"Room","object":"a","write":false,"sql":""#, r#""}}"#];
        format!("{start}{}{end}", "x".repeat(len - start.len() - end.len()))
    };
    for (method, path, body, status, says) in [
        ("POST", "/other", "{}".to_owned(), 404, "nothing here but /objects"),
        ("GET", "/objects", String::new(), 405, "posted"),
        ("POST", "/objects", "{".to_owned(), 400, "EOF while parsing"),
        ("POST", "/objects", r#"{"Shrink":{}}"#.to_owned(), 400, "unknown variant `Shrink`"),
        ("POST", "/objects", sql(ASK_LEN_MAX), 422, "no object"),
        ("POST", "/objects", sql(ASK_LEN_MAX + 1), 400, "length limit exceeded"),
    ] {
        let mut stream = connect(folder.path());
        send(&mut stream, method, path, &body);
        let (seen, text) = response(&mut stream);
        assert!(seen == status && text.contains(says), "{method} {path}: {seen} {text}");
    }
}

#[test]
fn operators_beyond_the_limit_wait_for_one_to_leave() {
    let folder = tempfile::tempdir().unwrap();
    let _world = with_data(folder.path());
    let list = r#"{"List":{"class":null,"after":null,"limit":1}}"#;
    let mut idle: Vec<UnixStream> = (0..OPERATORS_MAX).map(|_| connect(folder.path())).collect();
    let mut late = connect(folder.path());
    send(&mut late, "POST", "/objects", list);
    // One that came before it is served meanwhile, and stays.
    let last = idle.last_mut().unwrap();
    let len = list.len();
    write!(last, "POST /objects HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n{list}").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"Objects":[]}"#) {
        let mut byte = [0];
        last.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    late.set_nonblocking(true).unwrap();
    assert!(late.read(&mut [0]).is_err(), "it has an answer already");
    late.set_nonblocking(false).unwrap();
    idle.pop();
    assert_eq!(response(&mut late), (200, r#"{"Objects":[]}"#.into()));
}

#[test]
fn a_stopped_server_is_not_asked_and_its_folder_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::with(|server| server.data(folder.path()).stop_grace(PATIENCE));
    assert_eq!(world.get("/a/set-alarm?99999999999999").text(), "set");
    let admin = Admin::open(folder.path()).unwrap();
    let list = Ask::List { class: None, after: None, limit: 10 };
    let Answer::Objects(objects) = admin.ask(&list).unwrap() else { panic!("another answer") };
    assert_eq!(objects.len(), 1);
    world.server.take().unwrap().stop();
    assert!(admin.ask(&list).unwrap_err().to_string().starts_with("cannot ask the server"));
    drop(admin);
    let Answer::Objects(stopped) = Admin::open(folder.path()).unwrap().ask(&list).unwrap() else { panic!("another") };
    // What was in the log is in the database now, which takes less room.
    let stopped: Vec<_> = stopped.into_iter().zip(&objects).map(|(o, was)| Object { bytes: was.bytes, ..o }).collect();
    assert_eq!(stopped, objects);
}
