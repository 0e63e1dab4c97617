//! Values of serde as the bytes that JavaScript's structured clone has for them, and back: what an object in Rust keeps
//! an object in JavaScript reads, and the other way round.
//!
//! `docs/values.md` says what becomes of what. The bytes are described in the runtime's `clone`; its list of examples is
//! read by the tests here and by those of the engine.
//!
//! Invariant: any bytes are a value or an error. Memory and time follow the bytes, also where these refer to one object
//! many times; only as deep as [`CLONE_DEPTH_MAX`] does this use the thread's stack.

mod access;
mod de;
mod index;
mod key;
mod ser;
mod thrown;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use self::de::{Value, text};
use self::index::Index;
use self::ser::Encoder;
pub(crate) use self::thrown::{Cause, Thrown, thrown};
use crate::Result;
use crate::error::Error;
use crate::limits::CLONE_DEPTH_MAX;
use crate::native::wire::{HEADER, tag};

/// The bytes of `value`.
///
/// # Errors
/// When it nests too deeply, or its own `Serialize` fails.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut encoder = Encoder::default();
    match value.serialize(&mut encoder) {
        Ok(()) => Ok(encoder.into_bytes()),
        Err(fault) => Err(Error::RustError(format!("DataCloneError: {fault}"))),
    }
}

/// The value that `bytes` stand for.
///
/// # Errors
/// When the bytes are damaged or the value is not a `T`.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let value = Index::new(bytes).ok_or_else(Fault::damaged).and_then(|index| T::deserialize(Value::root(&index)));
    value.map_err(|fault| Error::RustError(format!("TypeError: {fault}")))
}

/// The properties of an object, each with the bytes of its value alone. What is null is left out. None when the bytes, which
/// [`to_bytes`] has written, are not an object's.
pub(crate) fn properties(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let index = Index::new(bytes)?;
    let mut input = index.reader(index.start());
    if input.byte() != Some(tag::OBJECT) {
        return None;
    }
    let mut properties = Vec::new();
    loop {
        let key = match input.byte()? {
            tag::END => return Some(properties),
            tag => text(tag, &mut input)?.into_owned(),
        };
        let start = index.place(&input);
        let end = index.end(start)?;
        let value = bytes.get(start..end)?;
        if value != [tag::NULL] {
            properties.push((key, [&HEADER, value].concat()));
        }
        input = index.reader(end);
    }
}

/// Why a value has no bytes, or bytes no value.
#[derive(Debug)]
struct Fault(String);

impl Fault {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What comes of bytes that no encoder wrote.
    fn damaged() -> Self {
        Self::new("the stored bytes are no value, or damaged")
    }

    fn too_deep() -> Self {
        Self(format!("more than {CLONE_DEPTH_MAX} values inside each other"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

#[cfg(test)]
mod tests;
