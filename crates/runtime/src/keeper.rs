//! The thread that does what nobody waits for: it writes logs into databases, retires segments of the journal, keeps the
//! registry, and fires the alarms of objects that are not in memory.
//!
//! Invariant: what the registry holds is never less than what the retired segments said: it is durable before a segment
//! goes. A closed database ends up without a log, so an object that nobody uses is one file. The keeper uses only files
//! that are its own by [`Claims`], or syncs what a host has open.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dormouse_object::id::ObjectId;
use dormouse_storage::registry::{Entry, Registry};
use dormouse_storage::{Db, Error, Vfs};

use crate::commit_log::{CommitLog as _, Facts, ObjectKey, Ticket};
use crate::journal::{Journal, Segment};
use crate::limits::ALARMS_AT_ONCE_MAX;
use crate::node::Handle;
use crate::shard::Post;
use crate::signals::Signal;
use crate::store::{self, Claims, Holder, Known, Tuning, folder};

/// How long the alarms of a shard wait that has too much to do.
const ALARM_PAUSE_MS: u64 = 50;

/// How often it is tried in a row to have an object's commits in its own files.
const SAVE_TRIES: usize = 3;

/// How long an alarm waits that could not run because the disk failed.
const ALARM_AGAIN_DELAY: Duration = Duration::from_secs(1);

/// What the keeper is told.
#[derive(Default)]
pub(crate) struct KeeperInbox {
    /// Held for a copy, never while a disk is waited for.
    news: Mutex<News>,
    changed: Condvar,
}

/// Bounded by what exists: an object stands in each list once, and a segment too.
#[derive(Default)]
struct News {
    facts: HashMap<ObjectKey, Facts>,
    closed: Vec<ObjectKey>,
    again: Vec<ObjectKey>,
    checkpoints: Vec<(ObjectKey, Box<Db>, Ticket)>,
    sealed: Vec<Segment>,
    questions: Vec<Question>,
    wants_spare: bool,
    stops: bool,
    /// Whether nobody is there any more to be told.
    has_ended: bool,
}

/// Something that only the registry can answer.
pub(crate) type Question = Box<dyn FnOnce(&mut Registry) + Send>;

impl KeeperInbox {
    fn lock(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, tell: impl FnOnce(&mut News)) {
        tell(&mut self.lock());
        self.changed.notify_one();
    }

    pub(crate) fn note_all(&self, facts: impl Iterator<Item = (ObjectKey, Facts)>) {
        let mut facts = facts.peekable();
        if facts.peek().is_some() {
            self.tell(|news| news.facts.extend(facts));
        }
    }

    pub(crate) fn sealed(&self, segment: Segment) {
        self.tell(|news| news.sealed.push(segment));
    }

    /// The journal has no segment in reserve.
    pub(crate) fn want_spare(&self) {
        self.tell(|news| news.wants_spare = true);
    }

    pub(crate) fn closed(&self, key: &ObjectKey) {
        self.tell(|news| news.closed.push(key.clone()));
    }

    /// An alarm was handed to its shard, and has not run.
    pub(crate) fn fire_again(&self, key: &ObjectKey) {
        self.tell(|news| news.again.push(key.clone()));
    }

    pub(crate) fn checkpoint(&self, key: ObjectKey, db: Box<Db>, waiter: Ticket) {
        self.tell(|news| news.checkpoints.push((key, db, waiter)));
    }

    /// A question that comes too late is dropped.
    pub(crate) fn ask(&self, question: Question) {
        self.tell(|news| {
            if !news.has_ended {
                news.questions.push(question);
            }
        });
    }

    pub(crate) fn stop(&self) {
        self.tell(|news| news.stops = true);
    }
}

