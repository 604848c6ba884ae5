//! How the target recovers from a fault, seen from outside: by which of its tasks are answered, and when.
//!
//! A watch begins when a fault is asked for, since what the fault does can be seen before its injection is
//! known. Answers that come between are kept and looked at again once the kernel has acknowledged the fault.

use std::collections::BTreeSet;
use std::ops::Range;

use evidence::event::RecoveryStep;

use serde::{Deserialize, Serialize};

use crate::ledger::{Closing, Kind, Ledger};
use crate::members::Members;

/// Answers kept while it is not yet known when the fault took effect; with more, the oldest are forgotten.
const MAX_PENDING: usize = 65_536;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Answered correctly and in time.
    InTime,
    /// Answered correctly, late.
    Late,
    /// Answered, not correctly.
    Corrupt,
    /// Refused.
    Refused,
}

/// A task that ended.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The task.
    pub closing: Closing,
    /// Who answered; `None` for a refusal.
    pub agent: Option<u32>,
    /// How often it had been sent to a worker; 0 for a refusal.
    pub attempt: u32,
    /// When, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// How.
    pub end: End,
}

/// Tasks of one kind with consecutive tokens, and how many of them are open.
#[derive(Debug, Default)]
struct Span {
    tokens: Range<u64>,
    open: u64,
}

impl Span {
    /// A task of this kind ended; whether it is one of these.
    fn settle(&mut self, token: u64) -> bool {
        let mine = self.tokens.contains(&token) && self.open > 0;
        self.open -= u64::from(mine);
        mine
    }
}

/// One fault and what is still waited for.
#[derive(Debug)]
pub struct Watch {
    /// The fault's place in the plan.
    pub fault: usize,
    affected: BTreeSet<u32>,
    affected_are_gone: bool,
    /// When the kernel acknowledged it, once that is known.
    injected_ns: Option<u64>,
    pending: Vec<Seen>,
    /// Tasks of the rounds that were open at the fault.
    rounds: Span,
    /// Tasks open at the fault or sent during it, by kind.
    during: [Span; 2],
    lasts: bool,
    cost: Cost,
    reached: Vec<RecoveryStep>,
    had_round: bool,
}

/// What a fault cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Tasks open at some time during it.
    pub open: u64,
    /// Those answered late.
    pub late: u64,
    /// Those answered, correctly or not, that had been sent to a worker more than once.
    pub retried: u64,
    /// Those not answered correctly so far.
    pub lost: u64,
}

/// A step that was reached, and when.
pub type Reached = (u64, RecoveryStep);

impl Watch {
    /// A watch on a fault that was just asked for. `affected` are the workers whose answers show recovery;
    /// `lasts` is whether the fault has to be healed.
    #[must_use]
    pub fn asked(fault: usize, affected: Vec<u32>, lasts: bool) -> Self {
        Self {
            fault,
            affected: affected.into_iter().collect(),
            affected_are_gone: false,
            injected_ns: None,
            pending: Vec::new(),
            rounds: Span::default(),
            during: Default::default(),
            lasts,
            cost: Cost::default(),
            reached: Vec::new(),
            had_round: false,
        }
    }

    /// A watch that goes on after the harness died that began it: for the first success alone, since the tasks that
    /// were open are not followed any more. `cost` is what was known of it.
    #[must_use]
    pub fn resumed(fault: usize, affected: Vec<u32>, injected_ns: u64, cost: Cost) -> Self {
        let reached = vec![RecoveryStep::Round, RecoveryStep::Drained];
        let watch = Self::asked(fault, affected, false);
        Self { injected_ns: Some(injected_ns), cost, reached, had_round: true, ..watch }
    }

    /// The kernel acknowledged the fault at `at_ns`; now it is known which tasks it found open.
    pub fn injected(&mut self, at_ns: u64, now_ns: u64, ledger: &Ledger) -> Vec<Reached> {
        self.injected_ns = Some(at_ns);
        let until = if self.lasts { now_ns } else { at_ns };
        self.rounds = self.found_open(ledger, Kind::Round, at_ns, at_ns);
        self.had_round = self.rounds.open > 0;
        self.during = [Kind::Round, Kind::Single].map(|kind| self.found_open(ledger, kind, at_ns, until));
        self.cost.open = self.during.iter().map(|span| span.open).sum();
        let mut reached = Vec::new();
        for seen in std::mem::take(&mut self.pending) {
            reached.extend(self.seen(&seen));
        }
        // If nothing is open by now and nothing ended since, then nothing was open in the first place.
        reached.extend(self.drained(at_ns));
        reached
    }

