//! What the bytes of one connection ask for, without any IO: the part that both floors share.
//!
//! The answers of one read are gathered, so that each receiver gets one write per read: the least that a server can do.

use crate::frame::{self, CLOSE, PING, PONG, TEXT};

/// A message that starts with this goes back to its sender.
const ECHO: &[u8] = b"echo:";

/// What is to be written after one read. Reused from read to read.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Frames for the sender itself.
    pub(super) own: Vec<u8>,
    /// Frames for every other socket of the room.
    pub(super) others: Vec<u8>,
    /// The peer said goodbye: close once `own` is written.
    pub(super) close: bool,
}

impl Replies {
    pub(super) fn clear(&mut self) {
        self.own.clear();
        self.others.clear();
        self.close = false;
    }
}

/// Handles all whole frames in `input` and returns how many bytes they took.
pub(super) fn handle_frames(input: &mut [u8], replies: &mut Replies) -> usize {
    let mut taken = 0;
    while let Some(frame) = frame::decode(input, taken) {
        taken = frame.payload.end;
        let payload = &input[frame.payload];
        match frame.opcode {
            TEXT => match payload.strip_prefix(ECHO) {
                Some(answer) => frame::encode_server(&mut replies.own, TEXT, answer),
                None => frame::encode_server(&mut replies.others, TEXT, payload),
            },
            PING => frame::encode_server(&mut replies.own, PONG, payload),
            CLOSE => {
                frame::encode_server(&mut replies.own, CLOSE, payload);
                replies.close = true;
            }
            _ => {}
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sorted_by_receiver() {
        let mut input = Vec::new();
        for (opcode, payload) in [(TEXT, "echo:a"), (TEXT, "b"), (PING, "p"), (TEXT, "echo:c"), (CLOSE, "")] {
            frame::encode_client(&mut input, opcode, payload.as_bytes(), [1, 2, 3, 4]);
        }
        let whole = input.len();
        input.extend_from_slice(&[0x81, 0x85, 1]);
        let mut replies = Replies::default();
        assert_eq!(handle_frames(&mut input, &mut replies), whole);
        assert_eq!(replies.own, b"\x81\x01a\x8a\x01p\x81\x01c\x88\x00");
        assert_eq!(replies.others, b"\x81\x01b");
        assert!(replies.close);
    }
}
