//! `cargo xtask conformance`: what workerd says to the tests in `conformance/apis`, compared with what is recorded.
//!
//! The record is what Dormouse is held against by `crates/js/tests/apis`; this command makes sure that the record is
//! true. It refuses to pass when workerd is not there.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// How long workerd may take to start and to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Behaviour that both are held to.
const COMPATIBILITY_DATE: &str = "2026-11-01";

pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (record, only) = match options {
        [] => (false, None),
        ["--record"] => (true, None),
        ["--record", name] => (true, Some(*name)),
        [name] if !name.starts_with('-') => (false, Some(*name)),
        _ => bail!("usage: cargo xtask conformance [--record] [NAME]"),
    };
    let folder = shell::root().join("conformance");
    shell::run_in(&folder, "npm ci --no-audit --no-fund --silent", &[])?;
    let (mut equal, mut different) = (0, Vec::new());
    for name in names(&folder.join("apis"))? {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let said = ask(&folder, &name).with_context(|| format!("test {name} on workerd"))?;
        let path = folder.join(format!("apis/{name}.txt"));
        if record {
            fs::write(&path, &said)?;
            equal += said.lines().count();
            continue;
        }
        let recorded = fs::read_to_string(&path).with_context(|| format!("{name} was never recorded"))?;
        if recorded == said {
            equal += said.lines().count();
        } else {
            different.push(name);
        }
    }
    println!("conformance: {equal} observations of workerd {}", if record { "recorded" } else { "as recorded" });
    if !different.is_empty() {
        bail!("workerd says something else to: {}; look at it with `--record`", different.join(", "));
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|ending| ending == "js") && stem != "transcript" {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What workerd answers to one test.
fn ask(folder: &Path, name: &str) -> Result<String> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
    let program = folder.join(format!("node_modules/@cloudflare/workerd-linux-{architecture}/bin/workerd"));
    if !program.is_file() {
        bail!("workerd is not there: {}", program.display());
    }
    let config = Config::write(folder, name)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(program);
    command.arg("serve").arg(&config.0).arg("--socket-addr").arg(format!("http={address}"));
    let mut server = Server(command.stdout(Stdio::null()).spawn().context("cannot start workerd")?);
    let deadline = Instant::now() + PATIENCE;
    let mut stream = loop {
        if let Ok(stream) = TcpStream::connect(&address) {
            break stream;
        }
        if let Some(status) = server.0.try_wait()? {
            bail!("workerd ended with {status}");
        }
        if Instant::now() > deadline {
            bail!("workerd does not listen");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /path?query=1 HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP response")?;
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return unchunk(body);
    }
    Ok(body.to_owned())
}

/// The text of a chunked body (RFC 9112, section 7.1).
fn unchunk(body: &str) -> Result<String> {
    let (mut text, mut rest) = (String::new(), body);
    loop {
        let (size, after) = rest.split_once("\r\n").context("a chunk without a size")?;
        let size = usize::from_str_radix(size, 16)?;
        if size == 0 {
            return Ok(text);
        }
        text += after.get(..size).context("a chunk that is cut")?;
        rest = after.get(size + 2..).context("a chunk that is cut")?;
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A configuration beside the tests, as long as it is needed.
struct Config(PathBuf);

impl Config {
    fn write(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("apis/.{name}.capnp"));
        let text = format!(
            r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .mainWorker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const mainWorker :Workerd.Worker = (
  modules = [
    (name = "{name}.js", esModule = embed "{name}.js"),
    (name = "transcript.js", esModule = embed "transcript.js"),
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
);
"#
        );
        fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = fs::remove_file(&self.0);
    }
}
