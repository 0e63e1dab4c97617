//! What the fuzzer feeds and tests do not reach: the journal's bytes, and what is done with them when a node starts.
//!
//! Only with the feature `sim`, and no part of the interface: it says in plain types what the journal says in its own.

use std::path::{Path, PathBuf};

use dormouse_storage::commit::{Salts, WalRange};
use dormouse_storage::file::FileSystem;

use crate::commit_log::{Facts, ObjectKey};
use crate::journal::record::{Group, Kind, Record, decode, decode_group, encode, encode_group};
use crate::journal::recover::recover;
use crate::store::folder::path;

/// Where a group may begin.
pub const ALIGNMENT: usize = crate::journal::record::ALIGNMENT;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// `Bytes`, `Trimmed`, `Synced`, `Deleted`, `Cut` and `Emptied`, counted from 0; others are the last.
    pub kind: u8,
    /// The class of the object.
    pub class: String,
    /// Its id.
    pub id: [u8; 32],
    /// Of the log.
    pub salts: Salts,
    /// In the log.
    pub offset: u64,
    /// Name and alarm, if the registry must know them.
    pub facts: Option<(Option<String>, Option<u64>)>,
    /// Bytes of the log.
    pub data: Vec<u8>,
}

/// The header of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalGroup {
    /// Its number.
    pub number: u64,
    /// The first that was not known to be durable.
    pub synced: u64,
    /// Records in it.
    pub records: u32,
    /// Bytes of them.
    pub len: u64,
}

impl JournalRecord {
    /// The bytes of the record, with its checksums.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            0 => Kind::Bytes,
            1 => Kind::Trimmed,
            2 => Kind::Synced,
            3 => Kind::Deleted,
            4 => Kind::Cut,
            _ => Kind::Emptied,
        };
        let key = ObjectKey { class: self.class.as_str().into(), id: self.id };
        let facts = self
            .facts
            .as_ref()
            .map(|(name, alarm)| Facts { name: name.as_deref().map(Into::into), alarm_due_ms: *alarm });
        let record = Record { kind, key, salts: self.salts, offset: self.offset, facts, data: &self.data };
        let mut out = Vec::new();
        let Ok(()) = encode(&mut out, &record, self.data.len(), |room| {
            room.copy_from_slice(&self.data);
            Ok::<_, std::convert::Infallible>(())
        });
        out
    }

    /// The record that bytes begin with, and how many there are behind it.
    pub fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let (record, rest) = decode(bytes).ok()?;
        let kind = match record.kind {
            Kind::Bytes => 0,
            Kind::Trimmed => 1,
            Kind::Synced => 2,
            Kind::Deleted => 3,
            Kind::Cut => 4,
            Kind::Emptied => 5,
        };
        let facts = record.facts.map(|facts| (facts.name.map(|name| name.to_string()), facts.alarm_due_ms));
        let Record { key, salts, offset, data, .. } = record;
        let read = Self { kind, class: key.class.to_string(), id: key.id, salts, offset, facts, data: data.to_vec() };
        Some((read, rest.len()))
    }
}

impl JournalGroup {
    /// The bytes of the header, with its checksum.
    pub fn encode(self) -> Vec<u8> {
        let Self { number, synced, records, len } = self;
        encode_group(Group { number, synced, records, len }).to_vec()
    }

    /// The header that bytes begin with.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let Group { number, synced, records, len } = decode_group(bytes)?;
        Some(Self { number, synced, records, len })
    }
}

/// What a journal held. Objects are called by the paths of their databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The number of the next group.
    pub next_group: u64,
    /// What logs hold.
    pub logs: Vec<(PathBuf, WalRange)>,
    /// Names and alarms.
    pub facts: Vec<(PathBuf, Option<String>, Option<u64>)>,
    /// Those that are no more.
    pub deleted: Vec<PathBuf>,
    /// Those that cannot be served, and why.
    pub refused: Vec<(PathBuf, String)>,
}

/// Reads a journal and does what it says once more.
///
/// # Errors
///
/// When it cannot be read; the text says why.
pub fn recover_journal(files: &dyn FileSystem, data: &Path, folder: &Path) -> Result<Recovered, String> {
    let recovered = recover(files, data, folder).map_err(|error| error.to_string())?;
    let path = |key: &ObjectKey| path(data, key);
    let mut logs: Vec<_> = recovered.start.logs.iter().map(|(key, wal)| (path(key), *wal)).collect();
    logs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let facts = recovered.facts.iter();
    let mut facts: Vec<_> =
        facts.map(|(key, facts)| (path(key), facts.name.as_deref().map(str::to_owned), facts.alarm_due_ms)).collect();
    facts.sort();
    let mut deleted: Vec<_> = recovered.deleted.iter().map(path).collect();
    deleted.sort();
    let mut refused: Vec<_> = recovered.refused.iter().map(|(key, why)| (path(key), why.clone())).collect();
    refused.sort();
    Ok(Recovered { next_group: recovered.start.group, logs, facts, deleted, refused })
}

/// The database of an object.
pub fn database_of(data: &Path, class: &str, id: [u8; 32]) -> PathBuf {
    path(data, &ObjectKey { class: class.into(), id })
}
