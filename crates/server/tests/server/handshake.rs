//! Which requests become sockets, and what the others hear.

use crate::client::{ACCEPT, KEY, frame, handshake};
use crate::world::World;

const VANISHED: &str = "close 1006 WebSocket disconnected without sending Close frame. false";

#[test]
fn the_example_of_the_rfc_becomes_a_socket() {
    let world = World::new();
    let mut http = world.connect();
    let offers = [("Connection", "keep-alive, Upgrade"), ("Sec-WebSocket-Extensions", "x-webkit-deflate-frame")];
    http.write(handshake("/x", &offers));
    let response = http.head();
    assert_eq!(response.status, 101);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(response.header("connection"), Some("Upgrade"));
    assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
    // What is not spoken must not be agreed to (RFC 6455, section 9.1).
    assert_eq!(response.header("sec-websocket-extensions"), None);
    assert_eq!(response.header("content-length"), None);
    assert_eq!(http.into_socket().ask("who"), r#"b"" [] 1"#);
}

#[test]
fn a_handshake_that_breaks_the_rules_is_refused_and_reaches_no_object() {
    let world = World::new();
    for (changes, status) in [
        ([("Connection", "")], 400),
        ([("Connection", "keep-alive")], 400),
        ([("Connection", "Upgraded")], 400),
        ([("Sec-WebSocket-Version", "")], 426),
        ([("Sec-WebSocket-Version", "8")], 426),
        ([("Sec-WebSocket-Version", "13, 8")], 426),
        ([("Sec-WebSocket-Key", "")], 400),
        ([("Sec-WebSocket-Key", "not base64!")], 400),
        ([("Sec-WebSocket-Key", "bm90IHNpeHRlZW4=")], 400),
        ([("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSwgYnV0IGxvbmdlcg==")], 400),
    ] {
        let mut http = world.connect();
        http.write(handshake("/x", &changes));
        let response = http.response();
        assert_eq!(response.status, status, "{changes:?}");
        assert!(response.text().starts_with("a WebSocket handshake must have "), "{changes:?}");
        let version = (status == 426).then_some("13");
        assert_eq!(response.header("sec-websocket-version"), version, "{changes:?}");
        // The connection is still good.
        http.write(handshake("/x/hello", &[]));
        assert_eq!(http.response().text(), "hello?");
    }
    assert_eq!(world.reported(), ["start"], "only the object that was asked for");
}

#[test]
fn two_keys_are_refused() {
    let world = World::new();
    let mut http = world.connect();
    http.write(handshake("/x", &[("sec-websocket-key", KEY)]));
    assert_eq!(http.response().status, 400);
}

#[test]
fn an_upgrade_over_http_1_0_is_refused() {
    let world = World::new();
    let mut http = world.connect();
    http.write(handshake("/x", &[]).replace("HTTP/1.1", "HTTP/1.0"));
    let response = http.response();
    assert_eq!((response.status, response.text()), (400, "a WebSocket handshake must use HTTP/1.1\n"));
}

#[test]
fn an_upgrade_of_a_post_is_refused() {
    let world = World::new();
    let mut http = world.connect();
    http.write(handshake("/x", &[("Content-Length", "2")]).replace("GET", "POST"));
    http.write("hi");
    let response = http.response();
    assert_eq!((response.status, response.header("allow")), (405, Some("GET")));
}

#[test]
fn an_upgrade_to_something_else_is_an_ordinary_request() {
    let world = World::new();
    let mut http = world.connect();
    http.write(handshake("/x/hello", &[("Upgrade", "h2c")]));
    let response = http.response();
    assert_eq!((response.status, response.text()), (200, "hello?"));
}

#[test]
fn a_handshake_that_the_worker_answers_with_something_else_gets_that() {
    let world = World::new();
    let mut http = world.connect();
    http.write(handshake("/x/hello", &[]));
    let response = http.response();
    assert_eq!((response.status, response.text()), (200, "hello?"));
}

#[test]
fn a_socket_for_a_request_that_was_no_upgrade_is_500_and_the_object_hears_1006() {
    let world = World::new();
    let response = world.get("/x/socket");
    assert_eq!((response.status, response.text()), (500, "Internal Server Error\n"));
    assert_eq!((world.next(), world.next()), ("start".into(), VANISHED.into()));
}

#[test]
fn an_informational_status_without_a_socket_is_500() {
    let world = World::new();
    for status in ["100", "101", "103"] {
        let path = format!("/x/status?{status}");
        assert_eq!(world.get(&path).status, 500, "{status}");
        let mut http = world.connect();
        http.write(handshake(&path, &[]));
        assert_eq!(http.response().status, 500, "{status}");
    }
}

#[test]
fn frames_in_the_same_packet_as_the_handshake_are_not_lost() {
    let world = World::new();
    // Names that live on either shard: the connection moves to another thread with what was read from it.
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let mut http = world.connect();
        let mut packet = handshake(&format!("/{name}/socket?early"), &[]).into_bytes();
        for text in ["log one", "log two", "who"] {
            packet.extend(frame(0x81, text.as_bytes()));
        }
        packet.extend(&frame(0x81, b"log three")[..9]);
        http.write(packet);
        assert_eq!(http.head().status, 101);
        assert_eq!(world.wait_for("start"), Vec::<String>::new());
        assert_eq!((world.next(), world.next()), ("one".into(), "two".into()));
        // A frame that the packet cut in two goes on where it ended.
        http.write(&frame(0x81, b"log three")[9..]);
        assert_eq!(world.next(), "three");
        assert_eq!(http.into_socket().hear(), r#"b"early" ["early"] 1"#);
        world.wait_for(VANISHED);
    }
}

#[test]
fn what_the_object_sends_before_the_101_comes_right_after_it_and_in_order() {
    let world = World::new();
    for name in ["a", "b", "c", "d"] {
        let mut socket = world.open(&format!("/{name}/greet"));
        let heard: Vec<_> = (0..3).map(|_| socket.hear()).collect();
        assert_eq!(heard, ["one", "two", "three"]);
        assert_eq!(socket.ask("who"), r#"b"" [] 1"#);
    }
}

#[test]
fn a_socket_that_the_object_closes_before_the_101_is_closed_with_its_code() {
    let world = World::new();
    let mut socket = world.open("/x/reject");
    assert_eq!(socket.closed(), "4001 not today");
    socket.ended();
    world.wait_for("close 4001 not today true");
}

#[test]
fn a_socket_whose_object_is_reset_before_the_101_is_closed_with_1012() {
    let world = World::new();
    for name in ["a", "b", "c", "d"] {
        let mut socket = world.open(&format!("/{name}/doomed"));
        assert_eq!(socket.hear(), "last words");
        assert_eq!(socket.closed(), "1012 told to");
        socket.ended();
        assert_eq!(world.client(name, "next").ask("who"), r#"b"next" ["next"] 1"#);
    }
}

#[test]
fn a_client_that_leaves_during_its_handshake_is_heard_as_1006() {
    let world = World::new();
    let mut http = world.connect();
    http.write(handshake("/x/socket", &[("hold", "1")]));
    world.wait_for("entry waits");
    drop(http);
    world.release();
    world.wait_for(VANISHED);
}
