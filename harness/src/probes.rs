//! Reads from the kernel what the processes of a run use.
//!
//! The cheap set (resident and private memory, descriptors, threads, CPU time) is read of every process at
//! every tick: two small files, one `stat` and one clock a process, into buffers that are kept. Proportional memory
//! makes the kernel walk the page tables and is read in slow ticks only, of at most [`PSS_PER_GROUP`]
//! processes of each group, in turn.
//!
//! *Private* memory is what `statm` counts as resident less what it counts as shared: the anonymous pages,
//! `RssAnon` of `status` at a third of its price. It is what a process cannot share or get back from a file,
//! so pages that the kernel drops and reads again do not move it, as they do the resident memory. What is swapped out
//! is held as well and belongs to it: `VmSwap` of `status`, which is read while the host has any swap in use.
//!
//! A process that is gone is told as vanished and has no reading: never zero.

mod group;
mod host;
mod process;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use evidence::sample::{Group, Mark, Process, Sample};

use group::{GROUPS, Sums, slot};
use host::HostReader;
use process::{ProcessReader, Reading};

pub use evidence::sample::PSS_PER_GROUP;

/// A process to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId {
    /// Whom it belongs to.
    pub group: Group,
    /// The agent's number; `None` for processes that are no agents.
    pub agent: Option<u32>,
    /// Which of the agent's lives.
    pub epoch: Option<u32>,
    /// Its process id; 0 for an agent without a process of its own, which is passed over.
    pub pid: u32,
    /// Its start time, as `chaos::process::Identity` has it.
    pub starttime: u64,
}

/// What was read at one time.
#[derive(Debug)]
pub struct Tick {
    /// One row for each group that has or had a process, for the harness and for the host.
    pub samples: Vec<Sample>,
    /// One row for each process, in slow ticks and those with a mark.
    pub processes: Vec<Process>,
    /// Process ids of the members that are not there: gone, zombies, or taken by another process.
    pub vanished: Vec<u32>,
    /// How long the reading took.
    pub took: Duration,
}

/// Reads processes again and again, with the memory of what it read before.
#[derive(Debug)]
pub struct Sampler {
    reader: ProcessReader,
    host: HostReader,
    own: ProcessId,
    /// What each process had used at its last reading, and when that was.
    last: HashMap<(u32, u64), (Used, u64)>,
    /// What each group has used since the start, the dead included.
    used: [Used; GROUPS],
    /// Groups that have had a process.
    seen: [bool; GROUPS],
    /// Which members of each group are next to have their proportional memory read.
    turn: [usize; GROUPS],
    number: u64,
}

/// What only ever grows while a process lives.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    cpu_ns: u64,
    major_faults: u64,
}

