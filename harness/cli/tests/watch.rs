//! Following a run from another terminal, and being told of what happens in it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::process::{Child, Stdio};

use support::{Place, text, verdict, wait_for};

/// Six agents, of which one dies after a while; whoever should know is told by a program.
fn scenario(place: &Place, hold: &str) -> String {
    let told = place.path("told.jsonl").display().to_string();
    let text = format!(
        "name: watched\nwhy: A worker dies without a fault of the plan, and somebody is told.\n\
         target:\n  swarm: {{ shape: flat, workers: 5, defects: {{ die_on_task: 40 }} }}\n\
         workload:\n  rounds: {{ every: 50ms, timeout: 2s, payload: 64B, work: echo }}\n\
         phases: {{ warm_up: 500ms, hold: {hold}, drain: 2s }}\nsample: {{ every: 200ms, slow_every: 1s }}\n\
         soak:\n  alerts: [ agents.crashed > 0 ]\n  notify: {{ command: [sh, -c, \"cat >> '{told}'\"] }}\n\
         gates:\n  - agents.crashed == 0\n"
    );
    place.write("watched.yaml", &text).display().to_string()
}

fn watch(place: &Place, run: &Path) -> Child {
    place.spawn(&["watch", run.to_str().unwrap()])
}

/// Quiet: of what goes on only alerts are to be told.
fn start(place: &Place, run: &Path, hold: &str) -> Child {
    let file = scenario(place, hold);
    let mut command = place.command(&["run", "--quiet", "--out", run.to_str().unwrap(), &file]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the first file", || run.join("manifest.json").exists().then_some(()));
    child
}

/// A run that is in its hold phase, and has a minute to go.
fn holding(place: &Place, run: &Path) -> Child {
    let running = start(place, run, "60s");
    wait_for("the hold phase", || {
        let events = std::fs::read_to_string(run.join("events.jsonl")).ok()?;
        events.contains(r#""phase":"hold""#).then_some(())
    });
    running
}

#[test]
fn a_run_is_followed_to_its_verdict_and_a_crash_raises_the_alert_everywhere() {
    let place = Place::new();
    let run = place.path("run");
    let running = start(&place, &run, "4s");
    let watching = watch(&place, &run);
    let ran = running.wait_with_output().unwrap();
    let watched = watching.wait_with_output().unwrap();
    let (shown, said) = (text(&watched.stdout), text(&ran.stderr));

    assert_eq!(ran.status.code(), Some(30), "{said}");
    assert_eq!(watched.status.code(), ran.status.code(), "{shown}{}", text(&watched.stderr));
    let lines: Vec<&str> = shown.lines().filter(|line| line.contains("agents ·")).collect();
    assert!(lines.len() >= 2, "one a second, and the last: {shown}");
    assert!(lines.iter().any(|line| line.starts_with("hold · ") && line.contains(" left · ")), "{shown}");
    assert!(lines.last().unwrap().contains("a worker ("), "compared with the end of the warm-up: {shown}");
    assert!(shown.contains("NO-GO"), "{shown}");

    assert!(said.starts_with("alert 1: agents.crashed > 0: it is "), "{said}");
    assert!(said.lines().all(|line| line.starts_with("alert ")), "quiet, but for alerts: {said}");
    let told = std::fs::read_to_string(place.path("told.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((&first["about"], &first["edge"]), (&"agents.crashed > 0".into(), &"begin".into()));
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    assert!(
        events
            .contains(r#""event":"notified","about":"agents.crashed > 0","whom":"command","found":"exit 0""#)
    );
    assert_eq!(
        verdict(&run)["metrics"]["agents.left_behind"]["value"],
        0.0,
        "the program is none of the target's"
    );
    place.assert_nothing_left();

    // Over and judged, it ends at once and says the same.
    let again = place.output(&["watch", run.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(30), "{}{}", text(&again.stdout), text(&again.stderr));
    assert!(text(&again.stdout).contains("NO-GO"));
}

#[test]
fn a_run_whose_harness_died_says_how_to_go_on() {
    let place = Place::new();
    let run = place.path("run");
    let mut running = holding(&place, &run);
    let watching = watch(&place, &run);
    running.kill().unwrap();
    running.wait().unwrap();
    let watched = watching.wait_with_output().unwrap();
    let said = text(&watched.stderr);
    assert_eq!(watched.status.code(), Some(69), "{said}");
    assert!(said.contains(&format!("(process {}) of this run has died", running.id())), "{said}");
    assert!(said.contains("shakedown resume ") && said.contains("shakedown heal "), "{said}");
    place.assert_nothing_left();
}

#[test]
fn a_run_that_goes_on_is_not_judged_and_nothing_is_written_into_it() {
    let place = Place::new();
    let run = place.path("run");
    let mut running = holding(&place, &run);
    let directory = run.to_str().unwrap();
    let gates = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/gates/kpi.yaml");
    let all = [
        &["judge", directory][..],
        &["judge", directory, "--gates", gates],
        &["report", directory],
        &["resume", directory],
    ];
    for told in all {
        let refused = place.output(told);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(69), "{told:?}: {said}");
        assert!(said.contains(&format!("it still goes on (process {})", running.id())), "{told:?}: {said}");
        assert!(said.contains(&format!("`shakedown watch {directory}`")), "{told:?}: {said}");
    }
    assert!(!run.join("verdict.json").exists() && !run.join("report.html").exists());

    // Dead, it is judged: what there is of it is all that there will be.
    running.kill().unwrap();
    running.wait().unwrap();
    let judged = place.output(&["judge", directory]);
    assert_eq!(judged.status.code(), Some(20), "{}{}", text(&judged.stdout), text(&judged.stderr));
    assert!(run.join("verdict.json").exists());
    place.assert_nothing_left();
}

#[test]
fn what_is_no_run_directory_is_refused() {
    let place = Place::new();
    let out = place.output(&["watch", place.dir.path().to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(65));
    assert!(text(&out.stderr).contains("is no run directory: it has no manifest.json"));
}
