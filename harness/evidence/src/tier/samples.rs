//! Samples of a stretch of time in three rows: the least, the median and the greatest of each column.

use std::collections::BTreeMap;
use std::path::Path;

use super::{MOST_ROWS, SAMPLE_TIERS};
use crate::layout::{self, File};
use crate::sample::{Group, Sample, SampleWriter};
use crate::{EvidenceError, segment, table};

/// The files of a tier: least, median, greatest.
fn files(stretch_ns: u64) -> [File; 3] {
    if stretch_ns == SAMPLE_TIERS[0] {
        [layout::SAMPLES_1M_MIN, layout::SAMPLES_1M, layout::SAMPLES_1M_MAX]
    } else {
        [layout::SAMPLES_10M_MIN, layout::SAMPLES_10M, layout::SAMPLES_10M_MAX]
    }
}

/// The rows of the stretch that is not over, by group.
#[derive(Debug)]
struct Fold {
    stretch_ns: u64,
    open: BTreeMap<Group, Vec<Sample>>,
}

impl Fold {
    fn new(stretch_ns: u64) -> Self {
        Self { stretch_ns: stretch_ns.max(1), open: BTreeMap::new() }
    }

    /// Takes a row in; what it ends of its group.
    fn push(&mut self, row: &Sample) -> Option<[Sample; 3]> {
        let rows = self.open.entry(row.group).or_default();
        let number = |row: &Sample| row.at_ns / self.stretch_ns;
        let ended = rows.last().filter(|last| number(last) != number(row)).is_some();
        let three = if ended { three(rows) } else { None };
        if ended {
            rows.clear();
        }
        rows.push(row.clone());
        three
    }

    /// Ends the stretch of every group here.
    fn cut(&mut self) -> Vec<[Sample; 3]> {
        self.open.values_mut().filter_map(|rows| three(&std::mem::take(rows))).collect()
    }
}

/// Least, median and greatest of each column. What only grows is as it was at the last tick in all three.
fn three(rows: &[Sample]) -> Option<[Sample; 3]> {
    let last = rows.last()?;
    let mut three = [last.clone(), last.clone(), last.clone()];
    macro_rules! columns {
        ($($column:ident)*) => {$(
            let mut values: Vec<_> = rows.iter().filter_map(|row| row.$column).collect();
            values.sort_unstable();
            let at = |place: usize| values.get(place).copied();
            let most = values.len().saturating_sub(1);
            for (row, place) in three.iter_mut().zip([0, most / 2, most]) {
                row.$column = at(place);
            }
        )*};
    }
    let most_of = |read: fn(&Sample) -> Option<u64>| {
        rows.iter().filter(|row| read(row).is_some()).count() * 2 >= rows.len()
    };
    columns! {
        rss_sum rss_max private_sum private_max pss_sum pss_max pss_processes descriptors_sum descriptors_max
        threads_sum threads_max swap available
    }
    // What was there at a few ticks only does not stand for the stretch; its peaks do.
    let [_, median, _] = &mut three;
    median.rss_sum = median.rss_sum.filter(|_| most_of(|row| row.rss_sum));
    median.private_sum = median.private_sum.filter(|_| most_of(|row| row.private_sum));
    median.descriptors_sum = median.descriptors_sum.filter(|_| most_of(|row| row.descriptors_sum));
    median.threads_sum = median.threads_sum.filter(|_| most_of(|row| row.threads_sum));
    let mut processes: Vec<u32> = rows.iter().map(|row| row.processes).collect();
    processes.sort_unstable();
    let mut load: Vec<f64> = rows.iter().filter_map(|row| row.load).collect();
    load.sort_by(f64::total_cmp);
    let ticks = rows.iter().fold(0_u32, |sum, row| sum.saturating_add(row.ticks));
    for (share, row) in three.iter_mut().enumerate() {
        let place = |length: usize| share * length.saturating_sub(1) / 2;
        row.processes = processes[place(processes.len())];
        row.load = load.get(place(load.len())).copied();
        row.ticks = ticks;
    }
    Some(three)
}

/// Writes one tier of the samples.
#[derive(Debug)]
pub struct SampleTier {
    fold: Fold,
    writers: [SampleWriter; 3],
}