/// The thread's own.
pub(crate) struct Keeper {
    pub(crate) inbox: Arc<KeeperInbox>,
    pub(crate) folder: PathBuf,
    pub(crate) vfs: Vfs,
    pub(crate) claims: Arc<Claims>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tuning: Tuning,
    pub(crate) registry: Registry,
    pub(crate) node: Handle,
    /// News for the registry, and since when they gather.
    pub(crate) facts: HashMap<ObjectKey, Facts>,
    pub(crate) gathers_since: Option<Instant>,
    /// Databases that were closed with something in their log.
    pub(crate) closed: VecDeque<(Instant, ObjectKey)>,
    /// Segments to be retired, the oldest first.
    pub(crate) sealed: VecDeque<Segment>,
    /// Until when no segment is retired, after one could not be.
    pub(crate) pauses_until: Option<Instant>,
    /// Alarms that were handed to their shards, and when they had been due.
    pub(crate) fired: HashMap<ObjectKey, u64>,
    /// Those of them that could not run, and are fired once more when a while has passed since.
    pub(crate) again: VecDeque<(Instant, ObjectKey)>,
    /// When the next alarm of an object that is not in memory may be due; unknown after the registry has changed.
    pub(crate) next_alarm: Option<Option<u64>>,
}

impl Keeper {
    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let news = self.wait();
            let stops = news.stops;
            self.take(news);
            if stops {
                return self.end();
            }
            while let Some((_, key)) = self.again.pop_front_if(|(at, _)| at.elapsed() >= ALARM_AGAIN_DELAY) {
                self.fired.remove(&key);
                self.next_alarm = None;
            }
            self.fire_alarms();
            if self.gathers_since.is_some_and(|since| since.elapsed() >= self.tuning.registry_delay) {
                self.write_registry();
            }
            if self.retire_in() == Some(Duration::ZERO) {
                self.retire_segment();
            } else if let Some((_, key)) =
                self.closed.pop_front_if(|(at, _)| at.elapsed() >= self.tuning.checkpoint_delay)
            {
                self.checkpoint_closed(&key);
            }
        }
    }

    /// How long until a segment is to be retired, if one is.
    fn retire_in(&self) -> Option<Duration> {
        let is_due = self.sealed.len() > self.tuning.segments_kept;
        let now = Instant::now();
        is_due.then(|| self.pauses_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now)))
    }

    /// What there is to know; waits when there is nothing to do.
    fn wait(&mut self) -> News {
        let patience = self.patience();
        let mut news = self.inbox.lock();
        if news.is_empty() && !patience.is_zero() {
            let waited = self.inbox.changed.wait_timeout(news, patience);
            news = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        mem::take(&mut *news)
    }

    /// How long there is nothing to do, if nothing comes.
    fn patience(&mut self) -> Duration {
        const LONG: Duration = Duration::from_secs(60);
        let retire = self.retire_in();
        let registry = self
            .gathers_since
            .map(|since| (since + self.tuning.registry_delay).saturating_duration_since(Instant::now()));
        let closed = self
            .closed
            .front()
            .map(|(at, _)| (*at + self.tuning.checkpoint_delay).saturating_duration_since(Instant::now()));
        let again =
            self.again.front().map(|(at, _)| (*at + ALARM_AGAIN_DELAY).saturating_duration_since(Instant::now()));
        let alarm = self.next_alarm().map(|due| Duration::from_millis(due.saturating_sub(self.node.now_ms())));
        [retire, registry, closed, again, alarm].into_iter().flatten().min().map_or(LONG, |wait| wait.min(LONG))
    }

    fn take(&mut self, news: News) {
        for (key, facts) in news.facts {
            self.fired.remove(&key);
            self.gathers_since.get_or_insert_with(Instant::now);
            if let (Some(next), Some(due)) = (&mut self.next_alarm, facts.alarm_due_ms) {
                *next = Some(next.map_or(due, |next| next.min(due)));
            }
            self.facts.insert(key, facts);
        }
        let now = Instant::now();
        self.closed.extend(news.closed.into_iter().map(|key| (now, key)));
        self.again.extend(news.again.into_iter().map(|key| (now, key)));
        self.sealed.extend(news.sealed);
        for (key, db, waiter) in news.checkpoints {
            self.checkpoint_open(&key, db, &waiter);
        }
        if news.wants_spare
            && let Err(error) = self.journal.make_spare()
        {
            tracing::warn!(%error, "no segment of the journal could be made in advance");
        }
        if !news.questions.is_empty() {
            self.write_registry();
        }
        for question in news.questions {
            question(&mut self.registry);
            self.next_alarm = None;
        }
    }

    /// The last that is done: everything is on its way to the disk, and what is not done is done at the next start.
    fn end(mut self) {
        self.write_registry();
        if let Err(error) = self.registry.sync() {
            tracing::warn!(%error, "the registry could not be synced");
        }
        let late = mem::replace(&mut *self.inbox.lock(), News { has_ended: true, ..News::default() });
        drop(late);
    }
}

