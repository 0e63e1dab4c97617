//! One message to all sockets of an object, in one call.

use crate::world::{World, ask, closed, hear, say};

#[test]
fn a_broadcast_reaches_the_sockets_of_its_object_however_they_were_accepted_but_for_the_excepted() {
    let mut world = World::new(|_| {});
    let (mut a, mut b, mut c) = (world.client("x", "a"), world.client("x", "b"), world.client("x", "c"));
    let mut standard = world.open("/x/standard");
    let mut stranger = world.client("y", "a");
    assert_eq!(ask(&mut a, "shout one"), "to 3");
    for client in [&mut b, &mut c, &mut standard] {
        assert_eq!(hear(client), "one");
    }
    assert_eq!(ask(&mut a, "shout-at b two"), "to 1");
    assert_eq!(ask(&mut a, "shout-at a three"), "to 0", "the only one with the tag is the excepted one");
    assert_eq!(ask(&mut a, "shout-at nobody four"), "to 0");
    assert_eq!(ask(&mut a, "shout five"), "to 3");
    assert_eq!((hear(&mut b), hear(&mut b)), ("two".into(), "five".into()));
    assert_eq!((hear(&mut c), hear(&mut standard)), ("five".into(), "five".into()));
    assert_eq!(ask(&mut stranger, "who"), r#"b"a" ["a"] 1"#);
}

#[test]
fn broadcasts_and_sends_keep_their_order_and_nothing_follows_a_close() {
    let mut world = World::new(|_| {});
    let (mut a, mut b, mut c) = (world.client("x", "a"), world.client("x", "b"), world.client("x", "c"));
    for round in 0..50 {
        say(&mut b, &format!("mixed-not {round}"));
        assert_eq!((hear(&mut a), hear(&mut c)), (format!("mixed-not {round}"), format!("mixed-not {round}")));
    }
    say(&mut a, "mixed m");
    for client in [&mut b, &mut c] {
        assert_eq!([(); 4].map(|()| hear(client)), ["m 1", "m 2", "m 3", "m 4"]);
    }
    assert_eq!((hear(&mut a), hear(&mut a), closed(&mut a)), ("m 1".into(), "m 3".into(), "4000 told to".into()));
    assert_eq!(ask(&mut b, "shout on"), "to 1", "a socket that was closed is skipped");
}

#[test]
fn a_broadcast_reaches_a_socket_that_is_joined_to_another_object() {
    let mut world = World::new(|_| {});
    let (mut x, mut y) = (world.client("x", "client"), world.client("y", "client"));
    assert_eq!(world.get("/x/join?y"), Ok("joined".into()));
    assert_eq!(ask(&mut x, "shout to y"), "to 1");
    assert_eq!(hear(&mut y), "to y");
}

#[test]
fn a_broadcast_reaches_a_socket_whose_client_is_not_connected_yet() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    let mut late = world.open("/x/shout-first");
    assert_eq!(hear(&mut a), "before 101");
    assert_eq!(hear(&mut late), "before 101");
}
