//! Series of which the truth is known. Their noise has the standard deviation 1.

use distrs::Normal;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

use crate::drift::{Point, Series};

/// Seconds between samples.
pub(super) const EVERY_S: f64 = 10.0;

/// What the kinds with a drift of their own grow over the run.
const LEAK: f64 = 4.0;

/// How a series behaves, apart from the growth that is planted into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but independent noise.
    White,
    /// Noise that forgets within two samples: autoregressive, 0.5.
    Ar50,
    /// 0.8.
    Ar80,
    /// 0.95.
    Ar95,
    /// 0.99: in 240 samples about one independent one.
    Ar99,
    /// A tooth every 7 samples, 6 high.
    SawtoothFast,
    /// Three teeth over the run, 6 high.
    SawtoothSlow,
    /// From 10 below, with a time constant of a tenth of the run.
    Settling10,
    /// From 10 below, with a time constant of a quarter of the run.
    Settling25,
    /// The greatest value so far of independent noise.
    HighWater,
    /// Sums of independent noise.
    RandomWalk,
    /// One step up by 4 at a moment by chance.
    OneStep,
    /// Counts that seldom change: slow noise in whole units, nineteen of twenty samples equal to the one before.
    Counts,
    /// Counts at rest: quick noise in whole units, most samples at the same one.
    CountsAtRest,
    /// The same count from beginning to end.
    Constant,
    /// Noise of 0.5 with a fifth of the samples missing in three gaps.
    Gaps,
    /// Noise of 0.5 and three restarts, each with a level of its own.
    Restarts,
    /// Skewed noise: one in twenty is many times the median.
    Skewed,
    /// Noise of 0.5 and steady growth.
    LeakLinear,
    /// Noise of 0.5 and ten equal steps.
    LeakStepwise,
    /// Noise of 0.5 and a step at each of ten faults.
    LeakPerFault,
}

