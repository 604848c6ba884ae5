//! What became of every task: the closed ledger, or the running one of a run that crashed.

use evidence::end::Ledger;
use evidence::round::{Interval as Row, Round};

use super::fates::Fates;
use super::{Basis, Findings, Measured, Of, number, shed_tasks, total};
use crate::reading::Evidence;
use crate::statistics::Interval;

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    match &evidence.end {
        Some(end) if end.ledger.sent > 0 || has_work(evidence) => closed(evidence, &end.ledger, findings),
        Some(_) => {}
        None => running(&evidence.intervals, findings),
    }
    let fates = Fates::of(evidence);
    rates_by_phase(evidence, &fates, findings);
    worst_rate(evidence, &fates, None, findings);
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

/// Of one. A share is known to half of such a step, as a number of 64 bits.
const STEPS: f64 = 1e15;

/// The share that was delivered, and the rest.
fn rates(of: Of<'_>, delivered: Measured, findings: &mut Findings) {
    // As near to the numbers of a limit as a number can be: 1 - 0.95 is not 0.05.
    let rest = |share: f64| ((1.0 - share) * STEPS).round() / STEPS;
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

/// Delivery in each phase: of the rounds that were due in it or, where there are single tasks, of all that was sent in
/// its intervals.
fn rates_by_phase(evidence: &Evidence, fates: &Fates<'_>, findings: &mut Findings) {
    for window in &evidence.windows {
        let phase = window.phase.as_str();
        let found = if evidence.manifest.workload.arrivals {
            fates.together(phase)
        } else {
            delivery_of_rounds(evidence, phase)
        };
        let Some(found) = found else { continue };
        rates(Of::phase(Some(phase)), found, findings);
        worst_rate(evidence, fates, Some(phase), findings);
    }
}

fn delivery_of_rounds(evidence: &Evidence, phase: &str) -> Option<Measured> {
    let rounds = || evidence.rounds.iter().filter(|r| r.phase == phase && r.ended_ns.is_some());
    let expected = total(rounds().map(|r| u64::from(r.expected)));
    let expected = expected.saturating_add(shed_tasks(evidence, Some(phase)));
    let delivered: u64 = rounds().map(|r| u64::from(r.delivered)).sum();
    (expected > 0).then(|| Measured::exact(Basis::Rounds, expected, number(delivered) / number(expected)))
}

/// The worst round, or the worst interval where there are single tasks.
fn worst_rate(evidence: &Evidence, fates: &Fates<'_>, phase: Option<&str>, findings: &mut Findings) {
    let here = |of: &str| phase.is_none_or(|phase| phase == of);
    let shares: Vec<Measured> = if evidence.manifest.workload.arrivals {
        fates.each(phase)
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
