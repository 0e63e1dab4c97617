//! The servers that are compared: how each is started, found ready, and stopped.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::Options;
use crate::system;

/// How long a server may take until it listens.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// What a server says on stderr, in its data folder.
const LOG: &str = "bench-server.log";
/// How much of that is shown when a run has failed.
const LOG_LINES_SHOWN: usize = 5;

/// A server that can be started on an address.
#[derive(Debug)]
pub(super) struct Contender {
    name: String,
    /// Program and arguments, with places for `{addr}`, `{host}`, `{port}` and `{data}`.
    command: Vec<String>,
    /// What to do if the program is not there.
    hint: &'static str,
}

/// A running server; ends, with its data, when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    addr: SocketAddr,
    data: PathBuf,
}

/// The contenders asked for; if none are, all that are installed.
pub(super) fn select(options: &Options) -> Result<Vec<Contender>> {
    let mut all = all(options)?;
    if options.contenders.is_empty() {
        all.retain(|contender| contender.missing().is_none());
        return Ok(all);
    }
    // A contender of one's own is asked for by being given.
    let own = options.custom.iter().filter_map(|custom| Some(custom.split_once('=')?.0));
    let mut names: Vec<&str> = options.contenders.iter().map(String::as_str).collect();
    for name in own {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| {
            let place = all.iter().position(|contender| contender.name == name);
            let place = place.with_context(|| format!("there is no contender {name}; `bench list` shows them"))?;
            let contender = all.swap_remove(place);
            match contender.missing() {
                None => Ok(contender),
                Some(hint) => bail!("contender {name} is not installed: {hint}"),
            }
        })
        .collect()
}

/// All contenders that this driver knows of, installed or not.
pub(super) fn all(options: &Options) -> Result<Vec<Contender>> {
    let home = &options.home;
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
    let in_home = |path: &str| home.join(path).to_string_lossy().into_owned();
    let own = |program: &str| sibling(program).map(|path| path.to_string_lossy().into_owned());
    let workerd = |config: &str, extra: &[&str]| {
        let program = in_home(&format!("workerd/node_modules/@cloudflare/workerd-linux-{architecture}/bin/workerd"));
        let config = in_home(&format!("workerd/{config}"));
        let fixed = [&program, "serve", &config, "--socket-addr", "http={addr}"];
        fixed.iter().chain(extra).map(|part| (*part).to_owned()).collect()
    };
    let build = "run `cargo build --release`";
    let npm_bun = "run `npm ci` in bun/";
    let npm_workerd = "run `npm ci` in workerd/";
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let floor = own("floor")?;
    let bun = in_home("bun/node_modules/bun/bin/bun.exe");
    let mut contenders = vec![
        Contender::new("floor", words(&[&floor, "--listen", "{addr}"]), build),
        Contender::new("floor-tokio", words(&[&floor, "--listen", "{addr}", "--runtime", "tokio"]), build),
        Contender::new("dormouse", words(&[&home.join(&options.dormouse).to_string_lossy()]), "see --dormouse"),
        Contender::new("bun", words(&[&bun, &in_home("bun/server.js"), "{host}", "{port}"]), npm_bun),
        Contender::new("workerd", workerd("memory.capnp", &[]), npm_workerd),
        Contender::new("workerd-disk", workerd("disk.capnp", &["--directory-path", "objects={data}"]), npm_workerd),
    ];
    for custom in &options.custom {
        let (name, command) = custom.split_once('=').context("--custom is NAME=COMMAND")?;
        let command: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
        ensure!(!command.is_empty(), "--custom {name} has no command");
        contenders.push(Contender::new(name, command, "see --custom"));
    }
    Ok(contenders)
}

/// A program that is built together with this one.
pub(super) fn sibling(program: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("failed to find this program")?;
    Ok(own.with_file_name(program))
}

impl Contender {
    fn new(name: &str, command: Vec<String>, hint: &'static str) -> Self {
        Self { name: name.to_owned(), command, hint }
    }

    /// Its name, for tables and the command line.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What to do to install it; `None` if it is there.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let program = &self.command[0];
        // A bare name is looked up by the system.
        (program.contains('/') && !Path::new(program).is_file()).then_some(self.hint)
    }

    /// Starts it on a free port, pinned to a core if one is given, and waits until it listens.
    pub(super) fn start(&self, cpu: Option<usize>) -> Result<Server> {
        // Free now, and the kernel does not give it away again soon.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let data = std::env::temp_dir().join(format!("dormouse-bench-{}-{}", std::process::id(), addr.port()));
        fs::create_dir_all(&data).with_context(|| format!("failed to make the folder {}", data.display()))?;
        let mut parts = self.command.iter().map(|part| {
            part.replace("{addr}", &addr.to_string())
                .replace("{host}", &addr.ip().to_string())
                .replace("{port}", &addr.port().to_string())
                .replace("{data}", &data.to_string_lossy())
        });
        let mut command = Command::new(parts.next().unwrap_or_default());
        command
            .args(parts)
            .env("DORMOUSE_LISTEN", addr.to_string())
            .env("DORMOUSE_DATA", &data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(data.join(LOG)).context("failed to make a file for the server's log")?);
        let child =
            system::pinned(cpu, || command.spawn()).with_context(|| format!("failed to start {}", self.name))?;
        let mut server = Server { child, addr, data };
        if let Err(error) = server.wait_until_ready() {
            bail!("failed to reach {}: {error:#}\n{}", self.name, server.last_words());
        }
        Ok(server)
    }
}

impl Server {
    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The end of its log, for the message of a run that has failed.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read(self.data.join(LOG)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(LOG_LINES_SHOWN).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.addr).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            ensure!(start.elapsed() < START_PATIENCE, "it does not listen on {}", self.addr);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever fails here is gone already, or ends with the driver's temporary folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}
