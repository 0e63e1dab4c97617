//! RSA: PKCS #1 v1.5 and PSS signatures, and OAEP (RFC 8017).
//!
//! Whatever uses a private key is blinded, and done on a thread for blocking work: it takes milliseconds. Moduli have
//! 512 to 16384 bits, as in workerd.

use rsa::pss::Pss;
use rsa::rand_core::TryCryptoRng;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, Oaep, Pkcs1v15Sign, PrivateKey, PublicKey};

use super::digest::{Hash, with_hash};
use super::{Key, data_error, key, long, operation_error, wrong_kind};
use crate::engine::{Call, Fault, Out};
use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN};

/// A number that begins without zeros, as JSON has it.
fn bytes_of(number: &BoxedUint) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes[start..].to_vec()
}

fn number(bytes: &[u8]) -> Result<BoxedUint, Fault> {
    let bytes = if bytes.is_empty() { &[0] } else { bytes };
    let bits = u32::try_from(bytes.len() * 8).map_err(|_| data_error("the number is too long"))?;
    BoxedUint::from_be_slice(bytes, bits).map_err(|_| data_error("the number is too long"))
}

fn random() -> impl TryCryptoRng {
    getrandom::SysRng
}

pub(super) fn public([modulus, exponent]: [&[u8]; 2]) -> Result<PublicKey, Fault> {
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    PublicKey::new_with_size_limits(modulus, exponent, RSA_BITS_MIN..=RSA_BITS_MAX)
        .map_err(|error| data_error(format!("Invalid RSA key: {error}.")))
}

pub(super) fn public_parts(key: &PublicKey) -> [Vec<u8>; 2] {
    [bytes_of(key.n()), bytes_of(key.e())]
}

pub(super) fn private_parts(key: &PrivateKey) -> Result<Vec<Vec<u8>>, Fault> {
    let missing = || operation_error("the key has no primes");
    let [n, e] = public_parts(key.as_public_key());
    let [p, q] = key.primes() else { return Err(missing()) };
    let (dp, dq) = (key.dp().ok_or_else(missing)?, key.dq().ok_or_else(missing)?);
    let qi = key.crt_coefficient().ok_or_else(missing)?;
    Ok([vec![n, e], [key.d(), p, q, dp, dq, &qi].map(bytes_of).to_vec()].concat())
}

/// `(bits, exponent)`: a promise of a new private key and its public key.
pub(super) fn generate(call: &Call<'_>) -> Result<Out, Fault> {
    let (bits, exponent) = (call.index(0)? as usize, BoxedUint::from(u64::from(call.index(1)?)));
    let work = move || {
        PrivateKey::new_with_exp_unchecked(&mut random(), bits, exponent)
            .map_err(|error| operation_error(format!("RSA key generation failed: {error}.")))
    };
    long(call, work, |keys, private| {
        let public = private.to_public_key();
        keys.put_pair([Key::RsaPrivate(private), Key::RsaPublic(public)])
    })
}

/// `(n, e, d?, p?, q?)`: a key of its numbers, private when there is `d`. Without `p` and `q` they are computed.
pub(super) fn from_parts(call: &Call<'_>) -> Result<Out, Fault> {
    let key = if call.is_nullish(2) {
        Key::RsaPublic(public([call.bytes(0)?, call.bytes(1)?])?)
    } else {
        let primes = match call.is_nullish(3) {
            true => Vec::new(),
            false => vec![number(call.bytes(3)?)?, number(call.bytes(4)?)?],
        };
        let [n, e, d] = [number(call.bytes(0)?)?, number(call.bytes(1)?)?, number(call.bytes(2)?)?];
        let key = PrivateKey::from_components(n, e, d, primes);
        Key::RsaPrivate(key.map_err(|error| data_error(format!("Invalid RSA key: {error}.")))?)
    };
    Ok(call.isolate().keys().put(key))
}

/// `(key, hash, length of the salt or null, data)`: a promise of a PSS signature, or of one of PKCS #1 v1.5 when there
/// is no salt.
pub(super) fn sign(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, hash, salt) = (key(call, 0)?, Hash::of(call, 1)?, salt_len(call)?);
    let digest = hash.digest(call.bytes(3)?);
    let work = move || {
        let Key::RsaPrivate(private) = &*key else { return Err(wrong_kind()) };
        let mut random = random();
        let signature = with_hash!(hash, D => match salt {
            Some(salt) => private.sign_with_rng(&mut random, Pss::<D>::new_blinded_with_salt(salt), &digest),
            None => private.sign_with_rng(&mut random, Pkcs1v15Sign::new::<D>(), &digest),
        });
        signature.map_err(|error| operation_error(format!("RSA signing failed: {error}.")))
    };
    long(call, work, |_, signature| signature.into())
}

/// `(key, hash, length of the salt or null, data, signature)`: whether that is right.
pub(super) fn verify(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, hash, salt) = (key(call, 0)?, Hash::of(call, 1)?, salt_len(call)?);
    let (digest, signature) = (hash.digest(call.bytes(3)?), call.bytes(4)?);
    let Key::RsaPublic(public) = &*key else { return Err(wrong_kind()) };
    let verified = with_hash!(hash, D => match salt {
        Some(salt) => public.verify(Pss::<D>::new_with_salt(salt), &digest, signature),
        None => public.verify(Pkcs1v15Sign::new::<D>(), &digest, signature),
    });
    Ok(verified.is_ok().into())
}

fn salt_len(call: &Call<'_>) -> Result<Option<usize>, Fault> {
    if call.is_nullish(2) { Ok(None) } else { call.index(2).map(|len| Some(len as usize)) }
}

fn oaep_failed() -> Fault {
    operation_error("RSA-OAEP failed encrypt/decrypt.")
}

/// `(key, hash, label, data)`: encrypted by OAEP.
pub(super) fn encrypt(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, hash, label) = (key(call, 0)?, Hash::of(call, 1)?, call.bytes(2)?);
    let Key::RsaPublic(public) = &*key else { return Err(wrong_kind()) };
    let data = call.bytes(3)?;
    let encrypted = with_hash!(hash, D => public.encrypt(&mut random(), Oaep::<D>::new_with_label(label), data));
    Ok(encrypted.map_err(|_| oaep_failed())?.into())
}

/// `(key, hash, label, data)`: a promise of what was encrypted by OAEP.
pub(super) fn decrypt(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, hash) = (key(call, 0)?, Hash::of(call, 1)?);
    let (label, data) = (call.bytes(2)?.to_vec(), call.bytes(3)?.to_vec());
    let work = move || {
        let Key::RsaPrivate(private) = &*key else { return Err(wrong_kind()) };
        let decrypted = with_hash!(hash, D => {
            private.decrypt_blinded(&mut random(), Oaep::<D>::new_with_label(label), &data)
        });
        decrypted.map_err(|_| oaep_failed())
    };
    long(call, work, |_, data| data.into())
}
