//! How many WebSockets to servers outside there may be at a time, and that each gives its place back, however it ends.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::client::Socket;
use crate::far::{Far, Taken};
use crate::guest::PATIENCE;
use crate::world::World;

/// A server that may have so many.
fn limited(sockets: usize) -> World {
    World::with(|server| server.outgoing_sockets_max(sockets).close_timeout(Duration::from_millis(50)))
}

/// What an object with this name gets that opens one.
fn dial(world: &World, name: &str, far: &Far) -> String {
    world.get(&format!("/{name}/try-dial?{}", far.url())).text().to_owned()
}

fn refused(sockets: usize) -> String {
    format!(
        "Too many outgoing WebSockets are open: this server allows {sockets} at a time (--outgoing-sockets). Close some \
         first."
    )
}

#[test]
fn all_objects_of_a_node_share_the_limit() {
    // Some of them live on one shard, some on the other.
    let (world, far) = (limited(3), Far::agreeing(b""));
    let mut taken = Vec::new();
    for name in ["a", "b", "c"] {
        assert_eq!(dial(&world, name, &far), "101");
        taken.push(far.take());
    }
    for name in ["d", "e", "f", "a"] {
        assert_eq!(dial(&world, name, &far), refused(3));
    }
    taken.clear();
    for name in ["d", "e", "f"] {
        taken.push(dial_when_there_is_room(&world, name, &far));
    }
}

/// Waits until an object gets a socket, which is returned.
fn dial_when_there_is_room(world: &World, name: &str, far: &Far) -> Taken {
    let deadline = Instant::now() + PATIENCE;
    while dial(world, name, far) != "101" {
        assert!(Instant::now() < deadline, "the place is given back");
    }
    far.take()
}

/// Object `x` opens the only socket that its server may have, it ends as `end` has it, and the place is free again.
fn is_given_back(end: impl FnOnce(&mut Socket, Taken) -> Option<Taken>) {
    let (world, far) = (limited(1), Far::agreeing(b""));
    let mut client = world.client("x", "near");
    assert_eq!(dial(&world, "x", &far), "101");
    let taken = far.take();
    assert_eq!(dial(&world, "y", &far), refused(1), "it is taken");
    let _kept = end(&mut client, taken);
    let _again = dial_when_there_is_room(&world, "y", &far);
    assert_eq!(dial(&world, "x", &far), refused(1), "one place was given back, and not two");
}

#[test]
fn a_socket_that_ends_gives_its_place_back() {
    // Closed by the object.
    is_given_back(|client, mut taken| {
        client.say("over-close");
        taken.frame();
        taken.stream.write_all(b"\x88\x00").unwrap();
        Some(taken)
    });
    // And the server never answers.
    is_given_back(|client, mut taken| {
        client.say("over-close");
        taken.frame();
        Some(taken)
    });
    // Closed by the server.
    is_given_back(|_, mut taken| {
        taken.stream.write_all(b"\x88\x00").unwrap();
        Some(taken)
    });
    // Cut.
    is_given_back(|_, _| None);
    // Broken: a masked frame of a server.
    is_given_back(|_, mut taken| {
        taken.stream.write_all(b"\x81\x81\x01\x01\x01\x01\x60").unwrap();
        taken.frame();
        None
    });
    // Its object is reset.
    is_given_back(|client, mut taken| {
        client.say("abort");
        taken.frame();
        taken.stream.write_all(b"\x88\x00").unwrap();
        Some(taken)
    });
}

#[test]
fn a_server_that_does_not_agree_takes_no_place() {
    let world = limited(1);
    for _ in 0..2 {
        for (answer, expected) in [
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "403 no"),
            (
                "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\n\r\n",
                "502 Server failed WebSocket handshake: missing Upgrade header.",
            ),
            ("what is this\r\n\r\n", "Network connection lost."),
        ] {
            assert_eq!(dial(&world, "x", &Far::answering(answer)), expected);
        }
        assert_eq!(world.get("/x/try-dial?http://127.0.0.1:1/").text(), "Network connection lost.");
    }
    assert_eq!(dial(&world, "x", &Far::agreeing(b"")), "101");
}

#[test]
fn a_socket_that_is_being_opened_has_a_place_until_it_is_given_up() {
    let (world, silent, far) = (limited(1), Far::new(|_| {}), Far::agreeing(b""));
    let mut client = world.client("x", "near");
    let mut http = world.connect();
    http.write(format!("GET /x/dial?{} HTTP/1.1\r\nHost: test\r\n\r\n", silent.url()));
    let mut taken = silent.take();
    assert_eq!(dial(&world, "y", &far), refused(1));
    client.say("abort");
    assert_eq!(taken.ended(), 0);
    dial_when_there_is_room(&world, "y", &far);
}

#[test]
fn a_socket_that_nobody_uses_gives_its_place_back() {
    let (world, far) = (limited(1), Far::agreeing(b""));
    assert_eq!(world.get(&format!("/x/dial-and-forget?{}", far.url())).text(), "forgotten");
    assert_eq!(far.take().ended(), 0);
    dial_when_there_is_room(&world, "y", &far);
}

#[test]
fn a_socket_that_is_passed_on_has_a_place_until_it_ends() {
    for is_far in [true, false] {
        let (world, far) = (limited(1), Far::agreeing(b""));
        let client = world.open(&format!("/x/pass?{}", far.url()));
        let taken = far.take();
        assert_eq!(dial(&world, "y", &far), refused(1));
        if is_far {
            drop(taken);
            drop(client);
        } else {
            drop(client);
            drop(taken);
        }
        dial_when_there_is_room(&world, "y", &far);
    }
}
