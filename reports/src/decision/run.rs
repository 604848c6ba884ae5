//! A run as a decision sees it: what it was, its numbers, its own verdict, its labels.

use std::collections::HashSet;
use std::path::Path;

use evidence::EvidenceError;
use evidence::gatefile::{Facts, Runs, fits};

use super::Summary;
use crate::analysis::{Analysis, analyse};
use crate::reading::Evidence;
use crate::verdict::{Verdict, judge};

/// A run that was read and judged by its own gates.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Its scenario.
    pub scenario: String,
    /// When it began, by the wall clock of its host.
    pub started: String,
    /// What tells the machine from others.
    pub host: String,
    /// What was under test, in words.
    pub shape: String,
    /// How many agents were planned, where the plan knew.
    pub agents: Option<u32>,
    /// The planned length of its load, warm-up and hold together, in nanoseconds; of a rehearsal, before its time
    /// was compressed.
    pub lasting_ns: u64,
    /// Its numbers.
    pub analysis: Analysis,
    /// Its own verdict.
    pub verdict: Verdict,
}

impl Run {
    /// Reads a run directory and judges it by the gates of its scenario. Writes nothing.
    ///
    /// # Errors
    /// If it is no run directory, or cannot be read.
    pub fn read(directory: &Path) -> Result<Self, EvidenceError> {
        let evidence = Evidence::read(directory)?;
        let analysis = analyse(&evidence);
        let manifest = &evidence.manifest;
        let load = manifest.phases.iter().filter(|p| ["warm_up", "hold"].contains(&p.name.as_str()));
        Ok(Self {
            id: manifest.run.clone(),
            scenario: manifest.scenario.clone(),
            started: manifest.started.clone(),
            host: manifest.host.class.clone(),
            shape: manifest.target.shape.clone(),
            agents: manifest.target.agents,
            lasting_ns: uncompressed(load.map(|p| p.length_ns).sum(), manifest.rehearsal),
            verdict: judge(&analysis, &analysis.gates),
            analysis,
        })
    }

    /// Whether its time was compressed.
    pub(super) fn rehearsal(&self) -> bool {
        self.analysis.about.rehearsal.is_some()
    }

    /// Whether it is one of these, labels aside.
    fn fits(&self, asked: &Runs) -> bool {
        let named = asked.scenarios.is_empty() || asked.scenarios.iter().any(|s| fits(s, &self.scenario));
        named
            && asked.agents.is_none_or(|least| self.agents.is_some_and(|agents| agents >= least))
            && asked.lasting_ns.is_none_or(|least| self.lasting_ns >= least)
    }
}

/// Compressing rounds every phase to what its clocks can tell, by less than a thousandth.
const ROUNDING: f64 = 1.001;

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a month of nanoseconds is below 2^53, and lengths are positive"
)]
fn uncompressed(ns: u64, factor: Option<f64>) -> u64 {
    factor.map_or(ns, |factor| (ns as f64 * factor * ROUNDING) as u64)
}

/// A run with what the facts file says of it.
#[derive(Debug)]
pub(super) struct Labelled {
    pub(super) run: Run,
    pub(super) environment: Option<String>,
    pub(super) baseline: bool,
}

impl Labelled {
    /// Whether a criterion looks at it.
    pub(super) fn is_asked(&self, asked: &Runs) -> bool {
        let here = |label: &String| Some(label) == self.environment.as_ref();
        let environment = asked.environments.is_empty() || asked.environments.iter().any(here);
        !self.baseline && environment && self.run.fits(asked)
    }

    /// Whether it is what a criterion compares with. Its environment is its own.
    pub(super) fn is_baseline_of(&self, asked: &Runs) -> bool {
        self.baseline && self.run.fits(asked)
    }

    /// Whether it was measured on another class of host than `base`, and nobody said that it should be.
    pub(super) fn is_from_elsewhere(&self, base: &Self) -> bool {
        self.run.host != base.run.host && self.environment == base.environment
    }

    /// Its environment as a person reads it.
    pub(super) fn place(&self) -> String {
        self.environment.clone().unwrap_or_else(|| format!("unlabelled, host {}", self.run.host))
    }

    pub(super) fn summary(&self, used: bool) -> Summary {
        let run = &self.run;
        Summary {
            run: run.id.clone(),
            scenario: run.scenario.clone(),
            environment: self.environment.clone(),
            host: run.host.clone(),
            baseline: self.baseline,
            started: run.started.clone(),
            shape: run.shape.clone(),
            duration_s: run.analysis.about.duration_s,
            rehearsal: run.rehearsal(),
            outcome: run.verdict.outcome,
            why: run.verdict.why.clone(),
            used,
        }
    }
}

/// Every run once, with its labels, in an order that does not depend on the one in which they were given.
pub(super) fn labelled(runs: Vec<Run>, facts: &Facts, notes: &mut Vec<String>) -> Vec<Labelled> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for run in runs {
        if !seen.insert(run.id.clone()) {
            notes.push(format!("the run {} was given twice and counts once", run.id));
            continue;
        }
        let label = facts.runs.iter().find(|label| fits(&label.run, &run.id));
        all.push(Labelled {
            environment: label.and_then(|label| label.environment.clone()),
            baseline: label.is_some_and(|label| label.baseline),
            run,
        });
    }
    let place = |l: &Labelled| (!l.baseline, l.environment.is_none(), l.place(), l.run.id.clone());
    all.sort_by_key(place);
    for label in &facts.runs {
        if !all.iter().any(|l| fits(&label.run, &l.run.id)) {
            notes.push(format!("the facts file labels the run {}, which was not given", label.run));
        }
    }
    all
}
