//! The decision on a terminal.

use super::responses;
use crate::decision::words::{confidence, word};
use crate::decision::{Decision, Grade};
use crate::report::columns::columns;

/// The decision as plain text: the word, the reason, the criteria, what to do.
#[must_use]
pub fn terminal(decision: &Decision) -> String {
    let mut text = format!(
        "{}  {}  {} of {} criteria, {}\n{}\n\n",
        decision.word(),
        decision.gates.name,
        decision.criteria.iter().filter(|c| c.outcome == crate::verdict::Outcome::Go).count(),
        decision.criteria.len(),
        format_args!("confidence {}", confidence(decision)),
        decision.why
    );
    text.push_str(&criteria(decision));
    let runs = decision.runs.iter().map(|r| {
        let environment = r.environment.clone().unwrap_or_else(|| "–".to_owned());
        vec![r.outcome.to_string(), r.run.clone(), r.scenario.clone(), environment, mark(r.baseline, r.used)]
    });
    let head = ["verdict", "run", "scenario", "environment", ""].map(str::to_owned).to_vec();
    let runs: Vec<_> = std::iter::once(head).chain(runs).collect();
    if runs.len() > 1 {
        text.push_str(&format!("\nruns\n{}", columns(&runs, &[])));
    }
    let grave = decision.risks.iter().filter(|r| r.grade != Grade::Low).count();
    text.push_str(&format!("\nrisks: {grave} of weight, {} in all; see decision.md\n", decision.risks.len()));
    section(&mut text, "what to do", decision.recommendation.iter().map(|line| line.trim().to_owned()));
    section(
        &mut text,
        "prescribed",
        responses(decision).into_iter().map(|(id, what)| format!("{id}: {what}")),
    );
    if decision.would_be == crate::verdict::Outcome::NoGo {
        section(&mut text, "ways out", decision.gates.pivots.iter().cloned());
    }
    section(&mut text, "notes", decision.notes.iter().cloned());
    text
}

fn criteria(decision: &Decision) -> String {
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
    columns(&rows, &[3])
}

fn mark(baseline: bool, used: bool) -> String {
    match (baseline, used) {
        (true, _) => "baseline",
        (false, true) => "",
        (false, false) => "not asked for",
    }
    .to_owned()
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        text.push_str(&format!("\n{title}\n"));
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
}
