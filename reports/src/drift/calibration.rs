//! The analysis against series of which the truth is known: how often it alarms wrongly, how often it finds the
//! drift that it calls the smallest visible, and how often its interval holds the truth.
//!
//! The series come from a seed: this is the one place in this crate that draws at random, and nothing that judges a
//! run calls it.

mod kinds;
mod table;
#[cfg(test)]
mod tests;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Drift, Question, Series, drift};
pub use kinds::Kind;
pub use table::{FALSE_ALARMS, FOUND, WRONG_GO, markdown, shortcomings};

/// Lengths of the series, in samples.
pub const LENGTHS: [usize; 3] = [240, 480, 960];

/// Series of each kind and length in the table of the documentation: the standard error of a share of 2 % is then
/// 0.2 %, that of one of 80 % is 0.6 %.
pub const SERIES: usize = 4_000;

/// The seed of that table.
pub const SEED: u64 = 1;

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

/// Analyses `reps` series of each kind and length, a row at a time. The same seed gives the same rows.
pub fn calibrate(reps: usize, seed: u64) -> impl Iterator<Item = Row> {
    let cells = Kind::ALL.into_iter().flat_map(|kind| LENGTHS.map(|n| (kind, n)));
    cells.map(move |(kind, n)| row(drift, kind, n, reps, seed))
}

/// What analyses a series.
type Analysis = fn(&Series, &Question) -> Drift;

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

/// Analyses `reps` series of one kind and length; they are the same whichever others are analysed.
fn row(analysis: Analysis, kind: Kind, n: usize, reps: usize, seed: u64) -> Row {
    let draw = ChaCha12Rng::seed_from_u64(seed ^ (n as u64) << 32 ^ kind as u64);
    let mut cell = Cell { analysis, kind, n, draw, tally: Tally::default() };
    for _ in 0..reps {
        cell.one();
    }
    cell.tally.row(kind, n, reps)
}

/// What the analysis said of one series, over its run and in its units.
struct Look {
    lo: f64,
    hi: f64,
    visible: f64,
}

/// Series of one kind and length, and what was counted over them.
struct Cell {
    analysis: Analysis,
    kind: Kind,
    n: usize,
    draw: ChaCha12Rng,
    tally: Tally,
}

impl Cell {
    /// Analyses one series with this growth planted into it.
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    fn look(&mut self, growth: f64) -> Look {
        let run_s = self.n as f64 * kinds::EVERY_S;
        let series = self.kind.series(self.n, growth, &mut self.draw);
        let found = (self.analysis)(&series, &Question::over(run_s));
        let over_run = found.per_hour.times(run_s / 3_600.0);
        Look { lo: over_run.lo, hi: over_run.hi, visible: found.smallest_visible_per_hour * run_s / 3_600.0 }
    }

    /// The gate's limit comes from one series, as it would from a first clean run, and is put to others.
    fn one(&mut self) {
        let visible = self.look(0.0).visible;
        let clean = self.look(0.0);
        self.tally.visible.push(visible);
        self.tally.alarms += usize::from(clean.lo > 0.0);
        self.tally.go += usize::from(clean.hi < visible);
        if !visible.is_finite() {
            return;
        }
        let (once, twice) = (self.look(visible), self.look(2.0 * visible));
        let planted = self.kind.growth() + visible;
        self.tally.found += usize::from(once.lo > 0.0);
        self.tally.found_twice += usize::from(twice.lo > 0.0);
        self.tally.wrong_go += usize::from(twice.hi < (planted + visible) / 2.0);
        self.tally.covered += usize::from(once.lo <= planted && planted <= once.hi);
    }
}

impl Tally {
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
