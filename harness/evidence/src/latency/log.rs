//! Reading an interval log. The head of a line is parsed by itself, since what is behind it costs some hundred
//! times as much to decode and is often not wanted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogHistogram, IntervalLogIterator, LogEntry};

use super::{IntervalHistogram, Series};
use crate::EvidenceError;

/// A log in memory, without a line that was torn by a crash at its very end.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// What a line is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) series: Series,
    pub(crate) at_ns: u64,
    pub(crate) length_ns: u64,
}

/// Some lines of a log, one behind the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    path: &'a Path,
    /// Lines of the log before it.
    before: u64,
    bytes: &'a [u8],
}

impl Log {
    /// The log at this path; an empty one if there is none.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(crate) fn read(path: &Path) -> Result<Self, EvidenceError> {
        let mut bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(EvidenceError::io("read", path, e)),
        };
        bytes.truncate(bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1));
        Ok(Self { path: path.to_path_buf(), bytes })
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Part<'_> {
        Part { path: &self.path, before: 0, bytes: &self.bytes }
    }

    /// The same in at most so many parts of about the same size, in their order.
    pub(crate) fn parts(&self, count: usize) -> Vec<Part<'_>> {
        let target = self.bytes.len().div_ceil(count.max(1));
        let mut parts = Vec::with_capacity(count);
        let mut rest = self.whole();
        while !rest.bytes.is_empty() {
            let behind = rest.bytes.get(target..).unwrap_or_default();
            let more = behind.iter().position(|b| *b == b'\n').map_or(behind.len(), |end| end + 1);
            let (bytes, behind) = rest.bytes.split_at(rest.bytes.len() - behind.len() + more);
            parts.push(Part { bytes, ..rest });
            let lines = bytes.iter().filter(|b| **b == b'\n').count() as u64;
            rest = Part { before: rest.before + lines, bytes: behind, ..rest };
        }
        parts
    }
}

impl Part<'_> {
    /// Decodes each wanted interval, one at a time: a histogram takes some 190 KiB in memory, and a long run has
    /// many thousands.
    ///
    /// # Errors
    /// If a line is not one of ours.
    pub(crate) fn each(
        self,
        mut wanted: impl FnMut(&Head) -> bool,
        mut visit: impl FnMut(IntervalHistogram),
    ) -> Result<(), EvidenceError> {
        let mut deserializer = Deserializer::new();
        for (line, text) in (self.before + 1..).zip(self.bytes.split_inclusive(|b| *b == b'\n')) {
            let failed = |found| EvidenceError::Record { path: self.path.to_path_buf(), line, found };
            // A line that tells of no interval has no entry.
            let Some(entry) = IntervalLogIterator::new(text).next() else { continue };
            let LogEntry::Interval(interval) = entry.map_err(|e| failed(format!("{e:?}")))? else { continue };
            let head = Head::of(&interval).map_err(failed)?;
            if wanted(&head) {
                visit(decode(head, &interval, &mut deserializer).map_err(failed)?);
            }
        }
        Ok(())
    }
}

impl Head {
    fn of(interval: &IntervalLogHistogram<'_>) -> Result<Self, String> {
        let tag = interval.tag().map_or("", |t| t.as_str());
        let series =
            Series::ALL.into_iter().find(|s| s.tag() == tag).ok_or(format!("unknown series {tag:?}"))?;
        let nanos = |d: std::time::Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        Ok(Self { series, at_ns: nanos(interval.start_timestamp()), length_ns: nanos(interval.duration()) })
    }
}

fn decode(
    head: Head,
    interval: &IntervalLogHistogram<'_>,
    deserializer: &mut Deserializer,
) -> Result<IntervalHistogram, String> {
    let encoded = BASE64_STANDARD.decode(interval.encoded_histogram()).map_err(|e| e.to_string())?;
    let histogram = Arc::new(deserializer.deserialize(&mut encoded.as_slice()).map_err(|e| e.to_string())?);
    let Head { series, at_ns, length_ns } = head;
    Ok(IntervalHistogram { series, at_ns, length_ns, histogram })
}

#[cfg(test)]
mod tests {
    use super::super::{Writer, empty, record};
    use super::*;
    use crate::layout;

    const SECOND: u64 = 1_000_000_000;

    fn written(run: &Path) -> Log {
        let mut writer = Writer::create(run).unwrap();
        for second in 0..20_u64 {
            let mut histogram = empty();
            record(&mut histogram, second * 1_000 + 1_000);
            let (at_ns, length_ns) = (second * SECOND, SECOND);
            let interval =
                IntervalHistogram { series: Series::Round, at_ns, length_ns, histogram: histogram.into() };
            writer.append(&interval).unwrap();
        }
        writer.flush().unwrap();
        Log::read(&layout::LATENCY.within(run)).unwrap()
    }

    #[test]
    fn the_parts_of_a_log_are_the_log_in_its_order() {
        let run = tempfile::tempdir().unwrap();
        let log = written(run.path());
        for count in 0..40 {
            let parts = log.parts(count);
            assert!(parts.len() <= count.max(1), "{count}");
            let mut times = Vec::new();
            for part in &parts {
                part.each(|_| true, |interval| times.push(interval.at_ns / SECOND)).unwrap();
            }
            assert_eq!(times, (0..20).collect::<Vec<_>>(), "{count}");
        }
    }

    #[test]
    fn a_line_that_is_none_of_ours_is_named_by_its_number_in_whichever_part_it_is() {
        let run = tempfile::tempdir().unwrap();
        let mut log = written(run.path());
        let lines = log.bytes.iter().filter(|b| **b == b'\n').count();
        log.bytes.extend_from_slice(b"Tag=round,1.000,2.000,x\n");
        for count in 1..5 {
            let last = *log.parts(count).last().unwrap();
            let error = last.each(|_| true, |_| ()).unwrap_err().to_string();
            assert!(error.contains(&format!("latency.hlog, line {}", lines + 1)), "{error}");
        }
    }

    #[test]
    fn what_is_not_wanted_is_not_decoded() {
        let run = tempfile::tempdir().unwrap();
        let mut log = written(run.path());
        log.bytes.extend_from_slice(b"Tag=round,1.000,2.000,3.000,AAAA\n");
        log.whole().each(|_| false, |_| ()).unwrap();
        log.whole().each(|_| true, |_| ()).unwrap_err();
    }
}
