//! A WebSocket message as the object sees it: text or bytes, cheap to clone.
//!
//! Invariant: text is UTF-8, checked once where it enters. Frames, masks and fragments are the connection's
//! matter and never reach this type.

use bytes::Bytes;
use bytestring::ByteString;

/// A whole WebSocket message. A clone shares the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message (opcode 1 of RFC 6455, section 5.6).
    Text(ByteString),
    /// A binary message (opcode 2 of RFC 6455, section 5.6).
    Binary(Bytes),
}

impl Message {
    /// The payload's length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload has no bytes.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Whether both are of one kind and have the very same payload, not only one like it.
    pub fn shares(&self, other: &Message) -> bool {
        let kinds = matches!((self, other), (Self::Text(_), Self::Text(_)) | (Self::Binary(_), Self::Binary(_)));
        kinds && std::ptr::eq(self.as_bytes(), other.as_bytes())
    }

    /// The payload, whatever its kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
        }
    }
}
