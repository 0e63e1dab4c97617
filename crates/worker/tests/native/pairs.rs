//! Both ends of a pair in code: joined in one object, between objects, and in a Worker that relays.

use std::cell::RefCell;

use futures_util::StreamExt;
use worker::*;

use crate::harness::Server;

/// Answers on hibernatable sockets, and holds both ends of pairs itself.
#[durable_object]
struct Room {
    state: State,
    env: Env,
    closes: RefCell<Vec<String>>,
    /// A client end that a response has taken.
    kept: RefCell<Option<WebSocket>>,
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, closes: RefCell::default(), kept: RefCell::default() }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let said = match req.path().as_str() {
            "/closes" => return Response::ok(self.closes.borrow().join(", ")),
            "/both" => talk(&client, &server).await?,
            "/hibernatable-and-client" => {
                self.state.accept_web_socket(&server);
                ask(&client).await?
            }
            "/next" => {
                let next = self.env.durable_object("ROOM")?.get_by_name("next")?;
                let response = next.fetch_with_str("http://room/socket").await?;
                ask(&response.websocket().ok_or("no socket")?).await?
            }
            "/returned-after-accept" => {
                client.accept()?;
                return Response::from_websocket(client);
            }
            "/kept" => {
                self.state.accept_web_socket(&server);
                *self.kept.borrow_mut() = Some(client.clone());
                return Response::from_websocket(client);
            }
            "/accept-kept" => {
                let kept = self.kept.borrow().clone().ok_or("nothing was kept")?;
                kept.accept().unwrap_err().to_string()
            }
            "/listened-and-returned" => {
                self.state.accept_web_socket(&server);
                drop(client.events()?);
                return Response::from_websocket(client);
            }
            "/accepted-by-nobody" => {
                drop(server);
                return Response::from_websocket(client);
            }
            "/forgotten" => {
                server.accept()?;
                drop(client);
                first_close(&server).await?
            }
            _ => {
                self.state.accept_web_socket(&server);
                return Response::from_websocket(client);
            }
        };
        Response::ok(said)
    }

    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        match message {
            WebSocketIncomingMessage::String(text) if text == "close" => ws.close(Some(4010), Some("told to")),
            WebSocketIncomingMessage::String(text) => ws.send_with_str(format!("room heard {text}")),
            WebSocketIncomingMessage::Binary(bytes) => ws.send_with_bytes(bytes),
        }
    }

    async fn websocket_close(&self, _ws: WebSocket, code: usize, reason: String, was_clean: bool) -> Result<()> {
        self.closes.borrow_mut().push(format!("{code} {reason} {was_clean}"));
        Ok(())
    }
}

/// What both ends of a pair hear of each other.
async fn talk(client: &WebSocket, server: &WebSocket) -> Result<String> {
    let (mut from_server, mut from_client) = (client.events()?, server.events()?);
    let early = client.send_with_str("early").is_err();
    client.accept()?;
    server.accept()?;
    client.accept()?;
    client.send_with_str("to server")?;
    server.send_with_bytes([1, 2])?;
    let mut said = format!("{early} {} {:?}", client.ready_state(), client.serialize_attachment("kept").is_ok());
    said += &format!(", {}, {}", line(from_client.next().await), line(from_server.next().await));
    client.close(Some(4000), Some("done"))?;
    let closed = line(from_client.next().await);
    said += &format!(", {closed}, {}", line(from_server.next().await));
    Ok(format!("{said}, {} {}", client.ready_state(), server.ready_state()))
}

/// Accepts a client end, asks over it, and closes it.
async fn ask(client: &WebSocket) -> Result<String> {
    let mut events = client.events()?;
    client.accept()?;
    client.send_with_str("hello")?;
    let said = line(events.next().await);
    client.close(Some(4000), Some("enough"))?;
    Ok(format!("{said}, {}", line(events.next().await)))
}

async fn first_close(server: &WebSocket) -> Result<String> {
    Ok(line(server.events()?.next().await))
}

