//! What an object keeps: keys with values, SQL tables, and its alarm.
//!
//! ```
//! use worker::*;
//!
//! #[durable_object]
//! pub struct Counter {
//!     state: State,
//! }
//!
//! impl DurableObject for Counter {
//!     fn new(state: State, _env: Env) -> Self {
//!         Self { state }
//!     }
//!
//!     async fn fetch(&self, _req: Request) -> Result<Response> {
//!         let storage = self.state.storage();
//!         let count = storage.get::<u64>("count").await?.unwrap_or(0) + 1;
//!         storage.put("count", count).await?;
//!         Response::ok(count.to_string())
//!     }
//! }
//! ```
//!
//! Everything here happens at once, also where a signature is `async`: between two awaits of anything else no other
//! handler comes in between. What a handler writes from one such await to the next is one transaction, and what it
//! sends after a write, its response too, leaves when that is safe on the disk. Values have the bytes that JavaScript
//! has for them, so that classes in either language read each other's (`docs/values.md`).

mod alarm;
mod kv;
mod map;
mod transaction;

use std::future::Future;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::alarm::{AlarmInvocationInfo, GetAlarmOptions, ScheduledTime, SetAlarmOptions};
pub use self::kv::{ListOptions, SyncKvStorage};
pub use self::map::StorageMap;
pub use self::transaction::Transaction;

use crate::Result;
use crate::error::Error;
use crate::native::{Host, Time};
use crate::sql::SqlStorage;

/// The storage of an object.
#[derive(Clone, Debug)]
pub struct Storage {
    host: Host,
}

/// The text is the runtime's, in all languages.
const NOT_IN_TRANSACTION: &str = "Cannot call deleteAll() within a transaction";

impl Storage {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Keys and values without `async`, as in JavaScript. They are the same ones.
    pub fn kv(&self) -> SyncKvStorage {
        SyncKvStorage::new(self.host.clone())
    }

    /// SQL.
    pub fn sql(&self) -> SqlStorage {
        SqlStorage::new(self.host.clone())
    }

