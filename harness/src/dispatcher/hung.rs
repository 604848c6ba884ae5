//! Workers that live and do nothing: each round has a task for every worker, so one that answered none of the
//! last rounds, while no fault was in effect any more, hangs.

use std::collections::HashMap;

use evidence::role::Role;

use super::state::State;

/// How many rounds are looked at.
const ROUNDS: usize = 3;
/// The most agents whose answers are remembered.
const MAX_AGENTS: usize = 65_536;

/// What each worker was last heard to do.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// When each agent last answered.
    answered_ns: HashMap<u32, u64>,
    /// When the last rounds were sent, the latest last.
    rounds_ns: Vec<u64>,
    /// Workers that were there all through the last rounds, and when the first of these was sent; absent where
    /// a fault was in effect in between.
    asked: Option<(u64, Vec<u32>)>,
}

impl Heard {
    pub(super) fn answer(&mut self, agent: u32, at_ns: u64) {
        // A target may name any number of agents.
        if self.answered_ns.len() < MAX_AGENTS || self.answered_ns.contains_key(&agent) {
            self.answered_ns.insert(agent, at_ns);
        }
    }

    pub(super) fn round(&mut self, at_ns: u64) {
        if self.rounds_ns.len() == ROUNDS {
            self.rounds_ns.remove(0);
        }
        self.rounds_ns.push(at_ns);
    }

    /// How many answered none of the last rounds; `None` where that is not known.
    pub(super) fn hung(&self) -> Option<u32> {
        let (since_ns, workers) = self.asked.as_ref()?;
        let silent = |agent: &&u32| self.answered_ns.get(agent).is_none_or(|at_ns| at_ns < since_ns);
        Some(u32::try_from(workers.iter().filter(silent).count()).unwrap_or(u32::MAX))
    }
}

impl State {
    /// The load is over: from now on only answers to the last rounds are waited for.
    pub(super) fn remember_workers(&mut self) {
        let heard = &self.heard;
        let Some(since_ns) = heard.rounds_ns.first().copied().filter(|_| heard.rounds_ns.len() == ROUNDS)
        else {
            return;
        };
        if self.faults.any_in_effect() || self.faults.last_over_ns().is_some_and(|at_ns| at_ns >= since_ns) {
            return;
        }
        let there =
            self.members.iter().filter(|(_, a)| a.role == Role::Worker && a.alive && a.since_ns <= since_ns);
        let workers = there.map(|(number, _)| number).collect();
        self.heard.asked = Some((since_ns, workers));
    }
}
