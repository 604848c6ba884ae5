//! Samples cut into blocks of equal length, of which only the medians are used: one outlier moves nothing, and
//! what repeats within a block is gone.

use super::{Point, Series};

/// The most blocks into which a series is cut; error rates were measured with it.
pub(super) const MOST: usize = 48;

pub(super) use evidence::fewest::OF_SLOPE as FEWEST;

/// The factor from a median absolute deviation to the standard deviation of normal noise.
pub(super) const MAD_TO_SD: f64 = 1.482_6;

/// One block of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Mean time of its samples, in seconds.
    pub at_s: f64,
    /// Median of its samples.
    pub value: f64,
    /// Mean of the work done.
    pub work: f64,
    /// The segment in which it lies; slopes are taken within one.
    pub segment: usize,
    /// Its place on the grid; two blocks with a gap between them are further apart than one.
    pub place: usize,
}

/// How samples are cut.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    /// Where segments begin, sorted.
    pub(super) breaks: Vec<f64>,
    /// Length of a block, in seconds.
    pub(super) width_s: f64,
    /// Whether blocks lie further apart on the grid than neighbours do, since one says nothing of the next.
    pub(super) apart: bool,
}

/// How far apart blocks lie that are no neighbours.
const APART: usize = 2;

impl Cut {
    /// The cut for these samples: at most [`MOST`] blocks or, with few samples, blocks long enough for three,
    /// and whole periods of what repeats. `apart`: of samples that say nothing of each other.
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    pub(super) fn of(points: &[Point], breaks: &[f64], period_s: Option<f64>, apart: bool) -> Self {
        let n = points.len();
        let count = (n / 3).max(n.min(16)).clamp(1, MOST);
        let width = span(points) / count as f64;
        let width_s = match period_s {
            Some(period) if period > 0.0 => (width / period).ceil() * period,
            _ => width,
        };
        let mut breaks = breaks.to_vec();
        breaks.sort_by(f64::total_cmp);
        Self { breaks, width_s, apart }
    }
}

/// From the first sample to the last, in seconds.
pub(super) fn span(points: &[Point]) -> f64 {
    match points {
        [first, .., last] => last.at_s - first.at_s,
        _ => 0.0,
    }
}

/// The longest time from the first sample to the last without a break in between, in seconds. `breaks` are sorted.
pub(super) fn longest(points: &[Point], breaks: &[f64]) -> f64 {
    let segment = |point: &Point| breaks.partition_point(|b| *b <= point.at_s);
    points.chunk_by(|a, b| segment(a) == segment(b)).map(span).fold(0.0, f64::max)
}

/// Samples that a slope may use, in order.
pub(super) fn usable(series: &Series) -> Vec<Point> {
    let mut points: Vec<Point> =
        series.points.iter().copied().filter(|p| p.value.is_finite() && p.at_s.is_finite()).collect();
    if !points.is_sorted_by(|a, b| a.at_s <= b.at_s) {
        points.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    }
    let Some(from) = points.first().map(|first| first.at_s + series.declared_warm_up_s) else {
        return points;
    };
    let mut excluded = series.excluded.clone();
    excluded.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut window = excluded.iter().copied().peekable();
    let mut until = f64::NEG_INFINITY;
    points.retain(|point| {
        while let Some((_, end)) = window.next_if(|(start, _)| *start <= point.at_s) {
            until = until.max(end);
        }
        point.at_s >= from && point.at_s > until
    });
    points
}

/// Blocks of samples in order. The grid begins anew with each segment.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place on the grid")]
pub(super) fn cut(points: &[Point], how: &Cut) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut segment_start = f64::NEG_INFINITY;
    let mut segment = usize::MAX;
    let mut members: Vec<Point> = Vec::new();
    let mut place = 0;
    for point in points {
        let now = how.breaks.partition_point(|b| *b <= point.at_s);
        let new_segment = now != segment;
        if new_segment {
            finish(&mut blocks, &mut members, segment, place);
            segment = now;
            segment_start = point.at_s;
        }
        let here = if how.width_s > 0.0 { ((point.at_s - segment_start) / how.width_s) as usize } else { 0 };
        let here = if how.apart { APART * here } else { here };
        if !new_segment && here != place {
            finish(&mut blocks, &mut members, segment, place);
        }
        place = here;
        members.push(*point);
    }
    finish(&mut blocks, &mut members, segment, place);
    blocks
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn finish(blocks: &mut Vec<Block>, members: &mut Vec<Point>, segment: usize, place: usize) {
    if members.is_empty() {
        return;
    }
    let n = members.len() as f64;
    let at_s = members.iter().map(|p| p.at_s).sum::<f64>() / n;
    let work = members.iter().map(|p| p.work).sum::<f64>() / n;
    let value = median(members.iter().map(|p| p.value).collect());
    blocks.push(Block { at_s, value, work, segment, place });
    members.clear();
}

/// The median; zero of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    let n = values.len();
    if n == 0 {
        return 0.0;
    }
    let (below, middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return middle;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(middle);
    f64::midpoint(lower, middle)
}
