//! Objects with something in storage: databases of some size, alarms, or simply many of them.

use std::time::Instant;

use anyhow::{Context as _, Result};

use super::{Report, Target};
use crate::http::Connection;

/// Requests under way at once: enough for a server that gathers writes, and no burden for one that does not.
const CONNECTIONS: usize = 64;

/// Options of the mode `prepare`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Objects. Each writes a row.
    #[arg(long, default_value_t = 16)]
    objects: u32,
    /// Megabytes that each object writes besides, in rows of a kilobyte.
    #[arg(long, default_value_t = 0)]
    megabytes: u32,
    /// How many of the objects set an alarm, a day ahead.
    #[arg(long, default_value_t = 0)]
    alarms: u32,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let prefix = target.account_prefix();
    let start = Instant::now();
    let mut connections =
        (0..CONNECTIONS).map(|_| Connection::open(target.addr)).collect::<Result<Vec<Connection>>>()?;
    let objects: Vec<u32> = (0..options.objects).collect();
    for batch in objects.chunks(CONNECTIONS) {
        let first = batch.iter().map(|object| if *object < options.alarms { "/alarm" } else { "/write" });
        post(&mut connections, &prefix, batch, first)?;
        for _ in 0..options.megabytes {
            post(&mut connections, &prefix, batch, batch.iter().map(|_| "/fill"))?;
        }
    }
    let mut report = Report::new("prepare");
    report.add("objects", f64::from(options.objects));
    report.add("per_s", (f64::from(options.objects) / start.elapsed().as_secs_f64()).round());
    Ok(report)
}

/// Asks each object of a batch for something and waits until all have answered.
fn post<'p>(
    connections: &mut [Connection],
    prefix: &str,
    batch: &[u32],
    paths: impl Iterator<Item = &'p str>,
) -> Result<()> {
    for ((connection, object), path) in connections.iter_mut().zip(batch).zip(paths) {
        connection.send(path, &format!("{prefix}-{object}"))?;
    }
    for (connection, object) in connections.iter_mut().zip(batch) {
        connection.receive().with_context(|| format!("failed to prepare object {object}"))?;
    }
    Ok(())
}
