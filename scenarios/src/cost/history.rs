//! `events.jsonl` and `faults.journal`: who is there, what is broken, who dies and who takes over.

use evidence::event::{Edge, Event, Fact, MemberState};
use evidence::role::Role;

use crate::plan::{Agents, Fault, FaultKind, Plan};
use crate::retention;

/// Phases, and the start and end of the target.
const FRAME: u64 = 1_200;
/// What is told of a fault: its steps, what it cost, how the target recovered.
const FAULT: u64 = 650;
/// The same for each victim: what was read back, who noticed, who took over.
const VICTIM: u64 = 350;
/// The head of the journal, and what it holds of a fault and of each victim.
const JOURNAL: u64 = 320;
const UNDO: u64 = 120;
const UNDO_VICTIM: u64 = 100;

/// `events.jsonl`.
pub(super) fn events(plan: &Plan) -> u64 {
    let agents = retention::agents(plan);
    let middle_ns = plan.load_ends_ns() / 2;
    let launch = u64::from(agents.all()) * member(agents, 200_000_000, MemberState::Ready);
    let rests = retention::rests(plan) * (rest(middle_ns, Edge::Begin) + rest(middle_ns, Edge::End));
    let faults: u64 = plan.faults.iter().map(|each| fault(each, agents)).sum();
    FRAME + launch + gauges(plan, agents, middle_ns) + rests + faults
}

/// The bundled runtime tells of each coordinator how much it handled; it is written down with the dear readings.
fn gauges(plan: &Plan, agents: Agents, at_ns: u64) -> u64 {
    if plan.target.command.is_some() {
        return 0;
    }
    let gauge = Fact::Gauge { name: "handled.1".to_owned(), value: 1e6 };
    let times = plan.load_ends_ns() / plan.sample.slow_every_ns.max(1) + 1;
    times * u64::from(agents.coordinator) * bytes(at_ns, gauge)
}

fn fault(fault: &Fault, agents: Agents) -> u64 {
    let victims = fault.victims.as_ref().map_or(1, |victims| victims.places.len() as u64);
    let role = fault.victims.as_ref().map(|victims| victims.role);
    let deaths = match fault.kind {
        FaultKind::Kill { .. } | FaultKind::OutOfMemory { .. } => victims,
        FaultKind::Restart {} => u64::from(agents.all()),
        _ => 0,
    };
    let each = [MemberState::Left, MemberState::Replaced].map(|state| member(agents, fault.at_ns, state));
    let silent = match fault.kind {
        FaultKind::Partition { .. } | FaultKind::Pause {} | FaultKind::Freeze {} => victims,
        _ => deaths,
    };
    // The workers of one that is silent go to another one, and come back to it or to who follows.
    let orphans = if role == Some(Role::Coordinator) && agents.coordinator > 1 {
        u64::from(agents.worker / agents.coordinator)
    } else {
        0
    };
    let moved = 2 * orphans * member(agents, fault.at_ns, MemberState::Moved);
    FAULT + victims * VICTIM + deaths * each.iter().sum::<u64>() + silent * moved
}

/// `faults.journal`.
pub(super) fn journal(plan: &Plan) -> u64 {
    let undo = |fault: &Fault| {
        let victims = fault.victims.as_ref().map_or(0, |victims| victims.places.len() as u64);
        UNDO + if fault.for_ns > 0 { victims * UNDO_VICTIM } else { 0 }
    };
    JOURNAL + plan.faults.iter().map(undo).sum::<u64>()
}

/// What becomes of a worker in the middle of the others.
fn member(agents: Agents, at_ns: u64, state: MemberState) -> u64 {
    let left = state == MemberState::Left;
    bytes(
        at_ns,
        Fact::Member {
            agent: agents.all() / 2,
            role: Role::Worker,
            pid: 100_000,
            epoch: 1,
            parent: Some(agents.coordinator / 2),
            state,
            status: left.then(|| "signal 9".to_owned()),
            fault: left.then(|| "kill.1".to_owned()),
        },
    )
}

fn rest(at_ns: u64, edge: Edge) -> u64 {
    let end = edge == Edge::End;
    bytes(at_ns, Fact::Quiesce { point: 100, edge, rested: end.then_some(true), withheld: u64::from(end) })
}

/// A line of the history.
fn bytes(at_ns: u64, fact: Fact) -> u64 {
    serde_json::to_vec(&Event { at_ns, fact }).map_or(0, |line| line.len() as u64 + 1)
}
