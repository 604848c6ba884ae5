//! The faults: what was done, how it is proven, how the target came back.

mod cost;
mod proofs;

use evidence::event::{Proof, Victim};
use evidence::gate::MetricRef;
use evidence::unit::Unit;
use maud::{Markup, html};

use crate::analysis::{FaultFinding, Finding, Name, Step, number, proof_name, seconds};
use crate::reading::Evidence;
use crate::report::words;
use crate::verdict::{Verdict, interval, measured};

/// The most faults that are shown open, the most that are shown at all, and the most victims of one.
const OPEN: usize = 6;
const FAULTS: usize = 40;
const VICTIMS: usize = 24;

pub(super) fn section(verdict: &Verdict, evidence: &Evidence) -> Markup {
    if verdict.faults.is_empty() {
        return html! { section { h2 { "Faults" } p { "None was planned." } } };
    }
    let (faults, beyond) = words::notable(verdict, FAULTS);
    let (open, folded) = faults.split_at(faults.len().min(OPEN));
    html! {
        section {
            h2 { "Faults" }
            @if verdict.faults.len() > 1 { (together(verdict)) }
            (proofs::table(verdict))
            div.cards { @for fault in open { (card(fault, evidence)) } }
            (meanings())
            @if !folded.is_empty() {
                details {
                    summary { (folded.len()) " more faults" }
                    div.cards { @for fault in folded { (card(fault, evidence)) } }
                    @if beyond > 0 {
                        p.lead { "And " (beyond) " more in verdict.json; the unproven and the slowest are here." }
                    }
                }
            }
        }
    }
}

/// Each step over all faults.
fn together(verdict: &Verdict) -> Markup {
    let find = |name: String| {
        let name = Name { metric: MetricRef { name, selector: None }, phase: None };
        verdict.findings.get(&name)
    };
    let steps = [
        ("detected", "recovery.detect"),
        ("elected", "recovery.elect"),
        ("reassigned", "recovery.reassign"),
        ("first success", "recovery.first_success"),
        ("round complete", "recovery.round"),
        ("steady", "recovery.time"),
        ("drained", "recovery.drained"),
    ];
    let rows: Vec<_> = steps
        .into_iter()
        .filter_map(|(label, base)| {
            let of = |statistic: &str| find(format!("{base}.{statistic}"));
            Some((label, [of("p50"), of("p90"), of("p95")], of("max")?))
        })
        .collect();
    let shown = |finding: Option<&Finding>| finding.map_or_else(|| "–".to_owned(), measured);
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th { "after the fault" } th.num { "median" } th.num { "90 %" } th.num { "95 %" }
                        th.num { "interval of 95 %" } th.num { "worst" } th.num { "faults" }
                    }
                }
                tbody {
                    @for (label, [median, p90, p95], worst) in rows {
                        tr {
                            th scope="row" { (label) }
                            td.num { (shown(median)) }
                            td.num { (shown(p90)) }
                            td.num { (shown(p95)) }
                            td.num { (p95.map_or_else(String::new, band)) }
                            td.num { (measured(worst)) }
                            td.num { (worst.n) }
                        }
                    }
                }
            }
        }
    }
}

/// Where the 95th percentile over faults lies, or how many more faults it would take to know.
fn band(finding: &Finding) -> String {
    match finding.needs {
        Some(needs) => format!("{} faults more", needs.saturating_sub(finding.n)),
        None => interval(finding).unwrap_or_else(|| "exact".to_owned()),
    }
}

/// What the steps of a recovery are.
fn meanings() -> Markup {
    let steps = [
        ("detected", "the target had noticed every victim"),
        ("elected", "another agent held each lost place"),
        ("reassigned", "every worker that lost its coordinator had one"),
        ("first success", "a task that was given to an affected agent after the fault was answered"),
        ("round", "the round that was open at the fault was complete"),
        ("undone", "what was done was undone, and that was read back"),
        ("steady", "from here on rounds were as complete and as fast as before the fault"),
        ("drained", "no task from before or during the fault was open"),
    ];
    html! {
        details {
            summary { "What the steps mean" }
            p.lead {
                "All are counted from the fault; each bar begins where the step before it ended. A step that the "
                "target does not tell, or that does not apply, is left out. The first success waits for the next "
                "task that is due, and may thus come after a target is steady that was never unsteady."
            }
            div.scroll {
                table.small.plain {
                    tbody { @for (name, meaning) in steps { tr { th scope="row" { (name) } td { (meaning) } } } }
                }
            }
        }
    }
}

