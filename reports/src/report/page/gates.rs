//! The gates, the worst first, each with where what was found lies to its limit.

use evidence::gate::{Limit, Op};
use evidence::unit::Unit;
use maud::{Markup, html};

use super::{chip, sentence, tone};
use crate::analysis::number;
use crate::verdict::{GateVerdict, Outcome, Verdict};

pub(super) fn section(verdict: &Verdict) -> Markup {
    html! {
        section {
            h2 { "Gates" }
            @if verdict.gates.is_empty() { p { "The scenario has no gate: nothing was asked." } }
            div.cards { @for gate in &verdict.gates { (card(gate)) } }
        }
    }
}

fn card(gate: &GateVerdict) -> Markup {
    let n = gate.finding.as_ref().map_or(0, |f| f.n);
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
                div { span.label { "n" } span { (Unit::Count.show(number(n))) } }
            }
            (scale(gate))
            @if gate.outcome != Outcome::Go { p.reason { (sentence(&gate.why)) } }
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
