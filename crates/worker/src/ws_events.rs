//! What an [`EventStream`](crate::EventStream) yields.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::error::Error;

/// Something that happened to a socket.
#[derive(Debug, Clone)]
pub enum WebsocketEvent {
    /// A message came.
    Message(MessageEvent),
    /// The socket closed; nothing follows.
    Close(CloseEvent),
}

/// A message.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageEvent {
    data: Data,
}

#[derive(Clone, PartialEq, Eq)]
enum Data {
    Text(ByteString),
    Binary(Bytes),
}

impl MessageEvent {
    pub(crate) fn from_text(text: ByteString) -> Self {
        Self { data: Data::Text(text) }
    }

    pub(crate) fn from_binary(bytes: Bytes) -> Self {
        Self { data: Data::Binary(bytes) }
    }

    /// The text of a text message.
    pub fn text(&self) -> Option<String> {
        match &self.data {
            Data::Text(text) => Some(text.to_string()),
            Data::Binary(_) => None,
        }
    }

    /// The bytes of a binary message.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match &self.data {
            Data::Text(_) => None,
            Data::Binary(bytes) => Some(bytes.to_vec()),
        }
    }

    /// The text of a text message, parsed as JSON.
    ///
    /// # Errors
    /// When the message is not text, or not the JSON asked for.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        match &self.data {
            Data::Text(text) => Ok(serde_json::from_str(text)?),
            Data::Binary(_) => Err(Error::from("message is not text")),
        }
    }
}

impl fmt::Debug for MessageEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MessageEvent");
        match &self.data {
            Data::Text(text) => shown.field("text", &&**text),
            Data::Binary(bytes) => shown.field("bytes", bytes),
        };
        shown.finish()
    }
}

/// The end of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseEvent {
    code: u16,
    reason: ByteString,
    was_clean: bool,
}

impl CloseEvent {
    pub(crate) fn new(code: u16, reason: ByteString, was_clean: bool) -> Self {
        Self { code, reason, was_clean }
    }

    /// The reason that the client gave.
    pub fn reason(&self) -> String {
        self.reason.to_string()
    }

    /// The close code: 1005 if the client gave none, 1006 if it vanished.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Whether the client said that it closes.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }
}

#[cfg(test)]
mod tests {
    use super::{CloseEvent, MessageEvent};

    #[test]
    fn a_message_is_text_or_bytes() {
        let text = MessageEvent::from_text("[1]".into());
        assert_eq!((text.text().as_deref(), text.bytes()), (Some("[1]"), None));
        assert_eq!(text.json::<Vec<u8>>().unwrap(), [1]);
        assert!(text.json::<String>().is_err());
        assert_eq!(format!("{text:?}"), "MessageEvent { text: \"[1]\" }");

        let binary = MessageEvent::from_binary("[1]".into());
        assert_eq!((binary.text(), binary.bytes()), (None, Some(b"[1]".to_vec())));
        assert_eq!(binary.json::<Vec<u8>>().unwrap_err().to_string(), "message is not text");
        assert_ne!(text, binary);
    }

    #[test]
    fn a_close_tells_how() {
        let close = CloseEvent::new(1006, "gone".into(), false);
        assert_eq!((close.code(), close.reason().as_str(), close.was_clean()), (1006, "gone", false));
    }
}
