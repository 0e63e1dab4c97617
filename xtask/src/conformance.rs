//! `cargo xtask conformance`: what workerd says to the tests in `conformance`, compared with what is recorded.
//!
//! The record is what Dormouse is held against by `crates/js/tests/apis`; this command makes sure that the record is
//! true. It refuses to pass when workerd is not there. Nothing is left behind: neither the configuration nor what the
//! objects stored.

use std::collections::BTreeSet;
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
/// What tests import: they are no tests themselves.
const HELPERS: [&str; 2] = ["transcript", "sections"];

/// What a test consists of. Each has its folder in `conformance`.
#[derive(Clone, Copy)]
enum Kind {
    /// A Worker without state.
    Api,
    /// A Worker with the class `Subject`, whose objects store in SQLite on a disk; bound as `SUBJECT`.
    Object,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Api, Self::Object];

    fn folder(self) -> &'static str {
        match self {
            Self::Api => "apis",
            Self::Object => "objects",
        }
    }
}

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
    let mut found = false;
    for (kind, name) in tests(&folder)? {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        found = true;
        let said = ask(&folder, kind, &name).with_context(|| format!("test {name} on workerd"))?;
        let path = folder.join(format!("{}/{name}.txt", kind.folder()));
        if record {
            fs::write(&path, &said)?;
            check(&said).with_context(|| format!("the transcript of {name}"))?;
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
    if !found {
        bail!("no test is called {}", only.unwrap_or("anything"));
    }
    println!("conformance: {equal} observations of workerd {}", if record { "recorded" } else { "as recorded" });
    if !different.is_empty() {
        bail!("workerd says something else to: {}; look at it with `--record`", different.join(", "));
    }
    Ok(())
}

fn tests(conformance: &Path) -> Result<Vec<(Kind, String)>> {
    let mut tests = Vec::new();
    for kind in Kind::ALL {
        let mut names = Vec::new();
        for file in fs::read_dir(conformance.join(kind.folder()))? {
            let path = file?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|ending| ending == "js") && !HELPERS.contains(&stem) {
                names.push(stem.to_owned());
            }
        }
        names.sort();
        tests.extend(names.into_iter().map(|name| (kind, name)));
    }
    Ok(tests)
}

/// Fails unless a transcript can be compared line by line: the test ran to its end, and no two lines share a label.
fn check(said: &str) -> Result<()> {
    let mut labels = BTreeSet::new();
    for line in said.lines() {
        let (label, rest) = line.split_once(": ").with_context(|| format!("a line without a label: {line}"))?;
        if label.starts_with("STOPPED") {
            bail!("it stopped: {rest}");
        }
        if !labels.insert(label) {
            bail!("two lines are called `{label}`");
        }
    }
    Ok(())
}

/// What workerd answers to one test. What it logs is shown only if it does not answer: tests provoke errors.
fn ask(folder: &Path, kind: Kind, name: &str) -> Result<String> {
    let config = Config::write(folder, kind, name)?;
    serve(folder, &config).inspect_err(|_| eprint!("{}", fs::read_to_string(&config.log).unwrap_or_default()))
}

fn serve(folder: &Path, config: &Config) -> Result<String> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
    let program = folder.join(format!("node_modules/@cloudflare/workerd-linux-{architecture}/bin/workerd"));
    if !program.is_file() {
        bail!("workerd is not there: {}", program.display());
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(program);
    command.arg("serve").arg(&config.path).arg("--socket-addr").arg(format!("http={address}"));
    command.stdout(Stdio::null()).stderr(fs::File::create(&config.log)?);
    let mut server = Server(command.spawn().context("cannot start workerd")?);
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
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("workerd answers {head}");
    }
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

/// A configuration beside the tests, a folder for what objects store, and a log, as long as they are needed.
struct Config {
    path: PathBuf,
    storage: PathBuf,
    log: PathBuf,
}

impl Config {
    fn write(conformance: &Path, kind: Kind, name: &str) -> Result<Self> {
        let folder = conformance.join(kind.folder());
        let beside = |ending: &str| folder.join(format!(".{name}.{ending}"));
        let config = Self { path: beside("capnp"), storage: beside("storage"), log: beside("log") };
        config.remove();
        let (service, worker) = match kind {
            Kind::Api => (String::new(), String::new()),
            Kind::Object => (config.disk()?, OBJECTS.replace("NAME", name)),
        };
        let text = format!(
            r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .mainWorker){service}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const mainWorker :Workerd.Worker = (
  modules = [
    (name = "{name}.js", esModule = embed "{name}.js"),
    (name = "transcript.js", esModule = embed "../apis/transcript.js"),
    (name = "sections.js", esModule = embed "../objects/sections.js"),
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",{worker}
);
"#
        );
        fs::write(&config.path, text)?;
        Ok(config)
    }

    /// The service that keeps what objects store.
    fn disk(&self) -> Result<String> {
        fs::create_dir_all(&self.storage)?;
        let path = self.storage.to_str().context("a path that is no text")?;
        Ok(format!(r#", (name = "disk", disk = (path = "{path}", writable = true))"#))
    }

    fn remove(&self) {
        // They may be gone with their folder.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.log);
        let _ = fs::remove_dir_all(&self.storage);
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What a Worker has more when it has objects.
const OBJECTS: &str = r#"
  durableObjectNamespaces = [(className = "Subject", uniqueKey = "NAME-Subject", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "SUBJECT", durableObjectNamespace = "Subject")],"#;
