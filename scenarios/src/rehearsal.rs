//! A rehearsal: the same timeline in less time, the same work.
//!
//! Phases, fault times, quiet times and sampling are compressed, so are faults that last longer than some
//! seconds, and so is the hour in which an alert lets something grow. Time-outs keep their length, and so does the
//! drain, up to half of the rehearsal: they belong to the work, which must stay the same. Rounds keep their rate where
//! that shows each fault and each level of the day.

mod rounds;

use std::time::Duration;

use evidence::unit::Unit;

use crate::format::scalar::written_duration;
use crate::problem::{Place, Problem};
use crate::reader::Reader;
use crate::scenario::faults::{Fault, Quiet, Schedule};
use crate::scenario::soak::Soak;
use crate::scenario::workload::{Pattern, Workload};
use crate::scenario::{Lengths, Parts, Phases};
use crate::tree::At;
pub(crate) use rounds::fit as fit_rounds;

/// No sampling interval becomes shorter than this, in nanoseconds, unless it was.
const SHORTEST_SAMPLE: u64 = 1_000_000_000;

/// No fault becomes shorter than this, in nanoseconds, unless it was, or the run ends before.
const SHORTEST_FAULT: u64 = 5_000_000_000;

/// In a rehearsal nobody must have been up for longer than this, in nanoseconds, unless the run is long enough.
const LONGEST_AGE: u64 = 1_000_000_000;

/// Points of rest are no closer than this, in nanoseconds, unless they were, or the hold phase has no room for two.
const SHORTEST_REST: u64 = 10_000_000_000;

/// An alert must last no less than this, in nanoseconds, unless it had to last less.
const SHORTEST_ALERT: u64 = 1_000_000_000;

/// Compresses what was read; returns by which factor.
pub(crate) fn compress(parts: &mut Parts, wanted: Duration, reader: &mut Reader) -> Option<f64> {
    let lengths = parts.phases.as_ref()?.lengths();
    let wanted = u64::try_from(wanted.as_nanos()).unwrap_or(u64::MAX);
    let drain = lengths.drain.min(wanted / 2);
    let load = wanted - drain;
    if load >= lengths.load() || load < 1_000_000 {
        let flag = Place::Flag(format!("--rehearse {}", written_duration(wanted)).into());
        let what = format!("the scenario lasts {}", written_duration(lengths.all()));
        reader.problem(
            Problem::new(&flag, what).help("a rehearsal is shorter than what it rehearses, and at least 2ms"),
        );
        return None;
    }
    let shorter = |ns: u64| scaled(ns, load, lengths.load());
    #[expect(clippy::cast_precision_loss, reason = "a factor, good to many more digits than are read")]
    let factor = lengths.load() as f64 / load as f64;
    let warm_up = shorter(lengths.warm_up);
    parts.phases = Some(Phases { warm_up: Some(warm_up), hold: load - warm_up, drain: Some(drain) });
    let end = load + drain;
    parts.faults.iter_mut().flatten().for_each(|fault| compress_fault(fault, lengths, &shorter, end));
    let age = |up: &mut u64| *up = shorter(*up).max((*up).min(LONGEST_AGE));
    parts.faults.iter_mut().flatten().filter_map(|fault| fault.up.as_mut()).for_each(age);
    parts.chaos.iter_mut().filter_map(|chaos| chaos.up.as_mut()).for_each(age);
    for quiet in parts.chaos.iter_mut().flat_map(|chaos| &mut chaos.quiet) {
        quiet.value = Quiet { from: shorter(quiet.value.from), until: shorter(quiet.value.until) };
    }
    if let Some(sample) = &mut parts.sample {
        let every = sample.every();
        let factor = (every / shorter(every).clamp(SHORTEST_SAMPLE.min(every), every)).max(1);
        sample.every = Some(At { value: every / factor, place: Place::File });
        if let Some(slow) = &mut sample.slow_every {
            slow.value = every / factor * (slow.value / every);
        }
    }
    compress_soak(&mut parts.soak, load - warm_up, factor, &shorter);
    parts.workload.iter_mut().for_each(|workload| compress_workload(workload, lengths.load(), &shorter));
    Some(factor)
}

