//! Accounts for every task: issued, acknowledged, answered, and how.
//!
//! Every token that was ever handed to the target is in exactly one state, and
//! `sent = refused + in_time + late + lost + unknown + hidden` holds by construction. Memory is bounded by the tasks
//! that are open, whatever the length of the run: of a closed task only its place below the next token is
//! kept, and the execution that answered it for as long as it stays in [`Executions`].
//!
//! The ledger reads no clock and knows nothing of the target but what it answered.

mod bits;
mod cohorts;
mod counts;
mod digests;
mod executions;
mod lane;
mod order;
mod standing;

pub use counts::{Counts, Tasks};
pub use digests::Digests;
pub use executions::Executions;
pub use lane::{Lane, Lot};
pub use standing::{Sent, Standing};

use std::collections::BTreeMap;

use cohorts::Cohorts;
use order::Order;
use protocol::Answer;
use standing::Earlier;

/// Corrupt answers whose task may still be answered correctly; with more, the oldest are given up.
const MAX_SPOILED: usize = 65_536;
/// How long a task of a flood may take where there is no other work to compare it with.
const FLOOD_PATIENCE_NS: u64 = 30_000_000_000;

/// Which work a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A task of a round.
    Round,
    /// A single task of an arrival process.
    Single,
    /// A task that a flood of the plan sent beyond the workload.
    Flood,
}

/// Size and patience of the tasks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Bytes of payload.
    pub payload: u32,
    /// From its sending until a task is late, in nanoseconds.
    pub timeout_ns: u64,
}

/// A task that was answered, correctly or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Which work it belonged to.
    pub kind: Kind,
    /// The round, for a task of a round.
    pub round: u64,
    /// The task.
    pub token: u64,
    /// When it was due, in nanoseconds.
    pub intended_ns: u64,
    /// When it was sent.
    pub started_ns: u64,
}

/// What an answer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The first correct answer of its task, within its time.
    InTime(Closing),
    /// The first correct answer of its task, after its time.
    Late(Closing),
    /// Its digest is not that of the payload. The task, unless an earlier answer has closed it: it has not
    /// been answered correctly, but nothing is waited for any more.
    Corrupt(Option<Closing>),
    /// Its task had been answered. The round, where that is still known.
    Again(Option<u64>),
    /// Its task was one of a harness that is dead; it was counted.
    Earlier,
    /// Its token was never issued.
    Phantom,
}

/// An acknowledgement or refusal of tokens that were not waiting for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// Some of them were never issued.
    #[error(
        "it accepted or refused the {count} tokens from {first} on, but the tokens issued end before {next}"
    )]
    NeverIssued {
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
        /// The next token that would be issued.
        next: u64,
    },
    /// Some of them had been accepted or refused, or others before them had not. What was accepted cannot be
    /// refused later: a loss could be hidden so.
    #[error(
        "it accepted or refused the {count} tokens from {first} on, which has to be done once and in their order"
    )]
    NotNext {
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
    },
}

/// The ledger of one run.
#[derive(Debug)]
pub struct Ledger {
    next: u64,
    rounds: Lane,
    singles: Lane,
    floods: Lane,
    counts: Counts,
    cohorts: Cohorts,
    executions: Executions,
    order: Order,
    spoiled: BTreeMap<u64, Closing>,
    earlier: Earlier,
}

impl Ledger {
    /// An empty ledger. The first token is 1. The tasks of a flood may wait as long as the more patient of the
    /// two kinds of work.
    #[must_use]
    pub fn new(rounds: Terms, singles: Terms) -> Self {
        let patience_ns = rounds.timeout_ns.max(singles.timeout_ns);
        let timeout_ns = if patience_ns == 0 { FLOOD_PATIENCE_NS } else { patience_ns };
        Self {
            next: 1,
            rounds: Lane::new(Kind::Round, rounds),
            singles: Lane::new(Kind::Single, singles),
            floods: Lane::new(Kind::Flood, Terms { payload: 0, timeout_ns }),
            counts: Counts::default(),
            cohorts: Cohorts::default(),
            executions: Executions::new(),
            order: Order::default(),
            spoiled: BTreeMap::new(),
            earlier: Earlier::default(),
        }
    }

    /// The first of `count` consecutive new tokens, which are handed to the target now.
    pub fn issue(&mut self, kind: Kind, round: u64, count: u32, intended_ns: u64, now_ns: u64) -> u64 {
        let payload = self.lane(kind).terms().payload;
        let lot = Lot::new(self.next, count, now_ns);
        self.hand_over(kind, lot.of(round, payload).due(intended_ns))
    }

