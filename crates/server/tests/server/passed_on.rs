//! Sockets of servers outside that are passed on to a client: nobody reads them on the way.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use dormouse_server::Compression;
use tungstenite::Message;

use crate::client::{frame, handshake};
use crate::far::Far;
use crate::outgoing::{deflate, inflate};
#[cfg(target_os = "linux")]
use crate::sockets::asks_after;
use crate::world::World;

/// Each message by itself, both ways.
const MESSAGES: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// As long as it takes to be sure that something does not move.
const STUCK: Duration = Duration::from_millis(300);

/// More than all buffers on the way hold.
const MUCH: usize = 64 << 20;

#[test]
fn a_client_talks_to_the_far_server() {
    let (near, far) = (World::new(), World::new());
    let mut other = far.client("y", "other");
    let mut client = near.open(&format!("/x/pass?http://{}/y/socket?far", far.address()));
    client.say("to all");
    assert_eq!(other.hear(), "to all");
    other.say("back to you");
    assert_eq!(client.hear(), "back to you");
    for len in [126, 70_000, 5 << 20] {
        let message = Message::binary(vec![b'x'; len]);
        client.0.send(message.clone()).unwrap();
        assert_eq!(client.0.read().unwrap(), message);
    }
    client.close(4999, "so long");
    assert_eq!(client.closed(), "4999 so long");
    client.ended();
    far.wait_for("close 4999 so long true");
}

#[test]
fn frames_pass_as_they_are() {
    let (world, far) = (World::new(), Far::agreeing(b"\x81\x05early"));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    assert_eq!(client.hear(), "early");
    let mut taken = far.take();
    let ping = frame(0x89, b"are you there");
    client.stream().write_all(&ping).unwrap();
    let mut came = vec![0; ping.len()];
    taken.stream.read_exact(&mut came).unwrap();
    assert_eq!(came, ping, "masked as the client has done it");
    assert_eq!(taken.header("sec-websocket-extensions"), None);
    drop(taken);
    assert!(client.0.read().is_err(), "no Close frame is made up");
}

#[test]
fn what_a_client_sends_with_its_handshake_is_passed_on() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut http = world.connect();
    let handshake = handshake(&format!("/x/pass?{}", far.url()), &[]);
    http.write([handshake.as_bytes(), &frame(0x81, b"hasty")].concat());
    assert_eq!(http.head().status, 101);
    assert_eq!(far.take().frame(), (0x81, b"hasty".to_vec()));
}

#[test]
fn nothing_is_compressed_unless_both_sides_agree() {
    let offer = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    // The request to the server outside says nothing of it, or the server does not want it.
    for what in ["pass", "forward"] {
        let (world, far) = (World::new(), Far::agreeing(b""));
        let mut http = world.connect();
        http.write(handshake(&format!("/x/{what}?{}", far.url()), &offer));
        let head = http.head();
        assert_eq!((head.status, head.header("sec-websocket-extensions")), (101, None), "{what}");
    }
    // The client does not want it, and what is compressed cannot be undone.
    let (world, far) = (World::new(), Far::new(|taken| taken.agree_to(MESSAGES, b"")));
    let mut http = world.connect();
    http.write(handshake(&format!("/x/pass-compressed?{}", far.url()), &[]));
    assert_eq!(http.response().status, 500);
    assert_eq!(far.take().ended(), 0);
}

#[test]
fn what_both_sides_agree_on_passes_compressed() {
    let small = "permessage-deflate; server_max_window_bits=10";
    let no_client = "permessage-deflate; client_no_context_takeover";
    for (compression, offer, asked, answer, told) in [
        (Compression::Messages, "permessage-deflate; client_max_window_bits", MESSAGES, MESSAGES, MESSAGES),
        (Compression::Messages, small, &format!("{MESSAGES}; server_max_window_bits=10"), "", ""),
        (Compression::Streams, "permessage-deflate", "permessage-deflate", no_client, no_client),
        (Compression::Streams, small, small, small, small),
        (Compression::Off, "permessage-deflate", "", "", ""),
    ] {
        let world = World::with(|server| server.compression(compression));
        let answer = answer.to_owned();
        let far = Far::new(move |taken| taken.agree_to(&answer, b""));
        let mut http = world.connect();
        let offers = [("Sec-WebSocket-Extensions", offer)];
        http.write(handshake(&format!("/x/forward?{}", far.url()), &offers));
        let head = http.head();
        assert_eq!((head.status, head.header("sec-websocket-extensions").unwrap_or_default()), (101, told), "{offer}");
        let mut taken = far.take();
        assert_eq!(taken.header("sec-websocket-extensions").unwrap_or_default(), asked, "{offer}");
        let compressed = deflate(b"hello");
        http.write(frame(0xc1, &compressed));
        assert_eq!(taken.frame(), (0xc1, compressed), "as it is");
    }
}

