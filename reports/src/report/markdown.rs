//! `report.md`: the report without charts.

use std::fmt::Write;

use evidence::unit::Unit;

use super::chart::Lane;
use super::course::{Table, drift, tables};
use super::next::next;
use super::{series, words};
use crate::analysis::{Finding, mechanisms, number, proof_name, seconds};
use crate::reading::Evidence;
use crate::report::run_facts;
use crate::verdict::Verdict;

/// The most faults that get a row each.
const FAULTS: usize = 40;
/// The most whose cost is compared with windows without a fault.
const COSTS: usize = 12;
/// How wide the time of a run is drawn, in characters.
const COLUMNS: usize = 72;

/// The page.
pub(super) fn markdown(verdict: &Verdict, evidence: &Evidence) -> String {
    let about = &verdict.about;
    let mut page = format!("# {}: {}\n\n{}.\n\n", verdict.word(), about.scenario, cell(&verdict.why));
    if let Some(rehearsal) = words::rehearsal(verdict) {
        let _ = writeln!(page, "**{rehearsal}**\n");
    }
    let _ = writeln!(page, "What next: {}\n", cell(&next(verdict, evidence)));
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
    promises(&mut page, verdict, evidence);
    coverage(&mut page, verdict);
    faults(&mut page, verdict, evidence);
    course(&mut page, verdict, evidence);
    findings(&mut page, verdict);
    again(&mut page, evidence);
    page
}

/// Text that cannot break out of its cell or paragraph.
pub(crate) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}

pub(crate) fn table(page: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
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
    table(page, &["outcome", "gate", "limit", "found", "interval", "n", "why"], rows);
}

fn promises(page: &mut String, verdict: &Verdict, evidence: &Evidence) {
    for (title, promises) in
        [("Safety", words::safety(verdict)), ("Liveness", words::liveness(verdict, evidence))]
    {
        let _ = writeln!(page, "## {title}\n");
        let rows = promises.iter().map(|p| {
            let kept = match p.kept {
                Some(true) => "held",
                Some(false) => "broken",
                None => "–",
            };
            vec![p.what.to_owned(), p.found.clone(), kept.to_owned()]
        });
        table(page, &["what", "found", ""], rows);
    }
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
        row.extend(
            [f.late, f.retried, f.lost].map(|count| count.map_or_else(|| "–".to_owned(), |c| c.to_string())),
        );
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
        "retried",
        "lost",
        "why not proven",
    ];
    table(page, &head, rows);
    if beyond > 0 {
        let _ =
            writeln!(page, "And {beyond} more in `verdict.json`; the unproven and the slowest are here.\n");
    }
    proofs(page, verdict);
    costs(page, verdict);
    lanes(page, verdict, evidence);
}

/// How the run went.
fn course(page: &mut String, verdict: &Verdict, evidence: &Evidence) {
    for Table { title, head, rows, beyond } in drift(verdict).into_iter().chain(tables(verdict, evidence)) {
        let _ = writeln!(page, "## {title}\n");
        table(page, head, rows.into_iter());
        if beyond > 0 {
            let _ = writeln!(page, "And {beyond} more.\n");
        }
    }
}

/// How each kind of fault was shown to have acted.
fn proofs(page: &mut String, verdict: &Verdict) {
    page.push_str("### Evidence by kind\n\n");
    let mut rows = Vec::new();
    for kind in mechanisms(&verdict.faults) {
        let undone = kind.undo_s.map_or_else(|| "–".to_owned(), |s| Unit::Seconds.show(s));
        let proven = format!("{} of {}", kind.proven, kind.faults);
        if kind.sources.is_empty() {
            let none = ["–", "nothing was read", "", "", ""].map(str::to_owned);
            rows.push(
                [vec![kind.kind.clone(), proven.clone()], none.to_vec(), vec![undone.clone()]].concat(),
            );
        }
        for source in &kind.sources {
            rows.push(vec![
                kind.kind.clone(),
                proven.clone(),
                format!("{:?}", source.level),
                source.source.clone(),
                source.expected.clone(),
                source.found.join("; "),
                source.victims.to_string(),
                undone.clone(),
            ]);
        }
    }
    let head = ["fault", "proven", "level", "read", "expected", "found", "victims", "undone within"];
    table(page, &head, rows.into_iter());
}

/// What the notable faults cost against windows without any.
fn costs(page: &mut String, verdict: &Verdict) {
    let mut rows = Vec::new();
    for fault in words::notable(verdict, COSTS).0 {
        for [what, during, without, difference] in words::against_placebo(fault) {
            rows.push(vec![fault.id.clone(), what, during, without, difference]);
        }
    }
    if rows.is_empty() {
        let _ = writeln!(page, "No window without a fault was as long as that of a fault.\n");
    } else {
        page.push_str("### Cost against windows of the same length without a fault\n\n");
        table(page, &["fault", "in its window", "fault", "without", "difference"], rows.into_iter());
    }
    for fault in words::notable(verdict, COSTS).0 {
        let left = words::left(fault);
        if !left.is_empty() {
            let _ =
                writeln!(page, "Per process, before fault {} and after: {}.\n", fault.id, left.join("; "));
        }
    }
}

/// When each kind of fault was at work, in characters.
fn lanes(page: &mut String, verdict: &Verdict, evidence: &Evidence) {
    let (zero_s, end_s) = (seconds(evidence.zero_ns()), seconds(evidence.last_ns));
    let lanes = series::lanes(&verdict.faults, end_s);
    let width = lanes.iter().map(|lane| lane.label.chars().count()).max().unwrap_or(0);
    page.push_str("### When\n\n`█` acting, `░` until the target was steady.\n\n```\n");
    for lane in &lanes {
        let _ = writeln!(page, "{:width$} {}", lane.label, line(lane, zero_s, end_s));
    }
    let _ = writeln!(page, "```\n");
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a few columns")]
fn line(lane: &Lane, zero_s: f64, end_s: f64) -> String {
    let last = COLUMNS - 1;
    let place =
        |at: f64| (((at - zero_s) / (end_s - zero_s).max(1e-9)).clamp(0.0, 1.0) * last as f64) as usize;
    let mut line = vec!['·'; COLUMNS];
    for span in &lane.spans {
        line[place(span.from_s)..=place(span.steady_s)].fill('░');
    }
    for span in &lane.spans {
        line[place(span.from_s)..=place(span.until_s)].fill('█');
    }
    line.into_iter().collect()
}

fn findings(page: &mut String, verdict: &Verdict) {
    page.push_str("## Everything measured\n\n");
    let known = |f: &Finding| !f.value.is_nan();
    let whole = verdict.findings.iter().filter(|(name, f)| name.phase.is_none() && known(f));
    let rows = whole.map(|(name, f)| {
        vec![
            name.to_string(),
            crate::verdict::measured(f),
            crate::verdict::interval(f).unwrap_or_else(|| "exact".to_owned()),
            Unit::Count.show(number(f.n)),
            f.basis.file().to_owned(),
        ]
    });
    table(page, &["metric", "value", "interval", "n", "from"], rows);
    page.push_str("Each bound of an interval holds with 95 %, of a drift with 99 %. The same by phase is in `verdict.json`.\n\n");
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
