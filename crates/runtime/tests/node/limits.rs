//! Limits that a guest or a client meets.

use std::sync::mpsc::channel;

use dormouse_runtime::object::limits::{REQUESTS_QUEUED_MAX, SOCKETS_MAX};
use tungstenite::Message;

use crate::guest::PATIENCE;
use crate::world::{World, ask, closed, ended, hear, say};

#[test]
fn an_object_takes_32768_sockets_and_says_so() {
    let mut world = World::new(|_| {});
    let text = "32768: only 32768 websockets can be accepted on a single Durable Object instance";
    assert_eq!(SOCKETS_MAX, 32_768);
    assert_eq!(world.get("/x/fill"), Ok(text.into()));
    // Other objects are not concerned, and this one refuses what comes from outside too.
    let mut other = world.client("y", "other");
    assert_eq!(ask(&mut other, "who"), r#"b"other" ["other"] 1"#);
    assert_eq!(world.get("/x/socket"), Err(text.split_once(' ').unwrap().1.into()));
}

#[test]
fn an_object_that_is_stuck_refuses_requests_once_many_wait() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    say(&mut a, "block");
    world.wait_for("section waits");
    let (reply, answers) = channel();
    for _ in 0..REQUESTS_QUEUED_MAX + 8 {
        world.ask("/x/hello", &reply);
    }
    for _ in 0..8 {
        let answer = answers.recv_timeout(PATIENCE).unwrap();
        assert_eq!(answer, Err("Durable Object is overloaded. Too many requests queued.".into()));
    }
    assert!(answers.try_recv().is_err(), "the others wait");
    world.release();
    for _ in 0..REQUESTS_QUEUED_MAX {
        assert_eq!(answers.recv_timeout(PATIENCE).unwrap(), Ok("hello?".into()));
    }
}

#[test]
fn a_client_that_does_not_read_is_closed_with_1013_and_harms_no_other() {
    const LIMIT: usize = 1 << 20;
    const CHUNK: usize = 64 << 10;
    let mut world = World::new(|options| options.send_queue_bytes_max = LIMIT);
    let (mut slow, mut fast, mut source) =
        (world.client("x", "slow"), world.client("x", "fast"), world.client("x", "a"));
    world.wait_for("start");
    let mut sent = 0;
    let error = loop {
        // The kernel takes some megabytes before anything waits in the server.
        assert!(sent < 1_000, "a client that never reads is never closed");
        say(&mut source, &format!("flood {CHUNK}"));
        assert_eq!(fast.read().unwrap(), Message::binary(vec![b'x'; CHUNK]));
        sent += 1;
        if let Some(line) = world.reported().first() {
            break line.clone();
        }
    };
    assert_eq!(error, format!("error The client reads too slowly: more than {LIMIT} bytes waited to be sent."));
    let mut received = 0;
    let close = loop {
        match slow.read().unwrap() {
            Message::Binary(_) => received += 1,
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 1013);
    ended(&mut slow);
    // What waited in the server was dropped: at most the frame that had begun was still written.
    assert!(received + LIMIT / CHUNK <= sent, "{received} of {sent} were written");
    say(&mut source, "still here");
    assert_eq!(hear(&mut fast), "still here");
    assert!(world.reported().is_empty(), "the slow client's end is heard once");
}

#[test]
fn a_message_over_the_limit_ends_its_socket_with_1009() {
    let mut world = World::new(|options| options.message_len_max = 1_000);
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    world.wait_for("start");
    a.send(Message::binary(vec![1; 1_000])).unwrap();
    assert_eq!(a.read().unwrap(), Message::binary(vec![1; 1_000]));
    a.send(Message::binary(vec![1; 1_001])).unwrap();
    assert_eq!(closed(&mut a), "1009 Message is too large: 1001 > 1000");
    assert_eq!(world.next(), "error Message is too large: 1001 > 1000");
    ended(&mut a);
    assert_eq!(ask(&mut b, "who"), r#"b"b" ["b"] 1"#);
}
