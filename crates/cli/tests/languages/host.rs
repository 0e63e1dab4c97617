//! The two servers.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dormouse_server::{Running, Server};

use crate::http;
use crate::room::app;

/// Nothing takes longer, unless it is broken; an alarm is set to less from now.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that can be asked.
pub(crate) trait Host {
    fn address(&self) -> String;

    /// The body of a response that must be there.
    fn get(&self, path: &str) -> String {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        http::get(stream, path)
    }
}

/// In which language the alarm of the lobby rang, once it did.
pub(crate) fn rang(host: &impl Host) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rang = host.get("/lobby/rang");
        if rang != "not yet" {
            return rang;
        }
        assert!(Instant::now() < deadline, "it never rings");
        std::thread::yield_now();
    }
}

/// What the two are called: the folder `CLASS` of their data begins with it.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    /// As the project's wrangler file has it.
    Chat,
    /// None is given: one file of code, and an application that says nothing.
    Default,
}

/// `dormouse serve`, with the project or its one file.
pub(crate) struct TypeScript {
    process: Child,
    address: String,
}

impl TypeScript {
    pub(crate) fn start(name: Name, data: &Path) -> Self {
        let path = match name {
            Name::Chat => "tests/languages/project",
            Name::Default => "tests/languages/project/room.ts",
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DORMOUSE_")) {
            command.env_remove(name);
        }
        command.arg("serve").arg(path).args(["--listen", "127.0.0.1:0", "--data"]).arg(data);
        let mut process = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let mut log = String::new();
        while lines.read_line(&mut log).unwrap() > 0 {
            if let Some((_, address)) = log.rsplit_once("http://") {
                let address = address.split(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).next().unwrap().into();
                // It must not wait for somebody to read on.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                return Self { process, address };
            }
        }
        panic!("no server, {}: {log}", process.wait().unwrap());
    }
}

impl Host for TypeScript {
    fn address(&self) -> String {
        self.address.clone()
    }
}

/// Stops it as its operator would.
impl Drop for TypeScript {
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let _ = self.process.wait();
    }
}

/// A program that links the class in Rust.
pub(crate) struct Rust(Option<Running>);

impl Rust {
    pub(crate) fn start(name: Name, data: &Path) -> Self {
        let app = match name {
            Name::Chat => app().name("chat"),
            Name::Default => app(),
        };
        Self(Some(Server::builder().listen("127.0.0.1:0").data(data).start(app.try_into().unwrap()).unwrap()))
    }
}

impl Host for Rust {
    fn address(&self) -> String {
        self.0.as_ref().unwrap().local_addr().to_string()
    }
}

impl Drop for Rust {
    fn drop(&mut self) {
        if let Some(server) = self.0.take() {
            server.stop();
        }
    }
}
