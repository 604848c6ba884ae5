//! The same work in several environments.

use evidence::gate::{Gate, Limit, MetricRef};
use evidence::gatefile::Ask;
use evidence::unit::Unit;

use super::CriterionVerdict;
use super::criterion::{Found, Rest};
use super::run::Labelled;
use crate::analysis::{Finding, Name};
use crate::statistics::Interval;
use crate::verdict::{Outcome, compared, measured};

/// What the comparison shows of every run: how it is called, and the metric.
const COLUMNS: [(&str, &str); 8] = [
    ("coordination, median", "round.time.p50"),
    ("coordination, longest", "round.time.max"),
    ("delivery", "delivery.rate"),
    ("lost", "messages.lost"),
    ("throughput", "throughput"),
    ("launch", "launch.time"),
    ("memory", "memory.total.max"),
    ("recovery, slowest", "recovery.time.max"),
];

/// One run in the comparison of environments.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its label, or the host where it has none.
    pub environment: String,
    /// Whether it has a label. Without one it is not counted.
    pub labelled: bool,
    /// Whether others are compared with it.
    pub baseline: bool,
    /// The run.
    pub run: String,
    /// Its scenario; only runs of one scenario can be compared.
    pub scenario: String,
    /// Its own verdict.
    pub outcome: Outcome,
    /// Its numbers.
    pub cells: Vec<Cell>,
}

/// A number in the comparison.
#[derive(Debug, Clone)]
pub struct Cell {
    /// What it is, in words.
    pub label: &'static str,
    /// The metric.
    pub metric: &'static str,
    /// What was found, as a person reads it; absent where nothing was.
    pub found: Option<String>,
    /// The same in base units.
    pub value: Option<f64>,
    /// As a share of the baseline of the same scenario, where there is one.
    pub of_baseline: Option<f64>,
}

/// Every run, environment by environment.
pub(super) fn matrix(runs: &[Labelled]) -> Vec<Environment> {
    runs.iter().map(|run| row(run, runs)).collect()
}

fn row(run: &Labelled, runs: &[Labelled]) -> Environment {
    let base = runs.iter().find(|b| b.baseline && !run.baseline && b.run.scenario == run.run.scenario);
    let cell = |(label, metric): (&'static str, &'static str)| {
        let found = finding(run, metric);
        let of = base.and_then(|base| finding(base, metric)).map(|f| f.value);
        let share = found.zip(of).map(|(f, of)| f.value / of).filter(|share| share.is_finite());
        Cell { label, metric, found: found.map(measured), value: found.map(|f| f.value), of_baseline: share }
    };
    Environment {
        environment: run.place(),
        labelled: run.environment.is_some(),
        baseline: run.baseline,
        run: run.run.id.clone(),
        scenario: run.run.scenario.clone(),
        outcome: run.run.verdict.outcome,
        cells: COLUMNS.into_iter().map(cell).collect(),
    }
}

pub(super) fn finding<'a>(run: &'a Labelled, metric: &str) -> Option<&'a Finding> {
    let metric = MetricRef { name: metric.to_owned(), selector: None };
    run.run.analysis.findings.get(&Name { metric, phase: None })
}

/// What became of the named criteria in one environment.
struct Place {
    name: String,
    outcome: Outcome,
    sureness: f64,
}

/// Settles the criteria on environments, once the others are.
pub(super) fn count(criteria: &mut [CriterionVerdict]) {
    for index in 0..criteria.len() {
        let Ask::Environments { hold, go, conditional } = &criteria[index].criterion.ask else { continue };
        let named: Vec<&CriterionVerdict> =
            criteria.iter().filter(|c| hold.contains(&c.criterion.id)).collect();
        let settled = counted(&criteria[index], &places(&named), *go, *conditional);
        criteria[index] = settled;
    }
}

/// Every labelled environment in which any of the named criteria was looked at. One that was not looked at there
/// leaves the environment undecided.
fn places(named: &[&CriterionVerdict]) -> Vec<Place> {
    let rests = named.iter().flat_map(|c| &c.rests);
    let mut names: Vec<&String> = rests.filter_map(|rest| rest.environment.as_ref()).collect();
    names.sort();
    names.dedup();
    let place = |name: &String| {
        let here = |c: &CriterionVerdict| {
            let here = c.rests.iter().filter(|rest| rest.environment.as_ref() == Some(name));
            Outcome::combine(here.map(|rest| rest.outcome))
        };
        let sure = named.iter().flat_map(|c| &c.rests);
        let sure = sure.filter(|rest| rest.environment.as_ref() == Some(name)).map(|rest| rest.sureness);
        Place {
            name: name.clone(),
            outcome: Outcome::combine(named.iter().map(|c| here(c))),
            sureness: sure.fold(1.0, f64::min),
        }
    };
    names.into_iter().map(place).collect()
}

fn counted(
    asked: &CriterionVerdict,
    places: &[Place],
    go: Limit,
    conditional: Option<Limit>,
) -> CriterionVerdict {
    let show = |limit: Limit| format!("{} {}", limit.op.sign(), Unit::Count.show(limit.value));
    let limited = |verdict: CriterionVerdict| {
        CriterionVerdict { unit: Some(Unit::Count), ..verdict }.limits(show(go), conditional.map(show))
    };
    let criterion = &asked.criterion;
    if places.is_empty() {
        let why = "no evidence: no run that was asked for has the label of an environment in the facts file";
        return limited(CriterionVerdict::unknown(criterion, why.to_owned()));
    }
    let works = |p: &&Place| p.outcome <= Outcome::Conditional;
    let least = number(places.iter().filter(works).count());
    let most = number(places.iter().filter(|p| p.outcome != Outcome::NoGo).count());
    let metric = MetricRef { name: "environments".to_owned(), selector: None };
    let gate = Gate { id: criterion.id.clone(), metric, go, conditional, phase: None, cites: None };
    let interval = Interval { lo: least, hi: most };
    let outcome = compared(&gate, interval);
    let list = |wanted: &dyn Fn(Outcome) -> bool| {
        let names = places.iter().filter(|p| wanted(p.outcome)).map(|p| p.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let mut why = format!("works in {}", Unit::Count.show(least));
    for (what, names) in [
        ("", list(&|o| o <= Outcome::Conditional)),
        ("; undecided in ", list(&|o| o == Outcome::Inconclusive)),
        ("; fails in ", list(&|o| o == Outcome::NoGo)),
    ] {
        why += &match (what, names.is_empty()) {
            (_, true) => String::new(),
            ("", false) => format!(" ({names})"),
            (what, false) => format!("{what}{names}"),
        };
    }
    let rests = places.iter().map(|p| Rest {
        on: format!("environment {}", p.name),
        outcome: p.outcome,
        measured: p.outcome.to_string(),
        why: String::new(),
        environment: Some(p.name.clone()),
        sureness: p.sureness,
        found: Found::default(),
    });
    let sureness = places.iter().map(|p| p.sureness).fold(1.0, f64::min);
    let verdict = CriterionVerdict {
        why,
        measured: Unit::Count.show(least),
        value: Some(least),
        interval: (least < most).then_some(interval),
        rests: rests.collect(),
        ..CriterionVerdict::unknown(criterion, String::new())
    };
    limited(verdict.settled(outcome, sureness))
}

#[expect(clippy::cast_precision_loss, reason = "environments are few")]
fn number(count: usize) -> f64 {
    count as f64
}
