//! What an operator can do with the objects of a node: list them, look into them, copy and delete them.
//!
//! All calls block, and belong on a thread that may wait. They are the same on a node that serves clients and on one that
//! was started only for this. Nothing here knows how it is asked.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use dormouse_object::id::{IdError, NamespaceKey, ObjectId};
use dormouse_storage::inspect::{Contents, CopyError};
use dormouse_storage::limits::WRITTEN_ROWS_BYTES_MAX;
use dormouse_storage::registry::{Entry, Registry};
use dormouse_storage::sql::{End, Interrupter, Rows};
use dormouse_storage::value::Value;
use dormouse_storage::{Db, Error};

use crate::commit_log::ObjectKey;
use crate::limits::{LISTED_MAX, LOAN_TRIES_MAX, OPERATOR_SQL_TIME_MAX};
use crate::loan::{Lending, Loan, LoanRequest, Purpose};
use crate::node::Handle;
use crate::shard::Post;
use crate::store::Store;

pub use crate::loan::Residence;

/// The objects of a node that keeps data.
#[derive(Clone)]
pub struct Objects {
    node: Handle,
}

/// An object, in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The unique key of its class.
    pub class: String,
    /// Its id, in hex.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Bytes that its files take.
    pub bytes: u64,
    /// When its alarm is due, in milliseconds since 1970.
    pub alarm_ms: Option<u64>,
    /// Why it cannot be served.
    pub refused: Option<String>,
}

/// An object, looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What a list says of it.
    pub listed: Listed,
    /// What its database holds; nothing when it has none.
    pub contents: Option<Contents>,
    /// Why that is not known.
    pub unreadable: Option<String>,
    /// What there is of it in memory.
    pub residence: Residence,
}

