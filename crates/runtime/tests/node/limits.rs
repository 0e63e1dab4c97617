//! Limits that a guest or a client meets.

use std::sync::mpsc::channel;

use dormouse_runtime::object::limits::{REQUESTS_QUEUED_MAX, SOCKETS_MAX};
use dormouse_runtime::object::sockets::SlowClients;
use tungstenite::Message;

use crate::guest::PATIENCE;
use crate::world::{Client, World, ask, closed, ended, hear, say};

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
fn a_client_that_reads_is_not_slow_however_much_it_is_sent_at_once() {
    const LIMIT: usize = 256 << 10;
    for rule in [SlowClients::Close, SlowClients::DropOldest] {
        let mut world = World::new(|options| {
            options.send_queue_bytes_max = LIMIT;
            options.object.slow_clients = rule;
        });
        // So much in one turn, of which a kernel takes more than twice the limit at once.
        let mut a = world.client("x", "a");
        say(&mut a, "burst 10 65536");
        for _ in 0..10 {
            assert_eq!(a.read().unwrap(), Message::binary(vec![b'x'; 64 << 10]));
        }
        assert!(ask(&mut a, "who").ends_with(" 1"));
    }
}

/// Sends numbered messages of 64 KiB until `enough` says so, all of which the fast client hears. Returns how many.
fn pour(source: &mut Client, fast: &mut Client, mut enough: impl FnMut(usize) -> bool) -> usize {
    let filler = "x".repeat(64 << 10);
    let mut sent = 0;
    while !enough(sent) {
        assert!(sent < 10_000, "there is no end");
        assert_eq!(ask(source, &format!("shout {sent} {filler}")).split_once(' ').unwrap().0, "to");
        assert_eq!(hear(fast), format!("{sent} {filler}"));
        sent += 1;
    }
    sent
}

#[test]
fn where_the_object_asks_for_it_the_oldest_messages_of_a_slow_client_are_dropped() {
    const LIMIT: usize = 1 << 20;
    let mut world = World::new(|options| options.send_queue_bytes_max = LIMIT);
    // How many messages are too many shows where the rule is the other one.
    let clients = |world: &mut World, name| (world.client(name, "s"), world.client(name, "f"), world.client(name, "a"));
    let (slow, mut fast, mut source) = clients(&mut world, "closing");
    let too_many = pour(&mut source, &mut fast, |_| world.reported().iter().any(|line| line.starts_with("error")));
    drop((slow, fast, source));

    let (mut slow, mut fast, mut source) = clients(&mut world, "dropping");
    say(&mut source, "slow drop");
    let sent = pour(&mut source, &mut fast, |sent| sent == 2 * too_many);
    let mut numbers = Vec::new();
    while numbers.last() != Some(&(sent - 1)) {
        let text = hear(&mut slow);
        let (number, filler) = text.split_once(' ').unwrap();
        assert_eq!(filler.len(), 64 << 10, "a message came in part");
        numbers.push(number.parse::<usize>().unwrap());
    }
    assert!(numbers.is_sorted_by(|one, next| one < next), "out of order: {numbers:?}");
    assert!(numbers.len() < sent, "{sent} messages were more than there was room for, and none was dropped");
    // What waited is the newest, as much as there was room for, but for one that had begun to be written.
    let kept = LIMIT / ((64 << 10) + 20) - 1;
    assert!(numbers.ends_with(&(sent - kept..sent).collect::<Vec<_>>()), "{kept} of {sent}: {numbers:?}");
    say(&mut slow, "log still here");
    assert!(world.wait_for("still here").iter().all(|line| !line.starts_with("error")));
    // The rule can be taken back.
    say(&mut source, "slow close");
    pour(&mut source, &mut fast, |_| world.reported().iter().any(|line| line.starts_with("error")));
}

#[test]
fn the_operator_can_have_the_oldest_messages_dropped_and_an_object_can_refuse() {
    let mut world = World::new(|options| {
        options.send_queue_bytes_max = 1 << 20;
        options.object.slow_clients = SlowClients::DropOldest;
    });
    let (slow, mut fast, mut source) = (world.client("x", "s"), world.client("x", "f"), world.client("x", "a"));
    say(&mut source, "slow close");
    let too_many = pour(&mut source, &mut fast, |_| world.reported().iter().any(|line| line.starts_with("error")));
    say(&mut source, "slow default");
    let other_slow = world.client("x", "s");
    pour(&mut source, &mut fast, |sent| sent == 2 * too_many);
    assert!(world.reported().iter().all(|line| !line.starts_with("error")), "nobody is closed");
    drop((slow, other_slow));
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
