//! Who gets which message, and in which order.

use std::time::Duration;

use tungstenite::Message;

use crate::guest::PATIENCE;
use crate::world::{World, ask, hear, say};

#[test]
fn a_message_reaches_every_other_socket_of_its_object_and_no_other_object() {
    let mut world = World::new(|_| {});
    let (mut a, mut b, mut c) = (world.client("x", "a"), world.client("x", "b"), world.client("x", "c"));
    let mut stranger = world.client("y", "d");
    say(&mut a, "one");
    say(&mut a, "two");
    for client in [&mut b, &mut c] {
        assert_eq!((hear(client), hear(client)), ("one".into(), "two".into()));
    }
    assert_eq!(ask(&mut stranger, "who"), r#"b"d" ["d"] 1"#);
}

#[test]
fn what_was_sent_before_the_socket_had_a_connection_comes_first() {
    let mut world = World::new(|_| {});
    for name in ["one-shard", "another", "and another"] {
        let mut client = world.open(&format!("/{}/greet", name.replace(' ', "-")));
        say(&mut client, "who");
        let heard: Vec<_> = (0..4).map(|_| hear(&mut client)).collect();
        assert_eq!(heard, ["one", "two", "three", r#"b"" [] 1"#]);
    }
}

#[test]
fn messages_wait_while_a_critical_section_is_open_and_their_senders_with_them() {
    let mut world = World::new(|_| {});
    let (mut a, mut b) = (world.client("x", "a"), world.client("x", "b"));
    world.wait_for("start");
    say(&mut a, "block");
    world.wait_for("section waits");
    (0..100).for_each(|number| say(&mut b, &format!("log {number}")));
    // Nobody reads this client, so that sooner or later the kernel takes no more of it.
    a.get_mut().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let filler = "x".repeat(100_000);
    let mut sent = 0;
    loop {
        assert!(sent < 300, "the server reads 30 megabytes that no object takes");
        let stuck = a.send(Message::text(format!("{sent} {filler}"))).is_err();
        sent += 1;
        if stuck {
            break;
        }
    }
    // Another object of the node is not held up, and whatever could come by now has come.
    let mut other = world.client("y", "other");
    assert_eq!(ask(&mut other, "who"), r#"b"other" ["other"] 1"#);
    assert_eq!(world.next(), "start");
    assert!(world.reported().is_empty(), "nothing is delivered inside the section");

    world.release();
    assert_eq!(world.next(), "section goes on");
    a.get_mut().set_write_timeout(Some(PATIENCE)).unwrap();
    a.flush().unwrap();
    (0..100).for_each(|number| assert_eq!(world.next(), number.to_string()));
    for number in 0..sent {
        assert_eq!(hear(&mut b).split_once(' ').unwrap().0, number.to_string());
    }
}

#[test]
fn the_next_message_is_delivered_while_a_handler_awaits_something() {
    let mut world = World::new(|_| {});
    let mut a = world.client("x", "a");
    say(&mut a, "wait");
    world.wait_for("message waits");
    assert_eq!(ask(&mut a, "who"), r#"b"a" ["a"] 1"#);
    world.release();
    assert_eq!(hear(&mut a), "waited");
}

#[test]
fn thousands_of_messages_of_several_clients_keep_their_order() {
    const MESSAGES: usize = 2_000;
    let mut world = World::new(|_| {});
    let mut listener = world.client("x", "listener");
    let senders: Vec<_> = ["a", "b"].map(|tag| world.client("x", tag)).into();
    let threads: Vec<_> = senders
        .into_iter()
        .zip(["a", "b"])
        .map(|(mut sender, name)| {
            std::thread::spawn(move || {
                for number in 0..MESSAGES {
                    sender.write(Message::text(format!("{name} {number}"))).unwrap();
                }
                sender.flush().unwrap();
                // Those of the other sender come here too; unread, they would make this one a slow client.
                for _ in 0..MESSAGES {
                    sender.read().unwrap();
                }
                sender
            })
        })
        .collect();
    let mut next = [0, 0];
    for _ in 0..2 * MESSAGES {
        let text = hear(&mut listener);
        let (name, number) = text.split_once(' ').unwrap();
        let next = &mut next[usize::from(name == "b")];
        assert_eq!(number, next.to_string());
        *next += 1;
    }
    threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
}
