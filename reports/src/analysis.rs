//! Evidence in numbers: each with its unit, how many values it rests on, and between which bounds it lies.
//!
//! An analysis knows no limit. A number for which there is no evidence is absent, never zero.

mod agents;
pub(crate) mod availability;
mod claims;
mod course;
mod fates;
mod faults;
mod incidents;
mod instrument;
pub(crate) mod load;
mod messages;
mod progress;
mod resources;
mod rests;
mod rounds;
mod spans;
pub(crate) mod steady;
mod swap;
mod times;
pub(crate) mod trends;
mod unread;
pub(crate) mod whole;

use std::collections::BTreeMap;

use evidence::end::How;
use evidence::gate::{Gate, MetricRef};
use evidence::metric::{self, Metric};

pub(crate) use agents::{Share, shares};
pub use course::{ClockStep, Course, Interruption};
pub use faults::{Against, FaultFinding, Left, Placebo, Recovery, Step};
pub(crate) use faults::{Mechanism, Source, mechanisms, proof_name, sources};
pub use incidents::Incident;
pub use instrument::Instrument;
pub(crate) use progress::RECOVERS_WITHIN_NS;
pub use rests::PointOfRest;
pub use swap::Swapped;
pub(crate) use trends::shape_name;
pub use trends::{Pace, Trend, Watched};
pub use unread::Unread;

use crate::drift::Shape;
use crate::reading::Evidence;
use crate::statistics::{Interval, Percentile, needed, percentile};
use crate::windows::Window;

/// Which evidence a number rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Every task accounted for: `end.json`, or the running ledger of a run that crashed.
    Ledger,
    /// The same, for what is only known once the drain barrier was passed.
    ClosedLedger,
    /// `rounds.csv`
    Rounds,
    /// `intervals.csv`
    Intervals,
    /// `latency.hlog`
    Latency,
    /// `samples.csv`
    Samples,
    /// The course of `samples.csv` over time, which has no value where there was a gap.
    Series,
    /// `processes.csv`
    Processes,
    /// `events.jsonl`
    Events,
    /// `end.json`
    End,
    /// `manifest.json`
    Manifest,
}

impl Basis {
    /// The file, by its name in the run directory.
    #[must_use]
    pub fn file(self) -> &'static str {
        use evidence::layout;
        match self {
            Self::Ledger | Self::ClosedLedger | Self::End => layout::END.name,
            Self::Rounds => layout::ROUNDS.name,
            Self::Intervals => layout::INTERVALS.name,
            Self::Latency => layout::LATENCY.name,
            Self::Samples | Self::Series => layout::SAMPLES.name,
            Self::Processes => layout::PROCESSES.name,
            Self::Events => layout::EVENTS.name,
            Self::Manifest => layout::MANIFEST.name,
        }
    }
}

/// A number found in the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is.
    pub metric: &'static Metric,
    /// The number, in the metric's base unit; the best single one where it is not exact.
    pub value: f64,
    /// How many it rests on or is counted out of: rounds, tasks, ticks, processes, faults. 1 for a single fact.
    pub n: u64,
    /// Where the true number lies; both bounds equal for a counted fact.
    pub interval: Interval,
    /// How many values would give it an upper bound, where it has too few.
    pub needs: Option<u64>,
    /// What it rests on.
    pub basis: Basis,
    /// Of a drift: what could have been seen.
    pub sight: Option<Sight>,
    /// Why it decides nothing, as one sentence.
    pub doubt: Option<String>,
}

impl Finding {
    /// How sure each bound of its interval is.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        if self.sight.is_some() { trends::CONFIDENCE } else { crate::statistics::CONFIDENCE }
    }
}

/// What a drift could have been seen by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// How many independent values would give an interval as narrow.
    pub n_eff: f64,
    /// The smallest drift that would have been seen with a chance of at least 80 %, in the metric's unit; infinite
    /// where nothing could be seen, not a number where it has no such unit.
    pub smallest: f64,
    /// What the series looks like.
    pub shape: Shape,
    /// Hours of load that a slope would need at all, where the series is too short for one.
    pub hours_needed: Option<f64>,
}

