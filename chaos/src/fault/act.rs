//! What each kind of fault does: one module a family, one line each here.

use std::fmt::Debug;
use std::time::Duration;

use scenarios::plan::FaultKind;

use super::files::full::{Full, Of};
use super::files::intercepted::Intercepted;
use super::files::read_only::ReadOnly;
use super::{Outcome, Setting, group, hog, kill, limits, network, pause, pin, slow, storm};
use crate::ChaosError;
use crate::enclosure::files;
use crate::undo::Undo;

/// One fault from before it is applied until it is undone. Made without touching any victim; what it needs
/// (helper processes that wait, values to be put back) is had by then.
///
/// Outcomes are always one for each victim held or each part, in the order of the setting.
pub(crate) trait Act: Debug + Send {
    /// What puts everything back, by whoever is left to do it, in the order in which it is applied; it is
    /// undone in the reverse order. It is on disk before [`Self::apply`] is called.
    fn undo(&self) -> Vec<Undo>;

    /// Does it, unless [`Setting::pretend`], and reads back what the kernel tells now.
    ///
    /// # Errors
    /// If something could not be asked or done; whatever was done is then undone.
    fn apply(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError>;

    /// What is seen of its effect just before it is undone; `None` if everything was known when it was applied.
    ///
    /// # Errors
    /// If it could not be read.
    fn observe(&mut self, _setting: &Setting) -> Result<Option<Vec<Outcome>>, ChaosError> {
        Ok(None)
    }

    /// Ends what the act keeps doing by itself: threads and helper processes. Comes before the undoing.
    fn stop(&mut self) {}

    /// Reads back that it is undone; a reading that does not fit says that it is not. A victim that has died
    /// needs no undoing.
    ///
    /// # Errors
    /// If it could not be read.
    fn healed(&mut self, setting: &Setting) -> Result<Vec<Outcome>, ChaosError>;

    /// How long [`Self::apply`] may take beyond an instant; the fault lasts as much longer.
    fn takes(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether it lasts until it is undone. What acts once has nothing to undo.
    fn lasts(&self) -> bool {
        true
    }
}

/// Makes ready what the fault of this setting does.
///
/// # Errors
/// If this host cannot do it, or what it needs cannot be had.
pub(crate) fn prepare(setting: &Setting) -> Result<Box<dyn Act>, ChaosError> {
    let kind = &setting.fault.kind;
    Ok(match kind {
        FaultKind::Kill { signal, then_kill_ns } => Box::new(kill::Kill::new(*signal, *then_kill_ns)),
        FaultKind::Pause {} => Box::new(pause::Pause::of(setting)),
        FaultKind::Freeze {} => Box::new(group::freeze::Freeze::of(setting)?),
        FaultKind::Slow { stopped_percent, period_ns } => {
            Box::new(slow::Slow::of(setting, *stopped_percent, *period_ns))
        }
        FaultKind::Signals { signal, per_second } => Box::new(storm::Storm::new(*signal, *per_second)),
        FaultKind::MemoryLimit { .. } | FaultKind::Descriptors { .. } | FaultKind::FileSize { .. } => {
            Box::new(limits::Limits::of(setting)?)
        }
        FaultKind::OutOfMemory { limit } => Box::new(group::memory::OutOfMemory::of(setting, *limit)?),
        FaultKind::MemoryStall { limit } => Box::new(group::memory::Stall::of(setting, *limit)?),
        FaultKind::MemoryHog { bytes, reserve } => Box::new(hog::MemoryHog::of(setting, *bytes, *reserve)?),
        FaultKind::Processes { headroom } => Box::new(group::processes::Processes::of(setting, *headroom)?),
        FaultKind::CpuPin { cpu } => Box::new(pin::Pin::of(setting, *cpu)?),
        FaultKind::CpuHog { threads } => Box::new(hog::CpuHog::of(setting, *threads)?),
        FaultKind::CpuQuota { percent } => Box::new(group::quota::Quota::of(setting, *percent)?),
        FaultKind::DiskFull { leave } => Box::new(Full::new(setting, Of::Bytes, *leave)?),
        FaultKind::InodesFull { leave } => Box::new(Full::new(setting, Of::Inodes, *leave)?),
        FaultKind::ReadOnly {} => Box::new(ReadOnly::new(setting)?),
        FaultKind::FileErrors { error, operations, per_million } => {
            let (error, operations, per_million) = (*error, operations.clone(), *per_million);
            let act = files::Act::Error { error, operations, per_million };
            Box::new(Intercepted::new(setting, act)?)
        }
        FaultKind::FileDelay { delay_ns, jitter_ns, operations } => {
            let (delay_ns, jitter_ns, operations) = (*delay_ns, *jitter_ns, operations.clone());
            Box::new(Intercepted::new(setting, files::Act::Delay { delay_ns, jitter_ns, operations })?)
        }
        FaultKind::NetworkDelay { .. }
        | FaultKind::NetworkLoss { .. }
        | FaultKind::NetworkRate { .. }
        | FaultKind::NetworkPartition { .. } => Box::new(network::packets::Packets::new(setting)?),
        FaultKind::ConnectionKill { hosts } => {
            Box::new(network::connections::Connections::new(setting, hosts)?)
        }
        _ => {
            return Err(ChaosError::Unable {
                kind: kind.name(),
                found: "this version cannot do it".to_owned(),
            });
        }
    })
}

/// The parts of the run that a fault without victims is done to.
pub(crate) fn parts(kind: &FaultKind) -> Vec<String> {
    let hosts = |hosts: &[u32]| match hosts {
        [] => vec!["network".to_owned()],
        some => some.iter().map(|host| format!("host {host}")).collect(),
    };
    match kind {
        FaultKind::MemoryHog { .. } => vec!["host memory".to_owned()],
        FaultKind::CpuHog { .. } => vec!["host CPUs".to_owned()],
        FaultKind::DiskFull { .. }
        | FaultKind::InodesFull { .. }
        | FaultKind::ReadOnly {}
        | FaultKind::FileErrors { .. }
        | FaultKind::FileDelay { .. } => vec!["bus directory".to_owned()],
        FaultKind::NetworkDelay { hosts: of, .. }
        | FaultKind::NetworkLoss { hosts: of, .. }
        | FaultKind::NetworkRate { hosts: of, .. }
        | FaultKind::NetworkPartition { hosts: of, .. }
        | FaultKind::ConnectionKill { hosts: of } => hosts(of),
        _ => vec!["target".to_owned()],
    }
}
