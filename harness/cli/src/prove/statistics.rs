//! `shakedown prove --statistics`: how often the drift analysis is wrong on series of which the truth is known.

use reports::drift::calibration::{LENGTHS, Row, SEED, SERIES, calibrate, markdown, shortcomings};

use crate::exit::Exit;

/// Prints the table; NO-GO if an error rate is out of its bounds.
pub(crate) fn command() -> Exit {
    note!("analysing {SERIES} series of each kind and length; this takes a minute or two");
    let mut rows: Vec<Row> = Vec::new();
    for row in calibrate(SERIES, SEED) {
        if row.n == LENGTHS[LENGTHS.len() - 1] {
            note!("{}: done", row.kind.name());
        }
        rows.push(row);
    }
    say!("{}", markdown(&rows));
    let out_of_bounds = shortcomings(&rows);
    out_of_bounds.iter().for_each(|why| note!("{why}"));
    if out_of_bounds.is_empty() { Exit::Go } else { Exit::NoGo }
}
