//! Frames to send (RFC 6455, section 5.2), header and payload in one buffer of exactly their size.
//!
//! A clone of the buffer shares it, so a broadcast encodes its frame once for all receivers. Every message is a
//! single final frame. The `*_masked` functions are for clients; the masking key is the caller's, who must draw a
//! fresh unpredictable one for every frame (section 5.3).

use bytes::Bytes;
use dormouse_object::message::Message;

use super::header::{
    CONTROL, CONTROL_LEN_MAX, FIN, HEADER_LEN_MAX, LEN_IS_U16, LEN_IS_U64, MASKED, Opcode, RESERVED_1,
};
use super::mask;

/// The longest reason that fits a Close frame beside its code (section 5.5.1).
pub const CLOSE_REASON_LEN_MAX: usize = CONTROL_LEN_MAX - 2;

/// A message (section 5.6).
pub fn message(message: &Message) -> Bytes {
    frame(opcode(message), message.as_bytes(), None)
}

/// [`message`] as a client sends it.
pub fn message_masked(message: &Message, key: [u8; 4]) -> Bytes {
    frame(opcode(message), message.as_bytes(), Some(key))
}

/// A message whose payload was compressed to `data` (RFC 7692, section 6.1); with a key, as a client sends it.
pub fn message_deflated(message: &Message, data: &[u8], key: Option<[u8; 4]>) -> Bytes {
    frame_with(RESERVED_1, opcode(message), data, key)
}

/// Whether a frame, whole or in part from its first byte on, is a control frame (section 5.5).
pub fn is_control(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & CONTROL != 0)
}

/// A ping (section 5.5.2).
///
/// # Panics
/// If `payload` is longer than 125 bytes, which no control frame may be.
pub fn ping(payload: &[u8]) -> Bytes {
    ping_with(payload, None)
}

/// [`ping`] as a client sends it.
///
/// # Panics
/// As [`ping`].
pub fn ping_masked(payload: &[u8], key: [u8; 4]) -> Bytes {
    ping_with(payload, Some(key))
}

pub(crate) fn ping_with(payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    control(Opcode::Ping, payload, key)
}

/// A pong (section 5.5.3), usually with the payload of the ping that it answers.
///
/// # Panics
/// If `payload` is longer than 125 bytes, which a received ping's never is.
pub fn pong(payload: &[u8]) -> Bytes {
    pong_with(payload, None)
}

/// [`pong`] as a client sends it.
///
/// # Panics
/// As [`pong`].
pub fn pong_masked(payload: &[u8], key: [u8; 4]) -> Bytes {
    pong_with(payload, Some(key))
}

pub(crate) fn pong_with(payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    control(Opcode::Pong, payload, key)
}

/// A Close frame with a code and a reason, or empty (section 5.5.1).
///
/// It is always one that a peer can accept, because there is no second chance to close: a reason over
/// [`CLOSE_REASON_LEN_MAX`] is cut at a character, and a code that must not be on the wire (under 1000, over
/// 4999, 1004, 1005, 1006, 1015) makes the frame empty, which is what 1005 means. Codes 1016 to 2999, unassigned
/// but legal for `WebSocket.close` in workerd (`src/workerd/api/web-socket.c++`), are sent as they are.
pub fn close(code_and_reason: Option<(u16, &str)>) -> Bytes {
    close_with(code_and_reason, None)
}

/// [`close`] as a client sends it.
pub fn close_masked(code_and_reason: Option<(u16, &str)>, key: [u8; 4]) -> Bytes {
    close_with(code_and_reason, Some(key))
}

pub(crate) fn close_with(code_and_reason: Option<(u16, &str)>, key: Option<[u8; 4]>) -> Bytes {
    match code_and_reason {
        Some((code @ (1000..=1003 | 1007..=1014 | 1016..=4999), reason)) => {
            let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_LEN_MAX)];
            let mut payload = [0; CONTROL_LEN_MAX];
            let payload = &mut payload[..2 + reason.len()];
            payload[..2].copy_from_slice(&code.to_be_bytes());
            payload[2..].copy_from_slice(reason.as_bytes());
            control(Opcode::Close, payload, key)
        }
        _ => control(Opcode::Close, &[], key),
    }
}

fn control(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    assert!(payload.len() <= CONTROL_LEN_MAX, "a control frame's payload has at most {CONTROL_LEN_MAX} bytes");
    frame(opcode, payload, key)
}

