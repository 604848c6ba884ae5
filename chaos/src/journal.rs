//! `faults.journal`: what was done to whom and how it is undone, on disk before it is done.
//!
//! One JSON object a line. A record that has something to undo is on disk (`fdatasync`) before its fault is
//! applied. Harness and guardian both append, each line by one `write` in append mode.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::layout::JOURNAL;
use serde::{Deserialize, Serialize};

use crate::ChaosError;
pub use crate::cgroup::Home;
pub use crate::cpus::Cpus;
use crate::process::{Identity, boot_id};
pub use crate::rlimit::Resource;
pub use crate::undo::{Between, Threads, Undo};

/// The version of the journal.
pub const SCHEMA: u32 = 2;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The first line.
    Opened {
        /// Version of this format.
        schema: u32,
        /// The boot of the machine in which all of this holds.
        boot: String,
        /// The harness of the run.
        harness: Identity,
    },
    /// A guardian is there.
    Guarding {
        /// It.
        guardian: Identity,
    },
    /// The guardian has started the target.
    Launched {
        /// The target's first process.
        target: Identity,
    },
    /// The harness died and the target is kept, with nothing in effect, for another one.
    Kept {
        /// Since when (`CLOCK_MONOTONIC`).
        at_ns: u64,
    },
    /// The target's first process ended while no harness was there.
    Exited {
        /// How: `exit 0`, `signal 9`.
        status: String,
        /// When that was seen (`CLOCK_MONOTONIC`).
        at_ns: u64,
    },
    /// Another harness goes on with the run.
    Adopted {
        /// It.
        harness: Identity,
    },
    /// A fault is about to be applied.
    Prepare {
        /// Its id in the plan.
        fault: String,
        /// Its kind.
        kind: String,
        /// What undoes it; empty for a kill.
        undo: Vec<Undo>,
        /// When it is to be undone at the latest, whoever is there to do it (`CLOCK_MONOTONIC`).
        expires_ns: u64,
    },
    /// The fault was applied and read back.
    Applied {
        /// Its id.
        fault: String,
    },
    /// The fault was undone.
    Undone {
        /// Its id.
        fault: String,
        /// By whom.
        by: By,
        /// What could not be undone, and why; empty if all was.
        failed: Vec<String>,
    },
    /// The processes of the run were ended.
    Ended {
        /// By whom.
        by: By,
        /// How many were alive before.
        left_behind: u32,
        /// How many could not be ended.
        still_alive: u32,
    },
}

/// Who put things back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The harness itself.
    Harness,
    /// The guardian.
    Guardian,
    /// [`crate::heal`], later.
    Heal,
}

/// The journal of a run, open for appending. Clones write to the same file.
#[derive(Debug, Clone)]
pub struct Journal {
    path: Arc<PathBuf>,
    file: Arc<File>,
}

impl Journal {
    /// A new journal with its first line.
    ///
    /// # Errors
    /// If there is one already, or the file system refuses.
    pub fn create(run: &Path) -> Result<Self, ChaosError> {
        let opened = opened()?;
        let path = JOURNAL.within(run);
        let file = File::options()
            .read(true)
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(|e| ChaosError::file("create", &path, e))?;
        let journal = Self { path: Arc::new(path), file: Arc::new(file) };
        journal.append(&opened)?;
        Ok(journal)
    }

    /// The journal of a run that begins anew behind a harness and a guardian that are gone. What stands open in
    /// it must have been undone.
    ///
    /// # Errors
    /// If it cannot be opened for writing.
    pub fn reopen(run: &Path) -> Result<Self, ChaosError> {
        let journal = Self::open(run)?;
        journal.append(&opened()?)?;
        Ok(journal)
    }

    /// The journal of a run that has one.
    ///
    /// # Errors
    /// If it cannot be opened for writing.
    pub fn open(run: &Path) -> Result<Self, ChaosError> {
        let path = JOURNAL.within(run);
        let file = File::options()
            .read(true)
            .append(true)
            .open(&path)
            .map_err(|e| ChaosError::file("open", &path, e))?;
        Ok(Self { path: Arc::new(path), file: Arc::new(file) })
    }

    /// Appends a record; it outlives this process, not the machine.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn append(&self, record: &Record) -> Result<(), ChaosError> {
        let failed = |e| ChaosError::file("write", &self.path, e);
        let mut line = serde_json::to_vec(record).map_err(|e| failed(e.into()))?;
        line.push(b'\n');
        // What a full disk has left of another line must not take this one with it.
        if self.is_torn().map_err(failed)? {
            line.insert(0, b'\n');
        }
        // In one call, so that lines of the guardian do not come in between.
        (&*self.file).write_all(&line).map_err(failed)
    }

    fn is_torn(&self) -> io::Result<bool> {
        let Some(at) = self.file.metadata()?.len().checked_sub(1) else { return Ok(false) };
        let mut last = [0];
        self.file.read_exact_at(&mut last, at)?;
        Ok(last != *b"\n")
    }

    /// Appends a record and waits until it is on disk.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn append_synced(&self, record: &Record) -> Result<(), ChaosError> {
        self.append(record)?;
        self.file.sync_data().map_err(|e| ChaosError::file("write", &self.path, e))
    }
}

