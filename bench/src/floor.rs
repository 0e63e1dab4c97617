//! The lower bound: what it costs to accept a socket, unmask a frame and write it on, with nothing around it.
//!
//! Two servers, one protocol. [`epoll`] is the bare system calls; [`tokio`] is the same work in the shape that
//! Dormouse's runtime has: a current-thread runtime, `readable` and `try_read` into one scratch buffer, `try_write`
//! straight to the receiver, one task per socket. Their difference is the price of the reactor.
//!
//! All sockets of a room live on the thread that the room's name hashes to; a connection accepted elsewhere moves there
//! once, after its handshake, so no frame ever crosses a thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::system;

/// Bare system calls.
mod epoll;
/// Who is in which room, for the epoll floor.
mod rooms;
/// What the bytes of one connection ask for.
mod session;
/// The same on a current-thread tokio runtime.
mod tokio;

/// Connections waiting for `accept`: enough for a load generator that opens thousands at once.
const BACKLOG: i32 = 4096;
/// One read takes at most this much; also the size of each thread's only read buffer.
const SCRATCH_LEN: usize = 64 * 1024;
/// Connections on their way to another thread.
const HANDOVERS_MAX: usize = 1024;

/// Which of the two floors to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Runtime {
    /// Raw epoll.
    Epoll,
    /// A current-thread tokio runtime per thread.
    Tokio,
}

/// How to run a floor.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Which floor.
    pub runtime: Runtime,
    /// How many threads, each with a listener of its own.
    pub threads: usize,
    /// Pins thread `i` to core `cpu + i`.
    pub cpu: Option<usize>,
}

/// Runs a floor until the process ends; `ready` is told the address before the first connection is accepted.
///
/// # Errors
/// The address cannot be listened on, a core does not exist, or a listener broke.
pub fn run(options: &Options, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    system::raise_open_files();
    let first = listen(options.listen)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..options.threads {
        listeners.push(listen(address)?);
    }
    ready(address);
    match options.runtime {
        Runtime::Epoll => spawn(options, epoll::threads(listeners)?, epoll::Thread::run),
        Runtime::Tokio => spawn(options, tokio::threads(listeners), tokio::Thread::run),
    }
}

/// Runs the last thread on the caller's and the others beside it; returns the first failure of any of them.
fn spawn<T: Send + 'static>(options: &Options, threads: Vec<T>, run: fn(T) -> io::Result<()>) -> io::Result<()> {
    let handles: Vec<_> = threads
        .into_iter()
        .enumerate()
        .map(|(index, thread)| {
            let cpu = options.cpu.map(|cpu| cpu + index);
            thread::Builder::new().name(format!("floor-{index}")).spawn(move || {
                cpu.map_or(Ok(()), system::pin)?;
                run(thread)
            })
        })
        .collect::<io::Result<_>>()?;
    handles.into_iter().try_for_each(|handle| handle.join().map_err(|_| io::Error::other("a floor thread panicked"))?)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// The thread that a room lives on.
fn home(account: &str, threads: usize) -> usize {
    // FNV-1a: the same on every thread, and nothing secret depends on it.
    let hash = account
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash % threads as u64) as usize
}