fn line(event: Option<Result<WebsocketEvent>>) -> String {
    match event {
        Some(Ok(WebsocketEvent::Message(message))) => {
            message.text().unwrap_or_else(|| format!("{:?}", message.bytes().unwrap_or_default()))
        }
        Some(Ok(WebsocketEvent::Close(close))) => format!("{} {:?}", close.code(), close.reason()),
        Some(Err(error)) => error.to_string(),
        None => "end".to_owned(),
    }
}

/// Copies what one socket hears to another one.
fn copy(from: WebSocket, to: WebSocket) {
    spawn_local(async move {
        let Ok(mut events) = from.events() else { return };
        while let Some(Ok(event)) = events.next().await {
            let _gone = match event {
                WebsocketEvent::Message(message) => match message.text() {
                    Some(text) => to.send_with_str(format!("relayed {text}")),
                    None => to.send_with_bytes(message.bytes().unwrap_or_default()),
                },
                WebsocketEvent::Close(close) if close.code() == 1006 => to.close(Some(1001), Some("gone")),
                WebsocketEvent::Close(close) => to.close(Some(close.code()), Some(close.reason())),
            };
        }
    });
}

fn server() -> Server {
    async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
        let stub = env.durable_object("ROOM")?.get_by_name("one")?;
        match req.path().as_str() {
            "/relay" => {
                let upstream = stub.fetch_with_request(req).await?.websocket().ok_or("no socket")?;
                let WebSocketPair { client, server } = WebSocketPair::new()?;
                copy(upstream.clone(), server.clone());
                copy(server.clone(), upstream.clone());
                upstream.accept()?;
                server.accept()?;
                Response::from_websocket(client)
            }
            "/swallow" => {
                drop(stub.fetch_with_request(req).await?);
                Response::ok("swallowed")
            }
            _ => stub.fetch_with_request(req).await,
        }
    }
    Server::new(App::new(entry).object::<Room>("ROOM").respond_with_errors())
}

#[test]
fn both_ends_of_a_pair_hear_each_other() {
    let said = server().ask("/both");
    assert_eq!(said, (200, "true 1 true, to server, [1, 2], 4000 \"done\", 4000 \"done\", 3 3".into()));
}

#[test]
fn a_client_end_talks_to_a_hibernatable_socket() {
    let server = server();
    for path in ["/hibernatable-and-client", "/next"] {
        assert_eq!(server.ask(path), (200, "room heard hello, 4000 \"enough\"".into()), "{path}");
    }
}

#[test]
fn an_end_is_accepted_or_returned() {
    let server = server();
    let refused = "Error: Can't return WebSocket in a Response after calling accept().";
    assert_eq!(server.ask("/returned-after-accept"), (500, refused.into()));
    let kept = server.connect("/kept");
    let refused = "Can't accept() WebSocket that was already used in a response.";
    assert_eq!(server.ask("/accept-kept"), (200, refused.into()));
    drop(kept);
    let mut client = server.connect("/listened-and-returned");
    client.send("hello");
    assert_eq!(client.next(), "room heard hello");
}

#[test]
fn an_end_that_is_dropped_is_heard_at_the_other() {
    let server = server();
    let gone = "WebSocket disconnected without sending Close frame.";
    assert_eq!(server.ask("/forgotten"), (200, format!("1006 {gone:?}")));
    let ended = server.connect("/accepted-by-nobody").try_next().unwrap_err();
    assert!(matches!(ended, tungstenite::Error::Protocol(_)), "{ended:?}");
    assert_eq!(server.ask("/swallow"), (200, "swallowed".into()));
    let mut closes = String::new();
    while closes.is_empty() {
        closes = server.ask("/closes").1;
    }
    assert_eq!(closes, format!("1006 {gone} false"));
}

#[test]
fn a_worker_relays() {
    let server = server();
    let mut client = server.connect("/relay");
    for text in ["one", "two"] {
        client.send(text);
        assert_eq!(client.next(), format!("relayed room heard relayed {text}"));
    }
    client.close(4001, "bye");
    assert_eq!(client.next(), "close 4001 bye");
    let mut closes = String::new();
    while closes.is_empty() {
        closes = server.ask("/closes").1;
    }
    assert_eq!(closes, "4001 bye true");
}
