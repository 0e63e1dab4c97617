//! `crypto`: random values, digests, and the keys and operations of Web Crypto.
//!
//! Keys stay here; code holds a number for each. A key is the isolate's and no guest's, because modules make keys at
//! their top level and objects share them. Its number is given back when its `CryptoKey` has been collected.
//!
//! Names of algorithms, dictionaries and usages are checked in JavaScript (`platform/crypto*.js`); an op checks what the
//! mathematics needs. Work that is known to take long runs on a thread for blocking work, [`long`].

mod aes;
mod derive;
mod der;
mod digest;
mod ec;
mod okp;
mod rsa;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use slab::Slab;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::engine::{Call, Fault, Op, Out};
use crate::limits::CRYPTO_THREADS_MAX;
use crate::tasks::count;

pub(crate) const OPS: &[Op] = &[
    Op { name: "crypto_random", run: random },
    Op { name: "crypto_uuid", run: uuid },
    Op { name: "crypto_equal", run: equal },
    Op { name: "crypto_text", run: text },
    Op { name: "crypto_base64url_encode", run: base64url_encode },
    Op { name: "crypto_base64url_decode", run: base64url_decode },
    Op { name: "crypto_secret", run: secret },
    Op { name: "crypto_secret_random", run: secret_random },
    Op { name: "crypto_secret_bytes", run: secret_bytes },
    Op { name: "crypto_forget", run: forget },
    Op { name: "crypto_digest", run: digest::digest },
    Op { name: "crypto_digest_start", run: digest::start },
    Op { name: "crypto_digest_update", run: digest::update },
    Op { name: "crypto_digest_finish", run: digest::finish },
    Op { name: "crypto_digest_drop", run: digest::drop_running },
    Op { name: "crypto_hmac_sign", run: digest::hmac_sign },
    Op { name: "crypto_hmac_verify", run: digest::hmac_verify },
    Op { name: "crypto_aes_gcm", run: aes::gcm },
    Op { name: "crypto_aes_cbc", run: aes::cbc },
    Op { name: "crypto_aes_ctr", run: aes::ctr },
    Op { name: "crypto_aes_kw", run: aes::kw },
    Op { name: "crypto_pbkdf2", run: derive::pbkdf2 },
    Op { name: "crypto_hkdf", run: derive::hkdf },
    Op { name: "crypto_from_pkcs8", run: der::from_pkcs8 },
    Op { name: "crypto_from_spki", run: der::from_spki },
    Op { name: "crypto_to_der", run: der::to_der },
    Op { name: "crypto_parts", run: der::parts },
    Op { name: "crypto_rsa_generate", run: rsa::generate },
    Op { name: "crypto_rsa_key", run: rsa::from_parts },
    Op { name: "crypto_rsa_sign", run: rsa::sign },
    Op { name: "crypto_rsa_verify", run: rsa::verify },
    Op { name: "crypto_rsa_encrypt", run: rsa::encrypt },
    Op { name: "crypto_rsa_decrypt", run: rsa::decrypt },
    Op { name: "crypto_ec_generate", run: ec::generate },
    Op { name: "crypto_ec_point", run: ec::from_point },
    Op { name: "crypto_ec_key", run: ec::from_parts },
    Op { name: "crypto_ec_raw", run: ec::raw },
    Op { name: "crypto_ec_sign", run: ec::sign },
    Op { name: "crypto_ec_verify", run: ec::verify },
    Op { name: "crypto_ec_derive", run: ec::derive },
    Op { name: "crypto_okp_generate", run: okp::generate },
    Op { name: "crypto_okp_public", run: okp::public },
    Op { name: "crypto_okp_private", run: okp::private },
    Op { name: "crypto_okp_sign", run: okp::sign },
    Op { name: "crypto_okp_verify", run: okp::verify },
    Op { name: "crypto_okp_derive", run: okp::derive },
];

/// Base64url as workerd reads it: with or without padding and white space, in either alphabet, and bits that do not
/// matter are not looked at.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a key is made of.
pub(crate) enum Key {
    Secret(Zeroizing<Vec<u8>>),
    RsaPrivate(::rsa::PrivateKey),
    RsaPublic(::rsa::PublicKey),
    Ec(ec::Curve),
    Okp(okp::Pair),
}

/// The keys and the unfinished digests that an isolate's code has numbers for.
pub(crate) struct Keys {
    keys: RefCell<Slab<Arc<Key>>>,
    digests: RefCell<Slab<digest::Running>>,
    threads: Arc<Semaphore>,
}

impl Default for Keys {
    fn default() -> Self {
        let threads = Arc::new(Semaphore::new(CRYPTO_THREADS_MAX));
        Self { keys: RefCell::default(), digests: RefCell::default(), threads }
    }
}

impl Keys {
    fn put(&self, key: Key) -> Out {
        count(self.keys.borrow_mut().insert(Arc::new(key)))
    }

