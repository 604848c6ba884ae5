//! A series beside another that went through the same weather: what both did together is taken out of it.
//!
//! The time is one explanation of a series and the companion another; their coefficients are estimated together, as in
//! the analysis of covariance [Fisher 1932]. The part of the companion is taken out, and the slope of the rest is found as
//! always. What two explanations have in common neither may claim: the more the companion itself drifts, the wider
//! is the interval, by the variance inflation factor [Marquardt 1970].

use std::ops::Range;

use super::blocks;
use super::{Drift, Estimate, Point, Question, Series, Shape, drift};

/// Into how many stretches both are cut; as many as a series into blocks.
const STRETCHES: usize = blocks::MOST;

/// The fewest stretches with values of both.
const FEWEST: usize = 16;

/// The fewest values of a stretch of which the median tells more than one of them.
const OF_STRETCH: usize = 3;

/// The greatest weight of a value, in median weights of its stretch.
const MUCH_WORK: f64 = 2.0;

/// The least share of the variance about the trends that both must have in common.
const COMMON: f64 = 0.5;

/// The greatest share of the companion's variance that its own trend may be.
const OWN_TREND: f64 = 0.9;

/// A series without what its companion explains.
pub(crate) struct Beside {
    /// Its values, at the mean of the companion.
    pub(crate) series: Series,
    /// The share of its variance about its trend that was explained.
    pub(crate) explained: f64,
    /// By how much an interval of its slope is too narrow.
    pub(crate) widen: f64,
}

/// What a stretch of time shows of both.
#[derive(Clone, Copy)]
struct Stretch {
    at_s: f64,
    value: f64,
    companion: f64,
}

/// The series without what the companion explains; `None` where it explains less than half, or drifts so much itself that
/// the two cannot be told apart.
pub(crate) fn beside(series: &Series, companion: &Series) -> Option<Beside> {
    let (points, other) = (blocks::usable(series), blocks::usable(companion));
    let (first, width_s) = (points.first()?.at_s, blocks::span(&points) / count(STRETCHES));
    let stretches: Vec<Option<Stretch>> =
        (0..STRETCHES).map(|n| stretch(&points, &other, first + width_s * count(n), width_s)).collect();
    let both: Vec<Stretch> = stretches.iter().flatten().copied().collect();
    if both.len() < FEWEST {
        return None;
    }
    let mean = mean(&both, |s| s.companion);
    let (value, own) = (about_trend(&both, |s| s.value), about_trend(&both, |s| s.companion));
    let (common, scale) = (product(&value, &own), product(&own, &own));
    let explained = common * common / (scale * product(&value, &value));
    let of_trend = 1.0 - scale / both.iter().map(|s| (s.companion - mean).powi(2)).sum::<f64>();
    let apart = explained >= COMMON && common > 0.0 && of_trend <= OWN_TREND;
    if !apart {
        return None;
    }
    let taken_out = |point: &Point| {
        let there = stretches.get(place(point.at_s - first, width_s)).copied().flatten()?;
        Some(Point { value: point.value - common / scale * (there.companion - mean), ..*point })
    };
    let points = points.iter().filter_map(taken_out).collect();
    let series = Series { points, declared_warm_up_s: 0.0, ..series.clone() };
    Some(Beside { series, explained, widen: (1.0 / (1.0 - of_trend)).sqrt() })
}

impl Beside {
    /// Its drift.
    pub(crate) fn drift(&self, question: &Question) -> Drift {
        let mut found = drift(&self.series, question);
        for estimate in [&mut found.per_hour, &mut found.over_run, &mut found.at_horizon] {
            let Estimate { value, lo, hi } = *estimate;
            *estimate = Estimate {
                value,
                lo: value - self.widen * (value - lo),
                hi: value + self.widen * (hi - value),
            };
        }
        found.smallest_visible_per_hour *= self.widen;
        if found.shape == Shape::Drifting && found.per_hour.lo <= 0.0 && found.per_hour.hi >= 0.0 {
            found.shape = Shape::Flat;
            "No drift is visible.".clone_into(&mut found.why);
        }
        found
    }
}