    /// The tasks that were open at `at_ns` or sent between it and `until_ns`: those that still are, and those
    /// whose end was seen since.
    fn found_open(&self, ledger: &Ledger, kind: Kind, at_ns: u64, until_ns: u64) -> Span {
        let (mut tokens, mut open) = ledger.lane(kind).in_flight_at(until_ns);
        let timeout_ns = ledger.lane(kind).terms().timeout_ns;
        for seen in &self.pending {
            let started_ns = seen.closing.started_ns;
            let was_open = seen.at_ns >= at_ns && started_ns <= until_ns && started_ns + timeout_ns >= at_ns;
            if seen.closing.kind == kind && was_open {
                open += 1;
                tokens.start = tokens.start.min(seen.closing.token);
                tokens.end = tokens.end.max(seen.closing.token + 1);
            }
        }
        Span { tokens, open }
    }

    /// Tasks were sent while the fault lasts.
    pub fn sent(&mut self, kind: Kind, first: u64, count: u32) {
        if self.lasts && self.injected_ns.is_some() {
            let span = &mut self.during[kind as usize];
            if span.open == 0 && span.tokens.is_empty() {
                span.tokens.start = first;
            }
            span.tokens.end = first + u64::from(count);
            span.open += u64::from(count);
            self.cost.open += u64::from(count);
        }
    }

    /// The fault was healed: what is sent from now on is none of its business.
    pub fn healed(&mut self, at_ns: u64) -> Vec<Reached> {
        self.lasts = false;
        self.drained(at_ns).into_iter().collect()
    }

    /// A task ended.
    pub fn seen(&mut self, seen: &Seen) -> Vec<Reached> {
        let Some(injected_ns) = self.injected_ns else {
            if self.pending.len() >= MAX_PENDING {
                self.pending.drain(..MAX_PENDING / 2);
            }
            self.pending.push(*seen);
            return Vec::new();
        };
        if seen.at_ns < injected_ns {
            return Vec::new();
        }
        let mut reached = Vec::new();
        if self.is_first_success(seen, injected_ns) {
            self.reached.push(RecoveryStep::FirstSuccess);
            reached.push((seen.at_ns, RecoveryStep::FirstSuccess));
        }
        let Closing { kind, token, .. } = seen.closing;
        if self.during[kind as usize].settle(token) {
            self.cost.late += u64::from(seen.end == End::Late);
            self.cost.retried += u64::from(seen.attempt > 1);
            self.cost.lost += u64::from(seen.end == End::Corrupt);
        }
        if kind == Kind::Round && self.rounds.settle(token) && self.rounds.open == 0 {
            self.reached.push(RecoveryStep::Round);
            reached.push((seen.at_ns, RecoveryStep::Round));
        }
        reached.extend(self.drained(seen.at_ns));
        reached
    }

    fn is_first_success(&self, seen: &Seen, injected_ns: u64) -> bool {
        !self.reached.contains(&RecoveryStep::FirstSuccess)
            && matches!(seen.end, End::InTime | End::Late)
            && seen.closing.started_ns > injected_ns
            && (self.affected_are_gone || seen.agent.is_some_and(|agent| self.affected.contains(&agent)))
    }

    fn drained(&mut self, at_ns: u64) -> Option<Reached> {
        let empty = self.during.iter().all(|span| span.open == 0);
        if self.lasts || !empty || self.reached.contains(&RecoveryStep::Drained) {
            return None;
        }
        self.reached.push(RecoveryStep::Drained);
        Some((at_ns, RecoveryStep::Drained))
    }

    /// Agents came or went: if none of the affected is left, anybody's success counts.
    pub fn members_changed(&mut self, members: &Members) {
        if !self.reached.contains(&RecoveryStep::FirstSuccess) {
            self.affected_are_gone =
                self.affected.iter().all(|agent| members.get(*agent).is_none_or(|a| !a.alive));
        }
    }

    /// Whether nothing is waited for any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let steps = if self.had_round { 3 } else { 2 };
        self.injected_ns.is_some() && !self.lasts && self.reached.len() == steps
    }

    /// What is known of its cost, whatever becomes of the tasks that are open.
    #[must_use]
    pub fn known_cost(&self) -> Cost {
        self.cost
    }

    /// What the fault has cost so far.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let open: u64 = self.during.iter().map(|span| span.open).sum();
        Cost { lost: self.cost.lost + open, ..self.cost }
    }
}
