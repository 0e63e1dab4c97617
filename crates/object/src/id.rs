//! Object ids: 32 bytes that carry a proof of the namespace that they belong to.
//!
//! Layout (reference 1.2): with `K = SHA-256(unique key of the namespace)`, bytes 0 to 15 are the first half of
//! `HMAC-SHA256(K, name)`, or random; bytes 16 to 31 are the first half of `HMAC-SHA256(K, bytes 0 to 15)`. So
//! an id can be checked without a list of ids. Two ids are equal when their bytes are; the name is a note.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::limits::NAME_LEN_MAX;

/// The secret-free key that makes and checks the ids of one namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamespaceKey([u8; 32]);

/// The identity of one object.
#[derive(Clone)]
pub struct ObjectId {
    bytes: [u8; 32],
    name: Option<Arc<str>>,
}

/// Why a string is not an id of this namespace. Texts: reference 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The string is not of the form.
    #[error("Invalid Durable Object ID: must be 64 hex digits")]
    NotHex,
    /// The id was not made by this namespace.
    #[error("Durable Object ID is not valid for this namespace.")]
    WrongNamespace,
}

impl NamespaceKey {
    /// The key of the namespace with this unique key (a string that stays the same over deployments).
    pub fn new(unique_key: &str) -> Self {
        Self(Sha256::digest(unique_key.as_bytes()).into())
    }

    /// The id that belongs to `name`: the same one every time.
    pub fn id_from_name(&self, name: &str) -> ObjectId {
        let kept = (name.len() <= NAME_LEN_MAX).then(|| Arc::from(name));
        self.seal(self.half(name.as_bytes()), kept)
    }

    /// An id that nobody has, from 16 random bytes.
    pub fn unique_id(&self, random: [u8; 16]) -> ObjectId {
        self.seal(random, None)
    }

    /// The id that `hex` spells.
    ///
    /// # Errors
    ///
    /// When `hex` is not 64 hex digits, or not an id of this namespace.
    pub fn id_from_string(&self, hex: &str) -> Result<ObjectId, IdError> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(IdError::NotHex);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        let mut base = [0; 16];
        base.copy_from_slice(&bytes[..16]);
        if self.half(&base) != bytes[16..] {
            return Err(IdError::WrongNamespace);
        }
        Ok(ObjectId { bytes, name: None })
    }

    fn seal(&self, base: [u8; 16], name: Option<Arc<str>>) -> ObjectId {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&base);
        bytes[16..].copy_from_slice(&self.half(&base));
        ObjectId { bytes, name }
    }

    fn half(&self, data: &[u8]) -> [u8; 16] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(data);
        let full = mac.finalize().into_bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&full[..16]);
        half
    }
}

fn hex_digit(digit: u8) -> Result<u8, IdError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(IdError::NotHex),
    }
}

impl ObjectId {
    /// The id that was stored as these bytes, with its name if it has one.
    pub fn stored(bytes: [u8; 32], name: Option<Arc<str>>) -> Self {
        Self { bytes, name }
    }

    /// The name that the id was made from, if it was and is at most [`NAME_LEN_MAX`] bytes.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The 32 bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl PartialEq for ObjectId {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for ObjectId {}

impl Hash for ObjectId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self}, {:?})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{IdError, NamespaceKey};
    use crate::limits::NAME_LEN_MAX;

    #[test]
    fn a_name_gives_the_same_id_every_time_and_another_namespace_another() {
        let (rooms, users) = (NamespaceKey::new("app-Room"), NamespaceKey::new("app-User"));
        assert_eq!(rooms.id_from_name("a"), rooms.id_from_name("a"));
        assert_ne!(rooms.id_from_name("a"), rooms.id_from_name("b"));
        assert_ne!(rooms.id_from_name("a"), users.id_from_name("a"));
    }

    #[test]
    fn layout_is_the_one_of_the_reference() {
        // Made with Python: hmac and hashlib over the layout of reference 1.2.
        let id = NamespaceKey::new("app-Room").id_from_name("lobby");
        assert_eq!(id.to_string(), "eebb9e6309cc9e1cc1397c3842c00568c4a1f0ad1bfb38edb721e5aa2d95d999");
    }

    #[test]
    fn a_string_is_an_id_only_in_its_own_namespace() {
        let (rooms, users) = (NamespaceKey::new("app-Room"), NamespaceKey::new("app-User"));
        let id = rooms.unique_id([7; 16]);
        let hex = id.to_string();
        assert_eq!(rooms.id_from_string(&hex), Ok(id.clone()));
        assert_eq!(rooms.id_from_string(&hex.to_uppercase()), Ok(id));
        assert_eq!(users.id_from_string(&hex), Err(IdError::WrongNamespace));
        for bad in ["", "zz", &hex[1..], &format!("{hex}0"), &hex.replacen(&hex[..1], "g", 1)] {
            assert_eq!(rooms.id_from_string(bad), Err(IdError::NotHex), "{bad}");
        }
    }

    #[test]
    fn names_are_kept_up_to_the_limit() {
        let key = NamespaceKey::new("app-Room");
        let longest = "n".repeat(NAME_LEN_MAX);
        assert_eq!(key.id_from_name(&longest).name(), Some(longest.as_str()));
        assert_eq!(key.id_from_name(&format!("{longest}n")).name(), None);
    }
}
