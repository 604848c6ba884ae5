//! Phrases that every renderer uses, so that the same thing reads the same everywhere.

use evidence::unit::Unit;

use crate::analysis::{FaultFinding, Step, seconds};
use crate::reading::Evidence;
use crate::verdict::Verdict;

/// `7 h` and the like: how long the run lasted.
pub(super) fn duration(verdict: &Verdict) -> String {
    Unit::Seconds.show(verdict.about.duration_s)
}

/// When something was, as the plan counts: from when the target was ready.
pub(super) fn moment(evidence: &Evidence, at_s: f64) -> String {
    Unit::Seconds.show(at_s - seconds(evidence.zero_ns()))
}

/// How long a step took: `12.3 ms`, `not within 6 s`, `–` where it is not known.
pub(super) fn step(step: Option<Step>) -> String {
    match step {
        Some(Step::Took(s)) => Unit::Seconds.show(s),
        Some(Step::NotBefore(s)) if s > 0.0 => format!("not within {}", Unit::Seconds.show(s)),
        Some(Step::NotBefore(_)) | None => "–".to_owned(),
    }
}

/// These steps of a recovery, as far as they are known, in one line: `reassigned 2 ms, steady 12 ms`.
pub(super) fn recovery(fault: &FaultFinding, names: &[&str]) -> String {
    let steps = fault.recovery.steps().into_iter().filter(|(name, _)| names.contains(name));
    let known = steps.filter(|(_, s)| step(*s) != "–");
    known.map(|(name, s)| format!("{name} {}", step(s))).collect::<Vec<_>>().join(", ")
}

/// What a rehearsal says of itself on every page.
pub(super) fn rehearsal(verdict: &Verdict) -> Option<String> {
    verdict
        .about
        .rehearsal
        .map(|factor| format!("REHEARSAL, {factor:.0} times faster than planned: never GO"))
}

/// The faults that are worth a row each: those that are not proven, then those that took longest; and how
/// many there are beyond `most`.
pub(super) fn notable(verdict: &Verdict, most: usize) -> (Vec<&FaultFinding>, usize) {
    let mut faults: Vec<&FaultFinding> = verdict.faults.iter().collect();
    if faults.len() > most {
        let took = |f: &FaultFinding| f.recovery.steady.map_or(f64::INFINITY, Step::at_least);
        let proven = |f: &FaultFinding| f.proof == evidence::event::Proof::Proven;
        faults.sort_by(|a, b| proven(a).cmp(&proven(b)).then(took(b).total_cmp(&took(a))));
    }
    let beyond = faults.len().saturating_sub(most);
    faults.truncate(most);
    (faults, beyond)
}
