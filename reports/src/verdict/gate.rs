//! One gate against one finding.

use evidence::gate::{Gate, Limit, MetricRef};
use evidence::metric;
use evidence::unit::Unit;

use super::compare::{Side, outcome, side};
use super::coverage::Condition;
use super::outcome::Outcome;
use super::{pace, swap, unread};
use crate::analysis::{Analysis, Basis, Finding, Name, Sight};
use crate::drift::Shape;
use crate::statistics::{Interval, expected_events};

/// The fewest ticks on which a gate about samples may rest.
pub(super) const TICKS: u64 = 3;

/// A gate and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct GateVerdict {
    /// Its id.
    pub id: String,
    /// What it asked for.
    pub gate: Gate,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, in one sentence; for INCONCLUSIVE with what would settle it.
    pub why: String,
    /// What was found; absent where there is no data.
    pub finding: Option<Finding>,
    /// The metric's unit.
    pub unit: Unit,
    /// Why the evidence was too poor to decide it; absent where it was not.
    pub poor: Option<String>,
}

impl GateVerdict {
    /// The limit as a person reads it: `< 30 s`.
    #[must_use]
    pub fn limit(&self) -> String {
        show_limit(self.gate.go, self.unit)
    }

    /// The second limit as a person reads it, where there is one.
    #[must_use]
    pub fn second_limit(&self) -> Option<String> {
        self.gate.conditional.map(|limit| show_limit(limit, self.unit))
    }

    /// What was found as a person reads it: `12.3 ms`, `>= 6 s` where it may be more, `–` without data.
    #[must_use]
    pub fn measured(&self) -> String {
        self.finding.as_ref().map_or_else(|| "–".to_owned(), measured)
    }

    /// Its interval as a person reads it: `11.9 ms – 12.8 ms`; absent for an exact number.
    #[must_use]
    pub fn interval(&self) -> Option<String> {
        self.finding.as_ref().and_then(interval)
    }
}

/// A finding as a person reads it.
pub(crate) fn measured(finding: &Finding) -> String {
    let shown = finding.metric.unit.show(finding.value);
    if finding.value.is_infinite() {
        return "never".to_owned();
    }
    let open_ended = finding.interval.hi.is_infinite() && finding.needs.is_none() && finding.sight.is_none();
    if open_ended { format!("≥ {shown}") } else { shown }
}

/// The interval of a finding as a person reads it; absent for an exact number.
#[expect(clippy::float_cmp, reason = "an exact number has equal bounds by construction")]
pub(crate) fn interval(finding: &Finding) -> Option<String> {
    let Interval { lo, hi } = finding.interval;
    let unit = finding.metric.unit;
    if lo == hi || !lo.is_finite() {
        None
    } else if hi.is_infinite() && finding.sight.is_some() {
        Some(format!("{} – never", unit.show(lo)))
    } else if hi.is_infinite() {
        Some(format!("{} – ?", unit.show(lo)))
    } else {
        Some(format!("{} – {}", unit.show(lo), unit.show(hi)))
    }
}

fn show_limit(limit: Limit, unit: Unit) -> String {
    format!("{} {}", limit.op.sign(), unit.show(limit.value))
}

/// Judges one gate.
pub(super) fn judge(gate: &Gate, analysis: &Analysis, conditions: &[Condition]) -> GateVerdict {
    let name = Name { metric: gate.metric.clone(), phase: gate.phase.clone() };
    let finding = analysis.findings.get(&name).filter(|f| f.doubt.is_some() || !f.value.is_nan());
    let unit = metric::find(&gate.metric.name).map_or(Unit::Count, |m| m.unit);
    let verdict = |outcome, why, poor| GateVerdict {
        id: gate.id.clone(),
        gate: gate.clone(),
        outcome,
        why,
        finding: finding.cloned(),
        unit,
        poor,
    };
    let Some(finding) = finding else {
        return verdict(Outcome::Inconclusive, no_data(gate, analysis), Some("no data".to_owned()));
    };
    if let Some(doubt) = &finding.doubt {
        let why = format!("too short to tell: {doubt}{}", longer_for_a_slope(finding, hours(analysis)));
        return verdict(Outcome::Inconclusive, why.clone(), Some(why));
    }
    let found = outcome(gate, finding.interval);
    let breach = found == Outcome::NoGo;
    let poor = conditions
        .iter()
        .find(|c| c.withholds(finding.basis, breach, finding.metric.counted))
        .map(|c| c.why.clone())
        .or_else(|| swap::doubt(finding, breach, &analysis.course))
        .or_else(|| unread::doubt(finding, gate.metric.selector.as_deref(), breach, &analysis.course))
        .or_else(|| unread::restless(finding, breach, &analysis.course))
        .or_else(|| too_few_ticks(finding))
        .or_else(|| lateness(gate, finding, found, analysis))
        .or_else(|| reading_late(gate, finding, found, analysis))
        .or_else(|| pace::doubt(gate, finding, found, &analysis.course));
    match poor {
        Some(poor) => verdict(Outcome::Inconclusive, poor.clone(), Some(poor)),
        None => verdict(found, explain(gate, finding, found, hours(analysis)), None),
    }
}

