//! ECDSA and ECDH over P-256, P-384 and P-521 (FIPS 186-5, SP 800-56A).
//!
//! Signatures are the two numbers one behind the other, as Web Crypto has them, and are made with randomness of ours in
//! addition to that of RFC 6979. A hash of any length goes with any curve.

use ::rsa::pkcs8::AssociatedOid as _;
use ::rsa::pkcs8::der::Decode;
use ::rsa::pkcs8::spki::ObjectIdentifier;
use p256::ecdsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use sec1::EcPrivateKey;

use super::digest::Hash;
use super::{Key, data_error, key, operation_error, wrong_kind};
use crate::engine::{Call, Fault, Out};

/// A key of one of the curves.
pub(crate) enum Curve {
    P256(Pair<p256::SecretKey, p256::PublicKey>),
    P384(Pair<p384::SecretKey, p384::PublicKey>),
    P521(Pair<p521::SecretKey, p521::PublicKey>),
}

/// A public key and, when it is known, its private key.
pub(crate) struct Pair<Private, Public> {
    pub(super) private: Option<Private>,
    pub(super) public: Public,
}

/// Runs `$body` for the pair that a key is, with the crate of its curve as `$curve`.
macro_rules! on_curve {
    ($key:expr, $pair:ident => $body:expr) => {
        match $key {
            $crate::ops::crypto::ec::Curve::P256($pair) => $body,
            $crate::ops::crypto::ec::Curve::P384($pair) => $body,
            $crate::ops::crypto::ec::Curve::P521($pair) => $body,
        }
    };
    ($key:expr, $curve:ident, $pair:ident => $body:expr) => {
        match $key {
            $crate::ops::crypto::ec::Curve::P256($pair) => {
                use p256 as $curve;
                $body
            }
            $crate::ops::crypto::ec::Curve::P384($pair) => {
                use p384 as $curve;
                $body
            }
            $crate::ops::crypto::ec::Curve::P521($pair) => {
                use p521 as $curve;
                $body
            }
        }
    };
}
pub(super) use on_curve;

/// Makes a key of the curve with that name: `$body` gives its pair, with the crate of the curve as `$curve`.
macro_rules! new_on_curve {
    ($name:expr, $curve:ident => $body:expr) => {
        match $name {
            "P-256" => {
                use p256 as $curve;
                $body.map(Curve::P256)
            }
            "P-384" => {
                use p384 as $curve;
                $body.map(Curve::P384)
            }
            _ => {
                use p521 as $curve;
                $body.map(Curve::P521)
            }
        }
    };
}

impl<Private, Public> Pair<Private, Public>
where
    for<'a> Public: From<&'a Private>,
{
    fn private(private: Private) -> Self {
        Self { public: Public::from(&private), private: Some(private) }
    }
}

impl<Private, Public> Pair<Private, Public> {
    fn public(public: Public) -> Self {
        Self { private: None, public }
    }
}

impl Curve {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Curve::P256(_) => "P-256",
            Curve::P384(_) => "P-384",
            Curve::P521(_) => "P-521",
        }
    }

    /// The name of a curve that DER names.
    pub(super) fn named(oid: ObjectIdentifier) -> Option<&'static str> {
        match oid {
            p256::NistP256::OID => Some("P-256"),
            p384::NistP384::OID => Some("P-384"),
            p521::NistP521::OID => Some("P-521"),
            _ => None,
        }
    }

    /// A private key of the curve with that name, in SEC 1.
    pub(super) fn from_sec1(name: &str, der: &[u8]) -> Option<Self> {
        new_on_curve!(name, curve => curve::SecretKey::from_sec1_der(der).ok().map(Pair::private))
    }

    /// A private key in SEC 1 that names its curve.
    pub(super) fn from_sec1_alone(der: &[u8]) -> Option<Self> {
        let curve = EcPrivateKey::from_der(der).ok()?.parameters?.named_curve()?;
        Self::from_sec1(Self::named(curve)?, der)
    }

    /// A public key of the curve with that name: a point in SEC 1, compressed or not.
    pub(super) fn from_point(name: &str, point: &[u8]) -> Option<Self> {
        new_on_curve!(name, curve => curve::PublicKey::from_sec1_bytes(point).ok().map(Pair::public))
    }

    fn from_secret(name: &str, secret: &[u8]) -> Option<Self> {
        new_on_curve!(name, curve => curve::SecretKey::from_slice(secret).ok().map(Pair::private))
    }

    fn generate(name: &str) -> Option<Self> {
        new_on_curve!(name, curve => curve::SecretKey::try_generate().ok().map(Pair::private))
    }

    /// The same key without what is secret.
    fn to_public(&self) -> Self {
        match self {
            Curve::P256(pair) => Curve::P256(Pair { private: None, public: pair.public }),
            Curve::P384(pair) => Curve::P384(Pair { private: None, public: pair.public }),
            Curve::P521(pair) => Curve::P521(Pair { private: None, public: pair.public }),
        }
    }

    /// The point that is the public key, uncompressed.
    fn point(&self) -> Vec<u8> {
        on_curve!(self, pair => pair.public.to_sec1_point(false).as_bytes().to_vec())
    }

    /// `x`, `y` and, of a private key, `d`.
    pub(super) fn parts(&self) -> Vec<Vec<u8>> {
        let point = self.point();
        let (x, y) = point[1..].split_at(point.len() / 2);
        let private = on_curve!(self, pair => pair.private.as_ref().map(|private| private.to_bytes().to_vec()));
        [x.to_vec(), y.to_vec()].into_iter().chain(private).collect()
    }
}

