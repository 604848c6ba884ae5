//! What a fault does: every kind as data, who carries it out and what must be seen of it.

use evidence::event::Level;
use serde::{Deserialize, Serialize};

/// What is done. Rates are out of a million. Catalogue numbers and mechanisms: `docs/reference/faults.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Ends processes. With a length, each successor is ended as well for that long (a crash loop).
    Kill {
        /// With which signal.
        signal: Signal,
        /// How long it may take to end by itself before SIGKILL follows; `None`: nothing follows.
        then_kill_ns: Option<u64>,
    },
    /// Stops processes (SIGSTOP).
    Pause {},
    /// Freezes processes as one group (cgroup freezer).
    Freeze {},
    /// Stops and continues processes in turn, so that they are slow.
    Slow {
        /// The share of the time in which they are stopped.
        stopped_percent: u32,
        /// Stopped and running together.
        period_ns: u64,
    },
    /// Sends signals that interrupt system calls and end nobody who handles or ignores them.
    Signals {
        /// Which.
        signal: StormSignal,
        /// How many a second to each.
        per_second: u32,
    },
    /// Caps the data segment (soft `RLIMIT_DATA`): what it has now and so much more.
    MemoryLimit {
        /// Bytes beyond the present.
        headroom: u64,
    },
    /// Puts processes into a memory cgroup, each into its own, and fills it until the kernel ends them.
    OutOfMemory {
        /// The limit of the cgroup, in bytes.
        limit: u64,
    },
    /// The same with the killer off: processes that need memory stand still (cgroup v1 only).
    MemoryStall {
        /// The limit of the cgroup, in bytes.
        limit: u64,
    },
    /// Takes memory of the host.
    MemoryHog {
        /// How much, in bytes.
        bytes: u64,
        /// What is left available on the host in any case, in bytes.
        reserve: u64,
    },
    /// Lowers the soft limit of descriptors.
    Descriptors {
        /// To this; `None`: so far that no further one can be opened.
        limit: Option<u64>,
    },
    /// Caps processes and threads of the whole target (pids cgroup) and spawns until the cap is reached.
    Processes {
        /// How many beyond the present.
        headroom: u32,
    },
    /// Lets processes run on one CPU only; without victims, the whole target.
    CpuPin {
        /// Which: its place among those that the target may use.
        cpu: u32,
    },
    /// Keeps CPUs busy with threads of our own.
    CpuHog {
        /// How many threads.
        threads: u32,
    },
    /// Caps the CPU time of processes together (cgroup); without victims, of the whole target.
    CpuQuota {
        /// Percent of one CPU.
        percent: u32,
    },
    /// Fills the bus directory.
    DiskFull {
        /// Bytes left free.
        leave: u64,
    },
    /// Uses up the inodes of the bus directory.
    InodesFull {
        /// How many are left free.
        leave: u64,
    },
    /// Makes the bus directory read-only.
    ReadOnly {},
    /// Lowers the soft limit of the size of a file.
    FileSize {
        /// In bytes.
        limit: u64,
    },
    /// Lets operations in the bus directory fail.
    FileErrors {
        /// With what.
        error: FileError,
        /// Which operations.
        operations: Vec<FileOperation>,
        /// How many of them.
        per_million: u32,
    },
    /// Lets operations in the bus directory take longer.
    FileDelay {
        /// By this much.
        delay_ns: u64,
        /// And up to this much more, drawn for each.
        jitter_ns: u64,
        /// Which operations.
        operations: Vec<FileOperation>,
    },
    /// Drops messages on the target's bus from and to the victims.
    BusDrop {
        /// How many.
        per_million: u32,
    },
    /// Delays messages on the target's bus from and to the victims.
    BusDelay {
        /// How many.
        per_million: u32,
        /// By this much.
        delay_ns: u64,
        /// And up to this much more, drawn for each.
        jitter_ns: u64,
    },
    /// Duplicates messages on the target's bus from and to the victims.
    BusDuplicate {
        /// How many.
        per_million: u32,
    },
    /// Lets messages on the target's bus from and to the victims overtake each other.
    BusReorder {
        /// How many.
        per_million: u32,
    },
    /// Changes a byte of messages on the target's bus from and to the victims.
    BusCorrupt {
        /// How many.
        per_million: u32,
    },
    /// Cuts the victims off from all others on the target's bus.
    Partition {
        /// Which messages do not pass.
        direction: Direction,
    },
    /// Sends tasks at once, or spread over its length: to each victim so many, without victims to anybody.
    Flood {
        /// How many.
        messages: u32,
        /// Bytes of payload of each.
        payload: u32,
    },
    /// Delays packets between the network namespaces of the target.
    NetworkDelay {
        /// The hosts whose packets are concerned, counted from 1; empty: all.
        hosts: Vec<u32>,
        /// By this much.
        delay_ns: u64,
        /// And up to this much more, drawn for each.
        jitter_ns: u64,
    },
    /// Loses packets between the network namespaces of the target.
    NetworkLoss {
        /// The hosts whose packets are concerned, counted from 1; empty: all.
        hosts: Vec<u32>,
        /// How many.
        per_million: u32,
    },
    /// Limits the rate between the network namespaces of the target.
    NetworkRate {
        /// The hosts whose packets are concerned, counted from 1; empty: all.
        hosts: Vec<u32>,
        /// Of each host.
        bytes_per_second: u64,
    },
    /// Cuts network namespaces of the target off from the others.
    NetworkPartition {
        /// The hosts that are cut off, counted from 1.
        hosts: Vec<u32>,
        /// Which packets do not pass.
        direction: Direction,
    },
    /// Kills every TCP connection within network namespaces of the target.
    ConnectionKill {
        /// In which hosts, counted from 1; empty: all.
        hosts: Vec<u32>,
    },
    /// Shifts the clock that agents read.
    Clock {
        /// By how much; negative is back.
        offset_ns: i64,
    },
    /// Kills the whole target and starts it anew, over the same bus directory, after the fault's length.
    Restart {},
}

