//! Percentiles with intervals that assume nothing about the shape of the data.
//!
//! The interval of a quantile comes from order statistics: how many of `n` values lie below the true quantile
//! is binomial, whatever they are distributed like (David and Nagaraja, *Order Statistics*, §7.1). Each bound
//! holds with 95 %, since a gate asks about one side at a time. A quantile needs enough values above it for an
//! upper bound to exist: 5 for the median, 29 for p90, 59 for p95, 299 for p99.

pub(crate) use evidence::fewest::{CONFIDENCE, of_quantile as needed};

/// The standard normal deviate of [`CONFIDENCE`].
const Z: f64 = 1.644_853_626_951_472_8;

/// Between which values a number lies. An upper bound that is not known is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub lo: f64,
    /// The upper bound.
    pub hi: f64,
}

impl Interval {
    /// A number that is known exactly.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { lo: value, hi: value }
    }
}

/// A percentile of values, of which some may be unknown and count as infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percentile {
    /// The best single number, from the known values alone.
    pub(crate) value: f64,
    /// Where the true one lies.
    pub(crate) interval: Interval,
}

/// A percentile over `known` ordered values, read by rank from 1, and `unknown` ones that may be anything
/// greater. Of some known values it may be certain only that they are not smaller: `bound_at` reads the same
/// values in their order with these as infinite. `None` without a known value.
pub(crate) fn percentile(
    quantile: f64,
    known: u64,
    unknown: u64,
    value_at: impl Fn(u64) -> f64,
    bound_at: impl Fn(u64) -> f64,
) -> Option<Percentile> {
    if known == 0 {
        return None;
    }
    let (lo, middle, _) = ranks(quantile, known);
    let (_, _, hi) = ranks(quantile, known.saturating_add(unknown));
    let known = |rank: Option<u64>| rank.filter(|r| *r <= known);
    Some(Percentile {
        value: value_at(middle),
        interval: Interval {
            lo: known(lo).map_or(0.0, &value_at),
            hi: known(hi).map_or(f64::INFINITY, bound_at),
        },
    })
}

/// The ranks of the lower bound, of the quantile itself and of the upper bound among `n` ordered values.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "ranks are between 0 and n, and n is far below 2^52"
)]
fn ranks(quantile: f64, n: u64) -> (Option<u64>, u64, Option<u64>) {
    let size = n as f64;
    let middle = ((quantile * size).ceil() as u64).clamp(1, n);
    let variance = size * quantile * (1.0 - quantile);
    let (lo, hi) = if variance > 100.0 {
        // The normal law is within one rank here; both bounds are moved outwards by that one.
        let reach = Z * variance.sqrt() + 1.0;
        ((quantile * size - reach).floor().max(0.0) as u64, (quantile * size + reach).ceil() as u64 + 1)
    } else {
        binomial_ranks(quantile, n)
    };
    ((lo >= 1).then_some(lo), middle, (hi <= n).then_some(hi))
}

/// The greatest `lo` with P(B >= lo) >= 95 % and the smallest `hi` with P(B < hi) >= 95 %, for B the number of
/// values below the quantile. `lo` may be 0 and `hi` may be n + 1: then there is no such value.
#[expect(clippy::cast_precision_loss, reason = "n is small here")]
fn binomial_ranks(quantile: f64, n: u64) -> (u64, u64) {
    let odds = quantile / (1.0 - quantile);
    // Kept as a logarithm: for a quantile near one the first masses are too small for a number.
    let mut log_mass = n as f64 * (1.0 - quantile).ln();
    let mut below = 0.0;
    let mut lo = 0;
    let mut hi = n + 1;
    for k in 0..=n {
        // Here `below` is P(B < k).
        if 1.0 - below >= CONFIDENCE {
            lo = k;
        }
        if below >= CONFIDENCE {
            hi = k;
            break;
        }
        below += log_mass.exp();
        if k < n {
            log_mass += (odds * (n - k) as f64 / (k + 1) as f64).ln();
        }
    }
    (lo, hi)
}

/// Up to how many events the bounds of a rate are those of the Poisson law itself.
const FEW: u64 = 100;

/// How many events come in a time in the long run, where so many were `seen` in one: each bound is the mean with which
/// as few, or as many, would come by chance once in twenty times (Garwood, *Biometrika* 28, 1936).
pub(crate) fn expected_events(seen: u64) -> Interval {
    if seen > FEW {
        return Interval { lo: cubed(seen, -Z), hi: cubed(seen.saturating_add(1), Z) };
    }
    let lo = seen.checked_sub(1).map_or(0.0, |fewer| mean_with(fewer, CONFIDENCE));
    Interval { lo, hi: mean_with(seen, 1.0 - CONFIDENCE) }
}

