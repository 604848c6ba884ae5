//! The clocks: `CLOCK_MONOTONIC`, the same in every process of the host, and the one that an agent takes for it.

use std::sync::OnceLock;

use nix::time::{ClockId, clock_gettime};

use crate::bus::Rules;

/// Where an agent's own clock begins, so that it can be far behind without passing zero.
const OWN_ZERO_NS: u64 = 1 << 62;

static OWN: OnceLock<(&'static Rules, u32)> = OnceLock::new();

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[must_use]
pub fn now_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// Nanoseconds of CPU time that the calling thread has used.
pub(crate) fn thread_cpu_ns() -> u64 {
    read(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

/// From here on this process is an agent, whose clock these rules may shift.
pub(crate) fn follow(rules: &'static Rules, agent: u32) {
    OWN.get_or_init(|| (rules, agent));
}

/// Nanoseconds of this agent's own clock: for how long it waits, and for what it compares with nobody else's. It
/// may jump in either direction, and counts from a beginning of its own.
pub(crate) fn own_ns() -> u64 {
    let offset_ns = OWN.get().map_or(0, |(rules, agent)| rules.offset_ns(*agent));
    (now_ns() + OWN_ZERO_NS).saturating_add_signed(offset_ns)
}

/// Notes what this agent's clock shows, if a rule shifts it. System calls and atomics only: it may be called in a
/// signal handler.
pub(crate) fn observe() {
    if let Some((rules, agent)) = OWN.get().filter(|(rules, _)| rules.any()) {
        let (own_ns, true_ns) = (own_ns(), now_ns() + OWN_ZERO_NS);
        rules.observe_clock(*agent, own_ns.wrapping_sub(true_ns).cast_signed());
    }
}

/// Time that has passed on this agent's own clock, added up in steps of which none is believed to be long: a jump
/// is not time.
#[derive(Debug)]
pub(crate) struct Elapsed {
    last_ns: u64,
    total_ns: u64,
}

impl Elapsed {
    pub(crate) fn begin() -> Self {
        Self { last_ns: own_ns(), total_ns: 0 }
    }

    /// What has passed, if this is asked at least once in `step_ns`.
    pub(crate) fn ns(&mut self, step_ns: u64) -> u64 {
        let now = own_ns();
        self.total_ns += now.saturating_sub(self.last_ns).min(step_ns);
        self.last_ns = now;
        self.total_ns
    }
}

fn read(clock: ClockId) -> u64 {
    let t = clock_gettime(clock).expect("the kernel has this clock");
    t.tv_sec() as u64 * 1_000_000_000 + t.tv_nsec() as u64
}
