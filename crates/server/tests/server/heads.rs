//! Requests that are too much, too slow, or no requests at all.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use dormouse_server::limits::HEAD_LEN_MAX;

use crate::guest::{PATIENCE, in_time};
use crate::world::World;

#[test]
fn a_head_that_is_too_large_is_431() {
    let world = World::new();
    for begin in ["GET /x/hello HTTP/1.1\r\nHost: test\r\nX: ", "GET /x/hello?"] {
        let mut http = world.connect();
        http.write(begin);
        http.write("x".repeat(HEAD_LEN_MAX - begin.len()));
        assert_eq!(http.response().status, 431);
        assert!(http.is_over());
    }
    let mut http = world.connect();
    let begin = "GET /x/hello HTTP/1.1\r\nHost: test\r\nX: ";
    http.write(format!("{begin}{}\r\n\r\n", "x".repeat(HEAD_LEN_MAX - 100)));
    assert_eq!(http.response().status, 200);
}

#[test]
fn too_many_headers_are_431() {
    let world = World::new();
    let request = |count: usize| {
        let headers: String = (1..count).map(|number| format!("X-{number}: y\r\n")).collect();
        let mut http = world.connect();
        http.write(format!("GET /x/hello HTTP/1.1\r\nHost: test\r\n{headers}\r\n"));
        http.response().status
    };
    assert_eq!((request(100), request(101)), (200, 431));
}

#[test]
fn a_head_that_never_ends_is_cut() {
    let world = World::new();
    let mut http = world.connect();
    http.write("GET /x/hello HTTP/1.1\r\nHost: test\r\nX: ");
    let deadline = Instant::now() + PATIENCE;
    while http.try_write([b'x'; 1024]).is_ok() {
        assert!(Instant::now() < deadline, "the server takes it for ever");
    }
    assert!(http.is_over());
    assert_eq!(world.get("/x/hello").status, 200);
}

#[test]
fn a_client_that_sends_nothing_is_cut() {
    let world = World::with(|server| server.head_timeout(Duration::from_millis(100)));
    assert!(world.connect().is_over());
}

#[test]
fn a_head_that_comes_slowly_is_cut_however_it_comes() {
    let world = World::with(|server| server.head_timeout(Duration::from_millis(300)));
    let mut http = world.connect();
    http.stream().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    http.write("GET /x/hello HTTP/1.1\r\nHost: test\r\nX: ");
    // One byte after the other: there is never a long pause, and yet no end.
    let deadline = Instant::now() + PATIENCE;
    let mut cut = false;
    while !cut {
        assert!(Instant::now() < deadline, "a slow client is never cut");
        cut = http.try_write("x").is_err();
        cut |= match http.stream().read(&mut [0; 1024]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
    }
    assert_eq!(world.reported(), Vec::<String>::new());
}

#[test]
fn a_connection_without_a_further_request_is_cut() {
    in_time(Duration::from_millis(100), |time| {
        let world = World::with(|server| server.head_timeout(time));
        let mut http = world.connect();
        http.write("GET /x/hello HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(http.response().status, 200);
        assert!(http.is_over());
    });
}

#[test]
fn a_slow_answer_is_not_cut() {
    in_time(Duration::from_millis(50), |time| {
        let world = World::with(|server| server.head_timeout(time));
        let mut slow = world.connect();
        slow.write("GET /x/wait HTTP/1.1\r\nHost: test\r\n\r\n");
        world.wait_for("request waits");
        // By then the timeout has passed several times over.
        for _ in 0..4 {
            assert!(world.connect().is_over());
        }
        world.release();
        assert_eq!(slow.response().text(), "waited");
    });
}

#[test]
fn what_is_no_request_is_400() {
    let world = World::new();
    for bytes in
        ["hello there\r\n\r\n", "GET /x\r\n\r\n", "GET /x HTTP/1.1\r\nHost test\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"]
    {
        let mut http = world.connect();
        http.write(bytes);
        assert_eq!(http.response().status, 400, "{bytes:?}");
        assert!(http.is_over(), "{bytes:?}");
    }
}

#[test]
fn a_host_that_is_none_or_too_many_is_400() {
    let world = World::new();
    for hosts in ["Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: \u{e4}\r\n"] {
        let mut http = world.connect();
        http.write(format!("GET /x/hello HTTP/1.1\r\n{hosts}\r\n"));
        assert_eq!(http.response().status, 400, "{hosts:?}");
    }
}

#[test]
fn user_code_sees_whole_urls_and_the_address_of_the_client() {
    let world = World::new();
    let mut http = world.connect();
    http.write("GET /x/head?a=b HTTP/1.1\r\nHost: example.com:81\r\nCF-Connecting-IP: 1.2.3.4\r\n");
    http.write("Sec-WebSocket-Extensions: permessage-deflate\r\nX-Mine: kept\r\n\r\n");
    let response = http.response();
    assert!(response.text().starts_with("GET http://example.com:81/x/head?a=b "), "{}", response.text());
    assert!(response.text().contains(r#""cf-connecting-ip": "127.0.0.1""#), "{}", response.text());
    assert!(response.text().contains(r#""x-mine": "kept""#), "{}", response.text());
    assert!(!response.text().contains("1.2.3.4"), "{}", response.text());
    // As in workerd.
    let offered = r#""sec-websocket-extensions": "permessage-deflate""#;
    assert!(response.text().contains(offered), "{}", response.text());
}
