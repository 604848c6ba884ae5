//! Faults in words: the one wording for plans, progress and reports.

use evidence::role::Role;
use evidence::unit::Unit;

use super::fault::{
    Direction, Fault, FaultKind, FileError, FileOperation, Signal, StormSignal, Victims, When,
};

impl Fault {
    /// The whole fault: `SIGKILL to 3 coordinators at 20 s, in the middle of a round`.
    #[must_use]
    pub fn words(&self) -> String {
        let when = match self.when {
            When::Due {} => String::new(),
            When::RoundInFlight { .. } => ", in the middle of a round".to_owned(),
        };
        let pretended = if self.pretend { " (only claimed)" } else { "" };
        let whom = self.kind.whom(self.victims.as_ref());
        format!("{} at {}{when}{pretended}", self.kind.words(self.for_ns, &whom), time(self.at_ns))
    }
}

impl FaultKind {
    /// To whom it is done, counted: `3 coordinators`, `the master`, `the bus directory`.
    #[must_use]
    pub fn whom(&self, victims: Option<&Victims>) -> String {
        match victims.map(|v| (v.role, v.places.len())) {
            Some((Role::Master, _)) => "the master".to_owned(),
            Some((role, 1)) => format!("1 {role}"),
            Some((role, count)) => format!("{count} {role}s"),
            None => self.what_else(),
        }
    }

    /// What it is done to where that is no agent.
    fn what_else(&self) -> String {
        if self.acts_on_bus_directory() {
            return "the bus directory".to_owned();
        }
        match self.hosts() {
            Some([]) => return "all hosts".to_owned(),
            Some([one]) => return format!("host {one}"),
            Some(hosts) => {
                let numbers: Vec<_> = hosts.iter().map(u32::to_string).collect();
                return format!("hosts {}", numbers.join(", "));
            }
            None => {}
        }
        match self {
            Self::MemoryHog { .. } | Self::CpuHog { .. } => "the host",
            Self::BusDrop { .. }
            | Self::BusDelay { .. }
            | Self::BusDuplicate { .. }
            | Self::BusReorder { .. }
            | Self::BusCorrupt { .. } => "all agents",
            Self::Flood { .. } => "anybody",
            _ => "the target",
        }
        .to_owned()
    }

    /// What is done to whom, how long: `the descriptors of 3 coordinators limited to 1,024 for 5 s`.
    #[must_use]
    pub fn words(&self, for_ns: u64, whom: &str) -> String {
        let lasting = if for_ns == 0 { String::new() } else { format!(" for {}", time(for_ns)) };
        match self {
            Self::Kill { .. } => self.kill_words(for_ns, whom),
            Self::Pause {} => format!("SIGSTOP{lasting} to {whom}"),
            Self::Freeze {} => format!("{whom} frozen{lasting}"),
            Self::Slow { stopped_percent, .. } => {
                format!("{whom} stopped {stopped_percent} % of the time{lasting}")
            }
            Self::Signals { signal, per_second } => {
                format!("{} SIG{} a second to {whom}{lasting}", count((*per_second).into()), storm(*signal))
            }
            Self::MemoryLimit { headroom } => {
                format!("the memory of {whom} limited to {} more{lasting}", size(*headroom))
            }
            Self::OutOfMemory { limit } => {
                format!("{whom} killed for want of memory beyond {}", size(*limit))
            }
            Self::MemoryStall { limit } => format!("{whom} without memory beyond {}{lasting}", size(*limit)),
            Self::MemoryHog { bytes, .. } => {
                format!("{} of the memory of {whom} taken{lasting}", size(*bytes))
            }
            Self::Descriptors { limit: Some(limit) } => {
                format!("the descriptors of {whom} limited to {}{lasting}", count(*limit))
            }
            Self::Descriptors { limit: None } => {
                format!("no further descriptor to be opened by {whom}{lasting}")
            }
            Self::Processes { headroom } => {
                format!(
                    "processes of {whom} limited to {} more, and these taken{lasting}",
                    count((*headroom).into())
                )
            }
            Self::CpuPin { cpu } => format!("{whom} on CPU {cpu} only{lasting}"),
            Self::CpuHog { threads } => {
                format!("CPUs of {whom} kept busy by {}{lasting}", many((*threads).into(), "thread"))
            }
            Self::CpuQuota { percent } => format!("{whom} limited to {percent} % of a CPU{lasting}"),
            Self::Flood { messages, payload } => {
                format!(
                    "{} of {} to {whom}{lasting}",
                    many((*messages).into(), "task"),
                    size((*payload).into())
                )
            }
            Self::Clock { offset_ns } => {
                format!("the clock of {whom} shifted {}{lasting}", shift(*offset_ns))
            }
            Self::Restart {} => format!("{whom} killed and started again after {}", time(for_ns)),
            _ => self.medium_words(&lasting, whom),
        }
    }

