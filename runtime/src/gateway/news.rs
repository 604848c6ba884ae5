//! What the agents tell of themselves: who is attached where, and who was lost.

use protocol::{How, Member, MemberState, Report};

use super::members::Arrival;
use super::running::{Phase, Running};
use crate::bus::{Attached, Lost};
use crate::shape::Shape;
use crate::spawner::Exit;

impl Running {
    /// An agent can be reached: what waits for it, or was swallowed on the way to it, is sent.
    pub(super) fn on_attached(&mut self, news: &Attached, now: u64) {
        let slot = self.swarm.table.slot(news.agent);
        if slot.epoch() != news.epoch {
            return;
        }
        let arrival = self.members.attach(news);
        if arrival == Arrival::Same {
            return;
        }
        if arrival == Arrival::New {
            let forked_ns = slot.forked_ns.load(std::sync::atomic::Ordering::Relaxed);
            self.metrics.spawned(news.at_ns.saturating_sub(forked_ns));
        }
        if self.ready {
            let state = match arrival {
                Arrival::New => Some(MemberState::Replaced),
                Arrival::Moved => Some(MemberState::Moved),
                Arrival::Back | Arrival::Same => None,
            };
            if let Some(state) = state {
                self.tell_member(news.agent, state, None, news.at_ns);
            }
        }
        if is_worker(self.swarm.config.shape, news.agent) {
            let pending = self.book.pending_of(news.agent);
            let resent = pending.into_iter().filter(|token| self.dispatch(*token, now)).count();
            self.recovery.attached(news, resent as u32);
        }
    }

    pub(super) fn on_lost(&mut self, news: &Lost) {
        let how = if news.lease { How::Lease } else { How::Death };
        let is_news = self.suspect(news.agent, news.epoch, Some(news.by), how, news.at_ns);
        if is_news && news.lease && self.phase == Phase::Working {
            self.tell_member(news.agent, MemberState::Fenced, None, news.at_ns);
        }
    }

    /// Tells that an agent has failed, once for each of its epochs, and not while all are being ended.
    /// Whether it was news.
    pub(super) fn suspect(&mut self, agent: u32, epoch: u32, by: Option<u32>, how: How, at_ns: u64) -> bool {
        let is_news = self.members.suspect(agent, epoch);
        if is_news && !matches!(self.phase, Phase::Ending { .. }) {
            self.reports.push(Report::Suspected { agent, by, how, at_ns });
        }
        is_news
    }

    pub(super) fn tell_member(&mut self, agent: u32, state: MemberState, status: Option<String>, at_ns: u64) {
        let member = self.members.member(agent);
        self.reports.push(Report::Member { member, state, status, at_ns });
    }

    /// Tells that an agent's process has ended. Its slot may not name that process any more.
    pub(super) fn tell_left(&mut self, exit: &Exit) {
        let member = Member { pid: exit.pid, ..self.members.member(exit.agent) };
        let (state, status) = (MemberState::Left, Some(exit.status()));
        self.reports.push(Report::Member { member, state, status, at_ns: exit.at_ns });
    }
}

pub(super) fn is_worker(shape: Shape, agent: u32) -> bool {
    agent >= shape.inner()
}
