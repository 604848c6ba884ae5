//! The table: one block of shared memory, made before the first fork, that every process of the swarm sees.
//!
//! It is the swarm's only shared truth: who lives in which epoch, who reports to whom, who leads, and what each
//! worker has executed. All of it is atomics; nothing in it is ever locked, so that a process killed at any
//! instruction leaves it whole.

mod kept;
mod place;
mod record;
mod slot;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags};

pub(crate) use kept::TableError;
pub(crate) use place::{GATEWAY, Place};
pub(crate) use record::Record;
pub(crate) use slot::{Slot, State};

/// What belongs to no agent.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Head {
    leader: AtomicU64,
    /// Answers refused because their sender's epoch was over.
    pub(crate) refused_stale: AtomicU64,
    /// Tasks that found no way to their worker; they are sent again once it is attached.
    pub(crate) unrouted: AtomicU64,
    /// Agents started, all epochs together.
    pub(crate) spawned: AtomicU64,
    /// Forks that failed and were tried again.
    pub(crate) spawn_retries: AtomicU64,
    /// How often a connection could not be taken for want of a descriptor.
    pub(crate) exhausted_descriptors: AtomicU64,
    /// How often work had to wait for want of memory, processes or descriptors.
    pub(crate) exhausted_work: AtomicU64,
    /// Leases that ran out for want of CPU time only, and were extended.
    pub(crate) leases_extended: AtomicU64,
    /// Executions in epochs that are over.
    pub(crate) effects_past: AtomicU64,
    /// How the table is laid out, for who finds it in a file.
    layout: kept::Layout,
}

/// The table, as a process sees it. Copies are the same table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    head: &'static Head,
    slots: &'static [Slot],
    records: &'static [Record],
    per_worker: usize,
    first_worker: u32,
}

impl Table {
    /// A zeroed table for `agents`, of which those from `first_worker` on are workers that each remember
    /// their last `inbox` tasks. It lives as long as the processes that map it.
    pub(crate) fn new(agents: u32, first_worker: u32, inbox: u32) -> nix::Result<Self> {
        let extent = Extent::new(agents, first_worker, inbox);
        Ok(extent.view(map_shared(extent.bytes())?))
    }

    pub(crate) fn head(self) -> &'static Head {
        self.head
    }

    pub(crate) fn slot(self, agent: u32) -> &'static Slot {
        &self.slots[agent as usize]
    }

    pub(crate) fn agents(self) -> u32 {
        self.slots.len() as u32
    }

    /// Who leads, in which epoch of its own, and in which term.
    pub(crate) fn leader(self) -> Place {
        Place::from_bits(self.head.leader.load(Ordering::SeqCst))
    }

    pub(crate) fn set_leader(self, leader: Place) {
        self.head.leader.store(leader.bits(), Ordering::SeqCst);
    }

    /// Makes `agent` the leader if the place is still held by `before`, which must be over. The new place, or
    /// `None` if another was faster.
    pub(crate) fn take_lead(self, before: Place, agent: u32, epoch: u32) -> Option<Place> {
        let next = Place { agent, epoch, turn: before.turn + 1 };
        self.head
            .leader
            .compare_exchange(before.bits(), next.bits(), Ordering::SeqCst, Ordering::SeqCst)
            .ok()
            .map(|_| next)
    }

    /// Whether the process that holds a place may still act for it.
    pub(crate) fn holds(self, place: Place) -> bool {
        place.agent == GATEWAY || self.slot(place.agent).epoch() == place.epoch
    }

    /// The records of one worker.
    pub(crate) fn records(self, worker: u32) -> &'static [Record] {
        let start = (worker - self.first_worker) as usize * self.per_worker;
        &self.records[start..start + self.per_worker]
    }

    /// How many tasks of a worker may be open at a time, from the first to the last of their numbers: so many
    /// it remembers.
    pub(crate) fn window(self) -> u32 {
        self.per_worker as u32
    }

    fn record_of(self, worker: u32, number: u32) -> &'static Record {
        &self.records(worker)[number as usize % self.per_worker]
    }

    /// Writes down that a worker has executed its task with this number: its effect. Returns the number of the
    /// execution.
    pub(crate) fn record(self, worker: u32, epoch: u32, number: u32, token: u64, digest: u32) -> u64 {
        let slot = self.slot(worker);
        let seq = slot.executed() + 1;
        self.record_of(worker, number).write(token, digest, seq, epoch);
        slot.commit(seq);
        seq
    }

    /// What a worker remembers of a task that it executed in this epoch: the number of the execution and the
    /// digest. It remembers every task whose number is less than a window behind the latest.
    pub(crate) fn recorded(self, worker: u32, epoch: u32, number: u32, token: u64) -> Option<(u64, u32)> {
        let (seq, digest) = self.record_of(worker, number).read(token, epoch)?;
        (seq <= self.slot(worker).executed()).then_some((seq, digest))
    }
}

