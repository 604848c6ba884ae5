//! What a fault cost against windows of the same length without any fault.
//!
//! Late and retried answers are counted in whole intervals of the log, delivery and times in beats. The window of
//! a fault begins with it and ends when it was undone and the target steady. Placebo windows lie in the hold phase,
//! one after another, away from every fault until the target had settled from it.

use evidence::round::Interval;

use super::FaultFinding;
use crate::analysis::spans::Spans;
use crate::analysis::steady::Beats;
use crate::analysis::{Step, number, seconds, total};
use crate::reading::Evidence;
use crate::statistics::middle;

/// For how long after it was steady a target is given time to settle, in nanoseconds.
pub(super) const SETTLES_NS: u64 = 1_000_000_000;

/// The most placebo windows that are looked at.
const MOST: usize = 30;

/// A number in a fault's window, and the same in windows without a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Against {
    /// During the fault.
    pub fault: f64,
    /// The least of the placebo windows.
    pub least: f64,
    /// Their median.
    pub median: f64,
    /// The greatest.
    pub greatest: f64,
    /// How many windows.
    pub windows: u64,
}

/// A fault against its placebo. What cannot be compared is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Placebo {
    /// How long the fault's window was, in seconds.
    pub window_s: f64,
    /// Late answers.
    pub late: Option<Against>,
    /// Answers after more than one attempt.
    pub retried: Option<Against>,
    /// The 99th percentile of the time of rounds; where there are none, the greatest of the intervals' 99th
    /// percentiles of response time. In seconds.
    pub p99: Option<Against>,
    /// The share delivered in time.
    pub delivered: Option<Against>,
}

/// When a fault began, and when the target had settled from it; the greatest number if it never did.
pub(in crate::analysis) fn span(fault: &FaultFinding) -> Option<(u64, u64)> {
    let begun = fault.begun_ns?;
    let after = |s: f64| begun.saturating_add(nanos(s));
    let steady = match fault.recovery.steady {
        Some(Step::Took(s)) => after(s),
        Some(Step::NotBefore(s)) if s > 0.0 => u64::MAX,
        _ => begun,
    };
    Some((begun, steady.max(fault.healed_ns.unwrap_or(begun))))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive time of a run")]
fn nanos(s: f64) -> u64 {
    (s.max(0.0) * 1e9).round() as u64
}

/// Compares every fault with its placebo.
pub(super) fn fill(evidence: &Evidence, beats: &Beats, faults: &mut [FaultFinding]) {
    let spans: Vec<Option<(u64, u64)>> = faults.iter().map(span).collect();
    let settled = |(begun, over): &(u64, u64)| (*begun, over.saturating_add(SETTLES_NS));
    let disturbed = Spans::new(spans.iter().flatten().map(settled));
    let Some(hold) = evidence.windows.iter().find(|w| w.phase == "hold") else { return };
    let calm =
        |from: u64, to: u64| from >= hold.begin_ns && to <= hold.end_ns && disturbed.within(from, to) == 0;
    let rows = &evidence.intervals;
    let calm_rows: Vec<bool> =
        rows.iter().map(|r| calm(r.at_ns, r.at_ns.saturating_add(r.length_ns))).collect();
    let calm_beats: Vec<bool> =
        beats.all().iter().map(|b| b.end_ns.is_some_and(|end| calm(b.begin_ns, end))).collect();
    for (fault, span) in faults.iter_mut().zip(spans) {
        let Some((from, to)) = span else { continue };
        let to = to.min(hold.end_ns);
        let first = rows.partition_point(|r| r.at_ns.saturating_add(r.length_ns) <= from);
        let in_rows: Vec<usize> = (first..rows.partition_point(|r| r.at_ns < to)).collect();
        let in_beats = beats.during(from, to);
        let sum = |of: fn(&Interval) -> u64| {
            move |at: &[usize]| Some(number(total(at.iter().map(|i| of(&rows[*i])))))
        };
        fault.placebo = Some(Placebo {
            window_s: seconds(to.saturating_sub(from)),
            late: against(&calm_rows, &in_rows, sum(|r| r.late)),
            retried: against(&calm_rows, &in_rows, sum(|r| r.retried)),
            p99: against(&calm_beats, &in_beats, |at| beats.slowest(at)),
            delivered: against(&calm_beats, &in_beats, |at| beats.delivered(at)),
        });
    }
}

/// The same over as many calm places in a row as the fault has, again and again. `None` without any such.
fn against(calm: &[bool], at: &[usize], value: impl Fn(&[usize]) -> Option<f64>) -> Option<Against> {
    let fault = value(at).filter(|_| !at.is_empty())?;
    let mut found = Vec::new();
    let mut row: Vec<usize> = Vec::with_capacity(at.len());
    for (place, calm) in calm.iter().enumerate() {
        if !calm {
            row.clear();
            continue;
        }
        row.push(place);
        if row.len() == at.len() {
            found.extend(value(&row));
            row.clear();
            if found.len() == MOST {
                break;
            }
        }
    }
    found.sort_by(f64::total_cmp);
    let (least, greatest) = (*found.first()?, *found.last()?);
    Some(Against { fault, least, median: middle(&found)?, greatest, windows: found.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_compared_with_calm_windows_of_its_own_length() {
        let values = [1.0, 2.0, 3.0, 50.0, 60.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let calm = [true, true, true, false, false, true, true, true, true, true];
        let sum = |at: &[usize]| Some(at.iter().map(|i| values[*i]).sum());
        let found = against(&calm, &[3, 4], sum).unwrap();
        assert_eq!((found.fault, found.windows), (110.0, 3), "1+2, 4+5, 6+7");
        assert_eq!((found.least, found.median, found.greatest), (3.0, 9.0, 13.0));
        assert_eq!(against(&calm, &[0, 1, 2, 3, 4, 5], sum), None, "none is as long");
    }
}
