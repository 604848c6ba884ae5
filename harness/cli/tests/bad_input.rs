//! What users get wrong, and what they are told: a clear error, the right exit code, nothing left running.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{Place, assert_sound, repository, text, wait_for};

/// A scenario of one second for a target that is a program.
fn foreign(command: &str) -> String {
    format!(
        "name: foreign\nwhy: A target that misbehaves.\n\
         target: {{ command: {command}, agents: {{ worker: 2 }}, ready_within: 2s, stop_within: 1s }}\n\
         workload:\n  rounds: {{ every: 200ms, timeout: 1s, payload: 64B, work: echo }}\n\
         phases: {{ warm_up: 0s, hold: 1s, drain: 2s }}\n\
         gates:\n  - messages.lost == 0\n"
    )
}

/// Runs it; returns exit code and everything said.
fn run(place: &Place, scenario: &str) -> (Option<i32>, String) {
    let file = place.write("scenario.yaml", scenario);
    let out = place.output(&["run", "--quiet", file.to_str().unwrap()]);
    place.assert_nothing_left();
    (out.status.code(), format!("{}{}", text(&out.stdout), text(&out.stderr)))
}

#[test]
fn a_target_that_cannot_be_used_is_an_error_that_says_what_was_found() {
    for (what, command, found) in [
        ("does not start", r#"["/no/such/program"]"#, "/no/such/program"),
        ("answers nonsense", r#"[sh, -c, "echo hello there; sleep 5"]"#, "hello there"),
        (
            "speaks another protocol version",
            r#"[sh, -c, "echo '{\"hello\":{\"protocol\":99,\"name\":\"x\",\"version\":\"1\"}}'; sleep 5"]"#,
            "99",
        ),
        ("dies in launch", r#"[sh, -c, "echo last words >&2; exit 3"]"#, "exit 3"),
        (
            "never becomes ready",
            r#"[sh, -c, "echo '{\"hello\":{\"protocol\":1,\"name\":\"x\",\"version\":\"1\"}}'; sleep 60"]"#,
            "ready",
        ),
    ] {
        let place = Place::new();
        let (code, said) = run(&place, &foreign(command));
        assert_eq!(code, Some(69), "{what}: {said}");
        assert!(said.contains(found), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
    }
}

#[test]
fn a_target_that_dies_in_launch_has_its_last_words_shown() {
    let place = Place::new();
    let (_, said) = run(&place, &foreign(r#"[sh, -c, "echo last words >&2; exit 3"]"#));
    assert!(said.contains("last words"), "{said}");
}

#[test]
fn more_agents_than_the_host_allows_are_refused_before_launch() {
    let place = Place::new();
    let file = repository("scenarios/load/500.yaml");
    let limited = format!("ulimit -n 64; exec {} run --quiet {file}", env!("CARGO_BIN_EXE_shakedown"));
    let out = std::process::Command::new("sh")
        .args(["-c", &limited])
        .current_dir(place.dir.path())
        .output()
        .unwrap();
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(69), "{said}");
    assert!(said.contains("64"), "names the limit's value: {said}");
    assert!(!place.path("runs").exists(), "nothing was begun");
}

#[test]
fn a_directory_that_is_not_empty_is_refused_and_left_as_it_is() {
    let place = Place::new();
    std::fs::create_dir(place.path("out")).unwrap();
    place.write("out/precious", "mine");
    let out = place.output(&["run", &repository("scenarios/smoke/first-go.yaml"), "--out", "out"]);
    assert_eq!(out.status.code(), Some(69));
    assert!(text(&out.stderr).contains("not empty"), "{}", text(&out.stderr));
    assert_eq!(std::fs::read_to_string(place.path("out/precious")).unwrap(), "mine");
}

#[test]
fn a_second_run_in_the_same_place_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    // Long enough that a second one comes in between, and judged by what a busy machine does not change.
    let file = place.write(
        "ten.yaml",
        "name: ten\nwhy: x\ntarget:\n  swarm: { shape: flat, workers: 10 }\nworkload:\n  rounds: { every: 200ms, timeout: 10s }\n\
         phases: { warm_up: 1s, hold: 7s, drain: 10s }\ngates:\n  - messages.lost == 0\n  - agents.crashed == 0\n",
    );
    let file = file.to_str().unwrap();
    let first = place.spawn(&["run", "--quiet", file]);
    wait_for("the first run", || place.path("runs").exists().then_some(()));
    wait_for("its lock", || (place.processes().len() > 10).then_some(()));
    let second = place.output(&["run", "--quiet", file]);
    assert_eq!(second.status.code(), Some(69));
    assert!(text(&second.stderr).contains("another run"), "{}", text(&second.stderr));
    let out = first.wait_with_output().unwrap();
    let said = format!("{}{}", text(&out.stdout), text(&out.stderr));
    let runs = std::fs::read_dir(place.path("runs/ten")).unwrap().map(|run| run.unwrap().path());
    let runs: Vec<_> = runs.filter(|run| run.is_dir()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_sound(&runs[0], out.status.code(), &said);
}

#[test]
fn a_scenario_with_several_mistakes_gets_them_all_at_once_with_their_places() {
    let place = Place::new();
    let file = place.write(
        "bad.yaml",
        "name: bad\nwhy: x\ntarget:\n  swarm: { shape: hybird, workers: -3 }\nphases: { hold: 10 }\ngates:\n  - mesages.lost == 0\n",
    );
    let out = place.output(&["check", file.to_str().unwrap()]);
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(65), "{said}");
    for found in ["bad.yaml:4:", "hybrid", "bad.yaml:5:", "10s", "bad.yaml:7:", "messages.lost"] {
        assert!(said.contains(found), "{found} is not in:\n{said}");
    }
}

#[test]
fn arguments_that_make_no_sense_exit_with_64() {
    let place = Place::new();
    for args in [
        &["run"][..],
        &["no-such-command"],
        &["run", "a.yaml", "--seed", "x"],
        &["run", "a", "b", "--out", "c"],
    ] {
        let out = place.output(args);
        assert_eq!(out.status.code(), Some(64), "{args:?}: {}", text(&out.stderr));
    }
}

#[test]
fn a_directory_that_is_no_run_cannot_be_judged() {
    let place = Place::new();
    for command in ["judge", "report", "heal"] {
        let out = place.output(&[command, "."]);
        assert_eq!(out.status.code(), Some(65), "{command}: {}", text(&out.stderr));
        assert!(text(&out.stderr).contains("manifest.json"), "{command}: {}", text(&out.stderr));
    }
}
