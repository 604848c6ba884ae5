//! Writes the evidence on a thread of its own, so that a slow disk never delays what is due.
//!
//! Events are handed to the kernel as soon as nothing else waits, tables at each interval; every ten seconds, or at each
//! interval that is longer, everything is on the disk. What waits to be written is bounded in bytes: beyond that, records are dropped and counted, never queued.
//! The first refusal of the file system is told once; from then on nothing is written.

mod durable;
mod files;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use evidence::EvidenceError;
use evidence::event::Event;
use evidence::latency::IntervalHistogram;
use evidence::round::{Interval, Round};
use evidence::sample::{Process, Sample};
use evidence::tier::Retention;

use crate::checkpoint::Checkpoint;
use files::Files;

/// What may wait to be written, in bytes of memory.
const MAX_WAITING: usize = 48 << 20;

/// One thing to write.
#[derive(Debug, Clone)]
pub enum Record {
    /// Something that happened.
    Event(Event),
    /// A round.
    Round(Round),
    /// An interval of the workload.
    Interval(Interval),
    /// Times of an interval.
    Latency(IntervalHistogram),
    /// A tick of the sampler, by group.
    Samples(Vec<Sample>),
    /// A tick of the sampler, by process.
    Processes(Vec<Process>),
    /// Hand everything to the kernel.
    Flush,
    /// Where the run is, for a harness that goes on with it.
    Checkpoint(Box<Checkpoint>),
}

impl Record {
    /// About how much memory it takes.
    fn weight(&self) -> usize {
        match self {
            Self::Event(_) => 512,
            Self::Round(_) | Self::Interval(_) => 256,
            // Twenty-three thousand counts of eight bytes.
            Self::Latency(_) => 188 << 10,
            Self::Samples(rows) => rows.len() * size_of::<Sample>(),
            Self::Processes(rows) => rows.len() * size_of::<Process>(),
            Self::Flush => 16,
            Self::Checkpoint(checkpoint) => checkpoint.weight(),
        }
    }
}

/// Where records are handed in; cheap to clone.
#[derive(Debug, Clone)]
pub struct Recorder {
    sender: mpsc::Sender<Record>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// The thread that writes.
#[derive(Debug)]
pub struct Writing {
    thread: JoinHandle<()>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// Makes the files in the run directory, which are kept as `retention` says, and starts to write. `failed` is called at most once, from the
    /// writing thread.
    ///
    /// # Errors
    /// If a file exists or cannot be made.
    pub fn begin(
        run: &Path,
        retention: &Retention,
        failed: impl FnOnce(EvidenceError) + Send + 'static,
    ) -> Result<(Self, Writing), EvidenceError> {
        Self::over(Files::create(run, retention)?, run, failed)
    }

    /// The same for a run that is resumed: goes on with the files that there are, each behind its last whole
    /// line.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn resume(
        run: &Path,
        retention: &Retention,
        failed: impl FnOnce(EvidenceError) + Send + 'static,
    ) -> Result<(Self, Writing), EvidenceError> {
        Self::over(Files::resume(run, retention)?, run, failed)
    }

    fn over(
        files: Files,
        run: &Path,
        failed: impl FnOnce(EvidenceError) + Send + 'static,
    ) -> Result<(Self, Writing), EvidenceError> {
        let (sender, receiver) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let dropped = Arc::new(AtomicU64::new(0));
        let recorder = Self { sender, waiting: waiting.clone(), dropped: dropped.clone() };
        let counted = dropped.clone();
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write_all(files, &receiver, &waiting, &counted, failed))
            .map_err(|source| EvidenceError::Io {
                action: "start the writer of",
                path: run.to_path_buf(),
                source,
            })?;
        Ok((recorder, Writing { thread, dropped }))
    }

    /// Hands in a record. It is dropped, and counted, if too much waits already.
    pub fn record(&self, record: Record) {
        let weight = record.weight();
        if self.waiting.fetch_add(weight, Ordering::Relaxed) > MAX_WAITING {
            self.waiting.fetch_sub(weight, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else if self.sender.send(record).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How much waits to be written, in bytes of memory.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Writing {
    /// Waits until everything handed in is written; every [`Recorder`] must have been dropped. How many
    /// records were dropped over the run.
    #[must_use]
    pub fn finish(self) -> u64 {
        let panicked = self.thread.join().is_err();
        self.dropped.load(Ordering::Relaxed) + u64::from(panicked)
    }
}

fn write_all(
    mut files: Files,
    records: &mpsc::Receiver<Record>,
    waiting: &AtomicUsize,
    dropped: &AtomicU64,
    failed: impl FnOnce(EvidenceError),
) {
    let mut failed = Some(failed);
    let mut tell = |written: Result<(), EvidenceError>| match written {
        Ok(()) => true,
        Err(why) => {
            if let Some(failed) = failed.take() {
                failed(why);
            }
            false
        }
    };
    let mut works = true;
    while let Some(record) = next(records, || works = works && tell(files.flush_events())) {
        waiting.fetch_sub(record.weight(), Ordering::Relaxed);
        works = works && tell(files.write(record));
        if !works {
            dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
    if works {
        tell(files.finish());
    }
}

/// The next record; `None` when there will be no more. Calls `idle` before it waits.
fn next(records: &mpsc::Receiver<Record>, idle: impl FnOnce()) -> Option<Record> {
    records.try_recv().ok().or_else(|| {
        idle();
        records.recv().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::event::{self, Fact};

    fn note(at_ns: u64) -> Record {
        Record::Event(Event { at_ns, fact: Fact::Note { text: "x".repeat(50) } })
    }

    #[test]
    fn everything_that_was_handed_in_is_in_the_files_when_the_writing_has_finished() {
        let run = tempfile::tempdir().unwrap();
        let (recorder, writing) =
            Recorder::begin(run.path(), &Retention::default(), |e| panic!("{e}")).unwrap();
        (0..1000).for_each(|at_ns| recorder.record(note(at_ns)));
        drop(recorder);
        assert_eq!(writing.finish(), 0);
        assert_eq!(event::read(run.path()).unwrap().len(), 1000);
    }

    #[test]
    fn what_is_handed_in_while_too_much_waits_is_dropped_and_counted() {
        let (sender, receiver) = mpsc::channel();
        let recorder = Recorder { sender, waiting: Arc::default(), dropped: Arc::default() };
        let records = MAX_WAITING / 512;
        (0..records as u64 + 100).for_each(|at_ns| recorder.record(note(at_ns)));
        assert!(recorder.dropped.load(Ordering::Relaxed) >= 98);
        assert!(receiver.try_iter().count() <= records + 2);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_names_it() {
        let error = Recorder::begin(Path::new("/no/such/run"), &Retention::default(), |_| ()).unwrap_err();
        assert!(error.to_string().contains("/no/such/run/events.jsonl"), "{error}");
    }
}
