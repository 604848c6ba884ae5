//! What a guardian tells its harness.

use serde::{Deserialize, Serialize};

use crate::process::Identity;

/// One line from the guardian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The target's process is there.
    Started {
        /// The guardian.
        guardian: Identity,
        /// The target's first process.
        target: Identity,
    },
    /// There will be no target. At its first start the guardian ends, too.
    NotStarted {
        /// What was found.
        found: String,
    },
    /// What the target was to find on this host could not be made; there will be no target and the guardian
    /// ends.
    NotEnclosed {
        /// What was found.
        found: String,
    },
    /// The target's first process has ended. Others of the run may be alive.
    TargetExited {
        /// How: `exit 0`, `signal 9`.
        status: String,
    },
    /// Every process of the target was ended, as was asked.
    TargetEnded {
        /// How its first process ended.
        status: String,
        /// How many processes there were.
        ended: u32,
        /// How many of them could not be ended.
        still_alive: u32,
    },
    /// The target was started again, as was asked.
    TargetStarted {
        /// Its first process.
        target: Identity,
    },
    /// Processes have ended that had lost their parents and were adopted by the guardian.
    OrphansExited {
        /// Process id and status of each.
        orphans: Vec<(u32, String)>,
    },
    /// A fault was overdue and the guardian has undone it.
    Overdue {
        /// What could not be undone; empty if all was.
        failed: Vec<String>,
    },
}

impl Report {
    /// Reads a line; `None` if it is no report.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    pub(crate) fn to_line(&self) -> Vec<u8> {
        // A report holds strings and numbers, which JSON always can.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
