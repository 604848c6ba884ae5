//! What the decision says in sentences.

use evidence::gatefile::Words;
use evidence::unit::Unit;

use super::{CriterionVerdict, Decision};
use crate::verdict::Outcome;

/// The outcome as the gate file calls it.
pub(super) fn word(words: Words, outcome: Outcome) -> &'static str {
    match (words, outcome) {
        (Words::GoPivot, Outcome::Conditional) => "PIVOT",
        (Words::PassFail, Outcome::Go) => "PASS",
        (Words::PassFail, Outcome::Conditional) => "CONDITIONAL PASS",
        (Words::PassFail, Outcome::NoGo) => "FAIL",
        (_, outcome) => outcome.name(),
    }
}

/// The reason, in one sentence.
pub(super) fn reason(decision: &Decision) -> String {
    let word = word(decision.gates.words, decision.would_be);
    let decisive = decisive(decision);
    let reason = match (&decisive[..], decision.would_be) {
        ([], _) => "nothing was asked".to_owned(),
        (all, Outcome::Go) => {
            if all.len() == 1 {
                "the criterion holds".to_owned()
            } else {
                format!("all {} criteria hold", all.len())
            }
        }
        ([first, rest @ ..], _) => {
            let others = match rest.len() {
                0 => String::new(),
                n => format!(" (and {n} more of {} criteria)", decision.criteria.len()),
            };
            format!("{}: {}{others}", first.criterion.id, first.why)
        }
    };
    if decision.rehearsal {
        format!("this is a rehearsal and decides nothing; it would be {word}, because {reason}")
    } else {
        reason
    }
}

/// The criteria that made it what it is.
fn decisive(decision: &Decision) -> Vec<&CriterionVerdict> {
    decision.criteria.iter().filter(|c| c.outcome == decision.would_be).collect()
}

/// What to do now.
pub(super) fn recommendation(decision: &Decision) -> Vec<String> {
    let mut all = Vec::new();
    let then = &decision.gates.then;
    let word = word(decision.gates.words, decision.would_be);
    let ids = |criteria: &[&CriterionVerdict]| {
        criteria.iter().map(|c| c.criterion.id.as_str()).collect::<Vec<_>>().join(", ")
    };
    if decision.rehearsal {
        all.push(
            "Run the scenarios in their own time: a rehearsal shows that the files are right, not that the system is."
                .to_owned(),
        );
    }
    match decision.would_be {
        Outcome::Go => {
            all.extend(then.go.clone());
            all.push(if decision.rehearsal {
                format!("It would be {word}; how sure it would be, only runs in their own time can tell.")
            } else if decision.approved {
                format!(
                    "{word}: the confidence of {} is at least {}, so that nobody has to approve it.",
                    share(decision.confidence),
                    share(decision.gates.approve)
                )
            } else {
                format!(
                    "{word}, to be approved by a person: the confidence of {} is below {}.",
                    share(decision.confidence),
                    share(decision.gates.approve)
                )
            });
        }
        Outcome::Conditional => {
            all.extend(then.conditional.clone());
            all.push(format!("{word} because of {}.", ids(&decisive(decision))));
        }
        Outcome::Inconclusive => all.push(format!(
            "Not decided: bring the evidence for {}, then decide again.",
            ids(&decisive(decision))
        )),
        Outcome::NoGo => {
            all.extend(then.no_go.clone());
            all.push(format!("{word} because of {}.", ids(&decisive(decision))));
        }
    }
    let missing: Vec<_> = decision.criteria.iter().filter(|c| c.outcome == Outcome::Inconclusive).collect();
    if decision.would_be == Outcome::NoGo && !missing.is_empty() {
        all.push(format!("Also not decided, for want of evidence: {}.", ids(&missing)));
    }
    all
}

/// How sure the decision is; of a rehearsal, that nothing was decided that one could be sure of.
pub(super) fn confidence(decision: &Decision) -> String {
    if decision.rehearsal {
        "none: a rehearsal decides nothing".to_owned()
    } else {
        share(decision.confidence)
    }
}

pub(super) fn share(value: f64) -> String {
    // Rounded down: a confidence is never shown as more than it is.
    Unit::Ratio.show((value * 1000.0).floor() / 1000.0)
}
