//! Section 7: the closing handshake.

use crate::suite::{Case, End, Suite};
use crate::wire::{CLOSE, CONTINUATION, FIN, PING, TEXT, frame};

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, body(code, reason))
}

fn body(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_ref()].concat()
}

#[test]
fn section_7_nothing_is_heard_after_a_close() {
    let mut suite = Suite::new();
    let answered = || End::Answer(body(1000, ""));
    let hello = || frame(FIN | TEXT, "Hello World!");
    let ping = || frame(FIN | PING, "");
    suite.add(Case::new("7.1.1").send([hello(), close(1000, "")]).text("Hello World!").ends(answered()));
    suite.add(Case::new("7.1.2").send([close(1000, ""), close(1000, "")]).ends(answered()));
    suite.add(Case::new("7.1.3").send([close(1000, ""), ping()]).ends(answered()));
    suite.add(Case::new("7.1.4").send([close(1000, ""), hello()]).ends(answered()));
    let split = [frame(TEXT, "fragment1"), close(1000, ""), frame(FIN | CONTINUATION, "fragment2")];
    suite.add(Case::new("7.1.5").send(split).ends(answered()));
    let long = "BAsd7&jh23".repeat(26_215);
    let frames = [frame(FIN | TEXT, &long), close(1000, ""), ping()];
    suite.add(Case::new("7.1.6").send(frames).text(long).ends(answered()));
    suite.run(6);
}

#[test]
fn section_7_bodies_of_a_close() {
    let mut suite = Suite::new();
    suite.add(Case::new("7.3.1").send([frame(FIN | CLOSE, "")]).ends(End::Answer(Vec::new())));
    suite.add(Case::new("7.3.2").send([frame(FIN | CLOSE, "a")]).fails(1002));
    let longest = "*".repeat(123);
    for (name, reason) in [("7.3.3", ""), ("7.3.4", "Hello World!"), ("7.3.5", &longest)] {
        suite.add(Case::new(name).send([close(1000, reason)]).ends(End::Answer(body(1000, reason))));
    }
    suite.add(Case::new("7.3.6").send([close(1000, "*".repeat(124))]).fails(1002));
    // A surrogate in the reason.
    suite.add(Case::new("7.5.1").send([close(1000, b"\xce\xba\xed\xa0\x80edited")]).fails(1007));
    suite.run(7);
}

#[test]
fn section_7_codes_of_a_close() {
    let mut suite = Suite::new();
    let valid = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
    for (index, code) in valid.into_iter().enumerate() {
        let case = Case::new(format!("7.7.{}", index + 1));
        suite.add(case.send([close(code, "")]).ends(End::Answer(body(code, ""))));
    }
    for (index, code) in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].into_iter().enumerate() {
        suite.add(Case::new(format!("7.9.{}", index + 1)).send([close(code, "")]).fails(1002));
    }
    suite.add(Case::new("7.13.1").send([close(5000, "")]).fails(1002));
    suite.add(Case::new("7.13.2").send([close(65_535, "")]).fails(1002));
    suite.run(24);
}
