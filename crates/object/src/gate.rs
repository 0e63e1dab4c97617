//! The input gate: which code of an object may run.
//!
//! Normally every event and every task may. A *critical section* (`blockConcurrencyWhile`) shuts the gate for
//! all but its own tasks. Sections nest: a section that is entered from inside another suspends that one until
//! it ends. Sections that are entered side by side run one after the other, in the order of the calls.
//!
//! Invariant: `open` is a path of nested sections; only tasks of its last one are admitted. New events are
//! admitted only while no section is open or waiting. Waits for storage are not here: they come with storage.

use std::collections::VecDeque;

use crate::limits::{SECTION_TIMEOUT, SECTIONS_NESTED_MAX};
use crate::time::Time;

/// One critical section of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SectionId(u32);

#[derive(Clone, Copy, Debug)]
struct Section {
    id: SectionId,
    parent: Option<SectionId>,
    depth: usize,
}

/// The sections that shut the gate. An object that uses none pays one pointer.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    sections: Option<Box<Sections>>,
    next: u32,
}

#[derive(Debug, Default)]
struct Sections {
    /// Outermost first, each with the time by which it must have ended.
    open: Vec<(Section, Time)>,
    waiting: VecDeque<Section>,
}

/// Sections are nested more than [`SECTIONS_NESTED_MAX`] deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

impl Gate {
    /// Whether new events may be delivered.
    pub(crate) fn is_open(&self) -> bool {
        self.sections.is_none()
    }

    /// Whether a task that belongs to `section` may run.
    pub(crate) fn admits(&self, section: Option<SectionId>) -> bool {
        match &self.sections {
            None => true,
            Some(sections) => section == sections.innermost(),
        }
    }

    /// Enters a new section from code that belongs to `parent`. It opens at once, or when the sections before
    /// it have ended.
    pub(crate) fn enter(&mut self, parent: Option<SectionId>, now: Time) -> Result<SectionId, TooDeep> {
        let parent = parent.filter(|id| self.depth(*id) > 0);
        let depth = 1 + parent.map_or(0, |id| self.depth(id));
        if depth > SECTIONS_NESTED_MAX {
            return Err(TooDeep);
        }
        self.next = self.next.wrapping_add(1);
        let section = Section { id: SectionId(self.next), parent, depth };
        let sections = self.sections.get_or_insert_default();
        sections.waiting.push_back(section);
        sections.open_next(now);
        Ok(section.id)
    }

    /// Ends a section; what it suspended goes on. Returns the section around it.
    pub(crate) fn leave(&mut self, id: SectionId, now: Time) -> Option<SectionId> {
        let sections = self.sections.as_mut()?;
        let around = sections.remove(id);
        sections.open_next(now);
        if sections.open.is_empty() && sections.waiting.is_empty() {
            self.sections = None;
        }
        around
    }

    /// Forgets all sections: the guest that entered them is gone.
    pub(crate) fn clear(&mut self) {
        self.sections = None;
    }

    /// When the first open section will have taken too long.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let sections = self.sections.as_ref()?;
        sections.open.iter().map(|(_, deadline)| *deadline).min()
    }

    /// How deep a section is nested; 0 when it has ended.
    fn depth(&self, id: SectionId) -> usize {
        let Some(sections) = &self.sections else { return 0 };
        let mut all = sections.open.iter().map(|(section, _)| section).chain(&sections.waiting);
        all.find(|section| section.id == id).map_or(0, |section| section.depth)
    }
}

impl Sections {
    fn innermost(&self) -> Option<SectionId> {
        self.open.last().map(|(section, _)| section.id)
    }

    /// Opens the oldest waiting section that was entered from the innermost open one.
    fn open_next(&mut self, now: Time) {
        while let Some(at) = self.waiting.iter().position(|section| section.parent == self.innermost()) {
            if let Some(section) = self.waiting.remove(at) {
                self.open.push((section, now.after(SECTION_TIMEOUT)));
            }
        }
    }

    /// Takes a section out; those entered from it now belong to where it was entered from.
    fn remove(&mut self, id: SectionId) -> Option<SectionId> {
        let mut all = self.open.iter().map(|(section, _)| section).chain(&self.waiting);
        let around = all.find(|section| section.id == id)?.parent;
        self.open.retain(|(section, _)| section.id != id);
        self.waiting.retain(|section| section.id != id);
        let all = self.open.iter_mut().map(|(section, _)| section).chain(&mut self.waiting);
        for section in all.filter(|section| section.parent == Some(id)) {
            section.parent = around;
        }
        around
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, SECTIONS_NESTED_MAX, TooDeep};
    use crate::limits::SECTION_TIMEOUT;
    use crate::time::Time;

    const NOW: Time = Time::from_millis(1_000);

    #[test]
    fn a_section_shuts_out_all_but_itself() {
        let mut gate = Gate::default();
        assert!(gate.is_open() && gate.admits(None));
        let outer = gate.enter(None, NOW).unwrap();
        assert!(!gate.is_open() && !gate.admits(None) && gate.admits(Some(outer)));
        let inner = gate.enter(Some(outer), NOW).unwrap();
        assert!(!gate.admits(Some(outer)) && gate.admits(Some(inner)));
        gate.leave(inner, NOW);
        assert!(gate.admits(Some(outer)) && !gate.is_open());
        gate.leave(outer, NOW);
        assert!(gate.is_open());
    }

    #[test]
    fn siblings_run_one_after_the_other_in_call_order() {
        let mut gate = Gate::default();
        let first = gate.enter(None, NOW).unwrap();
        let second = gate.enter(None, NOW).unwrap();
        assert!(gate.admits(Some(first)) && !gate.admits(Some(second)));
        gate.leave(first, NOW);
        assert!(gate.admits(Some(second)) && !gate.is_open());
        gate.leave(second, NOW);
        assert!(gate.is_open());
    }

    #[test]
    fn a_section_that_ends_before_the_one_entered_from_it_hands_it_on() {
        let mut gate = Gate::default();
        let outer = gate.enter(None, NOW).unwrap();
        let inner = gate.enter(Some(outer), NOW).unwrap();
        gate.leave(outer, NOW);
        assert!(gate.admits(Some(inner)) && !gate.is_open());
        gate.leave(inner, NOW);
        assert!(gate.is_open());
    }

    #[test]
    fn nesting_has_a_limit() {
        let mut gate = Gate::default();
        let mut section = None;
        for _ in 0..SECTIONS_NESTED_MAX {
            section = Some(gate.enter(section, NOW).unwrap());
        }
        assert_eq!(gate.enter(section, NOW), Err(TooDeep));
    }

    #[test]
    fn the_clock_of_a_section_starts_when_it_opens() {
        let mut gate = Gate::default();
        let first = gate.enter(None, NOW).unwrap();
        gate.enter(None, NOW).unwrap();
        let later = Time::from_millis(9_000);
        gate.leave(first, later);
        assert_eq!(gate.deadline(), Some(later.after(SECTION_TIMEOUT)));
    }
}
