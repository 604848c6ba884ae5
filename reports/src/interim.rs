//! A look at a run that goes on: whether it can still be GO, and whether it is worth its time.
//!
//! A counted fact or a greatest value that breaks a hard limit, a budget that is spent, a fault that was not what the
//! plan asked for and a resource that will be used up before the end need no correction for looking often. A drift does: its bounds at each look are those of
//! [`drift::confidence_at`], so that all looks together alarm by chance no more often than a single one at the end.

use std::path::Path;

use evidence::event::{Fact, FaultStep, Proof};
use evidence::gate::{Gate, Limit, MetricRef, Op};
use evidence::metric::Metric;
use evidence::unit::Unit;

use crate::analysis::{Analysis, FaultFinding, Finding, Name, analyse_with, load, number, seconds, trends};
use crate::drift::{self, Shape};
use crate::reading::Evidence;
use crate::report::RenderError;
use crate::statistics::Interval;
use crate::verdict::{self, Outcome, coverage};

/// Which of the planned looks it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its number, from 1.
    pub number: u32,
    /// How many are planned.
    pub of: u32,
}

/// Why a run may end before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What kind of reason.
    pub kind: Kind,
    /// One sentence.
    pub why: String,
}

/// What kind of reason a run has to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A counted fact, a greatest or a least value has broken the limit of a gate, and cannot be undone.
    Broken,
    /// So much downtime has been that the gate on availability cannot hold any more.
    BudgetSpent,
    /// Something will be used up before the run would end.
    Exhaustion,
    /// A gate on a drift is broken, with a bound that allows for all looks.
    Drift,
    /// Whatever comes, the run can decide nothing.
    Worthless,
}

/// Judges a run directory while its run goes on. `None` where the run should go on.
///
/// # Errors
/// If the evidence cannot be read.
pub fn interim(run: &Path, look: Look) -> Result<Option<Reason>, RenderError> {
    let evidence = Evidence::read(run)?;
    let confidence = drift::confidence_at(trends::CONFIDENCE, look.number, look.of);
    let analysis = analyse_with(&evidence, confidence);
    let planned_s = seconds(load::planned_ns(&evidence));
    let seen = Seen { planned_s, evidence: &evidence, analysis: &analysis };
    let of_gates = analysis.gates.iter().filter(|gate| gate.phase.is_none());
    let by_gate = of_gates.clone().find_map(|gate| seen.broken(gate).or_else(|| seen.spent(gate)));
    let reason = by_gate
        .or_else(|| seen.exhausted())
        .or_else(|| seen.worthless())
        .or_else(|| of_gates.clone().find_map(|gate| seen.drifting(gate)));
    Ok(reason)
}

struct Seen<'a> {
    evidence: &'a Evidence,
    analysis: &'a Analysis,
    /// The load that the plan asks for, in seconds.
    planned_s: f64,
}

