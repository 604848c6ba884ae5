//! The lease: an agent that leads and shows no sign of life is looked at, and given up if it is stopped or hung.

use std::collections::HashMap;

use super::Coordinator;
use super::children::Look;
use super::repeating::News;
use crate::bus::{Beat, Lost};
use crate::clock::now_ns;
use crate::process::{Vitals, vitals};
use crate::table::{Slot, State};

/// How many leases an agent may go without a sign of life although it is starved rather than hung.
const STARVED_LEASES: u64 = 20;

/// What was last seen of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    epoch: u32,
    beat: u64,
    /// When the beat was first seen.
    beat_ns: u64,
    /// Since when the lease runs: the beat, or the last time it was extended.
    since_ns: u64,
    cpu_ns: u64,
}

/// What was last seen of all watched agents, and when this agent itself last looked.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: HashMap<u32, Seen>,
    looked_ns: u64,
}

/// What is to be done about an agent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Well,
    Extended,
    GiveUp,
}

impl Watch {
    /// Notes the time of a look; if this agent itself was away for long, or its clock has jumped, all leases start
    /// anew.
    pub(crate) fn begin(&mut self, now: u64, lease_ns: u64) {
        if now < self.looked_ns || now - self.looked_ns > lease_ns {
            self.seen.clear();
        }
        self.looked_ns = now;
    }

    pub(crate) fn look(&mut self, agent: u32, slot: &Slot, now: u64, lease_ns: u64) -> Finding {
        self.judge(agent, (slot.epoch(), slot.beat()), now, lease_ns, || vitals(slot.pid()))
    }

    fn judge(
        &mut self,
        agent: u32,
        (epoch, beat): (u32, u64),
        now: u64,
        lease_ns: u64,
        vitals: impl FnOnce() -> Vitals,
    ) -> Finding {
        let fresh = Seen { epoch, beat, beat_ns: now, since_ns: now, cpu_ns: 0 };
        let seen = self.seen.entry(agent).or_insert(fresh);
        if (seen.epoch, seen.beat) != (epoch, beat) {
            *seen = fresh;
        }
        if now.saturating_sub(seen.since_ns) < lease_ns {
            return Finding::Well;
        }
        let starved = match vitals() {
            Vitals::Stopped | Vitals::Gone => false,
            Vitals::Running => true,
            Vitals::Sleeping(cpu_ns) => std::mem::replace(&mut seen.cpu_ns, cpu_ns) != cpu_ns,
        };
        if starved && now.saturating_sub(seen.beat_ns) < lease_ns * STARVED_LEASES {
            seen.since_ns = now;
            return Finding::Extended;
        }
        self.seen.remove(&agent);
        Finding::GiveUp
    }
}

impl Coordinator {
    /// Tells those right above and below of this agent's life by way of the bus, and gives up those below that it
    /// does not reach, unless it is cut off itself.
    pub(super) fn listen_around(&mut self) {
        let (now_ns, lease_ns) = (now_ns(), self.lease_ns());
        let steady_since_ns = self.steady.look(now_ns, lease_ns, self.swarm.mail_refused());
        let Some(up) = &mut self.up else { return };
        if up.take_heard() {
            self.above.heard(now_ns, 0);
        }
        Beat { agent: self.me, silent_ms: self.above.silent_ms(now_ns), at_ns: now_ns }.put(up);
        let look = Look { me: self.me, now_ns, lease_ns, steady_since_ns };
        let table = self.swarm.table;
        let cut = self.children.beat(&look, |agent| table.slot(agent).beat());
        if !self.above.is_sound(now_ns, lease_ns) {
            return;
        }
        for (agent, epoch) in cut {
            let (slot, seat) = (table.slot(agent), table.slot(agent).parent());
            let serves = slot.state() == State::Ready && slot.epoch() == epoch;
            if serves && (seat.agent, seat.epoch) == (self.me, self.epoch) {
                self.give_up(agent, epoch);
            }
        }
    }

    fn lease_ns(&self) -> u64 {
        self.swarm.config.lease_ms * 1_000_000
    }

