//! AES in the modes of Web Crypto: GCM (NIST SP 800-38D), CBC and CTR (SP 800-38A), and key wrap (RFC 3394).
//!
//! GCM is composed here of its parts, because the crate for it fixes the lengths of IV and tag when it is compiled, and
//! Web Crypto takes any IV and seven lengths of tags.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser, InnerIvInit, KeyInit, KeyIvInit,
    StreamCipher,
};
use aes::{Aes128, Aes192, Aes256};
use ctr::{Ctr32BE, Ctr128BE};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;

use super::{key, operation_error};
use crate::engine::{Call, Fault, Out};

type Block = Array<u8, U16>;

/// Runs `$body` with the type `$Aes` for a key of that length.
macro_rules! with_aes {
    ($key:expr, $Aes:ident => $body:expr) => {
        match $key.len() {
            16 => {
                type $Aes = Aes128;
                $body
            }
            24 => {
                type $Aes = Aes192;
                $body
            }
            _ => {
                type $Aes = Aes256;
                $body
            }
        }
    };
}

fn wrong_length() -> Fault {
    Fault::error("the key is too long or too short for AES")
}

/// `(key, encrypts, iv, more data to authenticate, bytes of the tag, data)`: the data with its tag behind it, or
/// without; null when the tag is wrong.
pub(super) fn gcm(call: &Call<'_>) -> Result<Out, Fault> {
    let key = key(call, 0)?;
    let secret = key.secret()?;
    let (iv, more, tag_len) = (call.bytes(2)?, call.bytes(3)?, call.index(4)? as usize);
    let data = call.bytes(5)?;
    if tag_len > size_of::<Block>() || (!call.flag(1) && data.len() < tag_len) {
        return Err(operation_error("the tag is too long"));
    }
    with_aes!(secret, Aes => {
        let mut gcm = Gcm::new(Aes::new_from_slice(secret).map_err(|_| wrong_length())?, iv);
        if call.flag(1) {
            let mut result = Vec::with_capacity(data.len() + tag_len);
            result.extend_from_slice(data);
            gcm.apply_keystream(&mut result)?;
            let tag = gcm.tag(more, &result);
            result.extend_from_slice(&tag[..tag_len]);
            return Ok(result.into());
        }
        let (data, tag) = data.split_at(data.len() - tag_len);
        if !bool::from(gcm.tag(more, data)[..tag_len].ct_eq(tag)) {
            return Ok(Out::Null);
        }
        let mut result = data.to_vec();
        gcm.apply_keystream(&mut result)?;
        Ok(result.into())
    })
}

/// Galois/Counter Mode for one message.
struct Gcm<Aes: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> {
    stream: Ctr32BE<Aes>,
    hash: GHash,
    /// What the hash is encrypted with.
    mask: Block,
}

impl<Aes: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Gcm<Aes> {
    fn new(cipher: Aes, iv: &[u8]) -> Self {
        let mut hash_key = Block::default();
        cipher.encrypt_block(&mut hash_key);
        let hash = GHash::new(&hash_key);
        let mut first = Block::default();
        if iv.len() == 12 {
            first[..12].copy_from_slice(iv);
            first[15] = 1;
        } else {
            let mut hash = hash.clone();
            hash.update_padded(iv);
            hash.update(&[lengths(0, iv.len())]);
            first = hash.finalize();
        }
        let mut stream = Ctr32BE::<Aes>::from_core(InnerIvInit::inner_iv_init(cipher, &first));
        let mut mask = Block::default();
        stream.apply_keystream(&mut mask);
        Self { stream, hash, mask }
    }

    fn apply_keystream(&mut self, data: &mut [u8]) -> Result<(), Fault> {
        self.stream.try_apply_keystream(data).map_err(|_| operation_error("the data is too long for AES-GCM"))
    }

    fn tag(&self, more: &[u8], encrypted: &[u8]) -> Block {
        let mut hash = self.hash.clone();
        hash.update_padded(more);
        hash.update_padded(encrypted);
        hash.update(&[lengths(more.len(), encrypted.len())]);
        let mut tag = hash.finalize();
        tag.iter_mut().zip(self.mask).for_each(|(byte, mask)| *byte ^= mask);
        tag
    }
}

/// Two lengths in bits, as the last block that is hashed.
fn lengths(first: usize, second: usize) -> Block {
    let bits = ((first as u128 * 8) << 64) | (second as u128 * 8);
    bits.to_be_bytes().into()
}

/// `(key, encrypts, iv, data)`: with the padding of PKCS #7; null when that is wrong.
pub(super) fn cbc(call: &Call<'_>) -> Result<Out, Fault> {
    let key = key(call, 0)?;
    let secret = key.secret()?;
    let (iv, data) = (call.bytes(2)?, call.bytes(3)?);
    with_aes!(secret, Aes => {
        if call.flag(1) {
            let cipher = cbc::Encryptor::<Aes>::new_from_slices(secret, iv).map_err(|_| wrong_length())?;
            return Ok(cipher.encrypt_padded_vec::<Pkcs7>(data).into());
        }
        let cipher = cbc::Decryptor::<Aes>::new_from_slices(secret, iv).map_err(|_| wrong_length())?;
        Ok(cipher.decrypt_padded_vec::<Pkcs7>(data).ok().into())
    })
}

/// `(key, counter block, bits of the counter, data)`: encrypted or decrypted, which is the same. The counter is the
/// last bits of the block and begins anew at zero, which leaves the bits before it alone.
pub(super) fn ctr(call: &Call<'_>) -> Result<Out, Fault> {
    let key = key(call, 0)?;
    let secret = key.secret()?;
    let block: [u8; 16] = call.bytes(1)?.try_into().map_err(|_| operation_error("a counter block has 16 bytes"))?;
    let (bits, mut data) = (call.index(2)?, call.bytes(3)?.to_vec());
    let mask = u128::MAX >> (128 - bits.clamp(1, 128));
    let block = u128::from_be_bytes(block);
    let blocks_left = (mask - (block & mask)).saturating_add(1);
    let bytes_left = usize::try_from(blocks_left.saturating_mul(16)).unwrap_or(usize::MAX);
    if (data.len().div_ceil(16) as u128).saturating_sub(1) > mask {
        return Err(operation_error("Counter block values will repeat."));
    }
    let first_len = bytes_left.min(data.len());
    let (before, after) = data.split_at_mut(first_len);
    with_aes!(secret, Aes => {
        for (counter, part) in [(block, before), (block & !mask, after)] {
            let counter = counter.to_be_bytes();
            let mut stream = Ctr128BE::<Aes>::new_from_slices(secret, &counter).map_err(|_| wrong_length())?;
            stream.apply_keystream(part);
        }
    });
    Ok(data.into())
}

/// `(key, wraps, data)`: a key wrapped or unwrapped; null when it cannot be.
pub(super) fn kw(call: &Call<'_>) -> Result<Out, Fault> {
    let key = key(call, 0)?;
    let secret = key.secret()?;
    let data = call.bytes(2)?;
    let mut result = vec![0; data.len() + 8];
    with_aes!(secret, Aes => {
        let cipher = aes_kw::AesKw::<Aes>::new_from_slice(secret).map_err(|_| wrong_length())?;
        let done = match call.flag(1) {
            true => cipher.wrap_key(data, &mut result).map(<[u8]>::len),
            false => cipher.unwrap_key(data, &mut result).map(<[u8]>::len),
        };
        Ok(done.ok().map(|len| result[..len].to_vec()).into())
    })
}
