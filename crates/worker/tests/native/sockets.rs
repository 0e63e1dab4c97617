//! Sockets: what is refused, what survives, and the streams of standard ones.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use worker::*;

use crate::harness::Server;

/// Does with a new pair what the path says, and with a message what it says.
#[durable_object]
struct Tester {
    state: State,
    /// What streams of standard sockets have yielded.
    seen: Rc<RefCell<Vec<String>>>,
    /// Shows whether this is still the same instance.
    closes: RefCell<Vec<String>>,
}

impl DurableObject for Tester {
    fn new(state: State, _env: Env) -> Self {
        Self { state, seen: Rc::default(), closes: RefCell::default() }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        match req.path().as_str() {
            "/hibernatable" => {
                self.state.accept_websocket_with_tags(&server, &["a", "b"]);
                return Response::from_websocket(client);
            }
            "/standard" => {
                self.listen(server.clone());
                self.listen(server.clone());
                server.accept()?;
                return Response::from_websocket(client);
            }
            "/closes" => return Response::ok(self.closes.borrow().join(", ")),
            "/seen" => {
                // Each stream that has not ended holds a clone.
                while Rc::strong_count(&self.seen) > 1 {
                    Delay::from(Duration::from_millis(1)).await;
                }
                return Response::ok(self.seen.borrow().join(", "));
            }
            "/twice" => {
                self.state.accept_web_socket(&server);
                self.state.accept_websocket(&server);
            }
            "/twice-and-later" => {
                self.state.accept_web_socket(&server);
                self.state.accept_web_socket(&server);
                Delay::from(Duration::from_millis(1)).await;
            }
            "/try-twice" => {
                self.state.try_accept_web_socket(&server)?;
                return Response::ok(self.state.try_accept_web_socket(&server).unwrap_err().to_string());
            }
            "/no-tags" => return Response::ok(self.state.get_tags(&server).join(", ")),
            "/long-tag" => self.state.accept_websocket_with_tags(&server, &[&"x".repeat(257)]),
            "/tag-client" => self.state.try_accept_web_socket(&client)?,
            "/send-early" => server.send_with_str("x")?,
            "/send-client" => client.send_with_str("x")?,
            "/server-in-response" => return Response::from_websocket(server),
            "/client-twice" => {
                let again = Response::from_websocket(client.clone())?;
                drop(http::Response::<Body>::try_from(again));
                return Ok(Response::empty()?.with_websocket(Some(client)));
            }
            "/except-client" => {
                let count = self.state.broadcast("x", &BroadcastOptions::new().except(&client))?;
                return Response::ok(count.to_string());
            }
            "/clone" => return Response::from_websocket(client)?.cloned(),
            "/pair" => {
                self.state.accept_web_socket(&server);
                let listed = self.state.get_websockets();
                let text = format!("{} {} {}", listed == [server.clone()], client == server, client == client.clone());
                return Response::ok(text);
            }
            "/auto" => {
                let long = "x".repeat(2049);
                let error = WebSocketRequestResponsePair::new(&long, "").unwrap_err();
                self.state.set_websocket_auto_response(&WebSocketRequestResponsePair::new("a", "b")?);
                let pair = self.state.get_websocket_auto_response().ok_or("none")?;
                self.state.try_set_websocket_auto_response(None)?;
                let none = self.state.get_websocket_auto_response().is_none();
                return Response::ok(format!("{} {} {none} {error}", pair.request(), pair.response()));
            }
            _ => {}
        }
        Response::empty()
    }

    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let WebSocketIncomingMessage::String(text) = message else { return Ok(()) };
        let answer = match text.as_str() {
            "tags" => self.state.get_tags(&ws).join(","),
            "fail" => return Err("failed".into()),
            "panic" => panic!("in a handler"),
            "keep" => format!("{:?}", ws.serialize_attachment(("kept", 1))),
            "kept" => format!("{:?}", ws.deserialize_attachment::<(String, u8)>()?),
            "forget" => format!("{:?}", ws.serialize_attachment(())),
            "wrong" => format!("{}", ws.deserialize_attachment::<u8>().is_err()),
            "large" => ws.serialize_attachment("x".repeat(16_384)).unwrap_err().to_string(),
            "bad code" => ws.close(Some(1005), None::<&str>).unwrap_err().to_string(),
            "long reason" => ws.close(Some(1000), Some("x".repeat(124))).unwrap_err().to_string(),
            "state" => ws.ready_state().to_string(),
            "all" => {
                let options = BroadcastOptions::new().except(&ws);
                let others = self.state.broadcast("others", &options)?;
                let tagged = self.state.broadcast(&vec![7], &options.clone().tag("a"))?;
                let none = self.state.broadcast(&String::from("none"), &BroadcastOptions::new().tag("c"))?;
                let all = self.state.broadcast(&WebSocketIncomingMessage::String(text), &BroadcastOptions::new())?;
                format!("{others} {tagged} {none} {all}")
            }
            "slow" => {
                self.state.set_slow_clients(Some(SlowClients::DropOldest));
                let mebibyte = vec![b'x'; 1 << 20];
                let options = BroadcastOptions::new().except(&ws);
                format!("{}", self.state.broadcast(&mebibyte, &options)?)
            }
            "bye" => {
                ws.close(None, Some("a reason without a code is ignored"))?;
                return ws.send_with_str("after").map_err(|error| error.to_string().into());
            }
            text => text.to_owned(),
        };
        ws.send_with_str(answer)
    }

    async fn websocket_close(&self, ws: WebSocket, code: usize, reason: String, was_clean: bool) -> Result<()> {
        let line = format!("{code} {reason} {was_clean}");
        for other in self.state.get_websockets().into_iter().filter(|other| *other != ws) {
            other.send_with_str(&line)?;
        }
        self.closes.borrow_mut().push(line);
        Ok(())
    }

    async fn websocket_error(&self, _ws: WebSocket, error: Error) -> Result<()> {
        self.closes.borrow_mut().push(error.to_string());
        Ok(())
    }
}

