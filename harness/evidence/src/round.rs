//! `rounds.csv` and `intervals.csv`: the work that was due and what came of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{EvidenceError, layout, table};

/// One round. Times are nanoseconds since the start of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Its number, from 0.
    pub round: u64,
    /// The phase in which it was due.
    pub phase: String,
    /// When it was due by the plan.
    pub due_ns: u64,
    /// When its command was sent; absent for a round that was shed.
    pub started_ns: Option<u64>,
    /// When its last answer came, or its time was over.
    pub ended_ns: Option<u64>,
    /// Tasks in it.
    pub expected: u32,
    /// Tasks that the target refused.
    pub refused: u32,
    /// Tasks answered correctly and in time.
    pub delivered: u32,
    /// Tasks answered after the time-out, as far as known when the row was written.
    pub late: u32,
    /// Tasks not answered when the row was written, its time being over.
    pub timed_out: u32,
    /// Answers that came more than once.
    pub duplicated: u32,
    /// The round's time inside the target, where it tells.
    pub target_ns: Option<u64>,
}

/// One interval of the workload, as counts within it. Times are nanoseconds since the start of the run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// When it began.
    pub at_ns: u64,
    /// How long it was.
    pub length_ns: u64,
    /// The phase in which it began.
    pub phase: String,
    /// Single tasks that the plan made due.
    pub due: u64,
    /// Single tasks that were due and not started because no slot was free.
    pub shed: u64,
    /// Tasks handed to the target, those of rounds included.
    pub sent: u64,
    /// Tasks acknowledged.
    pub acknowledged: u64,
    /// Tasks refused.
    pub refused: u64,
    /// Tasks answered correctly and in time.
    pub answered: u64,
    /// Tasks answered correctly after their time-out.
    pub late: u64,
    /// Tasks answered correctly that had been sent to a worker more than once.
    #[serde(default)]
    pub retried: u64,
    /// Answers that came again.
    pub duplicated: u64,
    /// Answers out of order.
    pub reordered: u64,
    /// Answers with a wrong digest.
    pub corrupt: u64,
    /// Answers to tokens never issued.
    pub phantom: u64,
    /// Tasks open at its end.
    pub open: u64,
    /// Tasks that were not answered correctly and in time, by the interval in which they were sent: a number for each of
    /// the next intervals that no earlier row tells of, spaces between them. A row tells of those of which every task
    /// was answered by its end or is out of time, itself among them; so there is mostly one number.
    #[serde(default, with = "numbers")]
    pub failed: Vec<u64>,
}

/// Appends to `rounds.csv`.
pub type RoundWriter = table::Writer<Round>;
/// Appends to `intervals.csv`.
pub type IntervalWriter = table::Writer<Interval>;

/// Numbers in one field of a table.
mod numbers {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(numbers: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
        serializer.serialize_str(&texts.join(" "))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.split_ascii_whitespace().map(|number| number.parse().map_err(D::Error::custom)).collect()
    }
}

/// All rounds of a run.
///
/// # Errors
/// If the file cannot be read or a row is not one.
pub fn rounds(run: &Path) -> Result<Vec<Round>, EvidenceError> {
    table::read(&layout::ROUNDS.within(run))
}

/// All intervals of a run.
///
/// # Errors
/// If the file cannot be read or a row is not one.
pub fn intervals(run: &Path) -> Result<Vec<Interval>, EvidenceError> {
    table::read(&layout::INTERVALS.within(run))
}
