//! Response and service time of the present interval, in histograms.

use evidence::latency::{IntervalHistogram, Series, empty, record};
use hdrhistogram::Histogram;

/// One histogram a series, since the last time they were taken.
#[derive(Debug)]
pub struct Latency {
    series: [(Series, Histogram<u64>); 4],
}

impl Default for Latency {
    fn default() -> Self {
        Self { series: Series::ALL.map(|series| (series, empty())) }
    }
}

impl Latency {
    /// Records a duration, in nanoseconds.
    pub fn record(&mut self, series: Series, nanos: u64) {
        record(&mut self.series[series as usize].1, nanos);
    }

    /// What was recorded since the last call, as an interval of the run; series with nothing in them are
    /// left out.
    pub fn take(&mut self, at_ns: u64, length_ns: u64) -> Vec<IntervalHistogram> {
        self.series
            .iter_mut()
            .filter(|(_, histogram)| !histogram.is_empty())
            .map(|(series, histogram)| IntervalHistogram {
                series: *series,
                at_ns,
                length_ns,
                histogram: std::mem::replace(histogram, empty()),
            })
            .collect()
    }
}
