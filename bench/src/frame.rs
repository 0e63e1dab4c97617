//! Frames of RFC 6455: decoded in place, encoded into a reused buffer.
//!
//! This is a floor, so nothing is checked that the bytes of a well-behaved peer make unnecessary: no reserved bits, no
//! UTF-8, no fragments. Never expose it to a peer that you did not write.

use std::ops::Range;

/// A text message.
pub const TEXT: u8 = 0x1;
/// A close frame.
pub const CLOSE: u8 = 0x8;
/// A ping, to be answered by a pong.
pub const PING: u8 = 0x9;
/// The answer to a ping.
pub const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// One whole frame found at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// The low four bits of the first byte.
    pub opcode: u8,
    /// Where the unmasked payload lies in the buffer.
    pub payload: Range<usize>,
}

/// Finds the frame that starts at `start` and removes its mask in place. `None` if the frame is not complete yet; the
/// buffer is then untouched.
pub fn decode(buffer: &mut [u8], start: usize) -> Option<Frame> {
    let bytes = &buffer[start..];
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (length, mut at) = match second & 0x7F {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let key: Option<[u8; 4]> = if second & MASKED == 0 {
        None
    } else {
        at += 4;
        Some(bytes.get(at - 4..at)?.try_into().ok()?)
    };
    let payload = start + at..(start + at).checked_add(length)?;
    let target = buffer.get_mut(payload.clone())?;
    if let Some(key) = key {
        mask(target, key);
    }
    Some(Frame { opcode: first & 0x0F, payload })
}

/// Appends an unmasked frame, as a server sends it.
pub fn encode_server(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    head(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// Appends a masked frame, as a client sends it.
pub fn encode_client(out: &mut Vec<u8>, opcode: u8, payload: &[u8], key: [u8; 4]) {
    head(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    mask(&mut out[start..], key);
}

fn head(out: &mut Vec<u8>, opcode: u8, length: usize, masked: u8) {
    out.push(FIN | opcode);
    if let Some(short) = u8::try_from(length).ok().filter(|short| *short < 126) {
        out.push(masked | short);
    } else if let Ok(medium) = u16::try_from(length) {
        out.push(masked | 126);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

/// Applies or removes a mask, eight bytes at a time.
fn mask(bytes: &mut [u8], key: [u8; 4]) {
    let half = u64::from(u32::from_ne_bytes(key));
    let wide = half << 32 | half;
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_form_survives_both_directions() {
        for length in [0, 1, 7, 8, 59, 125, 126, 127, 65_535, 65_536, 70_001] {
            let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            for key in [None, Some([1, 2, 3, 250])] {
                let mut bytes = vec![0xEE; 3];
                match key {
                    None => encode_server(&mut bytes, TEXT, &payload),
                    Some(key) => encode_client(&mut bytes, TEXT, &payload, key),
                }
                let whole = bytes.len();
                assert_eq!(decode(&mut bytes[..whole - 1], 3), None);
                let frame = decode(&mut bytes, 3).unwrap();
                assert_eq!((frame.opcode, frame.payload.end), (TEXT, whole));
                assert_eq!(bytes[frame.payload], payload);
            }
        }
    }

    #[test]
    fn an_incomplete_frame_is_left_masked() {
        let mut bytes = Vec::new();
        encode_client(&mut bytes, TEXT, b"echo:hello", [9, 8, 7, 6]);
        let before = bytes.clone();
        for end in 0..bytes.len() {
            assert_eq!(decode(&mut bytes[..end], 0), None);
        }
        assert_eq!(bytes, before);
    }

    /// The masked "Hello" of RFC 6455, section 5.7.
    #[test]
    fn example_of_the_standard() {
        let mut bytes = vec![0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let frame = decode(&mut bytes, 0).unwrap();
        assert_eq!(&bytes[frame.payload], b"Hello");
    }
}