/// What changes with the time of day changes as much sooner.
fn compress_workload(workload: &mut Workload, load: u64, shorter: &dyn Fn(u64) -> u64) {
    match workload.arrivals.as_mut().map(|arrivals| &mut arrivals.pattern) {
        Some(Pattern::Segments(segments)) => {
            segments.value.iter_mut().for_each(|(length, _)| *length = shorter(*length));
        }
        Some(Pattern::Daily(course)) => course.compress(load, shorter),
        Some(Pattern::Always(_)) | None => {}
    }
    if let Some(daily) = workload.rounds.as_mut().and_then(|rounds| rounds.daily.as_mut()) {
        daily.compress(load, shorter);
    }
}

/// Points of rest and alerts come as much sooner, within what still shows them. What grows by so much in an hour of the
/// timeline may grow by as much in the time that stands for it. What is certified stays as long. Nothing ends it early: it
/// is there to show the whole timeline, and what a page more in some seconds would be in a month decides nothing.
fn compress_soak(soak: &mut Soak, hold: u64, factor: f64, shorter: &dyn Fn(u64) -> u64) {
    if let Some(points) = &mut soak.quiesce {
        let within = points.within();
        let every = points.every.value;
        points.every.value = shorter(every).max(every.min(SHORTEST_REST)).min(hold / 2);
        let place = points.every.place.clone();
        points.within = Some(At { value: within.min(points.every.value / 2), place });
    }
    soak.end_early = None;
    for alert in soak.alerts.iter_mut().flatten() {
        let for_ns = &mut alert.planned.for_ns;
        *for_ns = shorter(*for_ns).max((*for_ns).min(SHORTEST_ALERT));
        if alert.planned.metric.unit() == Unit::RatioPerHour {
            alert.planned.limit.value *= factor;
        }
    }
}

/// Moves a fault; a repeated one stays due as often as before, a drawn one at the same places of its window.
fn compress_fault(fault: &mut Fault, lengths: Lengths, shorter: &dyn Fn(u64) -> u64, end: u64) {
    let (first, until) = fault.schedule.window(lengths, fault.act.for_ns);
    let count = fault.times(lengths);
    let place = fault.place.clone();
    let at = |value| Some(At { value, place: place.clone() });
    match &mut fault.schedule {
        Schedule::Once(at) => at.value = shorter(at.value),
        Schedule::Phase { after, .. } => *after = shorter(*after),
        Schedule::Listed(moments) => {
            moments.iter_mut().for_each(|moment| moment.value = shorter(moment.value))
        }
        Schedule::Random { from, until: last, .. } => {
            *from = at(shorter(first));
            *last = at(shorter(until).max(shorter(first) + 1));
        }
        Schedule::Repeated { every, from, until } => {
            *every = shorter(*every).max(1);
            *from = at(shorter(first));
            *until = at(shorter(first) + count.saturating_sub(1) * *every + 1);
        }
    }
    if let Some(jitter) = &mut fault.jitter {
        jitter.value = shorter(jitter.value);
    }
    fault.act.for_ns = length(fault, shorter, end);
}

/// A length is compressed as well, but to no less than is needed to have an effect, where there is room for it.
fn length(fault: &Fault, shorter: &dyn Fn(u64) -> u64, end: u64) -> u64 {
    let for_ns = fault.act.for_ns;
    let last = match &fault.schedule {
        Schedule::Once(at) => at.value,
        Schedule::Phase { .. } => 0,
        Schedule::Listed(moments) => moments.iter().map(|m| m.value).max().unwrap_or(0),
        Schedule::Repeated { until, .. } | Schedule::Random { until, .. } => {
            until.as_ref().map_or(0, |u| u.value)
        }
    };
    let room = end.saturating_sub(last + fault.jitter_ns());
    shorter(for_ns).max(for_ns.min(SHORTEST_FAULT).min(room))
}

/// `ns * part / whole`, rounded down.
fn scaled(ns: u64, part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(ns) * u128::from(part) / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}
