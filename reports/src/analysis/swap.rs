//! Swap: what of the target was not in memory. What is resident then tells less than what is held.

use std::collections::BTreeMap;

use evidence::sample::Sample;

use super::resources::TARGET;
use super::{number, seconds};
use crate::reading::Evidence;

/// How much was swapped out when a group was read, at most, in bytes: infinite where it could not be read.
pub(super) type Swap = fn(&Sample) -> f64;

/// Of the whole group.
pub(super) fn of_group(evidence: &Evidence) -> Swap {
    counted(evidence, |sample| sample.swap.map_or(f64::INFINITY, number))
}

/// Of one process: all of the group's may be its own, but it is part of its private memory.
pub(super) fn of_process(evidence: &Evidence) -> Swap {
    counted(evidence, |sample| {
        let all = sample.swap.map(|all| sample.private_max.map_or(all, |most| most.min(all)));
        all.map_or(f64::INFINITY, number)
    })
}

/// A run that did not count it says nothing of it: the verdict withholds what rests on it.
fn counted(evidence: &Evidence, swap: Swap) -> Swap {
    if evidence.manifest.sampling.counts_swap { swap } else { |_| 0.0 }
}

/// Memory of the target was swapped out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swapped {
    /// How much at once, greatest, in bytes; where it was not counted, of those processes of a large group that were read.
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
