//! A node without a server: requests go straight to a shard, sockets are connected by hand.
//!
//! The test runs on its own thread and waits for each answer; the node has one shard. Nothing waits for longer
//! than [`PATIENCE`]. The tests of `worker` and of `js` share this file.

use std::fmt::Debug;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dormouse_runtime::Shard;
use dormouse_runtime::body::Body;
use dormouse_runtime::node::{Application, Handle, Node, Options};
use dormouse_runtime::pair::ClientEnd;
use dormouse_runtime::request::{Outbound, StubError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tungstenite::protocol::{CloseFrame, Role};
use tungstenite::{Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    node: Option<Node>,
    jobs: UnboundedSender<Job>,
}

enum Job {
    Fetch(Box<http::Request<Body>>, mpsc::Sender<Result<Answer, StubError>>),
    Connect(ClientEnd, TcpStream),
    Drop(ClientEnd),
}

/// A response, read to its end; the body is none when it broke off.
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    body: Option<Bytes>,
    client: Option<ClientEnd>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone().expect("the body broke off").to_vec()).unwrap()
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.head.status == 200
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.body.is_none()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Server {
    pub(crate) fn new<A: TryInto<Application, Error: Debug>>(app: A) -> Self {
        Self::with(app, |_| {})
    }

    /// Objects fall asleep as soon as they may.
    pub(crate) fn sleepy<A: TryInto<Application, Error: Debug>>(app: A) -> Self {
        Self::with(app, |options| options.object.hibernate_after = Some(Duration::ZERO))
    }

    pub(crate) fn with<A: TryInto<Application, Error: Debug>>(app: A, set: impl FnOnce(&mut Options)) -> Self {
        Self::try_with(app, set).unwrap()
    }

    /// The same for a node that may not start.
    pub(crate) fn try_with<A: TryInto<Application, Error: Debug>>(
        app: A,
        set: impl FnOnce(&mut Options),
    ) -> std::io::Result<Self> {
        Self::start(app, set, |_| {})
    }

    /// With what guests reach outside, made on each shard.
    pub(crate) fn with_outside<A: TryInto<Application, Error: Debug>, O: Outbound + 'static>(
        app: A,
        outside: impl Fn() -> O + Send + Sync + 'static,
    ) -> Self {
        Self::start(app, |_| {}, move |shard| shard.set_outbound(Rc::new(outside()))).unwrap()
    }

    fn start<A: TryInto<Application, Error: Debug>>(
        app: A,
        set: impl FnOnce(&mut Options),
        prepare: impl Fn(&Shard) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let mut options = Options { shards: 1, ping_interval: None, ..Options::default() };
        set(&mut options);
        let (jobs, inbox) = unbounded_channel();
        let inbox = Mutex::new(Some(inbox));
        let on_shard = move |shard: Rc<Shard>| {
            prepare(&shard);
            let inbox = inbox.lock().unwrap().take();
            Box::pin(async move {
                if let Some(inbox) = inbox {
                    serve(shard, inbox).await;
                }
            }) as _
        };
        let node = Node::start(app.try_into().unwrap(), options, Arc::new(on_shard))?;
        Ok(Self { node: Some(node), jobs })
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.node.as_ref().unwrap().handle()
    }

    /// Gives the node new code.
    pub(crate) fn replace<A: TryInto<Application, Error: Debug>>(&self, app: A) {
        self.node.as_ref().unwrap().handle().replace(app.try_into().unwrap()).unwrap();
    }

    pub(crate) fn fetch(&self, request: http::Request<Body>) -> Result<Answer, StubError> {
        let (reply, answer) = mpsc::channel();
        self.jobs.send(Job::Fetch(Box::new(request), reply)).ok().unwrap();
        answer.recv_timeout(PATIENCE).expect("no answer")
    }

    pub(crate) fn get(&self, url: &str) -> Answer {
        self.try_get(url).unwrap()
    }

    /// The same for a request that may fail.
    pub(crate) fn try_get(&self, url: &str) -> Result<Answer, StubError> {
        let request = http::Request::builder().uri(url).header("host", "example.com");
        self.fetch(request.body(Body::empty()).unwrap())
    }

    /// Status and text of the answer.
    pub(crate) fn ask(&self, url: &str) -> (u16, String) {
        let answer = self.get(url);
        (answer.head.status.as_u16(), answer.text())
    }

    pub(crate) fn connect(&self, url: &str) -> Client {
        self.try_connect(url).unwrap()
    }

    /// The same, where the request may fail.
    pub(crate) fn try_connect(&self, url: &str) -> Result<Client, StubError> {
        let request = http::Request::builder().uri(url).header("host", "example.com").header("upgrade", "websocket");
        let answer = self.fetch(request.body(Body::empty()).unwrap())?;
        assert_eq!(answer.head.status, 101, "{}", answer.text());
        let end = answer.client.expect("a 101 without a socket");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        self.jobs.send(Job::Connect(end, server)).ok().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Ok(Client(WebSocket::from_raw_socket(stream, Role::Client, None)))
    }

    /// Asks for a socket and drops the client's end of it.
    pub(crate) fn connect_and_vanish(&self, url: &str) {
        let answer = self.get(url);
        self.jobs.send(Job::Drop(answer.client.expect("no socket"))).ok().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop(Duration::ZERO);
        }
    }
}

async fn serve(shard: Rc<Shard>, mut jobs: UnboundedReceiver<Job>) {
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Fetch(request, reply) => {
                let response = shard.fetch(*request);
                tokio::task::spawn_local(async move {
                    let answer = match response.await {
                        Ok(response) => {
                            let (head, body) = response.http.into_parts();
                            Ok(Answer { head, body: body.collect(1 << 20).await.ok(), client: response.client })
                        }
                        Err(error) => Err(error),
                    };
                    let _gave_up = reply.send(answer);
                });
            }
            Job::Connect(end, stream) => {
                let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                shard.connect(end, stream, Bytes::new(), None).unwrap();
            }
            Job::Drop(end) => drop(end),
        }
    }
}

/// A client's WebSocket.
pub(crate) struct Client(WebSocket<TcpStream>);

impl Client {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// Whether the connection has taken it.
    pub(crate) fn try_send(&mut self, text: &str) -> bool {
        self.0.send(Message::text(text)).is_ok()
    }

    pub(crate) fn send_bytes(&mut self, bytes: &'static [u8]) {
        self.0.send(Message::binary(bytes)).unwrap();
    }

    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.0.close(Some(frame)).unwrap();
    }

    /// Sends a frame with a reserved bit.
    pub(crate) fn break_protocol(&mut self) {
        self.0.get_mut().write_all(&[0xf1, 0x80, 0, 0, 0, 0]).unwrap();
    }

    /// The next thing that comes, as text: a message, bytes as `[1, 2]`, a close as `close 1000 reason`.
    pub(crate) fn next(&mut self) -> String {
        self.try_next().unwrap()
    }

    /// The same, where perhaps nothing comes, or the connection ends.
    pub(crate) fn try_next(&mut self) -> Result<String, tungstenite::Error> {
        Ok(match self.0.read()? {
            Message::Text(text) => text.to_string(),
            Message::Binary(bytes) => format!("{:?}", &bytes[..]),
            Message::Close(Some(frame)) => format!("close {} {}", u16::from(frame.code), frame.reason),
            Message::Close(None) => "close".to_owned(),
            other => format!("{other:?}"),
        })
    }
}
