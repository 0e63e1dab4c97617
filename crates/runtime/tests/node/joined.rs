//! Two sockets of this node that are each other's peer: an object takes the client end of another one's pair.

use dormouse_runtime::limits::PIPE_LEN;
use tungstenite::Message;

use crate::world::{Client, World, ask, closed, ended, hear, say};

/// Two objects, `x` joined to another one, and a client of each. With several names, shards are the same or not.
fn joined(world: &mut World, other: &str) -> (Client, Client) {
    let (x, y) = (world.client("x", "client"), world.client(other, "client"));
    assert_eq!(world.get(&format!("/x/join?{other}")), Ok("joined".into()));
    (x, y)
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "x"];

#[test]
fn what_one_end_sends_arrives_at_the_other() {
    for other in NAMES {
        let mut world = World::new(|_| {});
        let (mut x, mut y) = joined(&mut world, other);
        for number in 0..20 {
            say(&mut x, &format!("over to {number}"));
            assert_eq!(hear(&mut y), format!("to {number}"), "{other}");
        }
        if other != "x" {
            for number in 0..20 {
                say(&mut y, &format!("back {number}"));
                assert_eq!(hear(&mut x), format!("back {number}"), "{other}");
            }
        }
    }
}

#[test]
fn messages_longer_than_the_pipe_arrive_whole() {
    for len in [PIPE_LEN - 14, PIPE_LEN, 3 * PIPE_LEN, 5 << 20] {
        let mut world = World::new(|_| {});
        let (mut x, y) = joined(&mut world, "a");
        // `a` sends the bytes back, and `x` gives what comes back to its client.
        say(&mut x, &format!("over-flood {len}"));
        assert_eq!(x.read().unwrap(), Message::binary(vec![b'x'; len]));
        drop(y);
    }
}

#[test]
fn a_close_passes_with_its_code_and_reason() {
    for other in NAMES {
        let mut world = World::new(|_| {});
        let (mut x, y) = joined(&mut world, other);
        say(&mut x, "over-close");
        for _end in 0..2 {
            world.wait_for("close 4002 over true");
        }
        drop((x, y));
    }
}

#[test]
fn an_end_that_is_dropped_with_its_object_is_heard_by_the_other() {
    for other in NAMES.into_iter().filter(|name| *name != "x") {
        let mut world = World::new(|_| {});
        let (mut x, mut y) = joined(&mut world, other);
        say(&mut y, "abort");
        assert_eq!(closed(&mut y), "1012 told to");
        ended(&mut y);
        world.wait_for("close 1012 told to true");
        assert!(ask(&mut x, "who").ends_with(" 1"), "the object that heard it lives on");
    }
}
