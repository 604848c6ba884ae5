//! Any program that speaks the protocol takes the bundled runtime's place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use evidence::end::{End, How};
use evidence::event::{Fact, Takeover};
use support::{Place, assert_sound, repository, text, verdict, wait_for};

fn scenario(place: &Place, soak: &str) -> String {
    let program = repository("docs/examples/echo_target.py");
    let file = place.write(
        "python.yaml",
        &format!(
            "name: python\nwhy: The example of a foreign target.\n\
             target: {{ command: [python3, {program}], config: {{ workers: 8 }}, agents: {{ coordinator: 1, worker: 8 }} }}\n\
             workload:\n  rounds: {{ every: 100ms, timeout: 30s, payload: 256B, work: echo }}\n\
             phases: {{ warm_up: 500ms, hold: 2s, drain: 30s }}\nsample: {{ every: 250ms }}\n{soak}\
             gates:\n  - messages.lost == 0\n  - messages.corrupt == 0\n  - delivery.rate >= 99%\n"
        ),
    );
    file.display().to_string()
}

#[test]
fn the_python_example_outlives_its_harness_and_is_taken_over() {
    let place = Place::new();
    let file = scenario(&place, "soak: { on_harness_death: keep }\n");
    let run = place.path("run");
    let mut harness = place.spawn(&["run", "--quiet", &file, "--out", "run"]);
    let begun = || evidence::round::rounds(&run).is_ok_and(|rounds| rounds.len() >= 3).then_some(());
    wait_for("three rounds", begun);
    harness.kill().unwrap();
    harness.wait().unwrap();
    let out = place.output(&["resume", "run", "--quiet"]);
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    let end = End::read(&run).unwrap().expect(&said);
    assert_eq!((end.how, end.interruptions), (How::Finished, 1), "{said}");
    let events = evidence::event::read(&run).unwrap();
    let kept = |fact: &Fact| matches!(fact, Fact::Resumed { target: Takeover::Kept, .. });
    assert!(events.iter().any(|event| kept(&event.fact)), "{said}");
    let of = end.ledger;
    assert_eq!((of.lost, of.unknown, of.sent), (0, 0, of.in_time + of.late + of.hidden), "{of:?}");
    place.assert_nothing_left();
}

#[test]
fn the_python_example_is_loaded_accounted_for_and_judged() {
    let place = Place::new();
    let file = scenario(&place, "");
    let run = place.path("run");
    let out = place.output(&["run", "--quiet", &file, "--out", run.to_str().unwrap()]);
    assert_sound(&run, out.status.code(), &format!("{}{}", text(&out.stdout), text(&out.stderr)));
    assert!(verdict(&run)["metrics"]["messages.answered"]["value"].as_f64().unwrap() >= 8.0 * 10.0);
    place.assert_nothing_left();
}
