//! The verdict on a terminal: the word and its reason, the gates, and what stands against trusting them.

use super::columns::{Layout, columns};
use super::words;
use super::wrap::paragraph;
use crate::analysis::proof_name;
use crate::verdict::{Outcome, Verdict};

/// The most faults that get a line each.
const FAULTS: usize = 8;

/// The verdict as plain text of a few lines, without colour. On a terminal of `width` columns, reasons and cells are
/// wrapped; without a width each reason and each row is one line.
#[must_use]
pub fn terminal(verdict: &Verdict, width: Option<usize>) -> String {
    let about = &verdict.about;
    let mut text = format!(
        "{}  {}  {}, seed {}\n{}",
        verdict.word(),
        about.scenario,
        words::duration(verdict),
        about.seed,
        paragraph(&verdict.why, 0, width)
    );
    if let Some(rehearsal) = words::rehearsal(verdict) {
        text.push_str(&paragraph(&rehearsal, 0, width));
    }
    text.push('\n');
    text.push_str(&gates(verdict, width));
    let poor: Vec<Vec<String>> = verdict
        .coverage
        .iter()
        .filter(|c| c.outcome != Outcome::Go)
        .map(|c| vec![c.outcome.to_string(), c.id.to_owned(), c.why.clone()])
        .collect();
    if !poor.is_empty() {
        text.push_str(&format!(
            "\nevidence\n{}",
            columns(&poor, &Layout { wrapped: &[2], width, ..Layout::default() })
        ));
    }
    if !verdict.faults.is_empty() {
        let order = if verdict.faults.len() > FAULTS { ", unproven and slowest first" } else { "" };
        text.push_str(&format!("\nfaults{order}\n{}", faults(verdict, width)));
    }
    text
}

fn gates(verdict: &Verdict, width: Option<usize>) -> String {
    let head = ["outcome", "gate", "measured", "limit", "n"].map(str::to_owned).to_vec();
    let rows = verdict.gates.iter().map(|g| {
        let limit = match g.second_limit() {
            Some(second) => format!("{} / {second}", g.limit()),
            None => g.limit(),
        };
        let n = g.finding.as_ref().map_or_else(
            || "0".to_owned(),
            |f| evidence::unit::Unit::Count.show(crate::analysis::number(f.n)),
        );
        vec![g.outcome.to_string(), g.id.clone(), g.measured(), limit, n]
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    columns(&rows, &Layout { right: &[2, 4], wrapped: &[1, 3], width })
}

fn faults(verdict: &Verdict, width: Option<usize>) -> String {
    let (faults, beyond) = words::notable(verdict, FAULTS);
    let rows: Vec<Vec<String>> = faults
        .into_iter()
        .map(|f| {
            let what = f.why.clone().unwrap_or_else(|| words::recovery(f, &["reassigned", "steady"]));
            vec![proof_name(f.proof).to_owned(), f.id.clone(), f.words.clone(), what]
        })
        .collect();
    let mut text = columns(&rows, &Layout { wrapped: &[2, 3], width, ..Layout::default() });
    if beyond > 0 {
        text.push_str(&format!("  and {beyond} more in the report\n"));
    }
    text
}