/// The stretch from a moment on; `None` without enough values of both.
fn stretch(points: &[Point], companion: &[Point], from_s: f64, width_s: f64) -> Option<Stretch> {
    let within = |points: &[Point]| {
        let first = points.partition_point(|p| p.at_s < from_s);
        first..points.partition_point(|p| p.at_s < from_s + width_s).max(first)
    };
    let values: Vec<f64> = points[within(points)].iter().map(|p| p.value).collect();
    let companion = by_work(companion, within(companion))?;
    let at_s = from_s + width_s / 2.0;
    (values.len() >= OF_STRETCH).then(|| Stretch { at_s, value: blocks::median(values), companion })
}

/// The mean of values of which each is for the work since the one before, weighted with that; every one alike where the
/// work is not known. Neither ticks of a clock, of which few fall on each value, nor one for hardly any work move it much.
fn by_work(points: &[Point], within: Range<usize>) -> Option<f64> {
    let done = |n: usize| n.checked_sub(1).map_or(0.0, |before| points[n].work - points[before].work);
    let works: Vec<f64> = within.clone().map(done).collect();
    // The first behind a hole is not for all that was done in it.
    let most = MUCH_WORK * blocks::median(works.clone());
    let weights: Vec<f64> = works.iter().map(|work| if most > 0.0 { work.min(most) } else { 1.0 }).collect();
    let total: f64 = weights.iter().sum();
    let of = |(weight, n): (&f64, usize)| weight / total * points[n].value;
    (total > 0.0).then(|| weights.iter().zip(within).map(of).sum())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the stretches")]
fn place(since_s: f64, width_s: f64) -> usize {
    ((since_s / width_s) as usize).min(STRETCHES - 1)
}

#[expect(clippy::cast_precision_loss, reason = "a number of stretches")]
fn count(n: usize) -> f64 {
    n as f64
}

fn mean(of: &[Stretch], read: fn(&Stretch) -> f64) -> f64 {
    of.iter().map(read).sum::<f64>() / count(of.len())
}

/// What is left of the values without their line over time, by least squares.
fn about_trend(of: &[Stretch], read: fn(&Stretch) -> f64) -> Vec<f64> {
    let (time, level) = (mean(of, |s| s.at_s), mean(of, read));
    let square: f64 = of.iter().map(|s| (s.at_s - time).powi(2)).sum();
    let slope = of.iter().map(|s| (s.at_s - time) * (read(s) - level)).sum::<f64>() / square;
    of.iter().map(|s| read(s) - level - slope * (s.at_s - time)).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha12Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    const SECONDS: u32 = 600;

    /// A host of which the pace wanders by a fifth, and what the harness needs for a task on it.
    struct Weather {
        random: ChaCha12Rng,
        pace: Vec<f64>,
    }

    /// A number between -1 and 1.
    fn chance(random: &mut ChaCha12Rng) -> f64 {
        2.0 * f64::from(random.next_u32()) / f64::from(u32::MAX) - 1.0
    }

    impl Weather {
        fn new(seed: u64, slower: f64) -> Self {
            let mut random = ChaCha12Rng::seed_from_u64(seed);
            let mut wandering = 0.0;
            let pace = (0..SECONDS).map(|second| {
                wandering = 0.98 * wandering + 0.06 * chance(&mut random);
                1.0 + wandering + slower * f64::from(second) / f64::from(SECONDS)
            });
            let pace = pace.collect();
            Self { random, pace }
        }

        fn series(&mut self, value: impl Fn(f64, f64) -> f64, noise: f64) -> Series {
            let points = (0..SECONDS).zip(&self.pace).map(|(second, pace)| Point {
                at_s: f64::from(second),
                value: value(f64::from(second), *pace) * (1.0 + noise * chance(&mut self.random)),
                work: 0.0,
            });
            Series { points: points.collect(), ..Series::default() }
        }

        fn own(&mut self) -> Series {
            self.series(|_, pace| 200e-6 * pace, 0.1)
        }
    }

    /// The same of a hundred tasks a second, as a clock counts it that ticks every ten milliseconds.
    fn in_ticks(own: &Series) -> Series {
        let (mut used, mut told) = (0.0, 0.0);
        let points = own.points.iter().map(|point| {
            used += 100.0 * point.value;
            let since = (used / 0.010_f64).floor() * 0.010 - told;
            told += since;
            Point { value: since / 100.0, work: 100.0 * (point.at_s + 1.0), ..*point }
        });
        Series { points: points.collect(), ..own.clone() }
    }

    /// The same of a harness that now and then stood still, with as much to do for itself and hardly a task answered.
    fn with_stalls(own: &Series) -> Series {
        let mut work = 0.0;
        let points = own.points.iter().enumerate().map(|(n, point)| {
            let tasks = if n % 37 == 36 { 5.0 } else { 100.0 };
            work += tasks;
            Point { value: point.value * 100.0 / tasks, work, ..*point }
        });
        Series { points: points.collect(), ..own.clone() }
    }

    /// Rounds of 10 ms of sleep and 10 ms of work, which come to sleep so many milliseconds longer.
    fn rounds(weather: &mut Weather, more_ms: f64) -> Series {
        let grown = |second: f64| 0.001 * more_ms * second / f64::from(SECONDS);
        weather.series(|second, pace| 0.010 + 0.010 * pace + grown(second), 0.1)
    }

    #[test]
    fn what_a_wandering_host_does_to_the_times_is_taken_out_and_what_the_target_does_is_left() {
        let question = Question::over(3600.0);
        let (mut used, mut alarms, mut missed, mut narrower) = (0, 0, 0, 0);
        for seed in 0..200 {
            let mut weather = Weather::new(seed, 0.3 * f64::from(u32::try_from(seed % 3).unwrap()));
            let own = weather.own();
            let own = match seed / 3 % 3 {
                0 => own,
                1 => in_ticks(&own),
                _ => with_stalls(&own),
            };
            let calm = rounds(&mut weather, 0.0);
            let Some(beside) = beside(&calm, &own) else { continue };
            let (raw, found) = (drift(&calm, &question).over_run, beside.drift(&question).over_run);
            used += 1;
            narrower += u32::from(found.hi - found.lo < raw.hi - raw.lo);
            alarms += u32::from(found.lo > 0.0 || found.hi < 0.0);
            let Some(beside) = super::beside(&rounds(&mut weather, 12.0), &own) else { continue };
            let slower = beside.drift(&question).over_run;
            missed += u32::from(!(slower.lo..slower.hi).contains(&0.012));
        }
        assert!(used >= 150 && narrower * 10 >= used * 9, "{used} of 200, {narrower} narrower");
        // Each bound is 99 % sure.
        assert!(alarms <= 8, "{alarms} of 200 drift though nothing did");
        assert!(missed <= 8, "{missed} of 200 intervals do not hold what was planted");
    }

    #[test]
    fn nothing_is_taken_out_where_the_companion_explains_nothing_or_only_drifts_along() {
        let mut weather = Weather::new(1, 0.0);
        let own = weather.own();
        let sleeping = weather.series(|_, _| 0.020, 0.2);
        assert!(beside(&sleeping, &own).is_none(), "what sleeps does not depend on the host");
        let line = |slope: f64| {
            let points = (0..SECONDS).map(|second| {
                let at_s = f64::from(second);
                Point { at_s, value: 1.0 + slope * at_s, work: 0.0 }
            });
            Series { points: points.collect(), ..Series::default() }
        };
        assert!(beside(&line(0.1), &line(0.2)).is_none(), "both only drift");
        let few = Series { points: own.points[..20].to_vec(), ..Series::default() };
        assert!(beside(&few, &own).is_none(), "too few values");
    }
}
