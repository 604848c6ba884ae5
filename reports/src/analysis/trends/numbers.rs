//! The numbers of a trend, under the names of the registry.

use evidence::sample::Group;

use super::series::{Context, PAGE};
use super::{Trend, Watched};
use crate::analysis::{Basis, Findings, Measured, Of, Sight};
use crate::drift::{self, Drift, Estimate, Question, Series, Shape};
use crate::statistics::{Interval, middle};

const HOUR: f64 = 3600.0;

/// Into how many blocks a series is cut to see how far it spreads, and the fewest values of a block.
const BLOCKS: usize = 24;
const OF_BLOCK: usize = 5;

/// What one number of a drift is: under which name, the estimate, and by what a value of the series per hour is
/// multiplied to have the number's unit.
struct Number<'a> {
    name: &'a str,
    estimate: Estimate,
    per_hour: f64,
}

fn put(drift: &Drift, of: Of<'_>, basis: Basis, number: &Number<'_>, findings: &mut Findings) {
    let too_short = drift.shape == Shape::TooShort;
    let Estimate { value, lo, hi } = number.estimate;
    let value = if too_short { f64::NAN } else { value };
    let n = drift.n as u64;
    findings.put(number.name, of, Measured { basis, n, value, interval: Interval { lo, hi }, needs: None });
    let sight = Sight {
        n_eff: drift.n_eff,
        smallest: drift.smallest_visible_per_hour * number.per_hour,
        shape: drift.shape,
        hours_needed: drift.hours_needed,
    };
    findings.sighted(number.name, of, sight, too_short.then(|| drift.why.clone()));
}

/// Growth per hour, per run, to the horizon, by work and by fault. Returns under which names, each with what a
/// growth of one an hour is in its unit.
pub(super) fn of_processes(
    trend: &Trend,
    series: &Series,
    findings: &mut Findings,
) -> Vec<(&'static str, f64)> {
    let (of, drift) = (Of { selector: trend.role, phase: None }, &trend.drift);
    let mut told = Vec::new();
    let mut number = |name: &'static str, estimate: Estimate, per_hour: f64| {
        told.push((name, per_hour));
        put(drift, of, Basis::Series, &Number { name, estimate, per_hour }, findings);
    };
    match trend.watched {
        Watched::Memory => {
            number("memory.growth.bytes", drift.per_hour, 1.0);
            if drift.level > 0.0 {
                let share = 1.0 / drift.level;
                number("memory.growth", drift.per_hour.times(share), share);
                number("memory.growth.run", drift.over_run.times(share), share * run_hours(trend));
                number(
                    "memory.growth.horizon",
                    drift.at_horizon.times(share),
                    share * trend.horizon_s / HOUR,
                );
            }
        }
        Watched::Descriptors => number("descriptors.growth", drift.per_hour, 1.0),
        Watched::Threads => number("threads.growth", drift.per_hour, 1.0),
        _ => {}
    }
    if let (Some((by_task, _)), Some(per_work)) = (by_cause(trend.watched), drift.per_work) {
        let per_hour = work_per_hour(series).map_or(f64::INFINITY, |work| 1000.0 / work);
        number(by_task, per_work.times(1000.0), per_hour);
    }
    if let (Some((_, by_fault)), Some(per_fault)) = (by_cause(trend.watched), drift.per_fault) {
        number(by_fault, per_fault, f64::NAN);
    }
    if let (Watched::Memory, Some((n, most))) = (trend.watched, spread(series, trend)) {
        findings.put("memory.spread", of, Measured::exact(Basis::Series, n, most));
    }
    told
}

/// What growth by work and by fault is called.
fn by_cause(watched: Watched) -> Option<(&'static str, &'static str)> {
    match watched {
        Watched::Memory => Some(("memory.growth.task", "memory.growth.fault")),
        Watched::Descriptors => Some(("descriptors.growth.task", "descriptors.growth.fault")),
        Watched::Threads => Some(("threads.growth.task", "threads.growth.fault")),
        _ => None,
    }
}

