//! How the run went: drift, points of rest, incidents, and when nobody looked.

use maud::{Markup, html};

use crate::reading::Evidence;
use crate::report::course::tables;
use crate::verdict::Verdict;

pub(super) fn section(verdict: &Verdict, evidence: &Evidence) -> Markup {
    html! {
        @for table in tables(verdict, evidence) {
            section {
                h2 { (table.title) }
                div.scroll {
                    table.small {
                        thead { tr { @for head in table.head { th { (head) } } } }
                        tbody { @for row in &table.rows { tr { @for cell in row { td { (cell) } } } } }
                    }
                }
                @if table.beyond > 0 { p.lead { "And " (table.beyond) " more." } }
            }
        }
    }
}
