//! The gateway looks after the leader: one that is cut off from it is deposed, so that another takes its place, and
//! one that stands still with nobody to take its place is replaced.

use protocol::{How, MemberState};

use super::running::{Phase, Running};
use crate::bus::Beat;
use crate::clock::now_ns;
use crate::coordinator::{Finding, Watch};
use crate::hearing::{Hearing, Steady};
use crate::process::kill_agent;
use crate::table::{GATEWAY, Place, Slot, State};

/// How many leases a leader may be without any way to the gateway.
const WAYLESS_LEASES: u64 = 2;

/// What the gateway knows of the leader beyond the table.
#[derive(Debug)]
pub(super) struct Overseeing {
    next_ns: u64,
    steady: Steady,
    hearing: Hearing,
    /// Whose way was last seen, and when.
    way: Option<(Place, u64)>,
    watch: Watch,
}

impl Overseeing {
    pub(super) fn new(now_ns: u64) -> Self {
        Self {
            next_ns: now_ns,
            steady: Steady::default(),
            hearing: Hearing::new(now_ns, 0),
            way: None,
            watch: Watch::default(),
        }
    }

    /// There is a new way to a leader.
    pub(super) fn begin(&mut self, now_ns: u64, beat: u64) {
        self.hearing = Hearing::new(now_ns, beat);
    }

    /// The leader has said for how long it has heard nothing.
    pub(super) fn told(&mut self, beat: &Beat) {
        self.hearing.told(beat.at_ns, beat.silent_ms);
    }

    pub(super) fn next_ns(&self) -> u64 {
        self.next_ns
    }
}

impl Running {
    /// Looks at the leader, if it is time.
    pub(super) fn oversee(&mut self, now: u64) {
        if !self.ready || self.phase != Phase::Working || now < self.overseeing.next_ns {
            return;
        }
        let lease_ns = self.swarm.config.lease_ms * 1_000_000;
        self.overseeing.next_ns = now + lease_ns / 5;
        let steady_since_ns = self.overseeing.steady.look(now, lease_ns, self.swarm.mail_refused());
        let leader = self.swarm.table.leader();
        let slot = self.swarm.table.slot(leader.agent);
        if slot.epoch() != leader.epoch || slot.state() != State::Ready {
            return;
        }
        let cut = self.beat(slot, now, lease_ns, steady_since_ns) || self.has_no_way(leader, now, lease_ns);
        if self.another_may_lead(leader.agent) {
            if cut {
                self.depose(leader);
            }
        } else if self.stands_still(leader, slot, now, lease_ns) {
            self.depose(leader);
            // It may be stopped for good, and the number is needed.
            kill_agent(slot);
        }
    }

    /// Sends the leader a beat; whether it is cut off.
    fn beat(&mut self, slot: &Slot, now: u64, lease_ns: u64, steady_since_ns: u64) -> bool {
        let Some(link) = self.route.and_then(|route| self.links[route].as_mut()) else { return false };
        let hearing = &mut self.overseeing.hearing;
        if link.take_heard() {
            hearing.heard(now, slot.beat());
        }
        Beat { agent: GATEWAY, silent_ms: hearing.silent_ms(now), at_ns: now }.put(link);
        hearing.is_cut(now, slot.beat(), lease_ns, steady_since_ns)
    }

    /// Whether the leader has been without any way to the gateway for long.
    fn has_no_way(&mut self, leader: Place, now: u64, lease_ns: u64) -> bool {
        let since = match self.overseeing.way {
            Some((place, seen_ns)) if place == leader && self.route.is_none() => seen_ns,
            _ => now,
        };
        self.overseeing.way = Some((leader, since));
        now - since > WAYLESS_LEASES * lease_ns
    }

    fn another_may_lead(&self, leader: u32) -> bool {
        let (shape, table) = (self.swarm.config.shape, self.swarm.table);
        (0..shape.inner()).any(|agent| agent != leader && shape.may_lead(agent) && table.slot(agent).serves())
    }

    fn stands_still(&mut self, leader: Place, slot: &Slot, now: u64, lease_ns: u64) -> bool {
        let watch = &mut self.overseeing.watch;
        watch.begin(now, lease_ns);
        watch.look(leader.agent, slot, now, lease_ns) == Finding::GiveUp && self.swarm.config.replace
    }

    /// Ends the leader's epoch. Others notice, and the fastest takes its place.
    fn depose(&mut self, leader: Place) {
        let slot = self.swarm.table.slot(leader.agent);
        if !slot.end_epoch(leader.epoch) {
            return;
        }
        slot.fence();
        let at_ns = now_ns();
        self.suspect(leader.agent, leader.epoch, None, How::Lease, at_ns);
        self.tell_member(leader.agent, MemberState::Fenced, None, at_ns);
    }
}
