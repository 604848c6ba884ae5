//! The ledger from one harness to the next: what was known at a checkpoint, and what nobody can know any more.
//!
//! Every segment of a run has a range of tokens of its own, so that an answer to a task of a dead harness is
//! recognised. Tasks that were in flight at its last checkpoint, or sent after it, are *hidden*: nobody saw what
//! became of them, so they are neither lost nor delivered. A task that was overdue by then is still *owed* by a
//! target that lives: answered now it is late, and if not it is lost.

use std::collections::BTreeSet;

use protocol::Answer;
use serde::{Deserialize, Serialize};

use super::{Counts, Ledger, Outcome};

/// Bits of a token that count within a segment: a million million tasks for each, and 8,192 segments below 2^53,
/// up to where numbers in JSON are exact everywhere.
const SEGMENT_BITS: u32 = 40;
/// Overdue tasks that are remembered, at most; more are hidden.
const MAX_OWED: usize = 65_536;

/// What was handed to the target since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// The next token.
    pub next: u64,
    /// Tasks of the workload.
    pub work: u64,
    /// Tasks of floods.
    pub floods: u64,
    /// Tasks of the workload that were answered late: of those overdue at a checkpoint, no more than came since can
    /// have been answered to a harness that died.
    pub late: u64,
}

/// What a ledger hands on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    next: u64,
    /// Where the tokens of each earlier segment end.
    ends: Vec<u64>,
    counts: Counts,
    hidden: Hidden,
    /// Tasks that are neither answered nor refused.
    open_work: u64,
    /// Of those, the acknowledged ones whose time is over, as first token and count.
    owed: Vec<(u64, u64)>,
}

/// Tasks of dead harnesses whose fate nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Hidden {
    pub(super) work: u64,
    pub(super) floods: u64,
    /// Answers to them that came later.
    pub(super) answers: u64,
    /// How many of the tasks that are owed may have been answered to a harness that died.
    excused: u64,
}

/// What is known of the tasks of earlier segments.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// The first token of this segment.
    pub(super) before: u64,
    ends: Vec<u64>,
    pub(super) hidden: Hidden,
    owed: BTreeSet<u64>,
}

impl Ledger {
    /// What another harness needs to go on.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mut owed = self.earlier.owed.clone();
        for lane in [&self.rounds, &self.singles] {
            lane.overdue(MAX_OWED.saturating_sub(owed.len()), |token| {
                owed.insert(token);
            });
        }
        Standing {
            next: self.next,
            ends: self.earlier.ends.clone(),
            counts: self.counts,
            hidden: self.earlier.hidden,
            open_work: self.open_work() + self.earlier.owed.len() as u64,
            owed: ranges(&owed),
        }
    }

    /// What was handed over so far.
    #[must_use]
    pub fn sent(&self) -> Sent {
        Sent {
            next: self.next,
            work: self.counts.work.sent,
            floods: self.counts.floods.sent,
            late: self.counts.work.late,
        }
    }

    /// Goes on from there in an empty ledger, with tokens far above all that were issued. `sent` is what was
    /// handed over by the time of the death, `lives` whether the target has outlived it. How many tasks are
    /// newly hidden.
    pub fn go_on(&mut self, from: &Standing, sent: Sent, lives: bool) -> u64 {
        let mut ends = from.ends.clone();
        ends.push(from.next);
        ends.push(sent.next);
        ends.sort_unstable();
        ends.dedup();
        let segment = (ends.last().copied().unwrap_or(0) >> SEGMENT_BITS) + 1;
        self.next = (segment << SEGMENT_BITS) + 1;
        self.counts = from.counts;
        let (work, floods) = (self.counts.work, self.counts.floods);
        self.counts.work.sent = work.sent.max(sent.work);
        self.counts.floods.sent = floods.sent.max(sent.floods);
        let owed: BTreeSet<u64> = from
            .owed
            .iter()
            .flat_map(|(first, count)| *first..first.saturating_add(*count))
            .take(if lives { MAX_OWED } else { 0 })
            .collect();
        let sent_after = self.counts.work.sent - work.sent;
        let hidden = (from.open_work + sent_after).saturating_sub(owed.len() as u64);
        // What a flood has open is not told apart by its age: all of it is hidden.
        let floods_open =
            floods.sent.saturating_sub(floods.refused + floods.in_time + floods.late + from.hidden.floods);
        let hidden_floods = floods_open + self.counts.floods.sent - floods.sent;
        self.earlier = Earlier {
            before: self.next,
            ends,
            hidden: Hidden {
                work: from.hidden.work + hidden,
                floods: from.hidden.floods + hidden_floods,
                answers: from.hidden.answers,
                excused: from.hidden.excused + sent.late.saturating_sub(work.late),
            },
            owed,
        };
        hidden + hidden_floods
    }

    /// Tasks of the workload and of floods whose fate nobody saw.
    pub(super) fn hidden(&self) -> (u64, u64) {
        let Hidden { work, floods, excused, .. } = self.earlier.hidden;
        (work + excused.min(self.earlier.owed.len() as u64), floods)
    }

    /// Whether this token is of an earlier segment.
    #[must_use]
    pub fn is_earlier(&self, token: u64) -> bool {
        token < self.earlier.before
    }

    /// An answer to a task of an earlier segment.
    pub(super) fn answered_earlier(&mut self, answer: &Answer) -> Outcome {
        let token = answer.token;
        let issued = |end: &u64| token < *end && token >> SEGMENT_BITS == (*end - 1) >> SEGMENT_BITS;
        if token == 0 || !self.earlier.ends.iter().any(issued) {
            self.counts.phantom += 1;
            return Outcome::Phantom;
        }
        if !self.lanes().iter().any(|lane| lane.fits(token, answer.digest)) {
            self.counts.corrupt += 1;
            return Outcome::Corrupt(None);
        }
        if self.earlier.owed.remove(&token) {
            self.counts.work.late += 1;
        } else {
            self.earlier.hidden.answers += 1;
        }
        Outcome::Earlier
    }
}

/// Consecutive tokens together.
fn ranges(tokens: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for token in tokens {
        match ranges.last_mut() {
            Some((first, count)) if *first + *count == *token => *count += 1,
            _ => ranges.push((*token, 1)),
        }
    }
    ranges
}
