//! Tasks are sent again while their worker lives, if they or their answers seem to have been lost on the way.

use std::collections::HashMap;

use super::running::Running;
use crate::process::{Vitals, vitals};
use crate::table::{GATEWAY, Table};

/// How often it is looked for overdue tasks, while there are any open ones, in nanoseconds.
const LOOK_NS: u64 = 50_000_000;
/// A task is not overdue before this, in nanoseconds.
const LEAST_NS: u64 = 100_000_000;
/// Or after this.
const MOST_NS: u64 = 5_000_000_000;
/// With more bytes than this waiting for the leader, nothing is sent a second time.
const MUCH_WAITS: usize = 1 << 20;

/// What is known of the time that messages take.
#[derive(Debug, Default)]
pub(super) struct Resend {
    /// On the way to a worker and back, smoothed, and its mean deviation; in nanoseconds.
    way_ns: u64,
    deviation_ns: u64,
    next_look_ns: u64,
    /// For each worker how much it had executed at the last look.
    executed: Vec<u64>,
}

impl Resend {
    /// An answer has come: so long it and its task were under way.
    pub(super) fn heard(&mut self, way_ns: u64) {
        let off_ns = way_ns.abs_diff(self.way_ns);
        self.deviation_ns = self.deviation_ns - self.deviation_ns / 4 + off_ns / 4;
        self.way_ns = self.way_ns - self.way_ns / 8 + way_ns / 8;
    }

    /// How long to wait for an answer of a worker that has nothing else to do.
    fn patience_ns(&self) -> u64 {
        (2 * self.way_ns + 4 * self.deviation_ns).clamp(LEAST_NS, MOST_NS)
    }

    /// When to look next; `None` if there is nothing to look for.
    pub(super) fn next_ns(&self, nothing_open: bool) -> Option<u64> {
        (!nothing_open).then_some(self.next_look_ns)
    }
}

impl Running {
    /// Sends again what is overdue, and for the first time what had to wait.
    pub(super) fn send_overdue(&mut self, now: u64) {
        if self.is_idle() || now < self.resend.next_look_ns {
            return;
        }
        self.resend.next_look_ns = now + LOOK_NS;
        let patience_ns = self.resend.patience_ns();
        let workers = self.swarm.config.shape.workers();
        self.resend.executed.resize(workers.len(), 0);
        let mut seen = HashMap::new();
        let held = self.held_bytes() > MUCH_WAITS;
        for (place, worker) in workers.enumerate() {
            if self.book.open(worker) == 0 || held {
                continue;
            }
            let slot = self.swarm.table.slot(worker);
            let executed = slot.executed();
            let before = std::mem::replace(&mut self.resend.executed[place], executed);
            let idle = slot.is_idle() && executed == before;
            let table = self.swarm.table;
            let starved = || is_starved(table, worker, &mut seen);
            for token in self.book.overdue(worker, now, patience_ns, idle, starved) {
                self.dispatch(token, now);
            }
        }
    }
}

/// Whether a worker, or any of those that lead to it, wants to run and does not get to; `seen` holds what was found
/// already in this look.
fn is_starved(table: Table, worker: u32, seen: &mut HashMap<u32, bool>) -> bool {
    let mut at = worker;
    for _ in 0..4 {
        let runs = || vitals(table.slot(at).pid()) == Vitals::Running;
        if *seen.entry(at).or_insert_with(runs) {
            return true;
        }
        at = table.slot(at).parent().agent;
        if at == GATEWAY {
            break;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_follows_the_time_that_messages_take_within_limits() {
        let mut resend = Resend::default();
        assert_eq!(resend.patience_ns(), LEAST_NS);
        for _ in 0..100 {
            resend.heard(400_000_000);
        }
        assert!((750_000_000..1_000_000_000).contains(&resend.patience_ns()), "{}", resend.patience_ns());
        for _ in 0..100 {
            resend.heard(60_000_000_000);
        }
        assert_eq!(resend.patience_ns(), MOST_NS);
    }
}
