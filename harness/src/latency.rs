//! Response and service time of the present interval, in histograms.
//!
//! Each series has two that take turns: one is filled while the other is being written. As long as the writer keeps up none
//! is made or given back: how long the disk takes would show in the memory of the harness.

use std::sync::Arc;

use evidence::latency::{IntervalHistogram, Series, empty, record};
use hdrhistogram::Histogram;

/// One histogram a series, since the last time they were taken.
#[derive(Debug)]
pub struct Latency {
    series: [Turns; 4],
}

/// The two of a series.
#[derive(Debug)]
struct Turns {
    series: Series,
    filled: Histogram<u64>,
    written: Arc<Histogram<u64>>,
}

impl Default for Latency {
    fn default() -> Self {
        Self { series: Series::ALL.map(Turns::new) }
    }
}

impl Latency {
    /// Records a duration, in nanoseconds.
    pub fn record(&mut self, series: Series, nanos: u64) {
        record(&mut self.series[series as usize].filled, nanos);
    }

    /// What was recorded since the last call, as an interval of the run; series with nothing in them are
    /// left out.
    pub fn take(&mut self, at_ns: u64, length_ns: u64) -> Vec<IntervalHistogram> {
        let used = self.series.iter_mut().filter(|turns| !turns.filled.is_empty());
        used.map(|turns| IntervalHistogram {
            series: turns.series,
            at_ns,
            length_ns,
            histogram: turns.over(),
        })
        .collect()
    }
}

impl Turns {
    fn new(series: Series) -> Self {
        // Every page of them is touched now, not when the first value lands on it.
        let histogram = || {
            let mut histogram = empty();
            histogram.reset();
            histogram
        };
        Self { series, filled: histogram(), written: Arc::new(histogram()) }
    }

    /// Hands over the filled one; the other is filled next.
    fn over(&mut self) -> Arc<Histogram<u64>> {
        match Arc::get_mut(&mut self.written) {
            Some(free) => {
                free.reset();
                std::mem::swap(free, &mut self.filled);
            }
            // The disk takes longer than an interval.
            None => self.written = Arc::new(std::mem::replace(&mut self.filled, empty())),
        }
        Arc::clone(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(latency: &mut Latency, micros: u64) -> IntervalHistogram {
        latency.record(Series::Round, micros * 1_000);
        let mut all = latency.take(0, 1);
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn an_interval_holds_what_was_recorded_in_it_and_nothing_else_however_late_it_is_written() {
        let mut latency = Latency::default();
        assert!(latency.take(0, 1).is_empty());
        let late: Vec<_> = (1..6).map(|n| taken(&mut latency, n)).collect();
        let values: Vec<_> = late.iter().map(|i| (i.histogram.min(), i.histogram.max())).collect();
        assert_eq!(values, (1..6).map(|n| (n, n)).collect::<Vec<_>>());
        assert!(latency.take(0, 1).is_empty());
    }

    #[test]
    fn the_same_two_histograms_take_turns_while_the_writer_keeps_up() {
        let mut latency = Latency::default();
        let places: Vec<_> = (1..7).map(|n| Arc::as_ptr(&taken(&mut latency, n).histogram)).collect();
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }
}
