//! What the target says of its own work, beside what the harness has counted.

use evidence::end::End;
use evidence::event::Fact;

use super::{Basis, Findings, number};
use crate::reading::Evidence;

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    let Some(end) = evidence.end.as_ref().filter(|end| end.ledger.sent > 0) else { return };
    let starts = evidence.events.iter().filter(|e| matches!(e.fact, Fact::TargetStarted { .. })).count();
    // A target that was started again need not know what it did before.
    let claims: Vec<bool> = if starts > 1 { Vec::new() } else { claims(end) };
    if claims.is_empty() {
        return;
    }
    let refuted = claims.iter().filter(|refuted| **refuted).count();
    findings.fact("claims.refuted", Basis::ClosedLedger, claims.len() as u64, Some(refuted as u64));
}

/// Whether each claim that can be checked is refuted.
fn claims(end: &End) -> Vec<bool> {
    let answered = number(end.ledger.in_time.saturating_add(end.ledger.late));
    let effects = end.gauges.get("effects").map(|executed| *executed < answered);
    let open = end.drain.filter(|drain| drain.completed).map(|drain| drain.outstanding < end.ledger.lost);
    effects.into_iter().chain(open).collect()
}
