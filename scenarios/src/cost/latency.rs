//! The lines of `latency.hlog`. A line has a number for each value that occurs and for each gap between two, so that
//! its length follows from how many different values there are, and not from how many tasks.

use super::load::Stretch;
use crate::plan::{Plan, Work};
use crate::retention;

/// Series of tasks, and of rounds.
const SERIES: f64 = 2.0;

/// Bytes of a line beside its values: tag, times, and the head of the histogram.
const HEAD: f64 = 80.0;
/// How a line grows with the root of the number of different values. Measured: 19 to 23 for real swarms of 10 to 708
/// agents; a test holds it to what the writer makes of values that spread.
const PER_ROOT: f64 = 22.0;
/// From so many values on most of them have occurred before, and with so many all that ever will have.
const FULL: f64 = 3_000.0;
const FULLEST: f64 = 1_000_000.0;

/// Lines of answers that the agents below one coordinator give to a round in which all work equally long. The harness
/// reads a line at one time.
const LINES: f64 = 1.5;

/// Bytes of the lines of `count` intervals of this length with such a load.
pub(super) fn lines(plan: &Plan, stretch: &Stretch, count: f64, length_s: f64) -> f64 {
    let rounds = stretch.rounds_per_s * length_s;
    let of = |chance: f64, values: f64| if chance > 0.0 { chance * line(values / chance) } else { 0.0 };
    let answers = rounds * answers(plan, stretch.workers) + stretch.singles_per_s * length_s;
    let tasks = of(stretch.chance_of_an_answer(length_s), answers);
    count * SERIES * (tasks + of(stretch.chance_of_a_round(length_s), rounds))
}

/// Bytes of a line with so many values at random.
pub(super) fn line(values: f64) -> f64 {
    let of_few = |values: f64| HEAD + PER_ROOT * values.max(1.0).sqrt();
    if values <= FULL { of_few(values) } else { of_few(FULL) * (values.min(FULLEST) / FULL).powf(0.3) }
}

/// Different times at which the answers to a round come, of so many workers.
fn answers(plan: &Plan, workers: f64) -> f64 {
    let Some(rounds) = &plan.workload.rounds else { return 0.0 };
    let coordinators = retention::agents(plan).coordinator;
    let together = (1.0 + LINES * f64::from(coordinators)).min(workers);
    // Another target may tell each answer by itself.
    let apart = if plan.target.command.is_some() { 1.0 } else { apart(&rounds.work) };
    apart * workers + (1.0 - apart) * together
}

/// How often work of this kind takes every worker another time.
fn apart(work: &Work) -> f64 {
    match work {
        Work::Echo {} | Work::Alloc { .. } | Work::Relay {} => 0.0,
        Work::Sleep { p50_us, p99_us } => f64::from(u8::from(p50_us != p99_us)),
        Work::Cpu { .. } | Work::Exec { .. } => 1.0,
        Work::Mix { parts } => {
            let all: f64 = parts.iter().map(|part| f64::from(part.weight)).sum();
            let weighted = |part: &crate::plan::Part| f64::from(part.weight) * apart(&part.work);
            if all > 0.0 { parts.iter().map(weighted).sum::<f64>() / all } else { 0.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use evidence::latency::{IntervalHistogram, Series, Writer, empty, record};

    use super::*;

    /// Bytes of a line of these values, in nanoseconds.
    fn written(values: impl Iterator<Item = f64>) -> f64 {
        let folder = tempfile::tempdir().unwrap();
        let mut histogram = empty();
        values.for_each(|value| record(&mut histogram, value as u64));
        let size = || evidence::layout::LATENCY.within(folder.path()).metadata().unwrap().len();
        let mut writer = Writer::create(folder.path()).unwrap();
        writer.flush().unwrap();
        let head = size();
        let (at_ns, length_ns) = (2_592_000_123_456_789, 600_000_000_000);
        writer
            .append(&IntervalHistogram {
                series: Series::Response,
                at_ns,
                length_ns,
                histogram: histogram.into(),
            })
            .unwrap();
        writer.flush().unwrap();
        (size() - head) as f64
    }

    /// Normal numbers: twelve uniform ones less six are one, near enough.
    fn normals() -> impl Iterator<Item = f64> {
        let mut state = 12_345_u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        std::iter::repeat_with(move || (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
    }

    #[test]
    fn a_line_takes_what_is_estimated_within_a_fifth() {
        // Within one order of magnitude, and after the same wait each.
        let spread = |normal: f64| 3e6 * (0.4 * normal).exp();
        let waits = |normal: f64| 10e6 + 3e6 * (0.4 * normal).exp();
        for values in [1_u32, 10, 60, 100, 500, 3_000, 30_000] {
            let found = written(normals().take(values as usize).map(spread));
            let told = line(f64::from(values));
            assert!((found - told).abs() <= 0.2 * found, "{values}: {found}, not {told}");
        }
        for values in [1_u32, 10, 60, 100] {
            let found = written(normals().take(values as usize).map(waits));
            let told = line(f64::from(values));
            assert!((found - told).abs() <= 0.2 * found, "{values} after a wait: {found}, not {told}");
        }
    }
}
