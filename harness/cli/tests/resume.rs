//! A harness that is killed, and another one that goes on with its run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use evidence::end::{End, How};
use evidence::event::{Fact, FaultStep, Takeover};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Place, wait_for};

/// Twenty agents, a round each 100 ms for four seconds, a pause in between; its target outlives the harness or not.
fn scenario(place: &Place, on_harness_death: &str) -> String {
    let text = format!(
        "name: survivor
why: A run that is interrupted.
target:
  swarm: {{ shape: hybrid, coordinators: 2, workers_per_coordinator: 8 }}
workload:
  rounds: {{ every: 100ms, timeout: 5s, payload: 256B, work: echo }}
phases: {{ warm_up: 500ms, hold: 6s, drain: 5s }}
sample: {{ every: 250ms }}
soak: {{ on_harness_death: {on_harness_death} }}
faults:
  - pause: {{ role: worker, count: 1, for: 1s }}
    at: 1500ms
gates:
  - messages.lost == 0
"
    );
    place.write("survivor.yaml", &text).display().to_string()
}

fn events(run: &Path) -> Vec<evidence::event::Event> {
    evidence::event::read(run).unwrap_or_default()
}

/// Waits until the history of a run holds such a fact.
fn until(run: &Path, what: &str, is: impl Fn(&Fact) -> bool) {
    let there = || events(run).iter().any(|event| is(&event.fact)).then_some(());
    wait_for(what, there);
}

fn rounds_done(run: &Path) -> usize {
    evidence::round::rounds(run).map_or(0, |rounds| rounds.len())
}

fn kill_harness(mut child: Child) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn takeovers(run: &Path) -> Vec<Takeover> {
    let of = |fact| if let Fact::Resumed { target, .. } = fact { Some(target) } else { None };
    events(run).into_iter().filter_map(|event| of(event.fact)).collect()
}

fn steps(run: &Path) -> Vec<FaultStep> {
    let of = |fact| if let Fact::Fault { step, .. } = fact { Some(step) } else { None };
    events(run).into_iter().filter_map(|event| of(event.fact)).collect()
}

/// A run that was begun and has done three rounds: its directory, and its harness.
fn begun(place: &Place, on_harness_death: &str) -> (PathBuf, Child) {
    let (file, run) = (scenario(place, on_harness_death), place.path("run"));
    let child = place.spawn(&["run", &file, "--out", run.to_str().unwrap(), "--quiet"]);
    wait_for("three rounds", || (rounds_done(&run) >= 3).then_some(()));
    (run, child)
}

/// Another harness that goes on with a run, and has taken it over.
fn taken_over(place: &Place, run: &Path) -> Child {
    let child = place.spawn(&["resume", run.to_str().unwrap(), "--quiet"]);
    until(run, "takeover", |fact| matches!(fact, Fact::Resumed { .. }));
    child
}

/// Every task is accounted for, over all segments.
fn assert_accounted(end: &End) {
    let of = end.ledger;
    assert_eq!(of.sent, of.refused + of.in_time + of.late + of.lost + of.unknown + of.hidden, "{of:?}");
    assert_eq!((of.lost, of.unknown, of.phantom, of.corrupt), (0, 0, 0, 0), "{of:?}");
    assert!(of.in_time > 0);
}

#[test]
fn a_run_whose_harness_is_killed_twice_goes_on_with_its_living_target_to_the_same_verdict() {
    let place = Place::new();
    let file = scenario(&place, "keep");
    let run = place.path("run");
    let out = run.to_str().unwrap();
    let child = place.spawn(&["run", &file, "--out", out, "--quiet"]);
    until(&run, "fault", |fact| matches!(fact, Fact::Fault { step: FaultStep::Injected, .. }));
    kill_harness(child);

    let child = taken_over(&place, &run);
    let before = rounds_done(&run);
    let three_more = || (rounds_done(&run) >= before + 3).then_some(());
    wait_for("rounds after the takeover", three_more);
    kill_harness(child);

    let output = place.output(&["resume", out]);
    let end = End::read(&run).unwrap().unwrap_or_else(|| panic!("no end: {}", text(&output)));
    assert_eq!((end.how.clone(), end.interruptions), (How::Finished, 2), "{}", text(&output));
    assert_eq!(takeovers(&run), [Takeover::Kept, Takeover::Kept]);
    assert_accounted(&end);
    assert!(end.drain.unwrap().completed);
    assert_eq!(steps(&run), [FaultStep::Injected, FaultStep::Healed], "undone by the guardian, not again");
    assert!(String::from_utf8_lossy(&output.stdout).contains("messages.lost"), "{}", text(&output));
    place.assert_nothing_left();

    let again = place.output(&["resume", out]);
    assert_eq!(again.status.code(), Some(65), "{}", text(&again));
    assert!(text(&again).contains("the run is over"), "{}", text(&again));
}

