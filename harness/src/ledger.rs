//! Accounts for every task: issued, acknowledged, answered, and how.
//!
//! Every token that was ever handed to the target is in exactly one state, and
//! `sent = refused + in_time + late + lost + unknown` holds by construction. Memory is bounded by the tasks
//! that are open, whatever the length of the run: of a closed task only its place below the next token is
//! kept, and the execution that answered it for as long as it stays in [`Executions`].
//!
//! The ledger reads no clock and knows nothing of the target but what it answered.

mod bits;
mod digests;
mod executions;
mod lane;
mod order;

pub use digests::Digests;
pub use executions::Executions;
pub use lane::{Lane, Lot};

use std::collections::BTreeMap;

use order::Order;
use protocol::Answer;

/// Corrupt answers whose task may still be answered correctly; with more, the oldest are given up.
const MAX_SPOILED: usize = 65_536;

/// Which work a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A task of a round.
    Round,
    /// A single task of an arrival process.
    Single,
}

/// Size and patience of the tasks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Bytes of payload.
    pub payload: u32,
    /// From its sending until a task is late, in nanoseconds.
    pub timeout_ns: u64,
}

/// What was counted since the start. Tasks, but for the last five, which count answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Handed to the target.
    pub sent: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Refused.
    pub refused: u64,
    /// Answered correctly and in time.
    pub in_time: u64,
    /// Answered correctly after the time-out.
    pub late: u64,
    /// Came again with the same execution, or with one that is no longer remembered.
    pub duplicated: u64,
    /// Came again with another execution.
    pub executed_again: u64,
    /// Overtook an earlier task of the same agent.
    pub reordered: u64,
    /// Had a wrong digest.
    pub corrupt: u64,
    /// To tokens that were never issued.
    pub phantom: u64,
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
    counts: Counts,
    executions: Executions,
    order: Order,
    spoiled: BTreeMap<u64, Closing>,
}

impl Ledger {
    /// An empty ledger. The first token is 1.
    #[must_use]
    pub fn new(rounds: Terms, singles: Terms) -> Self {
        Self {
            next: 1,
            rounds: Lane::new(Kind::Round, rounds),
            singles: Lane::new(Kind::Single, singles),
            counts: Counts::default(),
            executions: Executions::new(),
            order: Order::default(),
            spoiled: BTreeMap::new(),
        }
    }

    /// The first of `count` consecutive new tokens, which are handed to the target now.
    pub fn issue(&mut self, kind: Kind, round: u64, count: u32, intended_ns: u64, now_ns: u64) -> u64 {
        let first = self.next;
        self.next += u64::from(count);
        self.counts.sent += u64::from(count);
        self.lane_mut(kind).push(Lot::new(first, count, round, intended_ns, now_ns));
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
        if all > 0 && ![&self.rounds, &self.singles].iter().all(|lane| lane.awaits(first, first + all)) {
            return Err(Unexpected::NotNext { first, count: all });
        }
        self.counts.acknowledged += u64::from(count);
        let border = first + u64::from(count);
        for lane in [&mut self.rounds, &mut self.singles] {
            lane.settle(first, border);
            lane.refuse(border, border + u64::from(refused), |closing| {
                self.counts.refused += 1;
                closed(closing);
            });
        }
        Ok(())
    }

    /// Enters an answer that came at `now_ns`.
    pub fn answer(&mut self, answer: &Answer, now_ns: u64) -> Outcome {
        if answer.token == 0 || answer.token >= self.next {
            self.counts.phantom += 1;
            return Outcome::Phantom;
        }
        let Some(kind) = self.kind_of(answer.token) else {
            return self.closed_long_ago(answer);
        };
        if self.lane(kind).digest_of(answer.token) != answer.digest {
            return self.corrupt(kind, answer);
        }
        let open = self.lane_mut(kind).close(answer.token);
        let Some(closing) = open.or_else(|| self.spoiled.remove(&answer.token)) else {
            return self.again(answer);
        };
        self.executions.remember(answer);
        if self.order.overtakes(answer) {
            self.counts.reordered += 1;
        }
        if now_ns.saturating_sub(closing.started_ns) <= self.lane(kind).terms().timeout_ns {
            self.counts.in_time += 1;
            Outcome::InTime(closing)
        } else {
            self.counts.late += 1;
            Outcome::Late(closing)
        }
    }

    /// The kind of a task of which something is still known.
    fn kind_of(&self, token: u64) -> Option<Kind> {
        if self.rounds.holds(token) {
            Some(Kind::Round)
        } else if self.singles.holds(token) {
            Some(Kind::Single)
        } else {
            self.spoiled.get(&token).map(|closing| closing.kind)
        }
    }

    /// An answer to a task of which not even the kind is known any more: either digest will do.
    fn closed_long_ago(&mut self, answer: &Answer) -> Outcome {
        if [&self.rounds, &self.singles].iter().any(|lane| lane.digest_of(answer.token) == answer.digest) {
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
        } else {
            self.counts.duplicated += 1;
        }
        Outcome::Again(self.rounds.round_of(answer.token))
    }

    /// Gives up waiting for tasks whose time is over. Their answers still count, as late.
    pub fn expire(&mut self, now_ns: u64) {
        self.rounds.expire(now_ns);
        self.singles.expire(now_ns);
    }

    /// Tasks of this kind that are open and within their time, as of the last [`Self::expire`].
    #[must_use]
    pub fn in_flight(&self, kind: Kind) -> u64 {
        self.lane(kind).in_flight()
    }

    /// All tasks that are open, however old.
    #[must_use]
    pub fn open(&self) -> u64 {
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
        }
    }

    fn lane_mut(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Round => &mut self.rounds,
            Kind::Single => &mut self.singles,
        }
    }

    /// The closed ledger: what has not been answered by now never will be. `effects` is what the target told
    /// of its executions, all of them together; a number below that of the tasks it answered is no such number.
    #[must_use]
    pub fn close(&self, effects: Option<u64>) -> evidence::end::Ledger {
        let c = &self.counts;
        let unknown = self.rounds.unsettled() + self.singles.unsettled();
        let effects = effects.filter(|n| *n >= c.in_time + c.late);
        // An execution whose answer was lost is no duplicate, so only what exceeds every task that the target
        // can have executed once is proven.
        let excess = effects.map(|n| n.saturating_sub(c.sent - c.refused));
        // Answers prove duplicates, but that none came does not prove that there were none.
        let answers = Some(c.executed_again).filter(|n| *n > 0);
        evidence::end::Ledger {
            sent: c.sent,
            acknowledged: c.acknowledged,
            refused: c.refused,
            in_time: c.in_time,
            late: c.late,
            lost: c.sent - c.refused - c.in_time - c.late - unknown,
            unknown,
            duplicated: c.duplicated,
            effects_duplicated: answers.max(excess),
            reordered: c.reordered,
            corrupt: c.corrupt,
            phantom: c.phantom,
        }
    }
}

#[cfg(test)]
mod tests;
