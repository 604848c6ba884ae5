//! Which fault ended which process.

use std::collections::HashMap;

use scenarios::plan::FaultKind;

/// How long after a fault was undone the end of a process may still be its work, in nanoseconds: what was
/// ended just before is told a little later.
const AFTERWARDS_NS: u64 = 2_000_000_000;

/// Processes that a fault was done to, and until when their end is its work.
#[derive(Debug, Default)]
pub(in crate::dispatcher) struct Causes(HashMap<u32, (usize, u64)>);

/// Whether a process that this is done to may end by it. One that merely lacks something, such as descriptors
/// or room, must go on and say so: if it ends, it has crashed. Who is refused memory may have no other way out.
pub(super) fn may_end(kind: &FaultKind) -> bool {
    use FaultKind as K;
    match kind {
        K::Kill { .. }
        | K::Pause {}
        | K::Freeze {}
        | K::Slow { .. }
        | K::MemoryLimit { .. }
        | K::OutOfMemory { .. }
        | K::MemoryStall { .. }
        | K::Partition { .. }
        | K::NetworkPartition { .. }
        | K::Restart {} => true,
        K::Signals { .. }
        | K::MemoryHog { .. }
        | K::Descriptors { .. }
        | K::Processes { .. }
        | K::CpuPin { .. }
        | K::CpuHog { .. }
        | K::CpuQuota { .. }
        | K::DiskFull { .. }
        | K::InodesFull { .. }
        | K::ReadOnly {}
        | K::FileSize { .. }
        | K::FileErrors { .. }
        | K::FileDelay { .. }
        | K::BusDrop { .. }
        | K::BusDelay { .. }
        | K::BusDuplicate { .. }
        | K::BusReorder { .. }
        | K::BusCorrupt { .. }
        | K::Flood { .. }
        | K::NetworkDelay { .. }
        | K::NetworkLoss { .. }
        | K::NetworkRate { .. }
        | K::ConnectionKill { .. }
        | K::Clock { .. } => false,
    }
}

impl Causes {
    /// From now on, the end of this process is the work of this fault.
    pub(super) fn blame(&mut self, fault: usize, pid: u32) {
        self.0.insert(pid, (fault, u64::MAX));
    }

    /// The fault that ended a process at this time.
    pub(in crate::dispatcher) fn take(&mut self, pid: u32, at_ns: u64) -> Option<usize> {
        let (fault, until_ns) = self.0.remove(&pid)?;
        (at_ns <= until_ns).then_some(fault)
    }

    /// The fault was undone at this time.
    pub(super) fn over(&mut self, fault: usize, at_ns: u64) {
        self.0.retain(|_, (of, until_ns)| *of == fault || *until_ns >= at_ns);
        for (_, until_ns) in self.0.values_mut().filter(|(of, _)| *of == fault) {
            *until_ns = at_ns + AFTERWARDS_NS;
        }
    }

    /// The fault was not applied.
    pub(super) fn forget(&mut self, fault: usize) {
        self.0.retain(|_, (of, _)| *of != fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_victim_is_the_faults_work_until_shortly_after_it_was_undone() {
        let mut causes = Causes::default();
        for pid in [1, 2, 3] {
            causes.blame(7, pid);
        }
        assert_eq!(causes.take(1, u64::MAX), Some(7));
        causes.over(7, 1_000);
        assert_eq!(causes.take(2, 1_000 + AFTERWARDS_NS), Some(7));
        assert_eq!(causes.take(3, 1_001 + AFTERWARDS_NS), None);
        assert_eq!(causes.take(4, 0), None);
    }
}
