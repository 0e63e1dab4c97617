//! WebSockets that objects open to servers outside.

use std::io::{Read, Write};
use std::time::Duration;

use dormouse_server::Compression;
use tungstenite::Message;

use crate::client::Socket;
use crate::far::{Far, Taken};
use crate::world::World;

const VANISHED: &str = "close 1006 WebSocket disconnected without sending Close frame. false";

/// Object `x` of a server has a socket to `url`, and a client, which is returned.
fn dialled(world: &World, url: &str) -> Socket {
    let client = world.client("x", "near");
    world.wait_for("start");
    assert_eq!(world.get(&format!("/x/dial?{url}")).text(), "101");
    client
}

/// A frame of a server, of less than 126 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).unwrap()], payload].concat()
}

#[test]
fn two_servers_talk() {
    let (near, far) = (World::new(), World::new());
    let mut there = far.client("y", "there");
    let mut here = dialled(&near, &format!("http://{}/y/socket?far", far.address()));
    for number in 0..20 {
        here.say(&format!("over to {number}"));
        assert_eq!(there.hear(), format!("to {number}"));
        there.say(&format!("back {number}"));
        assert_eq!(here.hear(), format!("back {number}"));
    }
    // The far object sends bytes back, and the near one gives them to its client.
    for len in [126, 70_000, 5 << 20] {
        here.say(&format!("over-flood {len}"));
        assert_eq!(here.0.read().unwrap(), Message::binary(vec![b'x'; len]));
    }
}

#[test]
fn a_handshake_says_what_it_must() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let _here = dialled(&world, &far.url());
    let mut taken = far.take();
    assert!(taken.head.starts_with("GET /far HTTP/1.1\r\n"), "{}", taken.head);
    let headers = ["connection", "upgrade", "sec-websocket-version", "host", "sec-websocket-extensions"];
    let said = headers.map(|name| taken.header(name).map(str::to_owned));
    let host = far.url()["http://".len()..].trim_end_matches("/far").to_owned();
    assert_eq!(said, [Some("Upgrade".into()), Some("websocket".into()), Some("13".into()), Some(host), None]);
    // No two keys are the same.
    assert_eq!(world.get(&format!("/x/dial?{}", far.url())).text(), "101");
    let again = far.take();
    assert_ne!(again.accept(), taken.accept());
    taken.stream.write_all(&frame(0x81, b"log heard")).unwrap();
    assert_eq!(world.next(), "heard");
}

#[test]
fn what_comes_with_the_answer_is_heard() {
    let (world, far) = (World::new(), Far::agreeing(b"\x81\x09log early\x81\x08log next"));
    let _here = dialled(&world, &far.url());
    assert_eq!((world.next(), world.next()), ("early".into(), "next".into()));
}

#[test]
fn a_server_that_refuses_or_breaks_the_rules_gives_an_ordinary_response() {
    let world = World::new();
    for (answer, expected) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "403 no"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n", "200 yes"),
        ("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "301 "),
        (
            "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "502 Server failed WebSocket handshake: missing Sec-WebSocket-Accept header.",
        ),
        (
            "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\n\r\n",
            "502 Server failed WebSocket handshake: missing Upgrade header.",
        ),
    ] {
        let far = Far::answering(answer);
        assert_eq!(world.get(&format!("/x/dial?{}", far.url())).text(), expected);
        if expected.starts_with("502") {
            assert_eq!(far.take().ended(), 0, "its connection is given up");
        }
    }
}

#[test]
fn a_server_that_cuts_the_handshake_off_is_an_error() {
    let world = World::new();
    let nobody = "http://127.0.0.1:1/".to_owned();
    let fars = ["", "HTTP/1.1 101 Swi", "what is this\r\n\r\n"].map(|answer| {
        Far::new(move |taken| {
            taken.stream.write_all(answer.as_bytes()).unwrap();
            taken.stream.shutdown(std::net::Shutdown::Both).unwrap();
        })
    });
    for url in fars.iter().map(Far::url).chain([nobody]) {
        assert_eq!(world.get(&format!("/x/dial?{url}")).status, 500, "{url}");
    }
    // Nobody else is the worse for it.
    assert_eq!(world.client("x", "a").ask("who"), r#"b"a" ["a"] 1"#);
}

#[test]
fn a_head_without_an_end_is_cut_off() {
    let (world, far) = (
        World::new(),
        Far::new(|taken| {
            let line = format!("X: {}\r\n", "x".repeat(1_000));
            // Written until the client hangs up.
            while taken
                .stream
                .write_all(b"HTTP/1.1 101 Yes\r\n")
                .and_then(|()| taken.stream.write_all(line.as_bytes()))
                .is_ok()
            {}
        }),
    );
    assert_eq!(world.get(&format!("/x/dial?{}", far.url())).status, 500);
    far.take();
}

#[test]
fn a_server_that_vanishes_is_1006_and_unclean() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut here = dialled(&world, &far.url());
    drop(far.take());
    assert_eq!(world.next(), VANISHED);
    assert_eq!(here.ask("who"), r#"b"near" ["near"] 1"#);
}

#[test]
fn a_server_that_vanishes_within_a_frame_is_1006() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let _here = dialled(&world, &far.url());
    let mut taken = far.take();
    taken.stream.write_all(&frame(0x81, b"log never")[..5]).unwrap();
    drop(taken);
    assert_eq!(world.next(), VANISHED);
}

