//! A server over TLS: requests and sockets as without, and certificates that change.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use dormouse_server::{Error, Server};
use tungstenite::{Message, WebSocket};

use crate::certificate::{Certificate, Secure};
use crate::client::{frame, handshake};
use crate::guest::{PATIENCE, application};
use crate::world::World;

/// Objects that live on either shard: their connections move to another thread, or do not.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn secure_world() -> (Certificate, World) {
    let certificate = Certificate::new();
    let world = World::with(|server| certificate.serve(server));
    (certificate, world)
}

fn ask(socket: &mut WebSocket<Secure>, text: &str) -> String {
    socket.send(Message::text(text)).unwrap();
    hear(socket)
}

fn hear(socket: &mut WebSocket<Secure>) -> String {
    socket.read().unwrap().into_text().unwrap().to_string()
}

/// What comes until the server has ended the connection in order; without that it is an error.
fn rest(stream: &mut Secure) -> std::io::Result<String> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn a_request_is_answered_and_user_code_sees_https() {
    let (certificate, world) = secure_world();
    for protocols in [&["http/1.1"][..], &[]] {
        let mut stream = certificate.connect(&world, protocols).unwrap();
        stream.write_all(b"GET /x/head?a HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n").unwrap();
        let response = rest(&mut stream).unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(response.contains("GET https://example.com/x/head?a "), "{response}");
    }
}

#[test]
fn the_protocol_is_agreed_on() {
    let (certificate, world) = secure_world();
    for (offers, agreed) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let stream = certificate.connect(&world, offers).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), agreed.map(str::as_bytes), "{offers:?}");
    }
    let error = certificate.connect(&world, &["http/1.0"]).unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn sockets_of_objects_on_any_shard_talk() {
    let (certificate, world) = secure_world();
    for name in NAMES {
        let mut socket = certificate.open(&world, &format!("/{name}/socket?tag"));
        assert_eq!(ask(&mut socket, "who"), r#"b"tag" ["tag"] 1"#);
        let large: Vec<u8> = (0..4 << 20).map(|at| (at % 251) as u8).collect();
        socket.send(Message::binary(large.clone())).unwrap();
        assert!(socket.read().unwrap().into_data() == large, "a large message came back as another one");
        // Its end is an end in order, and the object hears the code.
        socket.close(Some(tungstenite::protocol::CloseFrame { code: 4000.into(), reason: "bye".into() })).unwrap();
        while socket.read().is_ok() {}
        assert_eq!(rest(socket.get_mut()).unwrap(), "");
        world.wait_for("close 4000 bye true");
    }
}

#[test]
fn frames_that_come_with_the_handshake_are_not_lost() {
    let (certificate, world) = secure_world();
    for name in NAMES {
        let mut stream = certificate.connect(&world, &["http/1.1"]).unwrap();
        let mut packet = handshake(&format!("/{name}/socket?early"), &[]).into_bytes();
        packet.extend(["log one", "log two"].iter().flat_map(|text| frame(0x81, text.as_bytes())));
        packet.extend(&frame(0x81, b"log three")[..9]);
        stream.write_all(&packet).unwrap();
        world.wait_for("two");
        stream.write_all(&frame(0x81, b"log three")[9..]).unwrap();
        world.wait_for("three");
    }
}

#[test]
fn a_client_that_does_not_read_is_closed_and_the_others_get_everything() {
    let certificate = Certificate::new();
    let world = World::with(|server| certificate.serve(server).send_queue_bytes_max(1 << 20));
    let [mut slow, mut fast, mut source] = ["slow", "fast", "a"].map(|tag| {
        let mut socket = certificate.open(&world, &format!("/x/socket?{tag}"));
        ask(&mut socket, "who");
        socket
    });
    world.wait_for("start");
    let mut sent = 0;
    while world.reported().is_empty() {
        assert!(sent < 1_000, "a client that never reads is never closed");
        source.send(Message::text("flood 65536")).unwrap();
        assert_eq!(fast.read().unwrap().len(), 65_536);
        sent += 1;
    }
    assert!(sent > 16, "what waits is bounded by the limit and not by less");
    let close = loop {
        match slow.read().unwrap() {
            Message::Binary(_) => {}
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 1013);
    source.send(Message::text("still here")).unwrap();
    assert_eq!(hear(&mut fast), "still here");
}

#[test]
fn what_speaks_no_tls_is_turned_away_and_harms_nobody() {
    let (certificate, world) = secure_world();
    let mut http = world.connect();
    http.write("GET /x/hello HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(http.is_over());
    assert_eq!(ask(&mut certificate.open(&world, "/x"), "who"), r#"b"" [] 1"#);
}

#[test]
fn a_handshake_that_is_not_made_is_cut() {
    let certificate = Certificate::new();
    let world = World::with(|server| certificate.serve(server).head_timeout(Duration::from_millis(100)));
    assert!(world.connect().is_over(), "one that never begins");
    let mut http = world.connect();
    http.write([0x16, 3, 1, 0]);
    assert!(http.is_over(), "one that never ends");
}

#[test]
fn a_certificate_that_is_replaced_is_given_to_new_connections_and_the_old_ones_go_on() {
    let mut certificate = Certificate::new();
    let world = World::with(|server| certificate.serve(server).tls_look_interval(Duration::from_millis(5)));
    let mut socket = certificate.open(&world, "/x");
    assert_eq!(ask(&mut socket, "who"), r#"b"" [] 1"#);
    let old = certificate.renew();
    let deadline = Instant::now() + PATIENCE;
    // Until the new one is there, the old one is what a client gets, which does not trust it any more.
    let fresh = loop {
        match certificate.connect(&world, &["http/1.1"]) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "the new certificate never comes: {error}"),
        }
    };
    let given = fresh.conn.peer_certificates().unwrap();
    assert!(given == [certificate.der().clone()] && given != [old]);
    assert_eq!(ask(&mut socket, "who"), r#"b"" [] 1"#);
}

#[test]
fn a_server_without_a_certificate_that_can_be_used_does_not_start() {
    let certificate = Certificate::new();
    let (good, missing) = (certificate.path("cert.pem"), certificate.path("missing.pem"));
    let error = Server::builder().listen("127.0.0.1:0").tls(&good, &missing).start(application().0).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot use `{}` for TLS: it cannot be read", missing.display())));
    let Error::Tls { path, .. } = error else { panic!("{error:?}") };
    assert_eq!(path, missing);
    let error = Server::builder().listen("127.0.0.1:0").tls(&good, &good).start(application().0).unwrap_err();
    assert!(error.to_string().contains("there is no `-----BEGIN PRIVATE KEY-----` in it"), "{error}");
}

#[test]
fn a_stopping_server_closes_sockets_with_1001() {
    let certificate = Certificate::new();
    let mut world = World::with(|server| certificate.serve(server).stop_grace(PATIENCE));
    let mut sockets: Vec<_> = NAMES.iter().map(|name| certificate.open(&world, &format!("/{name}/socket"))).collect();
    for socket in &mut sockets {
        ask(socket, "who");
    }
    // Nor is the server held up by a client in the middle of its handshake.
    let unfinished = world.connect();
    let stopper = world.stop_aside();
    for socket in &mut sockets {
        let Message::Close(Some(close)) = socket.read().unwrap() else { panic!("no close") };
        assert_eq!(u16::from(close.code), 1001);
        while socket.read().is_ok() {}
        assert_eq!(rest(socket.get_mut()).unwrap(), "");
    }
    stopper.join().unwrap();
    drop(unfinished);
}
