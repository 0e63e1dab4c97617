//! Sections 9 and 10: large messages, many fragments, small pieces, many round trips.

use std::io::Write;

use crate::echo;
use crate::wire::{BINARY, Client, FIN, Frame, TEXT, fragments, frame};

const KINDS: [(u8, u8); 2] = [(TEXT, b'*'), (BINARY, 0xfe)];

/// Sends `wire` in pieces while the echo comes, which must be one frame with `payload`.
#[track_caller]
fn check(name: &str, client: &mut Client, wire: Vec<u8>, piece_len: usize, expected: Frame) {
    let mut writer = client.writer();
    let sender = std::thread::spawn(move || wire.chunks(piece_len).try_for_each(|piece| writer.write_all(piece)));
    let came = client.read();
    sender.join().unwrap().unwrap();
    assert!(came.as_ref() == Some(&expected), "{name}: {expected:?} was to come, and there came {came:?}");
}

#[test]
fn section_9_large_messages() {
    let server = echo::server(|server| server);
    let mut count = 0;
    for (kind, (opcode, byte)) in KINDS.into_iter().enumerate() {
        for (index, len) in [64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20].into_iter().enumerate() {
            let payload = vec![byte; len];
            let wire = frame(FIN | opcode, &payload);
            let mut client = Client::open(server.local_addr(), None);
            let name = format!("9.{}.{}", kind + 1, index + 1);
            check(&name, &mut client, wire, usize::MAX, Frame { first: FIN | opcode, payload });
            count += 1;
        }
    }
    server.stop();
    assert_eq!(count, 12);
}

#[test]
fn section_9_many_fragments() {
    let server = echo::server(|server| server);
    let mut count = 0;
    for (kind, (opcode, byte)) in KINDS.into_iter().enumerate() {
        for index in 0..9 {
            let payload = vec![byte; 4 << 20];
            let wire = fragments(opcode, &payload, 64 << (2 * index)).concat();
            let mut client = Client::open(server.local_addr(), None);
            let name = format!("9.{}.{}", kind + 3, index + 1);
            check(&name, &mut client, wire, usize::MAX, Frame { first: FIN | opcode, payload });
            count += 1;
        }
    }
    server.stop();
    assert_eq!(count, 18);
}

#[test]
fn section_9_small_pieces() {
    let server = echo::server(|server| server);
    let mut count = 0;
    for (kind, (opcode, byte)) in KINDS.into_iter().enumerate() {
        for index in 0..6 {
            let payload = vec![byte; 1 << 20];
            let wire = frame(FIN | opcode, &payload);
            let mut client = Client::open(server.local_addr(), None);
            let name = format!("9.{}.{}", kind + 5, index + 1);
            check(&name, &mut client, wire, 64 << index, Frame { first: FIN | opcode, payload });
            count += 1;
        }
    }
    server.stop();
    assert_eq!(count, 12);
}

#[test]
fn section_9_many_round_trips() {
    let server = echo::server(|server| server);
    let mut count = 0;
    for (kind, (opcode, byte)) in KINDS.into_iter().enumerate() {
        for (index, len) in [0, 16, 64, 256, 1024, 4096].into_iter().enumerate() {
            let mut client = Client::open(server.local_addr(), None);
            let expected = Frame { first: FIN | opcode, payload: vec![byte; len] };
            for number in 0..1000 {
                client.write(frame(FIN | opcode, &expected.payload));
                let came = client.read();
                assert!(came.as_ref() == Some(&expected), "9.{}.{}, {number}: {came:?}", kind + 7, index + 1);
            }
            count += 1;
        }
    }
    server.stop();
    assert_eq!(count, 12);
}

#[test]
fn section_10_fragments_of_1300_bytes() {
    let server = echo::server(|server| server);
    let mut client = Client::open(server.local_addr(), None);
    let payload = vec![b'*'; 65_536];
    let wire = fragments(TEXT, &payload, 1300).concat();
    check("10.1.1", &mut client, wire, usize::MAX, Frame { first: FIN | TEXT, payload });
    server.stop();
}
