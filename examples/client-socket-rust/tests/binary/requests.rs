//! What is answered to requests that are no sockets, and which become sockets.

use crate::process::Server;

/// The cookie of a fresh session.
fn cookie(server: &Server, account: &str) -> String {
    let answer = server.ask("POST /session", &[], account);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let (cookie, attributes) = line.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/");
    cookie.to_owned()
}

#[test]
fn paths_and_methods_that_are_none_are_refused() {
    let server = Server::start(&[]);
    for (line, status, text) in [
        ("GET /nothing", "404 Not Found", "not found"),
        ("GET /client-socket/", "404 Not Found", "not found"),
        ("POST /", "405 Method Not Allowed", "method not allowed"),
        ("POST /client-socket", "405 Method Not Allowed", "method not allowed"),
        ("GET /session", "405 Method Not Allowed", "method not allowed"),
        (
            "GET /client-socket",
            "426 Upgrade Required",
            "this is a WebSocket endpoint: send the header `Upgrade: websocket`",
        ),
    ] {
        let answer = server.ask(line, &[], "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{line}: {answer}");
        assert!(answer.trim_end().ends_with(text), "{line}: {answer}");
    }
}

#[test]
fn the_page_is_html() {
    let server = Server::start(&[]);
    let answer = server.ask("GET /", &[], "");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/html") && answer.contains("<title>Dormouse"), "{answer}");
}

#[test]
fn a_socket_needs_an_account() {
    let server = Server::start(&[]);
    let missing = || Err((400, "the header `account-id` is missing".to_owned()));
    assert_eq!(server.try_open(&[]).map(drop), missing());
    assert_eq!(server.try_open(&[("account-id", "")]).map(drop), missing());
    assert_eq!(server.open("x").echo("in"), "in");
}

#[test]
fn a_session_is_an_account_for_pages_of_this_origin_alone() {
    let server = Server::start(&[]);
    let here = format!("http://{}", server.address());
    let alice = cookie(&server, "alice");
    let mut page =
        server.try_open(&[("cookie", &alice), ("origin", &here)]).map_err(|refused| panic!("{refused:?}")).unwrap();
    let mut program = server.open("alice");
    program.say("hello");
    assert_eq!(page.hear(), "hello", "both are sockets of one account");

    let forged = alice.replace("alice", "bob");
    let cut = &alice[..alice.len() - 1];
    let port = format!("http://127.0.0.1:{}", server.address().port() ^ 1);
    for (cookie, origin) in [
        (&*alice, "http://evil.example"),
        (&*alice, "null"),
        (&*alice, &*port),
        (&*alice, &*format!("{here}.evil.example")),
        (&*forged, &*here),
        (cut, &*here),
        ("session=alice", &*here),
        ("session=", &*here),
    ] {
        let refused = server.try_open(&[("cookie", cookie), ("origin", origin)]).map(drop);
        assert_eq!(refused, Err((400, "the header `account-id` is missing".into())), "{cookie} from {origin}");
    }
    assert!(server.try_open(&[("cookie", &alice)]).is_err(), "a page always says where it comes from");
}

#[test]
fn sessions_end_with_the_process() {
    let old = Server::start(&[]);
    let cookie = cookie(&old, "alice");
    let new = Server::start(&[]);
    let here = format!("http://{}", new.address());
    assert!(new.try_open(&[("cookie", &cookie), ("origin", &here)]).is_err());
}

#[test]
fn an_account_that_is_no_name_gets_no_session() {
    let server = Server::start(&[]);
    for account in ["", "two words", "a;b", "a\r\nset-cookie: x=y", &"x".repeat(65)] {
        let answer = server.ask("POST /session", &[], account);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{account:?}: {answer}");
        assert!(!answer.contains("set-cookie:"), "{account:?}: {answer}");
    }
}

#[test]
fn an_account_may_be_any_header() {
    let server = Server::start(&[]);
    let long = "x".repeat(5_000);
    for account in ["a b; c", &*long, "\u{e4}", "../../etc", "0"] {
        let (mut one, mut two) = (server.open(account), server.open(account));
        one.say("hello");
        assert_eq!(two.hear(), "hello", "{account}");
    }
}
