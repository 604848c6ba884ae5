//! What the leader does: it ends the epochs of those that are lost and finds others for whom they leave
//! behind. It works from the table alone, so that a new leader simply goes on.

use std::collections::BTreeMap;

use super::Coordinator;
use super::repeating::News;
use crate::bus::{Elected, Lost, Moved};
use crate::clock::{now_ns, own_ns};
use crate::process::nudge;
use crate::shape::Shape;
use crate::table::{GATEWAY, Place, State, Table};

/// How long a returned coordinator must have been ready before its own agents are given back to it, so that
/// work that was just sent again is not disturbed once more.
const SETTLED_NS: u64 = 100_000_000;

/// What a leader remembers between two looks.
#[derive(Debug, Default)]
pub(super) struct Leading {
    /// When the agents of a lost one were first found without a place, and how many had been lost before (for the
    /// defects that delay).
    orphaned: BTreeMap<u32, (u64, u64)>,
    /// How many were lost whose agents got another place.
    lost: u64,
}

impl Coordinator {
    /// Takes the lead if its holder's epoch is over. The successor of that holder leaves it to those who have
    /// been there all along, if there are any: they are about to notice.
    pub(super) fn mind_leader(&mut self) {
        let (shape, table) = (self.swarm.config.shape, self.swarm.table);
        let leader = table.leader();
        if table.holds(leader) || !shape.may_lead(self.me) {
            return;
        }
        let another_may = |agent| agent != self.me && shape.may_lead(agent) && table.slot(agent).serves();
        if leader.agent != self.me || !(0..shape.inner()).any(another_may) {
            self.take_lead(leader, None);
        }
    }

    /// The leader is lost: its epoch ends, and whoever is fastest takes its place.
    pub(super) fn lost_leader(&mut self, leader: Place, lease: bool) {
        let slot = self.swarm.table.slot(leader.agent);
        slot.end_epoch(leader.epoch);
        if lease {
            slot.fence();
        }
        if self.swarm.config.shape.may_lead(self.me) {
            let (agent, epoch) = (leader.agent, leader.epoch);
            let lost = Lost { agent, epoch, by: self.me, lease, at_ns: now_ns() };
            self.take_lead(leader, Some(lost));
        }
    }

    fn take_lead(&mut self, before: Place, lost: Option<Lost>) {
        if self.swarm.rules.cut(self.me, GATEWAY) {
            // It could lead nobody anywhere.
            return;
        }
        let Some(place) = self.swarm.table.take_lead(before, self.me, self.epoch) else { return };
        let elected = Elected { agent: self.me, replaces: before.agent, term: place.turn, at_ns: now_ns() };
        self.slot.set_parent(GATEWAY, 0);
        self.attach(self.slot.parent());
        if let Some(lost) = lost {
            self.tell(News::Lost(lost));
        }
        self.tell(News::Elected(elected));
        self.place_orphans(own_ns());
        self.flush();
    }

    /// An agent that leads is lost: its epoch ends and those below it get another.
    pub(super) fn end_of(&mut self, lost: &Lost) {
        let slot = self.swarm.table.slot(lost.agent);
        slot.end_epoch(lost.epoch);
        if lost.lease {
            slot.fence();
        }
        self.place_orphans(own_ns());
    }

    /// The leader's work at every tick.
    pub(super) fn settle(&mut self, now: u64) {
        self.place_orphans(now);
        self.send_home();
    }

    /// Gives every agent whose parent's epoch is over a new one.
    fn place_orphans(&mut self, now: u64) {
        let table = self.swarm.table;
        let mut lost: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for agent in 0..table.agents() {
            if agent != self.me && table.slot(agent).state() != State::Dead && is_orphan(table, agent) {
                lost.entry(table.slot(agent).parent().agent).or_default().push(agent);
            }
        }
        self.leading.orphaned.retain(|from, _| lost.contains_key(from));
        for (from, orphans) in lost {
            let before = self.leading.lost;
            let (since, before) = *self.leading.orphaned.entry(from).or_insert((now, before));
            let (held, orphans) = self.held_back(orphans, now.saturating_sub(since), before);
            if !orphans.is_empty() {
                self.place(from, &orphans);
            }
            if !held {
                self.leading.orphaned.remove(&from);
                self.leading.lost += u64::from(from != GATEWAY);
            }
        }
    }