impl Tester {
    fn listen(&self, server: WebSocket) {
        let seen = self.seen.clone();
        spawn_local(async move {
            let Ok(mut events) = server.events() else { return };
            while let Some(event) = events.next().await {
                let line = match event {
                    Ok(WebsocketEvent::Message(message)) => {
                        message.text().unwrap_or_else(|| format!("{:?}", message.bytes()))
                    }
                    Ok(WebsocketEvent::Close(close)) => format!("{} {:?}", close.code(), close.reason()),
                    Err(error) => error.to_string(),
                };
                seen.borrow_mut().push(line);
                // The client waits for both streams.
                let _closed = server.send_with_str("seen");
            }
            seen.borrow_mut().push("end".to_owned());
        });
    }
}

fn server() -> Server {
    async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
        env.durable_object("TESTER")?.get_by_name("one")?.fetch_with_request(req).await
    }
    Server::new(App::new(entry).object::<Tester>("TESTER").respond_with_errors())
}

#[test]
fn misuse_is_refused() {
    let server = server();
    let check = |url: &str, status: u16, text: &str| assert_eq!(server.ask(url), (status, text.to_owned()), "{url}");
    let incompatible = "Tried to make an api::WebSocket hibernatable when it was in an incompatible state.";
    let not_accepted =
        "Error: You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.";
    check("/twice", 500, &format!("Error: {incompatible}"));
    check("/twice-and-later", 500, &format!("Error: {incompatible}"));
    check("/try-twice", 200, incompatible);
    check(
        "/no-tags",
        500,
        "Error: you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.",
    );
    check("/tag-client", 500, "Error: the client end of a WebSocket pair was not accepted");
    check("/send-early", 500, not_accepted);
    check("/send-client", 500, not_accepted);
    check(
        "/server-in-response",
        500,
        "Error: a response carries the client end of a WebSocket pair, not the server end",
    );
    check("/client-twice", 500, "Error: Responses with a WebSocket must have status code 101.");
    check("/except-client", 200, "0");
    check("/clone", 500, "Error: Cannot clone a response to a WebSocket handshake.");
    check("/pair", 200, "true false true");
    check("/auto", 200, "a b true Request cannot be larger than 2048 bytes. A request of size 2049 was provided.");
    let long_tag = server.ask("/long-tag");
    assert!(long_tag.1.ends_with("is longer than the max tag length (256 characters)."), "{long_tag:?}");
}

