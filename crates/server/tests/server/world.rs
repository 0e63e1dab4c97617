//! A server on a free port, and what its objects report.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use dormouse_server::{Builder, Running, Server};

use crate::client::{Http, Response, Socket};
use crate::guest::{PATIENCE, Watch, application};

/// A limit of time that no test lives to see.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) struct World {
    pub(crate) server: Option<Running>,
    address: SocketAddr,
    watch: Watch,
}

impl Deref for World {
    type Target = Watch;

    fn deref(&self) -> &Watch {
        &self.watch
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|server| server)
    }

    pub(crate) fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let (application, watch) = application();
        let server = Server::builder().listen("127.0.0.1:0").shards(2).stop_grace(Duration::ZERO);
        let server = server.ping_interval(None);
        let server = change(server).start(application).unwrap();
        Self { address: server.local_addr(), server: Some(server), watch }
    }

    /// Stops the server, which must not take all of its [`HOUR`].
    pub(crate) fn stops(&mut self) {
        let server = self.server.take().unwrap();
        let (stopped, is_stopped) = channel();
        let stopper = std::thread::spawn(move || {
            server.stop();
            let _ = stopped.send(());
        });
        is_stopped.recv_timeout(PATIENCE).expect("the server stops");
        stopper.join().unwrap();
    }

    /// Begins to stop the server while a test goes on.
    pub(crate) fn stop_aside(&mut self) -> JoinHandle<()> {
        let server = self.server.take().unwrap();
        std::thread::spawn(move || server.stop())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A fresh connection.
    pub(crate) fn connect(&self) -> Http {
        Http::connect(self.address)
    }

    /// Asks on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Response {
        let mut http = self.connect();
        http.write(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        http.response()
    }

    /// A WebSocket on this path.
    pub(crate) fn open(&self, path: &str) -> Socket {
        self.connect().upgrade(path)
    }

    /// A WebSocket of the object with this name, connected when it is returned.
    pub(crate) fn client(&self, name: &str, tag: &str) -> Socket {
        let mut client = self.open(&format!("/{name}/socket?{tag}"));
        client.ask("who");
        client
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}
