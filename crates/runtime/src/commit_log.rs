//! What makes the commits of objects durable: the seam between an object's database and whatever keeps its commits safe.
//!
//! A commit is on the disk's cache when it comes here, and safe when the log says so. Per object, commits come in the
//! order of their positions, each after the one before ([`Ticket::pos`]): a log that several nodes share refuses one that
//! does not follow, and so fences off a node that no longer owns the object. A log on one node has nobody to fence off.

use std::sync::Arc;

use dormouse_object::outbox::WritePos;
use dormouse_storage::commit::WalRange;

use crate::host::HostKey;
use crate::signals::Signals;

/// What names an object on the disk: the unique key of its class, and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectKey {
    /// The unique key of the class.
    pub(crate) class: Arc<str>,
    /// The id.
    pub(crate) id: [u8; 32],
}

/// What the registry of a node knows of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its name, if it has one.
    pub(crate) name: Option<Arc<str>>,
    /// When its alarm is due, in milliseconds since 1970.
    pub(crate) alarm_due_ms: Option<u64>,
}

/// Fills a buffer with bytes of a write-ahead log, from an offset on.
pub(crate) type ReadWal<'a> = dyn Fn(&mut [u8], u64) -> Result<(), dormouse_storage::Error> + 'a;

/// One commit of one object.
pub(crate) struct Commit<'a> {
    pub(crate) object: &'a ObjectKey,
    /// What it added to the write-ahead log of the object's database; nothing when it changed nothing.
    pub(crate) range: Option<WalRange>,
    /// Reads those bytes.
    pub(crate) read: &'a ReadWal<'a>,
    /// What the registry must know from now on, when that changes.
    pub(crate) facts: Option<Facts>,
    pub(crate) ticket: Ticket,
}

/// Whom to tell what became of a commit.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) signals: Arc<Signals>,
    pub(crate) host: HostKey,
    /// Which attempt of the host: positions are given out again after commits were lost.
    pub(crate) attempt: u32,
    /// The position of the commit: one more than that of the one before.
    pub(crate) pos: WritePos,
}

/// Whether a commit is durable already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is, and so are all before it.
    Durable,
    /// The ticket will be told.
    Later,
}

/// Makes commits durable. Shared by all shards. All but [`CommitLog::append`] wait for the disk, and are rare.
pub(crate) trait CommitLog: Send + Sync {
    /// Takes a commit that follows the object's last one.
    ///
    /// # Errors
    ///
    /// When its bytes cannot be read back. Nothing was taken then.
    fn append(&self, commit: Commit<'_>) -> Result<Appended, dormouse_storage::Error>;

    /// What the registry must know of an object. Returns when it does, or will after a crash.
    ///
    /// # Errors
    ///
    /// When it cannot be made known.
    fn note(&self, object: &ObjectKey, facts: Facts) -> std::io::Result<()>;

    /// Commits of an object were given up: its log holds only this, and was cut so, durably. Returns when that is known
    /// for good: none of them will come back. Until it is said, no commit is taken that follows one that failed.
    ///
    /// # Errors
    ///
    /// When it cannot be made known.
    fn cut(&self, object: &ObjectKey, wal: Option<WalRange>) -> std::io::Result<()>;

    /// All commits of an object so far are in its database, durably; its write-ahead log is about to be emptied. Returns
    /// when that is known for good: the bytes of the log must not be written back any more.
    ///
    /// # Errors
    ///
    /// When it cannot be made known.
    fn trim(&self, object: &ObjectKey) -> std::io::Result<()>;

    /// An object is no more. Returns when that is known for good; nothing of it comes back from then on. Waits for the
    /// disk. Whoever calls this has its files, and removes them.
    ///
    /// # Errors
    ///
    /// When it cannot be made known.
    fn delete(&self, object: &ObjectKey) -> std::io::Result<()>;
}
