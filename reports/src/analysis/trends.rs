//! Trends: whether memory, descriptors, threads and times drift while the load goes on, with an interval.
//!
//! The series are built here, from the evidence; what is found in them is the matter of [`crate::drift`]. Time in
//! which a fault was at work, or the target at rest, is left out of every slope, and of no ceiling.

mod agents;
mod numbers;
mod pace;
mod series;

use evidence::unit::Unit;

use super::faults::FaultFinding;
use super::load::Load;
use super::resources::{TARGET, by_role};
use super::{Findings, seconds};
use crate::drift::{self, Beside, Drift, Series, Shape};
use crate::reading::Evidence;
use crate::report::decimate;
pub use pace::Pace;
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
    /// The share of how it wandered that the pace of the host explains, where that was taken out of it.
    pub at_pace: Option<f64>,
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
            (watched, _) if self.at_pace.is_some() => {
                format!("{}, at the mean pace of the host", watched.words())
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
        let drift = drift::drift(series, &context.question());
        Self::with(context, watched, role, series, drift)
    }

    /// A series of times, without what the pace of the host explains of it, if that is known and does.
    fn of_times(
        context: &Context<'_>,
        watched: Watched,
        series: &Series,
        pace: Option<&Series>,
    ) -> Option<Self> {
        let beside = pace.and_then(|pace| drift::beside(series, pace));
        let Some(Beside { series, explained, .. }) = &beside else {
            return Self::of(context, watched, None, series);
        };
        let mut drift = beside.as_ref()?.drift(&context.question());
        let share = Unit::Ratio.show(*explained);
        drift.why.push_str(&format!(
            " The pace of the host explains {share} of how it wandered, and is taken out of it."
        ));
        Self::with(context, watched, None, series, drift)
            .map(|trend| Self { at_pace: Some(*explained), ..trend })
    }

    fn with(
        context: &Context<'_>,
        watched: Watched,
        role: Option<&'static str>,
        series: &Series,
        drift: Drift,
    ) -> Option<Self> {
        let (first, last) = (series.points.first()?, series.points.last()?);
        let values: Vec<(f64, f64)> = series.points.iter().map(|p| (p.at_s, p.value)).collect();
        Some(Self {
            watched,
            role,
            drift,
            at_pace: None,
            span_s: (first.at_s, last.at_s),
            horizon_s: context.horizon_s,
            excluded: series.excluded.clone(),
            drawn: parted(decimate(&values, context.gap_s(watched), SLICES), &series.breaks),
            numbers: Vec::new(),
        })
    }
}

/// How a run went over time.
pub(super) struct Found {
    /// Every trend.
    pub(super) trends: Vec<Trend>,
    /// The agents whose own memory drifts.
    pub(super) drifting: Vec<u32>,
    /// How much CPU time the harness needed for a task.
    pub(super) pace: Option<Pace>,
}

/// Every trend, and its numbers.
pub(super) fn find(
    evidence: &Evidence,
    load: &Load,
    faults: &[FaultFinding],
    confidence: f64,
    findings: &mut Findings,
) -> Found {
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
    let pace = pace::series(&context);
    for (watched, series) in [(Watched::Rounds, context.rounds()), (Watched::Response, context.response())] {
        if let Some(mut trend) = Trend::of_times(&context, watched, &series, pace.as_ref()) {
            trend.numbers = numbers::of_times(&trend, findings);
            trends.push(trend);
        }
    }
    let (harness, compared) = context.harness();
    for (watched, series) in [(Watched::Recovery, context.recovery(faults)), (Watched::Harness, harness)] {
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
    Found {
        trends,
        drifting: agents::find(&context, findings),
        pace: pace.and_then(|pace| pace::of(&context, &pace)),
    }
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
