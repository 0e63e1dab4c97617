//! The first byte from an object whose database is not open: connection, the object's birth, its file, a row.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Report, Target};
use crate::http::Connection;
use crate::stats::Latencies;

/// Options of the mode `cold`. The server must have started after `prepare`, which is given the same `--account`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Objects.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    objects: u32,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let prefix = target.account_prefix();
    // Of a fresh process the first request is another thing than the ones after it.
    let first = first_byte(target, &format!("{prefix}-0"))?;
    let mut others = Latencies::default();
    for object in 1..options.objects {
        others.add(first_byte(target, &format!("{prefix}-{object}"))?);
    }
    let mut again = Latencies::default();
    for object in 0..options.objects {
        again.add(first_byte(target, &format!("{prefix}-{object}"))?);
    }
    let mut report = Report::new("cold");
    report.add("objects", f64::from(options.objects));
    report.add("first_us", first.as_nanos() as f64 / 1000.0);
    let [p50, max] = others.percentiles_us([50.0, 100.0]);
    report.add("next_p50_us", p50);
    report.add("next_max_us", max);
    let [p50] = again.percentiles_us([50.0]);
    report.add("again_p50_us", p50);
    Ok(report)
}

fn first_byte(target: &Target, account: &str) -> Result<Duration> {
    let start = Instant::now();
    let mut connection = Connection::open(target.addr)?;
    connection.send("/row", account)?;
    let answer = connection.receive().with_context(|| format!("failed to read a row of {account}"))?;
    ensure!(!answer.body.is_empty(), "{account} answered with an empty row");
    Ok(answer.first_byte - start)
}
