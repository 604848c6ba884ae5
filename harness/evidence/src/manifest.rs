//! `manifest.json`: what was going to happen, where, and by which rules it will be judged.
//!
//! Everything that a judge needs of the plan stands here, so that a run directory can be judged by itself.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::gate::Gate;
use crate::role::Role;
use crate::{EvidenceError, event::Level, layout};

/// The version of the whole run directory.
pub const SCHEMA: u32 = 1;

/// The first file of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the run directory.
    pub schema: u32,
    /// The version of the harness that wrote it.
    pub shakedown: String,
    /// SHA-256 of the program that began it, in hexadecimal: no other one resumes it. Absent in runs of a harness that
    /// did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
    /// The id of the run.
    pub run: String,
    /// The scenario's name.
    pub scenario: String,
    /// Why the scenario exists, in its author's words.
    pub why: String,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of `plan.json`, in hexadecimal.
    pub fingerprint: String,
    /// When the run started by the wall clock, in RFC 3339, UTC.
    pub started: String,
    /// `CLOCK_MONOTONIC` at the start of the run, in nanoseconds: zero of all other times.
    pub monotonic_ns: u64,
    /// The command that was given, to do it again.
    pub command: Vec<String>,
    /// The time by which the plan was compressed, where this is a rehearsal; never GO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<f64>,
    /// The machine.
    pub host: Host,
    /// The target.
    pub target: Target,
    /// The planned phases, in order.
    pub phases: Vec<Phase>,
    /// The planned faults.
    pub faults: Vec<PlannedFault>,
    /// Sampling.
    pub sampling: Sampling,
    /// What load there is.
    pub workload: Workload,
    /// What makes it a long run.
    #[serde(default)]
    pub soak: Soak,
    /// The gates.
    pub gates: Vec<Gate>,
}

/// What the plan says of a long run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Soak {
    /// The time for which the run is to certify its target, in nanoseconds; drift is projected to it. The
    /// length of the load where absent.
    pub horizon_ns: Option<u64>,
    /// The time between two points at which the target comes to rest and is read, in nanoseconds.
    pub quiesce_every_ns: Option<u64>,
    /// Whether the target goes on when the harness dies.
    pub kept: bool,
    /// How often the evidence is looked at while the run goes on, to end it early; 0 for never.
    pub looks: u32,
    /// The kernel's id of the boot on which the run began.
    pub boot: String,
    /// SHA-256 of `scenario.yaml`, in hexadecimal.
    #[serde(default)]
    pub scenario: String,
}

/// The machine of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Kernel release.
    pub kernel: String,
    /// Processor model.
    pub cpu: String,
    /// Processors that the harness may use.
    pub cores: u32,
    /// Memory, in bytes.
    pub memory: u64,
    /// SHA-256 over the fields above, shortened: equal for machines whose numbers may be compared.
    pub class: String,
    /// Limits that bound a run: name and value, as the kernel words them.
    pub limits: Vec<(String, String)>,
}

/// What was under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Whether it is the bundled reference runtime.
    pub bundled: bool,
    /// The program and its arguments; empty for the bundled runtime.
    pub command: Vec<String>,
    /// Its shape in words: `hybrid, 10 coordinators, 500 workers`.
    pub shape: String,
    /// How many agents are planned, where the plan knows.
    pub agents: Option<u32>,
    /// How many of them are coordinators.
    pub coordinators: Option<u32>,
}

/// A planned phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// How long it was planned to be, in nanoseconds.
    pub length_ns: u64,
}

/// A planned fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Its id.
    pub id: String,
    /// Its kind: `kill`, `pause`.
    pub kind: String,
    /// What it does, in words: `SIGKILL to 3 coordinators at 20 s`.
    pub words: String,
    /// The role of its victims, where these are agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How many victims, agents or other parts of the run.
    pub count: u32,
    /// When it is due, in nanoseconds from the beginning of the first phase after launch.
    pub at_ns: u64,
    /// How long it lasts, in nanoseconds; 0 for what acts once.
    pub for_ns: u64,
    /// The time within which the target must be steady again, where the scenario says one, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovers_within_ns: Option<u64>,
    /// The evidence that it requires of every victim.
    pub requires: Level,
}

/// How often was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    /// The cheap set, in nanoseconds.
    pub every_ns: u64,
    /// The dear set (proportional memory, single processes), in nanoseconds.
    pub slow_every_ns: u64,
    /// Whether private memory holds what is swapped out, and swap was read of every process at every tick. Where it does
    /// not, swap was read with the dear set alone, of at most 256 processes of a group in a tick.
    #[serde(default)]
    pub counts_swap: bool,
}

/// What load there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// The interval between rounds, where there are rounds.
    pub rounds_every_ns: Option<u64>,
    /// Whether there are single tasks by an arrival process.
    pub arrivals: bool,
    /// The shortest time after which a task is late, where there is work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ns: Option<u64>,
    /// In words, for the report: `a round each 500 ms, 256 B, echo`.
    pub words: String,
}

impl Manifest {
    /// Writes it as the first file of a run.
    ///
    /// # Errors
    /// If the file exists or the file system refuses.
    pub fn write(&self, run: &Path) -> Result<(), EvidenceError> {
        write_json(&layout::MANIFEST.within(run), self)
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be read or has another schema.
    pub fn read(run: &Path) -> Result<Self, EvidenceError> {
        read_json(&layout::MANIFEST.within(run))
    }
}

/// Writes a value as indented JSON into a new file, whole or not at all, and waits until it is on disk.
///
/// # Errors
/// If the file exists or the file system refuses.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), EvidenceError> {
    let failed = |e| EvidenceError::io("write", path, e);
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| failed(e.into()))?;
    text.push(b'\n');
    let partial = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create_new(&partial)?;
        std::io::Write::write_all(&mut file, &text)?;
        file.sync_data()?;
        // `link` refuses to replace a file, `rename` would not.
        std::fs::hard_link(&partial, path)?;
        std::fs::remove_file(&partial)
    };
    write().map_err(failed)
}

/// Reads a JSON file of this schema.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, EvidenceError> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let text = std::fs::read(path).map_err(|e| EvidenceError::io("read", path, e))?;
    let failed = |e: serde_json::Error| EvidenceError::Record {
        path: path.to_path_buf(),
        line: e.line() as u64,
        found: e.to_string(),
    };
    let version: Version = serde_json::from_slice(&text).map_err(failed)?;
    if version.schema != SCHEMA {
        return Err(EvidenceError::Schema {
            path: path.to_path_buf(),
            found: version.schema,
            expected: SCHEMA,
        });
    }
    serde_json::from_slice(&text).map_err(failed)
}
