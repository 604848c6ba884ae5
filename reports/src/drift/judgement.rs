//! The steps of the analysis in their order, and what their results mean together.

use super::blocks::{self, Block, Cut};
use super::fit::{self, Fit};
use super::{Drift, Estimate, Point, Question, Series, Shape, Step, faults, sawtooth, steps, warm_up};

const HOUR: f64 = 3_600.0;

/// More steps than this are not steps but the way in which a series grows.
const STEPS: usize = 3;

/// A second half that grows less than this share of the whole is settling.
const GOES_ON: f64 = 0.5;

/// By how many standard errors the slopes of the halves differ in one that settles.
const DIFFERENT: f64 = 1.28;

/// How many of the smallest changes must come together until they are seen to be growth rather than one step.
const COUNTED: f64 = 3.0;

/// With less than this share of the squared residuals left, a transient explains a series better than a line.
const TRANSIENT: f64 = 0.75;

/// The share of what follows a warm-up that must show a drift by itself.
const LAST: f64 = 0.3;

/// With fewer independent samples than this, a series without visible drift wanders.
const INDEPENDENT: f64 = 20.0;

/// With more memory than this from block to block a series is nearer to a random walk than to noise.
const WALKS: f64 = 0.9;

/// What is left of a series, and how it is cut.
struct Prepared {
    points: Vec<Point>,
    blocks: Vec<Block>,
    cut: Cut,
    /// The breaks without the steps.
    breaks: Vec<f64>,
    steps: Vec<Step>,
    warm_up_s: f64,
    /// There was a warm-up beyond the one declared.
    settled: bool,
    /// By how much it changed in its warm-up.
    rose: f64,
    /// The slope beside a transient.
    beside: Option<Fit>,
    /// More than a third was warm-up.
    late: bool,
    sawtooth: bool,
    quantum: f64,
}

/// The slope and by what it was judged.
struct Slope {
    fit: Fit,
    per_s: Estimate,
    settling: bool,
}

/// Analyses one series.
pub(super) fn of(series: &Series, question: &Question) -> Drift {
    let prepared = prepare(series);
    match slope(&prepared, question.confidence) {
        Some(slope) => found(series, &prepared, &slope, question),
        None => too_short(&prepared),
    }
}

fn prepare(series: &Series) -> Prepared {
    let points = blocks::usable(series);
    let start = series.points.iter().map(|p| p.at_s).fold(f64::INFINITY, f64::min);
    let cut = Cut::of(&points, &series.breaks, series.period_s);
    let quantum = series.quantum.unwrap_or_else(|| smallest_change(&points));
    let whole = blocks::cut(&points, &cut);
    if let Some(floors) =
        sawtooth::floors(&points, &cut.breaks, fit::theil_sen(&whole, &|b: &Block| b.at_s).unwrap_or(0.0))
    {
        let breaks = cut.breaks.clone();
        let (floors, sawtooth) = match floors.len() {
            blocks::FEWEST.. => (floors, true),
            _ => (whole, true),
        };
        let warm_up_s = series.declared_warm_up_s;
        return Prepared {
            points,
            blocks: floors,
            cut,
            breaks,
            steps: Vec::new(),
            warm_up_s,
            settled: false,
            rose: 0.0,
            beside: None,
            late: false,
            sawtooth,
            quantum,
        };
    }
    settle(series, points, cut, &whole, start, quantum)
}

