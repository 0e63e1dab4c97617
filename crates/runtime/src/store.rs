//! The data folder of a node: where each object's database is, and who may touch its files.
//!
//! ```text
//! DATA/lock                                held while a node runs
//! DATA/registry.sqlite                     which objects there are, when alarms are due
//! DATA/journal/NUMBER.log                  commits that are not in their databases yet
//! DATA/objects/CLASS/XX/REST.sqlite        one database an object; its id is XX and REST
//! ```
//!
//! Invariant: the files of an object are used by its host, by the keeper, or by whoever they are lent to, never by two of
//! them: `Claims` says whose they are. Of a database that is closed with something left in its write-ahead log, it also
//! remembers how much that is, so that a log that has become shorter meanwhile is noticed and not taken for the truth.

mod tuning;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use dormouse_storage::commit::WalRange;
use dormouse_storage::db::{sync_folders, wal_path};
use dormouse_storage::file::{Disk, FileSystem, Open, create_dir_durably};
use dormouse_storage::registry::{Entry, Registry};
use dormouse_storage::{Db, Error, Vfs};

use crate::commit_log::{CommitLog, Facts, ObjectKey, Ticket};
use crate::journal::recover::{RecoverError, Recovered, recover};
use crate::journal::{Journal, Segment};
use crate::keeper::{Keeper, KeeperInbox, Question, rebuild};
use crate::limits::STATEMENT_TIME_MAX;
use crate::node::Handle;
use crate::signals::Signal;

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

/// What is known of the write-ahead log of a database that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: this process has not seen it. If it holds something, nobody was told that this is durable.
    Nothing,
    /// It holds exactly this.
    Log(WalRange),
    /// All that it holds, if it does, belongs into the database; it must be written there before anything else.
    Unfinished,
}

/// Whose the files of an object are.
pub(crate) enum Claim {
    /// The caller's.
    Yours(Known),
    /// The keeper's. The caller is told when they are free.
    Busy,
}

/// The files of one object.
enum Files {
    /// This host has them.
    Open(Ticket),
    /// Nobody has them.
    Closed(Known),
    /// The keeper has them, and these want them.
    Kept(Vec<Ticket>),
    /// They are lent to somebody outside, and these want them.
    Lent(Vec<Ticket>),
}

type ClaimsGuard<'a> = MutexGuard<'a, HashMap<ObjectKey, Files>>;

/// Whose the files of each object are; of one that is not in the table nobody's, and its log is empty.
#[derive(Default)]
pub(crate) struct Claims {
    /// Held for a look, never while a disk is waited for.
    files: Mutex<HashMap<ObjectKey, Files>>,
    freed: Condvar,
    /// Objects whose files are damaged, and how. Held for a look too.
    refused: Mutex<HashMap<ObjectKey, String>>,
}

impl Claims {
    fn lock(&self) -> ClaimsGuard<'_> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper takes files that nobody has; `None` when somebody does, or their log is empty.
    pub(crate) fn keep(&self, key: &ObjectKey) -> Option<Known> {
        let mut files = self.lock();
        let entry = files.get_mut(key)?;
        let Files::Closed(known) = *entry else { return None };
        *entry = Files::Kept(Vec::new());
        Some(known)
    }

    /// Lends files that nobody has, and tells what is known of their log.
    pub(crate) fn lend(&self, key: &ObjectKey) -> Option<Known> {
        let mut files = self.lock();
        let known = match files.get(key) {
            None => Known::Nothing,
            Some(Files::Closed(known)) => *known,
            Some(Files::Open(_) | Files::Kept(_) | Files::Lent(_)) => return None,
        };
        files.insert(key.clone(), Files::Lent(Vec::new()));
        Some(known)
    }

    /// Waits until neither the keeper nor somebody outside has the files.
    pub(crate) fn wait(&self, key: &ObjectKey) {
        drop(self.wait_in(key, self.lock()));
    }

