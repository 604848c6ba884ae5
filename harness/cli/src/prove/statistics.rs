//! `shakedown prove --statistics`: how often the drift analysis is wrong on series of which the truth is known.

use reports::drift::calibration::{calibrate, markdown, shortcomings};

use crate::exit::Exit;

/// Series of each kind and length, as many as the table of the documentation has.
const REPS: usize = 400;
/// The seed of that table.
const SEED: u64 = 1;

/// Prints the table; NO-GO if an error rate is out of its bounds.
pub(crate) fn command() -> Exit {
    note!("analysing {REPS} series of each kind and length; this takes a minute or two");
    let rows = calibrate(REPS, SEED);
    say!("{}", markdown(&rows));
    let out_of_bounds = shortcomings(&rows);
    out_of_bounds.iter().for_each(|why| note!("{why}"));
    if out_of_bounds.is_empty() { Exit::Go } else { Exit::NoGo }
}