impl News {
    fn is_empty(&self) -> bool {
        let lists =
            self.closed.is_empty() && self.again.is_empty() && self.checkpoints.is_empty() && self.sealed.is_empty();
        lists && self.facts.is_empty() && self.questions.is_empty() && !self.wants_spare && !self.stops
    }
}

/// Databases.
impl Keeper {
    /// Writes the log of a database into it. With an error comes whether the journal was told of it: then the database
    /// must be closed.
    fn checkpoint(&self, key: &ObjectKey, db: &mut Db) -> Result<(), (bool, Error)> {
        let path = folder::path(&self.folder, key);
        if self.journal.doubts(key) {
            db.rewrite_log().map_err(|error| (false, error))?;
        }
        let mut was_told = false;
        let result = db.checkpoint(|| {
            self.journal.trim(key).map_err(|error| disk_error(&path, &error))?;
            was_told = true;
            Ok(())
        });
        result.map_err(|error| {
            self.journal.doubt(key);
            (was_told, error)
        })
    }

    fn checkpoint_open(&self, key: &ObjectKey, mut db: Box<Db>, waiter: &Ticket) {
        let (result, error) = match self.checkpoint(key, &mut db) {
            Ok(()) => (Ok(()), None),
            Err((true, error)) => (Err(Known::Unfinished), Some(error)),
            Err((false, error)) => (Ok(()), Some(error)),
        };
        if let Some(error) = error {
            tracing::warn!(%error, "a log could not be written into its database; it stays, and grows");
        }
        waiter.signals.push(Signal::Checkpointed(waiter.host, db, result));
    }

    /// Writes the log of a database into it that nobody has open; one that holds nothing goes. False when that is still to
    /// be done.
    fn checkpoint_closed(&mut self, key: &ObjectKey) -> bool {
        let Some(mut known) = self.claims.keep(key) else { return !self.claims.has(key) };
        let is_done = match self.checkpoint_kept(key, &mut known) {
            Ok(()) => true,
            Err(Error::Damaged { what, .. }) => {
                known = Known::Nothing;
                self.refuse(key, &what)
            }
            Err(error) => {
                tracing::error!(%error, "a log could not be written into its database");
                false
            }
        };
        self.claims.free(key, known);
        is_done
    }

    fn checkpoint_kept(&mut self, key: &ObjectKey, known: &mut Known) -> Result<(), Error> {
        let path = folder::path(&self.folder, key);
        let mut db = Db::open(&self.vfs, &path, None, known.log())?;
        if !known.is_all_of(&db) {
            store::note_found(&*self.journal, key, &db)?;
        }
        self.checkpoint(key, &mut db).map_err(|(was_told, error)| {
            if was_told {
                *known = Known::Unfinished;
            }
            error
        })?;
        *known = Known::Nothing;
        if db.is_bare()? {
            let is_blank = db.is_blank();
            drop(db);
            self.erase(key, &path, is_blank)?;
        }
        Ok(())
    }

