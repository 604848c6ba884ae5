//! The steps of the analysis in their order, and what their results mean together.

use super::blocks::{self, Block, Cut};
use super::fit::{self, Fit};
use super::preparation::{Prepared, prepare};
use super::slope::{Slope, slope};
use super::{Drift, Estimate, Point, Question, Series, Shape, Step, faults};

const HOUR: f64 = 3_600.0;

/// With fewer independent samples than this, a series without visible drift wanders.
pub(super) const INDEPENDENT: f64 = 20.0;

/// With more memory than this from block to block a series is nearer to a random walk than to noise.
const WALKS: f64 = 0.9;

/// Analyses one series.
pub(super) fn of(series: &Series, question: &Question) -> Drift {
    let prepared = prepare(series);
    match slope(&prepared, question.confidence) {
        Some(slope) => found(series, &prepared, &slope, question),
        None => too_short(series, &prepared),
    }
}

fn found(series: &Series, prepared: &Prepared, slope: &Slope, question: &Question) -> Drift {
    let span = blocks::span(&prepared.points);
    let per_s = slope.per_s;
    let visible = slope.visible;
    let n = prepared.points.len();
    let mut drift = Drift {
        shape: shape(prepared, slope, question.slack / span),
        per_hour: per_s.times(HOUR),
        per_work: per_work(prepared, slope, question.confidence),
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
    if slope.settling {
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

/// Growth against the work done, within the same segments. A change smaller than the quantum is not seen, whatever it is
/// counted by; and where a warm-up, a step or settling leaves the growth by the clock in doubt, it is in doubt by the
/// work that was done meanwhile.
fn per_work(prepared: &Prepared, slope: &Slope, confidence: f64) -> Option<Estimate> {
    let (first, last) = (prepared.blocks.first()?, prepared.blocks.last()?);
    let work_per_s = (last.work - first.work) / (last.at_s - first.at_s);
    let fit = fit::fit(&prepared.blocks, |b| b.work).filter(|_| work_per_s > 0.0)?;
    let seen_s = blocks::longest(&prepared.points, &prepared.breaks);
    let half = fit.half_width(confidence).max(prepared.quantum / (seen_s * work_per_s));
    let mut per_work = Estimate { value: fit.slope, lo: fit.slope - half, hi: fit.slope + half };
    if slope.settling || prepared.warm_up.is_some() || !prepared.steps.is_empty() {
        per_work.lo = per_work.lo.min(slope.per_s.lo / work_per_s);
        per_work.hi = per_work.hi.max(slope.per_s.hi / work_per_s);
    }
    Some(per_work)
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

/// Hours of a run with enough samples for a slope in each of its segments, sampled as often as this one and with as
/// great a share left out.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn hours_for_a_slope(series: &Series, prepared: &Prepared) -> f64 {
    let segments = prepared.blocks.chunk_by(|a, b| a.segment == b.segment).count().max(1);
    let samples = prepared.points.len().max(1) as f64;
    let missing = (3 * blocks::FEWEST * segments) as f64 / samples;
    blocks::span(&series.points) / HOUR * missing.max(2.0)
}

fn why(drift: &Drift, prepared: &Prepared) -> String {
    match drift.shape {
        Shape::Flat => "No drift is visible.".to_owned(),
        Shape::Drifting => "It goes on growing or sinking through both halves of the run.".to_owned(),
        Shape::Settling if prepared.late() => {
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

fn too_short(series: &Series, prepared: &Prepared) -> Drift {
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
        hours_needed: Some(hours_for_a_slope(series, prepared)),
        chance: 1.0,
        why: format!("{n} samples in {} blocks are too few for a slope.", prepared.blocks.len()),
    }
}
