//! Points in time, as the object sees them.
//!
//! The object never asks for the time: each method that needs it takes it as an argument. A `Time` is a number
//! of milliseconds since the Unix epoch by the host's clock, which may stand still or jump back; code here only
//! compares and subtracts saturating.

use std::time::Duration;

/// Milliseconds since the Unix epoch, by the host's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// A point in time from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This point in time moved on by `duration`, rounded up to whole milliseconds so that nothing is early.
    pub fn after(self, duration: Duration) -> Self {
        let part = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
        Self(self.0.saturating_add(duration.as_secs().saturating_mul(1_000)).saturating_add(part))
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
