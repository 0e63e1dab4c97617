//! What operators ask about stored objects, and what they are told: of a server that runs, or of a data folder that no
//! server uses.
//!
//! [`Ask`] and [`Answer`] are the whole of it. A server answers them on a Unix socket in its data folder (`control.rs`);
//! where there is none, [`Admin`] opens the folder itself. Either way `answer` does what is asked, so both say the same.

pub(crate) mod control;
mod client;

use std::path::PathBuf;

use dormouse_runtime::operator::{Listed, Objects, Outcome, Shown};
use dormouse_runtime::storage::value;
use serde::{Deserialize, Serialize};

pub use self::client::{Admin, AdminError};

/// What an operator asks. A class is its unique key (`WORKER-CLASS`) or the last part of it; an object is a name or an id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Which objects there are.
    List {
        /// Of this class only.
        class: Option<String>,
        /// After the object of this class with this id.
        after: Option<(String, String)>,
        /// At most so many; the answer may have fewer although there are more.
        limit: usize,
    },
    /// What one holds.
    Show {
        /// Its class.
        class: String,
        /// Its name or id.
        object: String,
    },
    /// What SQL gives on its database.
    Sql {
        /// Its class.
        class: String,
        /// Its name or id.
        object: String,
        /// Statements.
        sql: String,
        /// Whether they may change something.
        write: bool,
    },
    /// A copy of its database.
    Export {
        /// Its class.
        class: String,
        /// Its name or id.
        object: String,
        /// Where the copy goes; absolute.
        file: PathBuf,
    },
    /// Its end.
    Delete {
        /// Its class.
        class: String,
        /// Its name or id.
        object: String,
    },
}

/// What an operator is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Some objects, in order; none when there are no more.
    Objects(Vec<Object>),
    /// One object.
    Object(Box<Details>),
    /// Rows of a statement.
    Rows(Rows),
    /// It is done.
    Done,
}

/// An object, in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// The unique key of its class.
    pub class: String,
    /// Its id.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// What a list says of it.
    #[serde(flatten)]
    pub object: Object,
    /// Its tables, and how many rows each has; nothing when that cannot be read.
    pub tables: Option<Vec<(String, u64)>>,
    /// How many keys it has.
    pub keys: Option<u64>,
    /// Why its database cannot be read.
    pub unreadable: Option<String>,
    /// Whether its code is in memory.
    pub is_resident: bool,
    /// How many sockets it has.
    pub sockets: usize,
}

/// Rows of a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// Names of the columns; none when there are no rows to give.
    pub columns: Vec<String>,
    /// Row after row, each as long as there are columns.
    pub values: Vec<Value>,
    /// Rows that were written, with their entries in indexes.
    pub rows_written: u64,
}

/// A value as SQLite stores it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `NULL`.
    Null,
    /// `INTEGER`.
    Integer(i64),
    /// `REAL`, as Rust writes it: JSON has no infinity.
    Real(String),
    /// `TEXT`.
    Text(String),
    /// `BLOB`, in hex.
    Blob(String),
}

/// Does what is asked.
///
/// # Errors
///
/// The text says what is wrong, and what to do.
pub(crate) fn answer(objects: &Objects, ask: &Ask) -> Result<Answer, String> {
    let result = match ask {
        Ask::List { class, after, limit } => {
            let after = after.as_ref().map(|(class, id)| (class.as_str(), id.as_str()));
            let listed = objects.list(class.as_deref(), after, *limit);
            listed.map(|listed| Answer::Objects(listed.into_iter().map(Object::from).collect()))
        }
        Ask::Show { class, object } => objects.show(class, object).map(|shown| Answer::Object(Box::new(shown.into()))),
        Ask::Sql { class, object, sql, write } => {
            objects.sql(class, object, sql, *write).map(|outcome| Answer::Rows(outcome.into()))
        }
        Ask::Export { class, object, file } => objects.export(class, object, file).map(|()| Answer::Done),
        Ask::Delete { class, object } => objects.delete(class, object).map(|()| Answer::Done),
    };
    result.map_err(|error| error.to_string())
}

impl From<Listed> for Object {
    fn from(listed: Listed) -> Self {
        let Listed { class, id, name, bytes, alarm_ms, refused } = listed;
        Self { class, id, name, bytes, alarm_ms, refused }
    }
}

impl From<Shown> for Details {
    fn from(shown: Shown) -> Self {
        let (tables, keys) = shown.contents.map(|contents| (contents.tables, contents.keys)).unzip();
        Self {
            object: shown.listed.into(),
            tables,
            keys,
            unreadable: shown.unreadable,
            is_resident: shown.residence.is_resident,
            sockets: shown.residence.sockets,
        }
    }
}

impl From<Outcome> for Rows {
    fn from(outcome: Outcome) -> Self {
        let values = outcome.values.into_iter().map(Value::from).collect();
        Self { columns: outcome.columns, values, rows_written: outcome.rows_written }
    }
}

impl From<value::Value> for Value {
    fn from(value: value::Value) -> Self {
        match value {
            value::Value::Null => Self::Null,
            value::Value::Integer(integer) => Self::Integer(integer),
            value::Value::Real(real) => Self::Real(format!("{real:?}")),
            value::Value::Text(text) => Self::Text(text),
            value::Value::Blob(bytes) => Self::Blob(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}
