//! Whether a planted defect was caught by what must catch it, and whether the clean twin was not.

use std::path::Path;

use evidence::EvidenceError;
use evidence::certificate::Found;
use evidence::gate::Gate;

use crate::analysis::{Finding, analyse};
use crate::reading::Evidence;
use crate::verdict::{Outcome, Verdict, judge};

/// What must catch a defect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The gate with this id must be NO-GO, and no other.
    Gate(String),
    /// The condition with this name must leave the run INCONCLUSIVE.
    Condition(String),
}

impl By {
    /// As a person reads it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Gate(id) | Self::Condition(id) => id,
        }
    }
}

/// What became of a planted defect.
#[derive(Debug, Clone, PartialEq)]
pub struct Caught {
    /// What became of the gate or condition, in words.
    pub outcome: String,
    /// Whether it was caught, by that and by nothing else.
    pub caught: bool,
    /// What was measured, where it is a number.
    pub found: Option<Found>,
}

/// Looks for a defect in the verdict of the run in which it was planted.
#[must_use]
pub fn caught(verdict: &Verdict, by: &By) -> Caught {
    match by {
        By::Gate(id) => by_gate(verdict, id),
        By::Condition(id) => {
            let condition = verdict.coverage.iter().find(|condition| condition.id == id);
            let wanting = condition.is_some_and(|condition| condition.outcome == Outcome::Inconclusive);
            let outcome = condition.map_or_else(
                || "there is no such condition".to_owned(),
                |condition| format!("{}: {}", condition.outcome, condition.found),
            );
            Caught { outcome, caught: wanting && verdict.outcome == Outcome::Inconclusive, found: None }
        }
    }
}

fn by_gate(verdict: &Verdict, id: &str) -> Caught {
    let Some(gate) = verdict.gates.iter().find(|gate| gate.id == id) else {
        return Caught { outcome: "there is no such gate".to_owned(), caught: false, found: None };
    };
    let others: Vec<&str> = verdict
        .gates
        .iter()
        .filter(|gate| gate.outcome == Outcome::NoGo && gate.id != id)
        .map(|gate| gate.id.as_str())
        .collect();
    let outcome = match (gate.outcome, others.as_slice()) {
        (Outcome::NoGo, []) => gate.outcome.to_string(),
        (Outcome::NoGo, others) => format!("NO-GO, but so are {}", others.join(", ")),
        (outcome, _) => format!("{outcome}: {}", gate.why),
    };
    let caught = gate.outcome == Outcome::NoGo && others.is_empty() && verdict.outcome == Outcome::NoGo;
    Caught { outcome, caught, found: gate.finding.as_ref().map(found) }
}

/// A finding as a certificate keeps it.
#[must_use]
pub fn found(finding: &Finding) -> Found {
    let finite = |bound: f64| Some(bound).filter(|bound| bound.is_finite());
    Found {
        value: finding.value,
        lo: finite(finding.interval.lo).unwrap_or(finding.value.min(0.0)),
        hi: finite(finding.interval.hi),
        unit: finding.metric.unit,
        smallest: finding.sight.and_then(|sight| finite(sight.smallest)),
    }
}

/// Judges a run by the gates of another: a clean twin by those of the run in which the defect was planted.
///
/// # Errors
/// If the evidence cannot be read.
pub fn judged_by(run: &Path, gates: &[Gate]) -> Result<Verdict, EvidenceError> {
    Ok(judge(&analyse(&Evidence::read(run)?), gates))
}

/// The smallest drift of a metric that a run could have shown, where it says one.
#[must_use]
pub fn smallest_visible(verdict: &Verdict, metric: &str) -> Option<f64> {
    let (_, finding) = verdict.findings.iter().find(|(name, _)| name.to_string() == metric)?;
    found(finding).smallest
}
