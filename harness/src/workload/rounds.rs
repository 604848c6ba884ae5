//! The rounds that are not yet a row of the evidence.

use std::collections::VecDeque;

use evidence::round::Round;

/// How long after its end a round's row waits for what the target tells of it, in nanoseconds.
const WAIT_FOR_TARGET_NS: u64 = 1_000_000_000;

/// A round that was sent.
#[derive(Debug, Clone)]
pub struct RoundState {
    row: Round,
    deadline_ns: u64,
    /// Tasks neither answered nor refused.
    waiting: u32,
    /// Whether the target will still tell how long it took.
    awaits_target: bool,
}

/// All rounds that were sent and have no row yet, oldest first.
#[derive(Debug, Default)]
pub struct OpenRounds {
    rounds: VecDeque<RoundState>,
}

impl RoundState {
    /// A round of `expected` tasks, sent at `started_ns`.
    #[must_use]
    pub fn sent(
        number: u64,
        phase: &str,
        due_ns: u64,
        started_ns: u64,
        timeout_ns: u64,
        expected: u32,
        target_tells: bool,
    ) -> Self {
        let row = Round {
            round: number,
            phase: phase.to_owned(),
            due_ns,
            started_ns: Some(started_ns),
            ended_ns: None,
            expected,
            refused: 0,
            delivered: 0,
            late: 0,
            timed_out: 0,
            duplicated: 0,
            target_ns: None,
        };
        Self { row, deadline_ns: started_ns + timeout_ns, waiting: expected, awaits_target: target_tells }
    }

    fn settle_one(&mut self, at_ns: u64) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 && self.row.ended_ns.is_none() {
            self.row.ended_ns = Some(at_ns);
        }
    }

    fn can_be_written(&self, now_ns: u64) -> bool {
        self.row.ended_ns.is_some_and(|end| !self.awaits_target || now_ns >= end + WAIT_FOR_TARGET_NS)
    }
}

/// The row of a round that was due and not started.
#[must_use]
pub fn shed(number: u64, phase: &str, due_ns: u64) -> Round {
    let mut row = RoundState::sent(number, phase, due_ns, 0, 0, 0, false).row;
    row.started_ns = None;
    row
}

impl OpenRounds {
    /// Takes in a round that was sent.
    pub fn push(&mut self, round: RoundState) {
        self.rounds.push_back(round);
    }

    /// How many are neither complete nor timed out.
    #[must_use]
    pub fn open(&self) -> usize {
        self.rounds.iter().filter(|r| r.row.ended_ns.is_none()).count()
    }

    /// Whether this round was sent and is neither complete nor timed out.
    #[must_use]
    pub fn is_open(&self, number: u64) -> bool {
        self.rounds.iter().any(|r| r.row.round == number && r.row.ended_ns.is_none())
    }

    fn find(&mut self, number: u64) -> Option<&mut RoundState> {
        self.rounds.iter_mut().rev().find(|r| r.row.round == number)
    }

    /// A task of this round was answered correctly.
    pub fn answered(&mut self, number: u64, in_time: bool, at_ns: u64) {
        if let Some(round) = self.find(number) {
            if in_time {
                round.row.delivered += 1;
            } else {
                round.row.late += 1;
            }
            round.settle_one(at_ns);
        }
    }

    /// A task of this round was answered, but not correctly.
    pub fn corrupted(&mut self, number: u64, at_ns: u64) {
        if let Some(round) = self.find(number) {
            round.settle_one(at_ns);
        }
    }

    /// A task of this round was refused.
    pub fn refused(&mut self, number: u64, at_ns: u64) {
        if let Some(round) = self.find(number) {
            round.row.refused += 1;
            round.settle_one(at_ns);
        }
    }

    /// An answer to a task of this round came again.
    pub fn duplicated(&mut self, number: u64) {
        if let Some(round) = self.find(number) {
            round.row.duplicated += 1;
        }
    }

    /// The target told how long this round took inside it.
    pub fn told(&mut self, number: u64, elapsed_ns: u64) {
        if let Some(round) = self.find(number) {
            round.row.target_ns = Some(elapsed_ns);
            round.awaits_target = false;
        }
    }

    /// When something is next due: a time-out or the end of waiting for the target.
    #[must_use]
    pub fn next_ns(&self) -> Option<u64> {
        let due = |r: &RoundState| r.row.ended_ns.map_or(r.deadline_ns + 1, |end| end + WAIT_FOR_TARGET_NS);
        self.rounds.iter().map(due).min()
    }

    /// Ends the rounds whose time is over and takes out the rows that are complete; all of them `at_the_end`.
    pub fn take_written(&mut self, now_ns: u64, at_the_end: bool) -> Vec<Round> {
        let mut rows = Vec::new();
        self.rounds.retain_mut(|round| {
            if round.row.ended_ns.is_none() && (now_ns > round.deadline_ns || at_the_end) {
                round.row.ended_ns = Some(round.deadline_ns.min(now_ns));
                round.row.timed_out = round.waiting;
            }
            let written = at_the_end || round.can_be_written(now_ns);
            if written {
                rows.push(round.row.clone());
            }
            !written
        });
        rows
    }
}
