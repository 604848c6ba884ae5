//! What a plan needs of a host, and what it costs on disk: estimates, made to be a little too high.

use evidence::role::Role;

use crate::plan::{FaultKind, Plan};

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
    /// What the run directory will hold, in bytes.
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

/// Bytes of one row of each file, at most, as `tests/cost.rs` measures them for values of a long run.
pub(crate) mod row {
    /// `samples.csv`, one group.
    pub(crate) const SAMPLE: u64 = 160;
    /// `processes.csv`, one process.
    pub(crate) const PROCESS: u64 = 100;
    /// `intervals.csv`, one interval.
    pub(crate) const INTERVAL: u64 = 150;
    /// `rounds.csv`, one round.
    pub(crate) const ROUND: u64 = 100;
    /// `latency.hlog`, one series in one interval.
    pub(crate) const HISTOGRAM: u64 = 1_500;
    /// `events.jsonl`, an agent that comes or goes.
    pub(crate) const MEMBER: u64 = 150;
    /// `events.jsonl` and `faults.journal`, one victim of a fault with what was read back.
    pub(crate) const VICTIM: u64 = 1_500;
    /// Manifest, plan, scenario, end, verdict and reports together.
    pub(crate) const FIXED: u64 = 1 << 20;
}

/// What this plan needs and costs.
#[must_use]
pub fn of(plan: &Plan) -> Needs {
    let agents = plan.target.agents.map_or(0, |agents| u64::from(agents.all()));
    Needs {
        processes: agents + SUPPORT,
        descriptors: agents + OWN_DESCRIPTORS,
        memory_bytes: agents * AGENT_BYTES + SUPPORT_BYTES,
        privileges: privileges(plan),
        disk_bytes: disk(plan, agents),
    }
}

/// Signals go to children of the user's own, so neither kind of fault needs any privilege.
fn privileges(plan: &Plan) -> Vec<String> {
    let needed = plan.faults.iter().filter_map(|fault| match fault.kind {
        FaultKind::Kill { .. } | FaultKind::Pause { .. } => None,
    });
    needed.collect()
}

fn disk(plan: &Plan, agents: u64) -> u64 {
    let length: u64 = plan.phases.iter().map(|phase| phase.length_ns).sum();
    let ticks = |every: u64| length / every.max(1) + 2;
    let (cheap, slow) = (ticks(plan.sample.every_ns), ticks(plan.sample.slow_every_ns));
    // Beside the roles: processes that are no agents, the harness, the host.
    let groups =
        3 + plan.target.agents.map_or(3, |a| Role::ALL.iter().filter(|r| a.of(**r) > 0).count() as u64);
    let rounds = plan.workload.rounds.as_ref().map_or(0, |rounds| plan.load_ends_ns() / rounds.every_ns + 1);
    let series = 2 * u64::from(plan.workload.rounds.is_some()) + 2;
    // A victim may be replaced: it goes, it comes, its children move and move back.
    let victims: u64 = plan.faults.iter().map(|fault| fault.victims.places.len() as u64).sum();
    let orphans = plan.target.agents.map_or(0, |a| u64::from(a.worker / a.coordinator.max(1)));
    row::FIXED
        + cheap * (groups * row::SAMPLE + row::INTERVAL + series * row::HISTOGRAM)
        + slow * (agents + 1) * row::PROCESS
        + rounds * row::ROUND
        + agents * row::MEMBER
        + victims * (row::VICTIM + 2 * (1 + orphans) * row::MEMBER)
}
