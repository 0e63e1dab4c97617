//! The load generator: one thread, raw epoll, and a measurement of the server from outside.
//!
//! Every mode checks what it measures: each message carries its sender and a number, each receiver expects each
//! sender's numbers in order, and a message that is missing, doubled or out of order fails the run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::handshake;
use crate::process::{self, Cpu};
use crate::system;

/// The sockets and the loop around them.
mod clients;
/// Text of a message: who sent it, and which one it is.
mod message;
/// The one line that a run prints.
mod report;
/// Traffic in steady state, its windows and its measured phases.
mod traffic;

/// Every socket gets its own messages back.
mod echo;
/// Sockets of new objects, and what happens to memory as they idle.
mod idle;
/// Opening a socket to a new object.
mod open;
/// One message, delivered to all others of its object.
mod relay;
/// The first answer of an object that has slept.
mod wake;

/// The first answer of a database that is not open.
mod cold;
/// What an open database costs in memory.
mod databases;
/// Objects with something in storage, for the modes that need some.
mod prepare;
/// One row per message, written or read.
mod rows;

pub use report::Report;
pub use traffic::Length;

/// The server to drive, and how.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// Address of the server.
    #[arg(long, default_value = "127.0.0.1:8790")]
    pub addr: SocketAddr,
    /// Path of the WebSocket.
    #[arg(long, default_value = handshake::PATH)]
    pub path: String,
    /// First part of each account's name; a number follows. By default a name that no earlier run has used.
    #[arg(long)]
    pub account: Option<String>,
    /// A further header of the handshake, as `Name: value`. May be given several times.
    #[arg(long)]
    pub header: Vec<String>,
    /// Process of the server: its CPU time and memory are measured.
    #[arg(long)]
    pub pid: Option<u32>,
    /// Log of `strace -f -e trace=fsync,…` on the server: the syncs in it are counted.
    #[arg(long)]
    pub syncs: Option<PathBuf>,
    /// Folder of the server's data: flushes of the disk below it are counted.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Pin this program to a core.
    #[arg(long)]
    pub cpu: Option<usize>,
    /// Never sleep in `epoll_wait`: takes a core, and the server then does not pay for waking this program.
    #[arg(long)]
    pub spin: bool,
    /// Print JSON, one object on one line.
    #[arg(long)]
    pub json: bool,
}

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub enum Mode {
    /// Every socket keeps WINDOW messages in flight; the server answers each.
    Echo(echo::Options),
    /// A few sockets send; every message must reach all others of its object.
    Relay(relay::Options),
    /// Opens sockets to new objects, one after the other, and times each.
    Open(open::Options),
    /// Opens sockets, holds them, and reads the server's memory before and after.
    Idle(idle::Options),
    /// Lets objects fall asleep and times the first answer of each.
    Wake(wake::Options),
    /// Every socket has its own object write a row per message; then all rows must be there.
    Write(rows::Options),
    /// Every socket has its own object read a row per message. The objects must be filled: see `prepare`.
    Read(rows::Options),
    /// Opens sockets, has each object write a row, and reads the server's memory before and after.
    Databases(databases::Options),
    /// Asks objects for a row, one after the other, and times the first byte of each answer. See `prepare`.
    Cold(cold::Options),
    /// Makes objects that have rows or alarms.
    Prepare(prepare::Options),
}

/// Runs one mode.
///
/// # Errors
/// The server cannot be reached, closed a socket, or did not answer; or its process cannot be read. Lost messages are
/// not an error here: the report counts them, see [`Report::failures`].
pub fn run(target: &Target, mode: &Mode) -> Result<Report> {
    system::raise_open_files();
    if let Some(cpu) = target.cpu {
        system::pin(cpu).with_context(|| format!("failed to pin to core {cpu}"))?;
    }
    match mode {
        Mode::Echo(options) => echo::run(target, options),
        Mode::Relay(options) => relay::run(target, options),
        Mode::Open(options) => open::run(target, options),
        Mode::Idle(options) => idle::run(target, options),
        Mode::Wake(options) => wake::run(target, options),
        Mode::Write(options) => rows::write(target, options),
        Mode::Read(options) => rows::read(target, options),
        Mode::Databases(options) => databases::run(target, options),
        Mode::Cold(options) => cold::run(target, options),
        Mode::Prepare(options) => prepare::run(target, options),
    }
}

impl Target {
    /// The first part of account names.
    fn account_prefix(&self) -> String {
        self.account.clone().unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("bench-{:x}-{:x}", std::process::id(), now.as_micros())
        })
    }

    /// CPU time of the server so far.
    fn server_cpu(&self) -> Result<Option<Cpu>> {
        let Some(pid) = self.pid else { return Ok(None) };
        Ok(Some(process::cpu(pid).with_context(|| format!("failed to read the CPU time of process {pid}"))?))
    }
}

/// CPU time of this program so far.
fn own_cpu() -> Result<Cpu> {
    process::cpu(std::process::id()).context("failed to read this program's CPU time")
}