    fn wait_in<'a>(&'a self, key: &ObjectKey, mut files: ClaimsGuard<'a>) -> ClaimsGuard<'a> {
        while matches!(files.get(key), Some(Files::Kept(_) | Files::Lent(_))) {
            files = self.freed.wait(files).unwrap_or_else(PoisonError::into_inner);
        }
        files
    }

    /// Files that were kept or lent are given back.
    pub(crate) fn free(&self, key: &ObjectKey, known: Known) {
        let before = match known.is_empty() {
            true => self.lock().remove(key),
            false => self.lock().insert(key.clone(), Files::Closed(known)),
        };
        self.freed.notify_all();
        if let Some(Files::Kept(waiting) | Files::Lent(waiting)) = before {
            for Ticket { signals, host, .. } in waiting {
                signals.push(Signal::FilesFree(host));
            }
        }
    }

    /// Whether somebody has the files, or their log is not empty.
    pub(crate) fn has(&self, key: &ObjectKey) -> bool {
        self.lock().contains_key(key)
    }

    /// The files of an object are not what was written: it is served no more.
    pub(crate) fn refuse(&self, key: &ObjectKey, why: String) {
        self.refused().insert(key.clone(), why);
    }

    /// Why an object is not served.
    pub(crate) fn why_refused(&self, key: &ObjectKey) -> Option<String> {
        self.refused().get(key).cloned()
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<ObjectKey, String>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has the files open.
    pub(crate) fn holder(&self, key: &ObjectKey) -> Holder {
        match self.lock().get(key) {
            Some(Files::Open(host)) => Holder::Host(host.clone()),
            Some(Files::Lent(_)) => Holder::Other,
            Some(Files::Closed(_) | Files::Kept(_)) | None => Holder::Nobody,
        }
    }
}

/// Who has files open.
pub(crate) enum Holder {
    /// A host.
    Host(Ticket),
    /// Somebody outside.
    Other,
    Nobody,
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
        let (registry, refused) = open_registry(&vfs, folder, &begin)?;
        // What the registry says of these is that they are refused.
        facts.retain(|key, _| !refused.contains_key(key));
        let claims = Arc::new(Claims::default());
        for entry in registry.refused()? {
            let key = ObjectKey { class: entry.class.into(), id: entry.id };
            claims.refuse(&key, entry.refused.unwrap_or_default());
        }
        let facts = facts.into_iter().filter(|(key, _)| claims.why_refused(key).is_none()).collect();
        for (key, wal) in &start.logs {
            claims.lock().insert(key.clone(), Files::Closed(Known::Log(*wal)));
        }
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
            idle: Mutex::new(Some(Idle { registry, segments, facts, closed })),
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
            pauses_until: None,
            fired: HashMap::new(),
            again: VecDeque::new(),
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

