//! A run that cannot be GO any more ends before its time, where its scenario allows it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Place, text, verdict};

#[test]
fn a_soak_whose_gate_is_lost_ends_at_the_next_look_and_says_what_it_saved() {
    let place = Place::new();
    let file = place.write(
        "lost.yaml",
        "name: lost\nwhy: A worker dies early in a long run, which no time can mend.\n\
         target:\n  swarm: { shape: flat, workers: 5, defects: { die_on_task: 40 } }\n\
         workload:\n  rounds: { every: 50ms, timeout: 2s, payload: 64B, work: echo }\n\
         phases: { warm_up: 500ms, hold: 10m, drain: 2s }\nsample: { every: 200ms, slow_every: 1s }\n\
         soak: { end_early: { looks: 100 } }\n\
         gates:\n  - agents.crashed == 0\n",
    );
    let run = place.path("run");
    let out = place.output(&["run", "--out", run.to_str().unwrap(), file.to_str().unwrap()]);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(30), "{}{said}", text(&out.stdout));
    assert!(said.contains("ending early: agents.crashed == 0: "), "{said}");
    assert!(
        said.contains("ended early, which saved ") && said.contains(" min: agents.crashed == 0"),
        "{said}"
    );
    let end: serde_json::Value =
        serde_json::from_slice(&std::fs::read(run.join("end.json")).unwrap()).unwrap();
    assert_eq!(end["how"]["how"], "ended_early", "{end:#}");
    assert!(end["how"]["saved_ns"].as_u64().unwrap() > 5 * 60 * 1_000_000_000);
    assert_eq!(end["drain"]["completed"], true);
    assert_eq!(verdict(&run)["verdict"], "NO-GO");
    place.assert_nothing_left();
}
