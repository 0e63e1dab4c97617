//! The life of a WebSocket from its client's side.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use dormouse_server::{Compression, SlowClients};
use tungstenite::Message;

use crate::client::{frame, handshake};
use crate::world::World;

const VANISHED: &str = "close 1006 WebSocket disconnected without sending Close frame. false";

#[test]
fn a_client_that_vanishes_is_1006_and_unclean() {
    let world = World::new();
    let (mut stays, goes) = (world.client("x", "stays"), world.client("x", "goes"));
    world.wait_for("start");
    drop(goes);
    assert_eq!(world.next(), VANISHED);
    assert_eq!(stays.ask("who"), r#"b"stays" ["stays"] 1"#);
}

#[test]
fn a_client_that_only_ends_its_own_direction_is_1006_too() {
    let world = World::new();
    let mut half = world.client("x", "half");
    world.wait_for("start");
    half.stream().write_all(&frame(0x81, b"log last words")).unwrap();
    half.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!((world.next(), world.next()), ("last words".into(), VANISHED.into()));
    // The server ends the other direction as well.
    assert!(matches!(half.0.read(), Err(tungstenite::Error::Protocol(_))));
}

#[test]
fn a_client_that_vanishes_within_a_frame_is_1006() {
    let world = World::new();
    let mut client = world.client("x", "a");
    world.wait_for("start");
    client.stream().write_all(&frame(0x81, b"log never")[..8]).unwrap();
    drop(client);
    assert_eq!(world.next(), VANISHED);
}

#[test]
fn a_closing_handshake_that_the_client_begins_is_answered_in_kind() {
    let world = World::new();
    let mut client = world.client("x", "a");
    world.wait_for("start");
    client.close(4999, "so long");
    assert_eq!(client.closed(), "4999 so long");
    client.ended();
    assert_eq!(world.next(), "close 4999 so long true");

    let mut client = world.client("x", "a");
    client.0.close(None).unwrap();
    assert_eq!(client.0.read().unwrap(), Message::Close(None));
    client.ended();
    assert_eq!(world.next(), "close 1005  true");
}

#[test]
fn a_closing_handshake_that_the_object_begins_ends_with_the_clients_answer() {
    let world = World::new();
    let mut client = world.client("x", "a");
    world.wait_for("start");
    assert_eq!(
        {
            client.say("close");
            client.closed()
        },
        "4000 told to"
    );
    client.ended();
    assert_eq!(world.next(), "close 4000 told to true");
}

#[test]
fn a_close_that_the_client_never_answers_ends_after_the_timeout() {
    let world = World::with(|server| server.close_timeout(Duration::from_millis(50)));
    let mut client = world.client("x", "a");
    world.wait_for("start");
    client.say("close");
    // Its answer would be written by the next read.
    assert_eq!(world.next(), VANISHED);
}

#[test]
fn a_handler_that_fails_or_panics_costs_its_event_and_no_socket() {
    let world = World::new();
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    a.say("fail");
    assert_eq!(a.ask("who"), r#"b"a" ["a"] 2"#);
    assert_eq!(world.reported(), ["start"]);
    assert_eq!(a.ask("panic"), "last words");
    // A new guest, the same sockets with their tags and attachments.
    assert_eq!(a.ask("who"), r#"b"a" ["a"] 2"#);
    a.say("hello");
    assert_eq!(b.hear(), "hello");
    assert_eq!(world.reported(), ["stop", "start"]);
}

#[test]
fn an_abort_closes_all_sockets_of_its_object_and_no_others() {
    let world = World::new();
    let (mut a, mut b, mut other) = (world.client("x", "a"), world.client("x", "b"), world.client("y", "c"));
    a.say("abort");
    for client in [&mut a, &mut b] {
        assert_eq!(client.closed(), "1012 told to");
        client.ended();
    }
    assert_eq!(other.ask("who"), r#"b"c" ["c"] 1"#);
    assert_eq!(world.client("x", "new").ask("who"), r#"b"new" ["new"] 1"#);
}

#[test]
fn pings_are_answered_and_wake_nobody() {
    let world = World::with(|server| server.hibernate_after(Duration::from_millis(20)));
    let mut client = world.client("x", "a");
    assert_eq!((world.next(), world.next()), ("start".into(), "stop".into()));
    for payload in ["", "still there?", &"x".repeat(125)] {
        client.0.send(Message::Ping(payload.to_owned().into())).unwrap();
        assert_eq!(client.0.read().unwrap(), Message::Pong(payload.to_owned().into()));
    }
    client.0.send(Message::Pong("unasked".into())).unwrap();
    client.0.send(Message::Ping("last".into())).unwrap();
    assert_eq!(client.0.read().unwrap(), Message::Pong("last".into()));
    assert_eq!(world.reported(), Vec::<String>::new(), "the object sleeps on");
}

#[test]
fn an_auto_response_wakes_nobody_and_a_message_does() {
    let world = World::with(|server| server.hibernate_after(Duration::from_millis(20)));
    assert_eq!(world.get("/x/auto").text(), "set");
    let mut client = world.client("x", "a");
    let mut other = world.client("x", "b");
    world.wait_for("stop");
    // Between the three it may have slept and been woken; now it sleeps for good.
    let lines = world.reported();
    let awake =
        |lines: &[String]| lines.iter().fold(0, |n, line| n + i32::from(line == "start") - i32::from(line == "stop"));
    if awake(&lines) > 0 {
        world.wait_for("stop");
    }
    for _ in 0..3 {
        assert_eq!(client.ask("marco"), "polo");
        assert_eq!(other.ask("marco"), "polo");
    }
    assert_eq!(world.reported(), Vec::<String>::new(), "the object sleeps on");
    client.say("polo");
    assert_eq!(other.hear(), "polo", "another text is a message");
    assert_eq!(world.next(), "start");
}

#[test]
fn a_hibernated_object_wakes_in_order_with_its_sockets() {
    let world = World::with(|server| server.hibernate_after(Duration::from_millis(20)));
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    for _ in 0..3 {
        world.wait_for("stop");
        for number in 0..100 {
            a.say(&format!("{number}"));
        }
        for number in 0..100 {
            assert_eq!(b.hear(), number.to_string());
        }
        assert_eq!(b.ask("who"), r#"b"b" ["b"] 2"#);
    }
}

#[test]
fn a_peer_that_answers_no_ping_is_dropped_and_one_that_does_stays() {
    let world = World::with(|server| server.ping_interval(Duration::from_millis(300)));
    let (mut alive, dead) = (world.client("x", "alive"), world.client("x", "dead"));
    world.wait_for("start");
    let reader = std::thread::spawn(move || {
        // Reading is what makes this client pong; five intervals are more than a dead one gets.
        for _ in 0..5 {
            assert!(matches!(alive.0.read().unwrap(), Message::Ping(_)));
        }
        alive
    });
    assert_eq!(world.next(), VANISHED);
    drop(reader.join().unwrap());
    assert_eq!(world.next(), VANISHED);
    drop(dead);
}

/// The timer of a connection that the kernel has for the server's end of it, and its hundredths of a second: 2 is that of
/// TCP keep-alive, 1 waits for an acknowledgement.
#[cfg(target_os = "linux")]
fn timer(client: &std::net::TcpStream) -> Option<(u8, u64)> {
    let (local, peer) = (client.peer_addr().unwrap().port(), client.local_addr().unwrap().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let ends = |address: Option<&str>, port: u16| address.is_some_and(|text| text.ends_with(&format!(":{port:04X}")));
    let row = table.lines().find(|line| {
        let mut columns = line.split_whitespace().skip(1);
        ends(columns.next(), local) && ends(columns.next(), peer)
    })?;
    let (kind, left) = row.split_whitespace().nth(5)?.split_once(':')?;
    Some((u8::from_str_radix(kind, 16).unwrap(), u64::from_str_radix(left, 16).unwrap()))
}

/// The kernel of a server asks after this peer of it within a minute.
#[cfg(target_os = "linux")]
pub(crate) fn asks_after(peer: &std::net::TcpStream) {
    let deadline = std::time::Instant::now() + crate::guest::PATIENCE;
    // What was sent may still wait for its acknowledgement.
    while timer(peer).is_none_or(|(kind, _)| kind != 2) {
        assert!(std::time::Instant::now() < deadline, "no keep-alive: {:?}", timer(peer));
        std::thread::yield_now();
    }
    let (_, left) = timer(peer).unwrap();
    assert!((1..=60 * 100).contains(&left), "asked after {left} hundredths of a second");
}

#[test]
#[cfg(target_os = "linux")]
fn the_kernel_asks_after_a_client_that_is_silent_for_a_minute() {
    let world = World::new();
    let mut http = world.connect();
    let mut socket = world.client("x", "a");
    for stream in [http.stream(), socket.stream()] {
        asks_after(stream);
    }
    http.write("GET /x/hello HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(http.response().text(), "hello?");
}

#[test]
fn where_the_server_is_told_so_a_slow_client_stays_unless_its_messages_refer_to_each_other() {
    let world = World::with(|server| {
        server.send_queue_bytes_max(1 << 20).slow_clients(SlowClients::DropOldest).compression(Compression::Streams)
    });
    let (mut plain, mut source) = (world.client("x", "plain"), world.client("x", "a"));
    let (slow, answer) = {
        let mut http = world.connect();
        http.write(handshake("/x/socket?deflate", &[("Sec-WebSocket-Extensions", "permessage-deflate")]));
        let head = http.head();
        (http, head.header("sec-websocket-extensions").unwrap().to_owned())
    };
    assert!(!answer.contains("server_no_context_takeover"), "{answer}");
    // Too long to be compressed, so as long on the wire as here.
    const LEN: usize = (4 << 20) + 1;
    let mut floods = 0;
    let mut flood = |done: &dyn Fn(usize) -> bool| {
        while !done(floods) {
            assert!(floods < 1_000, "there is no end");
            source.say(&format!("flood {LEN}"));
            source.ask("who");
            floods += 1;
        }
        floods
    };
    let is_closed = |_| world.reported().iter().any(|line| line.starts_with("error The client reads too slowly"));
    let too_many = flood(&is_closed);
    // The other one has waited as long, and stays.
    let sent = flood(&|floods| floods == 2 * too_many);
    plain.say("shout last");
    assert_eq!(world.reported(), Vec::<String>::new());
    let mut received = 0;
    loop {
        match plain.0.read().unwrap() {
            Message::Text(text) if text.starts_with("to ") => break,
            Message::Text(_) => {}
            Message::Binary(bytes) => {
                assert_eq!(bytes.len(), LEN);
                received += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((1..sent).contains(&received), "{received} of {sent}");
    drop(slow);
}

#[test]
fn a_client_that_does_not_read_is_closed_with_1013_and_the_others_get_everything() {
    const LIMIT: usize = 1 << 20;
    const CHUNK: usize = 64 << 10;
    let world = World::with(|server| server.send_queue_bytes_max(LIMIT));
    let (mut slow, mut fast, mut source) =
        (world.client("x", "slow"), world.client("x", "fast"), world.client("x", "a"));
    world.wait_for("start");
    let mut sent = 0;
    let report = loop {
        // The kernel takes some megabytes before anything waits in the server.
        assert!(sent < 1_000, "a client that never reads is never closed");
        source.say(&format!("flood {CHUNK}"));
        assert_eq!(fast.0.read().unwrap().len(), CHUNK);
        sent += 1;
        if let Some(line) = world.reported().pop() {
            break line;
        }
    };
    let reason = format!("The client reads too slowly: more than {LIMIT} bytes waited to be sent.");
    assert_eq!(report, format!("error {reason}"));
    let mut received = 0;
    let close = loop {
        match slow.0.read().unwrap() {
            Message::Binary(_) => received += 1,
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1013, &*reason));
    slow.ended();
    // What waited in the server is dropped, but for the frame that has begun.
    assert!(received + LIMIT / CHUNK <= sent, "{received} of {sent} were written");
    source.say("still here");
    assert_eq!(fast.hear(), "still here");
    assert_eq!(world.reported(), Vec::<String>::new(), "the end of the slow client is heard once");
}

#[test]
fn messages_wait_while_a_critical_section_is_open() {
    let world = World::new();
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    world.wait_for("start");
    a.say("block");
    world.wait_for("section waits");
    (0..100).for_each(|number| a.say(&format!("log {number}")));
    // A request of the same object waits behind them; others do not.
    let mut request = world.connect();
    request.write("GET /x/last HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(world.get("/y/other").text(), "other?");
    assert_eq!(world.next(), "start");
    assert_eq!(world.reported(), Vec::<String>::new(), "nothing is delivered inside the section");
    world.release();
    assert_eq!(world.next(), "section goes on");
    (0..100).for_each(|number| assert_eq!(world.next(), number.to_string()));
    assert_eq!(request.response().text(), "last?");
    assert_eq!(b.ask("who"), r#"b"b" ["b"] 2"#);
}

#[test]
fn a_large_message_passes_both_ways() {
    let world = World::new();
    let mut client = world.client("x", "a");
    let bytes: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(8 << 20).collect();
    client.0.send(Message::binary(bytes.clone())).unwrap();
    assert!(client.0.read().unwrap().into_data() == bytes, "the message came back changed");
}
