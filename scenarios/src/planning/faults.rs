//! Faults: when each is due and who is hit.

use std::collections::HashMap;

use evidence::role::Role;

use super::draw::Draw;
use crate::plan::{self, Agents, Victims};
use crate::scenario::faults::{Chaos, Fault, Of, Selector};
use crate::scenario::{Lengths, Scenario};

/// Every occurrence of every fault, in the order in which they are due.
pub(super) fn plan(scenario: &Scenario, lengths: Lengths, seed: u64) -> Vec<plan::Fault> {
    let agents = scenario.target.agents();
    let mut planner = Planner { agents, chaos: &scenario.chaos, lengths, seed, chosen: HashMap::new() };
    let mut faults: Vec<_> = scenario.faults.iter().flat_map(|fault| planner.occurrences(fault)).collect();
    faults.sort_by_key(|fault| fault.at_ns);
    faults
}

struct Planner<'s> {
    agents: Option<Agents>,
    chaos: &'s Chaos,
    lengths: Lengths,
    seed: u64,
    /// The victims of every occurrence so far, by the fault's id.
    chosen: HashMap<&'s str, Vec<Victims>>,
}

impl<'s> Planner<'s> {
    fn occurrences(&mut self, fault: &'s Fault) -> Vec<plan::Fault> {
        let mut times = Draw::new(self.seed, &format!("times of fault {}", fault.id.value));
        let moments = fault.schedule.moments(self.lengths, fault.act.for_ns, |most| times.up_to(most));
        let planned: Vec<_> = fault
            .ids(self.lengths)
            .zip(moments)
            .enumerate()
            .map(|(index, (id, at_ns))| self.occurrence(fault, index, id, at_ns))
            .collect();
        self.chosen.insert(&fault.id.value, planned.iter().filter_map(|p| p.victims.clone()).collect());
        planned
    }

    fn occurrence(&self, fault: &Fault, index: usize, id: String, at_ns: u64) -> plan::Fault {
        let mut draw = Draw::new(self.seed, &format!("fault {id}"));
        let victims = fault.act.victims.as_ref().map(|selector| self.victims(selector, index, &mut draw));
        let moved = (at_ns + draw.up_to(fault.jitter_ns())).min(self.lengths.load().saturating_sub(1));
        plan::Fault {
            kind: fault.act.kind.clone(),
            keep: victims.as_ref().map_or(0, |victims| self.keep(fault, victims.role)),
            up_ns: victims.as_ref().map_or(0, |_| fault.up.unwrap_or_else(|| self.chaos.up())),
            victims,
            at_ns: self.chaos.moved(moved, fault.act.for_ns),
            for_ns: fault.act.for_ns,
            when: fault.when.clone(),
            requires: fault.requires.as_ref().map_or_else(|| fault.act.kind.requires(), |level| level.value),
            overlap: fault.overlap.unwrap_or_else(|| self.chaos.overlap()),
            recovers_within_ns: fault.expect.recovers_within,
            pretend: fault.pretend,
            id,
        }
    }

    fn victims(&self, selector: &Selector, index: usize, draw: &mut Draw) -> Victims {
        match &selector.of {
            Of::Same(other) => {
                let chosen = self.chosen.get(other.as_str());
                let same = chosen.and_then(|all| all.get(index.min(all.len().saturating_sub(1))));
                same.cloned().unwrap_or(Victims { role: Role::Worker, places: Vec::new() })
            }
            Of::Role(role) => Victims { role: *role, places: self.places(selector, *role, draw) },
        }
    }

    fn places(&self, selector: &Selector, role: Role, draw: &mut Draw) -> Vec<u32> {
        let all = self.agents.map_or(0, |agents| agents.of(role));
        let open: Vec<u32> = (0..all).filter(|place| !selector.except.contains(place)).collect();
        let open_count = u32::try_from(open.len()).unwrap_or(u32::MAX);
        let chosen = draw.places(selector.share.of(all), open_count);
        chosen.into_iter().filter_map(|index| open.get(index as usize).copied()).collect()
    }

    /// Nobody is there beside a master, so that the rule for all faults does not speak of it.
    fn keep(&self, fault: &Fault, role: Role) -> u32 {
        let general = self.chaos.keep.as_ref().filter(|_| role != Role::Master);
        let keep = fault.keep.as_ref().or(general).map(|keep| keep.value);
        keep.map_or(0, |keep| keep.of(self.agents.map_or(0, |agents| agents.of(role))))
    }
}
