//! Messages on their way out as frames: what is sent to many is encoded, and compressed, once.
//!
//! Invariant: a frame is shared by those alone who may get those very bytes: connections without compression, or those
//! that compress each message by itself with the same window. Only the message sent last is remembered, and only until
//! its object has let everything out.
//!
//! A frame that is kept costs an allocation and counted references, more than encoding a short message once more does. So
//! the first receiver of a message takes a frame of its own, and only the second one's is kept for all that follow:
//! whoever answers one socket pays for nothing. Compressing is dear, and is done once.

use bytes::Bytes;
use dormouse_object::message::Message;

use crate::limits::DEFLATED_LEN_MIN;
use crate::shard::Shard;
use crate::sockets::frame::encode;

/// A message that was sent, and what it is on the wire.
pub(super) struct Encoded {
    message: Message,
    plain: Option<Bytes>,
    /// By the bits of the window. As it is, where compressing is not worth it.
    deflated: Vec<(u8, Bytes)>,
}

impl Encoded {
    fn new(message: Message) -> Self {
        Self { message, plain: None, deflated: Vec::new() }
    }

    fn plain(&mut self) -> Bytes {
        let message = &self.message;
        self.plain.get_or_insert_with(|| encode::message(message)).clone()
    }
}

impl Shard {
    /// The frame of a message: one that is kept, if the message was sent before.
    pub(crate) fn encode(&self, message: &Message) -> Bytes {
        match &mut *self.encoded.borrow_mut() {
            Some(last) if last.message.shares(message) => last.plain(),
            _ => encode::message(message),
        }
    }

    /// The frame of a message for those whose window has so many bits. A broadcast is compressed once.
    pub(crate) fn encode_deflated(&self, message: &Message, bits: u8) -> Bytes {
        if message.len() < DEFLATED_LEN_MIN {
            return self.encode(message);
        }
        let mut last = self.encoded.borrow_mut();
        last.take_if(|last| !last.message.shares(message));
        let last = last.get_or_insert_with(|| Encoded::new(message.clone()));
        if let Some((_, frame)) = last.deflated.iter().find(|(have, _)| *have == bits) {
            return frame.clone();
        }
        let frame = self.codecs.borrow_mut().deflate(message, bits, None);
        let frame = frame.unwrap_or_else(|| last.plain());
        last.deflated.push((bits, frame.clone()));
        frame
    }

    /// A message was sent to somebody: if it is sent again, its frame is worth keeping.
    pub(crate) fn note_sent(&self, message: Message) {
        let mut last = self.encoded.borrow_mut();
        if !last.as_ref().is_some_and(|last| last.message.shares(&message)) {
            *last = Some(Encoded::new(message));
        }
    }

    /// Lets go of the message that was sent last.
    pub(crate) fn forget_sent(&self) {
        *self.encoded.borrow_mut() = None;
    }
}