    /// The value of a key; none if there is no such key, or its value is null.
    ///
    /// # Errors
    /// When the value is not a `T`.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.kv().get(key)
    }

    /// Those of the keys that are there, with their values, in the order of the keys.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn get_multiple(&self, keys: Vec<impl Deref<Target = str>>) -> Result<StorageMap> {
        self.kv().get_multiple(&keys)
    }

    /// Gives a key a value.
    ///
    /// # Errors
    /// When the value cannot be stored, or both together are too long.
    pub async fn put<T: Serialize>(&self, key: &str, value: T) -> Result<()> {
        self.kv().put(key, value)
    }

    /// Gives a key for each field of a struct, or each entry of a map, that field's value. Fields that are `None` are
    /// left out.
    ///
    /// # Errors
    /// When `values` is neither, or one of them cannot be stored; then none is.
    pub async fn put_multiple<T: Serialize>(&self, values: T) -> Result<()> {
        self.kv().put_multiple(&values)
    }

    /// Removes a key; tells whether it was there.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        self.kv().delete(key)
    }

    /// Removes keys; tells how many of them were there.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn delete_multiple(&self, keys: Vec<impl Deref<Target = str>>) -> Result<usize> {
        self.kv().delete_multiple(&keys)
    }

    /// Deletes everything: keys, tables and the alarm.
    ///
    /// # Errors
    /// Inside of a transaction.
    pub async fn delete_all(&self) -> Result<()> {
        let ctx = self.host.ctx();
        if ctx.storage(|db| Ok(db.depth()))? > 0 {
            return Err(Error::JsError(NOT_IN_TRANSACTION.to_owned()));
        }
        ctx.storage(|db| db.delete_all())?;
        Ok(ctx.delete_alarm()?)
    }

    /// All keys with their values, in the order of the keys' bytes. They are held in memory all at once.
    ///
    /// # Errors
    /// When they are too many; [`list_with_options`](Self::list_with_options) gives a part of them.
    pub async fn list(&self) -> Result<StorageMap> {
        self.kv().list()
    }

    /// Those keys that the options let through, with their values, in the order of the keys' bytes.
    ///
    /// # Errors
    /// When the options contradict each other, or the keys are too many.
    pub async fn list_with_options(&self, opts: ListOptions<'_>) -> Result<StorageMap> {
        self.kv().list_with_options(opts)
    }

    /// When the alarm is set for, in milliseconds since 1970. None while its handler runs, unless that has set it
    /// again.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn get_alarm(&self) -> Result<Option<i64>> {
        let at = self.host.ctx().alarm()?;
        Ok(at.map(|at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Like [`get_alarm`](Self::get_alarm): the options change nothing here.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn get_alarm_with_options(&self, options: GetAlarmOptions) -> Result<Option<i64>> {
        let _ = options;
        self.get_alarm().await
    }

    /// Sets the one alarm of the object, instead of one that was set before. At that time, or at once when it has
    /// passed, [`DurableObject::alarm`](crate::DurableObject::alarm) is called, also if the object sleeps then or the
    /// server was started anew. It is called again when it fails.
    ///
    /// ```
    /// # use worker::*;
    /// # async fn example(storage: Storage) -> Result<()> {
    /// storage.set_alarm(std::time::Duration::from_secs(60)).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the time is not after 1970, or is after 2189.
    pub async fn set_alarm(&self, scheduled_time: impl Into<ScheduledTime>) -> Result<()> {
        let at = scheduled_time.into().millis()?;
        Ok(self.host.ctx().set_alarm(Time::from_millis(at))?)
    }

    /// Like [`set_alarm`](Self::set_alarm): the options change nothing here.
    ///
    /// # Errors
    /// As with [`set_alarm`](Self::set_alarm).
    pub async fn set_alarm_with_options(
        &self,
        scheduled_time: impl Into<ScheduledTime>,
        options: SetAlarmOptions,
    ) -> Result<()> {
        let _ = options;
        self.set_alarm(scheduled_time).await
    }

    /// Takes the alarm away. A handler that runs goes on.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn delete_alarm(&self) -> Result<()> {
        Ok(self.host.ctx().delete_alarm()?)
    }

    /// Like [`delete_alarm`](Self::delete_alarm): the options change nothing here.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn delete_alarm_with_options(&self, options: SetAlarmOptions) -> Result<()> {
        let _ = options;
        self.delete_alarm().await
    }

    /// Runs `closure` as one transaction: what it writes, by whatever way, is kept when it succeeds and forgotten when
    /// it fails. It may await anything; meanwhile nothing else happens to the object, as in
    /// [`block_concurrency_while`](crate::State::block_concurrency_while). Transactions nest.
    ///
    /// ```
    /// # use worker::*;
    /// # async fn example(storage: Storage) -> Result<()> {
    /// storage
    ///     .transaction(|txn| async move {
    ///         let balance: i64 = txn.get("balance").await?;
    ///         if balance < 10 {
    ///             return Err("too little".into());
    ///         }
    ///         txn.put("balance", balance - 10).await
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// That of `closure`, which the object survives; and when transactions are nested too deeply. A closure that takes
    /// longer than 30 seconds costs the object its memory, and what the closure wrote.
    ///
    /// # Cancel safety
    /// Once it has begun, the transaction goes on when the returned future is dropped.
    pub async fn transaction<F, Fut>(&self, closure: F) -> Result<()>
    where
        F: FnOnce(Transaction) -> Fut + 'static,
        Fut: Future<Output = Result<()>> + 'static,
    {
        transaction::run(&self.host, closure).await
    }

    /// Runs `closure` as one transaction, without `async`, as in JavaScript: what it writes is kept when it succeeds
    /// and forgotten when it fails.
    ///
    /// ```
    /// # use worker::*;
    /// # fn example(storage: Storage) -> Result<u32> {
    /// storage.transaction_sync(|| {
    ///     let next = storage.kv().get("next")?.unwrap_or(0) + 1;
    ///     storage.kv().put("next", next)?;
    ///     storage.sql().exec("INSERT INTO jobs (id) VALUES (?)", vec![next.into()])?;
    ///     Ok(next as u32)
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    /// That of `closure`; and when transactions are nested too deeply.
    pub fn transaction_sync<T>(&self, closure: impl FnOnce() -> Result<T>) -> Result<T> {
        transaction::run_sync(&self.host, closure)
    }

    /// Waits until everything written so far is safe on the disk. Responses and messages wait by themselves.
    ///
    /// # Errors
    /// Never yet: when writes are lost, the object is reset before anyone could see an error here.
    pub async fn sync(&self) -> Result<()> {
        self.host.ctx().synced().await;
        Ok(())
    }
}
