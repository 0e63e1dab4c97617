//! The data folder of a node: where each object's database is, and who may touch its files.
//!
//! ```text
//! DATA/lock                                held while a node runs
//! DATA/registry.sqlite                     which objects there are, when alarms are due
//! DATA/journal/NUMBER.log                  commits that are not in their databases yet
//! DATA/objects/CLASS/XX/REST.sqlite        one database an object; its id is XX and REST
//! ```
//!
//! Invariant: the folder is one process's, and the files of an object are one user's of them at a time: `store::claims`
//! says whose.

mod claims;
pub(crate) mod folder;
mod tuning;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use dormouse_storage::db::wal_path;
use dormouse_storage::file::{Disk, FileSystem, Open};
use dormouse_storage::registry::{Entry, Registry};
use dormouse_storage::{Db, Error, Vfs};

use crate::commit_log::{CommitLog, Facts, ObjectKey, Ticket};
use crate::journal::recover::{RecoverError, Recovered, recover};
use crate::journal::{Journal, Segment};
use crate::keeper::{Keeper, KeeperInbox, Question, Rebuilding};
use crate::limits::STATEMENT_TIME_MAX;
use crate::node::Handle;

pub(crate) use self::claims::{Claim, Claims, Holder, Known};
use self::folder::{lock_folder, make_durable, path, remove_files};
pub use self::tuning::Tuning;

/// The file of the registry in a data folder: where it is, there is one.
pub const REGISTRY: &str = "registry.sqlite";

/// When a write counts as safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it survives a power loss.
    #[default]
    Strict,
    /// When it survives the death of the process.
    Relaxed,
}

/// What an operator can set for the data of a node.
#[derive(Clone)]
pub struct Options {
    /// The folder; without one, objects have no storage.
    pub data: Option<PathBuf>,
    /// When a write counts as safe.
    pub durability: Durability,
    /// The file layer, which tests exchange.
    pub files: Arc<dyn FileSystem>,
    /// Sizes and times, which tests make tiny.
    pub tuning: Tuning,
}

impl Default for Options {
    fn default() -> Self {
        Self { data: None, durability: Durability::default(), files: Arc::new(Disk), tuning: Tuning::default() }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("data", &self.data).field("durability", &self.durability).finish()
    }
}

/// The data of a node.
pub(crate) struct Store {
    folder: PathBuf,
    vfs: Vfs,
    durability: Durability,
    tuning: Tuning,
    claims: Arc<Claims>,
    journal: Arc<Journal>,
    inbox: Arc<KeeperInbox>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// What the keeper will start with.
    idle: Mutex<Option<Idle>>,
    /// Locked for as long as the folder is in use.
    lock: std::fs::File,
}

struct Idle {
    registry: Registry,
    segments: Vec<Segment>,
    is_complete: bool,
    facts: HashMap<ObjectKey, Facts>,
    closed: Vec<ObjectKey>,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refuses it.
    #[error("cannot use the data folder {}: {source}", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("the data folder {} is in use by another process; stop that one, or give this one another folder (--data)", .0.display())]
    InUse(PathBuf),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] RecoverError),
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] Error),
}

