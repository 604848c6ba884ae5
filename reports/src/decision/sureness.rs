//! How sure the evidence makes a decision.
//!
//! The interval of a number holds its true value with 95 % on either side. Taken as that of a normal law, it says
//! how likely the number is on the side of the limit on which it was judged: 95 % where the bound touches the
//! limit, more where it stays away. An exact number is sure. For all criteria together the chance of one mistake is
//! at most the sum of the chances (Boole's inequality; nothing is assumed of how they hang together).

use evidence::gate::{Gate, MetricRef};

use super::CriterionVerdict;
use super::run::Labelled;
use crate::analysis::Name;
use crate::statistics::Interval;
use crate::verdict::{GateVerdict, Outcome};

/// The standard normal deviate of a bound that holds with 95 %.
const BOUND: f64 = 1.644_853_626_951_472_8;

/// How sure a gate's outcome is; 0 where it is INCONCLUSIVE.
pub(super) fn of_gate(found: &GateVerdict) -> f64 {
    let Some(finding) = &found.finding else { return 0.0 };
    of(&found.gate, found.outcome, finding.value, finding.interval)
}

/// The same for a number that is not a finding.
pub(super) fn of(gate: &Gate, outcome: Outcome, value: f64, interval: Interval) -> f64 {
    let limit = match outcome {
        Outcome::Inconclusive => return 0.0,
        Outcome::Go => gate.go,
        Outcome::Conditional | Outcome::NoGo => gate.conditional.unwrap_or(gate.go),
    };
    let reach = if limit.value < value { value - interval.lo } else { interval.hi - value };
    if reach <= 0.0 {
        return 1.0;
    }
    let z = (limit.value - value).abs() / reach * BOUND;
    below(z)
}

/// The share of a normal law below `z` deviations (Abramowitz and Stegun, 7.1.26: within 1.5e-7).
fn below(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let polynomial = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592]
        .into_iter()
        .fold(0.0, |sum, a| (sum + a) * t);
    let erf = (1.0 - polynomial * (-x * x).exp()).copysign(x);
    0.5 * (1.0 + erf)
}

/// How sure the decision is. One true red criterion is enough for NO-GO, so that the surest of them counts. Any
/// other decision needs all criteria: the share of those that are decided, times the poorest coverage of the runs
/// that they rest on, times the chance that none of them is mistaken.
pub(super) fn confidence(outcome: Outcome, criteria: &[CriterionVerdict], runs: &[Labelled]) -> f64 {
    let of_runs = |rests: &mut dyn Iterator<Item = &str>| {
        rests.filter_map(|id| super::find(runs, id)).map(coverage).fold(1.0, f64::min)
    };
    if outcome == Outcome::NoGo {
        let red = criteria.iter().filter(|c| c.outcome == Outcome::NoGo);
        let sure = red.map(|c| {
            let reds = c.rests.iter().filter(|r| r.outcome == Outcome::NoGo);
            c.sureness * of_runs(&mut reds.map(|r| r.on.as_str()))
        });
        return sure.fold(0.0, f64::max);
    }
    let decided: Vec<_> = criteria.iter().filter(|c| c.outcome != Outcome::Inconclusive).collect();
    let mistakes: f64 = decided.iter().map(|c| 1.0 - c.sureness).sum();
    let rests = decided.iter().flat_map(|c| &c.rests).map(|r| r.on.as_str());
    let poorest = of_runs(&mut rests.collect::<Vec<_>>().into_iter());
    share(decided.len(), criteria.len()) * poorest * (1.0 - mistakes).max(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "criteria are few")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How much of a run was looked at: the least of what says so.
pub(super) fn coverage(run: &Labelled) -> f64 {
    let share = |name: &str| {
        let metric = MetricRef { name: name.to_owned(), selector: None };
        run.run.analysis.findings.get(&Name { metric, phase: None }).map(|f| f.value)
    };
    let parts = [
        share("samples.coverage"),
        share("monitoring.coverage"),
        share("samples.gaps").map(|gaps| 1.0 - gaps),
    ];
    parts.into_iter().flatten().fold(1.0, f64::min).max(0.0)
}

#[cfg(test)]
mod tests {
    use evidence::gate::{Limit, Op};

    use super::*;

    fn sure(value: f64, lo: f64, hi: f64, outcome: Outcome) -> f64 {
        let gate = Gate {
            id: "g".into(),
            metric: MetricRef { name: "round.time.p99".into(), selector: None },
            go: Limit { op: Op::Less, value: 10.0 },
            conditional: Some(Limit { op: Op::Less, value: 20.0 }),
            phase: None,
            cites: None,
        };
        of(&gate, outcome, value, Interval { lo, hi })
    }

    #[test]
    fn a_bound_that_touches_the_limit_is_95_percent_sure_and_distance_makes_it_surer() {
        for (value, lo, hi, outcome, expected) in [
            (8.0, 6.0, 10.0, Outcome::Go, 0.95),
            (8.0, 6.0, 9.0, Outcome::Go, 0.999_5),
            (8.0, 8.0, 8.0, Outcome::Go, 1.0),
            (15.0, 12.0, 20.0, Outcome::Conditional, 0.95),
            (25.0, 20.0, f64::INFINITY, Outcome::NoGo, 0.95),
            (8.0, 6.0, 12.0, Outcome::Inconclusive, 0.0),
        ] {
            let found = sure(value, lo, hi, outcome);
            assert!((found - expected).abs() < 1e-4, "{value} [{lo}, {hi}]: {found}");
        }
    }
}
