//! Which changes of a simulated disk survive a power loss.

/// What a power loss takes of what is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// None of it.
    Nothing,
    /// Everything after a moment that is drawn: the disk has kept the order.
    Since,
    /// Any part: each file draws how much of it is kept, then each change draws for itself.
    Some,
}

impl Loss {
    /// The kind of loss that follows from a seed: mostly the nastier ones.
    pub(super) fn drawn(seed: u64) -> Self {
        match mixed(seed, 1) % 8 {
            0 => Self::Everything,
            1 => Self::Nothing,
            2 | 3 => Self::Since,
            _ => Self::Some,
        }
    }
}

/// Which changes are kept.
pub(super) struct Keep {
    loss: Loss,
    seed: u64,
    /// The last change that is kept, where their order counts.
    last: u64,
}

impl Keep {
    /// Draws what is kept of the pending changes.
    pub(super) fn new(loss: Loss, seed: u64, pending: impl Iterator<Item = u64>) -> Self {
        let mut numbers: Vec<u64> = pending.collect();
        numbers.sort_unstable();
        let kept = mixed(seed, 2) % (numbers.len() as u64 + 1);
        let last = (kept as usize).checked_sub(1).and_then(|at| numbers.get(at)).copied().unwrap_or(0);
        Self { loss, seed, last }
    }

    /// Any part.
    pub(super) fn some(seed: u64) -> Self {
        Self { loss: Loss::Some, seed, last: 0 }
    }

    /// Whether a change is kept. `owner` is what it belongs to: all names, or a file.
    pub(super) fn keeps(&self, owner: u64, change: u64) -> bool {
        match self.loss {
            Loss::Everything => false,
            Loss::Nothing => true,
            Loss::Since => change <= self.last,
            Loss::Some => {
                const PERCENT: [u64; 5] = [0, 10, 50, 90, 100];
                let of_owner = mixed(self.seed, owner.wrapping_add(3));
                let percent = PERCENT[(of_owner % PERCENT.len() as u64) as usize];
                mixed(of_owner, change) % 100 < percent
            }
        }
    }
}

/// A number that follows from two others (splitmix64).
pub(super) fn mixed(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
