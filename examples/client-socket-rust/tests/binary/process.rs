//! The program as a child process, and clients of it.
//!
//! The process ends with its handle, so that a failed test leaves nothing behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Request;
use tungstenite::http::HeaderName;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

/// Nothing in a test takes longer, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_client-socket-rust");

/// How the program ended, and what it said.
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end, which must come soon.
pub(crate) fn run(args: &[&str]) -> End {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.env("DORMOUSE_DATA", data.path());
    let child = command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Kill(child);
    let stderr = lines(child.0.stderr.take().unwrap());
    let stderr = until_closed(&stderr).join("\n");
    let mut stdout = String::new();
    child.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    End { code: child.0.wait().unwrap().code(), stdout, stderr }
}

/// What a process writes, line by line, until it has ended.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (line, lines) = channel();
    std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
    lines
}

/// Waits for the end of what a process writes: then it has ended.
fn until_closed(lines: &Receiver<String>) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => all.push(line),
            Err(RecvTimeoutError::Disconnected) => return all,
            Err(RecvTimeoutError::Timeout) => panic!("the program goes on and on: {all:?}"),
        }
    }
}

/// A process that ends with its handle.
struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        // Both fail when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, listening on a free port.
pub(crate) struct Server {
    child: Kill,
    /// Its own, because a folder is one server's at a time.
    _data: TempDir,
    log: Receiver<String>,
    address: SocketAddr,
}

impl Server {
    /// On a free port, with further flags.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::spawn(Command::new(PROGRAM).args(["--listen", "127.0.0.1:0", "--shards", "2"]).args(args))
    }

    /// On the port that another one had.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::spawn(Command::new(PROGRAM).args(["--listen", &address.to_string()]))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let data = tempfile::tempdir().unwrap();
        command.env("DORMOUSE_DATA", data.path());
        let mut child = Kill(command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let log = lines(child.0.stderr.take().unwrap());
        let mut server = Self { child, _data: data, log, address: SocketAddr::from(([0; 4], 0)) };
        let listening = server.wait_for("listening");
        let address = listening.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
        server.address = address.unwrap().parse().unwrap();
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next line of the log with this in it; those before it are skipped.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut skipped = Vec::new();
        loop {
            match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => skipped.push(line),
                Err(error) => panic!("no line of the log has {text:?} ({error}): {skipped:#?}"),
            }
        }
    }

    /// A number out of what the system says of the process.
    pub(crate) fn status(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until_closed(&self.log);
        self.child.0.wait().unwrap()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends a request on a connection of its own, and returns all that comes.
    pub(crate) fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> String {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = self.connect();
        let len = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {len}", self.address);
        stream.write_all(format!("{head}\r\n{headers}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn handshake(&self, headers: &[(&str, &str)]) -> Request {
        let mut request = format!("ws://{}/client-socket", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        request
    }

    /// A socket, or the status and the text with which it was refused.
    pub(crate) fn try_open(&self, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        match tungstenite::client(self.handshake(headers), self.connect()) {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(HandshakeError::Failure(Error::Http(response))) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A socket of an account.
    pub(crate) fn open(&self, account: &str) -> Socket {
        self.try_open(&[("account-id", account)]).map_err(|refused| panic!("{refused:?}")).unwrap()
    }
}

/// A WebSocket.
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    pub(crate) fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next message, which must be text; pings may come before it.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("{other:?} and no text"),
            }
        }
    }

    /// What comes back of a text that asks to be echoed: all that was sent to this socket before has come then.
    pub(crate) fn echo(&mut self, text: &str) -> String {
        self.say(&format!("echo:{text}"));
        self.hear()
    }

    pub(crate) fn close(&mut self, code: u16, reason: &'static str) {
        self.0.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).unwrap();
    }

    /// The Close frame that comes next, as `code reason`.
    pub(crate) fn closed(&mut self) -> String {
        match self.0.read().unwrap() {
            Message::Close(Some(close)) => format!("{} {}", u16::from(close.code), close.reason),
            other => panic!("{other:?} and no close"),
        }
    }

    /// Waits until the server has ended the connection; nothing may come before.
    pub(crate) fn ended(&mut self) {
        match self.0.read() {
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => {}
            other => panic!("the connection has not ended: {other:?}"),
        }
    }
}