/// A signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// At once.
    #[serde(rename = "SIGKILL")]
    Kill,
    /// Asking it to end by itself.
    #[serde(rename = "SIGTERM")]
    Term,
    /// As after a wrong access to memory.
    #[serde(rename = "SIGSEGV")]
    Segv,
    /// As after a failed assertion.
    #[serde(rename = "SIGABRT")]
    Abort,
}

/// A signal of which many are sent. By default SIGWINCH, SIGURG and SIGCONT are ignored by every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StormSignal {
    /// The size of the terminal has changed.
    #[serde(rename = "SIGWINCH")]
    Winch,
    /// Urgent data has come.
    #[serde(rename = "SIGURG")]
    Urg,
    /// Go on.
    #[serde(rename = "SIGCONT")]
    Cont,
    /// Ends a process that does not handle it.
    #[serde(rename = "SIGHUP")]
    Hup,
    /// Ends a process that does not handle it.
    #[serde(rename = "SIGUSR1")]
    Usr1,
}

/// Which messages or packets a partition stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Those to and from the victims.
    Both,
    /// Those from the victims only.
    From,
    /// Those to the victims only.
    To,
}

/// How an operation on a file fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FileError {
    /// The device failed.
    Eio,
    /// No room.
    Enospc,
    /// No descriptor.
    Emfile,
    /// Not allowed.
    Eacces,
}

/// An operation on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOperation {
    /// Opening and creating.
    Open,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Renaming and linking.
    Rename,
    /// Removing.
    Remove,
    /// Waiting until it is on disk.
    Sync,
}

