//! Frames that break the protocol, as bytes.

use crate::client::{Http, frame, handshake};
use crate::world::World;

/// A connection whose handshake is done.
fn raw(world: &World) -> Http {
    let mut http = world.connect();
    http.write(handshake("/x/socket", &[]));
    assert_eq!(http.head().status, 101);
    http
}

/// Sends `bytes` on a fresh socket: the client must see this Close and then the end, the object one error with
/// the same text, and another socket of the object nothing.
fn check(world: &World, bytes: &[u8], code: u16, reason: &str) {
    let mut other = world.client("x", "other");
    let mut http = raw(world);
    world.reported();
    http.write(bytes);
    let mut socket = http.into_socket();
    assert_eq!(socket.closed(), format!("{code} {reason}"), "{bytes:x?}");
    socket.ended();
    assert_eq!(world.next(), format!("error {reason}"), "{bytes:x?}");
    assert_eq!(other.ask("who"), r#"b"other" ["other"] 1"#, "{bytes:x?}");
    drop(socket);
    other.close(1000, "");
    assert_eq!(world.next(), "close 1000  true", "nothing more is heard of the socket that failed");
}

#[test]
fn broken_frames_close_their_socket_with_1002() {
    let world = World::new();
    let long = [0x81, 0xfe, 0, 125].into_iter().chain([0; 4 + 125]).collect::<Vec<u8>>();
    let huge = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
    for (bytes, reason) in [
        (b"\x81\x02hi".to_vec(), "Received unmasked frame from client"),
        (frame(0xc1, b"hi"), "Received frame had RSV bit 1 set, but no compression was negotiated"),
        (frame(0xa1, b"hi"), "Received frame had RSV bits 2 or 3 set"),
        (frame(0x91, b"hi"), "Received frame had RSV bits 2 or 3 set"),
        (frame(0x83, b""), "Unknown opcode 3"),
        (frame(0x87, b""), "Unknown opcode 7"),
        (frame(0x8b, b""), "Unknown opcode 11"),
        (frame(0x8f, b""), "Unknown opcode 15"),
        (frame(0x80, b"hi"), "Unexpected continuation frame"),
        ([frame(0x01, b"one"), frame(0x01, b"two")].concat(), "Missing continuation frame"),
        (frame(0x09, b""), "Received fragmented control frame"),
        (frame(0x08, b""), "Received fragmented control frame"),
        (b"\x89\xfe\x00\x7e".to_vec(), "Received control frame with more than 125 bytes of payload"),
        (b"\x88\xff\0\0\0\0\0\x01\0\0".to_vec(), "Received control frame with more than 125 bytes of payload"),
        (long, "Received frame whose length is not minimally encoded"),
        (huge.to_vec(), "Received frame whose length has its most significant bit set"),
        (frame(0x88, b"\x03"), "Received Close frame with one byte of payload"),
        (frame(0x88, b"\x03\xed"), "Received Close frame with invalid code 1005"),
        (frame(0x88, b"\x00\x01"), "Received Close frame with invalid code 1"),
        (frame(0x88, b"\x13\x88"), "Received Close frame with invalid code 5000"),
    ] {
        check(&world, &bytes, 1002, reason);
    }
}

#[test]
fn text_that_is_not_utf8_closes_its_socket_with_1007() {
    let world = World::new();
    for bytes in [
        frame(0x81, b"\xff"),
        frame(0x81, b"log \xe2\x82"),
        [frame(0x01, b"log \xe2\x82"), frame(0x80, b"x")].concat(),
        frame(0x81, b"\xed\xa0\x80"),
    ] {
        check(&world, &bytes, 1007, "Text message is not valid UTF-8");
    }
    check(&world, &frame(0x88, b"\x03\xe8\xff"), 1007, "Close reason is not valid UTF-8");
}

#[test]
fn a_message_over_the_limit_closes_its_socket_with_1009() {
    let world = World::with(|server| server.message_len_max(100));
    let whole = frame(0x82, &[0; 101]);
    check(&world, &whole, 1009, "Message is too large: 101 > 100");
    // The header alone shows it.
    check(&world, &whole[..2], 1009, "Message is too large: 101 > 100");
    let parts = [frame(0x02, &[0; 60]), frame(0x80, &[0; 60])].concat();
    check(&world, &parts, 1009, "Message is too large: 120 > 100");
    let huge = [0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0];
    check(&world, &huge, 1009, "Message is too large: 4294967296 > 100");
}

#[test]
fn a_message_at_the_limit_passes_whole_or_in_parts() {
    let world = World::with(|server| server.message_len_max(100));
    let mut http = raw(&world);
    http.write(frame(0x82, &[7; 100]));
    http.write([frame(0x02, &[7; 60]), frame(0x80, &[7; 40])].concat());
    let mut socket = http.into_socket();
    for _ in 0..2 {
        assert_eq!(socket.0.read().unwrap(), tungstenite::Message::binary(vec![7; 100]));
    }
}

#[test]
fn messages_before_the_broken_frame_are_delivered() {
    let world = World::new();
    let mut http = raw(&world);
    http.write([frame(0x81, b"log one"), frame(0x81, b"log two"), frame(0x83, b"")].concat());
    assert_eq!(world.wait_for("error Unknown opcode 3"), ["start", "one", "two"]);
    assert_eq!(http.into_socket().closed(), "1002 Unknown opcode 3");
}

#[test]
fn nothing_after_the_broken_frame_is_heard() {
    let world = World::new();
    let mut http = raw(&world);
    http.write([frame(0x83, b""), frame(0x81, b"log late"), frame(0x88, b"\x03\xe8")].concat());
    let mut socket = http.into_socket();
    assert_eq!(socket.closed(), "1002 Unknown opcode 3");
    socket.ended();
    drop(socket);
    assert_eq!(world.get("/x/next").text(), "next?");
    assert_eq!(world.reported(), ["start", "error Unknown opcode 3"]);
}

#[test]
fn nothing_after_the_clients_close_is_heard() {
    let world = World::new();
    let mut http = raw(&world);
    http.write([frame(0x88, b"\x0f\xa1bye"), frame(0x81, b"log late"), frame(0x88, b"\x03\xe8")].concat());
    let mut socket = http.into_socket();
    assert_eq!(socket.closed(), "4001 bye");
    assert_eq!(world.wait_for("close 4001 bye true"), ["start"]);
    assert_eq!(world.get("/x/next").text(), "next?");
    assert_eq!(world.reported(), Vec::<String>::new());
}

#[test]
fn a_message_in_many_frames_with_pings_between_is_one_message() {
    let world = World::new();
    let mut http = raw(&world);
    let mut bytes = frame(0x01, b"log ");
    for letter in "\u{20ac}uro".as_bytes() {
        bytes.extend(frame(0x00, &[*letter]));
        bytes.extend(frame(0x89, b"p"));
    }
    bytes.extend(frame(0x80, b""));
    // Byte by byte, as a slow network would have it.
    bytes.iter().for_each(|byte| http.write([*byte]));
    assert_eq!(world.wait_for("\u{20ac}uro"), ["start"]);
    let mut socket = http.into_socket();
    for _ in 0.."\u{20ac}uro".len() {
        assert_eq!(socket.0.read().unwrap(), tungstenite::Message::Pong("p".into()));
    }
}
