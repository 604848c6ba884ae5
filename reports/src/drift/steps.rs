//! Changes at once.
//!
//! The level of a few blocks after a moment is compared with that of a few before it. Moments at which this
//! difference stands far out of what it is elsewhere in the same series are steps; a series that wanders, or
//! grows in many small steps, has none. Deviation is measured by the median absolute deviation (Hampel 1974),
//! so that the steps themselves do not widen it.

use super::blocks::{Block, MAD_TO_SD, median};
use super::{Point, Step};

/// Blocks on each side whose levels are compared.
const SIDE: usize = 4;

/// By how many standard deviations a step stands out.
const OUT: f64 = 4.0;

/// Steps in order of time. `quantum` is the smallest change that means anything.
pub(super) fn steps(points: &[Point], blocks: &[Block], quantum: f64) -> Vec<Step> {
    let contrasts = contrasts(blocks);
    let middle = median(contrasts.iter().map(|c| c.1).collect());
    let spread = MAD_TO_SD * median(contrasts.iter().map(|c| (c.1 - middle).abs()).collect());
    let bar = OUT * spread.max(quantum / 2.0);
    let mut found: Vec<(usize, f64)> = Vec::new();
    let mut by_size: Vec<(usize, f64)> = contrasts.into_iter().map(|(i, c)| (i, c - middle)).collect();
    by_size.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    for (i, by) in by_size.into_iter().take_while(|(_, by)| by.abs() > bar) {
        if found.iter().all(|(j, _)| i.abs_diff(*j) >= SIDE) {
            found.push((i, by));
        }
    }
    found.sort_by_key(|(i, _)| *i);
    found.into_iter().map(|(i, by)| Step { at_s: moment(points, blocks, i), by, fault: None }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
/// For each block with enough blocks of its segment on both sides, the level from it on less the level before.
fn contrasts(blocks: &[Block]) -> Vec<(usize, f64)> {
    let level = |side: &[Block]| side.iter().map(|b| b.value).sum::<f64>() / side.len() as f64;
    (SIDE..=blocks.len().saturating_sub(SIDE))
        .filter(|i| blocks.len() >= 2 * SIDE && blocks[i - SIDE].segment == blocks[i + SIDE - 1].segment)
        .map(|i| (i, level(&blocks[i..i + SIDE]) - level(&blocks[i - SIDE..i])))
        .collect()
}

/// The moment of a step between block `i - 1` and block `i`: the split of the samples around it that leaves the
/// least squares on both sides.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn moment(points: &[Point], blocks: &[Block], i: usize) -> f64 {
    let (from, to) = (blocks[i.saturating_sub(2)].at_s, blocks[(i + 1).min(blocks.len() - 1)].at_s);
    let near = &points[points.partition_point(|p| p.at_s < from)..points.partition_point(|p| p.at_s <= to)];
    let total: f64 = near.iter().map(|p| p.value).sum();
    let (mut before, mut best, mut at_s) = (0.0, f64::NEG_INFINITY, blocks[i].at_s);
    for (k, pair) in near.windows(2).enumerate() {
        before += pair[0].value;
        let left = (k + 1) as f64;
        let right = near.len() as f64 - left;
        let between = before * before / left + (total - before).powi(2) / right;
        if between > best {
            (best, at_s) = (between, pair[1].at_s);
        }
    }
    at_s
}
