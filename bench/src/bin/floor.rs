//! The lower bound as a program: a WebSocket echo and relay server that only moves bytes.

use std::net::SocketAddr;

use clap::Parser;
use dormouse_bench::floor::{self, Options, Runtime};

/// A WebSocket echo and relay server without objects and without checks. Not for any network that you do not own.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one. The address is printed once it is bound.
    #[arg(long, default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// Bare epoll, or a current-thread tokio runtime.
    #[arg(long, value_enum, default_value_t = Runtime::Epoll)]
    runtime: Runtime,
    /// Threads, each with a listener and rooms of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Pin thread i to core CPU + i.
    #[arg(long)]
    cpu: Option<usize>,
}

fn main() -> std::io::Result<()> {
    let Arguments { listen, runtime, threads, cpu } = Arguments::parse();
    let options = Options { listen, runtime, threads: usize::from(threads), cpu };
    floor::run(&options, |address| println!("listening on {address}"))
}