/// Drift as a share of the level over the run; of the harness, per hour. Returns the same as [`of_processes`].
pub(super) fn of_times(trend: &Trend, findings: &mut Findings) -> Vec<(&'static str, f64)> {
    let drift = &trend.drift;
    let (name, basis) = match trend.watched {
        Watched::Rounds => ("coordination.drift", Basis::Rounds),
        Watched::Response => ("response.drift", Basis::Latency),
        Watched::Recovery => ("recovery.drift", Basis::Events),
        _ => {
            let name = "harness.memory.growth";
            let number = Number { name, estimate: drift.per_hour, per_hour: 1.0 };
            put(drift, Of::default(), Basis::Series, &number, findings);
            return vec![(name, 1.0)];
        }
    };
    if drift.level <= 0.0 {
        return Vec::new();
    }
    let share = 1.0 / drift.level;
    let per_hour = share * run_hours(trend);
    let number = Number { name, estimate: drift.over_run.times(share), per_hour };
    put(drift, Of::default(), basis, &number, findings);
    vec![(name, per_hour)]
}

/// The hours over which the drift of the run is counted.
fn run_hours(trend: &Trend) -> f64 {
    (trend.span_s.1 - trend.span_s.0 - trend.drift.warm_up_s).max(0.0) / HOUR
}

fn work_per_hour(series: &Series) -> Option<f64> {
    let (first, last) = (series.points.first()?, series.points.last()?);
    let hours = (last.at_s - first.at_s) / HOUR;
    (hours > 0.0 && last.work > first.work).then(|| (last.work - first.work) / hours)
}

/// How far the median of a block is from the median of all, as a share of it, at most; and of how many values.
fn spread(series: &Series, trend: &Trend) -> Option<(u64, f64)> {
    let begin = trend.span_s.0 + trend.drift.warm_up_s;
    let left_out = |at: f64| series.excluded.iter().any(|(from, to)| (*from..*to).contains(&at));
    let kept: Vec<f64> =
        series.points.iter().filter(|p| p.at_s >= begin && !left_out(p.at_s)).map(|p| p.value).collect();
    let length = kept.len().div_ceil(BLOCKS).max(OF_BLOCK);
    let median = |values: &[f64]| {
        let mut ordered = values.to_vec();
        ordered.sort_by(f64::total_cmp);
        middle(&ordered)
    };
    let level = median(&kept).filter(|level| *level > 0.0)?;
    let blocks: Vec<f64> = kept.chunks_exact(length).filter_map(median).collect();
    let most = blocks.iter().map(|block| (block / level - 1.0).abs()).fold(0.0, f64::max);
    (blocks.len() >= 3).then_some((kept.len() as u64, most))
}

/// When memory, or the descriptors of a process, are used up if they go on as they did.
pub(super) fn exhaustion(context: &Context<'_>, groups: &[Group], findings: &mut Findings) {
    let memory = context.whole(groups, |s| s.private_sum, u64::saturating_add, PAGE);
    let held = memory.points.last().map_or(0.0, |p| p.value);
    let descriptors = context.whole(groups, |s| s.descriptors_max, u64::max, 1.0);
    for (name, series, limit) in [
        ("memory.exhaustion", memory, context.memory_limit(held)),
        ("descriptors.exhaustion", descriptors, context.descriptor_limit()),
    ] {
        let question = Question { limit, ..context.question() };
        if limit.is_none() || series.points.is_empty() {
            continue;
        }
        let found = drift::drift(&series, &question);
        let unknown = Estimate { value: f64::NAN, lo: 0.0, hi: f64::INFINITY };
        let estimate = found.exhaustion.unwrap_or(unknown).times(HOUR);
        put(&found, Of::default(), Basis::Series, &Number { name, estimate, per_hour: f64::NAN }, findings);
    }
}
