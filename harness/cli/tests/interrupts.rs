//! Whatever ends the harness, nothing of the run stays behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::process::Child;

use support::{Place, repository, text, verdict, wait_for};

/// Starts a run of a minute and waits until the hold phase has begun.
fn running(place: &Place, run: &Path, agents: &str) -> Child {
    let file = repository(agents);
    let child = place.spawn(&["run", &file, "--set", "phases.hold=60s", "--out", run.to_str().unwrap()]);
    wait_for("the hold phase", || {
        let events = std::fs::read_to_string(run.join("events.jsonl")).ok()?;
        events.lines().any(|l| l.contains(r#""phase":"hold""#)).then_some(())
    });
    child
}

fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, signal).unwrap();
}

#[test]
fn ctrl_c_drains_judges_and_exits_with_130() {
    let place = Place::new();
    let run = place.path("run");
    let child = running(&place, &run, "scenarios/load/20.yaml");
    signal(&child, nix::sys::signal::Signal::SIGINT);
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}{}", text(&out.stdout), text(&out.stderr));
    let judged = verdict(&run);
    let condition = |id| judged["coverage"].as_array().unwrap().iter().find(|c| c["id"] == id).cloned();
    assert_eq!(condition("ending").unwrap()["found"], "interrupted", "{judged:#}");
    assert_eq!(condition("drain").unwrap()["outcome"], "GO", "{judged:#}");
    // NO-GO where a time was beyond its limit, as it may be in a debug build.
    assert!(["INCONCLUSIVE", "NO-GO"].contains(&judged["verdict"].as_str().unwrap()), "{judged:#}");
    assert_eq!(judged["metrics"]["messages.lost"]["value"], 0.0);
    place.assert_nothing_left();
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_leaves_nothing() {
    let place = Place::new();
    let run = place.path("run");
    let child = running(&place, &run, "scenarios/load/20.yaml");
    signal(&child, nix::sys::signal::Signal::SIGINT);
    signal(&child, nix::sys::signal::Signal::SIGTERM);
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}{}", text(&out.stdout), text(&out.stderr));
    place.assert_nothing_left();
}

#[test]
fn kill_9_of_the_harness_in_a_run_of_500_agents_leaves_nothing_and_the_run_is_never_go() {
    let place = Place::new();
    let run = place.path("run");
    let mut child = running(&place, &run, "scenarios/load/500.yaml");
    assert!(place.processes().len() > 500);
    signal(&child, nix::sys::signal::Signal::SIGKILL);
    child.wait().unwrap();
    place.assert_nothing_left();

    let out = place.output(&["judge", run.to_str().unwrap()]);
    assert!(matches!(out.status.code(), Some(20 | 30)), "{}{}", text(&out.stdout), text(&out.stderr));
    let healed = place.output(&["heal", run.to_str().unwrap()]);
    assert_eq!(healed.status.code(), Some(0), "{}{}", text(&healed.stdout), text(&healed.stderr));
}
