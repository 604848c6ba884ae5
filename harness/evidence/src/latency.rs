//! `latency.hlog`: interval histograms, so that percentiles of any span can be made later without averaging.
//!
//! The file is an HDR interval log (the format of HdrHistogram's `HistogramLogWriter`), one line a series and
//! interval. Values are microseconds from 1 µs to one hour, with three significant digits.

mod log;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

pub(crate) use log::{Head, Log, Part};

use crate::segment::{self, Counted};
use crate::{EvidenceError, layout, torn};

/// The greatest value kept, in microseconds; a greater one is recorded as this.
pub const MAX_MICROS: u64 = 3_600_000_000;

/// What a histogram measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// From intended start to answer.
    Response,
    /// From actual start to answer.
    Service,
    /// A whole round, from when it was due.
    Round,
    /// A whole round inside the target.
    TargetRound,
}

impl Series {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Response, Self::Service, Self::Round, Self::TargetRound];

    /// Its tag in the log.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Round => "round",
            Self::TargetRound => "target_round",
        }
    }
}

/// One series over one interval.
#[derive(Debug, Clone)]
pub struct IntervalHistogram {
    /// What it measures.
    pub series: Series,
    /// When the interval began, in nanoseconds since the start of the run, to the millisecond.
    pub at_ns: u64,
    /// How long it was, in nanoseconds.
    pub length_ns: u64,
    /// The values, in microseconds. Shared, so that who fills histograms has them back when they are written.
    pub histogram: Arc<Histogram<u64>>,
}

/// An empty histogram of the range kept here.
#[must_use]
pub fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, MAX_MICROS, 3).expect("the bounds are constants that the crate accepts")
}

/// Records a duration, to the microsecond.
pub fn record(histogram: &mut Histogram<u64>, nanos: u64) {
    histogram.saturating_record((nanos / 1_000).clamp(1, MAX_MICROS));
}

/// Appends to `latency.hlog`.
pub struct Writer {
    path: PathBuf,
    file: Counted,
    /// Whether only the newest part is kept.
    bounded: bool,
    serializer: V2DeflateSerializer,
    line: Vec<u8>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writer {
    /// A new log.
    ///
    /// # Errors
    /// If the file exists or cannot be made.
    pub fn create(run: &Path) -> Result<Self, EvidenceError> {
        let path = layout::LATENCY.within(run);
        let file = File::create_new(&path).map_err(|e| EvidenceError::io("create", &path, e))?;
        Self::begin(path, Counted::new(file, 0))
    }

    /// The log of a run that is resumed, or a tier of it, behind its last whole line.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn resume(run: &Path, log: layout::File) -> Result<Self, EvidenceError> {
        let path = log.within(run);
        let (file, length) = torn::open(&path)?;
        let file = Counted::new(file, length);
        if length == 0 { Self::begin(path, file) } else { Ok(Self::over(path, file)) }
    }

    /// The same log, of which only the newest part is kept: see [`segment`].
    #[must_use]
    pub fn bounded(self, bounded: bool) -> Self {
        Self { bounded, ..self }
    }

    fn over(path: PathBuf, file: Counted) -> Self {
        Self { path, file, bounded: false, serializer: V2DeflateSerializer::new(), line: Vec::new() }
    }

    fn begin(path: PathBuf, file: Counted) -> Result<Self, EvidenceError> {
        let mut writer = Self::over(path, file);
        writer.write_head()?;
        Ok(writer)
    }

    fn write_head(&mut self) -> Result<(), EvidenceError> {
        let mut head = Vec::new();
        IntervalLogWriterBuilder::new()
            .add_comment("shakedown latency log: values are microseconds, times are seconds since the start of the run")
            .with_base_time(std::time::UNIX_EPOCH)
            .begin_log_with(&mut head, &mut self.serializer)
            .map(drop)
            .and_then(|()| self.file.write_all(&head))
            .map_err(|e| EvidenceError::io("write", &self.path, e))
    }

    /// Appends one interval; an empty histogram is left out, since it says nothing.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn append(&mut self, interval: &IntervalHistogram) -> Result<(), EvidenceError> {
        if interval.histogram.is_empty() {
            return Ok(());
        }
        if self.bounded && self.file.bytes() >= segment::BYTES {
            self.flush()?;
            self.file = segment::renew(&self.path)?;
            self.write_head()?;
        }
        self.line.clear();
        self.encode(interval)
            .and_then(|()| {
                // The crate writes a log's head before the first line of every log that it begins.
                let mut body =
                    self.line.split_inclusive(|b| *b == b'\n').filter(|l| !matches!(l[0], b'#' | b'"'));
                body.try_for_each(|line| self.file.write_all(line))
            })
            .map_err(|e| EvidenceError::io("write", &self.path, e))
    }

    fn encode(&mut self, interval: &IntervalHistogram) -> std::io::Result<()> {
        IntervalLogWriterBuilder::new()
            .begin_log_with(&mut self.line, &mut self.serializer)?
            .write_histogram(
                &interval.histogram,
                Duration::from_nanos(interval.at_ns),
                Duration::from_nanos(interval.length_ns),
                Tag::new(interval.series.tag()),
            )
            .map_err(std::io::Error::other)
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.file.flush().map_err(|e| EvidenceError::io("write", &self.path, e))
    }
}

/// All intervals of a run that is not long, in the order in which they were written; none if there is no file. A line torn by
/// a crash at the very end is left out.
///
/// # Errors
/// If the file cannot be read or a line is not one of ours.
pub fn read(run: &Path) -> Result<Vec<IntervalHistogram>, EvidenceError> {
    let mut intervals = Vec::new();
    Log::read(&layout::LATENCY.within(run))?.whole().each(|_| true, |interval| intervals.push(interval))?;
    Ok(intervals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_reads_back_to_the_same_counts() {
        let run = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(run.path()).unwrap();
        let mut histogram = empty();
        for micros in [1, 50, 50, 7_000, 1_000_000] {
            record(&mut histogram, micros * 1_000);
        }
        let histogram = Arc::new(histogram);
        for second in 0..3_u64 {
            for series in [Series::Response, Series::Service] {
                let at_ns = second * 1_000_000_000;
                let interval = IntervalHistogram {
                    series,
                    at_ns,
                    length_ns: 1_000_000_000,
                    histogram: Arc::clone(&histogram),
                };
                writer.append(&interval).unwrap();
            }
        }
        writer.flush().unwrap();
        let read = read(run.path()).unwrap();
        assert_eq!(read.len(), 6);
        assert_eq!(read[5].series, Series::Service);
        assert_eq!(read[5].at_ns, 2_000_000_000);
        assert_eq!(read[5].histogram.len(), 5);
        assert_eq!(read[5].histogram.value_at_quantile(0.5), 50);
    }
}
