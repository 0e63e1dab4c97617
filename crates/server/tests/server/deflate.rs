//! Compressed messages (RFC 7692), as bytes: what is agreed on, what passes, what is refused.

use std::io::Read;
use std::time::Duration;

use dormouse_server::{Builder, Compression};
use flate2::{Compress, Decompress, FlushCompress, FlushDecompress};

use crate::client::{Http, frame, handshake};
use crate::world::World;

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const NO_CONTEXT: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// A client that compresses.
struct Client {
    http: Http,
    deflate: Compress,
    inflate: Decompress,
    /// Whether messages refer to earlier ones.
    keeps_context: bool,
}

/// The bytes of one frame from the server.
#[derive(Debug, PartialEq)]
struct Frame {
    first: u8,
    payload: Vec<u8>,
}

impl Client {
    /// A socket of the object `x` for one who offers this, and gets this answer.
    #[track_caller]
    fn open(world: &World, path: &str, offer: &str, answer: &str) -> Self {
        let mut http = world.connect();
        http.write(handshake(path, &[("Sec-WebSocket-Extensions", offer)]));
        let response = http.head();
        assert_eq!(response.status, 101);
        assert_eq!(response.header("sec-websocket-extensions"), Some(answer).filter(|answer| !answer.is_empty()));
        let level = flate2::Compression::new(6);
        let inflate = Decompress::new(false);
        Self { http, deflate: Compress::new(level, false), inflate, keeps_context: !answer.contains("no_context") }
    }

    fn deflated(&mut self, message: &[u8]) -> Vec<u8> {
        if !self.keeps_context {
            self.deflate.reset();
        }
        let mut out = Vec::with_capacity(message.len() + message.len() / 8 + 100);
        self.deflate.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - 4);
        out
    }

    fn say(&mut self, first: u8, message: &[u8]) {
        let data = self.deflated(message);
        self.http.write(frame(first, &data));
    }

    fn frame(&mut self) -> Frame {
        let [first, second] = self.take();
        let len = match second {
            126 => u64::from(u16::from_be_bytes(self.take())),
            127 => u64::from_be_bytes(self.take()),
            len => u64::from(len),
        };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.http.reader().read_exact(&mut payload).unwrap();
        Frame { first, payload }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.http.reader().read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The next message and the length that it had on the wire.
    fn hear(&mut self) -> (Vec<u8>, usize) {
        let Frame { first, payload } = self.frame();
        if first & 0x40 == 0 {
            return (payload.clone(), payload.len());
        }
        assert!(matches!(first, 0xc1 | 0xc2), "{first:x}");
        if !self.keeps_context {
            self.inflate.reset(false);
        }
        let mut out = Vec::with_capacity(1 << 20);
        let data = [&payload[..], &TAIL].concat();
        self.inflate.decompress_vec(&data, &mut out, FlushDecompress::Sync).unwrap();
        assert!(out.len() < out.capacity());
        (out, payload.len())
    }

    fn hear_text(&mut self) -> String {
        String::from_utf8(self.hear().0).unwrap()
    }

    /// The Close frame that comes next, as `code reason`, and after it the end.
    fn closed(&mut self) -> String {
        let Frame { first, payload } = self.frame();
        assert_eq!(first, 0x88, "{payload:?}");
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        let close = format!("{code} {}", String::from_utf8_lossy(&payload[2..]));
        assert!(self.http.is_over());
        close
    }
}

fn compressing(compression: Compression) -> impl FnOnce(Builder) -> Builder {
    move |server| server.compression(compression)
}

/// Words, some of them the same.
fn prose(len: usize) -> String {
    let words = (0_u64..).map(|i| format!("word{} ", i * i % 97));
    let mut text = String::new();
    words
        .take_while(|word| {
            text.push_str(word);
            text.len() < len
        })
        .for_each(drop);
    text.truncate(len);
    text
}

