//! The names of SQLite's codes, which end the texts of errors as they do in workerd (`src/workerd/util/sqlite.c++`).

use std::ffi::c_int;

use rusqlite::ffi;

macro_rules! names {
    ($code:expr; $($name:ident)*) => {
        match $code {
            $(ffi::$name => Some(stringify!($name)),)*
            _ => None,
        }
    };
}

/// The text of an error: what SQLite says, where, and its code.
pub(crate) fn describe(text: &str, offset: Option<c_int>, code: c_int) -> String {
    let at = offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    let name = primary(code & 0xff).unwrap_or("SQLITE_UNKNOWN");
    let extended = extended(code).map(|name| format!(" (extended: {name})")).unwrap_or_default();
    format!("{text}{at}: {name}{extended}")
}

fn primary(code: c_int) -> Option<&'static str> {
    names!(code;
        SQLITE_ABORT SQLITE_AUTH SQLITE_BUSY SQLITE_CANTOPEN SQLITE_CONSTRAINT SQLITE_CORRUPT SQLITE_EMPTY SQLITE_ERROR
        SQLITE_FORMAT SQLITE_FULL SQLITE_INTERNAL SQLITE_INTERRUPT SQLITE_IOERR SQLITE_LOCKED SQLITE_MISMATCH
        SQLITE_MISUSE SQLITE_NOLFS SQLITE_NOMEM SQLITE_NOTADB SQLITE_NOTFOUND SQLITE_PERM SQLITE_PROTOCOL SQLITE_RANGE
        SQLITE_READONLY SQLITE_SCHEMA SQLITE_TOOBIG)
}

fn extended(code: c_int) -> Option<&'static str> {
    names!(code;
        SQLITE_ABORT_ROLLBACK SQLITE_AUTH_USER SQLITE_BUSY_RECOVERY SQLITE_BUSY_SNAPSHOT SQLITE_BUSY_TIMEOUT
        SQLITE_CANTOPEN_FULLPATH SQLITE_CANTOPEN_ISDIR SQLITE_CONSTRAINT_CHECK SQLITE_CONSTRAINT_COMMITHOOK
        SQLITE_CONSTRAINT_DATATYPE SQLITE_CONSTRAINT_FOREIGNKEY SQLITE_CONSTRAINT_FUNCTION SQLITE_CONSTRAINT_NOTNULL
        SQLITE_CONSTRAINT_PINNED SQLITE_CONSTRAINT_PRIMARYKEY SQLITE_CONSTRAINT_ROWID SQLITE_CONSTRAINT_TRIGGER
        SQLITE_CONSTRAINT_UNIQUE SQLITE_CONSTRAINT_VTAB SQLITE_CORRUPT_INDEX SQLITE_CORRUPT_SEQUENCE SQLITE_CORRUPT_VTAB
        SQLITE_ERROR_MISSING_COLLSEQ SQLITE_ERROR_RETRY SQLITE_ERROR_SNAPSHOT SQLITE_IOERR_ACCESS SQLITE_IOERR_CLOSE
        SQLITE_IOERR_DATA SQLITE_IOERR_DELETE SQLITE_IOERR_FSTAT SQLITE_IOERR_FSYNC SQLITE_IOERR_NOMEM
        SQLITE_IOERR_READ SQLITE_IOERR_SHORT_READ SQLITE_IOERR_TRUNCATE SQLITE_IOERR_WRITE SQLITE_LOCKED_SHAREDCACHE
        SQLITE_LOCKED_VTAB SQLITE_READONLY_ROLLBACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_the_place_and_both_codes() {
        let texts = [
            describe("near \"x\"", Some(0), ffi::SQLITE_ERROR),
            describe("a.b", None, ffi::SQLITE_CONSTRAINT_UNIQUE),
            describe("odd", None, ffi::SQLITE_ERROR | 77 << 8),
        ];
        assert_eq!(
            texts,
            [
                "near \"x\" at offset 0: SQLITE_ERROR",
                "a.b: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
                "odd: SQLITE_ERROR",
            ]
        );
    }
}
