//! Every way in which a peer can break the protocol, its close code and its text.
//!
//! Inside the codec a fault is a small value, because it is part of the result of every hot function; its text is
//! made when it leaves. Texts are what the peer sees as the reason of our Close frame, so they are sentences, in
//! workerd's words where it has them, and at most 123 bytes (RFC 6455, section 5.5).

use std::borrow::Cow;
use std::fmt;

use super::FrameError;

/// Close codes of RFC 6455, section 7.4.1.
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_PAYLOAD: u16 = 1007;
const TOO_LARGE: u16 = 1009;

/// What is wrong with the bytes that arrived. Sections are those of RFC 6455.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Section 5.2, RSV1, which is permessage-deflate's and was not negotiated.
    ReservedBit1,
    /// RFC 7692, section 6.1: RSV1 on a control frame or a continuation.
    ReservedBit1Misplaced,
    /// Section 5.2, RSV2 and RSV3.
    ReservedBits2Or3,
    /// Section 5.2, opcodes 3 to 7 and 11 to 15.
    UnknownOpcode(u8),
    /// Section 5.4: a continuation of nothing.
    UnexpectedContinuation,
    /// Section 5.4: a message begins inside another.
    MissingContinuation,
    /// Section 5.5.
    FragmentedControl,
    /// Section 5.5.
    ControlTooLong,
    /// Section 5.1, seen by a server.
    Unmasked,
    /// Section 5.1, seen by a client.
    Masked,
    /// Section 5.2: the minimal number of bytes must be used.
    LengthNotMinimal,
    /// Section 5.2: the most significant bit of a 64-bit length must be 0.
    LengthTopBit,
    /// Section 10.4. Lengths count all frames of the message so far.
    TooLarge { message_len: u64, message_len_max: u64 },
    /// The same of what a compressed message becomes; how long that is remains unknown.
    InflatedTooLarge { message_len_max: usize },
    /// RFC 7692, section 7.2.2: what it has is no DEFLATE.
    NotDeflate,
    /// Section 8.1.
    TextNotUtf8,
    /// Section 5.5.1: half a code.
    CloseLenOne,
    /// Section 7.4.
    CloseCode(u16),
    /// Section 5.5.1.
    CloseReasonNotUtf8,
}

impl From<Fault> for FrameError {
    #[cold]
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::TooLarge { .. } | Fault::InflatedTooLarge { .. } => TOO_LARGE,
            Fault::TextNotUtf8 | Fault::CloseReasonNotUtf8 | Fault::NotDeflate => INVALID_PAYLOAD,
            _ => PROTOCOL_ERROR,
        };
        let reason = match fault {
            // workerd's own text for this is longer than a Close frame allows.
            Fault::ReservedBit1 => Cow::from("Received frame had RSV bit 1 set, but no compression was negotiated"),
            Fault::ReservedBit1Misplaced => Cow::from("Received frame had RSV bit 1 set, but does not begin a message"),
            Fault::ReservedBits2Or3 => Cow::from("Received frame had RSV bits 2 or 3 set"),
            Fault::UnknownOpcode(opcode) => Cow::from(format!("Unknown opcode {opcode}")),
            Fault::UnexpectedContinuation => Cow::from("Unexpected continuation frame"),
            Fault::MissingContinuation => Cow::from("Missing continuation frame"),
            Fault::FragmentedControl => Cow::from("Received fragmented control frame"),
            Fault::ControlTooLong => Cow::from("Received control frame with more than 125 bytes of payload"),
            Fault::Unmasked => Cow::from("Received unmasked frame from client"),
            Fault::Masked => Cow::from("Received masked frame from server"),
            Fault::LengthNotMinimal => Cow::from("Received frame whose length is not minimally encoded"),
            Fault::LengthTopBit => Cow::from("Received frame whose length has its most significant bit set"),
            Fault::TooLarge { message_len, message_len_max } => {
                Cow::from(format!("Message is too large: {message_len} > {message_len_max}"))
            }
            Fault::InflatedTooLarge { message_len_max } => {
                Cow::from(format!("Message is too large: more than {message_len_max} when decompressed"))
            }
            Fault::NotDeflate => Cow::from("Compressed message is not valid DEFLATE data"),
            Fault::TextNotUtf8 => Cow::from("Text message is not valid UTF-8"),
            Fault::CloseLenOne => Cow::from("Received Close frame with one byte of payload"),
            Fault::CloseCode(code) => Cow::from(format!("Received Close frame with invalid code {code}")),
            Fault::CloseReasonNotUtf8 => Cow::from("Close reason is not valid UTF-8"),
        };
        Self { code, reason }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (close code {})", self.reason, self.code)
    }
}

impl std::error::Error for FrameError {}