fn card(fault: &FaultFinding, evidence: &Evidence) -> Markup {
    let tone = if fault.proof == Proof::Proven { "go" } else { "inconclusive" };
    let count = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), |c| Unit::Count.show(number(c)));
    html! {
        article class={ "card " (tone) } {
            div.top {
                span class={ "chip " (tone) } { (proof_name(fault.proof)) }
                span.id { b { "Fault " (fault.id) } " · " (fault.words) }
            }
            @if let Some(why) = &fault.why { p.reason { (super::sentence(why)) } }
            div.numbers {
                @if let Some(at) = fault.injected_s {
                    div { span.label { "at" } span { (words::moment(evidence, at)) } }
                }
                @if let Some((at, healed)) = fault.injected_s.zip(fault.healed_s) {
                    div { span.label { "undone after" } span { (Unit::Seconds.show(healed - at)) } }
                }
                div { span.label { "open tasks" } span { (count(fault.open)) } }
                div { span.label { "late" } span { (count(fault.late)) } }
                div { span.label { "retried" } span { (count(fault.retried)) } }
                div { span.label { "lost" } span { (count(fault.lost)) } }
                @if let Some(touched) = fault.agent_seconds() {
                    div { span.label { "agents × time" } span { (Unit::Seconds.show(touched)) } }
                }
            }
            (waterfall(fault))
            (cost::details(fault))
            (readings(fault))
        }
    }
}

/// The steps in the order in which they came, each from the one before it.
fn waterfall(fault: &FaultFinding) -> Markup {
    let undone = fault.injected_s.zip(fault.healed_s).map(|(at, healed)| Step::Took(healed - at));
    let steps = fault.recovery.steps().into_iter().chain([("undone", undone)]);
    let mut steps: Vec<(&str, Step)> = steps.filter_map(|(name, step)| Some((name, step?))).collect();
    steps.retain(|(_, step)| step.at_least() > 0.0 || matches!(step, Step::Took(_)));
    if steps.is_empty() {
        return html! {};
    }
    steps.sort_by(|a, b| a.1.at_least().total_cmp(&b.1.at_least()));
    let end = steps.iter().map(|(_, step)| step.at_least()).fold(f64::MIN_POSITIVE, f64::max);
    let mut before = 0.0;
    let bars: Vec<(&str, Step, f64, f64)> = steps
        .into_iter()
        .map(|(name, step)| {
            let from = before;
            if let Step::Took(s) = step {
                before = s;
            }
            (name, step, from / end * 100.0, (step.at_least() - from) / end * 100.0)
        })
        .collect();
    html! {
        div.waterfall {
            @for (name, step, left, width) in bars {
                div.step {
                    span.name { (name) }
                    span.track aria-hidden="true" {
                        span class={
                            "bar"
                            @if matches!(step, Step::NotBefore(_)) { " never" }
                            @if name == "undone" { " undone" }
                        }
                            style={ "left:" (format!("{left:.2}")) "%;width:" (format!("{width:.2}")) "%" } {}
                    }
                    span.took { (words::step(Some(step))) }
                }
            }
        }
    }
}

fn readings(fault: &FaultFinding) -> Markup {
    if fault.victims.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { "Evidence, " (format!("{:?}", fault.requires)) " required" }
            (victims("injected", &fault.victims, fault.injected_s))
            @if !fault.observed.is_empty() { (victims("seen", &fault.observed, fault.injected_s)) }
            @if !fault.healed.is_empty() { (victims("undone", &fault.healed, fault.injected_s)) }
        }
    }
}

/// What was read of each victim, and how long after the fault.
fn victims(step: &str, victims: &[Victim], injected_s: Option<f64>) -> Markup {
    let after = |at_ns: u64| injected_s.map_or(f64::NAN, |at| (seconds(at_ns) - at).max(0.0));
    html! {
        div.scroll {
            table.small {
                thead { tr { th { (step) } th { "level" } th { "read" } th { "expected" } th { "found" } th.num { "after" } } }
                tbody {
                    @for victim in victims.iter().take(VICTIMS) {
                        @for (index, reading) in victim.readings.iter().enumerate() {
                            tr {
                                td {
                                    @if index == 0 {
                                        (victim.subject.to_string()) ", pid " (victim.pid) ", " (proof_name(victim.proof))
                                    }
                                }
                                td { (format!("{:?}", reading.level)) }
                                td { (reading.source) }
                                td { (reading.expected) }
                                td { (reading.found) }
                                td.num { (Unit::Seconds.show(after(reading.at_ns))) }
                            }
                        }
                    }
                }
            }
        }
        @if victims.len() > VICTIMS { p.lead { "And " (victims.len() - VICTIMS) " more in events.jsonl." } }
    }
}
