//! One row per message: what durability costs, and what reading costs without it.
//!
//! Each socket has an object of its own, so that no two messages meet in the same database. An answer to a write may
//! leave only when the row is stored; whether it truly is on the disk cannot be seen from here, but that every
//! acknowledged row exists is asked at the end.

use anyhow::{Context as _, Result};

use super::clients::Clients;
use super::echo::Echo;
use super::message::{self, SENDERS_MAX, SIZE_MIN, Verb, Writer};
use super::traffic::{Length, measure};
use super::{Report, Target};

/// Options of the modes `write` and `read`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Objects, each with one socket.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..i64::from(SENDERS_MAX)))]
    objects: u32,
    /// Messages in flight per socket.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// Bytes of a message as it is sent, prefix included.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(i64::from(SIZE_MIN)..))]
    size: u16,
    #[command(flatten)]
    length: Length,
}

/// The objects must be new: the rows that they have at the end are compared with the messages answered.
pub(super) fn write(target: &Target, options: &Options) -> Result<Report> {
    let mut report = Report::new("write");
    let (mut clients, traffic) = drive(target, options, Verb::Write, &mut report)?;
    let rows = count_rows(&mut clients, options.objects as usize).context("failed to count the rows written")?;
    let unstored: u64 = rows.into_iter().zip(traffic.answered()).map(|(rows, written)| rows.abs_diff(written)).sum();
    report.add("unstored", unstored as f64);
    Ok(report)
}

pub(super) fn read(target: &Target, options: &Options) -> Result<Report> {
    let mut report = Report::new("read");
    drive(target, options, Verb::Read, &mut report)?;
    Ok(report)
}

fn drive(target: &Target, options: &Options, verb: Verb, report: &mut Report) -> Result<(Clients, Echo)> {
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    clients.open_all(target, (0..options.objects).map(|object| format!("{prefix}-{object}")))?;
    let mut traffic = Echo::new(options.objects, options.window, Writer::new(verb, options.size));
    report.add("objects", f64::from(options.objects));
    report.add("window", f64::from(options.window));
    measure(target, options.length, &mut clients, &mut traffic, report)?;
    Ok((clients, traffic))
}

/// How many rows each object says that it has.
fn count_rows(clients: &mut Clients, objects: usize) -> Result<Vec<u64>> {
    let mut writer = Writer::new(Verb::Count, SIZE_MIN);
    for index in 0..objects {
        clients.queue(index, writer.write(index, 0));
        clients.flush(index)?;
    }
    let mut rows = vec![0; objects];
    let mut missing = objects;
    clients.poll_until(|index, text| {
        // An answer that is no count leaves a zero, and that fails the run.
        if let Some((_, count)) = message::parse(text).filter(|(sender, _)| *sender == index) {
            rows[index] = count;
        }
        missing = missing.saturating_sub(1);
        missing == 0
    })?;
    Ok(rows)
}
