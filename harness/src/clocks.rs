//! Whether the clocks of the host agree, from one tick to the next.
//!
//! `CLOCK_MONOTONIC` stands still while the host sleeps and `CLOCK_BOOTTIME` does not; `CLOCK_REALTIME` goes on
//! with the latter unless somebody sets it. The kernel disciplines all three with the same frequency, so what
//! they show against each other changes by nothing but a sleep or a step. A harness that is stopped, or gets
//! no processor, sees its own monotonic clock jump.

use std::time::Duration;

use evidence::event::ClockChange;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A sleep shorter than this is not told from the time between two looks at a clock.
const LEAST_SLEEP_NS: i64 = 10_000_000;
/// The same for a step of the wall clock.
const LEAST_STEP_NS: i64 = 50_000_000;
/// Sampling intervals without a tick after which the harness has stalled.
pub const STALLED_INTERVALS: u64 = 3;
/// How close the looks at the three clocks have to follow each other, and how often that is tried.
const CLOSE_NS: i64 = 1_000_000;
const TRIES: usize = 5;

/// The three clocks at one moment, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// `CLOCK_MONOTONIC`
    pub monotonic_ns: i64,
    /// `CLOCK_BOOTTIME`
    pub boot_ns: i64,
    /// `CLOCK_REALTIME`
    pub real_ns: i64,
}

impl Clocks {
    /// Reads all three; `None` if the kernel refuses, or the reader was interrupted between them every time.
    #[must_use]
    pub fn read() -> Option<Self> {
        (0..TRIES).find_map(|_| {
            let monotonic_ns = now(ClockId::CLOCK_MONOTONIC)?;
            let boot_ns = now(ClockId::CLOCK_BOOTTIME)?;
            let real_ns = now(ClockId::CLOCK_REALTIME)?;
            let after_ns = now(ClockId::CLOCK_MONOTONIC)?;
            (after_ns - monotonic_ns < CLOSE_NS).then_some(Self { monotonic_ns, boot_ns, real_ns })
        })
    }

    /// What they would show at this moment of the monotonic clock if nothing happened to any of them until then.
    #[must_use]
    pub fn undisturbed_at(self, monotonic_ns: i64) -> Self {
        let by_ns = monotonic_ns.saturating_sub(self.monotonic_ns);
        let (boot_ns, real_ns) = (self.boot_ns.saturating_add(by_ns), self.real_ns.saturating_add(by_ns));
        Self { monotonic_ns, boot_ns, real_ns }
    }

    /// What changed since `before`, and by how much, in nanoseconds. `every_ns` is the time between two ticks.
    #[must_use]
    pub fn changes_since(self, before: Self, every_ns: u64) -> Vec<(ClockChange, i64)> {
        let monotonic = self.monotonic_ns.saturating_sub(before.monotonic_ns);
        let boot = self.boot_ns.saturating_sub(before.boot_ns);
        let real = self.real_ns.saturating_sub(before.real_ns);
        let every = i64::try_from(every_ns).unwrap_or(i64::MAX);
        let allowed = every.saturating_mul(i64::try_from(STALLED_INTERVALS).unwrap_or(i64::MAX));
        let (slept, stepped) = (boot.saturating_sub(monotonic), real.saturating_sub(boot));
        [
            (slept >= LEAST_SLEEP_NS, ClockChange::Suspended, slept),
            (stepped.saturating_abs() >= LEAST_STEP_NS, ClockChange::Stepped, stepped),
            (monotonic > allowed, ClockChange::Stalled, monotonic.saturating_sub(every)),
        ]
        .into_iter()
        .filter_map(|(happened, change, by_ns)| happened.then_some((change, by_ns)))
        .collect()
    }
}

fn now(clock: ClockId) -> Option<i64> {
    let time = Duration::from(clock_gettime(clock).ok()?);
    i64::try_from(time.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn clocks(monotonic_s: i64, boot_s: i64, real_s: i64) -> Clocks {
        Clocks { monotonic_ns: monotonic_s * SECOND, boot_ns: boot_s * SECOND, real_ns: real_s * SECOND }
    }

    #[test]
    fn each_disagreement_has_its_name_and_its_size() {
        use ClockChange::{Stalled, Stepped, Suspended};
        let before = clocks(100, 150, 1_700_000_000);
        for (now, changes) in [
            (clocks(110, 160, 1_700_000_010), vec![]),
            (clocks(130, 180, 1_700_000_030), vec![]),
            (clocks(110, 3_760, 1_700_003_610), vec![(Suspended, 3_600 * SECOND)]),
            (clocks(110, 160, 1_699_996_410), vec![(Stepped, -3_600 * SECOND)]),
            (clocks(110, 160, 1_700_000_015), vec![(Stepped, 5 * SECOND)]),
            (clocks(141, 191, 1_700_000_041), vec![(Stalled, 31 * SECOND)]),
            (
                clocks(200, 350, 1_700_000_000),
                vec![(Suspended, 100 * SECOND), (Stepped, -200 * SECOND), (Stalled, 90 * SECOND)],
            ),
        ] {
            assert_eq!(now.changes_since(before, 10_000_000_000), changes, "{now:?}");
        }
    }

    proptest! {
        /// Clocks that go on alike, each read a little late, agree; whatever they show, nothing overflows.
        #[test]
        fn clocks_that_go_on_alike_agree(passed in 0..30 * SECOND, late in 0..1_000_000_i64) {
            let before = clocks(100, 150, 1_700_000_000);
            let now = Clocks {
                monotonic_ns: before.monotonic_ns + passed,
                boot_ns: before.boot_ns + passed + late / 2,
                real_ns: before.real_ns + passed + late,
            };
            prop_assert!(now.changes_since(before, 10_000_000_000).is_empty());
        }

        #[test]
        fn no_reading_is_too_strange(a in any::<[i64; 3]>(), b in any::<[i64; 3]>(), every in any::<u64>()) {
            let of = |[monotonic_ns, boot_ns, real_ns]: [i64; 3]| Clocks { monotonic_ns, boot_ns, real_ns };
            prop_assert!(of(a).changes_since(of(b), every).len() <= 3);
        }
    }

    #[test]
    fn the_clocks_of_this_host_can_be_read_and_agree_with_themselves() {
        let before = Clocks::read().unwrap();
        let now = Clocks::read().unwrap();
        assert!(now.monotonic_ns >= before.monotonic_ns);
        assert!(now.boot_ns >= now.monotonic_ns - CLOSE_NS);
    }
}
