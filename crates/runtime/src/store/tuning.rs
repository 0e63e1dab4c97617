//! Sizes and times of the storage, which tests make tiny: what takes gigabytes or minutes then happens within a second.
//!
//! Nobody else sets them. The values and their reasons are in [`crate::limits`].

use std::time::Duration;

use crate::limits;

/// Sizes and times of the storage.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// See [`limits::WAL_LEN_MAX`].
    pub wal_len_max: u64,
    /// See [`limits::WAL_LEN_WITH_CURSORS_MAX`].
    pub wal_len_with_cursors_max: u64,
    /// See [`limits::COMMIT_LEN_MAX`].
    pub commit_len_max: u64,
    /// See [`limits::RECORD_DATA_LEN_MAX`].
    pub record_data_len_max: usize,
    /// See [`limits::SEGMENT_LEN`].
    pub segment_len: u64,
    /// See [`limits::SEGMENTS_MAX`].
    pub segments_max: usize,
    /// See [`limits::SEGMENTS_STUCK_MAX`].
    pub segments_stuck_max: usize,
    /// See [`limits::SEGMENTS_KEPT`].
    pub segments_kept: usize,
    /// See [`limits::SETTLE_DELAY`].
    pub settle_delay: Duration,
    /// See [`limits::REGISTRY_DELAY`].
    pub registry_delay: Duration,
    /// See [`limits::CHECKPOINT_DELAY`].
    pub checkpoint_delay: Duration,
    /// See [`limits::STOP_TIME`].
    pub stop_time: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            wal_len_max: limits::WAL_LEN_MAX,
            wal_len_with_cursors_max: limits::WAL_LEN_WITH_CURSORS_MAX,
            commit_len_max: limits::COMMIT_LEN_MAX,
            record_data_len_max: limits::RECORD_DATA_LEN_MAX,
            segment_len: limits::SEGMENT_LEN,
            segments_max: limits::SEGMENTS_MAX,
            segments_stuck_max: limits::SEGMENTS_STUCK_MAX,
            segments_kept: limits::SEGMENTS_KEPT,
            settle_delay: limits::SETTLE_DELAY,
            registry_delay: limits::REGISTRY_DELAY,
            checkpoint_delay: limits::CHECKPOINT_DELAY,
            stop_time: limits::STOP_TIME,
        }
    }
}
