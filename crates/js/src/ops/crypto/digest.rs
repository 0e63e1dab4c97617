//! Digests, whole and bit by bit, and HMAC.
//!
//! SHA-2 as in FIPS 180-4; MD5 because workerd has it; the checksums of workerd's `DigestStream`. Names are those that
//! JavaScript has made canonical.

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Digest as Running32, Table};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;
use sha2::digest::DynDigest;

use super::key;
use crate::engine::{Call, Fault, Out};
use crate::tasks::count;

/// A hash function, by its name in Web Crypto.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Runs `$body` with the type `$Digest` for a hash.
macro_rules! with_hash {
    ($hash:expr, $Digest:ident => $body:expr) => {
        match $hash {
            $crate::ops::crypto::digest::Hash::Md5 => {
                type $Digest = md5::Md5;
                $body
            }
            $crate::ops::crypto::digest::Hash::Sha1 => {
                type $Digest = sha1::Sha1;
                $body
            }
            $crate::ops::crypto::digest::Hash::Sha256 => {
                type $Digest = sha2::Sha256;
                $body
            }
            $crate::ops::crypto::digest::Hash::Sha384 => {
                type $Digest = sha2::Sha384;
                $body
            }
            $crate::ops::crypto::digest::Hash::Sha512 => {
                type $Digest = sha2::Sha512;
                $body
            }
        }
    };
}
pub(super) use with_hash;

impl Hash {
    /// The hash that an argument names.
    pub(super) fn of(call: &Call<'_>, index: usize) -> Result<Self, Fault> {
        call.with_text(index, |name| match name {
            "MD5" => Some(Self::Md5),
            "SHA-1" => Some(Self::Sha1),
            "SHA-256" => Some(Self::Sha256),
            "SHA-384" => Some(Self::Sha384),
            "SHA-512" => Some(Self::Sha512),
            _ => None,
        })?
        .ok_or_else(|| Fault::new("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested."))
    }

    /// Bytes of a digest.
    pub(super) fn output_len(self) -> usize {
        with_hash!(self, D => <D as Digest>::output_size())
    }

    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        with_hash!(self, D => D::digest(data).to_vec())
    }
}

/// `(hash, bytes)`: the digest.
pub(super) fn digest(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(Hash::of(call, 0)?.digest(call.bytes(1)?).into())
}

fn mac(call: &Call<'_>, data: usize) -> Result<Vec<u8>, Fault> {
    let (key, hash, data) = (key(call, 0)?, Hash::of(call, 1)?, call.bytes(data)?);
    let secret = key.secret()?;
    with_hash!(hash, D => {
        let mac = Hmac::<D>::new_from_slice(secret).map_err(|_| Fault::error("HMAC takes keys of any length"))?;
        Ok(mac.chain_update(data).finalize().into_bytes().to_vec())
    })
}

/// `(key, hash, data)`: the code.
pub(super) fn hmac_sign(call: &Call<'_>) -> Result<Out, Fault> {
    mac(call, 2).map(Out::from)
}

/// `(key, hash, data, code)`: whether it is the right one, compared in constant time.
pub(super) fn hmac_verify(call: &Call<'_>) -> Result<Out, Fault> {
    use subtle::ConstantTimeEq;
    Ok(bool::from(mac(call, 2)?.ct_eq(call.bytes(3)?)).into())
}

static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// A digest that still gets bytes.
pub(super) enum Running {
    Hash(Box<dyn DynDigest>),
    Crc32(Running32<'static, u32, Table<16>>),
    Crc64(Running32<'static, u64, Table<16>>),
}

/// `(name)`: the number of a digest that gets its bytes later.
pub(super) fn start(call: &Call<'_>) -> Result<Out, Fault> {
    let running = match call.text(0)?.as_str() {
        "crc32" => Running::Crc32(CRC32.digest()),
        "crc32c" => Running::Crc32(CRC32C.digest()),
        "crc64nvme" => Running::Crc64(CRC64.digest()),
        _ => Running::Hash(with_hash!(Hash::of(call, 0)?, D => Box::new(D::new()))),
    };
    Ok(count(call.isolate().keys().digests.borrow_mut().insert(running)))
}

/// `(digest, bytes or text)`: more of the data. Returns how many bytes that were.
pub(super) fn update(call: &Call<'_>) -> Result<Out, Fault> {
    let mut digests = call.isolate().keys().digests.borrow_mut();
    let running = digests.get_mut(call.index(0)? as usize).ok_or_else(finished)?;
    let mut add = |bytes: &[u8]| {
        match running {
            Running::Hash(hash) => hash.update(bytes),
            Running::Crc32(crc) => crc.update(bytes),
            Running::Crc64(crc) => crc.update(bytes),
        }
        count(bytes.len())
    };
    if call.is_text(1) { call.with_text(1, |text| add(text.as_bytes())) } else { Ok(add(call.bytes(1)?)) }
}

/// `(digest)`: its value; the number is given back.
pub(super) fn finish(call: &Call<'_>) -> Result<Out, Fault> {
    let running = call.isolate().keys().digests.borrow_mut().try_remove(call.index(0)? as usize);
    Ok(match running.ok_or_else(finished)? {
        Running::Hash(hash) => hash.finalize().into_vec().into(),
        Running::Crc32(crc) => crc.finalize().to_be_bytes().to_vec().into(),
        Running::Crc64(crc) => crc.finalize().to_be_bytes().to_vec().into(),
    })
}

/// `(digest)`: nobody wants it.
pub(super) fn drop_running(call: &Call<'_>) -> Result<Out, Fault> {
    let running = call.isolate().keys().digests.borrow_mut().try_remove(call.index(0)? as usize);
    drop(running);
    Ok(Out::Undefined)
}

fn finished() -> Fault {
    Fault::error("the digest was finished")
}
