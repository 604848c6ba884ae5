//! Who is who in the target, as far as it tells.

use std::collections::BTreeMap;

use evidence::role::Role;
use protocol::{Member, MemberState};

use crate::checkpoint::Known;

/// One agent as it was last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// What it does.
    pub role: Role,
    /// Its process; 0 where it has none of its own.
    pub pid: u32,
    /// Which of its lives.
    pub epoch: u32,
    /// Whom it reports to.
    pub parent: Option<u32>,
    /// Whether its process is there.
    pub alive: bool,
    /// Since when this life of it has been there, in nanoseconds since the start of the run.
    pub since_ns: u64,
}

impl Agent {
    /// In the words of the protocol.
    #[must_use]
    pub fn member(self, number: u32) -> Member {
        let Self { role, pid, epoch, parent, .. } = self;
        Member { agent: number, role: to_protocol(role), pid, epoch, parent }
    }
}

/// All agents of the target.
#[derive(Debug, Default)]
pub struct Members {
    agents: BTreeMap<u32, Agent>,
    leader: Option<u32>,
}

/// What the protocol calls a role, in the words of the evidence.
#[must_use]
pub fn role(role: protocol::Role) -> Role {
    match role {
        protocol::Role::Master => Role::Master,
        protocol::Role::Coordinator => Role::Coordinator,
        protocol::Role::Worker => Role::Worker,
    }
}

/// The same in the other direction.
#[must_use]
pub fn to_protocol(role: Role) -> protocol::Role {
    match role {
        Role::Master => protocol::Role::Master,
        Role::Coordinator => protocol::Role::Coordinator,
        Role::Worker => protocol::Role::Worker,
    }
}

impl Members {
    /// The agents of a target that is ready.
    #[must_use]
    pub fn ready(members: &[Member], at_ns: u64) -> Self {
        let agents: BTreeMap<u32, Agent> = members.iter().map(|m| (m.agent, agent(m, true, at_ns))).collect();
        let first = |wanted| agents.iter().find(|(_, a)| a.role == wanted).map(|(number, _)| *number);
        let leader = first(Role::Master).or_else(|| first(Role::Coordinator));
        Self { agents, leader }
    }

    /// The agents as an earlier harness knew them.
    #[must_use]
    pub fn known(known: &[Known], leader: Option<u32>) -> Self {
        let entry = |k: &Known| (k.member.agent, agent(&k.member, k.alive, k.since_ns));
        Self { agents: known.iter().map(entry).collect(), leader }
    }

    /// The same for the harness after this one.
    #[must_use]
    pub fn to_known(&self) -> (Vec<Known>, Option<u32>) {
        let known = |(number, agent): (u32, Agent)| Known {
            member: agent.member(number),
            alive: agent.alive,
            since_ns: agent.since_ns,
        };
        (self.iter().map(known).collect(), self.leader)
    }

    /// Enters what became of an agent.
    pub fn changed(&mut self, member: &Member, state: MemberState, at_ns: u64) {
        let known = self.agents.entry(member.agent).or_insert_with(|| agent(member, true, at_ns));
        // News of an earlier life may come after news of the present one.
        if member.epoch < known.epoch {
            return;
        }
        let alive = match state {
            MemberState::Left => false,
            MemberState::Replaced => true,
            MemberState::Moved | MemberState::Fenced => known.alive || member.epoch > known.epoch,
        };
        let since_ns = if member.epoch > known.epoch { at_ns } else { known.since_ns };
        *known = agent(member, alive, since_ns);
    }

    /// The process of this agent has vanished; whether it was thought to be there.
    pub fn vanished(&mut self, number: u32, pid: u32) -> bool {
        match self.agents.get_mut(&number) {
            Some(agent) if agent.alive && agent.pid == pid => {
                agent.alive = false;
                true
            }
            _ => false,
        }
    }

    /// An agent took over the place of another.
    pub fn elected(&mut self, number: u32, replaces: u32) {
        if self.leader == Some(replaces) {
            self.leader = Some(number);
        }
    }