#[test]
fn a_client_talks_compressed_to_the_far_server() {
    let (near, far) = (World::new(), World::new());
    let mut http = near.connect();
    let offer = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    http.write(handshake(&format!("/x/forward?http://{}/y/socket?far", far.address()), &offer));
    assert_eq!(http.head().header("sec-websocket-extensions"), Some(MESSAGES));
    // Bytes come back.
    http.write(frame(0xc2, &deflate(&[b'x'; 300])));
    let mut head = [0; 2];
    http.stream().read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0xc2, "compressed bytes");
    let mut payload = vec![0; usize::from(head[1])];
    http.stream().read_exact(&mut payload).unwrap();
    assert_eq!(inflate(&payload), [b'x'; 300]);
}

#[test]
fn each_side_hears_when_the_other_one_vanishes() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    drop(client);
    assert_eq!(taken.ended(), 0);

    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    drop(far.take());
    assert_eq!(client.stream().read(&mut [0; 8]).unwrap_or(0), 0);
}

#[test]
fn what_was_sent_before_the_end_arrives() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    taken.stream.write_all(b"\x81\x02hi\x88\x02\x0f\xa0").unwrap();
    taken.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.hear(), "hi");
    assert_eq!(client.closed(), "4000 ");
    assert_eq!(client.stream().read(&mut [0; 8]).unwrap(), 0, "no more comes");
    client.stream().write_all(&frame(0x88, b"\x0f\xa0")).unwrap();
    assert_eq!(taken.frame(), (0x88, b"\x0f\xa0".to_vec()), "the other direction still goes");
    drop(client);
    assert_eq!(taken.ended(), 0);
}

#[test]
fn a_side_that_does_not_read_holds_the_other_one_up() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    for is_back in [true, false] {
        let (from, to) = match is_back {
            true => (&mut taken.stream, client.stream()),
            false => (client.stream(), &mut taken.stream),
        };
        from.set_write_timeout(Some(STUCK)).unwrap();
        let mut written = 0;
        let stuck = loop {
            match from.write(&[7; 65_536]) {
                Ok(len) if written < MUCH => written += len,
                other => break other.map_err(|error| error.kind()),
            }
        };
        assert_eq!(stuck, Err(ErrorKind::WouldBlock), "{written} bytes were taken that nobody reads");
        let mut all = vec![0; written];
        to.read_exact(&mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == 7));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_kernel_asks_after_both_sides() {
    let (world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    asks_after(client.stream());
    asks_after(&far.take().stream);
}

/// What a server that stops says to both sides.
const STOPPED: &[u8] = b"\x03\xe9The server is shutting down.";

#[test]
fn a_server_that_stops_says_so_to_both_sides() {
    let (mut world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    client.say("before");
    assert_eq!(taken.frame(), (0x81, b"before".to_vec()));
    let stopper = world.stop_aside();
    assert_eq!(taken.frame(), (0x88, STOPPED.to_vec()));
    assert_eq!(client.closed(), "1001 The server is shutting down.");
    client.ended();
    assert_eq!(taken.ended(), 0, "the client's answer is not passed on");
    drop(taken);
    stopper.join().unwrap();
}

#[test]
fn a_frame_that_is_under_way_when_a_server_stops_comes_to_its_end_first() {
    let (mut world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    let message = frame(0x81, b"in two parts");
    client.stream().write_all(&message[..9]).unwrap();
    let mut begun = [0; 9];
    taken.stream.read_exact(&mut begun).unwrap();
    assert_eq!(begun, message[..9]);
    let stopper = world.stop_aside();
    assert_eq!(client.closed(), "1001 The server is shutting down.");
    // What comes after the frame does not go on.
    client.stream().write_all(&[&message[9..], &frame(0x81, b"too late")].concat()).unwrap();
    let mut rest = vec![0; message.len() - 9];
    taken.stream.read_exact(&mut rest).unwrap();
    assert_eq!(rest, message[9..]);
    assert_eq!(taken.frame(), (0x88, STOPPED.to_vec()));
    assert_eq!(taken.ended(), 0);
    drop((taken, client));
    stopper.join().unwrap();
}

#[test]
fn a_frame_that_never_ends_does_not_keep_a_server_from_stopping() {
    let (mut world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    client.stream().write_all(&frame(0x81, b"in two parts")[..9]).unwrap();
    taken.stream.read_exact(&mut [0; 9]).unwrap();
    world.server.take().unwrap().stop();
    assert_eq!(taken.ended(), 0, "nothing is said within a frame");
}

#[test]
fn no_close_frame_is_followed_by_another_one() {
    let (mut world, far) = (World::new(), Far::agreeing(b""));
    let mut client = world.open(&format!("/x/pass?{}", far.url()));
    let mut taken = far.take();
    taken.stream.write_all(b"\x88\x02\x0f\xa0").unwrap();
    let mut heard = vec![0; 4];
    client.stream().read_exact(&mut heard).unwrap();
    let stopper = world.stop_aside();
    // The client has not answered, so the other direction is told.
    assert_eq!(taken.frame(), (0x88, STOPPED.to_vec()));
    drop(taken);
    client.stream().read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"\x88\x02\x0f\xa0");
    drop(client);
    stopper.join().unwrap();
}
