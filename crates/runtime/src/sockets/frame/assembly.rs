//! A message whose payload arrives in pieces.
//!
//! Invariant: the buffer holds at most 64 bytes or twice what has arrived, whichever is more, and copying stays
//! linear in the message's length however small the pieces are.

use bytes::Bytes;
use bytestring::ByteString;
use dormouse_object::message::Message;

use super::error::Fault;
use super::utf8::TextBuffer;
use super::{Deflated, Item};

/// The first allocation, unless the message is shorter or its first piece longer.
const CAPACITY_MIN: usize = 64;

/// The payload so far, of the kind that the first frame's opcode says.
#[derive(Debug)]
pub(super) enum Assembly {
    Text(TextBuffer),
    Binary(Vec<u8>),
    /// Compressed; what it is to be is known, what it is is not.
    Deflated {
        is_text: bool,
        data: Vec<u8>,
    },
}

impl Assembly {
    pub(super) fn text() -> Self {
        Self::Text(TextBuffer::default())
    }

    pub(super) fn binary() -> Self {
        Self::Binary(Vec::new())
    }

    pub(super) fn deflated(is_text: bool) -> Self {
        Self::Deflated { is_text, data: Vec::new() }
    }

    pub(super) fn is_deflated(&self) -> bool {
        matches!(self, Self::Deflated { .. })
    }

    /// Adds unmasked payload. `len_end` is how long the message can still become, for the buffer to stop there.
    pub(super) fn push(&mut self, chunk: &[u8], len_end: usize) -> Result<(), Fault> {
        if self.len() + chunk.len() > self.capacity() {
            self.set_capacity(room(self.len(), chunk.len(), len_end));
        }
        match self {
            Self::Text(text) => text.push(chunk).then_some(()).ok_or(Fault::TextNotUtf8),
            Self::Binary(bytes) | Self::Deflated { data: bytes, .. } => {
                bytes.extend_from_slice(chunk);
                Ok(())
            }
        }
    }

    /// The message, whose last byte has been pushed.
    pub(super) fn finish(self) -> Result<Item, Fault> {
        match self {
            Self::Text(text) => match text.finish() {
                Some(text) => Ok(Item::Message(Message::Text(ByteString::from(text)))),
                None => Err(Fault::TextNotUtf8),
            },
            Self::Binary(bytes) => Ok(Item::Message(Message::Binary(Bytes::from(bytes)))),
            Self::Deflated { is_text, data } => Ok(Item::Deflated(Deflated { is_text, data: Bytes::from(data) })),
        }
    }

    /// Bytes pushed so far.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Deflated { data: bytes, .. } => bytes.len(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Text(text) => text.capacity(),
            Self::Binary(bytes) | Self::Deflated { data: bytes, .. } => bytes.capacity(),
        }
    }

    /// Grows to exactly `capacity`.
    fn set_capacity(&mut self, capacity: usize) {
        match self {
            Self::Text(text) => text.set_capacity(capacity),
            Self::Binary(bytes) | Self::Deflated { data: bytes, .. } => bytes.reserve_exact(capacity - bytes.len()),
        }
    }
}

/// The capacity to grow to from `len` bytes when `chunk_len` more have no room: twice the length, so that growth is
/// rare, but no more than the message can need.
fn room(len: usize, chunk_len: usize, len_end: usize) -> usize {
    let doubled = len.saturating_mul(2).max(CAPACITY_MIN).min(len_end);
    doubled.max(len + chunk_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_rare_and_stops_at_the_end() {
        const LEN: usize = 100_000;
        for mut assembly in [Assembly::text(), Assembly::binary(), Assembly::deflated(true)] {
            let mut capacities = vec![0];
            for len in 1..=LEN {
                assembly.push(b"a", LEN).unwrap();
                if capacities.last() != Some(&assembly.capacity()) {
                    capacities.push(assembly.capacity());
                }
                assert!(assembly.capacity() <= CAPACITY_MIN.max(2 * len));
            }
            assert_eq!(capacities[..4], [0, 64, 128, 256]);
            assert_eq!(capacities.len(), 13, "0, 64 and every double up to 65,536, and the end");
            assert_eq!(assembly.capacity(), LEN);
            assert_eq!(assembly.len(), LEN);
            assert!(assembly.finish().is_ok());
        }
    }

    #[test]
    fn a_message_in_one_piece_gets_what_it_needs() {
        for mut assembly in [Assembly::text(), Assembly::binary(), Assembly::deflated(true)] {
            assembly.push(b"", 1000).unwrap();
            assert_eq!(assembly.capacity(), 0, "a header alone allocates nothing");
            assembly.push(&[b'a'; 300], 300).unwrap();
            assert_eq!(assembly.capacity(), 300);
        }
    }
}
