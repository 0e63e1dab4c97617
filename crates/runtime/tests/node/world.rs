//! A node without a server: requests go straight to a shard, and sockets are connected by hand.

use std::net::TcpStream;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use dormouse_runtime::Shard;
use dormouse_runtime::body::Body;
use dormouse_runtime::node::{Node, Options};
use dormouse_runtime::object::object::Options as ObjectOptions;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use crate::guest::{PATIENCE, Watch, application};

pub(crate) type Client = WebSocket<TcpStream>;

/// A node, what its objects report, and the way to each of its shards.
pub(crate) struct World {
    pub(crate) node: Option<Node>,
    watch: Watch,
    shards: Vec<UnboundedSender<Job>>,
    next: usize,
}

enum Job {
    /// A request whose response has a socket, and the connection for it.
    Connect(String, TcpStream),
    /// A request whose response has a body.
    Ask(String, mpsc::Sender<Answer>),
}

/// The body of a response, or an error's text.
pub(crate) type Answer = Result<String, String>;

impl Deref for World {
    type Target = Watch;

    fn deref(&self) -> &Watch {
        &self.watch
    }
}

impl World {
    /// Objects stay in memory, and nobody is pinged, unless `change` says otherwise.
    pub(crate) fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options { shards: 2, ping_interval: None, ..Options::default() };
        options.object = ObjectOptions { hibernate_after: None, ..ObjectOptions::default() };
        change(&mut options);
        let (application, watch) = application();
        let (shards, inboxes): (Vec<_>, Vec<_>) = (0..options.shards).map(|_| unbounded_channel()).unzip();
        let inboxes = Mutex::new(inboxes);
        let on_shard = move |shard: Rc<Shard>| {
            let inbox = inboxes.lock().unwrap().pop();
            Box::pin(async move {
                if let Some(inbox) = inbox {
                    serve(shard, inbox).await;
                }
            }) as _
        };
        let node = Node::start(application, options, Arc::new(on_shard)).unwrap();
        Self { node: Some(node), watch, shards, next: 0 }
    }

    /// A client of the socket that comes in answer to a request for this path.
    pub(crate) fn open(&mut self, path: &str) -> Client {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (server, _) = listener.accept().unwrap();
        self.send(Job::Connect(format!("http://test{path}"), server));
        WebSocket::from_raw_socket(stream, Role::Client, None)
    }

    /// A client of the object with this name, connected when it is returned.
    pub(crate) fn client(&mut self, name: &str, tag: &str) -> Client {
        let mut client = self.open(&format!("/{name}/socket?{tag}"));
        ask(&mut client, "who");
        client
    }

    /// Asks for a path. The answer comes on the channel, an error as its text.
    pub(crate) fn ask(&mut self, path: &str, reply: &mpsc::Sender<Answer>) {
        self.send(Job::Ask(format!("http://test{path}"), reply.clone()));
    }

    /// Waits for the answer to a request.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let (reply, answer) = mpsc::channel();
        self.ask(path, &reply);
        answer.recv_timeout(PATIENCE).expect("an answer")
    }

    /// By way of one shard after the other.
    fn send(&mut self, job: Job) {
        self.next += 1;
        self.shards[self.next % self.shards.len()].send(job).ok().unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop(Duration::ZERO);
        }
    }
}

async fn serve(shard: Rc<Shard>, mut inbox: UnboundedReceiver<Job>) {
    while let Some(job) = inbox.recv().await {
        let shard = shard.clone();
        tokio::task::spawn_local(async move {
            let (Job::Connect(uri, _) | Job::Ask(uri, _)) = &job;
            let request = http::Request::get(uri).body(Body::empty()).unwrap();
            let response = shard.fetch(request).await;
            match job {
                Job::Connect(_, stream) => {
                    stream.set_nonblocking(true).unwrap();
                    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                    let client = response.unwrap().client.unwrap();
                    shard.connect(client, stream, bytes::Bytes::new(), None).unwrap();
                }
                Job::Ask(_, reply) => {
                    let answer = match response {
                        Ok(response) => Ok(response.http.into_body().collect(1 << 20).await.unwrap()),
                        Err(error) => Err(error.to_string()),
                    };
                    let _gave_up = reply.send(answer.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()));
                }
            }
        });
    }
}

pub(crate) fn say(client: &mut Client, text: &str) {
    client.send(Message::text(text)).unwrap();
}

/// The next message, which must be text; pings may come before it.
pub(crate) fn hear(client: &mut Client) -> String {
    loop {
        match client.read().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) => {}
            other => panic!("{other:?} and no text"),
        }
    }
}

pub(crate) fn ask(client: &mut Client, text: &str) -> String {
    say(client, text);
    hear(client)
}

/// The Close frame that comes next, as `code reason`.
pub(crate) fn closed(client: &mut Client) -> String {
    match client.read().unwrap() {
        Message::Close(Some(close)) => format!("{} {}", u16::from(close.code), close.reason),
        other => panic!("{other:?} and no close"),
    }
}

/// Waits until the connection has ended, whatever comes before.
pub(crate) fn ended(client: &mut Client) {
    loop {
        match client.read() {
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => return,
            Err(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => {
                return;
            }
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the connection has not ended: {error}"),
        }
    }
}
