//! Keys and values. All that is asynchronous in the `worker` crate is this below.

use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::map::StorageMap;
use super::transaction;
use crate::Result;
use crate::clone::{from_bytes, properties, to_bytes};
use crate::error::Error;
use crate::native::{Host, List};

/// Keys and values of an object, without `async`.
#[derive(Clone, Debug)]
pub struct SyncKvStorage {
    host: Host,
}

impl SyncKvStorage {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// The value of a key; none if there is no such key, or its value is null.
    ///
    /// # Errors
    /// When the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.read(key)? {
            Some(bytes) => from_bytes(&bytes),
            None => Ok(None),
        }
    }

    /// Gives a key a value.
    ///
    /// # Errors
    /// When the value cannot be stored, or both together are too long.
    pub fn put<T: Serialize>(&self, key: &str, value: T) -> Result<()> {
        let bytes = to_bytes(&value)?;
        Ok(self.host.ctx().storage(|db| db.kv_put(key, &bytes))?)
    }

    /// Removes a key; tells whether it was there.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn delete(&self, key: &str) -> Result<bool> {
        Ok(self.host.ctx().storage(|db| db.kv_delete(key))?)
    }

    /// All keys with their values, in the order of the keys' bytes. They are held in memory all at once.
    ///
    /// # Errors
    /// When they are too many.
    pub fn list(&self) -> Result<StorageMap> {
        self.list_with_options(ListOptions::new())
    }

    /// Those keys that the options let through, with their values, in the order of the keys' bytes.
    ///
    /// # Errors
    /// When the options contradict each other, or the keys are too many.
    pub fn list_with_options(&self, opts: ListOptions<'_>) -> Result<StorageMap> {
        let list = opts.list()?;
        Ok(StorageMap::new(self.host.ctx().storage(|db| db.kv_list(&list))?))
    }

    pub(super) fn read(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.host.ctx().storage(|db| db.kv_get(key))?)
    }

    pub(super) fn get_multiple(&self, keys: &[impl Deref<Target = str>]) -> Result<StorageMap> {
        let mut keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut entries = Vec::new();
        for key in keys {
            if let Some(bytes) = self.read(key)? {
                entries.push((key.to_owned(), bytes));
            }
        }
        Ok(StorageMap::new(entries))
    }

    pub(super) fn put_multiple<T: Serialize>(&self, values: &T) -> Result<()> {
        let bytes = to_bytes(values)?;
        let entries = properties(&bytes).ok_or_else(|| Error::from("Must pass in a struct type"))?;
        transaction::run_sync(&self.host, || {
            for (key, bytes) in &entries {
                self.host.ctx().storage(|db| db.kv_put(key, bytes))?;
            }
            Ok(())
        })
    }

    pub(super) fn delete_multiple(&self, keys: &[impl Deref<Target = str>]) -> Result<usize> {
        let mut deleted = 0;
        for key in keys {
            deleted += usize::from(self.delete(key)?);
        }
        Ok(deleted)
    }
}

/// Which keys [`list_with_options`](super::Storage::list_with_options) gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListOptions<'a> {
    start: Option<&'a str>,
    start_after: Option<&'a str>,
    end: Option<&'a str>,
    prefix: Option<&'a str>,
    reverse: bool,
    limit: Option<usize>,
}

impl<'a> ListOptions<'a> {
    /// All keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this key and those after it.
    pub fn start(mut self, val: &'a str) -> Self {
        self.start = Some(val);
        self
    }

    /// Only keys after this one, as `startAfter` in JavaScript. Not together with [`start`](Self::start).
    pub fn start_after(mut self, val: &'a str) -> Self {
        self.start_after = Some(val);
        self
    }

    /// Only keys before this one.
    pub fn end(mut self, val: &'a str) -> Self {
        self.end = Some(val);
        self
    }

    /// Only keys that begin like this.
    pub fn prefix(mut self, val: &'a str) -> Self {
        self.prefix = Some(val);
        self
    }

    /// Whether the last key comes first.
    pub fn reverse(mut self, val: bool) -> Self {
        self.reverse = val;
        self
    }

    /// Only so many keys, from the one that comes first.
    pub fn limit(mut self, val: usize) -> Self {
        self.limit = Some(val);
        self
    }

    fn list(self) -> Result<List<'a>> {
        let Self { start, start_after, end, prefix, reverse, limit } = self;
        if start.is_some() && start_after.is_some() {
            return refused("TypeError: list() cannot be called with both start and startAfter values.");
        }
        if limit == Some(0) {
            return refused("TypeError: List limit must be positive.");
        }
        // No object has so many keys that the bound would be noticed.
        let limit = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
        Ok(List { start, start_after, end, prefix, reverse, limit })
    }
}

/// The texts are the runtime's, in all languages.
fn refused<T>(text: &str) -> Result<T> {
    Err(Error::JsError(text.to_owned()))
}
