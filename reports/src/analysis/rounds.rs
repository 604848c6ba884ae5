//! Rounds: how many were complete, how long they took; and how much work was done in all.

use evidence::round::{Interval as Row, Round};

use super::{Basis, Findings, Measured, Of, Values, number, seconds, total};
use crate::reading::Evidence;

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    let phases = evidence.windows.iter().map(|w| Some(w.phase.as_str()));
    for phase in std::iter::once(None).chain(phases) {
        if evidence.manifest.workload.rounds_every_ns.is_some() {
            of_phase(evidence, phase, findings);
        }
        if evidence.manifest.workload.arrivals {
            arrivals(evidence, phase, findings);
        }
        throughput(&evidence.intervals, phase, findings);
    }
    // The ledger's word on the whole run stands over the rows, which may have been cut short.
    if let Some(end) = &evidence.end {
        if evidence.manifest.workload.rounds_every_ns.is_some() {
            findings.fact("rounds.shed", Basis::End, evidence.rounds.len() as u64, Some(end.shed.rounds));
        }
        if evidence.manifest.workload.arrivals {
            let due = total(evidence.intervals.iter().map(|r| r.due));
            findings.fact("operations.shed", Basis::End, due, Some(end.shed.operations));
        }
    }
}

/// Whether every task of it was answered in time; `None` while it was open.
fn complete(round: &Round) -> Option<bool> {
    round.started_ns.and(round.ended_ns).map(|_| round.delivered >= round.expected)
}

fn of_phase(evidence: &Evidence, phase: Option<&str>, findings: &mut Findings) {
    let rounds: Vec<&Round> =
        evidence.rounds.iter().filter(|r| phase.is_none_or(|phase| phase == r.phase)).collect();
    if rounds.is_empty() {
        return;
    }
    let n = rounds.len() as u64;
    let count = |of: &dyn Fn(&Round) -> bool| number(rounds.iter().filter(|r| of(r)).count() as u64);
    let shed = rounds.iter().filter(|r| r.started_ns.is_none()).count() as u64;
    for (name, count) in [
        ("rounds.completed", count(&|r| complete(r) == Some(true))),
        ("rounds.timed_out", count(&|r| complete(r) == Some(false))),
        ("rounds.shed", number(shed)),
    ] {
        findings.put(name, Of::phase(phase), Measured::exact(Basis::Rounds, n, count));
    }
    let mut took: Vec<u64> = rounds
        .iter()
        .filter_map(|r| r.started_ns.and(r.ended_ns).map(|end| end.saturating_sub(r.due_ns)))
        .collect();
    took.sort_unstable();
    let value_at = |rank: u64| usize::try_from(rank - 1).map_or(f64::NAN, |i| seconds(took[i]));
    let values = Values { known: took.len() as u64, unknown: shed, value_at: &value_at };
    findings.distribution("round.time", Of::phase(phase), Basis::Rounds, &values);
}

fn arrivals(evidence: &Evidence, phase: Option<&str>, findings: &mut Findings) {
    let rows: Vec<&Row> =
        evidence.intervals.iter().filter(|r| phase.is_none_or(|phase| phase == r.phase)).collect();
    if rows.is_empty() {
        return;
    }
    let n = rows.len() as u64;
    for (name, count) in [
        ("operations.due", total(rows.iter().map(|r| r.due))),
        ("operations.shed", total(rows.iter().map(|r| r.shed))),
    ] {
        findings.put(name, Of::phase(phase), Measured::exact(Basis::Intervals, n, number(count)));
    }
}

/// Tasks answered per second of the intervals in which there was work.
fn throughput(rows: &[Row], phase: Option<&str>, findings: &mut Findings) {
    let busy = || {
        let here = rows.iter().filter(|r| phase.is_none_or(|phase| phase == r.phase));
        here.filter(|r| [r.sent, r.due, r.answered, r.late].iter().any(|count| *count > 0))
    };
    let length = total(busy().map(|r| r.length_ns));
    let answered = total(busy().flat_map(|r| [r.answered, r.late]));
    if length > 0 {
        let rate = number(answered) / seconds(length);
        findings.put("throughput", Of::phase(phase), Measured::exact(Basis::Intervals, answered, rate));
    }
}
