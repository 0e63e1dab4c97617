//! How guests come and go, and what their sockets see of it.

use std::time::Duration;

use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message};

use crate::guest::PATIENCE;
use crate::world::{World, ask, closed, ended, hear, say};

#[test]
fn a_hibernated_object_wakes_with_its_sockets_tags_and_attachments() {
    let mut world = World::new(|options| options.object.hibernate_after = Some(Duration::from_millis(20)));
    let mut a = world.client("x", "a");
    world.all_asleep();
    assert_eq!(ask(&mut a, "who"), r#"b"a" ["a"] 1"#);
    assert_eq!((world.next(), world.next()), ("start".into(), "stop".into()));
}

#[test]
fn a_panic_costs_the_guest_and_no_socket() {
    let mut world = World::new(|_| {});
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    world.wait_for("start");
    say(&mut a, "panic");
    say(&mut a, "after");
    assert_eq!(hear(&mut a), "last words");
    assert_eq!(hear(&mut b), "after");
    assert_eq!((world.next(), world.next()), ("stop".into(), "start".into()));
}

#[test]
fn a_handler_that_fails_costs_its_own_event_alone() {
    let mut world = World::new(|_| {});
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    world.wait_for("start");
    say(&mut b, "fail");
    say(&mut b, "still here");
    assert_eq!(hear(&mut a), "still here");
    assert!(world.reported().is_empty(), "the guest is still the same");
}

#[test]
fn an_abort_closes_every_socket_with_1012_and_the_reason() {
    let mut world = World::new(|_| {});
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    say(&mut a, "abort");
    assert_eq!(closed(&mut a), "1012 told to");
    assert_eq!(closed(&mut b), "1012 told to");
}

#[test]
fn a_standard_socket_keeps_its_object_in_memory() {
    let mut world = World::new(|options| options.object.hibernate_after = Some(Duration::from_millis(20)));
    let mut bound = world.open("/x/standard");
    assert_eq!(world.next(), "start");
    let mut free = world.open("/y/socket?free");
    // Its neighbour goes to sleep, and it does not.
    assert_eq!((world.next(), world.next()), ("start".into(), "stop".into()));
    say(&mut bound, "log here");
    assert_eq!(world.next(), "here");
    drop(bound);
    world.wait_for("close 1006 WebSocket disconnected without sending Close frame. false");
    world.wait_for("stop");
    assert_eq!(ask(&mut free, "who"), r#"b"free" ["free"] 1"#);
}

#[test]
fn a_half_open_socket_is_its_guests_to_close() {
    let mut world = World::new(|_| {});
    let mut other = world.client("x", "other");
    for vanishes in [false, true] {
        let mut client = world.open("/x/half-open");
        client.close(Some(CloseFrame { code: 4001.into(), reason: "bye".into() })).unwrap();
        client.flush().unwrap();
        world.wait_for("close 4001 bye true");
        assert_eq!(ask(&mut other, "half-open state"), "Closing");
        if vanishes {
            drop(client);
            while ask(&mut other, "half-open state") != "Closed" {}
            continue;
        }
        say(&mut other, "half-open last words");
        assert_eq!(hear(&mut client), "last words");
        assert_eq!(closed(&mut client), "4000 mine");
        ended(&mut client);
        assert_eq!(ask(&mut other, "half-open state"), "Closed");
    }
}

#[test]
fn a_socket_that_its_guest_breaks_off_ends_without_a_close() {
    let mut world = World::new(|_| {});
    let mut bound = world.open("/x/standard");
    // The object hears neither of the second message nor of the end.
    for text in ["break-off", "log unheard"] {
        bound.write(Message::text(text)).unwrap();
    }
    bound.flush().unwrap();
    assert_eq!(hear(&mut bound), "last words");
    assert!(matches!(bound.read(), Err(Error::Protocol(_) | Error::Io(_))), "no Close frame");
    let mut other = world.client("x", "other");
    say(&mut other, "log over");
    let seen = world.wait_for("over");
    assert!(!seen.iter().any(|line| line.starts_with("close") || line == "unheard"), "{seen:?}");
}

#[test]
fn a_panic_closes_the_standard_sockets_of_its_guest_with_1012() {
    let mut world = World::new(|_| {});
    let mut bound = world.open("/x/standard");
    let mut free = world.client("x", "free");
    say(&mut free, "panic");
    assert_eq!(hear(&mut free), "last words");
    assert_eq!(closed(&mut bound), "1012 panicked: told to");
    assert_eq!(ask(&mut free, "who"), r#"b"free" ["free"] 1"#);
}

#[test]
fn a_stopping_node_closes_sockets_with_1001_and_does_not_wait_for_those_that_answer() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    let node = world.node.take().unwrap();
    let stopper = std::thread::spawn(move || node.stop(Duration::from_secs(60)));
    assert_eq!(closed(&mut a), "1001 The server is shutting down.");
    ended(&mut a);
    stopper.join().unwrap();
}

#[test]
fn a_stopping_node_waits_for_what_is_under_way_and_no_longer_than_its_grace() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    say(&mut a, "wait");
    world.wait_for("message waits");
    let node = world.node.take().unwrap();
    let stopper = std::thread::spawn(move || node.stop(Duration::from_secs(60)));
    world.release();
    assert_eq!(hear(&mut a), "waited");
    assert_eq!(closed(&mut a), "1001 The server is shutting down.");
    ended(&mut a);
    stopper.join().unwrap();

    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    say(&mut a, "wait");
    world.wait_for("message waits");
    let node = world.node.take().unwrap();
    let stopper = std::thread::spawn(move || node.stop(Duration::from_millis(50)));
    assert_eq!(closed(&mut a), "1001 The server is shutting down.");
    ended(&mut a);
    stopper.join().unwrap();
}

#[test]
fn a_node_that_has_stopped_has_let_go_of_its_application() {
    let mut world = World::new(|_| {});
    let mut client = world.client("x", "a");
    assert_eq!(world.get("/y/hello"), Ok("hello?".to_owned()));
    let node = world.node.take().unwrap();
    assert!(!world.is_forgotten());
    let stopper = std::thread::spawn(move || node.stop(PATIENCE));
    assert_eq!(closed(&mut client), "1001 The server is shutting down.");
    ended(&mut client);
    stopper.join().unwrap();
    assert!(world.is_forgotten());
}
