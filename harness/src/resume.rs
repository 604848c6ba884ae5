//! Whether a run whose harness died can be gone on with, and from where.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chaos::{Guardian, HealReport, Kept, TargetStdio};
use evidence::EvidenceError;
use evidence::end::End;
use evidence::event::{Event, Takeover};
use evidence::layout;
use evidence::manifest::Manifest;
use scenarios::plan::Plan;
use sha2::{Digest, Sha256};

use crate::Setup;
use crate::checkpoint::{Checkpoint, SentFile};
use crate::clock::{Clock, since};
use crate::dispatcher::{Resumption, State};
use crate::error::{HarnessError, HostFailure};
use crate::ledger::Sent;
use crate::run::Start;

/// Why a run cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The directory is none of a run.
    #[error("it has no manifest.json, so it is no run directory; name the one that `shakedown run` printed")]
    NoRun,
    /// It has ended.
    #[error("the run is over; `shakedown judge {run}` shows its verdict", run = .0.display())]
    Over(PathBuf),
    /// Another version began it.
    #[error(
        "the run was begun by shakedown {began}, this is {ours}; what one version measures another does not go on \
         with: resume it with that version, or judge what there is"
    )]
    OtherVersion {
        /// The version that began it.
        began: String,
        /// This one.
        ours: String,
    },
    /// Another build of the same version began it.
    #[error(
        "the run was begun by another build of shakedown {version} (the SHA-256 of its program is {began}, that of this \
         one is {ours}); what one build measures another does not go on with: resume it with the program that began \
         it, or begin a new run"
    )]
    OtherBinary {
        /// The version of both.
        version: String,
        /// SHA-256 of the program that began it, or that it is not told.
        began: String,
        /// SHA-256 of this one.
        ours: String,
    },
    /// A file that says what the run is was changed.
    #[error(
        "{file} is not what the run was begun with (its SHA-256 is {found}, and was {began}); restore it, or begin \
         a new run"
    )]
    Changed {
        /// The file.
        file: &'static str,
        /// The digest now.
        found: String,
        /// The digest then.
        began: String,
    },
    /// It never got so far.
    #[error(
        "its harness died before the target was ready, so there is nothing to go on with; run the scenario again"
    )]
    NotBegun,
    /// A file cannot be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// A run that can be gone on with.
#[derive(Debug)]
pub struct Resumable {
    /// What it was going to do.
    pub manifest: Manifest,
    /// The scenario as it was given.
    pub scenario_text: String,
    /// Its plan.
    pub plan: Plan,
    checkpoint: Checkpoint,
    sent: Sent,
}

impl Resumable {
    /// Reads what is needed of a run directory.
    ///
    /// # Errors
    /// If the run cannot be gone on with, by this program or at all. `binary` is its [`crate::binary`].
    pub fn read(run: &Path, version: &str, binary: &str) -> Result<Self, Refusal> {
        if !layout::MANIFEST.within(run).exists() {
            return Err(Refusal::NoRun);
        }
        if End::read(run)?.is_some() {
            return Err(Refusal::Over(run.to_path_buf()));
        }
        let manifest = Manifest::read(run)?;
        if manifest.shakedown != version {
            let (began, ours) = (manifest.shakedown, version.to_owned());
            return Err(Refusal::OtherVersion { began, ours });
        }
        if manifest.binary.as_deref() != Some(binary) {
            let began = manifest.binary.unwrap_or_else(|| "not in manifest.json".to_owned());
            return Err(Refusal::OtherBinary { version: manifest.shakedown, began, ours: binary.to_owned() });
        }
        let plan_text = unchanged(run, layout::PLAN, &manifest.fingerprint)?;
        let scenario_text = unchanged(run, layout::SCENARIO, &manifest.soak.scenario)?;
        let plan = serde_json::from_slice(&plan_text).map_err(|e| EvidenceError::Record {
            path: layout::PLAN.within(run),
            line: e.line() as u64,
            found: e.to_string(),
        })?;
        let checkpoint = Checkpoint::read(run)?.ok_or(Refusal::NotBegun)?;
        let sent = SentFile::read(run)?;
        let scenario_text = String::from_utf8_lossy(&scenario_text).into_owned();
        Ok(Self { manifest, scenario_text, plan, checkpoint, sent })
    }

