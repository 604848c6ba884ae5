//! The one clock: `CLOCK_MONOTONIC`, the same in every process of the host.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[must_use]
pub fn now_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Nanoseconds of CPU time that the calling thread has used.
pub(crate) fn thread_cpu_ns() -> u64 {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: ClockId) -> u64 {
    let t = clock_gettime(clock).expect("the kernel has this clock");
    t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64
}
