//! Every line that the reference page shows is one that the types read, and none is left out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use protocol::{Command, Report};

const PAGE: &str = include_str!("../../../docs/reference/control-protocol.md");

/// The lines behind an arrow, and the names of those objects.
fn lines(arrow: &str) -> Vec<(String, String)> {
    let shown = PAGE.lines().filter_map(|line| line.strip_prefix(arrow));
    shown
        .map(|line| {
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            (object.keys().next().unwrap().clone(), line.to_owned())
        })
        .collect()
}

fn names(lines: &[(String, String)]) -> BTreeSet<&str> {
    lines.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn every_command_is_shown_and_reads_back() {
    let shown = lines("→ ");
    for (_, line) in &shown {
        let read: Command = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(serde_json::to_string(&read).unwrap(), *line);
    }
    let all = [
        "hello", "launch", "attach", "round", "send", "fault", "heal", "quiesce", "drain", "snapshot", "stop",
    ];
    assert_eq!(names(&shown), all.into_iter().collect());
}

#[test]
fn every_report_is_shown_and_reads_back() {
    let shown = lines("← ");
    for (_, line) in &shown {
        let read: Report = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(serde_json::to_string(&read).unwrap(), *line);
    }
    let all = [
        "hello",
        "ready",
        "attached",
        "member",
        "accepted",
        "answers",
        "round",
        "suspected",
        "elected",
        "assigned",
        "gauge",
        "fault",
        "quiesced",
        "drained",
        "snapshot",
        "stopped",
        "error",
    ];
    assert_eq!(names(&shown), all.into_iter().collect());
}
