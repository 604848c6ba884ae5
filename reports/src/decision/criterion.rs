//! One criterion against all that is known.

use evidence::gate::Gate;
use evidence::gatefile::{Ask, Criterion, Facts, Runs};
use evidence::unit::Unit;

use super::run::Labelled;
use super::{Earlier, expected, relative, sureness};
use crate::statistics::Interval;
use crate::verdict::{GateVerdict, Outcome, judge_one};

/// A criterion and what became of it.
#[derive(Debug, Clone)]
pub struct CriterionVerdict {
    /// What was asked.
    pub criterion: Criterion,
    /// What became of it; what is minor and fails is CONDITIONAL.
    pub outcome: Outcome,
    /// Why, in one sentence.
    pub why: String,
    /// What was found, as a person reads it.
    pub measured: String,
    /// The same as a number in base units, where it is one.
    pub value: Option<f64>,
    /// Its interval, where it is not exact.
    pub interval: Option<Interval>,
    /// Its unit, where it is a number.
    pub unit: Option<Unit>,
    /// The limit, as a person reads it.
    pub limit: String,
    /// The second limit, as a person reads it.
    pub second: Option<String>,
    /// What it rests on; empty without evidence.
    pub rests: Vec<Rest>,
    /// How sure the evidence makes this outcome, from 0 to 1; 0 where it is INCONCLUSIVE.
    pub sureness: f64,
    /// The prescribed response, where there is one for this outcome.
    pub response: Option<String>,
}

/// Something that a criterion rests on.
#[derive(Debug, Clone)]
pub struct Rest {
    /// The id of a run, or where a fact or an earlier decision comes from.
    pub on: String,
    /// What it says.
    pub outcome: Outcome,
    /// What was found there, as a person reads it.
    pub measured: String,
    /// Why, in one sentence.
    pub why: String,
    /// The environment, where it is a run with a label.
    pub environment: Option<String>,
    /// How sure it is, from 0 to 1.
    pub sureness: f64,
    pub(super) found: Found,
}

/// A number as it was found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) value: Option<f64>,
    pub(super) interval: Option<Interval>,
}

impl CriterionVerdict {
    /// One that is not decided, for want of evidence.
    pub(super) fn unknown(criterion: &Criterion, why: String) -> Self {
        Self {
            criterion: criterion.clone(),
            outcome: Outcome::Inconclusive,
            why,
            measured: "–".to_owned(),
            value: None,
            interval: None,
            unit: None,
            limit: String::new(),
            second: None,
            rests: Vec::new(),
            sureness: 0.0,
            response: None,
        }
    }

    pub(super) fn limits(self, limit: String, second: Option<String>) -> Self {
        Self { limit, second, ..self }
    }

    /// Settles what it comes to: what is minor is not grave, and the file may prescribe what to do.
    pub(super) fn settled(mut self, outcome: Outcome, sureness: f64) -> Self {
        self.outcome = match outcome {
            Outcome::NoGo if self.criterion.minor => Outcome::Conditional,
            other => other,
        };
        self.sureness = if outcome == Outcome::Inconclusive { 0.0 } else { sureness };
        let failed = &self.criterion.if_failed;
        self.response = match outcome {
            Outcome::NoGo => failed.clone(),
            Outcome::Conditional => self.criterion.if_conditional.clone().or_else(|| failed.clone()),
            Outcome::Go | Outcome::Inconclusive => None,
        };
        self
    }
}

/// Judges a criterion. Those on environments wait for the others.
pub(super) fn judge(
    criterion: &Criterion,
    runs: &[Labelled],
    earlier: &[Earlier],
    facts: &Facts,
) -> CriterionVerdict {
    match &criterion.ask {
        Ask::Metric { gate, baseline: true, runs: asked, .. } => {
            relative::judge(criterion, gate, asked, runs)
        }
        Ask::Metric { gate, runs: asked, .. } => metric(criterion, gate, asked, runs),
        Ask::Verdict { conditional_is_enough, runs: asked } => {
            verdicts(criterion, *conditional_is_enough, asked, runs)
        }
        Ask::Environments { .. } => {
            CriterionVerdict::unknown(criterion, "no run says in which environment it was".to_owned())
        }
        Ask::Fact { name, go, conditional } => {
            expected::fact(criterion, name, go, conditional.as_ref(), facts)
        }
        Ask::Decision { gate } => super::earlier::judge(criterion, gate, earlier),
    }
}

fn metric(criterion: &Criterion, gate: &Gate, asked: &Runs, runs: &[Labelled]) -> CriterionVerdict {
    let unit = evidence::metric::find(&gate.metric.name).map_or(Unit::Count, |m| m.unit);
    let show = |limit: evidence::gate::Limit| format!("{} {}", limit.op.sign(), unit.show(limit.value));
    let unknown = |why| CriterionVerdict::unknown(criterion, why);
    let verdict = on_runs(criterion, asked, runs, unknown, |run| {
        let found = judge_one(&run.run.analysis, gate);
        rest(run, &found, sureness::of_gate(&found))
    });
    let verdict = CriterionVerdict { unit: Some(unit), ..verdict };
    verdict.limits(show(gate.go), gate.conditional.map(show))
}

