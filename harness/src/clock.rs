//! The run's clock, and an alarm on it that is precise to some microseconds.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The time from one reading of `CLOCK_MONOTONIC` to another; none where the other is before it. A run that has
/// outlived a boot began before zero of that clock: its beginning wraps around.
pub(crate) fn since(monotonic_ns: u64, zero_ns: u64) -> u64 {
    u64::try_from(monotonic_ns.wrapping_sub(zero_ns).cast_signed()).unwrap_or(0)
}

/// Nanoseconds since the start of the run, on `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// `CLOCK_MONOTONIC` at the start of the run, in nanoseconds.
    pub(crate) zero_ns: u64,
}

impl Clock {
    /// A run that has gone on for so long.
    pub(crate) fn going_on(for_ns: u64) -> Self {
        Self { zero_ns: chaos::clock::monotonic_ns().wrapping_sub(for_ns) }
    }

    /// A run that starts now.
    pub(crate) fn start() -> Self {
        Self { zero_ns: chaos::clock::monotonic_ns() }
    }

    pub(crate) fn now_ns(self) -> u64 {
        since(chaos::clock::monotonic_ns(), self.zero_ns)
    }
}

/// Wakes the loop when something is due. Timers of the async runtime are late by up to a millisecond, which
/// would be seen in every response time.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: Clock,
    timer: TimerFd,
    rung: AsyncFd<OwnedFd>,
    set_ns: Option<u64>,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> std::io::Result<Self> {
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let descriptor = timer.as_fd().try_clone_to_owned()?;
        #[expect(unsafe_code, reason = "the runtime has no timer that is precise enough")]
        // SAFETY: an `OwnedFd` that nobody else has always returns the same open descriptor.
        let rung = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?;
        Ok(Self { clock, timer, rung, set_ns: None })
    }

    /// Sets it to a time of the run; a time that has passed rings at once.
    pub(crate) fn set(&mut self, at_ns: u64) -> std::io::Result<()> {
        if self.set_ns == Some(at_ns) {
            return Ok(());
        }
        self.set_ns = Some(at_ns);
        // Zero would disarm the timer instead.
        let monotonic = i64::try_from(self.clock.zero_ns.wrapping_add(at_ns).max(1)).unwrap_or(i64::MAX);
        let at = TimeSpec::new(monotonic / 1_000_000_000, monotonic % 1_000_000_000);
        self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        Ok(())
    }

    /// Waits until it rings.
    pub(crate) async fn rings(&mut self) -> std::io::Result<()> {
        let mut guard = self.rung.readable().await?;
        // What is read is how often it rang; not being readable any more is what matters.
        let mut count = [0_u8; 8];
        let _ = nix::unistd::read(self.rung.get_ref(), &mut count);
        guard.clear_ready();
        self.set_ns = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_at_its_time_and_can_be_moved() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock).unwrap();
        alarm.set(3_600_000_000_000).unwrap();
        alarm.set(clock.now_ns() + 20_000_000).unwrap();
        let due = alarm.set_ns.unwrap();
        alarm.rings().await.unwrap();
        assert!(clock.now_ns() >= due, "it never rings early");
        alarm.set(0).unwrap();
        alarm.rings().await.unwrap();
    }
}