impl SampleTier {
    /// Begins the tier, or goes on with it behind what it has: rows that are in the raw files and in no stretch
    /// of it are taken in again.
    ///
    /// # Errors
    /// If the file system refuses, or what there is cannot be read.
    pub fn open(run: &Path, stretch_ns: u64) -> Result<Self, EvidenceError> {
        let files = files(stretch_ns);
        let before: Vec<Sample> = table::read(&files[1].within(run))?;
        let open = |file: File| SampleWriter::resume(&file.within(run));
        let writers = [open(files[0])?, open(files[1])?, open(files[2])?];
        let mut tier = Self { fold: Fold::new(stretch_ns), writers };
        for row in tail(run, &before)? {
            tier.push(&row)?;
        }
        Ok(tier)
    }

    /// Takes a row in.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn push(&mut self, row: &Sample) -> Result<(), EvidenceError> {
        self.fold.push(row).map_or(Ok(()), |three| self.write(&three))
    }

    /// Ends the stretch here: a phase or the run is over.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn cut(&mut self) -> Result<(), EvidenceError> {
        self.fold.cut().iter().try_for_each(|three| self.write(three))
    }

    /// Hands everything to the kernel.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), EvidenceError> {
        // The medians last: a stretch that is in them is in the other two.
        let [least, median, greatest] = &mut self.writers;
        least.flush()?;
        greatest.flush()?;
        median.flush()
    }

    fn write(&mut self, three: &[Sample; 3]) -> Result<(), EvidenceError> {
        self.writers.iter_mut().zip(three).try_for_each(|(writer, row)| writer.append(row))
    }
}

/// The raw rows behind those of a tier.
fn tail(run: &Path, tier: &[Sample]) -> Result<Vec<Sample>, EvidenceError> {
    let mut ends: BTreeMap<Group, u64> = BTreeMap::new();
    for row in tier {
        ends.insert(row.group, row.at_ns);
    }
    let first_ns = ends.values().min().copied();
    let mut rows: Vec<Sample> = Vec::new();
    for path in segment::all(&layout::SAMPLES.within(run))?.iter().rev() {
        let mut older: Vec<Sample> = table::read(path)?;
        let reached = older.first().zip(first_ns).is_some_and(|(row, end_ns)| row.at_ns <= end_ns);
        older.append(&mut rows);
        rows = older;
        if reached {
            break;
        }
    }
    rows.retain(|row| ends.get(&row.group).is_none_or(|end_ns| row.at_ns > *end_ns));
    Ok(rows)
}

/// The samples of a whole run.
#[derive(Debug, Default)]
pub struct Samples {
    /// As they were read, or the medians of a tier.
    pub typical: Vec<Sample>,
    /// The greatest of each column in the stretches of a tier; empty where `typical` is as it was read.
    pub greatest: Vec<Sample>,
}

