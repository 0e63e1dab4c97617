//! A server that runs in the fuzzer's process, whose objects say what they are told, and what tells whether anything is
//! left of a client that is gone.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dormouse_server::{Running, Server};
use signal_hook::consts::SIGPIPE;
use worker::{
    App, Context, DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    has_durable_object_attribute,
};

/// Longer than anything takes, on a machine that is busy and with the sanitizer, and less than a server may take to stop.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server waits for what is under way when it stops: so long that it is seen when it has waited for anything.
const GRACE: Duration = Duration::from_secs(100);
/// Objects that there are.
pub const ROOMS: [&str; 2] = ["a", "b"];

/// Makes the fuzzer's process one that a server can run in. What it returns becomes true when `h2` has asserted something
/// that does not hold, and so has ended a task in the middle.
pub fn prepare() -> Arc<AtomicBool> {
    let has_asserted = Arc::new(AtomicBool::new(false));
    let asserted = has_asserted.clone();
    // Whoever writes to a client that is gone shall hear an error.
    signal_hook::flag::register(SIGPIPE, Arc::default()).expect("a signal that can be caught");
    // `h2` asserts, where assertions are on, that no stream is left when a connection is dropped; of one that was cut that
    // is not so (hyperium/h2#907). The task ends that drops the last of it, which may be one of a socket; all other panics
    // are found.
    let found = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_of_h2 = panic.location().is_some_and(|place| place.file().ends_with("proto/streams/counts.rs"));
        if !is_of_h2 || panic.payload_as_str() != Some("assertion failed: !self.has_streams()") {
            return found(panic);
        }
        asserted.store(true, Ordering::Release);
    }));
    has_asserted
}

/// A server, and a connection on which it is asked what it has.
pub struct World {
    server: Running,
    /// Where it listens.
    pub address: SocketAddr,
    control: TcpStream,
    /// What this process has open when there are no clients.
    sockets: usize,
}

impl World {
    /// Starts one, for any number of clients.
    pub fn start() -> Self {
        let server = Server::builder().listen("127.0.0.1:0").shards(2).stop_grace(GRACE).ping_interval(None);
        let application = App::new(answer).object::<Room>("ROOM").into_application().expect("all names differ");
        let server = server.start(application).expect("it starts");
        let address = server.local_addr();
        let control = TcpStream::connect(address).expect("the server listens");
        control.set_read_timeout(Some(PATIENCE)).expect("a TCP stream");
        let mut world = Self { server, address, control, sockets: 0 };
        // From here on, all that the server opens it opens for a client.
        ROOMS.iter().for_each(|room| assert_eq!(world.sockets(room), Some(0)));
        world.sockets = open_sockets();
        world
    }

    /// Waits until nothing is left of all connections but this one's. False when that cannot be said: then `h2` has ended
    /// a task in the middle, and the server is of no more use.
    pub fn forgets(&mut self, h2_has_asserted: &AtomicBool) -> bool {
        let began = Instant::now();
        let may_wait = |what: &str| {
            let has_asserted = h2_has_asserted.load(Ordering::Acquire);
            assert!(has_asserted || began.elapsed() < PATIENCE, "{what}");
            std::thread::yield_now();
            !has_asserted
        };
        let mut waits = true;
        for room in ROOMS {
            while waits && self.sockets(room) != Some(0) {
                waits = may_wait("sockets outlive their connection");
            }
        }
        while waits && open_sockets() > self.sockets {
            waits = may_wait("the server keeps a connection whose client is gone");
        }
        !h2_has_asserted.swap(false, Ordering::AcqRel)
    }

    /// How many sockets the object of this name has. The server may end a connection on which nothing is asked for long.
    fn sockets(&mut self, room: &str) -> Option<usize> {
        let text = ask(&mut self.control, room).or_else(|_| {
            self.control = TcpStream::connect(self.address)?;
            self.control.set_read_timeout(Some(PATIENCE))?;
            ask(&mut self.control, room)
        });
        text.expect("the server answers others").rsplit("\r\n").next()?.parse().ok()
    }

    /// Stops the server, however long it takes.
    pub fn give_up(self) {
        drop(self.control);
        self.server.stop();
    }

    /// Stops it, for which it may take no time: all clients are gone.
    pub fn stop(self) {
        drop(self.control);
        let began = Instant::now();
        self.server.stop();
        assert!(began.elapsed() < PATIENCE, "the server waits for something when all clients are gone");
    }
}

/// A response of which the last line is a number.
fn ask(control: &mut TcpStream, room: &str) -> std::io::Result<String> {
    control.write_all(format!("GET /{room}/count HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes())?;
    let (mut response, mut byte) = (Vec::new(), [0; 256]);
    loop {
        let len = control.read(&mut byte)?;
        if len == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        response.extend_from_slice(&byte[..len]);
        if response.ends_with(b"#") {
            response.pop();
            return String::from_utf8(response).map_err(std::io::Error::other);
        }
    }
}

/// Sockets that this process has open, on both sides of connections. The fuzzer opens other things.
fn open_sockets() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").expect("a system with this folder");
    let named = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    named.filter(|name| name.to_string_lossy().starts_with("socket:")).count()
}

async fn answer(mut req: Request, env: Env, _: Context) -> worker::Result<Response> {
    match req.path().as_str() {
        "/hello" => Response::ok("hello"),
        "/echo" => Response::from_bytes(req.bytes().await?),
        path => {
            let room = path.split('/').nth(1).filter(|room| ROOMS.contains(room)).unwrap_or(ROOMS[0]).to_owned();
            env.durable_object("ROOM")?.get_by_name(&room)?.fetch_with_request(req).await
        }
    }
}

/// Says to its clients what they say.
struct Room {
    state: State,
}

impl has_durable_object_attribute for Room {
    const CLASS_NAME: &'static str = "Room";
}

impl DurableObject for Room {
    fn new(state: State, _: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, req: Request) -> worker::Result<Response> {
        if !req.path().ends_with("/socket") {
            return Response::ok(format!("\r\n{}#", self.state.get_websockets().len()));
        }
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state.accept_web_socket(&server);
        Response::from_websocket(client)
    }

    async fn websocket_message(&self, ws: WebSocket, message: WebSocketIncomingMessage) -> worker::Result<()> {
        match message {
            WebSocketIncomingMessage::String(text) => ws.send_with_str(text),
            WebSocketIncomingMessage::Binary(bytes) => ws.send_with_bytes(bytes),
        }
    }

    async fn websocket_close(&self, _: WebSocket, _: usize, _: String, _: bool) -> worker::Result<()> {
        Ok(())
    }
}
