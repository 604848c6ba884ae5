//! The files that are read most often, each in the form in which a run of this length keeps it.

use std::path::Path;

use super::{HistogramTier, ProcessTier, Retention, SampleTier};
use crate::event::{Edge, Event, Fact};
use crate::latency::{IntervalHistogram, Writer};
use crate::sample::{Process, ProcessWriter, Sample, SampleWriter};
use crate::{EvidenceError, layout};

/// Writes samples, readings of processes and histograms, with their tiers.
#[derive(Debug)]
pub struct Tables {
    retention: Retention,
    samples: SampleWriter,
    sample_tiers: Vec<SampleTier>,
    processes: ProcessWriter,
    process_tier: Option<ProcessTier>,
    latency: Writer,
    latency_tier: Option<HistogramTier>,
}

impl Tables {
    /// The files of a run that begins.
    ///
    /// # Errors
    /// If a file exists or cannot be made.
    pub fn create(run: &Path, retention: &Retention) -> Result<Self, EvidenceError> {
        Self::over(
            run,
            retention,
            SampleWriter::create(&layout::SAMPLES.within(run))?,
            ProcessWriter::create(&layout::PROCESSES.within(run))?,
            Writer::create(run)?,
        )
    }

    /// Those of a run that is resumed, each behind its last whole line.
    ///
    /// # Errors
    /// If the file system refuses, or what there is cannot be read.
    pub fn resume(run: &Path, retention: &Retention) -> Result<Self, EvidenceError> {
        Self::over(
            run,
            retention,
            SampleWriter::resume(&layout::SAMPLES.within(run))?,
            ProcessWriter::resume(&layout::PROCESSES.within(run))?,
            Writer::resume(run, layout::LATENCY)?,
        )
    }

    fn over(
        run: &Path,
        retention: &Retention,
        samples: SampleWriter,
        processes: ProcessWriter,
        latency: Writer,
    ) -> Result<Self, EvidenceError> {
        let sample_tiers: Result<Vec<SampleTier>, EvidenceError> =
            retention.samples_ns.iter().map(|stretch_ns| SampleTier::open(run, *stretch_ns)).collect();
        Ok(Self {
            samples: samples.bounded(!retention.samples_ns.is_empty()),
            sample_tiers: sample_tiers?,
            processes: processes.bounded(retention.processes_ns.is_some()),
            process_tier: retention.processes_ns.map(|ns| ProcessTier::open(run, ns)).transpose()?,
            latency: latency.bounded(retention.latency_ns.is_some()),
            latency_tier: retention.latency_ns.map(|ns| HistogramTier::open(run, ns)).transpose()?,
            retention: retention.clone(),
        })
    }

    /// Takes in what happened: no stretch reaches over the edge of a phase, and the plan's times count from when
    /// the target was ready.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn saw(&mut self, event: &Event) -> Result<(), EvidenceError> {
        match event.fact {
            Fact::TargetReady { .. } => self.begin_at(event.at_ns),
            Fact::Phase { edge: Edge::Begin, .. } => return self.cut(),
            _ => {}
        }
        Ok(())
    }

    /// The plan's zero, in nanoseconds since the start of the run.
    pub fn begin_at(&mut self, zero_ns: u64) {
        let moved = |(from, to): &(u64, u64)| (zero_ns.saturating_add(*from), zero_ns.saturating_add(*to));
        if let Some(tier) = &mut self.latency_tier {
            tier.keep_fine(self.retention.fine_ns.iter().map(moved).collect());
        }
    }

    /// One tick, by group.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn samples(&mut self, rows: &[Sample]) -> Result<(), EvidenceError> {
        for row in rows {
            self.samples.append(row)?;
            self.sample_tiers.iter_mut().try_for_each(|tier| tier.push(row))?;
        }
        Ok(())
    }

    /// One tick, by process.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn processes(&mut self, rows: &[Process]) -> Result<(), EvidenceError> {
        for row in rows {
            self.processes.append(row)?;
            if let Some(tier) = &mut self.process_tier {
                tier.push(row)?;
            }
        }
        Ok(())
    }

    /// One series over one interval.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn latency(&mut self, interval: IntervalHistogram) -> Result<(), EvidenceError> {
        self.latency.append(&interval)?;
        self.latency_tier.as_mut().map_or(Ok(()), |tier| tier.push(interval))
    }

    /// Hands everything to the kernel. The tiers last: what is in them is in the raw files too.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.samples.flush()?;
        self.processes.flush()?;
        self.latency.flush()?;
        self.sample_tiers.iter_mut().try_for_each(SampleTier::flush)?;
        self.process_tier.as_mut().map_or(Ok(()), ProcessTier::flush)?;
        self.latency_tier.as_mut().map_or(Ok(()), HistogramTier::flush)
    }

    /// Ends every stretch here: a phase or the run is over.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn cut(&mut self) -> Result<(), EvidenceError> {
        self.sample_tiers.iter_mut().try_for_each(SampleTier::cut)?;
        self.process_tier.as_mut().map_or(Ok(()), ProcessTier::cut)?;
        self.latency_tier.as_mut().map_or(Ok(()), HistogramTier::cut)
    }
}
