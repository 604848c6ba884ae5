//! Several runs and outside facts under one gate file become one decision.
//!
//! A [`Run`] is read and judged by itself, as always. A criterion then asks some of the runs for a number, compares
//! their verdicts, or asks a fact; the decision is the gravest of them. Nothing here reads a clock: the same runs,
//! facts and gate file give the same bytes.

mod criterion;
mod earlier;
mod environments;
mod expected;
mod relative;
mod render;
mod risks;
mod run;
mod soundness;
mod sureness;
mod words;

use evidence::gatefile::{Ask, Facts, GateFile};

pub use criterion::{CriterionVerdict, Rest};
pub use earlier::Earlier;
pub use environments::{Cell, Environment};
pub use render::{decision_json, decision_page, decision_terminal, write_decision};
pub use risks::{Grade, Risk};
pub use run::Run;
pub use soundness::{Row, Soundness};

use crate::verdict::Outcome;
use run::Labelled;

/// What a stage, a phase or a release can hang on.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The gate file.
    pub gates: GateFile,
    /// The gravest outcome of all criteria; never GO where a run was a rehearsal.
    pub outcome: Outcome,
    /// What it would be if no run were a rehearsal.
    pub would_be: Outcome,
    /// Whether any run that was looked at was a rehearsal.
    pub rehearsal: bool,
    /// The reason, in one sentence.
    pub why: String,
    /// How sure the evidence makes it, from 0 to 1; see `docs/reference/gate-files.md`.
    pub confidence: f64,
    /// Whether it is a GO that needs nobody's approval.
    pub approved: bool,
    /// Every criterion, the gravest first.
    pub criteria: Vec<CriterionVerdict>,
    /// Every run that was given, by environment and id.
    pub runs: Vec<Summary>,
    /// How the runs compare, environment by environment.
    pub environments: Vec<Environment>,
    /// Whether each run stayed as it was.
    pub soundness: Vec<Soundness>,
    /// What stands against trusting it, the gravest first.
    pub risks: Vec<Risk>,
    /// What to do now, a paragraph each.
    pub recommendation: Vec<String>,
    /// What was given and not used, and other things to know.
    pub notes: Vec<String>,
}

/// A run in the decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its id.
    pub run: String,
    /// Its scenario.
    pub scenario: String,
    /// The label of its environment, where it has one.
    pub environment: Option<String>,
    /// What tells the machine from others.
    pub host: String,
    /// Whether others are compared with it.
    pub baseline: bool,
    /// When it began.
    pub started: String,
    /// What was under test, in words.
    pub shape: String,
    /// How long it lasted, in seconds.
    pub duration_s: f64,
    /// Whether it was a rehearsal.
    pub rehearsal: bool,
    /// Its own verdict.
    pub outcome: Outcome,
    /// Why.
    pub why: String,
    /// Whether any criterion looked at it.
    pub used: bool,
}

impl Decision {
    /// The word, as the gate file has it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.rehearsal { "REHEARSAL" } else { words::word(self.gates.words, self.outcome) }
    }
}

/// Decides. Of a run that is given twice the first counts.
#[must_use]
pub fn decide(gates: &GateFile, runs: Vec<Run>, earlier: &[Earlier], facts: &Facts) -> Decision {
    let mut notes = Vec::new();
    let runs = run::labelled(runs, facts, &mut notes);
    let mut criteria: Vec<CriterionVerdict> =
        gates.criteria.iter().map(|c| criterion::judge(c, &runs, earlier, facts)).collect();
    environments::count(&mut criteria);
    let relative = |c: &CriterionVerdict| matches!(c.criterion.ask, Ask::Metric { baseline: true, .. });
    let compared = criteria.iter().any(relative);
    let used = |run: &Labelled| {
        let rests = |c: &CriterionVerdict| c.rests.iter().any(|rest| rest.on == run.run.id);
        (run.baseline && compared) || criteria.iter().any(rests)
    };
    let summaries: Vec<Summary> = runs.iter().map(|run| run.summary(used(run))).collect();
    notes.extend(unused(&summaries, facts, gates));
    let rehearsal = summaries.iter().any(|s| s.rehearsal && s.used) || used_rehearsed(&criteria, earlier);
    let would_be = Outcome::combine(criteria.iter().map(|c| c.outcome));
    let outcome = if rehearsal { Outcome::Inconclusive } else { would_be };
    let confidence = sureness::confidence(would_be, &criteria, &runs);
    let approved = outcome == Outcome::Go && confidence >= gates.approve;
    // Stable: equals stay in the order of the file.
    criteria.sort_by_key(|c| std::cmp::Reverse(c.outcome));
    let environments = environments::matrix(&runs);
    let soundness = runs.iter().map(soundness::of).collect();
    let risks = risks::risks(gates, &criteria, &runs);
    let mut decision = Decision {
        gates: gates.clone(),
        outcome,
        would_be,
        rehearsal,
        why: String::new(),
        confidence,
        approved,
        criteria,
        runs: summaries,
        environments,
        soundness,
        risks,
        recommendation: Vec::new(),
        notes,
    };
    decision.why = words::reason(&decision);
    decision.recommendation = words::recommendation(&decision);
    decision
}

/// Whether it rests on an earlier decision that was a rehearsal.
fn used_rehearsed(criteria: &[CriterionVerdict], earlier: &[Earlier]) -> bool {
    let rests = |id: &str| criteria.iter().any(|c| c.rests.iter().any(|rest| rest.on == id));
    earlier.iter().any(|e| e.rehearsal && rests(&e.source))
}

/// What was given and asked for by nobody: it may be a slip of the pen.
fn unused(runs: &[Summary], facts: &Facts, gates: &GateFile) -> Vec<String> {
    let mut notes: Vec<String> = runs
        .iter()
        .filter(|run| !run.used)
        .map(|run| format!("no criterion looked at the run {} of {}", run.run, run.scenario))
        .collect();
    let asked = |name: &str| {
        gates.criteria.iter().any(|c| matches!(&c.ask, Ask::Fact { name: asked, .. } if asked == name))
    };
    let unasked: Vec<&str> =
        facts.facts.iter().map(|f| f.name.as_str()).filter(|name| !asked(name)).collect();
    if !unasked.is_empty() {
        notes.push(format!("no criterion asked for these facts: {}", unasked.join(", ")));
    }
    notes
}

/// The runs with this id, of which there is one.
fn find<'a>(runs: &'a [Labelled], id: &str) -> Option<&'a Labelled> {
    runs.iter().find(|run| run.run.id == id)
}
