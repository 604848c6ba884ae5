//! Percentiles of response, service and round time, from the interval histograms.
//!
//! A task that was due and not started, refused, or never answered, has no time; it counts as slower than every other,
//! so that a target cannot look fast by not answering.

use evidence::end::Ledger;
use evidence::latency::Series;
use evidence::round::Round;

use super::{Basis, Findings, Of, Values};
use crate::latency::{Digest, at_rank};
use crate::reading::Evidence;

pub(super) fn find(evidence: &Evidence, findings: &mut Findings) {
    for (base, series) in [
        ("response.time", Series::Response),
        ("service.time", Series::Service),
        ("round.target_time", Series::TargetRound),
    ] {
        let Some(digest) = evidence.latency.get(&series) else { continue };
        let phases = digest.by_phase.keys().map(|phase| Some(phase.as_str()));
        for phase in std::iter::once(None).chain(phases) {
            one(evidence, digest, series, base, phase, findings);
        }
    }
}

fn one(
    evidence: &Evidence,
    digest: &Digest,
    series: Series,
    base: &str,
    phase: Option<&str>,
    findings: &mut Findings,
) {
    let histogram = phase.map_or(&digest.whole, |phase| &digest.by_phase[phase]);
    let value_at = |rank: u64| at_rank(histogram, rank);
    let unknown = match series {
        Series::Response => never_answered(evidence).saturating_add(super::shed_tasks(evidence, phase)),
        Series::Service => never_answered(evidence),
        Series::TargetRound => never_told(evidence, phase),
        Series::Round => 0,
    };
    let values = Values { known: histogram.len(), unknown, value_at: &value_at, bound_at: &value_at };
    findings.distribution(base, Of::phase(phase), Basis::Latency, &values);
}

/// Tasks of the workload that were lost, unknown or refused. In which phase they were sent is not known, so they count in each.
fn never_answered(evidence: &Evidence) -> u64 {
    let unanswered = |l: &Ledger| {
        let of_floods = super::total([l.floods.lost, l.floods.unknown, l.floods.refused].into_iter());
        super::total([l.lost, l.unknown, l.refused].into_iter()).saturating_sub(of_floods)
    };
    evidence.end.as_ref().map_or(0, |end| unanswered(&end.ledger))
}

/// Rounds of which the target did not tell how long they took, though it told of others.
fn never_told(evidence: &Evidence, phase: Option<&str>) -> u64 {
    let here = |of: &str| phase.is_none_or(|phase| phase == of);
    let untold = |r: &&Round| here(&r.phase) && r.started_ns.is_some() && r.target_ns.is_none();
    evidence.rounds.iter().filter(untold).count() as u64
}
