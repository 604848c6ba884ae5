//! Drift: a card with a chart for each series, under a strip of what happened.

use maud::{Markup, PreEscaped, html};

use super::{chip, sentence, tone};
use crate::drift::Shape;
use crate::reading::Evidence;
use crate::report::chart::{DriftChart, Lane, Time, draw_drift, lanes};
use crate::report::course::{self, Table};
use crate::report::drift::{Card, Ceiling, cards, too_short};
use crate::report::events::events;
use crate::report::series;
use crate::verdict::Verdict;

pub(super) fn section(verdict: &Verdict, evidence: &Evidence) -> Markup {
    let time = series::time(evidence, &verdict.faults);
    let events = events(verdict, time.end_s);
    let (notable, quiet): (Vec<Card<'_>>, Vec<Card<'_>>) =
        cards(verdict, evidence).into_iter().partition(Card::is_notable);
    let short = too_short(verdict);
    if notable.is_empty() && quiet.is_empty() && short.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Drift" }
            p.lead {
                "How fast each series grows or sinks while the load goes on, and how sure that is. \
                 Time counts from when the target was ready."
            }
            div.figures.ragged {
                figure {
                    figcaption { b { "What happened" } }
                    @if events.is_empty() { p.note { "No fault, no incident, no point of rest." } }
                    @else { (PreEscaped(lanes("What happened", &events, &time))) }
                    (legend(&notable, &quiet))
                }
                @for card in &notable { (figure(card, &events, &time)) }
            }
            @if !quiet.is_empty() {
                details {
                    summary { (quiet.len()) " more series, flat, for whose drift no gate asks" }
                    div.figures.ragged { @for card in &quiet { (figure(card, &events, &time)) } }
                }
            }
            @if let Some(table) = course::drift(verdict) { (numbers(&table)) }
            @if !short.is_empty() {
                p.lead { "Too short for a slope: " (short.join(" ")) }
            }
        }
    }
}

fn legend(notable: &[Card<'_>], quiet: &[Card<'_>]) -> Markup {
    let all = || notable.iter().chain(quiet).map(|card| &card.chart);
    html! {
        p.legend {
            span { span.key.sampled.thin {} "sampled" }
            span { span.key.c1.dots {} "median of a block" }
            span { span.key.c2.strong {} "fitted line" }
            span { span.key.band {} "its bounds, 99 % each" }
            span { span.key.warm-up {} "warm-up" }
            @if all().any(|c| !c.excluded.is_empty()) {
                span { span.key.shade {} "fault or rest: in no slope" }
            }
            @if all().any(|c| c.allowed_per_s.is_some()) {
                span { span.key.alarm.strong {} "growth at which the strictest gate turns" }
            }
            @if all().any(DriftChart::draws_ceiling) {
                span { span.key.ceiling {} "level at which a gate turns" }
            }
        }
    }
}

fn figure(card: &Card<'_>, events: &[Lane], time: &Time) -> Markup {
    let tone = card.outcome().map_or("", tone);
    let beyond = card.chart.beyond();
    html! {
        figure class={ "drift " (tone) } {
            figcaption {
                div.top {
                    b { (card.chart.title) }
                    span class={ "shape " (worth(card.shape)) } { (card.shape()) }
                }
                div.numbers {
                    div { span.label { "growth" } strong { (card.per_hour) } }
                    div { span.label { "interval, 99 %" } span { (card.interval) } }
                    div { span.label { "level" } span { (card.level) } }
                    div { span.label { "smallest visible" } span { (card.visible) } }
                    div { span.label { "warm-up" } span { (card.warm_up) } }
                }
                @if ![Shape::Flat, Shape::Step].contains(&card.shape) { p.note { (sentence(card.why)) } }
                @if !card.steps.is_empty() { p.note { "Steps: " (card.steps.join(", ")) "." } }
                @for gate in &card.gates {
                    p.asks { (chip(gate.outcome)) " " code { (gate.id) } }
                }
                @if let Some(Ceiling { gate, words, .. }) = &card.ceiling {
                    p.asks { (chip(gate.outcome)) " " code { (gate.id) } ": " (words) }
                }
            }
            (PreEscaped(draw_drift(&card.chart, events, time)))
            @if beyond > 0 {
                p.note { "Some samples lie beyond the scale; they are drawn at its edge." }
            }
        }
    }
}

/// Whether a shape is nothing to worry about.
fn worth(shape: Shape) -> &'static str {
    match shape {
        Shape::Flat | Shape::Sawtooth => "calm",
        Shape::Drifting => "moving",
        Shape::Settling | Shape::Step | Shape::Unsettled | Shape::TooShort => "unsure",
    }
}

fn numbers(table: &Table) -> Markup {
    html! {
        details {
            summary { "The numbers of all series" }
            (super::course::rows(table))
        }
    }
}
