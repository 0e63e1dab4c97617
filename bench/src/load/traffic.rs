//! Traffic in steady state: windows, phases, and what is measured around them.
//!
//! A phase sends for a while, then only waits until nothing is in flight. The server is idle before and after, so the
//! CPU time between two readings belongs exactly to the messages that were counted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::clients::{Clients, PATIENCE};
use super::{Report, Target, own_cpu};
use crate::stats::Latencies;
use crate::{disk, process};

/// How long to send.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Length {
    /// Length of the measured phase, in seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Length of the phase before it, in seconds: caches and compilers warm up, nothing is counted.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
}

/// What a phase counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Messages that reached a receiver.
    pub(super) deliveries: u64,
    /// Deliveries that were not the next that the receiver expected: doubled, reordered, or not ours.
    pub(super) wrong: u64,
    /// From sending to the arrival at the last receiver.
    pub(super) latencies: Latencies,
}

/// Who sends when, and what must arrive.
pub(super) trait Traffic {
    /// Sends whatever the windows allow.
    fn fill(&mut self, clients: &mut Clients) -> Result<()>;

    /// A message has reached socket `index`.
    fn handle(&mut self, index: usize, text: &[u8], counts: &mut Counts);

    /// Deliveries still to come.
    fn in_flight(&self) -> u64;
}

/// What the server has asked of its disk so far, as far as the target says where to look.
struct Disk {
    syncs: Option<u64>,
    flushes: Option<u64>,
}

impl Disk {
    fn read(target: &Target) -> Result<Self> {
        let syncs = target.syncs.as_deref().map(disk::count_syncs).transpose();
        let syncs = syncs.context("failed to read the log of the server's syncs")?;
        Ok(Self { syncs, flushes: target.data.as_deref().and_then(disk::flushes) })
    }
}

/// Runs the phase that is not counted and the one that is, and adds the figures to `report`.
pub(super) fn measure(
    target: &Target,
    length: Length,
    clients: &mut Clients,
    traffic: &mut impl Traffic,
    report: &mut Report,
) -> Result<()> {
    let mut counts = Counts::default();
    phase(clients, traffic, &mut counts, Duration::try_from_secs_f64(length.warmup)?)?;
    let wrong_before = std::mem::take(&mut counts.wrong);
    counts.deliveries = 0;
    counts.latencies.clear();

    let disk = Disk::read(target)?;
    let (server, own, machine, start) = (target.server_cpu()?, own_cpu()?, process::machine_ns()?, Instant::now());
    phase(clients, traffic, &mut counts, Duration::try_from_secs_f64(length.seconds)?)?;
    let elapsed = start.elapsed();
    let machine = process::machine_ns()?.saturating_sub(machine);
    let own = own_cpu()? - own;
    let server = server.zip(target.server_cpu()?).map(|(before, after)| after - before);

    let disk_now = Disk::read(target)?;
    let others = server.map(|cpu| machine.saturating_sub(cpu.exact_ns + own.exact_ns));

    let deliveries = counts.deliveries.max(1) as f64;
    let each_us = |nanos: u64| nanos as f64 / 1000.0 / deliveries;
    let [p50, p99, max] = counts.latencies.percentiles_us([50.0, 99.0, 100.0]);
    report.add("deliveries", counts.deliveries as f64);
    report.add("per_s", (counts.deliveries as f64 / elapsed.as_secs_f64()).round());
    report.add_some("server_us", server.map(|cpu| each_us(cpu.exact_ns)));
    report.add_some("server_ticks_us", server.map(|cpu| each_us(cpu.ticks_ns)));
    report.add_some("server_busy", server.map(|cpu| cpu.exact_ns as f64 / elapsed.as_nanos() as f64));
    report.add("load_us", each_us(own.exact_ns));
    report.add("load_busy", own.exact_ns as f64 / elapsed.as_nanos() as f64);
    report.add_some("others_busy", others.map(|nanos| nanos as f64 / elapsed.as_nanos() as f64));
    report.add("p50_us", p50);
    report.add("p99_us", p99);
    report.add("max_us", max);
    let each = |before: Option<u64>, now: Option<u64>| Some((now? - before?) as f64 / deliveries);
    report.add_some("syncs", each(disk.syncs, disk_now.syncs));
    report.add_some("flushes", each(disk.flushes, disk_now.flushes));
    report.add("lost", traffic.in_flight() as f64);
    report.add("wrong", (counts.wrong + wrong_before) as f64);
    Ok(())
}

/// Sends for `length`, then waits until all has arrived or nothing has come for [`PATIENCE`].
fn phase(clients: &mut Clients, traffic: &mut impl Traffic, counts: &mut Counts, length: Duration) -> Result<()> {
    let deadline = Instant::now() + length;
    let mut last_arrival = Instant::now();
    loop {
        let now = Instant::now();
        if now < deadline {
            traffic.fill(clients)?;
        } else if traffic.in_flight() == 0 || now - last_arrival > PATIENCE {
            return Ok(());
        }
        let before = counts.deliveries;
        clients.poll(Duration::from_millis(10), |index, text| traffic.handle(index, text, counts))?;
        if counts.deliveries > before {
            last_arrival = now;
        }
    }
}