    fn kill_words(&self, for_ns: u64, whom: &str) -> String {
        let Self::Kill { signal, then_kill_ns } = self else { return String::new() };
        let signal = match signal {
            Signal::Kill => "SIGKILL",
            Signal::Term => "SIGTERM",
            Signal::Segv => "SIGSEGV",
            Signal::Abort => "SIGABRT",
        };
        let then = then_kill_ns.map_or_else(String::new, |ns| format!(", SIGKILL after {}", time(ns)));
        let again =
            if for_ns == 0 { String::new() } else { format!(" and to whoever follows for {}", time(for_ns)) };
        format!("{signal} to {whom}{then}{again}")
    }

    /// What is done to files, messages and packets.
    fn medium_words(&self, lasting: &str, whom: &str) -> String {
        match self {
            Self::DiskFull { leave: 0 } => format!("{whom} full{lasting}"),
            Self::DiskFull { leave } => format!("{whom} full but for {}{lasting}", size(*leave)),
            Self::InodesFull { leave: 0 } => format!("no further file in {whom}{lasting}"),
            Self::InodesFull { leave } => {
                format!("no more than {} in {whom}{lasting}", many(*leave, "further file"))
            }
            Self::ReadOnly {} => format!("{whom} read-only{lasting}"),
            Self::FileSize { limit } => format!("the files of {whom} limited to {}{lasting}", size(*limit)),
            Self::FileErrors { error, operations, per_million } => {
                let (rate, on) = (share(*per_million), words_of(operations));
                format!("{} for {rate} of {on} in {whom}{lasting}", error_name(*error))
            }
            Self::FileDelay { delay_ns, jitter_ns, operations } => {
                let (on, by) = (words_of(operations), delay(*delay_ns, *jitter_ns));
                format!("{on} in {whom} delayed by {by}{lasting}")
            }
            Self::BusDrop { per_million } => {
                format!("{} of the messages of {whom} dropped{lasting}", share(*per_million))
            }
            Self::BusDelay { per_million, delay_ns, jitter_ns } => {
                let (rate, by) = (share(*per_million), delay(*delay_ns, *jitter_ns));
                format!("{rate} of the messages of {whom} delayed by {by}{lasting}")
            }
            Self::BusDuplicate { per_million } => {
                format!("{} of the messages of {whom} duplicated{lasting}", share(*per_million))
            }
            Self::BusReorder { per_million } => {
                format!("{} of the messages of {whom} out of order{lasting}", share(*per_million))
            }
            Self::BusCorrupt { per_million } => {
                format!("{} of the messages of {whom} changed{lasting}", share(*per_million))
            }
            Self::Partition { direction } => format!("no message {} {whom}{lasting}", way(*direction)),
            Self::NetworkPartition { direction, .. } => {
                format!("no packet {} {whom}{lasting}", way(*direction))
            }
            Self::NetworkDelay { delay_ns, jitter_ns, .. } => {
                format!("packets of {whom} delayed by {}{lasting}", delay(*delay_ns, *jitter_ns))
            }
            Self::NetworkLoss { per_million, .. } => {
                format!("{} of the packets of {whom} lost{lasting}", share(*per_million))
            }
            Self::NetworkRate { bytes_per_second, .. } => {
                format!("{whom} limited to {} a second{lasting}", size(*bytes_per_second))
            }
            Self::ConnectionKill { .. } => format!("every TCP connection of {whom} killed"),
            other => format!("{} of {whom}{lasting}", other.name()),
        }
    }
}

fn storm(signal: StormSignal) -> &'static str {
    match signal {
        StormSignal::Winch => "WINCH",
        StormSignal::Urg => "URG",
        StormSignal::Cont => "CONT",
        StormSignal::Hup => "HUP",
        StormSignal::Usr1 => "USR1",
    }
}

fn error_name(error: FileError) -> &'static str {
    match error {
        FileError::Eio => "EIO",
        FileError::Enospc => "ENOSPC",
        FileError::Emfile => "EMFILE",
        FileError::Eacces => "EACCES",
    }
}

fn words_of(operations: &[FileOperation]) -> String {
    let word = |operation: &FileOperation| match operation {
        FileOperation::Open => "open",
        FileOperation::Read => "read",
        FileOperation::Write => "write",
        FileOperation::Rename => "rename",
        FileOperation::Remove => "remove",
        FileOperation::Sync => "sync",
    };
    operations.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Both => "from or to",
        Direction::From => "from",
        Direction::To => "to",
    }
}

fn delay(delay_ns: u64, jitter_ns: u64) -> String {
    match jitter_ns {
        0 => time(delay_ns),
        _ => format!("{} to {}", time(delay_ns), time(delay_ns.saturating_add(jitter_ns))),
    }
}

fn shift(offset_ns: i64) -> String {
    let by = time(offset_ns.unsigned_abs());
    if offset_ns < 0 { format!("back by {by}") } else { format!("forward by {by}") }
}

fn many(n: u64, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(n))
}

fn share(per_million: u32) -> String {
    Unit::Ratio.show(f64::from(per_million) / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "a number for a person")]
fn count(n: u64) -> String {
    Unit::Count.show(n as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a number for a person")]
fn time(ns: u64) -> String {
    Unit::Seconds.show(ns as f64 / 1e9)
}

#[expect(clippy::cast_precision_loss, reason = "a number for a person")]
fn size(bytes: u64) -> String {
    Unit::Bytes.show(bytes as f64)
}
