//! Whether a run stayed as it was: memory, descriptors, drift, delivery, incidents.

use evidence::unit::Unit;

use super::environments::finding;
use super::run::Labelled;
use crate::analysis::{Basis, Finding};
use crate::statistics::Interval;
use crate::verdict::{interval, measured};

/// What the stability report shows, in its order.
const ROWS: [(&str, &str); 24] = [
    ("length of the load", "run.length"),
    ("memory per process, per hour", "memory.growth"),
    ("memory per process, over the run", "memory.growth.run"),
    ("memory per process, at the horizon", "memory.growth.horizon"),
    ("memory per process, spread", "memory.spread"),
    ("time until memory is exhausted", "memory.exhaustion"),
    ("descriptors per process, per hour", "descriptors.growth"),
    ("descriptors beyond the first rest", "descriptors.quiesced"),
    ("threads per process, per hour", "threads.growth"),
    ("agents that drift", "agents.drifting"),
    ("coordination time, drift", "coordination.drift"),
    ("response time, drift", "response.drift"),
    ("recovery time, drift", "recovery.drift"),
    ("delivery", "delivery.rate"),
    ("delivery, worst interval", "delivery.rate.min"),
    ("errors", "error.rate"),
    ("lost", "messages.lost"),
    ("agents that crashed", "agents.crashed"),
    ("agents that hang", "agents.hung"),
    ("critical incidents", "incidents.critical"),
    ("minor incidents", "incidents.minor"),
    ("availability", "availability"),
    ("mean time to recovery", "availability.mttr"),
    ("time without samples", "samples.gaps"),
];

/// A run in the stability report.
#[derive(Debug, Clone)]
pub struct Soundness {
    /// The run.
    pub run: String,
    /// Its scenario.
    pub scenario: String,
    /// Its environment, as a person reads it.
    pub environment: String,
    /// What was measured of it.
    pub rows: Vec<Row>,
    /// What was not, in words.
    pub missing: Vec<&'static str>,
}

/// A number of the stability report.
#[derive(Debug, Clone)]
pub struct Row {
    /// What it is, in words.
    pub label: &'static str,
    /// The metric.
    pub metric: &'static str,
    /// What was found, as a person reads it.
    pub found: String,
    /// Its interval, as a person reads it; absent where it is exact.
    pub interval: Option<String>,
    /// The same in base units.
    pub value: f64,
    /// The same in base units.
    pub bounds: Option<Interval>,
    /// The unit.
    pub unit: Unit,
    /// The file that it comes from.
    pub basis: Basis,
}

pub(super) fn of(run: &Labelled) -> Soundness {
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for (label, metric) in ROWS {
        match finding(run, metric) {
            Some(found) => rows.push(row(label, metric, found)),
            None => missing.push(label),
        }
    }
    Soundness {
        run: run.run.id.clone(),
        scenario: run.run.scenario.clone(),
        environment: run.place(),
        rows,
        missing,
    }
}

fn row(label: &'static str, metric: &'static str, found: &Finding) -> Row {
    let shown = interval(found);
    Row {
        label,
        metric,
        found: measured(found),
        bounds: shown.is_some().then_some(found.interval),
        interval: shown,
        value: found.value,
        unit: found.metric.unit,
        basis: found.basis,
    }
}
