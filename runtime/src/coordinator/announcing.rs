//! Who can be reached through this agent: told when it gets a way up, and again until it was heard.

use super::Coordinator;
use crate::bus::{Attached, Link};
use crate::clock::now_ns;
use crate::table::State;

impl Coordinator {
    /// Tells those above of this agent and of all that can be reached through it: what was under way to them
    /// is then sent again.
    pub(super) fn announce(&self, link: &mut Link, parent: u32) {
        let at_ns = now_ns();
        self.slot.ready_ns.store(at_ns, std::sync::atomic::Ordering::Relaxed);
        Attached { agent: self.me, epoch: self.epoch, parent, at_ns }.put(link);
        let table = self.swarm.table;
        for agent in 0..table.agents() {
            let slot = table.slot(agent);
            if agent != self.me && slot.state() == State::Ready && self.way_to(agent).is_some() {
                let parent = slot.parent().agent;
                Attached { agent, epoch: slot.epoch(), parent, at_ns }.put(link);
            }
        }
    }

    /// Tells again of this agent and of those right below that can be reached, as far as that was not heard.
    pub(super) fn announce_unheard(&mut self) {
        let Some(up) = &mut self.up else { return };
        let (table, at_ns) = (self.swarm.table, now_ns());
        if !self.slot.is_heard(self.epoch, self.seat) {
            Attached { agent: self.me, epoch: self.epoch, parent: self.seat.agent, at_ns }.put(up);
        }
        for (agent, epoch) in self.children.bound() {
            let slot = table.slot(agent);
            let seat = slot.parent();
            let here = (seat.agent, seat.epoch, slot.epoch()) == (self.me, self.epoch, epoch);
            if here && slot.state() == State::Ready && !slot.is_heard(epoch, seat) {
                Attached { agent, epoch, parent: self.me, at_ns }.put(up);
            }
        }
    }
}