    /// The same for tasks of a flood, each with so many bytes of payload. `tag` comes back as the round of what
    /// becomes of them.
    pub fn issue_flood(&mut self, tag: u64, count: u32, payload: u32, now_ns: u64) -> u64 {
        self.hand_over(Kind::Flood, Lot::new(self.next, count, now_ns).of(tag, payload))
    }

    fn hand_over(&mut self, kind: Kind, lot: Lot) -> u64 {
        let first = self.next;
        let count = u64::from(lot.count());
        self.next += count;
        self.tasks_mut(kind).sent += count;
        if kind != Kind::Flood {
            self.cohorts.sent(count);
        }
        self.lane_mut(kind).push(lot);
        first
    }

    /// The target takes responsibility for `count` tokens from `first` on and refuses the `refused` after
    /// them. Calls `closed` for each task that the refusal closes.
    ///
    /// # Errors
    /// If some of the tokens were never issued or are settled already; nothing is counted then.
    pub fn accept(
        &mut self,
        first: u64,
        count: u32,
        refused: u32,
        mut closed: impl FnMut(Closing),
    ) -> Result<(), Unexpected> {
        let all = u64::from(count) + u64::from(refused);
        if first == 0 || first.checked_add(all).is_none_or(|end| end > self.next) {
            return Err(Unexpected::NeverIssued { first, count: all, next: self.next });
        }
        if all > 0 && !self.lanes().iter().all(|lane| lane.awaits(first, first + all)) {
            return Err(Unexpected::NotNext { first, count: all });
        }
        let border = first + u64::from(count);
        // A lot that is done with is no longer known to its lane; it was one of the workload.
        let of_floods = self.floods.settle(first, border);
        self.counts.floods.acknowledged += of_floods;
        self.counts.work.acknowledged += u64::from(count) - of_floods;
        for lane in [&mut self.rounds, &mut self.singles] {
            lane.settle(first, border);
        }
        for lane in [&mut self.rounds, &mut self.singles, &mut self.floods] {
            lane.refuse(border, border + u64::from(refused), |closing| {
                self.counts.of(closing.kind).refused += 1;
                closed(closing);
            });
        }
        Ok(())
    }

    /// By tag, how many of these tokens are of floods and were not settled.
    #[must_use]
    pub fn flooded(&self, first: u64, count: u32) -> Vec<(u64, u64)> {
        self.floods.tags(first, first.saturating_add(u64::from(count)))
    }

    /// Enters an answer that came at `now_ns`.
    pub fn answer(&mut self, answer: &Answer, now_ns: u64) -> Outcome {
        if self.is_earlier(answer.token) {
            return self.answered_earlier(answer);
        }
        if answer.token == 0 || answer.token >= self.next {
            self.counts.phantom += 1;
            return Outcome::Phantom;
        }
        let Some(kind) = self.kind_of(answer.token) else {
            return self.closed_long_ago(answer);
        };
        if !self.lane(kind).fits(answer.token, answer.digest) {
            return self.corrupt(kind, answer);
        }
        let open = self.lane_mut(kind).close(answer.token);
        let Some(closing) = open.or_else(|| self.spoiled.remove(&answer.token)) else {
            return self.again(answer);
        };
        self.executions.remember(answer);
        self.counts.retried += u64::from(answer.attempt > 1 && kind != Kind::Flood);
        if self.order.overtakes(answer) {
            self.counts.reordered += 1;
        }
        if now_ns.saturating_sub(closing.started_ns) <= self.lane(kind).terms().timeout_ns {
            self.tasks_mut(kind).in_time += 1;
            if kind != Kind::Flood {
                self.cohorts.in_time(answer.token);
            }
            Outcome::InTime(closing)
        } else {
            self.tasks_mut(kind).late += 1;
            Outcome::Late(closing)
        }
    }

    /// The kind of a task of which something is still known.
    fn kind_of(&self, token: u64) -> Option<Kind> {
        let held = self.lanes().into_iter().find(|lane| lane.holds(token)).map(Lane::kind);
        held.or_else(|| self.spoiled.get(&token).map(|closing| closing.kind))
    }

    /// An answer to a task of which not even the kind is known any more: any digest will do.
    fn closed_long_ago(&mut self, answer: &Answer) -> Outcome {
        if self.lanes().iter().any(|lane| lane.fits(answer.token, answer.digest)) {
            return self.again(answer);
        }
        self.counts.corrupt += 1;
        Outcome::Corrupt(None)
    }

