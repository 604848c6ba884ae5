//! The numbers over all faults and of each.

use evidence::event::Proof;

use super::{FaultFinding, Left, Placebo, Recovery, Step};
use crate::analysis::{Basis, Findings, Measured, Of, Values, number};
use crate::statistics::Interval;

/// The numbers over all faults and of each.
pub(in crate::analysis) fn find(faults: &[FaultFinding], findings: &mut Findings) {
    if faults.is_empty() {
        return;
    }
    let proven = faults.iter().filter(|f| f.proof == Proof::Proven).count();
    findings.fact("faults.planned", Basis::Manifest, faults.len() as u64, Some(faults.len() as u64));
    findings.fact("faults.proven", Basis::Events, faults.len() as u64, Some(proven as u64));
    for (base, step) in [
        ("recovery.time", (|r| r.steady) as fn(&Recovery) -> Option<Step>),
        ("recovery.detect", |r| r.detect),
        ("recovery.elect", |r| r.elect),
        ("recovery.reassign", |r| r.reassign),
        ("recovery.first_success", |r| r.first_success),
        ("recovery.round", |r| r.round),
        ("recovery.drained", |r| r.drained),
    ] {
        over_faults(base, faults.iter().filter_map(|f| step(&f.recovery)), findings);
    }
    over_faults("recovery.after_heal", faults.iter().filter_map(|f| f.after_heal), findings);
    for fault in faults {
        of_one(&fault.id, std::slice::from_ref(fault), findings);
    }
    let mut series: Vec<&str> =
        faults.iter().filter_map(|f| f.id.rsplit_once('.')).map(|(id, _)| id).collect();
    series.dedup();
    for id in series {
        let of_series: Vec<FaultFinding> = faults
            .iter()
            .filter(|f| f.id.rsplit_once('.').is_some_and(|(head, _)| head == id))
            .cloned()
            .collect();
        of_one(id, &of_series, findings);
    }
}

fn over_faults(base: &str, steps: impl Iterator<Item = Step>, findings: &mut Findings) {
    let mut took = Vec::new();
    let mut not_before: Vec<f64> = Vec::new();
    for step in steps {
        match step {
            Step::Took(s) => took.push(s),
            Step::NotBefore(s) => not_before.push(s),
        }
    }
    took.sort_by(f64::total_cmp);
    let value_at = |rank: u64| usize::try_from(rank - 1).map_or(f64::NAN, |i| took[i]);
    let values = Values {
        known: took.len() as u64,
        unknown: not_before.len() as u64,
        value_at: &value_at,
        bound_at: &value_at,
    };
    findings.distribution(base, Of::default(), Basis::Events, &values);
    if let Some(longest) = not_before.into_iter().reduce(f64::max) {
        let lo = took.last().map_or(longest, |greatest| greatest.max(longest));
        if lo > 0.0 {
            let interval = Interval { lo, hi: f64::INFINITY };
            let n = values.known + values.unknown;
            let found = Measured { basis: Basis::Events, n, value: lo, interval, needs: None };
            findings.put(&format!("{base}.max"), Of::default(), found);
        }
    }
}

/// A fault, or a series of them under their common id: `1` stands for `1.1`, `1.2` and so on.
fn of_one(id: &str, faults: &[FaultFinding], findings: &mut Findings) {
    let of = Of { selector: Some(id), phase: None };
    let n = faults.len() as u64;
    slowest("fault.recovery_time", of, faults, |f| f.recovery.steady, findings);
    slowest("fault.after_heal", of, faults, |f| f.after_heal, findings);
    let proven = faults.iter().filter(|f| f.proof == Proof::Proven).count();
    findings.put("fault.proven", of, Measured::exact(Basis::Events, n, number(proven as u64)));
    for (name, basis, count) in [
        ("fault.lost", Basis::ClosedLedger, (|f| f.lost) as fn(&FaultFinding) -> Option<u64>),
        ("fault.late", Basis::Events, |f| f.late),
        ("fault.retried", Basis::Events, |f| f.retried),
    ] {
        if let Some(sum) = faults.iter().map(count).sum::<Option<u64>>() {
            findings.put(name, of, Measured::exact(basis, n, number(sum)));
        }
    }
    if let Some(excess) = late_excess(faults) {
        let value = excess.iter().map(|(value, _)| value).sum();
        let lo = excess.iter().map(|(_, interval)| interval.lo).sum();
        let hi = excess.iter().map(|(_, interval)| interval.hi).sum();
        let interval = Interval { lo, hi };
        let found = Measured { basis: Basis::Intervals, n, value, interval, needs: None };
        findings.put("fault.late_excess", of, found);
    }
    for (name, read) in [
        ("fault.descriptors_left", (|l| l.descriptors) as fn(&Left) -> Option<(f64, f64)>),
        ("fault.memory_left", |l| l.private),
    ] {
        let more = faults.iter().flat_map(|f| &f.left).filter_map(read).map(|(before, after)| after - before);
        if let Some(most) = more.reduce(f64::max) {
            findings.put(name, of, Measured::exact(Basis::Samples, n, most));
        }
    }
}

/// The slowest of a series; absent where of one of them nothing is known.
fn slowest(
    name: &str,
    of: Of<'_>,
    faults: &[FaultFinding],
    step: fn(&FaultFinding) -> Option<Step>,
    findings: &mut Findings,
) {
    let steps: Vec<Step> = faults.iter().filter_map(step).collect();
    let longest = steps.iter().map(|s| s.at_least()).reduce(f64::max);
    let Some(value) = longest.filter(|_| steps.len() == faults.len()) else { return };
    let known = steps.iter().all(|s| matches!(s, Step::Took(_)));
    if known || value > 0.0 {
        let interval = Interval { lo: value, hi: if known { value } else { f64::INFINITY } };
        let n = faults.len() as u64;
        findings.put(name, of, Measured { basis: Basis::Events, n, value, interval, needs: None });
    }
}

/// Late answers of each beyond the median of its placebo, and beyond its greatest and its least.
fn late_excess(faults: &[FaultFinding]) -> Option<Vec<(f64, Interval)>> {
    let excess = |f: &FaultFinding| {
        let late = f.placebo.as_ref().and_then(|p: &Placebo| p.late)?;
        let interval = Interval { lo: late.fault - late.greatest, hi: late.fault - late.least };
        Some((late.fault - late.median, interval))
    };
    faults.iter().map(excess).collect()
}
