//! HTTP/2: requests, and many sockets on one connection.

use std::time::Duration;

use dormouse_server::limits::{HEAD_LEN_MAX, HTTP2_CANCELLED_MAX, HTTP2_STREAM_WINDOW, HTTP2_STREAMS_MAX};
use h2::ext::Protocol;
use h2::{Reason, client};
use http::Method;

use crate::certificate::Certificate;
use crate::guest::{PATIENCE, in_time};
use crate::multiplex::{Asked, Client, Socket, with_key};
use crate::world::{HOUR, World};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const VANISHED: &str = "close 1006 WebSocket disconnected without sending Close frame. false";

#[test]
fn both_versions_are_spoken_with_and_without_tls() {
    let world = World::new();
    assert_eq!(Client::connect(&world).get("/x/hello").text, "hello?");
    assert_eq!(world.get("/x/hello").text(), "hello?");
    let certificate = Certificate::new();
    let world = World::with(|server| certificate.serve(server));
    let mut client = Client::connect_secure(&world, &certificate);
    assert_eq!(client.get("/x/hello").text, "hello?");
    assert_eq!(client.open("/x/socket?tag").ask("who"), r#"b"tag" ["tag"] 1"#);
}

#[test]
fn a_preface_that_comes_bit_by_bit_is_one_and_a_method_that_begins_like_it_is_none() {
    let world = World::new();
    let mut http = world.connect();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        http.write([*byte]);
    }
    http.write([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let mut head = [0; 9];
    std::io::Read::read_exact(http.reader(), &mut head).unwrap();
    assert_eq!(head[3..5], [4, 0], "settings are the first that a server says: {head:?}");
    for method in ["PROPFIND", "PR", "PRI"] {
        let mut http = world.connect();
        http.write(format!("{method} /x/head HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert!(http.response().text().starts_with(&format!("{method} http://test/x/head ")));
    }
}

#[test]
fn user_code_sees_of_a_request_what_it_sees_of_one_of_http_1() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let request = client.request("/x/head?a=b").header("cookie", "a=1").header("cookie", "b=2");
    let text = client.ask(request.header("cf-connecting-ip", "1.2.3.4"), b"").unwrap().text;
    assert!(text.starts_with("GET http://test/x/head?a=b "), "{text}");
    for header in [r#""host": "test""#, r#""cookie": "a=1; b=2""#, r#""cf-connecting-ip": "127.0.0.1""#] {
        assert!(text.contains(header), "{header} in {text}");
    }
    assert!(!text.contains("1.2.3.4"), "{text}");
}

#[test]
fn a_handshake_looks_to_user_code_like_an_upgrade() {
    let world = World::new();
    let mut client = Client::connect(&world);
    assert!(client.allows_sockets());
    // Whoever answers it with something else than a socket refuses it.
    let refused = client.ask(client.handshake("/x/status?403"), b"").unwrap();
    assert_eq!((refused.status.as_u16(), &*refused.text), (403, ""));
    let answered = client.ask(client.handshake("/x/head"), b"").unwrap();
    assert_eq!(answered.status, 400, "a success would open the socket");
    assert_eq!(answered.text, "this WebSocket handshake was answered with 200 and without a WebSocket\n");
    // The object echoes the head of the handshake on a connection that is open already.
    let mut socket = client.open_with(with_key(client.handshake("/x/shown")).header("x-mine", "kept"));
    let head = socket.hear();
    assert!(head.starts_with("GET http://test/x/shown "), "{head}");
    for header in [r#""upgrade": "websocket""#, r#""connection": "Upgrade""#, r#""x-mine": "kept""#] {
        assert!(head.contains(header), "{header} in {head}");
    }
    for name in ["sec-websocket-accept", "upgrade", "connection", "content-length", "sec-websocket-extensions"] {
        assert!(!socket.headers.contains_key(name), "{name}");
    }
}

#[test]
fn a_handshake_that_breaks_the_rules_is_refused_and_reaches_no_object() {
    let world = World::new();
    let mut client = Client::connect(&world);
    assert_eq!(world.reported(), ["start"]);
    let connect = |client: &Client, protocol| {
        let request = client.request("/y").method(Method::CONNECT);
        request.extension(Protocol::from_static(protocol)).header("sec-websocket-version", "8")
    };
    let response = client.ask(connect(&client, "websocket"), b"").unwrap();
    assert_eq!((response.status.as_u16(), &response.headers["sec-websocket-version"]), (426, &"13".parse().unwrap()));
    let response = client.ask(connect(&client, "connect-udp"), b"").unwrap();
    assert_eq!(response.status, 501);
    let tunnel = http::Request::builder().method(Method::CONNECT).uri("elsewhere:443");
    assert_eq!(client.ask(tunnel, b"").unwrap().status, 501);
    let mut http = world.connect();
    http.write("CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n");
    assert_eq!(http.response().status, 501);
    assert_eq!(world.reported(), Vec::<String>::new());
}

#[test]
fn compression_is_agreed_on_and_used() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let mut sockets: Vec<_> = (0..2)
        .map(|_| client.open_with(client.handshake("/x").header("sec-websocket-extensions", "permessage-deflate")))
        .collect();
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(sockets[0].headers["sec-websocket-extensions"], agreed);
    sockets[0].say(&"again ".repeat(1000));
    let (first, payload) = sockets[1].next();
    assert_eq!(first, 0xc1, "compressed text");
    assert!(payload.len() < 100);
}

#[test]
fn many_sockets_of_objects_on_any_shard_share_one_connection() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let mut sockets: Vec<(String, Socket)> = (0..100)
        .map(|number| {
            let name = format!("{}{}", NAMES[number % NAMES.len()], number / 12);
            let socket = client.open(&format!("/{name}/socket?{number}"));
            (number.to_string(), socket)
        })
        .collect();
    for round in 0..3 {
        for (tag, socket) in &mut sockets {
            if round == 1 {
                socket.say("who");
            } else {
                let text = socket.ask("who");
                assert!(text.starts_with(&format!("b{tag:?} [{tag:?}] ")), "{text}");
            }
        }
        for (tag, socket) in sockets.iter_mut().filter(|_| round == 1) {
            assert!(socket.hear().starts_with(&format!("b{tag:?} ")));
        }
    }
    assert_eq!(client.get("/x/hello").text, "hello?", "and so do requests");
}

#[test]
fn large_messages_and_bodies_pass_both_ways() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let bytes: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(2 << 20).collect();
    for name in NAMES {
        let mut socket = client.open(&format!("/{name}"));
        socket.frame(0x82, &bytes);
        let (first, payload) = socket.next();
        assert!(first == 0x82 && payload == bytes, "the message came back changed");
    }
    let text = "0123456789abcdef".repeat(100_000);
    let post = client.request("/x/echo").method(Method::POST);
    assert!(client.ask(post, text.as_bytes()).unwrap().text == text);
}