    /// The files of an object are not what was written. All others are served, so the journal does not wait for them.
    fn refuse(&mut self, key: &ObjectKey, why: &str) -> bool {
        tracing::error!(path = %folder::path(&self.folder, key).display(), why, "an object is served no more");
        self.claims.refuse(key, why.to_owned());
        let name = self.facts.remove(key).and_then(|facts| facts.name).map(|name| name.to_string());
        match self.registry.put([store::refusal(key, name, why)]) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the registry could not be written");
                false
            }
        }
    }

    /// Removes a database that holds nothing.
    fn erase(&mut self, key: &ObjectKey, path: &Path, is_blank: bool) -> Result<(), Error> {
        self.write_registry();
        let files = self.vfs.files();
        if is_blank && self.facts.is_empty() && self.registry.get(&key.class, &key.id)?.is_none() {
            // It was made for somebody who looked for something: nothing else knows of it.
            return folder::remove_files(&**files, path).map_err(|error| disk_error(path, &error));
        }
        self.next_alarm = None;
        store::erase(&self.journal, &**files, &mut self.registry, path, key)
    }

    /// Makes sure that all of the oldest segment is in the files of its objects, and lets it go.
    fn retire_segment(&mut self) {
        let Some(segment) = self.sealed.pop_front() else { return };
        let mut is_done = true;
        for key in &segment.objects {
            is_done &= (0..SAVE_TRIES).any(|_| self.save(key));
        }
        self.write_registry();
        let retired = match is_done && self.facts.is_empty() {
            true => self.registry.sync().map_err(io::Error::other).and_then(|()| self.journal.retire(&segment)),
            false => Err(io::Error::other("not all of it is safe elsewhere")),
        };
        if let Err(error) = retired {
            tracing::error!(path = %segment.path.display(), %error, "a segment of the journal has to stay");
            self.sealed.push_front(segment);
            self.journal.note_stuck();
            // The disk is not asked all the time.
            self.pauses_until = Some(Instant::now() + self.tuning.registry_delay);
        }
    }

    /// Makes sure that all of an object is in its own files. False when that is still to be done, which may be because
    /// they were opened or closed in this moment.
    fn save(&mut self, key: &ObjectKey) -> bool {
        match self.claims.holder(key) {
            Holder::Host(host) => self.sync_open(key, Some(&host)),
            Holder::Other => self.sync_open(key, None),
            Holder::Nobody => self.checkpoint_closed(key),
        }
    }

    /// Makes the log of a database durable that a host has open, or somebody outside. False when that is still to be done.
    fn sync_open(&self, key: &ObjectKey, host: Option<&Ticket>) -> bool {
        let Some(wal) = self.journal.log_of(key) else { return true };
        if self.journal.doubts(key) {
            if let Some(host) = host {
                host.signals.push(Signal::Tidy(host.host));
            }
            return false;
        }
        let path = folder::path(&self.folder, key);
        let synced = folder::sync_files(&**self.vfs.files(), &path).and_then(|()| self.journal.note_synced(key, wal));
        match synced {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a log could not be synced");
                self.journal.doubt(key);
                false
            }
        }
    }
}

/// The registry and its alarms.
impl Keeper {
    /// Writes what has gathered.
    fn write_registry(&mut self) {
        self.gathers_since = None;
        if self.facts.is_empty() {
            return;
        }
        let entries = self.facts.iter().map(|(key, facts)| {
            let name = facts.name.as_deref().map(str::to_owned);
            match self.claims.why_refused(key) {
                Some(why) => store::refusal(key, name, &why),
                None => Entry {
                    class: key.class.to_string(),
                    id: key.id,
                    name,
                    alarm_due_ms: facts.alarm_due_ms,
                    refused: None,
                },
            }
        });
        match self.registry.put(entries) {
            Ok(()) => self.facts.clear(),
            Err(error) => {
                tracing::error!(%error, "the registry could not be written");
                self.gathers_since = Some(Instant::now());
            }
        }
        self.next_alarm = None;
    }

    /// When the next alarm is due that was not fired.
    fn next_alarm(&mut self) -> Option<u64> {
        if let Some(next) = self.next_alarm {
            return next;
        }
        // One more than were fired, or are in the registry as they were before: so one is neither, if there is one.
        let limit = self.fired.len() + self.facts.len() + 1;
        let stored = match self.registry.due(u64::MAX, limit) {
            Ok(entries) => entries.into_iter().find_map(|entry| self.not_fired(entry)).map(|(_, _, due)| due),
            Err(error) => {
                tracing::error!(%error, "the registry cannot tell the next alarm");
                Some(self.node.now_ms() + 1_000)
            }
        };
        let gathering = self.gathering().map(|(_, _, due)| due).min();
        let next = [stored, gathering].into_iter().flatten().min();
        self.next_alarm = Some(next);
        next
    }

