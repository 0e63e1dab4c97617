//! Prepared statements of a guest, by their text, and the cursors that are open.
//!
//! A statement is in one place at a time: in the cache, reset; in a cursor; or in the hands of a call. So two cursors of
//! one text have a statement each. Everything here must be dropped before the connection.

use std::collections::VecDeque;

use super::CursorId;
use super::counts::Effect;
use crate::limits::{CURSORS_OPEN_MAX, GUEST_STATEMENTS_CACHED_BYTES_MAX, GUEST_STATEMENTS_CACHED_MAX};
use crate::sqlite::Statement;

/// A statement with what is known of it.
pub(super) struct Prepared {
    pub(super) statement: Statement,
    /// The text that it was prepared from; empty when it is not to be kept.
    pub(super) text: Box<str>,
    pub(super) effect: Effect,
}

/// Statements that nobody uses, the one used last at the end.
#[derive(Default)]
pub(super) struct Cache {
    idle: VecDeque<Prepared>,
    text_bytes: usize,
}

impl Cache {
    /// Takes the statement of a text out.
    pub(super) fn take(&mut self, text: &str) -> Option<Prepared> {
        // What was used last is likely to be used next.
        let at = self.idle.iter().rposition(|prepared| *prepared.text == *text)?;
        let prepared = self.idle.remove(at)?;
        self.text_bytes -= prepared.text.len();
        Some(prepared)
    }

    /// Resets a statement and keeps it, if there is room for it.
    pub(super) fn put(&mut self, mut prepared: Prepared) {
        let len = prepared.text.len();
        if len == 0 || len > GUEST_STATEMENTS_CACHED_BYTES_MAX {
            return;
        }
        prepared.statement.reset();
        self.text_bytes += len;
        self.idle.push_back(prepared);
        while self.idle.len() > GUEST_STATEMENTS_CACHED_MAX || self.text_bytes > GUEST_STATEMENTS_CACHED_BYTES_MAX {
            let Some(oldest) = self.idle.pop_front() else { break };
            self.text_bytes -= oldest.text.len();
        }
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A statement whose rows are not all read.
pub(super) struct Cursor {
    id: CursorId,
    pub(super) prepared: Prepared,
    /// Rows that it has given.
    pub(super) rows: u64,
}

/// The cursors that are open, the oldest first.
#[derive(Default)]
pub(super) struct Cursors {
    open: VecDeque<Cursor>,
    last: u32,
}

impl Cursors {
    /// Keeps a statement as a cursor. The oldest goes when there are too many.
    pub(super) fn open(&mut self, prepared: Prepared, rows: u64) -> CursorId {
        if self.open.len() >= CURSORS_OPEN_MAX {
            self.open.pop_front();
        }
        // It goes round after four thousand million cursors; none stays open for so long.
        self.last = self.last.wrapping_add(1);
        let id = CursorId(self.last);
        self.open.push_back(Cursor { id, prepared, rows });
        id
    }

    pub(super) fn get(&mut self, id: CursorId) -> Option<&mut Cursor> {
        self.open.iter_mut().find(|cursor| cursor.id == id)
    }

    /// Closes a cursor; gives back its statement.
    pub(super) fn close(&mut self, id: CursorId) -> Option<Prepared> {
        let at = self.open.iter().position(|cursor| cursor.id == id)?;
        self.open.remove(at).map(|cursor| cursor.prepared)
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}