/// Finds steps and the warm-up, and cuts what comes after it anew.
fn settle(
    series: &Series,
    points: Vec<Point>,
    cut: Cut,
    whole: &[Block],
    start: f64,
    quantum: f64,
) -> Prepared {
    let mut steps = steps::steps(&points, whole, quantum);
    faults::name(&mut steps, series, cut.width_s);
    let third = points.first().map_or(0.0, |p| p.at_s) + blocks::span(&points) * warm_up::LONGEST;
    let many = steps.len() > STEPS;
    let early = steps.iter().rfind(|s| !many && s.fault.is_none() && s.at_s < third).map(|s| s.at_s);
    let later: Vec<Step> =
        steps.iter().filter(|s| !many && (s.fault.is_some() || s.at_s >= third)).cloned().collect();
    let level = level_without(whole, &later);
    let skip = warm_up::blocks_of(&level);
    let steady = whole.get(skip).filter(|_| skip > 0).map(|b| b.at_s - cut.width_s / 2.0);
    let from = early.into_iter().chain(steady).fold(f64::NEG_INFINITY, f64::max);
    let late = from > third;
    let beside = fit::beside_transient(&level);
    let settled = skip > 0 || early.is_some() || beside.as_ref().is_some_and(|(_, left)| *left < TRANSIENT);
    let end = if skip > 0 { level.get(skip) } else { level.last() };
    let rose = end.map_or(0.0, |b| b.value) - level.first().map_or(0.0, |b| b.value);
    let points: Vec<Point> = points.into_iter().filter(|p| p.at_s >= from).collect();
    steps.retain(|s| s.at_s > from && !many);
    let warm_up_s = points.first().map_or(0.0, |p| p.at_s - start).max(series.declared_warm_up_s);
    let breaks = cut.breaks;
    let mut marks = breaks.clone();
    marks.extend(steps.iter().map(|s| s.at_s));
    let cut = Cut::of(&points, &marks, series.period_s);
    let blocks = blocks::cut(&points, &cut);
    Prepared {
        points,
        blocks,
        cut,
        breaks,
        steps,
        warm_up_s,
        settled,
        rose,
        beside: beside.map(|(fit, _)| fit),
        late,
        sawtooth: false,
        quantum,
    }
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

/// The slope per second with its interval. `None` if there are too few blocks.
fn slope(prepared: &Prepared, confidence: f64) -> Option<Slope> {
    let at = |block: &Block| block.at_s;
    let fit = fit::fit(&prepared.blocks, at)?;
    let span = blocks::span(&prepared.points);
    let half = fit.half_width(confidence).max(prepared.quantum / span);
    let mut per_s = Estimate { value: fit.slope, lo: fit.slope - half, hi: fit.slope + half };
    if !prepared.steps.is_empty() {
        with_steps(&mut per_s, prepared, confidence);
    }
    let moves = |per_s: Estimate| per_s.lo > 0.0 || per_s.hi < 0.0;
    let moved = moves(per_s);
    if prepared.settled {
        beside_warm_up(&mut per_s, prepared, confidence);
    }
    let settling = moved && (!moves(per_s) || settles(prepared, &fit));
    if settling || prepared.late {
        per_s.lo = per_s.lo.min(0.0);
        per_s.hi = per_s.hi.max(0.0);
    }
    Some(Slope { fit, per_s, settling })
}

/// Steps are no drift, and yet part of what a series did. With steps up, the interval reaches up to what the
/// whole would be taken for, steps and all; with steps down, down to it, unless a fault explains them.
fn with_steps(per_s: &mut Estimate, prepared: &Prepared, confidence: f64) {
    let cut = Cut { breaks: prepared.breaks.clone(), width_s: prepared.cut.width_s };
    let Some(whole) = fit::fit(&blocks::cut(&prepared.points, &cut), |b| b.at_s) else { return };
    let half = whole.half_width(confidence);
    if prepared.steps.iter().any(|s| s.by > 0.0) {
        per_s.hi = per_s.hi.max(whole.slope + half);
    }
    if prepared.steps.iter().any(|s| s.by < 0.0 && s.fault.is_none()) {
        per_s.lo = per_s.lo.min(whole.slope - half);
    }
}

/// What is left of a warm-up looks like a drift. The interval reaches down as far as that of a slope beside a
/// transient, and as that of the last part alone; and up as far, where the warm-up fell and may hide growth.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a count"
)]
fn beside_warm_up(per_s: &mut Estimate, prepared: &Prepared, confidence: f64) {
    let points = &prepared.points;
    let last = &points[points.len() - (points.len() as f64 * LAST) as usize..];
    let cut = Cut::of(last, &prepared.cut.breaks, None);
    let last = fit::fit(&blocks::cut(last, &cut), |b| b.at_s);
    for fit in prepared.beside.iter().chain(&last) {
        let half = fit.half_width(confidence);
        per_s.lo = per_s.lo.min(fit.slope - half);
        if prepared.rose < 0.0 {
            per_s.hi = per_s.hi.max(fit.slope + half);
        }
    }
}

