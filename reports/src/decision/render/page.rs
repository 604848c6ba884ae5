//! `decision.html`: the decision as one page that needs nothing else. No script, no network.

use evidence::unit::Unit;
use maud::{Markup, html};

use super::markdown::interval;
use super::responses;
use crate::decision::words::{confidence, share, word};
use crate::decision::{CriterionVerdict, Decision, Environment, Soundness};
use crate::report::page::{document, sentence, tone};
use crate::verdict::Outcome;

/// The page.
#[must_use]
pub fn page(decision: &Decision) -> String {
    let gates = &decision.gates;
    let body = html! {
        (head(decision))
        main {
            (recommendation(decision))
            section {
                h2 { "Criteria" }
                div.cards { @for c in &decision.criteria { (card(decision, c)) } }
            }
            (risks(decision))
            (runs(decision))
            (environments(&decision.environments))
            section { h2 { "Stability" } @for run in &decision.soundness { (stability(run)) } }
        }
        footer { "shakedown · gate file " (gates.name) }
    };
    document(decision.word(), &gates.name, decision.outcome, &body)
}

fn head(decision: &Decision) -> Markup {
    let holding = decision.criteria.iter().filter(|c| c.outcome == Outcome::Go).count();
    html! {
        header {
            div.wrap {
                @if decision.rehearsal {
                    p.rehearsal {
                        "REHEARSAL: never GO; it would be " (word(decision.gates.words, decision.would_be))
                    }
                }
                p.scenario { (decision.gates.name) }
                h1 { (decision.word()) }
                p.why { (sentence(&decision.why)) }
                dl.facts {
                    div { dt { "confidence" } dd { (confidence(decision)) } }
                    div { dt { "approved from" } dd { (share(decision.gates.approve)) } }
                    div { dt { "criteria that hold" } dd { (holding) " of " (decision.criteria.len()) } }
                    div { dt { "runs" } dd { (decision.runs.len()) } }
                    div { dt { "rule" } dd { (if decision.gates.strict { "strict" } else { "conditional" }) } }
                }
                p.purpose { (decision.gates.why) }
            }
        }
    }
}

fn recommendation(decision: &Decision) -> Markup {
    let responses = responses(decision);
    html! {
        section {
            h2 { "Recommendation" }
            @for paragraph in &decision.recommendation { p { (paragraph) } }
            @if !responses.is_empty() {
                h2 { "Prescribed responses" }
                table.plain {
                    @for (id, what) in &responses { tr { th { code { (id) } } td.wide { (what) } } }
                }
            }
            @if decision.would_be == Outcome::NoGo && !decision.gates.pivots.is_empty() {
                h2 { "Ways out" }
                ol { @for pivot in &decision.gates.pivots { li { (pivot) } } }
            }
            @for note in &decision.notes { p.lead { "Note: " (note) "." } }
        }
    }
}

fn chip(decision: &Decision, outcome: Outcome) -> Markup {
    html! { span class={ "chip " (tone(outcome)) } { (word(decision.gates.words, outcome)) } }
}

fn card(decision: &Decision, c: &CriterionVerdict) -> Markup {
    html! {
        article class={ "card gate " (tone(c.outcome)) } {
            div.top { (chip(decision, c.outcome)) code.id { (c.criterion.id) } }
            div.numbers {
                div { span.label { "found" } strong { (c.measured) } }
                @if !c.limit.is_empty() { div { span.label { "limit" } span { (c.limit) } } }
                @if let Some(second) = &c.second { div { span.label { "conditional" } span { (second) } } }
                @if c.interval.is_some() { div { span.label { "interval, 95 %" } span { (interval(c)) } } }
                @if c.sureness > 0.0 { div { span.label { "sure" } span { (share(c.sureness)) } } }
            }
            p.reason { (sentence(&c.criterion.what)) @if c.outcome != Outcome::Go { " " (sentence(&c.why)) } }
            @if let Some(response) = &c.response { p.reason { strong { "Prescribed: " } (sentence(response)) } }
            @if !c.rests.is_empty() {
                p.cites {
                    "rests on: "
                    @for (i, rest) in c.rests.iter().enumerate() {
                        @if i > 0 { "; " }
                        (rest.on) " (" (rest.outcome) ", " (rest.measured) ")"
                    }
                }
            }
            @if !c.criterion.cites.is_empty() { p.cites { "asked for by: " (c.criterion.cites.join(" ")) } }
        }
    }
}

fn risks(decision: &Decision) -> Markup {
    html! {
        section {
            h2 { "Risks" }
            @if decision.risks.is_empty() { p { "None was found." } } @else {
                div.scroll {
                    table {
                        thead { tr { th { "weight" } th { "of" } th { "what" } th { "response" } } }
                        @for r in &decision.risks {
                            tr {
                                td { (r.grade.name()) }
                                td { code { (r.of) } }
                                td.wide { (r.what) }
                                td.wide { (r.response.as_deref().unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn runs(decision: &Decision) -> Markup {
    html! {
        section {
            h2 { "Runs" }
            @if decision.runs.is_empty() { p { "None was given." } } @else {
                div.scroll {
                    table {
                        thead {
                            tr {
                                th { "own verdict" } th { "run" } th { "scenario" } th { "environment" }
                                th { "target" } th { "lasted" } th { "" }
                            }
                        }
                        @for r in &decision.runs {
                            tr {
                                td { span class={ "chip " (tone(r.outcome)) } { (r.outcome) } }
                                td { code { (r.run) } }
                                td { (r.scenario) }
                                td { (r.environment.as_deref().unwrap_or("–")) }
                                td { (r.shape) }
                                td.num { (Unit::Seconds.show(r.duration_s)) }
                                td {
                                    @if r.rehearsal { "rehearsal " }
                                    @if r.baseline { "baseline" } @else if !r.used { "not asked for" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn environments(all: &[Environment]) -> Markup {
    let Some(first) = all.first() else { return html! {} };
    html! {
        section {
            h2 { "Environments compared" }
            p.lead { "Shares are of the baseline of the same scenario, where one is labelled." }
            div.scroll {
                table {
                    thead {
                        tr {
                            th { "environment" } th { "scenario" } th { "run" }
                            @for cell in &first.cells { th.num { (cell.label) } }
                        }
                    }
                    @for e in all {
                        tr {
                            td { (e.environment) @if e.baseline { " (baseline)" } }
                            td { (e.scenario) }
                            td { code { (e.run) } }
                            @for cell in &e.cells {
                                td.num {
                                    (cell.found.as_deref().unwrap_or("–"))
                                    @if let Some(share) = cell.of_baseline {
                                        span.note { (Unit::Ratio.show(share)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn stability(run: &Soundness) -> Markup {
    html! {
        details open[run.rows.len() > 12] {
            summary { code { (run.run) } " of " (run.scenario) ", " (run.environment) }
            div.scroll {
                table {
                    thead { tr { th { "what" } th.num { "found" } th.num { "interval, 95 %" } th { "metric" } } }
                    @for r in &run.rows {
                        tr {
                            td { (r.label) }
                            td.num { (r.found) }
                            td.num { (r.interval.as_deref().unwrap_or("exact")) }
                            td { code.small { (r.metric) } }
                        }
                    }
                }
            }
            @if !run.missing.is_empty() { p.lead { "Not measured: " (run.missing.join("; ")) "." } }
        }
    }
}
