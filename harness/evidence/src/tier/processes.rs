//! Readings of single processes over a stretch of time, each column in its median; readings with a mark as they
//! were.

use std::collections::BTreeMap;
use std::path::Path;

use crate::sample::{Group, Mark, Process, ProcessWriter};
use crate::{EvidenceError, layout, segment, table};

/// Readings of one process that are held to find a median, at most; of more, every second, third, … is.
const HELD: u64 = 32;

/// One life of one process.
type Life = (Group, Option<u32>, Option<u32>, u32);

/// The readings of the stretch that is not over, by process.
#[derive(Debug)]
struct Fold {
    stretch_ns: u64,
    /// Time between two readings that are held, at least.
    apart_ns: u64,
    number: u64,
    open: BTreeMap<Life, Vec<Process>>,
}

impl Fold {
    fn new(stretch_ns: u64) -> Self {
        let stretch_ns = stretch_ns.max(1);
        Self { stretch_ns, apart_ns: stretch_ns / HELD, number: 0, open: BTreeMap::new() }
    }

    /// Takes a row in; what it ends.
    fn push(&mut self, row: &Process) -> Vec<Process> {
        if row.mark != Mark::Tick {
            return vec![row.clone()];
        }
        let number = row.at_ns / self.stretch_ns;
        let ended = if number == self.number { Vec::new() } else { self.cut() };
        self.number = number;
        let rows = self.open.entry((row.group, row.agent, row.epoch, row.pid)).or_default();
        // The last of a stretch is held in any case: it says up to when the row speaks.
        let held = rows.len().checked_sub(2).map(|place| rows[place].at_ns);
        if held.is_some_and(|held_ns| row.at_ns.saturating_sub(held_ns) < self.apart_ns) {
            rows.pop();
        }
        rows.push(row.clone());
        ended
    }

    /// Ends the stretch here.
    fn cut(&mut self) -> Vec<Process> {
        let mut ended: Vec<Process> =
            std::mem::take(&mut self.open).into_values().filter_map(|rows| median(&rows)).collect();
        ended.sort_by_key(|row| row.at_ns);
        ended
    }
}

fn median(rows: &[Process]) -> Option<Process> {
    let mut row = rows.last()?.clone();
    macro_rules! columns {
        ($($column:ident)*) => {$(
            let mut values: Vec<u64> = rows.iter().filter_map(|row| row.$column).collect();
            values.sort_unstable();
            row.$column = values.get(values.len().saturating_sub(1) / 2).copied();
        )*};
    }
    // CPU time only grows and is as it was at the last reading.
    columns! { rss private pss descriptors threads }
    Some(row)
}

/// Writes the tier of the processes.
#[derive(Debug)]
pub struct ProcessTier {
    fold: Fold,
    writer: ProcessWriter,
}

impl ProcessTier {
    /// Begins the tier, or goes on with it behind what it has.
    ///
    /// # Errors
    /// If the file system refuses, or what there is cannot be read.
    pub fn open(run: &Path, stretch_ns: u64) -> Result<Self, EvidenceError> {
        let path = layout::PROCESSES_TIER.within(run);
        let before: Vec<Process> = table::read(&path)?;
        let mut tier = Self { fold: Fold::new(stretch_ns), writer: ProcessWriter::resume(&path)? };
        for row in tail(run, &before)? {
            tier.push(&row)?;
        }
        Ok(tier)
    }

    /// Takes a row in.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn push(&mut self, row: &Process) -> Result<(), EvidenceError> {
        let ended = self.fold.push(row);
        ended.iter().try_for_each(|row| self.writer.append(row))
    }

    /// Ends the stretch here: a phase or the run is over.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn cut(&mut self) -> Result<(), EvidenceError> {
        let ended = self.fold.cut();
        ended.iter().try_for_each(|row| self.writer.append(row))
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        self.writer.flush()
    }
}