impl Used {
    fn of(reading: &Reading) -> Self {
        Self { cpu_ns: reading.cpu_ns, major_faults: reading.major_faults }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler {
    /// A sampler for a run that starts now: CPU time of the harness and of the host counts from here.
    #[must_use]
    pub fn new() -> Self {
        let pid = std::process::id();
        let starttime = chaos::process::Identity::own().map_or(0, |own| own.starttime);
        let own = ProcessId { group: Group::Harness, agent: None, epoch: None, pid, starttime };
        let mut sampler = Self {
            reader: ProcessReader::new(),
            host: HostReader::new(),
            own,
            last: HashMap::new(),
            used: [Used::default(); GROUPS],
            seen: [false; GROUPS],
            turn: [0; GROUPS],
            number: 0,
        };
        sampler.seen[slot(Group::Harness)] = true;
        if let Some(reading) = sampler.reader.read(pid, starttime, false) {
            sampler.last.insert((pid, starttime), (Used::of(&reading), 0));
        }
        sampler
    }

    /// Reads the members, the harness and the host. `zero_ns` is `CLOCK_MONOTONIC` at the start of the run;
    /// rows carry the time at which the reading ended. `slow` asks for proportional memory and for rows of
    /// single processes, a `mark` for rows that carry it.
    pub fn tick(&mut self, zero_ns: u64, members: &[ProcessId], slow: bool, mark: Option<Mark>) -> Tick {
        let begun = Instant::now();
        self.number += 1;
        let mut sums = [Sums::default(); GROUPS];
        let mut pss = PssTurns::new(members, &mut self.turn, slow);
        let mut processes = Vec::new();
        let mut vanished = Vec::new();
        let rows = slow || mark.is_some();
        let own = self.own;
        let host = self.host.read();
        for member in members.iter().chain([&own]).filter(|member| member.pid != 0) {
            self.seen[slot(member.group)] = true;
            let Some(mut reading) = self.reader.read(member.pid, member.starttime, host.is_swapping()) else {
                vanished.push(member.pid);
                continue;
            };
            if pss.is_next(member.group) {
                reading.pss = self.reader.pss(member.pid);
            }
            self.count_used(member, &reading);
            sums[slot(member.group)].add(&reading);
            if rows {
                processes.push(row(member, &reading, mark.unwrap_or(Mark::Tick)));
            }
        }
        self.last.retain(|_, (_, number)| *number == self.number);
        let at_ns = crate::clock::since(chaos::clock::monotonic_ns(), zero_ns);
        processes.iter_mut().for_each(|process| process.at_ns = at_ns);
        let mut samples = self.samples(at_ns, &sums);
        samples.push(host.sample(at_ns, self.reader.tick_ns()));
        Tick { samples, processes, vanished, took: begun.elapsed() }
    }

    /// Adds what the process has used since its last reading to its group, so that what the dead have used
    /// stays counted and a process that changes its group takes nothing along.
    fn count_used(&mut self, member: &ProcessId, reading: &Reading) {
        let last = self.last.entry((member.pid, member.starttime)).or_default();
        let now = Used::of(reading);
        let group = &mut self.used[slot(member.group)];
        group.cpu_ns += now.cpu_ns.saturating_sub(last.0.cpu_ns);
        group.major_faults += now.major_faults.saturating_sub(last.0.major_faults);
        *last = (now, self.number);
    }

    fn samples(&self, at_ns: u64, sums: &[Sums; GROUPS]) -> Vec<Sample> {
        group::ALL
            .iter()
            .filter(|group| self.seen[slot(**group)])
            .map(|group| {
                let used = self.used[slot(*group)];
                sums[slot(*group)].sample(at_ns, *group, used.cpu_ns, used.major_faults)
            })
            .collect()
    }
}

fn row(member: &ProcessId, reading: &Reading, mark: Mark) -> Process {
    Process {
        at_ns: 0,
        mark,
        group: member.group,
        agent: member.agent,
        epoch: member.epoch,
        pid: member.pid,
        rss: reading.rss,
        private: reading.private,
        pss: reading.pss,
        descriptors: reading.descriptors,
        threads: Some(reading.threads),
        cpu_ns: Some(reading.cpu_ns),
    }
}

/// Whose proportional memory is read in this tick.
struct PssTurns {
    slow: bool,
    /// For each group: the place of its next member, where its turn begins, how many it has.
    groups: [(usize, usize, usize); GROUPS],
}

impl PssTurns {
    fn new(members: &[ProcessId], turn: &mut [usize; GROUPS], slow: bool) -> Self {
        let mut groups = [(0, 0, 0); GROUPS];
        if slow {
            groups[slot(Group::Harness)].2 = 1;
            members.iter().filter(|m| m.pid != 0).for_each(|member| groups[slot(member.group)].2 += 1);
            for (group, turn) in groups.iter_mut().zip(turn) {
                let size = group.2;
                group.1 = if size > PSS_PER_GROUP { *turn % size } else { 0 };
                *turn = group.1 + PSS_PER_GROUP;
            }
        }
        Self { slow, groups }
    }

    fn is_next(&mut self, group: Group) -> bool {
        let (place, begin, size) = &mut self.groups[slot(group)];
        let at = *place;
        *place += 1;
        // Distance from where the turn begins, around the end.
        self.slow && (at + *size - *begin) % (*size).max(1) < PSS_PER_GROUP
    }
}

#[cfg(test)]
mod tests;
