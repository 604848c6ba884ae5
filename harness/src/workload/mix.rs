//! Work that is a mixture: which kind it is this time.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scenarios::plan::{Part, Work};

/// Streams beyond those that the segments of arrivals draw from.
const ROUNDS: u64 = u64::MAX;
const SINGLES: u64 = u64::MAX - 1;

/// What a kind of work is drawn for. The number alone decides, whatever was drawn before it: a run that is
/// resumed, or that sheds some, draws the same for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// All tasks of the round with this number.
    Round(u64),
    /// The single task with this number in the order of the plan, from 0.
    Single(u64),
}

/// The kind of work, drawn from the seed where it is a mixture.
#[must_use]
pub fn drawn(work: &Work, seed: u64, what: For) -> &Work {
    let Work::Mix { parts } = work else { return work };
    let all: u64 = parts.iter().map(|part| u64::from(part.weight)).sum();
    let scaled = u128::from(word(seed, what)) * u128::from(all);
    // The upper half of the product is below `all`, each equally likely up to one part in 2^64.
    let chosen = u64::try_from(scaled >> 64).unwrap_or(0);
    at(parts, chosen).map_or(&Work::Echo {}, |part| &part.work)
}

/// The part in which this share of the sum of all weights lies.
fn at(parts: &[Part], mut chosen: u64) -> Option<&Part> {
    parts.iter().find(|part| {
        let weight = u64::from(part.weight);
        let here = chosen < weight;
        chosen = chosen.saturating_sub(weight);
        here
    })
}

/// 64 random bits for one number: a stream for each purpose, a place in it for each number.
fn word(seed: u64, what: For) -> u64 {
    let (stream, number) = match what {
        For::Round(number) => (ROUNDS, number),
        For::Single(number) => (SINGLES, number),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    // Positions count words of 32 bits.
    rng.set_word_pos(u128::from(number) * 2);
    rng.next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mix(weights: &[u32]) -> Work {
        let part = |(us, weight): (usize, &u32)| Part { weight: *weight, work: Work::Cpu { us: us as u64 } };
        Work::Mix { parts: weights.iter().enumerate().map(part).collect() }
    }

    fn counts(seed: u64, of: impl Fn(u64) -> For) -> [u32; 3] {
        let mix = mix(&[3, 1, 6]);
        let mut counts = [0; 3];
        for number in 0..10_000 {
            let Work::Cpu { us } = drawn(&mix, seed, of(number)) else { panic!("a mixture was drawn") };
            counts[usize::try_from(*us).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn each_kind_comes_as_often_as_its_weight_says() {
        for counts in [counts(1, For::Round), counts(1, For::Single), counts(99, For::Single)] {
            for (count, expected) in counts.into_iter().zip([3_000, 1_000, 6_000]) {
                // Five standard deviations of a binomial count are 245 at most.
                assert!(u32::abs_diff(count, expected) < 245, "{counts:?}");
            }
        }
    }

    #[test]
    fn rounds_and_single_tasks_are_drawn_apart_and_another_seed_draws_otherwise() {
        let mix = mix(&[1, 1]);
        let of = |seed, what: fn(u64) -> For| {
            (0..200).map(|n| drawn(&mix, seed, what(n)).clone()).collect::<Vec<_>>()
        };
        assert_ne!(of(1, For::Round), of(1, For::Single));
        assert_ne!(of(1, For::Round), of(2, For::Round));
        assert_eq!(of(1, For::Round), of(1, For::Round));
    }

    #[test]
    fn what_is_no_mixture_is_itself() {
        assert_eq!(*drawn(&Work::Relay {}, 1, For::Round(1)), Work::Relay {});
    }

    proptest! {
        /// Whatever is drawn is one of the parts, and one of those that have a weight.
        #[test]
        fn one_of_the_parts_is_drawn(weights in prop::collection::vec(0_u32..=u32::MAX, 1..6), seed: u64, number: u64) {
            let mix = mix(&weights);
            let Work::Cpu { us } = drawn(&mix, seed, For::Single(number)) else {
                prop_assert!(weights.iter().all(|weight| *weight == 0));
                return Ok(());
            };
            prop_assert!(weights[usize::try_from(*us).unwrap()] > 0);
        }
    }
}
