//! What makes a run a long one: how it survives, what it watches, when it may end early.

use evidence::gate::Limit;
use evidence::role::Role;
use evidence::unit::Unit;
use serde::{Deserialize, Serialize};

/// What a long run needs beside its timeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Soak {
    /// The time for which the run is to certify its target, to which drift is projected; `None`: the length of
    /// the load.
    pub horizon_ns: Option<u64>,
    /// Points at which the target comes to rest and is read.
    pub quiesce: Option<Quiesce>,
    /// What becomes of the target when the harness dies.
    pub on_harness_death: OnHarnessDeath,
    /// The most that the run directory may hold, in bytes; when it is spent the run ends cleanly.
    pub disk_bytes: Option<u64>,
    /// Whether and how the run may end before its time.
    pub end_early: Option<EndEarly>,
    /// Live thresholds.
    pub alerts: Vec<Alert>,
    /// Whom to tell of alerts and incidents, beside the terminal and the evidence.
    pub notify: Notify,
}

/// What becomes of the target when the harness dies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnHarnessDeath {
    /// It is ended, like every process of the run.
    #[default]
    Stop,
    /// Faults are undone and it goes on, without load, until the run is resumed or healed.
    Keep,
}

/// Points at which no work is given out until the target has come to rest, and its processes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiesce {
    /// From one point to the next, from the beginning of the hold phase.
    pub every_ns: u64,
    /// The longest time to wait until nothing is open, and as long at rest before the reading, at most.
    pub within_ns: u64,
}

/// A run that may end before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndEarly {
    /// How often the evidence is judged while the run goes on, evenly over the hold phase; each look is paid
    /// for by wider intervals.
    pub looks: u32,
}

/// A live threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Its name: its text.
    pub id: String,
    /// What is watched.
    pub metric: Live,
    /// Of which role; of every process of the target where absent.
    pub role: Option<Role>,
    /// Outside this limit is an alert.
    pub limit: Limit,
    /// It must be outside for so long.
    pub for_ns: u64,
}

/// What can be watched while a run goes on. Each has a name in scenario files and a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Live {
    /// Private memory of the largest process.
    #[serde(rename = "memory.private")]
    Memory,
    /// Growth of the private memory per process since the warm-up, as a share of it per hour, over the last
    /// hour or what there is.
    #[serde(rename = "memory.growth")]
    MemoryGrowth,
    /// Open descriptors of the process that has most.
    #[serde(rename = "descriptors")]
    Descriptors,
    /// Open descriptors per process beyond those after the warm-up.
    #[serde(rename = "descriptors.growth")]
    DescriptorsGrowth,
    /// Threads of the process that has most.
    #[serde(rename = "threads")]
    Threads,
    /// Tasks answered in time as a share of those due, over the last interval.
    #[serde(rename = "delivery.rate")]
    Delivery,
    /// Tasks not answered in time as a share of those due, over the last interval.
    #[serde(rename = "error.rate")]
    Errors,
    /// Time of the slowest round of the last interval.
    #[serde(rename = "round.time")]
    RoundTime,
    /// Agents that crashed since the start of the run.
    #[serde(rename = "agents.crashed")]
    Crashed,
    /// Bytes free where the run is kept.
    #[serde(rename = "disk.free")]
    DiskFree,
    /// Memory of the host that is available.
    #[serde(rename = "host.available")]
    Available,
}

/// What a scenario must have so that something can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// Nothing.
    Nothing,
    /// Rounds or single tasks.
    Work,
    /// Rounds.
    Rounds,
}

impl Live {
    /// Everything that can be watched, in the order in which the reference shows it.
    pub const ALL: [Self; 11] = [
        Self::Memory,
        Self::MemoryGrowth,
        Self::Descriptors,
        Self::DescriptorsGrowth,
        Self::Threads,
        Self::Delivery,
        Self::Errors,
        Self::RoundTime,
        Self::Crashed,
        Self::DiskFree,
        Self::Available,
    ];

    /// Its name in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory.private",
            Self::MemoryGrowth => "memory.growth",
            Self::Descriptors => "descriptors",
            Self::DescriptorsGrowth => "descriptors.growth",
            Self::Threads => "threads",
            Self::Delivery => "delivery.rate",
            Self::Errors => "error.rate",
            Self::RoundTime => "round.time",
            Self::Crashed => "agents.crashed",
            Self::DiskFree => "disk.free",
            Self::Available => "host.available",
        }
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Memory | Self::DiskFree | Self::Available => Unit::Bytes,
            Self::MemoryGrowth => Unit::RatioPerHour,
            Self::Descriptors | Self::DescriptorsGrowth | Self::Threads | Self::Crashed => Unit::Count,
            Self::Delivery | Self::Errors => Unit::Ratio,
            Self::RoundTime => Unit::Seconds,
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Memory => "private memory of the largest process",
            Self::MemoryGrowth => {
                "growth of the private memory per process since the warm-up, as a share of it per hour, over the last hour or what there is"
            }
            Self::Descriptors => "open descriptors of the process that has most",
            Self::DescriptorsGrowth => "open descriptors per process beyond those after the warm-up",
            Self::Threads => "threads of the process that has most",
            Self::Delivery => "tasks answered in time as a share of those due, over the last interval",
            Self::Errors => "tasks not answered in time as a share of those due, over the last interval",
            Self::RoundTime => "the slowest round of the last interval",
            Self::Crashed => "agents that crashed since the start of the run",
            Self::DiskFree => "bytes free where the run is kept",
            Self::Available => "memory of the host that is available",
        }
    }

    /// Whether it can be narrowed to a role: a number of processes.
    #[must_use]
    pub fn has_roles(self) -> bool {
        matches!(
            self,
            Self::Memory | Self::MemoryGrowth | Self::Descriptors | Self::DescriptorsGrowth | Self::Threads
        )
    }

    /// What the scenario must have so that it can be watched.
    #[must_use]
    pub fn needs(self) -> Needed {
        match self {
            Self::Delivery | Self::Errors => Needed::Work,
            Self::RoundTime => Needed::Rounds,
            _ => Needed::Nothing,
        }
    }
}

/// Whom to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// A program with its arguments, which is given the alert as one line of JSON on its standard input.
    pub command: Option<Vec<String>>,
    /// `http://127.0.0.1:PORT/PATH`, to which the same line is posted.
    pub webhook: Option<String>,
}
