//! Which operation of a simulated disk fails, and how.

use std::io;

/// How an operation fails. A failing write may have written a part; whatever else fails has changed nothing, but see
/// [`sim`](super) for syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    failure: Failure,
    lasts: bool,
    written: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Io,
    Full,
    PowerOff,
}

impl Fault {
    /// The disk fails once (`EIO`).
    pub const IO: Self = Self { failure: Failure::Io, lasts: false, written: 0 };
    /// There is no room, once (`ENOSPC`).
    pub const FULL: Self = Self { failure: Failure::Full, lasts: false, written: 0 };
    /// The power goes: from then on everything fails and nothing changes. What is left then is
    /// [`power_loss`](super::SimDisk::power_loss).
    pub const POWER_OFF: Self = Self { failure: Failure::PowerOff, lasts: true, written: 0 };

    /// The same fault, but from then on every time.
    #[must_use]
    pub const fn lasting(self) -> Self {
        Self { lasts: true, ..self }
    }

    /// The same fault, but a failing write has written that many bytes, or all when it has fewer.
    #[must_use]
    pub const fn after_writing(self, bytes: usize) -> Self {
        Self { written: bytes, ..self }
    }

    pub(super) fn written(self, len: usize) -> usize {
        self.written.min(len)
    }

    pub(super) fn error(self) -> io::Error {
        // The numbers are the same on Linux, macOS and the BSDs.
        match self.failure {
            Failure::Io => io::Error::from_raw_os_error(5),
            Failure::Full => io::Error::from_raw_os_error(28),
            Failure::PowerOff => io::Error::other("the power is off"),
        }
    }
}

/// What is to fail.
#[derive(Debug, Default)]
pub(super) struct Faults {
    changes: Option<Plan>,
    reads: Option<Plan>,
    off: bool,
    struck: u64,
}

#[derive(Debug)]
struct Plan {
    /// Operations until it fails, with the failing one.
    left: u64,
    fault: Fault,
}

impl Faults {
    pub(super) fn plan_change(&mut self, n: u64, fault: Fault) {
        self.changes = Some(Plan { left: n.max(1), fault });
    }

    pub(super) fn plan_read(&mut self, n: u64, fault: Fault) {
        self.reads = Some(Plan { left: n.max(1), fault });
    }

    pub(super) fn struck(&self) -> u64 {
        self.struck
    }

    pub(super) fn is_off(&self) -> bool {
        self.off
    }

    /// How the change that is about to happen fails, if it does.
    pub(super) fn change(&mut self) -> Option<Fault> {
        let planned = step(&mut self.changes);
        self.strike(planned)
    }

    /// How the question that is about to be answered fails, if it does.
    pub(super) fn read(&mut self) -> Option<Fault> {
        let planned = step(&mut self.reads);
        self.strike(planned)
    }

    fn strike(&mut self, planned: Option<Fault>) -> Option<Fault> {
        let fault = if self.off { Some(Fault::POWER_OFF) } else { planned };
        if let Some(fault) = fault {
            self.struck += 1;
            self.off |= fault.failure == Failure::PowerOff;
        }
        fault
    }
}

fn step(plan: &mut Option<Plan>) -> Option<Fault> {
    let current = plan.as_mut()?;
    current.left -= 1;
    if current.left > 0 {
        return None;
    }
    let fault = current.fault;
    if fault.lasts {
        current.left = 1;
    } else {
        *plan = None;
    }
    Some(fault)
}