/// Rows of a statement, and what it wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Names of the columns; none when the statement gives no rows.
    pub columns: Vec<String>,
    /// Row after row, each as long as there are columns.
    pub values: Vec<Value>,
    /// How many rows it wrote, with their entries in indexes.
    pub rows_written: u64,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// No class of this name has objects, or several have.
    #[error("{0}")]
    Class(String),
    /// There is no such object.
    #[error("no object `{object}` of class {class} stores anything")]
    NoObject {
        /// The unique key of the class.
        class: String,
        /// As it was asked for.
        object: String,
    },
    /// An id of another class.
    #[error("{0}")]
    Id(#[from] IdError),
    /// Not now.
    #[error("busy: {0}")]
    Busy(String),
    /// The node stops, or the object was reset meanwhile.
    #[error("the object was reset or the server stops; try again")]
    Gone,
    /// The statement fails, or the disk.
    #[error(transparent)]
    Storage(#[from] Error),
    /// There is no copy.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// As far as [`Objects::list`] has come: the class and the id of the last one, in hex.
pub type After<'a> = Option<(&'a str, &'a str)>;

impl Objects {
    /// The objects of a node, if it keeps data.
    pub fn of(node: &Handle) -> Option<Self> {
        node.store()?;
        Some(Self { node: node.clone() })
    }

    /// Objects of a class, or of all, in the order of class and id, those after `after`: at most `limit`, and at most
    /// [`LISTED_MAX`].
    ///
    /// # Errors
    ///
    /// When the class is not known, or the disk fails.
    pub fn list(&self, class: Option<&str>, after: After<'_>, limit: usize) -> Result<Vec<Listed>, OperatorError> {
        let class = class.map(|class| self.class(class)).transpose()?;
        let after = after.map(|(class, id)| Ok::<_, IdError>((class.to_owned(), bytes_of(id)?))).transpose()?;
        let limit = limit.min(LISTED_MAX);
        let entries = self.ask(move |registry| {
            registry.list(class.as_deref(), after.as_ref().map(|(class, id)| (class.as_str(), id)), limit)
        })??;
        entries.into_iter().map(|entry| self.listed(entry)).collect()
    }

    /// An object and what it holds.
    ///
    /// # Errors
    ///
    /// When there is no such object, its database is in use, or the disk fails. A database that is damaged is no error.
    pub fn show(&self, class: &str, object: &str) -> Result<Shown, OperatorError> {
        let (key, id) = self.find(class, object)?;
        let entry = self.entry(&key)?;
        let is_known = entry.is_some();
        let entry = entry.unwrap_or_else(|| Entry {
            class: key.class.to_string(),
            id: key.id,
            name: id.name().map(str::to_owned),
            alarm_due_ms: None,
            refused: None,
        });
        let mut listed = self.listed(entry)?;
        let (loan, residence) = self.borrow(&key, Purpose::Use)?;
        let Some(mut loan) = loan else {
            return match is_known || residence != Residence::default() {
                true => Ok(Shown { listed, contents: None, unreadable: None, residence }),
                false => Err(no_object(&key, object)),
            };
        };
        let contents = loan.with(|db| {
            let alarm = db.alarm()?;
            let contents = within(OPERATOR_SQL_TIME_MAX, db.interrupter(), || db.contents())?;
            Ok::<_, Error>((contents, alarm))
        });
        match contents.and_then(|contents| contents) {
            Ok((contents, alarm)) => {
                listed.alarm_ms = alarm.map(|alarm| alarm.due_ms);
                Ok(Shown { listed, contents: Some(contents), unreadable: None, residence })
            }
            Err(error) => Ok(Shown { listed, contents: None, unreadable: Some(error.to_string()), residence }),
        }
    }

    /// Runs SQL on the database of an object, between two of its turns. Only with `write` it may change anything: that is
    /// committed when this returns, and durable.
    ///
    /// # Errors
    ///
    /// When there is no such object, its database is in use or damaged, the SQL fails or takes longer than
    /// [`OPERATOR_SQL_TIME_MAX`], or the disk fails.
    pub fn sql(&self, class: &str, object: &str, sql: &str, write: bool) -> Result<Outcome, OperatorError> {
        let (key, _) = self.find(class, object)?;
        let mut loan = self.borrow_stored(&key, object, Purpose::Use)?;
        if !write {
            let Rows { columns, values } =
                loan.with(|db| within(OPERATOR_SQL_TIME_MAX, db.interrupter(), || db.query(sql)))??;
            return Ok(Outcome { columns, values, rows_written: 0 });
        }
        let is_quiet = loan.with(|db| db.is_quiet())?;
        if !is_quiet {
            return Err(OperatorError::Busy("the object reads rows of a cursor; try again".into()));
        }
        Ok(loan.write(|db| within(OPERATOR_SQL_TIME_MAX, db.interrupter(), || exec(db, sql)))?)
    }

    /// Writes a copy of the database of an object into a new file that any SQLite can open.
    ///
    /// # Errors
    ///
    /// When there is no such object, its database is in use or damaged, or there is such a file.
    pub fn export(&self, class: &str, object: &str, path: &Path) -> Result<(), OperatorError> {
        let (key, _) = self.find(class, object)?;
        let mut loan = self.borrow_stored(&key, object, Purpose::Use)?;
        Ok(loan.with(|db| db.copy_to(path))??)
    }

    /// Deletes an object: its guest is dropped, its sockets are closed with 1012, all that it stored is gone, durably.
    /// What the database is like does not matter.
    ///
    /// # Errors
    ///
    /// When there is no such object, or the disk fails.
    pub fn delete(&self, class: &str, object: &str) -> Result<(), OperatorError> {
        let (key, _) = self.find(class, object)?;
        let store = self.store()?;
        if self.entry(&key)?.is_none() && !store.has_files(&key)? {
            return Err(no_object(&key, object));
        }
        let mut loan = self.borrow_stored(&key, object, Purpose::Delete)?;
        let (done, result) = mpsc::channel();
        store.erase(&key, move |result| {
            // Nobody is left to hear it when this fails.
            let _ = done.send(result);
        });
        result.recv().map_err(|_| OperatorError::Gone)??;
        loan.settle_deleted();
        Ok(())
    }
}

/// Parts of the above.
impl Objects {
    fn store(&self) -> Result<&Store, OperatorError> {
        self.node.store().ok_or(OperatorError::Gone)
    }

    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Registry) -> T + Send + 'static,
    ) -> Result<T, OperatorError> {
        let (answer, answered) = mpsc::channel();
        self.store()?.ask(Box::new(move |registry| {
            // Nobody is left to hear it when this fails.
            let _ = answer.send(ask(registry));
        }));
        answered.recv().map_err(|_| OperatorError::Gone)
    }

    fn entry(&self, key: &ObjectKey) -> Result<Option<Entry>, OperatorError> {
        let key = key.clone();
        Ok(self.ask(move |registry| registry.get(&key.class, &key.id))??)
    }

    /// The unique key of a class: as it is, or by its last part when only one ends so, or by its name in the code.
    fn class(&self, class: &str) -> Result<String, OperatorError> {
        let stored = self.ask(|registry| registry.classes())??;
        let in_code = self.node.classes();
        let mut keys: Vec<&str> = stored.iter().map(String::as_str).collect();
        keys.extend(in_code.iter().map(|(_, key)| &**key));
        keys.sort_unstable();
        keys.dedup();
        if keys.contains(&class) {
            return Ok(class.to_owned());
        }
        let is_meant = |key: &str| {
            key.rsplit_once('-').is_some_and(|(_, last)| last == class)
                || in_code.iter().any(|(name, of)| name == class && &**of == key)
        };
        let meant: Vec<&str> = keys.iter().copied().filter(|key| is_meant(key)).collect();
        match meant[..] {
            [key] => Ok(key.to_owned()),
            [] if keys.is_empty() => Err(OperatorError::Class(format!("there is no class `{class}`, nor any other"))),
            [] => Err(OperatorError::Class(format!("there is no class `{class}`; there are {}", keys.join(", ")))),
            _ => Err(OperatorError::Class(format!("`{class}` may be {}", meant.join(" or ")))),
        }
    }

    /// The object of a class that has this id or this name.
    fn find(&self, class: &str, object: &str) -> Result<(ObjectKey, ObjectId), OperatorError> {
        let class = self.class(class)?;
        let namespace = NamespaceKey::new(&class);
        let id = match namespace.id_from_string(object) {
            Ok(id) => id,
            Err(IdError::NotHex) => namespace.id_from_name(object),
            Err(error @ IdError::WrongNamespace) => return Err(error.into()),
        };
        Ok((ObjectKey { class: class.into(), id: *id.as_bytes() }, id))
    }

    fn listed(&self, entry: Entry) -> Result<Listed, OperatorError> {
        let key = ObjectKey { class: entry.class.as_str().into(), id: entry.id };
        Ok(Listed {
            bytes: self.store()?.size(&key)?,
            id: ObjectId::stored(entry.id, None).to_string(),
            class: entry.class,
            name: entry.name,
            alarm_ms: entry.alarm_due_ms,
            refused: entry.refused,
        })
    }

    /// Asks the shard of an object for its database.
    fn borrow(&self, key: &ObjectKey, purpose: Purpose) -> Result<(Option<Loan>, Residence), OperatorError> {
        let shard = self.node.shard_of(&ObjectId::stored(key.id, None));
        for _ in 0..LOAN_TRIES_MAX {
            let (reply, answer) = mpsc::channel();
            let request = LoanRequest { key: key.clone(), purpose, reply };
            if self.node.post(shard, Post::Lend(request)).is_err() {
                return Err(OperatorError::Busy("the server has too much to do; try again".into()));
            }
            match answer.recv().map_err(|_| OperatorError::Gone)? {
                Lending::Lent(loan, residence) => return Ok((Some(loan), residence)),
                Lending::Nothing(residence) => return Ok((None, residence)),
                Lending::Refused(why) => return Err(OperatorError::Busy(why)),
                Lending::Again => self.store()?.claims().wait(key),
            }
        }
        Err(OperatorError::Busy("others use its database all the time; try again".into()))
    }

    fn borrow_stored(&self, key: &ObjectKey, object: &str, purpose: Purpose) -> Result<Loan, OperatorError> {
        self.borrow(key, purpose)?.0.ok_or_else(|| no_object(key, object))
    }
}

