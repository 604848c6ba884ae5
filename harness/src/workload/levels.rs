//! How many workers take part in a round.

use scenarios::plan::Level;

/// How many of so many workers take part at this time of the plan: what the last level before it says, and all of them
/// where none does. A plan may say more than there are.
#[must_use]
pub fn participants(levels: &[Level], at_ns: u64, all: u32) -> u32 {
    let after = levels.partition_point(|level| level.at_ns <= at_ns);
    levels[..after].last().map_or(all, |level| level.workers.min(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_holds_from_its_moment_on_until_the_next() {
        let level = |at_ns, workers| Level { at_ns, workers };
        let levels = [level(0, 100), level(9, 708), level(18, 300)];
        let found = [0, 8, 9, 17, 18, 99].map(|at_ns| participants(&levels, at_ns, 500));
        assert_eq!(found, [100, 100, 500, 500, 300, 300]);
        assert_eq!(participants(&[], 5, 500), 500);
        assert_eq!(participants(&levels[1..], 5, 500), 500);
    }
}
