//! Handlers and background work of a guest that have not ended yet, and which of them can go on.
//!
//! Invariant: a task is resumed only after something woke it, once per wake, in the order of the wakes among
//! those that the input gate admits. What a task computes is the guest's matter.

use std::collections::VecDeque;

use slotmap::{Key, KeyData, SlotMap};

use crate::gate::{Gate, SectionId};
use crate::mailbox::RequestId;
use crate::sockets::SocketId;
use crate::time::Time;

slotmap::new_key_type! {
    /// Where a task stands in the map of one guest's tasks.
    struct Place;

    /// One run of a handler, or one piece of background work, of one guest. Never used again for another one, nor
    /// by the object's next guest: whoever wakes or answers too late reaches nobody.
    pub struct TaskId;
}

/// What a task is for, which tells what its end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Fetch { request: RequestId, responded: bool },
    Message,
    Farewell(SocketId),
    Alarm,
    Background,
    Section(SectionId),
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) kind: Kind,
    /// The critical section that it belongs to.
    pub(crate) section: Option<SectionId>,
    /// Whether it stands in `Tasks::ready`.
    ready: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: SlotMap<Place, Task>,
    ready: VecDeque<TaskId>,
    /// When tasks with a limit must have ended, the earliest first. Most objects have none.
    deadlines: VecDeque<(Time, TaskId)>,
    /// Versions of places that the tasks of earlier guests had: an id is its place's, moved on by so many.
    passed: u32,
    /// The highest version of a place of this guest.
    newest: u32,
}

impl Tasks {
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.get_mut(self.place(id))
    }

    pub(crate) fn section_of(&self, id: Option<TaskId>) -> Option<SectionId> {
        self.tasks.get(self.place(id?))?.section
    }

    pub(crate) fn insert(&mut self, kind: Kind, section: Option<SectionId>) -> TaskId {
        let place = self.tasks.insert(Task { kind, section, ready: false }).data().as_ffi();
        self.newest = self.newest.max((place >> 32) as u32);
        TaskId::from(KeyData::from_ffi(place.wrapping_add(u64::from(self.passed) << 32)))
    }

    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.remove(self.place(id))?;
        if task.ready {
            self.ready.retain(|ready| *ready != id);
        }
        self.deadlines.retain(|(_, limited)| *limited != id);
        Some(task)
    }

    /// The task must have ended by then.
    pub(crate) fn limit(&mut self, id: TaskId, deadline: Time) {
        let after = self.deadlines.partition_point(|(at, _)| *at <= deadline);
        self.deadlines.insert(after, (deadline, id));
    }

    /// When the first task with a limit must have ended.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.front().map(|(at, _)| *at)
    }

    pub(crate) fn wake(&mut self, id: TaskId) {
        if let Some(task) = self.get_mut(id)
            && !std::mem::replace(&mut task.ready, true)
        {
            self.ready.push_back(id);
        }
    }

    /// The next task that was woken and may run.
    pub(crate) fn next_ready(&mut self, gate: &Gate) -> Option<TaskId> {
        let admitted = |id: &TaskId| self.tasks.get(self.place(*id)).is_some_and(|task| gate.admits(task.section));
        let at = self.ready.iter().position(admitted)?;
        let id = self.ready.remove(at)?;
        self.get_mut(id)?.ready = false;
        Some(id)
    }

    /// Tasks of a section that has ended belong to the one around it.
    pub(crate) fn leave_section(&mut self, ended: SectionId, around: Option<SectionId>) {
        for task in self.tasks.values_mut().filter(|task| task.section == Some(ended)) {
            task.section = around;
        }
    }

    /// Forgets all tasks, gives their memory back and tells what they were for.
    pub(crate) fn clear(&mut self) -> Vec<Kind> {
        self.ready = VecDeque::new();
        self.deadlines = VecDeque::new();
        // Versions of places are odd, or 0 when there was none; what is added to them is even.
        let newest = std::mem::take(&mut self.newest);
        self.passed = self.passed.wrapping_add(newest).wrapping_add(newest & 1);
        std::mem::take(&mut self.tasks).into_iter().map(|(_, task)| task.kind).collect()
    }

    fn place(&self, id: TaskId) -> Place {
        Place::from(KeyData::from_ffi(id.data().as_ffi().wrapping_sub(u64::from(self.passed) << 32)))
    }
}
