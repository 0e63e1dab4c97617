//! What the keeper does with the registry: it writes what it hears of objects, and fires the alarms of those that are not in
//! memory.

use std::sync::Arc;
use std::time::Instant;

use dormouse_object::id::ObjectId;
use dormouse_storage::registry::Entry;

use super::Keeper;
use crate::commit_log::ObjectKey;
use crate::limits::ALARMS_AT_ONCE_MAX;
use crate::shard::Post;
use crate::store;

/// How long the alarms of a shard wait that has too much to do.
const ALARM_PAUSE_MS: u64 = 50;

/// The registry and its alarms.
impl Keeper {
    /// Writes what has gathered.
    pub(super) fn write_registry(&mut self) {
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
    pub(super) fn next_alarm(&mut self) -> Option<u64> {
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
    pub(super) fn fire_alarms(&mut self) {
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