/// Bytes of a coordinate of the curve with that name.
fn field_len(name: &str) -> usize {
    match name {
        "P-256" => 32,
        "P-384" => 48,
        _ => 66,
    }
}

/// A number with exactly as many bytes as the field has.
fn padded(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let zeros = len.checked_sub(bytes.len())?;
    Some([&vec![0; zeros], bytes].concat())
}

/// `(curve)`: a new private key and its public key.
pub(super) fn generate(call: &Call<'_>) -> Result<Out, Fault> {
    let private = Curve::generate(&call.text(0)?).ok_or_else(|| operation_error("no random bytes"))?;
    let public = private.to_public();
    Ok(call.isolate().keys().put_pair([Key::Ec(private), Key::Ec(public)]))
}

/// `(curve, bytes)`: a public key that is a point; null when it is none.
pub(super) fn from_point(call: &Call<'_>) -> Result<Out, Fault> {
    let key = Curve::from_point(&call.text(0)?, call.bytes(1)?).map(Key::Ec);
    Ok(key.map_or(Out::Null, |key| call.isolate().keys().put(key)))
}

/// `(curve, x, y, d?)`: a key of its numbers, private when there is `d`.
pub(super) fn from_parts(call: &Call<'_>) -> Result<Out, Fault> {
    let name = call.text(0)?;
    let len = field_len(&name);
    let point = || Some([&[4], &*padded(call.bytes(1).ok()?, len)?, &*padded(call.bytes(2).ok()?, len)?].concat());
    let public = point().and_then(|point| Curve::from_point(&name, &point)).ok_or_else(|| {
        operation_error("Invalid EC key; public key coordinates \"x\" and \"y\" are invalid: Point is not on curve..")
    })?;
    if call.is_nullish(3) {
        return Ok(call.isolate().keys().put(Key::Ec(public)));
    }
    let private = padded(call.bytes(3)?, len)
        .and_then(|secret| Curve::from_secret(&name, &secret))
        .ok_or_else(|| operation_error("Invalid EC key; private key component \"d\" is invalid."))?;
    if private.point() != public.point() {
        return Err(data_error("Invalid EC key in JSON Web Key."));
    }
    Ok(call.isolate().keys().put(Key::Ec(private)))
}

fn curve(key: &Key) -> Result<&Curve, Fault> {
    match key {
        Key::Ec(curve) => Ok(curve),
        _ => Err(wrong_kind()),
    }
}

/// `(key)`: the point that is the public key, uncompressed.
pub(super) fn raw(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(curve(&*key(call, 0)?)?.point().into())
}

/// `(key, hash, data)`: a signature.
pub(super) fn sign(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, digest) = (key(call, 0)?, Hash::of(call, 1)?.digest(call.bytes(2)?));
    on_curve!(curve(&key)?, curve, pair => {
        let key = curve::ecdsa::SigningKey::from(pair.private.as_ref().ok_or_else(wrong_kind)?);
        let signed = key.sign_prehash_with_rng(&mut getrandom::SysRng, &digest);
        let signature: curve::ecdsa::Signature = signed.map_err(|_| operation_error("ECDSA signing failed."))?;
        Ok(signature.to_bytes().to_vec().into())
    })
}

/// `(key, hash, data, signature)`: whether that is right.
pub(super) fn verify(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, digest) = (key(call, 0)?, Hash::of(call, 1)?.digest(call.bytes(2)?));
    let signature = call.bytes(3)?;
    on_curve!(curve(&key)?, curve, pair => {
        let key = curve::ecdsa::VerifyingKey::from(&pair.public);
        let signature = curve::ecdsa::Signature::from_slice(signature);
        Ok(signature.is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()).into())
    })
}

/// `(private key, public key)`: the secret that both sides can compute.
pub(super) fn derive(call: &Call<'_>) -> Result<Out, Fault> {
    let (private, public) = (key(call, 0)?, key(call, 1)?);
    let secret = match (curve(&private)?, curve(&public)?) {
        (Curve::P256(private), Curve::P256(public)) => {
            private.private.as_ref().map(|key| key.diffie_hellman(&public.public).raw_secret_bytes().to_vec())
        }
        (Curve::P384(private), Curve::P384(public)) => {
            private.private.as_ref().map(|key| key.diffie_hellman(&public.public).raw_secret_bytes().to_vec())
        }
        (Curve::P521(private), Curve::P521(public)) => {
            private.private.as_ref().map(|key| key.diffie_hellman(&public.public).raw_secret_bytes().to_vec())
        }
        _ => None,
    };
    Ok(secret.ok_or_else(wrong_kind)?.into())
}
