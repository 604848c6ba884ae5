//! The pace of the host: the CPU time that the harness needs for a task.
//!
//! A target may need more and more because of what it keeps. The harness does the same with each task, all the time: if
//! it needs more too, then the host became slower, by a neighbour on the same machine or a lower clock. A known
//! piece of work done beside the measured one is a duet benchmark: Bulej, Horký, Tůma, Farquet, Prokopec, “Duet
//! Benchmarking”, ICPE 2020.

use std::ops::Range;

use evidence::sample::{Group, Sample};

use super::series::Context;
use crate::drift::{self, Estimate, Series, Shape};

/// The rates of work in the two halves of a run between which they are the same: what the harness needs by the clock, for
/// its samples, is then the same share of each task.
const SAME_RATE: Range<f64> = 0.9..1.1;

/// How the host's pace went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// CPU time of the harness for a task at the beginning, in seconds.
    pub per_task_s: f64,
    /// By how much it changed over the run, as a share of that.
    pub change: Estimate,
}

impl Pace {
    /// Whether the host became slower or faster for sure.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.change.lo > 0.0 || self.change.hi < 0.0
    }
}

/// How the pace went over a run; absent where there is too little of it.
pub(super) fn of(context: &Context<'_>, series: &Series) -> Option<Pace> {
    let found = drift::drift(series, &context.question());
    (found.shape != Shape::TooShort && found.level > 0.0)
        .then(|| Pace { per_task_s: found.level, change: found.over_run.times(1.0 / found.level) })
}

/// From each sample to the next: CPU time over tasks answered; absent where the work is not steady. A harness that took
/// over is another process.
pub(super) fn series(context: &Context<'_>) -> Option<Series> {
    let own: Vec<&Sample> = context.evidence.samples.iter().filter(|s| s.group == Group::Harness).collect();
    let pairs = own.windows(2).filter_map(|pair| {
        let [before, after] = pair else { return None };
        let work = context.work_until(after.at_ns) - context.work_until(before.at_ns);
        let taken_over = context.taken_over(before.at_ns..after.at_ns);
        let cpu_ns = after.cpu_ns?.checked_sub(before.cpu_ns?).filter(|_| work > 0.0 && !taken_over)?;
        Some((after.at_ns, crate::analysis::seconds(cpu_ns) / work))
    });
    Some(context.of_values(pairs)).filter(is_steady)
}

fn is_steady(series: &Series) -> bool {
    let (early, late) = series.points.split_at(series.points.len() / 2);
    let rate = |half: &[drift::Point]| {
        let (first, last) = (half.first()?, half.last()?);
        (last.at_s > first.at_s).then(|| (last.work - first.work) / (last.at_s - first.at_s))
    };
    rate(early).zip(rate(late)).is_some_and(|(early, late)| SAME_RATE.contains(&(late / early)))
}
