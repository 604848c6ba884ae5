//! Prints the error rates of the drift analysis as a table, the time that one series takes and how many passes over
//! its samples that is, and fails if a rate is out of bounds.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use reports::drift::calibration::{Row, SEED, SERIES, calibrate, markdown, shortcomings};
use reports::drift::{Point, Question, Series, drift};

/// Samples of the series that are timed, and how many analyses of each.
const TIMED: [(u32, u32); 5] = [(240, 4_000), (960, 2_000), (3_000, 1_000), (30_000, 100), (260_000, 20)];

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]
fn main() -> ExitCode {
    let reps = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(SERIES);
    let rows: Vec<Row> = calibrate(reps, SEED).collect();
    println!("{}", markdown(&rows));
    println!("| samples | an analysis, µs | a pass, µs | passes |\n|--:|--:|--:|--:|");
    for (samples, times) in TIMED {
        let series = regular(samples);
        let analysis = micros(times, || drift(black_box(&series), &Question::over(3_600.0)).per_hour.value);
        let pass = micros(times, || line(black_box(&series.points)));
        println!("| {samples} | {analysis:.1} | {pass:.2} | {:.0} |", analysis / pass);
    }
    let out = shortcomings(&rows);
    for line in &out {
        eprintln!("{line}");
    }
    if out.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Microseconds that `work` takes, mean of `times`.
fn micros(times: u32, work: impl Fn() -> f64) -> f64 {
    let started = Instant::now();
    for _ in 0..times {
        black_box(work());
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

/// The floor: the slope of a least-squares line from sums taken in one pass over the samples.
fn line(points: &[Point]) -> f64 {
    let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for point in points {
        n += 1.0;
        x += point.at_s;
        y += point.value;
        xx += point.at_s * point.at_s;
        xy += point.at_s * point.value;
    }
    (n * xy - x * y) / (n * xx - x * x)
}

/// A series that neither drifts nor repeats soon.
fn regular(samples: u32) -> Series {
    let point = |i: u32| Point {
        at_s: f64::from(i),
        value: f64::from(i.wrapping_mul(2_654_435_761) >> 8),
        work: 0.0,
    };
    Series { points: (0..samples).map(point).collect(), ..Series::default() }
}
