//! The charts, with the time in which faults were at work shaded on every one.

use maud::{Markup, PreEscaped, html};

use crate::analysis::{Share, shares};
use crate::reading::Evidence;
use crate::report::chart::{Chart, Colour, Line, Weight, bars, draw, lanes};
use crate::report::series::{self, charts, time};
use crate::verdict::Verdict;

pub(super) fn section(verdict: &Verdict, evidence: &Evidence) -> Markup {
    let time = time(evidence, &verdict.faults);
    let drawn = charts(evidence);
    let lanes_of = series::lanes(&verdict.faults, time.end_s);
    let shares = shares(evidence);
    let any_left = shares.iter().any(|share| share.left);
    let shares: Vec<(String, f64)> = shares.iter().map(bar).collect();
    if drawn.is_empty() && shares.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Over time" }
            p.lead {
                "Time counts from when the target was ready."
                @if !time.shades.is_empty() {
                    " " span.key.shade {} "from a fault until it was undone and the target steady again"
                }
            }
            div.figures {
                @if !lanes_of.is_empty() {
                    figure {
                        figcaption {
                            b { "Faults at work" }
                            span.legend {
                                span { span.key.alarm.dots {} "acting" }
                                span { span.key.shade {} "until the target was steady" }
                            }
                        }
                        (PreEscaped(lanes("Faults at work", &lanes_of, &time)))
                    }
                }
                @for chart in &drawn { (figure(chart, &draw(chart, &time))) }
                @if shares.len() > 1 {
                    figure {
                        figcaption {
                            b { "Tasks handled by each coordinator" }
                            @if any_left { span.note { "“left”: its process ended before the stop." } }
                        }
                        (PreEscaped(bars("Tasks handled by each coordinator", &shares)))
                    }
                }
            }
        }
    }
}

fn figure(chart: &Chart, svg: &str) -> Markup {
    html! {
        figure {
            figcaption {
                b { (chart.title) }
                @if let Some(note) = &chart.note { span.note { (note) } }
                @if chart.is_logarithmic() { span.note { "The scale is logarithmic." } }
                @if chart.lines.len() > 1 {
                    span.legend { @for line in &chart.lines { span { (key(line)) (line.label) } } }
                }
            }
            (PreEscaped(svg))
        }
    }
}

fn key(line: &Line) -> Markup {
    let colour = match line.colour {
        Colour::First => "c1",
        Colour::Second => "c2",
        Colour::Third => "c3",
        Colour::Fourth => "c4",
        Colour::Alarm => "alarm",
    };
    let weight = match line.weight {
        Weight::Strong => "strong",
        Weight::Thin => "thin",
        Weight::Dots => "dots",
    };
    html! { span class={ "key " (colour) " " (weight) } {} }
}

fn bar(share: &Share) -> (String, f64) {
    let left = if share.left { " (left)" } else { "" };
    (format!("{}{left}", share.agent), share.tasks)
}
