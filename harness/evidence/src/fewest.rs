//! How many values a number must rest on before a limit on it can hold. A scenario that plans fewer is refused by what
//! is here, and the analysis computes by the same.

/// How sure each bound of a percentile is.
pub const CONFIDENCE: f64 = 0.95;

/// Blocks of a series with which a slope is fitted. Error rates were measured with it: see `docs/reference/drift.md`.
pub const OF_SLOPE: usize = 8;

/// Faults, and moments without one, from which the step at a fault is told from chance.
pub const OF_STEP: usize = 3;

/// Values with which this quantile has an upper bound, by order statistics: all of fewer may lie below it.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
pub fn of_quantile(quantile: f64) -> u64 {
    ((1.0 - CONFIDENCE).ln() / quantile.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_enough_values_lies_above_the_quantile_as_surely_as_asked() {
        for (quantile, n) in [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)] {
            assert_eq!(of_quantile(quantile), n);
            let all_below = |n: u64| quantile.powi(i32::try_from(n).unwrap());
            assert!(all_below(n) <= 1.0 - CONFIDENCE && all_below(n - 1) > 1.0 - CONFIDENCE);
        }
    }
}