fn no_object(key: &ObjectKey, object: &str) -> OperatorError {
    OperatorError::NoObject { class: key.class.to_string(), object: object.to_owned() }
}

fn bytes_of(id: &str) -> Result<[u8; 32], IdError> {
    let (first, rest) = id.split_at_checked(2).ok_or(IdError::NotHex)?;
    crate::store::folder::id_of_name(first, rest).ok_or(IdError::NotHex)
}

/// All rows of SQL that may write.
fn exec(db: &mut Db, sql: &str) -> Result<Outcome, Error> {
    let executed = db.exec(sql, &[])?;
    let mut batch = executed.batch;
    let mut result = Outcome { columns: executed.columns, rows_written: batch.rows_written, ..Outcome::default() };
    let mut bytes = 0;
    loop {
        bytes += batch.values.iter().map(Value::size).sum::<usize>();
        if bytes > WRITTEN_ROWS_BYTES_MAX {
            return Err(Error::Guest(format!("more than {WRITTEN_ROWS_BYTES_MAX} bytes of rows; ask for less")));
        }
        result.values.append(&mut batch.values);
        match batch.end {
            End::More(cursor) => batch = db.fetch(cursor)?,
            End::Done => return Ok(result),
            End::Failed(error) => return Err(error),
        }
    }
}

/// Interrupts a database that works for too long.
fn within<T>(patience: Duration, interrupter: Interrupter, work: impl FnOnce() -> T) -> T {
    let (done, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut patience = patience;
            // Again and again: it may come between two statements.
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(patience) {
                interrupter.interrupt();
                patience = INTERRUPT_PAUSE;
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// How often a database is told again that it is to stop.
const INTERRUPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use dormouse_storage::file::Disk;
    use dormouse_storage::{Db, Vfs};

    use super::{OPERATOR_SQL_TIME_MAX, exec, within};

    #[test]
    fn sql_that_takes_too_long_is_stopped_and_has_written_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let vfs = Vfs::new(Arc::new(Disk)).unwrap();
        let mut db = Db::open(&vfs, &folder.path().join("object.sqlite"), None, None).unwrap();
        db.exec("CREATE TABLE log (text)", &[]).unwrap();
        db.commit().unwrap();
        let endless = "INSERT INTO log VALUES ('x'); \
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let error = within(Duration::from_millis(1), db.interrupter(), || exec(&mut db, endless)).unwrap_err();
        assert!(error.to_string().contains("interrupt"), "{error}");
        db.roll_back();
        let quick = within(OPERATOR_SQL_TIME_MAX, db.interrupter(), || exec(&mut db, "SELECT count(*) FROM log"));
        assert_eq!(format!("{:?}", quick.unwrap().values), "[Integer(0)]");
    }
}
