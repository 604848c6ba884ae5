//! Time as the whole run counts it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds.
#[must_use]
pub fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map(Duration::from)
        .map_or(0, |since_boot| u64::try_from(since_boot.as_nanos()).unwrap_or(u64::MAX))
}

/// Nanoseconds since the start of the run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub(crate) zero_ns: u64,
}

impl Clock {
    pub(crate) fn now(self) -> u64 {
        // A run that has outlived a boot began before zero of this clock: its beginning wraps around.
        u64::try_from(monotonic_ns().wrapping_sub(self.zero_ns).cast_signed()).unwrap_or(0)
    }
}
