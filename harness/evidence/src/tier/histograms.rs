//! The histograms of a stretch of time added up, and as they were around the faults of the plan.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread::ScopedJoinHandle;

use hdrhistogram::Histogram;

use crate::latency::{Head, IntervalHistogram, Log, Part, Series, Writer};
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
                if Arc::make_mut(&mut open.histogram).add(&*interval.histogram).is_err() {
                    return Some(interval);
                }
                None
            }
            // A copy: the histogram itself is waited for by who fills the next.
            _ => {
                let histogram = Arc::new(Histogram::clone(&interval.histogram));
                self.open.insert(series, IntervalHistogram { histogram, ..interval })
            }
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
        Log::read(&layout::LATENCY_TIER.within(run))?.whole().each(|head| ends.saw(head), |_| ())?;
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
    /// Whether it is worth decoding is for others to say.
    fn saw(&mut self, head: &Head) -> bool {
        self.0.insert(head.series, head.at_ns + head.length_ns);
        false
    }

    fn are_before(&self, head: &Head) -> bool {
        self.0.get(&head.series).is_none_or(|end_ns| head.at_ns + ROUNDED_NS > *end_ns)
    }
}

/// The raw intervals behind a tier.
fn tail(run: &Path, ends: &Ends, mut visit: impl FnMut(IntervalHistogram)) -> Result<(), EvidenceError> {
    for path in segment::all(&layout::LATENCY.within(run))? {
        Log::read(&path)?.whole().each(|head| ends.are_before(head), &mut visit)?;
    }
    Ok(())
}

/// Takes in every interval of a run, on every core: of a long run those of its tier, and what is behind it. The
/// results are in the order of time: all that the first has taken in comes before what the second has.
///
/// # Errors
/// If a file cannot be read or a line is not one of ours.
pub fn folded<Taken: Send>(
    run: &Path,
    begin: impl Fn() -> Taken + Sync,
    take: impl Fn(&mut Taken, IntervalHistogram) + Sync,
) -> Result<Vec<Taken>, EvidenceError> {
    let tier = layout::LATENCY_TIER.within(run);
    let tiered = tier.exists();
    let log = Log::read(&if tiered { tier } else { layout::LATENCY.within(run) })?;
    let part_taken = |part: Part<'_>| {
        let (mut taken, mut ends) = (begin(), Ends::default());
        let wanted = |head: &Head| {
            ends.saw(head);
            true
        };
        part.each(wanted, |interval| take(&mut taken, interval))?;
        Ok::<_, EvidenceError>((taken, ends))
    };
    let parts = log.parts(std::thread::available_parallelism().map_or(1, usize::from));
    let all = std::thread::scope(|threads| {
        let reading: Vec<_> = parts.iter().map(|part| threads.spawn(|| part_taken(*part))).collect();
        // Its panic is this one's.
        let joined = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|e| resume_unwind(e));
        reading.into_iter().map(joined).collect::<Result<Vec<_>, _>>()
    })?;
    let (mut taken, mut ends) = (Vec::new(), Ends::default());
    for (part, to) in all {
        taken.push(part);
        ends.0.extend(to.0);
    }
    if tiered {
        let mut last = begin();
        tail(run, &ends, |interval| take(&mut last, interval))?;
        taken.push(last);
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency;

    const SECOND: u64 = 1_000_000_000;

    fn interval(at_s: u64, micros: u64) -> IntervalHistogram {
        let mut histogram = latency::empty();
        latency::record(&mut histogram, micros * 1_000);
        let (at_ns, length_ns) = (at_s * SECOND, 10 * SECOND);
        IntervalHistogram { series: Series::Response, at_ns, length_ns, histogram: histogram.into() }
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
        for interval in folded(run, Vec::new, Vec::push).unwrap().into_iter().flatten() {
            all.add(&*interval.histogram).unwrap();
            lengths.push(interval.length_ns / SECOND);
            assert!(interval.at_ns == SECOND * lengths[..lengths.len() - 1].iter().sum::<u64>());
        }
        assert_eq!(all.len(), 500);
        assert!((598..=600).contains(&all.max()), "{}", all.max());
        assert_eq!(lengths.iter().sum::<u64>(), 5_000, "{lengths:?}");
        assert!(lengths.iter().filter(|l| **l == 10).count() >= 20, "{lengths:?}");
        assert!(lengths.contains(&600));
        assert!(lengths.len() < 100);
    }
}
