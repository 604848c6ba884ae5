//! Percentiles of response, service and round time, from the interval histograms.
//!
//! A task that was due and not started, or never answered, has no time; it counts as slower than every other,
//! so that a target cannot look fast by not answering.

use evidence::latency::Series;

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
        Series::Response => never_answered(evidence) + never_started(evidence, phase),
        Series::Service => never_answered(evidence),
        Series::Round | Series::TargetRound => 0,
    };
    let values = Values { known: histogram.len(), unknown, value_at: &value_at };
    findings.distribution(base, Of::phase(phase), Basis::Latency, &values);
}

/// In which phase they were sent is not known, so they count in each.
fn never_answered(evidence: &Evidence) -> u64 {
    evidence.end.as_ref().map_or(0, |end| end.ledger.lost + end.ledger.unknown)
}

fn never_started(evidence: &Evidence, phase: Option<&str>) -> u64 {
    let here = |of: &str| phase.is_none_or(|phase| phase == of);
    let tasks = super::total(evidence.intervals.iter().filter(|r| here(&r.phase)).map(|r| r.shed));
    // The row of a round that was not started has no tasks; it would have had as many as the others.
    let of_round = evidence.rounds.iter().map(|r| u64::from(r.expected)).max().unwrap_or(0);
    let rounds = evidence.rounds.iter().filter(|r| r.started_ns.is_none() && here(&r.phase));
    tasks.saturating_add(rounds.count() as u64 * of_round)
}
