//! A Worker as one is written for Cloudflare: but for the tests at its foot, this file names nothing that the
//! `worker` crate 0.8 does not have. `cargo check` against that crate accepts it as it is.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::wasm_bindgen_futures::spawn_local;
use worker::*;

#[event(start)]
pub fn start() {
    console_debug!("starting");
}

#[event(fetch, respond_with_errors)]
pub async fn main(req: Request, env: Env, ctx: worker::Context) -> Result<Response> {
    console_log!("{} {}", req.method().to_string(), req.path());
    if req.method() == Method::Options {
        let cors = Cors::new().with_origins(vec!["*"]).with_methods(Method::all());
        return Response::empty()?.with_cors(&cors);
    }
    ctx.wait_until(async { Delay::from(Duration::from_millis(1)).await });

    Router::with_data(Shared { greeting: "hello" })
        .get("/", |_, ctx| Response::ok(ctx.data.greeting))
        .get("/page", |_, _| Response::from_html("<h1>hello</h1>"))
        .get("/var/:name", |_, ctx| {
            let name = ctx.param("name").cloned().unwrap_or_default();
            Response::ok(ctx.var(&name)?.to_string())
        })
        .get("/settings", |_, ctx| Response::from_json(&ctx.env.object_var::<Settings>("SETTINGS")?))
        .post_async("/form", |mut req, _| async move {
            let form = req.form_data().await?;
            match form.get("file") {
                Some(FormEntry::File(file)) => {
                    Response::ok(format!("{} {} {}", file.name(), file.size(), file.bytes().await?.len()))
                }
                Some(FormEntry::Field(text)) => Response::ok(text),
                None => Response::error("Bad Request", 400),
            }
        })
        .post_async("/json", |mut req, _| async move {
            let settings: Settings = req.json().await?;
            let mut response = Response::from_json(&settings)?.with_status(201);
            response.headers_mut().set("x-limit", &settings.limit.to_string())?;
            Ok(response)
        })
        .on_async("/room/:name", |req, ctx| async move {
            let name = ctx.param("name").ok_or("no name")?;
            let stub = ctx.durable_object("ROOM")?.id_from_name(name)?.get_stub()?;
            stub.fetch_with_request(req).await
        })
        .get_async("/echo", |req, ctx| async move {
            ctx.env.durable_object("ECHO")?.get_by_name("one")?.fetch_with_request(req).await
        })
        .get_async("/counter", |_, ctx| async move {
            let counters = ctx.durable_object("COUNTER")?;
            counters.id_from_name("one")?.get_stub()?.fetch_with_str("https://counter/").await
        })
        .get_async("/tour", |req, ctx| async move { tour(req, ctx.env).await })
        .or_else_any_method("/fallback/*rest", |req, ctx| {
            let rest = ctx.param("rest").map(String::as_str).unwrap_or("nothing");
            Response::ok(format!("{} {rest}", req.method()))
        })
        .run(req, env)
        .await
}

/// A bit of everything that is used less often.
async fn tour(req: Request, env: Env) -> Result<Response> {
    let query: Settings = req.query()?;
    let mut outgoing = RequestInit::new();
    outgoing.with_method(Method::Post).with_redirect(RequestRedirect::Manual).with_body(Some("text".into()));
    let headers = Headers::new();
    headers.append("x-list", "a")?;
    headers.append("X-List", "b")?;
    outgoing.with_headers(headers);
    let mut outgoing = Request::new_with_init("https://counter/path?limit=1", &outgoing)?;
    outgoing.headers_mut()?.set("x-more", "c")?;
    let mut copy = outgoing.clone_mut()?;
    copy.headers_mut()?.delete("x-more")?;
    let lists: Vec<String> = copy.headers().entries().map(|(name, value)| format!("{name}={value}")).collect();

    let namespace: ObjectNamespace = env.get_binding("COUNTER")?;
    let id = namespace.id_from_name("tour")?;
    let same = namespace.id_from_string(&id.to_string())? == id;
    let mut counted = id.get_stub()?.fetch_with_request(outgoing).await?;
    let counted = format!("{} {}", counted.status_code(), counted.text().await?);

    let failure = match env.var("NONE") {
        Err(Error::RustError(text)) => text,
        Err(other) => other.to_string(),
        Ok(_) => "found".into(),
    };
    let date: Date = DateInit::Millis(1_630_611_511_000).into();
    let lines = vec![
        format!("limit {}", query.limit),
        lists.iter().filter(|line| line.starts_with("x-")).cloned().collect::<Vec<_>>().join(" "),
        format!("{same} {counted}"),
        failure,
        date.as_millis().to_string(),
        ok::Ok(copy.text().await?)?,
    ];
    let chunks = lines.into_iter().map(|line| Ok::<_, Error>(format!("{line}\n").into_bytes()));
    let stream = FixedLengthStream::wrap(futures_util::stream::iter(chunks.collect::<Vec<_>>()), 99);
    let (builder, body) = Response::from_stream(stream)?.into_parts();
    let response = builder.with_status(203).with_header("x-tour", "done")?.body(body);
    Ok(response.with_encode_body(EncodeBody::Manual))
}

