//! Keys with their algorithm, in DER: PKCS #8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280); what they are made of.
//!
//! As in BoringSSL, a private key may also come as it is, in PKCS #1 (RSA) or SEC 1 (elliptic curves).

use ::rsa::pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use ::rsa::pkcs8::der::asn1::OctetStringRef;
use ::rsa::pkcs8::der::{Decode, Reader, SliceReader};
use ::rsa::pkcs8::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use ::rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, PrivateKeyInfoRef};

use super::ec::{Curve, on_curve};
use super::okp::Pair;
use super::{Key, data_error, key, operation_error, rsa, wrong_kind};
use crate::engine::{Call, Fault, Out};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

impl Key {
    /// What it is, as JavaScript tells kinds apart.
    fn kind(&self) -> &'static str {
        match self {
            Key::Secret(_) => "secret",
            Key::RsaPrivate(_) | Key::RsaPublic(_) => "RSA",
            Key::Ec(curve) => curve.name(),
            Key::Okp(pair) => pair.name(),
        }
    }
}

/// `(bytes)`: the number of a private key, and its kind.
pub(super) fn from_pkcs8(call: &Call<'_>) -> Result<Out, Fault> {
    import(call, "PKCS8", |reader| match PrivateKeyInfoRef::decode(reader) {
        Ok(info) => private(&info),
        Err(_) => None,
    })
}

/// `(bytes)`: the number of a public key, and its kind.
pub(super) fn from_spki(call: &Call<'_>) -> Result<Out, Fault> {
    import(call, "SPKI", |reader| public(&SubjectPublicKeyInfoRef::decode(reader).ok()?))
}

fn import(
    call: &Call<'_>,
    format: &str,
    read: impl for<'a> FnOnce(&mut SliceReader<'a>) -> Option<Key>,
) -> Result<Out, Fault> {
    let bytes = call.bytes(0)?;
    let invalid = || data_error(format!("Invalid {format} input."));
    let mut reader = SliceReader::new(bytes).map_err(|_| invalid())?;
    let (key, rest) = match read(&mut reader) {
        Some(key) => (key, u32::from(reader.remaining_len())),
        None if format == "PKCS8" => (bare(bytes).ok_or_else(invalid)?, 0),
        None => return Err(invalid()),
    };
    if rest > 0 {
        return Err(data_error(format!("Invalid {rest} trailing bytes after {format} input.")));
    }
    let kind = key.kind();
    Ok(Out::List(vec![call.isolate().keys().put(key), kind.into()]))
}

fn private(info: &PrivateKeyInfoRef<'_>) -> Option<Key> {
    let bytes = info.private_key.as_bytes();
    if info.algorithm.oid == RSA {
        return rsa_private(bytes);
    }
    if info.algorithm.oid == EC {
        let curve = info.algorithm.parameters_oid().ok()?;
        return Curve::from_sec1(Curve::named(curve)?, bytes).map(Key::Ec);
    }
    let secret = <&OctetStringRef>::from_der(bytes).ok()?;
    Pair::private(info.algorithm.oid, secret.as_bytes()).map(Key::Okp)
}

fn public(info: &SubjectPublicKeyInfoRef<'_>) -> Option<Key> {
    let bytes = info.subject_public_key.as_bytes()?;
    if info.algorithm.oid == RSA {
        let key = RsaPublicKeyRef::from_der(bytes).ok()?;
        let parts = [key.modulus.as_bytes(), key.public_exponent.as_bytes()];
        return rsa::public(parts).ok().map(Key::RsaPublic);
    }
    if info.algorithm.oid == EC {
        let curve = info.algorithm.parameters_oid().ok()?;
        return Curve::from_point(Curve::named(curve)?, bytes).map(Key::Ec);
    }
    Pair::public(info.algorithm.oid, bytes).map(Key::Okp)
}

/// A private key that does not say what it is for.
fn bare(bytes: &[u8]) -> Option<Key> {
    rsa_private(bytes).or_else(|| Curve::from_sec1_alone(bytes).map(Key::Ec))
}

fn rsa_private(bytes: &[u8]) -> Option<Key> {
    let key = RsaPrivateKeyRef::from_der(bytes).ok()?;
    ::rsa::PrivateKey::try_from(key).ok().map(Key::RsaPrivate)
}

/// `(key)`: a private key in PKCS #8, a public one as SubjectPublicKeyInfo.
pub(super) fn to_der(call: &Call<'_>) -> Result<Out, Fault> {
    let bytes = match &*key(call, 0)? {
        Key::Secret(_) => return Err(wrong_kind()),
        Key::RsaPrivate(key) => key.to_pkcs8_der().ok().map(|der| der.as_bytes().to_vec()),
        Key::RsaPublic(key) => key.to_public_key_der().ok().map(|der| der.as_bytes().to_vec()),
        Key::Ec(curve) => on_curve!(curve, pair => match &pair.private {
            Some(private) => private.to_pkcs8_der().ok().map(|der| der.as_bytes().to_vec()),
            None => pair.public.to_public_key_der().ok().map(|der| der.as_bytes().to_vec()),
        }),
        Key::Okp(pair) => pair.to_der(),
    };
    Ok(bytes.ok_or_else(|| operation_error("Key export failed."))?.into())
}

/// `(key)`: its numbers in the order in which JSON has them: `n e d p q dp dq qi`, `x y d` or `x d`, without `d` and
/// what follows for a public key.
pub(super) fn parts(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(match &*key(call, 0)? {
        Key::Secret(_) => return Err(wrong_kind()),
        Key::RsaPrivate(key) => rsa::private_parts(key)?.into(),
        Key::RsaPublic(key) => rsa::public_parts(key).to_vec().into(),
        Key::Ec(curve) => curve.parts().into(),
        Key::Okp(pair) => pair.parts().into(),
    })
}