/// The name of a finding: a metric, narrowed or not, of the whole run or of one phase.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The metric.
    pub metric: MetricRef,
    /// The phase; the whole run where absent.
    pub phase: Option<String>,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.phase {
            Some(phase) => write!(f, "{} during {phase}", self.metric),
            None => write!(f, "{}", self.metric),
        }
    }
}

/// Which run it was, in the words of its manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// The scenario.
    pub scenario: String,
    /// The run's id.
    pub run: String,
    /// The seed.
    pub seed: u64,
    /// How long it lasted, from the evidence, in seconds.
    pub duration_s: f64,
    /// By which factor its time was compressed, where it was a rehearsal.
    pub rehearsal: Option<f64>,
    /// How it ended; absent for a run that crashed.
    pub how: Option<How>,
}

/// A run in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Which run.
    pub about: About,
    /// The gates that its manifest holds.
    pub gates: Vec<Gate>,
    /// Every number, by name.
    pub findings: BTreeMap<Name, Finding>,
    /// Every planned fault, in the order of the plan.
    pub faults: Vec<FaultFinding>,
    /// How well the harness did its own work.
    pub instrument: Instrument,
    /// How the run went over time.
    pub course: Course,
    /// The phases as they happened.
    pub windows: Vec<Window>,
}

/// Turns evidence into numbers.
#[must_use]
pub fn analyse(evidence: &Evidence) -> Analysis {
    analyse_with(evidence, trends::CONFIDENCE)
}

/// The same with bounds of drifts that are so sure.
pub(crate) fn analyse_with(evidence: &Evidence, confidence: f64) -> Analysis {
    let faults = faults::findings(evidence);
    let mut findings = Findings::default();
    messages::find(evidence, &mut findings);
    progress::find(evidence, &faults, &mut findings);
    rounds::find(evidence, &mut findings);
    times::find(evidence, &mut findings);
    agents::find(evidence, &mut findings);
    claims::find(evidence, &mut findings);
    faults::find(&faults, &mut findings);
    resources::find(evidence, &mut findings);
    let course = course::find(evidence, &faults, confidence, &mut findings);
    let instrument = instrument::find(evidence, &mut findings);
    let manifest = &evidence.manifest;
    Analysis {
        about: About {
            scenario: manifest.scenario.clone(),
            run: manifest.run.clone(),
            seed: manifest.seed,
            duration_s: seconds(evidence.last_ns),
            rehearsal: manifest.rehearsal,
            how: evidence.end.as_ref().map(|end| end.how.clone()),
        },
        gates: manifest.gates.clone(),
        findings: findings.0,
        faults,
        instrument,
        course,
        windows: evidence.windows.clone(),
    }
}

/// Nanoseconds in seconds.
#[expect(clippy::cast_precision_loss, reason = "a month of nanoseconds keeps a precision of a microsecond")]
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// The sum of counts, or the greatest count there is: the rows of a damaged run may hold anything.
pub(crate) fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// Tasks that were due and not started, those of whole rounds included.
fn shed_tasks(evidence: &Evidence, phase: Option<&str>) -> u64 {
    let here = |of: &str| phase.is_none_or(|phase| phase == of);
    let tasks = total(evidence.intervals.iter().filter(|r| here(&r.phase)).map(|r| r.shed));
    let rounds = evidence.rounds.iter().filter(|r| r.started_ns.is_none() && here(&r.phase));
    tasks.saturating_add((rounds.count() as u64).saturating_mul(round_size(evidence)))
}

/// Tasks of a round. The row of one that was not started has none; it would have had as many as the others.
fn round_size(evidence: &Evidence) -> u64 {
    evidence.rounds.iter().map(|r| u64::from(r.expected)).max().unwrap_or(0)
}

/// Collects findings under the names of the registry.
#[derive(Debug, Default)]
struct Findings(BTreeMap<Name, Finding>);

