//! Where frames end among bytes that are passed on: only there something else may be said.
//!
//! It reads the lengths of frames (RFC 6455, section 5.2) and which of them is a Close, and checks nothing: what is no
//! frame may never come to an end. A payload costs nothing to pass over.

use crate::sockets::frame::header::{HEADER_LEN_MAX, LEN_IS_U16, LEN_IS_U64, MASKED, OPCODE, Opcode};

/// What has passed in one direction so far.
#[derive(Clone, Default)]
pub(super) struct Bounds {
    /// The head of a frame, as far as it has come; empty within a payload and between frames.
    head: [u8; HEADER_LEN_MAX],
    head_len: usize,
    /// Bytes of the payload that are still to come.
    payload_len: u64,
    is_closed: bool,
}

impl Bounds {
    /// Whether all that has passed are whole frames.
    pub(super) fn is_between_frames(&self) -> bool {
        self.head_len == 0 && self.payload_len == 0
    }

    /// Whether a Close frame has passed, or the head of one.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// These bytes have passed.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = self.pass_frame(bytes);
            bytes = &bytes[len..];
        }
    }

    /// How many of these bytes are the rest of the frame that has begun; none between frames.
    pub(super) fn rest_of_frame(&self, bytes: &[u8]) -> usize {
        match self.is_between_frames() {
            true => 0,
            false => self.clone().pass_frame(bytes),
        }
    }

    /// Passes over bytes up to the end of a frame, and counts them.
    fn pass_frame(&mut self, bytes: &[u8]) -> usize {
        let mut len = 0;
        while self.payload_len == 0 {
            let Some(byte) = bytes.get(len) else { return len };
            len += 1;
            self.head[self.head_len] = *byte;
            self.head_len += 1;
            if let Some(payload_len) = self.payload_len_of_head() {
                self.is_closed |= self.head[0] & OPCODE == Opcode::Close as u8;
                self.payload_len = payload_len;
                self.head_len = 0;
                if payload_len == 0 {
                    return len;
                }
            }
        }
        let passed = u64::try_from(bytes.len() - len).map_or(self.payload_len, |rest| rest.min(self.payload_len));
        self.payload_len -= passed;
        len + usize::try_from(passed).unwrap_or(bytes.len() - len)
    }

    /// What the head says, once it is whole.
    fn payload_len_of_head(&self) -> Option<u64> {
        let head = &self.head[..self.head_len];
        let (short, mask_len) = match head.get(1)? {
            byte if byte & MASKED != 0 => (byte & !MASKED, 4),
            byte => (*byte, 0),
        };
        let len_len = match short {
            LEN_IS_U16 => 2,
            LEN_IS_U64 => 8,
            _ => 0,
        };
        if head.len() < 2 + len_len + mask_len {
            return None;
        }
        let long = head[2..2 + len_len].iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
        Some(if len_len == 0 { short.into() } else { long })
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    fn frame(first: u8, masked: bool, len: usize) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = match len {
            0..126 => vec![first, mask | u8::try_from(len).unwrap()],
            126..65_536 => [&[first, mask | 126][..], &u16::try_from(len).unwrap().to_be_bytes()].concat(),
            _ => [&[first, mask | 127][..], &(len as u64).to_be_bytes()].concat(),
        };
        if masked {
            frame.extend([0x88, 0, 0x88, 0]);
        }
        // A payload that looks like Close frames.
        frame.extend([0x88, 0].into_iter().cycle().take(len));
        frame
    }

    #[test]
    fn frames_of_every_kind_are_passed_over_however_they_are_cut() {
        let mut all = Vec::new();
        let mut ends = vec![0];
        for masked in [false, true] {
            for (first, len) in [(0x81, 0), (0x01, 1), (0x89, 125), (0x80, 126), (0xc2, 300), (0x82, 66_000), (0x8a, 0)]
            {
                all.extend(frame(first, masked, len));
                ends.push(all.len());
            }
        }
        for step in [1, 2, 3, 7, 1_000, all.len()] {
            let (mut bounds, mut passed) = (Bounds::default(), 0);
            for piece in all.chunks(step) {
                assert_eq!(bounds.is_between_frames(), ends.contains(&passed), "after {passed} bytes");
                let end = ends.iter().find(|end| **end >= passed).unwrap() - passed;
                assert_eq!(bounds.rest_of_frame(&all[passed..]), end, "after {passed} bytes");
                assert_eq!(bounds.rest_of_frame(piece), end.min(piece.len()), "after {passed} bytes");
                bounds.pass(piece);
                passed += piece.len();
            }
            assert!(bounds.is_between_frames() && !bounds.is_closed());
        }
    }

    #[test]
    fn a_close_frame_is_known() {
        for masked in [false, true] {
            let mut bounds = Bounds::default();
            bounds.pass(&frame(0x82, masked, 10));
            assert!(!bounds.is_closed());
            bounds.pass(&frame(0x88, masked, 2));
            assert!(bounds.is_closed() && bounds.is_between_frames());
        }
    }

    #[test]
    fn what_is_no_frame_is_passed_over_too() {
        let mut bounds = Bounds::default();
        bounds.pass(&[0xff; 100_000]);
        assert!(!bounds.is_between_frames());
        assert_eq!(bounds.rest_of_frame(&[0xff; 1_000]), 1_000);
    }
}
