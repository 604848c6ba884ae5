//! Drift of a series: how fast it grows, how sure that is, and what the series could not have shown.
//!
//! Pure functions over numbers. [`drift`] takes one series through the same steps every time: fault windows and
//! gaps are left out; what is left is cut into segments (a new process begins one) and those into blocks, of
//! which only the medians are used; the warm-up is found; steps are found; a robust slope is fitted within
//! segments, with an interval that allows for autocorrelation up to a random walk; and the shape is named.
//! `docs/reference/drift.md` has the rules, the source of each statistic, and measured error rates.
//!
//! An interval can be compared with a limit as it is: lower bound above it is a breach, upper bound below it is
//! a pass, anything else is not known. Series that cannot tell have wide intervals; only
//! [`Shape::TooShort`] has none.

mod blocks;
pub mod calibration;
mod companion;
mod faults;
mod fit;
mod flags;
mod judgement;
mod levels;
mod lines;
mod looks;
mod pool;
mod preparation;
mod sawtooth;
mod slope;
mod steps;
#[cfg(test)]
mod tests;
mod warm_up;

pub use blocks::Block;
pub(crate) use companion::{Beside, beside};
pub use flags::drifting;
pub use levels::levels;
pub use lines::{FittedLine, lines};
pub use looks::confidence_at;
pub use pool::pooled;

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds on the run's clock.
    pub at_s: f64,
    /// What was sampled.
    pub value: f64,
    /// Work done until then, cumulative (tasks, rounds); all zero if it is not known.
    pub work: f64,
}

/// Samples of one thing in the order of time, and what is known about the time in which they were taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// The samples. A gap is a gap: nothing is put into it.
    pub points: Vec<Point>,
    /// Where a new process, or another segment of the run, begins; levels before and after are not compared.
    pub breaks: Vec<f64>,
    /// Time that slopes leave out: fault windows with their settling.
    pub excluded: Vec<(f64, f64)>,
    /// Faults, by time and name.
    pub faults: Vec<(f64, String)>,
    /// The least that counts as warm-up, in seconds from the first sample.
    pub declared_warm_up_s: f64,
    /// The period of something that repeats in the series, if one is known; blocks hold whole periods.
    pub period_s: Option<f64>,
    /// Whether each sample is of another process, so that what one is says nothing of the next: noise without memory.
    pub independent: bool,
    /// The smallest change that the series can show (one descriptor of one process in a mean of 50: 0.02);
    /// `None`: the smallest change that it does show.
    pub quantum: Option<f64>,
}

/// What is asked of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// For how long growth is projected, in seconds.
    pub horizon_s: f64,
    /// The value at which something is exhausted.
    pub limit: Option<f64>,
    /// How sure each bound is.
    pub confidence: f64,
    /// Growth over the run that does not matter, in units of the value.
    pub slack: f64,
}

impl Question {
    /// Growth over `horizon_s` with bounds that are 99 % sure.
    #[must_use]
    pub fn over(horizon_s: f64) -> Self {
        Self { horizon_s, limit: None, confidence: 0.99, slack: 0.0 }
    }
}

/// A number and between which values the true one lies, each bound with the confidence asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The best single number.
    pub value: f64,
    /// The lower bound, possibly minus infinity.
    pub lo: f64,
    /// The upper bound, possibly infinity.
    pub hi: f64,
}

impl Estimate {
    /// The same in another unit; `factor` is positive.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, lo: self.lo * factor, hi: self.hi * factor }
    }
}

/// What a series looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No drift is visible.
    Flat,
    /// It grows or sinks, and goes on doing so.
    Drifting,
    /// It grows ever more slowly; what it will do next is not known.
    Settling,
    /// It rises and falls back; the slope is that of its floor.
    Sawtooth,
    /// It changes at once, and is steady before and after.
    Step,
    /// It wanders, or its warm-up fills more than a third of it.
    Unsettled,
    /// Too few samples for any slope.
    TooShort,
}

/// A change at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When, in seconds on the run's clock.
    pub at_s: f64,
    /// By how much.
    pub by: f64,
    /// The fault with which it coincides.
    pub fault: Option<String>,
}

/// What was found in one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// What it looks like.
    pub shape: Shape,
    /// Growth an hour.
    pub per_hour: Estimate,
    /// Growth per unit of work, if work is known and went on.
    pub per_work: Option<Estimate>,
    /// The level at the end of the warm-up.
    pub level: f64,
    /// Growth over all of the run after the warm-up.
    pub over_run: Estimate,
    /// Growth over the horizon.
    pub at_horizon: Estimate,
    /// Hours until the limit is reached, from the last sample on; infinite if it never is.
    pub exhaustion: Option<Estimate>,
    /// Samples used.
    pub n: usize,
    /// How many independent samples would give a slope as sure as this.
    pub n_eff: f64,
    /// The blocks to which the slope was fitted, in order: of a sawtooth, its floors.
    pub blocks: Vec<Block>,
    /// The time over which the series forgets, in seconds.
    pub correlation_s: f64,
    /// The warm-up that was found, in seconds from the first sample; at least the one declared.
    pub warm_up_s: f64,
    /// Changes at once.
    pub steps: Vec<Step>,
    /// Change at a fault, mean over faults, if there were at least three.
    pub per_fault: Option<Estimate>,
    /// The drift an hour that this series would have shown with a chance of at least 80 %.
    pub smallest_visible_per_hour: f64,
    /// Hours needed in all until the smallest visible drift is below the slack; `None` if it is or no slack is
    /// given.
    pub hours_needed: Option<f64>,
    /// The chance of a slope like this or a steeper one in a series without drift.
    pub chance: f64,
    /// One sentence for a person.
    pub why: String,
}

/// Analyses one series.
#[must_use]
pub fn drift(series: &Series, question: &Question) -> Drift {
    judgement::of(series, question)
}
