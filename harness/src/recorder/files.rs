//! The files of a run that grow while it goes on.

use std::path::Path;

use evidence::EvidenceError;
use evidence::{event, latency, layout, round, sample};

use super::Record;

/// One writer for each.
#[derive(Debug)]
pub(super) struct Files {
    events: event::Writer,
    rounds: round::RoundWriter,
    intervals: round::IntervalWriter,
    latency: latency::Writer,
    samples: sample::SampleWriter,
    processes: sample::ProcessWriter,
}

impl Files {
    pub(super) fn create(run: &Path) -> Result<Self, EvidenceError> {
        Ok(Self {
            events: event::Writer::create(run)?,
            rounds: round::RoundWriter::create(&layout::ROUNDS.within(run))?,
            intervals: round::IntervalWriter::create(&layout::INTERVALS.within(run))?,
            latency: latency::Writer::create(run)?,
            samples: sample::SampleWriter::create(&layout::SAMPLES.within(run))?,
            processes: sample::ProcessWriter::create(&layout::PROCESSES.within(run))?,
        })
    }

    pub(super) fn write(&mut self, record: Record) -> Result<(), EvidenceError> {
        match record {
            Record::Event(event) => self.events.append(&event),
            Record::Round(row) => self.rounds.append(&row),
            Record::Interval(row) => self.intervals.append(&row),
            Record::Latency(interval) => self.latency.append(&interval),
            Record::Samples(rows) => rows.iter().try_for_each(|row| self.samples.append(row)),
            Record::Processes(rows) => rows.iter().try_for_each(|row| self.processes.append(row)),
            Record::Flush => self.flush(),
        }
    }

    pub(super) fn flush_events(&mut self) -> Result<(), EvidenceError> {
        self.events.flush()
    }

    fn flush(&mut self) -> Result<(), EvidenceError> {
        self.flush_events()?;
        self.rounds.flush()?;
        self.intervals.flush()?;
        self.latency.flush()?;
        self.samples.flush()?;
        self.processes.flush()
    }
}