#[test]
fn closing_handshakes_go_both_ways() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut here = dialled(&world, &far.url());
    let mut taken = far.take();
    taken.stream.write_all(&frame(0x88, b"\x0f\xa1theirs")).unwrap();
    assert_eq!(taken.frame(), (0x88, b"\x0f\xa1theirs".to_vec()));
    assert_eq!(world.next(), "close 4001 theirs true");
    assert_eq!(taken.ended(), 0);

    assert_eq!(world.get(&format!("/x/dial?{}", far.url())).text(), "101");
    let mut taken = far.take();
    here.say("over-close");
    assert_eq!(taken.frame(), (0x88, b"\x0f\xa2over".to_vec()));
    taken.stream.write_all(&frame(0x88, b"\x0f\xa2over")).unwrap();
    assert_eq!(world.next(), "close 4002 over true");
    assert_eq!(taken.ended(), 0);
}

#[test]
fn a_close_that_the_server_never_answers_ends_after_the_timeout() {
    let world = World::with(|server| server.close_timeout(Duration::from_millis(50)));
    let far = Far::agreeing(b"");
    let mut here = dialled(&world, &far.url());
    let mut taken = far.take();
    here.say("over-close");
    assert_eq!(taken.frame().0, 0x88);
    assert_eq!(world.next(), VANISHED);
    assert_eq!(taken.ended(), 0);
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_so_and_cut() {
    // A server's frames are not masked.
    let (world, far) = (World::new(), Far::agreeing(b"\x81\x81\x01\x01\x01\x01\x60"));
    let _here = dialled(&world, &far.url());
    assert_eq!(world.next(), "error Received masked frame from server");
    let mut taken = far.take();
    assert_eq!(taken.frame(), (0x88, b"\x03\xeaReceived masked frame from server".to_vec()));
    assert_eq!(taken.ended(), 0);
}

#[test]
fn a_message_over_the_limit_is_refused() {
    let world = World::with(|server| server.message_len_max(100));
    let far = Far::agreeing(b"");
    let _here = dialled(&world, &far.url());
    let mut taken = far.take();
    let text = format!("log {}", "x".repeat(96));
    taken.stream.write_all(&frame(0x81, text.as_bytes())).unwrap();
    assert_eq!(world.next(), "x".repeat(96));
    taken.stream.write_all(&frame(0x81, &[text.as_bytes(), b"x"].concat())).unwrap();
    assert_eq!(world.next(), "error Message is too large: 101 > 100");
    assert_eq!(taken.frame(), (0x88, b"\x03\xf1Message is too large: 101 > 100".to_vec()));
}

#[test]
fn pings_of_the_server_are_answered_and_silence_is_pinged() {
    let world = World::with(|server| server.ping_interval(Duration::from_millis(200)));
    let far = Far::agreeing(b"\x89\x02hi");
    let _here = dialled(&world, &far.url());
    let mut taken = far.take();
    // The pong and the first ping are queued in either order.
    let mut frames = [taken.frame(), taken.frame()];
    frames.sort();
    assert_eq!(frames, [(0x89, Vec::new()), (0x8a, b"hi".to_vec())]);
    // Nothing comes in answer.
    assert_eq!(world.next(), VANISHED);
}

/// Has read a handshake and does not answer.
fn hanging(world: &World) -> (Far, Taken, crate::client::Http) {
    let far = Far::new(|_| {});
    let mut http = world.connect();
    http.write(format!("GET /x/dial?{} HTTP/1.1\r\nHost: test\r\n\r\n", far.url()));
    let taken = far.take();
    (far, taken, http)
}

#[test]
fn an_object_that_is_reset_gives_up_the_sockets_that_it_opens() {
    let world = World::new();
    let mut here = world.client("x", "near");
    let (_far, mut taken, mut http) = hanging(&world);
    here.say("abort");
    assert_eq!(taken.ended(), 0);
    assert_eq!(http.response().status, 500);
}

#[test]
fn an_object_that_is_reset_ends_the_sockets_that_it_has() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut here = dialled(&world, &far.url());
    let mut taken = far.take();
    here.say("abort");
    assert_eq!(taken.frame(), (0x88, b"\x03\xf4told to".to_vec()));
}

