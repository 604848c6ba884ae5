//! The ceiling of a series: the level that a gate allows, however it was come to.

use evidence::gate::Op;
use evidence::unit::Unit;

use crate::analysis::{Trend, Watched};
use crate::verdict::{GateVerdict, Verdict, measured};

/// A level that must not be exceeded.
pub(in crate::report) struct Ceiling<'a> {
    /// The gate that sets it.
    pub(in crate::report) gate: &'a GateVerdict,
    /// The level, in the unit of the series.
    pub(in crate::report) level: f64,
    /// How far away it was.
    pub(in crate::report) words: String,
}

/// The lowest ceiling that the gates of a run set for this series.
pub(super) fn ceiling<'a>(trend: &Trend, verdict: &'a Verdict) -> Option<Ceiling<'a>> {
    let of_it = |g: &&GateVerdict| {
        let metric = &g.gate.metric;
        metric.name == limited(trend.watched)
            // What no process may hold, no worker may.
            && metric.selector.as_deref().is_none_or(|role| Some(role) == trend.role)
            && g.gate.phase.as_deref().is_none_or(|phase| phase == "hold")
            && matches!(g.gate.go.op, Op::Less | Op::LessOrEqual)
    };
    let gates = verdict.gates.iter().filter(of_it);
    let gate = gates.min_by(|a, b| a.gate.go.value.total_cmp(&b.gate.go.value))?;
    let level = gate.gate.go.value;
    Some(Ceiling { gate, level, words: words(gate, level, trend.watched.unit()) })
}

/// The metric whose limit is a ceiling of what is drawn.
fn limited(watched: Watched) -> &'static str {
    match watched {
        Watched::Memory => "memory.private.max",
        Watched::Descriptors => "descriptors.max",
        Watched::Threads => "threads.max",
        Watched::Rounds => "round.time.max",
        Watched::Response => "response.time.p50",
        Watched::Recovery => "recovery.time.max",
        Watched::Harness => "harness.memory.max",
    }
}

fn words(gate: &GateVerdict, level: f64, unit: Unit) -> String {
    let shown = unit.show(level);
    let Some(found) = gate.finding.as_ref().filter(|f| f.value.is_finite() && f.value > 0.0) else {
        return format!("ceiling {shown}");
    };
    let reached = measured(found);
    if found.value > level {
        format!("ceiling {shown}, exceeded: {reached} was reached")
    } else {
        format!("ceiling {shown}, {} × what was reached ({reached})", Unit::Count.show(level / found.value))
    }
}
