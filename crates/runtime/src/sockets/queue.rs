//! Frames that wait to be written to one connection, and the rule for clients that read too slowly.
//!
//! Invariant: frames are written in the order in which they came, each whole. A frame is taken when nothing
//! waits, whatever its size, or when all that waits stays within the bound; otherwise the client is too slow
//! and the connection's owner must end it. Buffers may be shared with other connections; each counts in full.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf, BufMut, Bytes};

use crate::limits::{SEND_QUEUE_LEN_MAX, WRITE_COPY_LEN_MAX, WRITE_FRAMES_MAX};

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
}

impl SendQueue {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Queues a frame that counts towards the bound.
    pub(crate) fn push(&mut self, frame: Bytes, len_max: usize) -> Result<(), TooSlow> {
        let fits = self.len + frame.len() <= len_max && self.frames.len() < SEND_QUEUE_LEN_MAX;
        if !self.is_empty() && !fits {
            return Err(TooSlow);
        }
        self.push_unbounded(frame);
        Ok(())
    }

    /// Queues a control frame of the host's own.
    pub(crate) fn push_unbounded(&mut self, frame: Bytes) {
        self.len += frame.len();
        self.frames.push_back(frame);
    }

    /// Forgets all that no byte has been written of.
    pub(crate) fn clear(&mut self) {
        self.frames.truncate(usize::from(self.cut));
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
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, IoSlice};

    use bytes::Bytes;

    use super::{Flushed, SendQueue, TooSlow};

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
