//! Sections 1 to 5: payloads of every length encoding, pings, reserved bits, opcodes, fragments.

use crate::suite::{Case, Chop, Suite};
use crate::wire::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, frame};

const EVERY_BYTE: Chop = Chop::Bytes(1);

#[test]
fn section_1_messages_of_every_length_encoding() {
    let mut suite = Suite::new();
    for (kind, opcode, byte) in [(1, TEXT, b'*'), (2, BINARY, 0xfe)] {
        for (index, len) in [0, 125, 126, 127, 128, 65_535, 65_536, 65_536].into_iter().enumerate() {
            let chop = if index == 7 { Chop::Bytes(997) } else { Chop::Whole };
            let payload = vec![byte; len];
            let case = Case::new(format!("1.{kind}.{}", index + 1));
            suite.add(case.send_in(chop, [frame(FIN | opcode, &payload)]).hear(FIN | opcode, payload));
        }
    }
    suite.run(16);
}

#[test]
fn section_2_pings_and_pongs() {
    let mut suite = Suite::new();
    let ping = |payload: &[u8]| frame(FIN | PING, payload);
    let pong = |payload: &[u8]| frame(FIN | PONG, payload);
    let binary = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let longest = [0xfe; 125];
    suite.add(Case::new("2.1").send([ping(b"")]).pong(""));
    suite.add(Case::new("2.2").send([ping(b"Hello, world!")]).pong("Hello, world!"));
    suite.add(Case::new("2.3").send([ping(&binary)]).pong(binary));
    suite.add(Case::new("2.4").send([ping(&longest)]).pong(longest));
    suite.add(Case::new("2.5").send([ping(&[0xfe; 126])]).fails(1002));
    suite.add(Case::new("2.6").send_in(EVERY_BYTE, [ping(&longest)]).pong(longest));
    suite.add(Case::new("2.7").send([pong(b"")]));
    suite.add(Case::new("2.8").send([pong(b"unsolicited pong payload")]));
    suite.add(Case::new("2.9").send([pong(b"unsolicited pong payload"), ping(b"ping payload")]).pong("ping payload"));
    for (name, chop) in [("2.10", Chop::Whole), ("2.11", EVERY_BYTE)] {
        let payloads: Vec<String> = (0..10).map(|number| format!("payload-{number}")).collect();
        let case = Case::new(name).send_in(chop, payloads.iter().map(|payload| ping(payload.as_bytes())));
        suite.add(payloads.into_iter().fold(case, Case::pong));
    }
    suite.run(11);
}

#[test]
fn section_3_reserved_bits() {
    let mut suite = Suite::new();
    let hello = || frame(FIN | TEXT, "Hello, world!");
    let ping = || frame(FIN | PING, "");
    let reserved = |bits: u8, opcode: u8, payload: &str| frame(FIN | bits << 4 | opcode, payload);
    suite.add(Case::new("3.1").send([reserved(1, TEXT, "Hello, world!")]).fails(1002));
    for (name, bits, chop) in [("3.2", 2, Chop::Whole), ("3.3", 3, Chop::Frames), ("3.4", 4, EVERY_BYTE)] {
        let frames = [hello(), reserved(bits, TEXT, "Hello, world!"), ping()];
        suite.add(Case::new(name).send_in(chop, frames).text("Hello, world!").fails(1002));
    }
    suite.add(Case::new("3.5").send([reserved(5, BINARY, "\0\u{7f}")]).fails(1002));
    suite.add(Case::new("3.6").send([reserved(6, PING, "Hello, world!")]).fails(1002));
    suite.add(Case::new("3.7").send([reserved(7, CLOSE, "")]).fails(1002));
    suite.run(7);
}

#[test]
fn section_4_opcodes_that_are_not_given_out() {
    let mut suite = Suite::new();
    for (kind, first_opcode) in [(1, 3), (2, 11)] {
        for index in 0..5 {
            // With and without a payload, alone and behind a message.
            let payload = if index % 2 == 0 && index < 4 { "" } else { "reserved opcode payload" };
            let unknown = frame(FIN | (first_opcode + index), payload);
            let case = Case::new(format!("4.{kind}.{}", index + 1));
            suite.add(if index < 2 {
                case.send([unknown]).fails(1002)
            } else {
                let frames = [frame(FIN | TEXT, "Hello, world!"), unknown, frame(FIN | PING, "")];
                let chop = if index == 4 { EVERY_BYTE } else { Chop::Whole };
                case.send_in(chop, frames).text("Hello, world!").fails(1002)
            });
        }
    }
    suite.run(10);
}

#[test]
fn section_5_fragments() {
    let mut suite = Suite::new();
    let ways = [Chop::Whole, Chop::Frames, EVERY_BYTE];
    let first = |text: &str| frame(TEXT, text);
    let more = |text: &str| frame(CONTINUATION, text);
    let last = |text: &str| frame(FIN | CONTINUATION, text);
    let whole = |text: &str| frame(FIN | TEXT, text);
    let ping = |text: &str| frame(FIN | PING, text);

    suite.add(Case::new("5.1").send([frame(PING, "fragment1"), last("fragment2")]).fails(1002));
    suite.add(Case::new("5.2").send([frame(PONG, "fragment1"), last("fragment2")]).fails(1002));
    for (index, chop) in ways.into_iter().enumerate() {
        let case = Case::new(format!("5.{}", index + 3));
        suite.add(case.send_in(chop, [first("fragment1"), last("fragment2")]).text("fragment1fragment2"));
    }
    for (index, chop) in ways.into_iter().enumerate() {
        let case = Case::new(format!("5.{}", index + 6));
        let frames = [first("fragment1"), ping("ping payload"), last("fragment2")];
        suite.add(case.send_in(chop, frames).pong("ping payload").text("fragment1fragment2"));
    }
    // Continuations of nothing, final and not, before a message.
    for (index, chop) in ways.into_iter().enumerate() {
        let case = Case::new(format!("5.{}", index + 9));
        suite.add(case.send_in(chop, [last("nothing to continue"), whole("Hello, world!")]).fails(1002));
    }
    for (index, chop) in ways.into_iter().enumerate() {
        let case = Case::new(format!("5.{}", index + 12));
        suite.add(case.send_in(chop, [more("nothing to continue"), whole("Hello, world!")]).fails(1002));
    }
    let frames = [first("fragment1"), last("fragment2"), more("fragment3"), whole("fragment4")];
    suite.add(Case::new("5.15").send(frames).text("fragment1fragment2").fails(1002));
    let twice = |unfit: fn(&str) -> Vec<u8>| {
        [unfit("fragment1"), first("fragment2"), last("fragment3"), unfit("fragment4"), first("fragment5")]
    };
    suite.add(Case::new("5.16").send(twice(|text| frame(CONTINUATION, text))).fails(1002));
    suite.add(Case::new("5.17").send(twice(|text| frame(FIN | CONTINUATION, text))).fails(1002));
    suite.add(Case::new("5.18").send([first("fragment1"), whole("fragment2")]).fails(1002));
    for (name, chop) in [("5.19", Chop::Whole), ("5.20", Chop::Frames)] {
        let case = Case::new(name)
            .send_in(chop, [first("fragment1"), more("fragment2"), ping("pongme 1!")])
            .pong("pongme 1!")
            .send_in(chop, [more("fragment3"), more("fragment4"), ping("pongme 2!"), last("fragment5")])
            .pong("pongme 2!");
        suite.add(case.text("fragment1fragment2fragment3fragment4fragment5"));
    }
    suite.run(20);
}
