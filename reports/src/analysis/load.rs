//! The time under load, and the holes in what is known of it.

use evidence::event::{ClockChange, Fact};
use evidence::sample::Sample;

use super::spans::Spans;
use crate::reading::Evidence;

/// The phases in which a target has not begun to work, or has ceased to.
const IDLE: [&str; 3] = ["launch", "drain", "stop"];

/// From how many sampling intervals without a sample on there is a gap, which no series bridges.
pub(crate) const GAP: u64 = 3;

/// When there was load. Times are nanoseconds since the start of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// The warm-up and the hold phase, as they happened.
    pub(super) spans: Spans,
    /// How long the warm-up was.
    pub(super) warm_up_ns: u64,
}

impl Load {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let worked = evidence.windows.iter().filter(|w| !IDLE.contains(&w.phase.as_str()));
        let warm_up = evidence.windows.iter().filter(|w| w.phase == "warm_up");
        Self {
            spans: Spans::new(worked.map(|w| (w.begin_ns, w.end_ns))),
            warm_up_ns: Spans::new(warm_up.map(|w| (w.begin_ns, w.end_ns))).length(),
        }
    }

    /// When it began.
    pub(super) fn begin_ns(&self) -> u64 {
        self.spans.all().first().map_or(0, |(from, _)| *from)
    }

    /// The parts of it in which there was none of these moments, in order, for longer than `most_ns`; its edges
    /// count as moments.
    pub(super) fn without(&self, moments: &[u64], most_ns: u64) -> Spans {
        let gaps = self.spans.all().iter().flat_map(|(from, to)| {
            let first = moments.partition_point(|at| at < from);
            let end = moments.partition_point(|at| at < to).max(first);
            let edges = std::iter::once(*from).chain(moments[first..end].iter().copied());
            let next = moments[first..end].iter().copied().chain([*to]);
            edges.zip(next).filter(|(from, to)| to - from > most_ns)
        });
        Spans::new(gaps)
    }
}

/// How long the load was to be.
pub(crate) fn planned_ns(evidence: &Evidence) -> u64 {
    let load = evidence.manifest.phases.iter().filter(|phase| !IDLE.contains(&phase.name.as_str()));
    super::total(load.map(|phase| phase.length_ns))
}

/// When samples of which this is true were taken, in order.
pub(super) fn ticks(evidence: &Evidence, of: impl Fn(&Sample) -> bool) -> Vec<u64> {
    let mut times: Vec<u64> = evidence.samples.iter().filter(|s| of(s)).map(|s| s.at_ns).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// The longest time between two samples that is no gap.
pub(super) fn longest_step_ns(evidence: &Evidence) -> u64 {
    evidence.sampled_every_ns().saturating_mul(GAP)
}

/// When no harness was there: from the last that is known of one until the next took over.
pub(super) fn interruptions(evidence: &Evidence) -> Spans {
    Spans::new(evidence.events.iter().filter_map(|e| match e.fact {
        Fact::Resumed { from_ns, .. } => Some((from_ns, e.at_ns)),
        _ => None,
    }))
}

/// When the clocks of the host did not agree, and by how much, in nanoseconds.
pub(super) fn clock_changes(evidence: &Evidence) -> impl Iterator<Item = (u64, ClockChange, i64)> + '_ {
    evidence.events.iter().filter_map(|e| match e.fact {
        Fact::Clock { change, by_ns } => Some((e.at_ns, change, by_ns)),
        _ => None,
    })
}

/// From the last tick before the harness stood still to the first after it, where that is a gap by the interval of the
/// ticks themselves: of a run of weeks a row stands for many of them, and hides it.
pub(super) fn stalls(evidence: &Evidence) -> impl Iterator<Item = (u64, u64)> + '_ {
    let every = evidence.manifest.sampling.every_ns;
    let stalled = clock_changes(evidence).filter(|(_, change, _)| *change == ClockChange::Stalled);
    let spans =
        stalled.map(move |(at, _, by)| (at.saturating_sub(every.saturating_add(by.unsigned_abs())), at));
    spans.filter(move |(from, to)| to - from > every.saturating_mul(GAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_where_nothing_was_for_long_also_at_the_edges_of_the_load() {
        let load = Load { spans: Spans::new([(100, 200), (300, 400)].into_iter()), warm_up_ns: 0 };
        for (moments, expected) in [
            (&[100, 130, 160, 190, 320, 350, 380][..], &[][..]),
            (&[130, 160, 190, 320, 390], &[(320, 390)]),
            (&[150, 250, 330, 360], &[(100, 150), (150, 200), (360, 400)]),
            (&[], &[(100, 200), (300, 400)]),
        ] {
            let merged = Spans::new(expected.iter().copied());
            assert_eq!(load.without(moments, 30), merged, "{moments:?}");
        }
        assert_eq!(load.begin_ns(), 100);
    }
}
