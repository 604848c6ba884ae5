//! The histograms of a stretch of time added up, and as they were around the faults of the plan.

use std::collections::BTreeMap;
use std::path::Path;

use crate::latency::{self, IntervalHistogram, Series, Writer};
use crate::{EvidenceError, layout, segment};

/// A time of the log is rounded to the millisecond; ends closer than this are the same.
const ROUNDED_NS: u64 = 2_000_000;

/// The histograms of the stretch that is not over, by series.
#[derive(Debug)]
struct Fold {
    stretch_ns: u64,
    open: BTreeMap<Series, IntervalHistogram>,
}

impl Fold {
    fn new(stretch_ns: u64) -> Self {
        Self { stretch_ns: stretch_ns.max(1), open: BTreeMap::new() }
    }

    /// Takes an interval in; what it ends of its series.
    fn push(&mut self, interval: IntervalHistogram) -> Option<IntervalHistogram> {
        let number = interval.at_ns / self.stretch_ns;
        let stretch_ns = self.stretch_ns;
        let series = interval.series;
        match self.open.get_mut(&series) {
            Some(open) if open.at_ns / stretch_ns == number => {
                open.length_ns = (interval.at_ns + interval.length_ns).saturating_sub(open.at_ns);
                // Both have the bounds of this log, in which every value has its place.
                if open.histogram.add(&interval.histogram).is_err() {
                    return Some(interval);
                }
                None
            }
            _ => self.open.insert(series, interval),
        }
    }

    /// Ends the stretch of this series here, or of all.
    fn cut(&mut self, series: Option<Series>) -> Vec<IntervalHistogram> {
        match series {
            Some(series) => self.open.remove(&series).into_iter().collect(),
            None => std::mem::take(&mut self.open).into_values().collect(),
        }
    }
}

/// Writes the tier of the histograms.
#[derive(Debug)]
pub struct HistogramTier {
    fold: Fold,
    writer: Writer,
    /// From when to when intervals are kept as they are, in nanoseconds since the start of the run.
    fine_ns: Vec<(u64, u64)>,
}

impl HistogramTier {
    /// Begins the tier, or goes on with it behind what it has.
    ///
    /// # Errors
    /// If the file system refuses, or what there is cannot be read.
    pub fn open(run: &Path, stretch_ns: u64) -> Result<Self, EvidenceError> {
        let mut ends = Ends::default();
        latency::each_of(&layout::LATENCY_TIER.within(run), |interval| ends.saw(&interval))?;
        let writer = Writer::resume(run, layout::LATENCY_TIER)?;
        let mut tier = Self { fold: Fold::new(stretch_ns), writer, fine_ns: Vec::new() };
        let mut behind = Vec::new();
        tail(run, &ends, |interval| behind.push(interval))?;
        behind.into_iter().try_for_each(|interval| tier.push(interval))?;
        Ok(tier)
    }

    /// Intervals between these times are kept as they are.
    pub fn keep_fine(&mut self, fine_ns: Vec<(u64, u64)>) {
        self.fine_ns = fine_ns;
    }

    /// Takes an interval in; one in which nothing was measured says nothing.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn push(&mut self, interval: IntervalHistogram) -> Result<(), EvidenceError> {
        let at_ns = interval.at_ns;
        let fine = self.fine_ns.iter().any(|(from, to)| (*from..*to).contains(&at_ns));
        let ended = if fine {
            let mut ended = self.fold.cut(Some(interval.series));
            ended.push(interval);
            ended
        } else {
            self.fold.push(interval).into_iter().collect()
        };
        ended.iter().try_for_each(|interval| self.writer.append(interval))
    }

    /// Ends the stretch here: a phase or the run is over.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn cut(&mut self) -> Result<(), EvidenceError> {
        self.fold.cut(None).iter().try_for_each(|interval| self.writer.append(interval))
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.writer.flush()
    }
}

/// Up to when a tier speaks of each series.
#[derive(Debug, Default)]
struct Ends(BTreeMap<Series, u64>);

impl Ends {
    fn saw(&mut self, interval: &IntervalHistogram) {
        self.0.insert(interval.series, interval.at_ns + interval.length_ns);
    }

    fn are_before(&self, interval: &IntervalHistogram) -> bool {
        self.0.get(&interval.series).is_none_or(|end_ns| interval.at_ns + ROUNDED_NS > *end_ns)
    }
}

/// The raw intervals behind a tier.
fn tail(run: &Path, ends: &Ends, mut visit: impl FnMut(IntervalHistogram)) -> Result<(), EvidenceError> {
    for path in segment::all(&layout::LATENCY.within(run))? {
        latency::each_of(&path, |interval| {
            if ends.are_before(&interval) {
                visit(interval);
            }
        })?;
    }
    Ok(())
}

/// Every interval of a run, one at a time: of a long run those of its tier, and what is behind it.
///
/// # Errors
/// If a file cannot be read or a line is not one of ours.
pub fn each(run: &Path, mut visit: impl FnMut(IntervalHistogram)) -> Result<(), EvidenceError> {
    let path = layout::LATENCY_TIER.within(run);
    if !path.exists() {
        return latency::each_of(&layout::LATENCY.within(run), visit);
    }
    let mut ends = Ends::default();
    latency::each_of(&path, |interval| {
        ends.saw(&interval);
        visit(interval);
    })?;
    tail(run, &ends, visit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn interval(at_s: u64, micros: u64) -> IntervalHistogram {
        let mut histogram = latency::empty();
        latency::record(&mut histogram, micros * 1_000);
        let (at_ns, length_ns) = (at_s * SECOND, 10 * SECOND);
        IntervalHistogram { series: Series::Response, at_ns, length_ns, histogram }
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_wherever_the_writer_is_killed() {
        let run = tempfile::tempdir().unwrap();
        let run = run.path();
        for part in [0..137_u64, 137..138, 138..500] {
            let mut raw = Writer::resume(run, layout::LATENCY).unwrap();
            let mut tier = HistogramTier::open(run, 600 * SECOND).unwrap();
            // 1,000 s to 1,200 s are the neighbourhood of a fault.
            tier.keep_fine(vec![(1_000 * SECOND, 1_200 * SECOND)]);
            for n in part {
                let interval = interval(n * 10, 100 + n);
                raw.append(&interval).unwrap();
                tier.push(interval).unwrap();
            }
            raw.flush().unwrap();
            tier.flush().unwrap();
        }
        let (mut all, mut lengths) = (latency::empty(), Vec::new());
        each(run, |interval| {
            all.add(&interval.histogram).unwrap();
            lengths.push(interval.length_ns / SECOND);
        })
        .unwrap();
        assert_eq!(all.len(), 500);
        assert!((598..=600).contains(&all.max()), "{}", all.max());
        assert_eq!(lengths.iter().sum::<u64>(), 5_000, "{lengths:?}");
        assert!(lengths.iter().filter(|l| **l == 10).count() >= 20, "{lengths:?}");
        assert!(lengths.contains(&600));
        assert!(lengths.len() < 100);
    }
}