    /// Leaves out workers that the planted defects keep from getting a coordinator; whether there were any.
    fn held_back(&self, orphans: Vec<u32>, waited_ns: u64, lost_before: u64) -> (bool, Vec<u32>) {
        let delay_ns = self.swarm.config.defects.reassign_after_ns(lost_before);
        if delay_ns.is_some_and(|delay_ns| waited_ns >= delay_ns) {
            return (false, orphans);
        }
        let inner = self.swarm.config.shape.inner();
        (true, orphans.into_iter().filter(|agent| *agent < inner).collect())
    }

    fn place(&mut self, from: u32, orphans: &[u32]) {
        let at_ns = now_ns();
        let table = self.swarm.table;
        let mut pairs = Vec::with_capacity(orphans.len());
        let mut load = Load::count(self.swarm.config.shape, table);
        for agent in orphans {
            let to = load.least_loaded(*agent, Some(from)).unwrap_or(self.me);
            let slot = table.slot(*agent);
            // A leader that was deposed a moment ago takes over nobody: its own epoch is the one that is over.
            let epoch = if to == self.me { self.epoch } else { table.slot(to).epoch() };
            slot.set_parent(to, epoch);
            pairs.push((*agent, to));
        }
        for agent in orphans {
            nudge(table.slot(*agent));
        }
        if from != GATEWAY {
            let moved = Moved { from, epoch: table.slot(from).epoch(), at_ns, pairs };
            self.tell(News::Moved(moved));
        }
        // Out at once: the gateway follows the move.
        self.flush_up();
    }

    /// Gives agents back to the coordinator that they belong to, once it has been ready for a while.
    fn send_home(&self) {
        let now = now_ns();
        let (shape, table) = (self.swarm.config.shape, self.swarm.table);
        for agent in 0..table.agents() {
            let Some(home) = shape.home(agent).filter(|home| shape.level(*home) > 0) else { continue };
            let (slot, host) = (table.slot(agent), table.slot(home));
            let ready_ns = host.ready_ns.load(std::sync::atomic::Ordering::Relaxed);
            if slot.parent().agent != home
                && slot.state() == State::Ready
                && !is_orphan(table, agent)
                && host.serves()
                && now.saturating_sub(ready_ns) > SETTLED_NS
            {
                slot.set_parent(home, host.epoch());
                nudge(slot);
            }
        }
    }
}

/// Whether an agent's place is gone: its parent's epoch is over, or it has the leader's place without leading.
fn is_orphan(table: Table, agent: u32) -> bool {
    let seat = table.slot(agent).parent();
    if seat.agent == GATEWAY { table.leader().agent != agent } else { !table.holds(seat) }
}

/// How many agents each one leads, for spreading others evenly.
pub(crate) struct Load {
    shape: Shape,
    serving: Vec<(u32, u32)>,
}

impl Load {
    /// Counts those that can be given agents to lead.
    pub(crate) fn count(shape: Shape, table: Table) -> Self {
        let mut counts = vec![0; shape.inner() as usize];
        for agent in 0..table.agents() {
            let seat = table.slot(agent).parent();
            if seat.agent != GATEWAY && table.holds(seat) {
                counts[seat.agent as usize] += 1;
            }
        }
        let serving = (0..).zip(counts).filter(|(agent, _)| table.slot(*agent).serves()).collect();
        Self { shape, serving }
    }

    /// Who is to lead an agent: of those on its home's level the one that leads fewest, which then counts one
    /// more; the one that was just lost only if there is no other. `None` if the agent belongs to the leader
    /// or nobody on that level serves.
    pub(crate) fn least_loaded(&mut self, agent: u32, lost: Option<u32>) -> Option<u32> {
        let level = self.shape.level(self.shape.home(agent)?);
        if level == 0 {
            return None;
        }
        let shape = self.shape;
        let (to, count) = self
            .serving
            .iter_mut()
            .filter(|(host, _)| shape.level(*host) == level)
            .min_by_key(|(host, count)| (Some(*host) == lost, *count))?;
        *count += 1;
        Some(*to)
    }
}
