//! The interval histograms of a run, merged while they are read: all of them together would not fit in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use evidence::EvidenceError;
use evidence::latency::{IntervalHistogram, Series, empty};
use evidence::tier::each;
use hdrhistogram::Histogram;

use crate::reading::joined;
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

impl Digest {
    fn add(&mut self, interval: &IntervalHistogram, windows: &[Window]) {
        merge(&mut self.whole, &interval.histogram);
        // An interval belongs to the phase of its middle: its times are only known to the millisecond.
        if let Some(phase) = phase_at(windows, interval.at_ns + interval.length_ns / 2) {
            merge(self.by_phase.entry(phase.to_owned()).or_insert_with(empty), &interval.histogram);
        }
        let at = |q| seconds(interval.histogram.value_at_quantile(q));
        self.points.push(Point {
            at_ns: interval.at_ns,
            length_ns: interval.length_ns,
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        });
    }
}

fn merge(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    for step in from.iter_recorded() {
        into.saturating_record_n(step.value_iterated_to(), step.count_at_value());
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

/// Histograms that may have been read and not yet been added up; each takes some 190 KiB.
const READ_AHEAD: usize = 16;

/// All series that a run has. They are read and added up at the same time: each of the two is half of the work.
pub(crate) fn read(run: &Path, windows: &[Window]) -> Result<BTreeMap<Series, Digest>, EvidenceError> {
    let mut digests: BTreeMap<Series, Digest> = BTreeMap::new();
    std::thread::scope(|threads| {
        let (sender, intervals) = sync_channel(READ_AHEAD);
        // It fails only if this thread has panicked, and then nobody waits for it.
        let reading = threads.spawn(move || each(run, |interval| drop(sender.send(interval))));
        for interval in intervals {
            digests
                .entry(interval.series)
                .or_insert_with(|| Digest { whole: empty(), by_phase: BTreeMap::new(), points: Vec::new() })
                .add(&interval, windows);
        }
        joined(reading)
    })?;
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

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
