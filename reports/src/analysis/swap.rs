//! Swap: what of the target was not in memory. What is resident then tells less than what is held.

use std::collections::BTreeMap;

use super::resources::TARGET;
use super::{number, seconds};
use crate::reading::Evidence;

/// Memory of the target was swapped out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swapped {
    /// How much at once, greatest, in bytes; of a large group, of those processes that were read.
    pub most: f64,
    /// When that was, in seconds since the target was ready.
    pub at_s: f64,
    /// Whether private memory holds it.
    pub counted: bool,
}

/// The most that was swapped out of the target; absent where nothing was.
pub(super) fn find(evidence: &Evidence) -> Option<Swapped> {
    let mut ticks: BTreeMap<u64, u64> = BTreeMap::new();
    for sample in evidence.peaks().iter().filter(|s| TARGET.contains(&s.group)) {
        let sum = ticks.entry(sample.at_ns).or_default();
        *sum = sum.saturating_add(sample.swap.unwrap_or(0));
    }
    // The first of equals.
    let (at_ns, most) = ticks.into_iter().rev().max_by_key(|(_, swapped)| *swapped)?;
    (most > 0).then(|| Swapped {
        most: number(most),
        at_s: seconds(at_ns) - seconds(evidence.zero_ns()),
        counted: evidence.manifest.sampling.counts_swap,
    })
}
