//! One class in TypeScript and in Rust, over the same data folder: what one stored, the other one reads.
//!
//! The one in TypeScript is served by the binary, the one in Rust by this program, as each would be by its author.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

#[path = "../support/http.rs"]
mod http;

mod host;
mod room;

use std::time::{Duration, SystemTime};

use crate::host::{Host as _, Name, Rust, TypeScript};

/// What `room.rs` finds of what `room.ts` stores.
const TOLD_IN_RUST: &str = r#"name: Some("lobby")
keys: big buffer bytes date error floats fraction holes infinite kind map names negative nested nothing number pattern plain set shared sync text whole words yes
number: 42
number: 42.0
fraction: -0.5
infinite: inf
whole: 9007199254740991
text: "Größe ☃ 😀 \0"
yes: true
nothing: nothing
holes: [Some(1), None, None, None]
big: 1267650600228229401496703205376
negative: -5
date: 1700000000123
map: {1: "one", 2: "two"}
names: {"a": [1], "b": []}
set: {"x", "y"}
bytes: [0, 1, 255]
bytes: [0, 1, 255]
buffer: [7, 8]
words: [-1, 300]
floats: [0.25, -1e300]
nested: Person { id: 7, name: "Ada", tags: [Some("a"), None], more: {"x": 1.5} }
nested as JSON: true
shared: [Once { once: 1 }, Once { once: 1 }]
kind: Circle { radius: 2.0 }
plain: Empty
pattern: "/a+/gi"
error: Thrown { name: "RangeError", message: "too far" }
sync: Some(("by", "kv"))
Row { id: 1, body: "from TypeScript", score: 1.5, data: [1, 2, 3], gone: None }
Row { id: 2, body: "☃", score: 3.0, data: [], gone: Some("no") }
alarm: Some(4102444800123)"#;

/// And the other way round.
const TOLD_IN_TYPESCRIPT: &str = r#"name: lobby
bytes: Uint8Array [0, 1, 255]
fraction: -0.5
huge: 340282366920938463463374607431768211455n
infinite: -Infinity
json: {a: [null, true, 1, -1.5, "x"], b: {}}
kind: {Circle: {radius: 2}}
large: -9223372036854775808n
letter: "ß"
list: [0, 1, 255]
map: Map {1: "one", 2: "two"}
names: {a: [1], b: []}
none: null
nothing: null
number: 42
person: {id: 7, name: "Ada", tags: ["a", null], more: {x: 1.5}}
plain: "Empty"
set: ["x", "y"]
some: "thing"
sync: ["by", "kv"]
text: "Größe ☃ 😀 \u0000"
tuple: [1, "two", [3.5]]
whole: 9007199254740991
yes: true
{id: 1, body: "from Rust", score: 1.5, data: ArrayBuffer 010203, gone: null, type: "real"}
{id: 2, body: "☃", score: 3, data: ArrayBuffer , gone: "no", type: "real"}
alarm: 4102444800123"#;

#[test]
fn what_typescript_stored_is_read_in_rust() {
    let data = tempfile::tempdir().unwrap();
    let typescript = TypeScript::start(Name::Chat, data.path());
    let unique = typescript.get("/unique");
    for name in ["lobby", &unique] {
        assert_eq!(typescript.get(&format!("/{name}/store")), "stored");
    }
    drop(typescript);
    let rust = Rust::start(Name::Chat, data.path());
    let expected = TOLD_IN_RUST;
    assert_eq!(rust.get("/lobby/tell"), expected);
    assert_eq!(rust.get(&format!("/{unique}/tell")), expected.replace(r#"Some("lobby")"#, "None"));
    assert_eq!(rust.get("/hall/any"), "not yet", "another name is another object");
}

#[test]
fn what_rust_stored_is_read_in_typescript() {
    let data = tempfile::tempdir().unwrap();
    let rust = Rust::start(Name::Chat, data.path());
    let unique = rust.get("/unique");
    for name in ["lobby", &unique] {
        assert_eq!(rust.get(&format!("/{name}/store")), "stored");
    }
    drop(rust);
    let typescript = TypeScript::start(Name::Chat, data.path());
    let expected = TOLD_IN_TYPESCRIPT;
    assert_eq!(typescript.get("/lobby/tell"), expected);
    assert_eq!(typescript.get(&format!("/{unique}/tell")), expected.replace("lobby", "undefined"));
}

#[test]
fn an_alarm_that_one_language_has_set_rings_in_the_other() {
    // A machine may be so busy that it rings before the first server has stopped.
    let is_passed = |to_rust: bool, delay: Duration| {
        let data = tempfile::tempdir().unwrap();
        let due = (SystemTime::now() + delay).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let set = format!("/lobby/ring?due={due}");
        if to_rust {
            assert_eq!(TypeScript::start(Name::Default, data.path()).get(&set), "set");
            host::rang(&Rust::start(Name::Default, data.path())) == "in Rust"
        } else {
            assert_eq!(Rust::start(Name::Default, data.path()).get(&set), "set");
            host::rang(&TypeScript::start(Name::Default, data.path())) == "in TypeScript"
        }
    };
    for to_rust in [true, false] {
        let mut delays = [1, 5, 25].map(Duration::from_secs).into_iter();
        assert!(delays.any(|delay| is_passed(to_rust, delay)), "to Rust: {to_rust}");
    }
}
