//! A robust slope within segments, and its standard error under noise that remembers.
//!
//! The slope is the median of the slopes of all pairs of blocks (Theil 1950; Sen 1968), taken within segments.
//! Its standard error is that of a least-squares slope, exactly, under autoregressive noise of order one, written
//! in innovations so that it stays finite up to a random walk. The autocorrelation is corrected for its bias in
//! short detrended series (Marriott and Pope 1954; Kendall 1954).

use distrs::StudentsT;

use super::blocks::{Block, FEWEST, median};

/// A slope and what is known about the noise around it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    /// Units of the value per unit of x.
    pub(super) slope: f64,
    /// Its standard error.
    pub(super) se: f64,
    /// Degrees of freedom of the noise.
    pub(super) dof: f64,
    /// Autocorrelation of neighbouring blocks, corrected; from 0 to [`WALK`].
    pub(super) phi: f64,
    /// The time over which the noise forgets, in blocks.
    pub(super) correlation: f64,
    /// How many independent blocks would give this standard error.
    pub(super) n_eff: f64,
}

/// The autocorrelation that stands for a random walk.
const WALK: f64 = 0.999_9;

/// How sure a drift of the smallest visible size is to be seen.
const POWER: f64 = 0.9;

impl Fit {
    /// Half of the interval.
    pub(super) fn half_width(&self, confidence: f64) -> f64 {
        StudentsT::ppf(confidence, self.dof) * self.se
    }

    /// The slope that would have been seen.
    pub(super) fn visible(&self, confidence: f64) -> f64 {
        (StudentsT::ppf(confidence, self.dof) + StudentsT::ppf(POWER, self.dof)) * self.se
    }

    /// The chance of such a slope or a steeper one without drift.
    pub(super) fn chance(&self) -> f64 {
        if self.se > 0.0 { StudentsT::cdf(-self.slope / self.se, self.dof) } else { 1.0 }
    }
}

/// Fits blocks against `x`. `None` with fewer than [`FEWEST`] blocks more than segments.
#[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
pub(super) fn fit(blocks: &[Block], x: impl Fn(&Block) -> f64) -> Option<Fit> {
    let segments = blocks.chunk_by(|a, b| a.segment == b.segment).count();
    if blocks.len() < FEWEST + segments.saturating_sub(1) {
        return None;
    }
    let slope = theil_sen(blocks, &x)?;
    let (centred, residuals) = centre(blocks, &x, slope);
    let m = blocks.len() as f64;
    let dof = m - segments as f64 - 1.0;
    let phi = autocorrelation(blocks, &residuals, segments as f64, m);
    let innovation = innovations(blocks, &residuals, phi) / dof;
    let spread: f64 = centred.iter().map(|c| c * c).sum();
    let se = (innovation * weight(blocks, &centred, phi)).sqrt() / spread;
    let independent = (residuals.iter().map(|r| r * r).sum::<f64>() / dof / spread).sqrt();
    let n_eff = if se > 0.0 { m * (independent / se).powi(2).min(1.0) } else { m };
    let correlation = if phi > 0.0 { -1.0 / phi.ln() } else { 0.0 };
    Some(Fit { slope, se, dof, phi, correlation, n_eff })
}

/// The median slope of all pairs within a segment.
fn theil_sen(blocks: &[Block], x: &impl Fn(&Block) -> f64) -> Option<f64> {
    let mut slopes = Vec::with_capacity(blocks.len() * blocks.len() / 2);
    for segment in blocks.chunk_by(|a, b| a.segment == b.segment) {
        for (i, a) in segment.iter().enumerate() {
            slopes.extend(segment[i + 1..].iter().filter_map(|b| {
                let run = x(b) - x(a);
                (run > 0.0).then(|| (b.value - a.value) / run)
            }));
        }
    }
    (!slopes.is_empty()).then(|| median(slopes))
}

/// Positions and residuals, both with mean zero within each segment.
#[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
fn centre(blocks: &[Block], x: &impl Fn(&Block) -> f64, slope: f64) -> (Vec<f64>, Vec<f64>) {
    let mut centred = Vec::with_capacity(blocks.len());
    let mut residuals = Vec::with_capacity(blocks.len());
    for segment in blocks.chunk_by(|a, b| a.segment == b.segment) {
        let m = segment.len() as f64;
        let mean_x = segment.iter().map(x).sum::<f64>() / m;
        let mean_y = segment.iter().map(|b| b.value).sum::<f64>() / m;
        for block in segment {
            let position = x(block) - mean_x;
            centred.push(position);
            residuals.push(block.value - mean_y - slope * position);
        }
    }
    (centred, residuals)
}

/// Distance on the grid to the block before, `None` for the first of a segment.
#[expect(clippy::cast_precision_loss, reason = "places on the grid")]
fn distance(blocks: &[Block], i: usize) -> Option<f64> {
    let before = blocks[..i].last()?;
    (before.segment == blocks[i].segment).then(|| (blocks[i].place - before.place) as f64)
}

/// Autocorrelation of neighbours, its bias removed: each fitted mean costs (1 + 3φ)/m, a slope (1 + φ)/m.
fn autocorrelation(blocks: &[Block], residuals: &[f64], segments: f64, m: f64) -> f64 {
    let (mut products, mut pairs) = (0.0, 0.0);
    for i in 1..blocks.len() {
        if distance(blocks, i).is_some_and(|d| d < 1.5) {
            products += residuals[i] * residuals[i - 1];
            pairs += 1.0;
        }
    }
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    if squares <= 0.0 || pairs < 1.0 {
        return 0.0;
    }
    let raw = (products / pairs) / (squares / m);
    let room = 1.0 - (3.0 * segments + 1.0) / m;
    if room <= 0.0 {
        return WALK;
    }
    ((raw + (segments + 1.0) / m) / room).clamp(0.0, WALK)
}

/// Sum of the squared innovations of autoregressive noise.
fn innovations(blocks: &[Block], residuals: &[f64], phi: f64) -> f64 {
    (0..blocks.len())
        .map(|i| match distance(blocks, i) {
            Some(d) => (residuals[i] - phi.powf(d) * residuals[i - 1]).powi(2) / accumulated(phi, d),
            None => residuals[i].powi(2) * (1.0 - phi * phi),
        })
        .sum()
}

/// Variance that noise gathers over a distance, in units of that of one innovation.
fn accumulated(phi: f64, distance: f64) -> f64 {
    (1.0 - phi.powf(2.0 * distance)) / (1.0 - phi * phi)
}

/// Variance of the sum of noise weighted with `centred`, in units of that of one innovation.
fn weight(blocks: &[Block], centred: &[f64], phi: f64) -> f64 {
    let (mut total, mut later) = (0.0, 0.0);
    for i in (0..blocks.len()).rev() {
        let here = centred[i] + later;
        match distance(blocks, i) {
            Some(d) => {
                total += here * here * accumulated(phi, d);
                later = here * phi.powf(d);
            }
            None => {
                total += here * here / (1.0 - phi * phi);
                later = 0.0;
            }
        }
    }
    total
}
