//! How a run of weeks stays small: what is read most often is kept as it was read for the newest part only, and
//! in tiers for the whole run.
//!
//! A tier holds one row for a stretch of time. Of the samples there are three files a tier, for the least, the
//! median and the greatest of each column, so that a spike of one tick stays to be seen. Histograms are added
//! up, which loses nothing but when a task was answered within the stretch; around the faults of the plan they
//! are kept as they were. Of single processes the median is kept, and every reading with a mark as it was.
//!
//! No stretch reaches over the edge of a phase. A row carries the time of the last tick in it, and what was read
//! after that is still in the raw files: a reader folds it like the writer would have, so that a harness that is
//! killed loses nothing by a stretch that was not over.

mod histograms;
mod processes;
mod samples;
mod tables;

pub use histograms::{HistogramTier, folded};
pub use processes::{ProcessTier, processes};
pub use samples::{SampleTier, Samples, samples};
pub use tables::Tables;

/// How much of a run is kept in which form. The default keeps everything as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Stretches of the tiers of `samples.csv`, in nanoseconds, the shortest first; none where every row is
    /// kept. At most those of [`SAMPLE_TIERS`].
    pub samples_ns: Vec<u64>,
    /// The stretch of the tier of `latency.hlog`, where not every interval is kept.
    pub latency_ns: Option<u64>,
    /// The stretch of the tier of `processes.csv`, where not every row is kept.
    pub processes_ns: Option<u64>,
    /// How long an interval of the workload is, in nanoseconds: a whole multiple of the sampling interval.
    pub interval_ns: u64,
    /// From when to when around the faults of the plan histograms are kept as they were, in nanoseconds from
    /// the plan's zero.
    pub fine_ns: Vec<(u64, u64)>,
}

/// The stretches of which samples can have a tier: a minute and ten.
pub const SAMPLE_TIERS: [u64; 2] = [60_000_000_000, 600_000_000_000];

/// The tier is judged by the finest of its files that has no more rows for one group than this.
pub const MOST_ROWS: usize = 20_000;
