//! What a plan needs of a host, made to be a little too high, and what it costs on disk.

mod disk;
mod documents;
mod history;
mod latency;
mod load;
mod rows;

pub use disk::files;

use crate::plan::{Enclosure, FaultKind, Plan};

/// What a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Processes at the same time: agents, and four beside them (the runtime's gateway and spawner, the
    /// guardian, the harness).
    pub processes: u64,
    /// Descriptors that one process may come to hold: a coordinator that is left alone holds one per agent.
    pub descriptors: u64,
    /// Memory of everything together, in bytes.
    pub memory_bytes: u64,
    /// What only a privileged user may do, in words; empty where none of it is needed.
    pub privileges: Vec<String>,
    /// What the run directory will hold when the run was judged, in bytes, within a fifth.
    pub disk_bytes: u64,
}

/// Processes of a run that are no agents.
const SUPPORT: u64 = 4;
/// Descriptors of a process beside those for its peers.
const OWN_DESCRIPTORS: u64 = 64;
/// Proportional memory of an agent at work, kernel memory included.
const AGENT_BYTES: u64 = 200 << 10;
/// The harness, the guardian and the runtime's own processes.
const SUPPORT_BYTES: u64 = 96 << 20;

/// What this plan needs and costs.
#[must_use]
pub fn of(plan: &Plan) -> Needs {
    let agents = plan.target.agents.map_or(0, |agents| u64::from(agents.all()));
    Needs {
        processes: agents + SUPPORT,
        descriptors: agents + OWN_DESCRIPTORS,
        memory_bytes: (agents * AGENT_BYTES + SUPPORT_BYTES).saturating_add(taken(plan)),
        privileges: privileges(plan),
        disk_bytes: files(plan).iter().map(|(_, bytes)| bytes).sum(),
    }
}

/// What a fault needs beyond signals to children of the user's own and their soft limits, in words.
fn privilege(kind: &FaultKind) -> Option<&'static str> {
    Some(match kind {
        FaultKind::Freeze {} => "a freezer cgroup that may be written (root, or one that is delegated)",
        FaultKind::OutOfMemory { .. } => {
            "a memory cgroup that may be written (root, or one that is delegated)"
        }
        FaultKind::MemoryStall { .. } => "a memory cgroup of version 1 that may be written (root)",
        FaultKind::Processes { .. } => "a pids cgroup that may be written (root, or one that is delegated)",
        FaultKind::CpuQuota { .. } => "a cpu cgroup that may be written (root, or one that is delegated)",
        FaultKind::ConnectionKill { .. } => "root in the network namespaces of the target",
        _ => return None,
    })
}

/// What making the enclosure needs.
fn enclosure_privileges(enclosure: &Enclosure) -> Vec<&'static str> {
    let mut needed = Vec::new();
    if let Some(bus) = &enclosure.bus {
        if bus.bytes.is_some() {
            needed.push("root, or user namespaces, for a bus directory with a limit");
        }
        if bus.intercepted {
            needed.push("/dev/fuse for faults of single file operations");
        }
    }
    if enclosure.network.is_some() {
        needed.push("root, or user namespaces, for hosts of the target's own");
        needed.push("/dev/net/tun for packets between them");
    }
    needed
}

/// Each once, in the order in which they come up.
fn privileges(plan: &Plan) -> Vec<String> {
    let mut needed = enclosure_privileges(&plan.target.enclosure);
    needed.extend(plan.faults.iter().filter_map(|fault| privilege(&fault.kind)));
    let mut each: Vec<String> = Vec::new();
    for privilege in needed {
        if !each.iter().any(|known| known == privilege) {
            each.push(privilege.to_owned());
        }
    }
    each
}

/// Memory that the bus directory and faults may take beside the agents, in bytes.
fn taken(plan: &Plan) -> u64 {
    let bus = plan.target.enclosure.bus.as_ref().and_then(|bus| bus.bytes).unwrap_or(0);
    let fault = |kind: &FaultKind, victims: u64| match kind {
        FaultKind::MemoryHog { bytes, .. } => *bytes,
        FaultKind::OutOfMemory { limit } | FaultKind::MemoryStall { limit } => limit.saturating_mul(victims),
        _ => 0,
    };
    let most =
        plan.faults.iter().map(|f| fault(&f.kind, f.victims.as_ref().map_or(0, |v| v.places.len() as u64)));
    bus.saturating_add(most.max().unwrap_or(0))
}
