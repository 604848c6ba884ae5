//! Random choices that come out the same on every platform, now and in later versions.
//!
//! Only the ChaCha stream is taken from the library; how a seed becomes a key and a word becomes a number is
//! fixed here, because the library's own ways may change. Every purpose has a stream of its own, so that one
//! more fault in a scenario changes nothing for the others.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Choices for one purpose.
pub(super) struct Draw(ChaCha12Rng);

impl Draw {
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let key = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(purpose).finalize();
        Self(ChaCha12Rng::from_seed(key.into()))
    }

    /// From 0 to `most`, inclusive, each equally likely up to one part in 2^64.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        let scaled = u128::from(self.0.next_u64()) * (u128::from(most) + 1);
        // The product of two numbers of at most 64 and 65 bits has its upper part in `0..=most`.
        u64::try_from(scaled >> 64).unwrap_or(most)
    }

    /// `count` different numbers below `all`, ascending; all of them if there are no more.
    pub(super) fn places(&mut self, count: u32, all: u32) -> Vec<u32> {
        let mut places: Vec<u32> = (0..all).collect();
        let count = count.min(all) as usize;
        for chosen in 0..count {
            let rest = (places.len() - chosen - 1) as u64;
            let offset = usize::try_from(self.up_to(rest)).unwrap_or(0);
            places.swap(chosen, chosen + offset);
        }
        places.truncate(count);
        places.sort_unstable();
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Computed by another implementation of SHA-256 and ChaCha12.
    #[test]
    fn a_seed_and_a_purpose_always_give_the_same_choices() {
        assert_eq!(Draw::new(1, "fault 1").places(3, 10), [3, 7, 9]);
        assert_eq!(Draw::new(2, "fault 1").places(3, 10), [0, 7, 9]);
        assert_eq!(Draw::new(1, "fault 2").places(3, 10), [2, 3, 5]);
    }

    proptest! {
        /// As many as asked for, different, ascending, all there.
        #[test]
        fn places_are_a_choice_without_repetition(seed: u64, count in 0u32..50, all in 0u32..50) {
            let places = Draw::new(seed, "any").places(count, all);
            prop_assert_eq!(places.len() as u32, count.min(all));
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(places.iter().all(|place| *place < all));
        }
    }

    #[test]
    fn every_place_has_its_turn() {
        let mut hits = [0u32; 5];
        for seed in 0..1_000 {
            hits[Draw::new(seed, "any").places(1, 5)[0] as usize] += 1;
        }
        assert!(hits.iter().all(|n| (140..260).contains(n)), "{hits:?}");
    }
}