    /// Ends the threads, after they have written what they were given, and leaves the folder to others.
    pub(crate) fn stop(&self) {
        self.journal.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for (index, thread) in threads.into_iter().enumerate() {
            if index == 1 {
                // Not before the journal has told it the last.
                self.inbox.stop();
            }
            if thread.join().is_err() {
                tracing::error!("a thread of the storage ended with a panic");
            }
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

    /// A host wants the files of its object: before a guest is built, which may use them at any time.
    pub(crate) fn claim(&self, key: &ObjectKey, waiter: &Ticket) -> Claim {
        let mut files = self.claims.lock();
        match files.get_mut(key) {
            // In the table only when they are really opened: most objects that wake store nothing.
            None | Some(Files::Open(_)) => Claim::Yours(Known::Nothing),
            Some(Files::Kept(waiting) | Files::Lent(waiting)) => {
                waiting.push(waiter.clone());
                Claim::Busy
            }
            Some(entry @ Files::Closed(_)) => match std::mem::replace(entry, Files::Open(waiter.clone())) {
                Files::Closed(known) => Claim::Yours(known),
                Files::Open(_) | Files::Kept(_) | Files::Lent(_) => Claim::Yours(Known::Nothing),
            },
        }
    }

    /// The same for a host that has a guest, and opens the files now. Waits for the keeper, which can have them only if
    /// they were closed in this very moment.
    pub(crate) fn claim_and_wait(&self, key: &ObjectKey, holder: Ticket) -> Known {
        let mut files = self.claims.wait_in(key, self.claims.lock());
        match files.insert(key.clone(), Files::Open(holder)) {
            Some(Files::Closed(known)) => known,
            Some(Files::Open(_) | Files::Kept(_) | Files::Lent(_)) | None => Known::Nothing,
        }
    }

    /// A host has closed the files. The keeper looks at those that have a log, or were made for nothing.
    pub(crate) fn release(&self, key: &ObjectKey, known: Known, is_blank: bool) {
        let mut files = self.claims.lock();
        match known {
            known if known.is_empty() && !is_blank => drop(files.remove(key)),
            known => {
                files.insert(key.clone(), Files::Closed(known));
                drop(files);
                self.inbox.closed(key);
            }
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
            Ok(()) => Ok(true),
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

impl Known {
    /// What the log holds at least, if that is known.
    pub(crate) fn log(self) -> Option<WalRange> {
        match self {
            Known::Log(wal) => Some(wal),
            Known::Nothing | Known::Unfinished => None,
        }
    }

    /// Whether there is nothing to be remembered.
    fn is_empty(self) -> bool {
        matches!(self, Known::Nothing | Known::Log(WalRange { end: 0, .. }))
    }

    /// Whether a database that was just opened holds what is known, and no more.
    pub(crate) fn is_all_of(self, db: &Db) -> bool {
        match self {
            Known::Log(wal) if wal.end > 0 => db.wal() == wal,
            Known::Log(_) | Known::Nothing => db.wal().end == 0,
            Known::Unfinished => false,
        }
    }
}

/// Tells the journal, and so the registry, what a database says of itself that may hold commits that neither has heard of.
pub(crate) fn note_found(log: &dyn CommitLog, key: &ObjectKey, db: &Db) -> Result<(), Error> {
    let facts = Facts { name: db.stored_name()?.map(Into::into), alarm_due_ms: db.alarm()?.map(|alarm| alarm.due_ms) };
    log.note(key, facts).map_err(|error| Error::Disk { path: db.path().into(), what: error.to_string() })
}

/// What the registry keeps of an object that cannot be served.
pub(crate) fn refusal(key: &ObjectKey, name: Option<String>, why: &str) -> Entry {
    Entry { class: key.class.to_string(), id: key.id, name, alarm_due_ms: None, refused: Some(why.to_owned()) }
}

/// Makes the data folder, durably. It and those above it may have been made by a process that ended before that.
fn make_durable(files: &dyn FileSystem, folder: &Path) -> io::Result<()> {
    create_dir_durably(files, folder)?;
    let mut above = folder.ancestors().skip(1);
    match above.next().map(|above| files.sync_dir(above)) {
        // A folder that is not ours to open is not one in which we made this one.
        Some(Err(error)) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
        _ => {}
    }
    for above in above {
        if let Err(error) = files.sync_dir(above) {
            tracing::debug!(path = %above.display(), %error, "a folder above the data folder cannot be synced");
        }
    }
    Ok(())
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

/// Removes a database and its log.
pub(crate) fn remove_files(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    // A log is never without its database: another one of that name would take it for its own.
    files.remove(&wal_path(path))?;
    files.remove(path)?;
    match path.parent() {
        Some(folder) if files.exists(folder)? => files.sync_dir(folder),
        _ => Ok(()),
    }
}

/// Makes a database and its log durable as they are.
pub(crate) fn sync_files(files: &dyn FileSystem, path: &Path) -> io::Result<()> {
    files.open(&wal_path(path), Open::Existing)?.sync()?;
    files.open(path, Open::Existing)?.sync()?;
    sync_folders(files, path)
}

/// The database of an object in a data folder.
pub(crate) fn path(folder: &Path, key: &ObjectKey) -> PathBuf {
    let mut name = String::with_capacity(80);
    for byte in &key.id[1..] {
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(".sqlite");
    folder.join("objects").join(class_folder(&key.class)).join(format!("{:02x}", key.id[0])).join(name)
}

/// The folder of a class: its unique key, with what a file name cannot hold in hex.
pub(crate) fn class_folder(class: &str) -> String {
    let mut folder = String::with_capacity(class.len());
    for byte in class.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => folder.push(char::from(byte)),
            byte => {
                let _ = write!(folder, "%{byte:02x}");
            }
        }
    }
    folder
}

/// The class that a folder is of.
pub(crate) fn class_of_folder(folder: &str) -> Option<String> {
    let mut class = Vec::with_capacity(folder.len());
    let mut bytes = folder.bytes();
    while let Some(byte) = bytes.next() {
        class.push(match byte {
            b'%' => hex(bytes.next()?, bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(class).ok()
}

/// The id that the name of a folder and that of a file in it spell.
pub(crate) fn id_of_name(first: &str, rest: &str) -> Option<[u8; 32]> {
    let digits = [first.as_bytes(), rest.as_bytes()].concat();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(|pair| hex(*pair.first()?, *pair.get(1)?)).collect();
    bytes?.try_into().ok()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn lock_folder(folder: &Path) -> Result<std::fs::File, OpenError> {
    let io = |source| OpenError::Io { folder: folder.into(), source };
    make_folder(folder).map_err(io)?;
    let lock = std::fs::File::create(folder.join("lock")).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(folder.into())),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Makes the data folder when it is not there: for this user alone, and for no version control.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::write(folder.join(".gitignore"), "*\n")
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

/// Opens the registry and begins with it; one that is lost or damaged is made again from the files of the objects.
fn open_registry<T>(
    vfs: &Vfs,
    folder: &Path,
    begin: &dyn Fn(&mut Registry) -> Result<T, Error>,
) -> Result<(Registry, T), OpenError> {
    let path = folder.join(REGISTRY);
    let files = vfs.files();
    let io = |source| OpenError::Io { folder: folder.into(), source };
    let open = || {
        let registry = Registry::open(vfs, &path)?;
        registry.check()?;
        Ok(registry)
    };
    let mut registry = match open() {
        Err(error @ Error::Damaged { .. }) => {
            tracing::error!(%error, "the registry is damaged, and is made again from the files of all objects");
            for file in [wal_path(&path), path.clone()] {
                files.remove(&file).map_err(io)?;
            }
            Registry::open(vfs, &path)?
        }
        opened => opened?,
    };
    // One that was just made, or whose making was cut off.
    let is_complete = registry.is_complete()?;
    if !is_complete {
        rebuild(vfs, folder, &mut registry)?;
    }
    let begun = begin(&mut registry)?;
    if !is_complete {
        registry.set_complete()?;
    }
    Ok((registry, begun))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{class_folder, class_of_folder, id_of_name, path};
    use crate::commit_log::ObjectKey;

    #[test]
    fn a_path_tells_its_object() {
        let key = ObjectKey { class: "my app/Räume.v2%".into(), id: std::array::from_fn(|at| at as u8 * 7) };
        let path = path(Path::new("data"), &key);
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        assert_eq!(parts[..3], ["data", "objects", "my%20app%2fR%c3%a4ume%2ev2%25"]);
        assert_eq!(class_of_folder(parts[2]).as_deref(), Some(&*key.class));
        assert_eq!(id_of_name(parts[3], parts[4].strip_suffix(".sqlite").unwrap()), Some(key.id));
        assert_eq!(class_folder("app-Room_1"), "app-Room_1");
        assert_eq!((class_of_folder("a%zz"), id_of_name("00", "11")), (None, None));
    }
}
