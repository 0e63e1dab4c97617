//! Every socket gets its own messages back.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::Result;

use super::clients::Clients;
use super::message::{self, SENDERS_MAX, SIZE_MIN, Verb, Writer};
use super::traffic::{Counts, Length, Traffic, measure};
use super::{Report, Target};

/// Options of the mode `echo`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sockets.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..i64::from(SENDERS_MAX)))]
    sockets: u32,
    /// Objects that the sockets are spread over.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    objects: u32,
    /// Messages in flight per socket.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// Bytes of a message as it is sent, prefix included.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(i64::from(SIZE_MIN)..))]
    size: u16,
    #[command(flatten)]
    length: Length,
}

/// Sockets whose messages come back to them, whatever happens to a message on its way.
pub(super) struct Echo {
    sockets: Vec<Socket>,
    /// Sockets whose window is not full.
    due: Vec<usize>,
    window: usize,
    writer: Writer,
    in_flight: u64,
}

#[derive(Default)]
struct Socket {
    /// When each message in flight was sent, oldest first.
    sent: VecDeque<Instant>,
    /// Number of the next message to send.
    next: u64,
    /// Whether it is in `due`.
    due: bool,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    clients.open_all(target, (0..options.sockets).map(|index| format!("{prefix}-{}", index % options.objects)))?;
    let mut echo = Echo::new(options.sockets, options.window, Writer::new(Verb::Echo, options.size));
    let mut report = Report::new("echo");
    report.add("sockets", f64::from(options.sockets));
    report.add("objects", f64::from(options.objects));
    report.add("window", f64::from(options.window));
    measure(target, options.length, &mut clients, &mut echo, &mut report)?;
    Ok(report)
}

impl Echo {
    pub(super) fn new(sockets: u32, window: u32, writer: Writer) -> Self {
        let sockets = sockets as usize;
        Self {
            sockets: (0..sockets).map(|_| Socket { due: true, ..Socket::default() }).collect(),
            due: (0..sockets).collect(),
            window: window as usize,
            writer,
            in_flight: 0,
        }
    }

    /// How many messages of each socket have been answered.
    pub(super) fn answered(&self) -> impl Iterator<Item = u64> {
        self.sockets.iter().map(|socket| socket.next - socket.sent.len() as u64)
    }
}

impl Traffic for Echo {
    fn fill(&mut self, clients: &mut Clients) -> Result<()> {
        let now = Instant::now();
        for index in self.due.drain(..) {
            let socket = &mut self.sockets[index];
            socket.due = false;
            while socket.sent.len() < self.window {
                clients.queue(index, self.writer.write(index, socket.next));
                socket.next += 1;
                socket.sent.push_back(now);
                self.in_flight += 1;
            }
            clients.flush(index)?;
        }
        Ok(())
    }

    fn handle(&mut self, index: usize, text: &[u8], counts: &mut Counts) {
        counts.deliveries += 1;
        let socket = &mut self.sockets[index];
        let expected = socket.next - socket.sent.len() as u64;
        let fits = message::parse(text) == Some((index, expected)) && text.len() == self.writer.received_len();
        let Some(sent) = socket.sent.pop_front().filter(|_| fits) else {
            counts.wrong += 1;
            return;
        };
        self.in_flight -= 1;
        counts.latencies.add(sent.elapsed());
        if !socket.due {
            socket.due = true;
            self.due.push(index);
        }
    }

    fn in_flight(&self) -> u64 {
        self.in_flight
    }
}
