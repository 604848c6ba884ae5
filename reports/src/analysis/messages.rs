//! What became of every task: the closed ledger, or the running one of a run that crashed.

use evidence::end::Ledger;
use evidence::round::{Interval as Row, Round};

use super::{Basis, Findings, Measured, Of, number, shed_tasks, total};
use crate::reading::Evidence;
use crate::statistics::Interval;

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    match &evidence.end {
        Some(end) if end.ledger.sent > 0 || has_work(evidence) => closed(evidence, &end.ledger, findings),
        Some(_) => {}
        None => running(&evidence.intervals, findings),
    }
    rates_by_phase(evidence, findings);
    worst_rate(evidence, None, findings);
}

fn has_work(evidence: &Evidence) -> bool {
    let workload = &evidence.manifest.workload;
    workload.arrivals || workload.rounds_every_ns.is_some()
}

fn closed(evidence: &Evidence, ledger: &Ledger, findings: &mut Findings) {
    use Basis::{ClosedLedger, Ledger as Open};
    for (name, basis, count) in [
        ("messages.sent", Open, Some(ledger.sent)),
        ("messages.acknowledged", Open, Some(ledger.acknowledged)),
        ("messages.answered", Open, Some(ledger.in_time + ledger.late)),
        ("messages.unknown", ClosedLedger, Some(ledger.unknown)),
        ("messages.refused", Open, Some(ledger.refused)),
        ("messages.late", Open, Some(ledger.late)),
        ("messages.duplicated", Open, Some(ledger.duplicated)),
        ("messages.reordered", Open, Some(ledger.reordered)),
        ("messages.corrupt", Open, Some(ledger.corrupt)),
        ("messages.phantom", Open, Some(ledger.phantom)),
        ("messages.two_owners", Open, Some(ledger.two_owners)),
        ("effects.duplicated", Open, ledger.effects_duplicated),
    ] {
        findings.fact(name, basis, ledger.sent, count);
    }
    // Of what was neither acknowledged nor answered it is not known whether the target took it and lost it.
    let lost = Interval { lo: number(ledger.lost), hi: number(ledger.lost.saturating_add(ledger.unknown)) };
    let found = Measured::exact(ClosedLedger, ledger.sent, lost.lo);
    findings.put("messages.lost", Of::default(), Measured { interval: lost, ..found });
    // A flood asks how a target stands what is too much; it is no part of what had to be delivered.
    let sent = ledger.sent.saturating_sub(ledger.floods.sent);
    // What nobody saw because the harness was dead was neither delivered nor lost.
    let sent = sent.saturating_sub(ledger.hidden);
    let due = sent.saturating_add(shed_tasks(evidence, None));
    if due > 0 {
        let in_time = ledger.in_time.saturating_sub(ledger.floods.in_time);
        let delivered = number(in_time) / number(due);
        rates(Of::default(), Measured::exact(Basis::Ledger, due, delivered), findings);
    }
}

/// The share that was delivered, and the rest.
fn rates(of: Of<'_>, delivered: Measured, findings: &mut Findings) {
    let n = number(delivered.n);
    // Shares of `n` that are as near to those of a limit as a number can be: 1 - 0.95 is not 0.05.
    let rest = |share: f64| ((1.0 - share) * n).round() / n;
    let Interval { lo, hi } = delivered.interval;
    let interval = Interval { lo: rest(hi), hi: rest(lo) };
    findings.put("delivery.rate", of, delivered);
    findings.put("error.rate", of, Measured { value: rest(delivered.value), interval, ..delivered });
}

/// A run that crashed has counted until then; what was lost is not known.
fn running(rows: &[Row], findings: &mut Findings) {
    if rows.is_empty() {
        return;
    }
    let sum = |count: fn(&Row) -> u64| Some(total(rows.iter().map(count)));
    let sent = total(rows.iter().map(|r| r.sent));
    for (name, count) in [
        ("messages.sent", sum(|r| r.sent)),
        ("messages.acknowledged", sum(|r| r.acknowledged)),
        ("messages.answered", sum(|r| r.answered.saturating_add(r.late))),
        ("messages.refused", sum(|r| r.refused)),
        ("messages.late", sum(|r| r.late)),
        ("messages.duplicated", sum(|r| r.duplicated)),
        ("messages.reordered", sum(|r| r.reordered)),
        ("messages.corrupt", sum(|r| r.corrupt)),
        ("messages.phantom", sum(|r| r.phantom)),
    ] {
        findings.fact(name, Basis::Intervals, sent, count);
    }
}

