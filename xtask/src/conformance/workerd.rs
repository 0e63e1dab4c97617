//! workerd, with one test loaded, for as long as it takes to ask.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Kind;
use super::client;
use super::script::{self, Place};

/// How long workerd may take to start and to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Behaviour that both are held to.
const COMPATIBILITY_DATE: &str = "2026-11-01";
/// It takes ten seconds until an object hibernates that nobody asks for anything; and then a moment.
const SLEEP: Duration = Duration::from_secs(12);
/// How a test begins that needs flags.
const FLAGS: &str = "// flags: ";

/// What workerd answers to one test. What it logs is shown only if it does not answer: tests provoke errors.
pub(crate) fn ask(folder: &Path, kind: Kind, name: &str) -> Result<String> {
    let config = Config::write(folder, kind, name)?;
    let said = Server::start(folder, &config).and_then(|server| server.ask(kind));
    said.inspect_err(|_| eprint!("{}", fs::read_to_string(&config.log).unwrap_or_default()))
}

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, config: &Config) -> Result<Self> {
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
        let mut server = Self { process: command.spawn().context("cannot start workerd")?, address };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&server.address).is_err() {
            if let Some(status) = server.process.try_wait()? {
                bail!("workerd ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("workerd does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn ask(&self, kind: Kind) -> Result<String> {
        if let Kind::Socket = kind {
            let place = Place { address: self.address.clone(), sleep: SLEEP, patience: PATIENCE };
            return script::run(&place).map_err(anyhow::Error::msg);
        }
        let answer = client::get(&self.address, "example.com", "/path?query=1", PATIENCE)?;
        if answer.status != 200 {
            bail!("workerd answers {}: {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
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
        let script = fs::read_to_string(folder.join(format!("{name}.js")))?;
        let flags = script.lines().next().and_then(|line| line.strip_prefix(FLAGS)).unwrap_or_default();
        let flags: Vec<String> = flags.split_whitespace().map(|flag| format!("{flag:?}")).collect();
        let flags = flags.join(", ");
        let (services, worker) = match kind {
            Kind::Api => (String::new(), String::new()),
            Kind::Object => (config.disk()?, with_objects(name, "")),
            Kind::Socket => (config.disk()? + NETWORK, with_objects(name, HOP)),
        };
        let text = format!(
            r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .mainWorker){services}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const mainWorker :Workerd.Worker = (
  modules = [
    (name = "{name}.js", esModule = embed "{name}.js"),
    (name = "transcript.js", esModule = embed "../apis/transcript.js"),
    (name = "sections.js", esModule = embed "../objects/sections.js"),
    (name = "cases.js", esModule = embed "../sockets/cases.js"),
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  compatibilityFlags = [{flags}],{worker}
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
fn with_objects(name: &str, more: &str) -> String {
    format!(
        r#"
  durableObjectNamespaces = [(className = "Subject", uniqueKey = "{name}-Subject", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "SUBJECT", durableObjectNamespace = "Subject"){more}],"#
    )
}

/// Another entry of the same Worker, as a service.
const HOP: &str = r#", (name = "HOP", service = (name = "main", entrypoint = "Hop"))"#;

/// A Worker that asks for itself does so over this machine.
const NETWORK: &str = r#", (name = "internet", network = (allow = ["private", "local"]))"#;
