//! Looking at a run before its end without deceiving oneself.
//!
//! Each look may be the one that alarms, so their errors add up. What may be spent until a share of the run has
//! passed is the function of Lan and DeMets (1983) that resembles the bounds of O'Brien and Fleming (1979):
//! almost nothing early, nearly all at the end. A look gets what was not yet spent; the sum over looks bounds
//! the chance of any false alarm, however they depend on each other (Bonferroni).

use distrs::Normal;

/// How sure a bound must be at look `number` of `of` planned ones, counted from 1, so that all of them together
/// are wrong no more often than 1 − `confidence`.
#[must_use]
pub fn confidence_at(confidence: f64, number: u32, of: u32) -> f64 {
    let error = 1.0 - confidence;
    let number = number.clamp(1, of.max(1));
    let until = |look: u32| spent(error, f64::from(look) / f64::from(of.max(1)));
    1.0 - (until(number) - until(number - 1))
}

/// What of the error is spent when this share of the run has passed.
fn spent(error: f64, share: f64) -> f64 {
    if share <= 0.0 {
        return 0.0;
    }
    let bound = Normal::ppf(1.0 - error / 2.0, 0.0, 1.0);
    (2.0 * Normal::cdf(-bound / share.sqrt(), 0.0, 1.0)).min(error)
}
