//! How much is tried: little in a usual run, as much as there is time for in `cargo xtask soak`.

use std::time::{Duration, Instant, SystemTime};

/// Seconds that each test may take.
const SOAK: &str = "DORMOUSE_SOAK";

/// Seeds: that many, always the same ones; or new ones, until the time is over.
pub(crate) fn seeds(count: u64) -> Box<dyn Iterator<Item = u64>> {
    match soak() {
        None => Box::new(0..count),
        Some(time) => {
            let started = Instant::now();
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let first = u64::try_from(since.as_millis()).unwrap();
            Box::new((first..).take_while(move |_| started.elapsed() < time))
        }
    }
}

/// How long each test may take, when that was said.
pub(crate) fn soak() -> Option<Duration> {
    let seconds = std::env::var(SOAK).ok()?;
    Some(Duration::from_secs(seconds.parse().unwrap_or_else(|_| panic!("{SOAK} is not a number: {seconds}"))))
}
