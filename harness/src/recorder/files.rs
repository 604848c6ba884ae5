//! The files of a run that grow while it goes on.

use std::path::{Path, PathBuf};

use evidence::EvidenceError;
use evidence::tier::{Retention, Tables};
use evidence::{event, layout, round};

use super::Record;
use super::durable::Durable;

/// One writer for each.
#[derive(Debug)]
pub(super) struct Files {
    run: PathBuf,
    events: event::Writer,
    rounds: round::RoundWriter,
    intervals: round::IntervalWriter,
    tables: Tables,
    durable: Durable,
}

impl Files {
    pub(super) fn create(run: &Path, retention: &Retention) -> Result<Self, EvidenceError> {
        Ok(Self {
            run: run.to_path_buf(),
            events: event::Writer::create(run)?,
            rounds: round::RoundWriter::create(&layout::ROUNDS.within(run))?,
            intervals: round::IntervalWriter::create(&layout::INTERVALS.within(run))?,
            tables: Tables::create(run, retention)?,
            durable: Durable::new(run),
        })
    }

    /// Those of a run that is resumed, each behind its last whole line.
    pub(super) fn resume(run: &Path, retention: &Retention) -> Result<Self, EvidenceError> {
        Ok(Self {
            run: run.to_path_buf(),
            events: event::Writer::resume(run)?,
            rounds: round::RoundWriter::resume(&layout::ROUNDS.within(run))?,
            intervals: round::IntervalWriter::resume(&layout::INTERVALS.within(run))?,
            tables: Tables::resume(run, retention)?,
            durable: Durable::new(run),
        })
    }

    pub(super) fn write(&mut self, record: Record) -> Result<(), EvidenceError> {
        match record {
            Record::Event(event) => self.events.append(&event).and_then(|()| self.tables.saw(&event)),
            Record::Round(row) => self.rounds.append(&row),
            Record::Interval(row) => self.intervals.append(&row),
            Record::Latency(interval) => self.tables.latency(interval),
            Record::Samples(rows) => self.tables.samples(&rows),
            Record::Processes(rows) => self.tables.processes(&rows),
            Record::Flush => self.flush(),
            // Behind everything that it counts.
            Record::Checkpoint(checkpoint) => {
                self.flush()?;
                let durable = self.durable.if_due()?;
                checkpoint.write(&self.run, durable)
            }
        }
    }

    pub(super) fn flush_events(&mut self) -> Result<(), EvidenceError> {
        self.events.flush()
    }

    fn flush(&mut self) -> Result<(), EvidenceError> {
        self.flush_events()?;
        self.rounds.flush()?;
        self.intervals.flush()?;
        self.tables.flush()
    }

    /// The run is over: every stretch of a tier ends here.
    pub(super) fn finish(&mut self) -> Result<(), EvidenceError> {
        self.tables.cut()?;
        self.flush()
    }
}
