//! How the run went: points of rest, incidents, and when nobody looked.

use maud::{Markup, html};

use crate::reading::Evidence;
use crate::report::course::{Table, tables};
use crate::verdict::Verdict;

/// A cell with more letters than this holds words.
const WORDS: usize = 36;

pub(super) fn section(verdict: &Verdict, evidence: &Evidence) -> Markup {
    html! {
        @for table in tables(verdict, evidence) {
            section {
                h2 { (table.title) }
                (rows(&table))
            }
        }
    }
}

/// A table that scrolls in its own box. Words may break, numbers may not.
pub(super) fn rows(table: &Table) -> Markup {
    html! {
        div.scroll.rows {
            table.small {
                thead { tr { @for head in table.head { th { (head) } } } }
                tbody {
                    @for row in &table.rows {
                        tr { @for cell in row { td.words[cell.chars().count() > WORDS] { (cell) } } }
                    }
                }
            }
        }
        @if table.beyond > 0 { p.lead { "And " (table.beyond) " more." } }
    }
}
