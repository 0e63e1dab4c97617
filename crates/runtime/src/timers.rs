//! When each object must be looked at next, if nothing else happens to it.
//!
//! Invariant: an object with a deadline has an entry that is no later. Entries are not taken back when a
//! deadline moves on: whoever is woken too early sets the next one. So an object that hears a message a
//! thousand times a second still costs one entry each time it might have fallen asleep.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dormouse_object::time::Time;

use crate::host::HostKey;

/// Deadlines of the objects of one shard.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Time, HostKey)>>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Time, host: HostKey) {
        self.heap.push(Reverse((at, host)));
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The object whose deadline has passed longest.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<HostKey> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, host))| host)
    }
}