/// Whether the second half grows much less than the whole, and, unless a warm-up or a poor fit of the line makes
/// one expect it, not by chance: the difference of the slopes of two halves has four times the standard error of that of the whole.
fn settles(prepared: &Prepared, fit: &Fit) -> bool {
    let blocks = &prepared.blocks;
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return false };
    let middle = f64::midpoint(first.at_s, last.at_s);
    let (early, late) = blocks.split_at(blocks.partition_point(|b| b.at_s < middle));
    let slope = |half| fit::theil_sen(half, &|b: &Block| b.at_s);
    let (Some(early), Some(late)) = (slope(early), slope(late)) else { return false };
    let differ = prepared.settled
        || fit.n_eff < INDEPENDENT
        || (early - late) * fit.slope.signum() > DIFFERENT * 4.0 * fit.se;
    differ && late / fit.slope < GOES_ON
}

fn found(series: &Series, prepared: &Prepared, slope: &Slope, question: &Question) -> Drift {
    let span = blocks::span(&prepared.points);
    let per_s = slope.per_s;
    let visible = (per_s.hi - per_s.value).max(per_s.value - per_s.lo)
        + slope.fit.margin().max(COUNTED * prepared.quantum / span);
    let n = prepared.points.len();
    let mut drift = Drift {
        shape: shape(prepared, slope, question.slack / span),
        per_hour: per_s.times(HOUR),
        per_work: per_work(prepared, question.confidence),
        level: start_level(&prepared.blocks, slope.fit.slope),
        over_run: per_s.times(span),
        at_horizon: per_s.times(question.horizon_s),
        exhaustion: exhaustion(prepared, per_s, question.limit),
        n,
        n_eff: independent(&prepared.points, &prepared.cut, &slope.fit, span),
        blocks: prepared.blocks.clone(),
        correlation_s: slope.fit.correlation * prepared.cut.width_s,
        warm_up_s: prepared.warm_up_s,
        steps: prepared.steps.clone(),
        per_fault: faults::each(&prepared.points, series, question.confidence),
        smallest_visible_per_hour: visible * HOUR,
        hours_needed: hours_needed(visible * span, question.slack, span, slope.fit.phi),
        chance: if per_s.lo > 0.0 {
            slope.fit.chance()
        } else {
            slope.fit.chance().max(1.0 - question.confidence)
        },
        why: String::new(),
    };
    if drift.shape == Shape::Flat && drift.n_eff < INDEPENDENT {
        drift.shape = Shape::Unsettled;
    }
    drift.why = why(&drift, prepared);
    drift
}

fn shape(prepared: &Prepared, slope: &Slope, slack: f64) -> Shape {
    let per_s = slope.per_s;
    if per_s.lo > slack || per_s.hi < -slack {
        return Shape::Drifting;
    }
    if prepared.sawtooth {
        return Shape::Sawtooth;
    }
    if slope.settling || prepared.late {
        return Shape::Settling;
    }
    if prepared.steps.is_empty() { Shape::Flat } else { Shape::Step }
}

/// The level of the fitted line where the warm-up ends.
fn start_level(blocks: &[Block], slope: f64) -> f64 {
    let Some(first) = blocks.first() else { return 0.0 };
    let segment = blocks.iter().filter(|b| b.segment == first.segment);
    blocks::median(segment.map(|b| b.value - slope * (b.at_s - first.at_s)).collect())
}

/// Growth against the work done, within the same segments.
fn per_work(prepared: &Prepared, confidence: f64) -> Option<Estimate> {
    let worked = prepared.blocks.last()?.work > prepared.blocks.first()?.work;
    let fit = fit::fit(&prepared.blocks, |b| b.work).filter(|_| worked)?;
    let half = fit.half_width(confidence);
    Some(Estimate { value: fit.slope, lo: fit.slope - half, hi: fit.slope + half })
}

/// Hours from the last sample until the limit is reached: the bounds of the slope, inverted.
fn exhaustion(prepared: &Prepared, per_s: Estimate, limit: Option<f64>) -> Option<Estimate> {
    let last = prepared.blocks.last()?;
    let headroom = (limit? - last.value).max(0.0);
    let hours = |slope: f64| if slope > 0.0 { headroom / slope / HOUR } else { f64::INFINITY };
    Some(Estimate { value: hours(per_s.value), lo: hours(per_s.hi), hi: hours(per_s.lo) })
}

