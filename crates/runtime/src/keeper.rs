//! The thread that does what nobody waits for: it writes logs into databases, retires segments of the journal, keeps the
//! registry, and fires the alarms of objects that are not in memory.
//!
//! Invariant: what the registry holds is never less than what the retired segments said: it is durable before a segment
//! goes. A closed database ends up without a log, so an object that nobody uses is one file. The keeper uses only files
//! that are its own by [`Claims`], or syncs what a host has open.

mod alarms;
mod inbox;
mod rebuild;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use dormouse_storage::registry::Registry;
use dormouse_storage::{Db, Error, Vfs};

use self::inbox::News;
pub(crate) use self::inbox::{KeeperInbox, Question};
pub(crate) use self::rebuild::Rebuilding;
use crate::commit_log::{CommitLog as _, Facts, ObjectKey, Ticket};
use crate::journal::{Journal, Segment};
use crate::limits::KEEPER_STEP_TIME;
use crate::node::Handle;
use crate::signals::Signal;
use crate::store::{self, Claims, Holder, Known, Tuning, folder};

/// How often it is tried in a row to have an object's commits in its own files.
const SAVE_TRIES: usize = 3;

/// How long an alarm waits that could not run because the disk failed.
const ALARM_AGAIN_DELAY: Duration = Duration::from_secs(1);

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
    /// Objects of the oldest segment that were not looked at yet, and whether all others of it are safe.
    pub(crate) retiring: Option<(Vec<ObjectKey>, bool)>,
    /// Until when no segment is retired, after one could not be.
    pub(crate) pauses_until: Option<Instant>,
    /// Alarms that were handed to their shards, and when they had been due.
    pub(crate) fired: HashMap<ObjectKey, u64>,
    /// Those of them that could not run, and are fired once more when a while has passed since.
    pub(crate) again: VecDeque<(Instant, ObjectKey)>,
    /// What is left to be done when the registry is not complete.
    pub(crate) rebuilding: Option<Rebuilding>,
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
            self.replace_damaged_registry();
            if self.rebuild_in() == Some(Duration::ZERO) {
                self.rebuild_some();
            }
            if self.gathers_since.is_some_and(|since| since.elapsed() >= self.tuning.registry_delay) {
                self.write_registry();
            }
            if self.retire_in() == Some(Duration::ZERO) {
                self.retire_some();
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
        let rebuild = self.rebuild_in();
        [retire, registry, closed, again, alarm, rebuild]
            .into_iter()
            .flatten()
            .min()
            .map_or(LONG, |wait| wait.min(LONG))
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

    /// The last that is done. What was written goes into the databases, as far as there is time, so that the next start
    /// finds an empty journal; a part of the journal that is needed still stays, and nothing is lost when this is cut off.
    fn end(mut self) {
        let deadline = Instant::now() + self.tuning.stop_time;
        for key in self.claims.all_closed() {
            if Instant::now() >= deadline {
                break;
            }
            self.checkpoint_closed(&key);
        }
        // It writes what it was given, and tells of it.
        self.journal.end();
        let news = mem::replace(&mut *self.inbox.lock(), News { has_ended: true, ..News::default() });
        self.facts.extend(news.facts);
        self.sealed.extend(news.sealed);
        self.write_registry();
        if let Err(error) = self.registry.sync() {
            return tracing::warn!(%error, "the registry could not be synced");
        }
        if self.facts.is_empty() {
            self.retire_all();
        }
    }

    /// Lets the segments go of which all is elsewhere, the oldest first. Nobody writes any more, and the registry was synced.
    fn retire_all(&mut self) {
        while let Some(segment) = self.sealed.pop_front() {
            if segment.objects.iter().any(|key| self.claims.has(key) || self.journal.log_of(key).is_some()) {
                return;
            }
            if let Err(error) = self.journal.retire(&segment) {
                return tracing::warn!(path = %segment.path.display(), %error, "a segment of the journal stays");
            }
        }
        if let Err(error) = self.journal.remove_spare() {
            tracing::warn!(%error, "the journal's segment in reserve stays");
        }
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
        match result {
            Ok(()) => {
                self.journal.note_emptied(key);
                Ok(())
            }
            Err(error) => {
                self.journal.doubt(key);
                Err((was_told, error))
            }
        }
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

    /// Makes sure that all of the oldest segment is in the files of its objects, and lets it go: some of it at a time, so
    /// that neither alarms nor the end wait for thousands of objects.
    fn retire_some(&mut self) {
        let Some(segment) = self.sealed.front() else { return };
        let retiring = self.retiring.take();
        let (mut left, mut is_done) = retiring.unwrap_or_else(|| (segment.objects.iter().cloned().collect(), true));
        let began = Instant::now();
        while let Some(key) = left.pop() {
            is_done &= (0..SAVE_TRIES).any(|_| self.save(&key));
            if began.elapsed() >= KEEPER_STEP_TIME && !left.is_empty() {
                self.retiring = Some((left, is_done));
                return;
            }
        }
        let Some(segment) = self.sealed.pop_front() else { return };
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

fn disk_error(path: &Path, error: &io::Error) -> Error {
    Error::Disk { path: path.into(), what: error.to_string() }
}