fn opcode(message: &Message) -> Opcode {
    match message {
        Message::Text(_) => Opcode::Text,
        Message::Binary(_) => Opcode::Binary,
    }
}

#[inline]
fn frame(opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    frame_with(0, opcode, payload, key)
}

#[inline]
fn frame_with(reserved: u8, opcode: Opcode, payload: &[u8], key: Option<[u8; 4]>) -> Bytes {
    let mut header = [0; HEADER_LEN_MAX];
    let masked = if key.is_some() { MASKED } else { 0 };
    header[0] = FIN | reserved | opcode as u8;
    let mut header_len = match payload.len() {
        len @ ..126 => {
            header[1] = masked | len as u8;
            2
        }
        len @ 126..=0xffff => {
            header[1] = masked | LEN_IS_U16;
            header[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            4
        }
        len => {
            header[1] = masked | LEN_IS_U64;
            header[2..10].copy_from_slice(&(len as u64).to_be_bytes());
            10
        }
    };
    if let Some(key) = key {
        header[header_len..header_len + 4].copy_from_slice(&key);
        header_len += 4;
    }

    let mut buffer = Vec::with_capacity(header_len + payload.len());
    buffer.extend_from_slice(&header[..header_len]);
    buffer.extend_from_slice(payload);
    if let Some(key) = key {
        mask::apply(&mut buffer[header_len..], key);
    }
    Bytes::from(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    #[test]
    fn examples_of_the_rfc() {
        // Section 5.7.
        let hello = Message::Text("Hello".into());
        assert_eq!(message(&hello), b"\x81\x05Hello"[..]);
        assert_eq!(message_masked(&hello, KEY), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]);
        assert_eq!(ping(b"Hello"), b"\x89\x05Hello"[..]);
        assert_eq!(pong_masked(b"Hello", KEY), b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]);
    }

    #[test]
    fn every_length_encoding_at_its_edges() {
        let cases: [(usize, &[u8]); 7] = [
            (0, b"\x82\x00"),
            (1, b"\x82\x01"),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65535, b"\x82\x7e\xff\xff"),
            (65536, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
            (65537, b"\x82\x7f\0\0\0\0\0\x01\0\x01"),
        ];
        for (len, header) in cases {
            let payload = vec![0xa5; len];
            let plain = Message::Binary(payload.clone().into());
            assert_eq!(message(&plain), [header, &payload].concat());
            let masked = message_masked(&plain, KEY);
            assert_eq!(masked[1], header[1] | 0x80);
            assert_eq!(masked[2..header.len()], header[2..]);
            assert_eq!(masked[header.len()..header.len() + 4], KEY);
            let unmasked = masked[header.len() + 4..].iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
            assert!(unmasked.eq(payload), "length {len}");
        }
    }

    #[test]
    fn close_is_always_one_that_a_peer_can_accept() {
        assert_eq!(close(None), b"\x88\x00"[..]);
        assert_eq!(close(Some((1000, ""))), b"\x88\x02\x03\xe8"[..]);
        assert_eq!(close(Some((4999, "ß"))), b"\x88\x04\x13\x87\xc3\x9f"[..]);
        assert_eq!(close(Some((2000, ""))), b"\x88\x02\x07\xd0"[..]);
        for code in [0, 999, 1004, 1005, 1006, 1015, 5000, u16::MAX] {
            assert_eq!(close(Some((code, "why"))), b"\x88\x00"[..], "{code}");
        }
        assert_eq!(close(Some((1001, &"x".repeat(123)))).len(), 2 + 125);
        assert_eq!(close(Some((1001, &"x".repeat(124)))).len(), 2 + 125);
        // 61 characters of two bytes and one that would go over.
        let cut = close(Some((1001, &"ß".repeat(100))));
        assert_eq!(cut[..2], [0x88, 2 + 122]);
        assert_eq!(cut[4..], *"ß".repeat(61).as_bytes());
        assert_eq!(close_masked(Some((1000, "")), KEY), b"\x88\x82\x37\xfa\x21\x3d\x34\x12"[..]);
    }

    #[test]
    fn a_clone_shares_the_buffer() {
        let first = message(&Message::Text("to all".into()));
        assert_eq!(first.clone().as_ptr(), first.as_ptr());
    }
}