#[test]
fn a_target_that_ended_with_its_harness_or_its_host_is_started_again_and_a_changed_plan_is_refused() {
    let place = Place::new();
    let (run, child) = begun(&place, "stop");
    let out = run.to_str().unwrap();
    let living = place.output(&["resume", out]);
    assert_eq!(living.status.code(), Some(69), "{}", text(&living));
    assert!(
        text(&living).contains(&format!("it still goes on (process {})", child.id())),
        "{}",
        text(&living)
    );
    kill_harness(child);
    place.assert_nothing_left();

    let plan = run.join("plan.json");
    let was = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, was.replace("survivor", "survived")).unwrap();
    let refused = place.output(&["resume", out]);
    assert_eq!(refused.status.code(), Some(65), "{}", text(&refused));
    assert!(text(&refused).contains("plan.json is not what the run was begun with"), "{}", text(&refused));
    std::fs::write(&plan, was).unwrap();

    let child = taken_over(&place, &run);
    let before = rounds_done(&run);
    wait_for("a round after it", || (rounds_done(&run) > before).then_some(()));
    kill_harness(child);
    place.assert_nothing_left();

    // What was begun on this boot was begun on another one.
    let journal = evidence::layout::JOURNAL.within(&run);
    let records = std::fs::read_to_string(&journal).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(records.contains(boot.trim()));
    std::fs::write(&journal, records.replace(boot.trim(), "another")).unwrap();

    let output = place.output(&["resume", out]);
    let end = End::read(&run).unwrap().unwrap_or_else(|| panic!("no end: {}", text(&output)));
    assert_eq!((end.how.clone(), end.interruptions), (How::Finished, 2), "{}", text(&output));
    assert_eq!(takeovers(&run), [Takeover::StartedAgain, Takeover::Rebooted]);
    assert_accounted(&end);
    place.assert_nothing_left();
}

#[test]
fn a_run_is_resumed_by_the_program_that_began_it_and_by_no_other_build_of_its_version() {
    let place = Place::new();
    let (run, child) = begun(&place, "stop");
    let out = run.to_str().unwrap();
    kill_harness(child);
    place.assert_nothing_left();

    let other = place.path("another-build");
    std::fs::copy(env!("CARGO_BIN_EXE_shakedown"), &other).unwrap();
    std::fs::File::options().append(true).open(&other).unwrap().write_all(b"\n").unwrap();
    let refused = place.command_of(&other, &["resume", out]).output().unwrap();
    assert_eq!(refused.status.code(), Some(65), "{}", text(&refused));
    let said = text(&refused);
    for part in ["begun by another build", "SHA-256", "resume it with the program that began it"] {
        assert!(said.contains(part), "no {part}: {said}");
    }
    assert_eq!(takeovers(&run), []);

    let child = taken_over(&place, &run);
    kill_harness(child);
    place.assert_nothing_left();

    // One that does not say which program began it may have been begun by any.
    let manifest = run.join("manifest.json");
    let mut older: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    assert!(older.as_object_mut().unwrap().remove("binary").is_some());
    std::fs::write(&manifest, older.to_string()).unwrap();
    let refused = place.output(&["resume", out, "--quiet"]);
    assert_eq!(refused.status.code(), Some(65), "{}", text(&refused));
    assert!(text(&refused).contains("is not in manifest.json"), "{}", text(&refused));
    let judged = place.output(&["judge", out]);
    assert_eq!(judged.status.code(), Some(20), "a crashed run is judged: {}", text(&judged));
}

