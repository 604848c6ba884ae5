//! `verdict.json`, schema 1: the same evidence gives the same bytes.

use std::collections::BTreeMap;

use evidence::event::{Level, Proof};
use evidence::gate::Limit;
use evidence::role::Role;
use evidence::unit::Unit;
use serde::Serialize;

use super::{Outcome, Verdict};
use crate::analysis::{Against, FaultFinding, Finding, Left, Source, Step, shape_name, sources};
use crate::statistics::Interval;

/// The version of `verdict.json`.
pub(super) const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    verdict: &'static str,
    why: &'a str,
    scenario: &'a str,
    run: &'a str,
    seed: u64,
    duration_s: f64,
    rehearsal: Option<f64>,
    gates: Vec<GateEntry<'a>>,
    coverage: Vec<ConditionEntry<'a>>,
    metrics: BTreeMap<String, MetricEntry>,
    faults: Vec<FaultEntry<'a>>,
}

#[derive(Serialize)]
struct GateEntry<'a> {
    id: &'a str,
    metric: String,
    phase: Option<&'a str>,
    go: Limit,
    conditional: Option<Limit>,
    measured: Option<f64>,
    unit: Unit,
    interval: Option<Bounds>,
    n: u64,
    coverage: CoverageEntry<'a>,
    outcome: Outcome,
    why: &'a str,
    cites: Option<&'a str>,
}

#[derive(Serialize)]
struct CoverageEntry<'a> {
    good: bool,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct ConditionEntry<'a> {
    id: &'a str,
    outcome: Outcome,
    found: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct MetricEntry {
    /// Null for what never comes.
    value: Option<f64>,
    unit: Unit,
    n: u64,
    interval: Option<Bounds>,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<SightEntry>,
}

/// What a drift could have been seen by.
#[derive(Serialize)]
struct SightEntry {
    shape: &'static str,
    n_eff: f64,
    smallest: Option<f64>,
    hours_needed: Option<f64>,
}

/// An upper bound that is not known is null.
#[derive(Serialize)]
struct Bounds {
    lo: f64,
    hi: Option<f64>,
}

#[derive(Serialize)]
struct FaultEntry<'a> {
    id: &'a str,
    kind: &'a str,
    words: &'a str,
    targets: Vec<u32>,
    evidence: EvidenceEntry<'a>,
    injected_at: Option<f64>,
    healed_at: Option<f64>,
    /// From its planned end until it was read back that it was undone.
    undo_s: Option<f64>,
    detect_s: Option<f64>,
    elect_s: Option<f64>,
    reassign_s: Option<f64>,
    first_success_s: Option<f64>,
    round_s: Option<f64>,
    steady_s: Option<f64>,
    after_heal_s: Option<f64>,
    drained_s: Option<f64>,
    /// Names of the steps that were not reached while the evidence went on.
    not_reached: Vec<&'static str>,
    open: Option<u64>,
    lost: Option<u64>,
    late: Option<u64>,
    retried: Option<u64>,
    agent_seconds: Option<f64>,
    placebo: Option<PlaceboEntry>,
    left: Vec<LeftEntry>,
}

#[derive(Serialize)]
struct EvidenceEntry<'a> {
    proof: Proof,
    requires: Level,
    why: Option<&'a str>,
    /// What was read while it acted, or at its injection, over all victims.
    readings: Vec<SourceEntry>,
}

#[derive(Serialize)]
struct SourceEntry {
    level: Level,
    source: String,
    expected: String,
    found: Vec<String>,
    victims: u64,
}

#[derive(Serialize)]
struct PlaceboEntry {
    window_s: f64,
    late: Option<AgainstEntry>,
    retried: Option<AgainstEntry>,
    p99_s: Option<AgainstEntry>,
    delivered: Option<AgainstEntry>,
}

/// A number in the fault's window and in windows of the same length without a fault.
#[derive(Serialize)]
struct AgainstEntry {
    fault: f64,
    median: f64,
    least: f64,
    greatest: f64,
    windows: u64,
}

/// A mean over the processes of a role, before the fault and after the target had settled.
#[derive(Serialize)]
struct LeftEntry {
    role: Role,
    descriptors: Option<[f64; 2]>,
    private: Option<[f64; 2]>,
}

/// The bytes of `verdict.json`. They depend on the verdict alone.
///
/// # Panics
/// Never: a verdict holds nothing that JSON cannot.
#[must_use]
pub fn verdict_json(verdict: &Verdict) -> Vec<u8> {
    let about = &verdict.about;
    let document = Document {
        schema: SCHEMA,
        verdict: verdict.word(),
        why: &verdict.why,
        scenario: &about.scenario,
        run: &about.run,
        seed: about.seed,
        duration_s: about.duration_s,
        rehearsal: about.rehearsal,
        gates: gates(verdict),
        coverage: verdict
            .coverage
            .iter()
            .map(|c| ConditionEntry { id: c.id, outcome: c.outcome, found: &c.found, why: &c.why })
            .collect(),
        metrics: known(verdict).map(|(name, f)| (name.to_string(), metric(f))).collect(),
        faults: verdict.faults.iter().map(fault).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document).expect("a verdict holds only what JSON can hold");
    bytes.push(b'\n');
    bytes
}

