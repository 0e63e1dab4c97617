//! Every bound of a database, with its reason.

use std::ffi::c_int;

use rusqlite::limits::Limit;

/// Bytes of a page: what workerd has, and what a disk writes at once.
pub const PAGE_LEN: usize = 4_096;

/// Bytes that every disk writes whole or not at all.
pub const SECTOR_LEN: usize = 512;

/// Bytes at the end of a page that hold its checksum.
pub const PAGE_CHECKSUM_LEN: usize = 8;

/// Bytes of a path of a database.
pub const PATH_LEN_MAX: c_int = 4_096;

/// Pages of a database that are copied at a time. The database is the copier's alone, so nothing is won by few.
pub const COPY_PAGES: c_int = 1_024;

/// Kibibytes of pages that one open database keeps in memory.
pub const PAGE_CACHE_KIB_MAX: i64 = 2_048;

/// Statements of our own that one database keeps prepared: one for each thing that is done often.
pub const STATEMENTS_CACHED_MAX: usize = 20;

/// How deep transactions may nest.
pub const TRANSACTIONS_NESTED_MAX: usize = 64;

/// Bytes of one text, blob or row: what workerd was seen to have. It bounds a key with its value too.
pub const VALUE_LEN_MAX: c_int = 8 * 1_024 * 1_024 + 34;

/// Bytes of SQL in one call. This and what follows it up to [`TRIGGERS_NESTED_MAX`] is what workerd has, which took most
/// of it from SQLite's advice on untrusted SQL.
pub const SQL_LEN_MAX: c_int = 100_000;

/// Columns of a table, an index or a result.
pub const COLUMNS_MAX: c_int = 100;

/// How deep an expression may be.
pub const EXPRESSION_DEPTH_MAX: c_int = 100;

/// Terms of a `UNION` and its kin.
pub const COMPOUND_TERMS_MAX: c_int = 5;

/// Instructions of one statement's program. workerd says 25,000, but its SQLite was seen to run an `INSERT` of 20,000 rows,
/// for which ours needs more.
pub const PROGRAM_LEN_MAX: c_int = 50_000;

/// Arguments of a function.
pub const ARGUMENTS_MAX: c_int = 127;

/// Bytes of a pattern of `LIKE` and `GLOB`: matching takes time with the square of it.
pub const PATTERN_LEN_MAX: c_int = 50;

/// Parameters of a statement.
pub const PARAMETERS_MAX: c_int = 100;

/// How deep triggers may fire one another.
pub const TRIGGERS_NESTED_MAX: c_int = 10;

/// What SQLite is told of the above.
pub(crate) const SQL_LIMITS: &[(Limit, c_int)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, VALUE_LEN_MAX),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_LEN_MAX),
    (Limit::SQLITE_LIMIT_COLUMN, COLUMNS_MAX),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, COMPOUND_TERMS_MAX),
    (Limit::SQLITE_LIMIT_VDBE_OP, PROGRAM_LEN_MAX),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS_MAX),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_LEN_MAX),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS_MAX),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, TRIGGERS_NESTED_MAX),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// Rows that one call gives of a result: enough that the call costs little beside them, few enough that a loop which ends
/// early has not read much in vain.
pub const BATCH_ROWS_MAX: usize = 256;

/// Bytes in memory after which a batch ends.
pub const BATCH_BYTES_MAX: usize = 64 * 1_024;

/// Bytes in memory of the rows that a statement which writes returns: they are held all at once.
pub const WRITTEN_ROWS_BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// Cursors open at once: loops over results nest only so deep, and each holds a prepared statement.
pub const CURSORS_OPEN_MAX: usize = 64;

/// Statements of the guest that one database keeps prepared: what a class runs again and again. A statement takes
/// 1.5 to 3 KiB, and many databases are open.
pub const GUEST_STATEMENTS_CACHED_MAX: usize = 32;

/// Bytes of their SQL. workerd has 1 MiB, for one database at a time.
pub const GUEST_STATEMENTS_CACHED_BYTES_MAX: usize = 32 * 1_024;

/// Instructions between two looks at whether a statement has to end: less than a millisecond.
pub const INTERRUPT_INSTRUCTIONS: c_int = 10_000;

/// Bytes of keys and values that one listing returns: they are held all at once.
pub const KV_LIST_BYTES_MAX: usize = 128 * 1_024 * 1_024;

// One value of any size fits into either.
const _: () = assert!(WRITTEN_ROWS_BYTES_MAX > VALUE_LEN_MAX as usize);
const _: () = assert!(KV_LIST_BYTES_MAX > VALUE_LEN_MAX as usize);

/// Folders above a database whose names are made durable with its own: its own, that of its class, that of all objects, and
/// the data folder.
pub const FOLDERS_ABOVE: usize = 4;