#[test]
fn a_kept_target_is_ended_by_heal() {
    let place = Place::new();
    let file = scenario(&place, "keep");
    let run = place.path("run");
    let out = run.to_str().unwrap();
    let child = place.spawn(&["run", &file, "--out", out, "--quiet"]);
    until(&run, "fault", |fact| matches!(fact, Fact::Fault { step: FaultStep::Injected, .. }));
    kill_harness(child);
    wait_for("that it is kept", || chaos::is_kept(&run).unwrap().then_some(()));
    assert!(place.processes().len() > 16, "its agents live");

    // A copy is not the run that the target is kept for.
    let copy = place.path("copy");
    let copied = std::process::Command::new("cp").arg("-a").args([&run, &copy]).status().unwrap();
    assert!(copied.success());
    let refused = place.output(&["resume", copy.to_str().unwrap(), "--quiet"]);
    assert_eq!(refused.status.code(), Some(69), "{}", text(&refused));
    assert!(
        text(&refused).contains("the guardian keeps run") && text(&refused).contains("may be a copy"),
        "{}",
        text(&refused)
    );
    assert!(chaos::is_kept(&run).unwrap() && place.processes().len() > 16, "its agents live");

    let healed = place.output(&["heal", out]);
    assert_eq!(healed.status.code(), Some(0), "{}", text(&healed));
    place.assert_nothing_left();
}

#[test]
fn a_run_that_is_resumed_detached_outlives_the_command_and_its_log_goes_on() {
    let place = Place::new();
    let (run, child) = begun(&place, "keep");
    let out = run.to_str().unwrap();
    std::fs::write(run.join("shakedown.log"), "what was said before\n").unwrap();
    kill_harness(child);
    let resumed = place.output(&["resume", out, "--detach"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed));
    assert_eq!(takeovers(&run), [Takeover::Kept]);
    let said = String::from_utf8_lossy(&resumed.stdout).into_owned();
    let pid: i32 = said.split("kill -INT ").nth(1).unwrap().split('`').next().unwrap().parse().unwrap();
    let again = place.output(&["resume", out, "--detach"]);
    assert_eq!(again.status.code(), Some(69), "{}", text(&again));
    assert!(!text(&again).contains("what was said before"), "{}", text(&again));
    kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
    place.assert_nothing_left();
    assert_eq!(End::read(&run).unwrap().unwrap().how, How::Interrupted);
    let log = std::fs::read_to_string(run.join("shakedown.log")).unwrap();
    assert!(log.starts_with("what was said before\n") && log.contains("messages.lost"), "{log}");
}

#[test]
fn a_detached_run_outlives_the_command_that_started_it() {
    let place = Place::new();
    let file = scenario(&place, "stop");
    let run = place.path("run");
    let out = run.to_str().unwrap();
    let started = place.output(&["run", &file, "--out", out, "--detach"]);
    assert_eq!(started.status.code(), Some(0), "{}", text(&started));
    let said = String::from_utf8_lossy(&started.stdout).into_owned();
    assert!(said.contains("shakedown watch") && said.contains("kill -INT"), "{said}");
    let pid: i32 = said.split("kill -INT ").nth(1).unwrap().split('`').next().unwrap().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGINT).unwrap();
    place.assert_nothing_left();
    assert_eq!(End::read(&run).unwrap().unwrap().how, How::Interrupted);
    let log = std::fs::read_to_string(run.join("shakedown.log")).unwrap();
    assert!(log.contains("messages.lost"), "its verdict is in the log: {log}");

    let file = place.write("nobody.yaml", "name: nobody\nwhy: It never starts.\ntarget: { command: [/nowhere/agent], agents: { coordinator: 1, worker: 1 } }\nphases: { hold: 1s }\nworkload: { rounds: { every: 100ms, timeout: 1s, payload: 64B, work: echo } }\ngates: [messages.lost == 0]\n");
    let failed = place.output(&[
        "run",
        file.to_str().unwrap(),
        "--out",
        place.path("none").to_str().unwrap(),
        "--detach",
    ]);
    assert_eq!(failed.status.code(), Some(69), "{}", text(&failed));
    assert!(text(&failed).contains("/nowhere/agent"), "{}", text(&failed));
}