impl Store {
    /// Opens a data folder; makes it when it is not there. What a journal holds is done once more.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used, or what is in it is damaged so that it is not known whose it is.
    pub(crate) fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { folder: folder.into(), source };
        let files = options.files.clone();
        let lock = lock_folder(folder)?;
        make_durable(&*files, folder).map_err(io)?;
        let vfs = Vfs::new(files.clone()).map_err(io)?;
        let journal_folder = folder.join("journal");
        let Recovered { start, segments, mut facts, deleted, refused } = recover(&*files, folder, &journal_folder)?;
        let begin = |registry: &mut Registry| begin_registry(registry, &deleted, &refused);
        let (registry, is_complete, refused) = open_registry(&vfs, folder, &begin)?;
        // What the registry says of these is that they are refused.
        facts.retain(|key, _| !refused.contains_key(key));
        let claims = Arc::new(Claims::default());
        for entry in registry.refused()? {
            let key = ObjectKey { class: entry.class.into(), id: entry.id };
            claims.refuse(&key, entry.refused.unwrap_or_default());
        }
        let facts = facts.into_iter().filter(|(key, _)| claims.why_refused(key).is_none()).collect();
        claims.begin_with(start.logs.iter());
        let closed = start.logs.keys().cloned().collect();
        let inbox = Arc::new(KeeperInbox::default());
        let (journal, thread) =
            Journal::start(files, journal_folder, options.durability, options.tuning, inbox.clone(), start)
                .map_err(io)?;
        Ok(Self {
            folder: folder.into(),
            vfs,
            durability: options.durability,
            tuning: options.tuning,
            claims,
            journal: Arc::new(journal),
            inbox,
            threads: Mutex::new(vec![thread]),
            idle: Mutex::new(Some(Idle { registry, is_complete, segments, facts, closed })),
            lock,
        })
    }

    /// Starts the keeper.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub(crate) fn start_keeper(&self, node: Handle) -> io::Result<()> {
        let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let now = Instant::now();
        let mut keeper = Keeper {
            inbox: self.inbox.clone(),
            folder: self.folder.clone(),
            vfs: self.vfs.clone(),
            claims: self.claims.clone(),
            journal: self.journal.clone(),
            tuning: self.tuning,
            registry: idle.registry,
            node,
            facts: HashMap::new(),
            gathers_since: None,
            closed: idle.closed.into_iter().map(|key| (now, key)).collect(),
            sealed: idle.segments.into(),
            retiring: None,
            pauses_until: None,
            fired: HashMap::new(),
            again: VecDeque::new(),
            rebuilding: (!idle.is_complete).then(Rebuilding::default),
            next_alarm: None,
        };
        if !idle.facts.is_empty() {
            keeper.gathers_since = Some(now);
            keeper.facts.extend(idle.facts);
        }
        let thread = std::thread::Builder::new().name("keeper".into()).spawn(move || keeper.run())?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Ends the threads, after they have written what they were given, and leaves the folder to others. The keeper ends
    /// the journal, when it needs it no more.
    pub(crate) fn stop(&self) {
        self.inbox.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads.into_iter().rev() {
            if thread.join().is_err() {
                tracing::error!("a thread of the storage ended with a panic");
            }
            // For when there is no keeper, or it ended before its time.
            self.journal.stop();
        }
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the data folder stays locked until the process ends");
        }
    }

    pub(crate) fn tuning(&self) -> &Tuning {
        &self.tuning
    }

    pub(crate) fn log(&self) -> &dyn CommitLog {
        &*self.journal
    }

    /// Asks the registry something, on the keeper's thread.
    pub(crate) fn ask(&self, question: Question) {
        self.inbox.ask(question);
    }

    /// The database of an object.
    pub(crate) fn path(&self, key: &ObjectKey) -> PathBuf {
        path(&self.folder, key)
    }

    /// A host has closed the files. The keeper looks at those that have a log, or were made for nothing.
    pub(crate) fn release(&self, key: &ObjectKey, known: Known, is_blank: bool) {
        if self.claims.release(key, known, is_blank) {
            self.inbox.closed(key);
        }
    }

    /// Opens the database of an object, whose files are the caller's. An error may be all that is known afterwards.
    pub(crate) fn open_db(&self, key: &ObjectKey, name: Option<&str>, known: &mut Known) -> Result<Db, Error> {
        if let Some(what) = self.claims.why_refused(key) {
            return Err(Error::Damaged { path: self.path(key), what });
        }
        let mut db = Db::open(&self.vfs, &self.path(key), name, known.log())?;
        if !known.is_all_of(&db) {
            // Commits of a process that died before they were durable: nobody was told of them, but what comes now builds
            // on them.
            note_found(&*self.journal, key, &db)?;
            let must_fold = self.durability == Durability::Strict || *known == Known::Unfinished;
            if must_fold && !self.fold(key, &mut db)? {
                *known = Known::Unfinished;
                let what = "what its log holds could not be written into it yet".to_owned();
                return Err(Error::Disk { path: self.path(key), what });
            }
        }
        Ok(db)
    }

    /// Stops the statements of a guest that hold its shard for too long. The result is to be told when a call of the guest
    /// begins.
    pub(crate) fn limit_statements(&self, db: &mut Db, node: &Handle) -> Result<Arc<AtomicU64>, Error> {
        let began = Arc::new(AtomicU64::new(u64::MAX));
        let (since, node) = (began.clone(), node.clone());
        let limit = u64::try_from(STATEMENT_TIME_MAX.as_millis()).unwrap_or(u64::MAX);
        db.set_interrupt(Some(Box::new(move || node.now_ms().saturating_sub(since.load(Ordering::Relaxed)) > limit)))?;
        Ok(began)
    }

    /// Makes all that the log of a database holds durable without the journal, and writes it into the database. False
    /// when it is durable, and could not be written there: the database must be closed then, and is
    /// [`Known::Unfinished`].
    ///
    /// # Errors
    ///
    /// When it could not be made durable. The database is as it was.
    pub(crate) fn fold(&self, key: &ObjectKey, db: &mut Db) -> Result<bool, Error> {
        let mut is_durable = false;
        if self.journal.doubts(key) {
            db.rewrite_log()?;
        }
        let result = db.checkpoint(|| {
            self.journal.trim(key).map_err(|error| Error::Disk { path: self.path(key), what: error.to_string() })?;
            is_durable = true;
            Ok(())
        });
        match result {
            Ok(()) => {
                self.journal.note_emptied(key);
                Ok(true)
            }
            Err(error) if is_durable => {
                tracing::warn!(%error, "a log could not be written into its database; it stays");
                Ok(false)
            }
            Err(error) => {
                self.journal.doubt(key);
                Err(error)
            }
        }
    }

    /// Whose the files of objects are.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Gives back files that were lent.
    pub(crate) fn give_back(&self, key: &ObjectKey, known: Known) {
        self.claims.free(key, known);
        if !known.is_empty() {
            self.inbox.closed(key);
        }
    }

    /// Whether an object has a database.
    pub(crate) fn has_files(&self, key: &ObjectKey) -> io::Result<bool> {
        self.vfs.files().exists(&self.path(key))
    }

    /// Bytes that the files of an object take.
    pub(crate) fn size(&self, key: &ObjectKey) -> io::Result<u64> {
        let path = self.path(key);
        let mut size = 0;
        for path in [wal_path(&path), path] {
            size += match self.vfs.files().open(&path, Open::Existing) {
                Ok(file) => file.len()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                Err(error) => return Err(error),
            };
        }
        Ok(size)
    }

    /// Deletes an object whose files are the caller's, on the keeper's thread: so that it cannot retire the segment that
    /// says so before all is done.
    pub(crate) fn erase(&self, key: &ObjectKey, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let (journal, vfs, path, key) = (self.journal.clone(), self.vfs.clone(), self.path(key), key.clone());
        self.claims.refused().remove(&key);
        self.ask(Box::new(move |registry| done(erase(&journal, &**vfs.files(), registry, &path, &key))));
    }

    /// The keeper is to write the log of an open database into the database, and gives it back to the waiter.
    pub(crate) fn checkpoint(&self, key: ObjectKey, db: Box<Db>, waiter: Ticket) {
        self.inbox.checkpoint(key, db, waiter);
    }

    /// Cuts the write-ahead log of an object, which is closed, to so many bytes.
    pub(crate) fn cut_log(&self, key: &ObjectKey, len: u64) -> io::Result<()> {
        let files = self.vfs.files();
        let path = wal_path(&self.path(key));
        if !files.exists(&path)? {
            return Ok(());
        }
        let file = files.open(&path, Open::Existing)?;
        if file.len()? > len {
            file.set_len(len)?;
        }
        // What was cut off must not come back, in front of or behind what is written next.
        file.sync().inspect_err(|_| self.journal.doubt(key))
    }

    /// The alarm of an object is still due, or may be: its run was lost, or it could not be run.
    pub(crate) fn fire_again(&self, key: &ObjectKey) {
        self.inbox.fire_again(key);
    }

    /// The registry is to know this of an object.
    pub(crate) fn note(&self, key: &ObjectKey, facts: Facts) {
        self.inbox.note_all(std::iter::once((key.clone(), facts)));
    }
}

