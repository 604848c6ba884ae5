//! The slope of what was prepared, with its interval: wider where there was a warm-up or a step, and with zero in
//! it where a series settles.

use super::Estimate;
use super::blocks::{self, Block, Cut};
use super::fit::{self, Fit};
use super::judgement::INDEPENDENT;
use super::preparation::{Prepared, WarmUp};
use super::warm_up;

/// Growth that goes on at less than this share of its earlier rate is settling.
const GOES_ON: f64 = 0.5;

/// By how many standard errors the slopes of the halves differ in one that settles.
const DIFFERENT: f64 = 1.28;

/// How many of the smallest changes must come together until they are seen to be growth rather than one step.
const COUNTED: f64 = 3.0;

/// The share of what follows a warm-up that must show a drift by itself.
const LAST: f64 = 0.3;

/// The slope and by what it was judged.
pub(super) struct Slope {
    pub(super) fit: Fit,
    pub(super) per_s: Estimate,
    pub(super) settling: bool,
    /// The drift per second that a series like this one would have shown.
    pub(super) visible: f64,
}

/// The slope per second with its interval. `None` if there are too few blocks.
pub(super) fn slope(prepared: &Prepared, confidence: f64) -> Option<Slope> {
    let fit = fit::fit(&prepared.blocks, |block| block.at_s)?;
    // A change that is smaller than the quantum may have been there in each segment.
    let unseen = prepared.quantum / blocks::longest(&prepared.points, &prepared.breaks);
    let half = fit.half_width(confidence).max(unseen);
    let mut per_s = Estimate { value: fit.slope, lo: fit.slope - half, hi: fit.slope + half };
    if !prepared.steps.is_empty() {
        with_steps(&mut per_s, prepared, confidence);
    }
    let moves = |per_s: Estimate| per_s.lo > 0.0 || per_s.hi < 0.0;
    let moved = moves(per_s);
    let mut margin = fit.margin().max(COUNTED * unseen);
    if let Some(warm_up) = &prepared.warm_up {
        margin = margin.max(beside_warm_up(&mut per_s, prepared, warm_up, confidence));
    }
    let slows_down = prepared.warm_up.as_ref().is_some_and(|warm_up| warm_up.late && !goes_on(warm_up, &fit));
    let settling = slows_down || moved && (!moves(per_s) || settles(prepared, &fit));
    if settling {
        per_s.lo = per_s.lo.min(0.0);
        per_s.hi = per_s.hi.max(0.0);
    }
    let seen = (per_s.hi - per_s.value).max(per_s.value - per_s.lo) + margin;
    let visible = prepared.warm_up.as_ref().map_or(seen, |warm_up| seen.max(drowns(warm_up, &fit)));
    Some(Slope { fit, per_s, settling, visible })
}

/// Steps are no drift, and yet part of what a series did. With steps up, the interval reaches up to what the
/// whole would be taken for, steps and all; with steps down, down to it, unless a fault explains them.
fn with_steps(per_s: &mut Estimate, prepared: &Prepared, confidence: f64) {
    let cut = Cut { breaks: prepared.breaks.clone(), ..prepared.cut };
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
/// Returns by how much a drift must exceed the least sure of the two.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a count"
)]
fn beside_warm_up(per_s: &mut Estimate, prepared: &Prepared, warm_up: &WarmUp, confidence: f64) -> f64 {
    let points = &prepared.points;
    let last = &points[points.len() - (points.len() as f64 * LAST) as usize..];
    let cut = Cut::of(last, &prepared.cut.breaks, None, prepared.cut.apart);
    let last = fit::fit(&blocks::cut(last, &cut), |b| b.at_s);
    let mut margin = 0.0_f64;
    for fit in warm_up.beside.iter().chain(&last) {
        let half = fit.half_width(confidence);
        per_s.lo = per_s.lo.min(fit.slope - half);
        if warm_up.rose < 0.0 {
            per_s.hi = per_s.hi.max(fit.slope + half);
        }
        margin = margin.max(fit.margin());
    }
    margin
}

/// Whether what follows a warm-up goes on as the warm-up did; otherwise it may be the rest of it.
fn goes_on(warm_up: &WarmUp, fit: &Fit) -> bool {
    fit.slope * warm_up.rose.signum() * warm_up.took_s > GOES_ON * warm_up.rose.abs()
}

/// The drift that is lost in a warm-up of this size, should it fill a third of another run: one that makes less
/// than [`GOES_ON`] of the growth during the warm-up.
fn drowns(warm_up: &WarmUp, fit: &Fit) -> f64 {
    let own = (warm_up.rose - fit.slope * warm_up.took_s).abs();
    GOES_ON / (1.0 - GOES_ON) * own / (warm_up::LONGEST * warm_up.run_s)
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
    let differ = prepared.warm_up.is_some()
        || fit.n_eff < INDEPENDENT
        || (early - late) * fit.slope.signum() > DIFFERENT * 4.0 * fit.se;
    differ && late / fit.slope < GOES_ON
}
