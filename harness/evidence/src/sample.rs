//! `samples.csv` and `processes.csv`: what was read from the kernel at each tick.
//!
//! A value that could not be read is absent, never zero. A process that has died has no row; its death is an
//! event.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::role::Role;
use crate::{EvidenceError, layout, table};

/// Processes of one group whose proportional memory is read in one slow tick, at most: the kernel walks the page tables
/// for it.
pub const PSS_PER_GROUP: usize = 256;

/// Whom a sample speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The master, or all masters.
    Master,
    /// All coordinators.
    Coordinator,
    /// All workers.
    Worker,
    /// Processes of the target that are not agents.
    Support,
    /// The harness itself.
    Harness,
    /// The host.
    Host,
}

impl From<Role> for Group {
    fn from(role: Role) -> Self {
        match role {
            Role::Master => Self::Master,
            Role::Coordinator => Self::Coordinator,
            Role::Worker => Self::Worker,
        }
    }
}

/// One group at one tick. Memory is in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the tick's reading ended, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// Whom it speaks of.
    pub group: Group,
    /// Processes read.
    pub processes: u32,
    /// Resident memory of all.
    pub rss_sum: Option<u64>,
    /// Resident memory of the largest.
    pub rss_max: Option<u64>,
    /// Private (anonymous) memory of all, what of it is swapped out included.
    pub private_sum: Option<u64>,
    /// Private memory of the largest.
    pub private_max: Option<u64>,
    /// Proportional memory of those of which it was read in this tick.
    pub pss_sum: Option<u64>,
    /// Proportional memory of the largest of those.
    pub pss_max: Option<u64>,
    /// Of how many it was read.
    pub pss_processes: Option<u32>,
    /// Open descriptors of all.
    pub descriptors_sum: Option<u64>,
    /// Open descriptors of the process that has most.
    pub descriptors_max: Option<u64>,
    /// Threads of all.
    pub threads_sum: Option<u64>,
    /// Threads of the process that has most.
    pub threads_max: Option<u64>,
    /// CPU time used by the group since the start of the run, processes that have died included up to their
    /// last reading; for the host, of all its processes.
    pub cpu_ns: Option<u64>,
    /// Major page faults of the group since the start of the run, counted like the CPU time: pages that were
    /// touched and had to be read from a disk. Where they rise, resident memory is the kernel's doing.
    #[serde(default)]
    pub major_faults: Option<u64>,
    /// Private memory of all that was swapped out; for the host, swap in use. In a run whose manifest does not say
    /// `counts_swap`, what was swapped out of those of which proportional memory was read in this tick.
    #[serde(default)]
    pub swap: Option<u64>,
    /// Host only: memory available without swapping.
    pub available: Option<u64>,
    /// Host only: load average of one minute.
    pub load: Option<f64>,
    /// Ticks that the row stands for: 1, but in the tiers of a long run.
    #[serde(default = "one")]
    pub ticks: u32,
}

fn one() -> u32 {
    1
}

/// Why a process was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It was its turn.
    Tick,
    /// The warm-up had ended: what later readings are compared with.
    Baseline,
    /// The target was at rest in the middle of a run: what a task holds should have been given back.
    Quiesced,
    /// The drain had ended: everything taken should have been given back.
    Drained,
}

/// One process at one reading. Memory is in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// When, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// Why.
    pub mark: Mark,
    /// Whom it belongs to.
    pub group: Group,
    /// The agent's number; absent for processes that are no agents.
    pub agent: Option<u32>,
    /// Which of the agent's lives.
    pub epoch: Option<u32>,
    /// Its process id.
    pub pid: u32,
    /// Resident memory.
    pub rss: Option<u64>,
    /// Private (anonymous) memory, what of it is swapped out included.
    pub private: Option<u64>,
    /// Proportional memory, where it was read.
    pub pss: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// CPU time since its start.
    pub cpu_ns: Option<u64>,
}

/// Appends to `samples.csv`.
pub type SampleWriter = table::Writer<Sample>;
/// Appends to `processes.csv`.
pub type ProcessWriter = table::Writer<Process>;

/// All samples of a run.
///
/// # Errors
/// If the file cannot be read or a row is not one.
pub fn samples(run: &Path) -> Result<Vec<Sample>, EvidenceError> {
    table::read(&layout::SAMPLES.within(run))
}

/// All process readings of a run.
///
/// # Errors
/// If the file cannot be read or a row is not one.
pub fn processes(run: &Path) -> Result<Vec<Process>, EvidenceError> {
    table::read(&layout::PROCESSES.within(run))
}

impl Sample {
    /// A sample of this group with nothing read yet.
    #[must_use]
    pub fn empty(at_ns: u64, group: Group) -> Self {
        Self {
            at_ns,
            group,
            processes: 0,
            rss_sum: None,
            rss_max: None,
            private_sum: None,
            private_max: None,
            pss_sum: None,
            pss_max: None,
            pss_processes: None,
            descriptors_sum: None,
            descriptors_max: None,
            threads_sum: None,
            threads_max: None,
            cpu_ns: None,
            major_faults: None,
            swap: None,
            available: None,
            load: None,
            ticks: 1,
        }
    }
}
