//! How many rows a statement has read and written.
//!
//! workerd counts them in a patched SQLite, row by row and index by index. The plain cases are the same here: a search
//! by key, the scan of a table, inserts and updates with indexes, deletes. What differs: rows that only an index or an
//! aggregate without a scan passes over (`count(*)`), rows of a sorter and of an inner loop, and what changes of the
//! schema write are not counted.

use rusqlite::Connection;

use super::rules::Noted;
use crate::sqlite::{Counter, Statement};

/// What one execution of a statement writes for each row, and whether it reads.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effect {
    /// It reads a table or changes rows that it has to find.
    reads: bool,
    /// Entries of indexes that a row which it writes has or changes.
    indexes: u64,
    /// The schema is another one after.
    pub(super) schema: bool,
    /// A table may have another name after.
    pub(super) alters: bool,
}

impl Effect {
    /// Of a statement that was just prepared.
    pub(super) fn new(connection: &Connection, noted: &Noted, is_readonly: bool) -> Self {
        let reads = if is_readonly { noted.reads } else { noted.deletes || noted.updates.is_some() };
        let indexes = match noted {
            _ if is_readonly || noted.schema => Ok(0),
            Noted { inserts: Some(table), .. } => indexes_of(connection, table),
            Noted { updates: Some((table, columns)), .. } => indexes_with(connection, table, columns),
            _ => Ok(0),
        };
        // A table that cannot be asked about has none that would be counted.
        Self { reads, indexes: indexes.unwrap_or(0), schema: noted.schema, alters: noted.alters }
    }

    /// Rows that a statement has read since it was reset, of which it gave or changed `found`.
    pub(super) fn rows_read(&self, statement: &Statement, found: u64) -> u64 {
        let steps = statement.count(Counter::ScanSteps);
        // A table is emptied without a look at its rows, and a row that is deleted takes some instructions.
        let emptied = steps == 0 && statement.count(Counter::Instructions) < found * 3;
        let scanned = if steps > 0 { steps + 1 } else { 0 };
        if self.reads && !emptied { scanned.max(found).max(1) } else { scanned }
    }

    /// Rows written, with their entries in indexes, when a statement has changed `direct` rows itself and `all` together
    /// with triggers and foreign keys.
    pub(super) fn rows_written(&self, direct: u64, all: u64) -> u64 {
        direct.min(all) * self.indexes + all
    }
}

fn indexes_of(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1";
    let count: i64 = connection.prepare_cached(sql)?.query_row([table], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn indexes_with(connection: &Connection, table: &str, columns: &[String]) -> rusqlite::Result<u64> {
    if indexes_of(connection, table)? == 0 {
        return Ok(0);
    }
    let sql = "SELECT list.name, info.name FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([table])?;
    let (mut count, mut counted) = (0, None::<String>);
    while let Some(row) = rows.next()? {
        let (index, column): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        // Without a name it is an expression, which any column may be in.
        if counted.as_ref() != Some(&index) && column.is_none_or(|column| columns.contains(&column)) {
            count += 1;
            counted = Some(index);
        }
    }
    Ok(count)
}
