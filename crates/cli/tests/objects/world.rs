//! A server with objects that store something, and the binary.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dormouse_server::{Running, Server};

use crate::guest::{PATIENCE, Watch, application};
use crate::http;

/// A server in this process.
pub(crate) struct World {
    pub(crate) data: PathBuf,
    /// Held, so that objects can report.
    _watch: Watch,
    address: SocketAddr,
    server: Option<Running>,
}

impl World {
    pub(crate) fn new(data: &Path) -> Self {
        let (application, watch) = application();
        let server = Server::builder().listen("127.0.0.1:0").shards(2).stop_grace(Duration::ZERO).data(data);
        let server = server.start(application).unwrap();
        Self { data: data.into(), _watch: watch, address: server.local_addr(), server: Some(server) }
    }

    /// The body of a response that must be there.
    pub(crate) fn get(&self, path: &str) -> String {
        http::get(self.connect(), path)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    /// What the binary prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let (is_ok, out, error) = objects(&self.data, arguments);
        assert!(is_ok && error.is_empty(), "{arguments:?}: {error}");
        out
    }

    /// What the binary says when it cannot.
    pub(crate) fn refusal(&self, arguments: &[&str]) -> String {
        let (is_ok, out, error) = objects(&self.data, arguments);
        assert!(!is_ok && out.is_empty(), "{arguments:?}: {out}");
        error
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn dormouse() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    for name in ["DORMOUSE_DATA", "DORMOUSE_DURABILITY", "DORMOUSE_LISTEN", "DORMOUSE_LOG", "DORMOUSE_LOG_FILTER"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether it went well, what was printed, and what went wrong.
pub(crate) fn objects(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = dormouse().arg("objects").args(arguments).arg("--data").arg(data).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// `dormouse serve`, of a Worker that does nothing.
pub(crate) struct Serve {
    process: Child,
    /// What it logged until it listened.
    pub(crate) log: String,
}

impl Serve {
    /// The error is what it said before it ended.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Result<Self, String> {
        let worker = folder.join("worker.js");
        std::fs::write(&worker, "export default { fetch: () => new Response('ok') }").unwrap();
        let mut command = dormouse();
        command.arg("serve").arg(&worker).args(["--listen", "127.0.0.1:0", "--shards", "1"]).args(arguments);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let mut log = String::new();
        while lines.read_line(&mut log).unwrap() > 0 {
            if log.contains("listening") {
                // It must not wait for somebody to read on.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                return Ok(Self { process, log });
            }
        }
        assert_eq!(process.wait().unwrap().code(), Some(1), "{log}");
        Err(log)
    }

    pub(crate) fn signal(&mut self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        self.process.wait().unwrap();
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
