//! Frames that wait to be written to one connection, and the rule for clients that read too slowly.
//!
//! Invariant: frames are written in the order in which they came, each whole. A frame is taken when nothing
//! waits, whatever its size, or when all that waits stays within the bound; otherwise the client is too slow, and
//! either the connection's owner must end it, or the messages that have waited longest are dropped for the new one.
//! Control frames and what has begun to be written are never dropped. Buffers may be shared with other
//! connections; each counts in full.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, BufMut, Bytes};

use crate::limits::{SEND_QUEUE_LEN_MAX, WRITE_COPY_LEN_MAX, WRITE_FRAMES_MAX};
use crate::sockets::frame::encode::is_control;

/// With what code a client is closed that reads too slowly: try again later (the registry of RFC 6455, section 7.4).
pub(crate) const TOO_SLOW: u16 = 1013;

/// The client reads too slowly: nothing was queued.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

/// Whether all was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    /// The kernel takes no more now.
    Blocked,
}

#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    /// The first may be written in part, and then holds its rest.
    frames: VecDeque<Bytes>,
    len: usize,
    /// Whether the first frame is written in part.
    cut: bool,
    /// So many frames at the front are known to be none that may be dropped: a client that pings and does not read
    /// must not make every message look for the oldest behind thousands of pongs.
    kept: u32,
    dropped: u64,
}

