//! The interval histograms of a run, merged while they are read: all of them together would not fit in memory.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::EvidenceError;
use evidence::latency::{IntervalHistogram, Series, empty};
use evidence::tier::folded;
use hdrhistogram::Histogram;

use crate::windows::{Window, phase_at};

/// One interval in three numbers, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) at_ns: u64,
    pub(crate) length_ns: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// One series: whole, by phase, and over time.
#[derive(Debug, Clone)]
pub(crate) struct Digest {
    pub(crate) whole: Histogram<u64>,
    pub(crate) by_phase: BTreeMap<String, Histogram<u64>>,
    pub(crate) points: Vec<Point>,
}

/// What some of the intervals of one series come to.
#[derive(Debug, Default)]
struct Part {
    /// By phase; under none what belongs to no phase.
    sums: BTreeMap<Option<String>, Histogram<u64>>,
    points: Vec<Point>,
}

impl Part {
    fn add(&mut self, interval: IntervalHistogram, windows: &[Window]) {
        let IntervalHistogram { at_ns, length_ns, histogram, .. } = interval;
        let at = |q| seconds(histogram.value_at_quantile(q));
        self.points.push(Point {
            at_ns,
            length_ns,
            p50: at(0.5),
            p99: at(0.99),
            max: seconds(histogram.max()),
        });
        // An interval belongs to the phase of its middle: its times are only known to the millisecond.
        let phase = phase_at(windows, at_ns + length_ns / 2);
        merge(self.sums.entry(phase.map(str::to_owned)).or_insert_with(empty), &histogram);
    }

    fn append(&mut self, later: Self) {
        self.points.extend(later.points);
        for (phase, sum) in later.sums {
            merge(self.sums.entry(phase).or_insert_with(empty), &sum);
        }
    }

    fn digest(self) -> Digest {
        let mut whole = empty();
        self.sums.values().for_each(|sum| merge(&mut whole, sum));
        let by_phase = self.sums.into_iter().filter_map(|(phase, sum)| Some((phase?, sum))).collect();
        Digest { whole, by_phase, points: self.points }
    }
}

/// Adds counts to those of a histogram with the bounds of this log.
fn merge(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    // Slot by slot where both have the same bounds; a log of another writer may reach further.
    if into.add(from).is_err() {
        for step in from.iter_recorded() {
            into.saturating_record_n(step.value_iterated_to(), step.count_at_value());
        }
    }
}

/// Microseconds, as the log keeps them, in seconds.
#[expect(clippy::cast_precision_loss, reason = "an hour of microseconds is far below 2^52")]
pub(crate) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The value of this rank, from 1, in seconds.
#[expect(clippy::cast_precision_loss, reason = "half a rank is enough to name it")]
pub(crate) fn at_rank(histogram: &Histogram<u64>, rank: u64) -> f64 {
    // The middle between two ranks, since the crate rounds the product up.
    seconds(histogram.value_at_quantile((rank as f64 - 0.5) / histogram.len() as f64))
}

/// All series that a run has.
pub(crate) fn read(run: &Path, windows: &[Window]) -> Result<BTreeMap<Series, Digest>, EvidenceError> {
    let parts = folded(run, BTreeMap::<Series, Part>::new, |parts, interval| {
        parts.entry(interval.series).or_default().add(interval, windows);
    })?;
    let mut all: BTreeMap<Series, Part> = BTreeMap::new();
    for (series, part) in parts.into_iter().flatten() {
        all.entry(series).or_default().append(part);
    }
    Ok(all.into_iter().map(|(series, part)| (series, part.digest())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_that_reaches_further_than_ours_is_added_at_the_end_of_ours() {
        let mut further = Histogram::<u64>::new_with_bounds(1, 1 << 40, 2).unwrap();
        further.record_n(7, 3).unwrap();
        further.record(1 << 39).unwrap();
        let mut ours = empty();
        merge(&mut ours, &further);
        assert_eq!((ours.len(), ours.count_at(7)), (4, 3));
        assert!(ours.max() >= evidence::latency::MAX_MICROS);
    }

    #[test]
    fn ranks_of_a_histogram_are_those_of_the_values() {
        let mut histogram = empty();
        for micros in 1..=1000_u64 {
            histogram.saturating_record(micros);
        }
        for rank in [1, 2, 500, 999, 1000] {
            assert!((at_rank(&histogram, rank) - seconds(rank)).abs() < 2e-6, "{rank}");
        }
    }
}
