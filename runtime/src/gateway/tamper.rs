//! The planted defects of the gateway: what it does to tasks and answers that pass through it.

use std::collections::{BTreeMap, HashMap};

use protocol::Answer;

use crate::defects::{Defects, EveryNth};

/// What is to happen to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Pass,
    Forget,
    Twice,
    Hold,
}

/// Counters for each defect, and the answers that are held back.
#[derive(Debug)]
pub(super) struct Tamper {
    forget: EveryNth,
    twice: EveryNth,
    hold: EveryNth,
    late: EveryNth,
    late_ns: u64,
    corrupt: EveryNth,
    reexecute: EveryNth,
    delayed: BTreeMap<(u64, u64), Answer>,
    delayed_count: u64,
    held: HashMap<u32, Answer>,
}

impl Tamper {
    pub(super) fn new(defects: &Defects) -> Self {
        Self {
            forget: EveryNth::new(defects.drop_1_in),
            twice: EveryNth::new(defects.duplicate_1_in),
            hold: EveryNth::new(defects.reorder_1_in),
            late: EveryNth::new(defects.late_1_in),
            late_ns: defects.late_ns(),
            corrupt: EveryNth::new(defects.corrupt_1_in),
            reexecute: EveryNth::new(defects.reexecute_1_in),
            delayed: BTreeMap::new(),
            delayed_count: 0,
            held: HashMap::new(),
        }
    }

    /// Whether the next task's payload is to be changed, and whether it is to be executed twice.
    pub(super) fn on_task(&mut self) -> (bool, bool) {
        (self.corrupt.fires(), self.reexecute.fires())
    }

    /// Delays an answer that has just arrived, if it is its turn; until when.
    pub(super) fn delays(&mut self, answer: Answer, now_ns: u64) -> Option<u64> {
        if !self.late.fires() {
            return None;
        }
        self.delayed_count += 1;
        let until_ns = now_ns + self.late_ns;
        self.delayed.insert((until_ns, self.delayed_count), answer);
        Some(until_ns)
    }

    /// Delayed answers whose time has come.
    pub(super) fn due(&mut self, now_ns: u64) -> Vec<Answer> {
        let later = self.delayed.split_off(&(now_ns + 1, 0));
        std::mem::replace(&mut self.delayed, later).into_values().collect()
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        self.delayed.first_key_value().map(|((due, _), _)| *due)
    }

    /// What happens to an answer.
    pub(super) fn fate(&mut self) -> Fate {
        if self.forget.fires() {
            Fate::Forget
        } else if self.twice.fires() {
            Fate::Twice
        } else if self.hold.fires() {
            Fate::Hold
        } else {
            Fate::Pass
        }
    }

    /// Holds an answer back until after the next one of the same worker; the one that was held before, if any.
    pub(super) fn hold(&mut self, answer: Answer) -> Option<Answer> {
        self.held.insert(answer.agent, answer)
    }

    /// The answer that was held back for one of this worker to pass it.
    pub(super) fn release(&mut self, agent: u32) -> Option<Answer> {
        if self.held.is_empty() { None } else { self.held.remove(&agent) }
    }

    /// All answers that are held back.
    pub(super) fn release_all(&mut self) -> Vec<Answer> {
        self.held.drain().map(|(_, answer)| answer).collect()
    }
}