struct Shared {
    greeting: &'static str,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    limit: u32,
}

/// A chat room over hibernatable sockets.
#[durable_object(websocket)]
pub struct Room {
    state: State,
    env: Env,
}

#[derive(Serialize, Deserialize)]
struct Member {
    name: String,
    messages: u32,
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        if let Ok(pair) = WebSocketRequestResponsePair::new("ping", "pong") {
            state.set_websocket_auto_response(&pair);
        }
        Self { state, env }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        if req.headers().get("Upgrade")?.as_deref() != Some("websocket") {
            return Response::ok(format!("{} members", self.state.get_websockets().len()));
        }
        let name = req.url()?.query_pairs().find(|(key, _)| key == "name").map(|(_, name)| name.into_owned());
        let name = name.unwrap_or_else(|| "anonymous".into());
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state.accept_websocket_with_tags(&server, &[&name]);
        server.serialize_attachment(Member { name, messages: 0 })?;
        server.send_with_str(self.env.var("GREETING")?.to_string())?;
        Response::from_websocket(client)
    }

    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let Some(mut member) = ws.deserialize_attachment::<Member>()? else {
            return Ok(());
        };
        member.messages += 1;
        match message {
            WebSocketIncomingMessage::String(text) => match text.strip_prefix("to ") {
                Some(name) => {
                    for other in self.state.get_websockets_with_tag(name) {
                        other.send(&(&member.name, member.messages))?;
                    }
                }
                None => {
                    for other in self.state.get_websockets() {
                        other.send_with_str(format!("{}: {text}", member.name))?;
                    }
                }
            },
            WebSocketIncomingMessage::Binary(bytes) => ws.send_with_bytes(bytes)?,
        }
        ws.serialize_attachment(&member)
    }

    async fn websocket_close(&self, ws: WebSocket, code: usize, reason: String, was_clean: bool) -> Result<()> {
        for other in self.state.get_websockets().into_iter().filter(|other| *other != ws) {
            other.send_with_str(format!("{:?} left: {code} {reason} {was_clean}", self.state.get_tags(&ws)))?;
        }
        ws.close(Some(1000), Some("goodbye"))
    }

    async fn websocket_error(&self, _ws: WebSocket, error: worker::Error) -> Result<()> {
        console_error!("{error}");
        Ok(())
    }
}

/// An echo over a standard socket.
#[durable_object]
pub struct Echo;

impl DurableObject for Echo {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }

    async fn fetch(&self, _req: Request) -> Result<Response> {
        let pair = WebSocketPair::new()?;
        let server = pair.server;
        server.accept()?;
        spawn_local(async move {
            let Ok(mut events) = server.events() else { return };
            while let Some(Ok(event)) = futures_util::StreamExt::next(&mut events).await {
                match event {
                    WebsocketEvent::Message(message) => {
                        let sent = match (message.text(), message.bytes()) {
                            (Some(text), _) => server.send_with_str(text),
                            (_, Some(bytes)) => server.send_with_bytes(bytes),
                            _ => Ok(()),
                        };
                        if let Err(error) = sent {
                            console_warn!("{error}");
                        }
                    }
                    WebsocketEvent::Close(close) => console_log!("closed: {} {}", close.code(), close.reason()),
                }
            }
        });
        Response::from_websocket(pair.client)
    }
}

/// Loads before it answers.
#[durable_object(fetch)]
pub struct Counter {
    count: Rc<Cell<u32>>,
    names: RefCell<Vec<Option<String>>>,
    state: State,
}

impl DurableObject for Counter {
    fn new(state: State, _env: Env) -> Self {
        let count = Rc::new(Cell::new(0));
        let loaded = count.clone();
        let _loading = state.block_concurrency_while(async move {
            Delay::from(Duration::from_millis(5)).await;
            loaded.set(41);
            Ok(())
        });
        Self { count, names: RefCell::default(), state }
    }

    async fn fetch(&self, _req: Request) -> Result<Response> {
        self.count.set(self.count.get() + 1);
        self.names.borrow_mut().push(self.state.id().name());
        Response::ok(format!("{} {:?}", self.count.get(), self.names.borrow().last()))
    }
}

mod tests {
    use worker::App;

