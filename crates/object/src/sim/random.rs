//! The generator that makes every choice of a schedule.
//!
//! Splitmix64: a seed gives the same numbers on every platform and in every version. Not for anything secret,
//! and not for statistics. In front of them may be bytes of somebody else, a fuzzer, who then makes the choices.

/// A stream of numbers that follows from its seed, behind choices that were made before.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
    /// The choices that are left, the next one last.
    choices: Vec<u8>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, choices: Vec::new() }
    }

    /// The choices that these bytes stand for; when there are no more, those of a seed.
    pub(crate) fn after(choices: &[u8], seed: u64) -> Self {
        Self { state: seed, choices: choices.iter().rev().copied().collect() }
    }

    pub(crate) fn next(&mut self) -> u64 {
        if !self.choices.is_empty() {
            return self.choice(size_of::<u64>());
        }
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if !self.choices.is_empty() {
            // A byte for each small choice, so that a changed one changes that choice and no other.
            let bits = u64::BITS - (bound - 1).leading_zeros();
            return self.choice(bits.div_ceil(u8::BITS) as usize) % bound;
        }
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// The number that the next bytes are; those that are missing are 0.
    fn choice(&mut self, len: usize) -> u64 {
        (0..len).fold(0, |number, at| number | u64::from(self.choices.pop().unwrap_or(0)) << (8 * at))
    }

    /// An index into something of `len` entries, if it has any.
    pub(crate) fn index(&mut self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.below(len as u64) as usize)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// One of some values.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[self.below(N as u64) as usize]
    }

    /// An index, each as likely as its weight says.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut at = self.below(total.max(1));
        for (index, weight) in weights.iter().enumerate() {
            match at.checked_sub(u64::from(*weight)) {
                Some(rest) => at = rest,
                None => return index,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn choices_come_first_and_take_no_more_bytes_than_they_need() {
        let mut random = Random::after(&[7, 200, 1, 2, 9], 3);
        assert_eq!(random.below(1), 0, "what is no choice takes nothing");
        assert_eq!((random.below(10), random.below(100), random.below(1_000)), (7, 0, 0x0201));
        assert_eq!(random.next(), 9);
        let mut seeded = Random::new(3);
        assert_eq!((random.next(), random.below(10)), (seeded.next(), seeded.below(10)));
    }
}