/// How large the parts of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    agents: usize,
    first_worker: u32,
    per_worker: usize,
}

impl Extent {
    fn new(agents: u32, first_worker: u32, inbox: u32) -> Self {
        let per_worker = (inbox as usize).next_power_of_two().max(64);
        Self { agents: agents as usize, first_worker, per_worker }
    }

    fn records(self) -> usize {
        (self.agents - self.first_worker as usize) * self.per_worker
    }

    fn bytes(self) -> usize {
        size_of::<Head>() + self.agents * size_of::<Slot>() + self.records() * size_of::<Record>()
    }

    /// The table in a mapping of so many bytes.
    fn view(self, base: std::ptr::NonNull<std::ffi::c_void>) -> Table {
        let slots_at = size_of::<Head>();
        let records_at = slots_at + self.agents * size_of::<Slot>();
        #[expect(unsafe_code, reason = "typed views of a mapping")]
        // SAFETY: the mapping is never unmapped, page-aligned and large enough for the three parts, each of which
        // starts at a multiple of its alignment; all fields are atomics, for which any bits are valid and which
        // may be shared.
        let (head, slots, records) = unsafe {
            let base = base.as_ptr().cast::<u8>();
            (
                &*base.cast::<Head>(),
                std::slice::from_raw_parts(base.add(slots_at).cast::<Slot>(), self.agents),
                std::slice::from_raw_parts(base.add(records_at).cast::<Record>(), self.records()),
            )
        };
        Table { head, slots, records, per_worker: self.per_worker, first_worker: self.first_worker }
    }
}

/// Zeroed memory that forked processes share, for as long as they live.
pub(crate) fn map_shared(bytes: usize) -> nix::Result<std::ptr::NonNull<std::ffi::c_void>> {
    let bytes = NonZeroUsize::new(bytes).expect("the head alone has a size");
    #[expect(unsafe_code, reason = "there is no other way to share memory with forked processes")]
    // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
    unsafe {
        nix::sys::mman::mmap_anonymous(
            None,
            bytes,
            ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
            MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_worker_remembers_its_last_tasks_and_forgets_older_ones() {
        let table = Table::new(3, 1, 64).unwrap();
        for number in 0..100 {
            let token = u64::from(number) + 500;
            assert_eq!(table.record(2, 1, number, token, number + 1), u64::from(number) + 1);
        }
        assert_eq!(table.recorded(2, 1, 99, 599), Some((100, 100)));
        assert_eq!(table.recorded(2, 1, 36, 536), Some((37, 37)));
        assert_eq!(table.recorded(2, 1, 35, 535), None);
        assert_eq!(table.recorded(2, 2, 99, 599), None, "in its next life it has executed nothing");
        assert_eq!(table.recorded(1, 1, 99, 599), None, "the other worker has executed nothing");
    }

    #[test]
    fn an_execution_that_was_not_committed_does_not_count() {
        let table = Table::new(2, 1, 64).unwrap();
        table.records(1)[1].write(7, 7, 1, 1);
        assert_eq!(table.recorded(1, 1, 1, 7), None);
    }

    #[test]
    fn only_one_of_two_takes_the_lead() {
        let table = Table::new(4, 3, 64).unwrap();
        let before = Place { agent: 0, epoch: 1, turn: 1 };
        table.set_leader(before);
        assert_eq!(table.take_lead(before, 1, 1), Some(Place { agent: 1, epoch: 1, turn: 2 }));
        assert_eq!(table.take_lead(before, 2, 1), None);
        assert_eq!(table.leader().agent, 1);
    }

    proptest! {
        #[test]
        fn a_place_survives_its_word(agent in 0u32..65_536, epoch in 0u32..1 << 24, turn in 0u32..1 << 24) {
            let agent = if agent == 65_535 { GATEWAY } else { agent };
            let place = Place { agent, epoch, turn };
            prop_assert_eq!(Place::from_bits(place.bits()), place);
        }
    }
}
