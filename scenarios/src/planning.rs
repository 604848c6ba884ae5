//! A checked scenario into a plan: every default filled in, every choice made.

mod draw;
mod faults;
mod target;

use evidence::gate::Gate;

use crate::format::tables;
use crate::plan::{self, Plan};
use crate::scenario::soak::Soak;
use crate::scenario::target::Target;
use crate::scenario::workload::{self, Course, Pattern, Tasks, Workers};
use crate::scenario::{Lengths, Scenario};
use crate::tree::At;

/// Makes the plan.
pub(crate) fn plan(scenario: &Scenario, gates: Vec<Gate>, seed: Option<u64>, rehearsal: Option<f64>) -> Plan {
    let lengths = scenario.phases.lengths();
    let seed = seed.or(scenario.seed).unwrap_or_else(|| tables::SCENARIO.default_count("seed"));
    Plan {
        schema: plan::SCHEMA,
        scenario: scenario.name.clone(),
        why: scenario.why.clone(),
        seed,
        rehearsal,
        target: target::plan(&scenario.target, &scenario.faults, seed),
        workload: plan::Workload {
            rounds: scenario.workload.rounds.as_ref().map(|r| rounds(r, &scenario.target, lengths)),
            arrivals: scenario.workload.arrivals.as_ref().map(|a| arrivals(a, lengths)),
        },
        phases: phases(lengths),
        sample: plan::Sample {
            every_ns: scenario.sample.every(),
            slow_every_ns: scenario.sample.slow_every(lengths),
        },
        faults: faults::plan(scenario, lengths, seed),
        soak: soak(&scenario.soak),
        gates,
    }
}

fn phases(lengths: Lengths) -> Vec<plan::Phase> {
    let phase = |name: &str, at_ns, length_ns| plan::Phase { name: name.to_owned(), at_ns, length_ns };
    vec![
        phase("warm_up", 0, lengths.warm_up),
        phase("hold", lengths.warm_up, lengths.hold),
        phase("drain", lengths.load(), lengths.drain),
    ]
}

fn soak(soak: &Soak) -> plan::Soak {
    plan::Soak {
        horizon_ns: soak.horizon.as_ref().map(|horizon| horizon.value),
        quiesce: soak
            .quiesce
            .as_ref()
            .map(|points| plan::Quiesce { every_ns: points.every.value, within_ns: points.within() }),
        on_harness_death: soak.on_harness_death,
        disk_bytes: soak.disk,
        end_early: soak.end_early,
        alerts: soak.alerts.iter().flatten().map(|alert| alert.planned.clone()).collect(),
        notify: soak.notify.clone(),
    }
}

fn rounds(rounds: &workload::Rounds, target: &Target, lengths: Lengths) -> plan::Rounds {
    let table = &tables::ROUNDS;
    let (timeout_ns, payload, work) = tasks(&rounds.tasks, table);
    let open = small(rounds.open.unwrap_or_else(|| table.default_count("open")));
    let all = target.agents().map_or(0, |agents| agents.worker);
    let levels = rounds.daily.as_ref().map_or_else(Vec::new, |daily| levels(daily, all, lengths));
    plan::Rounds { every_ns: rounds.every_ns, timeout_ns, payload, work, open, levels }
}

/// Each change of the number of workers; what stays the same over midnight is none.
fn levels(daily: &Course<At<Workers>>, all: u32, lengths: Lengths) -> Vec<plan::Level> {
    let moments = daily.moments(lengths.load()).into_iter();
    let mut levels: Vec<_> =
        moments.map(|(at_ns, workers)| plan::Level { at_ns, workers: workers.value.of(all) }).collect();
    levels.dedup_by_key(|level| level.workers);
    levels
}

fn arrivals(arrivals: &workload::Arrivals, lengths: Lengths) -> plan::Arrivals {
    let table = &tables::ARRIVALS;
    let (timeout_ns, payload, work) = tasks(&arrivals.tasks, table);
    let slots = small(arrivals.slots.unwrap_or_else(|| table.default_count("slots")));
    plan::Arrivals { segments: segments(&arrivals.pattern, lengths), timeout_ns, payload, work, slots }
}

/// Without gaps from zero to the end of the hold phase.
fn segments(pattern: &Pattern, lengths: Lengths) -> Vec<plan::Segment> {
    let written = match pattern {
        Pattern::Always(shape) => vec![(lengths.load(), shape.clone())],
        Pattern::Segments(segments) => segments.value.clone(),
        Pattern::Daily(course) => lasting(course.moments(lengths.load()), lengths.load()),
    };
    let mut at_ns = 0;
    let mut planned = Vec::new();
    for (length_ns, shape) in written {
        planned.push(plan::Segment { at_ns, length_ns, shape });
        at_ns += length_ns;
    }
    if at_ns < lengths.load() {
        planned.push(plan::Segment {
            at_ns,
            length_ns: lengths.load() - at_ns,
            shape: plan::Shape::Silence {},
        });
    }
    planned
}

/// From when on something holds into how long it does.
fn lasting<T>(moments: Vec<(u64, T)>, end: u64) -> Vec<(u64, T)> {
    let begins: Vec<u64> = moments.iter().map(|(at, _)| *at).skip(1).chain([end]).collect();
    moments.into_iter().zip(begins).map(|((at, what), next)| (next.saturating_sub(at), what)).collect()
}

fn tasks(tasks: &Tasks, table: &crate::format::Table) -> (u64, u32, plan::Work) {
    (
        tasks.timeout_ns.unwrap_or_else(|| table.default_duration("timeout")),
        small(tasks.payload.unwrap_or_else(|| table.default_size("payload"))),
        tasks.work.clone().unwrap_or(plan::Work::Echo {}),
    )
}

/// A number that the tables limit to far below 2^32.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
