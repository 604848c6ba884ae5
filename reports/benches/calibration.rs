//! Prints the error rates of the drift analysis as a table and fails if one is out of bounds.

use std::process::ExitCode;

use reports::drift::calibration::{calibrate, markdown, shortcomings};

/// Series of each kind and length.
const REPS: usize = 400;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]
fn main() -> ExitCode {
    let reps = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(REPS);
    let rows = calibrate(reps, 1);
    println!("{}", markdown(&rows));
    let out = shortcomings(&rows);
    for line in &out {
        eprintln!("{line}");
    }
    if out.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
