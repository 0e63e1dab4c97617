//! What a commit added to the write-ahead log of its database: all that is needed to make it again.

/// What tells one write-ahead log of a database from the next: bytes 16 to 23 of its header.
pub type Salts = [u8; 8];

/// Bytes of one write-ahead log, from `start` up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalRange {
    /// Which log.
    pub salts: Salts,
    /// Offset of the first byte; 0 when the log began with this commit.
    pub start: u64,
    /// Offset after the last byte.
    pub end: u64,
}
