//! How to make the run again, and where its raw files are.

use evidence::layout;
use maud::{Markup, html};

use crate::reading::Evidence;
use crate::report::{command, run_facts};

pub(super) fn section(evidence: &Evidence) -> Markup {
    let files = layout::ALL.iter().filter(|file| !file.derived && file.within(evidence.directory()).exists());
    html! {
        section {
            h2 { "How to reproduce it" }
            pre { code { (command(evidence)) } }
            div.scroll {
                table.plain {
                    tbody {
                        @for (what, value) in run_facts(evidence) {
                            tr { th scope="row" { (what) } td.wide { (value) } }
                        }
                    }
                }
            }
            h2 { "Raw files" }
            ul.files { @for file in files { li { a href=(file.name) { (file.name) } " " (file.holds) } } }
        }
    }
}
