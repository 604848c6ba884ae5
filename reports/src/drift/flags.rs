//! Which of many series drift, without an alarm for each hundredth by chance.

use super::Drift;

/// Places of the series that grow, so that of those named at most the share `rate` is expected to be wrong: the
/// step-up procedure of Benjamini and Hochberg (1995). Series whose lower bound does not exceed zero are never
/// named, whatever their number.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of series")]
pub fn drifting(found: &[Drift], rate: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| found[*a].chance.total_cmp(&found[*b].chance));
    let share = |place: usize| rate * (place + 1) as f64 / found.len() as f64;
    let named = (0..order.len()).rev().find(|place| found[order[*place]].chance <= share(*place));
    let mut places: Vec<usize> = order.into_iter().take(named.map_or(0, |place| place + 1)).collect();
    places.retain(|place| found[*place].per_hour.lo > 0.0);
    places.sort_unstable();
    places
}
