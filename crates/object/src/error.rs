//! What a guest can do wrong with this crate's verbs.
//!
//! The texts are those of the reference runtime, because user code compares them; each variant names its
//! section. Failures of the object as a whole are not errors of a call: see [`crate::object::Reset`].

use crate::limits::{
    ATTACHMENT_LEN_MAX, AUTO_RESPONSE_LEN_MAX, EVENT_TIMEOUT_MAX, SECTIONS_NESTED_MAX, SOCKETS_MAX, TAG_LEN_MAX,
    TAGS_MAX,
};

/// A call about a socket that cannot be done. Texts: reference 1.3 and 1.6.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    /// The object holds as many sockets as it may.
    #[error("only {SOCKETS_MAX} websockets can be accepted on a single Durable Object instance")]
    TooManySockets,
    /// `acceptWebSocket` after `accept`.
    #[error("Cannot call `acceptWebSocket()` if the WebSocket was already accepted via `accept()`")]
    AcceptedAsStandard,
    /// `accept` after `acceptWebSocket`.
    #[error("Can't accept() WebSocket after enabling hibernation.")]
    AcceptedAsHibernatable,
    /// `acceptWebSocket` twice, or on a socket that has ended.
    #[error("Tried to make an api::WebSocket hibernatable when it was in an incompatible state.")]
    IncompatibleState,
    /// More tags than a socket may have.
    #[error("a Hibernatable WebSocket cannot have more than {TAGS_MAX} tags")]
    TooManyTags,
    /// A tag that is too long.
    #[error("\"{0}\" is longer than the max tag length ({TAG_LEN_MAX} characters).")]
    TagTooLong(Box<str>),
    /// The tags of a socket that was not accepted, or has ended.
    #[error("you must call 'acceptWebSocket()' before attempting to access the tags of a WebSocket.")]
    NoTags,
    /// The tags of a socket that was taken with `accept`.
    #[error("only hibernatable websockets can have tags.")]
    TagsOfStandard,
    /// An attachment that is too large.
    #[error("A WebSocket 'attachment' cannot be larger than {ATTACHMENT_LEN_MAX} bytes.'attachment' was {0} bytes.")]
    AttachmentTooLarge(usize),
    /// One side of an auto-response that is too long.
    #[error("{what} cannot be larger than {AUTO_RESPONSE_LEN_MAX} bytes. A {} of size {len} was provided.", what.to_lowercase())]
    AutoResponseTooLong {
        /// `Request` or `Response`.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// `send` or `close` before the socket was accepted.
    #[error("You must call one of accept() or state.acceptWebSocket() on this WebSocket before sending messages.")]
    NotAccepted,
    /// `send` after the object's own close.
    #[error("Can't call WebSocket send() after close().")]
    SendAfterClose,
    /// A close code that may not be sent.
    #[error("Invalid WebSocket close code: {0}.")]
    InvalidCloseCode(u16),
    /// A close reason that does not fit in a control frame.
    #[error("WebSocket close reason must not be longer than 123 bytes when UTF-8 encoded.")]
    CloseReasonTooLong,
    /// More is waiting to leave the object than may.
    #[error("too much data is waiting to be sent by this Durable Object")]
    OutboxFull,
}

/// Critical sections nested too deeply. Text: reference 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("blockConcurrencyWhile() calls are nested too deeply.")]
pub struct NestedTooDeeply;

/// An event timeout that is too long. Text: reference 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Event timeout should not exceed {} ms.", EVENT_TIMEOUT_MAX.as_millis())]
pub struct EventTimeoutTooLong;

const _: () = assert!(SECTIONS_NESTED_MAX == 64, "the reference's bound; its text names no number");
