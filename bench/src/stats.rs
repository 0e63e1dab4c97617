//! Medians, percentiles, and a record of latencies that costs a push per message.

use std::time::Duration;

/// Samples kept at most: more than any run needs, so that a long one does not grow without end. Later samples are
/// dropped.
const SAMPLES_MAX: usize = 8_000_000;

/// Latencies of one run.
#[derive(Debug, Default)]
pub struct Latencies {
    nanos: Vec<u32>,
}

impl Latencies {
    /// Adds one; anything over four seconds counts as four seconds.
    pub fn add(&mut self, latency: Duration) {
        if self.nanos.len() < SAMPLES_MAX {
            self.nanos.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.nanos.clear();
    }

    /// The given percentiles (0 to 100), in microseconds; zeros when there are no samples.
    pub fn percentiles_us<const N: usize>(&mut self, percentiles: [f64; N]) -> [f64; N] {
        self.nanos.sort_unstable();
        percentiles.map(|percentile| {
            let last = self.nanos.len().saturating_sub(1);
            let index = (percentile / 100.0 * last as f64).round() as usize;
            self.nanos.get(index).map_or(0.0, |nanos| f64::from(*nanos) / 1000.0)
        })
    }
}

/// The median; `None` of nothing. Values that are not numbers are ignored.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, f64::NAN, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn percentiles() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentiles_us([50.0]), [0.0]);
        for micros in (1..=101).rev() {
            latencies.add(Duration::from_micros(micros));
        }
        assert_eq!(latencies.percentiles_us([0.0, 50.0, 99.0, 100.0]), [1.0, 51.0, 100.0, 101.0]);
    }
}
