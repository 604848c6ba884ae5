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
    // A round that was refused, or given up, is known to have taken no less; else a target could look fast by
    // not doing its work.
    let (took, completed) = (times(&rounds, false), times(&rounds, true));
    let at = |times: &[u64], rank: u64| {
        let time = usize::try_from(rank - 1).ok().and_then(|i| times.get(i));
        time.map_or(f64::INFINITY, |ns| seconds(*ns))
    };
    let (value_at, bound_at) = (|rank| at(&took, rank), |rank| at(&completed, rank));
    let values = Values { known: took.len() as u64, unknown: shed, value_at: &value_at, bound_at: &bound_at };
    findings.distribution("round.time", Of::phase(phase), Basis::Rounds, &values);
}

/// How long rounds took, in order: all that ended, or only those in which every task was answered in time.
fn times(rounds: &[&Round], completed: bool) -> Vec<u64> {
    let wanted = rounds.iter().filter(|r| !completed || complete(r) == Some(true));
    let mut times: Vec<u64> =
        wanted.filter_map(|r| r.started_ns.and(r.ended_ns).map(|end| end.saturating_sub(r.due_ns))).collect();
    times.sort_unstable();
    times
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

/// Tasks answered per second of the phase; of the whole run, from the first interval with work to the last. An
/// interval between them in which nothing was done counts: the target may have been the reason.
fn throughput(rows: &[Row], phase: Option<&str>, findings: &mut Findings) {
    let here: Vec<&Row> = rows.iter().filter(|r| phase.is_none_or(|phase| phase == r.phase)).collect();
    let busy = |r: &&Row| [r.sent, r.due, r.answered, r.late].iter().any(|count| *count > 0);
    let Some(first) = here.iter().position(busy) else { return };
    let last = here.iter().rposition(busy).unwrap_or(first);
    let span = if phase.is_some() { &here[..] } else { &here[first..=last] };
    let length = total(span.iter().map(|r| r.length_ns));
    let answered = total(span.iter().flat_map(|r| [r.answered, r.late]));
    if length > 0 {
        let rate = number(answered) / seconds(length);
        findings.put("throughput", Of::phase(phase), Measured::exact(Basis::Intervals, answered, rate));
    }
}
