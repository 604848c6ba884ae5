//! Which fault of the plan explains what happens.

use std::collections::BTreeSet;

use crate::dispatcher::state::State;

/// How long after a fault was over the target may still recover from it, where its recovery was not seen yet, in
/// nanoseconds.
const SETTLES_WITHIN_NS: u64 = 60_000_000_000;

impl State {
    /// The fault that explains what happened at any time since then: one that is in effect, or was over since, or
    /// from which the target has not been seen to recover and which was over not long before.
    pub(in crate::dispatcher) fn excuse(&self, since_ns: u64) -> Option<usize> {
        if let Some(fault) = self.faults.in_effect().last() {
            return Some(fault);
        }
        let (fault, over_ns) = self.faults.last_over()?;
        let settles = self.faults.is_watched(fault) && over_ns + SETTLES_WITHIN_NS >= since_ns;
        (over_ns >= since_ns || settles).then_some(fault)
    }

    /// The workers to which something is done by the faults in effect; `None` if that is all of them.
    pub(in crate::dispatcher) fn touched_workers(&self) -> Option<BTreeSet<u32>> {
        let mut workers = BTreeSet::new();
        for fault in self.faults.in_effect() {
            self.plan.faults[fault].victims.as_ref()?;
            workers.extend(self.members.workers_under(self.faults.victims_of(fault)));
        }
        Some(workers)
    }
}
