//! The bytes of one file of a simulated disk: what is read, what is durable, and the changes between the two.
//!
//! Invariant: without a failed sync, what is durable becomes what is read when all pending changes are applied in their
//! order. After a power loss any of them may be missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits::SECTOR_LEN;

type Sector = Arc<[u8; SECTOR_LEN]>;

/// The bytes of a file. Sectors that are not there are holes, and read as zeros.
#[derive(Clone, Default)]
struct Content {
    len: u64,
    sectors: BTreeMap<u64, Sector>,
}

#[derive(Clone)]
enum Change {
    /// A sector, with all that it holds.
    Sector(u64, Sector),
    /// A write went beyond the end.
    Grow(u64),
    /// The length was set.
    SetLen(u64),
}

/// One file.
#[derive(Default)]
pub(super) struct Image {
    seen: Content,
    durable: Content,
    /// With their numbers, in order.
    pending: Vec<(u64, Change)>,
}

impl Image {
    pub(super) fn len(&self) -> u64 {
        self.seen.len
    }

    pub(super) fn contents(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.seen.len as usize];
        self.seen.read(&mut bytes, 0);
        bytes
    }

    /// Bytes that it takes on the disk.
    pub(super) fn allocated(&self) -> u64 {
        (self.seen.sectors.len() * SECTOR_LEN) as u64
    }

    /// Whether the sector of a byte takes room already.
    pub(super) fn has_sector(&self, offset: u64) -> bool {
        self.seen.sectors.contains_key(&(offset / SECTOR_LEN as u64))
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        self.seen.read(buffer, offset)
    }

    /// Writes bytes, as changes that are numbered from after `last` on. Returns the number of the last.
    pub(super) fn write(&mut self, mut last: u64, bytes: &[u8], offset: u64) -> u64 {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let (index, start) = (at / SECTOR_LEN as u64, (at % SECTOR_LEN as u64) as usize);
            let part = (SECTOR_LEN - start).min(bytes.len() - done);
            let mut sector = self.seen.sectors.get(&index).map_or([0; SECTOR_LEN], |sector| **sector);
            sector[start..start + part].copy_from_slice(&bytes[done..done + part]);
            last += 1;
            self.add(last, Change::Sector(index, Arc::new(sector)));
            done += part;
        }
        let end = offset + bytes.len() as u64;
        if !bytes.is_empty() && end > self.seen.len {
            last += 1;
            self.add(last, Change::Grow(end));
        }
        last
    }

    pub(super) fn set_len(&mut self, change: u64, len: u64) {
        if len != self.seen.len {
            self.add(change, Change::SetLen(len));
        }
    }

    pub(super) fn sync(&mut self) {
        for (_, change) in self.pending.drain(..) {
            self.durable.apply(&change);
        }
    }

    /// A sync that failed: what is not kept of the bytes will never be durable.
    pub(super) fn fail_sync(&mut self, keeps: impl Fn(u64) -> bool) {
        self.pending.retain(|(number, change)| !matches!(change, Change::Sector(..)) || keeps(*number));
    }

    /// The numbers of changes that are not durable.
    pub(super) fn pending(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|(number, _)| *number)
    }

    /// The file after a power loss.
    pub(super) fn after_loss(&self, keeps: impl Fn(u64) -> bool) -> Self {
        let mut content = self.durable.clone();
        for (_, change) in self.pending.iter().filter(|(number, _)| keeps(*number)) {
            content.apply(change);
        }
        // What is beyond the end is not found again.
        content.cut(content.len);
        Self { seen: content.clone(), durable: content, pending: Vec::new() }
    }

    /// Changes a bit wherever the byte is kept. Returns whether there is such a byte.
    pub(super) fn flip(&mut self, offset: u64, bit: u32) -> bool {
        if offset >= self.seen.len {
            return false;
        }
        let (index, byte) = (offset / SECTOR_LEN as u64, (offset % SECTOR_LEN as u64) as usize);
        let mask = 1_u8 << (bit % u8::BITS);
        for content in [&mut self.seen, &mut self.durable] {
            if offset < content.len {
                Arc::make_mut(content.sectors.entry(index).or_insert_with(|| Arc::new([0; SECTOR_LEN])))[byte] ^= mask;
            }
        }
        for (_, change) in &mut self.pending {
            if let Change::Sector(at, sector) = change
                && *at == index
            {
                Arc::make_mut(sector)[byte] ^= mask;
            }
        }
        true
    }

    fn add(&mut self, number: u64, change: Change) {
        self.seen.apply(&change);
        self.pending.push((number, change));
    }
}

impl Content {
    fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let len = self.len.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let (index, start) = (at / SECTOR_LEN as u64, (at % SECTOR_LEN as u64) as usize);
            let part = (SECTOR_LEN - start).min(len - done);
            let out = &mut buffer[done..done + part];
            match self.sectors.get(&index) {
                Some(sector) => out.copy_from_slice(&sector[start..start + part]),
                None => out.fill(0),
            }
            done += part;
        }
        len
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Sector(index, sector) => {
                self.sectors.insert(*index, Arc::clone(sector));
            }
            Change::Grow(end) => self.len = self.len.max(*end),
            Change::SetLen(len) => {
                // Also when the file is shorter: bytes beyond its end may be there, of a write whose growth was lost.
                self.cut(*len);
                self.len = *len;
            }
        }
    }

    /// Forgets what is beyond a length.
    fn cut(&mut self, len: u64) {
        let (last, rest) = (len / SECTOR_LEN as u64, (len % SECTOR_LEN as u64) as usize);
        if let Some(sector) = self.sectors.get_mut(&last)
            && rest > 0
        {
            Arc::make_mut(sector)[rest..].fill(0);
        }
        self.sectors.split_off(&(last + u64::from(rest > 0)));
    }
}
