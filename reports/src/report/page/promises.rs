//! Safety, which holds always, beside liveness, which faults excuse for a while.

use maud::{Markup, html};

use crate::reading::Evidence;
use crate::report::words::{Promise, liveness, safety};
use crate::verdict::Verdict;

pub(super) fn section(verdict: &Verdict, evidence: &Evidence) -> Markup {
    html! {
        section {
            h2 { "Safety and liveness" }
            div.pair {
                (card("Safety", "Holds always, whatever is broken.", &safety(verdict)))
                (card(
                    "Liveness",
                    "Asked for outside faults and the time that each gives the target to recover.",
                    &liveness(verdict, evidence),
                ))
            }
        }
    }
}

fn card(title: &str, lead: &str, promises: &[Promise]) -> Markup {
    let (tone, word) = match () {
        () if promises.iter().any(|p| p.kept == Some(false)) => ("no-go", "broken"),
        () if promises.iter().any(|p| p.kept.is_none()) && title == "Safety" => {
            ("inconclusive", "not all known")
        }
        () if promises.is_empty() => ("inconclusive", "not known"),
        () if promises.iter().any(|p| p.kept.is_none()) => ("go", "held, as far as asked"),
        () => ("go", "held"),
    };
    html! {
        article class={ "card " (tone) } {
            div.top { span class={ "chip " (tone) } { (word) } b { (title) } }
            p.cites { (lead) }
            table.plain.small {
                tbody {
                    @for promise in promises {
                        tr { th scope="row" { (promise.what) } td.num { (promise.found) } }
                    }
                }
            }
        }
    }
}
