//! What stands against trusting the decision.

use evidence::gate::{Limit, Op};
use evidence::gatefile::{Ask, GateFile};

use super::CriterionVerdict;
use super::run::Labelled;
use crate::verdict::Outcome;

/// How grave a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The decision would be the same without it, for now.
    Low,
    /// It keeps the decision from being GO, or the evidence from being whole.
    Medium,
    /// It makes the decision NO-GO.
    High,
}

impl Grade {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// How grave.
    pub grade: Grade,
    /// A criterion or a run.
    pub of: String,
    /// What it is.
    pub what: String,
    /// What to do about it.
    pub response: Option<String>,
}

/// A criterion that holds within this share of its limit holds narrowly.
const NARROW: f64 = 0.1;

/// A run of whose planned looks this share is missing was looked at with gaps.
const COVERAGE: f64 = 0.95;

pub(super) fn risks(gates: &GateFile, criteria: &[CriterionVerdict], runs: &[Labelled]) -> Vec<Risk> {
    let mut all: Vec<Risk> = criteria.iter().filter_map(of_criterion).collect();
    all.extend(runs.iter().flat_map(of_run));
    all.extend(single(criteria));
    if gates.strict && criteria.iter().any(|c| c.outcome == Outcome::Conditional) {
        let what = "the rule is strict, and an earlier decision or verdict that it rests on was conditional";
        all.push(risk(Grade::Medium, &gates.name, what.to_owned(), None));
    }
    all.sort_by_key(|risk| std::cmp::Reverse(risk.grade));
    all
}

fn risk(grade: Grade, of: &str, what: String, response: Option<String>) -> Risk {
    Risk { grade, of: of.to_owned(), what, response }
}

fn of_criterion(verdict: &CriterionVerdict) -> Option<Risk> {
    let id = &verdict.criterion.id;
    let grade = match verdict.outcome {
        Outcome::NoGo => Grade::High,
        Outcome::Conditional | Outcome::Inconclusive => Grade::Medium,
        Outcome::Go => {
            let limit = narrow(verdict)?;
            let what = format!("holds narrowly: {} against {limit}", verdict.measured);
            return Some(risk(Grade::Low, id, what, None));
        }
    };
    let response = match verdict.outcome {
        Outcome::Inconclusive => Some("bring the evidence, then decide again".to_owned()),
        _ => verdict.response.clone(),
    };
    Some(risk(grade, id, format!("{}: {}", verdict.criterion.what, verdict.why), response))
}

/// The limit to which a number is near, where it is. Its worse bound counts.
fn narrow(verdict: &CriterionVerdict) -> Option<String> {
    let Ask::Metric { gate: evidence::gate::Gate { go: Limit { op, value: limit }, .. }, .. } =
        &verdict.criterion.ask
    else {
        return None;
    };
    let value = verdict.value?;
    let (lo, hi) = verdict.interval.map_or((value, value), |i| (i.lo, i.hi));
    let distance = match op {
        Op::Less | Op::LessOrEqual => limit - hi,
        Op::Greater | Op::GreaterOrEqual => lo - limit,
        Op::Equal | Op::NotEqual => return None,
    };
    // What is best at 100 % is not near its limit because the limit is near 100 %.
    let room = if *limit > 0.5 && *limit <= 1.0 && matches!(op, Op::Greater | Op::GreaterOrEqual) {
        1.0 - limit
    } else {
        limit.abs()
    };
    (distance < NARROW * room).then(|| verdict.limit.clone())
}

fn of_run(run: &Labelled) -> Vec<Risk> {
    let id = &run.run.id;
    let poor = run.run.verdict.coverage.iter().filter(|c| c.outcome != Outcome::Go);
    let mut all: Vec<Risk> = poor
        .map(|c| {
            let grade = if c.outcome == Outcome::NoGo { Grade::High } else { Grade::Medium };
            risk(grade, id, format!("{}: {}", c.id, c.why), None)
        })
        .collect();
    let covered = super::sureness::coverage(run);
    if covered < COVERAGE {
        let what = format!("only {} of it was looked at", evidence::unit::Unit::Ratio.show(covered));
        all.push(risk(Grade::Medium, id, what, None));
    }
    if run.environment.is_none() {
        let what = "has no label of an environment, so that it counts for none".to_owned();
        let response = Some("label it in the facts file".to_owned());
        all.push(risk(Grade::Low, id, what, response));
    }
    all
}

/// A decision that rests on one run rests on one draw.
fn single(criteria: &[CriterionVerdict]) -> Option<Risk> {
    let on_runs: Vec<_> = criteria
        .iter()
        .filter(|c| matches!(c.criterion.ask, Ask::Metric { .. } | Ask::Verdict { .. }))
        .collect();
    let alone = on_runs.iter().filter(|c| c.rests.len() == 1).map(|c| c.criterion.id.as_str());
    let alone: Vec<&str> = alone.collect();
    (!alone.is_empty()).then(|| {
        let what = format!("rest on a single run each: {}", alone.join(", "));
        risk(Grade::Low, "repetition", what, Some("run the scenario again and judge both".to_owned()))
    })
}