    /// The agent with this number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<Agent> {
        self.agents.get(&number).copied()
    }

    /// All agents by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Agent)> {
        self.agents.iter().map(|(number, agent)| (*number, *agent))
    }

    /// How many are alive.
    #[must_use]
    pub fn alive(&self) -> u32 {
        u32::try_from(self.agents.values().filter(|a| a.alive).count()).unwrap_or(u32::MAX)
    }

    /// How many are known.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.agents.len()).unwrap_or(u32::MAX)
    }

    /// How many have this role, alive or not.
    #[must_use]
    pub fn of_role(&self, role: Role) -> u32 {
        u32::try_from(self.agents.values().filter(|a| a.role == role).count()).unwrap_or(u32::MAX)
    }

    /// The agents at these places among those of a role. For the master, whoever leads now.
    #[must_use]
    pub fn at_places(&self, wanted: Role, places: &[u32]) -> Vec<(u32, Agent)> {
        if wanted == Role::Master {
            return self.leader.and_then(|leader| Some((leader, self.get(leader)?))).into_iter().collect();
        }
        let of_role: Vec<u32> =
            self.agents.iter().filter(|(_, a)| a.role == wanted).map(|(number, _)| *number).collect();
        let at = |place: &u32| {
            let number = *of_role.get(*place as usize)?;
            Some((number, self.get(number)?))
        };
        places.iter().filter_map(at).collect()
    }

    /// The workers that work for these agents: themselves, their children, their children's children; all of
    /// them where the leader of all is among them.
    #[must_use]
    pub fn workers_under(&self, agents: &[u32]) -> Vec<u32> {
        let all = self.leader.is_some_and(|leader| agents.contains(&leader));
        let workers = self.agents.iter().filter(|(_, a)| a.role == Role::Worker);
        workers.map(|(number, _)| *number).filter(|worker| all || self.is_under(*worker, agents)).collect()
    }

    fn is_under(&self, worker: u32, agents: &[u32]) -> bool {
        let mut at = Some(worker);
        // As many steps as there can be levels: a target may tell of a circle.
        for _ in 0..16 {
            match at {
                Some(number) if agents.contains(&number) => return true,
                Some(number) => at = self.get(number).and_then(|a| a.parent),
                None => return false,
            }
        }
        false
    }
}

fn agent(member: &Member, alive: bool, since_ns: u64) -> Agent {
    let Member { role: of, pid, epoch, parent, .. } = *member;
    Agent { role: role(of), pid, epoch, parent, alive, since_ns }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(agent: u32, role: protocol::Role, parent: Option<u32>) -> Member {
        Member { agent, role, pid: 1000 + agent, epoch: 1, parent }
    }

    /// A master, two coordinators below it, four workers below those.
    fn deep() -> Members {
        use protocol::Role::{Coordinator, Master, Worker};
        Members::ready(
            &[
                member(0, Master, None),
                member(1, Coordinator, Some(0)),
                member(2, Coordinator, Some(1)),
                member(3, Worker, Some(1)),
                member(4, Worker, Some(2)),
                member(5, Worker, Some(2)),
                member(6, Worker, Some(0)),
            ],
            0,
        )
    }

    #[test]
    fn the_workers_of_a_coordinator_are_those_below_it_at_any_depth() {
        for (agents, workers) in
            [(vec![2], vec![4, 5]), (vec![1], vec![3, 4, 5]), (vec![0], vec![3, 4, 5, 6]), (vec![6], vec![6])]
        {
            assert_eq!(deep().workers_under(&agents), workers, "below {agents:?}");
        }
    }

    #[test]
    fn the_master_is_whoever_leads_now() {
        let mut members = deep();
        let master = |m: &Members| m.at_places(Role::Master, &[0])[0].0;
        assert_eq!(master(&members), 0);
        members.elected(2, 1);
        assert_eq!(master(&members), 0, "a coordinator's place is not the master's");
        members.elected(1, 0);
        assert_eq!(master(&members), 1);
    }

    #[test]
    fn late_news_of_an_earlier_life_changes_nothing() {
        let mut members = deep();
        let mut again = member(4, protocol::Role::Worker, Some(2));
        members.changed(&again, MemberState::Left, 5);
        assert_eq!(members.alive(), 6);
        again.epoch = 2;
        members.changed(&again, MemberState::Replaced, 7);
        again.epoch = 1;
        members.changed(&again, MemberState::Left, 5);
        assert_eq!(members.alive(), 7);
        assert_eq!(members.get(4).map(|a| a.since_ns), Some(7));
    }
}
