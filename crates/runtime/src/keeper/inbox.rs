//! What the keeper is told.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use dormouse_storage::Db;
use dormouse_storage::registry::Registry;

use crate::commit_log::{Facts, ObjectKey, Ticket};
use crate::journal::Segment;

/// What the keeper is told.
#[derive(Default)]
pub(crate) struct KeeperInbox {
    /// Held for a copy, never while a disk is waited for.
    news: Mutex<News>,
    pub(super) changed: Condvar,
}

/// Bounded by what exists: an object stands in each list once, and a segment too.
#[derive(Default)]
pub(super) struct News {
    pub(super) facts: HashMap<ObjectKey, Facts>,
    pub(super) closed: Vec<ObjectKey>,
    pub(super) again: Vec<ObjectKey>,
    pub(super) checkpoints: Vec<(ObjectKey, Box<Db>, Ticket)>,
    pub(super) sealed: Vec<Segment>,
    pub(super) questions: Vec<Question>,
    pub(super) wants_spare: bool,
    pub(super) stops: bool,
    /// Whether nobody is there any more to be told.
    pub(super) has_ended: bool,
}

/// Something that only the registry can answer.
pub(crate) type Question = Box<dyn FnOnce(&mut Registry) + Send>;

impl KeeperInbox {
    pub(super) fn lock(&self) -> MutexGuard<'_, News> {
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

impl News {
    pub(super) fn is_empty(&self) -> bool {
        let lists =
            self.closed.is_empty() && self.again.is_empty() && self.checkpoints.is_empty() && self.sealed.is_empty();
        lists && self.facts.is_empty() && self.questions.is_empty() && !self.wants_spare && !self.stops
    }
}