/// Tells the journal, and so the registry, what a database says of itself that may hold commits that neither has heard of.
pub(crate) fn note_found(log: &dyn CommitLog, key: &ObjectKey, db: &Db) -> Result<(), Error> {
    log.note(key, facts_of(db)?).map_err(|error| Error::Disk { path: db.path().into(), what: error.to_string() })
}

/// What a database says of itself that the registry must know.
pub(crate) fn facts_of(db: &Db) -> Result<Facts, Error> {
    Ok(Facts { name: db.stored_name()?.map(Into::into), alarm_due_ms: db.alarm()?.map(|alarm| alarm.due_ms) })
}

/// What the registry keeps of an object that cannot be served.
pub(crate) fn refusal(key: &ObjectKey, name: Option<String>, why: &str) -> Entry {
    Entry { class: key.class.to_string(), id: key.id, name, alarm_due_ms: None, refused: Some(why.to_owned()) }
}

/// Deletes an object. A crash at any moment leaves all of it or nothing: from the first step on it is deleted, and the
/// others are done once more at the start.
pub(crate) fn erase(
    journal: &Journal,
    files: &dyn FileSystem,
    registry: &mut Registry,
    path: &Path,
    key: &ObjectKey,
) -> Result<(), Error> {
    let error = |error: io::Error| Error::Disk { path: path.into(), what: error.to_string() };
    journal.delete(key).map_err(error)?;
    remove_files(files, path).map_err(error)?;
    registry.remove(&key.class, &key.id)
}

