//! Whose the files of objects are.
//!
//! Invariant: the files of an object are used by its host, by the keeper, or by whoever they are lent to, never by two of
//! them. Of a database that is closed with something left in its write-ahead log it is also remembered how much that is,
//! so that a log that has become shorter meanwhile is noticed and not taken for the truth.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use dormouse_storage::Db;
use dormouse_storage::commit::WalRange;

use crate::commit_log::{ObjectKey, Ticket};
use crate::signals::Signal;

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

    /// The same, whatever their log holds.
    pub(crate) fn take(&self, key: &ObjectKey) -> Option<Known> {
        self.take_as(key, Files::Kept(Vec::new()))
    }

    /// Lends files that nobody has, and tells what is known of their log.
    pub(crate) fn lend(&self, key: &ObjectKey) -> Option<Known> {
        self.take_as(key, Files::Lent(Vec::new()))
    }

    fn take_as(&self, key: &ObjectKey, holder: Files) -> Option<Known> {
        let mut files = self.lock();
        let known = match files.get(key) {
            None => Known::Nothing,
            Some(Files::Closed(known)) => *known,
            Some(Files::Open(_) | Files::Kept(_) | Files::Lent(_)) => return None,
        };
        files.insert(key.clone(), holder);
        Some(known)
    }

    /// A host wants the files of its object: before a guest is built, which may use them at any time.
    pub(crate) fn claim(&self, key: &ObjectKey, waiter: &Ticket) -> Claim {
        let mut files = self.lock();
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
        let mut files = self.wait_in(key, self.lock());
        match files.insert(key.clone(), Files::Open(holder)) {
            Some(Files::Closed(known)) => known,
            Some(Files::Open(_) | Files::Kept(_) | Files::Lent(_)) | None => Known::Nothing,
        }
    }

    /// A host has closed the files. Whether the keeper is to look at them: they have a log, or were made for nothing.
    pub(super) fn release(&self, key: &ObjectKey, known: Known, is_blank: bool) -> bool {
        let mut files = self.lock();
        let is_left = !known.is_empty() || is_blank;
        match is_left {
            true => files.insert(key.clone(), Files::Closed(known)),
            false => files.remove(key),
        };
        is_left
    }

    /// What is known of the logs of databases when a node starts.
    pub(super) fn begin_with<'a>(&self, logs: impl Iterator<Item = (&'a ObjectKey, &'a WalRange)>) {
        self.lock().extend(logs.map(|(key, wal)| (key.clone(), Files::Closed(Known::Log(*wal)))));
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

    /// The objects whose files nobody has, and have a log.
    pub(crate) fn all_closed(&self) -> Vec<ObjectKey> {
        let files = self.lock();
        files.iter().filter(|(_, files)| matches!(files, Files::Closed(_))).map(|(key, _)| key.clone()).collect()
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

    /// All objects that are not.
    pub(crate) fn all_refused(&self) -> Vec<ObjectKey> {
        self.refused().keys().cloned().collect()
    }

    pub(super) fn refused(&self) -> MutexGuard<'_, HashMap<ObjectKey, String>> {
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

impl Known {
    /// What the log holds at least, if that is known.
    pub(crate) fn log(self) -> Option<WalRange> {
        match self {
            Known::Log(wal) => Some(wal),
            Known::Nothing | Known::Unfinished => None,
        }
    }

    /// Whether there is nothing to be remembered.
    pub(super) fn is_empty(self) -> bool {
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
