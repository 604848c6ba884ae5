//! Whether a fault that is due may begin: beside which others, on victims that have been up for how long, and
//! with how many agents left untouched.

use scenarios::plan::{Overlap, When};

use super::Life;
use crate::dispatcher::command::Commands;
use crate::dispatcher::state::State;
use crate::members::Agent;

/// What becomes of a fault that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
enum May {
    /// It begins.
    Begin,
    /// It waits until then, or until something changes.
    Wait(Option<u64>),
    /// It is skipped, for this reason.
    Skip(String),
}

impl State {
    /// A fault is due, and its round, if it waited for one, is in flight.
    pub(super) fn try_to_begin(&mut self, fault: usize, out: &mut Commands) {
        match self.may_begin(fault) {
            May::Begin => self.begin(fault, out),
            May::Wait(_) => self.faults.live(fault, Life::Waiting),
            May::Skip(why) => self.skip(fault, why, out),
        }
    }

    /// The next fault that waits and need not wait any longer, and since or from when.
    pub(in crate::dispatcher) fn next_waited(&self) -> Option<(u64, usize)> {
        let waiting = self.faults.active.iter().filter(|f| self.faults.lives[**f] == Life::Waiting);
        let due = waiting.filter_map(|&fault| match self.may_begin(fault) {
            May::Begin | May::Skip(_) => Some((self.now_ns, fault)),
            May::Wait(until_ns) => Some((until_ns?, fault)),
        });
        due.min()
    }

    /// What a fault waited for has come.
    pub(in crate::dispatcher) fn waited_for(&mut self, fault: usize, out: &mut Commands) {
        match self.plan.faults[fault].when {
            When::Due {} => self.try_to_begin(fault, out),
            When::RoundInFlight { .. } => self.faults.live(fault, Life::AwaitsRound),
        }
    }

    fn may_begin(&self, fault: usize) -> May {
        let planned = &self.plan.faults[fault];
        let other = self.faults.active.iter().find(|f| **f != fault && self.faults.lives[**f].in_effect());
        match (planned.overlap, other) {
            (Overlap::Queue, Some(_)) => return May::Wait(None),
            (Overlap::Refuse, Some(other)) => {
                return May::Skip(format!("fault {} was in effect", self.plan.faults[*other].id));
            }
            (Overlap::Allow, _) | (_, None) => {}
        }
        let Some(of) = &planned.victims else { return May::Begin };
        let victims = self.members.at_places(of.role, &of.places);
        if planned.up_ns > 0 {
            if victims.iter().any(|(_, agent)| !agent.alive) {
                return May::Wait(None);
            }
            let up_ns = victims.iter().map(|(_, agent)| agent.since_ns + planned.up_ns).max();
            if let Some(at_ns) = up_ns.filter(|at_ns| *at_ns > self.now_ns) {
                return May::Wait(Some(at_ns));
            }
        }
        let left = self.untouched(&victims);
        let role = victims.first().map_or(of.role, |(_, agent)| agent.role);
        let left = left.filter(|agent| agent.role == role).count();
        if left < planned.keep as usize {
            return May::Skip(format!(
                "only {left} of the role {role} would have been left, and {} must be",
                planned.keep
            ));
        }
        May::Begin
    }

    /// Living agents that no fault is done to, beside these.
    fn untouched(&self, victims: &[(u32, Agent)]) -> impl Iterator<Item = Agent> {
        let spared = |number: u32| {
            !victims.iter().any(|(victim, _)| *victim == number)
                && !self.faults.touched.values().any(|touched| touched.contains(&number))
        };
        self.members
            .iter()
            .filter(move |(number, agent)| agent.alive && spared(*number))
            .map(|(_, agent)| agent)
    }
}
