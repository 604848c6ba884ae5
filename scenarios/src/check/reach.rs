//! Whether a gate can be passed at all: no run has a longer load, more faults or a greater share than there are.

use evidence::gate::{Limit, Op};
use evidence::metric::{self, Metric};
use evidence::unit::Unit;

use crate::format::scalar::written_duration;
use crate::problem::Problem;
use crate::quantity;
use crate::reader::Reader;
use crate::scenario::gates::Gate as Written;
use crate::scenario::{Lengths, Parts};

/// Shares of a whole: from nothing to all of it.
const SHARES: [&str; 8] = [
    "delivery.rate",
    "delivery.rate.min",
    "error.rate",
    "progress.rate",
    "availability",
    "samples.gaps",
    "samples.coverage",
    "monitoring.coverage",
];

/// Counts and sizes that are differences, and may be less than nothing.
const DIFFERENCES: [&str; 13] = [
    "descriptors.return",
    "threads.return",
    "descriptors.quiesced",
    "threads.quiesced",
    "memory.growth.task",
    "memory.growth.fault",
    "descriptors.growth.task",
    "descriptors.growth.fault",
    "threads.growth.task",
    "threads.growth.fault",
    "fault.late_excess",
    "fault.descriptors_left",
    "fault.memory_left",
];

/// A phase ends with a timer, which is never early and may be a little late.
const LATE_NS: u64 = 100_000_000;

/// The most that a number can be.
struct Most {
    value: f64,
    /// The same as a gate would have it.
    written: String,
    /// Why it is no more.
    why: String,
    /// What would make it more.
    more: Option<String>,
}

/// Refuses gates that no run can pass. It is asked of the timeline as it was written: a rehearsal is shorter than
/// what its gates ask for.
pub(crate) fn check(parts: &Parts, reader: &mut Reader) {
    let lengths = parts.phases.as_ref().map(|phases| phases.lengths());
    for written in parts.gates.iter().flatten() {
        let Some(metric) = metric::find(&written.metric.name) else { continue };
        // One that could not be read has left a problem.
        let Ok(value) = quantity::of_unit(metric.unit, &written.go.value) else { continue };
        let limit = Limit { op: written.go.op, value };
        let wrong = too_low(written, metric, limit).or_else(|| {
            let most = most(written, metric, value, parts, lengths?)?;
            too_high(written, limit, most)
        });
        reader.problems.extend(wrong);
    }
}

fn never(written: &Written, why: &str) -> Problem {
    Problem::new(&written.place, format!("{} can never be {}: {why}", written.metric, written.go))
}

/// A limit below zero, for a number that is never less.
fn too_low(written: &Written, metric: &Metric, limit: Limit) -> Option<Problem> {
    let name = metric.name.as_str();
    let (what, zero) = match metric.unit {
        Unit::Ratio if SHARES.contains(&name) => ("a share", "0%"),
        Unit::Count if !DIFFERENCES.contains(&name) => ("a number", "0"),
        Unit::Bytes if !DIFFERENCES.contains(&name) => ("a size", "0B"),
        Unit::Seconds => ("a time", "0s"),
        _ => return None,
    };
    let below = limit.op == Op::Less && limit.value <= 0.0;
    below.then(|| never(written, &format!("{what} is never less")).help(format!("write == {zero}")))
}

fn too_high(written: &Written, limit: Limit, most: Most) -> Option<Problem> {
    let above = match limit.op {
        Op::Greater => limit.value >= most.value,
        Op::GreaterOrEqual | Op::Equal => limit.value > most.value,
        Op::Less | Op::LessOrEqual | Op::NotEqual => false,
    };
    above.then(|| {
        let lower = format!("ask for >= {} or less", most.written);
        let more = most.more.map_or_else(String::new, |more| format!("{more}, or "));
        never(written, &most.why).help(more + &lower)
    })
}

/// The most that this number can be, where the scenario says; `asked` is the value of the gate.
fn most(written: &Written, metric: &Metric, asked: f64, parts: &Parts, lengths: Lengths) -> Option<Most> {
    match metric.name.as_str() {
        name if SHARES.contains(&name) => Some(Most {
            value: 1.0,
            written: "100%".to_owned(),
            why: "a share is never more than 100%".to_owned(),
            more: None,
        }),
        "run.length" => Some(of_load(lengths.load())),
        "rounds.completed" => {
            let rounds = parts.workload.as_ref()?.rounds.as_ref()?;
            let planned = lengths.load().div_ceil(rounds.every_ns.max(1));
            Some(Most { more: None, ..counted(planned, "round", asked) })
        }
        "faults.planned" | "faults.proven" | "fault.proven" => {
            Some(counted(faults(written, parts, lengths)?, "fault", asked))
        }
        _ => None,
    }
}

fn of_load(load: u64) -> Most {
    let length = written_duration(load);
    Most {
        #[expect(clippy::cast_precision_loss, reason = "compared to less than a second")]
        value: load.saturating_add(LATE_NS) as f64 / 1e9,
        why: format!("warm-up and hold together last {length}"),
        written: length,
        more: Some("let phases.hold last longer".to_owned()),
    }
}

fn counted(planned: u64, what: &str, asked: f64) -> Most {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let value = planned as f64;
    let why =
        if planned == 1 { format!("1 {what} is planned") } else { format!("{planned} {what}s are planned") };
    Most {
        value,
        written: planned.to_string(),
        why,
        more: Some(format!("plan {} more", (asked - value).max(1.0).ceil())),
    }
}

/// How many faults there are of which the gate speaks; `None` where there is none, which is told already, or where
/// one could not be read.
fn faults(written: &Written, parts: &Parts, lengths: Lengths) -> Option<u64> {
    parts.faults.iter().all(Option::is_some).then_some(())?;
    let all = super::faults::total(parts, lengths).filter(|total| *total > 0)?;
    let Some(chosen) = &written.metric.selector else { return Some(all) };
    let series = parts.faults.iter().flatten().find(|fault| fault.id.value == *chosen);
    Some(series.map_or(1, |fault| fault.times(lengths)))
}
