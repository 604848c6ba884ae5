//! Workers that live and do nothing: each round has a task for every worker, so one that answered none of the
//! last rounds, while others did and no fault was in effect any more, hangs.

use std::collections::HashMap;

use evidence::event::{IncidentKind, Severity};
use evidence::role::Role;
use evidence::round::Round;

use super::command::Commands;
use super::incidents::Incident;
use super::state::{Stage, State};

/// How many rounds are looked at.
const ROUNDS: usize = 3;
/// How often is looked while the run goes on, at most, in nanoseconds.
const LOOK_EVERY_NS: u64 = 1_000_000_000;
/// The most agents whose answers are remembered.
const MAX_AGENTS: usize = 65_536;

/// What each worker was last heard to do.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// When each agent last answered.
    answered_ns: HashMap<u32, u64>,
    /// When the last rounds were sent, and to how many workers, the latest last.
    rounds: Vec<(u64, u32)>,
    /// Workers that were there all through the last rounds, and when the first of these was sent; absent where
    /// a fault was in effect in between.
    asked: Option<(u64, Vec<u32>)>,
    /// When the last rounds that are over were sent, and to how many workers, the latest last.
    over: Vec<(u64, u32)>,
    looked_ns: Option<u64>,
}

impl Heard {
    pub(super) fn answer(&mut self, agent: u32, at_ns: u64) {
        // A target may name any number of agents.
        if self.answered_ns.len() < MAX_AGENTS || self.answered_ns.contains_key(&agent) {
            self.answered_ns.insert(agent, at_ns);
        }
    }

    pub(super) fn round(&mut self, at_ns: u64, workers: u32) {
        if self.rounds.len() == ROUNDS {
            self.rounds.remove(0);
        }
        self.rounds.push((at_ns, workers));
    }

    /// A round is over. When the first of the last ones was sent, and to how many workers the smallest went, once there
    /// are enough and some time has passed.
    fn round_over(&mut self, started_ns: u64, workers: u32, now_ns: u64) -> Option<(u64, u32)> {
        if self.over.len() == ROUNDS {
            self.over.remove(0);
        }
        self.over.push((started_ns, workers));
        if self.over.len() < ROUNDS || self.looked_ns.is_some_and(|at_ns| now_ns < at_ns + LOOK_EVERY_NS) {
            return None;
        }
        self.looked_ns = Some(now_ns);
        let since_ns = self.over.iter().map(|(at_ns, _)| *at_ns).min()?;
        Some((since_ns, self.over.iter().map(|(_, workers)| *workers).min()?))
    }

    fn answered_since(&self, agent: u32, since_ns: u64) -> bool {
        self.answered_ns.get(&agent).is_some_and(|at_ns| *at_ns >= since_ns)
    }

    /// How many answered none of the last rounds; `None` where that is not known.
    pub(super) fn hung(&self) -> Option<u32> {
        let (since_ns, workers) = self.asked.as_ref()?;
        let silent = |agent: &&u32| !self.answered_since(**agent, *since_ns);
        Some(u32::try_from(workers.iter().filter(silent).count()).unwrap_or(u32::MAX))
    }
}

impl State {
    /// A round is over: whoever lived through the last ones and answered none of them, while others did, hangs.
    pub(super) fn look_for_hangs(&mut self, row: &Round, out: &mut Commands) {
        let Some(started_ns) = row.started_ns.filter(|_| self.stage == Stage::Running) else { return };
        let Some((since_ns, count)) = self.heard.round_over(started_ns, row.expected, self.now_ns) else {
            return;
        };
        let asked: Vec<(u32, bool)> = self
            .members
            .iter()
            .filter(|(_, a)| a.role == Role::Worker)
            .take(count as usize)
            .filter(|(_, a)| a.alive && a.since_ns <= since_ns)
            .map(|(number, _)| (number, self.heard.answered_since(number, since_ns)))
            .collect();
        let silent =
            asked.iter().filter(|(agent, answered)| !answered && !self.incidents.hangs.contains_key(agent));
        let silent: Vec<u32> = silent.map(|(agent, _)| *agent).collect();
        // Where nobody answers it is an outage, which is told as one.
        let all_silent = !asked.iter().any(|(_, answered)| *answered);
        let fault_was_near = self.faults.last_over_ns().is_some_and(|at_ns| at_ns >= since_ns);
        if silent.is_empty() || all_silent || fault_was_near {
            return;
        }
        let Some(touched) = self.touched_workers() else { return };
        for agent in silent.into_iter().filter(|agent| !touched.contains(agent)) {
            let seconds = self.now_ns.saturating_sub(since_ns) / 1_000_000_000;
            let what =
                format!("worker {agent} lives and has answered none of {ROUNDS} rounds in {seconds} s");
            let (kind, severity, agent_of) = (IncidentKind::Hang, Severity::Minor, Some(agent));
            let incident = Incident { kind, severity, agent: agent_of, fault: None, what };
            let number = self.begin_incident(self.now_ns, incident, out);
            self.incidents.hangs.insert(agent, number);
        }
    }

    /// An agent that may have hung does not any more.
    pub(super) fn end_hang(&mut self, agent: u32, why: Option<&str>, out: &mut Commands) {
        if self.incidents.hangs.is_empty() {
            return;
        }
        if let Some(number) = self.incidents.hangs.remove(&agent) {
            let what = why.map(|why| format!("worker {agent} hung until {why}"));
            self.end_incident(number, self.now_ns, what, out);
        }
    }

    /// The load is over: from now on only answers to the last rounds are waited for.
    pub(super) fn remember_workers(&mut self) {
        let heard = &self.heard;
        let Some((since_ns, _)) = heard.rounds.first().copied().filter(|_| heard.rounds.len() == ROUNDS)
        else {
            return;
        };
        let smallest = heard.rounds.iter().map(|(_, workers)| *workers).min().unwrap_or(0);
        if self.faults.any_in_effect() || self.faults.last_over_ns().is_some_and(|at_ns| at_ns >= since_ns) {
            return;
        }
        let asked = self.members.iter().filter(|(_, a)| a.role == Role::Worker).take(smallest as usize);
        let there = asked.filter(|(_, a)| a.alive && a.since_ns <= since_ns);
        let workers = there.map(|(number, _)| number).collect();
        self.heard.asked = Some((since_ns, workers));
    }
}
