//! Any program that speaks the protocol takes the bundled runtime's place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use support::{Place, repository, text, verdict};

#[test]
fn the_python_example_is_loaded_accounted_for_and_judged() {
    let place = Place::new();
    let program = repository("docs/examples/echo_target.py");
    let file = place.write(
        "python.yaml",
        &format!(
            "name: python\nwhy: The example of a foreign target.\n\
             target: {{ command: [python3, {program}], config: {{ workers: 8 }}, agents: {{ coordinator: 1, worker: 8 }} }}\n\
             workload:\n  rounds: {{ every: 100ms, timeout: 2s, payload: 256B, work: echo }}\n\
             phases: {{ warm_up: 500ms, hold: 2s, drain: 5s }}\n\
             gates:\n  - messages.lost == 0\n  - messages.corrupt == 0\n  - delivery.rate >= 99%\n"
        ),
    );
    let run = place.path("run");
    let out = place.output(&["run", "--quiet", file.to_str().unwrap(), "--out", run.to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out.stdout), text(&out.stderr));
    assert!(verdict(&run)["metrics"]["messages.answered"]["value"].as_f64().unwrap() >= 8.0 * 20.0);
    place.assert_nothing_left_within(Duration::from_secs(5));
}
