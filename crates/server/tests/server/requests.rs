//! Ordinary requests, one after the other on a connection.

use std::io::Read;
use std::net::Shutdown;

use crate::world::World;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let world = World::new();
    let mut http = world.connect();
    for name in ["a", "b", "c", "d"] {
        http.write(get(&format!("/{name}/{name}")));
        assert_eq!(http.response().text(), format!("{name}?"));
    }
    http.write("GET /x/last HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(http.response().text(), "last?");
    assert!(http.is_over());
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let world = World::new();
    let mut http = world.connect();
    http.write([get("/a/wait"), get("/b/second"), get("/c/third")].concat());
    world.wait_for("request waits");
    world.release();
    let answers: Vec<_> = (0..3).map(|_| http.response()).collect();
    let answers: Vec<_> = answers.iter().map(|answer| answer.text()).collect();
    assert_eq!(answers, ["waited", "second?", "third?"]);
}

#[test]
fn requests_of_one_object_do_not_wait_for_each_other() {
    let world = World::new();
    let mut slow = world.connect();
    slow.write(get("/x/wait"));
    world.wait_for("request waits");
    assert_eq!(world.get("/x/quick").text(), "quick?");
    world.release();
    assert_eq!(slow.response().text(), "waited");
}

#[test]
fn requests_that_go_on_at_the_same_moment_all_reach_their_objects() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut requests = names.map(|name| {
        let mut http = world.connect();
        http.write(format!("GET /{name}/{name} HTTP/1.1\r\nHost: test\r\nHold: 1\r\n\r\n"));
        world.wait_for("entry waits");
        http
    });
    names.iter().for_each(|_| world.release());
    for (http, name) in requests.iter_mut().zip(names) {
        assert_eq!(http.response().text(), format!("{name}?"));
    }
}

#[test]
fn an_old_client_gets_its_answer_and_the_end() {
    let world = World::new();
    let mut http = world.connect();
    http.write("GET /x/hello HTTP/1.0\r\n\r\n");
    assert_eq!(http.response().text(), "hello?");
    assert!(http.is_over());
}

#[test]
fn large_bodies_pass_both_ways() {
    let world = World::new();
    let len = 8 << 20;
    let body: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(len).collect();
    for name in ["a", "b", "c", "d"] {
        let mut http = world.connect();
        http.write(format!("POST /{name}/echo HTTP/1.1\r\nHost: test\r\nContent-Length: {len}\r\n\r\n"));
        http.write(&body);
        let response = http.response();
        assert_eq!(response.status, 200);
        assert!(response.body == body, "the body came back changed");
    }
    assert_eq!(world.get(&format!("/x/bytes?{len}")).body.len(), len);
}

#[test]
fn a_body_may_come_in_chunks() {
    let world = World::new();
    let mut http = world.connect();
    http.write("POST /x/echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    http.write("7;x=y\r\n, world\r\n0\r\nTrailer: z\r\n\r\n");
    assert_eq!(http.response().text(), "hello, world");
    http.write(get("/x/next"));
    assert_eq!(http.response().text(), "next?");
}

#[test]
fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let world = World::new();
    let mut http = world.connect();
    http.write("POST /x/echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(http.response().status, 100);
    http.write("hi");
    assert_eq!(http.response().text(), "hi");
}

#[test]
fn the_answer_to_head_has_a_length_and_no_body() {
    let world = World::new();
    let mut http = world.connect();
    http.write("HEAD /x/bytes?1000 HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = http.head();
    assert_eq!((response.status, response.header("content-length")), (200, Some("1000")));
    http.write(get("/x/next"));
    assert_eq!(http.response().text(), "next?");
}

#[test]
fn a_body_that_nobody_reads_does_not_spoil_the_next_request() {
    let world = World::new();
    let mut http = world.connect();
    http.write("POST /x/first HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(http.response().text(), "first?");
    http.write(get("/x/next"));
    assert_eq!(http.response().text(), "next?");
}

#[test]
fn a_body_that_breaks_off_fails_its_own_request_alone() {
    let world = World::new();
    let mut http = world.connect();
    http.write("POST /x/echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhel");
    http.stream().shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    http.stream().read_to_end(&mut rest).unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(world.get("/x/next").text(), "next?");
    assert_eq!(world.reported(), ["start"], "the object is still the same");
}

#[test]
fn a_faulty_handler_is_a_plain_500_and_the_connection_goes_on() {
    let world = World::new();
    let mut http = world.connect();
    for what in ["fail", "panic", "silent"] {
        http.write(get(&format!("/x/{what}")));
        let response = http.response();
        assert_eq!((response.status, response.text()), (500, "Internal Server Error\n"), "{what}");
        http.write(get("/x/next"));
        assert_eq!(http.response().text(), "next?", "{what}");
    }
    assert_eq!(world.reported(), ["start", "stop", "start"], "the panic cost the guest");
}

#[test]
fn what_was_asked_by_a_client_that_went_away_ends_like_any_other() {
    let world = World::new();
    let mut http = world.connect();
    http.write(get("/x/wait"));
    world.wait_for("request waits");
    drop(http);
    // It is still under way, and so is the object.
    assert_eq!(world.get("/x/next").text(), "next?");
    world.release();
    world.wait_for("request goes on");
    assert_eq!(world.get("/x/next").text(), "next?");
    assert_eq!(world.reported(), Vec::<String>::new());
}

#[test]
fn a_client_that_stops_reading_a_large_answer_holds_up_nobody() {
    let world = World::new();
    let mut slow = world.connect();
    slow.write(get(&format!("/x/bytes?{}", 32 << 20)));
    assert_eq!(slow.head().status, 200);
    for _ in 0..10 {
        assert_eq!(world.get("/x/next").text(), "next?");
    }
}

#[test]
fn objects_of_every_shard_are_reached_over_any_connection() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut http = world.connect();
    for name in names {
        http.write(get(&format!("/{name}/{name}")));
        assert_eq!(http.response().text(), format!("{name}?"));
    }
    // A second connection finds the same objects, not others of their name.
    let mut sockets: Vec<_> = names.iter().map(|name| world.client(name, name)).collect();
    for (socket, name) in sockets.iter_mut().zip(names) {
        assert_eq!(socket.ask("who"), format!(r#"b"{name}" ["{name}"] 1"#));
    }
    let starts = world.reported().iter().filter(|line| *line == "start").count();
    assert_eq!(starts, names.len());
}
