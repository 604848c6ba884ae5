//! Chance that a seed decides.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number for the next connection of this process, so that a packet that is lost on one of them is not lost
/// again on the next for the same reason.
pub(in crate::bus) fn next_connection() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// 64 bits that depend on all of these numbers and on nothing else.
pub(super) fn draw(seed: u64, numbers: [u64; 4]) -> u64 {
    numbers.into_iter().fold(mix(seed), |state, number| mix(state ^ number))
}

/// Whether a draw falls into so many millionths.
pub(super) fn falls_in(draw: u64, per_million: u32) -> bool {
    ((u128::from(draw) * 1_000_000) >> 64) < u128::from(per_million)
}

/// The finisher of SplitMix64.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_draws_falls_in_and_the_same_seed_draws_the_same() {
        for per_million in [0, 10_000, 500_000, 1_000_000] {
            let hits = (0..100_000).filter(|n| falls_in(draw(7, [1, 2, 3, *n]), per_million)).count();
            let expected = per_million as usize / 10;
            assert!(hits.abs_diff(expected) <= 600, "{per_million}: {hits}");
        }
        assert_eq!(draw(7, [1, 2, 3, 4]), draw(7, [1, 2, 3, 4]));
        assert_ne!(draw(7, [1, 2, 3, 4]), draw(8, [1, 2, 3, 4]));
    }
}
