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
    /// The same if the noise remembers more than it seems to, as it may in another run.
    pub(super) se_at_worst: f64,
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

/// What the variance of the increments of averages of a random walk must be multiplied with to give that of the
/// walk: its increments have the autocorrelation 1/4 (Working 1960).
const AVERAGED: f64 = 1.5;

/// How many standard errors the autocorrelation is taken greater than it seems.
const DOUBT: f64 = 0.2;

/// How many more near to a random walk: there it is an upper bound, and soon one. Chosen so that random walks,
/// whose autocorrelation seems much less than one once a line is taken out of them, alarm no more often than the
/// rest.
const DOUBT_OF_A_WALK: f64 = 2.0;

/// How sure a drift of the smallest visible size is to be seen.
const POWER: f64 = 0.995;

impl Fit {
    /// Half of the interval.
    pub(super) fn half_width(&self, confidence: f64) -> f64 {
        StudentsT::ppf(confidence, self.dof) * self.se
    }

    /// By how much a slope must exceed a bound to be seen beyond it.
    pub(super) fn margin(&self) -> f64 {
        StudentsT::ppf(POWER, self.dof) * self.se_at_worst
    }

    /// The chance of such a slope or a steeper one without drift.
    pub(super) fn chance(&self) -> f64 {
        if self.se > 0.0 {
            // The exact series of distrs overflows far out in the tail; the asymptotic one, which it takes where
            // the degrees of freedom are no whole number, does not.
            return StudentsT::cdf(-self.slope / self.se, self.dof + 1e-6);
        }
        if self.slope > 0.0 { 0.0 } else { 1.0 }
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
    Some(judge(blocks, slope, &centred, &residuals, blocks.len() as f64 - segments as f64 - 1.0))
}

/// The fit of a slope whose noise is `residuals`, estimated with weights proportional to `centred`.
#[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
fn judge(blocks: &[Block], slope: f64, centred: &[f64], residuals: &[f64], dof: f64) -> Fit {
    let segments = blocks.chunk_by(|a, b| a.segment == b.segment).count() as f64;
    let m = blocks.len() as f64;
    let raw = autocorrelation(blocks, residuals, segments, m);
    let error = |phi: f64| {
        let averaged = 1.0 + phi * (AVERAGED - 1.0);
        (averaged * innovations(blocks, residuals, phi) / dof * weight(blocks, centred, phi)).sqrt()
            / squares(centred)
    };
    let phi = doubted(raw, DOUBT, m);
    let se = error(phi);
    let spread = squares(centred);
    let independent = (squares(residuals) / dof / spread).sqrt();
    let n_eff = if se > 0.0 { m * (independent / se).powi(2).min(1.0) } else { m };
    let correlation = if phi > 0.0 { -1.0 / phi.ln() } else { 0.0 };
    Fit { slope, se, se_at_worst: error(doubted(raw, DOUBT + 1.0, m)).max(se), dof, phi, correlation, n_eff }
}

/// Time constants of transients that are tried, as shares of the whole.
const CONSTANTS: [f64; 16] =
    [0.02, 0.03, 0.05, 0.07, 0.085, 0.1, 0.12, 0.14, 0.17, 0.2, 0.23, 0.26, 0.3, 0.35, 0.42, 0.5];

/// The slope beside an exponential transient from the first block on, by least squares, and the share of the
/// squared residuals of a line that is left with it.
#[expect(clippy::cast_precision_loss, reason = "counts of blocks")]
pub(super) fn beside_transient(blocks: &[Block]) -> Option<(Fit, f64)> {
    let (first, last) = (blocks.first()?, blocks.last()?);
    let segments = blocks.chunk_by(|a, b| a.segment == b.segment).count();
    if blocks.len() < FEWEST + 2 + segments {
        return None;
    }
    let (times, values) = centre(blocks, &|b: &Block| b.at_s, 0.0);
    let line = without(&values, &times);
    let mut best: Option<(f64, Vec<f64>, Vec<f64>)> = None;
    for share in CONSTANTS {
        let constant = share * (last.at_s - first.at_s);
        let (decay, _) = centre(blocks, &|b: &Block| decayed(b, first, constant), 0.0);
        let own = without(&times, &decay);
        let rest = without(&without(&values, &decay), &own);
        let left = squares(&rest);
        if best.as_ref().is_none_or(|(least, _, _)| left < *least) {
            best = Some((left, own, rest));
        }
    }
    let (left, own, rest) = best?;
    let slope = product(&own, &values) / squares(&own);
    let fit = judge(blocks, slope, &own, &rest, blocks.len() as f64 - segments as f64 - 3.0);
    Some((fit, if squares(&line) > 0.0 { left / squares(&line) } else { 1.0 }))
}

/// What is left of a transient of the first segment.
fn decayed(block: &Block, first: &Block, constant: f64) -> f64 {
    if block.segment == first.segment { (-(block.at_s - first.at_s) / constant).exp() } else { 0.0 }
}

/// `values` without what `other` explains of them.
fn without(values: &[f64], other: &[f64]) -> Vec<f64> {
    let share = product(values, other) / squares(other);
    let share = if share.is_finite() { share } else { 0.0 };
    values.iter().zip(other).map(|(v, o)| v - share * o).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
}

/// The median slope of all pairs within a segment.
pub(super) fn theil_sen(blocks: &[Block], x: &impl Fn(&Block) -> f64) -> Option<f64> {
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
    let total = squares(residuals);
    if total <= 0.0 || pairs < 1.0 {
        return 0.0;
    }
    let raw = (products / pairs) / (total / m);
    let room = 1.0 - (3.0 * segments + 1.0) / m;
    if room <= 0.0 {
        return WALK;
    }
    ((raw + (segments + 1.0) / m) / room).clamp(0.0, WALK)
}

/// An autocorrelation from `m` blocks, taken `by` standard errors greater than it seems, and more near to a random
/// walk, where it is soon taken for one (as Perron and Yabu do, 2009): taken too small it makes every interval too
/// narrow.
fn doubted(phi: f64, by: f64, m: f64) -> f64 {
    (phi + (by + DOUBT_OF_A_WALK * phi) * ((1.0 - phi * phi) / m).sqrt()).min(WALK)
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
