//! What a run is given beside its plan, and what it gives back.

use std::ffi::OsString;
use std::path::PathBuf;

use evidence::end::How;

/// Everything that a run needs beside its plan.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where the evidence goes. It exists and is empty.
    pub run_dir: PathBuf,
    /// The scenario file as it was given.
    pub scenario_text: String,
    /// The id of the run.
    pub run_id: String,
    /// The command that was given, to do it again.
    pub command: Vec<String>,
    /// The bundled target: program and arguments.
    pub bundled: Vec<OsString>,
    /// The guardian: program and arguments, to which the guardian's own are added.
    pub guardian: Vec<OsString>,
    /// The plan's fingerprint.
    pub fingerprint: String,
    /// Where the newest certificate of `shakedown prove` lies, if there is one.
    pub certificate: PathBuf,
    /// The version of the program.
    pub version: String,
    /// SHA-256 of the program, as [`crate::binary`] gives it.
    pub binary: String,
    /// When the run starts by the wall clock, in RFC 3339, UTC.
    pub started_wall: String,
}

/// The run should end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interrupt {
    /// By the user: undo faults, drain, finish the evidence.
    First,
    /// The same without waiting for the drain.
    Second,
    /// By a rule of the plan: what is left of it can change nothing, or is worth nothing.
    EndEarly {
        /// Why, in one sentence.
        why: String,
    },
}

/// A run that was carried out and whose evidence is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub how: How,
    /// Where the evidence is.
    pub run_dir: PathBuf,
}

impl Finished {
    /// Whether the user ended it.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.how == How::Interrupted
    }
}
