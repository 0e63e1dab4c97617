//! The bytes of the journal.
//!
//! A segment is a row of *groups*, each written and synced at once and beginning at a multiple of [`ALIGNMENT`], so that
//! no sector with something durable in it is written again. A group is a header and records; all numbers are
//! little-endian. Headers and records have checksums of their own, so that damage can be told from an end, and whose
//! record it hit.
//!
//! ```text
//! group header, 40 bytes:  "DMGR" | records u32 | number u64 | synced u64 | bytes u64 | checksum u64
//! record header, 88 bytes: "DMRC" | kind u8, facts u8, 2 zeros | class u32 | name u32 | data u32 | class's hash u32
//!                          | alarm u64 | salts 8 | offset u64 | id 32 | checksum u64
//! record body:             class, name, data, checksum u64
//! ```
//!
//! `synced` is the number of the first group that was not known to be durable when this one was written: a group before
//! it that is not intact was damaged, one from it on may just not have been written to its end.
//!
//! The class stands in the body, so its hash stands in the header: whose record it was can then be told of a damaged
//! body, or it is known that it cannot.

use std::sync::Arc;

use dormouse_storage::commit::Salts;
use xxhash_rust::xxh3::xxh3_64;

use crate::commit_log::{Facts, ObjectKey};

/// Where a group may begin: the size of a sector.
pub(crate) const ALIGNMENT: usize = 512;
/// Bytes of a group's header.
pub(crate) const GROUP_HEADER_LEN: usize = 40;
const HEADER_LEN: usize = 88;
const CHECKSUM_LEN: usize = 8;
/// The length of a name that is not there.
const NO_NAME: u32 = u32::MAX;
/// The time of an alarm that is not there.
const NO_ALARM: u64 = u64::MAX;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A commit added these bytes to the log of the object's database.
    Bytes,
    /// All before is durable in the files of the object, and its log is about to be emptied.
    Trimmed,
    /// The log is durable up to this offset.
    Synced,
    /// The object is no more: nothing before counts, and its files go.
    Deleted,
    /// The log that was said to be in the database is empty, durably.
    Emptied,
    /// Commits from this offset on were given up, whatever is before in the journal; at 0 the log is empty.
    Cut,
}

/// One record; its data is borrowed from what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) key: ObjectKey,
    pub(crate) salts: Salts,
    /// Where in the log the data begins; of `Synced`, where it ends.
    pub(crate) offset: u64,
    /// What the registry must know from here on.
    pub(crate) facts: Option<Facts>,
    pub(crate) data: &'a [u8],
}

/// The header of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) number: u64,
    pub(crate) synced: u64,
    pub(crate) records: u32,
    /// Bytes of the records, without the header and what fills up the last sector.
    pub(crate) len: u64,
}

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Its header cannot be read, so nothing is known of it.
    Header,
    /// Its header is intact, its body is not. It takes so many bytes.
    Body(ObjectKey, usize),
}

/// Appends a record to `out`; `fill` writes its `len` bytes of data in place.
///
/// # Errors
///
/// What `fill` returns; `out` is as it was then.
pub(crate) fn encode<E>(
    out: &mut Vec<u8>,
    record: &Record<'_>,
    len: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    let name = record.facts.as_ref().and_then(|facts| facts.name.as_deref());
    let alarm = record.facts.as_ref().and_then(|facts| facts.alarm_due_ms);
    out.extend_from_slice(b"DMRC");
    let kind = match record.kind {
        Kind::Bytes => 0,
        Kind::Trimmed => 1,
        Kind::Synced => 2,
        Kind::Deleted => 3,
        Kind::Cut => 4,
        Kind::Emptied => 5,
    };
    out.extend_from_slice(&[kind, u8::from(record.facts.is_some()), 0, 0]);
    out.extend_from_slice(&len32(record.key.class.len()));
    out.extend_from_slice(&name.map_or(NO_NAME.to_le_bytes(), |name| len32(name.len())));
    out.extend_from_slice(&len32(len));
    out.extend_from_slice(&hash(record.key.class.as_bytes()));
    out.extend_from_slice(&alarm.unwrap_or(NO_ALARM).to_le_bytes());
    out.extend_from_slice(&record.salts);
    out.extend_from_slice(&record.offset.to_le_bytes());
    out.extend_from_slice(&record.key.id);
    seal(out, start);
    let body = out.len();
    out.extend_from_slice(record.key.class.as_bytes());
    out.extend_from_slice(name.unwrap_or_default().as_bytes());
    let data = out.len();
    out.resize(data + len, 0);
    if let Err(error) = fill(&mut out[data..]) {
        out.truncate(start);
        return Err(error);
    }
    seal(out, body);
    Ok(())
}

/// Appends the checksum of what was appended since `start`.
fn seal(out: &mut Vec<u8>, start: usize) {
    let checksum = xxh3_64(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// A length as it is written. Everything that is written is far shorter than what fits.
fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX - 1).to_le_bytes()
}

fn hash(class: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = xxh3_64(class).to_le_bytes();
    [a, b, c, d]
}

/// The header of a group.
pub(crate) fn encode_group(group: Group) -> [u8; GROUP_HEADER_LEN] {
    let mut out = [0; GROUP_HEADER_LEN];
    out[..4].copy_from_slice(b"DMGR");
    out[4..8].copy_from_slice(&group.records.to_le_bytes());
    out[8..16].copy_from_slice(&group.number.to_le_bytes());
    out[16..24].copy_from_slice(&group.synced.to_le_bytes());
    out[24..32].copy_from_slice(&group.len.to_le_bytes());
    let checksum = xxh3_64(&out[..32]);
    out[32..].copy_from_slice(&checksum.to_le_bytes());
    out
}

