//! Sockets to servers outside. What is outside is played here; the handshake itself is tested with the server.

use std::future::Future;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread;

use dormouse_runtime::body::Body;
use dormouse_runtime::pair::{ClientEnd, Remote};
use dormouse_runtime::request::{Outbound, Request as Asked, Response as Answer, StubError};
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tungstenite::protocol::Role;
use worker::*;

use crate::harness::Server;

/// Opens sockets to what the query names, and tells what it hears.
#[durable_object]
struct Dialler;

impl DurableObject for Dialler {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let url: Url = req.url()?.query().unwrap_or_default().parse()?;
        let ws = match req.path().as_str() {
            "/protocols" => WebSocket::connect_with_protocols(url, Some(vec!["chat", "other"])).await,
            "/no-protocols" => WebSocket::connect_with_protocols(url, Some(Vec::new())).await,
            "/bad-protocol" => WebSocket::connect_with_protocols(url, Some(vec!["a\nb"])).await,
            _ => WebSocket::connect(url).await,
        };
        let ws = match ws {
            Ok(ws) => ws,
            Err(error) => return Response::ok(format!("{error:?}: {error}")),
        };
        if req.path() == "/pass" {
            return Response::from_websocket(ws);
        }
        let early = ws.send_with_str("early").is_err();
        let mut events = ws.events()?;
        ws.accept()?;
        ws.send_with_str("hello")?;
        ws.send_with_bytes([1, 2])?;
        ws.close(Some(4000), Some("done"))?;
        let mut said = format!("{early} {}", ws.ready_state());
        while let Some(event) = events.next().await {
            said += &match event? {
                WebsocketEvent::Message(message) => match message.text() {
                    Some(text) => format!(", {text}"),
                    None => format!(", {:?}", message.bytes()),
                },
                WebsocketEvent::Close(close) => format!(", {} {}", close.code(), close.reason()),
            };
        }
        Response::ok(said)
    }
}

/// What is outside: servers that echo, and some that do not. It notes what it is asked.
struct Outside(Arc<Mutex<Vec<String>>>);

impl Outbound for Outside {
    fn fetch(&self, request: Asked) -> Pin<Box<dyn Future<Output = Result<Answer, StubError>>>> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (upgrade, protocol) = (header("upgrade"), header("sec-websocket-protocol"));
        let protocol = protocol.map(|protocol| format!(" {protocol}")).unwrap_or_default();
        self.0.lock().unwrap().push(format!("{} {}{protocol}", request.uri(), upgrade.unwrap_or_default()));
        let answer = match request.uri().path() {
            "/lost" => Err(StubError::Disconnected),
            "/refused" => Ok(answer(403, None)),
            "/moved" => Ok(answer(302, Some("wss://other/echo"))),
            "/moved-nowhere" => Ok(answer(302, Some("https://"))),
            "/loop" => Ok(answer(301, Some("/loop"))),
            _ => Ok(Answer::switching_protocols(ClientEnd::Remote(echo()))),
        };
        Box::pin(async move { answer })
    }
}

fn answer(status: u16, location: Option<&str>) -> Answer {
    let mut response = http::Response::builder().status(status);
    if let Some(location) = location {
        response = response.header("location", location);
    }
    response.body(Body::empty()).unwrap().into()
}

/// A connection to a server that sends back what it gets.
fn echo() -> Remote {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    thread::spawn(move || {
        let mut far = tungstenite::WebSocket::from_raw_socket(far, Role::Server, None);
        while let Ok(message) = far.read() {
            // After a Close there is nothing to send back.
            let _ = if message.is_close() { far.flush() } else { far.send(message) };
        }
    });
    near.set_nonblocking(true).unwrap();
    Remote::new(TcpStream::from_std(near).unwrap(), bytes::Bytes::new(), None).unwrap()
}

fn server() -> (Server, Arc<Mutex<Vec<String>>>) {
    async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
        env.durable_object("DIALLER")?.get_by_name("one")?.fetch_with_request(req).await
    }
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let notes = asked.clone();
    let app = App::new(entry).object::<Dialler>("DIALLER").respond_with_errors();
    (Server::with_outside(app, move || Outside(notes.clone())), asked)
}

#[test]
fn an_object_talks_to_a_server_outside() {
    let (server, asked) = server();
    let said = "true 2, hello, Some([1, 2]), 4000 done";
    for (path, expected) in [
        ("/?ws://far/echo", vec!["http://far/echo websocket"]),
        ("/?wss://far:8443/echo", vec!["https://far:8443/echo websocket"]),
        ("/?http://far/echo?x", vec!["http://far/echo?x websocket"]),
        ("/?ws://far/echo%23x", vec!["http://far/echo%23x websocket"]),
        ("/protocols?ws://far/echo", vec!["http://far/echo websocket chat, other"]),
        ("/no-protocols?ws://far/echo", vec!["http://far/echo websocket"]),
        ("/?ws://far/moved", vec!["http://far/moved websocket", "https://other/echo websocket"]),
    ] {
        assert_eq!(server.ask(path), (200, said.into()), "{path}");
        assert_eq!(std::mem::take(&mut *asked.lock().unwrap()), expected);
    }
}

#[test]
fn a_server_that_does_not_agree_is_an_error() {
    let (server, asked) = server();
    let refused = r#"RustError("server did not accept"): server did not accept"#;
    assert_eq!(server.ask("/?ws://far/refused"), (200, refused.into()));
    let (status, lost) = server.ask("/?ws://far/lost");
    assert_eq!((status, lost.ends_with("Error: Network connection lost.")), (200, true), "{lost}");
    let (_, nowhere) = server.ask("/?ws://far/moved-nowhere");
    assert!(nowhere.contains("redirect to no URL"), "{nowhere}");
    assert!(server.ask("/bad-protocol?ws://far/echo").1.contains("malformed HTTP message"));
    asked.lock().unwrap().clear();
    assert!(server.ask("/?ws://far/loop").1.ends_with(": too many redirects"));
    assert_eq!(asked.lock().unwrap().len(), 21);
}

#[test]
fn a_socket_of_a_server_outside_can_be_passed_on() {
    let (server, _) = server();
    let mut client = server.connect("/pass?ws://far/echo");
    client.send("hello");
    assert_eq!(client.next(), "hello");
}