fn no_data(gate: &Gate, analysis: &Analysis) -> String {
    if metric::find(&gate.metric.name).is_none() {
        return format!("no data: there is no metric {:?} in this version", gate.metric.name);
    }
    if let Some(phase) = &gate.phase
        && !analysis.windows.iter().any(|w| w.phase == *phase)
    {
        return format!("no data: the run was never in the phase {phase}");
    }
    if gate.metric.name.starts_with("recovery.time") || gate.metric.name == "fault.recovery_time" {
        return format!(
            "no data: {} needs at least three undisturbed rounds, or intervals where there are none, between the \
             beginning of the hold phase and the fault",
            gate.metric
        );
    }
    format!("no data: nothing in this run's evidence gives {}", gate.metric)
}

fn too_few_ticks(finding: &Finding) -> Option<String> {
    let over_time = finding.basis == Basis::Samples && finding.metric.name != "memory.pss.mean";
    (over_time && finding.n < TICKS).then(|| {
        format!(
            "it rests on {} ticks and needs at least {TICKS}; sample more often or hold longer",
            finding.n
        )
    })
}

/// Response times count from when a task was due. If the harness was late itself, by enough to explain a
/// breach, then the breach is not the target's.
fn lateness(gate: &Gate, finding: &Finding, found: Outcome, analysis: &Analysis) -> Option<String> {
    let from_due = ["response.time.", "round.time."].iter().any(|base| gate.metric.name.starts_with(base));
    let lag = analysis.instrument.lag_s?;
    if !from_due || found != Outcome::NoGo {
        return None;
    }
    let Interval { lo, hi } = finding.interval;
    let without = Interval { lo: (lo - lag).max(0.0), hi };
    (outcome(gate, without) != Outcome::NoGo).then(|| {
        format!(
            "{} breaks the limit, but the harness itself was up to {} late, which is enough to explain it",
            measured(finding),
            Unit::Seconds.show(lag)
        )
    })
}

/// What part of a time-out the harness may be late itself before answers are late that came in time.
const PART_OF_TIMEOUT: f64 = 0.25;

/// Whether a task is late depends on when the harness read its answer. A harness that stood still reads late what
/// came in time.
fn reading_late(gate: &Gate, finding: &Finding, found: Outcome, analysis: &Analysis) -> Option<String> {
    let in_time =
        ["delivery.", "error.", "messages.late", "rounds.timed_out", "rounds.completed", "fault.late"]
            .iter()
            .any(|name| gate.metric.name.starts_with(name));
    let (lag, timeout) = (analysis.instrument.lag_s?, analysis.instrument.timeout_s?);
    let late = Name { metric: MetricRef { name: "messages.late".to_owned(), selector: None }, phase: None };
    let any_late = analysis.findings.get(&late).is_some_and(|late| late.value > 0.0);
    let explains = in_time && any_late && found == Outcome::NoGo && lag >= timeout * PART_OF_TIMEOUT;
    explains.then(|| {
        format!(
            "{} breaks the limit, but the harness itself was up to {} late, so that it may have read answers late \
             that came within their {}",
            measured(finding),
            Unit::Seconds.show(lag),
            Unit::Seconds.show(timeout)
        )
    })
}

fn explain(gate: &Gate, finding: &Finding, found: Outcome, hours: f64) -> String {
    let unit = finding.metric.unit;
    let limit = show_limit(gate.go, unit);
    let shown = match interval(finding) {
        Some(interval) if finding.needs.is_none() => format!("{} ({interval})", measured(finding)),
        _ => measured(finding),
    };
    match found {
        Outcome::Go => format!("{shown} is {limit}"),
        Outcome::NoGo => format!("{shown} is not {limit}"),
        Outcome::Conditional => {
            let second = gate.conditional.map(|limit| show_limit(limit, unit)).unwrap_or_default();
            format!("{shown} is not proven {limit}, but is {second}")
        }
        Outcome::Inconclusive => {
            format!("{shown} may or may not be {limit}; {}", settle(gate, finding, hours))
        }
    }
}

