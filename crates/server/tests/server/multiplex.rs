//! A client of HTTP/2 that does only what a test says: it is `h2` by itself, and frames of WebSockets as bytes.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::channel;

use bytes::{Buf, Bytes};
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::certificate::Certificate;
use crate::client::{KEY, frame};
use crate::guest::PATIENCE;
use crate::world::World;

/// A thread on which connections are kept going while a test waits for something else.
struct Net {
    handle: Handle,
    /// Dropped when it may end.
    _alive: oneshot::Sender<()>,
}

impl Net {
    fn new() -> Arc<Self> {
        let (alive, dead) = oneshot::channel::<()>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tell.send(runtime.handle().clone()).unwrap();
            let _ = runtime.block_on(dead);
        });
        Arc::new(Self { handle: told.recv().unwrap(), _alive: alive })
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.handle.block_on(async { timeout(PATIENCE, what).await.expect("nothing takes so long") })
    }
}

/// One connection.
pub(crate) struct Client {
    net: Arc<Net>,
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    origin: &'static str,
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A request whose answer is not there yet, and its stream.
pub(crate) struct Asked(pub(crate) h2::client::ResponseFuture, pub(crate) SendStream<Bytes>);

impl Client {
    /// Without TLS, by prior knowledge.
    pub(crate) fn connect(world: &World) -> Self {
        let (net, address) = (Net::new(), world.address());
        let stream = net.wait(TcpStream::connect(address)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(net, stream, "http://test")
    }

    /// Over TLS.
    pub(crate) fn connect_secure(world: &World, certificate: &Certificate) -> Self {
        let (net, address) = (Net::new(), world.address());
        let connector = TlsConnector::from(certificate.client(&["h2"]));
        let stream = net.wait(async {
            let stream = TcpStream::connect(address).await.unwrap();
            connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
        });
        Self::over(net, stream, "https://localhost")
    }

    fn over(net: Arc<Net>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, origin: &'static str) -> Self {
        let mut builder = h2::client::Builder::new();
        // As browsers do: what one stream does not read leaves room for the others.
        builder.initial_connection_window_size(16 << 20);
        let (requests, connection) = net.wait(builder.handshake(stream)).unwrap();
        let connection = net.handle.spawn(connection);
        let mut client = Self { net, requests, connection, origin };
        // The settings of the server have come before its first answer.
        assert_eq!(client.get("/settings/hello").text, "hello?");
        client
    }

    /// How many streams the server allows at a time.
    pub(crate) fn streams_max(&self) -> usize {
        self.requests.current_max_send_streams()
    }

    pub(crate) fn allows_sockets(&self) -> bool {
        self.requests.is_extended_connect_protocol_enabled()
    }

    pub(crate) fn request(&self, path: &str) -> Builder {
        Request::get(format!("{}{path}", self.origin))
    }

    /// The head of a handshake.
    pub(crate) fn handshake(&self, path: &str) -> Builder {
        self.request(path)
            .method(Method::CONNECT)
            .extension(Protocol::from_static("websocket"))
            .header("sec-websocket-version", "13")
    }

    /// Begins a request; its body comes later.
    pub(crate) fn begin(&mut self, request: Builder) -> Asked {
        self.send(request, false)
    }

    /// Begins a request without a body.
    pub(crate) fn begin_whole(&mut self, request: Builder) -> Asked {
        self.send(request, true)
    }

    fn send(&mut self, request: Builder, is_whole: bool) -> Asked {
        let net = self.net.clone();
        net.wait(async {
            let mut requests = self.requests.clone().ready().await.unwrap();
            let (response, stream) = requests.send_request(request.body(()).unwrap(), is_whole).unwrap();
            Asked(response, stream)
        })
    }

    /// Asks, with a body.
    pub(crate) fn ask(&mut self, request: Builder, body: &[u8]) -> Result<Response, h2::Error> {
        let Asked(response, mut stream) = self.send(request, body.is_empty());
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body), true)?;
        }
        self.finish(response)
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.ask(self.request(path), b"").unwrap()
    }

    /// Waits for the whole answer.
    pub(crate) fn finish(&self, response: h2::client::ResponseFuture) -> Result<Response, h2::Error> {
        self.net.wait(async {
            let (head, mut body) = response.await?.into_parts();
            let mut bytes = Vec::new();
            while let Some(data) = body.data().await {
                let data = data?;
                bytes.extend_from_slice(&data);
                body.flow_control().release_capacity(data.len())?;
            }
            let text = String::from_utf8(bytes).unwrap();
            Ok(Response { status: head.status, headers: head.headers, text })
        })
    }

    /// A socket, once it is open.
    pub(crate) fn open(&mut self, path: &str) -> Socket {
        self.open_with(self.handshake(path))
    }

    pub(crate) fn open_with(&mut self, handshake: Builder) -> Socket {
        let Asked(response, send) = self.begin(handshake);
        let (head, receive) = self.net.wait(response).unwrap().into_parts();
        assert_eq!(head.status, StatusCode::OK);
        Socket { net: self.net.clone(), send, receive, read: Vec::new(), headers: head.headers }
    }

    /// Waits until the server has ended the connection, which must be in order.
    pub(crate) fn ended(self) {
        let Self { net, requests, connection, .. } = self;
        net.wait(connection).unwrap().unwrap();
        // A connection whose client has nothing more to ask ends by itself.
        drop(requests);
    }

    /// Waits for the end of the connection, of which the server need not have said anything.
    pub(crate) fn cut(self) {
        let _ = self.net.wait(self.connection).unwrap();
    }
}