#[test]
fn a_hibernatable_socket_does_as_it_is_told() {
    let server = server();
    let mut client = server.connect("/hibernatable");
    let mut check = |text: &str, expected: &str| {
        client.send(text);
        assert_eq!(client.next(), expected, "{text}");
    };
    check("tags", "a,b");
    check("state", "1");
    check("kept", "None");
    check("keep", "Ok(())");
    check("kept", "Some((\"kept\", 1))");
    check("wrong", "true");
    check("large", "A WebSocket 'attachment' cannot be larger than 16384 bytes.'attachment' was 16390 bytes.");
    check("kept", "Some((\"kept\", 1))");
    check("forget", "Ok(())");
    check("kept", "None");
    check("bad code", "Invalid WebSocket close code: 1005.");
    check("long reason", "WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.");
    check("bye", "close");
}

#[test]
fn a_broadcast_reaches_whom_its_options_say() {
    let server = server();
    let (mut one, mut two) = (server.connect("/hibernatable"), server.connect("/hibernatable"));
    let mut standard = server.connect("/standard");
    one.send("all");
    assert_eq!((one.next(), one.next()), ("all".into(), "2 1 0 3".into()));
    assert_eq!((two.next(), two.next(), two.next()), ("others".into(), "[7]".into(), "all".into()));
    assert_eq!((standard.next(), standard.next()), ("others".into(), "all".into()));
    two.close(1000, "");
    assert_eq!((two.next(), one.next()), ("close 1000 ".into(), "1000  true".into()));
    one.send("all");
    assert_eq!((one.next(), one.next()), ("all".into(), "1 0 0 2".into()));
}

#[test]
fn slow_clients_stay_where_the_object_asks_for_it() {
    let server = server();
    let mut slow = server.connect("/hibernatable");
    let mut source = server.connect("/hibernatable");
    // Far more than what a kernel takes and what may wait.
    for _ in 0..64 {
        source.send("slow");
        assert_eq!(source.next(), "1");
    }
    source.send("all");
    let mut heard = Vec::new();
    while heard.last().is_none_or(|text: &String| text != "all") {
        heard.push(slow.next());
    }
    assert!((3..64).contains(&heard.len()), "{} were heard", heard.len());
}

#[test]
fn a_socket_outlives_errors_and_panics() {
    let server = server();
    let mut client = server.connect("/hibernatable");
    for text in ["fail", "panic", "fail", "still here"] {
        client.send(text);
    }
    assert_eq!(client.next(), "still here");
    client.close(4000, "bye");
    // The object has no answer to a close, so the runtime gives one.
    assert_eq!(client.next(), "close 4000 bye");
    assert_eq!(server.ask("/closes"), (200, "4000 bye true".into()));
}

#[test]
fn a_client_that_never_comes_is_a_close() {
    let server = server();
    let mut witness = server.connect("/hibernatable");
    server.connect_and_vanish("/hibernatable");
    assert_eq!(witness.next(), "1006 WebSocket disconnected without sending Close frame. false");
}

#[test]
fn every_stream_of_a_standard_socket_sees_everything() {
    let server = server();
    let mut client = server.connect("/standard");
    client.send("one");
    client.send_bytes(&[2]);
    for _ in 0..4 {
        assert_eq!(client.next(), "seen");
    }
    client.close(1000, "done");
    assert_eq!(client.next(), "close 1000 done");
    let (_, seen) = server.ask("/seen");
    let mut lines: Vec<_> = seen.split(", ").collect();
    lines.sort_unstable();
    assert_eq!(lines, ["1000 \"done\"", "1000 \"done\"", "Some([2])", "Some([2])", "end", "end", "one", "one"]);
}

#[test]
fn a_broken_standard_socket_is_an_error_and_a_close() {
    let server = server();
    let mut client = server.connect("/standard");
    client.break_protocol();
    assert!(client.next().starts_with("close 1002"));
    let (_, seen) = server.ask("/seen");
    let lines: Vec<_> = seen.split(", ").collect();
    assert_eq!((lines.len(), &lines[1..3], lines[4]), (6, &["1006 \"\"", "end"][..], "1006 \"\""), "{seen}");
}
