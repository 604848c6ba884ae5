//! What can go wrong while breaking things on purpose.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// A fault could not be applied, or a guardian not be had.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The kernel or the file system refused.
    #[error("could not {action} {to}: {source}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To what.
        to: String,
        /// What was found.
        source: io::Error,
    },
    /// A line of the undo journal is not a record of this version.
    #[error("could not read {path}, line {line}: {found}", path = path.display())]
    Record {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was found.
        found: String,
    },
    /// The run is going on.
    #[error("its harness lives (process {harness}); wait for it, or end it with `kill -INT {harness}`")]
    HarnessAlive {
        /// Its process.
        harness: u32,
    },
    /// The victim is not a process of this run.
    #[error(
        "refused to touch agent {agent}: process {pid} is not a descendant of this run's guardian (process {guardian})"
    )]
    OutOfScope {
        /// The agent that was chosen.
        agent: u32,
        /// Its process id, as the target gave it.
        pid: u32,
        /// The guardian that it should descend from.
        guardian: u32,
    },
    /// The agent is not a process.
    #[error(
        "cannot {kind} agent {agent}: the target gave no process id for it, so it has no process of its own; \
         choose agents that are processes, or leave the fault out"
    )]
    NoProcess {
        /// The agent that was chosen.
        agent: u32,
        /// The kind of fault.
        kind: &'static str,
    },
    /// No such fault can be applied here.
    #[error("cannot apply {kind}: {found}")]
    Unable {
        /// The kind of fault.
        kind: &'static str,
        /// What is missing, and what to do about it.
        found: String,
    },
    /// Nobody would undo the fault.
    #[error("refused to apply a fault: the guardian (process {pid}) is gone, nobody would undo it")]
    GuardianGone {
        /// The process that it had.
        pid: u32,
    },
    /// The guardian did not come up.
    #[error("could not start the guardian `{program}`: {found}")]
    GuardianNotStarted {
        /// What was to be its program.
        program: String,
        /// What was found.
        found: String,
    },
    /// What the target was to find on this host could not be made.
    #[error("could not make the bus directory or the network of the target: {found}")]
    NotEnclosed {
        /// What is missing, and what to do about it.
        found: String,
    },
    /// The target could not be started.
    #[error("could not start the target `{program}`: {found}")]
    TargetNotStarted {
        /// The target's program.
        program: String,
        /// What was found.
        found: String,
    },
}

impl ChaosError {
    pub(crate) fn io(action: &'static str, to: impl Display, source: io::Error) -> Self {
        Self::Io { action, to: to.to_string(), source }
    }

    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::io(action, path.display(), source)
    }
}
