//! What the two ends of a connection have agreed on for compression (RFC 7692, section 7.1), and what that costs.
//!
//! Invariant: a connection without context takeover holds nothing between messages. One with it holds a [`History`]
//! a direction, whose size was agreed and is accounted for in a [`Budget`] before the answer to the handshake
//! leaves: the peer may refer to what it has sent, so it is too late afterwards.
//!
//! It does not negotiate: that is spoken in HTTP, and the server does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The smallest window that we compress with. RFC 7692 knows one of 8 bits; zlib has none of that size.
pub const WINDOW_BITS_MIN: u8 = 9;

/// The largest window of the format (RFC 1951), 32 KiB.
pub const WINDOW_BITS_MAX: u8 = 15;

/// How both ends of a connection compress.
#[derive(Debug)]
pub enum Agreement {
    /// Each message by itself.
    Messages {
        /// The window that we may use, from [`WINDOW_BITS_MIN`] to [`WINDOW_BITS_MAX`].
        server_bits: u8,
    },
    /// One direction or both refer to earlier messages: context takeover.
    Streams(Box<Streams>),
}

impl Agreement {
    /// The window that we may use.
    pub fn bits(&self) -> u8 {
        match self {
            Self::Messages { server_bits } => *server_bits,
            Self::Streams(streams) => streams.server_bits,
        }
    }
}

/// What a connection with context takeover holds.
#[derive(Debug)]
pub struct Streams {
    /// The window that we may use.
    pub server_bits: u8,
    /// What we refer to.
    pub sent: Option<History>,
    /// What the peer refers to.
    pub received: Option<History>,
    /// What both take of the budget.
    pub reserved: Reserved,
}

/// The end of what went in one direction: what a compressed message may refer to.
#[derive(Debug)]
pub struct History {
    bytes: Vec<u8>,
    len_max: usize,
}

impl History {
    /// Of a window of 8 to 15 bits.
    pub fn new(window_bits: u8) -> Self {
        Self { bytes: Vec::new(), len_max: 1 << window_bits }
    }

    /// Bytes that it takes at most.
    pub fn len_max(&self) -> usize {
        self.len_max
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a message that was compressed.
    pub(crate) fn push(&mut self, message: &[u8]) {
        let added = &message[message.len().saturating_sub(self.len_max)..];
        if self.bytes.len() + added.len() > self.bytes.capacity() {
            // At once as large as it becomes, lest doubling take more than was reserved.
            self.bytes.reserve_exact(self.len_max - self.bytes.len());
        }
        let excess = (self.bytes.len() + added.len()).saturating_sub(self.len_max);
        self.bytes.drain(..excess);
        self.bytes.extend_from_slice(added);
    }
}

/// The memory that all histories of a node may take together. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<AtomicUsize>);

/// Memory that was set aside, until it is dropped.
#[derive(Debug)]
pub struct Reserved {
    budget: Budget,
    len: usize,
}

impl Budget {
    /// Sets `len` bytes aside, if the whole stays within `len_max`.
    pub fn reserve(&self, len: usize, len_max: usize) -> Option<Reserved> {
        let add = |taken: usize| Some(taken + len).filter(|taken| *taken <= len_max);
        // Nothing else is ordered by it: it is a number.
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Reserved { budget: self.clone(), len })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.len, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, History};

    #[test]
    fn a_history_keeps_the_end_and_never_takes_more_than_agreed() {
        let mut history = History::new(8);
        let mut all = Vec::new();
        for len in [1, 0, 100, 155, 1, 255, 256, 257, 1000, 3] {
            let message: Vec<u8> = (0..len).map(|i| (i + len) as u8).collect();
            history.push(&message);
            all.extend(message);
            assert_eq!(history.as_bytes(), &all[all.len().saturating_sub(256)..]);
            assert!(history.bytes.capacity() <= 256);
        }
    }

    #[test]
    fn a_budget_gives_out_what_it_has_and_takes_it_back() {
        let budget = Budget::default();
        let one = budget.reserve(60, 100).unwrap();
        assert!(budget.reserve(41, 100).is_none());
        let two = budget.clone().reserve(40, 100).unwrap();
        assert!(budget.reserve(1, 100).is_none());
        drop(one);
        assert!(budget.reserve(60, 100).is_some());
        drop(two);
    }
}