/// Reads the samples of a run, of a long one the finest tier that is still short.
///
/// # Errors
/// If a file cannot be read or a row is not one.
pub fn samples(run: &Path) -> Result<Samples, EvidenceError> {
    let there = |stretch_ns: &u64| files(*stretch_ns)[1].within(run).exists();
    let tiers: Vec<u64> = SAMPLE_TIERS.into_iter().filter(there).collect();
    let Some(coarse_ns) = tiers.last().copied() else {
        return Ok(Samples { typical: table::read(&layout::SAMPLES.within(run))?, greatest: Vec::new() });
    };
    let coarse: Vec<Sample> = table::read(&files(coarse_ns)[1].within(run))?;
    let span_ns = coarse.last().map_or(0, |row| row.at_ns);
    let short = |stretch_ns: &u64| span_ns / stretch_ns <= MOST_ROWS as u64;
    let stretch_ns = tiers.iter().copied().find(short).unwrap_or(coarse_ns);
    let [_, median, greatest] = files(stretch_ns);
    let mut typical = if stretch_ns == coarse_ns { coarse } else { table::read(&median.within(run))? };
    let mut greatest: Vec<Sample> = table::read(&greatest.within(run))?;
    // A writer that was killed may have written to one file and not to the other.
    let until_ns = typical.last().map_or(0, |row| row.at_ns);
    greatest.retain(|row| row.at_ns <= until_ns);
    let mut fold = Fold::new(stretch_ns);
    let mut behind: Vec<[Sample; 3]> = Vec::new();
    for row in tail(run, &typical)? {
        behind.extend(fold.push(&row));
    }
    behind.extend(fold.cut());
    for [_, median, most] in behind {
        typical.push(median);
        greatest.push(most);
    }
    Ok(Samples { typical, greatest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn row(second: u64, private: u64) -> Sample {
        Sample {
            private_max: Some(private),
            cpu_ns: Some(second),
            processes: 3,
            ..Sample::empty(second * SECOND, Group::Worker)
        }
    }

    fn write(run: &Path, rows: &[Sample], tier: &mut SampleTier, raw: &mut SampleWriter) {
        for row in rows {
            raw.append(row).unwrap();
            tier.push(row).unwrap();
        }
        raw.flush().unwrap();
        tier.flush().unwrap();
        assert!(layout::SAMPLES_1M.within(run).exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Wherever the writer is killed and however often, a reader finds every spike, and every tick is
        /// counted once.
        #[test]
        fn a_spike_survives_and_no_tick_is_lost_wherever_the_writer_is_killed(
            spike in 0_u64..1_000,
            kills in prop::collection::btree_set(1_u64..1_000, 0..3),
            cut in prop::option::of(1_u64..1_000),
        ) {
            let run = tempfile::tempdir().unwrap();
            let run = run.path();
            let rows: Vec<Sample> =
                (0..1_000).map(|s| row(s * 3, if s == spike { 99_999 } else { 1_000 + s })).collect();
            let mut from = 0;
            let mut stops: Vec<u64> = kills.into_iter().chain([1_000]).collect();
            stops.sort_unstable();
            for to in stops {
                let mut raw = SampleWriter::resume(&layout::SAMPLES.within(run)).unwrap();
                let mut tier = SampleTier::open(run, SAMPLE_TIERS[0]).unwrap();
                let part = &rows[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
                let at = cut.filter(|at| (from..to).contains(at)).map(|at| usize::try_from(at - from).unwrap());
                write(run, &part[..at.unwrap_or(0)], &mut tier, &mut raw);
                if at.is_some() {
                    tier.cut().unwrap();
                }
                write(run, &part[at.unwrap_or(0)..], &mut tier, &mut raw);
                // Killed: nothing is ended.
                from = to;
            }
            let read = samples(run).unwrap();
            prop_assert_eq!(read.typical.len(), read.greatest.len());
            prop_assert_eq!(read.typical.iter().map(|r| u64::from(r.ticks)).sum::<u64>(), 1_000);
            prop_assert_eq!(read.greatest.iter().filter_map(|r| r.private_max).max(), Some(99_999));
            prop_assert!((50..=55).contains(&read.typical.len()), "{} rows", read.typical.len());
            prop_assert!(read.typical.is_sorted_by_key(|r| r.at_ns));
            prop_assert_eq!(read.typical.last().map(|r| (r.at_ns, r.cpu_ns)), Some((2_997 * SECOND, Some(2_997))));
        }
    }

    #[test]
    fn what_was_read_at_a_few_ticks_of_a_stretch_is_no_value_of_the_stretch() {
        for (read, expected) in [(0, None), (1, None), (2, Some(5)), (4, Some(5))] {
            let rows: Vec<Sample> = (0..4)
                .map(|second| Sample { private_sum: (second < read).then_some(5), ..row(second, 7) })
                .collect();
            let [_, median, greatest] = three(&rows).unwrap();
            assert_eq!((median.private_sum, greatest.private_sum), (expected, (read > 0).then_some(5)));
        }
    }

    #[test]
    fn a_column_that_was_not_read_stays_absent_and_one_that_was_once_is_there() {
        let mut rows = vec![row(1, 5), row(2, 9), row(3, 7)];
        rows[1].pss_sum = Some(4);
        let [least, median, greatest] = three(&rows).unwrap();
        let private = [&least, &median, &greatest].map(|r| r.private_max);
        assert_eq!(private, [Some(5), Some(7), Some(9)]);
        assert_eq!((median.pss_sum, median.rss_sum, median.ticks), (Some(4), None, 3));
    }
}
