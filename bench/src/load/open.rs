//! Opening a socket to a new object: connection, handshake, and the object's birth.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::clients::Clients;
use super::message::{SIZE_MIN, Verb, Writer};
use super::{Report, Target};
use crate::stats::Latencies;

/// Options of the mode `open`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Objects, each with one socket, which stays open until the end.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Openings per second; 0: one after the other without a pause.
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Objects opened before, not counted.
    #[arg(long, default_value_t = 50)]
    warmup: u32,
    /// Send a message on each new socket and count the time until its answer as well.
    #[arg(long)]
    answer: bool,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    clients.open_all(target, (0..options.warmup).map(|object| format!("{prefix}-warm-{object}")))?;
    let mut opens = Latencies::default();
    let mut answers = Latencies::default();
    let mut writer = Writer::new(Verb::Echo, SIZE_MIN);

    let (server, start) = (target.server_cpu()?, Instant::now());
    for object in 0..options.count {
        if let Some(pause) = pause(options, object).checked_sub(start.elapsed()) {
            std::thread::sleep(pause);
        }
        let begin = Instant::now();
        opens.add(clients.open(target, &format!("{prefix}-{object}"))?);
        if options.answer {
            let index = (options.warmup + object) as usize;
            clients.queue(index, writer.write(index, 0));
            clients.flush(index)?;
            clients.poll_until(|from, _| from == index)?;
            answers.add(begin.elapsed());
        }
    }
    let elapsed = start.elapsed();
    let server = server.zip(target.server_cpu()?).map(|(before, after)| after - before);

    let count = f64::from(options.count);
    let [p50, p99, max] = opens.percentiles_us([50.0, 99.0, 100.0]);
    let mut report = Report::new("open");
    report.add("count", count);
    report.add("per_s", (count / elapsed.as_secs_f64()).round());
    report.add_some("server_us", server.map(|cpu| cpu.exact_ns as f64 / 1000.0 / count));
    report.add("p50_us", p50);
    report.add("p99_us", p99);
    report.add("max_us", max);
    if options.answer {
        let [p50, p99] = answers.percentiles_us([50.0, 99.0]);
        report.add("answer_p50_us", p50);
        report.add("answer_p99_us", p99);
    }
    Ok(report)
}

/// When, after the start, the opening of an object is due.
fn pause(options: &Options, object: u32) -> Duration {
    match options.rate {
        0 => Duration::ZERO,
        rate => Duration::from_secs_f64(f64::from(object) / f64::from(rate)),
    }
}
