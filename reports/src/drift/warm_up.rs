//! Where a series has become steady.
//!
//! Leaving out more of the beginning costs certainty, leaving out too little bends the line. The cut is where
//! the standard error of the slope of what remains is least: the marginal standard error rule (White 1997),
//! applied to a slope in place of a mean, so that steady growth is not mistaken for a warm-up.

use super::blocks::{Block, FEWEST};

/// The share of a series that a warm-up may fill; with more, it has not become steady.
pub(super) const LONGEST: f64 = 1.0 / 3.0;

/// A cut must bring the squared standard error of the slope below this share of what it is without one; chance
/// alone brings a little.
const GAIN: f64 = 0.7;

/// How many of the blocks are warm-up, up to two thirds of those of the first segment.
pub(super) fn blocks_of(blocks: &[Block]) -> usize {
    let blocks = blocks.chunk_by(|a, b| a.segment == b.segment).next().unwrap_or_default();
    let last = (blocks.len() * 2 / 3).min(blocks.len().saturating_sub(FEWEST));
    let mut sums = Sums::default();
    let mut best = (f64::INFINITY, 0);
    for (i, block) in blocks.iter().enumerate().rev() {
        sums.add(block.at_s - blocks[0].at_s, block.value - blocks[0].value);
        if i <= last {
            let error = sums.error_of_slope();
            // Equal is better earlier: nothing is cut from a series without noise.
            if error <= best.0 {
                best = (error, i);
            }
        }
    }
    let whole = sums.error_of_slope();
    if best.0 < GAIN * whole { best.1 } else { 0 }
}

/// Sums of a least-squares line.
#[derive(Default)]
struct Sums {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
        self.yy += y * y;
    }

    /// The squared standard error of the slope.
    fn error_of_slope(&self) -> f64 {
        let xx = self.xx - self.x * self.x / self.n;
        let xy = self.xy - self.x * self.y / self.n;
        let yy = self.yy - self.y * self.y / self.n;
        (yy - xy * xy / xx).max(0.0) / (self.n - 2.0) / xx
    }
}
