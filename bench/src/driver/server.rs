//! A contender at work: started, found ready, stopped; and the folder that it keeps its data in.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::contender::Contender;
use super::scenario::Worker;
use crate::{disk, system};

/// How long a server may take until it listens, or until it has ended when asked to.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often to look. Short, as it is the error of a start-up time.
const GLANCE: Duration = Duration::from_millis(1);

/// How much of its log is shown when a run has failed.
const LOG_LINES_SHOWN: usize = 5;

/// A folder for one server's data, its log and the log of its syncs; goes with its last user.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a new one below `root`.
    pub(super) fn new(root: &Path) -> Result<Rc<Self>> {
        let mut number = 0;
        let path = loop {
            let path = root.join(format!("run-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => {
                    return Err(error).with_context(|| format!("failed to make the folder {}", path.display()));
                }
            }
        };
        let folder = Self { path };
        fs::create_dir(folder.data()).context("failed to make a folder for data")?;
        Ok(Rc::new(folder))
    }

    /// What the server is given.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// What `strace` writes.
    pub(super) fn syncs(&self) -> PathBuf {
        self.path.join("syncs.log")
    }

    /// What the server says on stderr.
    fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays for its owner to see.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A running server; ends when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    addr: SocketAddr,
    folder: Rc<Folder>,
    started: Instant,
    /// From its start until a connection was accepted.
    listening: Duration,
}

/// How to run a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) worker: Worker,
    /// Its core.
    pub(super) cpu: Option<usize>,
    /// What becomes of its syncs.
    pub(super) syncs: Syncs,
}

/// What becomes of a server's syncs. All but the first need `strace`, and slow the server down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncs {
    /// They go to the disk, and nobody watches.
    Untouched,
    /// They are logged, see [`Folder::syncs`].
    Logged,
    /// They do nothing and succeed: a server that asks for several of them per object would take a quarter of an hour
    /// for a hundred thousand objects.
    Skipped,
}

impl Server {
    /// Starts a contender on a free port and waits until it listens.
    pub(super) fn start(contender: &Contender, run: Run, folder: &Rc<Folder>) -> Result<Self> {
        let name = contender.name();
        let program = contender.program(run.worker).with_context(|| format!("{name} has no such worker"))?;
        // Free now, and the kernel does not give it away again soon.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let data = folder.data();
        let mut parts = tracer(run, folder);
        parts.extend(program.command.iter().map(|part| {
            part.replace("{addr}", &addr.to_string())
                .replace("{host}", &addr.ip().to_string())
                .replace("{port}", &addr.port().to_string())
                .replace("{data}", &data.to_string_lossy())
        }));
        let mut command = Command::new(&parts[0]);
        command
            .args(&parts[1..])
            .env("DORMOUSE_LISTEN", addr.to_string())
            .env("DORMOUSE_DATA", &data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.log()).context("failed to make a file for the server's log")?);
        let started = Instant::now();
        let child = system::pinned(run.cpu, || command.spawn()).with_context(|| format!("failed to start {name}"))?;
        let mut server = Server { child, addr, folder: Rc::clone(folder), started, listening: Duration::ZERO };
        if let Err(error) = server.wait_until_ready() {
            bail!("failed to reach {name}: {error:#}\n{}", server.last_words());
        }
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// When it was started.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// From its start until a connection was accepted.
    pub(super) fn listening(&self) -> Duration {
        self.listening
    }

    /// The end of its log, for the message of a run that has failed.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read(self.folder.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(LOG_LINES_SHOWN).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Asks it to end and waits until it has, so that its data is as a clean stop leaves it.
    pub(super) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("failed to name the server")?;
        kill_process(pid, Signal::TERM).context("failed to ask the server to end")?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(start.elapsed() < PATIENCE, "the server does not end\n{}", self.last_words());
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        while TcpStream::connect(self.addr).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            ensure!(self.started.elapsed() < PATIENCE, "it does not listen on {}", self.addr);
            thread::sleep(GLANCE);
        }
        self.listening = self.started.elapsed();
        Ok(())
    }
}

/// What to put before a server's command for its syncs. The server stays this driver's own child (`-D`), and only syncs
/// stop it (`--seccomp-bpf`).
fn tracer(run: Run, folder: &Folder) -> Vec<String> {
    let calls = disk::SYNC_CALLS;
    let log = folder.syncs().to_string_lossy().into_owned();
    let (filter, log) = match run.syncs {
        Syncs::Untouched => return Vec::new(),
        Syncs::Logged => (format!("trace={calls}"), log),
        Syncs::Skipped => (format!("inject={calls}:retval=0"), "/dev/null".to_owned()),
    };
    let parts = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-e", &filter, "-o", &log];
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// Whether there is a `strace` that may be used.
pub(super) fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "--seccomp-bpf", "-qq", "-e", "trace=sync", "true"]);
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whatever fails here is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
