//! What an open database costs in memory: objects that have only answered, beside the same ones with a row written.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::clients::Clients;
use super::idle::{ask, touch, wait};
use super::message::{SENDERS_MAX, Verb};
use super::{Report, Target};
use crate::process::{self, Memory};

/// How long the server rests before each reading.
const REST: Duration = Duration::from_secs(1);
/// Servers put an object to sleep after ten seconds without an event: by then the readings must be over.
const AWAKE_MAX: Duration = Duration::from_secs(10);

/// Options of the mode `databases`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Objects, each with one socket.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..i64::from(SENDERS_MAX)))]
    objects: u32,
    /// Objects that are opened and have written before the first reading, so that one-time costs are not counted.
    #[arg(long, default_value_t = 100)]
    warm: u32,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let pid = target.pid.context("the mode `databases` reads the server's memory and needs --pid")?;
    let read = || process::memory(pid).with_context(|| format!("failed to read the memory of process {pid}"));
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    let (warm, objects) = (options.warm as usize, options.objects as usize);
    clients.open_all(target, (0..options.warm).map(|index| format!("{prefix}-warm-{index}")))?;
    touch(&mut clients, 0, warm)?;
    ask(&mut clients, Verb::Write, 0, warm)?;
    wait(&mut clients, REST)?;
    let before = read()?;

    clients.open_all(target, (0..options.objects).map(|index| format!("{prefix}-{index}")))?;
    let opened = awake(&mut clients, |clients| touch(clients, warm, objects))?;
    let without = read()?;
    opened.check()?;
    let wrote = awake(&mut clients, |clients| ask(clients, Verb::Write, warm, objects))?;
    let with = read()?;
    wrote.check()?;

    let each = |now: u64, then: u64| ((now as f64 - then as f64) / f64::from(options.objects)).round();
    let mut report = Report::new("databases");
    report.add("objects", f64::from(options.objects));
    report.add("base_rss_kb", (before.rss / 1024) as f64);
    let mut add = |keys: [&'static str; 3], now: Memory, then: Memory| {
        report.add(keys[0], each(now.private_dirty, then.private_dirty));
        report.add(keys[1], each(now.rss, then.rss));
        report.add(keys[2], each(now.pss, then.pss));
    };
    add(["written_dirty_b", "written_rss_b", "written_pss_b"], with, before);
    add(["silent_dirty_b", "silent_rss_b", "silent_pss_b"], without, before);
    Ok(report)
}

/// Since when objects may have been silent.
struct Awake(Instant);

impl Awake {
    fn check(&self) -> Result<()> {
        let silent = self.0.elapsed();
        ensure!(silent < AWAKE_MAX, "it took {silent:.1?}: the first objects may be asleep; take fewer of them");
        Ok(())
    }
}

/// Has all objects do something and rests.
fn awake(clients: &mut Clients, work: impl FnOnce(&mut Clients) -> Result<()>) -> Result<Awake> {
    let start = Awake(Instant::now());
    work(clients)?;
    wait(clients, REST)?;
    Ok(start)
}