#[test]
fn an_object_stays_in_memory_while_it_opens_a_socket_and_while_it_has_one() {
    let world = World::with(|server| server.hibernate_after(Duration::ZERO));
    let (_far, mut taken, mut http) = hanging(&world);
    world.wait_for("start");
    // An object that could sleep would have reported it before it answers this.
    let mut here = world.client("x", "near");
    taken.agree(b"");
    assert_eq!(http.response().text(), "101");
    assert_eq!(here.ask("who"), r#"b"near" ["near"] 1"#);
    here.say("log still there");
    assert_eq!(world.next(), "still there");
    drop(taken);
    assert_eq!(world.next(), VANISHED);
    assert_eq!(world.next(), "stop", "now it may sleep");
}

#[test]
fn a_server_that_stops_says_so_to_servers_outside() {
    let (mut world, far) = (World::new(), Far::agreeing(b""));
    let _here = dialled(&world, &far.url());
    let mut taken = far.take();
    world.server.take().unwrap().stop();
    let (first, payload) = taken.frame();
    assert_eq!((first, &payload[..2]), (0x88, &b"\x03\xe9"[..]));
}

#[test]
fn compression_is_offered_as_it_is_taken_from_clients() {
    let messages = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (compression, offer, answer) in [
        (Compression::Off, None, ""),
        (Compression::Messages, Some(messages), messages),
        (Compression::Streams, Some("permessage-deflate"), "permessage-deflate; client_no_context_takeover"),
    ] {
        let world = World::with(|server| server.compression(compression));
        let mut here = world.client("x", "near");
        world.wait_for("start");
        let far = Far::new(move |taken| taken.agree_to(answer, b""));
        assert_eq!(world.get(&format!("/x/dial-compressed?{}", far.url())).text(), "101");
        let mut taken = far.take();
        assert_eq!(taken.header("sec-websocket-extensions"), offer);
        let text = "to ".to_owned() + &"hello ".repeat(100);
        here.say(&format!("over {text}"));
        if offer.is_none() {
            let mut head = [0; 2];
            taken.stream.read_exact(&mut head).unwrap();
            assert_eq!(head, [0x81, 0x80 | 126], "as it is");
            continue;
        }
        let (first, payload) = taken.frame();
        assert_eq!((first, inflate(&payload)), (0xc1, text.into_bytes()));
        taken.stream.write_all(&frame(0xc1, &deflate(b"log heard"))).unwrap();
        assert_eq!(world.next(), "heard");
    }
}

/// What a compressed message was made from.
pub(crate) fn inflate(payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(4096);
    let mut inflater = flate2::Decompress::new(false);
    let payload = [payload, &[0, 0, 0xff, 0xff]].concat();
    inflater.decompress_vec(&payload, &mut message, flate2::FlushDecompress::Sync).unwrap();
    message
}

pub(crate) fn deflate(message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(4096);
    let mut deflater = flate2::Compress::new(flate2::Compression::fast(), false);
    deflater.compress_vec(message, &mut payload, flate2::FlushCompress::Sync).unwrap();
    payload.truncate(payload.len() - 4);
    payload
}

#[test]
fn two_servers_talk_compressed() {
    for (here, there) in [
        (Compression::Messages, Compression::Streams),
        (Compression::Streams, Compression::Messages),
        (Compression::Streams, Compression::Streams),
        (Compression::Streams, Compression::Off),
    ] {
        let near = World::with(|server| server.compression(here));
        let far = World::with(|server| server.compression(there));
        let mut there = far.client("y", "there");
        let mut here = near.client("x", "near");
        let url = format!("/x/dial-compressed?http://{}/y/socket?far", far.address());
        assert_eq!(near.get(&url).text(), "101");
        for number in 0..20 {
            let text = format!("to {number} {}", "and so on ".repeat(number * 10));
            here.say(&format!("over {text}"));
            assert_eq!(there.hear(), text);
            let text = format!("back {number} {}", "and so on ".repeat(number * 10));
            there.say(&text);
            assert_eq!(here.hear(), text);
        }
        here.say("over-flood 70000");
        assert_eq!(here.0.read().unwrap(), Message::binary(vec![b'x'; 70_000]));
    }
}
