//! How much is tried: little in a usual run, much more and with other seeds in `cargo xtask soak`.

/// The first seed of a round of `cargo xtask soak`.
const SOAK_SEED: &str = "DORMOUSE_SOAK_SEED";
/// How many times as much a round tries.
const TIMES: u64 = 25;

/// That many seeds, always the same; in a soak others, and more of them.
pub(crate) fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let first = soak().unwrap_or(0);
    let times = if soak().is_some() { TIMES } else { 1 };
    (0..count * times).map(move |n| first.wrapping_add(n))
}

/// The first seed, in a soak.
fn soak() -> Option<u64> {
    let seed = std::env::var(SOAK_SEED).ok()?;
    Some(seed.parse().unwrap_or_else(|_| panic!("{SOAK_SEED} is not a number: {seed}")))
}
