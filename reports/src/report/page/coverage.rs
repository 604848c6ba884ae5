//! Whether there was enough evidence to judge.

use maud::{Markup, html};

use super::{chip, sentence};
use crate::verdict::{Outcome, Scope, Verdict};

pub(super) fn section(verdict: &Verdict) -> Markup {
    html! {
        section {
            h2 { "Coverage" }
            p.lead { "What the evidence had to fulfil before any gate was read." }
            table.plain {
                tbody {
                    @for condition in &verdict.coverage {
                        tr {
                            th scope="row" { (condition.id) }
                            td {
                                @if condition.outcome == Outcome::Go { span.met { "met" } } @else { (chip(condition.outcome)) }
                            }
                            td.wide {
                                (sentence(&condition.why))
                                @if condition.outcome != Outcome::Go && condition.scope == Scope::Gates {
                                    " Only the gates that rest on it are withheld."
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
