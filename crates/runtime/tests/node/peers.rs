//! How a socket's peer comes and goes, and what the object hears of it.

use std::io::{Read, Write};
use std::time::Duration;

use tungstenite::Message;
use tungstenite::protocol::{CloseFrame, Role};

use crate::guest::in_time;
use crate::world::{Client, World, ask, closed, ended, say};

const VANISHED: &str = "close 1006 WebSocket disconnected without sending Close frame. false";

#[test]
fn closes_are_heard_once_and_answered() {
    let mut world = World::new(|_| {});
    let (mut a, mut b, c) = (world.client("x", "a"), world.client("x", "b"), world.client("x", "c"));
    world.wait_for("start");
    a.close(Some(CloseFrame { code: 4001.into(), reason: "bye".into() })).unwrap();
    assert_eq!(closed(&mut a), "4001 bye");
    ended(&mut a);
    assert_eq!(world.next(), "close 4001 bye true");
    say(&mut b, "close");
    assert_eq!(closed(&mut b), "4000 told to");
    ended(&mut b);
    assert_eq!(world.next(), "close 4000 told to true");
    drop(c);
    assert_eq!(world.next(), VANISHED);
    assert_eq!(world.get("/x/hello"), Ok("hello?".into()));
    assert!(world.reported().is_empty());
}

#[test]
fn an_empty_close_is_1005_and_clean() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    a.close(None).unwrap();
    assert_eq!(a.read().unwrap(), Message::Close(None));
    ended(&mut a);
    world.wait_for("close 1005  true");
}

#[test]
fn a_peer_that_leaves_a_close_unanswered_is_cut_after_the_timeout() {
    let mut world = World::new(|options| options.object.close_timeout = Duration::from_millis(50));
    let mut a = world.client("x", "a");
    world.wait_for("start");
    say(&mut a, "close");
    // The client reads bytes and no frames, so that it answers nothing.
    let mut all = Vec::new();
    a.get_mut().read_to_end(&mut all).unwrap();
    assert_eq!(all, b"\x88\x09\x0f\xa0told to");
    assert_eq!(world.next(), VANISHED);
}

#[test]
fn a_socket_that_was_closed_before_it_had_a_connection_ends_with_the_peers_answer() {
    let mut world = World::new(|_| {});
    let mut client = world.open("/x/reject");
    assert_eq!(closed(&mut client), "4001 not today");
    // The answer is sent by the next read, and then the server is the one that hangs up.
    ended(&mut client);
    world.wait_for("close 4001 not today true");
}

