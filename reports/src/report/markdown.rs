//! `report.md`: the report without charts.

use std::fmt::Write;

use evidence::unit::Unit;

use super::words;
use crate::analysis::{number, proof_name};
use crate::reading::Evidence;
use crate::report::run_facts;
use crate::verdict::Verdict;

/// The most faults that get a row each.
const FAULTS: usize = 40;

/// The page.
pub(super) fn markdown(verdict: &Verdict, evidence: &Evidence) -> String {
    let about = &verdict.about;
    let mut page = format!("# {}: {}\n\n{}.\n\n", verdict.outcome, about.scenario, cell(&verdict.why));
    if let Some(rehearsal) = words::rehearsal(verdict) {
        let _ = writeln!(page, "**{rehearsal}**\n");
    }
    let _ = writeln!(
        page,
        "Run {} of {}, {}, seed {}. {}\n",
        about.run,
        evidence.manifest.started,
        words::duration(verdict),
        about.seed,
        cell(&evidence.manifest.why)
    );
    gates(&mut page, verdict);
    coverage(&mut page, verdict);
    faults(&mut page, verdict, evidence);
    findings(&mut page, verdict);
    again(&mut page, evidence);
    page
}

/// Text that cannot break out of its cell or paragraph.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}

fn table(page: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(page, "| {} |", head.join(" | "));
    let _ = writeln!(page, "|{}", "---|".repeat(head.len()));
    for row in rows {
        let row: Vec<String> = row.iter().map(|text| cell(text)).collect();
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
    page.push('\n');
}

fn gates(page: &mut String, verdict: &Verdict) {
    page.push_str("## Gates\n\n");
    let rows = verdict.gates.iter().map(|g| {
        let limit = match g.second_limit() {
            Some(second) => format!("{}, conditional {second}", g.limit()),
            None => g.limit(),
        };
        let n = g.finding.as_ref().map_or(0, |f| f.n);
        vec![
            g.outcome.to_string(),
            g.id.clone(),
            limit,
            g.measured(),
            g.interval().unwrap_or_else(|| "exact".to_owned()),
            Unit::Count.show(number(n)),
            g.why.clone(),
        ]
    });
    table(page, &["outcome", "gate", "limit", "found", "interval (95 %)", "n", "why"], rows);
}

fn coverage(page: &mut String, verdict: &Verdict) {
    page.push_str("## Coverage\n\n");
    let rows = verdict.coverage.iter().map(|c| vec![c.id.to_owned(), c.outcome.to_string(), c.why.clone()]);
    table(page, &["condition", "outcome", "found"], rows);
}

fn faults(page: &mut String, verdict: &Verdict, evidence: &Evidence) {
    if verdict.faults.is_empty() {
        return;
    }
    page.push_str("## Faults\n\n`at` counts from when the target was ready, the steps from the fault.\n\n");
    let (faults, beyond) = words::notable(verdict, FAULTS);
    let rows = faults.into_iter().map(|f| {
        let mut row = vec![f.id.clone(), f.words.clone(), proof_name(f.proof).to_owned()];
        row.push(f.injected_s.map_or_else(|| "–".to_owned(), |s| words::moment(evidence, s)));
        row.extend(f.recovery.steps().into_iter().map(|(_, step)| words::step(step)));
        row.extend([f.late, f.lost].map(|count| count.map_or_else(|| "–".to_owned(), |c| c.to_string())));
        row.push(f.why.clone().unwrap_or_default());
        row
    });
    let head = [
        "fault",
        "what",
        "evidence",
        "at",
        "detected",
        "elected",
        "reassigned",
        "first success",
        "round",
        "steady",
        "drained",
        "late",
        "lost",
        "why not proven",
    ];
    table(page, &head, rows);
    if beyond > 0 {
        let _ =
            writeln!(page, "And {beyond} more in `verdict.json`; the unproven and the slowest are here.\n");
    }
}

fn findings(page: &mut String, verdict: &Verdict) {
    page.push_str("## Everything measured\n\n");
    let whole = verdict.findings.iter().filter(|(name, _)| name.phase.is_none());
    let rows = whole.map(|(name, f)| {
        vec![
            name.to_string(),
            crate::verdict::measured(f),
            crate::verdict::interval(f).unwrap_or_else(|| "exact".to_owned()),
            Unit::Count.show(number(f.n)),
            f.basis.file().to_owned(),
        ]
    });
    table(page, &["metric", "value", "interval (95 %)", "n", "from"], rows);
    page.push_str("The same by phase is in `verdict.json`.\n\n");
}

fn again(page: &mut String, evidence: &Evidence) {
    page.push_str("## How to reproduce it\n\n");
    let _ = writeln!(page, "```\n{}\n```\n", super::command(evidence));
    table(
        page,
        &["what", "value"],
        run_facts(evidence).into_iter().map(|(what, value)| vec![what.to_owned(), value]),
    );
}