impl FaultKind {
    /// The word for it in scenario files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill { .. } => "kill",
            Self::Pause {} => "pause",
            Self::Freeze {} => "freeze",
            Self::Slow { .. } => "slow",
            Self::Signals { .. } => "signals",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::MemoryStall { .. } => "memory_stall",
            Self::MemoryHog { .. } => "memory_hog",
            Self::Descriptors { .. } => "descriptors",
            Self::Processes { .. } => "processes",
            Self::CpuPin { .. } => "cpu_pin",
            Self::CpuHog { .. } => "cpu_hog",
            Self::CpuQuota { .. } => "cpu_quota",
            Self::DiskFull { .. } => "disk_full",
            Self::InodesFull { .. } => "inodes_full",
            Self::ReadOnly {} => "read_only",
            Self::FileSize { .. } => "file_size",
            Self::FileErrors { .. } => "file_errors",
            Self::FileDelay { .. } => "file_delay",
            Self::BusDrop { .. } => "bus_drop",
            Self::BusDelay { .. } => "bus_delay",
            Self::BusDuplicate { .. } => "bus_duplicate",
            Self::BusReorder { .. } => "bus_reorder",
            Self::BusCorrupt { .. } => "bus_corrupt",
            Self::Partition { .. } => "partition",
            Self::Flood { .. } => "flood",
            Self::NetworkDelay { .. } => "network_delay",
            Self::NetworkLoss { .. } => "network_loss",
            Self::NetworkRate { .. } => "network_rate",
            Self::NetworkPartition { .. } => "network_partition",
            Self::ConnectionKill { .. } => "connection_kill",
            Self::Clock { .. } => "clock",
            Self::Restart {} => "restart",
        }
    }

    /// Who carries it out.
    #[must_use]
    pub fn means(&self) -> Means {
        match self {
            Self::BusDrop { .. }
            | Self::BusDelay { .. }
            | Self::BusDuplicate { .. }
            | Self::BusReorder { .. }
            | Self::BusCorrupt { .. }
            | Self::Partition { .. }
            | Self::Clock { .. } => Means::Target,
            Self::Flood { .. } => Means::Load,
            Self::Restart {} => Means::Launch,
            _ => Means::Host,
        }
    }

    /// Whether it acts on the bus directory as a file system.
    #[must_use]
    pub fn acts_on_bus_directory(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. }
                | Self::InodesFull { .. }
                | Self::ReadOnly {}
                | Self::FileErrors { .. }
                | Self::FileDelay { .. }
        )
    }

    /// The hosts of the target's network that are concerned, where it acts on that; empty: all.
    #[must_use]
    pub fn hosts(&self) -> Option<&[u32]> {
        match self {
            Self::NetworkDelay { hosts, .. }
            | Self::NetworkLoss { hosts, .. }
            | Self::NetworkRate { hosts, .. }
            | Self::NetworkPartition { hosts, .. }
            | Self::ConnectionKill { hosts } => Some(hosts),
            _ => None,
        }
    }

    /// The evidence required where the scenario does not say: the effect for what exhausts a resource, the
    /// target's own count for what only the target can do, the kernel's state for everything else.
    #[must_use]
    pub fn requires(&self) -> Level {
        match self {
            Self::Kill { .. }
            | Self::Pause {}
            | Self::Freeze {}
            | Self::Slow { .. }
            | Self::Signals { .. }
            | Self::ConnectionKill { .. }
            | Self::Restart {}
            // A limit that nobody reaches has no effect to be seen, and that it was reached only the target knows.
            | Self::MemoryLimit { .. }
            | Self::FileSize { .. }
            | Self::Descriptors { limit: Some(_) } => Level::E1,
            _ if self.means() == Means::Target => Level::E3,
            _ => Level::E2,
        }
    }
}

/// Who carries out a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Calls of the kernel, on processes and files of the run.
    Host,
    /// The target itself, asked over the control protocol.
    Target,
    /// The load: tasks beyond those of the workload.
    Load,
    /// The target's end and start.
    Launch,
}
