//! Messages on their way out as frames: what is sent to many is encoded, and compressed, once.
//!
//! Invariant: a frame is shared by those alone who may get those very bytes: connections without compression, or those
//! that compress each message by itself with the same window. Only the message encoded last is remembered, and only
//! until its object has let everything out.

use bytes::Bytes;
use dormouse_object::message::Message;

use crate::limits::DEFLATED_LEN_MIN;
use crate::shard::Shard;
use crate::sockets::frame::encode;

/// A message and what it is on the wire.
pub(super) struct Encoded {
    message: Message,
    plain: Option<Bytes>,
    /// By the bits of the window. As it is, where compressing is not worth it.
    deflated: Vec<(u8, Bytes)>,
}

impl Encoded {
    /// The place for the frames of `message`: what there is, if that is of the same.
    fn of<'a>(last: &'a mut Option<Self>, message: &Message) -> &'a mut Self {
        last.take_if(|last| !last.message.shares(message));
        last.get_or_insert_with(|| Self { message: message.clone(), plain: None, deflated: Vec::new() })
    }
}

impl Shard {
    /// The frame of a message. A broadcast is encoded once.
    pub(crate) fn encode(&self, message: &Message) -> Bytes {
        let mut encoded = self.encoded.borrow_mut();
        let encoded = Encoded::of(&mut encoded, message);
        encoded.plain.get_or_insert_with(|| encode::message(message)).clone()
    }

    /// The frame of a message for those whose window has so many bits. A broadcast is compressed once.
    pub(crate) fn encode_deflated(&self, message: &Message, bits: u8) -> Bytes {
        if message.len() < DEFLATED_LEN_MIN {
            return self.encode(message);
        }
        let mut encoded = self.encoded.borrow_mut();
        let encoded = Encoded::of(&mut encoded, message);
        if let Some((_, frame)) = encoded.deflated.iter().find(|(have, _)| *have == bits) {
            return frame.clone();
        }
        let frame = match self.codecs.borrow_mut().deflate(message, bits, None) {
            Some(frame) => frame,
            None => encoded.plain.get_or_insert_with(|| encode::message(message)).clone(),
        };
        encoded.deflated.push((bits, frame.clone()));
        frame
    }

    /// Lets go of the frame that was encoded last.
    pub(crate) fn forget_encoded(&self) {
        *self.encoded.borrow_mut() = None;
    }
}
