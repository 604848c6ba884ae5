//! The samples at the beginning of the hold phase, with which those of now are compared.
//!
//! A long run keeps only the newest of what it read as it was read; what is older is in its tiers, whose medians of a minute
//! or of ten do as well.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use evidence::layout;
use evidence::sample::{Group, Sample};

use super::table::Table;
use super::tail::From;

/// How long after the beginning of the hold phase a sample may be to stand for it, in nanoseconds: the stretch of the longest
/// tier and the time until it is written.
pub(super) const LATEST_AFTER: u64 = 25 * 60_000_000_000;

/// The first sample of each group in the hold phase; `None` if no file has it, yet or any more.
///
/// # Errors
/// If a file is there and cannot be read.
pub(super) fn find(run: &Path, hold_ns: u64, every_ns: u64) -> io::Result<Option<BTreeMap<Group, Sample>>> {
    let latest_ns = hold_ns + LATEST_AFTER.max(3 * every_ns);
    for file in [layout::SAMPLES, layout::SAMPLES_1M, layout::SAMPLES_10M] {
        let (mut found, mut begins_ns) = (BTreeMap::new(), None);
        let mut rows: Table<Sample> = Table::new(file.within(run), From::Start);
        rows.rows(|row| {
            begins_ns.get_or_insert(row.at_ns);
            if (hold_ns..=latest_ns).contains(&row.at_ns) {
                found.entry(row.group).or_insert(row);
            }
        })?;
        // Rows that begin after that are the rest of a file of which the beginning was put aside.
        let whole = begins_ns.is_some_and(|at_ns| at_ns < hold_ns + every_ns) || file != layout::SAMPLES;
        if whole && !found.is_empty() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use evidence::sample::SampleWriter;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const HOLD: u64 = 60 * SECOND;

    /// A file with a sample of the workers at each of these seconds, with as many bytes.
    fn write(run: &Path, file: layout::File, seconds: impl IntoIterator<Item = u64>) {
        let mut writer = SampleWriter::create(&file.within(run)).unwrap();
        for second in seconds {
            let sample =
                Sample { private_sum: Some(second), ..Sample::empty(second * SECOND, Group::Worker) };
            writer.append(&sample).unwrap();
        }
        writer.flush().unwrap();
    }

    fn found(run: &Path) -> Option<u64> {
        find(run, HOLD, SECOND).unwrap().and_then(|base| base.get(&Group::Worker)?.private_sum)
    }

    #[test]
    fn the_first_sample_of_the_hold_phase_is_found_where_every_sample_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(found(dir.path()), None, "nothing was written yet");
        write(dir.path(), layout::SAMPLES, 1..200);
        assert_eq!(found(dir.path()), Some(60));
    }

    #[test]
    fn where_the_samples_of_then_were_put_aside_the_finest_tier_has_them() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), layout::SAMPLES, 90_000..90_100);
        assert_eq!(found(dir.path()), None, "what is read now is no beginning");
        write(dir.path(), layout::SAMPLES_10M, (0..150).map(|stretch| 599 + 600 * stretch));
        assert_eq!(found(dir.path()), Some(599));
        write(dir.path(), layout::SAMPLES_1M, (0..1_500).map(|stretch| 59 + 60 * stretch));
        assert_eq!(found(dir.path()), Some(119), "59 is in the warm-up");
    }

    #[test]
    fn the_end_of_a_run_that_has_no_beginning_is_compared_with_nothing() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), layout::SAMPLES_1M, [90_059]);
        assert_eq!(found(dir.path()), None);
    }
}
