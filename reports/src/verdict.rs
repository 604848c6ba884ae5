//! From numbers to one word, with the evidence that it rests on.

mod compare;
pub(crate) mod coverage;
mod gate;
mod json;
mod outcome;
mod pace;
mod swap;
mod unread;

use std::collections::BTreeMap;

use evidence::gate::Gate;

pub(crate) use compare::outcome as compared;
pub use coverage::{Condition, Scope};
pub use gate::GateVerdict;
pub(crate) use gate::{for_a_slope, interval, measured};
pub use json::verdict_json;
pub use outcome::Outcome;

use crate::analysis::{About, Analysis, Course, FaultFinding, Finding, Name};

/// What a release can hang on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The word.
    pub outcome: Outcome,
    /// The reason, in one sentence.
    pub why: String,
    /// Which run.
    pub about: About,
    /// Every gate, the worst first.
    pub gates: Vec<GateVerdict>,
    /// What the evidence had to fulfil before a gate was read, the worst first.
    pub coverage: Vec<Condition>,
    /// Every planned fault, in the order of the plan.
    pub faults: Vec<FaultFinding>,
    /// Every number that was found, by name.
    pub findings: BTreeMap<Name, Finding>,
    /// How the run went over time.
    pub course: Course,
}

/// Judges a run by these gates.
#[must_use]
pub fn judge(analysis: &Analysis, gates: &[Gate]) -> Verdict {
    let mut coverage = coverage::conditions(analysis);
    let mut judged: Vec<GateVerdict> = gates.iter().map(|g| gate::judge(g, analysis, &coverage)).collect();
    let of_run = coverage.iter().filter(|c| c.scope != Scope::Gates).map(|c| c.outcome);
    let outcome = Outcome::combine(judged.iter().map(|g| g.outcome)).max(Outcome::worst_of(of_run));
    // Compressed time proves nothing of the target, for it or against it.
    let outcome = if analysis.about.rehearsal.is_some() { Outcome::Inconclusive } else { outcome };
    // Both sorts are stable: equals stay in the order of the scenario.
    judged.sort_by_key(|g| std::cmp::Reverse(g.outcome));
    coverage.sort_by_key(|c| std::cmp::Reverse(c.outcome));
    Verdict {
        outcome,
        why: match analysis.about.rehearsal {
            Some(factor) => rehearsed(factor, &judged),
            None => reason(outcome, &judged, &coverage),
        },
        about: analysis.about.clone(),
        gates: judged,
        coverage,
        faults: analysis.faults.clone(),
        findings: analysis.findings.clone(),
        course: analysis.course.clone(),
    }
}

impl Verdict {
    /// The word that a person reads: that of its outcome, or REHEARSAL.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.about.rehearsal.is_some() { "REHEARSAL" } else { self.outcome.name() }
    }
}

/// What a rehearsal shows, and what its gates would have been.
fn rehearsed(factor: f64, gates: &[GateVerdict]) -> String {
    let held = gates.iter().filter(|g| g.outcome <= Outcome::Conditional).count();
    format!(
        "this is a rehearsal, {factor:.0} times faster than planned: it shows that the scenario works, not that the \
         target does; {held} of {} gates would hold",
        gates.len()
    )
}

/// Judges one gate alone.
pub(crate) fn judge_one(analysis: &Analysis, gate: &Gate) -> GateVerdict {
    gate::judge(gate, analysis, &coverage::conditions(analysis))
}

fn reason(outcome: Outcome, gates: &[GateVerdict], coverage: &[Condition]) -> String {
    if outcome == Outcome::Go {
        let faults = coverage.iter().find(|c| c.id == "faults").map(|c| format!("; faults: {}", c.found));
        let all = if gates.len() == 1 {
            "the gate holds".to_owned()
        } else {
            format!("all {} gates hold", gates.len())
        };
        return format!("{all}{}", faults.unwrap_or_default());
    }
    // A condition of the run explains the gates that it withholds, so it comes before them.
    let condition = coverage.iter().find(|c| c.scope != Scope::Gates && c.outcome == outcome);
    let failed: Vec<&GateVerdict> = gates.iter().filter(|g| g.outcome == outcome).collect();
    let gate = failed.first().map(|first| {
        let others = match failed.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more of {} gates)", gates.len()),
        };
        format!("{}: {}{others}", first.id, first.why)
    });
    match (condition, gate) {
        (Some(condition), _) if outcome == Outcome::Inconclusive => condition.why.clone(),
        (_, Some(gate)) => gate,
        (Some(condition), None) => condition.why.clone(),
        (None, None) => "nothing was asked: there is no gate".to_owned(),
    }
}