#[test]
fn closing_handshakes_end_the_stream_and_not_the_connection() {
    let world = World::new();
    let mut client = Client::connect(&world);
    world.wait_for("start");
    for name in NAMES {
        let mut socket = client.open(&format!("/{name}"));
        socket.frame(0x88, b"\x0f\xa0bye");
        assert_eq!(socket.closed(), "4000 bye");
        socket.ended();
        world.wait_for("close 4000 bye true");
        let mut socket = client.open(&format!("/{name}"));
        socket.say("close");
        assert_eq!(socket.closed(), "4000 told to");
        socket.frame(0x88, b"\x0f\xa0told to");
        socket.ended();
        world.wait_for("close 4000 told to true");
        let mut socket = client.open(&format!("/{name}"));
        socket.ask("who");
        socket.reset();
        world.wait_for(VANISHED);
    }
    assert_eq!(client.get("/x/hello").text, "hello?");
}

#[test]
fn sockets_of_a_connection_that_vanishes_are_1006() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let mut sockets = NAMES.map(|name| client.open(&format!("/{name}")));
    for socket in &mut sockets {
        socket.ask("who");
    }
    world.reported();
    drop((client, sockets));
    for _ in NAMES {
        world.wait_for(VANISHED);
    }
}

#[test]
fn a_client_that_does_not_read_one_stream_holds_up_no_other() {
    let world = World::with(|server| server.send_queue_bytes_max(1 << 20));
    let mut client = Client::connect(&world);
    // What waits is bounded by the limit, and little more, however long the messages are.
    for (object, len, enough) in [("x", 65_536, 16..32), ("y", 1_000_000, 1..4)] {
        let [mut slow, mut fast, mut source] =
            ["slow", "fast", "a"].map(|tag| client.open(&format!("/{object}/socket?{tag}")));
        for socket in [&mut slow, &mut fast, &mut source] {
            socket.ask("who");
        }
        world.reported();
        let mut sent = 0;
        let report = loop {
            if let Some(report) = world.reported().pop() {
                break report;
            }
            assert!(sent < 1_000, "a stream that is never read is never closed");
            source.say(&format!("flood {len}"));
            assert_eq!(fast.next().1.len(), len);
            sent += 1;
        };
        assert!(report.starts_with("error The client reads too slowly"), "{report}");
        assert!(enough.contains(&sent), "{sent} of {len} bytes");
        source.say("still here");
        assert_eq!(fast.hear(), "still here");
        assert_eq!(client.get("/x/hello").text, "hello?");
        // It hears the reason when it reads at last.
        let close = loop {
            match slow.next() {
                (0x82, _) => {}
                (0x88, payload) => break payload,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(close[..2], 1013_u16.to_be_bytes());
    }
}

#[test]
fn objects_that_do_not_read_hold_up_no_other_stream() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let mut stalled = Vec::new();
    // All streams but two are full.
    for number in 0..HTTP2_STREAMS_MAX - 2 {
        let mut socket = client.open(&format!("/busy{number}"));
        socket.say("block");
        world.wait_for("section waits");
        // One waits in the object's stead, and what fills the window comes after it.
        socket.frame(0x82, &[b'x'; 200]);
        socket.frame(0x82, &vec![b'x'; 2 * HTTP2_STREAM_WINDOW as usize]);
        stalled.push(socket);
    }
    let mut socket = client.open("/x");
    let bytes = vec![b'y'; 1 << 20];
    socket.frame(0x82, &bytes);
    assert!(socket.next().1 == bytes);
    assert_eq!(client.get("/x/hello").text, "hello?");
}

#[test]
fn a_client_is_told_how_many_streams_it_may_have_and_may_have_all_of_them() {
    let world = World::new();
    let mut client = Client::connect(&world);
    assert_eq!(client.streams_max(), HTTP2_STREAMS_MAX as usize);
    let sockets: Vec<_> = (0..HTTP2_STREAMS_MAX).map(|_| client.open("/x")).collect();
    assert_eq!(sockets.len(), HTTP2_STREAMS_MAX as usize);
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let mut status = |len: usize| {
        let request = client.request("/x/hello").header("x-long", "x".repeat(len));
        client.ask(request, b"").unwrap().status.as_u16()
    };
    assert_eq!((status(HEAD_LEN_MAX - 1_000), status(HEAD_LEN_MAX + 1)), (200, 431));
    let mut status = |count: usize| {
        let request =
            (0..count).fold(client.request("/x/hello"), |request, number| request.header(format!("x-{number}"), "y"));
        client.ask(request, b"").unwrap().status.as_u16()
    };
    // The host is one of them.
    assert_eq!((status(99), status(101)), (200, 431));
}

#[test]
fn a_client_that_takes_back_all_that_it_asks_for_is_cut() {
    let world = World::new();
    let mut client = Client::connect(&world);
    let mut other = Client::connect(&world);
    let take_back = |client: &mut Client| {
        let Asked(_, mut stream) = client.begin_whole(client.request("/x/wait"));
        world.wait_for("request waits");
        stream.send_reset(Reason::CANCEL);
    };
    // One that waits for as many as it takes back may go on.
    for _ in 0..=HTTP2_CANCELLED_MAX {
        take_back(&mut client);
        assert_eq!(client.get("/x/hello").text, "hello?");
    }
    for _ in 0..HTTP2_CANCELLED_MAX {
        take_back(&mut client);
    }
    assert_eq!(client.get("/x/hello").text, "hello?");
    take_back(&mut client);
    take_back(&mut client);
    client.cut();
    assert_eq!(other.get("/x/hello").text, "hello?");
}

#[test]
fn a_connection_without_a_request_or_a_socket_is_ended() {
    in_time(Duration::from_millis(500), |time| {
        let world = World::with(|server| server.head_timeout(time));
        // One that says nothing after its preface is cut.
        let mut http = world.connect();
        http.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert!(http.is_over());
        let mut busy = Client::connect(&world);
        let mut carries = Client::connect(&world);
        let Asked(response, _) = busy.begin_whole(busy.request("/x/wait"));
        let mut socket = carries.open("/x");
        world.wait_for("request waits");
        // By then the timeout has passed several times over.
        for _ in 0..2 {
            Client::connect(&world).ended();
        }
        assert_eq!(socket.ask("who"), r#"b"" [] 1"#);
        assert_eq!(carries.get("/x/hello").text, "hello?", "nor was it told that it is to end");
        world.release();
        assert_eq!(busy.finish(response).unwrap().text, "waited");
        busy.ended();
    });
}

#[test]
fn a_client_that_answers_no_ping_of_its_connection_is_cut_and_one_that_does_stays() {
    in_time(Duration::from_millis(500), |time| {
        let world = World::with(|server| server.ping_interval(time).head_timeout(HOUR));
        let mut client = Client::connect(&world);
        let mut silent = world.connect();
        silent.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0");
        assert!(silent.is_over());
        assert_eq!(client.get("/x/hello").text, "hello?");
    });
}

#[test]
fn a_stopping_server_lets_requests_end_and_closes_sockets_with_1001() {
    let mut world = World::with(|server| server.stop_grace(PATIENCE));
    let idle = Client::connect(&world);
    let mut client = Client::connect(&world);
    let mut sockets = NAMES.map(|name| client.open(&format!("/{name}")));
    for socket in &mut sockets {
        socket.ask("who");
    }
    let Asked(response, _) = client.begin_whole(client.request("/x/wait"));
    world.wait_for("request waits");
    let stopper = world.stop_aside();
    for mut socket in sockets {
        assert_eq!(socket.closed(), "1001 The server is shutting down.");
        socket.frame(0x88, &1001_u16.to_be_bytes());
        socket.ended();
    }
    idle.ended();
    world.release();
    assert_eq!(client.finish(response).unwrap().text, "waited");
    client.ended();
    stopper.join().unwrap();
}

#[test]
fn clients_that_never_answer_do_not_keep_the_server_for_all_its_grace() {
    let mut world = World::with(|server| server.stop_grace(HOUR).close_timeout(HOUR));
    let mut client = Client::connect(&world);
    let sockets = NAMES.map(|name| client.open(&format!("/{name}")));
    // Nor does one whose connection says nothing more at all.
    let mut silent = world.connect();
    silent.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0");
    // They are given two seconds for the closing handshake, and not the time that one socket may otherwise take for it.
    world.stops();
    drop((sockets, silent));
}

/// What hyper's own client would do as well: the preface, settings and a request in one packet.
#[test]
fn everything_may_come_in_one_packet() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
        let (mut requests, connection) = client::handshake(stream).await.unwrap();
        // The connection writes nothing before it is polled, which it is only now.
        let request = http::Request::get("http://test/x/hello").body(()).unwrap();
        let (response, _) = requests.send_request(request, true).unwrap();
        let connection = tokio::spawn(connection);
        assert_eq!(response.await.unwrap().status(), 200);
        connection.abort();
    });
}
