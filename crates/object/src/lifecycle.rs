//! Whether an object has a guest, and which moves between those states are legal.
//!
//! Invariant: at most one guest at any time. A guest exists from the end of [`Phase::Starting`] until the host
//! says that it dropped it ([`Move::Stopped`]); no start is possible before that. This module knows nothing of
//! why a move is made.

/// Where an object is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No guest and no sockets: nothing in memory but what waits in the mailbox.
    Cold,
    /// The host is building the guest.
    Starting,
    /// A guest lives.
    Resident,
    /// The guest is being dropped; it gets no more events.
    Stopping,
    /// No guest, but sockets, which will wake one.
    Hibernated,
}

/// What moves an object from one phase to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Something waits to be delivered.
    Wake,
    /// The guest was built.
    Started,
    /// The guest could not be built.
    StartFailed,
    /// The guest must go: idleness, a crash, a reset, new code.
    Stop,
    /// The host has dropped the guest.
    Stopped,
    /// The last socket of an object without a guest has gone.
    Emptied,
}

/// Whether sockets outlive the guest, which tells hibernated from cold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// The object holds none.
    None,
    /// The object holds some.
    Some,
}

impl Phase {
    /// The phase after `step`, or `None` when the move is not legal here.
    pub fn after(self, step: Move, sockets: Sockets) -> Option<Phase> {
        let rest = match sockets {
            Sockets::None => Phase::Cold,
            Sockets::Some => Phase::Hibernated,
        };
        match (self, step) {
            (Phase::Cold | Phase::Hibernated, Move::Wake) => Some(Phase::Starting),
            (Phase::Starting, Move::Started) => Some(Phase::Resident),
            (Phase::Starting, Move::StartFailed) => Some(rest),
            (Phase::Resident, Move::Stop) => Some(Phase::Stopping),
            (Phase::Stopping, Move::Stopped) => Some(rest),
            (Phase::Hibernated | Phase::Cold, Move::Emptied) => Some(Phase::Cold),
            _ => None,
        }
    }
}
