//! Trends: whether memory, descriptors, threads and times drift while the load goes on, with an interval.
//!
//! The series are built here, from the evidence; what is found in them is the matter of [`crate::drift`]. Time in
//! which a fault was at work, or the target at rest, is left out of every slope, and of no ceiling.

mod agents;
mod numbers;
mod series;

use evidence::unit::Unit;

use super::faults::FaultFinding;
use super::load::Load;
use super::resources::{TARGET, by_role};
use super::{Findings, seconds};
use crate::drift::{self, Drift, Question, Series, Shape};
use crate::reading::Evidence;
use crate::report::decimate;
pub(crate) use series::ANOTHER;
use series::Context;

/// How sure each bound of the interval of a drift is.
pub(crate) const CONFIDENCE: f64 = 0.99;

/// The share of wrongly named agents among those that are named as drifting.
pub(crate) const FALSE_DISCOVERIES: f64 = 0.01;

/// Into how many slices a series is cut to be drawn beside its blocks.
const SLICES: usize = 96;

/// What is watched over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Private memory per process.
    Memory,
    /// Open descriptors per process.
    Descriptors,
    /// Threads per process.
    Threads,
    /// The time of a round.
    Rounds,
    /// The median response time of an interval.
    Response,
    /// The recovery time of a fault.
    Recovery,
    /// Private memory of the harness.
    Harness,
}

impl Watched {
    /// The unit of its values.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Memory | Self::Harness => Unit::Bytes,
            Self::Descriptors | Self::Threads => Unit::Count,
            Self::Rounds | Self::Response | Self::Recovery => Unit::Seconds,
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Memory => "private memory",
            Self::Descriptors => "open descriptors",
            Self::Threads => "threads",
            Self::Rounds => "time of a round",
            Self::Response => "median response time",
            Self::Recovery => "recovery time",
            Self::Harness => "private memory of the harness",
        }
    }
}

/// One series and what was found in it. Times are seconds since the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// What is watched.
    pub watched: Watched,
    /// Of which role; of all processes together where absent, or of none.
    pub role: Option<&'static str>,
    /// What was found.
    pub drift: Drift,
    /// When the first and the last value was taken.
    pub span_s: (f64, f64),
    /// For how long growth is projected, in seconds.
    pub horizon_s: f64,
    /// Time that was left out of the slope.
    pub excluded: Vec<(f64, f64)>,
    /// As many of the values as can be told apart on a page, a gap or the begin of another segment between two
    /// lists.
    pub drawn: Vec<Vec<(f64, f64)>>,
    /// The numbers of the registry that tell this drift, each with what a growth of one an hour is in its unit.
    pub numbers: Vec<(&'static str, f64)>,
}

impl Trend {
    /// What it is of: `private memory per worker`.
    #[must_use]
    pub fn title(&self) -> String {
        match (self.watched, self.role) {
            (Watched::Memory | Watched::Descriptors | Watched::Threads, role) => {
                format!("{} per {}", self.watched.words(), role.unwrap_or("process"))
            }
            _ => self.watched.words().to_owned(),
        }
    }

    fn of(
        context: &Context<'_>,
        watched: Watched,
        role: Option<&'static str>,
        series: &Series,
    ) -> Option<Self> {
        let (first, last) = (series.points.first()?, series.points.last()?);
        let question = Question { confidence: context.confidence, ..Question::over(context.horizon_s) };
        let values: Vec<(f64, f64)> = series.points.iter().map(|p| (p.at_s, p.value)).collect();
        Some(Self {
            watched,
            role,
            drift: drift::drift(series, &question),
            span_s: (first.at_s, last.at_s),
            horizon_s: context.horizon_s,
            excluded: series.excluded.clone(),
            drawn: parted(decimate(&values, context.gap_s(watched), SLICES), &series.breaks),
            numbers: Vec::new(),
        })
    }
}

/// Every trend, and its numbers; and the agents whose own memory drifts.
pub(super) fn find(
    evidence: &Evidence,
    load: &Load,
    faults: &[FaultFinding],
    confidence: f64,
    findings: &mut Findings,
) -> (Vec<Trend>, Vec<u32>) {
    let context = Context::of(evidence, load, faults, confidence);
    let mut trends = Vec::new();
    for (role, groups) in by_role() {
        for watched in [Watched::Memory, Watched::Descriptors, Watched::Threads] {
            let series = context.of_groups(watched, &groups);
            if let Some(mut trend) = Trend::of(&context, watched, role, &series) {
                trend.numbers = numbers::of_processes(&trend, &series, findings);
                trends.push(trend);
            }
        }
    }
    let (harness, compared) = context.harness();
    for (watched, series) in [
        (Watched::Rounds, context.rounds()),
        (Watched::Response, context.response()),
        (Watched::Recovery, context.recovery(faults)),
        (Watched::Harness, harness),
    ] {
        if let Some(mut trend) = Trend::of(&context, watched, None, &series) {
            if watched == Watched::Harness && compared {
                trend.drift.why.push_str(
                    " None of its processes lived long enough to drift: their levels are compared.",
                );
            }
            trend.numbers = numbers::of_times(&trend, findings);
            trends.push(trend);
        }
    }
    numbers::exhaustion(&context, &TARGET, findings);
    let flagged = agents::find(&context, findings);
    (trends, flagged)
}

/// Segments that end where another process, or another segment of the run, begins.
fn parted(segments: Vec<Vec<(f64, f64)>>, breaks: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let before = |at: f64| breaks.partition_point(|b| *b <= at);
    let parts = segments.iter().flat_map(|segment| segment.chunk_by(|a, b| before(a.0) == before(b.0)));
    parts.map(<[(f64, f64)]>::to_vec).collect()
}

/// A span in seconds.
fn pair((from, to): (u64, u64)) -> (f64, f64) {
    (seconds(from), seconds(to))
}

/// The word for a shape.
pub(crate) fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Flat => "flat",
        Shape::Drifting => "drifting",
        Shape::Settling => "settling",
        Shape::Sawtooth => "sawtooth",
        Shape::Step => "step",
        Shape::Unsettled => "unsettled",
        Shape::TooShort => "too short",
    }
}
