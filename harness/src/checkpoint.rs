//! `checkpoint.json` and `sent.count`: what a harness needs that goes on with the run of a dead one.
//!
//! The checkpoint is replaced at each interval, whole or not at all, behind everything that it counts. Tasks are
//! counted at every handing over, before the target gets them: what was sent after the checkpoint is then known
//! although nobody saw what became of it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use evidence::EvidenceError;
use evidence::end::{Shed, Ticks};
use evidence::layout;
use protocol::{Capability, Member};
use serde::{Deserialize, Serialize};

use crate::clocks::Clocks;
use crate::dispatcher::Hearing;
use crate::ledger::{Sent, Standing};
use crate::recovery::Cost;

/// The version of `checkpoint.json`.
const SCHEMA: u32 = 1;
/// Digits of a number in `sent.count`.
const DIGITS: usize = 20;

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Version of this format.
    pub schema: u32,
    /// When it was made, in nanoseconds since the start of the run.
    pub at_ns: u64,
    /// Zero of the plan, in nanoseconds since the start of the run.
    pub zero_ns: u64,
    /// `CLOCK_MONOTONIC` at the start of the run, on the boot of this segment; before it was booted for a run
    /// that has outlived a boot (then it wraps around).
    pub zero_monotonic_ns: u64,
    /// The ledger.
    pub ledger: Standing,
    /// Rounds that are a row of the evidence.
    pub rounds_done: u64,
    /// What was due and not started.
    pub shed: Shed,
    /// Ticks of the sampler.
    pub ticks: Ticks,
    /// The greatest lag of the harness, in nanoseconds.
    pub lag_ns: u64,
    /// Incidents that were numbered.
    pub incidents: u64,
    /// Everybody as the target last told.
    pub members: Vec<Known>,
    /// The agent that leads all.
    pub leader: Option<u32>,
    /// Workers at launch.
    pub workers: u32,
    /// What the target said that it tells.
    pub tells: Vec<Capability>,
    /// What faults have cost so far, by their place in the plan.
    pub costs: Vec<(usize, Cost)>,
    /// Whether the processes were read for the baseline at the beginning of the hold phase.
    pub baseline: bool,
    /// What each live threshold on growth compares with: what was read for the baseline.
    pub grown_from: Vec<Option<f64>>,
    /// Who was heard when.
    pub hearing: Hearing,
    /// The clocks of the host at the last tick.
    pub clocks: Option<Clocks>,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// It, as it was last told.
    #[serde(flatten)]
    pub member: Member,
    /// Whether its process was there.
    pub alive: bool,
    /// Since when this life of it was there, in nanoseconds since the start of the run.
    pub since_ns: u64,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            at_ns: 0,
            zero_ns: 0,
            zero_monotonic_ns: 0,
            ledger: Standing::default(),
            rounds_done: 0,
            shed: Shed::default(),
            ticks: Ticks::default(),
            lag_ns: 0,
            incidents: 0,
            members: Vec::new(),
            leader: None,
            workers: 0,
            tells: Vec::new(),
            costs: Vec::new(),
            baseline: false,
            grown_from: Vec::new(),
            hearing: Hearing::default(),
            clocks: None,
        }
    }
}

impl Checkpoint {
    /// About how much memory it takes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>()
            + self.members.len() * size_of::<Known>()
            + self.grown_from.len() * size_of::<Option<f64>>()
            + self.hearing.weight()
    }

    /// Takes the place of the one before. It outlives the process. A `durable` one is on the disk before it does, so that a
    /// loss of power leaves the one before or this one; with one that is not, only where the file system writes data before
    /// the new name of their file.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, run: &Path, durable: bool) -> Result<(), EvidenceError> {
        let path = layout::CHECKPOINT.within(run);
        let partial = path.with_extension("partial");
        let write = || -> io::Result<()> {
            let text = serde_json::to_vec(self)?;
            let mut file = File::create(&partial)?;
            file.write_all(&text)?;
            if durable {
                file.sync_data()?;
            }
            std::fs::rename(&partial, &path)
        };
        write().map_err(|source| EvidenceError::Io { action: "write", path: path.clone(), source })
    }

    /// The last one of a run; `None` if there never was one.
    ///
    /// # Errors
    /// If it cannot be read or is not one of this version.
    pub fn read(run: &Path) -> Result<Option<Self>, EvidenceError> {
        let path = layout::CHECKPOINT.within(run);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(EvidenceError::Io { action: "read", path, source }),
        };
        let read: Self = serde_json::from_slice(&text).map_err(|e| EvidenceError::Record {
            path: path.clone(),
            line: e.line() as u64,
            found: e.to_string(),
        })?;
        if read.schema == SCHEMA {
            Ok(Some(read))
        } else {
            Err(EvidenceError::Schema { path, found: read.schema, expected: SCHEMA })
        }
    }
}

