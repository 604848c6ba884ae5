//! What the gateway knows of each agent beyond the table: what it has told of it, and whether it can be reached.

use protocol::Member;

use crate::bus::Attached;
use crate::swarm::Swarm;
use crate::table::{GATEWAY, Place, State};

/// A process that lives at least so long did not die at once.
const QUICK_NS: u64 = 100_000_000;
/// How many quick deaths in a row are followed by a new start without a pause.
const FREE_RESTARTS: u32 = 3;
const LONGEST_PAUSE_NS: u64 = 5_000_000_000;

#[derive(Debug, Clone, Default)]
struct Known {
    attached: bool,
    pid: u32,
    epoch: u32,
    parent: Option<u32>,
    suspected_epoch: u32,
    quick_deaths: u32,
}

/// What an attachment meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Its first in this epoch.
    New,
    /// It has another parent than before.
    Moved,
    /// It has the same parent as before, but had to come back to it.
    Back,
    /// It is where it was, as is known.
    Same,
}

/// All agents.
#[derive(Debug)]
pub(super) struct Members {
    swarm: &'static Swarm,
    known: Vec<Known>,
    living: Vec<u32>,
    living_is_stale: bool,
}

impl Members {
    pub(super) fn new(swarm: &'static Swarm) -> Self {
        let agents = swarm.config.shape.agents() as usize;
        Self { swarm, known: vec![Known::default(); agents], living: Vec::new(), living_is_stale: true }
    }

    fn known(&mut self, agent: u32) -> &mut Known {
        &mut self.known[agent as usize]
    }

    pub(super) fn is_attached(&self, agent: u32) -> bool {
        self.known[agent as usize].attached
    }

    /// The epoch in which an agent was last attached.
    pub(super) fn epoch(&self, agent: u32) -> u32 {
        self.known[agent as usize].epoch
    }

    /// How many agents can be reached.
    pub(super) fn attached(&self) -> usize {
        self.known.iter().filter(|known| known.attached).count()
    }

    /// Agents that cannot be reached.
    pub(super) fn missing(&self) -> Vec<u32> {
        (0..).zip(&self.known).filter(|(_, known)| !known.attached).map(|(agent, _)| agent).collect()
    }

    /// Nobody can be reached until it has announced itself again.
    pub(super) fn lose_all(&mut self) {
        for (agent, known) in (0..).zip(&mut self.known) {
            known.attached = false;
            self.swarm.table.slot(agent).forget();
        }
    }

    pub(super) fn attach(&mut self, news: &Attached) -> Arrival {
        let slot = self.swarm.table.slot(news.agent);
        let seat_epoch = (news.parent != GATEWAY).then(|| self.swarm.table.slot(news.parent).epoch());
        let seat = Place { agent: news.parent, epoch: seat_epoch.unwrap_or(0), turn: 0 };
        let unheard = slot.set_heard(news.epoch, seat);
        let pid = slot.pid();
        let parent = (news.parent != GATEWAY).then_some(news.parent);
        self.living_is_stale = true;
        let known = self.known(news.agent);
        let arrival = match (known.epoch == news.epoch, known.parent == parent) {
            (false, _) => Arrival::New,
            (true, false) => Arrival::Moved,
            (true, true) if unheard || !known.attached => Arrival::Back,
            (true, true) => Arrival::Same,
        };
        *known = Known { attached: true, pid, epoch: news.epoch, parent, ..known.clone() };
        arrival
    }

    /// An agent's process is gone. For how long it must not be started again, in nanoseconds.
    pub(super) fn leave(&mut self, agent: u32, lived_ns: u64) -> u64 {
        self.living_is_stale = true;
        let known = self.known(agent);
        known.attached = false;
        known.quick_deaths = if lived_ns < QUICK_NS { known.quick_deaths + 1 } else { 0 };
        match known.quick_deaths.checked_sub(FREE_RESTARTS + 1) {
            None => 0,
            Some(power) => (100_000_000u64 << power.min(6)).min(LONGEST_PAUSE_NS),
        }
    }

    /// Whether the end of this epoch of an agent is news; it is not from then on.
    pub(super) fn suspect(&mut self, agent: u32, epoch: u32) -> bool {
        let known = self.known(agent);
        let news = epoch > known.suspected_epoch;
        known.suspected_epoch = known.suspected_epoch.max(epoch);
        news
    }

    /// An agent as it was last known.
    pub(super) fn member(&self, agent: u32) -> Member {
        let known = &self.known[agent as usize];
        let role = self.swarm.config.shape.role(agent);
        Member { agent, role, pid: known.pid, epoch: known.epoch, parent: known.parent }
    }

    pub(super) fn all(&self) -> Vec<Member> {
        (0..self.known.len() as u32).map(|agent| self.member(agent)).collect()
    }

    /// The workers that have a process, in order. If none has, all of them as long as they will be replaced.
    pub(super) fn living(&mut self) -> &[u32] {
        if std::mem::take(&mut self.living_is_stale) {
            let table = self.swarm.table;
            let workers = self.swarm.config.shape.workers();
            self.living = workers.clone().filter(|w| table.slot(*w).state() != State::Dead).collect();
            if self.living.is_empty() && self.swarm.config.replace {
                self.living = workers.collect();
                self.living_is_stale = true;
            }
        }
        &self.living
    }

    /// The process of an agent was started or has ended.
    pub(super) fn touch(&mut self) {
        self.living_is_stale = true;
    }
}