impl Seen<'_> {
    fn finding(&self, metric: MetricRef) -> Option<&Finding> {
        self.analysis.findings.get(&Name { metric, phase: None }).filter(|f| f.value.is_finite())
    }

    fn named(&self, name: &str) -> Option<f64> {
        self.finding(MetricRef { name: name.to_owned(), selector: None }).map(|f| f.value)
    }

    /// Counts and greatest values only grow, and least values only sink, so that one beyond its limit stays beyond it.
    fn broken(&self, gate: &Gate) -> Option<Reason> {
        let finding = self.finding(gate.metric.clone())?;
        let Interval { lo, hi } = finding.interval;
        let beyond = |limit: Limit| match limit.op {
            Op::Less | Op::LessOrEqual | Op::Equal => {
                only_grows(finding.metric) && !limit.holds(lo) && lo >= limit.value
            }
            Op::Greater | Op::GreaterOrEqual => {
                only_sinks(finding.metric) && !limit.holds(hi) && hi <= limit.value
            }
            Op::NotEqual => false,
        };
        let why = if finding.metric.counted {
            format!("{}: {} have been counted", gate.id, Unit::Count.show(finding.value))
        } else {
            format!("{}: it was {} already", gate.id, verdict::measured(finding))
        };
        limits(gate).all(beyond).then_some(Reason { kind: Kind::Broken, why })
    }

    /// If nothing more went wrong until the end, would the gate on availability hold?
    fn spent(&self, gate: &Gate) -> Option<Reason> {
        let down = self.named("availability.downtime")?;
        let best = match gate.metric.name.as_str() {
            "availability" if self.planned_s > 0.0 => 1.0 - down / self.planned_s,
            "availability.downtime" => down,
            _ => return None,
        };
        let lost = limits(gate).all(|limit| !limit.holds(best));
        lost.then(|| Reason {
            kind: Kind::BudgetSpent,
            why: format!("{}: the target was down for {} already", gate.id, Unit::Seconds.show(down)),
        })
    }

    /// Whether something is used up before the end, by the bound that favours the target.
    fn exhausted(&self) -> Option<Reason> {
        let left_s = self.planned_s - self.elapsed_s();
        ["memory.exhaustion", "descriptors.exhaustion"].into_iter().find_map(|name| {
            let finding = self.finding(MetricRef { name: name.to_owned(), selector: None })?;
            let what = name.split('.').next().unwrap_or_default();
            (finding.interval.hi < left_s).then(|| Reason {
                kind: Kind::Exhaustion,
                why: format!(
                    "{what} will be used up in {} at the latest, and the run has {} to go",
                    Unit::Seconds.show(finding.interval.hi),
                    Unit::Seconds.show(left_s)
                ),
            })
        })
    }

    fn elapsed_s(&self) -> f64 {
        seconds(self.evidence.last_ns.saturating_sub(self.evidence.zero_ns()))
    }

    /// A series that still settles may come to rest, and one that wanders may come back.
    fn drifting(&self, gate: &Gate) -> Option<Reason> {
        let finding = self.finding(gate.metric.clone()).filter(|f| f.doubt.is_none())?;
        let decided = finding.sight.is_some_and(|s| matches!(s.shape, Shape::Drifting | Shape::Sawtooth));
        let found = verdict::compared(gate, finding.interval);
        (decided && found == Outcome::NoGo).then(|| Reason {
            kind: Kind::Drift,
            why: format!(
                "{}: {} ({}), with a bound that allows for every look",
                gate.id,
                verdict::measured(finding),
                verdict::interval(finding).unwrap_or_else(|| "exact".to_owned())
            ),
        })
    }

    /// What no time can mend: the conditions that withhold every gate.
    fn worthless(&self) -> Option<Reason> {
        let worthless = |why: String| Some(Reason { kind: Kind::Worthless, why });
        let course = &self.analysis.course;
        if let Some(condition) = coverage::clock(course).filter(|c| c.outcome != Outcome::Go) {
            return worthless(condition.why);
        }
        if let Some(fault) = self.analysis.faults.iter().find(|fault| self.is_missing(fault)) {
            let what = fault.why.as_deref().unwrap_or("no evidence of it");
            return worthless(format!("fault {} ({}) is not proven: {what}", fault.id, fault.words));
        }
        let holes: f64 = course.gaps.iter().map(|(from, to)| to - from).sum();
        if self.planned_s > 0.0 && holes > coverage::GAPS * self.planned_s {
            let share = Unit::Ratio.show(holes / self.planned_s);
            return worthless(format!("{share} of the planned load lie in gaps of the sampling already"));
        }
        let shed: u64 = self.evidence.intervals.iter().map(|r| r.shed).fold(0, u64::saturating_add);
        let cores = self.named("harness.cpu.cores").unwrap_or(0.0);
        (shed > 0 && cores >= SATURATED).then(|| Reason {
            kind: Kind::Worthless,
            why: format!(
                "the harness is saturated: {} tasks were due and not started, and it uses {cores:.2} of the one core \
                 that it can",
                Unit::Count.show(number(shed))
            ),
        })
    }

    /// Whether a fault of the plan is not proven, and nothing that may still come can prove it: it was not applied, or
    /// was and is over. Of one that still acts it may be read later what it did.
    fn is_missing(&self, fault: &FaultFinding) -> bool {
        let told = |wanted: &[FaultStep]| {
            self.evidence.events.iter().any(|e| {
                matches!(&e.fact, Fact::Fault { fault: id, step, .. } if *id == fault.id && wanted.contains(step))
            })
        };
        let over = if fault.injected_s.is_none() {
            told(&[FaultStep::Skipped, FaultStep::Failed])
        } else {
            told(&[FaultStep::Healed]) || matches!(fault.proof, Proof::Mismatch | Proof::Skipped)
        };
        over && fault.proof != Proof::Proven
    }
}

fn limits(gate: &Gate) -> impl Iterator<Item = Limit> {
    std::iter::once(gate.go).chain(gate.conditional)
}

fn only_grows(metric: &Metric) -> bool {
    metric.counted || metric.name.ends_with(".max")
}

fn only_sinks(metric: &Metric) -> bool {
    metric.name.ends_with(".min")
}

/// From which share of one core on the harness, whose loop is one thread, cannot start what is due.
const SATURATED: f64 = 0.95;
