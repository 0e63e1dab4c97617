//! A registry that is lost or damaged is made again from the files of the objects, a few at a time, while everybody is
//! served. An alarm that is due meanwhile fires when its object's turn has come.
//!
//! Invariant: a registry counts as complete only when every object's facts are in it that had files when it was begun. A
//! process that ends before leaves one that is begun again by the next. Files are read when nobody has them; whoever has
//! them is asked.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use dormouse_storage::{Db, Error};

use super::{Keeper, disk_error};
use crate::commit_log::{Facts, ObjectKey};
use crate::limits::REBUILT_AT_ONCE;
use crate::signals::Signal;
use crate::store::{self, Holder, Known, folder};

/// What is left to be done for a registry that is not complete.
#[derive(Default)]
pub(crate) struct Rebuilding {
    /// Objects that are to be asked or read; unknown before the folders were.
    left: Option<VecDeque<ObjectKey>>,
    /// After something failed, and while all that are left are in use.
    pauses_until: Option<Instant>,
}

/// How it went with one object.
enum Learnt {
    Known,
    /// Somebody has its files, and was asked.
    Later,
}

impl Keeper {
    /// How long until there is something to do for a registry that is not complete, if it is not.
    pub(super) fn rebuild_in(&self) -> Option<Duration> {
        let until = self.rebuilding.as_ref()?.pauses_until;
        Some(until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now())))
    }

    /// A page of the registry cannot be read: it is made again.
    pub(super) fn replace_damaged_registry(&mut self) {
        if !self.registry.is_damaged() || self.rebuild_in().is_some_and(|wait| !wait.is_zero()) {
            return;
        }
        tracing::error!("the registry is damaged, and is made again from the files of all objects");
        let mut rebuilding = Rebuilding::default();
        match store::new_registry(&self.vfs, &self.folder) {
            Ok(registry) => {
                self.registry = registry;
                // They would not be known by their files.
                for key in self.claims.all_refused() {
                    self.facts.entry(key).or_default();
                }
                self.write_registry();
            }
            Err(error) => {
                tracing::error!(%error, "the registry cannot be made again yet");
                rebuilding.pauses_until = Some(Instant::now() + self.tuning.registry_delay);
            }
        }
        self.next_alarm = None;
        self.rebuilding = Some(rebuilding);
    }

    /// Learns of some objects what the registry must know.
    pub(super) fn rebuild_some(&mut self) {
        let Some(mut rebuilding) = self.rebuilding.take() else { return };
        let left = rebuilding.left.take().map_or_else(|| self.list_objects(), Ok);
        let result = left.and_then(|mut left| {
            let (before, result) = (left.len(), self.learn_some(&mut left));
            let now = left.len();
            rebuilding.left = Some(left);
            result?;
            match now {
                0 if self.complete_registry()? => Ok(None),
                now => Ok(Some(now < before)),
            }
        });
        rebuilding.pauses_until = match result {
            Ok(None) => return,
            Ok(Some(true)) => None,
            Ok(Some(false)) => Some(Instant::now() + self.tuning.registry_delay),
            Err(error) => {
                tracing::error!(%error, "the registry could not be made again yet");
                Some(Instant::now() + self.tuning.registry_delay)
            }
        };
        self.rebuilding = Some(rebuilding);
    }

    /// All objects that have files.
    fn list_objects(&self) -> Result<VecDeque<ObjectKey>, Error> {
        let objects = self.folder.join("objects");
        let list = |folder: &std::path::Path| {
            self.vfs.files().list(folder).map_err(|error: io::Error| disk_error(folder, &error))
        };
        let mut keys = VecDeque::new();
        for class_folder in list(&objects)? {
            let Some(class) = folder::class_of_folder(&class_folder) else { continue };
            let class: std::sync::Arc<str> = class.into();
            let class_folder = objects.join(class_folder);
            for first in list(&class_folder)? {
                for name in list(&class_folder.join(&first))? {
                    let id = name.strip_suffix(".sqlite").and_then(|rest| folder::id_of_name(&first, rest));
                    keys.extend(id.map(|id| ObjectKey { class: class.clone(), id }));
                }
            }
        }
        Ok(keys)
    }

    fn learn_some(&mut self, left: &mut VecDeque<ObjectKey>) -> Result<(), Error> {
        for _ in 0..REBUILT_AT_ONCE.min(left.len()) {
            let Some(key) = left.pop_front() else { break };
            match self.learn(&key) {
                Ok(Learnt::Known) => {}
                Ok(Learnt::Later) => left.push_back(key),
                Err(error) => {
                    left.push_back(key);
                    return Err(error);
                }
            }
        }
        self.write_registry();
        Ok(())
    }

    /// Learns of one object what the registry must know.
    fn learn(&mut self, key: &ObjectKey) -> Result<Learnt, Error> {
        // Whatever was heard since the registry was begun is news.
        if self.facts.contains_key(key) || self.registry.get(&key.class, &key.id)?.is_some() {
            return Ok(Learnt::Known);
        }
        if self.claims.why_refused(key).is_some() {
            self.facts.insert(key.clone(), Facts::default());
            return Ok(Learnt::Known);
        }
        match self.claims.holder(key) {
            Holder::Host(host) => {
                host.signals.push(Signal::Tell(host.host));
                return Ok(Learnt::Later);
            }
            Holder::Other => return Ok(Learnt::Later),
            Holder::Nobody => {}
        }
        let Some(mut known) = self.claims.take(key) else { return Ok(Learnt::Later) };
        let learnt = self.learn_kept(key, &mut known);
        self.claims.free(key, known);
        match learnt {
            Err(Error::Damaged { what, .. }) => {
                self.refuse(key, &what);
                Ok(Learnt::Known)
            }
            learnt => learnt,
        }
    }

    fn learn_kept(&mut self, key: &ObjectKey, known: &mut Known) -> Result<Learnt, Error> {
        let path = folder::path(&self.folder, key);
        if !self.vfs.files().exists(&path).map_err(|error| disk_error(&path, &error))? {
            // It was deleted meanwhile.
            return Ok(Learnt::Known);
        }
        let db = Db::open(&self.vfs, &path, None, known.log())?;
        if !known.is_all_of(&db) {
            // What it says of itself may not be durable: it is made so first.
            drop(db);
            self.checkpoint_kept(key, known)?;
            return Ok(Learnt::Later);
        }
        if db.is_blank() {
            // It is there because somebody looked for something.
            return Ok(Learnt::Known);
        }
        let facts = store::facts_of(&db)?;
        self.facts.insert(key.clone(), facts);
        Ok(Learnt::Known)
    }

    /// All objects are known. False when not all of it could be written.
    fn complete_registry(&mut self) -> Result<bool, Error> {
        if !self.facts.is_empty() || self.registry.is_damaged() {
            return Ok(false);
        }
        self.registry.set_complete()?;
        store::note_complete(&**self.vfs.files(), &self.folder).map_err(|error| disk_error(&self.folder, &error))?;
        tracing::info!("the registry is complete");
        Ok(true)
    }
}
