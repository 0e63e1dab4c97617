//! Masking of payloads (RFC 6455, section 5.3). It is its own inverse.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// Masking keys for the frames of a client: nobody who sees some of them can foresee the next.
///
/// Each is a count under the keyed hash of the standard library (SipHash), whose key comes from the operating system
/// and stays here. So there is no call of the kernel for a frame, and none that can fail.
#[derive(Default)]
pub(crate) struct Keys {
    hash: RandomState,
    count: Cell<u64>,
}

impl Keys {
    pub(crate) fn next(&self) -> [u8; 4] {
        let count = self.count.get().wrapping_add(1);
        self.count.set(count);
        let [a, b, c, d, ..] = self.hash.hash_one(count).to_ne_bytes();
        [a, b, c, d]
    }
}

/// Applies `mask` to `bytes`, whose first byte meets the mask's first.
///
/// Eight bytes at a time through a plain integer, which LLVM turns into vector instructions for long payloads.
#[inline]
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::{Keys, apply};

    #[test]
    fn keys_differ_from_frame_to_frame_and_from_shard_to_shard() {
        let (one, other) = (Keys::default(), Keys::default());
        let mut keys: Vec<[u8; 4]> = (0..100).flat_map(|_| [one.next(), other.next()]).collect();
        keys.sort_unstable();
        keys.dedup();
        assert!(keys.len() > 195, "two of 200 keys are alike about once in 200,000 runs");
    }

    #[test]
    fn every_length_agrees_with_the_definition() {
        let mask = [0x00, 0x5a, 0xff, 0x81];
        for len in 0..100 {
            let plain: Vec<u8> = (0..len).collect();
            // Section 5.3: transformed-octet-i = original-octet-i XOR masking-key-octet-(i MOD 4).
            let expected: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
            let mut bytes = plain.clone();
            apply(&mut bytes, mask);
            assert_eq!(bytes, expected, "length {len}");
            apply(&mut bytes, mask);
            assert_eq!(bytes, plain, "length {len}");
        }
    }
}
