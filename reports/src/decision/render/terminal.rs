//! The decision on a terminal.

use super::responses;
use crate::decision::words::{confidence, word};
use crate::decision::{Decision, Grade};
use crate::report::columns::{Layout, columns};
use crate::report::wrap::paragraph;

/// The decision as plain text: the word, the reason, the criteria, what to do; on a terminal of `width` columns,
/// sentences and cells are wrapped.
#[must_use]
pub fn terminal(decision: &Decision, width: Option<usize>) -> String {
    let mut text = format!(
        "{}  {}  {} of {} criteria, {}\n{}\n",
        decision.word(),
        decision.gates.name,
        decision.criteria.iter().filter(|c| c.outcome == crate::verdict::Outcome::Go).count(),
        decision.criteria.len(),
        format_args!("confidence {}", confidence(decision)),
        paragraph(&decision.why, 0, width)
    );
    text.push_str(&criteria(decision, width));
    let runs = decision.runs.iter().map(|r| {
        let environment = r.environment.clone().unwrap_or_else(|| "–".to_owned());
        vec![r.outcome.to_string(), r.run.clone(), r.scenario.clone(), environment, mark(r.baseline, r.used)]
    });
    let head = ["verdict", "run", "scenario", "environment", ""].map(str::to_owned).to_vec();
    let runs: Vec<_> = std::iter::once(head).chain(runs).collect();
    if runs.len() > 1 {
        text.push_str(&format!(
            "\nruns\n{}",
            columns(&runs, &Layout { wrapped: &[1, 2, 3], width, ..Layout::default() })
        ));
    }
    let grave = decision.risks.iter().filter(|r| r.grade != Grade::Low).count();
    text.push_str(&format!("\nrisks: {grave} of weight, {} in all; see decision.md\n", decision.risks.len()));
    section(
        &mut text,
        "what to do",
        width,
        decision.recommendation.iter().map(|line| line.trim().to_owned()),
    );
    section(
        &mut text,
        "prescribed",
        width,
        responses(decision).into_iter().map(|(id, what)| format!("{id}: {what}")),
    );
    if decision.would_be == crate::verdict::Outcome::NoGo {
        section(&mut text, "ways out", width, decision.gates.pivots.iter().cloned());
    }
    section(&mut text, "notes", width, decision.notes.iter().cloned());
    text
}

fn criteria(decision: &Decision, width: Option<usize>) -> String {
    let head = ["outcome", "criterion", "cites", "measured", "limit", "rests on"].map(str::to_owned).to_vec();
    let rows = decision.criteria.iter().map(|c| {
        let limit = match &c.second {
            Some(second) => format!("{} / {second}", c.limit),
            None => c.limit.clone(),
        };
        let rests = match &c.rests[..] {
            [] => "nothing".to_owned(),
            [one] => one.on.clone(),
            all => format!("{} of these", all.len()),
        };
        let outcome = word(decision.gates.words, c.outcome).to_owned();
        vec![outcome, c.criterion.id.clone(), c.criterion.cites.join(" "), c.measured.clone(), limit, rests]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    columns(&rows, &Layout { right: &[3], wrapped: &[1, 2, 4, 5], width })
}

fn mark(baseline: bool, used: bool) -> String {
    match (baseline, used) {
        (true, _) => "baseline",
        (false, true) => "",
        (false, false) => "not asked for",
    }
    .to_owned()
}

fn section(text: &mut String, title: &str, width: Option<usize>, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        text.push_str(&format!("\n{title}\n"));
        lines.iter().for_each(|line| text.push_str(&paragraph(line, 2, width)));
    }
}
