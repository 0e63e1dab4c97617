//! The first answer of an object that has slept, beside the next one, when it is awake.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::clients::Clients;
use super::idle::{touch, wait};
use super::message::{SENDERS_MAX, SIZE_MIN, Verb, Writer};
use super::{Report, Target};
use crate::stats::Latencies;

/// Options of the mode `wake`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Objects, each with one socket.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..i64::from(SENDERS_MAX)))]
    objects: u32,
    /// Seconds without a message: longer than the server takes to hibernate.
    #[arg(long, default_value_t = 13.0)]
    sleep: f64,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    let objects = options.objects as usize;
    clients.open_all(target, (0..objects).map(|object| format!("{prefix}-{object}")))?;
    // Twice, so that the code is warm and only the objects are cold.
    touch(&mut clients, 0, objects)?;
    touch(&mut clients, 0, objects)?;
    wait(&mut clients, Duration::try_from_secs_f64(options.sleep)?)?;

    let asleep_cpu = target.server_cpu()?;
    let mut asleep = answers(&mut clients, objects)?;
    let awake_cpu = target.server_cpu()?;
    let mut awake = answers(&mut clients, objects)?;
    let end_cpu = target.server_cpu()?;

    let each = |before: Option<_>, after: Option<_>| {
        let (before, after): (crate::process::Cpu, crate::process::Cpu) = before.zip(after)?;
        Some((after - before).exact_ns as f64 / 1000.0 / f64::from(options.objects))
    };
    let mut report = Report::new("wake");
    report.add("objects", f64::from(options.objects));
    let [p50, p99, max] = asleep.percentiles_us([50.0, 99.0, 100.0]);
    report.add("wake_p50_us", p50);
    report.add("wake_p99_us", p99);
    report.add("wake_max_us", max);
    report.add_some("wake_server_us", each(asleep_cpu, awake_cpu));
    let [p50, p99] = awake.percentiles_us([50.0, 99.0]);
    report.add("awake_p50_us", p50);
    report.add("awake_p99_us", p99);
    report.add_some("awake_server_us", each(awake_cpu, end_cpu));
    Ok(report)
}

/// Asks each object in turn and times its answer.
fn answers(clients: &mut Clients, objects: usize) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    let mut writer = Writer::new(Verb::Echo, SIZE_MIN);
    for index in 0..objects {
        let start = Instant::now();
        clients.queue(index, writer.write(index, 1));
        clients.flush(index)?;
        clients.poll_until(|from, _| from == index)?;
        latencies.add(start.elapsed());
    }
    Ok(latencies)
}