    fn corrupt(&mut self, kind: Kind, answer: &Answer) -> Outcome {
        self.counts.corrupt += 1;
        let closing = self.lane_mut(kind).close(answer.token);
        if let Some(closing) = closing {
            if self.spoiled.len() >= MAX_SPOILED {
                self.spoiled.pop_first();
            }
            self.spoiled.insert(answer.token, closing);
        }
        Outcome::Corrupt(closing)
    }

    fn again(&mut self, answer: &Answer) -> Outcome {
        if self.executions.differs(answer) {
            self.counts.executed_again += 1;
            self.counts.two_owners += u64::from(self.executions.has_other_owner(answer));
        } else {
            self.counts.duplicated += 1;
        }
        Outcome::Again(self.rounds.round_of(answer.token))
    }

    /// The target was started again: the order of what its agents answered begins anew.
    pub fn forget_order(&mut self) {
        self.order = Order::default();
    }

    /// Gives up waiting for tasks whose time is over. Their answers still count, as late.
    pub fn expire(&mut self, now_ns: u64) {
        self.rounds.expire(now_ns);
        self.singles.expire(now_ns);
        self.floods.expire(now_ns);
    }

    /// Tasks of this kind that are open and within their time, as of the last [`Self::expire`].
    #[must_use]
    pub fn in_flight(&self, kind: Kind) -> u64 {
        self.lane(kind).in_flight()
    }

    /// An interval of the workload ends. Of each of which nothing is in flight any more, as of the last
    /// [`Self::expire`], and which was not told before: its tasks that were not answered correctly and in time.
    pub fn settle(&mut self) -> Vec<u64> {
        self.cohorts.cut(self.next);
        let in_flight = [&self.rounds, &self.singles].into_iter().filter_map(Lane::oldest_in_flight);
        self.cohorts.settle(in_flight.min())
    }

    /// All tasks that are open, however old.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open_work() + self.floods.open()
    }

    /// Those of them that belong to the workload.
    #[must_use]
    pub fn open_work(&self) -> u64 {
        self.rounds.open() + self.singles.open()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The lane of this kind.
    #[must_use]
    pub fn lane(&self, kind: Kind) -> &Lane {
        match kind {
            Kind::Round => &self.rounds,
            Kind::Single => &self.singles,
            Kind::Flood => &self.floods,
        }
    }

    fn lanes(&self) -> [&Lane; 3] {
        [&self.rounds, &self.singles, &self.floods]
    }

    fn tasks_mut(&mut self, kind: Kind) -> &mut Tasks {
        self.counts.of(kind)
    }

    fn lane_mut(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Round => &mut self.rounds,
            Kind::Single => &mut self.singles,
            Kind::Flood => &mut self.floods,
        }
    }

    /// The closed ledger: what has not been answered by now never will be. `effects` is what the target told
    /// of its executions, all of them together; a number below that of the tasks it answered is no such number.
    #[must_use]
    pub fn close(&self, effects: Option<u64>) -> evidence::end::Ledger {
        let Counts { work, floods, .. } = self.counts;
        let (all, (hidden_work, hidden_floods)) = (work.plus(floods), self.hidden());
        let hidden = hidden_work + hidden_floods;
        let of_floods = self.floods.unsettled();
        let unknown = self.rounds.unsettled() + self.singles.unsettled() + of_floods;
        let effects = effects.filter(|n| *n >= all.in_time + all.late);
        // An execution whose answer was lost is no duplicate, so only what exceeds every task that the target
        // can have executed once is proven.
        let excess = effects.map(|n| n.saturating_sub(all.sent - all.refused));
        // Answers prove duplicates, but that none came does not prove that there were none.
        let answers = Some(self.counts.executed_again).filter(|n| *n > 0);
        evidence::end::Ledger {
            sent: all.sent,
            acknowledged: all.acknowledged,
            refused: all.refused,
            in_time: all.in_time,
            late: all.late,
            lost: all.lost(unknown + hidden),
            unknown,
            hidden,
            hidden_answers: self.earlier.hidden.answers,
            duplicated: self.counts.duplicated,
            effects_duplicated: answers.max(excess),
            two_owners: self.counts.two_owners,
            reordered: self.counts.reordered,
            corrupt: self.counts.corrupt,
            phantom: self.counts.phantom,
            floods: evidence::end::Floods {
                sent: floods.sent,
                acknowledged: floods.acknowledged,
                refused: floods.refused,
                in_time: floods.in_time,
                late: floods.late,
                lost: floods.lost(of_floods + hidden_floods),
                unknown: of_floods,
            },
        }
    }
}

#[cfg(test)]
mod tests;
