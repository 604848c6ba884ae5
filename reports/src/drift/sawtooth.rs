//! Series that rise and fall back: caches that fill and are dropped, heaps between collections.
//!
//! Falls that are most of the range of the series at once, with hardly any such rise, are the teeth. What such
//! a series drifts is the drift of its floor, the level right after each fall.

use super::Point;
use super::blocks::{self, Block, MOST, median};

/// The share of the range that a fall is.
const FALL: f64 = 0.6;

/// The fewest falls.
const FALLS: usize = 3;

/// With at least as many falls, that hardly any rises match them is no chance; fewer must stand out of the
/// changes between samples as well.
const MANY: usize = 10;

/// By how many standard deviations they stand out.
const OUT: f64 = 3.5;

/// The floors of a sawtooth as blocks; `None` if it is not one. `slope` is that of the whole.
pub(super) fn floors(points: &[Point], breaks: &[f64], slope: f64) -> Option<Vec<Block>> {
    let (low, high) = range(points, slope)?;
    let steps = changes(points, breaks);
    let fall = FALL * (high - low);
    let many = teeth(&steps, fall).filter(|falls| falls.len() >= MANY);
    let falls = many.or_else(|| {
        let noise = OUT * blocks::MAD_TO_SD * median(steps.iter().map(|(_, by)| by.abs()).collect());
        teeth(&steps, fall.max(noise)).filter(|falls| falls.len() >= FALLS)
    })?;
    (falls.len() * 3 <= points.len()).then(|| feet(points, &falls, breaks))
}

/// The changes from each sample to the next, with the place of the latter.
fn changes(points: &[Point], breaks: &[f64]) -> Vec<(usize, f64)> {
    let whole = |pair: &[Point]| !breaks.iter().any(|b| *b > pair[0].at_s && *b <= pair[1].at_s);
    let pairs = points.windows(2).enumerate().filter(|(_, pair)| whole(pair));
    pairs.map(|(i, pair)| (i + 1, pair[1].value - pair[0].value)).collect()
}

/// Where it falls by more than `fall`, if it hardly ever rises as much.
fn teeth(changes: &[(usize, f64)], fall: f64) -> Option<Vec<usize>> {
    let falls: Vec<usize> = changes.iter().filter(|(_, by)| *by < -fall).map(|(i, _)| *i).collect();
    let rises = changes.iter().filter(|(_, by)| *by > fall).count();
    (fall > 0.0 && rises * 3 <= falls.len()).then_some(falls)
}

/// The 5th and the 95th percentile around a line.
fn range(points: &[Point], slope: f64) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = points.iter().map(|p| p.value - slope * p.at_s).collect();
    let n = values.len();
    if n < 2 * FALLS {
        return None;
    }
    let low = *values.select_nth_unstable_by(n / 20, f64::total_cmp).1;
    let high = *values.select_nth_unstable_by(n - 1 - n / 20, f64::total_cmp).1;
    Some((low, high))
}

/// One block a tooth; with many teeth, one for several.
fn feet(points: &[Point], falls: &[usize], breaks: &[f64]) -> Vec<Block> {
    let floors: Vec<Point> = falls
        .iter()
        .enumerate()
        .map(|(k, &from)| {
            let to = falls.get(k + 1).copied().unwrap_or(points.len());
            let foot = &points[from..from + ((to - from) / 5).max(1)];
            Point { value: median(foot.iter().map(|p| p.value).collect()), ..foot[0] }
        })
        .collect();
    let together = floors.len().div_ceil(MOST);
    let chunk = |(place, chunk): (usize, &[Point])| Block {
        at_s: median(chunk.iter().map(|p| p.at_s).collect()),
        value: median(chunk.iter().map(|p| p.value).collect()),
        work: median(chunk.iter().map(|p| p.work).collect()),
        segment: breaks.iter().filter(|b| **b <= chunk[0].at_s).count(),
        place,
    };
    floors.chunks(together).enumerate().map(chunk).collect()
}
