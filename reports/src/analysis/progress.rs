//! Liveness: whether work went on wherever no fault excuses a standstill.
//!
//! A fault excuses from its beginning until it was undone, and then for the time that its scenario gives the target to
//! recover; [`RECOVERS_WITHIN_NS`] where it gives none. Whether the target was steady again within that time is
//! asked of the fault itself.

use super::faults::FaultFinding;
use super::spans::Spans;
use super::{Basis, Findings, Measured, Of, number, seconds};
use crate::reading::Evidence;

/// How long after its end a fault excuses a standstill where its scenario does not say, in nanoseconds.
pub(crate) const RECOVERS_WITHIN_NS: u64 = 30_000_000_000;

/// When a standstill is excused.
fn excused(evidence: &Evidence, faults: &[FaultFinding]) -> Spans {
    let planned = evidence.manifest.faults.iter().zip(faults);
    Spans::new(planned.filter_map(|(planned, fault)| {
        let begun = fault.begun_ns?;
        let grace = planned.recovers_within_ns.unwrap_or(RECOVERS_WITHIN_NS);
        // One that was not undone excuses to the end.
        let over = if planned.for_ns == 0 { Some(begun) } else { fault.healed_ns };
        Some((begun, over.map_or(u64::MAX, |at| at.saturating_add(grace))))
    }))
}

pub(super) fn find(evidence: &Evidence, faults: &[FaultFinding], findings: &mut Findings) {
    let excused = excused(evidence, faults);
    stall(evidence, &excused, findings);
    rate(evidence, &excused, findings);
}

/// When there was an answer: the end of a round of which something was delivered, and of an interval with an
/// answer, which is as exact as these are.
pub(super) fn answers(evidence: &Evidence) -> Vec<u64> {
    let rounds = evidence.rounds.iter().filter(|r| r.delivered + r.late > 0).filter_map(|r| r.ended_ns);
    let rows = evidence.intervals.iter().filter(|r| r.answered + r.late > 0);
    let mut answers: Vec<u64> = rounds.chain(rows.map(|r| r.at_ns.saturating_add(r.length_ns))).collect();
    answers.sort_unstable();
    answers
}

/// When work was due: each round, and each interval in which something was sent or should have been.
pub(super) fn due(evidence: &Evidence) -> Vec<u64> {
    let rounds = evidence.rounds.iter().map(|r| r.due_ns);
    if !evidence.manifest.workload.arrivals {
        return rounds.collect();
    }
    let rows = evidence.intervals.iter().filter(|r| r.sent > 0 || r.shed > 0);
    rounds.chain(rows.map(|r| r.at_ns)).collect()
}

fn stall(evidence: &Evidence, excused: &Spans, findings: &mut Findings) {
    let (due, answers) = (due(evidence), answers(evidence));
    let mut longest: Option<(u64, bool)> = None;
    let mut asked = 0_u64;
    for at_ns in &due {
        let next = answers.get(answers.partition_point(|answer| answer <= at_ns));
        let until = next.copied().unwrap_or(evidence.last_ns).max(*at_ns);
        let stood = (until - at_ns) - excused.within(*at_ns, until);
        // What is excused as a whole says nothing of progress.
        if stood == 0 && excused.hold(*at_ns) {
            continue;
        }
        asked += 1;
        longest = longest.max(Some((stood, next.is_none())));
    }
    let Some((stood, open)) = longest else { return };
    let value = seconds(stood);
    let mut found = Measured::exact(Basis::Intervals, asked, value);
    if open {
        found.interval.hi = f64::INFINITY;
    }
    findings.put("progress.stall.max", Of::default(), found);
}

fn rate(evidence: &Evidence, excused: &Spans, findings: &mut Findings) {
    let (mut due, mut delivered) = (0_u64, 0_u64);
    let basis = if evidence.manifest.workload.arrivals {
        for row in evidence.intervals.iter().filter(|r| !excused.hold(r.at_ns)) {
            let of_row = row.sent.saturating_add(row.shed);
            due = due.saturating_add(of_row);
            // An answer may belong to an earlier row; of a row no more is counted than was due in it.
            delivered = delivered.saturating_add(row.answered.min(of_row));
        }
        Basis::Intervals
    } else {
        let size = evidence.rounds.iter().map(|r| r.expected).max().unwrap_or(0);
        for round in evidence.rounds.iter().filter(|r| !excused.hold(r.due_ns)) {
            due += u64::from(if round.started_ns.is_some() { round.expected } else { size });
            delivered += u64::from(round.delivered);
        }
        Basis::Rounds
    };
    if due > 0 {
        let share = number(delivered) / number(due);
        findings.put("progress.rate", Of::default(), Measured::exact(basis, due, share));
    }
}
