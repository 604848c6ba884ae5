//! Workers that live and do nothing: each round has a task for every worker, so one that answered none of the
//! last rounds, while others did and no fault was in effect any more, hangs.

use std::collections::HashMap;

use evidence::event::{IncidentKind, Severity};
use evidence::role::Role;
use evidence::round::Round;
use serde::{Deserialize, Serialize};

use super::command::Commands;
use super::incidents::Incident;
use super::state::{Stage, State};
use crate::members::Members;

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
    /// How many hung in the last rounds of a target that ended with its harness; for the time in which the one
    /// after it has had too few.
    before: Option<u32>,
    /// Until when nobody saw all answers, because a harness died while rounds were under way.
    unseen_ns: Option<u64>,
}

/// What the harness after this one needs to know of it. Times are nanoseconds since the start of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hearing {
    /// When the last rounds were sent, and to how many workers, the latest last.
    rounds: Vec<(u64, u32)>,
    /// The same of the last ones that are over.
    over: Vec<(u64, u32)>,
    /// When each agent last answered.
    answered_ns: Vec<(u32, u64)>,
    /// How many hung in the target before the present one.
    before: Option<u32>,
}

impl Hearing {
    /// About how much memory it takes beside itself.
    pub(crate) fn weight(&self) -> usize {
        2 * size_of_val(self.over.as_slice()) + size_of_val(self.answered_ns.as_slice())
    }
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
        if self.rounds.len() == ROUNDS {
            self.before = None;
        }
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
        let Some((since_ns, workers)) = &self.asked else { return self.before };
        let silent = workers.iter().filter(|agent| !self.answered_since(**agent, *since_ns)).count();
        let unseen = self.unseen_ns.is_some_and(|until_ns| *since_ns < until_ns);
        // Who is silent may have answered what a dead harness read and could not write down.
        (silent == 0 || !unseen).then_some(u32::try_from(silent).unwrap_or(u32::MAX))
    }

    pub(super) fn standing(&self) -> Hearing {
        let mut answered_ns: Vec<(u32, u64)> = self.answered_ns.iter().map(|(a, at)| (*a, *at)).collect();
        answered_ns.sort_unstable();
        let (rounds, over) = (self.rounds.clone(), self.over.clone());
        Hearing { rounds, over, answered_ns, before: self.before }
    }

    /// What the harness before this one had heard, until `now_ns`.
    pub(super) fn of_the_dead(was: &Hearing, now_ns: u64) -> Self {
        let Hearing { rounds, over, answered_ns, before } = was.clone();
        let unseen_ns = rounds.iter().any(|round| !over.contains(round)).then_some(now_ns);
        let answered_ns = answered_ns.into_iter().collect();
        Self { answered_ns, rounds, over, before, unseen_ns, ..Self::default() }
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
        self.heard.asked = self.asked_of(&self.members);
    }

    /// When the first of the last rounds was sent, and who of `members` had a task in all of them; `None` with too few
    /// rounds, or where a fault was in effect.
    fn asked_of(&self, members: &Members) -> Option<(u64, Vec<u32>)> {
        let rounds = &self.heard.rounds;
        let (since_ns, _) = rounds.first().copied().filter(|_| rounds.len() == ROUNDS)?;
        let smallest = rounds.iter().map(|(_, workers)| *workers).min().unwrap_or(0);
        if self.faults.any_in_effect() || self.faults.last_over_ns().is_some_and(|at_ns| at_ns >= since_ns) {
            return None;
        }
        let asked = members.iter().filter(|(_, a)| a.role == Role::Worker).take(smallest as usize);
        let there = asked.filter(|(_, a)| a.alive && a.since_ns <= since_ns);
        Some((since_ns, there.map(|(number, _)| number).collect()))
    }

    /// Another target takes the place of the one that `then` was: what is known of that stands until the new one has had
    /// its rounds.
    pub(super) fn hear_another(&mut self, then: &Members) {
        self.heard.asked = self.asked_of(then);
        self.heard = Heard { before: self.heard.hung(), ..Heard::default() };
    }
}