#[test]
fn messages_pass_compressed_both_ways() {
    let world = World::new();
    for (offer, answer) in [
        ("permessage-deflate; client_max_window_bits", NO_CONTEXT.to_owned()),
        ("permessage-deflate; server_max_window_bits=9", format!("{NO_CONTEXT}; server_max_window_bits=9")),
    ] {
        let mut client = Client::open(&world, "/x", offer, &answer);
        for len in [0, 1, 100, 255, 256, 1000, 70_000, 500_000] {
            let text = prose(len);
            for _ in 0..2 {
                client.say(0xc2, text.as_bytes());
                let (echo, len_on_wire) = client.hear();
                assert!(echo == text.as_bytes(), "{len}");
                // What is short is not worth it.
                assert!(
                    if len < 256 { len_on_wire == len } else { len_on_wire * 10 < len * 9 },
                    "{len_on_wire} of {len}"
                );
            }
        }
        client.say(0xc1, b"who");
        assert_eq!(client.hear_text(), r#"b"" [] 1"#);
        // Nobody has to compress, and what cannot be is not.
        let mut noise = vec![0; 1000];
        fill_with_noise(&mut noise);
        client.http.write(frame(0x82, &noise));
        assert_eq!(client.frame(), Frame { first: 0x82, payload: noise });
    }
}

fn fill_with_noise(bytes: &mut [u8]) {
    let mut state = 7_u32;
    for byte in bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
}

#[test]
fn with_context_messages_refer_to_earlier_ones() {
    let world =
        World::with(|server| server.compression(Compression::Streams).hibernate_after(Duration::from_millis(20)));
    for (offer, answer) in [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"),
    ] {
        let mut client = Client::open(&world, "/x", offer, answer);
        let line = |number: usize| format!(r#"{{"type":"message","from":"alice","number":{number},"text":"hello"}}"#);
        let mut lens = Vec::new();
        for number in 0..200 {
            client.say(0xc2, line(number).as_bytes());
            let (echo, len) = client.hear();
            assert_eq!(String::from_utf8(echo).unwrap(), line(number));
            lens.push(len);
            if number == 100 {
                // What they refer to outlives the object's memory.
                world.all_asleep();
            }
        }
        assert!(lens[1..].iter().all(|len| *len < 30), "{lens:?}");
        for len in [100_000, 10, 40_000, 300] {
            client.say(0xc2, prose(len).as_bytes());
            assert!(client.hear().0 == prose(len).as_bytes());
            client.say(0xc2, line(len).as_bytes());
            assert!(client.hear().0 == line(len).as_bytes());
        }
    }
}

#[test]
fn a_client_can_be_asked_for_a_small_window_and_keep_its_context_to_itself() {
    let world = World::with(compressing(Compression::Streams));
    let offer = "permessage-deflate; client_max_window_bits; server_no_context_takeover";
    let answer = "permessage-deflate; server_no_context_takeover; client_max_window_bits=12";
    let mut client = Client::open(&world, "/x", offer, answer);
    client.deflate = Compress::new_with_window_bits(flate2::Compression::new(6), false, 12);
    for len in [3000, 10_000, 3000, 100] {
        // Ours do not refer to earlier messages, theirs do.
        client.keeps_context = true;
        client.say(0xc2, prose(len).as_bytes());
        client.keeps_context = false;
        assert!(client.hear().0 == prose(len).as_bytes());
    }
}

#[test]
fn without_an_agreement_nothing_is_compressed() {
    let off = World::with(compressing(Compression::Off));
    let on = World::new();
    for (world, offer) in [(&off, "permessage-deflate"), (&on, "x-other"), (&on, "permessage-deflate; x")] {
        let mut client = Client::open(world, "/x", offer, "");
        client.http.write(frame(0x82, prose(1000).as_bytes()));
        assert_eq!(client.frame(), Frame { first: 0x82, payload: prose(1000).into_bytes() });
        client.say(0xc2, b"hello");
        let reason = "Received frame had RSV bit 1 set, but no compression was negotiated";
        assert_eq!(client.closed(), format!("1002 {reason}"));
    }
}

#[test]
fn everybody_gets_a_broadcast_in_a_form_that_they_can_read() {
    let world = World::new();
    let bits = |bits: u8| {
        let bits = format!("; server_max_window_bits={bits}");
        Client::open(&world, "/x", &format!("permessage-deflate{bits}"), &format!("{NO_CONTEXT}{bits}"))
    };
    let mut plain = world.client("x", "plain");
    let mut clients = [bits(9), bits(12), bits(15), bits(9), bits(15)];
    clients.iter_mut().for_each(|client| {
        client.say(0xc1, b"who");
        client.hear();
    });
    let mut source = world.client("x", "source");
    for text in [prose(2000), "short".to_owned(), prose(70_000)] {
        source.say(&text);
        assert_eq!(plain.hear(), text);
        let frames: Vec<Frame> = clients.iter_mut().map(Client::frame).collect();
        // The same bytes for the same window, and not one frame for all.
        assert_eq!((&frames[0], &frames[2]), (&frames[3], &frames[4]));
        assert_eq!(frames[0] == frames[1], text == "short");
        for (client, frame) in clients.iter_mut().zip(frames) {
            assert_eq!(frame.first, if text == "short" { 0x81 } else { 0xc1 });
            if frame.first == 0xc1 {
                client.inflate.reset(false);
                let mut out = Vec::with_capacity(100_000);
                let data = [&frame.payload[..], &TAIL].concat();
                client.inflate.decompress_vec(&data, &mut out, FlushDecompress::Sync).unwrap();
                assert!(out == text.as_bytes());
            }
        }
    }
}

#[test]
fn a_compressed_message_in_many_frames_with_pings_between_is_one_message() {
    let world = World::new();
    let mut client = Client::open(&world, "/x", "permessage-deflate", NO_CONTEXT);
    let text = "log \u{20ac}uro";
    let data = client.deflated(text.as_bytes());
    let mut bytes = frame(0x41, b"");
    for byte in data {
        bytes.extend(frame(0x00, &[byte]));
        bytes.extend(frame(0x89, b"p"));
    }
    bytes.extend(frame(0x80, b""));
    bytes.iter().for_each(|byte| client.http.write([*byte]));
    assert_eq!(world.wait_for("\u{20ac}uro"), ["start"]);
    assert_eq!(client.frame(), Frame { first: 0x8a, payload: b"p".into() }, "a control frame is never compressed");
}

#[test]
fn an_auto_response_is_compared_with_what_was_compressed() {
    let world = World::new();
    assert_eq!(world.get("/x/auto").text(), "set");
    let mut client = Client::open(&world, "/x", "permessage-deflate", NO_CONTEXT);
    client.say(0xc1, b"marco");
    assert_eq!(client.hear_text(), "polo");
}

/// Sends `bytes` on a fresh socket: the client must see this Close and then the end, the object one error with
/// the same text, and a socket beside it nothing.
fn check(world: &World, bytes: &[u8], close: &str) {
    let mut other = world.client("x", "other");
    let mut client = Client::open(world, "/x", "permessage-deflate", NO_CONTEXT);
    client.say(0xc1, b"log here");
    world.wait_for("here");
    client.http.write([bytes, &frame(0x81, b"log late")].concat());
    assert_eq!(client.closed(), close, "{bytes:x?}");
    let reason = close.split_once(' ').unwrap().1;
    assert_eq!(world.next(), format!("error {reason}"));
    assert_eq!(other.ask("who"), r#"b"other" ["other"] 1"#);
    assert_eq!(world.reported(), Vec::<String>::new());
    other.close(1000, "");
    assert_eq!(world.next(), "close 1000  true");
}

#[test]
fn what_breaks_the_protocol_closes_its_socket() {
    let world = World::with(|server| server.message_len_max(100_000));
    let misplaced = "1002 Received frame had RSV bit 1 set, but does not begin a message";
    check(&world, &frame(0xc9, b""), misplaced);
    check(&world, &frame(0xc8, b""), misplaced);
    check(&world, &[frame(0x41, b"a"), frame(0xc0, b"b")].concat(), misplaced);
    check(&world, &[frame(0x01, b"a"), frame(0xc0, b"b")].concat(), misplaced);
    let broken = "1007 Compressed message is not valid DEFLATE data";
    check(&world, &frame(0xc1, b"\xff\xff\xff\xff"), broken);
    check(&world, &[frame(0x42, b"\xf2\x48"), frame(0x80, b"\xcd")].concat(), broken);
    // It may not refer to an earlier message.
    check(&world, &frame(0xc1, b"\xf2\x00\x11\x00\x00"), broken);
    check(&world, &frame(0xc1, b"\x00\x01\x00\xfe\xff\xff\x00"), "1007 Text message is not valid UTF-8");
}

#[test]
fn a_message_that_becomes_too_long_closes_its_socket_with_1009() {
    let world = World::with(|server| server.message_len_max(100_000));
    let mut client = Client::open(&world, "/y", "permessage-deflate", NO_CONTEXT);
    let full = vec![7; 100_000];
    client.say(0xc2, &full);
    assert!(client.hear().0 == full);
    // The longest that passes need not be one that gets shorter.
    let mut noise = full;
    fill_with_noise(&mut noise);
    client.say(0xc2, &noise);
    assert!(client.hear().0 == noise);

    let too_large = "1009 Message is too large: more than 100000 when decompressed";
    let over = client.deflated(&[7; 100_001]);
    check(&world, &frame(0xc2, &over), too_large);
    // 100 KB that would be 100 MB.
    let bomb = client.deflated(&vec![0; 100 << 20]);
    check(&world, &frame(0xc1, &bomb), too_large);
    let (head, tail) = bomb.split_at(5000);
    check(&world, &[frame(0x41, head), frame(0x00, b""), frame(0x80, tail)].concat(), too_large);
    // What is too long even for one that did not get shorter is refused unseen.
    let reason = "1009 Message is too large: 114127 > 114126";
    check(&world, &frame(0xc2, &[0; 114_127])[..10], reason);
}
