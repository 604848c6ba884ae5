//! How each kind of fault was shown to have acted, as a table.

use evidence::unit::Unit;
use maud::{Markup, html};

use crate::analysis::{Mechanism, Source, mechanisms};
use crate::verdict::Verdict;

/// One row for each place where something was read.
pub(super) fn table(verdict: &Verdict) -> Markup {
    let kinds = mechanisms(&verdict.faults);
    html! {
        details open[kinds.len() > 1] {
            summary { "Evidence by kind" }
            div.scroll {
                table.small {
                    thead {
                        tr {
                            th { "fault" } th.num { "proven" } th { "level" } th { "read" } th { "expected" }
                            th { "found" } th.num { "victims" } th.num { "undone within" }
                        }
                    }
                    tbody {
                        @for kind in &kinds {
                            @for (index, source) in kind.sources.iter().map(Some).chain(none_of(kind)).enumerate() {
                                tr {
                                    td { @if index == 0 { (kind.kind.replace('_', " ")) } }
                                    td.num { @if index == 0 { (kind.proven) " of " (kind.faults) } }
                                    @if let Some(source) = source {
                                        td { (format!("{:?}", source.level)) @if source.level >= kind.requires { " ✓" } }
                                        td { (source.source) }
                                        td { (source.expected) }
                                        td.wide { (source.found.join("; ")) }
                                        td.num { (source.victims) }
                                    } @else {
                                        td colspan="5" { "nothing was read" }
                                    }
                                    td.num {
                                        @if index == 0 {
                                            (kind.undo_s.map_or_else(|| "–".to_owned(), |s| Unit::Seconds.show(s)))
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            p.lead {
                "E0: the call returned. E1: the kernel's state was read back. E2: the effect was seen from outside. "
                "E3: the target reported it. ✓ marks what is as strong as required."
            }
        }
    }
}

/// One empty row for a kind of which nothing was read.
fn none_of(kind: &Mechanism) -> Option<Option<&Source>> {
    kind.sources.is_empty().then_some(None)
}
