//! What may leave an object, and when: every item knows how many writes were made before it.
//!
//! Writes are numbered. An item may leave when all writes up to its number are durable. Items that come about
//! together without an order of their own (a guest's end) carry a group number: they may leave in any order,
//! but per socket in theirs.

use std::collections::VecDeque;

use crate::failure::Failure;
use crate::limits::{OUTBOX_BYTES_MAX, OUTBOX_LEN_MAX};
use crate::message::Message;
use crate::outbox::{After, Out};
use crate::sim::model::Broken;
use crate::sockets::SocketId;

#[derive(Debug)]
struct Item {
    out: Out,
    /// Number of the last write made before.
    after: u64,
    /// Items of one group are unordered among themselves; 0 is none.
    group: u32,
}

/// What waits, with the state of the writes.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    items: VecDeque<Item>,
    /// Writes made.
    written: u64,
    /// Writes up to here are committed or lost.
    committed_write: u64,
    /// Writes up to here are durable or lost.
    durable_write: u64,
    /// Position and last write of each commit that is not durable.
    commits: VecDeque<(u64, u64)>,
    committed: u64,
    durable: u64,
    group: u32,
    groups: u32,
    bytes_ever: usize,
}

/// What became of the items that waited for lost writes.
#[derive(Debug, Default)]
pub(crate) struct TakenBack {
    pub(crate) items: u64,
    /// Sockets whose own Close was taken back.
    pub(crate) closes: Vec<SocketId>,
}

/// Whether a payload fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Yes,
    No,
    /// The rules leave it open.
    Either,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.written > self.committed_write
    }

    pub(crate) fn positions(&self) -> (u64, u64) {
        (self.committed, self.durable)
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn committed_write(&self) -> u64 {
        self.committed_write
    }

    pub(crate) fn durable_write(&self) -> u64 {
        self.durable_write
    }

    pub(crate) fn write(&mut self) {
        self.written += 1;
    }

    pub(crate) fn commit(&mut self) -> u64 {
        self.committed += 1;
        self.committed_write = self.written;
        self.commits.push_back((self.committed, self.written));
        self.committed
    }

    pub(crate) fn confirm(&mut self, pos: u64) {
        self.durable = self.durable.max(pos);
        while let Some((_, write)) = self.commits.pop_front_if(|(commit, _)| *commit <= pos) {
            self.durable_write = write;
        }
    }

    /// The writes of the turn under way are lost.
    pub(crate) fn roll_back(&mut self, failure: &Failure) -> TakenBack {
        self.written = self.committed_write;
        self.take_back(self.committed_write, failure)
    }

    /// All writes that are not durable are lost.
    pub(crate) fn break_gate(&mut self, failure: &Failure) -> TakenBack {
        self.written = self.durable_write;
        self.committed_write = self.durable_write;
        self.committed = self.durable;
        self.commits.clear();
        self.take_back(self.durable_write, failure)
    }

    fn take_back(&mut self, kept: u64, failure: &Failure) -> TakenBack {
        let mut taken = TakenBack::default();
        for mut item in std::mem::take(&mut self.items) {
            if item.after <= kept {
                self.items.push_back(item);
                continue;
            }
            item.after = kept;
            match item.out {
                // Whoever asked hears of the failure instead.
                Out::Respond(request) | Out::Fail(request, _) => {
                    item.out = Out::Fail(request, failure.clone().into());
                    self.items.push_back(item);
                }
                // The host's own doing: no write of the guest can make it untrue.
                Out::Cut(_) | Out::Close { after: After::Forget, .. } => self.items.push_back(item),
                Out::Close { socket, .. } => {
                    taken.items += 1;
                    taken.closes.push(socket);
                }
                // A broadcast is kept here as the frames that come of it.
                Out::Frame { .. } | Out::Broadcast(_) | Out::Subrequest(_) => taken.items += 1,
            }
        }
        taken
    }

    /// All that is pushed until [`Outbox::end_group`] has no order of its own.
    pub(crate) fn begin_group(&mut self) {
        self.groups += 1;
        self.group = self.groups;
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.group != 0
    }

    pub(crate) fn end_group(&mut self) {
        self.group = 0;
    }

    pub(crate) fn push(&mut self, out: Out) {
        self.items.push_back(Item { out, after: self.written, group: self.group });
    }

    /// Takes back the items from `at` on, with the writes of the turn under way.
    pub(crate) fn truncate(&mut self, at: usize) -> TakenBack {
        self.written = self.committed_write;
        let mut taken = TakenBack::default();
        for mut item in self.items.split_off(at) {
            if let Out::Cut(_) = item.out {
                item.after = item.after.min(self.written);
                self.items.push_back(item);
                continue;
            }
            taken.items += 1;
            if let Out::Close { socket, .. } = item.out {
                taken.closes.push(socket);
            }
        }
        taken
    }

    /// Whether a message may wait for so many receivers more: by number, and by bytes with each buffer that several sockets share
    /// counted once. When a buffer that has left in part stops to count is left open.
    pub(crate) fn room(&mut self, message: &Message, receivers: usize) -> Room {
        self.bytes_ever += message.len();
        if self.items.len() + receivers > OUTBOX_LEN_MAX {
            return Room::No;
        }
        if self.bytes_ever <= OUTBOX_BYTES_MAX {
            return Room::Yes;
        }
        let mut waiting = 0;
        let mut first = 0;
        let mut last: Option<&Message> = None;
        for item in &self.items {
            if let Out::Frame { message, .. } = &item.out
                && last != Some(message)
            {
                waiting += message.len();
                first = if last.is_none() { message.len() } else { first };
                last = Some(message);
            }
        }
        let more = if last == Some(message) { 0 } else { message.len() };
        match waiting + more {
            _ if more == 0 => Room::Yes,
            bytes if bytes <= OUTBOX_BYTES_MAX => Room::Yes,
            bytes if bytes - first > OUTBOX_BYTES_MAX => Room::No,
            _ => Room::Either,
        }
    }

    /// Whether something may leave now.
    pub(crate) fn is_open(&self) -> bool {
        self.items.front().is_some_and(|item| item.after <= self.durable_write)
    }

    /// Checks what left, or that nothing did.
    pub(crate) fn leave(&mut self, got: Option<&Out>) -> Result<(), Broken> {
        let Some(got) = got else {
            return match self.items.front() {
                Some(item) if self.is_open() => Err(Broken(format!("nothing leaves, but {:?} may", item.out))),
                _ => Ok(()),
            };
        };
        let Some(front) = self.items.front() else { return Err(Broken(format!("{got:?} leaves out of nowhere"))) };
        if front.after > self.durable_write {
            return Err(Broken(format!(
                "{got:?} leaves while write {} is not durable (only up to {})",
                front.after, self.durable_write
            )));
        }
        let (group, out) = (front.group, &front.out);
        let at = if group == 0 {
            (out == got).then_some(0)
        } else {
            let mut run = self.items.iter().take_while(|item| item.group == group);
            run.position(|item| {
                socket_of(&item.out) == socket_of(got) && (socket_of(got).is_some() || item.out == *got)
            })
            .filter(|at| self.items[*at].out == *got)
        };
        let Some(at) = at else {
            return Err(Broken(format!("{got:?} leaves, but {out:?} is next")));
        };
        self.items.remove(at);
        Ok(())
    }
}

fn socket_of(out: &Out) -> Option<SocketId> {
    match out {
        Out::Frame { socket, .. } | Out::Close { socket, .. } | Out::Cut(socket) => Some(*socket),
        Out::Broadcast(_) | Out::Respond(_) | Out::Fail(..) | Out::Subrequest(_) => None,
    }
}
