//! A fact against what it must be.

use evidence::gatefile::{Amount, Criterion, Expected, Fact, Facts};
use evidence::unit::Unit;

use super::criterion::{CriterionVerdict, Found, Rest};
use crate::verdict::Outcome;

pub(super) fn fact(
    criterion: &Criterion,
    name: &str,
    go: &Expected,
    conditional: Option<&Expected>,
    facts: &Facts,
) -> CriterionVerdict {
    let limited = |verdict: CriterionVerdict| {
        let unit = match go {
            Expected::Number { unit, .. } => Some(*unit),
            Expected::Word { .. } => None,
        };
        CriterionVerdict { unit, ..verdict }.limits(show(go), conditional.map(show))
    };
    let Some(fact) = facts.facts.iter().find(|fact| fact.name == name) else {
        let why = format!("no evidence: no facts file says anything of {name}");
        return limited(CriterionVerdict::unknown(criterion, why));
    };
    let measured = amount(&fact.value);
    let (outcome, why) = match (holds(go, &fact.value), conditional.map(|c| holds(c, &fact.value))) {
        (Some(true), _) => (Outcome::Go, format!("{measured} is {}", show(go))),
        (Some(false), Some(Some(true))) => (Outcome::Conditional, format!("{measured} is not {}", show(go))),
        (Some(false), _) => (Outcome::NoGo, format!("{measured} is not {}", show(go))),
        (None, _) => (
            Outcome::Inconclusive,
            format!("{name} is {measured}, which cannot be compared with {}", show(go)),
        ),
    };
    let value = match &fact.value {
        Amount::Number { value, .. } => Some(*value),
        Amount::Word(_) => None,
    };
    let rest = Rest {
        on: source(fact),
        outcome,
        measured: measured.clone(),
        why: why.clone(),
        environment: None,
        sureness: 1.0,
        found: Found { value, interval: None },
    };
    let verdict = CriterionVerdict {
        why: format!("{why} ({})", source(fact)),
        measured,
        value,
        rests: vec![rest],
        ..CriterionVerdict::unknown(criterion, String::new())
    };
    limited(verdict.settled(outcome, 1.0))
}

fn source(fact: &Fact) -> String {
    format!("{}, {}", fact.source, fact.date)
}

/// Whether a fact is as expected; `None` where one is a number and the other is not, or the units differ.
fn holds(expected: &Expected, found: &Amount) -> Option<bool> {
    match (expected, found) {
        (Expected::Number { limit, unit }, Amount::Number { value, unit: found }) if unit == found => {
            Some(limit.holds(*value))
        }
        (Expected::Word { is, word }, Amount::Word(found)) => Some((word == found) == *is),
        _ => None,
    }
}

fn amount(amount: &Amount) -> String {
    match amount {
        Amount::Number { value, unit } => shown(*unit, *value),
        Amount::Word(word) => word.clone(),
    }
}

fn show(expected: &Expected) -> String {
    match expected {
        Expected::Number { limit, unit } => format!("{} {}", limit.op.sign(), shown(*unit, limit.value)),
        Expected::Word { is, word } => format!("{} {word}", if *is { "==" } else { "!=" }),
    }
}

fn shown(unit: Unit, value: f64) -> String {
    unit.show(value)
}
