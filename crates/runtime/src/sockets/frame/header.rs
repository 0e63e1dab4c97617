//! The header of a frame (RFC 6455, section 5.2).
//!
//! Invariant: `parse` is a function of a prefix. If it refuses some bytes, it refuses every continuation of them
//! with the same error, and it looks at each byte as soon as that byte is there: so errors are early, and do not
//! depend on how the header was cut.

use super::error::Fault;
use super::{Role, deflated_len_max};

/// Two bytes, a 64-bit length and a mask.
pub(in crate::sockets) const HEADER_LEN_MAX: usize = 14;

/// The longest payload of a control frame (section 5.5).
pub(super) const CONTROL_LEN_MAX: usize = 125;

/// The length byte that announces 16 bits of length, and the one that announces 64.
pub(in crate::sockets) const LEN_IS_U16: u8 = 126;
pub(in crate::sockets) const LEN_IS_U64: u8 = 127;

pub(super) const FIN: u8 = 0x80;
pub(in crate::sockets) const MASKED: u8 = 0x80;
/// The bits of the opcode.
pub(in crate::sockets) const OPCODE: u8 = 0x0f;
pub(super) const RESERVED_1: u8 = 0x40;
/// The bit that the opcodes of control frames have and no others (section 5.2).
pub(super) const CONTROL: u8 = 0x08;
const RESERVED_2_OR_3: u8 = 0x30;

/// A frame's meaning (section 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sockets) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Result<Self, Fault> {
        match bits {
            0 => Ok(Self::Continuation),
            1 => Ok(Self::Text),
            2 => Ok(Self::Binary),
            8 => Ok(Self::Close),
            9 => Ok(Self::Ping),
            10 => Ok(Self::Pong),
            _ => Err(Fault::UnknownOpcode(bits)),
        }
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 >= Self::Close as u8
    }
}

/// A header that the connection's state allows.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) fin: bool,
    /// The frame begins a compressed message.
    pub(super) deflated: bool,
    pub(super) opcode: Opcode,
    /// Zeros where there is none, which change nothing.
    pub(super) mask: [u8; 4],
    /// Within the limits.
    pub(super) payload_len: usize,
}

/// What a header is judged against.
pub(super) struct Expect {
    pub(super) role: Role,
    /// Whether messages may be compressed.
    pub(super) deflate: bool,
    pub(super) message_len_max: usize,
    /// The fragmented message that has begun and not ended.
    pub(super) unfinished: Option<Unfinished>,
}

/// What there is of a message so far.
pub(super) struct Unfinished {
    pub(super) len: usize,
    pub(super) deflated: bool,
}

impl Header {
    /// The header at the front of `bytes` and its length, or `None` if there are too few bytes to tell.
    #[inline(always)] // Its result, returned through memory, would cost as much as its work.
    pub(super) fn parse(bytes: &[u8], expect: &Expect) -> Result<Option<(Self, usize)>, Fault> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let fin = first & FIN != 0;
        let (opcode, deflated) = opcode(first, expect)?;

        let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
        let masked = second & MASKED != 0;
        match (expect.role, masked) {
            (Role::Server, false) => return Err(Fault::Unmasked),
            (Role::Client, true) => return Err(Fault::Masked),
            (Role::Server, true) | (Role::Client, false) => {}
        }

        // An extended length has its own bytes to wait for, but over 125 a control frame is wrong already.
        let short_len = second & !MASKED;
        if opcode.is_control() && usize::from(short_len) > CONTROL_LEN_MAX {
            return Err(Fault::ControlTooLong);
        }
        let Some((payload_len, rest)) = payload_len(short_len, rest)? else { return Ok(None) };
        let payload_len = match opcode.is_control() {
            true => usize::from(short_len),
            false => within_limit(payload_len, deflated, expect)?,
        };

        let (mask, rest) = match (masked, rest.split_first_chunk()) {
            (false, _) => ([0; 4], rest),
            (true, Some((mask, rest))) => (*mask, rest),
            (true, None) => return Ok(None),
        };
        Ok(Some((Self { fin, deflated, opcode, mask, payload_len }, bytes.len() - rest.len())))
    }
}

/// The opcode, and whether a compressed message begins; everything that the first byte can have wrong.
#[inline]
fn opcode(first: u8, expect: &Expect) -> Result<(Opcode, bool), Fault> {
    if first & RESERVED_2_OR_3 != 0 {
        return Err(Fault::ReservedBits2Or3);
    }
    let deflated = first & RESERVED_1 != 0;
    if deflated && !expect.deflate {
        return Err(Fault::ReservedBit1);
    }
    let opcode = Opcode::from_bits(first & OPCODE)?;
    match (opcode, &expect.unfinished) {
        (Opcode::Continuation, None) => Err(Fault::UnexpectedContinuation),
        (Opcode::Text | Opcode::Binary, Some(_)) => Err(Fault::MissingContinuation),
        _ if opcode.is_control() && first & FIN == 0 => Err(Fault::FragmentedControl),
        // Only the first frame of a message says it, and of control frames none (RFC 7692, section 6.1).
        _ if deflated && !matches!(opcode, Opcode::Text | Opcode::Binary) => Err(Fault::ReservedBit1Misplaced),
        _ => Ok((opcode, deflated)),
    }
}

/// The payload's length and what is behind it, or `None` if the extended length has not all arrived.
#[inline]
fn payload_len(short_len: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Fault> {
    match short_len {
        LEN_IS_U16 => {
            let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let len = u16::from_be_bytes(*bytes);
            if len < u16::from(LEN_IS_U16) {
                return Err(Fault::LengthNotMinimal);
            }
            Ok(Some((u64::from(len), rest)))
        }
        LEN_IS_U64 => {
            let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let len = u64::from_be_bytes(*bytes);
            if len >> 63 != 0 {
                return Err(Fault::LengthTopBit);
            }
            if len <= u64::from(u16::MAX) {
                return Err(Fault::LengthNotMinimal);
            }
            Ok(Some((len, rest)))
        }
        _ => Ok(Some((u64::from(short_len), rest))),
    }
}

/// Refuses a data frame that would make its message too long, before any of it is received.
#[inline]
fn within_limit(payload_len: u64, deflated: bool, expect: &Expect) -> Result<usize, Fault> {
    let unfinished = expect.unfinished.as_ref();
    let message_len = payload_len.saturating_add(unfinished.map_or(0, |unfinished| unfinished.len) as u64);
    let is_deflated = deflated || unfinished.is_some_and(|unfinished| unfinished.deflated);
    let message_len_max =
        if is_deflated { deflated_len_max(expect.message_len_max) } else { expect.message_len_max } as u64;
    match usize::try_from(payload_len) {
        Ok(payload_len) if message_len <= message_len_max => Ok(payload_len),
        _ => Err(Fault::TooLarge { message_len, message_len_max }),
    }
}
