//! The fitted line as it can be drawn: one piece a segment, with what its bounds allow.

use super::blocks::median;
use super::{Block, Drift, Estimate, Shape};

/// The fitted line within one segment. Its bounds turn around its middle: a slope has an interval, a level has
/// none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedLine {
    /// The middle of the first block, in seconds on the run's clock.
    pub from_s: f64,
    /// The middle of the last block.
    pub to_s: f64,
    /// The level halfway.
    pub middle: f64,
    /// The slope, per second.
    pub per_s: Estimate,
}

impl FittedLine {
    /// The level at a time, and between which levels the bounds of the slope leave it.
    #[must_use]
    pub fn at(&self, at_s: f64) -> Estimate {
        let from_middle = at_s - f64::midpoint(self.from_s, self.to_s);
        let level = |slope: f64| self.middle + slope * from_middle;
        let (one, other) = (level(self.per_s.lo), level(self.per_s.hi));
        Estimate { value: level(self.per_s.value), lo: one.min(other), hi: one.max(other) }
    }
}

/// One line a segment, with the slope that all of them share; none of a series that is too short for one.
#[must_use]
pub fn lines(drift: &Drift) -> Vec<FittedLine> {
    if drift.shape == Shape::TooShort {
        return Vec::new();
    }
    let per_s = drift.per_hour.times(1.0 / 3600.0);
    let segments = drift.blocks.chunk_by(|a, b| a.segment == b.segment);
    segments.filter_map(|segment| line(segment, per_s)).collect()
}

fn line(segment: &[Block], per_s: Estimate) -> Option<FittedLine> {
    let (from_s, to_s) = (segment.first()?.at_s, segment.last()?.at_s);
    let halfway = f64::midpoint(from_s, to_s);
    let levels = segment.iter().map(|b| b.value - per_s.value * (b.at_s - halfway));
    Some(FittedLine { from_s, to_s, middle: median(levels.collect()), per_s })
}