/// The raw rows behind those of the tier. All rows of a tick have the same time.
fn tail(run: &Path, tier: &[Process]) -> Result<Vec<Process>, EvidenceError> {
    let last = |ticks: bool| {
        let rows = tier.iter().filter(|row| (row.mark == Mark::Tick) == ticks);
        rows.map(|row| row.at_ns).max().map_or(0, |end_ns| end_ns + 1)
    };
    let (ticks_ns, marks_ns) = (last(true), last(false));
    let from_ns = |row: &Process| if row.mark == Mark::Tick { ticks_ns } else { marks_ns };
    let mut rows: Vec<Process> = Vec::new();
    for path in segment::all(&layout::PROCESSES.within(run))?.iter().rev() {
        let mut older: Vec<Process> = table::read(path)?;
        // Whatever is in a file before this one was read before its first row.
        let reached = older.first().is_some_and(|row| row.at_ns < ticks_ns.min(marks_ns));
        older.retain(|row| row.at_ns >= from_ns(row));
        older.append(&mut rows);
        rows = older;
        if reached {
            break;
        }
    }
    Ok(rows)
}

/// Reads the processes of a run: of a long one its tier, and what is behind it.
///
/// # Errors
/// If a file cannot be read or a row is not one.
pub fn processes(run: &Path) -> Result<Vec<Process>, EvidenceError> {
    let path = layout::PROCESSES_TIER.within(run);
    if !path.exists() {
        return table::read(&layout::PROCESSES.within(run));
    }
    let mut rows: Vec<Process> = table::read(&path)?;
    let stretch_ns = stretch(&rows);
    let mut fold = Fold::new(stretch_ns);
    let mut behind = Vec::new();
    for row in tail(run, &rows)? {
        behind.append(&mut fold.push(&row));
    }
    behind.append(&mut fold.cut());
    rows.append(&mut behind);
    Ok(rows)
}

/// The stretch of a tier, from its rows: the median time between two of the same process. A tier without rows is
/// folded into one.
fn stretch(rows: &[Process]) -> u64 {
    let Some(first) = rows.iter().find(|row| row.mark == Mark::Tick) else { return u64::MAX };
    let same = rows.iter().filter(|row| row.mark == Mark::Tick && row.pid == first.pid);
    let times: Vec<u64> = same.map(|row| row.at_ns).collect();
    let mut apart: Vec<u64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    apart.sort_unstable();
    apart.get(apart.len() / 2).copied().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: u64, agent: u32, private: u64, mark: Mark) -> Process {
        Process {
            at_ns: second * 1_000_000_000,
            mark,
            group: Group::Worker,
            agent: Some(agent),
            epoch: Some(1),
            pid: 100 + agent,
            rss: None,
            private: Some(private),
            pss: None,
            descriptors: Some(9),
            threads: Some(1),
            cpu_ns: Some(second),
        }
    }

    #[test]
    fn every_process_has_a_row_a_stretch_and_every_marked_reading_its_own() {
        let run = tempfile::tempdir().unwrap();
        let run = run.path();
        let stretch_ns = 600_000_000_000;
        let mut raw = ProcessWriter::create(&layout::PROCESSES.within(run)).unwrap();
        let mut tier = ProcessTier::open(run, stretch_ns).unwrap();
        for tick in 0..1_000_u64 {
            for agent in 0..3 {
                let mark = if tick == 500 { Mark::Quiesced } else { Mark::Tick };
                let row = row(tick * 10, agent, 1_000 + tick, mark);
                raw.append(&row).unwrap();
                tier.push(&row).unwrap();
            }
            if tick == 700 {
                // The harness is killed and another goes on.
                raw.flush().unwrap();
                tier.flush().unwrap();
                tier = ProcessTier::open(run, stretch_ns).unwrap();
            }
        }
        raw.flush().unwrap();
        tier.flush().unwrap();
        let rows = processes(run).unwrap();
        let of = |agent: u32, mark| {
            let rows = rows.iter().filter(move |r| r.agent == Some(agent) && r.mark == mark);
            rows.map(|r| (r.at_ns / 1_000_000_000, r.private.unwrap())).collect::<Vec<_>>()
        };
        for agent in 0..3 {
            assert_eq!(of(agent, Mark::Quiesced), [(5_000, 1_500)]);
            let ticks = of(agent, Mark::Tick);
            // 10,000 seconds in stretches of 600; the last row speaks up to the last tick.
            assert_eq!(ticks.len(), 17, "{ticks:?}");
            assert_eq!(ticks[16].0, 9_990);
            for (at_s, private) in &ticks[..16] {
                let middle = 1_000 + (at_s - 295) / 10;
                assert!(private.abs_diff(middle) <= 2, "{at_s} s: {private}, not {middle}");
            }
        }
    }
}
