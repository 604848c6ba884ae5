//! One decision over several runs: from the command line to the files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use support::{Place, repository, text};

const SCENARIO: &str = "
name: short
why: A short run that a decision can rest on, nothing more.
target: { swarm: { shape: flat, workers: 3 } }
workload: { rounds: { every: 50ms } }
phases: { warm_up: 100ms, hold: 1s, drain: 5s }
sample: { every: 100ms }
gates: [messages.lost == 0]
";

const GATES: &str = "
name: short
why: May something begin?
words: PASS/CONDITIONAL PASS/FAIL
rule: conditional
pivots: [Do something else.]
criteria:
  - { id: lost, what: Nothing is lost, cites: D24, metric: messages.lost, go: '== 0', runs: { scenario: short } }
  - { id: coverage, what: Tests cover 80 %, cites: D59, fact: coverage, go: '>= 80%', conditional: '>= 70%', if_failed: Extend the test sprint. }
";

fn facts(value: &str) -> String {
    format!("facts: [{{ fact: coverage, value: {value}, source: the build server, date: 2026-11-24 }}]\n")
}

fn decision(out: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(out.join("decision.json")).unwrap()).unwrap()
}

fn files_of(directory: &Path) -> Vec<String> {
    let inside = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = inside.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_decision_is_shown_written_and_said_by_the_exit_code() {
    let place = Place::new();
    let (scenario, gates) = (place.write("short.yaml", SCENARIO), place.write("gates.yaml", GATES));
    let (scenario, gates) = (scenario.to_str().unwrap(), gates.to_str().unwrap());
    assert_eq!(place.output(&["run", scenario, "--quiet", "--out", "run"]).status.code(), Some(0));
    let before = files_of(&place.path("run"));

    for (value, code, word) in [("84%", 0, "PASS"), ("74%", 10, "CONDITIONAL PASS"), ("64%", 30, "FAIL")] {
        let facts = place.write("facts.yaml", &facts(value));
        let facts = facts.to_str().unwrap();
        let out = place.output(&["judge", "run", "--gates", gates, "--facts", facts, "--out", word]);
        let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
        assert_eq!(out.status.code(), Some(code), "{said}");
        assert!(said.starts_with(&format!("{word}  short")), "{said}");
        assert_eq!(decision(&place.path(word))["decision"], word);
        assert_eq!(files_of(&place.path(word)), ["decision.html", "decision.json", "decision.md"]);
    }

    // Without facts nothing is known of the coverage; decisions have a place of their own.
    let out = place.output(&["judge", "run", "--gates", gates]);
    assert_eq!(out.status.code(), Some(20), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("no facts file says anything of coverage"), "{}", text(&out.stdout));
    assert_eq!(files_of(&place.path("decisions/short")).len(), 1);

    // An earlier decision is given beside the runs.
    let next =
        "name: next\nwhy: w\nrule: conditional\ncriteria: [{ id: before, what: w, decision: short }]\n";
    let next = place.write("next.yaml", next);
    for (earlier, code) in [("PASS", 0), ("FAIL", 30)] {
        let out = place.output(&["judge", earlier, "--gates", next.to_str().unwrap(), "--out", "next"]);
        assert_eq!(out.status.code(), Some(code), "{}", text(&out.stdout));
    }

    // A run holds evidence and nothing else.
    let out = place.output(&["judge", "run", "--gates", gates, "--out", "run"]);
    assert_eq!(out.status.code(), Some(69), "{}", text(&out.stdout));
    assert_eq!(files_of(&place.path("run")), before);
}

#[test]
fn every_gate_file_judges_a_rehearsed_run_and_is_never_go() {
    let place = Place::new();
    let scenario = place.write("short.yaml", SCENARIO);
    let scenario = scenario.to_str().unwrap();
    let out = place.output(&[
        "run",
        scenario,
        "--set",
        "phases.hold=60s",
        "--rehearse",
        "4s",
        "--quiet",
        "--out",
        "run",
    ]);
    assert_eq!(out.status.code(), Some(20), "{}", text(&out.stderr));
    let folder = repository("scenarios/gates");
    let files = files_of(Path::new(&folder));
    for file in files.iter().filter(|file| file.ends_with(".yaml")) {
        let gates = format!("{folder}/{file}");
        let out = place.output(&["judge", "run", "--gates", &gates, "--out", "out"]);
        assert_eq!(out.status.code(), Some(20), "{file}: {}", text(&out.stderr));
        assert_eq!(text(&out.stderr), "", "{file}");
    }
}

#[test]
fn everything_that_cannot_be_read_is_said_at_once() {
    let place = Place::new();
    let gates = place.write("gates.yaml", "name: x\n");
    let facts = place.write("facts.yaml", "facts: 3\n");
    let (gates, facts) = (gates.to_str().unwrap(), facts.to_str().unwrap());
    let out = place.output(&["judge", "nowhere", "elsewhere", "--gates", gates, "--facts", facts]);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(65), "{said}");
    for part in
        ["not a valid gate file", "not a valid facts file", "nowhere cannot be judged", "elsewhere cannot"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!place.path("decisions").exists());
    for args in [&["judge"][..], &["judge", "run", "--facts", "facts.yaml"]] {
        assert_eq!(place.output(args).status.code(), Some(64));
    }
}
