//! What the gateway writes down so that a swarm over the same directory can go on after all processes were killed:
//! every task before it is told as accepted, every answer before it is told.
//!
//! The records go into segments, which are removed from the first one on once all their tasks are done. They
//! outlive every process, but not the host: nothing waits for a disk.

mod record;
mod recovery;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use protocol::Answer;

pub(super) use record::Accepted;
use record::Record;
pub(super) use recovery::{Recovered, RecoveryError, recover};

/// How large a segment is, in bytes. A record that is larger has one of its own.
const SEGMENT: u64 = 1 << 20;
/// The head of a segment: how many answers the segments before it hold, as they were counted.
const HEAD: u64 = 8;

/// The journal of one generation.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    /// Tasks that are not done, in each segment from the first that is still there.
    segments: VecDeque<u64>,
    first_segment: u64,
    file: File,
    /// Where the next record goes, and where the segment ends.
    at: u64,
    end: u64,
    /// What could not be written yet.
    pending: Vec<u8>,
    /// How many answers are in it.
    pending_answers: u64,
    /// Runs of accepted tasks by their first token: how many, how many are not done, in which segment.
    runs: BTreeMap<u64, Run>,
    /// Answers that were written or are about to be, and not told yet.
    untold: VecDeque<u64>,
    /// How many were told before those.
    told: u64,
}

#[derive(Debug)]
struct Run {
    count: u32,
    open: u32,
    segment: u64,
}

impl Journal {
    /// An empty journal in a new directory.
    fn create(directory: &Path) -> io::Result<Self> {
        let mut journal = Self {
            directory: directory.to_owned(),
            segments: VecDeque::from([0]),
            first_segment: 1,
            file: new_segment(directory, 1, SEGMENT)?,
            at: 0,
            end: SEGMENT,
            pending: Vec::new(),
            pending_answers: 0,
            runs: BTreeMap::new(),
            untold: VecDeque::new(),
            told: 0,
        };
        journal.begin_segment()?;
        Ok(journal)
    }

    /// The directory was given another name.
    fn moved_to(&mut self, directory: PathBuf) {
        self.directory = directory;
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let answers = self.told + self.untold.len() as u64 - self.pending_answers;
        self.file.write_all_at(&answers.to_le_bytes(), 0)?;
        self.at = HEAD;
        Ok(())
    }

    fn present(&self) -> u64 {
        self.first_segment + self.segments.len() as u64 - 1
    }

    /// Writes down that tasks were accepted, before that is told. After an error they must not be.
    pub(super) fn accept(&mut self, tasks: Accepted) -> io::Result<()> {
        self.write()?;
        let (first, count) = (tasks.first, tasks.count);
        Record::Accepted(tasks).put(&mut self.pending);
        if let Err(error) = self.write() {
            self.pending.clear();
            return Err(error);
        }
        let segment = self.present();
        self.runs.insert(first, Run { count, open: count, segment });
        self.segments[(segment - self.first_segment) as usize] += u64::from(count);
        Ok(())
    }

    /// Notes answers, which are about to be told.
    pub(super) fn answer(&mut self, answers: &[Answer]) {
        if !answers.is_empty() {
            Record::Answered(answers.to_vec()).put(&mut self.pending);
            self.pending_answers += answers.len() as u64;
            self.untold.extend(answers.iter().map(|answer| answer.token));
        }
    }

    /// Notes that nobody will answer a task.
    pub(super) fn abandon(&mut self, token: u64) {
        Record::Abandoned(token).put(&mut self.pending);
        self.close(token);
    }

    /// Notes that the harness was told of all answers so far.
    pub(super) fn tell(&mut self) {
        if self.untold.is_empty() {
            return;
        }
        self.told += self.untold.len() as u64;
        Record::Told(self.told).put(&mut self.pending);
        for token in std::mem::take(&mut self.untold) {
            self.close(token);
        }
        self.drop_segments();
    }

    /// Writes what has not been written. After an error it is tried again by the next call.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.at + self.pending.len() as u64 > self.end {
            self.rotate()?;
        }
        self.file.write_all_at(&self.pending, self.at)?;
        self.at += self.pending.len() as u64;
        self.pending.clear();
        self.pending_answers = 0;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let number = self.present() + 1;
        let size = SEGMENT.max(HEAD + self.pending.len() as u64);
        let before = std::mem::replace(&mut self.file, new_segment(&self.directory, number, size)?);
        let head = (self.at, self.end);
        self.end = size;
        if let Err(error) = self.begin_segment() {
            (self.file, self.at, self.end) = (before, head.0, head.1);
            return Err(error);
        }
        self.segments.push_back(0);
        self.drop_segments();
        Ok(())
    }

    fn close(&mut self, token: u64) {
        let Some((first, run)) = self.runs.range_mut(..=token).next_back() else { return };
        if token - first >= u64::from(run.count) || run.open == 0 {
            return;
        }
        run.open -= 1;
        let (first, segment, done) = (*first, run.segment, run.open == 0);
        if let Some(open) = self.segments.get_mut((segment - self.first_segment) as usize) {
            *open -= 1;
        }
        if done {
            self.runs.remove(&first);
        }
    }

    /// Removes segments of which all tasks are done, from the first one on: a later one may hold answers to the
    /// tasks of an earlier one.
    fn drop_segments(&mut self) {
        while self.segments.len() > 1 && self.segments.front() == Some(&0) {
            // One that cannot be removed says nothing new.
            let _ = fs::remove_file(segment_path(&self.directory, self.first_segment));
            self.segments.pop_front();
            self.first_segment += 1;
        }
    }

    #[cfg(test)]
    fn segment_count(&self) -> usize {
        self.segments.len()
    }
}

fn segment_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("journal-{number:08}"))
}

/// A segment whose room is reserved, so that what is written to it later finds it.
fn new_segment(directory: &Path, number: u64, size: u64) -> io::Result<File> {
    let path = segment_path(directory, number);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(true).write(true).mode(0o600).open(&path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, size as i64) {
        Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(file),
        Err(errno) => {
            let _ = fs::remove_file(&path);
            Err(errno.into())
        }
    }
}

#[cfg(test)]
mod tests;
