//! Keys out of secrets: PBKDF2 (RFC 8018, section 5.2) and HKDF (RFC 5869).

use hkdf::Hkdf;

use super::digest::{Hash, with_hash};
use super::{key, long, operation_error};
use crate::engine::{Call, Fault, Out};
use crate::limits::PBKDF2_ROUNDS_MAX;

/// How many rounds of HMAC are done at once: about a millisecond.
const ROUNDS_AT_ONCE_MAX: usize = 2000;

/// `(key, hash, salt, iterations, bytes)`: as many bytes; a promise of them when that takes long.
pub(super) fn pbkdf2(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, hash, salt) = (key(call, 0)?, Hash::of(call, 1)?, call.bytes(2)?.to_vec());
    let (iterations, len) = (call.index(3)?, call.index(4)? as usize);
    let rounds = (iterations as usize).saturating_mul(len.div_ceil(hash.output_len()));
    if rounds > PBKDF2_ROUNDS_MAX {
        return Err(Fault::new(
            "NotSupportedError",
            format!(
                "Pbkdf2 failed: iteration counts above {PBKDF2_ROUNDS_MAX} are not supported (requested {iterations})."
            ),
        ));
    }
    let work = move || {
        let mut result = vec![0; len];
        let secret = key.secret()?;
        with_hash!(hash, D => pbkdf2::pbkdf2_hmac::<D>(secret, &salt, iterations, &mut result));
        Ok(result)
    };
    if rounds <= ROUNDS_AT_ONCE_MAX {
        return work().map(Out::from);
    }
    long(call, work, |_, result| result.into())
}

/// `(key, hash, salt, info, bytes)`: as many bytes.
pub(super) fn hkdf(call: &Call<'_>) -> Result<Out, Fault> {
    let (key, hash, salt, info) = (key(call, 0)?, Hash::of(call, 1)?, call.bytes(2)?, call.bytes(3)?);
    let (secret, len) = (key.secret()?, call.index(4)? as usize);
    // Longer than RFC 5869 allows; asked for before as much memory is taken.
    if len > 255 * hash.output_len() {
        return Err(operation_error("HKDF deriveBits failed."));
    }
    let mut result = vec![0; len];
    let done = with_hash!(hash, D => Hkdf::<D>::new(Some(salt), secret).expand(info, &mut result));
    done.map_err(|_| operation_error("HKDF deriveBits failed."))?;
    Ok(result.into())
}
