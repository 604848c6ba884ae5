//! Everything that was measured, folded away.

use evidence::unit::Unit;
use maud::{Markup, html};

use crate::analysis::number;
use crate::verdict::{Verdict, interval, measured};

pub(super) fn section(verdict: &Verdict) -> Markup {
    let whole = || verdict.findings.iter().filter(|(name, f)| name.phase.is_none() && !f.value.is_nan());
    html! {
        section {
            h2 { "Everything measured" }
            details {
                summary { (whole().count()) " numbers over the whole run" }
                div.scroll {
                    table.small {
                        thead {
                            tr { th { "metric" } th.num { "value" } th.num { "interval" } th.num { "n" } th { "from" } }
                        }
                        tbody {
                            @for (name, finding) in whole().take(600) {
                                tr {
                                    td { code { (name) } }
                                    td.num { (measured(finding)) }
                                    td.num { (interval(finding).unwrap_or_else(|| "exact".to_owned())) }
                                    td.num { (Unit::Count.show(number(finding.n))) }
                                    td { (finding.basis.file()) }
                                }
                            }
                        }
                    }
                }
                p.lead {
                    "Each bound of an interval holds with 95 %, of a drift with 99 %. The same by phase is in verdict.json."
                }
            }
        }
    }
}
