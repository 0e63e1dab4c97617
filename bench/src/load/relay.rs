//! One message, delivered to all others of its object.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::clients::Clients;
use super::message::{self, SENDERS_MAX, SIZE_MIN, Verb, Writer};
use super::traffic::{Counts, Length, Traffic, measure};
use super::{Report, Target};

/// Options of the mode `relay`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Sockets of each object.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..))]
    sockets: u32,
    /// Objects.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    objects: u32,
    /// How many of an object's sockets send.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    senders: u32,
    /// Messages in flight per sender; a message is in flight until the last receiver has it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// Bytes of a message.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(i64::from(SIZE_MIN)..))]
    size: u16,
    #[command(flatten)]
    length: Length,
}

/// Sockets are numbered object by object; the first `senders_each` of an object send.
struct Relay {
    sockets_each: usize,
    senders_each: usize,
    window: usize,
    senders: Vec<Sender>,
    /// Senders whose window is not full.
    due: Vec<usize>,
    /// For each socket, the next number that it expects of each sender of its object.
    expected: Vec<u64>,
    writer: Writer,
    in_flight: u64,
}

#[derive(Default)]
struct Sender {
    /// Messages that some receiver does not have yet, oldest first.
    pending: VecDeque<Pending>,
    /// Number of the next message to send.
    next: u64,
    /// Whether it is in `due`.
    due: bool,
}

struct Pending {
    sent: Instant,
    missing: usize,
}

pub(super) fn run(target: &Target, options: &Options) -> Result<Report> {
    let (sockets, objects, senders) = (options.sockets, options.objects, options.senders);
    ensure!(senders <= sockets, "there are more senders than sockets");
    ensure!(objects.saturating_mul(senders) < SENDERS_MAX, "there are more senders than a message can name");
    let mut clients = Clients::new(target)?;
    let prefix = target.account_prefix();
    let accounts = (0..objects).flat_map(|object| std::iter::repeat_n(object, sockets as usize));
    clients.open_all(target, accounts.map(|object| format!("{prefix}-{object}")))?;
    let mut relay = Relay {
        sockets_each: sockets as usize,
        senders_each: senders as usize,
        window: options.window as usize,
        senders: (0..objects * senders).map(|_| Sender { due: true, ..Sender::default() }).collect(),
        due: (0..(objects * senders) as usize).collect(),
        expected: vec![0; sockets as usize * objects as usize * senders as usize],
        writer: Writer::new(Verb::Relay, options.size),
        in_flight: 0,
    };
    let mut report = Report::new("relay");
    report.add("sockets", f64::from(sockets));
    report.add("objects", f64::from(objects));
    report.add("senders", f64::from(senders));
    report.add("window", f64::from(options.window));
    measure(target, options.length, &mut clients, &mut relay, &mut report)?;
    Ok(report)
}

impl Relay {
    /// The pending message that `text` is a delivery of, if socket `index` was to get it now.
    fn accept(&mut self, index: usize, text: &[u8]) -> Option<(usize, usize)> {
        let (sender, sequence) = message::parse(text).filter(|_| text.len() == self.writer.received_len())?;
        let (object, place) = (index / self.sockets_each, index % self.sockets_each);
        let of_object = sender.checked_sub(object * self.senders_each).filter(|own| *own < self.senders_each)?;
        let expected = &mut self.expected[index * self.senders_each + of_object];
        if place == of_object || *expected != sequence {
            return None;
        }
        *expected += 1;
        let state = &self.senders[sender];
        let oldest = state.next - state.pending.len() as u64;
        Some((sender, sequence.checked_sub(oldest)? as usize))
    }
}

impl Traffic for Relay {
    fn fill(&mut self, clients: &mut Clients) -> Result<()> {
        let now = Instant::now();
        for sender in self.due.drain(..) {
            let index = sender / self.senders_each * self.sockets_each + sender % self.senders_each;
            let state = &mut self.senders[sender];
            state.due = false;
            while state.pending.len() < self.window {
                clients.queue(index, self.writer.write(sender, state.next));
                state.next += 1;
                state.pending.push_back(Pending { sent: now, missing: self.sockets_each - 1 });
                self.in_flight += self.sockets_each as u64 - 1;
            }
            clients.flush(index)?;
        }
        Ok(())
    }

    fn handle(&mut self, index: usize, text: &[u8], counts: &mut Counts) {
        counts.deliveries += 1;
        let accepted = self.accept(index, text);
        let Some((sender, place)) = accepted else {
            counts.wrong += 1;
            return;
        };
        let state = &mut self.senders[sender];
        let Some(pending) = state.pending.get_mut(place) else {
            counts.wrong += 1;
            return;
        };
        pending.missing -= 1;
        self.in_flight -= 1;
        if pending.missing == 0 {
            counts.latencies.add(pending.sent.elapsed());
        }
        while state.pending.pop_front_if(|oldest| oldest.missing == 0).is_some() {
            if !state.due {
                state.due = true;
                self.due.push(sender);
            }
        }
    }

    fn in_flight(&self) -> u64 {
        self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two objects of three sockets with one sender each, one message of each under way.
    fn relay() -> Relay {
        let pending = || Pending { sent: Instant::now(), missing: 2 };
        let sender = || Sender { pending: VecDeque::from([pending()]), next: 1, due: false };
        Relay {
            sockets_each: 3,
            senders_each: 1,
            window: 1,
            senders: vec![sender(), sender()],
            due: Vec::new(),
            expected: vec![0; 6],
            writer: Writer::new(Verb::Relay, 64),
            in_flight: 4,
        }
    }

    #[test]
    fn only_the_right_receivers_count_and_only_once() {
        let (mut relay, mut counts) = (relay(), Counts::default());
        let text = |sender, sequence| Writer::new(Verb::Relay, 64).write(sender, sequence).to_vec();
        for (index, sender, sequence) in [(1, 0, 0), (2, 0, 0), (4, 1, 0)] {
            relay.handle(index, &text(sender, sequence), &mut counts);
        }
        assert_eq!((counts.wrong, relay.in_flight, relay.due.as_slice()), (0, 1, &[0][..]));
        // Doubled, to the sender itself, to another object, ahead of its turn, cut short, unknown.
        for (index, sender, sequence) in [(1, 0, 0), (3, 1, 0), (5, 0, 0), (5, 1, 1), (0, 7, 0)] {
            relay.handle(index, &text(sender, sequence), &mut counts);
        }
        relay.handle(5, &text(1, 0)[..63], &mut counts);
        assert_eq!((counts.wrong, relay.in_flight), (6, 1));
    }
}