/// How many independent samples would give this standard error: the standard deviation of a sample around the
/// line, times √12, over that of the growth over the run, squared.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn independent(points: &[Point], cut: &Cut, fit: &Fit, span: f64) -> f64 {
    let n = points.len() as f64;
    let mut squares = 0.0;
    for segment in points.chunk_by(|a, b| !cut.breaks.iter().any(|c| *c > a.at_s && *c <= b.at_s)) {
        let rest: Vec<f64> =
            segment.iter().map(|p| p.value - fit.slope * (p.at_s - segment[0].at_s)).collect();
        let mean = rest.iter().sum::<f64>() / rest.len() as f64;
        squares += rest.iter().map(|r| (r - mean).powi(2)).sum::<f64>();
    }
    let error = fit.se * span;
    if error > 0.0 { (12.0 * squares / n / (error * error)).clamp(1.0, n) } else { n }
}

/// Hours of a run whose smallest visible drift is the slack. A slope's error falls with the power 3/2 of the
/// time, that of a random walk with its root.
fn hours_needed(visible: f64, slack: f64, span: f64, phi: f64) -> Option<f64> {
    let times = visible / slack;
    let power = if phi > WALKS { 2.0 } else { 2.0 / 3.0 };
    (slack > 0.0 && times > 1.0).then(|| span / HOUR * times.powf(power))
}

/// Hours of a run with enough samples for a slope in each of its segments, sampled as often as this one.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn hours_for_a_slope(prepared: &Prepared) -> f64 {
    let segments = prepared.blocks.chunk_by(|a, b| a.segment == b.segment).count().max(1);
    let samples = prepared.points.len().max(1) as f64;
    let missing = (3 * blocks::FEWEST * segments) as f64 / samples;
    blocks::span(&prepared.points) / HOUR * missing.max(2.0)
}

fn why(drift: &Drift, prepared: &Prepared) -> String {
    match drift.shape {
        Shape::Flat => "No drift is visible.".to_owned(),
        Shape::Drifting => "It goes on growing or sinking through both halves of the run.".to_owned(),
        Shape::Settling if prepared.late => {
            format!("It became steady only after {:.0} s, more than a third of the run.", drift.warm_up_s)
        }
        Shape::Settling => {
            "The second half changes less than half as fast as the whole: it is still settling.".to_owned()
        }
        Shape::Sawtooth => "It rises and falls back; its floor does not drift visibly.".to_owned(),
        Shape::Step => {
            let at: Vec<String> = drift.steps.iter().map(step_in_words).collect();
            format!("It changes at once {}, and does not drift visibly in between.", at.join(" and "))
        }
        Shape::Unsettled => format!(
            "It wanders: {} samples tell no more than {:.0} independent ones, so its interval is wide.",
            drift.n, drift.n_eff
        ),
        Shape::TooShort => String::new(),
    }
}

fn step_in_words(step: &Step) -> String {
    let fault = step.fault.as_ref().map(|fault| format!(" (fault {fault})")).unwrap_or_default();
    format!("at {:.0} s{fault}", step.at_s)
}

fn too_short(prepared: &Prepared) -> Drift {
    let n = prepared.points.len();
    let unknown = Estimate { value: 0.0, lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    Drift {
        shape: Shape::TooShort,
        per_hour: unknown,
        per_work: None,
        level: blocks::median(prepared.points.iter().map(|p| p.value).collect()),
        over_run: unknown,
        at_horizon: unknown,
        exhaustion: None,
        n,
        n_eff: 0.0,
        blocks: prepared.blocks.clone(),
        correlation_s: 0.0,
        warm_up_s: prepared.warm_up_s,
        steps: prepared.steps.clone(),
        per_fault: None,
        smallest_visible_per_hour: f64::INFINITY,
        hours_needed: Some(hours_for_a_slope(prepared)),
        chance: 1.0,
        why: format!("{n} samples in {} blocks are too few for a slope.", prepared.blocks.len()),
    }
}
