//! The reference pages that are made from the code are the ones that are committed.
//!
//! `SHAKEDOWN_BLESS=1 cargo test -p shakedown-reports` writes them again.

use std::path::{Path, PathBuf};

use evidence::layout;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn current(page: &str, text: &str) {
    let path = root().join("docs/reference").join(page);
    if std::env::var_os("SHAKEDOWN_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/reference/{page} is not current; write it with SHAKEDOWN_BLESS=1");
}

#[test]
fn the_page_of_metrics_is_current() {
    current("metrics.md", &reports::reference::metrics());
}

#[test]
fn the_page_of_evidence_is_current() {
    current("evidence.md", &evidence_page());
}

fn evidence_page() -> String {
    let mut page = String::from(
        "# Evidence on disk\n\n\
        A run directory, file by file, and every record with its fields. This page is generated from the sources of\n\
        the crate `evidence`, which is the one writer and reader of each file. All times are nanoseconds since the\n\
        start of the run (`CLOCK_MONOTONIC`) unless a field says otherwise; memory is in bytes; a value that could\n\
        not be read is absent (empty in CSV), never zero. A directory without `end.json` is a crashed run: it can be\n\
        read and judged, but is never GO.\n\n\
        | file | holds | derived |\n|---|---|---|\n",
    );
    for file in layout::ALL {
        let derived = if file.derived { "yes" } else { "" };
        page.push_str(&format!("| `{}` | {} | {derived} |\n", file.name, file.holds));
    }
    page.push_str(
        "\nDerived files may be deleted and are made again by `shakedown report`. `latency.hlog` is an HDR interval\n\
        log with the tags `response`, `service`, `round` and `target_round`, in microseconds. `verdict.json` is\n\
        described by [its JSON Schema](verdict.schema.json).\n",
    );
    page.push_str(
        "\n## Long runs\n\n\
        A run that is too long to keep every row has these files beside the others; `shakedown plan` counts by the\n\
        same rule. `samples.csv`, `processes.csv` and `latency.hlog` then hold the newest part only: a full one is put\n\
        aside as `samples.000001.csv` and so on, and the oldest of more than four is deleted. The tiers cover the whole\n\
        run. No stretch of time of a tier reaches over the edge of a phase; a row has the time of the last tick in it,\n\
        and `ticks` says how many it stands for. What only grows (CPU time, page faults) is as it was at that tick.\n\
        Rounds are always one row each; an interval of the workload is several sampling intervals long where there would\n\
        be more than 300,000.\n\n\
        | file | holds |\n|---|---|\n",
    );
    for file in layout::OF_LONG_RUNS {
        page.push_str(&format!("| `{}` | {} |\n", file.name, file.holds));
    }
    for (file, module, records) in [
        (
            "manifest.json",
            "manifest",
            &["Manifest", "Host", "Target", "Phase", "PlannedFault", "Sampling", "Workload"][..],
        ),
        ("manifest.json, gates", "gate", &["Gate", "MetricRef", "Limit"]),
        ("events.jsonl", "event", &["Event", "Fact", "Victim", "Reading"]),
        ("rounds.csv", "round", &["Round"]),
        ("intervals.csv", "round", &["Interval"]),
        ("samples.csv", "sample", &["Sample"]),
        ("processes.csv", "sample", &["Process"]),
        ("end.json", "end", &["End", "Ledger", "Floods", "Drain", "Shed", "Ticks"]),
    ] {
        page.push_str(&format!("\n## {file}\n"));
        let source = root().join("harness/evidence/src").join(format!("{module}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        records.iter().for_each(|record| page.push_str(&record_table(&source, record)));
    }
    page
}

/// The fields of a struct, or the variants of an enum with their fields, from its source.
fn record_table(source: &str, record: &str) -> String {
    let start = [format!("pub struct {record} {{"), format!("pub enum {record} {{")]
        .iter()
        .find_map(|head| source.find(head.as_str()))
        .unwrap_or_else(|| panic!("there is a record {record}"));
    let before = &source[..start];
    let doc: Vec<&str> = before
        .lines()
        .rev()
        .skip_while(|l| l.starts_with("#["))
        .take_while(|l| l.starts_with("///"))
        .collect();
    let doc: Vec<&str> = doc.into_iter().rev().map(|l| l.trim_start_matches('/').trim()).collect();
    let body = &source[start..start + source[start..].find("\n}").unwrap()];
    let mut table =
        format!("\n### {record}\n\n{}\n\n| field | type | what it is |\n|---|---|---|\n", doc.join(" "));
    let mut help = String::new();
    let mut variant = String::new();
    for line in body.lines().skip(1).map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            help = format!("{help} {}", words.trim()).trim().to_owned();
        } else if let Some((name, kind)) =
            line.trim_end_matches(',').split_once(": ").filter(|_| !line.starts_with('#'))
        {
            let name = name.trim_start_matches("pub ");
            let name = if variant.is_empty() { format!("`{name}`") } else { format!("&emsp;`{name}`") };
            table.push_str(&format!("| {name} | `{kind}` | {} |\n", std::mem::take(&mut help)));
        } else if let Some(name) = line.strip_suffix(" {") {
            variant = snake(name);
            table.push_str(&format!("| **{variant}** | | {} |\n", std::mem::take(&mut help)));
        } else if line.starts_with('}') {
            variant.clear();
        }
    }
    table
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}
