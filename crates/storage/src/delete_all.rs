//! Deletes everything of the guest, in the transaction of its turn.
//!
//! The file stays, and in it the alarm and the name: `_cf_METADATA` is ours. So does the empty `sqlite_sequence`, which
//! SQLite does not give up once a table had `AUTOINCREMENT`.

use rusqlite::config::DbConfig;

use crate::db::Db;
use crate::error::Error;
use crate::sqlite::has_deferred_violations;

/// What a guest can have made; indexes go with their tables. Triggers come first, because rows go on the way which would
/// fire them; virtual tables before others, because what they keep in tables of their own can only be dropped with them.
const MADE: &str = r"SELECT type, name FROM sqlite_schema
    WHERE type <> 'index' AND name NOT IN ('_cf_METADATA', 'sqlite_sequence')
    ORDER BY type = 'trigger' DESC, type = 'view' DESC, sql LIKE 'CREATE VIRTUAL %' DESC";

impl Db {
    /// Drops all tables and views of the guest, its keys and values too. The alarm and the name stay. Closes all cursors.
    ///
    /// # Errors
    ///
    /// When the disk fails; nothing is deleted then.
    pub fn delete_all(&mut self) -> Result<(), Error> {
        self.sql.close_all();
        let made: Vec<(String, String)> = self.ask(|connection| {
            connection.prepare(MADE)?.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })?;
        if made.is_empty() {
            return Ok(());
        }
        self.begin_write()?;
        self.run("SAVEPOINT _cf_delete_all")?;
        let enforced = self.ask(|connection| connection.db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY))?;
        let (triggers, rest) = made.split_at(made.partition_point(|(kind, _)| kind == "trigger"));
        let dropped = self.drop_made(triggers);
        self.ask(|connection| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, enforced))?;
        let result = dropped.and_then(|()| self.settle_foreign_keys(rest)).and_then(|()| self.drop_made(rest));
        self.ask(|connection| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, enforced))?;
        self.has_kv = false;
        let end = if result.is_ok() { "" } else { "ROLLBACK TO _cf_delete_all; " };
        self.run(&format!("{end}RELEASE _cf_delete_all"))?;
        result
    }

    fn drop_made(&self, made: &[(String, String)]) -> Result<(), Error> {
        self.ask(|connection| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false))?;
        for (kind, name) in made {
            self.run(&format!("DROP {kind} IF EXISTS {}", quoted(name)))?;
        }
        let has_sequence = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
        if self.ask(|connection| connection.prepare(has_sequence)?.exists(()))? {
            self.run("DELETE FROM sqlite_sequence")?;
        }
        Ok(())
    }

    /// Rows that refer to what is not there, and wait for the commit to be told so, are counted row by row. Tables that
    /// are dropped do not change the count, rows that are deleted do.
    fn settle_foreign_keys(&self, made: &[(String, String)]) -> Result<(), Error> {
        if !has_deferred_violations(&self.connection) {
            return Ok(());
        }
        self.run("PRAGMA defer_foreign_keys = ON")?;
        for (kind, name) in made {
            let refers = "SELECT 1 FROM pragma_foreign_key_list(?1)";
            if kind == "table" && self.ask(|connection| connection.prepare(refers)?.exists([name]))? {
                self.run(&format!("DELETE FROM {}", quoted(name)))?;
            }
        }
        // It forgets what was deferred by this PRAGMA alone.
        self.run("PRAGMA defer_foreign_keys = OFF")
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