#[test]
fn a_pair_whose_client_end_is_dropped_is_heard_as_1006() {
    let mut world = World::new(|_| {});
    assert_eq!(world.get("/x/drop"), Ok("dropped".into()));
    assert_eq!((world.next(), world.next()), ("start".into(), VANISHED.into()));
    let mut a = world.client("x", "a");
    assert_eq!(ask(&mut a, "who"), r#"b"a" ["a"] 1"#);
}

#[test]
fn a_response_that_nobody_takes_ends_its_socket() {
    let mut world = World::new(|_| {});
    // The caller reads a body and drops the response with its client end.
    assert_eq!(world.get("/x/socket"), Ok(String::new()));
    assert_eq!((world.next(), world.next()), ("start".into(), VANISHED.into()));
}

#[test]
fn a_peer_that_answers_no_ping_is_taken_for_vanished_and_one_that_does_stays() {
    in_time(Duration::from_millis(50), |interval| {
        let mut world = World::new(|options| options.ping_interval = Some(interval));
        let (mut alive, mut dead) = (world.client("x", "alive"), world.client("x", "dead"));
        world.wait_for("start");
        // Reading is what makes this client pong. Five pings are more than a dead one gets.
        let reader = std::thread::spawn(move || {
            for _ in 0..5 {
                assert_eq!(alive.read().unwrap(), Message::Ping(bytes::Bytes::new()));
            }
            assert!(ask(&mut alive, "who").starts_with(r#"b"alive""#));
            alive
        });
        assert_eq!(world.next(), VANISHED);
        let mut all = Vec::new();
        dead.get_mut().read_to_end(&mut all).unwrap();
        assert!(all.iter().all(|byte| b"\x89\0".contains(byte)), "pings, and then the end: {all:x?}");
        drop(reader.join().unwrap());
    });
}

#[test]
fn everyone_of_many_vanished_peers_is_noticed() {
    let mut world = World::new(|options| options.ping_interval = Some(Duration::from_millis(50)));
    // They are looked at in parts, so both those of one object and those of many must all have their turn.
    let dead: Vec<_> = (0..40)
        .map(|number| world.open(&format!("/{}/socket", if number < 20 { "x".into() } else { number.to_string() })))
        .collect();
    for _ in 0..40 {
        world.wait_for(VANISHED);
    }
    assert!(!world.reported().contains(&VANISHED.to_owned()), "each is heard once");
    drop(dead);
}

#[test]
fn the_other_end_on_this_node_needs_no_pong_while_its_object_is_busy() {
    // Reading is what makes these clients pong.
    let pong = |client: &Client| {
        let mut reader = Client::from_raw_socket(client.get_ref().try_clone().unwrap(), Role::Client, None);
        std::thread::spawn(move || while reader.read().is_ok() {});
    };
    in_time(Duration::from_millis(50), |interval| {
        let mut world = World::new(|options| options.ping_interval = Some(interval));
        let mut y = world.open("/y/socket");
        pong(&y);
        assert_eq!(world.get("/x/join?y"), Ok("joined".into()));
        let mut x = world.open("/x/socket");
        pong(&x);
        say(&mut y, "block");
        world.wait_for("section waits");
        // Nothing is read there from now on: the object has not taken the first.
        say(&mut x, "over log first");
        say(&mut x, "over log second");
        // Clients that are gone after several intervals each show that time passes.
        for _ in 0..3 {
            let dead = world.open("/z/socket");
            world.wait_for(VANISHED);
            drop(dead);
        }
        world.release();
        world.wait_for("first");
        world.wait_for("second");
        say(&mut world.open("/x/socket"), "over log third");
        world.wait_for("third");
    });
}

#[test]
fn a_peer_that_sends_messages_needs_no_pong() {
    in_time(Duration::from_millis(50), |interval| {
        let mut world = World::new(|options| options.ping_interval = Some(interval));
        // It reads bytes and no frames, so it never pongs, but every ping gets a message in answer.
        let mut talker = world.open("/x/socket");
        world.wait_for("start");
        for number in 0..5 {
            let mut ping = [0; 2];
            talker.get_mut().read_exact(&mut ping).unwrap();
            assert_eq!(ping, *b"\x89\x00");
            say(&mut talker, &format!("log {number}"));
            assert_eq!(world.next(), number.to_string());
        }
    });
}

#[test]
fn a_ping_is_answered_with_its_payload_and_wakes_nobody() {
    let mut world = World::new(|options| options.object.hibernate_after = Some(Duration::from_millis(20)));
    let mut a = world.client("x", "a");
    world.all_asleep();
    for payload in ["", "are you there?", &"x".repeat(125)] {
        a.send(Message::Ping(payload.to_owned().into())).unwrap();
        assert_eq!(a.read().unwrap(), Message::Pong(payload.to_owned().into()));
    }
    assert!(world.reported().is_empty(), "the object sleeps on");
}

#[test]
fn an_auto_response_wakes_nobody() {
    let mut world = World::new(|options| options.object.hibernate_after = Some(Duration::from_millis(20)));
    let mut a = world.client("x", "a");
    assert_eq!(world.get("/x/auto"), Ok("set".into()));
    world.all_asleep();
    for _ in 0..3 {
        assert_eq!(ask(&mut a, "marco"), "polo");
    }
    assert!(world.reported().is_empty(), "the object sleeps on");
    a.send(Message::binary(&b"marco"[..])).unwrap();
    assert_eq!(a.read().unwrap(), Message::binary(&b"marco"[..]), "only text is answered by the host");
}

#[test]
fn a_client_that_vanishes_with_unread_data_is_heard_as_1006() {
    let mut world = World::new(|_| {});
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    world.wait_for("start");
    say(&mut b, "unread");
    // Closing a connection that holds unread bytes resets it.
    a.get_mut().peek(&mut [0]).unwrap();
    drop(a);
    assert_eq!(world.next(), VANISHED);
    assert_eq!(ask(&mut b, "who"), r#"b"b" ["b"] 1"#);
}

#[test]
fn half_a_message_and_then_nothing_more_is_no_message() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    world.wait_for("start");
    a.get_mut().write_all(b"\x81\x8a\0\0\0\0log h").unwrap();
    drop(a);
    assert_eq!(world.next(), VANISHED);
}
