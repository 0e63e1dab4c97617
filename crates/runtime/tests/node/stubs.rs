//! What becomes of a stub whose object was reset, and of one whose object only slept.

use std::time::Duration;

use crate::world::{World, closed, say};

/// Tells that the guest does as it is told, and nothing more.
fn assert_reaches(world: &mut World, path: &str) {
    assert!(world.get(path).is_ok(), "{path}");
}

#[test]
fn a_stub_breaks_with_the_instance_that_it_reached_and_a_new_one_reaches_the_next() {
    let mut world = World::new(|options| options.shards = 1);
    assert_reaches(&mut world, "/x/auto/kept");
    assert_eq!(world.get("/x/panic"), Err("reset: panicked: told to".into()));
    for _ in 0..2 {
        assert_eq!(world.get("/x/auto/kept"), Err("broken before: panicked: told to".into()));
    }
    assert_reaches(&mut world, "/x/auto");
    // The first failure stays, whatever becomes of later instances.
    let mut socket = world.client("x", "a");
    say(&mut socket, "abort");
    assert_eq!(closed(&mut socket), "1012 told to");
    assert_eq!(world.get("/x/auto/kept"), Err("broken before: panicked: told to".into()));
    assert_reaches(&mut world, "/y/auto/kept");
}

#[test]
fn a_stub_that_resets_its_object_itself_is_broken() {
    let mut world = World::new(|options| options.shards = 1);
    assert_eq!(world.get("/x/panic/kept"), Err("reset: panicked: told to".into()));
    assert_eq!(world.get("/x/auto/kept"), Err("broken before: panicked: told to".into()));
}

#[test]
fn a_handler_that_fails_breaks_no_stub() {
    let mut world = World::new(|options| options.shards = 1);
    assert_eq!(world.get("/x/fail/kept"), Err("told to fail".into()));
    assert_reaches(&mut world, "/x/auto/kept");
}

#[test]
fn stubs_of_other_threads_break_too() {
    let mut world = World::new(|options| options.shards = 2);
    for _ in 0..2 {
        // By way of one shard after the other, and each has its stub.
        assert_reaches(&mut world, "/x/auto/kept");
    }
    assert_eq!(world.get("/x/panic"), Err("reset: panicked: told to".into()));
    for _ in 0..2 {
        assert_eq!(world.get("/x/auto/kept"), Err("broken before: panicked: told to".into()));
    }
    for _ in 0..2 {
        assert_reaches(&mut world, "/x/auto");
    }
}

#[test]
fn a_stub_survives_sleep_and_breaks_with_what_it_finds_then() {
    let mut world = World::new(|options| {
        options.shards = 1;
        options.object.hibernate_after = Some(Duration::ZERO);
    });
    // Without sockets nothing is left of the object in memory.
    assert_reaches(&mut world, "/x/auto/kept");
    world.wait_for("stop");
    assert_reaches(&mut world, "/x/auto/kept");
    world.all_asleep();
    assert_eq!(world.get("/x/panic"), Err("reset: panicked: told to".into()));
    // It had reached an instance that did not break; the one that did, it has never seen.
    assert_reaches(&mut world, "/x/auto/kept");
}

#[test]
fn a_stub_of_a_hibernated_object_breaks_with_it() {
    let mut world = World::new(|options| {
        options.shards = 1;
        options.object.hibernate_after = Some(Duration::from_millis(20));
    });
    let _socket = world.client("x", "a");
    assert_reaches(&mut world, "/x/auto/kept");
    world.all_asleep();
    assert_eq!(world.get("/x/panic"), Err("reset: panicked: told to".into()));
    assert_eq!(world.get("/x/auto/kept"), Err("broken before: panicked: told to".into()));
}
