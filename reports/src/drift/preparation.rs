//! A series made ready for its slope: teeth, steps and warm-up found, and what remains cut into blocks.

use super::blocks::{self, Block, Cut};
use super::fit::{self, Fit};
use super::{Point, Series, Step, faults, sawtooth, steps, warm_up};

/// More steps than this are not steps but the way in which a series grows.
const STEPS: usize = 3;

/// With less than this share of the squared residuals left, a transient explains a series better than a line.
const TRANSIENT: f64 = 0.75;

/// What is left of a series, and how it is cut.
pub(super) struct Prepared {
    pub(super) points: Vec<Point>,
    pub(super) blocks: Vec<Block>,
    pub(super) cut: Cut,
    /// The breaks without the steps.
    pub(super) breaks: Vec<f64>,
    pub(super) steps: Vec<Step>,
    /// From the first sample, in seconds; at least the one declared.
    pub(super) warm_up_s: f64,
    /// A warm-up beyond the one declared.
    pub(super) warm_up: Option<WarmUp>,
    pub(super) sawtooth: bool,
    pub(super) quantum: f64,
}

/// A warm-up that was found.
pub(super) struct WarmUp {
    /// By how much the series changed meanwhile.
    pub(super) rose: f64,
    /// The time that it took, in seconds.
    pub(super) took_s: f64,
    /// The time from its beginning to the end of the series, in seconds.
    pub(super) run_s: f64,
    /// It took more than a third of the series.
    pub(super) late: bool,
    /// The slope beside a transient.
    pub(super) beside: Option<Fit>,
}

impl Prepared {
    /// There was a warm-up that took more than a third of the series.
    pub(super) fn late(&self) -> bool {
        self.warm_up.as_ref().is_some_and(|warm_up| warm_up.late)
    }
}

/// Makes a series ready.
pub(super) fn prepare(series: &Series) -> Prepared {
    let points = blocks::usable(series);
    let cut = Cut::of(&points, &series.breaks, series.period_s, series.independent);
    let quantum = series.quantum.unwrap_or_else(|| smallest_change(&points));
    let whole = blocks::cut(&points, &cut);
    let slope = fit::theil_sen(&whole, &|b: &Block| b.at_s).unwrap_or(0.0);
    let Some(floors) = sawtooth::floors(&points, &cut.breaks, slope) else {
        return settle(series, points, cut, &whole, quantum);
    };
    Prepared {
        blocks: if floors.len() >= blocks::FEWEST { floors } else { whole },
        points,
        breaks: cut.breaks.clone(),
        cut,
        steps: Vec::new(),
        warm_up_s: series.declared_warm_up_s,
        warm_up: None,
        sawtooth: true,
        quantum,
    }
}

/// Finds steps and the warm-up, and cuts what comes after it anew.
fn settle(series: &Series, points: Vec<Point>, cut: Cut, whole: &[Block], quantum: f64) -> Prepared {
    let mut steps = steps::steps(&points, whole, quantum);
    faults::name(&mut steps, series, cut.width_s);
    if steps.len() > STEPS {
        steps.clear();
    }
    let third = points.first().map_or(0.0, |p| p.at_s) + blocks::span(&points) * warm_up::LONGEST;
    let early = steps.iter().rfind(|s| s.fault.is_none() && s.at_s < third).map(|s| s.at_s);
    let later: Vec<Step> = steps.iter().filter(|s| s.fault.is_some() || s.at_s >= third).cloned().collect();
    let level = level_without(whole, &later);
    let skip = warm_up::blocks_of(&level);
    let steady = whole.get(skip).filter(|_| skip > 0).map(|b| b.at_s - cut.width_s / 2.0);
    let from = early.into_iter().chain(steady).fold(f64::NEG_INFINITY, f64::max);
    let warm_up = found(&level, skip, early.is_some(), from > third);
    let start = series.points.iter().map(|p| p.at_s).fold(f64::INFINITY, f64::min);
    let points: Vec<Point> = points.into_iter().filter(|p| p.at_s >= from).collect();
    let warm_up_s = points.first().map_or(0.0, |p| p.at_s - start).max(series.declared_warm_up_s);
    steps.retain(|s| s.at_s > from);
    let breaks = cut.breaks;
    let mut marks = breaks.clone();
    marks.extend(steps.iter().map(|s| s.at_s));
    let cut = Cut::of(&points, &marks, series.period_s, series.independent);
    let blocks = blocks::cut(&points, &cut);
    Prepared { points, blocks, cut, breaks, steps, warm_up_s, warm_up, sawtooth: false, quantum }
}

/// The warm-up, if there was one: blocks to be left out, an early step, or a transient that explains more than a
/// line does. Of the last two it is not known where they end.
fn found(level: &[Block], skip: usize, early: bool, late: bool) -> Option<WarmUp> {
    let beside = fit::beside_transient(level);
    let transient = beside.as_ref().is_some_and(|(_, left)| *left < TRANSIENT);
    let (first, last) = (level.first()?, level.last()?);
    let end = level.get(skip).filter(|_| skip > 0).unwrap_or(last);
    (skip > 0 || early || transient).then(|| WarmUp {
        rose: end.value - first.value,
        took_s: end.at_s - first.at_s,
        run_s: last.at_s - first.at_s,
        late,
        beside: beside.map(|(fit, _)| fit),
    })
}

/// The blocks with their steps taken out.
fn level_without(blocks: &[Block], steps: &[Step]) -> Vec<Block> {
    let offset = |at: f64| steps.iter().filter(|s| s.at_s <= at).map(|s| s.by).sum::<f64>();
    blocks.iter().map(|b| Block { value: b.value - offset(b.at_s), ..*b }).collect()
}

/// The smallest change that a series shows; zero if it shows none.
fn smallest_change(points: &[Point]) -> f64 {
    let changes = points.windows(2).map(|pair| (pair[1].value - pair[0].value).abs()).filter(|c| *c > 0.0);
    let smallest = changes.fold(f64::INFINITY, f64::min);
    if smallest.is_finite() { smallest } else { 0.0 }
}
