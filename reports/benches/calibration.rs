//! Prints the error rates of the drift analysis as a table, and the time it takes, and fails if a rate is out of bounds.

use std::process::ExitCode;
use std::time::Instant;

use reports::drift::calibration::{calibrate, markdown, shortcomings};
use reports::drift::{Point, Question, Series, drift};

/// Series of each kind and length.
const REPS: usize = 400;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]
fn main() -> ExitCode {
    let reps = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(REPS);
    let rows = calibrate(reps, 1);
    println!("{}", markdown(&rows));
    for (agents, samples) in [(1, 260_000), (2_000, 3_000)] {
        let series = regular(samples);
        let started = Instant::now();
        let drifting =
            (0..agents).filter(|_| drift(&series, &Question::over(3_600.0)).over_run.lo > 0.0).count();
        println!("{agents} series of {samples} samples, {drifting} drifting: {:?}", started.elapsed());
    }
    let out = shortcomings(&rows);
    for line in &out {
        eprintln!("{line}");
    }
    if out.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
