//! `decision.json`, schema 1: the same runs, facts and gate file give the same bytes.

use std::collections::BTreeMap;

use evidence::unit::Unit;
use serde::Serialize;

use super::SCHEMA;
use crate::decision::{CriterionVerdict, Decision, Environment, Summary};
use crate::statistics::Interval;
use crate::verdict::Outcome;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    gate: &'a str,
    decision: &'static str,
    outcome: Outcome,
    would_be: Outcome,
    rehearsal: bool,
    why: &'a str,
    confidence: f64,
    approve_from: f64,
    approved: bool,
    cites: &'a [String],
    criteria: Vec<CriterionEntry<'a>>,
    runs: Vec<RunEntry<'a>>,
    environments: Vec<EnvironmentEntry<'a>>,
    stability: Vec<StabilityEntry<'a>>,
    risks: Vec<RiskEntry<'a>>,
    recommendation: &'a [String],
    pivots: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct CriterionEntry<'a> {
    id: &'a str,
    what: &'a str,
    cites: &'a [String],
    outcome: Outcome,
    why: &'a str,
    measured: &'a str,
    value: Option<f64>,
    unit: Option<Unit>,
    interval: Option<Bounds>,
    limit: &'a str,
    conditional: Option<&'a str>,
    minor: bool,
    sureness: f64,
    rests_on: Vec<RestEntry<'a>>,
    response: Option<&'a str>,
}

/// An upper bound that is not known is null.
#[derive(Serialize)]
struct Bounds {
    lo: f64,
    hi: Option<f64>,
}

#[derive(Serialize)]
struct RestEntry<'a> {
    on: &'a str,
    environment: Option<&'a str>,
    outcome: Outcome,
    measured: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct RunEntry<'a> {
    run: &'a str,
    scenario: &'a str,
    environment: Option<&'a str>,
    host: &'a str,
    baseline: bool,
    started: &'a str,
    shape: &'a str,
    duration_s: f64,
    rehearsal: bool,
    verdict: Outcome,
    why: &'a str,
    used: bool,
}

#[derive(Serialize)]
struct EnvironmentEntry<'a> {
    environment: &'a str,
    labelled: bool,
    baseline: bool,
    run: &'a str,
    scenario: &'a str,
    metrics: BTreeMap<&'static str, CellEntry>,
}

#[derive(Serialize)]
struct CellEntry {
    value: Option<f64>,
    of_baseline: Option<f64>,
}

#[derive(Serialize)]
struct StabilityEntry<'a> {
    run: &'a str,
    metrics: BTreeMap<&'static str, RowEntry>,
    missing: &'a [&'static str],
}

#[derive(Serialize)]
struct RowEntry {
    /// Null where it is not finite: a limit that is never reached.
    value: Option<f64>,
    unit: Unit,
    interval: Option<Bounds>,
    source: &'static str,
}

#[derive(Serialize)]
struct RiskEntry<'a> {
    grade: &'static str,
    of: &'a str,
    what: &'a str,
    response: Option<&'a str>,
}

/// The bytes of `decision.json`. They depend on the decision alone.
///
/// # Panics
/// Never: a decision holds nothing that JSON cannot.
#[must_use]
pub fn decision_json(decision: &Decision) -> Vec<u8> {
    let document = Document {
        schema: SCHEMA,
        gate: &decision.gates.name,
        decision: decision.word(),
        outcome: decision.outcome,
        would_be: decision.would_be,
        rehearsal: decision.rehearsal,
        why: &decision.why,
        confidence: decision.confidence,
        approve_from: decision.gates.approve,
        approved: decision.approved,
        cites: &decision.gates.cites,
        criteria: decision.criteria.iter().map(criterion).collect(),
        runs: runs(decision),
        environments: environments(decision),
        stability: stability(decision),
        risks: decision
            .risks
            .iter()
            .map(|r| RiskEntry {
                grade: r.grade.name(),
                of: &r.of,
                what: &r.what,
                response: r.response.as_deref(),
            })
            .collect(),
        recommendation: &decision.recommendation,
        pivots: if decision.would_be == Outcome::NoGo { &decision.gates.pivots } else { &[] },
        notes: &decision.notes,
    };
    let mut bytes = serde_json::to_vec_pretty(&document).expect("a decision holds only what JSON can hold");
    bytes.push(b'\n');
    bytes
}

fn bounds(interval: Option<Interval>) -> Option<Bounds> {
    interval.map(|Interval { lo, hi }| Bounds { lo, hi: Some(hi).filter(|hi| hi.is_finite()) })
}

fn criterion(c: &CriterionVerdict) -> CriterionEntry<'_> {
    CriterionEntry {
        id: &c.criterion.id,
        what: &c.criterion.what,
        cites: &c.criterion.cites,
        outcome: c.outcome,
        why: &c.why,
        measured: &c.measured,
        value: c.value,
        unit: c.unit,
        interval: bounds(c.interval),
        limit: &c.limit,
        conditional: c.second.as_deref(),
        minor: c.criterion.minor,
        sureness: c.sureness,
        rests_on: c
            .rests
            .iter()
            .map(|r| RestEntry {
                on: &r.on,
                environment: r.environment.as_deref(),
                outcome: r.outcome,
                measured: &r.measured,
                why: &r.why,
            })
            .collect(),
        response: c.response.as_deref(),
    }
}

fn runs(decision: &Decision) -> Vec<RunEntry<'_>> {
    decision.runs.iter().map(run).collect()
}

fn run(r: &Summary) -> RunEntry<'_> {
    RunEntry {
        run: &r.run,
        scenario: &r.scenario,
        environment: r.environment.as_deref(),
        host: &r.host,
        baseline: r.baseline,
        started: &r.started,
        shape: &r.shape,
        duration_s: r.duration_s,
        rehearsal: r.rehearsal,
        verdict: r.outcome,
        why: &r.why,
        used: r.used,
    }
}

fn environments(decision: &Decision) -> Vec<EnvironmentEntry<'_>> {
    let metrics = |e: &Environment| {
        let cells = e.cells.iter().filter(|c| c.value.is_some());
        cells.map(|c| (c.metric, CellEntry { value: c.value, of_baseline: c.of_baseline })).collect()
    };
    let all = decision.environments.iter().map(|e| EnvironmentEntry {
        environment: &e.environment,
        labelled: e.labelled,
        baseline: e.baseline,
        run: &e.run,
        scenario: &e.scenario,
        metrics: metrics(e),
    });
    all.collect()
}

fn stability(decision: &Decision) -> Vec<StabilityEntry<'_>> {
    let all = decision.soundness.iter().map(|s| StabilityEntry {
        run: &s.run,
        metrics: s
            .rows
            .iter()
            .map(|r| {
                let value = Some(r.value).filter(|v| v.is_finite());
                let source = r.basis.file();
                (r.metric, RowEntry { value, unit: r.unit, interval: bounds(r.bounds), source })
            })
            .collect(),
        missing: &s.missing,
    });
    all.collect()
}
