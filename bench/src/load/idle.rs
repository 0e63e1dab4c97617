//! What an idle socket costs in user memory, right after opening and after the server had time to hibernate.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::clients::Clients;
use super::message::{self, SENDERS_MAX, SIZE_MIN, Verb, Writer};
use super::{Report, Target};
use crate::process::{self, Memory};

/// How long the server rests before the first reading.
const REST: Duration = Duration::from_secs(1);

/// Options of the mode `idle`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sockets.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..i64::from(SENDERS_MAX)))]
    sockets: u32,
    /// Objects that the sockets are spread over.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    objects: u32,
    /// Sockets opened and used before the first reading, so that one-time costs are not counted.
    #[arg(long, default_value_t = 100)]
    warm: u32,
    /// Send one message on every socket before the last reading but one: buffers that it leaves behind count.
    #[arg(long)]
    touch: bool,
    /// Seconds to wait before the last reading: longer than the server takes to hibernate.
    #[arg(long, default_value_t = 13.0)]
    settle: f64,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let pid = target.pid.context("the mode `idle` reads the server's memory and needs --pid")?;
    let read = || process::memory(pid).with_context(|| format!("failed to read the memory of process {pid}"));
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    let (warm, sockets) = (options.warm as usize, options.sockets as usize);
    // The warm ones are spread like the others: with one object per socket, objects are warmed too.
    let of = |index: u32| index % options.objects;
    clients.open_all(target, (0..options.warm).map(|index| format!("{prefix}-warm-{}", of(index))))?;
    touch(&mut clients, 0, warm)?;
    wait(&mut clients, REST)?;
    let before = read()?;

    clients.open_all(target, (0..options.sockets).map(|index| format!("{prefix}-{}", of(index))))?;
    if options.touch {
        touch(&mut clients, warm, sockets)?;
    }
    let open = read()?;
    wait(&mut clients, Duration::try_from_secs_f64(options.settle)?)?;
    let settled = read()?;
    // Whatever was put to sleep must still be there.
    touch(&mut clients, 0, warm + sockets).context("a socket that has idled does not answer")?;

    let each = |now: u64, then: u64| ((now as f64 - then as f64) / f64::from(options.sockets)).round();
    let mut report = Report::new("idle");
    report.add("sockets", f64::from(options.sockets));
    report.add("objects", f64::from(options.objects));
    report.add("base_rss_kb", (before.rss / 1024) as f64);
    let mut add = |keys: [&'static str; 3], now: Memory| {
        report.add(keys[0], each(now.rss, before.rss));
        report.add(keys[1], each(now.pss, before.pss));
        report.add(keys[2], each(now.private_dirty, before.private_dirty));
    };
    add(["open_rss_b", "open_pss_b", "open_dirty_b"], open);
    add(["idle_rss_b", "idle_pss_b", "idle_dirty_b"], settled);
    Ok(report)
}

/// Sends one message on each of `count` sockets, from `first` on, and waits for all answers.
pub(super) fn touch(clients: &mut Clients, first: usize, count: usize) -> Result<()> {
    ask(clients, Verb::Echo, first, count)
}

/// The same with another verb.
pub(super) fn ask(clients: &mut Clients, verb: Verb, first: usize, count: usize) -> Result<()> {
    let mut writer = Writer::new(verb, SIZE_MIN);
    for index in first..first + count {
        clients.queue(index, writer.write(index, 0));
        clients.flush(index)?;
    }
    let mut missing = count;
    if missing == 0 {
        return Ok(());
    }
    clients.poll_until(|index, text| {
        missing -= usize::from(message::parse(text) == Some((index, 0)));
        missing == 0
    })
}

/// Lets time pass; pings are answered meanwhile.
pub(super) fn wait(clients: &mut Clients, length: Duration) -> Result<()> {
    let end = Instant::now() + length;
    while let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        clients.poll(rest, |_, _| ())?;
    }
    Ok(())
}
