//! Ed25519 (RFC 8032) and X25519 (RFC 7748), in the containers of RFC 8410.

use ::rsa::pkcs8::PrivateKeyInfoRef;
use ::rsa::pkcs8::der::asn1::{BitStringRef, OctetStringRef};
use ::rsa::pkcs8::der::{AnyRef, Encode};
use ::rsa::pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{Key, data_error, fill, key, operation_error, wrong_kind};
use crate::engine::{Call, Fault, Out};

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");

#[derive(Clone, Copy)]
enum Algorithm {
    Ed25519,
    X25519,
}

/// A public key, which may be no point of the curve, and when it is known its private key.
pub(crate) struct Pair {
    algorithm: Algorithm,
    private: Option<Zeroizing<[u8; 32]>>,
    public: [u8; 32],
}

impl Algorithm {
    fn named(name: &str) -> Self {
        if name == "X25519" { Algorithm::X25519 } else { Algorithm::Ed25519 }
    }

    fn of(oid: ObjectIdentifier) -> Option<Self> {
        match oid {
            ED25519 => Some(Algorithm::Ed25519),
            X25519 => Some(Algorithm::X25519),
            _ => None,
        }
    }

    fn pair(self, private: [u8; 32]) -> Pair {
        let public = match self {
            Algorithm::Ed25519 => SigningKey::from_bytes(&private).verifying_key().to_bytes(),
            Algorithm::X25519 => PublicKey::from(&StaticSecret::from(private)).to_bytes(),
        };
        Pair { algorithm: self, private: Some(Zeroizing::new(private)), public }
    }

    fn identifier(self) -> AlgorithmIdentifierRef<'static> {
        let oid = match self {
            Algorithm::Ed25519 => ED25519,
            Algorithm::X25519 => X25519,
        };
        AlgorithmIdentifierRef { oid, parameters: None::<AnyRef<'static>> }
    }
}

impl Pair {
    pub(super) fn name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::Ed25519 => "Ed25519",
            Algorithm::X25519 => "X25519",
        }
    }

    pub(super) fn private(oid: ObjectIdentifier, bytes: &[u8]) -> Option<Self> {
        Some(Algorithm::of(oid)?.pair(bytes.try_into().ok()?))
    }

    pub(super) fn public(oid: ObjectIdentifier, bytes: &[u8]) -> Option<Self> {
        Some(Self { algorithm: Algorithm::of(oid)?, private: None, public: bytes.try_into().ok()? })
    }

    pub(super) fn to_der(&self) -> Option<Vec<u8>> {
        let algorithm = self.algorithm.identifier();
        let Some(private) = &self.private else {
            let subject_public_key = BitStringRef::from_bytes(&self.public).ok()?;
            return SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().ok();
        };
        let private = Zeroizing::new(OctetStringRef::new(&**private).ok()?.to_der().ok()?);
        PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&private).ok()?).to_der().ok()
    }

    /// `x` and, of a private key, `d`.
    pub(super) fn parts(&self) -> Vec<Vec<u8>> {
        let private = self.private.as_ref().map(|private| private.to_vec());
        [self.public.to_vec()].into_iter().chain(private).collect()
    }
}

fn pair(key: &Key) -> Result<&Pair, Fault> {
    match key {
        Key::Okp(pair) => Ok(pair),
        _ => Err(wrong_kind()),
    }
}

fn thirty_two(call: &Call<'_>, index: usize) -> Result<[u8; 32], Fault> {
    call.bytes(index)?.try_into().map_err(|_| data_error("the key has not 32 bytes"))
}

/// `(algorithm)`: a new private key and its public key.
pub(super) fn generate(call: &Call<'_>) -> Result<Out, Fault> {
    let algorithm = Algorithm::named(&call.text(0)?);
    let mut bytes = Zeroizing::new([0; 32]);
    fill(&mut *bytes)?;
    let private = algorithm.pair(*bytes);
    let public = Pair { algorithm, private: None, public: private.public };
    Ok(call.isolate().keys().put_pair([Key::Okp(private), Key::Okp(public)]))
}

/// `(algorithm, bytes)`: a public key.
pub(super) fn public(call: &Call<'_>) -> Result<Out, Fault> {
    let (algorithm, public) = (Algorithm::named(&call.text(0)?), thirty_two(call, 1)?);
    Ok(call.isolate().keys().put(Key::Okp(Pair { algorithm, private: None, public })))
}

/// `(algorithm, bytes)`: a private key.
pub(super) fn private(call: &Call<'_>) -> Result<Out, Fault> {
    let private = Algorithm::named(&call.text(0)?).pair(thirty_two(call, 1)?);
    Ok(call.isolate().keys().put(Key::Okp(private)))
}

/// `(key, data)`: an Ed25519 signature.
pub(super) fn sign(call: &Call<'_>) -> Result<Out, Fault> {
    let key = key(call, 0)?;
    let private = pair(&key)?.private.as_ref().ok_or_else(wrong_kind)?;
    Ok(SigningKey::from_bytes(private).sign(call.bytes(1)?).to_bytes().to_vec().into())
}

/// `(key, data, signature)`: whether that is right.
pub(super) fn verify(call: &Call<'_>) -> Result<Out, Fault> {
    let key = key(call, 0)?;
    let signature = Signature::from_slice(call.bytes(2)?);
    let (Ok(signature), Ok(public)) = (signature, VerifyingKey::from_bytes(&pair(&key)?.public)) else {
        return Ok(Out::Bool(false));
    };
    Ok(public.verify(call.bytes(1)?, &signature).is_ok().into())
}

/// `(private key, public key)`: the secret that both sides can compute.
pub(super) fn derive(call: &Call<'_>) -> Result<Out, Fault> {
    let (private, public) = (key(call, 0)?, key(call, 1)?);
    let secret = StaticSecret::from(**pair(&private)?.private.as_ref().ok_or_else(wrong_kind)?);
    let shared = secret.diffie_hellman(&PublicKey::from(pair(&public)?.public));
    if !shared.was_contributory() {
        return Err(operation_error("Failed to derive EDDH key: public key routines INVALID_PEER_KEY."));
    }
    Ok(shared.to_bytes().to_vec().into())
}
