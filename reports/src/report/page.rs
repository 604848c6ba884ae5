//! `report.html`: the report as one page that needs nothing else. No script, no network.

mod charts;
mod course;
mod coverage;
mod drift;
mod faults;
mod findings;
mod gates;
mod origin;
mod promises;

use evidence::gate::MetricRef;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::next::next;
use super::words;
use crate::analysis::Name;
use crate::reading::Evidence;
use crate::verdict::{Outcome, Verdict, measured};

const STYLE: &str = include_str!("page/style.css");

/// The page.
pub(super) fn page(verdict: &Verdict, evidence: &Evidence) -> String {
    let about = &verdict.about;
    let body = html! {
        (head(verdict, evidence))
        main {
            (gates::section(verdict))
            (promises::section(verdict, evidence))
            (coverage::section(verdict))
            (faults::section(verdict, evidence))
            (drift::section(verdict, evidence))
            (course::section(verdict, evidence))
            (charts::section(verdict, evidence))
            (findings::section(verdict))
            (origin::section(evidence))
        }
        footer { "shakedown " (evidence.manifest.shakedown) " · run " (about.run) }
    };
    document(verdict.word(), &about.scenario, verdict.outcome, &body)
}

/// A whole page: its title, its style and this body, in the colour of the outcome.
pub(crate) fn document(word: &str, name: &str, outcome: Outcome, body: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (word) " · " (name) " · shakedown" }
                style { (PreEscaped(STYLE)) }
            }
            body class=(tone(outcome)) { (body) }
        }
    };
    markup.into_string()
}

fn head(verdict: &Verdict, evidence: &Evidence) -> Markup {
    let about = &verdict.about;
    let manifest = &evidence.manifest;
    html! {
        header {
            div.wrap {
                @if let Some(rehearsal) = words::rehearsal(verdict) { p.rehearsal { (rehearsal) } }
                p.scenario { (about.scenario) }
                h1 { (verdict.word()) }
                p.why { (sentence(&verdict.why)) }
                p.next { b { "What next: " } (next(verdict, evidence)) }
                dl.facts {
                    div { dt { "ran" } dd { (words::duration(verdict)) } }
                    div { dt { "target" } dd { (manifest.target.shape) } }
                    @if !manifest.workload.words.is_empty() {
                        div { dt { "load" } dd { (manifest.workload.words) } }
                    }
                    div { dt { "started" } dd { (manifest.started) } }
                    div { dt { "seed" } dd { (about.seed) } }
                }
                @if !manifest.why.is_empty() { p.purpose { (manifest.why) } }
                (headline(verdict))
            }
        }
    }
}

/// The numbers that are asked for first, as far as they were measured.
fn headline(verdict: &Verdict) -> Markup {
    let asked = [
        ("tasks sent", "messages.sent"),
        ("delivered", "delivery.rate"),
        ("lost", "messages.lost"),
        ("throughput", "throughput"),
        ("response, median", "response.time.p50"),
        ("response, 99th percentile", "response.time.p99"),
        ("slowest recovery", "recovery.time.max"),
    ];
    let found = asked.into_iter().filter_map(|(label, name)| {
        let name = Name { metric: MetricRef { name: name.to_owned(), selector: None }, phase: None };
        Some((label, measured(verdict.findings.get(&name)?)))
    });
    let found: Vec<(&str, String)> = found.collect();
    html! {
        @if !found.is_empty() {
            dl.facts.headline {
                @for (label, value) in &found { div { dt { (label) } dd { (value) } } }
            }
        }
    }
}

/// The class that colours an outcome.
pub(crate) fn tone(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Go => "go",
        Outcome::Conditional => "conditional",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NoGo => "no-go",
    }
}

fn chip(outcome: Outcome) -> Markup {
    html! { span class={ "chip " (tone(outcome)) } { (outcome.name()) } }
}

/// With a capital and a full stop; a metric's name at the beginning stays as it is.
pub(crate) fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let mut text = text.to_owned();
    if !first.contains('.')
        && let Some(capital) = text.chars().next().map(|c| c.to_uppercase().collect::<String>())
    {
        let rest = text.chars().skip(1).collect::<String>();
        text = capital + &rest;
    }
    if text.ends_with('.') { text } else { text + "." }
}