/// The mean with which at most this many events come with this chance. It is looked for by halves, as the chance sinks
/// while the mean grows.
#[expect(clippy::cast_precision_loss, reason = "the number is small here")]
fn mean_with(at_most: u64, chance: f64) -> f64 {
    let (mut lo, mut hi) = (0.0, 2.0 * at_most as f64 + 10.0);
    for _ in 0..60 {
        let mean = f64::midpoint(lo, hi);
        if chance_of_at_most(at_most, mean) > chance { lo = mean } else { hi = mean }
    }
    f64::midpoint(lo, hi)
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are small here")]
fn chance_of_at_most(most: u64, mean: f64) -> f64 {
    let mut mass = (-mean).exp();
    let mut sum = mass;
    for k in 1..=most {
        mass *= mean / k as f64;
        sum += mass;
    }
    sum
}

/// The same bound by the cube root, which is nearly normal (Wilson and Hilferty), within 0.01 % for more than a few.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn cubed(events: u64, z: f64) -> f64 {
    let n = events as f64;
    n * (1.0 - 1.0 / (9.0 * n) + z / (3.0 * n.sqrt())).powi(3)
}

/// The value in the middle of ordered ones, or the mean of the two there.
pub(crate) fn middle(ordered: &[f64]) -> Option<f64> {
    let half = ordered.len() / 2;
    let above = *ordered.get(half)?;
    Some(if ordered.len() % 2 == 1 { above } else { f64::midpoint(ordered[half - 1], above) })
}

/// Standard deviation over mean; `None` for fewer than two values or a mean of zero.
#[expect(clippy::cast_precision_loss, reason = "counts of agents")]
pub(crate) fn variation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 || mean <= 0.0 {
        return None;
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    Some(variance.sqrt() / mean)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn more_unknown_values_than_can_be_counted_leave_the_upper_end_open() {
        let found = percentile(0.5, 10, u64::MAX, |_| 1.0, |_| 1.0).unwrap();
        assert!(found.interval.hi.is_infinite());
    }

    #[test]
    fn a_percentile_needs_as_many_values_as_the_tables_say() {
        for (quantile, n) in [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)] {
            assert_eq!(needed(quantile), n);
            assert_eq!(ranks(quantile, n).2, Some(n), "bounded by the greatest of {n}");
            assert_eq!(ranks(quantile, n - 1).2, None);
        }
    }

    #[test]
    fn the_ranks_of_the_median_of_twenty_are_those_of_the_sign_test() {
        assert_eq!(ranks(0.5, 20), (Some(6), 10, Some(15)));
    }

    #[test]
    fn exact_and_approximate_ranks_agree_where_they_meet() {
        for quantile in [0.5, 0.9, 0.95, 0.99] {
            let n = (101.0 / (quantile * (1.0 - quantile))) as u64;
            let exact = binomial_ranks(quantile, n);
            let (lo, _, hi) = ranks(quantile, n);
            assert!(lo.unwrap() <= exact.0 && exact.0 - lo.unwrap() <= 3, "{quantile} {lo:?} {exact:?}");
            assert!(hi.unwrap() >= exact.1 && hi.unwrap() - exact.1 <= 3, "{quantile} {hi:?} {exact:?}");
        }
    }

    #[test]
    fn unknown_values_take_the_upper_bound_away_and_leave_the_lower() {
        let at = |rank: u64| rank as f64;
        let all = percentile(0.99, 1000, 0, at, at).unwrap();
        let some_lost = percentile(0.99, 1000, 20, at, at).unwrap();
        assert!(all.interval.hi.is_finite());
        assert!(some_lost.interval.hi.is_infinite());
        assert!((all.interval.lo - some_lost.interval.lo).abs() < 1e-9);
    }

    #[test]
    fn the_bounds_of_a_number_of_events_are_those_of_garwoods_table() {
        for (seen, lo, hi) in [(0, 0.0, 2.996), (1, 0.0513, 4.744), (4, 1.366, 9.154), (10, 5.425, 16.962)] {
            let found = expected_events(seen);
            assert!((found.lo - lo).abs() < 1e-3 && (found.hi - hi).abs() < 1e-3, "{seen}: {found:?}");
        }
    }

    #[test]
    fn bounds_of_few_and_of_many_events_agree_where_they_meet() {
        let exact = expected_events(FEW);
        let (lo, hi) = (cubed(FEW, -Z), cubed(FEW + 1, Z));
        assert!(
            (exact.lo / lo - 1.0).abs() < 1e-4 && (exact.hi / hi - 1.0).abs() < 1e-4,
            "{exact:?} {lo} {hi}"
        );
    }

    proptest! {
        /// Never panics, and the value is always inside its interval.
        #[test]
        fn a_value_is_inside_its_interval(n in 1_u64..200_000, unknown in 0_u64..50, q in 0.01_f64..0.999) {
            let found = percentile(q, n, unknown, |rank| rank as f64, |rank| rank as f64).unwrap();
            prop_assert!(found.interval.lo <= found.value && found.value <= found.interval.hi);
        }
    }
}