    /// The leader looks at all others that lead.
    pub(super) fn watch_others(&mut self, now: u64) {
        let lease_ns = self.lease_ns();
        self.watch.begin(now, lease_ns);
        for agent in 0..self.swarm.config.shape.inner() {
            let slot = self.swarm.table.slot(agent);
            if agent == self.me || slot.state() != State::Ready {
                continue;
            }
            let epoch = slot.epoch();
            match self.watch.look(agent, slot, now, lease_ns) {
                Finding::Well => {}
                Finding::Extended => self.count_extension(),
                Finding::GiveUp => {
                    self.give_up(agent, epoch);
                }
            }
        }
    }

    /// The others look at the leader, those that could take its place.
    pub(super) fn watch_leader(&mut self, now: u64) {
        if !self.swarm.config.shape.may_lead(self.me) {
            return;
        }
        self.mind_leader();
        let leader = self.swarm.table.leader();
        let slot = self.swarm.table.slot(leader.agent);
        if leader.agent == self.me || slot.state() != State::Ready {
            return;
        }
        let lease_ns = self.lease_ns();
        self.watch.begin(now, lease_ns);
        match self.watch.look(leader.agent, slot, now, lease_ns) {
            Finding::Well => {}
            Finding::Extended => self.count_extension(),
            Finding::GiveUp => self.lost_leader(leader, true),
        }
    }

    fn give_up(&mut self, agent: u32, epoch: u32) {
        let lost = Lost { agent, epoch, by: self.me, lease: true, at_ns: now_ns() };
        self.tell(News::Lost(lost));
        self.mind_loss(&lost);
    }

    fn count_extension(&self) {
        self.swarm.table.head().leases_extended.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: u64 = 500;

    fn judge(watch: &mut Watch, beat: u64, now: u64, vitals: Vitals) -> Finding {
        watch.judge(1, (1, beat), now, LEASE, || vitals)
    }

    #[test]
    fn an_agent_that_beats_is_well_and_one_that_is_stopped_is_given_up_after_its_lease() {
        let mut watch = Watch::default();
        for now in (0..2_000).step_by(100) {
            assert_eq!(judge(&mut watch, now, now, Vitals::Stopped), Finding::Well);
        }
        assert_eq!(judge(&mut watch, 1_900, 2_399, Vitals::Stopped), Finding::Well);
        assert_eq!(judge(&mut watch, 1_900, 2_400, Vitals::Stopped), Finding::GiveUp);
    }

    #[test]
    fn a_starved_agent_is_not_dead_but_one_that_sleeps_and_does_nothing_is() {
        let mut watch = Watch::default();
        judge(&mut watch, 0, 0, Vitals::Running);
        assert_eq!(judge(&mut watch, 0, 500, Vitals::Running), Finding::Extended);
        assert_eq!(judge(&mut watch, 0, 1_000, Vitals::Sleeping(7)), Finding::Extended);
        assert_eq!(judge(&mut watch, 0, 1_500, Vitals::Sleeping(7)), Finding::GiveUp);
    }

    #[test]
    fn even_a_busy_agent_is_given_up_in_the_end() {
        let mut watch = Watch::default();
        judge(&mut watch, 0, 0, Vitals::Running);
        let given_up = (1..).find(|n| judge(&mut watch, 0, n * LEASE, Vitals::Running) == Finding::GiveUp);
        assert_eq!(given_up, Some(STARVED_LEASES));
    }

    #[test]
    fn a_watcher_that_was_stopped_itself_accuses_nobody() {
        let mut watch = Watch::default();
        watch.begin(1_000, LEASE);
        judge(&mut watch, 0, 1_000, Vitals::Stopped);
        watch.begin(9_000, LEASE);
        assert_eq!(judge(&mut watch, 0, 9_000, Vitals::Stopped), Finding::Well);
    }

    #[test]
    fn a_watcher_whose_clock_jumps_accuses_nobody() {
        let mut watch = Watch::default();
        for (now, beat) in [(1_000_000, 1), (1_100_000, 2), (5_000, 3), (5_100, 4), (9_000_000, 5)] {
            watch.begin(now, LEASE);
            assert_eq!(judge(&mut watch, beat, now, Vitals::Stopped), Finding::Well, "at {now}");
        }
    }
}