impl SendQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Queues a frame that counts towards the bound.
    pub(crate) fn push(&mut self, frame: Bytes, len_max: usize) -> Result<(), TooSlow> {
        if !self.takes(&frame, len_max) {
            return Err(TooSlow);
        }
        self.push_unbounded(frame);
        Ok(())
    }

    /// Queues a frame that counts towards the bound, and makes room for it by dropping the messages that have waited
    /// longest. It is always taken: when nothing is left to be dropped, it waits behind what may not be.
    pub(crate) fn push_dropping(&mut self, frame: Bytes, len_max: usize) {
        while !self.takes(&frame, len_max) && self.drop_oldest() {
            self.dropped += 1;
        }
        self.push_unbounded(frame);
    }

    /// How many messages were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is room for a frame.
    pub(crate) fn takes(&self, frame: &Bytes, len_max: usize) -> bool {
        self.is_empty() || self.len + frame.len() <= len_max && self.frames.len() < SEND_QUEUE_LEN_MAX
    }

    /// False when there is nothing that may be dropped.
    fn drop_oldest(&mut self) -> bool {
        self.kept = self.kept.max(u32::from(self.cut));
        while self.frames.get(self.kept as usize).is_some_and(|frame| is_control(frame)) {
            self.kept += 1;
        }
        let Some(frame) = self.frames.remove(self.kept as usize) else { return false };
        self.len -= frame.len();
        true
    }

    /// Queues a control frame of the host's own.
    pub(crate) fn push_unbounded(&mut self, frame: Bytes) {
        self.len += frame.len();
        self.frames.push_back(frame);
    }

    /// Queues a Close frame. A client that reads too slowly gets it instead of what waits.
    pub(crate) fn push_close(&mut self, code: Option<u16>, frame: Bytes) {
        if code == Some(TOO_SLOW) {
            self.clear();
        }
        self.push_unbounded(frame);
    }

    /// Forgets all that no byte has been written of.
    pub(crate) fn clear(&mut self) {
        self.frames.truncate(usize::from(self.cut));
        self.kept = 0;
        self.len = self.frames.front().map_or(0, Bytes::len);
    }

    /// Writes as much as `write` takes.
    pub(crate) fn flush(&mut self, mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<Flushed> {
        while let Some(first) = self.frames.front() {
            let written = if self.frames.len() == 1 {
                write(&[IoSlice::new(first)])
            } else if self.len <= WRITE_COPY_LEN_MAX {
                let mut buffer = [0; WRITE_COPY_LEN_MAX];
                let mut rest = &mut buffer[..];
                for frame in &self.frames {
                    rest.put_slice(frame);
                }
                write(&[IoSlice::new(&buffer[..self.len])])
            } else {
                let mut slices = [IoSlice::new(&[]); WRITE_FRAMES_MAX];
                let count = self.frames.len().min(WRITE_FRAMES_MAX);
                for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                    *slice = IoSlice::new(frame);
                }
                write(&slices[..count])
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Flushed::Blocked),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Flushed::All)
    }

    fn advance(&mut self, mut written: usize) {
        self.len -= written;
        while written > 0 {
            let Some(first) = self.frames.front_mut() else { return };
            if written < first.len() {
                first.advance(written);
                self.cut = true;
                return;
            }
            written -= first.len();
            self.frames.pop_front();
            self.cut = false;
            self.kept = self.kept.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, IoSlice};

    use bytes::Bytes;

    use dormouse_object::message::Message;

    use super::{Flushed, SendQueue, TooSlow};
    use crate::limits::SEND_QUEUE_LEN_MAX;
    use crate::sockets::frame::encode;

    /// Takes `room` bytes in calls of at most `step`.
    fn sink(out: &mut Vec<u8>, room: usize, step: usize) -> impl FnMut(&[IoSlice<'_>]) -> io::Result<usize> {
        move |slices| {
            let take = step.min(room - out.len());
            if take == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            let take = take.min(all.len());
            out.extend_from_slice(&all[..take]);
            Ok(take)
        }
    }

    #[test]
    fn frames_come_out_in_order_however_little_is_taken() {
        for step in 1..12 {
            let mut queue = SendQueue::default();
            for frame in ["one", "two", "three"] {
                queue.push(Bytes::from_static(frame.as_bytes()), 100).unwrap();
            }
            let mut out = Vec::new();
            assert_eq!(queue.flush(sink(&mut out, 7, step)).unwrap(), Flushed::Blocked);
            let mut rest = Vec::new();
            assert_eq!(queue.flush(sink(&mut rest, 99, step)).unwrap(), Flushed::All);
            out.extend(rest);
            assert_eq!(out, b"onetwothree");
            assert_eq!(queue.len, 0);
        }
    }

    #[test]
    fn one_frame_is_taken_whatever_its_size_and_the_next_only_within_the_bound() {
        let mut queue = SendQueue::default();
        queue.push(Bytes::from_static(b"far too long"), 4).unwrap();
        assert_eq!(queue.push(Bytes::from_static(b"x"), 4), Err(TooSlow));
        let mut queue = SendQueue::default();
        queue.push(Bytes::from_static(b"ab"), 4).unwrap();
        queue.push(Bytes::from_static(b"cd"), 4).unwrap();
        assert_eq!(queue.push(Bytes::from_static(b"e"), 4), Err(TooSlow));
    }

    /// A message of so many bytes of payload, by its number.
    fn message(number: usize, len: usize) -> Bytes {
        encode::message(&Message::Binary(vec![number as u8; len].into()))
    }

    /// All that waits, by the first byte of its payload; control frames as they are.
    fn waiting(queue: &SendQueue) -> Vec<String> {
        let text = |frame: &Bytes| match &frame[..] {
            [0x82, _, number, ..] => number.to_string(),
            other => format!("{other:x?}"),
        };
        queue.frames.iter().map(text).collect()
    }

    #[test]
    fn the_oldest_messages_are_dropped_at_the_edge_of_the_bound_and_the_newest_stays() {
        // Each message is 10 bytes with its header.
        let mut queue = SendQueue::default();
        for number in 1..=3 {
            queue.push_dropping(message(number, 8), 30);
        }
        assert_eq!((queue.dropped(), queue.len()), (0, 30));
        queue.push_dropping(message(4, 8), 30);
        assert_eq!((queue.dropped(), waiting(&queue)), (1, vec!["2".into(), "3".into(), "4".into()]));
        // One byte too many costs a message; twice the room costs two; what has no room at all costs all.
        queue.push_dropping(message(5, 9), 30);
        assert_eq!((queue.dropped(), waiting(&queue)), (3, vec!["4".into(), "5".into()]));
        queue.push_dropping(message(6, 100), 30);
        assert_eq!((queue.dropped(), waiting(&queue)), (5, vec!["6".into()]));
        queue.push_dropping(message(7, 8), 30);
        assert_eq!((queue.dropped(), queue.len(), waiting(&queue)), (6, 10, vec!["7".into()]));
    }

    #[test]
    fn a_frame_that_has_begun_and_control_frames_are_never_dropped() {
        let mut queue = SendQueue::default();
        let mut out = Vec::new();
        queue.push_dropping(message(1, 8), 30);
        queue.push_unbounded(encode::ping(b""));
        queue.push_dropping(message(2, 8), 30);
        queue.push_unbounded(encode::pong(b"p"));
        assert_eq!(queue.flush(sink(&mut out, 4, 99)).unwrap(), Flushed::Blocked);
        queue.push_dropping(message(3, 8), 30);
        queue.push_dropping(message(4, 20), 30);
        assert_eq!(queue.dropped(), 2);
        let mut rest = Vec::new();
        assert_eq!(queue.flush(sink(&mut rest, 99, 99)).unwrap(), Flushed::All);
        out.extend(rest);
        let whole =
            [message(1, 8), encode::ping(b""), encode::pong(b"p"), message(4, 20)].map(|frame| frame.to_vec()).concat();
        assert_eq!(out, whole);
        // What was known of the frames in front is not taken for those behind them.
        for number in 5..=8 {
            queue.push_dropping(message(number, 8), 30);
        }
        assert_eq!((queue.dropped(), waiting(&queue)), (3, vec!["6".into(), "7".into(), "8".into()]));
    }

    #[test]
    fn no_more_frames_wait_than_may_and_the_newest_is_taken_behind_pongs() {
        let mut queue = SendQueue::default();
        for _ in 0..SEND_QUEUE_LEN_MAX - 1 {
            queue.push(encode::pong(b""), usize::MAX).unwrap();
        }
        queue.push(message(1, 8), usize::MAX).unwrap();
        assert_eq!(queue.push(message(2, 8), usize::MAX), Err(TooSlow));
        for number in 2..100 {
            queue.push_dropping(message(number, 8), usize::MAX);
            assert_eq!((queue.frames.len(), queue.dropped()), (SEND_QUEUE_LEN_MAX, number as u64 - 1));
        }
        assert_eq!(queue.frames.back(), Some(&message(99, 8)));
    }

    #[test]
    fn clearing_keeps_the_rest_of_a_frame_that_has_begun() {
        let mut queue = SendQueue::default();
        queue.push(Bytes::from_static(b"begun"), 99).unwrap();
        queue.push(Bytes::from_static(b"never"), 99).unwrap();
        let mut out = Vec::new();
        queue.flush(sink(&mut out, 2, 2)).unwrap();
        queue.clear();
        queue.push_unbounded(Bytes::from_static(b"!"));
        let mut rest = Vec::new();
        queue.flush(sink(&mut rest, 99, 99)).unwrap();
        assert_eq!((out.as_slice(), rest.as_slice()), (&b"be"[..], &b"gun!"[..]));
        queue.push(Bytes::from_static(b"unsent"), 99).unwrap();
        queue.clear();
        assert!(queue.is_empty());
    }
}
