//! What was counted since the start of a run.

use serde::{Deserialize, Serialize};

use super::Kind;

/// Tasks that were counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tasks {
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
}

/// What was counted since the start: tasks, and answers of a kind that there should be none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Tasks of the workload.
    pub work: Tasks,
    /// Tasks of floods.
    pub floods: Tasks,
    /// Tasks of the workload that were answered after more than one attempt.
    pub retried: u64,
    /// Came again with the same execution, or with one that is no longer remembered.
    pub duplicated: u64,
    /// Came again with another execution.
    pub executed_again: u64,
    /// Those of them that came from another agent, or another life of it.
    pub two_owners: u64,
    /// Overtook an earlier task of the same agent.
    pub reordered: u64,
    /// Had a wrong digest.
    pub corrupt: u64,
    /// To tokens that were never issued.
    pub phantom: u64,
}

impl Counts {
    pub(super) fn of(&mut self, kind: Kind) -> &mut Tasks {
        match kind {
            Kind::Round | Kind::Single => &mut self.work,
            Kind::Flood => &mut self.floods,
        }
    }
}

impl Tasks {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            acknowledged: self.acknowledged + other.acknowledged,
            refused: self.refused + other.refused,
            in_time: self.in_time + other.in_time,
            late: self.late + other.late,
        }
    }

    /// Those that were not answered, where so many of them are unknown.
    pub(super) fn lost(self, unknown: u64) -> u64 {
        // Only a checkpoint that somebody has changed can make it less than nothing.
        self.sent.saturating_sub(self.refused + self.in_time + self.late + unknown)
    }
}
