//! A run directory that cannot be written ends the run in order, with an error that names the file.

mod support;

use std::process::Command;

use evidence::end::{End, How};
use harness::{HarnessError, HostFailure};
use serde_json::json;
use support::{assert_nothing_is_left, run, run_in, scripted};

/// The file system's limit is set for this whole process, so the test starts itself again under it.
const UNDER_LIMIT: &str = "SHAKEDOWN_TEST_UNDER_LIMIT";

#[test]
fn a_disk_that_is_full_ends_the_run_in_order_and_the_last_record_is_still_written() {
    if std::env::var_os(UNDER_LIMIT).is_some() {
        return under_limit();
    }
    // No file may grow beyond 1.5 MB: writing fails as it does on a full disk.
    let script = "trap '' XFSZ; ulimit -f 3000; exec \"$0\" \"$@\"";
    let out = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_disk_that_is_full_ends_the_run_in_order_and_the_last_record_is_still_written"])
        .env(UNDER_LIMIT, "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

fn under_limit() {
    let trial = run(scripted(json!({ "floods_after_ms": 200 }), 60_000));
    let error = trial.outcome.as_ref().expect_err("the evidence cannot be written");
    assert!(matches!(error, HarnessError::Host(HostFailure::Evidence { .. })), "{error}");
    assert!(error.to_string().contains("events.jsonl: File too large"), "{error}");
    let end: End = trial.end();
    assert!(matches!(end.how, How::HarnessFailed { .. }), "{end:?}");
    assert!(end.dropped_records > 0, "what could not be written is counted");
    assert!(end.stop_ns.is_some(), "the target was stopped in order");
    assert_eq!(end.ledger.lost + end.ledger.in_time, end.ledger.sent - end.ledger.unknown);
}

#[test]
fn a_directory_that_is_not_there_or_in_use_is_an_error_that_names_it_and_nothing_is_started() {
    let plan = || scripted(json!({}), 300);
    let nowhere = std::path::Path::new("/no/such/run");
    let error = run_in(nowhere, plan(), |_, _| async {}).unwrap_err();
    insta::assert_snapshot!(
        error,
        @"the evidence cannot be written: could not write /no/such/run/manifest.json: No such file or directory (os error 2); make room or name another directory"
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("manifest.json"), "precious").unwrap();
    let error = run_in(dir.path(), plan(), |_, _| async {}).unwrap_err();
    assert!(error.to_string().contains("manifest.json: File exists"), "{error}");
    assert_eq!(std::fs::read_to_string(dir.path().join("manifest.json")).unwrap(), "precious");
    assert_nothing_is_left(dir.path());
}
