//! Schedules near a limit: an object that is nearly full before the schedule begins.
//!
//! No random schedule would open tens of thousands of sockets. One in [`EVERY`] gets an object whose constructor
//! has filled one thing almost to its bound; the schedule then favours what meets the bound.

use bytes::Bytes;
use bytestring::ByteString;

use crate::limits::{
    MESSAGE_LEN_MAX, OUTBOX_BYTES_MAX, OUTBOX_LEN_MAX, REQUESTS_QUEUED_MAX, SOCKETS_MAX, TASKS_PENDING_MAX,
};
use crate::message::Message;
use crate::sim::model::{Broken, Guest};
use crate::sim::report::Counter;
use crate::sim::swarm::{Action, End, Verb};
use crate::sim::world::World;

/// One schedule of so many begins near a limit: it is a thousand times as long as another one.
pub(crate) const EVERY: u64 = 8_192;

/// What is nearly full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Requests,
    Sockets,
    Tasks,
    OutboxLen,
    OutboxBytes,
}

impl Full {
    const ALL: [Full; 5] = [Full::Requests, Full::Sockets, Full::Tasks, Full::OutboxLen, Full::OutboxBytes];

    /// What is nearly full in the schedule of a seed, if anything.
    fn of(seed: u64) -> Option<Self> {
        let turn = seed / EVERY % Self::ALL.len() as u64;
        (seed % EVERY == EVERY / 2).then(|| Self::ALL[turn as usize])
    }
}

/// Brings the object of a schedule near a limit, if the seed says so.
pub(crate) fn approach(seed: u64, world: &mut World<'_>) -> Result<(), Broken> {
    let Some(full) = Full::of(seed) else { return Ok(()) };
    world.model.report.count(Counter::Limits);
    if full != Full::Requests {
        world.swarm.favour(Action::HostPolls, Verb::Query, End::Pending);
    }
    match full {
        Full::Requests => {
            world.swarm.favour(Action::Request, Verb::Wake, End::Done);
            for _ in 0..REQUESTS_QUEUED_MAX - 3 {
                world.ask(false)?;
            }
            return Ok(());
        }
        Full::Sockets => world.swarm.favour(Action::Upgrade, Verb::Pair, End::Done),
        Full::Tasks => world.swarm.favour(Action::Request, Verb::Spawn, End::Pending),
        Full::OutboxLen | Full::OutboxBytes => {
            let verb = world.random.pick([Verb::Send, Verb::BroadcastAtOnce]);
            world.swarm.favour(Action::Request, verb, End::Done);
        }
    }
    world.ask(true)?;
    world.fills = Some(full);
    while world.model.guest != Guest::Lives {
        world.poll()?;
        world.construct()?;
    }
    if full == Full::OutboxBytes && world.random.percent(50) {
        // What has left makes room, even though more waits behind it.
        world.confirm_all()?;
        world.flush(3)?;
    }
    Ok(())
}

/// What the constructor does that fills the object.
pub(crate) fn fill(full: Full, world: &mut World<'_>) -> Result<(), Broken> {
    match full {
        Full::Requests => Ok(()),
        Full::Sockets => {
            for _ in 0..SOCKETS_MAX - 3 {
                world.open_socket()?;
            }
            Ok(())
        }
        Full::Tasks => {
            for _ in 0..TASKS_PENDING_MAX - 3 {
                world.spawn()?;
            }
            Ok(())
        }
        Full::OutboxLen => {
            world.write()?;
            let id = world.open_socket()?;
            let same = ByteString::from_static("same");
            // Nearly full, or fuller than full.
            let sends = world.random.pick([OUTBOX_LEN_MAX - 5, OUTBOX_LEN_MAX + 5]);
            for _ in 0..sends {
                world.send(id, Message::Text(same.clone()))?;
            }
            Ok(())
        }
        Full::OutboxBytes => {
            world.write()?;
            let id = world.open_socket()?;
            let bytes = Bytes::from(vec![0; MESSAGE_LEN_MAX]);
            let mut room = OUTBOX_BYTES_MAX - world.random.pick([0, 16]);
            // Each has another length, or it would share the buffer of the one before.
            for shorter in 0.. {
                let len = (MESSAGE_LEN_MAX - shorter).min(room);
                world.send(id, Message::Binary(bytes.slice(..len)))?;
                room -= len;
                if room == 0 {
                    break;
                }
            }
            Ok(())
        }
    }
}
