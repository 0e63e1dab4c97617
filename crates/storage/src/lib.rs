//! One SQLite database per durable object, and the file layer below it.
//!
//! The only crate that knows SQLite. It works on the thread that calls it, has no clock, and knows nothing of objects,
//! gates or guests: a [`db::Db`] is opened on a [`Vfs`] and a path, is written to, commits, and tells what a commit added
//! to its write-ahead log. How that becomes durable is the caller's matter.

pub mod file;
mod sqlite;
pub mod db;
pub mod txn;
pub mod meta;
pub mod value;
pub mod sql;
pub mod kv;
mod delete_all;
pub mod inspect;
pub mod registry;
pub mod commit;
pub mod error;
pub mod limits;

pub use db::Db;
pub use error::Error;
pub use kv::List;
pub use sql::{Batch, CursorId, End, Executed};
pub use sqlite::Vfs;
pub use value::Value;