/// A WebSocket within HTTP/2.
pub(crate) struct Socket {
    net: Arc<Net>,
    send: SendStream<Bytes>,
    receive: RecvStream,
    read: Vec<u8>,
    pub(crate) headers: HeaderMap,
}

impl Socket {
    /// Sends a masked frame.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send.send_data(frame(first, payload).into(), false).unwrap();
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.frame(0x81, text.as_bytes());
    }

    /// The next frame: its first byte, and its payload.
    pub(crate) fn next(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        let len = match head[1] {
            126 => self.take(2).as_slice().get_u16().into(),
            127 => self.take(8).as_slice().get_u64(),
            len => len.into(),
        };
        (head[0], self.take(len as usize))
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        while self.read.len() < len {
            let data = self.net.wait(self.receive.data()).expect("the stream goes on").unwrap();
            self.receive.flow_control().release_capacity(data.len()).unwrap();
            self.read.extend_from_slice(&data);
        }
        self.read.drain(..len).collect()
    }

    /// The next message, which must be text.
    pub(crate) fn hear(&mut self) -> String {
        let (first, payload) = self.next();
        assert_eq!(first, 0x81);
        String::from_utf8(payload).unwrap()
    }

    pub(crate) fn ask(&mut self, text: &str) -> String {
        self.say(text);
        self.hear()
    }

    /// The Close frame that comes next, as `code reason`.
    pub(crate) fn closed(&mut self) -> String {
        let (first, payload) = self.next();
        assert_eq!(first, 0x88);
        format!("{} {}", (&payload[..2]).get_u16(), std::str::from_utf8(&payload[2..]).unwrap())
    }

    /// Ends our direction, and waits until the server has ended its own.
    pub(crate) fn ended(mut self) {
        // When the server has ended both, there is nothing to end.
        let _ = self.send.send_data(Bytes::new(), true);
        assert!(self.read.is_empty());
        match self.net.wait(self.receive.data()) {
            None => {}
            Some(data) => assert_eq!(data.unwrap().len(), 0, "nothing comes after the Close frame"),
        }
    }

    /// Leaves without a word.
    pub(crate) fn reset(mut self) {
        self.send.send_reset(h2::Reason::CANCEL);
    }
}

/// A handshake of HTTP/1.1 sent within HTTP/2 has a key as well, which means nothing there.
pub(crate) fn with_key(handshake: Builder) -> Builder {
    handshake.header("sec-websocket-key", KEY)
}