    /// An alarm of the registry, unless it was fired or there is news of it.
    fn not_fired(&self, entry: Entry) -> Option<(ObjectKey, Option<Arc<str>>, u64)> {
        let due = entry.alarm_due_ms.filter(|_| entry.refused.is_none())?;
        let key = ObjectKey { class: entry.class.into(), id: entry.id };
        let is_open = !self.facts.contains_key(&key) && self.fired.get(&key) != Some(&due);
        is_open.then(|| (key, entry.name.map(Into::into), due))
    }

    /// Alarms that the registry does not know yet, and that were not fired: they do not wait for a disk that fails.
    fn gathering(&self) -> impl Iterator<Item = (ObjectKey, Option<Arc<str>>, u64)> + '_ {
        self.facts.iter().filter_map(|(key, facts)| {
            let due = facts.alarm_due_ms.filter(|due| self.fired.get(key) != Some(due))?;
            Some((key.clone(), facts.name.clone(), due))
        })
    }

    /// Hands the alarms that are due to the shards of their objects.
    fn fire_alarms(&mut self) {
        let now = self.node.now_ms();
        if self.next_alarm().is_none_or(|due| due > now) {
            return;
        }
        self.write_registry();
        let limit = ALARMS_AT_ONCE_MAX + self.fired.len() + self.facts.len();
        let stored = self.registry.due(now, limit).unwrap_or_else(|error| {
            tracing::error!(%error, "the registry cannot tell which alarms are due");
            Vec::new()
        });
        self.next_alarm = None;
        let stored = stored.into_iter().filter_map(|entry| self.not_fired(entry));
        let gathering = self.gathering().filter(|(_, _, due)| *due <= now).take(ALARMS_AT_ONCE_MAX);
        let due: Vec<_> = stored.chain(gathering).collect();
        for (key, name, due) in due {
            let id = ObjectId::stored(key.id, name);
            let posted = match self.node.class_of(&key.class) {
                Some(class) => self.node.post(self.node.shard_of(&id), Post::Alarm(class, id)).is_ok(),
                None => {
                    tracing::warn!(
                        class = &*key.class,
                        "an alarm is due of a class that the application does not have"
                    );
                    true
                }
            };
            if !posted {
                // The shard has more to do than it can: the alarm waits a moment.
                self.next_alarm = Some(Some(now + ALARM_PAUSE_MS));
                return;
            }
            self.fired.insert(key, due);
        }
    }
}

fn disk_error(path: &Path, error: &io::Error) -> Error {
    Error::Disk { path: path.into(), what: error.to_string() }
}

/// Fills an empty registry from the files of the objects: each is opened. For when the registry itself is lost.
pub(crate) fn rebuild(vfs: &Vfs, folder: &Path, registry: &mut Registry) -> Result<(), Error> {
    let files = vfs.files();
    let objects = folder.join("objects");
    let mut seen = HashSet::new();
    for class_folder in files.list(&objects).map_err(|error| disk_error(&objects, &error))? {
        let Some(class) = folder::class_of_folder(&class_folder) else { continue };
        let class_folder = objects.join(class_folder);
        for first in files.list(&class_folder).map_err(|error| disk_error(&class_folder, &error))? {
            let folder = class_folder.join(&first);
            for name in files.list(&folder).map_err(|error| disk_error(&folder, &error))? {
                let Some(id) = name.strip_suffix(".sqlite").and_then(|rest| folder::id_of_name(&first, rest)) else {
                    continue;
                };
                if !seen.insert((class.clone(), id)) {
                    continue;
                }
                let path = folder.join(&name);
                let found = Db::open(vfs, &path, None, None).and_then(|db| Ok((db.stored_name()?, db.alarm()?)));
                let (name, alarm, refused) = match found {
                    Ok((name, alarm)) => (name, alarm.map(|alarm| alarm.due_ms), None),
                    Err(Error::Damaged { what, .. }) => (None, None, Some(what)),
                    // What cannot be read now is not lost.
                    Err(error) => return Err(error),
                };
                registry.put([Entry { class: class.clone(), id, name, alarm_due_ms: alarm, refused }])?;
            }
        }
    }
    Ok(())
}
