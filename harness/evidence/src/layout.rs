//! Where each file of a run lies. The names are promised; see `docs/reference/evidence.md`.

use std::path::{Path, PathBuf};

/// One file of a run directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its name inside the run directory.
    pub name: &'static str,
    /// What it holds, in one sentence.
    pub holds: &'static str,
    /// Whether it can be made again from the others.
    pub derived: bool,
}

impl File {
    /// Its path in this run directory.
    #[must_use]
    pub fn within(self, run: &Path) -> PathBuf {
        run.join(self.name)
    }
}

macro_rules! files {
    ($($constant:ident $name:literal $derived:literal $holds:literal)*) => {
        $(#[doc = $holds] pub const $constant: File = File { name: $name, holds: $holds, derived: $derived };)*
        /// Every file that a run directory may hold.
        pub const ALL: &[File] = &[$($constant),*];
    };
}

files! {
    MANIFEST "manifest.json" false "Versions, seed, plan fingerprint, host, gates, phases and planned faults; written first."
    SCENARIO "scenario.yaml" false "The scenario file as it was given."
    PLAN "plan.json" false "The plan with every choice made."
    CERTIFICATE "certificate.json" false "What `shakedown prove` had shown of this version on this class of host when the run began; absent where nothing."
    EVENTS "events.jsonl" false "Phases, members, faults with their evidence, detections, elections, incidents; one JSON object a line."
    ROUNDS "rounds.csv" false "One row a round: due, started, ended, expected, delivered, late, duplicated, timed out."
    SAMPLES "samples.csv" false "One row per group and tick: the target by role, the harness, the host."
    PROCESSES "processes.csv" false "One row per process, slower: memory, descriptors, threads, CPU."
    LATENCY "latency.hlog" false "Interval histograms of response time, service time and round time (HDR interval log, tagged)."
    INTERVALS "intervals.csv" false "One row an interval: operations due, started, shed, answered; the running ledger."
    JOURNAL "faults.journal" false "The undo log, written before each fault is applied."
    CHECKPOINT "checkpoint.json" false "Where the run is, replaced at each interval, for a harness that goes on with it."
    SENT "sent.count" false "Tasks handed to the target, at each handing over; it outlives a harness that is killed."
    LOG "shakedown.log" false "What a detached run would have written to its terminal."
    TARGET_LOG "target.log" false "What the target wrote to standard error."
    END "end.json" false "How the run ended, the closed ledger, dropped records; written last."
    VERDICT "verdict.json" true "The verdict with every gate and finding."
    REPORT_HTML "report.html" true "The report as one page."
    REPORT_MD "report.md" true "The report as Markdown."
    JUNIT "junit.xml" true "One test case a gate, for a build server."
}

macro_rules! files_of_long_runs {
    ($($constant:ident $name:literal $holds:literal)*) => {
        $(#[doc = $holds] pub const $constant: File = File { name: $name, holds: $holds, derived: false };)*
        /// What a run has beside those if it is too long to keep everything as it was read; see `tier`.
        pub const OF_LONG_RUNS: &[File] = &[$($constant),*];
    };
}

files_of_long_runs! {
    SAMPLES_1M "samples.1m.csv" "The median of each column of the samples of a minute."
    SAMPLES_1M_MIN "samples.1m.min.csv" "The least of each."
    SAMPLES_1M_MAX "samples.1m.max.csv" "The greatest of each, in which a spike of one tick stays to be seen."
    SAMPLES_10M "samples.10m.csv" "The median of each column of the samples of ten minutes."
    SAMPLES_10M_MIN "samples.10m.min.csv" "The least of each."
    SAMPLES_10M_MAX "samples.10m.max.csv" "The greatest of each."
    PROCESSES_TIER "processes.tier.csv" "The median of each column of the readings of each process over a stretch of time; readings with a mark as they were."
    LATENCY_TIER "latency.tier.hlog" "The interval histograms of a stretch of time added up; as they were around the faults of the plan."
}