fn rest(run: &Labelled, found: &GateVerdict, sureness: f64) -> Rest {
    let interval = found.finding.as_ref().map(|f| f.interval).filter(|_| found.interval().is_some());
    let rest = Rest {
        on: run.run.id.clone(),
        outcome: found.outcome,
        measured: found.measured(),
        why: found.why.clone(),
        environment: run.environment.clone(),
        sureness,
        found: Found { value: found.finding.as_ref().map(|f| f.value), interval },
    };
    worsened(rest, run)
}

/// What stands against the whole run stands against every number of it. That it is a rehearsal stands against
/// the decision as a whole, so that what it would be can be seen.
pub(super) fn worsened(mut rest: Rest, run: &Labelled) -> Rest {
    let against = run.run.verdict.coverage.iter().filter(|c| c.scope != crate::verdict::Scope::Gates);
    let worst = against.filter(|c| c.id != "rehearsal" && c.outcome > rest.outcome).max_by_key(|c| c.outcome);
    if let Some(worst) = worst {
        rest.outcome = worst.outcome;
        rest.why.clone_from(&worst.why);
    }
    if rest.outcome == Outcome::Inconclusive {
        rest.sureness = 0.0;
    }
    rest
}

fn verdicts(criterion: &Criterion, conditional: bool, asked: &Runs, runs: &[Labelled]) -> CriterionVerdict {
    let unknown = |why| CriterionVerdict::unknown(criterion, why);
    let verdict = on_runs(criterion, asked, runs, unknown, |run| {
        let own = &run.run.verdict;
        let of_gates = Outcome::combine(own.gates.iter().map(|g| g.outcome));
        let outcome = match of_gates {
            Outcome::Conditional if conditional => Outcome::Go,
            other => other,
        };
        let sureness = own.gates.iter().map(sureness::of_gate).fold(1.0, f64::min);
        let worst = own.gates.iter().max_by_key(|g| g.outcome);
        let why = worst.map_or_else(|| own.why.clone(), |g| format!("{}: {}", g.id, g.why));
        let rest = Rest {
            on: run.run.id.clone(),
            outcome,
            measured: of_gates.to_string(),
            why: if outcome == Outcome::Go {
                format!("all {} of its gates hold", own.gates.len())
            } else {
                why
            },
            environment: run.environment.clone(),
            sureness,
            found: Found::default(),
        };
        worsened(rest, run)
    });
    verdict.limits(if conditional { "CONDITIONAL or GO" } else { "GO" }.to_owned(), None)
}

/// Judges what is asked of runs on each of those that fit, and lets the worst or the best decide.
pub(super) fn on_runs(
    criterion: &Criterion,
    asked: &Runs,
    runs: &[Labelled],
    unknown: impl Fn(String) -> CriterionVerdict,
    one: impl Fn(&Labelled) -> Rest,
) -> CriterionVerdict {
    let rests: Vec<Rest> = runs.iter().filter(|run| run.is_asked(asked)).map(one).collect();
    let order = |rest: &&Rest| rest.outcome;
    // Of equals the first, which the order of runs makes the same each time.
    let decisive =
        if asked.best { rests.iter().min_by_key(order) } else { rests.iter().rev().max_by_key(order) };
    let Some(decisive) = decisive else {
        return unknown(format!("no evidence: {} was given", wanted(asked)));
    };
    let mut verdict = CriterionVerdict {
        why: decisive.why.clone(),
        measured: decisive.measured.clone(),
        value: decisive.found.value,
        interval: decisive.found.interval,
        ..CriterionVerdict::unknown(criterion, String::new())
    };
    let mut outcome = decisive.outcome;
    let sureness = if asked.best {
        decisive.sureness
    } else {
        rests.iter().filter(|r| r.outcome == outcome).map(|r| r.sureness).fold(1.0, f64::min)
    };
    let few = rests.len() < asked.least as usize;
    if few && outcome < Outcome::Inconclusive {
        outcome = Outcome::Inconclusive;
        verdict.why =
            format!("{} of {} runs were given that fit: {}", rests.len(), asked.least, wanted(asked));
    }
    verdict.rests = rests;
    verdict.settled(outcome, sureness)
}

/// Which runs were asked for, in words: `no run of *8h-250 with at least 250 agents`.
fn wanted(asked: &Runs) -> String {
    let mut words = "no run".to_owned();
    if asked.least > 1 {
        words = format!("fewer than {} runs", asked.least);
    }
    if !asked.scenarios.is_empty() {
        words += &format!(" of {}", asked.scenarios.join(" or "));
    }
    if let Some(ns) = asked.lasting_ns {
        words += &format!(" planned for at least {}", Unit::Seconds.show(crate::analysis::seconds(ns)));
    }
    if let Some(agents) = asked.agents {
        words += &format!(" with at least {agents} agents");
    }
    if !asked.environments.is_empty() {
        words += &format!(" in the environment {}", asked.environments.join(" or "));
    }
    words
}