/// Delivery in each phase. Rounds know their phase, and the tasks of each are counted; single tasks are
/// answered in the phase in which they were sent or in a later one, which is an interval.
fn rates_by_phase(evidence: &Evidence, findings: &mut Findings) {
    for window in &evidence.windows {
        let phase = window.phase.as_str();
        let found = if evidence.manifest.workload.arrivals {
            delivery_of_rows(evidence, phase)
        } else {
            delivery_of_rounds(evidence, phase)
        };
        let Some(found) = found else { continue };
        rates(Of::phase(Some(phase)), found, findings);
        worst_rate(evidence, Some(phase), findings);
    }
}

fn delivery_of_rounds(evidence: &Evidence, phase: &str) -> Option<Measured> {
    let rounds = || evidence.rounds.iter().filter(|r| r.phase == phase && r.ended_ns.is_some());
    let expected = total(rounds().map(|r| u64::from(r.expected)));
    let expected = expected.saturating_add(shed_tasks(evidence, Some(phase)));
    let delivered: u64 = rounds().map(|r| u64::from(r.delivered)).sum();
    (expected > 0).then(|| Measured::exact(Basis::Rounds, expected, number(delivered) / number(expected)))
}

fn delivery_of_rows(evidence: &Evidence, phase: &str) -> Option<Measured> {
    let rows = &evidence.intervals;
    let of_phase: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].phase == phase).collect();
    let sent = total(of_phase.iter().map(|i| rows[*i].sent));
    let due = sent.saturating_add(shed_tasks(evidence, Some(phase)));
    let answered = total(of_phase.iter().map(|i| rows[*i].answered));
    let (first, last) = (*of_phase.first()?, *of_phase.last()?);
    let open_before = first.checked_sub(1).map_or(0, |i| rows[i].open);
    share(due, answered, open_before, rows[last].open)
}

/// Tasks that were sent, and those that should have been.
fn due(row: &Row) -> u64 {
    row.sent.saturating_add(row.shed)
}

/// The share of the tasks due in a span that were answered in time. An answer in the span may belong to a
/// task that was open before it, and a task that is open at its end may be answered later.
fn share(due: u64, answered: u64, open_before: u64, open_after: u64) -> Option<Measured> {
    let of_due = |count: u64| (number(count) / number(due)).min(1.0);
    let interval = || Interval {
        lo: of_due(answered.saturating_sub(open_before)),
        hi: of_due(answered.saturating_add(open_after)),
    };
    (due > 0).then(|| Measured {
        basis: Basis::Intervals,
        n: due,
        value: of_due(answered),
        interval: interval(),
        needs: None,
    })
}

/// The worst round, or the worst interval where there are single tasks.
fn worst_rate(evidence: &Evidence, phase: Option<&str>, findings: &mut Findings) {
    let here = |of: &str| phase.is_none_or(|phase| phase == of);
    let shares: Vec<Measured> = if evidence.manifest.workload.arrivals {
        let rows = &evidence.intervals;
        let before = |i: usize| i.checked_sub(1).map_or(0, |i| rows[i].open);
        (0..rows.len())
            .filter(|i| here(&rows[*i].phase))
            .filter_map(|i| share(due(&rows[i]), rows[i].answered, before(i), rows[i].open))
            .collect()
    } else {
        let over = |r: &&Round| here(&r.phase) && (r.ended_ns.is_some() || r.started_ns.is_none());
        let rounds = evidence.rounds.iter().filter(over);
        // Of a round that was due and not started nothing was delivered.
        rounds
            .filter(|r| r.expected > 0 || r.started_ns.is_none())
            .map(|r| f64::from(r.delivered) / f64::from(r.expected.max(1)))
            .map(|share| Measured::exact(Basis::Rounds, 1, share))
            .collect()
    };
    let least = |of: fn(&Measured) -> f64| shares.iter().map(of).fold(f64::INFINITY, f64::min);
    let Some(first) = shares.first() else { return };
    let interval = Interval { lo: least(|s| s.interval.lo), hi: least(|s| s.interval.hi) };
    let found =
        Measured { n: shares.len() as u64, value: least(|s| s.value), interval, needs: None, ..*first };
    findings.put("delivery.rate.min", Of::phase(phase), found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_at_the_edges_of_a_span_widens_its_delivery() {
        let found = share(100, 98, 1, 2).unwrap();
        assert_eq!((found.interval.lo, found.value, found.interval.hi), (0.97, 0.98, 1.0));
        assert_eq!(share(0, 3, 3, 0).map(|m| m.n), None, "no task, no rate");
    }
}