/// Those of which something is known.
fn known(verdict: &Verdict) -> impl Iterator<Item = (&crate::analysis::Name, &Finding)> {
    verdict.findings.iter().filter(|(_, f)| !f.value.is_nan())
}

fn gates(verdict: &Verdict) -> Vec<GateEntry<'_>> {
    verdict
        .gates
        .iter()
        .map(|g| GateEntry {
            id: &g.id,
            metric: g.gate.metric.to_string(),
            phase: g.gate.phase.as_deref(),
            go: g.gate.go,
            conditional: g.gate.conditional,
            measured: g.finding.as_ref().and_then(|f| finite(f.value)),
            unit: g.unit,
            interval: g.finding.as_ref().and_then(|f| bounds(f.interval)),
            n: g.finding.as_ref().map_or(0, |f| f.n),
            coverage: CoverageEntry { good: g.poor.is_none(), why: g.poor.as_deref() },
            outcome: g.outcome,
            why: &g.why,
            cites: g.gate.cites.as_deref(),
        })
        .collect()
}

fn metric(finding: &Finding) -> MetricEntry {
    MetricEntry {
        value: finite(finding.value),
        unit: finding.metric.unit,
        n: finding.n,
        interval: bounds(finding.interval),
        source: finding.basis.file(),
        drift: finding.sight.map(|sight| SightEntry {
            shape: shape_name(sight.shape),
            n_eff: sight.n_eff,
            smallest: finite(sight.smallest),
            hours_needed: sight.hours_needed.and_then(finite),
        }),
    }
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// Absent for an exact number, and where not even a lower bound is known.
#[expect(clippy::float_cmp, reason = "an exact number has equal bounds by construction")]
fn bounds(interval: Interval) -> Option<Bounds> {
    let Interval { lo, hi } = interval;
    (lo != hi && lo.is_finite()).then(|| Bounds { lo, hi: Some(hi).filter(|hi| hi.is_finite()) })
}

fn fault(fault: &FaultFinding) -> FaultEntry<'_> {
    let took = |step: Option<Step>| match step {
        Some(Step::Took(s)) => Some(s),
        _ => None,
    };
    let r = &fault.recovery;
    let not_reached = r.steps().into_iter().filter(|(_, s)| matches!(s, Some(Step::NotBefore(_))));
    FaultEntry {
        id: &fault.id,
        kind: &fault.kind,
        words: &fault.words,
        targets: fault.victims.iter().filter_map(|v| v.subject.agent()).collect(),
        evidence: EvidenceEntry {
            proof: fault.proof,
            requires: fault.requires,
            why: fault.why.as_deref(),
            readings: sources(fault.evidence().iter()).into_iter().map(source).collect(),
        },
        injected_at: fault.injected_s,
        healed_at: fault.healed_s,
        undo_s: fault.undo_s,
        detect_s: took(r.detect),
        elect_s: took(r.elect),
        reassign_s: took(r.reassign),
        first_success_s: took(r.first_success),
        round_s: took(r.round),
        steady_s: took(r.steady),
        after_heal_s: took(fault.after_heal),
        drained_s: took(r.drained),
        not_reached: not_reached.map(|(name, _)| name).collect(),
        open: fault.open,
        lost: fault.lost,
        late: fault.late,
        retried: fault.retried,
        agent_seconds: fault.agent_seconds(),
        placebo: fault.placebo.as_ref().map(|p| PlaceboEntry {
            window_s: p.window_s,
            late: p.late.map(against),
            retried: p.retried.map(against),
            p99_s: p.p99.map(against),
            delivered: p.delivered.map(against),
        }),
        left: fault.left.iter().map(left).collect(),
    }
}

fn source(source: Source) -> SourceEntry {
    let Source { level, source, expected, found, victims } = source;
    SourceEntry { level, source, expected, found, victims }
}

fn against(a: Against) -> AgainstEntry {
    let Against { fault, least, median, greatest, windows } = a;
    AgainstEntry { fault, median, least, greatest, windows }
}

fn left(left: &Left) -> LeftEntry {
    let pair = |pair: Option<(f64, f64)>| pair.map(|(before, after)| [before, after]);
    LeftEntry { role: left.role, descriptors: pair(left.descriptors), private: pair(left.private) }
}
