//! The gates, the worst first, each with where what was found lies to its limit: a card for each that does not hold,
//! a row for each that does.

use evidence::gate::{Limit, Op};
use evidence::unit::Unit;
use maud::{Markup, html};

use super::{chip, sentence, tone};
use crate::analysis::number;
use crate::verdict::{GateVerdict, Outcome, Verdict};

pub(super) fn section(verdict: &Verdict) -> Markup {
    // The worst come first, so that those that hold are the last.
    let (open, held) = verdict.gates.split_at(verdict.gates.partition_point(|g| g.outcome != Outcome::Go));
    html! {
        section {
            h2 { "Gates" }
            @if verdict.gates.is_empty() { p { "The scenario has no gate: nothing was asked." } }
            @if !open.is_empty() { div.cards { @for gate in open { (card(gate)) } } }
            @if !held.is_empty() { (table(held)) }
        }
    }
}

/// The gates that hold, a row each.
fn table(gates: &[GateVerdict]) -> Markup {
    html! {
        div.scroll.held {
            table.small {
                thead {
                    tr {
                        th { "gate" } th.num { "found" } th.num { "limit" } th.num { "interval" } th.num { "n" }
                        th { "of the limit" }
                    }
                }
                tbody { @for gate in gates { (row(gate)) } }
            }
        }
    }
}

fn row(gate: &GateVerdict) -> Markup {
    html! {
        tr class=(tone(gate.outcome)) {
            td.id {
                (chip(gate.outcome)) " " code { (gate.id) }
                @if let Some(cites) = &gate.gate.cites { span.cites { "asked for by: " (cites) } }
            }
            td.num { strong { (gate.measured()) } }
            td.num {
                (gate.limit())
                @if let Some(second) = gate.second_limit() { span.cites { "conditional " (second) } }
            }
            td.num {
                @if let Some(interval) = gate.interval() {
                    (interval) span.cites { (confidence(gate)) }
                } @else { "exact" }
            }
            td.num { (number_of(gate)) }
            td { (scale(gate)) }
        }
    }
}

fn number_of(gate: &GateVerdict) -> String {
    Unit::Count.show(number(gate.finding.as_ref().map_or(0, |f| f.n)))
}

fn card(gate: &GateVerdict) -> Markup {
    html! {
        article class={ "card gate " (tone(gate.outcome)) } {
            div.top { (chip(gate.outcome)) code.id { (gate.id) } }
            div.numbers {
                div { span.label { "found" } strong { (gate.measured()) } }
                div { span.label { "limit" } span { (gate.limit()) } }
                @if let Some(second) = gate.second_limit() {
                    div { span.label { "conditional" } span { (second) } }
                }
                @if let Some(interval) = gate.interval() {
                    div { span.label { "interval, " (confidence(gate)) } span { (interval) } }
                }
                div { span.label { "n" } span { (number_of(gate)) } }
            }
            (scale(gate))
            p.reason { (sentence(&gate.why)) }
            @if let Some(cites) = &gate.gate.cites { p.cites { "asked for by: " (cites) } }
        }
    }
}

/// How sure each bound of the interval is.
fn confidence(gate: &GateVerdict) -> String {
    Unit::Ratio.show(gate.finding.as_ref().map_or(f64::NAN, crate::analysis::Finding::confidence))
}

/// A bar from zero with the limit as a mark; only where the distance to the limit says something.
fn scale(gate: &GateVerdict) -> Markup {
    let Some(finding) = gate.finding.as_ref().filter(|f| f.value.is_finite()) else { return html! {} };
    let Limit { op, value: limit } = gate.gate.go;
    let upper = matches!(op, Op::Less | Op::LessOrEqual);
    if !upper || limit <= 0.0 || finding.value < 0.0 || gate.unit == Unit::Count && limit < 10.0 {
        return html! {};
    }
    let second = gate.gate.conditional.map(|limit| limit.value);
    let hi = if finding.interval.hi.is_finite() { finding.interval.hi } else { finding.value };
    let end = hi.max(limit).max(second.unwrap_or(0.0)) * 1.12;
    let percent = |value: f64| format!("{:.2}%", (value / end * 100.0).clamp(0.0, 100.0));
    let width = |from: f64, to: f64| format!("{:.2}%", ((to - from) / end * 100.0).clamp(0.0, 100.0));
    html! {
        div.scale aria-hidden="true" {
            div.value style={ "width:" (percent(finding.value)) } {}
            @if finding.interval.lo < hi {
                div.range style={ "left:" (percent(finding.interval.lo)) ";width:" (width(finding.interval.lo, hi)) } {}
            }
            div.limit style={ "left:" (percent(limit)) } {}
            @if let Some(second) = second { div.limit.second style={ "left:" (percent(second)) } {} }
        }
    }
}
