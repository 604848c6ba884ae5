//! `decision.md`: the consolidated validation report.

use std::fmt::Write;

use evidence::unit::Unit;

use super::responses;
use crate::decision::words::{confidence, share, word};
use crate::decision::{CriterionVerdict, Decision};
use crate::report::markdown::{cell, table};
use crate::statistics::Interval;
use crate::verdict::Outcome;

/// The page.
pub(super) fn markdown(decision: &Decision) -> String {
    let gates = &decision.gates;
    let mut page = format!("# {}: {}\n\n{}.\n\n", decision.word(), gates.name, cell(&decision.why));
    let _ = writeln!(page, "{}\n", cell(&gates.why));
    let approved = match (decision.outcome, decision.approved) {
        (Outcome::Go, true) => format!(", at least {}: approved", share(gates.approve)),
        (Outcome::Go, false) => format!(", below {}: to be approved by a person", share(gates.approve)),
        _ => String::new(),
    };
    let _ = writeln!(page, "Confidence {}{approved}.\n", confidence(decision));
    recommendation(&mut page, decision);
    criteria(&mut page, decision);
    risks(&mut page, decision);
    runs(&mut page, decision);
    environments(&mut page, decision);
    stability(&mut page, decision);
    page
}

fn recommendation(page: &mut String, decision: &Decision) {
    page.push_str("## Recommendation\n\n");
    for paragraph in &decision.recommendation {
        let _ = writeln!(page, "{}\n", cell(paragraph));
    }
    let responses = responses(decision);
    if !responses.is_empty() {
        page.push_str("### Prescribed responses\n\n");
        let rows = responses.into_iter().map(|(id, what)| vec![id.to_owned(), what.to_owned()]);
        table(page, &["criterion", "response"], rows);
    }
    if decision.would_be == Outcome::NoGo && !decision.gates.pivots.is_empty() {
        page.push_str("### Ways out\n\n");
        for (number, pivot) in decision.gates.pivots.iter().enumerate() {
            let _ = writeln!(page, "{}. {}", number + 1, cell(pivot));
        }
        page.push('\n');
    }
    for note in &decision.notes {
        let _ = writeln!(page, "Note: {}.\n", cell(note));
    }
}

fn criteria(page: &mut String, decision: &Decision) {
    page.push_str("## Criteria\n\n");
    let rows = decision.criteria.iter().map(|c| {
        let limit = match &c.second {
            Some(second) => format!("{}, conditional {second}", c.limit),
            None => c.limit.clone(),
        };
        vec![
            word(decision.gates.words, c.outcome).to_owned(),
            c.criterion.id.clone(),
            c.criterion.what.clone(),
            c.criterion.cites.join(" "),
            limit,
            c.measured.clone(),
            interval(c),
            rests(c),
            c.why.clone(),
        ]
    });
    let head = [
        "outcome",
        "criterion",
        "what is asked",
        "cites",
        "limit",
        "found",
        "interval (95 %)",
        "rests on",
        "why",
    ];
    table(page, &head, rows);
}

/// The interval of a criterion, as a person reads it.
pub(super) fn interval(c: &CriterionVerdict) -> String {
    match (c.interval, c.unit) {
        (Some(Interval { lo, hi }), Some(unit)) => {
            format!("{} – {}", unit.show(lo), if hi.is_finite() { unit.show(hi) } else { "?".to_owned() })
        }
        _ if c.value.is_some() => "exact".to_owned(),
        _ => "–".to_owned(),
    }
}

fn rests(c: &CriterionVerdict) -> String {
    if c.rests.is_empty() {
        return "nothing".to_owned();
    }
    let rests = c.rests.iter().map(|r| format!("{} ({}, {})", r.on, r.outcome, r.measured));
    rests.collect::<Vec<_>>().join("; ")
}

fn risks(page: &mut String, decision: &Decision) {
    page.push_str("## Risks\n\n");
    if decision.risks.is_empty() {
        page.push_str("None was found.\n\n");
        return;
    }
    let rows = decision.risks.iter().map(|r| {
        vec![r.grade.name().to_owned(), r.of.clone(), r.what.clone(), r.response.clone().unwrap_or_default()]
    });
    table(page, &["weight", "of", "what", "response"], rows);
}

fn runs(page: &mut String, decision: &Decision) {
    page.push_str("## Runs\n\n");
    let rows = decision.runs.iter().map(|r| {
        let kind = match (r.baseline, r.used) {
            (true, _) => "baseline",
            (false, true) => "judged",
            (false, false) => "not asked for",
        };
        let kind = if r.rehearsal { format!("{kind}, rehearsal") } else { kind.to_owned() };
        vec![
            r.outcome.to_string(),
            r.run.clone(),
            r.scenario.clone(),
            r.environment.clone().unwrap_or_else(|| "–".to_owned()),
            r.host.clone(),
            r.shape.clone(),
            Unit::Seconds.show(r.duration_s),
            kind,
            r.why.clone(),
        ]
    });
    let head = ["own verdict", "run", "scenario", "environment", "host", "target", "lasted", "", "why"];
    table(page, &head, rows);
}

fn environments(page: &mut String, decision: &Decision) {
    page.push_str("## Environments compared\n\n");
    let Some(first) = decision.environments.first() else { return };
    let head: Vec<&str> =
        ["environment", "run", "scenario"].into_iter().chain(first.cells.iter().map(|c| c.label)).collect();
    let rows = decision.environments.iter().map(|e| {
        let name = if e.baseline { format!("{} (baseline)", e.environment) } else { e.environment.clone() };
        let cells = e.cells.iter().map(|c| {
            let found = c.found.clone().unwrap_or_else(|| "–".to_owned());
            c.of_baseline.map_or(found.clone(), |share| {
                format!("{found} ({} of the baseline)", Unit::Ratio.show(share))
            })
        });
        [name, e.run.clone(), e.scenario.clone()].into_iter().chain(cells).collect()
    });
    table(page, &head, rows);
}

fn stability(page: &mut String, decision: &Decision) {
    page.push_str("## Stability\n\n");
    for run in &decision.soundness {
        let _ = writeln!(
            page,
            "### {} of {}\n\nIn the environment {}.\n",
            run.run,
            run.scenario,
            cell(&run.environment)
        );
        let rows = run.rows.iter().map(|r| {
            let interval = r.interval.clone().unwrap_or_else(|| "exact".to_owned());
            vec![
                r.label.to_owned(),
                r.found.clone(),
                interval,
                r.metric.to_owned(),
                r.basis.file().to_owned(),
            ]
        });
        table(page, &["what", "found", "interval (95 %)", "metric", "from"], rows);
        if !run.missing.is_empty() {
            let _ = writeln!(page, "Not measured: {}.\n", run.missing.join("; "));
        }
    }
}