    fn put_pair(&self, [private, public]: [Key; 2]) -> Out {
        Out::List(vec![self.put(private), self.put(public)])
    }
}

/// The key that an argument is the number of.
fn key(call: &Call<'_>, index: usize) -> Result<Arc<Key>, Fault> {
    let key = call.isolate().keys().keys.borrow().get(call.index(index)? as usize).cloned();
    key.ok_or_else(|| Fault::error("the key was let go of"))
}

impl Key {
    fn secret(&self) -> Result<&[u8], Fault> {
        match self {
            Key::Secret(bytes) => Ok(bytes),
            _ => Err(wrong_kind()),
        }
    }
}

/// JavaScript keeps the kinds apart, so nobody sees this.
fn wrong_kind() -> Fault {
    Fault::error("the key is of another kind")
}

fn operation_error(message: impl Into<String>) -> Fault {
    Fault::new("OperationError", message)
}

fn data_error(message: impl Into<String>) -> Fault {
    Fault::new("DataError", message)
}

/// A promise of what `work` comes to on another thread; `finish` gets it back on this one. At the top level of a module
/// nothing is awaited on behalf of anybody, so there the work is done at once.
fn long<T: Send + 'static>(
    call: &Call<'_>,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    finish: impl FnOnce(&Keys, T) -> Out + 'static,
) -> Result<Out, Fault> {
    let keys = call.isolate().keys().clone();
    if call.isolate().current().is_err() {
        return work().map(|done| finish(&keys, done));
    }
    Out::later(async move {
        let interrupted = || operation_error("the operation was interrupted");
        let permit = keys.threads.clone().acquire_owned().await.map_err(|_| interrupted())?;
        let work = move || {
            let done = work();
            drop(permit);
            done
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| interrupted())??;
        Ok(finish(&keys, done))
    })
}

/// Bytes from the system's generator; a failure of that is beyond repair.
fn fill(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|error| operation_error(format!("no random bytes: {error}")))
}

/// `(length)`: as many random bytes. Not at the top level of a module.
fn random(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?;
    let mut bytes = vec![0; call.index(0)? as usize];
    fill(&mut bytes)?;
    Ok(bytes.into())
}

/// `()`: a random UUID (RFC 9562, section 5.4). Not at the top level of a module.
fn uuid(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?;
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    let number = u128::from_be_bytes(bytes);
    let version_and_variant = (0xf << 76) | (0b11 << 62);
    let number = (number & !version_and_variant) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{number:032x}");
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]).into())
}

/// `(bytes, bytes)`: whether they are equal, in a time that depends on their length alone.
fn equal(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(bool::from(call.bytes(0)?.ct_eq(call.bytes(1)?)).into())
}

/// `(bytes)`: the text that they are in UTF-8, with U+FFFD for what is none.
fn text(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(String::from_utf8_lossy(call.bytes(0)?).into_owned().into())
}

fn base64url_encode(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(BASE64URL.encode(call.bytes(0)?).into())
}

/// `(text)`: the bytes; null when it is no base64url.
fn base64url_decode(call: &Call<'_>) -> Result<Out, Fault> {
    let mut text = call.text(0)?.replace('+', "-").replace('/', "_");
    text.retain(|character| !character.is_ascii_whitespace());
    Ok(BASE64URL.decode(text).ok().into())
}

/// `(bytes)`: a key that is just these.
fn secret(call: &Call<'_>) -> Result<Out, Fault> {
    let bytes = Zeroizing::new(call.bytes(0)?.to_vec());
    Ok(call.isolate().keys().put(Key::Secret(bytes)))
}

/// `(bits)`: a key of random bits, filled up with zeros to whole bytes. Not at the top level of a module.
fn secret_random(call: &Call<'_>) -> Result<Out, Fault> {
    call.isolate().current()?;
    let bits = call.index(0)?;
    let mut bytes = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
    fill(&mut bytes)?;
    if let (Some(last), 1..) = (bytes.last_mut(), bits % 8) {
        *last &= 0xff << (8 - bits % 8);
    }
    Ok(call.isolate().keys().put(Key::Secret(bytes)))
}

/// `(key)`: the bytes of a secret.
fn secret_bytes(call: &Call<'_>) -> Result<Out, Fault> {
    Ok(key(call, 0)?.secret()?.to_vec().into())
}

/// `(key)`: its `CryptoKey` is gone.
fn forget(call: &Call<'_>) -> Result<Out, Fault> {
    let key = call.isolate().keys().keys.borrow_mut().try_remove(call.index(0)? as usize);
    drop(key);
    Ok(Out::Undefined)
}

impl Keys {
    /// For [`crate::isolate`]: shared with work that is on its way.
    pub(crate) fn shared() -> Rc<Self> {
        Rc::default()
    }
}
