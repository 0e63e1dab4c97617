//! The relay between the sockets of an account.

use tungstenite::Message;

use crate::process::Server;

#[test]
fn a_message_reaches_all_others_of_its_account_and_nobody_else() {
    let server = Server::start(&[]);
    let mut alice: Vec<_> = (0..4).map(|_| server.open("alice")).collect();
    let mut bob = server.open("bob");
    let (sender, others) = alice.split_first_mut().unwrap();
    sender.say("text");
    sender.0.send(Message::binary(&b"\0\xff"[..])).unwrap();
    for other in others {
        assert_eq!(other.hear(), "text");
        assert_eq!(other.0.read().unwrap(), Message::binary(&b"\0\xff"[..]));
    }
    // What would have come has come before an echo.
    assert_eq!(sender.echo("nothing before"), "nothing before");
    assert_eq!(bob.echo("nothing before"), "nothing before");
}

#[test]
fn an_echo_comes_back_to_its_sender_alone() {
    let server = Server::start(&[]);
    let (mut a, mut b) = (server.open("x"), server.open("x"));
    assert_eq!(a.echo("one"), "one");
    assert_eq!(a.echo(""), "");
    a.0.send(Message::binary(&b"echo:bytes"[..])).unwrap();
    assert_eq!(b.0.read().unwrap(), Message::binary(&b"echo:bytes"[..]), "bytes are relayed, whatever they say");
}

#[test]
fn a_socket_that_has_gone_is_no_hindrance() {
    let server = Server::start(&[]);
    let (mut a, mut b) = (server.open("x"), server.open("x"));
    let (gone, mut closing) = (server.open("x"), server.open("x"));
    drop(gone);
    a.say("hello");
    assert_eq!(b.hear(), "hello");
    let line = server.wait_for("closed with 1006");
    assert!(line.contains("clean: false"), "{line}");
    closing.close(4001, "bye");
    a.say("again");
    assert_eq!(b.hear(), "again");
    server.wait_for(r#"closed with 4001 "bye", clean: true"#);
}

#[test]
fn an_account_sleeps_and_wakes_with_its_sockets_in_order() {
    let server = Server::start(&["--hibernate-after", "50ms", "--log-filter", "info,dormouse_runtime=debug"]);
    let (mut a, mut b) = (server.open("alice"), server.open("alice"));
    for round in 0..3 {
        server.wait_for("object leaves memory");
        for number in 0..200 {
            a.say(&format!("{round} {number}"));
        }
        for number in 0..200 {
            assert_eq!(b.hear(), format!("{round} {number}"));
        }
    }
}

#[test]
fn a_peer_that_answers_no_ping_is_dropped() {
    let server = Server::start(&["--ping-interval", "100ms"]);
    let _silent = server.open("x");
    let mut alive = server.open("x");
    // Reading is what makes this client pong.
    let reader = std::thread::spawn(move || {
        for _ in 0..5 {
            assert!(matches!(alive.0.read().unwrap(), Message::Ping(_)));
        }
        assert_eq!(alive.echo("alive"), "alive");
    });
    server.wait_for("closed with 1006");
    reader.join().unwrap();
}

#[test]
fn a_client_that_never_reads_costs_little_memory_and_is_closed() {
    const CHUNK: usize = 256 << 10;
    const CHUNKS: usize = 800;
    let server = Server::start(&[]);
    let (mut source, mut fast, mut slow) = (server.open("x"), server.open("x"), server.open("x"));
    assert_eq!((fast.echo("in"), slow.echo("in")), ("in".into(), "in".into()));
    let before = server.status("VmHWM");
    let payload = Message::binary(vec![7; CHUNK]);
    for _ in 0..CHUNKS {
        source.0.send(payload.clone()).unwrap();
        assert_eq!(fast.0.read().unwrap().len(), CHUNK);
    }
    server.wait_for("failed: The client reads too slowly: more than 16777216 bytes waited to be sent.");
    let grown = server.status("VmHWM") - before;
    assert!(grown < 40 << 10, "200 megabytes for one that does not read cost {grown} kB");
    // It gets what the kernel had taken, and then its Close.
    let close = loop {
        match slow.0.read().unwrap() {
            Message::Binary(bytes) => assert_eq!(bytes.len(), CHUNK),
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 1013);
    assert_eq!(fast.echo("not harmed"), "not harmed");
}

#[test]
fn many_accounts_live_on_all_shards() {
    let server = Server::start(&[]);
    let mut pairs: Vec<_> = (0..32)
        .map(|number| {
            let account = format!("account-{number}");
            (server.open(&account), server.open(&account))
        })
        .collect();
    for (number, (one, two)) in pairs.iter_mut().enumerate() {
        one.say(&format!("for {number}"));
        assert_eq!(two.hear(), format!("for {number}"));
    }
}
