//! Keys with their values, as they were stored.

use serde::de::DeserializeOwned;

use crate::Result;
use crate::clone::from_bytes;

/// Keys with their values, in the order of the request. Stands for the JavaScript `Map` of the `worker` crate.
///
/// A value is decoded when it is asked for, so that values of different types can be listed together.
///
/// ```
/// # use worker::*;
/// # async fn example(storage: Storage) -> Result<()> {
/// let scores = storage.list_with_options(ListOptions::new().prefix("score:")).await?;
/// for entry in scores.entries::<u32>() {
///     let (key, score) = entry?;
///     console_log!("{key}: {score}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageMap {
    entries: Vec<(String, Vec<u8>)>,
}

impl StorageMap {
    pub(super) fn new(entries: Vec<(String, Vec<u8>)>) -> Self {
        Self { entries }
    }

    /// How many there are.
    pub fn size(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this key is among them.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(other, _)| other == key)
    }

    /// The value of a key; none if it is not among them, or its value is null.
    ///
    /// # Errors
    /// When the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.entries.iter().find(|(other, _)| other == key) {
            Some((_, bytes)) => from_bytes(bytes),
            None => Ok(None),
        }
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> + '_ {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// The values; an error for each that is not a `T`.
    pub fn values<T: DeserializeOwned>(&self) -> impl Iterator<Item = Result<T>> + '_ {
        self.entries.iter().map(|(_, bytes)| from_bytes(bytes))
    }

    /// The keys with their values; an error for each that is not a `T`.
    pub fn entries<T: DeserializeOwned>(&self) -> impl Iterator<Item = Result<(&str, T)>> + '_ {
        self.entries.iter().map(|(key, bytes)| Ok((key.as_str(), from_bytes(bytes)?)))
    }
}
