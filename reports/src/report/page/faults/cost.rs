//! What a fault cost against windows without any, and what it left behind.

use maud::{Markup, html};

use crate::analysis::FaultFinding;
use crate::report::words;

/// Folded away; nothing for a fault that was not applied.
pub(super) fn details(fault: &FaultFinding) -> Markup {
    let (rows, left) = (words::against_placebo(fault), words::left(fault));
    if fault.placebo.is_none() {
        return html! {};
    }
    html! {
        details {
            summary { "Cost against windows without a fault" }
            @if rows.is_empty() {
                p.lead { "No window without a fault was as long, so that there is nothing to compare with." }
            } @else {
                div.scroll {
                    table.small {
                        thead { tr { th { "in its window" } th.num { "fault" } th.num { "without" } th.num { "difference" } } }
                        tbody {
                            @for [what, during, without, difference] in &rows {
                                tr {
                                    th scope="row" { (what) }
                                    td.num { (during) } td.num { (without) } td.num { (difference) }
                                }
                            }
                        }
                    }
                }
            }
            @if !left.is_empty() {
                p.lead { "Per process, before it and after the target had settled: " (left.join("; ")) "." }
            }
        }
    }
}
