//! A run directory in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evidence::certificate::Certificate;
use evidence::end::End;
use evidence::event::{self, Event};
use evidence::latency::Series;
use evidence::manifest::Manifest;
use evidence::round::{self, Interval, Round};
use evidence::sample::{Process, Sample};
use evidence::{EvidenceError, layout, tier};

use crate::latency::{self, Digest};
use crate::windows::{Window, windows};

/// What a run left on disk: facts only. A run that crashed is read as far as it came.
#[derive(Debug)]
pub struct Evidence {
    pub(crate) run: PathBuf,
    pub(crate) manifest: Manifest,
    /// What was known of the instrument; one that cannot be read says nothing.
    pub(crate) certificate: Option<Certificate>,
    pub(crate) events: Vec<Event>,
    pub(crate) rounds: Vec<Round>,
    pub(crate) intervals: Vec<Interval>,
    /// Typical rows, in order of time: as they were read, or the medians of a tier of a long run. For a slope,
    /// a mean or a level. What is greatest is in [`Self::peaks`].
    pub(crate) samples: Vec<Sample>,
    /// The maxima of a tier of a long run; empty where `samples` are as they were read.
    maxima: Vec<Sample>,
    pub(crate) processes: Vec<Process>,
    pub(crate) latency: BTreeMap<Series, Digest>,
    /// Absent for a run that crashed.
    pub(crate) end: Option<End>,
    pub(crate) windows: Vec<Window>,
    /// When the run ended, or the last that is known of it, in nanoseconds since its start.
    pub(crate) last_ns: u64,
}

/// The files that can be read at the same time.
struct Tables {
    events: Vec<Event>,
    rounds: Vec<Round>,
    intervals: Vec<Interval>,
    samples: tier::Samples,
    processes: Vec<Process>,
}

impl Tables {
    fn read(run: &Path) -> Result<Self, EvidenceError> {
        std::thread::scope(|threads| {
            let rounds = threads.spawn(|| {
                let mut rounds = round::rounds(run)?;
                // A row is written when its round is over, which is not the order in which they were due.
                rounds.sort_by_key(|r| (r.due_ns, r.round));
                Ok::<_, EvidenceError>(rounds)
            });
            let processes = threads.spawn(|| tier::processes(run));
            let intervals = round::intervals(run);
            let samples = tier::samples(run);
            let events = if layout::EVENTS.within(run).exists() { event::read(run) } else { Ok(Vec::new()) };
            let (rounds, processes) = (joined(rounds)?, joined(processes)?);
            Ok(Self { events: events?, rounds, intervals: intervals?, samples: samples?, processes })
        })
    }
}

/// What a thread came to; its panic is this one's.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Evidence {
    /// Reads a run directory. Only the manifest must be there; what else is missing is judged as missing.
    ///
    /// # Errors
    /// If there is no manifest, a file cannot be read, or a record in it is not what this version writes.
    pub fn read(run: &Path) -> Result<Self, EvidenceError> {
        let manifest = Manifest::read(run)?;
        let certificate = Certificate::of_run(run).ok().flatten();
        let end = End::read(run)?;
        let Tables { events, rounds, intervals, samples, processes } = Tables::read(run)?;
        let tier::Samples { typical: samples, greatest: maxima } = samples;
        let last_ns = end.as_ref().map_or_else(
            || {
                let events = events.iter().map(|e| e.at_ns);
                let intervals = intervals.iter().map(|i| i.at_ns.saturating_add(i.length_ns));
                events.chain(intervals).chain(samples.iter().map(|s| s.at_ns)).max().unwrap_or(0)
            },
            |end| end.at_ns,
        );
        let windows = windows(&events, last_ns);
        let latency = latency::read(run, &windows)?;
        let run = run.to_path_buf();
        Ok(Self {
            run,
            manifest,
            certificate,
            events,
            rounds,
            intervals,
            samples,
            maxima,
            processes,
            latency,
            end,
            windows,
            last_ns,
        })
    }

    /// The rows of which every greatest value is to be taken, in order of time: as they were read, or the maxima
    /// of a tier of a long run, column by column, so that a spike of one tick is in them.
    pub(crate) fn peaks(&self) -> &[Sample] {
        if self.maxima.is_empty() { &self.samples } else { &self.maxima }
    }

    /// The directory that it was read from.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.run
    }

    /// The time from one row of the samples to the next, in nanoseconds: the sampling interval, or the stretch for
    /// which a row stands in the tiers of a run of weeks.
    pub(crate) fn sampled_every_ns(&self) -> u64 {
        let ticks = self.samples.iter().map(|s| s.ticks).max().unwrap_or(1).max(1);
        self.manifest.sampling.every_ns.saturating_mul(u64::from(ticks))
    }

    /// From when the times of a plan count: when the target was ready.
    pub(crate) fn zero_ns(&self) -> u64 {
        self.ready_ns().unwrap_or(0)
    }

    /// When the target had told that it was ready.
    pub(crate) fn ready_ns(&self) -> Option<u64> {
        self.events.iter().find_map(|e| matches!(e.fact, event::Fact::TargetReady { .. }).then_some(e.at_ns))
    }
}
