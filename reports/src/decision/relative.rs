//! A number against the same number of the baseline.

use evidence::gate::{Gate, Limit, Op};
use evidence::gatefile::{Criterion, Runs};
use evidence::unit::Unit;

use super::criterion::{CriterionVerdict, Found, Rest, on_runs, worsened};
use super::run::Labelled;
use super::sureness;
use crate::statistics::Interval;
use crate::verdict::{Outcome, compared, judge_one};

pub(super) fn judge(criterion: &Criterion, gate: &Gate, asked: &Runs, runs: &[Labelled]) -> CriterionVerdict {
    let show =
        |limit: Limit| format!("{} {} of the baseline", limit.op.sign(), Unit::Ratio.show(limit.value));
    let unknown = |why| CriterionVerdict::unknown(criterion, why);
    let bases: Vec<&Labelled> = runs.iter().filter(|run| run.is_baseline_of(asked)).collect();
    let verdict = if bases.is_empty() {
        unknown("no evidence: no run is labelled as the baseline of these in the facts file".to_owned())
    } else {
        on_runs(criterion, asked, runs, unknown, |run| against_worst(run, &bases, gate))
    };
    let verdict = CriterionVerdict { unit: Some(Unit::Ratio), ..verdict };
    verdict.limits(show(gate.go), gate.conditional.map(show))
}

/// Only runs of one scenario can be compared. Where it has several baselines, it must hold against each.
fn against_worst(run: &Labelled, bases: &[&Labelled], gate: &Gate) -> Rest {
    let same = bases.iter().filter(|base| base.run.scenario == run.run.scenario);
    let rests = same.map(|base| against(run, base, gate));
    rests.max_by_key(|rest| rest.outcome).unwrap_or_else(|| {
        let why = format!("no evidence: no run of {} is labelled as its baseline", run.run.scenario);
        resting(run, Outcome::Inconclusive, "–".to_owned(), why, 0.0, Found::default())
    })
}

fn resting(
    run: &Labelled,
    outcome: Outcome,
    measured: String,
    why: String,
    sureness: f64,
    found: Found,
) -> Rest {
    let (on, environment) = (run.run.id.clone(), run.environment.clone());
    worsened(Rest { on, outcome, measured, why, environment, sureness, found }, run)
}

fn against(run: &Labelled, base: &Labelled, gate: &Gate) -> Rest {
    let nothing =
        |why: String| resting(run, Outcome::Inconclusive, "–".to_owned(), why, 0.0, Found::default());
    // The baseline is only read; a limit that always holds lets nothing but poor evidence withhold it.
    let read =
        Gate { go: Limit { op: Op::GreaterOrEqual, value: f64::MIN }, conditional: None, ..gate.clone() };
    let (there, here) = (judge_one(&base.run.analysis, &read), judge_one(&run.run.analysis, &read));
    for (which, verdict) in [("the baseline", &there), ("the run", &here)] {
        if let Some(poor) = &verdict.poor {
            return nothing(format!("of {which}: {poor}"));
        }
    }
    let (Some(there), Some(here)) = (there.finding, here.finding) else {
        return nothing("nothing was measured".to_owned());
    };
    if here.metric.unit != Unit::Ratio && run.is_from_elsewhere(base) {
        return nothing(format!(
            "the baseline was measured on another class of host ({}, this is {}) and is not labelled as another \
             environment; measure one on this host",
            base.run.host, run.run.host
        ));
    }
    let ratio =
        Interval { lo: here.interval.lo / there.interval.hi, hi: here.interval.hi / there.interval.lo };
    let value = here.value / there.value;
    if !value.is_finite() {
        return nothing(format!("the baseline's {} is zero, so that nothing is a share of it", gate.metric));
    }
    let outcome = compared(gate, ratio);
    let shown = Unit::Ratio.show(value);
    let why = format!(
        "{} is {shown} of the {} in {}, asked for is {} {}",
        here.metric.unit.show(here.value),
        there.metric.unit.show(there.value),
        base.run.id,
        gate.go.op.sign(),
        Unit::Ratio.show(gate.go.value)
    );
    let exact = ratio.hi - ratio.lo <= f64::EPSILON * value.abs();
    let found = Found { value: Some(value), interval: (!exact).then_some(ratio) };
    resting(run, outcome, shown, why, sureness::of(gate, outcome, value, ratio), found)
}