fn opened() -> Result<Record, ChaosError> {
    let proc = |e| ChaosError::io("read", "/proc", e);
    let (boot, harness) = (boot_id().map_err(proc)?, Identity::own().map_err(proc)?);
    Ok(Record::Opened { schema: SCHEMA, boot, harness })
}

/// Every record of a run's journal, in the order in which they were written. A line torn by a crash at the
/// very end is left out.
///
/// # Errors
/// If the file cannot be read or a line is not a record.
pub fn read(run: &Path) -> Result<Vec<Record>, ChaosError> {
    Follower::new(run)?.catch_up()
}

/// Reads a journal while others append to it.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    file: File,
    offset: u64,
    lines: u64,
}

impl Follower {
    pub(crate) fn new(run: &Path) -> Result<Self, ChaosError> {
        let path = JOURNAL.within(run);
        let file = File::open(&path).map_err(|e| ChaosError::file("open", &path, e))?;
        Ok(Self { path, file, offset: 0, lines: 0 })
    }

    /// What was appended since the last call, whole lines only.
    pub(crate) fn catch_up(&mut self) -> Result<Vec<Record>, ChaosError> {
        let added = self.added().map_err(|e| ChaosError::file("read", &self.path, e))?;
        let mut records = Vec::new();
        for line in added.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n")) {
            self.offset += line.len() as u64;
            self.lines += 1;
            records.extend(self.record(line)?);
        }
        Ok(records)
    }

    fn added(&mut self) -> io::Result<Vec<u8>> {
        if self.file.metadata()?.len() == self.offset {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.offset))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// `None` for the beginning of a line whose end could not be written: what it was for was not done.
    fn record(&self, line: &[u8]) -> Result<Option<Record>, ChaosError> {
        let failed = |found: String| ChaosError::Record { path: self.path.clone(), line: self.lines, found };
        let record = match serde_json::from_slice(line.trim_ascii_end()) {
            Err(e) if e.is_eof() => return Ok(None),
            read => read.map_err(|e| failed(e.to_string()))?,
        };
        match record {
            Record::Opened { schema, .. } if schema != SCHEMA => Err(failed(format!(
                "it has schema {schema}, this version reads {SCHEMA}; heal it with the version that wrote it"
            ))),
            record => Ok(Some(record)),
        }
    }
}

/// A fault that may have been applied and was not undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) fault: String,
    pub(crate) undo: Vec<Undo>,
    pub(crate) expires_ns: u64,
}

/// What is open after the records seen so far, oldest first.
#[derive(Debug, Default)]
pub(crate) struct OpenFaults(VecDeque<Open>);

impl OpenFaults {
    pub(crate) fn see(&mut self, record: &Record) {
        match record {
            Record::Prepare { fault, undo, expires_ns, .. } if !undo.is_empty() => {
                self.0.push_back(Open { fault: fault.clone(), undo: undo.clone(), expires_ns: *expires_ns });
            }
            Record::Undone { fault, .. } => self.0.retain(|open| open.fault != *fault),
            // A new segment of the run, which nothing of the one before has outlived.
            Record::Opened { .. } => self.0.clear(),
            _ => {}
        }
    }

    /// Takes all, the youngest first: what was done last is undone first.
    pub(crate) fn take_all(&mut self) -> Vec<Open> {
        self.0.drain(..).rev().collect()
    }