/// Tells the registry what the journal said, and asks it which objects cannot be served.
fn begin_registry(
    registry: &mut Registry,
    deleted: &HashSet<ObjectKey>,
    refused: &HashMap<ObjectKey, String>,
) -> Result<HashMap<ObjectKey, String>, Error> {
    for key in deleted {
        registry.remove(&key.class, &key.id)?;
    }
    registry.put(refused.iter().map(|(key, why)| Entry {
        class: key.class.to_string(),
        id: key.id,
        name: None,
        alarm_due_ms: None,
        refused: Some(why.clone()),
    }))?;
    let refusals = registry.refused()?.into_iter();
    let key = |entry: Entry| (ObjectKey { class: entry.class.into(), id: entry.id }, entry.refused.unwrap_or_default());
    Ok(refusals.map(key).collect())
}

/// Opens the registry and begins with it, and tells whether it is complete. One that is lost or damaged is empty now, and
/// is made again by the keeper.
///
/// It is not read whole: its pages have checksums, so one that is damaged shows when it is read, and says nothing wrong
/// before ([`Registry::is_damaged`]).
fn open_registry<T>(
    vfs: &Vfs,
    folder: &Path,
    begin: &dyn Fn(&mut Registry) -> Result<T, Error>,
) -> Result<(Registry, bool, T), OpenError> {
    let open = || {
        let mut registry = Registry::open(vfs, &folder.join(REGISTRY))?;
        let begun = begin(&mut registry)?;
        Ok((registry.is_complete()?, registry, begun))
    };
    let is_begun_again = vfs
        .files()
        .exists(&folder.join(INCOMPLETE))
        .map_err(|source| OpenError::Io { folder: folder.into(), source })?;
    match open() {
        Ok((is_complete, registry, begun)) if !is_begun_again => Ok((registry, is_complete, begun)),
        Err(error) if !matches!(error, Error::Damaged { .. }) => Err(error.into()),
        _ => {
            tracing::error!("the registry is damaged, and is made again from the files of all objects");
            let mut registry = new_registry(vfs, folder)?;
            let begun = begin(&mut registry)?;
            Ok((registry, false, begun))
        }
    }
}

/// There while a registry is made in place of a damaged one: what is there of either is not complete.
const INCOMPLETE: &str = "registry.incomplete";

/// An empty registry in place of a damaged one.
pub(crate) fn new_registry(vfs: &Vfs, folder: &Path) -> Result<Registry, Error> {
    let (files, path) = (vfs.files(), folder.join(REGISTRY));
    let remove = || {
        // A database without its log could be a whole one that is out of date: first of all it is known to be no good.
        files.open(&folder.join(INCOMPLETE), Open::OrCreate)?;
        files.sync_dir(folder)?;
        files.remove(&wal_path(&path))?;
        files.remove(&path)
    };
    remove().map_err(|error| Error::Disk { path: path.clone(), what: error.to_string() })?;
    Registry::open(vfs, &path)
}

/// A registry is complete.
pub(crate) fn note_complete(files: &dyn FileSystem, folder: &Path) -> io::Result<()> {
    let path = folder.join(INCOMPLETE);
    if !files.exists(&path)? {
        return Ok(());
    }
    // The one before must not come back.
    files.sync_dir(folder)?;
    files.remove(&path)
}