/// Reads the header of a group; `None` when there is none.
pub(crate) fn decode_group(bytes: &[u8]) -> Option<Group> {
    let bytes = bytes.get(..GROUP_HEADER_LEN)?;
    let mut input = Input(bytes.strip_prefix(b"DMGR")?);
    let group = Group { records: input.u32()?, number: input.u64()?, synced: input.u64()?, len: input.u64()? };
    (xxh3_64(&bytes[..32]) == input.u64()?).then_some(group)
}

/// Reads the record that `bytes` begin with, and what is behind it.
///
/// # Errors
///
/// When there is none that is intact.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Record<'_>, &[u8]), Broken> {
    let (header, rest) = decode_header(bytes).ok_or(Broken::Header)?;
    let id = header.id;
    let key = |class: &[u8]| ObjectKey { class: String::from_utf8_lossy(class).into(), id };
    let len = header.class + header.name.unwrap_or(0) + header.data;
    // Of a body that is cut off nobody asks whose it was.
    let (body, checksum) = rest.get(..len + CHECKSUM_LEN).ok_or(Broken::Header)?.split_at(len);
    if xxh3_64(body).to_le_bytes() != checksum {
        let class = &body[..header.class];
        let is_known = hash(class) == header.class_hash;
        return Err(if is_known { Broken::Body(key(class), HEADER_LEN + len + CHECKSUM_LEN) } else { Broken::Header });
    }
    let (class, name) = body.split_at(header.class);
    let (name, data) = name.split_at(header.name.unwrap_or(0));
    let facts = header.has_facts.then(|| Facts {
        name: header.name.map(|_| Arc::from(String::from_utf8_lossy(name))),
        alarm_due_ms: (header.alarm != NO_ALARM).then_some(header.alarm),
    });
    let record = Record { kind: header.kind, key: key(class), salts: header.salts, offset: header.offset, facts, data };
    Ok((record, &rest[len + CHECKSUM_LEN..]))
}

struct Header {
    kind: Kind,
    has_facts: bool,
    class: usize,
    class_hash: [u8; 4],
    name: Option<usize>,
    data: usize,
    alarm: u64,
    salts: Salts,
    offset: u64,
    id: [u8; 32],
}

fn decode_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER_LEN)?;
    let (content, checksum) = header.split_at(HEADER_LEN - CHECKSUM_LEN);
    if xxh3_64(content).to_le_bytes() != checksum {
        return None;
    }
    let mut input = Input(content.strip_prefix(b"DMRC")?);
    let [kind, has_facts, _, _] = input.take()?;
    let kind = match kind {
        0 => Kind::Bytes,
        1 => Kind::Trimmed,
        2 => Kind::Synced,
        3 => Kind::Deleted,
        4 => Kind::Cut,
        5 => Kind::Emptied,
        _ => return None,
    };
    let (class, name, data) = (input.u32()?, input.u32()?, input.u32()?);
    let header = Header {
        kind,
        has_facts: has_facts == 1,
        class: usize::try_from(class).ok()?,
        name: (name != NO_NAME).then(|| usize::try_from(name).unwrap_or(usize::MAX)),
        data: usize::try_from(data).ok()?,
        class_hash: input.take()?,
        alarm: input.u64()?,
        salts: input.take()?,
        offset: input.u64()?,
        id: input.take()?,
    };
    Some((header, rest))
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, Group, Kind, Record, decode, decode_group, encode, encode_group};
    use crate::commit_log::{Facts, ObjectKey};

    fn record(data: &[u8]) -> Record<'_> {
        let key = ObjectKey { class: "app-Room".into(), id: [7; 32] };
        let facts = Some(Facts { name: Some("lobby".into()), alarm_due_ms: Some(12) });
        Record { kind: Kind::Bytes, key, salts: [1, 2, 3, 4, 5, 6, 7, 8], offset: 32, facts, data }
    }

    fn bytes_of(record: &Record<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let fill = |room: &mut [u8]| {
            room.copy_from_slice(record.data);
            Ok::<_, ()>(())
        };
        encode(&mut out, record, record.data.len(), fill).unwrap();
        out
    }

    #[test]
    fn what_was_written_is_read() {
        let bare = Record { kind: Kind::Trimmed, facts: None, ..record(b"") };
        let no_alarm = Record { facts: Some(Facts::default()), ..record(b"x") };
        for record in [record(b"some bytes"), bare, no_alarm] {
            let mut bytes = bytes_of(&record);
            bytes.extend(b"rest");
            assert_eq!(decode(&bytes).unwrap(), (record, &b"rest"[..]));
        }
        let group = Group { number: 5, synced: 4, records: 3, len: 77 };
        assert_eq!(decode_group(&encode_group(group)), Some(group));
    }

    #[test]
    fn a_changed_byte_is_noticed_and_told_whose_it_was() {
        let record = record(b"some bytes");
        let bytes = bytes_of(&record);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 16;
            match decode(&changed).unwrap_err() {
                Broken::Header => assert!(at < 96, "{at}: in the header, or in the class"),
                Broken::Body(key, len) => assert_eq!((key, len), (record.key.clone(), bytes.len()), "{at}"),
            }
        }
        let header = encode_group(Group { number: 5, synced: 4, records: 3, len: 77 });
        for at in 0..header.len() {
            let mut changed = header;
            changed[at] ^= 1;
            assert_eq!(decode_group(&changed), None, "{at}");
        }
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err());
        }
    }
}
