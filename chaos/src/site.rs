//! Where the faults of a run act.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use scenarios::plan::Enclosure;

use crate::clock::Clock;
use crate::find::below;
use crate::process::Identity;
use crate::{Journal, Scope};

/// One run as faults see it: its processes, its journal, its directory and what was made for its target.
#[derive(Debug, Clone)]
pub struct Site {
    /// The processes that may be touched.
    pub scope: Scope,
    /// Where every fault is noted before it is applied.
    pub journal: Journal,
    /// The clock of the run.
    pub clock: Clock,
    /// The run directory.
    pub run: PathBuf,
    /// The program that is a guardian when told so; it has the other roles of this crate too.
    pub program: Vec<OsString>,
    /// What was made for the target before it started.
    pub enclosure: Enclosure,
    /// Called at each step of a fault, where somebody wants to know; tests kill this process there.
    pub steps: Option<fn(Step)>,
}

/// How far a fault has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What undoes it is in the journal; nothing has been done.
    Prepared,
    /// Some of it has been done.
    HalfApplied,
    /// It was applied and that is noted.
    Applied,
    /// Its effect was read; nothing has been undone.
    Observed,
    /// Some of it has been undone.
    HalfHealed,
    /// It was undone; that is not noted yet.
    Healed,
}

impl Site {
    /// Every living process of the target, those that it started on its own included; not those that the
    /// guardian put in between it and its files or its network, which are copies of the guardian.
    pub(crate) fn target(&self) -> io::Result<Vec<Identity>> {
        let guardian = self.scope.guardian();
        let command = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let of_guardian = command(guardian.pid);
        let mut all = below(guardian.pid)?;
        all.retain(|process| command(process.pid) != of_guardian);
        Ok(all)
    }

    pub(crate) fn reached(&self, step: Step) {
        if let Some(told) = self.steps {
            told(step);
        }
    }
}
