//! The agents by themselves: whose own memory drifts, without an alarm for each hundredth by chance.

use std::collections::BTreeMap;

use evidence::sample::{Group, Mark};

use super::FALSE_DISCOVERIES;
use super::series::Context;
use crate::analysis::resources::by_role;
use crate::analysis::{Basis, Findings, Measured, Of, number};
use crate::drift::{self, Drift, Shape};

/// When an agent was read, which of its lives it was (process and epoch), and its private memory.
pub(super) type Row = (u64, (u32, Option<u32>), u64);

/// Counts the agents that drift, for the target and by role; their numbers, in order.
pub(super) fn find(context: &Context<'_>, findings: &mut Findings) -> Vec<u32> {
    let question = context.question();
    let found: Vec<(u32, Group, Drift)> = rows(context)
        .into_iter()
        .map(|((agent, group), rows)| (agent, group, drift::drift(&context.of_agent(&rows), &question)))
        .filter(|(.., drift)| drift.shape != Shape::TooShort)
        .collect();
    let mut flagged = Vec::new();
    for (selector, groups) in by_role() {
        let (agents, drifts): (Vec<u32>, Vec<Drift>) = found
            .iter()
            .filter(|(_, group, _)| groups.contains(group))
            .map(|(agent, _, drift)| (*agent, drift.clone()))
            .unzip();
        if drifts.is_empty() {
            continue;
        }
        let places = drift::drifting(&drifts, FALSE_DISCOVERIES);
        let count = Measured::exact(Basis::Processes, drifts.len() as u64, number(places.len() as u64));
        findings.put("agents.drifting", Of { selector, phase: None }, count);
        if selector.is_none() {
            flagged = places.into_iter().map(|place| agents[place]).collect();
        }
    }
    flagged
}

/// The readings of each agent under load, in order. Those at rest are others: what a task holds is not there.
fn rows(context: &Context<'_>) -> BTreeMap<(u32, Group), Vec<Row>> {
    let mut agents: BTreeMap<(u32, Group), Vec<Row>> = BTreeMap::new();
    let read = context.evidence.processes.iter().filter(|p| matches!(p.mark, Mark::Tick | Mark::Baseline));
    for p in read {
        if let Some((agent, private)) = p.agent.zip(p.private) {
            agents.entry((agent, p.group)).or_default().push((p.at_ns, (p.pid, p.epoch), private));
        }
    }
    agents
}