/// Counts what is handed to the target where it outlives the harness.
#[derive(Debug)]
pub(crate) struct SentFile {
    file: File,
    last: Sent,
}

impl SentFile {
    /// Opens the count of a run, or begins it.
    pub(crate) fn open(run: &Path) -> io::Result<Self> {
        let path = layout::SENT.within(run);
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file, last: Sent::default() })
    }

    /// So much was handed over by now. One call of the kernel, and none where nothing was.
    pub(crate) fn count(&mut self, sent: Sent) -> io::Result<()> {
        if sent == self.last {
            return Ok(());
        }
        self.last = sent;
        // Always as long, so that it never needs another block of the disk, and in one piece.
        let Sent { next, work, floods, late } = sent;
        let line = format!("{next:0DIGITS$} {work:0DIGITS$} {floods:0DIGITS$} {late:0DIGITS$}\n");
        self.file.write_all_at(line.as_bytes(), 0)
    }

    /// What was handed over by then; nothing where it was never counted.
    pub(crate) fn read(run: &Path) -> Result<Sent, EvidenceError> {
        let path = layout::SENT.within(run);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(EvidenceError::Io { action: "read", path, source }),
        };
        if text.is_empty() {
            return Ok(Sent::default());
        }
        let numbers: Option<Vec<u64>> = text.split_whitespace().map(|n| n.parse().ok()).collect();
        match numbers.as_deref() {
            Some([next, work, floods, late]) => {
                Ok(Sent { next: *next, work: *work, floods: *floods, late: *late })
            }
            _ => Err(EvidenceError::Record { path, line: 1, found: "these are not four numbers".to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_takes_the_place_of_the_one_before_and_reads_back() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(Checkpoint::read(run.path()).unwrap(), None);
        let mut checkpoint = Checkpoint::default();
        let member = Member { agent: 3, role: protocol::Role::Worker, pid: 99, epoch: 2, parent: Some(0) };
        checkpoint.members.push(Known { member, alive: true, since_ns: 7 });
        for at_ns in [17, 18] {
            checkpoint.at_ns = at_ns;
            checkpoint.write(run.path(), true).unwrap();
            assert_eq!(Checkpoint::read(run.path()).unwrap(), Some(checkpoint.clone()));
        }
        assert_eq!(std::fs::read_dir(run.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_checkpoint_that_is_none_is_refused_with_its_name_and_line() {
        let run = tempfile::tempdir().unwrap();
        let path = layout::CHECKPOINT.within(run.path());
        for (text, found) in [("{", "line 1: EOF"), ("{\"schema\":1}", "line 1: missing field")] {
            std::fs::write(&path, text).unwrap();
            let error = Checkpoint::read(run.path()).unwrap_err().to_string();
            assert!(error.contains("checkpoint.json") && error.contains(found), "{error}");
        }
    }

    #[test]
    fn what_was_sent_is_there_when_the_counter_is_gone() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(SentFile::read(run.path()).unwrap(), Sent::default());
        let mut counter = SentFile::open(run.path()).unwrap();
        for next in [2, u64::MAX, 5] {
            let sent = Sent { next, work: 4, floods: 1, late: 3 };
            counter.count(sent).unwrap();
            assert_eq!(SentFile::read(run.path()).unwrap(), sent);
        }
        std::fs::write(layout::SENT.within(run.path()), "1 2\n").unwrap();
        let error = SentFile::read(run.path()).unwrap_err().to_string();
        assert!(error.contains("sent.count, line 1: these are not four numbers"), "{error}");
    }
}