    /// Takes those that should have been undone by now, the youngest first.
    pub(crate) fn take_overdue(&mut self, now_ns: u64) -> Vec<Open> {
        let (overdue, kept) = self.0.drain(..).partition::<VecDeque<_>, _>(|open| open.expires_ns <= now_ns);
        self.0 = kept;
        overdue.into_iter().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prepare(fault: &str, expires_ns: u64) -> Record {
        let process = Identity { pid: 4242, starttime: 17 };
        Record::Prepare {
            fault: fault.into(),
            kind: "pause".into(),
            undo: vec![Undo::Continue { process }],
            expires_ns,
        }
    }

    fn undone(fault: &str) -> Record {
        Record::Undone { fault: fault.into(), by: By::Harness, failed: Vec::new() }
    }

    fn names(open: &[Open]) -> Vec<&str> {
        open.iter().map(|o| o.fault.as_str()).collect()
    }

    #[test]
    fn a_journal_reads_back_as_written_and_a_torn_last_line_is_left_out() {
        let run = tempfile::tempdir().unwrap();
        let journal = Journal::create(run.path()).unwrap();
        journal.append_synced(&prepare("1", 5)).unwrap();
        Journal::open(run.path()).unwrap().append(&undone("1")).unwrap();
        (&*journal.file).write_all(br#"{"record":"prep"#).unwrap();
        let records = read(run.path()).unwrap();
        assert!(matches!(&records[0], Record::Opened { schema: SCHEMA, .. }));
        assert_eq!(records[1..], [prepare("1", 5), undone("1")]);
    }

    #[test]
    fn what_a_full_disk_has_left_of_a_line_does_not_take_the_next_one_with_it() {
        let run = tempfile::tempdir().unwrap();
        let journal = Journal::create(run.path()).unwrap();
        for torn in [&br#"{"record":"prep"#[..], br#"{"record":"prepare","undo":["#, b"{"] {
            (&*journal.file).write_all(torn).unwrap();
            Journal::open(run.path()).unwrap().append(&prepare("1", 5)).unwrap();
            journal.append(&undone("1")).unwrap();
        }
        let whole = [prepare("1", 5), undone("1")];
        assert_eq!(read(run.path()).unwrap()[1..], [&whole[..], &whole, &whole].concat());
    }

    #[test]
    fn the_format_of_a_line_is_as_documented() {
        assert_eq!(
            serde_json::to_string(&prepare("1", 5)).unwrap(),
            r#"{"record":"prepare","fault":"1","kind":"pause","undo":[{"undo":"continue","pid":4242,"starttime":17}],"expires_ns":5}"#
        );
    }

    #[test]
    fn a_follower_sees_each_line_once_and_only_when_it_is_whole() {
        let run = tempfile::tempdir().unwrap();
        let journal = Journal::create(run.path()).unwrap();
        let mut follower = Follower::new(run.path()).unwrap();
        assert_eq!(follower.catch_up().unwrap().len(), 1);
        let line = serde_json::to_vec(&undone("1")).unwrap();
        (&*journal.file).write_all(&line).unwrap();
        assert_eq!(follower.catch_up().unwrap(), []);
        (&*journal.file).write_all(b"\n").unwrap();
        assert_eq!(follower.catch_up().unwrap(), [undone("1")]);
        assert_eq!(follower.catch_up().unwrap(), []);
    }

    #[test]
    fn a_line_that_is_no_record_is_an_error_that_names_it() {
        let run = tempfile::tempdir().unwrap();
        let journal = Journal::create(run.path()).unwrap();
        (&*journal.file).write_all(b"{\"record\":\"wish\"}\n").unwrap();
        let error = read(run.path()).unwrap_err().to_string();
        assert!(error.contains("faults.journal, line 2: unknown variant `wish`"), "{error}");
    }

    #[test]
    fn a_journal_of_another_version_is_refused() {
        let run = tempfile::tempdir().unwrap();
        let line = r#"{"record":"opened","schema":3,"boot":"x","harness":{"pid":1,"starttime":1}}"#;
        std::fs::write(JOURNAL.within(run.path()), format!("{line}\n")).unwrap();
        let error = read(run.path()).unwrap_err().to_string();
        assert!(error.contains("it has schema 3, this version reads 2"), "{error}");
    }

    #[test]
    fn a_second_journal_in_the_same_run_is_refused() {
        let run = tempfile::tempdir().unwrap();
        Journal::create(run.path()).unwrap();
        let error = Journal::create(run.path()).unwrap_err().to_string();
        assert!(error.contains("could not create") && error.contains("File exists"), "{error}");
    }

    #[test]
    fn only_overdue_faults_are_taken_and_the_youngest_comes_first() {
        let mut open = OpenFaults::default();
        for record in [prepare("a", 10), prepare("b", 30), prepare("c", 20)] {
            open.see(&record);
        }
        assert_eq!(names(&open.take_overdue(20)), ["c", "a"]);
        assert_eq!(names(&open.take_all()), ["b"]);
    }

    proptest! {
        #[test]
        fn what_is_open_is_exactly_what_was_prepared_and_not_undone(
            steps in proptest::collection::vec((0_u8..6, any::<bool>()), 0..40)
        ) {
            let mut open = OpenFaults::default();
            let mut expected: Vec<String> = Vec::new();
            for (fault, begin) in steps {
                let fault = fault.to_string();
                if !begin {
                    open.see(&undone(&fault));
                    expected.retain(|f| *f != fault);
                } else if !expected.contains(&fault) {
                    open.see(&prepare(&fault, 0));
                    expected.push(fault);
                }
            }
            expected.reverse();
            let left = open.take_all();
            prop_assert_eq!(names(&left), expected);
        }
    }
}
