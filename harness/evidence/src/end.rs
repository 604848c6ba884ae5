//! `end.json`: how the run ended. A directory without it is a crashed run, and never GO.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{EvidenceError, layout, manifest};

/// The last file of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Version of the run directory.
    pub schema: u32,
    /// How it ended.
    pub how: How,
    /// When, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// The ledger, closed.
    pub ledger: Ledger,
    /// The drain barrier.
    pub drain: Option<Drain>,
    /// Rounds and single tasks that were due and not started.
    pub shed: Shed,
    /// Sampling ticks planned and taken in time.
    pub ticks: Ticks,
    /// How late the harness was for something that was due, greatest, in nanoseconds.
    pub lag_ns: u64,
    /// Records that could not be written.
    pub dropped_records: u64,
    /// How often another harness took over.
    #[serde(default)]
    pub interruptions: u32,
    /// From the stop command to the target's exit, in nanoseconds; absent where it was not asked to stop.
    pub stop_ns: Option<u64>,
    /// Processes of the run that were still alive when it was over, before they were ended; absent where the
    /// target's agents have no processes, or where it was not given the time to end them.
    pub left_behind: Option<u32>,
    /// Workers that lived through the last rounds and answered none of them; absent where there were none, or a
    /// fault was in effect.
    #[serde(default)]
    pub hung: Option<u32>,
    /// The target's gauges at its last snapshot.
    pub gauges: BTreeMap<String, f64>,
    /// Bytes of each file that grew with the run, by name, so that one cut short later is noticed.
    #[serde(default)]
    pub files: BTreeMap<String, u64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum How {
    /// By its plan.
    Finished,
    /// By the user.
    Interrupted,
    /// By a rule of the plan, before its time was over: it could not be GO any more, or was worthless.
    EndedEarly {
        /// Why, in one sentence.
        why: String,
        /// How much of the plan's time was saved, in nanoseconds.
        saved_ns: u64,
    },
    /// The disk budget of the plan was spent; what there is can be judged.
    DiskSpent {
        /// What was found.
        why: String,
    },
    /// The target failed.
    TargetFailed {
        /// What was found.
        why: String,
    },
    /// The harness could not go on.
    HarnessFailed {
        /// What was found.
        why: String,
    },
}

/// Every task accounted for. All are counts of tasks, but `duplicated`, `reordered`, `corrupt` and `phantom`,
/// which count answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Handed to the target.
    pub sent: u64,
    /// The target took responsibility.
    pub acknowledged: u64,
    /// The target refused.
    pub refused: u64,
    /// Answered correctly and in time.
    pub in_time: u64,
    /// Answered correctly after the time-out.
    pub late: u64,
    /// Acknowledged and never answered correctly. Proven only behind a completed drain barrier.
    pub lost: u64,
    /// Neither acknowledged, refused nor answered.
    pub unknown: u64,
    /// Open or sent when a harness died whose run was resumed: nobody saw what became of them.
    #[serde(default)]
    pub hidden: u64,
    /// Answers to tasks of a harness that had died; none of them is counted anywhere else.
    #[serde(default)]
    pub hidden_answers: u64,
    /// Answered again with the same execution.
    pub duplicated: u64,
    /// Executed again, where the target or its answers tell.
    pub effects_duplicated: Option<u64>,
    /// Answers that came again from another agent, or another life of the same: two held the same task.
    #[serde(default)]
    pub two_owners: u64,
    /// Overtook an earlier task of the same agent.
    pub reordered: u64,
    /// With a wrong digest.
    pub corrupt: u64,
    /// To tokens that were never issued.
    pub phantom: u64,
    /// The part of the tasks above that floods of the plan sent beyond the workload.
    #[serde(default)]
    pub floods: Floods,
}

/// Tasks that floods sent, accounted for like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Floods {
    /// Handed to the target.
    pub sent: u64,
    /// The target took responsibility.
    pub acknowledged: u64,
    /// The target refused.
    pub refused: u64,
    /// Answered correctly and in time.
    pub in_time: u64,
    /// Answered correctly after the time-out.
    pub late: u64,
    /// Acknowledged and never answered correctly.
    pub lost: u64,
    /// Neither acknowledged, refused nor answered.
    pub unknown: u64,
}

/// The drain barrier: lost is only proven behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Whether the target answered it.
    pub completed: bool,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
    /// What the target said it could not answer.
    pub outstanding: u64,
}

/// What was due and not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Shed {
    /// Rounds, because too many were open.
    pub rounds: u64,
    /// Single tasks, because no slot was free.
    pub operations: u64,
    /// Those of both that were due while a fault of the plan had the target down.
    #[serde(default)]
    pub down: u64,
}

/// Sampling ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ticks {
    /// Due by the plan until the run ended.
    pub planned: u64,
    /// Taken within a quarter of their interval.
    pub in_time: u64,
}

/// The files that grow while a run goes on and do not change afterwards.
const GROWN: [layout::File; 6] =
    [layout::EVENTS, layout::ROUNDS, layout::INTERVALS, layout::LATENCY, layout::SAMPLES, layout::PROCESSES];

/// Bytes of each file that grew with the run, as they are now; those that are not there are left out.
#[must_use]
pub fn sizes(run: &Path) -> BTreeMap<String, u64> {
    let size = |file: &layout::File| Some((file.name.to_owned(), file.within(run).metadata().ok()?.len()));
    GROWN.iter().chain(layout::OF_LONG_RUNS).filter_map(size).collect()
}

impl End {
    /// The first file that is not as long as it was when the run ended, as a sentence; `None` if all are.
    #[must_use]
    pub fn damage(&self, run: &Path) -> Option<String> {
        let now = sizes(run);
        self.files.iter().find_map(|(name, then)| match now.get(name) {
            None => Some(format!("{name} is missing")),
            Some(bytes) if bytes != then => Some(format!("{name} had {then} bytes and has {bytes} now")),
            Some(_) => None,
        })
    }

    /// Writes it as the last file of a run.
    ///
    /// # Errors
    /// If the file exists or the file system refuses.
    pub fn write(&self, run: &Path) -> Result<(), EvidenceError> {
        manifest::write_json(&layout::END.within(run), self)
    }

    /// Reads it; `None` for a run that crashed.
    ///
    /// # Errors
    /// If it cannot be read or has another schema.
    pub fn read(run: &Path) -> Result<Option<Self>, EvidenceError> {
        let path = layout::END.within(run);
        if path.exists() { manifest::read_json(&path).map(Some) } else { Ok(None) }
    }
}