impl Kind {
    /// All, in the order of the table.
    pub const ALL: [Self; 21] = [
        Self::White,
        Self::Ar50,
        Self::Ar80,
        Self::Ar95,
        Self::Ar99,
        Self::SawtoothFast,
        Self::SawtoothSlow,
        Self::Settling10,
        Self::Settling25,
        Self::HighWater,
        Self::RandomWalk,
        Self::OneStep,
        Self::Counts,
        Self::CountsAtRest,
        Self::Constant,
        Self::Gaps,
        Self::Restarts,
        Self::Skewed,
        Self::LeakLinear,
        Self::LeakStepwise,
        Self::LeakPerFault,
    ];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::White => "white noise",
            Self::Ar50 => "AR(1) 0.5",
            Self::Ar80 => "AR(1) 0.8",
            Self::Ar95 => "AR(1) 0.95",
            Self::Ar99 => "AR(1) 0.99",
            Self::SawtoothFast => "sawtooth, 7 samples",
            Self::SawtoothSlow => "sawtooth, 3 teeth",
            Self::Settling10 => "settling, τ = 10 %",
            Self::Settling25 => "settling, τ = 25 %",
            Self::HighWater => "high-water mark",
            Self::RandomWalk => "random walk",
            Self::OneStep => "one step",
            Self::Counts => "counts that wander",
            Self::CountsAtRest => "counts at rest",
            Self::Constant => "constant count",
            Self::Gaps => "gaps",
            Self::Restarts => "restarts",
            Self::Skewed => "skewed noise",
            Self::LeakLinear => "leak, linear",
            Self::LeakStepwise => "leak, stepwise",
            Self::LeakPerFault => "leak at each fault",
        }
    }

    /// What it grows over the run by itself.
    #[must_use]
    pub fn growth(self) -> f64 {
        match self {
            Self::LeakLinear | Self::LeakStepwise | Self::LeakPerFault => LEAK,
            _ => 0.0,
        }
    }

    /// Whether its growth per hour is a number that an interval can hold.
    #[must_use]
    pub fn has_a_truth(self) -> bool {
        !matches!(self, Self::Settling10 | Self::Settling25 | Self::HighWater | Self::OneStep)
    }

    /// One series of `n` samples with `growth` more over the run.
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    pub(super) fn series(self, n: usize, growth: f64, draw: &mut ChaCha12Rng) -> Series {
        let values = self.values(n, draw);
        let point = |(i, value): (usize, f64)| {
            let share = i as f64 / n as f64;
            let planted = self.planted(growth * share);
            Point { at_s: i as f64 * EVERY_S, value: value + planted, work: i as f64 }
        };
        let mut series =
            Series { points: values.into_iter().enumerate().map(point).collect(), ..Series::default() };
        let length = n as f64 * EVERY_S;
        match self {
            Self::Counts | Self::CountsAtRest | Self::Constant => series.quantum = Some(1.0),
            Self::Gaps => series.points.retain(|p| !in_a_gap(p.at_s / length)),
            Self::Restarts => series.breaks = RESTARTS.iter().map(|r| r * length).collect(),
            Self::LeakPerFault => {
                series.faults =
                    (0..10).map(|k| ((f64::from(k) + 0.5) / 10.0 * length, format!("kill-{k}"))).collect();
            }
            _ => {}
        }
        series
    }

    /// Counts grow in whole units.
    fn planted(self, growth: f64) -> f64 {
        match self {
            Self::Counts | Self::CountsAtRest | Self::Constant => growth.floor(),
            _ => growth,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    fn values(self, n: usize, draw: &mut ChaCha12Rng) -> Vec<f64> {
        let length = n as f64;
        let with = |noise: Vec<f64>, of: &dyn Fn(f64) -> f64| {
            noise.into_iter().enumerate().map(|(i, v)| v + of(i as f64 / length)).collect()
        };
        let chance = uniform(draw);
        match self {
            Self::White => autoregressive(n, 0.0, draw),
            Self::Ar50 | Self::Gaps => autoregressive(n, 0.5, draw),
            Self::Ar80 => autoregressive(n, 0.8, draw),
            Self::Ar95 => autoregressive(n, 0.95, draw),
            Self::Ar99 => autoregressive(n, 0.99, draw),
            Self::SawtoothFast => with(autoregressive(n, 0.0, draw), &|t| tooth(t * length / 7.0 + chance)),
            Self::SawtoothSlow => with(autoregressive(n, 0.0, draw), &|t| tooth(t * 3.0 + chance)),
            Self::Settling10 => with(autoregressive(n, 0.5, draw), &|t| -10.0 * (-t / 0.10).exp()),
            Self::Settling25 => with(autoregressive(n, 0.5, draw), &|t| -10.0 * (-t / 0.25).exp()),
            Self::HighWater => running(autoregressive(n, 0.0, draw), f64::max),
            Self::RandomWalk => running(autoregressive(n, 0.0, draw), |sum, v| sum + v),
            Self::OneStep => {
                with(autoregressive(n, 0.5, draw), &|t| if t > 0.1 + 0.8 * chance { 4.0 } else { 0.0 })
            }
            Self::Counts => autoregressive(n, 0.995, draw).into_iter().map(f64::round).collect(),
            Self::CountsAtRest => {
                autoregressive(n, 0.8, draw).into_iter().map(|v| (0.35 * v).round()).collect()
            }
            Self::Constant => vec![12.0; n],
            Self::Restarts => with(autoregressive(n, 0.5, draw), &|t| {
                20.0 * RESTARTS.iter().filter(|r| t >= **r).map(|r| (r * 7.0).sin() * chance).sum::<f64>()
            }),
            Self::Skewed => autoregressive(n, 0.3, draw).into_iter().map(|v| (1.2 * v).exp() / 3.7).collect(),
            Self::LeakLinear => with(autoregressive(n, 0.5, draw), &|t| LEAK * t),
            Self::LeakStepwise => {
                with(autoregressive(n, 0.5, draw), &|t| LEAK / 10.0 * (t * 10.0 + chance).floor())
            }
            Self::LeakPerFault => {
                with(autoregressive(n, 0.5, draw), &|t| LEAK / 10.0 * (t * 10.0 + 0.5).floor())
            }
        }
    }
}

/// Where restarts are, as shares of the run.
const RESTARTS: [f64; 3] = [0.22, 0.51, 0.77];

/// Whether this share of the run lies in a gap.
fn in_a_gap(share: f64) -> bool {
    [(0.15, 0.25), (0.5, 0.55), (0.8, 0.85)].iter().any(|(from, to)| (*from..*to).contains(&share))
}

/// A tooth that rises from 0 to 6 over each whole number.
fn tooth(at: f64) -> f64 {
    6.0 * at.fract()
}

/// Each value together with all before it.
fn running(values: Vec<f64>, with: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    values
        .into_iter()
        .scan(None, |before: &mut Option<f64>, value| {
            let now = before.map_or(value, |before| with(before, value));
            *before = Some(now);
            Some(now)
        })
        .collect()
}

/// Stationary autoregressive noise of order one with standard deviation 1.
fn autoregressive(n: usize, phi: f64, draw: &mut ChaCha12Rng) -> Vec<f64> {
    let fresh = (1.0 - phi * phi).sqrt();
    let mut value = normal(draw);
    (0..n)
        .map(|_| {
            let now = value;
            value = phi * value + fresh * normal(draw);
            now
        })
        .collect()
}

/// Between 0 and 1, neither of them.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn uniform(draw: &mut ChaCha12Rng) -> f64 {
    ((draw.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

fn normal(draw: &mut ChaCha12Rng) -> f64 {
    Normal::ppf(uniform(draw), 0.0, 1.0)
}
