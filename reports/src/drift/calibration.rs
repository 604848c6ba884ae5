//! The analysis against series of which the truth is known: how often it alarms wrongly, how often it finds the
//! drift that it calls the smallest visible, and how often its interval holds the truth.

mod kinds;
mod table;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Drift, Question, drift};
pub use kinds::Kind;
pub use table::{FALSE_ALARMS, FOUND, WRONG_GO, markdown, shortcomings};

/// Lengths of the series, in samples.
pub const LENGTHS: [usize; 3] = [240, 480, 960];

/// What came of one kind of series at one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the series were.
    pub kind: Kind,
    /// Samples in each.
    pub n: usize,
    /// How many were analysed.
    pub reps: usize,
    /// The drift that the analysis itself named as the smallest visible, over the run, median; in standard
    /// deviations of the noise.
    pub visible: f64,
    /// Share of the series in which growth was found.
    pub alarms: f64,
    /// Share that passes a gate which allows the smallest visible drift.
    pub go: f64,
    /// Share of which that gate cannot tell.
    pub inconclusive: f64,
    /// Share in which growth was found after the smallest visible drift was planted.
    pub found: f64,
    /// The same with twice that drift.
    pub found_twice: f64,
    /// Share that passes, wrongly, a gate that allows half of what was planted.
    pub wrong_go: f64,
    /// Share of intervals that hold what was planted.
    pub coverage: f64,
}

/// Analyses `reps` series of each kind and length. The same seed gives the same rows.
#[must_use]
pub fn calibrate(reps: usize, seed: u64) -> Vec<Row> {
    calibrate_lengths(&LENGTHS, reps, seed)
}

/// The same for other lengths.
#[must_use]
pub fn calibrate_lengths(lengths: &[usize], reps: usize, seed: u64) -> Vec<Row> {
    Kind::ALL.iter().flat_map(|kind| lengths.iter().map(move |n| row(*kind, *n, reps, seed))).collect()
}

/// Counts over the series of one row.
#[derive(Default)]
struct Tally {
    visible: Vec<f64>,
    alarms: usize,
    go: usize,
    found: usize,
    found_twice: usize,
    wrong_go: usize,
    covered: usize,
}

fn row(kind: Kind, n: usize, reps: usize, seed: u64) -> Row {
    let mut draw = ChaCha12Rng::seed_from_u64(seed ^ (n as u64) << 32 ^ kind as u64);
    let mut tally = Tally::default();
    for _ in 0..reps {
        tally.one(kind, n, &mut draw);
    }
    tally.row(kind, n, reps)
}

/// What the analysis said of one series, over its run and in its units.
struct Look {
    lo: f64,
    hi: f64,
    visible: f64,
}

/// Analyses one series with this growth planted into it.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
fn look(kind: Kind, n: usize, growth: f64, draw: &mut ChaCha12Rng) -> Look {
    let run_s = n as f64 * kinds::EVERY_S;
    let Drift { per_hour, smallest_visible_per_hour, .. } =
        drift(&kind.series(n, growth, draw), &Question::over(run_s));
    let over_run = per_hour.times(run_s / 3_600.0);
    Look { lo: over_run.lo, hi: over_run.hi, visible: smallest_visible_per_hour * run_s / 3_600.0 }
}

impl Tally {
    /// The gate's limit comes from one series, as it would from a first clean run, and is put to others.
    fn one(&mut self, kind: Kind, n: usize, draw: &mut ChaCha12Rng) {
        let visible = look(kind, n, 0.0, draw).visible;
        let clean = look(kind, n, 0.0, draw);
        self.visible.push(visible);
        self.alarms += usize::from(clean.lo > 0.0);
        self.go += usize::from(clean.hi < visible);
        if !visible.is_finite() {
            return;
        }
        let once = look(kind, n, visible, draw);
        let twice = look(kind, n, 2.0 * visible, draw);
        let planted = kind.growth() + visible;
        self.found += usize::from(once.lo > 0.0);
        self.found_twice += usize::from(twice.lo > 0.0);
        self.wrong_go += usize::from(twice.hi < (planted + visible) / 2.0);
        self.covered += usize::from(once.lo <= planted && planted <= once.hi);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of series")]
    fn row(mut self, kind: Kind, n: usize, reps: usize) -> Row {
        let of = |count: usize| count as f64 / reps as f64;
        self.visible.sort_by(f64::total_cmp);
        Row {
            kind,
            n,
            reps,
            visible: self.visible.get(reps / 2).copied().unwrap_or(f64::INFINITY),
            alarms: of(self.alarms),
            go: of(self.go),
            inconclusive: 1.0 - of(self.go),
            found: of(self.found),
            found_twice: of(self.found_twice),
            wrong_go: of(self.wrong_go),
            coverage: of(self.covered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{calibrate_lengths, markdown, shortcomings};

    #[test]
    fn the_error_rates_of_short_series_are_within_their_bounds() {
        let rows = calibrate_lengths(&[240], 25, 7);
        assert_eq!(shortcomings(&rows), Vec::<String>::new(), "{}", markdown(&rows));
    }

    #[test]
    fn an_analysis_that_alarms_too_often_is_out_of_bounds() {
        let mut rows = calibrate_lengths(&[60], 2, 7);
        for row in &mut rows {
            (row.reps, row.alarms, row.found, row.wrong_go) = (100, 0.0, 1.0, 0.0);
        }
        assert_eq!(shortcomings(&rows), Vec::<String>::new());
        (rows[0].alarms, rows[1].found, rows[2].wrong_go) = (0.07, 0.6, 0.07);
        assert_eq!(shortcomings(&rows).len(), 3);
    }
}
