//! How a worker waits for work, and what it does meanwhile unasked.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::Worker;
use crate::bus::{Attached, Link};
use crate::clock::now_ns;

/// How long to wait until it is said again that this worker can be reached, if that was not heard.
const ANNOUNCE_NS: u64 = 100_000_000;

impl Worker {
    /// Waits for a packet, a signal, or the moment at which something is to be done unasked.
    pub(super) fn wait(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let due_ns = self.due_ns();
        let up = self.up.as_mut()?;
        self.slot.set_idle(true);
        let taken = match due_ns {
            None => up.await_packet(buffer),
            Some(due_ns) => {
                let pause = Duration::from_nanos(due_ns.saturating_sub(now_ns()));
                let mut fds = [PollFd::new(up.as_fd(), PollFlags::POLLIN)];
                // Ended by a packet, a hang-up, the moment, or a signal.
                let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(pause)), None);
                up.receive(buffer)
            }
        };
        self.slot.set_idle(false);
        if due_ns.is_some_and(|due_ns| due_ns <= now_ns()) {
            self.announce();
            self.flush();
        }
        taken
    }

    /// When something is to be done although nothing comes in; `None` nearly always.
    fn due_ns(&self) -> Option<u64> {
        let unheard = !self.slot.is_heard(self.epoch, self.seat);
        let announce = unheard.then_some(self.announced_ns + ANNOUNCE_NS);
        announce.into_iter().chain(self.up.as_ref().and_then(Link::due_ns)).min()
    }

    /// Says again that it can be reached, as long as that was not heard.
    fn announce(&mut self) {
        let now = now_ns();
        if self.slot.is_heard(self.epoch, self.seat) || now < self.announced_ns + ANNOUNCE_NS {
            return;
        }
        self.announced_ns = now;
        if let Some(up) = &mut self.up {
            Attached { agent: self.me, epoch: self.epoch, parent: self.seat.agent, at_ns: now }.put(up);
        }
    }
}
