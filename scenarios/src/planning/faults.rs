//! Faults: when each is due and who is hit.

use evidence::event::Level;

use super::draw::Draw;
use crate::format::tables;
use crate::plan::{self, Agents};
use crate::scenario::faults::Fault;
use crate::scenario::{Lengths, Scenario};

/// Every occurrence of every fault, in the order in which they are due.
pub(super) fn plan(scenario: &Scenario, lengths: Lengths, seed: u64) -> Vec<plan::Fault> {
    let agents = scenario.target.agents();
    let mut faults: Vec<_> =
        scenario.faults.iter().flat_map(|fault| occurrences(fault, agents, lengths, seed)).collect();
    faults.sort_by_key(|fault| fault.at_ns);
    faults
}

fn occurrences(fault: &Fault, agents: Option<Agents>, lengths: Lengths, seed: u64) -> Vec<plan::Fault> {
    let jitter = fault.jitter.as_ref().map_or_else(|| tables::FAULT.default_duration("jitter"), |j| j.value);
    let all = agents.map_or(0, |agents| agents.of(fault.role.value));
    let one = |(id, at_ns): (String, u64)| {
        let mut draw = Draw::new(seed, &format!("fault {id}"));
        let places = draw.places(fault.share.of(all), all);
        let moved = at_ns + draw.up_to(jitter);
        plan::Fault {
            kind: fault.kind.clone(),
            victims: plan::Victims { role: fault.role.value, places },
            at_ns: moved.min(lengths.load().saturating_sub(1)),
            when: fault.when.clone(),
            requires: fault.requires.unwrap_or(Level::E1),
            id,
        }
    };
    fault.occurrences(lengths).map(one).collect()
}