/// What would settle it.
fn settle(gate: &Gate, finding: &Finding, hours: f64) -> String {
    if let Some(needs) = finding.needs.filter(|_| finding.metric.name.starts_with("recovery.")) {
        let more = needs.saturating_sub(finding.n);
        return format!("it rests on {} faults and needs at least {needs}: {more} more", finding.n);
    }
    if let Some(needs) = finding.needs {
        return format!("it rests on {} values and needs at least {needs}", finding.n);
    }
    if finding.basis == Basis::ClosedLedger {
        return "of tasks that were neither acknowledged, refused nor answered it is not known".to_owned();
    }
    if finding.basis == Basis::Samples {
        return swap::settle(finding);
    }
    if let Some(sight) = &finding.sight {
        return longer(gate, finding, sight, hours);
    }
    if finding.metric.name == "incidents.rate" {
        return without_another(gate, finding);
    }
    if finding.interval.hi.is_infinite() {
        return match finding.basis {
            Basis::Events => {
                "the evidence ends before it was reached; hold longer after the fault".to_owned()
            }
            _ => "tasks that were never answered, or not started, count as slower than all others".to_owned(),
        };
    }
    more_values(gate, finding)
}

/// How long the load was, in hours.
fn hours(analysis: &Analysis) -> f64 {
    let name = Name { metric: MetricRef { name: "run.length".to_owned(), selector: None }, phase: None };
    analysis.findings.get(&name).map_or(0.0, |f| f.value / 3600.0)
}

/// How much load a slope needs at all, where that is known.
fn longer_for_a_slope(finding: &Finding, hours: f64) -> String {
    let needed = for_a_slope(finding.sight.and_then(|sight| sight.hours_needed));
    let had = Unit::Seconds.show(hours * 3600.0);
    needed.map_or_else(String::new, |needed| format!(" {needed}; it had {had}."))
}

/// How much load a series that is too short for a slope needs.
pub(crate) fn for_a_slope(hours_needed: Option<f64>) -> Option<String> {
    let needed = Unit::Seconds.show(hours_needed.filter(|needed| *needed > 0.0)? * 3600.0);
    Some(format!("About {needed} of load, sampled as often, would give one"))
}

/// The interval of a slope narrows with the power 3/2 of the time; with the root of it if the series wanders.
fn longer(gate: &Gate, finding: &Finding, sight: &Sight, hours: f64) -> String {
    let Interval { lo, hi } = finding.interval;
    let limits = std::iter::once(gate.go).chain(gate.conditional);
    let distances = limits.map(|limit| (limit.value - finding.value).abs());
    let distance = distances.fold(0.0, f64::max);
    let unit = finding.metric.unit;
    let seen = if sight.smallest.is_finite() {
        format!("; the smallest that this run could have seen is {}", unit.show(sight.smallest))
    } else {
        String::new()
    };
    let power = if sight.shape == Shape::Unsettled { 2.0 } else { 2.0 / 3.0 };
    let needed = hours * ((hi - lo) / 2.0 / distance).powf(power);
    if needed.is_finite() && hours > 0.0 && needed < hours * 1e3 {
        let needed = Unit::Seconds.show(needed.max(hours * 1.1) * 3600.0);
        format!("about {needed} of load would settle it, it had {}{seen}", Unit::Seconds.show(hours * 3600.0))
    } else {
        format!("it is too close to the limit to be told apart{seen}")
    }
}

/// How long a run must be that has no more incidents than this one.
fn without_another(gate: &Gate, finding: &Finding) -> String {
    let limit = match gate.conditional {
        Some(second) if side(gate.go, finding.interval) == Side::Outside => second,
        _ => gate.go,
    };
    let most = expected_events(finding.n).hi;
    let (needed, had) = (most / limit.value * 3600.0, most / finding.interval.hi * 3600.0);
    if !needed.is_finite() || needed <= had {
        return "no length of a run settles it".to_owned();
    }
    let (needed, had) = (Unit::Seconds.show(needed), Unit::Seconds.show(had));
    let no = if finding.n == 0 { "any" } else { "a further one" };
    format!("about {needed} of load without {no} would settle it, it had {had}")
}

/// An interval of order statistics narrows with the root of the number of values.
#[expect(clippy::cast_precision_loss, reason = "an estimate to one digit")]
fn more_values(gate: &Gate, finding: &Finding) -> String {
    let Interval { lo, hi } = finding.interval;
    let exact = Interval::exact(finding.value);
    let (limit, bound) = match gate.conditional {
        Some(second) if side(gate.go, finding.interval) == Side::Outside => (second, finding.value),
        _ => (gate.go, finding.value),
    };
    let reach = if side(limit, exact) == Side::Inside { (hi - bound).max(bound - lo) } else { bound - lo };
    let distance = (limit.value - bound).abs();
    let factor = (reach / distance).powi(2);
    if factor.is_finite() && factor < 1e4 {
        let n = (finding.n as f64 * factor.max(1.0) * 1.2).ceil();
        format!("about {} values would settle it, it rests on {}", Unit::Count.show(n), finding.n)
    } else {
        "it is too close to the limit to be told apart".to_owned()
    }
}
