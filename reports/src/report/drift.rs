//! One card for each series whose drift was looked at: in a word, in numbers, and as a chart.

mod ceiling;

use evidence::gate::Op;
use evidence::unit::Unit;

pub(super) use ceiling::Ceiling;
use ceiling::ceiling;

use super::chart::{DriftChart, Scale};
use super::series::merged;
use super::words::moment;
use crate::analysis::{Trend, Watched, shape_name};
use crate::drift::{Estimate, Shape, lines};
use crate::reading::Evidence;
use crate::verdict::{GateVerdict, Outcome, Verdict, for_a_slope};

/// What a page says of one series.
pub(super) struct Card<'a> {
    pub(super) chart: DriftChart,
    pub(super) shape: Shape,
    /// The gates that ask for this drift, the worst first.
    pub(super) gates: Vec<&'a GateVerdict>,
    /// The level that a gate allows.
    pub(super) ceiling: Option<Ceiling<'a>>,
    pub(super) per_hour: String,
    pub(super) interval: String,
    pub(super) level: String,
    pub(super) visible: String,
    pub(super) warm_up: String,
    /// What was found, in one sentence.
    pub(super) why: &'a str,
    /// By how much each step was, when, and with which fault.
    pub(super) steps: Vec<String>,
}

impl Card<'_> {
    /// Whether a reader should see it first: a gate asks for it, or there is something to see.
    pub(super) fn is_notable(&self) -> bool {
        !self.gates.is_empty() || self.shape != Shape::Flat
    }

    /// The word for its shape.
    pub(super) fn shape(&self) -> &'static str {
        shape_name(self.shape)
    }

    /// The outcome that the card is coloured by; none where no gate asks for it.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.gates.iter().map(|g| g.outcome).max()
    }
}

/// A card for each series with enough samples for a slope, those that a gate asks for first.
pub(super) fn cards<'a>(verdict: &'a Verdict, evidence: &Evidence) -> Vec<Card<'a>> {
    let long = verdict.course.trends.iter().filter(|t| t.drift.shape != Shape::TooShort);
    let mut cards: Vec<Card<'a>> = long.map(|trend| card(trend, verdict, evidence)).collect();
    // Stable: equals stay in the order in which they are watched.
    cards.sort_by_key(|c| (std::cmp::Reverse(c.outcome()), c.shape == Shape::Flat));
    cards
}

/// The series that had too few samples for a slope, those of which the same is to be said together, and how much load
/// would have given one.
pub(super) fn too_short(verdict: &Verdict) -> Vec<String> {
    let mut alike: Vec<(String, Vec<String>)> = Vec::new();
    for trend in verdict.course.trends.iter().filter(|t| t.drift.shape == Shape::TooShort) {
        let needed = for_a_slope(trend.drift.hours_needed).map(|needed| format!(" {needed}."));
        let why = format!("{}{}", trend.drift.why, needed.unwrap_or_default());
        match alike.iter_mut().find(|(known, _)| *known == why) {
            Some((_, titles)) => titles.push(trend.title()),
            None => alike.push((why, vec![trend.title()])),
        }
    }
    alike.into_iter().map(|(why, titles)| format!("{}: {why}", titles.join(", "))).collect()
}

fn card<'a>(trend: &'a Trend, verdict: &'a Verdict, evidence: &Evidence) -> Card<'a> {
    let (unit, drift) = (trend.watched.unit(), &trend.drift);
    let gates: Vec<&GateVerdict> = verdict.gates.iter().filter(|g| factor(trend, g).is_some()).collect();
    let end_s = trend.span_s.1;
    let ceiling = ceiling(trend, verdict);
    let step = |s: &crate::drift::Step| {
        let fault = s.fault.as_ref().map(|fault| format!(" (fault {fault})")).unwrap_or_default();
        format!("{} at {}{fault}", signed(unit, s.by), moment(evidence, s.at_s))
    };
    Card {
        shape: drift.shape,
        per_hour: format!("{}/h", signed(unit, drift.per_hour.value)),
        interval: format!("{}/h – {}/h", bound(unit, drift.per_hour.lo), bound(unit, drift.per_hour.hi)),
        level: unit.show(drift.level),
        visible: format!("{}/h", bound(unit, drift.smallest_visible_per_hour)),
        warm_up: Unit::Seconds.show(drift.warm_up_s),
        why: &drift.why,
        steps: drift.steps.iter().map(step).collect(),
        chart: DriftChart {
            title: capital(&trend.title()),
            scale: scale(trend.watched),
            sampled: trend.drawn.clone(),
            medians: drift.blocks.iter().map(|b| (b.at_s, b.value)).collect(),
            lines: lines(drift),
            warm_up: (trend.span_s.0, (trend.span_s.0 + drift.warm_up_s).min(end_s)),
            excluded: merged(&trend.excluded, end_s / 400.0),
            allowed_per_s: allowed(trend, &gates).map(|per_hour| per_hour / 3600.0),
            ceiling: ceiling.as_ref().map(|ceiling| ceiling.level),
        },
        gates,
        ceiling,
    }
}

/// What a growth of one an hour of this series is in the unit of a gate's metric; `None` if the gate asks for
/// something else.
fn factor(trend: &Trend, gate: &GateVerdict) -> Option<f64> {
    let metric = &gate.gate.metric;
    let of_it = metric.selector.as_deref() == trend.role && gate.gate.phase.is_none();
    let number = trend.numbers.iter().find(|(name, _)| of_it && *name == metric.name);
    number.map(|(_, factor)| *factor)
}

/// The growth an hour at which the strictest of these gates turns.
fn allowed(trend: &Trend, gates: &[&GateVerdict]) -> Option<f64> {
    let upper = gates.iter().filter(|g| matches!(g.gate.go.op, Op::Less | Op::LessOrEqual));
    let limits = upper.filter_map(|g| Some(g.gate.go.value / factor(trend, g)?));
    limits.filter(|limit| limit.is_finite()).reduce(f64::min)
}

fn scale(watched: Watched) -> Scale {
    match watched.unit() {
        Unit::Bytes => Scale::Bytes,
        Unit::Seconds => Scale::Time,
        _ => Scale::Count,
    }
}

/// A bound that may be beyond all that is known.
pub(super) fn bound(unit: Unit, value: f64) -> String {
    if value.is_finite() { unit.show(value) } else { "?".to_owned() }
}

/// From one bound to the other.
pub(super) fn between(unit: Unit, e: Estimate) -> String {
    format!("{} – {}", bound(unit, e.lo), bound(unit, e.hi))
}

fn signed(unit: Unit, value: f64) -> String {
    let shown = unit.show(value);
    if value > 0.0 { format!("+{shown}") } else { shown }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
