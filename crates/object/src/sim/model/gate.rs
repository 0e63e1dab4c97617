//! What critical sections must do: a plain list of those that have not ended.
//!
//! A section is open when the one around it is, and when no other one entered from there is open or was entered
//! before. Only the innermost open one runs.

use crate::limits::{SECTION_TIMEOUT, SECTIONS_NESTED_MAX};

/// Sections that have not ended, in the order of the calls.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    all: Vec<Section>,
    made: u32,
}

#[derive(Debug)]
struct Section {
    id: u32,
    around: Option<u32>,
    depth: usize,
    opened_at: Option<u64>,
}

impl Sections {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// A new section, entered from code of the section `around`; `None` when it would be nested too deeply.
    pub(crate) fn enter(&mut self, around: Option<u32>, now: u64) -> Option<u32> {
        let depth = 1 + around.and_then(|id| self.all.iter().find(|s| s.id == id)).map_or(0, |s| s.depth);
        if depth > SECTIONS_NESTED_MAX {
            return None;
        }
        self.made += 1;
        self.all.push(Section { id: self.made, around, depth, opened_at: None });
        self.open(now);
        Some(self.made)
    }

    /// Ends a section and returns the one around it.
    pub(crate) fn leave(&mut self, id: u32, now: u64) -> Option<u32> {
        let at = self.all.iter().position(|s| s.id == id)?;
        let around = self.all.remove(at).around;
        for section in self.all.iter_mut().filter(|s| s.around == Some(id)) {
            section.around = around;
        }
        self.open(now);
        around
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    /// The section whose tasks alone may run; `None` when there is none at all.
    pub(crate) fn innermost(&self) -> Option<u32> {
        let mut inner = None;
        while let Some(next) = self.all.iter().find(|s| s.around == inner && s.opened_at.is_some()) {
            inner = Some(next.id);
        }
        inner
    }

    /// How many sections are nested in each other now.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        let opened = self.all.iter().filter_map(|s| s.opened_at);
        opened.map(|at| at + SECTION_TIMEOUT.as_millis() as u64).min()
    }

    fn open(&mut self, now: u64) {
        loop {
            let inner = self.innermost();
            let Some(next) = self.all.iter_mut().find(|s| s.around == inner) else { return };
            next.opened_at = Some(now);
        }
    }
}