    use super::{Counter, Echo, Room};
    use crate::harness::Server;

    fn server() -> Server {
        let app = App::new(super::main)
            .start(super::start)
            .object::<Room>("ROOM")
            .object::<Echo>("ECHO")
            .object::<Counter>("COUNTER")
            .var("GREETING", "welcome")
            .var("SETTINGS", serde_json::json!({ "limit": 7 }))
            .var("NUMBER", 7)
            .secret("KEY", "hidden");
        Server::sleepy(app)
    }

    #[test]
    fn routes_answer() {
        let server = server();
        let check = |url: &str, status: u16, text: &str| {
            assert_eq!(server.ask(url), (status, text.to_owned()), "{url}");
        };
        check("/", 200, "hello");
        check("/page", 200, "<h1>hello</h1>");
        check("/var/GREETING", 200, "welcome");
        check("/var/KEY", 200, "hidden");
        check("/settings", 200, "{\"limit\":7}");
        check("/nothing", 404, "Not Found");
        check("/form", 405, "Method Not Allowed");
        check("/fallback/a/b", 200, "GET a/b");
        // `respond_with_errors`
        check("/var/NONE", 500, "Binding `NONE` is undefined.");
        check("/var/NUMBER", 500, "Binding cannot be cast to the type String from Number");
        check("/var/ROOM", 500, "Binding cannot be cast to the type String from DurableObjectNamespace");
    }

    #[test]
    fn the_tour_is_complete() {
        let expected = [
            "limit 3",
            "x-list=a, b",
            "true 200 42 Some(Some(\"tour\"))",
            "Binding `NONE` is undefined.",
            "1630611511000",
            "text",
            "",
        ];
        let answer = server().get("/tour?limit=3");
        assert_eq!((answer.head.status.as_u16(), answer.header("x-tour")), (203, Some("done")));
        assert_eq!(answer.text(), expected.join("\n"));
    }

    #[test]
    fn bodies_are_read() {
        let server = server();
        let post = |url: &str, content_type: &str, body: &'static str| {
            let request = http::Request::post(url).header("content-type", content_type).body(body.into()).unwrap();
            let answer = server.fetch(request).unwrap();
            (answer.head.status.as_u16(), answer.text(), answer.header("x-limit").map(str::to_owned))
        };
        let encoded = "application/x-www-form-urlencoded";
        assert_eq!(post("/form", encoded, "file=x"), (200, "x".into(), None));
        assert_eq!(post("/form", encoded, ""), (400, "Bad Request".into(), None));
        let file = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"n\"\r\n\r\nabc\r\n--X--\r\n";
        assert_eq!(post("/form", "multipart/form-data; boundary=X", file), (200, "n 3 3".into(), None));
        assert_eq!(
            post("/json", "application/json", "{\"limit\": 9}"),
            (201, "{\"limit\":9}".into(), Some("9".into()))
        );
    }

    #[test]
    fn members_of_a_room_hear_each_other_also_after_hibernation() {
        let server = server();
        let mut ann = server.connect("/room/lobby?name=ann");
        let mut bob = server.connect("/room/lobby?name=bob");
        assert_eq!(ann.next(), "welcome");
        assert_eq!(bob.next(), "welcome");
        assert_eq!(server.ask("/room/lobby"), (200, "2 members".into()));
        assert_eq!(server.ask("/room/other"), (200, "0 members".into()));

        ann.send("hi");
        assert_eq!(ann.next(), "ann: hi");
        assert_eq!(bob.next(), "ann: hi");
        // The count is in the attachment, which outlives the object.
        ann.send("to bob");
        assert_eq!(bob.next(), "[\"ann\",2]");
        bob.send_bytes(&[1, 2]);
        assert_eq!(bob.next(), "[1, 2]");
        bob.send("ping");
        assert_eq!(bob.next(), "pong");

        ann.close(4001, "bye");
        assert_eq!(ann.next(), "close 1000 goodbye");
        assert_eq!(bob.next(), "[\"ann\"] left: 4001 bye true");
    }

    #[test]
    fn a_standard_socket_echoes() {
        let server = server();
        let mut client = server.connect("/echo");
        client.send("one");
        client.send_bytes(&[1]);
        assert_eq!(client.next(), "one");
        assert_eq!(client.next(), "[1]");
        client.close(1000, "done");
        assert_eq!(client.next(), "close 1000 done");
    }

    #[test]
    fn an_object_loads_before_it_answers() {
        let server = server();
        assert_eq!(server.ask("/counter"), (200, "42 Some(Some(\"one\"))".into()));
        // It fell asleep in between, and has loaded again.
        assert_eq!(server.ask("/counter"), (200, "42 Some(Some(\"one\"))".into()));
    }
}
