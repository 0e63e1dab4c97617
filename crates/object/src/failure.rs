//! What callers hear when something fails.
//!
//! A failure is a text, and what the guest threw as bytes that only guests understand. Whether the instance broke with
//! it is said here, by the rules: a guest only throws.

use bytes::Bytes;
use bytestring::ByteString;

/// What became of a request that gets no response, or of an instance that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it says: to logs, in Close frames, and to callers that cannot read the rest.
    pub text: ByteString,
    /// What the guest threw, as guests write it down; empty when it threw nothing.
    pub thrown: Bytes,
    /// What a caller may make of it.
    pub kind: Kind,
    /// Whether the instance broke: callers know it by `durableObjectReset`.
    pub reset: bool,
}

/// What a caller may make of a failure. Reference 2.8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is known.
    #[default]
    Failed,
    /// Trying again may help: `retryable`.
    Disconnected,
    /// Trying again makes it worse: `overloaded`.
    Overloaded,
}

impl Failure {
    /// A failure that is only a text.
    pub fn new(text: impl Into<ByteString>) -> Self {
        Self { text: text.into(), thrown: Bytes::new(), kind: Kind::Failed, reset: false }
    }

    /// The same with another kind.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same, with which the instance broke.
    #[must_use]
    pub fn with_reset(&self) -> Self {
        Self { reset: true, ..self.clone() }
    }
}
