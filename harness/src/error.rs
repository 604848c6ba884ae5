//! Why a run could not be carried out, and whose fault that is.

use std::fmt::Display;

/// What the target did, or did not do, so that it could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetFailure {
    /// Its program could not be run.
    #[error("the target `{program}` does not start: {found}; check target.command in the scenario")]
    NotStarted {
        /// The program.
        program: String,
        /// What was found.
        found: String,
    },
    /// A line on its standard output is no report.
    #[error("the target answered nonsense: {line}\n  {likely}")]
    Nonsense {
        /// The line, shortened.
        line: String,
        /// The likely cause, and what to do.
        likely: String,
    },
    /// It speaks another version of the protocol.
    #[error(
        "the target speaks version {found} of the control protocol, this harness speaks version {ours}; \
         use a target and a harness of the same version"
    )]
    OtherVersion {
        /// Its version.
        found: u32,
        /// Ours.
        ours: u32,
    },
    /// It cannot outlive its harness, and the scenario wants it to.
    #[error(
        "the target does not tell `attach` in its `hello`, so no other harness could go on with it; set \
         soak.on_harness_death to stop, or have the target implement `attach`"
    )]
    CannotBeKept,
    /// Its process ended when it should not have.
    #[error("the target died {during}: {status}")]
    Died {
        /// What it was doing.
        during: &'static str,
        /// How it ended: `exit 3`, `signal 9`.
        status: String,
    },
    /// It stopped in order, but nobody had told it to.
    #[error(
        "the target stopped by itself {during}; only the harness ends a run, so look who sent it a signal"
    )]
    Stopped {
        /// What it was doing.
        during: &'static str,
    },
    /// It was not ready in time.
    #[error(
        "the target never became ready: {waiting_for} did not come within {within_ms} ms of its start; \
         raise target.ready_within if it needs longer"
    )]
    NotReady {
        /// The report that was waited for.
        waiting_for: &'static str,
        /// The time that it had, in milliseconds.
        within_ms: u64,
    },
    /// It said something that the protocol does not allow there.
    #[error("the target broke the control protocol: {what}")]
    Breach {
        /// What.
        what: String,
    },
    /// It said itself that it cannot be used.
    #[error("the target reported an error: {message}")]
    Said {
        /// In its words.
        message: String,
    },
    /// It closed its standard output and went on.
    #[error("the target closed its standard output and did not end; it must keep it open until it exits")]
    ClosedOutput,
    /// It does not read what it is told.
    #[error(
        "the target does not read its standard input: {waiting} bytes of commands are waiting; it must read \
         while it works"
    )]
    StoppedReading {
        /// How much was waiting.
        waiting: usize,
    },
}

/// What this machine did, so that the run could not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostFailure {
    /// The run directory cannot be written.
    #[error("the evidence cannot be written: {found}; make room or name another directory")]
    Evidence {
        /// What was found.
        found: String,
    },
    /// The guardian is gone.
    #[error("the guardian process of the run was ended from outside; something on this host kills processes")]
    GuardianGone,
    /// A call that the harness needs was refused.
    #[error("could not {action}: {found}")]
    Refused {
        /// What was being done.
        action: &'static str,
        /// What was found.
        found: String,
    },
}

/// A run that could not be carried out. Everything was ended, and what evidence there is was kept.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// By the target.
    #[error("{failure}{log}")]
    Target {
        /// What was found.
        failure: TargetFailure,
        /// The last lines of its standard error, ready to be shown; empty where it wrote none.
        log: String,
    },
    /// By this machine.
    #[error(transparent)]
    Host(#[from] HostFailure),
    /// By the harness itself.
    #[error("could not {action}: {found}")]
    Internal {
        /// What was being done.
        action: &'static str,
        /// What was found.
        found: String,
    },
}

impl HarnessError {
    /// A fault of the harness itself.
    #[must_use]
    pub fn internal(action: &'static str, found: &dyn Display) -> Self {
        Self::Internal { action, found: found.to_string() }
    }

    /// Whether neither the target nor the host can be blamed.
    #[must_use]
    pub fn is_our_fault(&self) -> bool {
        matches!(self, Self::Internal { .. })
    }

    pub(crate) fn evidence(found: &dyn Display) -> Self {
        Self::Host(HostFailure::Evidence { found: found.to_string() })
    }
}
