//! What SQLite offers and `rusqlite` has no safe interface to: the only file, with its parts in `sqlite/`, that holds
//! `unsafe`.
//!
//! A file system of our own below SQLite ([`Vfs`]), how far its write-ahead log has grown ([`WalMark`]), statements that
//! outlive the call that made them ([`Statement`]), and settings of the whole process. Invariant: nothing here hands out a pointer; what
//! SQLite lends is copied before the call returns, and whatever SQLite still points to is kept alive by its owner.

#![expect(unsafe_code, reason = "SQLite is C; what rusqlite has no interface to is called here")]

mod statement;
mod vfs;
mod wal;

use std::sync::Once;

use rusqlite::{Connection, ffi};

pub(crate) use self::statement::{Counter, Failure, Statement};
pub use self::vfs::Vfs;
pub(crate) use self::vfs::empty_page;
pub(crate) use self::wal::WalMark;

/// Settings of SQLite for the whole process, which must come before its first use.
static CONFIGURE: Once = Once::new();

/// Makes databases small: pages and parser memory are taken when they are needed, not in advance. An open database
/// costs a third of what it costs by default.
fn configure() {
    CONFIGURE.call_once(|| {
        // SAFETY: the arguments are those that each setting is documented with. After SQLite's first use by somebody
        // else in this process the calls change nothing and return an error.
        let codes = unsafe {
            [
                ffi::sqlite3_config(ffi::SQLITE_CONFIG_PAGECACHE, std::ptr::null_mut::<u8>(), 0, 0),
                ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOOKASIDE, 0, 0),
                // Nobody reads these statistics, and each allocation would take a lock for them.
                ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0),
            ]
        };
        if codes != [ffi::SQLITE_OK; 3] {
            tracing::warn!("SQLite was in use before; open databases will take more memory");
        }
        // A build that does not see the flags in `.cargo/config.toml` works but for this.
        // SAFETY: the name is a terminated string.
        if unsafe { ffi::sqlite3_compileoption_used(c"ENABLE_MATH_FUNCTIONS".as_ptr()) } == 0 {
            tracing::warn!(
                "SQLite was built without LIBSQLITE3_FLAGS of .cargo/config.toml; SQL has no sqrt() and others"
            );
        }
    });
}

/// Whether a commit would fail because of rows that refer to what is not there.
pub(crate) fn has_deferred_violations(connection: &Connection) -> bool {
    let (mut now, mut most) = (0, 0);
    // SAFETY: the connection is open; both answers go where they are written before the call returns.
    unsafe {
        let db = connection.handle();
        ffi::sqlite3_db_status(db, ffi::SQLITE_DBSTATUS_DEFERRED_FKS, &raw mut now, &raw mut most, 0);
    }
    now != 0
}
