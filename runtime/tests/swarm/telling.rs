//! What a swarm tells of itself: metrics, and the run by hand.

use std::process::Command as Process;

use protocol::Work;
use serde_json::{Value, json};

use crate::driver::{Swarm, wait_until};

#[test]
fn every_line_of_the_metrics_is_as_the_schema_says() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("metrics.jsonl");
    let config = json!({"shape": "hybrid", "coordinators": 2, "workers": 10, "metrics_interval_ms": 20});
    let mut swarm = Swarm::launch_with(&["--metrics", file.to_str().unwrap()], config);
    for _ in 0..5 {
        swarm.round(64);
    }
    swarm.kill(1);
    swarm.send(50, 64, Work::Cpu { us: 100 });
    swarm.drain(5_000);
    let read = || std::fs::read_to_string(&file).unwrap();
    let before = read().lines().count();
    wait_until("more metrics", || read().lines().count() >= before + 40);
    swarm.stop();
    let schema: Value = serde_json::from_str(include_str!("../../metrics.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines: Vec<Value> = read().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let errors: Vec<String> = validator.iter_errors(line).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
    }
    for family in ["coordination", "message_bus", "agent", "system"] {
        assert!(lines.iter().any(|line| line["family"] == family), "{family}");
    }
    let last = |family: &str| lines.iter().rev().find(|line| line["family"] == family).unwrap();
    assert_eq!(last("agent")["executed"], 100);
    let bus = |key: &str| last("message_bus")[key].as_u64().unwrap();
    assert_eq!(bus("answered") - bus("repeated"), 100);
    assert_eq!(last("coordination")["rounds"], 5);
    let spawned = |line: &Value| line["spawn_us"]["count"].as_u64().unwrap_or(0);
    let spawns: u64 = lines.iter().filter(|line| line["family"] == "agent").map(spawned).sum();
    assert_eq!(spawns, 14, "13 at the launch, 1 replaced");
    let mut wrong = lines[0].clone();
    wrong["extra"] = 1.into();
    assert!(!validator.is_valid(&wrong), "the schema must refuse what it does not know");
}

#[test]
fn what_was_measured_since_the_last_metrics_is_written_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("metrics.jsonl");
    let config = json!({"shape": "flat", "workers": 3, "metrics_interval_ms": 3_600_000});
    let mut swarm = Swarm::launch_with(&["--metrics", file.to_str().unwrap()], config);
    swarm.round(64);
    swarm.stop();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines.iter().any(|line| line["executed"] == 3), "{text}");
}

#[test]
fn a_swarm_runs_by_hand_and_survives_a_killed_coordinator() {
    let shape = ["--shape", "hybrid", "--coordinators", "2", "--workers", "17", "--kill-coordinator-at", "2"];
    let output = Process::new(env!("CARGO_BIN_EXE_swarm-under-test"))
        .args(shape)
        .args(["--rounds", "4"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("20 agents ready in "), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("17          0")).count(), 4, "{text}");
}

#[test]
fn a_wrong_shape_by_hand_is_an_error_and_no_panic() {
    let output = Process::new(env!("CARGO_BIN_EXE_swarm-under-test"))
        .args(["--shape", "hybrid", "--workers", "3"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(text, @"shakedown swarm: swarm configuration: shape `hybrid` needs `coordinators`");
}
