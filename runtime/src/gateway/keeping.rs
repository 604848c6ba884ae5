//! What the gateway writes down, and when: what was accepted before that is told, answers before they are told.

use protocol::Tasks;

use super::journal::Accepted;
use super::running::Running;
use super::wire::WireWork;
use crate::bus::{LOOK_NS, Link};

/// With more bytes than this kept back by a file system that refuses them, nothing more is accepted.
const MOST_HELD: usize = 4 << 20;

impl Running {
    /// Whether nothing can be accepted now: a file system refuses what was accepted before.
    pub(super) fn is_clogged(&mut self) -> bool {
        let route = self.route.and_then(|route| self.links[route].as_ref());
        let refused = route.is_some_and(Link::is_refused) && self.held_bytes() > MOST_HELD;
        refused || self.journal.as_mut().is_some_and(|journal| journal.write().is_err())
    }

    /// Writes down what was just accepted. Where that cannot be done, it was not accepted after all. How many were.
    pub(super) fn keep_accepted(&mut self, tasks: &Tasks, accepted: u32, now: u64) -> u32 {
        let Some(journal) = self.journal.as_mut().filter(|_| accepted > 0) else { return accepted };
        let kept = journal.accept(Accepted {
            first: tasks.first,
            count: accepted,
            payload: tasks.payload,
            timeout_ms: tasks.timeout_ms,
            work: WireWork::new(&tasks.work),
        });
        if kept.is_ok() {
            return accepted;
        }
        self.journal_errors += 1;
        for token in tasks.first..tasks.first + u64::from(accepted) {
            self.book.revoke(token, now);
        }
        0
    }

    /// Writes down the answers that are about to be told. What cannot be written now is written later; until then
    /// nothing more is accepted.
    pub(super) fn keep_answers(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        journal.answer(&self.answers[self.kept_answers..]);
        self.kept_answers = self.answers.len();
        self.journal_errors += u64::from(journal.write().is_err());
    }

    /// All answers so far were told; before the swarm is ready none is.
    pub(super) fn keep_told(&mut self) {
        let Some(journal) = self.journal.as_mut().filter(|_| self.ready) else { return };
        journal.tell();
        self.journal_errors += u64::from(journal.write().is_err());
    }

    /// Looks for mail of which no bell told.
    pub(super) fn look_for_mail(&mut self, now: u64, buffer: &mut [u8]) {
        if self.swarm.spool.is_none() || now < self.next_look_ns {
            return;
        }
        self.next_look_ns = now + LOOK_NS;
        for place in 0..self.links.len() {
            while let Some(n) = self.links[place].as_mut().and_then(|link| link.look(buffer)) {
                self.take_packet(place, &buffer[..n]);
            }
        }
    }

    /// When to look for it next.
    pub(super) fn look_due_ns(&self) -> Option<u64> {
        self.swarm.spool.map(|_| self.next_look_ns)
    }

    /// Strikes out a task that nobody will answer.
    pub(super) fn abandon(&mut self, token: u64) {
        self.book.abandon(token);
        if let Some(journal) = &mut self.journal {
            journal.abandon(token);
        }
    }

    /// How often a file system refused what the bus or the journal wanted of it.
    pub(super) fn bus_errors(&self) -> u64 {
        self.journal_errors + self.swarm.mail_refused()
    }
}