/// For what a number was found.
#[derive(Debug, Clone, Copy, Default)]
struct Of<'a> {
    selector: Option<&'a str>,
    phase: Option<&'a str>,
}

impl<'a> Of<'a> {
    fn phase(phase: Option<&'a str>) -> Self {
        Self { selector: None, phase }
    }
}

/// A number with all that is known of it.
#[derive(Debug, Clone, Copy)]
struct Measured {
    basis: Basis,
    n: u64,
    value: f64,
    interval: Interval,
    needs: Option<u64>,
}

impl Measured {
    fn exact(basis: Basis, n: u64, value: f64) -> Self {
        Self { basis, n, value, interval: Interval::exact(value), needs: None }
    }

    /// What was found is the least that it can be.
    fn at_least(basis: Basis, n: u64, interval: Interval) -> Self {
        Self { basis, n, value: interval.lo, interval, needs: None }
    }
}

impl Findings {
    fn put(&mut self, name: &str, of: Of<'_>, found: Measured) {
        let metric = metric::find(name).expect("only metrics of the registry are computed");
        let Measured { basis, n, value, interval, needs } = found;
        let name = Name {
            metric: MetricRef { name: name.to_owned(), selector: of.selector.map(str::to_owned) },
            phase: of.phase.map(str::to_owned),
        };
        self.0.insert(name, Finding { metric, value, n, interval, needs, basis, sight: None, doubt: None });
    }

    /// Says of a number that was put what could have been seen, and why it decides nothing if it does not.
    fn sighted(&mut self, name: &str, of: Of<'_>, sight: Sight, doubt: Option<String>) {
        let metric = MetricRef { name: name.to_owned(), selector: of.selector.map(str::to_owned) };
        let name = Name { metric, phase: of.phase.map(str::to_owned) };
        if let Some(finding) = self.0.get_mut(&name) {
            (finding.sight, finding.doubt) = (Some(sight), doubt);
        }
    }

    /// Says of a number of the whole run that was put why it decides nothing.
    fn doubt(&mut self, name: &str, why: &str) {
        let name = Name { metric: MetricRef { name: name.to_owned(), selector: None }, phase: None };
        if let Some(finding) = self.0.get_mut(&name) {
            finding.doubt = Some(why.to_owned());
        }
    }

    /// A counted fact of the whole run, out of `n`, where it is known.
    fn fact(&mut self, name: &str, basis: Basis, n: u64, value: Option<u64>) {
        if let Some(value) = value {
            self.put(name, Of::default(), Measured::exact(basis, n, number(value)));
        }
    }

    /// The percentiles and the greatest of `values`, each under the statistics that the registry has for it.
    fn distribution(&mut self, base: &str, of: Of<'_>, basis: Basis, values: &Values<'_>) {
        let Values { known, unknown, value_at, bound_at } = *values;
        for (statistic, quantile) in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)] {
            let name = format!("{base}.{statistic}");
            let Some(found) = percentile(quantile, known, unknown, value_at, bound_at) else { continue };
            if metric::find(&name).is_some() {
                let needs = Some(needed(quantile)).filter(|needed| known + unknown < *needed);
                let Percentile { value, interval } = found;
                self.put(&name, of, Measured { basis, n: known, value, interval, needs });
            }
        }
        if known > 0 {
            let value = value_at(known);
            let hi = if unknown > 0 { f64::INFINITY } else { bound_at(known) };
            let interval = Interval { lo: value, hi };
            self.put(&format!("{base}.max"), of, Measured { basis, n: known, value, interval, needs: None });
        }
    }
}

/// Ordered values by rank from 1, and how many more there were whose value is not known.
#[derive(Clone, Copy)]
struct Values<'a> {
    known: u64,
    unknown: u64,
    value_at: &'a dyn Fn(u64) -> f64,
    /// The same with those as infinite that are certain only not to be smaller.
    bound_at: &'a dyn Fn(u64) -> f64,
}