    /// Takes over what was left, or clears it away. Blocks.
    pub(crate) fn go_on(self, setup: &Setup) -> Result<(State, Start, Clock), HarnessError> {
        let left =
            chaos::kept(&setup.run_dir, &claim(setup), &setup.guardian, &self.plan.target.enclosure)
                .map_err(|e| HostFailure::Refused { action: "go on with the run", found: e.to_string() })?;
        let zero_ns = self.checkpoint.zero_monotonic_ns;
        match left {
            Kept::Alive { guardian, stdio, since_ns } => {
                let healed_ns = Some(since(since_ns, zero_ns));
                self.with_target(setup, Clock { zero_ns }, *guardian, stdio, healed_ns)
            }
            Kept::Gone { rebooted: true, .. } => {
                let clock = Clock::going_on(self.checkpoint.at_ns.saturating_add(since_checkpoint(setup)));
                let state = self.state(setup, clock, Takeover::Rebooted, None, None)?;
                Ok((state, Start::Again, clock))
            }
            Kept::Gone { rebooted: false, exited } => {
                clear_away(setup)?;
                let clock = Clock { zero_ns };
                let state = self.state(setup, clock, Takeover::StartedAgain, None, exited)?;
                Ok((state, Start::Again, clock))
            }
        }
    }

    fn with_target(
        self,
        setup: &Setup,
        clock: Clock,
        guardian: Guardian,
        stdio: TargetStdio,
        healed_ns: Option<u64>,
    ) -> Result<(State, Start, Clock), HarnessError> {
        chaos::become_subreaper().map_err(|e| HostFailure::Refused {
            action: "take over the run's processes",
            found: e.to_string(),
        })?;
        let state = self.state(setup, clock, Takeover::Kept, healed_ns, None)?;
        Ok((state, Start::TakenOver(Box::new(guardian), stdio), clock))
    }

    fn state(
        self,
        setup: &Setup,
        clock: Clock,
        takeover: Takeover,
        healed_ns: Option<u64>,
        exited: Option<String>,
    ) -> Result<State, HarnessError> {
        let history: Vec<Event> =
            evidence::event::read(&setup.run_dir).map_err(|e| HarnessError::evidence(&e))?;
        let from = Resumption {
            checkpoint: self.checkpoint,
            sent: self.sent,
            history,
            takeover,
            now_ns: clock.now_ns(),
            healed_ns,
            undone: undone(&setup.run_dir)?,
            exited,
            hidden: 0,
        };
        Ok(State::resume(self.plan, setup.run_id.clone(), clock.zero_ns, from))
    }
}

/// What a harness says to the guardian of the run. The directory is in it, by what stays as it is moved: a copy is not the
/// run that goes on.
pub(crate) fn claim(setup: &Setup) -> String {
    let place = std::fs::metadata(&setup.run_dir);
    let place = place.map_or_else(|e| e.to_string(), |at| format!("{}:{}", at.dev(), at.ino()));
    format!("run {} of plan {} in directory {place}", setup.run_id, setup.fingerprint)
}

/// SHA-256, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The bytes of a file that must be what the run was begun with.
fn unchanged(run: &Path, file: layout::File, began: &str) -> Result<Vec<u8>, Refusal> {
    let path = file.within(run);
    let bytes = std::fs::read(&path).map_err(|source| EvidenceError::Io { action: "read", path, source })?;
    let found = digest(&bytes);
    if found == began {
        Ok(bytes)
    } else {
        Err(Refusal::Changed { file: file.name, found, began: began.to_owned() })
    }
}

/// How long ago the last checkpoint was written by the wall clock, in nanoseconds: all that goes on over a boot.
fn since_checkpoint(setup: &Setup) -> u64 {
    let written = layout::CHECKPOINT.within(&setup.run_dir).metadata().and_then(|of| of.modified()).ok();
    let passed = written.and_then(|written| SystemTime::now().duration_since(written).ok());
    passed.map_or(0, |passed| u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX))
}

/// Ends whatever the dead harness and its guardian have left.
fn clear_away(setup: &Setup) -> Result<(), HarnessError> {
    let failed =
        |found: String| HostFailure::Refused { action: "clear away what the dead harness left", found };
    let report: HealReport = chaos::heal(&setup.run_dir).map_err(|e| failed(e.to_string()))?;
    if report.is_clean() { Ok(()) } else { Err(failed(report.to_string()).into()) }
}

/// The faults that the guardian has undone, or `heal`, with what could not be undone of each.
fn undone(run: &Path) -> Result<BTreeMap<String, Vec<String>>, HarnessError> {
    use chaos::journal::{By, Record};
    let records = chaos::journal::read(run).map_err(|e| HarnessError::evidence(&e))?;
    let of_others = records.into_iter().filter_map(|record| match record {
        Record::Undone { fault, by: By::Guardian | By::Heal, failed } => Some((fault, failed)),
        _ => None,
    });
    Ok(of_others.collect())
}
