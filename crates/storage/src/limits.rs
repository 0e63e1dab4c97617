//! Every bound of a database, with its reason.

use std::ffi::c_int;

/// Bytes of a page: what workerd has, and what a disk writes at once.
pub const PAGE_LEN: usize = 4_096;

/// Bytes that every disk writes whole or not at all.
pub const SECTOR_LEN: usize = 512;

/// Bytes at the end of a page that hold its checksum.
pub const PAGE_CHECKSUM_LEN: usize = 8;

/// Bytes of a path of a database.
pub const PATH_LEN_MAX: c_int = 4_096;

/// Kibibytes of pages that one open database keeps in memory.
pub const PAGE_CACHE_KIB_MAX: i64 = 2_048;

/// Statements of our own that one database keeps prepared: one for each thing that keys and values can do.
pub const STATEMENTS_CACHED_MAX: usize = 12;

/// How deep transactions may nest.
pub const TRANSACTIONS_NESTED_MAX: usize = 64;

/// Folders above the one of a database that may have to be made with it.
pub const FOLDERS_ABOVE: usize = 3;
