//! One series of many segments: their levels, in the order in which they follow one another.

use super::blocks::{median, usable};
use super::{Point, Series};

/// The median of each segment, a point each, as one series without breaks: what segments too short for a slope of their
/// own say together. Growth that ends with its segment is not in it; and as each begins anew, one says nothing of the next.
#[must_use]
pub fn levels(series: &Series) -> Series {
    let segment = |point: &Point| series.breaks.partition_point(|b| *b <= point.at_s);
    let points = usable(series);
    let segments = points.chunk_by(|a, b| segment(a) == segment(b));
    Series {
        points: segments.map(level).collect(),
        independent: true,
        quantum: series.quantum,
        ..Series::default()
    }
}

fn level(segment: &[Point]) -> Point {
    let middle = |of: fn(&Point) -> f64| median(segment.iter().map(of).collect());
    Point { at_s: middle(|p| p.at_s), value: middle(|p| p.value), work: middle(|p| p.work) }
}
